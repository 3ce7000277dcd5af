//! The same calls over sockets, by the real courier under its real limits, to merchants that are
//! late, broken or gone (reference: ecom.md §6).
use std::time::Duration;

use sandkasse_domain::person::Person;
use sandkasse_engine::ActRefused;
use sandkasse_store::{CallFailure, CallOutcome, CallState, Purpose};
use sandkasse_testkit::{
    RealCourier, Receiver, Shop, World, closed_port, hours, http_json, transaction_ids,
};
use serde_json::{Value, json};

const NOW: Duration = Duration::ZERO;
const OK: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok";

/// The outcome of the only call about something.
async fn outcome(shop: &Shop, about: &str) -> CallOutcome {
    let calls = shop.calls(about).await;
    let [record] = calls.as_slice() else {
        panic!("{} calls about {about}", calls.len())
    };
    let CallState::Done { outcome, .. } = &record.state else {
        panic!("{about}: {record:?}")
    };
    outcome.clone()
}

#[tokio::test]
async fn ecom_82_the_request_on_the_wire() {
    let (world, courier) = RealCourier::world().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let receiver = Receiver::answering(NOW, OK).await;
    let body = |it: &mut Value| {
        it["merchantInfo"]["callbackPrefix"] = receiver.url("/shop?wc-api=x&callback=").into();
        it["merchantInfo"]["authToken"] = "Basic abc".into();
    };
    shop.initiate_but("acme-1", 20_000, body).await.ok();
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    courier.idle().await;

    let requests = receiver.requests();
    let [request] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    let (head, told) = request.split_once("\r\n\r\n").expect("head and body");
    let expected = format!(
        "POST /shop?wc-api=x&callback=/v2/payments/acme-1 HTTP/1.1\r\n\
         Host: {}\r\n\
         Content-Type: application/json;charset=UTF-8\r\n\
         Content-Length: {}\r\n\
         Authorization: Basic abc\r\n\
         User-Agent: Sandkasse/{}",
        receiver.address,
        told.len(),
        env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(head, expected);
    let pattern = r#"{"merchantSerialNumber":"MSN","orderId":"acme-1","transactionInfo":{"transactionId":"{id}","amount":20000,"status":"RESERVED","timeStamp":"2023-06-13T12:00:00.000Z"}}"#;
    transaction_ids(told, &pattern.replace("MSN", shop.msn.as_str()));
    // Any 2xx will do, and what the answer says is not read.
    let outcome = outcome(&shop, "acme-1").await;
    assert_eq!((outcome.status, outcome.failure), (Some(202), None));
}

/// Six merchants who fail at once, so the test takes the three seconds of the limit.
#[tokio::test]
async fn ecom_85_faq_107_a_callback_is_tried_once() {
    let (world, courier) = RealCourier::world().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let elsewhere = Receiver::answering(NOW, OK).await;
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url("/")
    );
    let broken = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    let receivers = [
        (
            "late",
            Receiver::answering(Duration::from_millis(3_500), OK).await,
        ),
        ("broken", Receiver::answering(NOW, broken).await),
        ("moved", Receiver::answering(NOW, moved.as_str()).await),
        (
            "no-http",
            Receiver::answering(NOW, "220 mail.example.com ESMTP\r\n").await,
        ),
    ];
    let (_taken, closed) = closed_port();
    let mut rows: Vec<(&str, String)> = receivers
        .iter()
        .map(|(order, receiver)| (*order, receiver.url("/callback")))
        .collect();
    rows.push(("gone", format!("http://{closed}/callback")));
    rows.push(("unknown", "http://nowhere.test/callback".to_owned()));

    for (order, prefix) in &rows {
        let body = |it: &mut Value| it["merchantInfo"]["callbackPrefix"] = prefix.clone().into();
        shop.initiate_but(order, 20_000, body).await.ok();
        shop.approve(order, &kari).await.expect("kari can pay");
    }
    courier.idle().await;
    // Nothing comes later.
    shop.advance(hours(48)).await;
    courier.idle().await;

    let failure = |outcome: &CallOutcome| outcome.failure.clone().expect("it failed");
    for (order, receiver) in &receivers {
        assert_eq!(receiver.requests().len(), 1, "{order}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
    for (order, _) in &rows {
        let outcome = outcome(&shop, order).await;
        let (status, failure) = (outcome.status, failure(&outcome));
        match *order {
            "late" => {
                assert_eq!(
                    (status, failure),
                    (None, CallFailure::Timeout { limit_ms: 3_000 })
                );
                assert!(outcome.duration_ms >= 3_000, "{outcome:?}");
            }
            "broken" => {
                assert_eq!(
                    (status, failure),
                    (Some(500), CallFailure::Status { status: 500 })
                );
            }
            "moved" => {
                let location = Some(elsewhere.url("/"));
                assert_eq!(
                    (status, failure),
                    (Some(302), CallFailure::Redirect { location })
                );
            }
            "no-http" => assert!(matches!(failure, CallFailure::Broken { .. }), "{failure:?}"),
            "gone" => assert!(
                matches!(failure, CallFailure::Refused { .. }),
                "{failure:?}"
            ),
            _ => assert!(matches!(failure, CallFailure::Dns { .. }), "{failure:?}"),
        }
        // The payment is what it was, and goes on.
        assert_eq!(shop.log(order).await, ["RESERVE", "INITIATE"], "{order}");
        shop.capture(order, 20_000).await.ok();
    }
}

async fn express(shop: &Shop, order: &str, receiver: &Receiver) {
    let mut body = shop.express_body(order, 20_000);
    let merchant = body["merchantInfo"].as_object_mut().expect("an object");
    merchant.remove("staticShippingDetails");
    let prefix = receiver.url("/vipps/");
    for name in [
        "callbackPrefix",
        "shippingDetailsPrefix",
        "consentRemovalPrefix",
    ] {
        merchant.insert(name.to_owned(), prefix.clone().into());
    }
    shop.initiate_with(&body).await.ok();
}

async fn shop_that_answers(late: Duration) -> (World, Shop, Person, Receiver) {
    let (world, _) = RealCourier::world().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let answer = json!({
        "addressId": 1, "orderId": "acme-1",
        "shippingDetails": [{
            "isDefault": "Y", "priority": 1, "shippingCost": 99,
            "shippingMethod": "Post", "shippingMethodId": "post",
        }],
    });
    let receiver = Receiver::answering(late, http_json(&answer.to_string())).await;
    express(&shop, "acme-1", &receiver).await;
    (world, shop, kari, receiver)
}

/// Two shops at once, so the test takes the ten seconds of the limit.
#[tokio::test]
async fn ecom_87_the_shop_has_ten_seconds_to_say_how_it_ships() {
    let in_time = async {
        let (_world, shop, kari, receiver) = shop_that_answers(Duration::from_secs(9)).await;
        shop.approve("acme-1", &kari)
            .await
            .expect("kari sees the methods");
        let summary = shop.details("acme-1").await.ok()["transactionSummary"].take();
        assert_eq!(summary["remainingAmountToCapture"], 29_900);
        let requests = receiver.requests();
        let (head, asked) = requests[0].split_once("\r\n\r\n").expect("head and body");
        let first = head.lines().next();
        assert_eq!(
            first,
            Some("POST /vipps/v2/payments/acme-1/shippingDetails HTTP/1.1")
        );
        assert_eq!(
            asked,
            r#"{"addressId":1,"addressLine1":"Storgata 1","addressLine2":null,"country":"Norway","city":"OSLO","postCode":"0155","addressType":"H"}"#
        );
    };
    let too_late = async {
        let (_world, shop, kari, receiver) = shop_that_answers(Duration::from_secs(11)).await;
        // The app shows "No shipping methods found".
        let refused = shop.approve("acme-1", &kari).await.err();
        assert!(
            matches!(refused, Some(ActRefused::NoShippingMethods { .. })),
            "{refused:?}"
        );
        assert_eq!(receiver.requests().len(), 1);
        let calls = shop.calls("acme-1").await;
        assert_eq!(
            (calls.len(), calls[0].call.purpose),
            (1, Purpose::ShippingDetails)
        );
        let failure = outcome(&shop, "acme-1").await.failure;
        assert_eq!(failure, Some(CallFailure::Timeout { limit_ms: 10_000 }));
        assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
    };
    tokio::join!(in_time, too_late);
}

#[tokio::test]
async fn ecom_92_a_consent_is_removed_without_a_word_more() {
    let (world, courier) = RealCourier::world().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let receiver = Receiver::answering(NOW, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let mut body = shop.express_body("acme-1", 20_000);
    body["merchantInfo"]["consentRemovalPrefix"] = receiver.url("").into();
    body["merchantInfo"]["authToken"] = "Basic abc".into();
    shop.initiate_with(&body).await.ok();
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    assert!(shop.revoke(&kari).await);
    courier.idle().await;
    let details = shop.details("acme-1").await.ok();
    let user_id = details["userDetails"]["userId"].as_str().expect("a text");
    let encoded = user_id
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    let expected = format!(
        "DELETE /v2/consents/{encoded} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Sandkasse/{}\r\n\r\n",
        receiver.address,
        env!("CARGO_PKG_VERSION"),
    );
    assert_eq!(receiver.requests(), [expected]);
    let outcome = outcome(&shop, user_id).await;
    assert_eq!((outcome.status, outcome.failure), (Some(200), None));
}
