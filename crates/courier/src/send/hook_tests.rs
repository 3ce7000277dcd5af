//! Webhook deliveries on the wire (reference: webhooks.md §6).

use std::sync::Arc;
use std::time::Duration;

use sandkasse_domain::sales_unit::UrlPolicy::{self, Local, Strict};
use sandkasse_domain::webhook::ANSWER_MS;
use sandkasse_hooks::{HookCall, Received, verify};
use sandkasse_store::{CallFailure, CallOutcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Courier, CourierConfig};
use crate::resolver::TableResolver;
use crate::testing::{Manner, OK, Receiver};
use crate::wire_place;

const SECRET: &str = "c2VjcmV0";
const BODY: &str = r#"{"name":"CREATED","text":"blåbær"}"#;

/// A delivery to a URL, signed at a moment, that may take so long.
fn hook(url: &str, limit_ms: u64) -> HookCall {
    let (host, target) = wire_place(url, Local).unwrap();
    let at = "2023-06-13T12:00:00Z".parse().unwrap();
    HookCall::new((url, &host, &target), SECRET, BODY, at, limit_ms, None)
}

fn courier() -> Courier {
    let table = TableResolver::new().with("localhost", ["127.0.0.1"]);
    Courier::new(CourierConfig::default(), Arc::new(table))
}

async fn deliver(url: &str, limit_ms: u64, policy: UrlPolicy) -> CallOutcome {
    courier().deliver(&hook(url, limit_ms), policy).await
}

#[tokio::test]
async fn hook_20_hook_21_hook_22_hook_23_a_delivery_to_the_byte() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    for (rest, target) in [
        ("/hooks/vipps?x=1&y=%C3%A6#top", "/hooks/vipps?x=1&y=%C3%A6"),
        ("", "/"),
    ] {
        let call = hook(&receiver.url(rest), 20_000);
        let outcome = courier().deliver(&call, Local).await;
        assert_eq!((outcome.status, &outcome.failure), (Some(200), &None));
        let expected = format!(
            "POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nX-Ms-Date: Tue, 13 Jun 2023 12:00:00 GMT\r\n\
             X-Ms-Content-Sha256: {}\r\nAuthorization: {}\r\n\r\n{BODY}",
            BODY.len(),
            call.signed.content_hash,
            call.signed.authorization
        );
        let got = receiver.requests().pop().unwrap();
        assert_eq!(got, expected);
        let (head, body) = got.split_once("\r\n\r\n").unwrap();
        let mut received = Received {
            body: body.into(),
            secret: SECRET.to_owned(),
            ..Received::default()
        };
        received.read_head(head);
        let verdict = verify(&received, "2023-06-13T12:00:01Z".parse().unwrap());
        assert!(verdict.valid, "{}", verdict.says);
    }
}

/// What would be sent elsewhere than it was signed for is not sent.
#[tokio::test]
async fn what_was_signed_for_another_place_is_not_sent() {
    let receiver = Receiver::answering(OK).await;
    let mut call = hook(&receiver.url("/a"), 20_000);
    "/b".clone_into(&mut call.target);
    let outcome = courier().deliver(&call, Local).await;
    assert!(matches!(outcome.failure, Some(CallFailure::BadUrl { .. })));
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn hook_41_redirects_are_told_and_not_followed() {
    let elsewhere = Receiver::answering(OK).await;
    let to = elsewhere.url("/elsewhere");
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        let receiver = Receiver::answering(&answer).await;
        let outcome = deliver(&receiver.url("/"), 20_000, Local).await;
        let location = Some(to.clone());
        assert_eq!(outcome.failure, Some(CallFailure::Redirect { location }));
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// The limit is real time, whatever the sales unit's clock says: so this takes ten seconds.
#[tokio::test]
async fn hook_42_ten_seconds_are_the_limit() {
    let (quick, slow, silent, half) = tokio::join!(
        answered_after(Duration::from_millis(9_900), OK),
        answered_after(Duration::from_millis(10_100), OK),
        answered_after(Duration::from_secs(11), OK),
        hanging("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal"),
    );
    assert_eq!((quick.status, quick.failure), (Some(200), None));
    let timeout = Some(CallFailure::Timeout {
        limit_ms: ANSWER_MS,
    });
    assert_eq!((slow.status, slow.failure), (None, timeout.clone()));
    assert_eq!((silent.status, silent.failure), (None, timeout.clone()));
    // A status alone is no whole answer.
    assert_eq!((half.status, half.failure), (Some(200), timeout));
}

async fn answered_after(late: Duration, answer: &'static str) -> CallOutcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = [0; 4096];
        let _ = stream.read(&mut seen).await;
        #[expect(
            clippy::disallowed_methods,
            reason = "a receiver that is late, in real time"
        )]
        tokio::time::sleep(late).await;
        // The courier may have hung up.
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    deliver(&format!("http://{address}/"), ANSWER_MS, Local).await
}

