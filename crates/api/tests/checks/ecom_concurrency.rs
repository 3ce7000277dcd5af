//! Many captures of one order at once: nothing twice, nothing too much.

use std::collections::HashSet;

use sandkasse_domain::sales_unit::RateLimits;
use sandkasse_testkit::{Ask, Got, Shop, World};
use serde_json::json;
use tokio::task::JoinSet;

const CALLERS: usize = 64;

/// A unit without limits and its order of 300 kroner, reserved.
async fn reserved() -> Shop {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world
        .shop(|facts| facts.rate_limits = RateLimits::Off)
        .await;
    shop.reserved("acme-1", 30000, &kari).await;
    shop
}

/// Sends all calls at once.
async fn together(asks: Vec<Ask>) -> Vec<Got> {
    let calls: JoinSet<Got> = asks.into_iter().map(Ask::send).collect();
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn ecom_49_many_repeats_at_once_are_one_capture() {
    let shop = reserved().await;
    let body = shop.modify_body(1000);
    let ask = shop.ask_modify("capture", "acme-1", &body).await;
    let ask = ask.header("X-Request-Id", "key-1");
    let answers = together(vec![ask; CALLERS]).await;

    assert_eq!(answers.len(), CALLERS);
    let first = answers.first().expect("an answer");
    let noon = "2023-06-13T12:00:00.000Z";
    first.captured("acme-1", 1000, noon, [1000, 29000, 0, 1000]);
    for answer in &answers {
        answer.answered(200, &first.body, "");
    }
    let log = shop.log("acme-1").await;
    assert_eq!(log, ["CAPTURE", "RESERVE", "INITIATE"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn ecom_45_many_captures_at_once_never_exceed() {
    let shop = reserved().await;
    let ask = shop
        .ask_modify("capture", "acme-1", &shop.modify_body(1000))
        .await;
    let key = |number: usize| format!("key-{number}");
    let asks = (0..CALLERS).map(|number| ask.clone().header("X-Request-Id", &key(number)));
    let answers = together(asks.collect()).await;

    let (done, refused): (Vec<&Got>, Vec<&Got>) = answers.iter().partition(|it| it.status == 200);
    assert_eq!(done.len(), 30, "300 kroner are thirty times ten");
    for answer in refused {
        match answer.status {
            400 => answer.refused(400, "Payment", "61", "capture.exceeds_sum"),
            _ => answer.refused(409, "VippsError", "94", "order.locked"),
        };
    }
    // Each answer shows the sum after its own capture: none was made on top of an old one.
    let mut sums: Vec<i64> = Vec::new();
    for answer in done {
        let summary = answer.ok()["transactionSummary"].clone();
        sums.push(summary["capturedAmount"].as_i64().expect("an integer"));
    }
    sums.sort_unstable();
    assert_eq!(sums, (1..=30).map(|times| times * 1000).collect::<Vec<_>>());

    let details = shop.details("acme-1").await.ok();
    let log = details["transactionLogHistory"].as_array().expect("a list");
    let captures: Vec<_> = log
        .iter()
        .filter(|entry| entry["operation"] == "CAPTURE")
        .collect();
    assert_eq!((captures.len(), log.len()), (30, 32));
    for member in ["transactionId", "requestId"] {
        let different: HashSet<String> = captures.iter().map(|it| it[member].to_string()).collect();
        assert_eq!(different.len(), 30, "each {member} is there once");
    }
    assert_eq!(
        details["transactionSummary"],
        json!({
            "capturedAmount": 30000,
            "remainingAmountToCapture": 0,
            "refundedAmount": 0,
            "remainingAmountToRefund": 30000,
            "bankIdentificationNumber": 492_556,
        })
    );
}
