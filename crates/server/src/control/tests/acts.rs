//! Acting as a person.

use sandkasse_store::CallFailure;
use serde_json::{Value, json};

use super::{at, refused, shop, text};
use crate::testing::House;

#[tokio::test]
async fn a_person_approves_with_the_right_pin() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let approve = at(&shop, "acme-1", "/approve");
    let wrong = house
        .post(&approve, json!({"phone": "41000001", "pin": "0000"}))
        .await;
    refused(wrong, 403, "wrong_pin");
    refused(house.post(&approve, Value::Null).await, 400, "bad_request");
    for (phone, word) in [
        ("41000003", "younger than 15"),
        ("41000004", "blocked"),
        ("41000005", "never logged in"),
        ("41000006", "limit"),
        ("40000000", "nobody"),
    ] {
        let answer = house.post(&approve, json!({"phone": phone})).await;
        let detail = refused(answer, 409, "cannot_pay");
        assert!(detail.contains(word), "{detail}");
    }
    let (status, refused_by_bank) = house.post(&approve, json!({"phone": "41000008"})).await;
    assert_eq!(
        (status, &refused_by_bank["state"]),
        (200, &json!("INITIATED"))
    );
    assert_eq!(refused_by_bank["refused"], "expired_card");
    let body = json!({"phone": "+47 41000008", "pin": "1236", "card": 1});
    let (_, approved) = house.post(&approve, body).await;
    assert_eq!(approved["state"], "RESERVED");
    assert_eq!(approved["money"]["reserved"], 49_900);
    assert_eq!(approved["happened"][0]["event"], "reserved");
    refused(house.post(&approve, Value::Null).await, 409, "not_open");
    let none = at(&shop, "none", "/approve");
    refused(house.post(&none, Value::Null).await, 404, "order_unknown");
}

#[tokio::test]
async fn ecom_94_the_app_adds_the_status() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    for (order, what, body, status) in [
        ("a", "/approve", json!({"phone": "41000001"}), "100"),
        ("b", "/reject", Value::Null, "202"),
        ("c", "/leave-landing-page", Value::Null, "202"),
        ("d", "/time-out", Value::Null, "401"),
    ] {
        shop.initiate_but(order, 49_900, |body| {
            body["merchantInfo"]["fallBack"] = "merchantApp://result?x".into();
            body["merchantInfo"]["isApp"] = true.into();
        })
        .await
        .ok();
        let (code, payment) = house.post(&at(&shop, order, what), body).await;
        assert_eq!(code, 200, "{payment}");
        let expected = format!("merchantApp://result?x&status={status}");
        assert_eq!(payment["app_redirect"], expected, "{what}");
    }
}

#[tokio::test]
async fn every_act_reaches_the_payment() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let act = |what: &str| at(&shop, "acme-1", what);
    let (_, opened) = house.post(&act("/open"), Value::Null).await;
    assert_eq!(opened["happened"][0]["event"], "opened");
    let (_, shown) = house
        .post(&act("/show"), json!({"phone": "41000001"}))
        .await;
    assert_eq!(shown["request"]["payer"], "41000001");
    let (_, entered) = house.post(&act("/enter-3d-secure"), Value::Null).await;
    assert_eq!(entered["request"]["in_three_d_secure"], true);
    // ECOM-62: meanwhile the merchant cannot cancel.
    shop.cancel("acme-1")
        .await
        .refused(400, "Payment", "52", "cancel.three_d_secure");
    let (_, rejected) = house.post(&act("/reject"), Value::Null).await;
    assert_eq!(
        (&rejected["state"], &rejected["cancelled_by"]),
        (&json!("CANCELLED"), &json!("payer"))
    );
    refused(
        house.post(&act("/open"), Value::Null).await,
        409,
        "not_open",
    );
    refused(
        house.post(&act("/time-out"), Value::Null).await,
        409,
        "not_open",
    );
    let (_, all) = house.get(&act("")).await;
    let events: Vec<&str> = all["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|happened| text(&happened["event"]))
        .collect();
    assert_eq!(
        events,
        [
            "initiated",
            "opened",
            "shown",
            "three_d_secure_began",
            "cancelled"
        ]
    );
}

#[tokio::test]
async fn what_the_app_shows_of_a_shop_that_fails_is_told() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    for order in ["slow", "odd", "good"] {
        let mut body = shop.express_body(order, 20_000);
        let merchant = body["merchantInfo"].as_object_mut().unwrap();
        merchant.remove("staticShippingDetails");
        merchant.insert(
            "shippingDetailsPrefix".to_owned(),
            "https://example.com/ship".into(),
        );
        shop.initiate_with(&body).await.ok();
    }
    let method = r#"{"isDefault":"Y","priority":1,"shippingCost":"99.00","shippingMethod":"Post","shippingMethodId":"post"}"#;
    let recorder = &house.world.recorder;
    recorder.answer_shipping("slow", Err(CallFailure::Timeout { limit_ms: 10_000 }));
    recorder.answer_shipping("odd", Ok("{".to_owned()));
    recorder.answer_shipping("good", Ok(format!(r#"{{"shippingDetails":[{method}]}}"#)));
    let kari = json!({"phone": "41000001"});
    for (order, cause, shows) in [
        ("slow", "no_shipping_methods", "No shipping methods found"),
        ("odd", "bad_shipping_answer", "Payment failed"),
    ] {
        for act in ["/choose-address", "/approve"] {
            let answer = house.post(&at(&shop, order, act), kari.clone()).await;
            assert_eq!(answer.1["app_shows"], shows);
            refused(answer, 409, cause);
        }
    }
    let (_, chosen) = house
        .post(&at(&shop, "good", "/choose-address"), kari.clone())
        .await;
    let methods = &chosen["request"]["shipping"]["methods"];
    assert_eq!(
        (&methods[0]["id"], &methods[0]["cost"]),
        (&json!("post"), &json!(9_900))
    );
    assert_eq!(chosen["happened"][0]["event"], "shipping_offered");
    let (_, paid) = house
        .post(&at(&shop, "good", "/approve"), kari.clone())
        .await;
    assert_eq!(paid["money"]["reserved"], 29_900);
    let again = house
        .post(&at(&shop, "good", "/choose-address"), kari)
        .await;
    refused(again, 409, "not_open");
}
