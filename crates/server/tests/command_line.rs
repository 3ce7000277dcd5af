//! The program as a process: exit codes, and what it says when it is used wrongly.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// A debug build on a busy machine starts within this time.
const PATIENCE: Duration = Duration::from_secs(30);

fn sandkasse(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandkasse"));
    let ours = std::env::vars().map(|(name, _)| name);
    for name in ours.filter(|name| name.starts_with("SANDKASSE_")) {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn wrong_use_ends_with_2_and_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("odd.toml"), "quiet = true\nprot = 1\n").unwrap();
    let rows: [(&[&str], &str); 10] = [
        (&["--prot", "1"], "--prot"),
        (&["--database", "postgres://db"], "names no user"),
        (
            &["--database", "postgres://u:hidden@127.0.0.1:1/x"],
            "cannot use the database postgres://u@127.0.0.1:1/x",
        ),
        (&["migrate"], "migrate --database"),
        (
            &["--config", "odd.toml"],
            "odd.toml, line 2: unknown field `prot`",
        ),
        (
            &["--config", "none.toml"],
            "cannot read the configuration none.toml",
        ),
        (&["--test", "0.0.0.0:0"], "--behind-proxy"),
        (
            &["--test", "203.0.113.1:1", "--behind-proxy"],
            "SANDKASSE_ADMIN_TOKEN",
        ),
        (&["--database", "sqlite:/proc/none/x.db"], "/proc/none"),
        (&["env", "--portal", "ftp://x"], "`ftp://x` is no base URL"),
    ];
    for (arguments, word) in rows {
        let output = sandkasse(folder.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = message(&output);
        assert!(message.contains(word), "{arguments:?}: {message}");
        assert!(!message.contains("hidden"), "{message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn env_without_a_platform_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let portal = format!("http://127.0.0.1:{port}");
    let output = sandkasse(folder.path(), &["env", "--portal", &portal])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = message(&output);
    assert!(
        message.contains("no platform at") && message.contains("--portal"),
        "{message}"
    );
}

#[test]
fn help_and_version_end_with_0() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["--help"].as_slice(), &["env", "--help"], &["--version"]] {
        let output = sandkasse(folder.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
}

/// The words of the README: start it, take its keys into a shell, stop it.
#[test]
fn keys_go_into_a_shell_and_sigterm_ends_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--test",
        "127.0.0.1:0",
        "--production",
        "127.0.0.1:0",
        "--portal",
        "127.0.0.1:0",
        "--ready-file",
        "ready.json",
    ];
    let mut child = sandkasse(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let urls: serde_json::Value = serde_json::from_str(&ready(folder.path())).unwrap();
    let portal = urls["portal"].as_str().unwrap();
    let script = format!(
        "eval \"$('{}' env --portal {portal} | sed 's/^/export /')\" && printf '%s %s' \"$CLIENT_SECRET\" \"$BASE_URL\"",
        env!("CARGO_BIN_EXE_sandkasse")
    );
    let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
    let expected = format!(
        "c2FuZGthc3NlLXRlc3QtMQ== {}",
        urls["test"].as_str().unwrap()
    );
    assert_eq!(String::from_utf8_lossy(&shell.stdout), expected);

    let signalled = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    let status = child.wait().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(status.code(), Some(0), "{}", message(&output));
    let banner = String::from_utf8_lossy(&output.stdout);
    assert!(banner.contains(urls["test"].as_str().unwrap()), "{banner}");
    assert!(banner.contains("curl -X POST"), "{banner}");
    let log = message(&output);
    assert!(log.contains("ready") && log.contains("stopped"), "{log}");
    let ignore = std::fs::read_to_string(folder.path().join(".sandkasse/.gitignore")).unwrap();
    assert_eq!(ignore, "*\n");
}

#[expect(
    clippy::disallowed_methods,
    reason = "a child process tells nobody when it is ready"
)]
fn ready(folder: &Path) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Ok(text) = std::fs::read_to_string(folder.join("ready.json")) {
            return text;
        }
        assert!(Instant::now() < until, "no ready file after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
