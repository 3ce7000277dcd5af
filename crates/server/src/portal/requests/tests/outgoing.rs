//! What merchants were sent.

use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_store::{CallFailure, CallOutcome, OutgoingCall, Purpose};
use sandkasse_testkit::{RealCourier, closed_port};

use super::*;
use crate::testing::Rules;

/// Notes a call to a shop as if it had been made.
async fn told(house: &House, shop: &Shop, id: &str, purpose: Purpose, outcome: CallOutcome) {
    let now = house.world.now();
    let call = OutgoingCall {
        id: id.to_owned(),
        purpose,
        about: "acme-1".to_owned(),
        method: "POST".to_owned(),
        url: "https://shop.example.com/cb/v2/payments/acme-1".to_owned(),
        authorization: Some("a-secret-of-the-shop".to_owned()),
        body: Some("{\"orderId\":\"acme-1\"}".to_owned()),
        timeout_ms: 3000,
        owed_at: now,
    };
    let (store, partition) = (house.engine().store(), shop.unit().partition());
    store.add_begun_call(&partition, call, now).await.unwrap();
    store.finish_call(id, outcome).await.unwrap();
}

fn outcome(status: Option<u16>, failure: Option<CallFailure>, answer: Option<&str>) -> CallOutcome {
    CallOutcome {
        status,
        failure,
        duration_ms: 1234,
        answer: answer.map(str::to_owned),
    }
}

#[tokio::test]
async fn plat_63_a_callback_that_nobody_takes_is_listed_as_failed() {
    let (world, courier) = RealCourier::world().await;
    let house = House::around(world, Rules::default());
    let shop = house
        .world
        .shop(|unit| unit.url_policy = UrlPolicy::Local)
        .await;
    let kari = house.world.person(|_| {}).await;
    let (_taken, closed) = closed_port();
    let mut body = shop.initiate_body("acme-1", 49_900);
    body["merchantInfo"]["callbackPrefix"] = format!("http://{closed}/cb").into();
    shop.initiate_with(&body).await.ok();
    let events = house
        .guest(Some(Role::Reader))
        .open("/requests/events?refused=on")
        .await;
    shop.approve("acme-1", &kari).await.unwrap();
    courier.idle().await;
    // It comes live …
    let mut stream = events.into_body();
    let mut live = String::new();
    while !live.contains("<tr") {
        let frame = http_body_util::BodyExt::frame(&mut stream)
            .await
            .unwrap()
            .unwrap();
        live.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap()));
    }
    let url = format!("POST http://{closed}/cb/v2/payments/acme-1");
    assert!(
        live.contains(&url) && live.contains("to the shop"),
        "{live}"
    );
    // … is in the list and on the dashboard …
    for path in [
        "/requests",
        "/requests?operation=payment_callback&cause=refused",
        "/dashboard",
    ] {
        assert!(seen(&house, path).await.contains(&url), "{path}");
    }
    let (_, told) = house.get("/dashboard").await;
    let failed = &told["failed_calls"][0];
    assert_eq!(
        (&failed["about"], &failed["failure"]["cause"]),
        (&"acme-1".into(), &"refused".into())
    );
    let (status, one) = house
        .get(&format!(
            "/outgoing-calls/{}",
            failed["id"].as_str().unwrap()
        ))
        .await;
    assert_eq!((status, &one["id"]), (200, &failed["id"]));
    assert_eq!(house.get("/outgoing-calls/none").await.0, 404);
    // … and the payment is as it would be.
    assert_eq!(
        shop.details("acme-1").await.ok()["transactionLogHistory"][0]["operation"],
        "RESERVE"
    );
}

