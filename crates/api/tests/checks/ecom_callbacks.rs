//! What the merchant is told of a payment: exact URLs and bodies (reference: ecom.md §6).

use sandkasse_domain::{
    Environment,
    person::{Acts, Person},
    sales_unit::CaptureType,
};
use sandkasse_engine::Act;
use sandkasse_store::{OutgoingCall, Purpose};
use sandkasse_testkit::{Shop, World, minutes, transaction_ids};
use serde_json::Value;

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    (world, shop, kari)
}

/// The only callback about an order.
fn callback(world: &World, order: &str) -> OutgoingCall {
    let calls = world.recorder.callbacks(order);
    let [call] = calls.as_slice() else {
        panic!("{} callbacks about {order}", calls.len())
    };
    call.clone()
}

#[tokio::test]
async fn ecom_82_ecom_83_ecom_84_urls_and_headers_are_as_the_merchant_wrote_them() {
    let (world, shop, kari) = stage().await;
    let rows = [
        (
            "plain",
            "https://example.com/vipps",
            "https://example.com/vipps/v2/payments/plain",
            Some("Basic  abc=, \"x\""),
        ),
        (
            "slash",
            "https://example.com/vipps/",
            "https://example.com/vipps/v2/payments/slash",
            Some("eyJhbGciOi"),
        ),
        (
            "host",
            "https://example.com",
            "https://example.com/v2/payments/host",
            None,
        ),
        (
            "Query-1",
            "https://example.com/?wc-api=vipps&callback=",
            "https://example.com/?wc-api=vipps&callback=/v2/payments/Query-1",
            Some(""),
        ),
    ];
    for (order, prefix, url, token) in rows {
        let body = |it: &mut Value| {
            it["merchantInfo"]["callbackPrefix"] = prefix.into();
            it["merchantInfo"]["authToken"] = token.into();
        };
        shop.initiate_but(order, 20_000, body).await.ok();
        assert_eq!(world.recorder.callbacks(order), []);
        shop.approve(order, &kari).await.expect("kari can pay");
        let call = callback(&world, order);
        let expected = OutgoingCall {
            id: call.id.clone(),
            purpose: Purpose::PaymentCallback,
            about: order.to_owned(),
            method: "POST".to_owned(),
            url: url.to_owned(),
            authorization: token.filter(|token| !token.is_empty()).map(str::to_owned),
            body: call.body.clone(),
            timeout_ms: 3_000,
            owed_at: shop.now(),
        };
        assert_eq!(call, expected);
        let pattern = r#"{"merchantSerialNumber":"MSN","orderId":"ORDER","transactionInfo":{"transactionId":"{id}","amount":20000,"status":"RESERVED","timeStamp":"2023-06-13T12:00:00.000Z"}}"#
            .replace("MSN", shop.msn.as_str())
            .replace("ORDER", order);
        let ids = transaction_ids(call.body.as_deref().expect("a body"), &pattern);
        let details = shop.details(order).await.ok();
        assert_eq!(details["transactionLogHistory"][0]["transactionId"], ids[0]);
    }
}

const ADDRESS: &str = r#""shippingDetails":{"address":{"addressLine1":"Storgata 1","city":"OSLO","country":"Norway","zipCode":"0155"},"shippingCost":99,"shippingMethod":"Post","shippingMethodId":"post"},"#;
const USER: &str = r#","userDetails":{"userId":"USER","firstName":"Kari","lastName":"Nordmann","email":"kari@example.com","mobileNumber":"PHONE"}"#;

