//! Attempts against receivers on loopback: one test for each way a call can end.

use std::sync::Arc;

use sandkasse_domain::sales_unit::UrlPolicy::{self, Local};
use sandkasse_store::{CallFailure, CallOutcome, OutgoingCall};

use super::{Courier, CourierConfig, MAX_ANSWER_BYTES};
use crate::resolver::TableResolver;
use crate::testing::{Manner, OK, Receiver, callback, closed_port};

pub(super) async fn attempt(call: &OutgoingCall, policy: UrlPolicy) -> CallOutcome {
    Courier::new(CourierConfig::default(), Arc::new(TableResolver::new()))
        .attempt(call, policy)
        .await
}

async fn answered_with(bytes: &str) -> CallOutcome {
    let receiver = Receiver::answering(bytes).await;
    attempt(&callback("c1", &receiver.url("/")), Local).await
}

#[tokio::test]
async fn any_2xx_is_success() {
    for (line, status) in [
        ("200 OK", 200),
        ("202 Accepted", 202),
        ("204 No Content", 204),
        ("299 Fine", 299),
    ] {
        let outcome = answered_with(&format!("HTTP/1.1 {line}\r\nConnection: close\r\n\r\n")).await;
        assert_eq!((outcome.status, outcome.failure), (Some(status), None));
    }
    let outcome = answered_with("HTTP/1.0 200 OK\r\n\r\nhei æ").await;
    assert_eq!(
        (outcome.failure, outcome.answer.as_deref()),
        (None, Some("hei æ"))
    );
}

