//! The binary over HTTPS, with the certificate that it makes: its own commands as clients, and what an operator sees.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "shops and receivers are for other tests")]
mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use support::Server;

const CERTIFICATE: &str = ".sandkasse/certs/server.pem";
const KEY: &str = ".sandkasse/certs/server.key";

/// Runs a command of the program in a folder, without variables of whoever runs the test.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandkasse"));
    let ours = std::env::vars().map(|(name, _)| name);
    for name in ours.filter(|name| name.starts_with("SANDKASSE_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).args(arguments);
    command.stdin(Stdio::null()).output().unwrap()
}

/// What it printed, if it ended well.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        complaint(&output)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn start(folder: &Path) -> Server {
    Server::start_with(folder, |command| {
        command.args(["--tls-cert", CERTIFICATE, "--tls-key", KEY]);
        command.stderr(fs::File::create(folder.join("log")).unwrap());
    })
}

#[test]
fn the_programs_own_commands_reach_it_over_https() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let told = said(folder, &["certs"]);
    assert!(
        told.contains(&format!("--tls-cert {CERTIFICATE} --tls-key {KEY}")),
        "{told}"
    );
    let server = start(folder);
    for url in [&server.test, &server.production, &server.portal] {
        assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    }
    let portal = server.portal.as_str();

    let keys = said(folder, &["env", "--portal", portal]);
    assert!(
        keys.contains(&format!("BASE_URL='{}'", server.test)),
        "{keys}"
    );
    let examined = said(folder, &["doctor", "--portal", portal]);
    assert!(examined.contains("\"findings\": []"), "{examined}");
    let exported = said(folder, &["export", "--portal", portal]);
    assert!(exported.lines().count() > 10, "{exported}");

    assert_eq!(said(folder, &["health", "--portal", portal]), "ready\n");

    // Elsewhere nobody knows the authority, until it is named.
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = run(elsewhere.path(), &["env", "--portal", portal]);
    assert_eq!(refused.status.code(), Some(1));
    let message = complaint(&refused);
    assert!(
        message.contains("--ca FILE") && message.contains("UnknownIssuer"),
        "{message}"
    );
    let ca = folder.join(".sandkasse/certs/ca.pem");
    let named = ["env", "--portal", portal, "--ca", ca.to_str().unwrap()];
    assert_eq!(said(elsewhere.path(), &named), keys);
    let refused = run(elsewhere.path(), &["health", "--portal", portal]);
    assert_eq!(refused.status.code(), Some(1), "{}", complaint(&refused));
    let named = ["health", "--portal", portal, "--ca", ca.to_str().unwrap()];
    assert_eq!(said(elsewhere.path(), &named), "ready\n");
    for (file, word) in [("none.pem", "cannot read"), (KEY, "holds no certificate")] {
        let refused = run(folder, &["env", "--portal", portal, "--ca", file]);
        assert_eq!(refused.status.code(), Some(2), "{file}");
        assert!(
            complaint(&refused).contains(word),
            "{}",
            complaint(&refused)
        );
    }

    // By another name the certificate is not for it; over plain HTTP the way is shown.
    let plain = portal.replace("https://", "http://");
    let refused = run(folder, &["env", "--portal", &plain]);
    let message = complaint(&refused);
    assert!(message.contains(&format!("--portal {portal}")), "{message}");
    let port = portal.rsplit(':').next().unwrap();
    let other = format!("https://127.0.0.2:{port}");
    assert!(!run(folder, &["env", "--portal", &other]).status.success());

    assert_eq!(server.terminate(), Some(0));
    let log = fs::read_to_string(folder.join("log")).unwrap();
    assert!(!log.contains("others on this machine"), "{log}");
    assert!(!log.contains("certificate"), "nothing to warn of: {log}");
}

/// A container asks itself, whatever name its certificate is for.
#[test]
fn health_believes_the_certificate_that_the_platform_with_its_variables_shows() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    for (name, file) in [("sandkasse.example.com", "own"), ("localhost", "other")] {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        fs::write(folder.join(format!("{file}.pem")), made.cert.pem()).unwrap();
        let key = folder.join(format!("{file}.key"));
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let server = Server::start_with(folder, |command| {
        command.args(["--tls-cert", "own.pem", "--tls-key", "own.key"]);
    });
    let port = server.portal.rsplit(':').next().unwrap();
    let asked = |certificate: &str| {
        let portal = format!("127.0.0.1:{port}");
        Command::new(env!("CARGO_BIN_EXE_sandkasse"))
            .current_dir(folder)
            .env("SANDKASSE_PORTAL", portal)
            .env("SANDKASSE_TLS_CERT", certificate)
            .env("SANDKASSE_TLS_KEY", "own.key")
            .arg("health")
            .output()
            .unwrap()
    };
    let own = asked("own.pem");
    assert!(own.status.success(), "{}", complaint(&own));
    let other = asked("other.pem");
    assert_eq!(other.status.code(), Some(1));
    assert!(complaint(&other).contains("HTTPS"), "{}", complaint(&other));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn an_operator_is_warned_of_what_clients_will_trip_over() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    said(folder, &["certs"]);
    let key = folder.join(KEY);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let server = Server::start_with(folder, |command| {
        command.args(["--tls-cert", CERTIFICATE, "--tls-key", KEY]);
        command.env("SANDKASSE_TEST_URL", "https://apitest.vipps.no");
        command.stderr(fs::File::create(folder.join("log")).unwrap());
    });
    assert_eq!(server.test, "https://apitest.vipps.no");
    assert_eq!(server.terminate(), Some(0));
    let log = fs::read_to_string(folder.join("log")).unwrap();
    for word in ["chmod 600", "not for this host", "https://apitest.vipps.no"] {
        assert!(log.contains(word), "{word}: {log}");
    }
}

#[test]
fn bad_files_end_with_2_and_a_remedy() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    said(folder, &["certs"]);
    let ca = ".sandkasse/certs/ca.pem";
    let rows: [(&[&str], &str); 6] = [
        (&["--tls-cert", CERTIFICATE], "--tls-key FILE"),
        (&["--tls-key", KEY], "--tls-cert FILE"),
        (
            &["--tls-cert", "none.pem", "--tls-key", KEY],
            "sandkasse certs",
        ),
        (
            &["--tls-cert", KEY, "--tls-key", KEY],
            "holds no certificate",
        ),
        (&["--tls-cert", ca, "--tls-key", KEY], "is not the key"),
        (&["certs", "https://x"], "is no host"),
    ];
    for (arguments, word) in rows {
        let output = run(folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = complaint(&output);
        assert!(message.contains(word), "{arguments:?}: {message}");
    }
}