async fn hanging(answer: &str) -> CallOutcome {
    let receiver = Receiver::start(Manner::Hang(answer.as_bytes().to_vec())).await;
    deliver(&receiver.url("/"), ANSWER_MS, Local).await
}

/// A server that speaks TLS 1.1 and no newer one answers our hello with "protocol version".
#[tokio::test]
async fn hook_50_an_old_tls_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = [0; 4096];
        let _ = stream.read(&mut seen).await;
        // An alert, TLS 1.1, of two bytes: fatal, protocol_version.
        let _ = stream.write_all(&[21, 3, 2, 0, 2, 2, 70]).await;
        let _ = stream.shutdown().await;
    });
    let outcome = deliver(
        &format!("https://localhost:{}/", address.port()),
        20_000,
        Local,
    )
    .await;
    let Some(CallFailure::Tls { detail }) = outcome.failure else {
        panic!("{outcome:?}")
    };
    assert!(detail.contains("ProtocolVersion"), "{detail}");
}

/// Every network that a strict unit's deliveries may not reach, as an address, in disguise, and behind a
/// public name: nobody is connected to (RELIABILITY §4.3).
#[tokio::test]
async fn s_9_hook_05_no_connection_leaves_to_what_is_not_public() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    let v4 = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.254",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.254",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.254",
        "198.18.0.1",
        "198.19.255.254",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
    ];
    let v6 = [
        "::",
        "::1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "ff02::1",
    ];
    let mut addresses: Vec<String> = v4.map(str::to_owned).into();
    addresses.extend(v6.map(str::to_owned));
    addresses.extend(v4.map(|it| format!("::ffff:{it}")));
    let (mut urls, mut tried) = (Vec::new(), 0);
    for (address, n) in addresses.iter().zip(0..) {
        let literal = if address.contains(':') {
            format!("[{address}]")
        } else {
            address.clone()
        };
        urls.push((literal, None));
        urls.push((format!("host-{n}.example.com"), Some(vec![address.clone()])));
        // One good address among them does not help.
        let mixed = vec!["8.8.8.8".to_owned(), address.clone()];
        urls.push((format!("mixed-{n}.example.com"), Some(mixed)));
    }
    for odd in [
        "localhost",
        "localhost.",
        "LOCALHOST",
        "shop",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "0",
        "user:password@127.0.0.1",
        "8.8.8.8@127.0.0.1",
        "a.localhost",
        "shop.internal",
        "shop.local",
        "127.0.0.1.",
        "１２７.0.0.1",
    ] {
        urls.push((odd.to_owned(), Some(vec!["127.0.0.1".to_owned()])));
    }
    for (host, addresses) in urls {
        let name = host.rsplit('@').next().unwrap().to_ascii_lowercase();
        let table = match &addresses {
            Some(addresses) => {
                TableResolver::new().with(&name, addresses.iter().map(String::as_str))
            }
            None => TableResolver::new(),
        };
        // The receiver's port is a usual one here, so that only the address can be the reason.
        let config = CourierConfig {
            ports: vec![port],
            ..CourierConfig::default()
        };
        let courier = Courier::new(config, Arc::new(table));
        for (scheme, port) in [("https", port), ("http", port), ("https", 443)] {
            let url = format!("{scheme}://{host}:{port}/hook");
            let at = "2023-06-13T12:00:00Z".parse().unwrap();
            let place = wire_place(&url, Local).unwrap_or_default();
            let call = HookCall::new((&url, &place.0, &place.1), SECRET, BODY, at, 500, None);
            let outcome = courier.deliver(&call, Strict).await;
            let is_refused = matches!(
                outcome.failure,
                Some(CallFailure::Forbidden { .. } | CallFailure::BadUrl { .. })
            );
            assert!(is_refused, "{url}: {outcome:?}");
            tried += 1;
        }
    }
    for scheme in ["file", "gopher", "ftp", "javascript", "data"] {
        let url = format!("{scheme}://127.0.0.1:{port}/hook");
        let call = HookCall::new(
            (&url, "", ""),
            SECRET,
            BODY,
            "2023-06-13T12:00:00Z".parse().unwrap(),
            500,
            None,
        );
        let outcome = courier().deliver(&call, Local).await;
        assert!(
            matches!(outcome.failure, Some(CallFailure::BadUrl { .. })),
            "{url}"
        );
        tried += 1;
    }
    assert!(tried > 500, "{tried}");
    assert_eq!(receiver.connections(), 0);
}

