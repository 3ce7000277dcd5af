//! Looking at a payment, and what persons and time do to it (reference: epayment.md §2.2, §2.3, §3).

use sandkasse_domain::{
    Environment::Test,
    person::{Acts, Person},
    sales_unit::{RateLimits, SalesUnit},
};
use sandkasse_engine::Act;
use sandkasse_testkit::{Shop, World, minutes, seconds};
use serde_json::{Value, json};

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let shop = world.shop(free).await;
    let kari = world.person(|_| {}).await;
    (world, shop, kari)
}

fn free(unit: &mut SalesUnit) {
    unit.rate_limits = RateLimits::Off;
    unit.skip_landing_page = true;
    unit.long_living = true;
}

async fn state(shop: &Shop, reference: &str) -> String {
    let got = shop.epay_get(reference).await;
    got.json()["state"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn epay_40_a_new_payment_to_the_byte() {
    let (_world, shop, _) = stage().await;
    shop.epay("acme-shop-1", 49_900).await.created();
    let events = shop.epay_events("acme-shop-1").await;
    let number = events[0]["pspReference"]
        .as_str()
        .expect("a text")
        .to_owned();
    uuid::Uuid::parse_str(&number).expect("a UUID");
    let got = shop.epay_get("acme-shop-1").await;
    assert_eq!(
        (got.status, got.header("content-type")),
        (200, Some("application/json"))
    );
    let url = got.json()["redirectUrl"].clone();
    assert_eq!(
        got.body,
        format!(
            r#"{{"aggregate":{{"authorizedAmount":{{"currency":"NOK","value":0}},"cancelledAmount":{{"currency":"NOK","value":0}},"capturedAmount":{{"currency":"NOK","value":0}},"refundedAmount":{{"currency":"NOK","value":0}}}},"amount":{{"currency":"NOK","value":49900}},"paymentMethod":{{"type":"WALLET"}},"profile":{{}},"pspReference":"{number}","redirectUrl":{url},"reference":"acme-shop-1","state":"CREATED"}}"#
        )
    );
}

#[tokio::test]
async fn epay_41_what_is_not_there_is_not_found() {
    let (world, shop, _) = stage().await;
    let other = world.shop(free).await;
    other.epay("acme-shop-1", 100).await.created();
    for reference in ["acme-shop-1", "acme-shop-2"] {
        for below in ["", "/events"] {
            let ask = shop.ask_epay("GET", &format!("/{reference}{below}")).await;
            let got = ask.send().await;
            let detail = format!(
                "The reference `{reference}` does not exist for MSN {}",
                shop.msn
            );
            got.problem(404, "5090", "Reference not found", &detail, "order.unknown");
        }
    }
}

#[tokio::test]
async fn epay_42_metadata_is_echoed() {
    let (_world, shop, _) = stage().await;
    let metadata = json!({ "a": "1", "b": "två" });
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["metadata"] = metadata.clone()
        })
        .await;
    got.created();
    assert_eq!(
        shop.epay_get("acme-shop-1").await.json()["metadata"],
        metadata
    );
}

/// And what was asked for is shared with Userinfo.
#[tokio::test]
async fn epay_43_the_sub_comes_with_the_approval() {
    let (_world, shop, kari) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["profile"] = json!({ "scope": "name" })
        })
        .await;
    got.created();
    assert_eq!(
        shop.epay_get("acme-shop-1").await.json()["profile"],
        json!({})
    );
    shop.approve("acme-shop-1", &kari).await.expect("she can");
    let got = shop.epay_get("acme-shop-1").await.json();
    let sub = got["profile"]["sub"].as_str().expect("a sub").to_owned();
    let path = format!("/vipps-userinfo-api/userinfo/{sub}");
    let shared = shop.ask("GET", &path).await.send().await.ok();
    assert_eq!(shared["name"], "Kari Nordmann");
    assert!(shared.get("email").is_none());
}

#[tokio::test]
async fn epay_116_openid_is_ignored() {
    let (_world, shop, kari) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["profile"] = json!({ "scope": "openid name" })
        })
        .await;
    got.created();
    let asked = shop.payment("acme-shop-1").await.order.scope;
    assert_eq!(asked, [sandkasse_domain::consent::Scope::Name].into());
    shop.approve("acme-shop-1", &kari).await.expect("she can");
    let sub = shop.epay_get("acme-shop-1").await.json()["profile"]["sub"].clone();
    let path = format!(
        "/vipps-userinfo-api/userinfo/{}",
        sub.as_str().expect("a sub")
    );
    let shared = shop.ask("GET", &path).await.send().await.ok();
    let names: Vec<&String> = shared.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["family_name", "given_name", "name", "sid", "sub"]);
}

