//! Webhooks of the running program: over sockets, over `kill -9`, and as `sandkasse listen` and
//! `sandkasse verify-webhook` have them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use sandkasse_engine::{SystemClock, WallClock};
use sandkasse_hooks::{Received, sign, verify};
use serde_json::{Value, json};
use support::{Server, Shop, agent, wait_for};

/// The head of each request, and its body.
type Requests = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A receiver that keeps whole requests and answers with one status.
struct Keeper {
    address: String,
    status: Arc<AtomicU16>,
    requests: Requests,
}

impl Keeper {
    #[expect(clippy::disallowed_methods, reason = "the receiver is another party")]
    fn answering(status: u16) -> Keeper {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let status = Arc::new(AtomicU16::new(status));
        let requests: Requests = Arc::default();
        let (answer, kept) = (status.clone(), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, kept) = (answer.clone(), kept.clone());
                std::thread::spawn(move || keep(stream, &answer, &kept));
            }
        });
        Keeper {
            address,
            status,
            requests,
        }
    }

    fn url(&self, rest: &str) -> String {
        format!("http://{}{rest}", self.address)
    }

    /// Event names by payment, in the order in which they were taken.
    fn taken(&self) -> BTreeMap<String, Vec<String>> {
        let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, body) in self.requests.lock().unwrap().iter() {
            let body: Value = serde_json::from_slice(body).unwrap();
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            taken
                .entry(text("reference"))
                .or_default()
                .push(text("name"));
        }
        taken
    }
}