/// Also where local addresses are allowed, the platform's own listeners and the clouds' metadata are not.
#[tokio::test]
async fn s_9_local_units_reach_neither_the_platform_nor_metadata() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    for own in [receiver.address, format!("0.0.0.0:{port}").parse().unwrap()] {
        let table = TableResolver::new()
            .with("localhost", ["127.0.0.1"])
            .with("meta.test", ["169.254.169.254"]);
        let config = CourierConfig {
            own: vec![own],
            ..CourierConfig::default()
        };
        let courier = Courier::new(config, Arc::new(table));
        for (host, rule) in [
            ("127.0.0.1", "own-listener"),
            ("localhost", "own-listener"),
            ("169.254.169.254", "cloud-metadata"),
            ("[fd00:ec2::254]", "cloud-metadata"),
            ("meta.test", "cloud-metadata"),
        ] {
            let url = format!("http://{host}:{port}/hook");
            let (place, target) = wire_place(&url, Local).unwrap_or_default();
            let at = "2023-06-13T12:00:00Z".parse().unwrap();
            let call = HookCall::new((&url, &place, &target), SECRET, BODY, at, 500, None);
            match courier.deliver(&call, Local).await.failure {
                Some(CallFailure::Forbidden { rule: found, .. }) => {
                    assert_eq!(found, rule, "{url}")
                }
                other => panic!("{url}: {other:?}"),
            }
        }
    }
    assert_eq!(receiver.connections(), 0);
}

/// A name that was public when it was registered and is private now gains nothing.
#[tokio::test]
async fn s_9_a_name_that_changes_its_address_gains_nothing() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    let table = TableResolver::new().with("shop.example.com", ["127.0.0.1"]);
    let config = CourierConfig {
        ports: vec![port],
        ..CourierConfig::default()
    };
    let url = format!("https://shop.example.com:{port}/hook");
    assert!(wire_place(&url, Strict).is_ok(), "its text is fine");
    let courier = Courier::new(config, Arc::new(table));
    let outcome = courier.deliver(&hook(&url, 500), Strict).await;
    assert!(matches!(
        outcome.failure,
        Some(CallFailure::Forbidden { .. })
    ));
    assert_eq!(receiver.connections(), 0);
}
