//! Payments, waiting for them, and what merchants were sent.

use futures_util::FutureExt;
use sandkasse_testkit::seconds;
use serde_json::json;

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
