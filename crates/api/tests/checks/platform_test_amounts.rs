//! Test amounts: in the test environment the amount says what the bank answers.

use sandkasse_domain::{Environment, payment::State, sales_unit::RateLimits};
use sandkasse_engine::Act;
use sandkasse_testkit::{Shop, World, hours, minutes, seconds};

/// Amount, then code and text of the error that the merchant hears of.
const REFUSED: [(i64, &str, &str); 7] = [
    (151, "42", "Refused by the issuer."),
    (182, "42", "Refused by the issuer."),
    (183, "42", "Refused by the issuer."),
    (184, "42", "Refused by the issuer."),
    (186, "44", "Refused by the issuer: Expired card."),
    (187, "41", "The user does not have a valid card."),
    (197, "45", "Reservation failed, reason unknown."),
];

#[tokio::test]
async fn plat_58_faq_114_refused_amounts_and_what_the_merchant_hears() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    for (amount, code, text) in REFUSED {
        for gives_up in [Some(Act::Reject), Some(Act::LeaveLandingPage), None] {
            let shop = world.shop(|_| {}).await;
            let order = format!("acme-{amount}-{}", shop.msn);
            shop.initiate(&order, amount).await.ok();
            let tried = shop.approve(&order, &kari).await.expect("the app answers");
            assert!(
                matches!(tried.payment.state, State::Initiated(_)),
                "still open"
            );
            assert_eq!(shop.log(&order).await, ["RESERVE!", "INITIATE"], "{amount}");
            // A second card is refused for the same amount, and nobody was called so far.
            shop.approve_with(&order, &kari, 1, None)
                .await
                .expect("the app answers");
            let log = ["RESERVE!", "RESERVE!", "INITIATE"];
            assert_eq!(shop.log(&order).await, log);
            assert_eq!(world.recorder.callbacks(&order).len(), 0);
            match gives_up {
                Some(act) => drop(shop.person(&order, act).await.expect("open")),
                None => shop.advance(minutes(5)).await,
            }
            let calls = world.recorder.callbacks(&order);
            let [call] = calls.as_slice() else {
                panic!("{} callbacks", calls.len())
            };
            let body = call.body.as_deref().expect("a body");
            let callback = world.recorder.callback(&order);
            let info = &callback["transactionInfo"];
            assert_eq!(info["status"], "RESERVE_FAILED", "{body}");
            assert_eq!(info["amount"], amount);
            let error = format!(
                r#","errorInfo":{{"errorCode":"{code}","errorGroup":"Payment","errorMessage":"{text}"}}}}"#
            );
            assert!(body.ends_with(&error), "{body}");
            assert_eq!(shop.log(&order).await, log);
            let got = shop.capture(&order, amount).await;
            got.refused(400, "Payment", "62", "capture.ended");
        }
    }
}

#[tokio::test]
async fn plat_58_201_is_unknown_for_an_hour() {
    let world = World::new().await;
    let shop = world.shop(|unit| unit.rate_limits = RateLimits::Off).await;
    let kari = world.person(|_| {}).await;
    shop.initiate("acme-1", 201).await.ok();
    shop.approve("acme-1", &kari)
        .await
        .expect("the app answers");
    for wait in [seconds(0), minutes(10), minutes(49) + seconds(59)] {
        shop.advance(wait).await;
        for got in [
            shop.capture("acme-1", 201).await,
            shop.cancel("acme-1").await,
            shop.refund("acme-1", 201).await,
        ] {
            let text = got.refused(409, "VippsError", "94", "order.outcome_pending");
            assert_eq!(text, "Order locked and is already processing.");
        }
        assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
        let status = shop.status("acme-1").await.ok();
        assert_eq!(status["transactionInfo"]["status"], "REGISTER");
        assert_eq!(world.recorder.callbacks("acme-1").len(), 0);
    }
    shop.advance(seconds(1)).await;
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
    let callback = world.recorder.callback("acme-1");
    assert_eq!(callback["transactionInfo"]["status"], "RESERVED");
    assert!(callback.get("errorInfo").is_none());
    let captured = shop.capture("acme-1", 201).await.ok();
    assert_eq!(captured["transactionSummary"]["capturedAmount"], 201);
}

#[tokio::test]
async fn plat_58_202_wants_a_confirmation() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let kari = world.person(|_| {}).await;
    shop.initiate("acme-1", 202).await.ok();
    let first = shop
        .approve("acme-1", &kari)
        .await
        .expect("the app answers");
    let open = first.payment.open().expect("nothing is decided");
    assert!(open.in_three_d_secure);
    assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
    assert_eq!(world.recorder.callbacks("acme-1").len(), 0);
    let got = shop.cancel("acme-1").await;
    let text = got.refused(400, "Payment", "52", "cancel.three_d_secure");
    assert_eq!(text, "Cancellation failed, reason unknown.");
    shop.approve("acme-1", &kari).await.expect("confirmed");
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
    let callback = world.recorder.callback("acme-1");
    assert_eq!(callback["transactionInfo"]["status"], "RESERVED");
}

#[tokio::test]
async fn plat_58_every_other_amount_is_only_an_amount() {
    let world = World::new().await;
    let reserved_at_once = async |shop: &Shop, amount: i64| {
        let order = format!("acme-{amount}");
        let kari = world.person_in(shop.environment, |_| {}).await;
        shop.reserved(&order, amount, &kari).await;
        assert_eq!(shop.log(&order).await, ["RESERVE", "INITIATE"], "{amount}");
    };
    let test = world.shop(|_| {}).await;
    for amount in [
        100, 150, 152, 181, 185, 188, 196, 198, 200, 203, 15_100, 18_600,
    ] {
        reserved_at_once(&test, amount).await;
    }
    let live = world
        .shop(|unit| unit.environment = Environment::Production)
        .await;
    for amount in REFUSED.map(|row| row.0).into_iter().chain([201, 202]) {
        reserved_at_once(&live, amount).await;
    }
}

#[tokio::test]
async fn plat_59_force_approve_ignores_test_amounts() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let kari = world.person(|_| {}).await;
    for amount in REFUSED.map(|row| row.0).into_iter().chain([201, 202]) {
        let order = format!("acme-{amount}");
        shop.initiate(&order, amount).await.ok();
        let got = shop.force_approve(&order, kari.phone.as_str()).await;
        got.answered(200, "", "");
        assert_eq!(shop.log(&order).await, ["RESERVE", "INITIATE"], "{amount}");
        let callback = world.recorder.callback(&order);
        assert_eq!(callback["transactionInfo"]["status"], "RESERVED");
        assert!(callback.get("errorInfo").is_none());
    }
    // Nothing is left over that would happen later.
    shop.advance(hours(2)).await;
    assert_eq!(shop.log("acme-201").await, ["RESERVE", "INITIATE"]);
}
