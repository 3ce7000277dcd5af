//! How the shop of an express payment is asked how it ships, and what it may answer (reference:
//! ecom.md §6).
use sandkasse_domain::person::{Acts, Address, AddressKind, Person};
use sandkasse_engine::ActRefused;
use sandkasse_store::{CallFailure, OutgoingCall, Purpose};
use sandkasse_testkit::{Shop, World, seconds};
use serde_json::{Value, json};

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let address = |kind, line1: &str, line2: Option<&str>| Address {
        kind,
        line1: line1.to_owned(),
        line2: line2.map(str::to_owned),
        post_code: "0191".to_owned(),
        city: "OSLO".to_owned(),
    };
    let kari = world
        .person(|person| {
            person.addresses = vec![
                address(AddressKind::Home, "Robert Levins gate 5", None),
                address(AddressKind::Work, "Storgata 1", Some("4. etasje")),
                address(AddressKind::Other, "Hytta", None),
            ];
        })
        .await;
    (world, shop, kari)
}

/// An express payment of 20000 whose shop is asked how it ships.
fn asking(shop: &Shop, order: &str) -> Value {
    let mut body = shop.express_body(order, 20_000);
    let merchant = body["merchantInfo"].as_object_mut().expect("an object");
    merchant.remove("staticShippingDetails");
    merchant.insert("authToken".to_owned(), "Basic abc".into());
    let prefix = "https://example.com/vipps/shipping/";
    merchant.insert("shippingDetailsPrefix".to_owned(), prefix.into());
    body
}

/// An answer with one method, changed by `change`.
fn answer(change: impl FnOnce(&mut Value)) -> String {
    let mut method = json!({
        "isDefault": "Y", "priority": 1, "shippingCost": 99.5,
        "shippingMethod": "Post", "shippingMethodId": "post",
    });
    change(&mut method);
    json!({ "addressId": 1, "orderId": "acme-1", "shippingDetails": [method] }).to_string()
}

#[tokio::test]
async fn the_shop_is_asked_for_each_address() {
    let (world, shop, kari) = stage().await;
    shop.initiate_with(&asking(&shop, "acme-1")).await.ok();
    world.recorder.answer_shipping("acme-1", Ok(answer(|_| {})));
    let rows = [
        r#"{"addressId":1,"addressLine1":"Robert Levins gate 5","addressLine2":null,"country":"Norway","city":"OSLO","postCode":"0191","addressType":"H"}"#,
        r#"{"addressId":2,"addressLine1":"Storgata 1","addressLine2":"4. etasje","country":"Norway","city":"OSLO","postCode":"0191","addressType":"W"}"#,
        r#"{"addressId":3,"addressLine1":"Hytta","addressLine2":null,"country":"Norway","city":"OSLO","postCode":"0191","addressType":"O"}"#,
    ];
    for (index, body) in rows.into_iter().enumerate() {
        let engine = &world.platform.engine;
        let chosen = engine
            .choose_address(&shop.unit(), "acme-1", &kari.phone, index)
            .await;
        assert_eq!(
            chosen.expect("the shop answers").address,
            kari.addresses[index]
        );
        let calls = world.recorder.calls();
        let call = calls.last().expect("the shop was asked");
        let expected = OutgoingCall {
            id: call.id.clone(),
            purpose: Purpose::ShippingDetails,
            about: "acme-1".to_owned(),
            method: "POST".to_owned(),
            url: "https://example.com/vipps/shipping/v2/payments/acme-1/shippingDetails".to_owned(),
            authorization: Some("Basic abc".to_owned()),
            body: Some(body.to_owned()),
            timeout_ms: 10_000,
            owed_at: shop.now(),
        };
        assert_eq!((call, calls.len()), (&expected, index + 1));
    }
    // The last address counts, and is not asked for again.
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    let details = shop.details("acme-1").await.ok();
    assert_eq!(
        details["shippingDetails"]["address"]["addressLine1"],
        "Hytta"
    );
    assert_eq!(details["shippingDetails"]["shippingCost"], json!(99.5));
}

