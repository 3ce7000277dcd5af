//! The program as it is watched: ready while it works, not ready before it ends.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::{
    io::{Read as _, Write as _},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{Server, agent};

/// Status and text of a page.
fn get(url: &str, token: Option<&str>) -> (u16, String) {
    let mut request = agent().get(url);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut answer = request.call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), text)
}

/// Exit code and words of `sandkasse health`, as a container asks it: where the portal listens is in the environment.
fn health(portal: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sandkasse"))
        .arg("health")
        .args(arguments)
        .env("SANDKASSE_PORTAL", portal.trim_start_matches("http://"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn a_node_that_drains_says_so_and_goes_on_answering() {
    let token = "a-token-of-many-letters";
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), |command| {
        command
            .args(["--metrics", "127.0.0.1:0"])
            .env("SANDKASSE_ADMIN_TOKEN", token)
            .env("SANDKASSE_DRAIN_SECONDS", "600");
    });
    let ready = std::fs::read_to_string(folder.path().join("ready.json")).unwrap();
    let urls: Value = serde_json::from_str(&ready).unwrap();
    let watched = urls["metrics"].as_str().unwrap();
    for base in [watched, &server.portal] {
        assert_eq!(get(&format!("{base}/healthz"), None).0, 200);
        let (status, text) = get(&format!("{base}/readyz"), None);
        assert_eq!(status, 200, "{text}");
        assert_eq!(
            text,
            r#"{"ready":true,"checks":{"database":"ok","drain":"ok","portal":"ok","production":"ok","test":"ok"}}"#
        );
    }
    assert_eq!(health(&server.portal, &[]), (Some(0), "ready\n".to_owned()));
    // Figures: to whoever is known at the portal, to everybody at the listener that is theirs.
    assert_eq!(get(&format!("{}/metrics", server.portal), None).0, 401);
    assert_eq!(
        get(&format!("{}/metrics", server.portal), Some(token)).0,
        200
    );
    let (status, text) = get(&format!("{watched}/metrics"), None);
    assert_eq!(status, 200);
    for word in [
        "process_resident_memory_bytes ",
        "sandkasse_store_group_size_count ",
    ] {
        assert!(text.contains(word), "{text}");
    }
    assert!(!text.contains(token));
    assert_eq!(get(&format!("{watched}/users"), None).0, 404);

    server.signal("TERM");
    let began = Instant::now();
    while get(&format!("{watched}/readyz"), None).0 != 503 {
        assert!(began.elapsed() < Duration::from_secs(20), "it never drains");
    }
    assert_eq!(get(&format!("{}/readyz", server.portal), None).0, 503);
    assert_eq!(get(&format!("{}/healthz", server.portal), None).0, 200);
    let (code, said) = health(&server.portal, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is not ready (status 503 "), "{said}");
    let (status, text) = get(
        &format!("{}/ecomm/v2/payments/x/details", server.test),
        None,
    );
    assert_eq!(status, 401, "merchants are answered: {text}");
    // A second signal has no patience; the exit code is that of an ordinary end.
    assert_eq!(server.terminate(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(60));
}

#[test]
fn health_waits_for_one_that_begins_and_says_that_none_is_there() {
    let (code, said) = health("127.0.0.1:1", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no platform at http://127.0.0.1:1 "),
        "{said}"
    );

    // One that is ready when it is asked a third time.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let begins = || {
        for status in [
            "503 Service Unavailable",
            "503 Service Unavailable",
            "200 OK",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 1024];
            let length = stream.read(&mut asked).unwrap();
            assert!(asked[..length].starts_with(b"GET /readyz HTTP/1.1\r\n"));
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(begins);
        assert_eq!(
            health(&address, &["--wait", "60"]),
            (Some(0), "ready\n".to_owned())
        );
    });
}

#[test]
fn log_lines_are_json_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let server = Server::start_with(folder.path(), |command| {
        command.args(["--log-format", "json"]).stderr(log);
    });
    assert_eq!(server.terminate(), Some(0));
    let text = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let ready = lines.iter().find(|line| line["message"] == "ready");
    let ready = ready.unwrap_or_else(|| panic!("{text}"));
    assert_eq!(
        (&ready["level"], &ready["test"]),
        (&"INFO".into(), &server.test.as_str().into())
    );
    assert!(
        lines.iter().any(|line| line["message"] == "stopped"),
        "{text}"
    );
    // What is wrong before anything is logged is for the person in front of it.
    let wrong = Command::new(env!("CARGO_BIN_EXE_sandkasse"))
        .args(["--log-format", "xml"])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("neither text nor json"), "{said}");
}
