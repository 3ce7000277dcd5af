//! Cancel: of a request that is open, of a reservation, of what was not captured (reference:
//! ecom.md §2.3 and §3).

use sandkasse_api::Why;
use sandkasse_domain::{
    payment::{Cause, Phase},
    person::Person,
    sales_unit::CaptureType,
};
use sandkasse_engine::Act;
use sandkasse_testkit::{Shop, World, cause_of, days, hours, minutes};
use serde_json::Value;

const CAPTURED: &str = "Cannot cancel an orderId that has already been captured.";
const FAILED: &str = "Cancellation failed, reason unknown.";
const PROCESSED: &str = "The transaction has already been processed.";
const EXCEEDS: &str = "Captured amount exceeds the reserved amount. You can not capture a higher amount than the user has accepted.";

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    (world, shop, kari)
}

#[tokio::test]
async fn ecom_56_an_open_request_is_cancelled() {
    let (world, shop, kari) = stage().await;
    for (order, shown) in [("never-seen", false), ("in-the-app", true)] {
        shop.initiate(order, 20_000).await.ok();
        if shown {
            let phone = kari.phone.clone();
            let act = Act::Show { phone };
            shop.person(order, act).await.expect("the request is open");
        }
        let got = shop.cancel(order).await;
        got.ok_exactly(
            &r#"{"orderId":"ORDER","transactionInfo":{"amount":20000,"transactionText":"Shipped","status":"Cancelled","timeStamp":"2023-06-13T12:00:00.000Z"},"transactionSummary":{"capturedAmount":0,"remainingAmountToCapture":0,"refundedAmount":0,"remainingAmountToRefund":0}}"#
                .replace("ORDER", order),
        );
        // INITIATE and CANCEL share the number that the request got when it reached the app.
        let id = if shown {
            r#""transactionId":"{id}","#
        } else {
            ""
        };
        let ids = shop.details(order).await.ok_exactly(
            &r#"{"orderId":"ORDER","transactionLogHistory":[{"amount":20000,"transactionText":"Shipped",ID"timeStamp":"2023-06-13T12:00:00.000Z","operation":"CANCEL","operationSuccess":true},{"amount":20000,"transactionText":"One pair of socks",ID"timeStamp":"2023-06-13T12:00:00.000Z","operation":"INITIATE","operationSuccess":true}]}"#
                .replace("ORDER", order)
                .replace("ID", id),
        );
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");

        // The app shows it gone: nothing can be done with it any more.
        let approved = shop.approve(order, &kari).await;
        let gone = Cause::NotOpen {
            ended: true,
            phase: Phase::Terminated,
        };
        assert_eq!(approved.map_err(cause_of).err(), Some(gone.clone()));
        let rejected = shop.person(order, Act::Reject).await;
        assert_eq!(rejected.map_err(cause_of).err(), Some(gone));
    }
    // It does not time out as well, and as the merchant knows, there is no callback.
    shop.advance(minutes(11)).await;
    for order in ["never-seen", "in-the-app"] {
        assert_eq!(shop.log(order).await, ["CANCEL", "INITIATE"]);
    }
    assert_eq!(world.recorder.calls(), []);
}

#[tokio::test]
async fn ecom_57_a_reservation_is_voided() {
    let (world, shop, kari) = stage().await;
    shop.reserved("acme-1", 20_000, &kari).await;
    shop.advance(hours(1)).await;
    let got = shop.cancel("acme-1").await;
    let void = got.ok_exactly(
        r#"{"paymentInstrument":"Visa","orderId":"acme-1","transactionInfo":{"amount":20000,"transactionText":"Shipped","status":"Cancelled","transactionId":"{id}","timeStamp":"2023-06-13T13:00:00.000Z"},"transactionSummary":{"capturedAmount":0,"remainingAmountToCapture":0,"refundedAmount":0,"remainingAmountToRefund":0}}"#,
    );
    let ids = shop.details("acme-1").await.ok_exactly(
        r#"{"orderId":"acme-1","transactionSummary":{"capturedAmount":0,"remainingAmountToCapture":0,"refundedAmount":0,"remainingAmountToRefund":0,"bankIdentificationNumber":492556},"transactionLogHistory":[{"amount":20000,"transactionText":"Shipped","transactionId":"{id}","timeStamp":"2023-06-13T13:00:00.000Z","operation":"VOID","requestId":"","operationSuccess":true},{"amount":20000,"transactionText":"One pair of socks","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z","operation":"RESERVE","requestId":"","operationSuccess":true},{"amount":20000,"transactionText":"One pair of socks","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z","operation":"INITIATE","operationSuccess":true}]}"#,
    );
    let [voided, reserved, initiated] = ids.as_slice() else {
        panic!("three ids")
    };
    assert_eq!((voided, reserved), (&void[0], initiated));
    assert_ne!(voided, reserved);
    // Only the approval was told.
    assert_eq!(world.recorder.callbacks("acme-1").len(), 1);
    let late = shop.capture("acme-1", Value::Null).await;
    late.says(
        400,
        "VippsError",
        "91",
        "The transaction is not allowed.",
        "capture.cancelled",
    );
}