#[tokio::test]
async fn the_request_is_exact() {
    let receiver = Receiver::answering(OK).await;
    let mut call = callback(
        "c1",
        &receiver.url("/a/../b?wc-api=vipps&callback=/v2/payments/acme-1"),
    );
    call.authorization = Some("  Weird:  \"token\" æ,=;".to_owned());
    call.body = Some("{\"merchantSerialNumber\":\"123456\",\"text\":\"æ\"}".to_owned());
    assert_eq!(attempt(&call, Local).await.failure, None);
    let expected = format!(
        "POST /a/../b?wc-api=vipps&callback=/v2/payments/acme-1 HTTP/1.1\r\n\
         Host: {}\r\n\
         Content-Type: application/json;charset=UTF-8\r\n\
         Content-Length: 45\r\n\
         Authorization:   Weird:  \"token\" æ,=;\r\n\
         User-Agent: Sandkasse/{}\r\n\
         \r\n\
         {{\"merchantSerialNumber\":\"123456\",\"text\":\"æ\"}}",
        receiver.address,
        env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(receiver.requests(), [expected]);
}

#[tokio::test]
async fn a_call_without_body_says_nothing_of_one() {
    let receiver = Receiver::answering(OK).await;
    let mut call = callback(
        "c1",
        &receiver.url("/v2/consents/uiJskNQ6qNN1iwN891uuob%3D%3D"),
    );
    call.method = "DELETE".to_owned();
    call.body = None;
    assert_eq!(attempt(&call, Local).await.failure, None);
    let expected = format!(
        "DELETE /v2/consents/uiJskNQ6qNN1iwN891uuob%3D%3D HTTP/1.1\r\nHost: {}\r\nUser-Agent: Sandkasse/{}\r\n\r\n",
        receiver.address,
        env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(receiver.requests(), [expected]);
}

#[tokio::test]
async fn other_statuses_fail() {
    for (line, status) in [
        ("500 Oops", 500),
        ("404 Not Found", 404),
        ("401 Unauthorized", 401),
        ("600 Odd", 600),
    ] {
        let outcome =
            answered_with(&format!("HTTP/1.1 {line}\r\nContent-Length: 4\r\n\r\nnope")).await;
        assert_eq!(outcome.failure, Some(CallFailure::Status { status }));
        assert_eq!(
            (outcome.status, outcome.answer.as_deref()),
            (Some(status), Some("nope"))
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Receiver::answering(OK).await;
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.url("/next");
        let outcome = answered_with(&format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
        assert_eq!(
            outcome.failure,
            Some(CallFailure::Redirect {
                location: Some(location)
            })
        );
        assert_eq!(outcome.status, Some(status));
    }
    let outcome = answered_with("HTTP/1.1 304 Not Modified\r\n\r\n").await;
    assert_eq!(
        outcome.failure,
        Some(CallFailure::Redirect { location: None })
    );
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn the_limit_covers_the_whole_answer() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    for (sent, status, answer) in [
        ("", None, None),
        ("HTTP/1.1 200 O", None, None),
        (head, Some(200), Some("")),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            Some(200),
            Some("half"),
        ),
    ] {
        let receiver = Receiver::start(Manner::Hang(sent.as_bytes().to_vec())).await;
        let mut call = callback("c1", &receiver.url("/"));
        call.timeout_ms = 300;
        let outcome = attempt(&call, Local).await;
        assert_eq!(
            outcome.failure,
            Some(CallFailure::Timeout { limit_ms: 300 }),
            "{sent}"
        );
        assert_eq!(
            (outcome.status, outcome.answer.as_deref()),
            (status, answer),
            "{sent}"
        );
        assert!(
            (300..10_000).contains(&outcome.duration_ms),
            "{}",
            outcome.duration_ms
        );
        assert_eq!(receiver.connections(), 1);
    }
}

#[tokio::test]
async fn a_bad_status_wins_over_a_late_body() {
    let receiver = Receiver::start(Manner::Hang(
        b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n".to_vec(),
    ))
    .await;
    let mut call = callback("c1", &receiver.url("/"));
    call.timeout_ms = 300;
    assert_eq!(
        attempt(&call, Local).await.failure,
        Some(CallFailure::Status { status: 500 })
    );
}

#[tokio::test]
async fn nobody_listens() {
    let (_kept, address) = closed_port();
    let outcome = attempt(&callback("c1", &format!("http://{address}/")), Local).await;
    match outcome.failure {
        Some(CallFailure::Refused { target, detail }) => {
            assert_eq!(target, address.to_string());
            assert!(detail.contains("refused"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((outcome.status, outcome.answer), (None, None));
}

#[tokio::test]
async fn the_second_address_gets_its_chance() {
    let receiver = Receiver::answering(OK).await;
    let table = TableResolver::new().with("shop.test", ["127.9.9.9", "127.0.0.1"]);
    let courier = Courier::new(CourierConfig::default(), Arc::new(table));
    let call = callback(
        "c1",
        &format!("http://shop.test:{}/", receiver.address.port()),
    );
    assert_eq!(courier.attempt(&call, Local).await.failure, None);
    assert!(receiver.requests()[0].contains(&format!(
        "\r\nHost: shop.test:{}\r\n",
        receiver.address.port()
    )));
}

#[tokio::test]
async fn unknown_names() {
    for resolved in [
        TableResolver::new(),
        TableResolver::new().with("nobody.test", []),
    ] {
        let courier = Courier::new(CourierConfig::default(), Arc::new(resolved));
        let outcome = courier
            .attempt(&callback("c1", "http://nobody.test/"), Local)
            .await;
        assert!(
            matches!(outcome.failure, Some(CallFailure::Dns { ref host, .. }) if host == "nobody.test"),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let truncated = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort";
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(200_000));
    for bytes in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "\r\n\r\n\0\0",
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        truncated,
        &endless,
    ] {
        let outcome = answered_with(bytes).await;
        assert!(
            matches!(outcome.failure, Some(CallFailure::Broken { .. })),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_huge_answer_is_cut() {
    let endless = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{}",
        "a".repeat(10 * MAX_ANSWER_BYTES)
    );
    let receiver = Receiver::start(Manner::Hang(endless.into_bytes())).await;
    let outcome = attempt(&callback("c1", &receiver.url("/")), Local).await;
    assert_eq!((outcome.status, outcome.failure), (Some(200), None));
    assert_eq!(outcome.answer.unwrap().len(), MAX_ANSWER_BYTES);

    let mut binary = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    binary.extend(vec![0xff; 2 * MAX_ANSWER_BYTES]);
    let receiver = Receiver::start(Manner::Answer(binary)).await;
    let answer = attempt(&callback("c1", &receiver.url("/")), Local)
        .await
        .answer
        .unwrap();
    assert!(answer.len() <= MAX_ANSWER_BYTES && answer.starts_with('\u{fffd}'));
}

#[tokio::test]
async fn a_question_of_our_own_is_one_get() {
    let receiver = Receiver::answering("HTTP/1.1 404 Not Found\r\n\r\nnobody").await;
    let courier = Courier::new(CourierConfig::default(), Arc::new(TableResolver::new()));
    let limit = std::time::Duration::from_secs(5);
    let outcome = courier.get(&receiver.url("/x"), Local, limit).await;
    assert_eq!(
        (outcome.status, outcome.answer.as_deref()),
        (Some(404), Some("nobody"))
    );
    let expected = format!(
        "GET /x HTTP/1.1\r\nHost: {}\r\nUser-Agent: Sandkasse/{}\r\n\r\n",
        receiver.address,
        env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(receiver.requests(), [expected]);
}
