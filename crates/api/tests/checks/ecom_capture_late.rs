//! Capturing too late, too often, or with members that are not allowed.

use sandkasse_domain::{
    person::CardState,
    sales_unit::{RateLimits, SalesUnit},
};
use sandkasse_testkit::{World, days, minutes, seconds, with_member, without_member};
use serde_json::{Value, json};

const TOO_LATE: &str =
    "Payments can only be captured up to 180 days after reservation. See the FAQ.";

fn unlimited(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
}

#[tokio::test]
async fn ecom_53_members_of_a_capture() {
    const TEXT: (&str, &str) = (
        "transaction.transactionText",
        "transactionText is required, maximum 100 characters",
    );
    const AMOUNT: (&str, &str) = ("transaction.amount", "Invalid amount");
    const MSN: (&str, &str) = (
        "merchantInfo.merchantSerialNumber",
        "merchantSerialNumber must be 4-7 digits",
    );
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("acme-1", 10000, &kari).await;
    let body = shop.modify_body(6000);
    let set = |member: &str, value: Value| with_member(body.clone(), member, value);
    let cut = |member: &str| without_member(body.clone(), member);
    type Faults = &'static [(&'static str, &'static str)];
    let rows: [(Value, &str, Faults); 12] = [
        (cut(TEXT.0), "request.missing", &[TEXT]),
        (set(TEXT.0, json!("")), "request.missing", &[TEXT]),
        (set(TEXT.0, Value::Null), "request.missing", &[TEXT]),
        (
            set(TEXT.0, json!("å".repeat(101))),
            "request.too_long",
            &[TEXT],
        ),
        (set(AMOUNT.0, json!(-1)), "amount.invalid", &[AMOUNT]),
        (
            set(AMOUNT.0, json!(2_147_483_648_i64)),
            "amount.invalid",
            &[AMOUNT],
        ),
        (cut(MSN.0), "msn.format", &[MSN]),
        (set(MSN.0, json!("12x456")), "msn.format", &[MSN]),
        (
            cut("merchantInfo"),
            "request.missing",
            &[("merchantInfo", "merchantInfo is required")],
        ),
        (
            cut("transaction"),
            "request.missing",
            &[("transaction", "transaction is required")],
        ),
        (
            with_member(cut(TEXT.0), AMOUNT.0, -1),
            "amount.invalid",
            &[AMOUNT, TEXT],
        ),
        (
            with_member(cut(TEXT.0), "merchantInfo", json!({})),
            "msn.format",
            &[MSN, TEXT],
        ),
    ];
    for (body, cause, faults) in rows {
        for operation in ["capture", "refund"] {
            let ask = shop.ask_modify(operation, "acme-1", &body).await;
            ask.send().await.refused_fields(cause, faults);
        }
    }
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
    let longest = set(TEXT.0, json!("å".repeat(100)));
    let ask = shop.ask_modify("capture", "acme-1", &longest).await;
    let text = ask.send().await.ok()["transactionInfo"]["transactionText"].clone();
    assert_eq!(text, "å".repeat(100));
}

#[tokio::test]
async fn ecom_54_until_180_days_after_the_reservation() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    for order in ["in-time", "late"] {
        // The days count from the reservation, not from the initiate.
        shop.initiate(order, 10000).await.ok();
    }
    shop.advance(minutes(3)).await;
    for order in ["in-time", "late"] {
        shop.approve(order, &kari).await.expect("Kari can pay");
    }
    shop.advance(days(180)).await;
    let at = "2023-12-10T12:03:00.000Z";
    let got = shop.capture("in-time", 6000).await;
    got.captured("in-time", 6000, at, [6000, 4000, 0, 6000]);
    shop.advance(days(1)).await;
    for amount in [Value::Null, json!(1), json!(10001)] {
        for order in ["in-time", "late"] {
            let got = shop.capture(order, amount.clone()).await;
            got.says(400, "Payment", "98", TOO_LATE, "capture.too_late");
        }
    }
    assert_eq!(shop.log("late").await, ["RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_54_a_late_capture_needs_a_card_that_still_pays() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    // Visa holds the money for seven days, Mastercard for thirty.
    for (order, card) in [("visa", 0), ("mastercard", 1)] {
        shop.initiate(order, 10000).await.ok();
        let approved = shop.approve_with(order, &kari, card, None).await;
        approved.expect("Kari can pay");
    }
    let directory = &world.platform.engine.directory;
    let expire = directory.change_person(shop.environment, &kari.id, |person| {
        for card in &mut person.cards {
            card.state = CardState::Expired;
        }
    });
    expire.await.expect("memory does not fail");
    shop.advance(days(7)).await;
    let text =
        "Capture failed an unknown reason. Retrieve the payment details to see the full details.";
    let got = shop.capture_as("key-1", "visa", 6000).await;
    got.says(400, "Payment", "63", text, "capture.refused_by_bank");
    let details = shop.details("visa").await.ok();
    let failed = &details["transactionLogHistory"][0];
    assert_eq!(
        (&failed["operation"], &failed["amount"]),
        (&json!("CAPTURE"), &json!(6000))
    );
    assert_eq!(failed["operationSuccess"], false);
    assert_eq!(failed["requestId"], "key-1");
    assert_eq!(
        details["transactionSummary"]["remainingAmountToCapture"],
        10000
    );
    shop.capture("mastercard", 6000).await.ok();
}

#[tokio::test]
async fn ecom_55_the_sixth_capture_of_an_order_in_a_minute() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.reserved("acme-1", 10000, &kari).await;
    shop.reserved("acme-2", 10000, &kari).await;
    // Repeats and refused calls count like all others, whatever they were refused for.
    shop.capture_as("key-1", "acme-1", 1000).await.ok();
    shop.capture_as("key-1", "acme-1", 1000).await.ok();
    let much = shop.capture("acme-1", 10000).await;
    much.refused(400, "Payment", "61", "capture.exceeds_sum");
    let bad = shop.capture("acme-1", -1).await;
    bad.refused(
        400,
        "InvalidRequest",
        "transaction.amount",
        "amount.invalid",
    );
    let worse = shop.capture("acme-1", "10").await;
    worse.refused(500, "VippsError", "99", "json.type.amount");
    shop.advance(seconds(15)).await;
    let sixth = shop.capture("acme-1", 1000).await;
    sixth.answered(
        429,
        r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 45 seconds." }"#,
        "rate.capture",
    );
    assert_eq!(sixth.header("retry-after"), Some("45"));
    let repeat = shop.capture_as("key-1", "acme-1", 1000).await;
    assert_eq!((repeat.status, repeat.cause()), (429, "rate.capture"));

    let other = shop.capture("acme-2", 1000).await;
    let at = "2023-06-13T12:00:15.000Z";
    other.captured("acme-2", 1000, at, [1000, 9000, 0, 1000]);
    shop.refund("acme-1", 1000).await.ok();
    shop.advance(seconds(45)).await;
    let next = shop.capture("acme-1", 1000).await;
    let at = "2023-06-13T12:01:00.000Z";
    next.captured("acme-1", 1000, at, [2000, 8000, 1000, 1000]);
}
