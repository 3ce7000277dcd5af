//! `sandkasse export`, `import` and `doctor` as a person uses them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use support::{Receiver, Server, Shop, agent};

fn sandkasse(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandkasse"));
    let ours = std::env::vars().map(|(name, _)| name);
    for name in ours.filter(|name| name.starts_with("SANDKASSE_")) {
        command.env_remove(name);
    }
    let command = command.current_dir(folder).args(arguments);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Read beside, so that a long answer does not fill the pipe.
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (stdout, stderr) = std::thread::scope(|scope| {
        let stdout = scope.spawn(|| all_of(out));
        let stderr = scope.spawn(|| all_of(err));
        if support::patiently(|| child.try_wait().unwrap()).is_none() {
            child.kill().unwrap();
        }
        (stdout.join().unwrap(), stderr.join().unwrap())
    });
    Output {
        status: child.wait().unwrap(),
        stdout,
        stderr,
    }
}

fn all_of(mut pipe: impl std::io::Read) -> Vec<u8> {
    let mut all = Vec::new();
    pipe.read_to_end(&mut all).unwrap();
    all
}

/// What a command says, if it ends with this code.
#[track_caller]
fn says(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = sandkasse(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    if code == 0 {
        String::from_utf8(output.stdout).unwrap()
    } else {
        error
    }
}

const DATABASE: &str = "sqlite:sandkasse.db";

/// A platform that some payments were made on; `None` for the prefix: it is not called back.
fn lived_in(folder: &Path) -> (Server, Shop, Receiver) {
    let receiver = Receiver::start();
    let server = Server::start(folder);
    let shop = Shop::create(&server, &receiver.prefix());
    let agent = agent();
    for order in ["m-1", "m-2", "m-3"] {
        let call = |method, path: &str, key, body: &Value| {
            let answer = shop.call(&agent, &server, method, path, key, Some(body));
            assert_eq!(answer.as_ref().map(|it| it.0), Some(200), "{answer:?}");
        };
        call("POST", "", None, &shop.initiate(order));
        let path = format!("/ecomm/v2/integration-test/payments/{order}/approve");
        call(
            "POST",
            &path,
            None,
            &json!({"customerPhoneNumber": shop.phone}),
        );
        let path = format!("/ecomm/v2/payments/{order}/capture");
        call("POST", &path, Some("c1"), &shop.modify(1000));
        shop.settled_call(&agent, &server, order);
    }
    (server, shop, receiver)
}

#[test]
fn an_installation_moves_with_its_master_key() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, shop, _receiver) = lived_in(old.path());

    // While it runs: not from the file, but through the platform.
    let error = says(old.path(), &["export", "--database", DATABASE], 2);
    assert!(
        error.contains("in use") && error.contains("--portal"),
        "{error}"
    );
    let error = says(old.path(), &["doctor", "--database", DATABASE], 2);
    assert!(error.contains("in use"), "{error}");
    let portal = server.portal.clone();
    says(
        old.path(),
        &["export", "--portal", &portal, "--to", "live.jsonl"],
        0,
    );
    let report = says(old.path(), &["doctor", "--portal", &portal], 0);
    assert!(report.contains("\"payments\": 3"), "{report}");
    assert_eq!(server.terminate(), Some(0));

    // What was exported live has one line less: that it was exported stands in the audit log.
    says(
        old.path(),
        &["export", "--database", DATABASE, "--to", "all.jsonl"],
        0,
    );
    let lines = |name: &str| {
        fs::read_to_string(old.path().join(name))
            .unwrap()
            .lines()
            .count()
    };
    assert_eq!(lines("all.jsonl"), lines("live.jsonl") + 1);
    let error = says(
        old.path(),
        &["export", "--database", DATABASE, "--to", "all.jsonl"],
        2,
    );
    assert!(error.contains("there already"), "{error}");

    // Without the master key, with another one, and with the right one.
    let from = old.path().join("all.jsonl");
    let import = [
        "import",
        "--database",
        DATABASE,
        "--from",
        from.to_str().unwrap(),
    ];
    let error = says(new.path(), &import, 2);
    assert!(
        error.contains("master.key") && error.contains("SANDKASSE_MASTER_KEY"),
        "{error}"
    );
    assert!(!new.path().join("master.key").exists(), "none is made");
    let right = fs::read(old.path().join("master.key")).unwrap();
    let key = new.path().join("master.key");
    fs::copy(old.path().join("master.key"), &key).unwrap();
    fs::write(&key, "0".repeat(64)).unwrap();
    let error = says(new.path(), &import, 2);
    assert!(error.contains("another master key"), "{error}");
    fs::write(&key, right).unwrap();
    let told = says(new.path(), &import, 0);
    assert!(told.contains("6 records with"), "{told}");
    let error = says(new.path(), &import, 2);
    assert!(error.contains("data in this database already"), "{error}");
    let report = says(new.path(), &["doctor", "--database", DATABASE], 0);
    assert!(
        report.contains("3 payments") && report.contains("as they were written"),
        "{report}"
    );
    assert!(!report.contains("no seal"), "{report}");

    // And it works there as before: the same keys, the same answer to the same request.
    for environment in ["test", "production"] {
        let name = format!("{environment}-signing-key.pem");
        if old.path().join(&name).exists() {
            fs::copy(old.path().join(&name), new.path().join(&name)).unwrap();
        }
    }
    let server = Server::start(new.path());
    let agent = agent();
    let path = "/ecomm/v2/payments/m-1/capture";
    let again = shop.call(
        &agent,
        &server,
        "POST",
        path,
        Some("c1"),
        Some(&shop.modify(1000)),
    );
    let (status, body) = again.unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["transactionSummary"]["capturedAmount"]),
        (200, &json!(1000))
    );
}

