//! Refund: amounts, states, time, the settlement account, repetition (reference: ecom.md §2.4).

use sandkasse_domain::{Minor, person::Person};
use sandkasse_engine::Act;
use sandkasse_testkit::{Shop, World, days, minutes};
use serde_json::{Value, json};

const MORE: &str = "Cannot refund more than captured amount.";
const RESERVED: &str = "Cannot refund a reserved order. The orderId can be canceled instead.";
const CANCELLED: &str = "Cannot refund a canceled order.";
const ACCOUNT: &str = "Refund failed during debit from the merchant's account.";
const LATE: &str = "Payments can only be refunded up to 365 days after reservation. See the FAQ.";
const OTHER: &str =
    "The refund request must be identical to the previous request(s) in an idempotent retry.";

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    (world, shop, kari)
}

async fn captured(shop: &Shop, order: &str, amount: i64, kari: &Person) {
    shop.reserved(order, amount, kari).await;
    shop.capture(order, amount).await.ok();
}

#[tokio::test]
async fn ecom_64_all_is_refunded_without_an_amount() {
    let (world, shop, kari) = stage().await;
    for (order, amount) in [
        ("absent", None),
        ("null", Some(Value::Null)),
        ("zero", Some(json!(0))),
        ("said", Some(json!(20_000))),
    ] {
        captured(&shop, order, 20_000, &kari).await;
        let mut body = shop.modify_body(Value::Null);
        if let Some(amount) = amount {
            body["transaction"]["amount"] = amount;
        }
        let got = shop.ask_modify("refund", order, &body).await.send().await;
        let ids = got.ok_exactly(
            &r#"{"paymentInstrument":"Visa","orderId":"ORDER","transaction":{"amount":20000,"transactionText":"Shipped","status":"Refund","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z"},"transactionSummary":{"capturedAmount":20000,"remainingAmountToCapture":0,"refundedAmount":20000,"remainingAmountToRefund":0}}"#
                .replace("ORDER", order),
        );
        let log = shop.details(order).await.ok()["transactionLogHistory"].take();
        let ids_of_log: Vec<_> = (0..4)
            .map(|line| log[line]["transactionId"].clone())
            .collect();
        assert_eq!(ids_of_log[0], ids[0]);
        assert_ne!(ids_of_log[0], ids_of_log[1], "a refund has its own number");
        assert_eq!(world.recorder.callbacks(order).len(), 1);
    }
}

#[tokio::test]
async fn ecom_65_a_part_is_refunded_and_another() {
    let (_, shop, kari) = stage().await;
    captured(&shop, "acme-1", 10_000, &kari).await;
    for (refunded, left) in [(3_000, 7_000), (6_000, 4_000)] {
        let got = shop.refund("acme-1", 3_000).await.ok();
        assert_eq!(
            got["transactionSummary"],
            json!({
                "capturedAmount": 10_000, "remainingAmountToCapture": 0,
                "refundedAmount": refunded, "remainingAmountToRefund": left,
            })
        );
    }
    assert_eq!(
        shop.refund("acme-1", Value::Null).await.ok()["transaction"]["amount"],
        4_000
    );
    // Of a payment of which a part was captured, what is captured can go back.
    shop.reserved("acme-2", 10_000, &kari).await;
    shop.capture("acme-2", 2_500).await.ok();
    let got = shop.refund("acme-2", Value::Null).await.ok();
    assert_eq!(
        got["transactionSummary"],
        json!({
            "capturedAmount": 2_500, "remainingAmountToCapture": 7_500,
            "refundedAmount": 2_500, "remainingAmountToRefund": 0,
        })
    );
}

#[tokio::test]
async fn ecom_66_no_more_than_was_captured() {
    let (_, shop, kari) = stage().await;
    // Captured and refunded before, of 10000; what is asked for; the cause.
    let rows: [(i64, &[i64], Value, &str); 6] = [
        (10_000, &[], json!(10_001), "refund.exceeds"),
        (4_000, &[], json!(4_001), "refund.exceeds"),
        (10_000, &[6_000], json!(4_001), "refund.exceeds_sum"),
        (10_000, &[5_000, 5_000], json!(1), "refund.exceeds_sum"),
        (10_000, &[10_000], Value::Null, "refund.exceeds_sum"),
        (10_000, &[10_000], json!(10_000), "refund.exceeds_sum"),
    ];
    for (row, (taken, refunds, asked, cause)) in rows.into_iter().enumerate() {
        let order = format!("row-{row}");
        shop.reserved(&order, 10_000, &kari).await;
        shop.capture(&order, taken).await.ok();
        for refund in refunds {
            shop.refund(&order, *refund).await.ok();
        }
        let before = shop.details(&order).await.ok();
        let got = shop.refund(&order, asked).await;
        got.says(400, "Payment", "71", MORE, cause);
        assert_eq!(shop.details(&order).await.ok(), before, "{order}");
    }
}