#[tokio::test]
async fn ecom_58_ecom_60_what_was_captured_is_not_cancelled() {
    // Captured of 10000, and whether the rest is asked to be released.
    let rows = [(4_000, false), (10_000, false), (10_000, true)];
    let (_, shop, kari) = stage().await;
    for (captured, release) in rows {
        let order = format!("captured-{captured}-{release}");
        shop.reserved(&order, 10_000, &kari).await;
        shop.capture(&order, captured).await.ok();
        let before = shop.details(&order).await.ok();
        let got = match release {
            true => shop.release(&order).await,
            false => shop.cancel(&order).await,
        };
        got.says(400, "Payment", "51", CAPTURED, "cancel.captured");
        assert_eq!(shop.details(&order).await.ok(), before, "{order}");
    }
    // A direct capture is one too.
    shop.change(|unit| unit.capture = CaptureType::Direct).await;
    shop.reserved("direct", 10_000, &kari).await;
    for got in [shop.cancel("direct").await, shop.release("direct").await] {
        got.says(400, "Payment", "51", CAPTURED, "cancel.captured");
    }
}

#[tokio::test]
async fn ecom_59_the_rest_is_released() {
    let (world, shop, kari) = stage().await;
    shop.reserved("acme-1", 10_000, &kari).await;
    shop.capture("acme-1", 4_000).await.ok();
    shop.refund("acme-1", 1_000).await.ok();
    shop.release("acme-1").await.ok_exactly(
        r#"{"paymentInstrument":"Visa","orderId":"acme-1","transactionInfo":{"amount":10000,"transactionText":"Shipped","status":"Cancelled","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z"},"transactionSummary":{"capturedAmount":4000,"remainingAmountToCapture":0,"refundedAmount":1000,"remainingAmountToRefund":3000}}"#,
    );
    let details = shop.details("acme-1").await.ok();
    let newest = &details["transactionLogHistory"][0];
    assert_eq!(
        (&newest["operation"], &newest["amount"]),
        (&Value::from("VOID"), &Value::from(6_000))
    );
    assert_eq!(details["transactionSummary"]["capturedAmount"], 4_000);
    for amount in [Value::from(1), Value::Null] {
        let late = shop.capture("acme-1", amount).await;
        late.says(400, "Payment", "61", EXCEEDS, "capture.released");
    }
    shop.release("acme-1")
        .await
        .says(400, "Payment", "51", CAPTURED, "cancel.captured");
    shop.refund("acme-1", 3_000).await.ok();
    assert_eq!(world.recorder.callbacks("acme-1").len(), 1);

    // Where nothing was captured the flag changes nothing.
    shop.reserved("acme-2", 10_000, &kari).await;
    shop.release("acme-2").await.ok();
    assert_eq!(shop.log("acme-2").await, ["VOID", "RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_61_a_second_cancel_finds_nothing() {
    let (_, shop, kari) = stage().await;
    for order in [
        "open",
        "reserved",
        "rejected",
        "left",
        "timed-out",
        "failed",
    ] {
        let amount = if order == "failed" { 1_82 } else { 10_000 };
        shop.initiate(order, amount).await.ok();
        match order {
            "open" => drop(shop.cancel(order).await.ok()),
            "reserved" => {
                shop.approve(order, &kari).await.expect("kari can pay");
                shop.cancel(order).await.ok();
            }
            "rejected" => drop(shop.person(order, Act::Reject).await.expect("open")),
            "left" => drop(
                shop.person(order, Act::LeaveLandingPage)
                    .await
                    .expect("open"),
            ),
            "failed" => {
                shop.approve(order, &kari).await.expect("the bank says no");
                shop.person(order, Act::Reject).await.expect("still open");
            }
            _ => shop.advance(minutes(5)).await,
        }
        let before = shop.details(order).await.ok();
        let again = shop.cancel(order).await;
        again.says(400, "VippsError", "92", PROCESSED, "cancel.already");
        assert_eq!(shop.details(order).await.ok(), before, "{order}");
    }
}

#[tokio::test]
async fn ecom_62_nobody_is_cancelled_out_of_three_d_secure() {
    let (_, shop, kari) = stage().await;
    shop.initiate("acme-1", 10_000).await.ok();
    let entered = shop.person("acme-1", Act::EnterThreeDSecure).await;
    entered.expect("the request is open");
    let got = shop.cancel("acme-1").await;
    got.says(400, "Payment", "52", FAILED, "cancel.three_d_secure");
    shop.approve("acme-1", &kari).await.expect("it stays open");
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_63_reservations_are_cancelled_for_180_days() {
    let (_, shop, kari) = stage().await;
    for order in ["in-time", "too-late"] {
        shop.reserved(order, 10_000, &kari).await;
    }
    let reserved_at = shop.now();
    shop.advance(days(180)).await;
    shop.cancel("in-time").await.ok();
    shop.advance(days(1)).await;
    let late = shop.cancel("too-late").await;
    late.says(400, "Payment", "52", FAILED, "cancel.too_late");
    // What the explanation will tell: since when it is too late.
    let Some(Why::Payment(cause)) = &late.why else {
        panic!("{:?}", late.why)
    };
    assert_eq!(cause, &Cause::CancelTooLate { reserved_at });
    assert_eq!(shop.log("too-late").await, ["RESERVE", "INITIATE"]);
}