#[test]
fn an_import_that_broke_off_is_not_started_on() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, _, _receiver) = lived_in(old.path());
    assert_eq!(server.terminate(), Some(0));
    let all = sandkasse(old.path(), &["export", "--database", DATABASE]);
    assert_eq!(all.status.code(), Some(0));
    fs::copy(old.path().join("master.key"), new.path().join("master.key")).unwrap();

    // Cut off: refused, and nothing is left.
    fs::write(
        new.path().join("cut.jsonl"),
        &all.stdout[..all.stdout.len() * 2 / 3],
    )
    .unwrap();
    let error = says(
        new.path(),
        &["import", "--database", DATABASE, "--from", "cut.jsonl"],
        2,
    );
    assert!(error.contains("nothing was imported"), "{error}");

    // Killed while it waits for more: marked, and repeated.
    let mut child = Command::new(env!("CARGO_BIN_EXE_sandkasse"))
        .args(["import", "--database", DATABASE])
        .current_dir(new.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, &all.stdout[..all.stdout.len() / 2]).unwrap();
    let file = new.path().join("sandkasse.db");
    support::wait_for("the mark", || {
        let database = rusqlite::Connection::open(&file).ok()?;
        let mark = "SELECT 1 FROM directory WHERE kind = 'import' AND body IS NOT NULL";
        database.query_row(mark, [], |_| Ok(())).ok()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let error = says(
        new.path(),
        &["up", "--database", DATABASE, "--test", "127.0.0.1:0"],
        2,
    );
    assert!(error.contains("was begun and not finished"), "{error}");
    let error = says(new.path(), &["doctor", "--database", DATABASE], 1);
    assert!(error.contains("1 finding"), "{error}");
    fs::write(new.path().join("all.jsonl"), &all.stdout).unwrap();
    says(
        new.path(),
        &["import", "--database", DATABASE, "--from", "all.jsonl"],
        0,
    );
    says(new.path(), &["doctor", "--database", DATABASE], 0);
}

#[test]
fn a_unit_is_moved_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let (server, shop, _receiver) = lived_in(folder.path());
    let agent = agent();
    let unit = format!("test/{}", shop.msn());
    let portal = server.portal.clone();
    let export = [
        "export",
        "--unit",
        &unit,
        "--portal",
        &portal,
        "--to",
        "unit.jsonl",
    ];
    says(folder.path(), &export, 0);
    let path = "/ecomm/v2/payments/m-1/capture";
    shop.call(
        &agent,
        &server,
        "POST",
        path,
        Some("c2"),
        Some(&shop.modify(500)),
    );
    let import = [
        "import",
        "--replace-unit",
        "--from",
        "unit.jsonl",
        "--portal",
        &portal,
    ];
    let told = says(folder.path(), &import, 0);
    assert!(told.contains("is as it was"), "{told}");
    let (_, body) = shop
        .call(
            &agent,
            &server,
            "GET",
            "/ecomm/v2/payments/m-1/details",
            None,
            None,
        )
        .unwrap();
    let details: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        details["transactionSummary"]["capturedAmount"], 1000,
        "{details}"
    );
    let error = says(
        folder.path(),
        &["import", "--database", DATABASE, "--from", "unit.jsonl"],
        2,
    );
    assert!(error.contains("in use"), "{error}");
    assert_eq!(server.terminate(), Some(0));
    let offline = ["export", "--database", DATABASE, "--unit", &unit];
    let text = says(folder.path(), &offline, 0);
    assert!(text.starts_with("{\"sandkasse\""), "{text}");
    let error = says(
        folder.path(),
        &["export", "--database", DATABASE, "--unit", "test/999999"],
        2,
    );
    assert!(error.contains("no sales unit test/999999"), "{error}");
    let error = says(
        folder.path(),
        &["doctor", "--database", "sqlite:none.db"],
        2,
    );
    assert!(error.contains("no database none.db"), "{error}");
    assert!(!folder.path().join("none.db").exists());
}
