//! The service of systemd: what its file says is run, and hears what such a service hears.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use support::{Server, Shop, agent, wait_for};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn service() -> String {
    fs::read_to_string(repository().join("ops/systemd/sandkasse.service")).unwrap()
}

/// All values of a key, in the order of the file.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn it_is_started_as_the_file_says_and_tells_how_it_is() {
    let unit = service();
    assert_eq!(values(&unit, "Type"), ["notify"]);
    assert_eq!(values(&unit, "ExecStart"), ["/usr/bin/sandkasse up"]);
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    let socket = folder.path().join("notify");
    let heard = UnixDatagram::bind(&socket).unwrap();
    heard
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let listen = || {
        let mut bytes = [0; 256];
        let length = heard.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
    };
    let server = Server::start_with(folder.path(), |command| {
        for setting in values(&unit, "Environment") {
            let (name, value) = setting.split_once('=').unwrap();
            let value = value
                .replace("/var/lib/sandkasse", here)
                .replace("/run/sandkasse", here);
            command.env(name, value);
        }
        command
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "200000");
    });
    assert_eq!(listen(), "READY=1");
    // More than once, or it would be taken for dead.
    for _ in 0..3 {
        assert_eq!(listen(), "WATCHDOG=1");
    }
    assert_eq!(server.terminate(), Some(0));
    let mut last = listen();
    while last == "WATCHDOG=1" {
        last = listen();
    }
    assert_eq!(last, "STOPPING=1");
}

/// What it may write is in the folders that are made for it.
#[test]
fn data_and_ready_file_lie_in_the_folders_of_the_service() {
    let unit = service();
    assert_eq!(values(&unit, "StateDirectory"), ["sandkasse"]);
    assert_eq!(values(&unit, "RuntimeDirectory"), ["sandkasse"]);
    let environment = values(&unit, "Environment");
    let database = "SANDKASSE_DATABASE=sqlite:/var/lib/sandkasse/";
    assert!(environment.iter().any(|it| it.starts_with(database)));
    let ready = "SANDKASSE_READY_FILE=/run/sandkasse/";
    assert!(environment.iter().any(|it| it.starts_with(ready)));
    let example = repository().join("ops/systemd/sandkasse.env");
    for line in fs::read_to_string(example).unwrap().lines() {
        let setting = line.strip_prefix("#SANDKASSE_");
        let is_known = setting.is_some_and(|it| it.contains('='));
        let is_comment = line.is_empty() || line.starts_with("# ");
        assert!(is_known || is_comment, "{line}");
    }
}

#[test]
fn systemd_finds_the_service_sound_and_shut_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandkasse.service");
    let program = format!("ExecStart={} up", env!("CARGO_BIN_EXE_sandkasse"));
    let unit = service().replace("ExecStart=/usr/bin/sandkasse up", &program);
    fs::write(&file, unit).unwrap();
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze")
            .args(arguments)
            .arg(&file)
            .output()
            .expect("systemd is installed by `cargo xtask setup`");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    };
    assert_eq!(analyze(&["verify"]), "", "it has nothing to complain of");
    // In tenths: 1.4 when this was written, of at most 10.
    analyze(&["security", "--offline=true", "--no-pager", "--threshold=15"]);
}

/// The calls of the system that a filter of systemd names, with those of the sets in it.
fn calls_of(set: &str) -> BTreeSet<String> {
    let output = Command::new("systemd-analyze")
        .args(["syscall-filter", set])
        .output()
        .unwrap();
    assert!(output.status.success(), "{set}");
    let mut calls = BTreeSet::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match line.trim() {
            name if name.is_empty() || name.starts_with('#') || name == set => {}
            name if name.starts_with('@') => calls.extend(calls_of(name)),
            name => drop(calls.insert(name.to_owned())),
        }
    }
    assert!(!calls.is_empty(), "{set}");
    calls
}

/// A service may ask the system for nothing else; what is forbidden would fail only there.
#[test]
fn it_asks_the_system_for_nothing_that_the_service_forbids() {
    let unit = service();
    assert_eq!(
        values(&unit, "SystemCallFilter"),
        ["@system-service", "~@privileged"]
    );
    let forbidden = calls_of("@privileged");
    let mut allowed = calls_of("@system-service");
    allowed.retain(|call| !forbidden.contains(call));
    // SQLite gives its files to whom the database belongs, as root only, which the service is not.
    allowed.insert("fchown".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let server = Server::start_under(folder.path(), |program| {
        let mut command = Command::new("strace");
        // The tracer is a grandchild, so that the child is the program.
        command.args(["-D", "-f", "-qq", "-e", "signal=none", "-o"]);
        command.arg(&log).arg(program);
        command
    });
    let shop = Shop::create(&server, "http://127.0.0.1:9/callback");
    let order = shop.initiate("acme-1");
    let made = shop.call(&agent(), &server, "POST", "", None, Some(&order));
    assert_eq!(made.map(|it| it.0), Some(200));
    assert_eq!(server.terminate(), Some(0));
    let text = wait_for("the end of the trace", || {
        let text = fs::read_to_string(&log).ok()?;
        text.contains("exit_group(0)").then_some(text)
    });
    let calls: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(name, _)| name)
        .filter(|name| {
            name.chars()
                .all(|it| it.is_ascii_alphanumeric() || it == '_')
        })
        .collect();
    assert!(
        calls.contains("execve") && calls.contains("fdatasync"),
        "{calls:?}"
    );
    let others: Vec<_> = calls.iter().filter(|it| !allowed.contains(**it)).collect();
    assert!(others.is_empty(), "{others:?}");
    // MemoryDenyWriteExecute: nothing that can be written is executed, now or later.
    for line in text.lines().filter(|line| line.contains("PROT_EXEC")) {
        assert!(!line.contains("PROT_WRITE"), "{line}");
        assert!(!line.contains("mprotect("), "{line}");
    }
}
