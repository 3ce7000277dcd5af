//! The same `X-Request-Id` again: the same answer for the same request, and nothing twice.

use sandkasse_domain::{
    merchant::Standing,
    sales_unit::{RateLimits, SalesUnit},
};
use sandkasse_testkit::{World, days, minutes, with_member};
use serde_json::{Value, json};

const NOON: &str = "2023-06-13T12:00:00.000Z";
const OTHER_CAPTURE: &str =
    "The capture request must be identical to the previous request(s) in an idempotent retry.";
const OTHER_REFUND: &str =
    "The refund request must be identical to the previous request(s) in an idempotent retry.";
const LONG: (&str, &str) = ("X-Request-Id", "Maximum 40 characters");

fn unlimited(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
}

#[tokio::test]
async fn ecom_49_a_repeat_answers_the_same_bytes() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    shop.reserved("acme-2", 10000, &kari).await;
    let first = shop.capture_as("key-1", "acme-1", 6000).await;
    let id = first.captured("acme-1", 6000, NOON, [6000, 4000, 0, 6000]);

    // However much later, and whatever has happened since.
    let repeat = async || {
        let again = shop.capture_as("key-1", "acme-1", 6000).await;
        again.answered(200, &first.body, "");
        assert_eq!(again.header("content-type"), first.header("content-type"));
    };
    repeat().await;
    shop.advance(minutes(1)).await;
    shop.capture_as("key-2", "acme-1", 4000).await.ok();
    repeat().await;
    shop.refund("acme-1", 10000).await.ok();
    repeat().await;
    shop.advance(days(400)).await;
    repeat().await;
    let log = shop.log("acme-1").await;
    assert_eq!(log, ["REFUND", "CAPTURE", "CAPTURE", "RESERVE", "INITIATE"]);

    // The key belongs to this order of this unit.
    let shop2 = world.shop(unlimited).await;
    shop2.reserved("acme-1", 10000, &kari).await;
    let elsewhere = shop2.capture_as("key-1", "acme-1", 6000).await;
    let at = "2023-06-13T12:00:00.000Z";
    let other = elsewhere.captured("acme-1", 6000, at, [6000, 4000, 0, 6000]);
    assert_ne!(other, id);
    let too_late = shop.capture_as("key-1", "acme-2", 6000).await;
    too_late.refused(400, "Payment", "98", "capture.too_late");
}

#[tokio::test]
async fn ecom_49_a_repeat_says_everything_in_any_way() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    let first = shop.capture_as("key-1", "acme-1", Value::Null).await;
    first.captured("acme-1", 10000, NOON, [10000, 0, 0, 10000]);
    let zero = shop.capture_as("key-1", "acme-1", 0).await;
    zero.answered(200, &first.body, "");
    let body = with_member(shop.modify_body(Value::Null), "unknown", "member");
    let ask = shop.ask_modify("capture", "acme-1", &body).await;
    let again = ask.header("x-request-id", "key-1").send().await;
    again.answered(200, &first.body, "");
    assert_eq!(shop.log("acme-1").await, ["CAPTURE", "RESERVE", "INITIATE"]);

    // The unit was closed meanwhile: that is told before anything is looked up.
    let orgno = shop.unit().facts.merchant.clone();
    world.set_standing(&orgno, Standing::Deactivated).await;
    let closed = shop.capture_as("key-1", "acme-1", Value::Null).await;
    closed.refused(400, "Merchant", "37", "merchant.deactivated");
}

#[tokio::test]
async fn ecom_49_without_a_key_every_call_counts() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    let first = shop.capture("acme-1", 3000).await;
    first.captured("acme-1", 3000, NOON, [3000, 7000, 0, 3000]);
    // An empty key is none.
    for sums in [[6000, 4000, 0, 6000], [9000, 1000, 0, 9000]] {
        let got = shop.capture_as("", "acme-1", 3000).await;
        got.captured("acme-1", 3000, NOON, sums);
    }
}

