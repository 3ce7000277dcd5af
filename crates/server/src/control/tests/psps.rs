//! Payment service providers and office keys: owners of keys that take no part in eCom.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_domain::Environment;
use serde_json::{Value, json};

use super::{Program, refused, text};
use crate::testing::House;

#[tokio::test]
async fn payment_service_providers_have_keys() {
    let house = House::new().await;
    let new = json!({"id": "my-psp", "name": "Betalingshuset AS"});
    let (status, mut keys) = house.post("/psps", new.clone()).await;
    assert_eq!(
        (status, &keys["environment"]),
        (201, &json!("test")),
        "{keys}"
    );
    refused(house.post("/psps", new).await, 409, "id_taken");
    let path = "/psps/test/my-psp";
    assert_eq!(
        house.get(&format!("{path}/keys")).await,
        (200, keys.clone())
    );
    for name in [
        "client_secret",
        "primary_subscription_key",
        "secondary_subscription_key",
    ] {
        let path = format!("{path}/keys/{name}/regenerate");
        let (status, new) = house.post(&path, Value::Null).await;
        assert_eq!(status, 200);
        assert_ne!(new[name], keys[name], "{name}");
        keys[name] = new[name].clone();
        assert_eq!(new, keys, "all others stay");
    }
    Program::with(&house, keys.clone()).ask_token().await.ok();
    let (_, shown) = house.get(path).await;
    assert_eq!(shown["name"], "Betalingshuset AS");
    assert!(!shown.to_string().contains(text(&keys["client_secret"])));
    assert_eq!(house.get("/psps").await.1, json!({"psps": [shown]}));
    assert_eq!(
        house.get("/psps?environment=production").await.1,
        json!({"psps": []})
    );
    refused(house.get("/psps/test/nobody").await, 404, "psp_unknown");
    refused(
        house.post("/psps", json!({"id": "a b", "name": "A"})).await,
        400,
        "bad_request",
    );
}

#[tokio::test]
async fn office_keys_are_made_listed_and_shown() {
    let house = House::new().await;
    for kind in ["management", "accounting"] {
        let new = json!({"kind": kind, "owner": "310000000"});
        let (status, keys) = house.post("/office-keys", new).await;
        assert_eq!((status, &keys["kind"]), (201, &json!(kind)), "{keys}");
        let (id, secret) = (text(&keys["client_id"]), text(&keys["client_secret"]));
        let place = format!("/office-keys/production/{id}");
        assert_eq!(house.get(&place).await, (200, keys.clone()));
        let basic = STANDARD.encode(format!("{id}:{secret}"));
        let token = house
            .world
            .ask(Environment::Production, "POST", "/miami/v1/token")
            .header("Authorization", &format!("Basic {basic}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        token.send().await.ok();
        let (_, list) = house.get("/office-keys").await;
        assert!(
            list.to_string().contains(id) && !list.to_string().contains(secret),
            "{list}"
        );
    }
    let (_, list) = house.get("/office-keys?environment=production").await;
    assert_eq!(
        list["office_keys"].as_array().unwrap().len(),
        4,
        "two are demo data"
    );
    assert_eq!(
        house.get("/office-keys?environment=test").await.1,
        json!({"office_keys": []})
    );
    refused(
        house.get("/office-keys/production/x").await,
        404,
        "office_keys_unknown",
    );
    for wrong in [
        json!({"kind": "all", "owner": "310000000"}),
        json!({"kind": "management", "owner": "12"}),
        json!({"kind": "management"}),
    ] {
        refused(house.post("/office-keys", wrong).await, 400, "bad_request");
    }
}
