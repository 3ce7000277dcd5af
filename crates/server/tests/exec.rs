//! `sandkasse exec`, from outside: what the program gets, what comes back, and what is left.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use support::{agent, wait_for};

/// The command in an empty folder, as in a shell that knows nothing of ours.
fn exec(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandkasse"));
    let names = std::env::vars().map(|(name, _)| name);
    for name in names.filter(|name| name.starts_with("SANDKASSE_")) {
        command.env_remove(name);
    }
    command
        .arg("exec")
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn output(folder: &Path, words: &[&str]) -> Output {
    exec(folder, words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

/// A shell that is there when `begun` is.
fn begun(folder: &Path, script: &str) -> Child {
    let child = exec(folder, &["--", "sh", "-c", script]).spawn().unwrap();
    wait_for("the program", || {
        fs::read_to_string(folder.join("begun"))
            .ok()
            .filter(|text| text.ends_with('\n'))
    });
    child
}

fn signal(name: &str, child: &Child) {
    let sent = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn the_code_is_the_programs() {
    let folder = tempfile::tempdir().unwrap();
    let rows: [(&[&str], i32); 5] = [
        (&["--", "true"], 0),
        (&["--", "sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "exit 255"], 255),
        (&["--seed", "1", "sh", "-c", "kill -KILL $$"], 137),
        (&["--", "sh", "-c", "kill -TERM $$"], 143),
    ];
    for (words, expected) in rows {
        let output = output(folder.path(), words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(expected), "{words:?}: {said}");
        assert_eq!(text(&output.stdout), "", "{words:?}");
        assert_eq!(said, "", "{words:?}");
        assert!(is_empty(folder.path()), "{words:?}");
    }
}

#[test]
fn a_program_that_cannot_be_started_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.txt");
    fs::write(&plain, "no program\n").unwrap();
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).unwrap();
    let rows: [(&[&str], i32, &str); 6] = [
        (
            &["--", "no-such-program"],
            127,
            "there is no program `no-such-program`",
        ),
        (&["--", "./plain.txt"], 126, "cannot run `./plain.txt`"),
        (&[], 2, "<COMMAND>"),
        (&["--listen", "true"], 2, "--listen"),
        (
            &["--config", "none.toml", "true"],
            2,
            "cannot read the configuration none.toml",
        ),
        (&["--unit", "nobody", "true"], 125, "the platform failed: "),
    ];
    for (words, expected, word) in rows {
        let output = output(folder.path(), words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(expected), "{words:?}: {said}");
        assert!(said.contains(word), "{words:?}: {said}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}

/// What a test suite does: fetches a token with the keys that it finds, and asks the control API.
#[test]
fn the_keys_work_while_the_program_runs() {
    let folder = tempfile::tempdir().unwrap();
    for (words, of_production) in [(&["--"] as &[&str], false), (&["--production", "--"], true)] {
        let mut command = exec(folder.path(), words);
        let script = "printf '%s\\n' \"$BASE_URL\" \"$CLIENT_ID\" \"$CLIENT_SECRET\" \"$SUBSCRIPTION_KEY\" \"$MSN\" \
                      \"$PHONE\" \"$SANDKASSE_PORTAL_URL\"; read -r go";
        let mut child = command
            .args(["sh", "-c", script])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut stdout = child.stdout.take().unwrap();
        let mut byte = [0];
        while said.matches('\n').count() < 7 {
            assert_eq!(stdout.read(&mut byte).unwrap(), 1, "{said}");
            said.push_str(&text(&byte));
        }
        let values: Vec<&str> = said.lines().collect();
        let [base, id, secret, key, msn, phone, portal] = values[..] else {
            panic!("{said}")
        };
        assert_ne!(base, portal);
        assert!(!phone.is_empty());
        assert_eq!(msn == "330001", of_production, "{msn}");
        let answer = agent()
            .post(format!("{base}/accesstoken/get"))
            .header("client_id", id)
            .header("client_secret", secret)
            .header("Ocp-Apim-Subscription-Key", key)
            .send_empty()
            .unwrap();
        assert_eq!(answer.status(), 200);
        let answer = agent()
            .get(format!("{portal}/control/v1/openapi.json"))
            .call()
            .unwrap();
        assert_eq!(answer.status(), 200);
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(agent().get(portal).call().is_err(), "it has ended");
    }
    assert!(is_empty(folder.path()));
}

#[test]
fn standard_input_and_arguments_are_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = exec(
        folder.path(),
        &[
            "--",
            "sh",
            "-c",
            "cat; printf '%s|' \"$@\"",
            "name",
            "--seed",
            "a b",
        ],
    )
    .stdin(Stdio::piped())
    .spawn()
    .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo").unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout), "one\ntwo--seed|a b|");
    assert_eq!(output.status.code(), Some(0));
}

/// A program that tidies up on a signal may do so, and its code counts.
#[test]
fn signals_go_on_to_the_program() {
    for name in ["TERM", "INT", "HUP", "USR1"] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "trap 'echo tidied; exit 9' {name}; echo $$ > begun; while :; do sleep 0.05; done"
        );
        let child = begun(folder.path(), &script);
        signal(name, &child);
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(9), "{name}: {said}");
        assert_eq!(text(&output.stdout), "tidied\n", "{name}");
        assert_eq!(said, "", "{name}");
    }
}

#[test]
fn a_program_that_a_signal_ends_takes_the_platform_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let child = begun(
        folder.path(),
        "echo \"$SANDKASSE_PORTAL_URL\" > begun; exec sleep 600",
    );
    let portal = fs::read_to_string(folder.path().join("begun")).unwrap();
    signal("TERM", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", text(&output.stderr));
    assert!(agent().get(portal.trim()).call().is_err(), "it has ended");
}

#[test]
fn two_at_once_know_nothing_of_each_other() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let script = "echo \"$BASE_URL $SANDKASSE_PORTAL_URL\" > begun; read -r go";
    let mut children: Vec<(Child, String)> = folders
        .iter()
        .map(|folder| {
            let child = exec(folder.path(), &["--", "sh", "-c", script])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let urls = wait_for("the program", || {
                let urls = fs::read_to_string(folder.path().join("begun")).ok();
                urls.filter(|urls| urls.ends_with('\n'))
            });
            (child, urls)
        })
        .collect();
    assert_ne!(children[0].1, children[1].1);
    // Ending one leaves the other as it is.
    let (mut first, _) = children.remove(0);
    drop(first.stdin.take());
    assert_eq!(
        first.wait().unwrap().code(),
        Some(1),
        "`read` found the end"
    );
    let (mut second, urls) = children.remove(0);
    let (_, portal) = urls.trim().split_once(' ').unwrap();
    let answer = agent()
        .get(format!("{portal}/control/v1/openapi.json"))
        .call()
        .unwrap();
    assert_eq!(answer.status(), 200);
    drop(second.stdin.take());
    assert_eq!(second.wait().unwrap().code(), Some(1));
}

/// An installation that a developer's shell knows is left alone, and a database that was asked for is kept.
#[test]
fn only_what_was_typed_says_where_data_is() {
    let folder = tempfile::tempdir().unwrap();
    let status = exec(folder.path(), &["true"])
        .env("SANDKASSE_DATABASE", "sqlite:theirs.db")
        .env("SANDKASSE_READY_FILE", "ready.json")
        .env("SANDKASSE_TEST", "127.0.0.1:1")
        .env("SANDKASSE_PORTAL_URL", "http://127.0.0.1:1")
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(is_empty(folder.path()));

    let output = output(
        folder.path(),
        &["--database", "sqlite:ours/kept.db", "true"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.path().join("ours/kept.db").is_file());
}

/// A program with a high limit of open files may break, or be slow, so ours stays ours.
#[test]
fn the_limit_of_open_files_is_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_sandkasse");
    let script = format!("ulimit -Sn 300 && exec '{program}' exec -- sh -c 'ulimit -Sn'");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "300\n", "{}", text(&output.stderr));
}
