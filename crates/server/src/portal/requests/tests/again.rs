//! Sending a call again.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_call_is_sent_again_with_present_keys() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let old = shop.ask("POST", "/ecomm/v2/payments").await;
    let old = old.json(&shop.initiate_body("acme-1", 49_900));
    let key = shop
        .regenerate(sandkasse_domain::keys::KeyName::PrimarySubscriptionKey)
        .await;
    let record = made(&house, old).await;
    assert_eq!(record.cause(), Some("subkey.regenerated"));
    let id = address(&house, &record);
    let reader = house.guest(Some(Role::Reader));
    let refused = reader.post(&format!("/requests/{id}/again"), &[]).await;
    assert_eq!(refused.status, 403);
    let developer = house.guest(Some(Role::Developer));
    let msn = shop.msn.to_string();
    let done = developer
        .post(&format!("/requests/{id}/again"), &[("msn", &msn)])
        .await;
    assert_eq!(done.status, 303, "{}", done.html);
    let path = done.headers["location"].to_str().unwrap().to_owned();
    let again = house
        .inspector
        .at(path.rsplit('/').next().unwrap())
        .unwrap();
    assert_eq!((again.status, again.path()), (200, "/ecomm/v2/payments"));
    assert_eq!(again.body(), record.body());
    assert_eq!(again.unit.as_ref(), Some(&shop.msn));
    let html = seen(&house, &path).await;
    assert!(!html.contains(&key) && !html.contains(&shop.keys().primary));
    // By program, and without saying whose keys: the call tells.
    let (status, sent) = house
        .post(&format!("/requests/{id}/again"), json!({}))
        .await;
    assert_eq!(
        (status, &sent["status"]),
        (200, &json!(400)),
        "the order exists by now"
    );
    // Nothing tells whose call this was.
    let nobody = house
        .world
        .ask(shop.environment, "GET", "/ecomm/v2/payments/acme-1/details");
    let record = made(&house, nobody.header(SUBSCRIPTION_KEY, "nonsense-nonsense")).await;
    let id = address(&house, &record);
    let (status, problem) = house
        .post(&format!("/requests/{id}/again"), json!({}))
        .await;
    assert_eq!((status, &problem["cause"]), (409, &json!("keys_unknown")));
    let odd = developer
        .post(&format!("/requests/{id}/again"), &[("msn", "<b>")])
        .await;
    assert_eq!(odd.status, 422);
}

#[tokio::test]
async fn what_was_wrong_stays_wrong() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let developer = house.guest(Some(Role::Developer));
    let token = shop.token().await;
    let base = || shop.ask("GET", "/ecomm/v2/payments/acme-1/details");
    for (ask, cause) in [
        (
            base().await.header("Authorization", &token),
            "token.no_bearer",
        ),
        (base().await.without(SUBSCRIPTION_KEY), "subkey.missing"),
        (
            shop.ask("POST", "/ecomm/v2/payments").await.body("{\"a\":"),
            "json.syntax",
        ),
        (
            shop.ask_token().header("client_secret", "wrong"),
            "token.secret_wrong",
        ),
    ] {
        let first = made(&house, ask).await;
        let was = first.cause().unwrap_or("none").to_owned();
        let id = address(&house, &first);
        let msn = shop.msn.to_string();
        let done = developer
            .post(&format!("/requests/{id}/again"), &[("msn", &msn)])
            .await;
        let path = done.headers["location"].to_str().unwrap().to_owned();
        let again = house
            .inspector
            .at(path.rsplit('/').next().unwrap())
            .unwrap();
        // A wrong key is mended, since present keys are sent; nothing else is.
        let mended = cause == "token.secret_wrong";
        assert_eq!(
            again.cause(),
            first.cause().filter(|_| !mended),
            "{cause} {was}"
        );
        assert!(first.cause().is_some(), "{cause}");
    }
}