#[tokio::test]
async fn ecom_86_the_kinds_of_payment_tell_different_things() {
    // The kind of payment, whether the unit captures directly, the status, the amount, and
    // whether address and person are told.
    let rows = [
        ("regular", false, "RESERVED", 20_000, false, false),
        ("scope", false, "RESERVED", 20_000, false, true),
        ("express", false, "RESERVE", 29_900, true, true),
        ("regular", true, "SALE", 20_000, false, false),
        ("express", true, "SALE", 29_900, true, true),
    ];
    let (world, shop, kari) = stage().await;
    for (row, (kind, direct, status, amount, address, person)) in rows.into_iter().enumerate() {
        let capture = if direct {
            CaptureType::Direct
        } else {
            CaptureType::Reserve
        };
        shop.change(|unit| unit.capture = capture).await;
        let order = format!("row-{row}");
        let mut body = shop.initiate_body(&order, 20_000);
        match kind {
            "express" => body = shop.express_body(&order, 20_000),
            "scope" => body["transaction"]["scope"] = "name".into(),
            _ => {}
        }
        shop.initiate_with(&body).await.ok();
        shop.approve(&order, &kari).await.expect("kari can pay");
        let engine = &world.platform.engine;
        let user_id = match kind {
            "express" => engine.express_user_id(Environment::Test, &shop.msn, &kari.id),
            _ => shop.sub(&kari),
        };
        let pattern = format!(
            r#"{{"merchantSerialNumber":"{}","orderId":"{order}",{}"transactionInfo":{{"transactionId":"{{id}}","amount":{amount},"status":"{status}","timeStamp":"2023-06-13T12:00:00.000Z"}}{}}}"#,
            shop.msn,
            if address { ADDRESS } else { "" },
            if person { USER } else { "" },
        );
        let pattern = pattern
            .replace("USER", &user_id)
            .replace("PHONE", kari.phone.as_str());
        let told = callback(&world, &order).body.expect("a body");
        transaction_ids(&told, &pattern);
    }
}

#[tokio::test]
async fn an_express_payment_that_comes_to_nothing_tells_nobodys_address() {
    let rows = [
        (
            "reject",
            20_000,
            r#""CANCELLED","timeStamp":"2023-06-13T12:00:00.000Z"}}"#,
        ),
        (
            "time-out",
            20_000,
            r#""REJECTED","timeStamp":"2023-06-13T12:05:00.000Z"},"errorInfo":{"errorCode":"45","errorGroup":"Payment","errorMessage":"Reservation failed, reason unknown."}}"#,
        ),
        (
            "refused",
            // With free shipping 1.87 kroner: the test amount of an invalid card.
            187,
            r#""RESERVE_FAILED","timeStamp":"2023-06-13T12:00:00.000Z"},"errorInfo":{"errorCode":"41","errorGroup":"Payment","errorMessage":"The user does not have a valid card."}}"#,
        ),
    ];
    for (story, amount, end) in rows {
        let (world, shop, kari) = stage().await;
        shop.initiate_with(&shop.express_body("acme-1", amount))
            .await
            .ok();
        match story {
            "refused" => {
                let collect = shop.approve_with("acme-1", &kari, 0, Some("collect")).await;
                collect.expect("the bank says no");
                shop.person("acme-1", Act::Reject).await.expect("open");
            }
            "reject" => drop(shop.person("acme-1", Act::Reject).await.expect("open")),
            _ => shop.advance(minutes(5)).await,
        }
        let told = callback(&world, "acme-1").body.expect("a body");
        // A request that never reached an app has no transactionId.
        let id = if story == "refused" {
            r#""transactionId":"{id}","#
        } else {
            ""
        };
        let pattern = format!(
            r#"{{"merchantSerialNumber":"{}","orderId":"acme-1","transactionInfo":{{{id}"amount":{amount},"status":{end}"#,
            shop.msn
        );
        transaction_ids(&told, &pattern);
    }
}

#[tokio::test]
async fn a_payment_is_told_once_and_movements_of_the_merchant_never() {
    let (world, shop, _) = stage().await;
    let ola = world.person(|ola| ola.acts = Acts::AtOnce).await;
    let number = ola.phone.as_str();
    let body = |it: &mut Value| it["customerInfo"]["mobileNumber"] = number.into();
    shop.initiate_but("acme-1", 20_000, body).await.ok();
    shop.advance(minutes(1)).await;
    assert_eq!(callback(&world, "acme-1").purpose, Purpose::PaymentCallback);
    shop.capture("acme-1", 5_000).await.ok();
    shop.refund("acme-1", 5_000).await.ok();
    shop.release("acme-1").await.ok();
    shop.advance(minutes(600_000)).await;
    assert_eq!(world.recorder.calls().len(), 1);
}
