//! Details of payments in which a person shares something: `sub`, `userDetails`, address
//! (reference: ecom.md §2.5).

use jiff::SignedDuration;
use sandkasse_domain::{
    Environment,
    person::{Address, AddressKind},
};
use sandkasse_testkit::{Got, World, hours};
use serde_json::{Value, json};

#[tokio::test]
async fn ecom_78_faq_110_the_sub_comes_a_moment_later() {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let body = |it: &mut Value| it["transaction"]["scope"] = "name email".into();
    shop.initiate_but("acme-1", 10_000, body).await.ok();
    assert_eq!(shop.details("acme-1").await.ok().get("userDetails"), None);
    shop.approve("acme-1", &kari).await.expect("kari can pay");

    let sub = |got: &Got| got.ok().get("sub").cloned();
    assert_eq!(sub(&shop.details("acme-1").await), None);
    shop.advance(SignedDuration::from_millis(199)).await;
    assert_eq!(sub(&shop.details("acme-1").await), None);
    shop.advance(SignedDuration::from_millis(1)).await;
    let got = shop.details("acme-1").await;
    let id = shop.sub(&kari);
    got.ok_exactly(
        &r#"{"orderId":"acme-1","transactionSummary":{"capturedAmount":0,"remainingAmountToCapture":10000,"refundedAmount":0,"remainingAmountToRefund":0,"bankIdentificationNumber":492556},"transactionLogHistory":[{"amount":10000,"transactionText":"One pair of socks","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z","operation":"RESERVE","requestId":"","operationSuccess":true},{"amount":10000,"transactionText":"One pair of socks","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z","operation":"INITIATE","operationSuccess":true}],"userDetails":{"bankIdVerified":1,"email":"kari@example.com","firstName":"Kari","lastName":"Nordmann","mobileNumber":"PHONE","userId":"SUB"},"sub":"SUB"}"#
            .replace("PHONE", kari.phone.as_str())
            .replace("SUB", &id),
    );
    assert_eq!(
        uuid::Uuid::parse_str(&id).map(|id| id.to_string()),
        Ok(id.clone())
    );
    let profile = shop.userinfo(&id).await.ok();
    assert_eq!(
        (&profile["sub"], &profile["name"]),
        (&json!(id), &json!("Kari Nordmann"))
    );
}

/// Kari with an apartment, at a shop, having paid by express checkout.
const EXPRESS: &str = r#"{"orderId":"acme-1","shippingDetails":{"address":{"addressLine1":"Storgata 1","addressLine2":"H0201","city":"OSLO","country":"Norway","postCode":"0155"},"shippingCost":99,"shippingMethod":"Post","shippingMethodId":"post"},"transactionSummary":{"capturedAmount":0,"remainingAmountToCapture":29900,"refundedAmount":0,"remainingAmountToRefund":0,"bankIdentificationNumber":492556},"transactionLogHistory":[{"amount":29900,"transactionText":"One pair of socks","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z","operation":"RESERVE","requestId":"","operationSuccess":true},{"amount":20000,"transactionText":"One pair of socks","transactionId":"{id}","timeStamp":"2023-06-13T12:00:00.000Z","operation":"INITIATE","operationSuccess":true}],"userDetails":{"bankIdVerified":1,"email":"kari@example.com","firstName":"Kari","lastName":"Nordmann","mobileNumber":"PHONE","userId":"USER"}}"#;

#[tokio::test]
async fn ecom_79_ecom_80_express_tells_who_and_where_for_a_week() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let kari = world
        .person(|person| {
            let address = Address {
                kind: AddressKind::Home,
                line1: "Storgata 1".to_owned(),
                line2: Some("H0201".to_owned()),
                post_code: "0155".to_owned(),
                city: "OSLO".to_owned(),
            };
            person.addresses = vec![address];
        })
        .await;
    let body = shop.express_body("acme-1", 20_000);
    shop.initiate_with(&body).await.ok();
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    let engine = &world.platform.engine;
    let user_id = engine.express_user_id(Environment::Test, &shop.msn, &kari.id);
    assert!(user_id.len() == 24 && user_id.ends_with("=="), "{user_id}");
    let expected = EXPRESS
        .replace("PHONE", kari.phone.as_str())
        .replace("USER", &user_id);
    shop.details("acme-1").await.ok_exactly(&expected);

    shop.advance(hours(167)).await;
    shop.details("acme-1").await.ok_exactly(&expected);
    shop.advance(hours(2)).await;
    let mut expired = expected.replace(r#""bankIdVerified":1"#, r#""bankIdVerified":0"#);
    for personal in [
        "Storgata 1",
        "H0201",
        "OSLO",
        "0155",
        "kari@example.com",
        "Kari",
        "Nordmann",
    ] {
        expired = expired.replace(&format!("\"{personal}\""), "\"[Expired]\"");
    }
    for personal in [kari.phone.as_str(), &user_id] {
        expired = expired.replace(personal, "[Expired]");
    }
    shop.details("acme-1").await.ok_exactly(&expired);
}
