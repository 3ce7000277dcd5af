//! Very many connections that say nothing, or little (RELIABILITY S-10). How fast the others are answered meanwhile measures
//! `cargo xtask bench connections`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "shops and receivers are for other tests")]
mod support;

use std::{io::Write, net::TcpStream, process::Command};

use support::{Server, agent};

/// Files that the server may open in these tests, and not more whatever it asks for.
const FILES: &str = "500";
/// Of each kind. Together more than the server has files.
const SILENT: usize = 200;

/// What silent connections begin with: nothing, half a head, a head with half a body.
const KINDS: [&str; 3] = [
    "",
    "GET /ecomm/v2/payments/a/details HTTP/1.1\r\nHost: x\r\nX-Slow:",
    "POST /ecomm/v2/payments HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
];

/// The same command behind a shell that lowers the limit.
fn with_few_files(command: &mut Command) {
    let mut behind = Command::new("sh");
    behind
        .args(["-c", "ulimit -n \"$0\"; exec \"$@\"", FILES])
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        behind.current_dir(folder);
    }
    behind.stdout(std::process::Stdio::null());
    *command = behind;
}

#[test]
fn s_10_silent_connections_at_one_listener_leave_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), with_few_files);
    let address = server.test.trim_start_matches("http://");
    let mut silent = Vec::new();
    for kind in KINDS {
        for _ in 0..SILENT {
            let mut stream = TcpStream::connect(address).unwrap();
            // Those that wait outside are not written to the end, which is the point.
            let _ = stream.write_all(kind.as_bytes());
            silent.push(stream);
        }
    }
    // The database is asked, and other files are opened, while they are there.
    for _ in 0..5 {
        for url in [
            format!("{}/control/v1/sales-units", server.portal),
            format!("{}/discovery/keys", server.production),
        ] {
            let answer = agent().get(&url).call().unwrap();
            assert_eq!(answer.status(), 200, "{url}");
        }
    }
    assert_eq!(silent.len(), 3 * SILENT, "all were there");
    drop(silent);
    let answer = agent()
        .get(format!("{}/discovery/keys", server.test))
        .call();
    assert_eq!(answer.unwrap().status(), 200, "whoever waited is served");
    assert_eq!(server.terminate(), Some(0));
}
