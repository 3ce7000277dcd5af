//! What comes of a payment when the bank has a say: refused cards, and direct capture.

use sandkasse_domain::{
    person::{Card, CardState, Person},
    sales_unit::CaptureType,
};
use sandkasse_engine::Act;
use sandkasse_testkit::{Shop, World, minutes};
use serde_json::{Value, json};

fn card(state: CardState) -> Card {
    Card {
        brand: "Visa".to_owned(),
        bin: 492_556,
        state,
    }
}

/// The order's first approval attempt, which the bank refuses: nothing is told to anybody yet.
async fn refused(world: &World, shop: &Shop, order: &str, amount: i64, person: &Person) {
    shop.initiate(order, amount).await.ok();
    let attempt = shop.approve(order, person).await;
    attempt.expect("an attempt is no mistake");
    let details = shop.details(order).await.ok();
    assert!(details.get("transactionSummary").is_none(), "{details}");
    assert_eq!(shop.log(order).await, ["RESERVE!", "INITIATE"]);
    assert!(world.recorder.callbacks(order).is_empty());
}

#[tokio::test]
async fn ecom_40_a_second_card_after_a_refused_one() {
    let world = World::new().await;
    let kari = world
        .person(|person| {
            if let Some(card) = person.cards.first_mut() {
                card.state = CardState::InsufficientFunds;
            }
        })
        .await;
    let shop = world.shop(|_| {}).await;
    refused(&world, &shop, "acme-1", 49900, &kari).await;
    let second = shop.approve_with("acme-1", &kari, 1, None).await;
    second.expect("the Mastercard is good");

    let log = shop.log("acme-1").await;
    assert_eq!(log, ["RESERVE", "RESERVE!", "INITIATE"]);
    let details = shop.details("acme-1").await.ok();
    assert_eq!(
        details["transactionSummary"],
        json!({
            "capturedAmount": 0,
            "remainingAmountToCapture": 49900,
            "refundedAmount": 0,
            "remainingAmountToRefund": 0,
            "bankIdentificationNumber": 534_489,
        })
    );
    let told = world.recorder.callback("acme-1");
    assert_eq!(told["transactionInfo"]["status"], "RESERVED");
    assert!(told["errorInfo"].is_null(), "{told}");
    let captured = shop.capture("acme-1", Value::Null).await.ok();
    assert_eq!(captured["paymentInstrument"], "Mastercard");
}

#[tokio::test]
async fn ecom_41_a_refused_card_and_then_nothing() {
    let issuer = ("42", "Refused by the issuer.");
    let invalid = ("41", "The user does not have a valid card.");
    let expired = ("44", "Refused by the issuer: Expired card.");
    let unknown = ("45", "Reservation failed, reason unknown.");
    let world = World::new().await;
    let rows: [(Vec<Card>, i64, (&str, &str)); 7] = [
        (vec![card(CardState::InsufficientFunds)], 49900, issuer),
        (vec![card(CardState::Blocked)], 49900, invalid),
        (vec![card(CardState::Expired)], 49900, expired),
        (vec![], 49900, invalid),
        (vec![card(CardState::Valid)], 151, issuer),
        (vec![card(CardState::Valid)], 186, expired),
        (vec![card(CardState::Valid)], 197, unknown),
    ];
    let ends = [Some(Act::Reject), Some(Act::LeaveLandingPage), None];
    for (cards, amount, (code, text)) in rows {
        let kari = world.person(|person| person.cards = cards).await;
        for (capture, status) in [
            (CaptureType::Reserve, "RESERVE_FAILED"),
            (CaptureType::Direct, "SALE_FAILED"),
        ] {
            for end in &ends {
                let shop = world.shop(|facts| facts.capture = capture).await;
                let order = format!("acme-{}", shop.msn);
                refused(&world, &shop, &order, amount, &kari).await;
                let minute = if let Some(act) = end {
                    shop.person(&order, act.clone()).await.expect("still open");
                    "00"
                } else {
                    shop.advance(minutes(5)).await;
                    "05"
                };
                let calls = world.recorder.callbacks(&order);
                let [call] = calls.as_slice() else {
                    panic!("{} callbacks about {order}", calls.len())
                };
                let details = shop.details(&order).await.ok();
                let id = &details["transactionLogHistory"][0]["transactionId"];
                let msn = &shop.msn;
                assert_eq!(
                    call.body.as_deref(),
                    Some(
                        format!(
                            concat!(
                                r#"{{"merchantSerialNumber":"{}","orderId":"{}","transactionInfo":"#,
                                r#"{{"transactionId":{},"amount":{},"status":"{}","#,
                                r#""timeStamp":"2023-06-13T12:{}:00.000Z"}},"errorInfo":"#,
                                r#"{{"errorCode":"{}","errorGroup":"Payment","errorMessage":"{}"}}}}"#,
                            ),
                            msn, order, id, amount, status, minute, code, text
                        )
                        .as_str()
                    )
                );
                assert_eq!(shop.log(&order).await, ["RESERVE!", "INITIATE"]);
                let late = shop.approve(&order, &kari).await;
                late.expect_err("it is over");
                let captured = shop.capture(&order, Value::Null).await;
                captured.refused(400, "Payment", "62", "capture.ended");
            }
        }
    }
}

#[tokio::test]
async fn ecom_42_a_direct_capture_unit_sells_at_approval() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world
        .shop(|facts| facts.capture = CaptureType::Direct)
        .await;
    shop.reserved("acme-1", 49900, &kari).await;
    assert_eq!(shop.log("acme-1").await, ["SALE", "INITIATE"]);
    let details = shop.details("acme-1").await.ok();
    assert_eq!(
        details["transactionSummary"],
        json!({
            "capturedAmount": 49900,
            "remainingAmountToCapture": 0,
            "refundedAmount": 0,
            "remainingAmountToRefund": 49900,
            "bankIdentificationNumber": 492_556,
        })
    );
    let told = world.recorder.callback("acme-1");
    assert_eq!(told["transactionInfo"]["status"], "SALE");
    assert_eq!(told["transactionInfo"]["amount"], 49900);

    // Nothing is left to capture, of whatever amount; it can be refunded, not cancelled.
    let processed = "The transaction has already been processed.";
    for amount in [Value::Null, json!(49900), json!(1), json!(49901)] {
        let got = shop.capture("acme-1", amount).await;
        got.says(400, "VippsError", "92", processed, "capture.direct");
    }
    let cancelled = shop.cancel("acme-1").await;
    cancelled.refused(400, "Payment", "51", "cancel.captured");
    shop.refund("acme-1", 49900).await.ok();
    assert_eq!(shop.log("acme-1").await, ["REFUND", "SALE", "INITIATE"]);

    // What was initiated before the unit changed stays what it was.
    shop.initiate("acme-2", 49900).await.ok();
    shop.change(|facts| facts.capture = CaptureType::Reserve)
        .await;
    shop.approve("acme-2", &kari).await.expect("Kari can pay");
    assert_eq!(shop.log("acme-2").await, ["SALE", "INITIATE"]);
    shop.reserved("acme-3", 49900, &kari).await;
    assert_eq!(shop.log("acme-3").await, ["RESERVE", "INITIATE"]);
}