fn keep(stream: TcpStream, status: &AtomicU16, kept: &Mutex<Vec<(String, Vec<u8>)>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = status.load(Ordering::SeqCst);
    if status == 200 {
        kept.lock().unwrap().push((head, body));
    }
    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

fn create(shop: &Shop, server: &Server, reference: &str) {
    let body = json!({
        "amount": { "currency": "NOK", "value": 49900 },
        "paymentMethod": { "type": "WALLET" },
        "reference": reference,
        "returnUrl": "https://example.com/result",
        "userFlow": "WEB_REDIRECT",
        "paymentDescription": "One pair of socks",
    });
    let made = shop.call(
        &agent(),
        server,
        "POST",
        "/epayment/v1/payments",
        Some(reference),
        Some(&body),
    );
    let (status, body) = made.expect("it answers");
    assert_eq!(status, 201, "{body}");
}

fn cancel(shop: &Shop, server: &Server, reference: &str) {
    let path = format!("/epayment/v1/payments/{reference}/cancel");
    let key = format!("cancel-{reference}");
    let (status, body) = shop
        .call(
            &agent(),
            server,
            "POST",
            &path,
            Some(&key),
            Some(&json!({})),
        )
        .expect("it answers");
    assert_eq!(status, 200, "{body}");
}

fn register(shop: &Shop, server: &Server, url: &str) -> (String, String) {
    let body = json!({ "url": url, "events": [
        "epayments.payment.created.v1", "epayments.payment.terminated.v1",
    ] });
    let made = shop.call(
        &agent(),
        server,
        "POST",
        "/webhooks/v1/webhooks",
        None,
        Some(&body),
    );
    let (status, body) = made.expect("it answers");
    assert_eq!(status, 201, "{body}");
    let made: Value = serde_json::from_str(&body).unwrap();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// Killed while receivers are down, and again while deliveries flow: nothing is lost, and the order of each
/// payment's events stays.
#[test]
fn hook_49_nothing_is_lost_over_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Keeper::answering(500);
    let server = Server::start(folder.path());
    let shop = Shop::create(&server, "http://127.0.0.1:1");
    let (_, secret) = register(&shop, &server, &keeper.url("/hooks?x=1"));
    let references: Vec<String> = (0..40).map(|n| format!("payment-{n:04}")).collect();
    for reference in &references {
        create(&shop, &server, reference);
        cancel(&shop, &server, reference);
    }
    server.kill();
    keeper.status.store(200, Ordering::SeqCst);
    let server = Server::start(folder.path());
    wait_for("the first deliveries", || {
        (!keeper.taken().is_empty()).then_some(())
    });
    server.kill();
    let _server = Server::start(folder.path());
    let taken = wait_for("all deliveries", || {
        let taken = keeper.taken();
        let is_whole = |events: &Vec<String>| events.last().is_some_and(|it| it == "TERMINATED");
        (taken.len() == references.len() && taken.values().all(is_whole)).then_some(taken)
    });
    for (reference, events) in taken {
        // At least once: some may have come twice, as nobody noted that they had.
        let mut once = events.clone();
        once.dedup();
        assert_eq!(once, ["CREATED", "TERMINATED"], "{reference}: {events:?}");
    }
    for (head, body) in keeper.requests.lock().unwrap().iter() {
        let mut received = Received {
            body: body.clone(),
            secret: secret.clone(),
            ..Received::default()
        };
        received.read_head(head);
        let verdict = verify(&received, SystemClock.now());
        assert!(verdict.valid, "{}", verdict.says);
        assert!(head.starts_with("POST /hooks?x=1 HTTP/1.1"), "{head}");
    }
}

/// `sandkasse` with these arguments, its output piped.
fn command(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandkasse"));
    let ours = std::env::vars().map(|(name, _)| name);
    for name in ours.filter(|name| name.starts_with("SANDKASSE_")) {
        command.env_remove(name);
    }
    let command = command.current_dir(folder).args(arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Both ways: the platform calls the target of a local unit, and the command fetches for a strict one.
#[test]
fn listen_brings_webhooks_to_a_local_program() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for arguments in [&["--fetch"][..], &[]] {
        let keeper = Keeper::answering(200);
        let shop = Shop::create(&server, "http://127.0.0.1:1");
        let target = keeper.url("/hook?token=1");
        let mut all = vec![
            "listen",
            "--forward-to",
            &target,
            "--portal",
            &server.portal,
        ];
        all.extend(["--unit", shop.msn()]);
        all.extend(arguments);
        let mut listen = command(folder.path(), &all);
        let mut said = BufReader::new(listen.stdout.take().unwrap());
        let secret = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended");
            if let Some((_, secret)) = line.split_once("told this once: ") {
                break secret.trim().to_owned();
            }
        };
        create(&shop, &server, "payment-0001");
        let (head, body) = wait_for("the delivery", || {
            keeper.requests.lock().unwrap().first().cloned()
        });
        let mut received = Received {
            body,
            secret,
            ..Received::default()
        };
        received.read_head(&head);
        let verdict = verify(&received, SystemClock.now());
        assert!(verdict.valid, "{arguments:?}: {}", verdict.says);
        let done = Command::new("kill")
            .args(["-INT", &listen.id().to_string()])
            .status();
        assert!(done.unwrap().success());
        assert_eq!(listen.wait().unwrap().code(), Some(0), "{arguments:?}");
        let (_, list) = shop
            .call(
                &agent(),
                &server,
                "GET",
                "/webhooks/v1/webhooks",
                None,
                None,
            )
            .expect("it answers");
        assert_eq!(list, r#"{"webhooks":[]}"#, "the registration is gone");
    }
}

/// A strict unit's deliveries are fetched, and handed on without TLS: what cannot be is refused before anything is made.
#[test]
fn listen_leaves_nothing_behind_where_it_cannot_hand_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let shop = Shop::create(&server, "http://127.0.0.1:1");
    let target = "https://shop.example.com/hook";
    let arguments = [
        "listen",
        "--forward-to",
        target,
        "--portal",
        &server.portal,
        "--unit",
        shop.msn(),
        "--fetch",
    ];
    let ended = command(folder.path(), &arguments)
        .wait_with_output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), "");
    let list = shop.call(
        &agent(),
        &server,
        "GET",
        "/webhooks/v1/webhooks",
        None,
        None,
    );
    assert_eq!(list.expect("it answers").1, r#"{"webhooks":[]}"#);
}

#[test]
fn verify_webhook_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let body = r#"{"name":"CREATED"}"#;
    let signed = sign(
        "s3cret",
        "/hook",
        "shop.example.com",
        body.as_bytes(),
        SystemClock.now(),
    );
    let request = |body: &str| {
        format!(
            "POST /hook HTTP/1.1\r\nHost: shop.example.com\r\nx-ms-date: {}\r\nx-ms-content-sha256: {}\r\nAuthorization: {}\r\n\r\n{body}",
            signed.date, signed.content_hash, signed.authorization
        )
    };
    for (body, secret, code, says) in [
        (body, "s3cret", 0, "genuine"),
        (r#"{ "name": "CREATED" }"#, "s3cret", 1, "raw bytes"),
        (body, "other", 1, "First byte that differs"),
    ] {
        std::fs::write(folder.path().join("received.http"), request(body)).unwrap();
        let arguments = [
            "verify-webhook",
            "--request",
            "received.http",
            "--secret",
            secret,
        ];
        let output = command(folder.path(), &arguments)
            .wait_with_output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(says), "{said}");
    }
}