#[tokio::test]
async fn epay_44_the_log_is_oldest_first_and_every_number_is_another() {
    let (_world, shop, kari) = stage().await;
    let ask = shop
        .ask_epay("POST", "")
        .await
        .header("Idempotency-Key", "create-1");
    ask.json(&shop.epay_body("acme-shop-1", 1000))
        .send()
        .await
        .created();
    shop.approve("acme-shop-1", &kari).await.expect("she can");
    shop.advance(minutes(1)).await;
    for (operation, key) in [("capture", "capture-1"), ("refund", "refund-1")] {
        let ask = shop.ask_epay_move(operation, "acme-shop-1", 600).await;
        ask.header("Idempotency-Key", key).send().await.sums();
    }
    shop.epay_cancel("acme-shop-1").await.sums();
    let events = shop.epay_events("acme-shop-1").await;
    let rows: Vec<_> = events
        .iter()
        .map(|it| {
            (
                it["name"].as_str(),
                it["amount"]["value"].as_i64(),
                it["idempotencyKey"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            (Some("CREATED"), Some(1000), Some("create-1")),
            (Some("AUTHORIZED"), Some(1000), Some("create-1")),
            (Some("CAPTURED"), Some(600), Some("capture-1")),
            (Some("REFUNDED"), Some(600), Some("refund-1")),
            (Some("CANCELLED"), Some(400), None),
        ]
    );
    let mut numbers: Vec<&str> = events
        .iter()
        .filter_map(|it| it["pspReference"].as_str())
        .collect();
    assert!(
        numbers[1..]
            .iter()
            .all(|it| it.len() == 10 && it.bytes().all(|it| it.is_ascii_digit()))
    );
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 5);
    assert_eq!(events[0]["timestamp"], "2023-06-13T12:00:00Z");
    assert_eq!(events[2]["timestamp"], "2023-06-13T12:01:00Z");
    // The number of the creation is that of the payment.
    let got = shop.epay_get("acme-shop-1").await.json();
    assert_eq!(got["pspReference"], events[0]["pspReference"]);
}

#[tokio::test]
async fn epay_45_a_cancellation_has_no_key() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let ask = shop.ask_epay("POST", "/acme-shop-1/cancel").await;
    let cancelled = ask.header("Idempotency-Key", "cancel-1").send().await;
    cancelled.sums();
    let events = shop.epay_events("acme-shop-1").await;
    let last = events[2].as_object().expect("an object");
    assert_eq!(last["name"], "CANCELLED");
    assert!(!last.contains_key("idempotencyKey"));
}

#[tokio::test]
async fn epay_47_a_payment_has_the_number_of_its_creation() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let captured = shop.epay_capture("acme-shop-1", 1000).await.json();
    let got = shop.epay_get("acme-shop-1").await.json();
    let created = shop.epay_events("acme-shop-1").await[0]["pspReference"].clone();
    assert_eq!(got["pspReference"], created);
    assert_eq!(captured["pspReference"], created);
}

#[tokio::test]
async fn epay_50_the_person_approves() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let got = shop.epay_get("acme-shop-1").await;
    assert_eq!(got.sums(), [1000, 0, 0, 0]);
    let got = got.json();
    assert_eq!(got["state"], "AUTHORIZED");
    assert_eq!(
        got["paymentMethod"],
        json!({ "type": "WALLET", "cardBin": "492556" })
    );
    assert_eq!(got["captureGuaranteedUntil"], "2023-06-20T12:00:00Z");
    assert!(got.get("redirectUrl").is_none());
}

#[tokio::test]
async fn epay_51_the_person_rejects() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    shop.person("acme-shop-1", Act::Reject)
        .await
        .expect("she can");
    assert_eq!(state(&shop, "acme-shop-1").await, "ABORTED");
    assert_eq!(shop.epay_get("acme-shop-1").await.sums(), [0; 4]);
    assert!(shop.approve("acme-shop-1", &kari).await.is_err());
    assert_eq!(shop.epay_log("acme-shop-1").await, ["CREATED", "ABORTED"]);
}

#[tokio::test]
async fn epay_52_ten_minutes_without_a_decision() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    let got = shop
        .epay_but("acme-shop-2", 1000, |body| {
            body["userFlow"] = "PUSH_MESSAGE".into();
            body["customer"] = json!({ "phoneNumber": kari.phone.msisdn() });
        })
        .await;
    got.created();
    shop.advance(seconds(299)).await;
    shop.person("acme-shop-1", Act::Open)
        .await
        .expect("in time");
    shop.advance(seconds(299)).await;
    for reference in ["acme-shop-1", "acme-shop-2"] {
        assert_eq!(state(&shop, reference).await, "CREATED");
    }
    shop.advance(seconds(2)).await;
    for reference in ["acme-shop-1", "acme-shop-2"] {
        assert_eq!(state(&shop, reference).await, "EXPIRED");
        assert_eq!(shop.epay_log(reference).await, ["CREATED", "EXPIRED"]);
    }
}

#[tokio::test]
async fn epay_53_a_link_that_nobody_opens() {
    let (_world, shop, _) = stage().await;
    for (reference, flow) in [("acme-shop-1", "NATIVE_REDIRECT"), ("acme-shop-2", "QR")] {
        let got = shop
            .epay_but(reference, 1000, |body| body["userFlow"] = flow.into())
            .await;
        got.created();
    }
    shop.advance(seconds(299)).await;
    assert_eq!(state(&shop, "acme-shop-1").await, "CREATED");
    shop.advance(minutes(60)).await;
    for reference in ["acme-shop-1", "acme-shop-2"] {
        let events = shop.epay_events(reference).await;
        assert_eq!(events[1]["name"], "EXPIRED");
        assert_eq!(events[1]["timestamp"], "2023-06-13T12:05:00Z");
    }
}

