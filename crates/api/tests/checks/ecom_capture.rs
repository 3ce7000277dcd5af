//! Capturing: how much, how often, and what stands in the way. Repeats under one `X-Request-Id`
//! are in `ecom_capture_repeat.rs`, limits of time and number in `ecom_capture_late.rs`.

use sandkasse_domain::sales_unit::{RateLimits, SalesUnit};
use sandkasse_engine::Act;
use sandkasse_testkit::{Got, World, days, minutes, seconds, with_member};
use serde_json::{Value, json};

const NOON: &str = "2023-06-13T12:00:00.000Z";
const EXCEEDS: &str = "Captured amount exceeds the reserved amount. You can not capture a higher amount than the user has accepted.";
const NOT_RESERVED: &str = "The amount you tried to capture is not reserved. The user must accept the payment before capture can be done.";
const NOT_ALLOWED: &str = "The transaction is not allowed.";
const PROCESSED: &str = "The transaction has already been processed.";

fn unlimited(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
}

#[track_caller]
fn exceeds(got: &Got, cause: &str) {
    got.says(400, "Payment", "61", EXCEEDS, cause);
}

#[tokio::test]
async fn ecom_43_no_amount_is_everything() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    let absent = shop.modify_body(Value::Null);
    let bodies = [
        absent.clone(),
        with_member(absent.clone(), "transaction.amount", Value::Null),
        with_member(absent, "transaction.amount", 0),
    ];
    for (index, body) in bodies.into_iter().enumerate() {
        let order = format!("whole-{index}");
        shop.reserved(&order, 49900, &kari).await;
        let got = shop.ask_modify("capture", &order, &body).await.send().await;
        got.captured(&order, 49900, NOON, [49900, 0, 0, 49900]);

        // Everything is what is still reserved.
        let order = format!("rest-{index}");
        shop.reserved(&order, 49900, &kari).await;
        shop.capture(&order, 9900).await.ok();
        let got = shop.ask_modify("capture", &order, &body).await.send().await;
        got.captured(&order, 40000, NOON, [49900, 0, 0, 49900]);
    }
}

#[tokio::test]
async fn ecom_44_several_captures_up_to_the_whole() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.reserved("acme-1", 10000, &kari).await;
    let rows = [
        ("key-1", 3000, [3000, 7000, 0, 3000]),
        ("key-2", 3000, [6000, 4000, 0, 6000]),
        ("key-3", 4000, [10000, 0, 0, 10000]),
    ];
    let mut ids = Vec::new();
    for (key, amount, sums) in rows {
        let got = shop.capture_as(key, "acme-1", amount).await;
        ids.push(got.captured("acme-1", amount, NOON, sums));
    }
    let details = shop.details("acme-1").await.ok();
    for (entry, (key, amount, id)) in [
        (0, ("key-3", 4000, &ids[2])),
        (1, ("key-2", 3000, &ids[1])),
        (2, ("key-1", 3000, &ids[0])),
    ] {
        assert_eq!(
            details["transactionLogHistory"][entry],
            json!({
                "amount": amount,
                "transactionText": "Shipped",
                "transactionId": id,
                "timeStamp": NOON,
                "operation": "CAPTURE",
                "requestId": key,
                "operationSuccess": true,
            })
        );
    }
    let reserve = &details["transactionLogHistory"][3];
    assert_eq!(reserve["operation"], "RESERVE");
    ids.push(
        reserve["transactionId"]
            .as_str()
            .expect("a text")
            .to_owned(),
    );
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "every movement has a number of its own");
}

