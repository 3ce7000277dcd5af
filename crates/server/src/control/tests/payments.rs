//! Payments, waiting for them, and what merchants were sent.

use futures_util::FutureExt;
use sandkasse_testkit::seconds;
use serde_json::{Value, json};

use super::{at, refused, shop, text};
use crate::testing::House;

#[tokio::test]
async fn waiting_ends_when_the_state_is_reached() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let path = at(
        &shop,
        "acme-1",
        "/wait?until=RESERVED,captured&timeout_seconds=5",
    );
    let waiting = house.get(&path);
    tokio::pin!(waiting);
    assert!(
        waiting.as_mut().now_or_never().is_none(),
        "there is no such payment yet"
    );
    shop.initiate("acme-1", 49_900).await.ok();
    assert!(
        waiting.as_mut().now_or_never().is_none(),
        "it is not reserved yet"
    );
    house
        .post(
            &at(&shop, "acme-1", "/approve"),
            json!({"phone": "41000001"}),
        )
        .await;
    let (status, payment) = waiting.await;
    assert_eq!((status, &payment["state"]), (200, &json!("RESERVED")));
    // What was reached counts, also when more has happened since.
    shop.capture("acme-1", 49_900).await.ok();
    let (status, payment) = house.get(&path).await;
    assert_eq!((status, &payment["state"]), (200, &json!("CAPTURED")));
}

#[tokio::test]
async fn waiting_ends_when_it_is_of_no_use() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let path = at(&shop, "acme-1", "/wait?until=RESERVED&timeout_seconds=5");
    {
        let waiting = house.get(&path);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        house.world.clock.advance(seconds(5));
        let detail = refused(waiting.await, 408, "not_reached");
        assert!(detail.ends_with("it is INITIATED"), "{detail}");
    }
    shop.cancel("acme-1").await.ok();
    let detail = refused(house.get(&path).await, 409, "ended");
    assert!(detail.contains("CANCELLED"), "{detail}");
    for query in [
        "",
        "?until=DONE",
        "?until=",
        "?until=RESERVED&timeout_seconds=61",
    ] {
        let path = at(&shop, "acme-1", &format!("/wait{query}"));
        refused(house.get(&path).await, 400, "bad_request");
    }
    house.stop.send_replace(true);
    let path = at(&shop, "never", "/wait?until=RESERVED");
    refused(house.get(&path).await, 503, "stopping");
}

