//! Details: the log, the sums, and who may see them (reference: ecom.md §2.5).

use jiff::SignedDuration;
use sandkasse_api::Why;
use sandkasse_domain::payment::Cause;
use sandkasse_testkit::{Shop, World, closed, minutes};
use serde_json::{Value, json};

const UNKNOWN: &str = "Requested Order not found";

async fn every_operation(shop: &Shop, order: &str) -> Vec<sandkasse_testkit::Got> {
    vec![
        shop.details(order).await,
        shop.status(order).await,
        shop.capture(order, 10_000).await,
        shop.cancel(order).await,
        shop.refund(order, Value::Null).await,
    ]
}

#[tokio::test]
async fn ecom_72_an_unknown_order_is_not_found() {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    shop.reserved("acme-1", 10_000, &kari).await;
    // Another name, another case, a part, what is no order id at all, another environment's.
    let production = world
        .shop(|unit| unit.environment = sandkasse_domain::Environment::Production)
        .await;
    production.initiate("elsewhere", 10_000).await.ok();
    let long = "a".repeat(51);
    for order in [
        "acme-2",
        "ACME-1",
        "acme",
        "acme_1",
        "acme%201",
        "elsewhere",
        &long,
    ] {
        for got in every_operation(&shop, order).await {
            got.says(404, "Merchant", "35", UNKNOWN, "order.unknown");
            let Some(Why::Payment(Cause::OrderUnknown { asked_by, .. })) = &got.why else {
                panic!("{:?}", got.why)
            };
            assert_eq!(*asked_by, shop.msn);
        }
    }
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_73_an_order_of_another_unit_is_not_found() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let sister = world.shop_of(&shop.unit().facts.merchant, |_| {}).await;
    let stranger = world.shop(|_| {}).await;
    let kari = world.person(|_| {}).await;
    shop.reserved("acme-1", 10_000, &kari).await;
    for got in every_operation(&sister, "acme-1").await {
        got.says(404, "Merchant", "35", UNKNOWN, "order.other_unit");
        // The explanation may name it: it is the caller's own.
        let Some(Why::Payment(Cause::OrderOfAnotherUnit {
            owned_by, asked_by, ..
        })) = &got.why
        else {
            panic!("{:?}", got.why)
        };
        assert_eq!((owned_by, asked_by), (&shop.msn, &sister.msn));
    }
    // Somebody else learns nothing, not even from the cause.
    for got in every_operation(&stranger, "acme-1").await {
        got.says(404, "Merchant", "35", UNKNOWN, "order.unknown");
    }
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_74_polling_is_limited_per_order_and_key() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for order in ["acme-1", "acme-2"] {
        shop.initiate(order, 10_000).await.ok();
    }
    let path = |order: &str, what: &str| format!("/ecomm/v2/payments/{order}/{what}");
    let ask = shop.ask("GET", &path("acme-1", "details")).await;
    for _ in 0..120 {
        ask.clone().send().await.ok();
    }
    shop.advance(SignedDuration::from_secs(18)).await;
    let got = ask.clone().send().await;
    got.answered(
        429,
        r#"{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in 42 seconds." }"#,
        "rate.details",
    );
    assert_eq!(got.header("retry-after"), Some("42"));
    assert_eq!(got.header("content-type"), Some("application/json"));

    let secondary = shop.keys().secondary;
    let other_key = ask.clone().header("Ocp-Apim-Subscription-Key", &secondary);
    other_key.send().await.ok();
    // Another operation and another order have windows of their own.
    shop.status("acme-1").await.ok();
    shop.details("acme-2").await.ok();
    // The window closes a minute after it opened.
    shop.advance(SignedDuration::from_millis(41_999)).await;
    assert_eq!(ask.clone().send().await.status, 429);
    shop.advance(SignedDuration::from_millis(1)).await;
    ask.send().await.ok();

    // Status has the same limit.
    let ask = shop.ask("GET", &path("acme-2", "status")).await;
    for _ in 0..120 {
        ask.clone().send().await.ok();
    }
    assert_eq!(ask.send().await.cause(), "rate.details");
}

/// The whole life of a payment, to the byte, as recorded on 2021-07-09.
#[tokio::test]
async fn ecom_75_ecom_76_ecom_77_the_log_is_exact_and_newest_first() {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let milliseconds = SignedDuration::from_millis;
    shop.initiate("acme-1", 500).await.ok();
    shop.advance(milliseconds(24_393)).await;
    // With the second card.
    let approved = shop.approve_with("acme-1", &kari, 1, None).await;
    approved.expect("kari can pay");
    shop.advance(milliseconds(22_370)).await;
    let captured = shop.capture_as("XIDC1", "acme-1", 400).await;
    let capture = captured.ok_exactly(
        r#"{"paymentInstrument":"Mastercard","orderId":"acme-1","transactionInfo":{"amount":400,"timeStamp":"2023-06-13T12:00:46.763Z","transactionText":"Shipped","status":"Captured","transactionId":"{id}"},"transactionSummary":{"capturedAmount":400,"remainingAmountToCapture":100,"refundedAmount":0,"remainingAmountToRefund":400}}"#,
    );
    shop.advance(minutes(1)).await;
    shop.capture("acme-1", Value::Null).await.ok();
    shop.advance(milliseconds(7)).await;
    shop.refund_as("XIDR1", "acme-1", 500).await.ok();

    let ids = shop.details("acme-1").await.ok_exactly(concat!(
        r#"{"orderId":"acme-1","transactionSummary":{"capturedAmount":500,"remainingAmountToCapture":0,"refundedAmount":500,"remainingAmountToRefund":0,"bankIdentificationNumber":534489},"transactionLogHistory":["#,
        r#"{"amount":500,"transactionText":"Shipped","transactionId":"{id}","timeStamp":"2023-06-13T12:01:46.770Z","operation":"REFUND","requestId":"XIDR1","operationSuccess":true},"#,
        r#"{"amount":100,"transactionText":"Shipped","transactionId":"{id}","timeStamp":"2023-06-13T12:01:46.763Z","operation":"CAPTURE","requestId":"","operationSuccess":true},"#,
        r#"{"amount":400,"transactionText":"Shipped","transactionId":"{id}","timeStamp":"2023-06-13T12:00:46.763Z","operation":"CAPTURE","requestId":"XIDC1","operationSuccess":true},"#,
        r#"{"amount":500,"transactionText":"One pair of socks","transactionId":"{id}","timeStamp":"2023-06-13T12:00:24.393Z","operation":"RESERVE","requestId":"","operationSuccess":true},"#,
        r#"{"amount":500,"transactionText":"One pair of socks","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z","operation":"INITIATE","operationSuccess":true}]}"#,
    ));
    // INITIATE and RESERVE share their number, every other movement has its own.
    let [refund, second, first, reserve, initiate] = ids.as_slice() else {
        panic!("five ids")
    };
    assert_eq!((reserve, first), (initiate, &capture[0]));
    let different: std::collections::BTreeSet<_> = [refund, second, first, reserve].into();
    assert_eq!(different.len(), 4);
}

#[tokio::test]
async fn details_are_given_for_closed_units_too() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 500).await.ok();
    shop.change(|unit| unit.state = closed()).await;
    assert_eq!(
        shop.details("acme-1").await.ok()["orderId"],
        json!("acme-1")
    );
}