#[tokio::test]
async fn ecom_45_more_than_is_reserved() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    exceeds(&shop.capture("acme-1", 10001).await, "capture.exceeds");
    let most = i64::from(i32::MAX);
    exceeds(&shop.capture("acme-1", most).await, "capture.exceeds");
    shop.capture("acme-1", 6000)
        .await
        .captured("acme-1", 6000, NOON, [6000, 4000, 0, 6000]);
    exceeds(&shop.capture("acme-1", 5000).await, "capture.exceeds_sum");
    exceeds(&shop.capture("acme-1", 10000).await, "capture.exceeds_sum");
    // What was given back can not be taken again.
    shop.refund("acme-1", 6000).await.ok();
    exceeds(&shop.capture("acme-1", 4001).await, "capture.exceeds_sum");
    shop.capture("acme-1", 4000)
        .await
        .captured("acme-1", 4000, NOON, [10000, 0, 6000, 4000]);
    exceeds(&shop.capture("acme-1", 1).await, "capture.exceeds_sum");
    let log = shop.log("acme-1").await;
    assert_eq!(log, ["CAPTURE", "REFUND", "CAPTURE", "RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_45_nothing_after_the_rest_went_back() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    for order in ["by-shop", "by-bank"] {
        shop.reserved(order, 10000, &kari).await;
        shop.capture(order, 6000).await.ok();
    }
    shop.release("by-shop").await.ok();
    // The bank lets go of the rest seven days after the reservation.
    shop.advance(days(7) - seconds(1)).await;
    let summary = shop.details("by-bank").await.ok()["transactionSummary"].clone();
    assert_eq!(summary["remainingAmountToCapture"], 4000);
    shop.advance(seconds(1)).await;
    for order in ["by-shop", "by-bank"] {
        let summary = shop.details(order).await.ok()["transactionSummary"].clone();
        assert_eq!(summary["capturedAmount"], 6000);
        assert_eq!(summary["remainingAmountToCapture"], 0);
        for amount in [Value::Null, json!(1), json!(4000), json!(10000)] {
            exceeds(&shop.capture(order, amount).await, "capture.released");
        }
    }
    let log = shop.log("by-bank").await;
    assert_eq!(log, ["CAPTURE", "RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_46_nothing_is_reserved() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    shop.initiate("acme-1", 10000).await.ok();
    for amount in [Value::Null, json!(10000), json!(10001)] {
        let got = shop.capture("acme-1", amount).await;
        got.says(400, "Payment", "62", NOT_RESERVED, "capture.not_approved");
    }
    assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
    shop.advance(minutes(5)).await;
    let got = shop.capture("acme-1", Value::Null).await;
    got.says(400, "Payment", "62", NOT_RESERVED, "capture.ended");
    assert_eq!(shop.log("acme-1").await, ["CANCEL", "INITIATE"]);
}

#[tokio::test]
async fn ecom_47_a_cancelled_payment_is_not_captured() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("voided", 10000, &kari).await;
    shop.cancel("voided").await.ok();
    shop.initiate("cancelled", 10000).await.ok();
    shop.cancel("cancelled").await.ok();
    shop.initiate("rejected", 10000).await.ok();
    shop.person("rejected", Act::Reject).await.expect("open");
    // Also when it is too late, or too much, anyway.
    for wait in [0, 200] {
        shop.advance(days(wait)).await;
        for order in ["voided", "cancelled", "rejected"] {
            for amount in [Value::Null, json!(10000), json!(10001)] {
                let got = shop.capture(order, amount).await;
                got.says(400, "VippsError", "91", NOT_ALLOWED, "capture.cancelled");
            }
        }
    }
    assert_eq!(shop.log("voided").await, ["VOID", "RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_48_a_second_full_capture() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    let first = shop.capture_as("key-1", "acme-1", 10000).await;
    first.captured("acme-1", 10000, NOON, [10000, 0, 0, 10000]);
    for (key, amount) in [("key-2", Value::Null), ("key-3", json!(10000))] {
        let got = shop.capture_as(key, "acme-1", amount).await;
        got.says(400, "VippsError", "92", PROCESSED, "capture.all_captured");
    }
    let part = shop.capture_as("key-4", "acme-1", 5000).await;
    exceeds(&part, "capture.exceeds_sum");
    let log = shop.log("acme-1").await;
    assert_eq!(log, ["CAPTURE", "RESERVE", "INITIATE"]);
}
