//! Express checkout: what shipping adds to the amount, and how a person is forgotten (reference:
//! ecom.md §2.8 and §6).

use sandkasse_domain::{Environment, person::Person};
use sandkasse_store::{OutgoingCall, Purpose};
use sandkasse_testkit::{Shop, World};
use serde_json::json;

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    (world, shop, kari)
}

#[tokio::test]
async fn ecom_91_shipping_is_paid_too() {
    let (_, shop, kari) = stage().await;
    for (method, reserved) in [
        (None, 29_900),
        (Some("post"), 29_900),
        (Some("collect"), 20_000),
    ] {
        let order = format!("{reserved}-{}", method.unwrap_or_default());
        shop.initiate_with(&shop.express_body(&order, 20_000))
            .await
            .ok();
        let approved = shop.approve_with(&order, &kari, 0, method).await;
        approved.expect("kari can pay");
        let details = shop.details(&order).await.ok();
        assert_eq!(details["transactionLogHistory"][0]["amount"], reserved);
        assert_eq!(details["transactionLogHistory"][1]["amount"], 20_000);
        let more = shop.capture(&order, reserved + 1).await;
        more.refused(400, "Payment", "61", "capture.exceeds");
        let captured = shop.capture(&order, reserved).await.ok();
        assert_eq!(captured["transactionSummary"]["capturedAmount"], reserved);
    }
}

/// Without a default the first method counts, for the bank as well: its test amounts are sums.
#[tokio::test]
async fn without_a_default_the_first_method_is_paid() {
    let (_, shop, kari) = stage().await;
    for (first, log) in [
        (0.86, ["RESERVE!", "INITIATE"]),
        (0.87, ["RESERVE!", "INITIATE"]),
        (1.0, ["RESERVE", "INITIATE"]),
    ] {
        let order = format!("cost-{}", (first * 100.0_f64).round());
        let mut body = shop.express_body(&order, 100);
        body["merchantInfo"]["staticShippingDetails"] = json!([
            { "isDefault": "N", "priority": 2, "shippingCost": 5, "shippingMethod": "Post", "shippingMethodId": "post" },
            { "isDefault": "N", "priority": 1, "shippingCost": first, "shippingMethod": "Collect", "shippingMethodId": "collect" },
        ]);
        shop.initiate_with(&body).await.ok();
        shop.approve(&order, &kari)
            .await
            .expect("the request is open");
        assert_eq!(shop.log(&order).await, log, "{order}");
    }
}

#[tokio::test]
async fn ecom_92_who_wants_to_be_forgotten_is_told_on() {
    let (world, shop, kari) = stage().await;
    assert!(!shop.revoke(&kari).await, "nothing was shared yet");
    let mut body = shop.express_body("acme-1", 20_000);
    body["merchantInfo"]["authToken"] = "Basic abc".into();
    shop.initiate_with(&body).await.ok();
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    let before = shop.details("acme-1").await.ok();

    assert!(shop.revoke(&kari).await);
    let engine = &world.platform.engine;
    let user_id = engine.express_user_id(Environment::Test, &shop.msn, &kari.id);
    assert_eq!(before["userDetails"]["userId"], user_id);
    let encoded = user_id
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let calls = world.recorder.calls();
    let call = calls.last().expect("the shop is told");
    let expected = OutgoingCall {
        id: call.id.clone(),
        purpose: Purpose::ConsentRemoval,
        about: user_id,
        method: "DELETE".to_owned(),
        url: format!("https://example.com/vipps/consent/v2/consents/{encoded}"),
        authorization: None,
        body: None,
        timeout_ms: 10_000,
        owed_at: shop.now(),
    };
    assert_eq!((call, calls.len()), (&expected, 2));
    // The payment is what it was, and there is nothing left to take back.
    assert_eq!(shop.details("acme-1").await.ok(), before);
    assert!(!shop.revoke(&kari).await);
    assert_eq!(world.recorder.calls().len(), 2);
}