#[tokio::test]
async fn faq_107_every_failed_callback_says_what_to_do() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let text = |it: &str| it.to_owned();
    let rows = [
        (
            CallFailure::Dns {
                host: text("shop.example.com"),
                detail: text("no such host"),
            },
            None,
            "no-such-host",
            "public DNS",
        ),
        (
            CallFailure::Refused {
                target: text("1.2.3.4:443"),
                detail: text("refused"),
            },
            None,
            "",
            "firewall",
        ),
        (
            CallFailure::Forbidden {
                target: text("10.0.0.1"),
                rule: text("private"),
            },
            None,
            "",
            "public addresses",
        ),
        (
            CallFailure::Tls {
                detail: text("expired"),
            },
            None,
            "",
            "certificate",
        ),
        (
            CallFailure::Timeout { limit_ms: 3000 },
            None,
            "within 3000 ms",
            "Answer first",
        ),
        (
            CallFailure::Redirect {
                location: Some(text("https://www.example.com/")),
            },
            Some(301),
            "not followed",
            "final address",
        ),
        (
            CallFailure::Status { status: 404 },
            Some(404),
            "answered 404",
            "path or method is wrong",
        ),
        (
            CallFailure::Status { status: 401 },
            Some(401),
            "answered 401",
            "authToken",
        ),
        (
            CallFailure::Status { status: 500 },
            Some(500),
            "answered 500",
            "own log",
        ),
        (
            CallFailure::Broken {
                detail: text("reset"),
            },
            None,
            "",
            "speaks HTTP",
        ),
        (
            CallFailure::BadUrl {
                detail: text("no host"),
            },
            None,
            "",
            "whole URL",
        ),
    ];
    for (number, (failure, status, became, advice)) in rows.into_iter().enumerate() {
        let id = format!("c{number}");
        let outcome = outcome(status, Some(failure), None);
        told(&house, &shop, &id, Purpose::PaymentCallback, outcome).await;
        let html = seen(&house, &format!("/requests/out/{id}")).await;
        let became = if number == 0 {
            "has no address"
        } else {
            became
        };
        for part in [
            became,
            advice,
            "1234 ms",
            "attempted once",
            "1 of 1",
            "What to do.",
        ] {
            assert!(html.contains(part), "{number}: {part} in {html}");
        }
        // The exact URL, a sample for a shell, and the shop's own secret by its name only.
        assert!(html.contains("POST https://shop.example.com/cb/v2/payments/acme-1"));
        assert!(html.contains("curl -i -X POST") && html.contains("$AUTH_TOKEN"));
        assert!(!html.contains("a-secret-of-the-shop"));
    }
    told(
        &house,
        &shop,
        "fine",
        Purpose::PaymentCallback,
        outcome(Some(200), None, Some("")),
    )
    .await;
    let html = seen(&house, "/requests/out/fine").await;
    assert!(html.contains("answered 200 after 1234 ms") && !html.contains("What to do"));
    let all = seen(&house, "/requests?operation=payment_callback").await;
    assert_eq!(all.matches("<tr id=\"out-").count(), 12);
    let failed = seen(&house, "/requests?operation=payment_callback&refused=on").await;
    assert_eq!(failed.matches("<tr id=\"out-").count(), 11);
}

#[tokio::test]
async fn faq_108_faq_109_shipping_details_say_what_was_wrong() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let method = r#"{"shippingDetails":[{"shippingMethodId":"a","shippingMethod":"Post","shippingCost":1,"isDefault":"yes"}]}"#;
    for (id, failure, answer, parts) in [
        (
            "empty",
            None,
            Some(r#"{"shippingDetails":[]}"#),
            [
                "shippingDetails is empty",
                "Payment failed",
                "staticShippingDetails",
            ],
        ),
        (
            "default",
            None,
            Some(method),
            [
                "shippingDetails[0]",
                "isDefault must be",
                "staticShippingDetails",
            ],
        ),
        (
            "html",
            None,
            Some("<h1>Hello</h1>"),
            [
                "not as documented",
                "Payment failed",
                "staticShippingDetails",
            ],
        ),
        (
            "late",
            Some(CallFailure::Timeout { limit_ms: 10_000 }),
            None,
            ["within 10000 ms", "No shipping methods found", "1234 ms"],
        ),
    ] {
        let status = answer.map(|_| 200);
        told(
            &house,
            &shop,
            id,
            Purpose::ShippingDetails,
            outcome(status, failure, answer),
        )
        .await;
        let html = seen(&house, &format!("/requests/out/{id}")).await;
        for part in parts {
            assert!(html.contains(part), "{id}: {part} in {html}");
        }
    }
    let bad = seen(&house, "/requests?cause=bad_answer").await;
    assert_eq!(bad.matches("<tr id=\"out-").count(), 3);
}