#[tokio::test]
async fn epay_54_a_long_life_ends_when_it_says() {
    let (world, shop, kari) = stage().await;
    let receipt = json!({
        "orderLines": [{
            "name": "Socks", "id": "socks-1", "totalAmount": 100, "totalAmountExcludingTax": 80,
            "totalTaxAmount": 20, "taxRate": 2500,
        }],
        "bottomLine": { "currency": "NOK" },
    });
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| {
            body["userFlow"] = "PUSH_MESSAGE".into();
            body["customer"] = json!({ "phoneNumber": kari.phone.msisdn() });
            body["expiresAt"] = "2023-06-20T12:00:00+02:00".into();
            body["receipt"] = receipt.clone();
        })
        .await;
    got.created();
    shop.advance(minutes(60 * 24 * 6)).await;
    assert_eq!(state(&shop, "acme-shop-1").await, "CREATED");
    let engine = &world.platform.engine;
    let seen = engine.in_app(Test, &kari.id, 1).await.expect("no fault");
    assert!(seen[0].is_open());
    shop.advance(minutes(60 * 24)).await;
    let events = shop.epay_events("acme-shop-1").await;
    assert_eq!(events[1]["name"], "EXPIRED");
    assert_eq!(events[1]["timestamp"], "2023-06-20T10:00:00Z");
}

#[tokio::test]
async fn epay_55_another_card_after_a_refusal() {
    let (world, shop, _) = stage().await;
    let kari = world
        .person(|person| {
            person.cards[0].state = sandkasse_domain::person::CardState::InsufficientFunds;
        })
        .await;
    shop.epay("acme-shop-1", 1000).await.created();
    shop.approve("acme-shop-1", &kari)
        .await
        .expect("the bank says no");
    assert_eq!(state(&shop, "acme-shop-1").await, "CREATED");
    let approved = shop.approve_with("acme-shop-1", &kari, 1, None).await;
    approved.expect("the other card is good");
    assert_eq!(state(&shop, "acme-shop-1").await, "AUTHORIZED");
    assert_eq!(
        shop.epay_log("acme-shop-1").await,
        ["CREATED", "AUTHORIZED!", "AUTHORIZED"]
    );
    let numbers: Vec<Value> = shop
        .epay_events("acme-shop-1")
        .await
        .into_iter()
        .map(|it| it["pspReference"].clone())
        .collect();
    assert!(numbers[1] != numbers[2], "{numbers:?}");
    // Who gives up after a refusal has aborted, too.
    shop.epay("acme-shop-2", 1000).await.created();
    shop.approve("acme-shop-2", &kari)
        .await
        .expect("the bank says no");
    shop.person("acme-shop-2", Act::Reject)
        .await
        .expect("she can");
    assert_eq!(state(&shop, "acme-shop-2").await, "ABORTED");
}

/// Of shipping and links the landing page's own tests tell; here who is asked at once.
#[tokio::test]
async fn who_acts_unasked_acts_on_epayment_too() {
    let (world, shop, _) = stage().await;
    let quick = world.person(|person| person.acts = Acts::After(30)).await;
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| {
            body["customer"] = json!({ "phoneNumber": quick.phone.msisdn() });
        })
        .await;
    got.created();
    shop.advance(seconds(31)).await;
    assert_eq!(state(&shop, "acme-shop-1").await, "AUTHORIZED");
}

#[tokio::test]
async fn epay_95_test_amounts_work_in_the_app_only() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 151).await.created();
    shop.approve("acme-shop-1", &kari)
        .await
        .expect("the bank says no");
    assert_eq!(
        shop.epay_log("acme-shop-1").await,
        ["CREATED", "AUTHORIZED!"]
    );
    let body = json!({ "customer": { "phoneNumber": kari.phone.msisdn() } });
    let got = shop.epay_approve("acme-shop-1", &body).await;
    assert_eq!((got.status, got.body.as_str()), (200, ""));
    assert_eq!(state(&shop, "acme-shop-1").await, "AUTHORIZED");
    // Unknown for an hour: nothing can be done meanwhile, and nothing is known.
    shop.epay("acme-shop-2", 201).await.created();
    shop.approve("acme-shop-2", &kari).await.expect("she can");
    assert_eq!(state(&shop, "acme-shop-2").await, "CREATED");
    let got = shop.epay_capture("acme-shop-2", 201).await;
    let detail = "Too many concurrent requests. The payment is being processed.";
    got.problem(
        423,
        "6160",
        "Order processing",
        detail,
        "order.outcome_pending",
    );
    shop.advance(minutes(61)).await;
    assert_eq!(
        shop.epay_capture("acme-shop-2", 201).await.sums(),
        [201, 0, 201, 0]
    );
}