#[tokio::test]
async fn ecom_88_faq_108_faq_109_a_wrong_answer_fails_the_payment_in_the_app() {
    let (world, shop, kari) = stage().await;
    let member = |name: &'static str, value: Value| answer(|method| method[name] = value);
    let without =
        |name: &str| answer(|method| drop(method.as_object_mut().expect("an object").remove(name)));
    let rows = [
        Ok("{\"addressId\":1,".to_owned()),
        Ok(String::new()),
        Ok("<html>OK</html>".to_owned()),
        Ok("[]".to_owned()),
        Ok(r#"{"addressId":1,"orderId":"acme-1"}"#.to_owned()),
        Ok(r#"{"addressId":1,"orderId":"acme-1","shippingDetails":[]}"#.to_owned()),
        Ok(r#"{"addressId":1,"orderId":"acme-1","shippingDetails":[null]}"#.to_owned()),
        Ok(without("isDefault")),
        Ok(without("shippingCost")),
        Ok(without("shippingMethod")),
        Ok(without("shippingMethodId")),
        Ok(member("isDefault", json!(true))),
        Ok(member("isDefault", json!("y"))),
        Ok(member("shippingCost", json!(-1))),
        Ok(member("shippingCost", json!("ninety"))),
        Ok(member("shippingCost", json!("NaN"))),
        Ok(member("shippingCost", json!(1e300))),
        Ok(member("priority", json!("first"))),
        Ok(member("shippingMethod", json!("m".repeat(257)))),
        Ok(member("shippingMethodId", json!("m".repeat(101)))),
        Err(CallFailure::Status { status: 404 }),
        Err(CallFailure::Redirect { location: None }),
    ];
    shop.initiate_with(&asking(&shop, "acme-1")).await.ok();
    for wrong in rows {
        let said = format!("{wrong:?}");
        world.recorder.answer_shipping("acme-1", wrong);
        // The app shows "Payment failed".
        let refused = shop.approve("acme-1", &kari).await.err();
        let Some(ActRefused::BadShippingAnswer { detail }) = refused else {
            panic!("{refused:?} after {said}")
        };
        assert_ne!(detail, "", "the shop's developer must learn why");
        assert_eq!(
            shop.status("acme-1").await.ok()["transactionInfo"]["status"],
            "INITIATE"
        );
    }
    // Nothing in time is another thing: "No shipping methods found".
    let late = CallFailure::Timeout { limit_ms: 10_000 };
    world.recorder.answer_shipping("acme-1", Err(late));
    let refused = shop.approve("acme-1", &kari).await.err();
    assert!(
        matches!(refused, Some(ActRefused::NoShippingMethods { .. })),
        "{refused:?}"
    );
    // The payment is open all the while: another address may do better.
    world.recorder.answer_shipping("acme-1", Ok(answer(|_| {})));
    let engine = &world.platform.engine;
    let other = engine
        .choose_address(&shop.unit(), "acme-1", &kari.phone, 1)
        .await;
    other.expect("the shop answers");
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_89_numbers_may_be_texts() {
    let (world, shop, kari) = stage().await;
    // The method's change, and what is reserved of 20000.
    type Change = fn(&mut Value);
    let rows: [(Change, i64); 8] = [
        (|it| it["shippingCost"] = "99.00".into(), 29_900),
        (|it| it["shippingCost"] = "99".into(), 29_900),
        (|it| it["shippingCost"] = "0.10".into(), 20_010),
        (|it| it["shippingCost"] = 0.00.into(), 20_000),
        (|it| it["shippingCost"] = 1.005.into(), 20_100),
        (|it| it["priority"] = "2".into(), 29_950),
        (|it| it["priority"] = Value::Null, 29_950),
        (
            |it| drop(it.as_object_mut().expect("an object").remove("priority")),
            29_950,
        ),
    ];
    for (row, (change, reserved)) in rows.into_iter().enumerate() {
        let (asked, listed) = (format!("asked-{row}"), format!("listed-{row}"));
        // The addressId and orderId of the answer are not looked at.
        world.recorder.answer_shipping(&asked, Ok(answer(change)));
        shop.initiate_with(&asking(&shop, &asked)).await.ok();
        // A static list is read alike.
        let mut body = shop.express_body(&listed, 20_000);
        let answer: Value = serde_json::from_str(&answer(change)).expect("JSON");
        body["merchantInfo"]["staticShippingDetails"] = answer["shippingDetails"].clone();
        shop.initiate_with(&body).await.ok();
        for order in [&asked, &listed] {
            shop.approve(order, &kari).await.expect("kari can pay");
            let details = shop.details(order).await.ok();
            let remaining = &details["transactionSummary"]["remainingAmountToCapture"];
            assert_eq!(remaining, reserved, "{order}");
        }
    }
}

#[tokio::test]
async fn ecom_90_a_static_list_wins() {
    let (world, shop, kari) = stage().await;
    let mut body = shop.express_body("acme-1", 20_000);
    body["merchantInfo"]["shippingDetailsPrefix"] = "https://example.com/shipping".into();
    shop.initiate_with(&body).await.ok();
    let engine = &world.platform.engine;
    for address in 0..3 {
        let offer = engine
            .choose_address(&shop.unit(), "acme-1", &kari.phone, address)
            .await;
        let methods: Vec<_> = offer
            .expect("listed")
            .methods
            .into_iter()
            .map(|it| it.id)
            .collect();
        assert_eq!(methods, ["post", "collect"]);
    }
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    let purposes: Vec<_> = world
        .recorder
        .calls()
        .iter()
        .map(|call| call.purpose)
        .collect();
    assert_eq!(purposes, [Purpose::PaymentCallback]);
}

/// Nobody runs the agenda until somebody looks: an approval that needed the shop's answer is made up for while
/// the link lives, and from its last moment on there is nothing left to approve.
#[tokio::test]
async fn a_link_that_ended_before_the_shop_was_asked_has_ended() {
    let (world, shop, _) = stage().await;
    let quick = world.person(|person| person.acts = Acts::After(10)).await;
    // Seconds that pass; the cause of a capture then; the log then, and when the agenda has run.
    let rows: [(i64, &str, &[&str], &[&str]); 3] = [
        (
            299,
            "capture.not_approved",
            &["INITIATE"],
            &["RESERVE", "INITIATE"],
        ),
        (
            300,
            "capture.ended",
            &["CANCEL", "INITIATE"],
            &["CANCEL", "INITIATE"],
        ),
        (
            301,
            "capture.ended",
            &["CANCEL", "INITIATE"],
            &["CANCEL", "INITIATE"],
        ),
    ];
    for (passed, cause, then, in_the_end) in rows {
        let (seen, used) = (format!("seen-{passed}"), format!("used-{passed}"));
        for order in [&seen, &used] {
            let mut body = asking(&shop, order);
            body["customerInfo"]["mobileNumber"] = quick.phone.as_str().into();
            shop.initiate_with(&body).await.ok();
            world.recorder.answer_shipping(order, Ok(answer(|_| {})));
        }
        world.clock.advance(seconds(passed));
        assert_eq!(shop.log(&seen).await, then, "{seen}");
        let captured = shop.capture(&used, 20_000).await;
        assert_eq!(captured.cause(), cause, "{used}");
        assert_eq!(shop.log(&used).await, then, "{used}");
        world.pass(seconds(0)).await;
        for order in [&seen, &used] {
            assert_eq!(shop.log(order).await, in_the_end, "{order}");
        }
    }
}