#[tokio::test]
async fn payments_are_listed_by_prefix() {
    let house = House::new().await;
    let shop = shop(&house).await;
    for order in ["acme-2", "other-1"] {
        shop.initiate(order, 49_900).await.ok();
    }
    let list = |query: &'static str| {
        let path = format!("/payments/test/{}{query}", shop.msn);
        let house = &house;
        async move {
            let (_, list) = house.get(&path).await;
            let payments = list["payments"].as_array().unwrap().clone();
            payments
                .iter()
                .map(|payment| text(&payment["order_id"]).to_owned())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(list("").await, ["acme-1", "acme-2", "other-1"]);
    assert_eq!(list("?prefix=acme-").await, ["acme-1", "acme-2"]);
    assert_eq!(list("?limit=1").await, ["acme-1"]);
}

#[tokio::test]
async fn calls_are_listed_without_their_secret() {
    let house = House::new().await;
    let (shop, secret) = (house.world.shop(|_| {}).await, "Basic very-secret");
    shop.initiate_but("acme-1", 49_900, |body| {
        body["merchantInfo"]["authToken"] = secret.into()
    })
    .await
    .ok();
    house
        .post(
            &at(&shop, "acme-1", "/approve"),
            json!({"phone": "41000001"}),
        )
        .await;
    let (_, list) = house
        .get(&format!("/outgoing-calls/test/{}?about=acme-1", shop.msn))
        .await;
    let call = &list["calls"][0];
    assert_eq!(
        (&call["purpose"], &call["state"]),
        (&json!("payment_callback"), &json!("owed"))
    );
    assert_eq!(call["sends_authorization"], true);
    assert!(text(&call["url"]).ends_with("/v2/payments/acme-1"));
    assert!(text(&call["body"]).contains("RESERVED"));
    let (_, payment) = house.get(&at(&shop, "acme-1", "")).await;
    for shown in [list, payment] {
        assert!(!shown.to_string().contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn payments_are_moved_by_hand_in_the_apis_words() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let at = |what: &str| at(&shop, "acme-1", what);
    let phone = json!({"phone": "41000001"});
    let (status, payment) = house.post(&at("/force-approve"), phone.clone()).await;
    assert_eq!((status, &payment["state"]), (200, &json!("RESERVED")));
    let again = house.post(&at("/force-approve"), phone).await;
    let detail = refused(again, 400, "approve.not_open");
    assert_eq!(detail, "92 The transaction has already been processed.");
    for _ in 0..2 {
        let part = json!({"amount": 10_000, "request_id": "once", "text": "A part"});
        let (status, payment) = house.post(&at("/capture"), part).await;
        assert_eq!(
            (status, &payment["money"]["captured"]),
            (200, &json!(10_000))
        );
    }
    let other = json!({"amount": 10_001, "request_id": "once"});
    let other = house.post(&at("/capture"), other).await;
    refused(other, 400, "idempotency.key_reused");
    let (_, payment) = house.post(&at("/refund"), Value::Null).await;
    assert_eq!(payment["money"]["refunded"], 10_000);
    let rest = json!({"release_remainder": true, "text": "Sold out"});
    let (_, payment) = house.post(&at("/cancel"), rest).await;
    assert_eq!(payment["money"]["remaining_to_capture"], 0);
    for (what, body, status, cause) in [
        ("/capture", json!({"amount": 1}), 400, "capture.released"),
        ("/refund", json!({"amount": 1}), 400, "refund.exceeds_sum"),
        ("/capture", json!({"amount": 0}), 400, "bad_request"),
        ("/capture", json!({"amount": -1}), 400, "bad_request"),
        (
            "/cancel",
            json!({"text": "x".repeat(101)}),
            400,
            "bad_request",
        ),
        (
            "/refund",
            json!({"request_id": "x".repeat(41)}),
            400,
            "bad_request",
        ),
    ] {
        refused(house.post(&at(what), body).await, status, cause);
    }
    let production = "/payments/production/330001/acme-1/force-approve";
    refused(house.post(production, Value::Null).await, 409, "test_only");
}

#[tokio::test]
async fn payments_are_listed_by_age_and_state() {
    let house = House::new().await;
    let shop = shop(&house).await;
    for order in ["b", "a", "c"] {
        shop.initiate(order, 100).await.ok();
    }
    let list = async |query: &str| {
        let path = format!("/payments/test/{}{query}", shop.msn);
        let (status, list) = house.get(&path).await;
        assert_eq!(status, 200, "{list}");
        let payments = list["payments"].as_array().unwrap().clone();
        let ids: Vec<String> = payments
            .iter()
            .map(|it| text(&it["order_id"]).to_owned())
            .collect();
        (ids, list["next"].clone())
    };
    let (ids, next) = list("?newest=true&limit=2").await;
    assert_eq!(ids, ["c", "a"]);
    let (ids, next) = list(&format!("?newest=true&before={}", next["before"])).await;
    assert_eq!(
        (ids, next),
        (vec!["b".to_owned(), "acme-1".to_owned()], Value::Null)
    );
    let (ids, next) = list("?limit=1").await;
    assert_eq!((ids, text(&next["after"])), (vec!["a".to_owned()], "a"));
    assert_eq!(list("?after=a&prefix=a").await.0, ["acme-1"]);
    let body = json!({"phone": "41000001"});
    assert_eq!(house.post(&at(&shop, "b", "/approve"), body).await.0, 200);
    assert_eq!(list("?state=RESERVED").await.0, ["b"]);
    assert_eq!(
        list("?state=INITIATED&newest=true").await.0,
        ["c", "a", "acme-1"]
    );
    let path = format!("/payments/test/{}?newest=true&prefix=a", shop.msn);
    refused(house.get(&path).await, 400, "bad_request");
}