#[tokio::test]
async fn ecom_50_the_key_was_used_for_another_request() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    let first = shop.capture_as("key-1", "acme-1", 6000).await;
    first.captured("acme-1", 6000, NOON, [6000, 4000, 0, 6000]);
    shop.refund_as("key-1", "acme-1", 1000).await.ok();

    let text = "transaction.transactionText";
    let others = [
        shop.modify_body(3000),
        shop.modify_body(10001),
        shop.modify_body(Value::Null),
        with_member(shop.modify_body(6000), text, "Sent"),
        with_member(shop.modify_body(1000), text, "Sent"),
    ];
    for body in &others {
        for (operation, says) in [("capture", OTHER_CAPTURE), ("refund", OTHER_REFUND)] {
            let ask = shop.ask_modify(operation, "acme-1", body).await;
            let got = ask.header("X-Request-Id", "key-1").send().await;
            let cause = "idempotency.key_reused";
            got.says(400, "VippsError", "93", says, cause);
        }
    }
    let again = shop.capture_as("key-1", "acme-1", 6000).await;
    again.answered(200, &first.body, "");
    // A key is its characters, case and all.
    let other_key = shop.capture_as("KEY-1", "acme-1", 3000).await;
    other_key.captured("acme-1", 3000, NOON, [9000, 1000, 1000, 8000]);
}

#[tokio::test]
async fn ecom_50_a_failed_attempt_leaves_its_key_free() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.initiate("acme-1", 10000).await.ok();
    let early = shop.capture_as("key-1", "acme-1", 6000).await;
    early.refused(400, "Payment", "62", "capture.not_approved");
    shop.approve("acme-1", &kari).await.expect("Kari can pay");
    let much = shop.capture_as("key-1", "acme-1", 10001).await;
    much.refused(400, "Payment", "61", "capture.exceeds");
    let bad = shop.capture_as("key-1", "acme-1", -1).await;
    bad.refused(
        400,
        "InvalidRequest",
        "transaction.amount",
        "amount.invalid",
    );
    let good = shop.capture_as("key-1", "acme-1", 6000).await;
    good.captured("acme-1", 6000, NOON, [6000, 4000, 0, 6000]);
    let then = shop.capture_as("key-1", "acme-1", 10001).await;
    then.refused(400, "VippsError", "93", "idempotency.key_reused");
}

#[tokio::test]
async fn ecom_51_capture_and_refund_under_one_key() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    // The official collection uses the order id for both.
    let captured = shop.capture_as("acme-1", "acme-1", 6000).await;
    let capture_id = captured.captured("acme-1", 6000, NOON, [6000, 4000, 0, 6000]);
    let refunded = shop.refund_as("acme-1", "acme-1", 6000).await;
    let refund_id = refunded.ok()["transaction"]["transactionId"].clone();
    assert_ne!(refund_id, json!(capture_id));

    let again = shop.capture_as("acme-1", "acme-1", 6000).await;
    again.answered(200, &captured.body, "");
    let again = shop.refund_as("acme-1", "acme-1", 6000).await;
    again.answered(200, &refunded.body, "");
    let details = shop.details("acme-1").await.ok();
    let log = &details["transactionLogHistory"];
    for (entry, operation, id) in [
        (0, "REFUND", &refund_id),
        (1, "CAPTURE", &json!(capture_id)),
    ] {
        assert_eq!(log[entry]["operation"], operation);
        assert_eq!(log[entry]["transactionId"], *id);
        assert_eq!(log[entry]["requestId"], "acme-1");
    }
    assert_eq!(log[2]["operation"], "RESERVE");
}

#[tokio::test]
async fn ecom_52_keys_have_forty_characters_at_most() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    let (longest, long) = ("k".repeat(40), "k".repeat(41));
    let got = shop.capture_as(&long, "acme-1", 6000).await;
    got.refused_fields("request.too_long", &[LONG]);
    let body = with_member(shop.modify_body(-1), "transaction.transactionText", "");
    let ask = shop.ask_modify("capture", "acme-1", &body).await;
    let got = ask.header("X-Request-Id", &long).send().await;
    let text = "transactionText is required, maximum 100 characters";
    got.refused_fields(
        "amount.invalid",
        &[
            ("transaction.amount", "Invalid amount"),
            ("transaction.transactionText", text),
            LONG,
        ],
    );
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);

    let got = shop.capture_as(&longest, "acme-1", 6000).await;
    got.captured("acme-1", 6000, NOON, [6000, 4000, 0, 6000]);
    let entry = shop.details("acme-1").await.ok()["transactionLogHistory"][0].clone();
    assert_eq!(entry["requestId"], longest);
    let got = shop.refund_as(&long, "acme-1", 1000).await;
    got.refused_fields("request.too_long", &[LONG]);
    shop.refund_as(&longest, "acme-1", 1000).await.ok();

    // Where the header has no effect its length has none either.
    shop.reserved("acme-2", 10000, &kari).await;
    let body = shop.modify_body(Value::Null);
    let ask = shop.ask_modify("cancel", "acme-2", &body).await;
    let got = ask.header("X-Request-Id", &long).send().await;
    got.ok();
}
