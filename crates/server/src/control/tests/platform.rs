//! Keys for a shell, starting again, the guard and the description.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::{at, refused, shop};
use crate::testing::{House, PORTAL};

#[tokio::test]
async fn a_reset_brings_back_the_first_day() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let (_, before) = house.get("/sales-units/test/220001/keys").await;
    house
        .post("/sales-units/test/220001/advance", json!({"days": 1}))
        .await;
    house
        .post(
            "/sales-units/test/220001/keys/client_secret/regenerate",
            Value::Null,
        )
        .await;
    assert_eq!(
        house.post("/reset", Value::Null).await,
        (200, json!({"demo_data": true}))
    );
    refused(
        house.get(&at(&shop, "acme-1", "")).await,
        404,
        "sales_unit_unknown",
    );
    let (_, after) = house.get("/sales-units/test/220001/keys").await;
    assert_eq!(after, before);
    let (_, unit) = house.get("/sales-units/test/220001").await;
    assert_eq!(unit["clock"]["ahead_ms"], 0);
    let (_, list) = house.get("/sales-units").await;
    assert_eq!(list["sales_units"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn env_gives_keys_and_somebody_who_pays() {
    let house = House::new().await;
    let (_, keys) = house.get("/env").await;
    assert_eq!(
        (&keys["MSN"], &keys["PHONE"]),
        (&json!("220001"), &json!("4741000001"))
    );
    assert_eq!(keys["BASE_URL"], house.world.platform.test_base);
    for (query, msn) in [
        ("?unit=strict", "220005"),
        ("?unit=220006", "220006"),
        ("?environment=production", "330001"),
    ] {
        let (_, keys) = house.get(&format!("/env{query}")).await;
        assert_eq!(keys["MSN"], msn, "{query}");
    }
    let detail = refused(house.get("/env?unit=none").await, 404, "sales_unit_unknown");
    assert!(
        detail.contains("strict"),
        "it says which there are: {detail}"
    );
    for phone in ["41000001", "41000007"] {
        house
            .call(
                "PATCH",
                &format!("/persons/test/{phone}"),
                json!({"blocked": true}),
            )
            .await;
    }
    refused(house.get("/env").await, 409, "nobody_can_pay");
}

#[tokio::test]
async fn a_token_that_is_set_guards_the_control_api() {
    let house = House::with(Some("0123456789abcdef"), true).await;
    refused(house.get("/env").await, 401, "token_required");
    refused(house.get("/openapi.json").await, 401, "token_required");
    let ask = |path: &str| {
        Request::get(path)
            .header("host", PORTAL)
            .header("authorization", "Bearer 0123456789abcdef")
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(house.send(ask("/control/v1/env")).await.0, 200);
    let page = Request::get("/")
        .header("host", PORTAL)
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        house.send(page).await.0,
        200,
        "the first page tells no secret"
    );
    let strange = Request::get("/control/v1/env").header("host", "evil.example.com");
    let strange = house.send(strange.body(Body::empty()).unwrap()).await;
    refused(strange, 403, "host_unknown");
}

#[tokio::test]
async fn the_description_is_complete() {
    let house = House::new().await;
    let (status, api) = house.get("/openapi.json").await;
    assert_eq!((status, &api["openapi"]), (200, &json!("3.1.0")));
    let mut operations = 0;
    for (path, methods) in api["paths"].as_object().unwrap() {
        assert!(path.starts_with("/control/v1/"), "{path}");
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let told = operation["summary"]
                .as_str()
                .is_some_and(|text| text.len() > 10);
            assert!(told, "{method} {path} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{path}"
            );
            // What is named in the path is described.
            let named = path.matches('{').count();
            let described = operation["parameters"].as_array().map_or(0, |all| {
                all.iter()
                    .filter(|parameter| parameter["in"] == "path")
                    .count()
            });
            assert_eq!(named, described, "{method} {path}");
        }
    }
    assert_eq!(operations, 104);
    let words = api.to_string();
    let dangling = words
        .split("#/components/schemas/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|name| api["components"]["schemas"].get(name).is_none());
    assert_eq!(dangling, None);
}