#[tokio::test]
async fn ecom_67_ecom_68_only_captured_money_goes_back() {
    let (_, shop, kari) = stage().await;
    let rows = [
        ("open", "72", RESERVED, "refund.not_captured"),
        ("reserved", "72", RESERVED, "refund.not_captured"),
        ("cancelled", "73", CANCELLED, "refund.cancelled"),
        ("voided", "73", CANCELLED, "refund.cancelled"),
        ("rejected", "73", CANCELLED, "refund.cancelled"),
        ("timed-out", "73", CANCELLED, "refund.cancelled"),
    ];
    for (order, code, text, cause) in rows {
        shop.initiate(order, 10_000).await.ok();
        if matches!(order, "reserved" | "voided") {
            shop.approve(order, &kari).await.expect("kari can pay");
        }
        match order {
            "cancelled" | "voided" => drop(shop.cancel(order).await.ok()),
            "rejected" => drop(shop.person(order, Act::Reject).await.expect("open")),
            "timed-out" => shop.advance(minutes(5)).await,
            _ => {}
        }
        for amount in [Value::Null, json!(1), json!(10_001)] {
            let got = shop.refund(order, amount).await;
            got.says(400, "Payment", code, text, cause);
        }
    }
}

#[tokio::test]
async fn ecom_69_the_settlement_account_must_bear_it() {
    let (_, shop, kari) = stage().await;
    captured(&shop, "acme-1", 10_000, &kari).await;
    // All was paid out, and the account may be overdrawn by 40 kroner.
    let limits = |overdraft| {
        move |unit: &mut sandkasse_domain::sales_unit::SalesUnit| {
            unit.limits.paid_out = Minor::try_new(10_000).unwrap();
            unit.limits.overdraft = Minor::try_new(overdraft);
        }
    };
    shop.change(limits(4_000)).await;
    shop.refund("acme-1", 3_000).await.ok();
    let got = shop.refund_as("key-1", "acme-1", 1_001).await;
    got.says(400, "Payment", "74", ACCOUNT, "refund.settlement");
    let details = shop.details("acme-1").await.ok();
    assert_eq!(details["transactionSummary"]["refundedAmount"], 3_000);
    let newest = &details["transactionLogHistory"][0];
    assert_eq!(
        (
            &newest["operation"],
            &newest["operationSuccess"],
            &newest["amount"],
            &newest["requestId"]
        ),
        (
            &json!("REFUND"),
            &json!(false),
            &json!(1_001),
            &json!("key-1")
        )
    );
    shop.refund("acme-1", 1_000).await.ok();
    // What failed may be repeated under its key, and is then carried out.
    shop.change(limits(5_001)).await;
    let repeated = shop.refund_as("key-1", "acme-1", 1_001).await.ok();
    assert_eq!(repeated["transactionSummary"]["refundedAmount"], 5_001);
    let log = [
        "REFUND", "REFUND", "REFUND!", "REFUND", "CAPTURE", "RESERVE", "INITIATE",
    ];
    assert_eq!(shop.log("acme-1").await, log);
}

#[tokio::test]
async fn ecom_70_refunds_end_365_days_after_the_reservation() {
    let (_, shop, kari) = stage().await;
    shop.reserved("acme-1", 10_000, &kari).await;
    shop.advance(days(20)).await;
    // The bank's hold on the card is over and the card is good, so this works, and counts nothing.
    shop.capture("acme-1", Value::Null).await.ok();
    shop.advance(days(345)).await;
    shop.refund("acme-1", 1_000).await.ok();
    shop.advance(days(1)).await;
    for amount in [json!(1_000), Value::Null, json!(10_000)] {
        let got = shop.refund("acme-1", amount).await;
        got.says(400, "Payment", "95", LATE, "refund.too_late");
    }
}

#[tokio::test]
async fn ecom_71_a_repeated_refund_is_one_refund() {
    let (_, shop, kari) = stage().await;
    captured(&shop, "acme-1", 10_000, &kari).await;
    let first = shop.refund_as("key-1", "acme-1", 3_000).await;
    first.ok();
    shop.advance(days(1)).await;
    let again = shop.refund_as("key-1", "acme-1", 3_000).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    for amount in [json!(3_001), Value::Null] {
        let other = shop.refund_as("key-1", "acme-1", amount).await;
        other.says(400, "VippsError", "93", OTHER, "idempotency.key_reused");
    }
    let mut text = shop.modify_body(3_000);
    text["transaction"]["transactionText"] = "Returned".into();
    let other = shop.ask_modify("refund", "acme-1", &text).await;
    let other = other.header("X-Request-Id", "key-1").send().await;
    other.says(400, "VippsError", "93", OTHER, "idempotency.key_reused");

    let log = ["REFUND", "CAPTURE", "RESERVE", "INITIATE"];
    assert_eq!(shop.log("acme-1").await, log);
    let summary = shop.details("acme-1").await.ok()["transactionSummary"].take();
    assert_eq!(summary["refundedAmount"], 3_000);
    // The key counts for this order and operation alone.
    captured(&shop, "acme-2", 10_000, &kari).await;
    shop.refund_as("key-1", "acme-2", 5_000).await.ok();
}
