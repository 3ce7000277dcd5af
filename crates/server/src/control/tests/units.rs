//! Sales units, their keys and clocks.

use sandkasse_domain::Environment;
use serde_json::{Value, json};

use super::{refused, shop, text};
use crate::testing::House;

#[tokio::test]
async fn plat_40_a_new_sales_unit_is_usable_at_once() {
    let house = House::new().await;
    let (status, keys) = house.post("/sales-units", json!({"name": "Acme"})).await;
    assert_eq!(status, 201, "{keys}");
    let msn = text(&keys["msn"]);
    assert!(
        msn.len() == 6 && msn.bytes().all(|byte| byte.is_ascii_digit()),
        "{msn}"
    );
    assert_eq!(keys["base_url"], house.world.platform.test_base);
    for key in ["primary_subscription_key", "secondary_subscription_key"] {
        let token = house
            .world
            .ask(Environment::Test, "POST", "/accesstoken/get")
            .header("client_id", text(&keys["client_id"]))
            .header("client_secret", text(&keys["client_secret"]))
            .header("Ocp-Apim-Subscription-Key", text(&keys[key]));
        token.send().await.ok();
    }
    let (_, unit) = house.get(&format!("/sales-units/test/{msn}")).await;
    assert_eq!(unit["name"], "Acme");
    assert_eq!(unit["merchant"]["name"], "Acme");
    assert_eq!(unit["products"], json!(["ecom", "login"]));
    assert_eq!(
        (&unit["url_policy"], &unit["capture"]),
        (&json!("strict"), &json!("reserve"))
    );
    assert_eq!(
        (&unit["rate_limits"], &unit["sub_delay_ms"]),
        (&json!("on"), &json!(200))
    );
    let shown = unit.to_string();
    assert!(
        !shown.contains(text(&keys["client_secret"])),
        "secrets stay out: {shown}"
    );
    let (_, again) = house.get(&format!("/sales-units/test/{msn}/keys")).await;
    assert_eq!(again, keys);
}

#[tokio::test]
async fn every_trait_of_a_sales_unit_can_be_chosen_and_changed() {
    let house = House::new().await;
    let traits = json!({
        "name": "Changed", "merchant_name": "Owner AS", "merchant_standing": "blocked",
        "products": ["login"], "capture": "direct", "skip_landing_page": true, "nin_scope": true,
        "express": false, "long_living": true, "currency": "DKK", "partial_capture": false,
        "rate_limits": "off", "url_policy": "local", "tokens_survive_advance": true,
        "limits": {"receive": 100, "request": 200, "overdraft": 300, "paid_out": 400},
        "sub_delay_ms": 0, "active": false,
    });
    let mut first = traits.clone();
    first["environment"] = "production".into();
    first["merchant_orgno"] = "310000000".into();
    let (status, keys) = house.post("/sales-units", first).await;
    assert_eq!(
        (status, &keys["environment"]),
        (201, &json!("production")),
        "{keys}"
    );
    let (_, made) = house
        .get(&format!("/sales-units/production/{}", text(&keys["msn"])))
        .await;
    // A unit that exists is closed with BankID only, and nothing else of the change happens.
    let unit = "/sales-units/test/220001";
    let refusal = house.call("PATCH", unit, traits.clone()).await;
    refused(refusal, 403, "bankid_required");
    let (_, unchanged) = house.get(unit).await;
    assert_eq!(unchanged["name"], "demo");
    let mut later = traits.clone();
    later.as_object_mut().unwrap().remove("active");
    let (status, changed) = house.call("PATCH", unit, later).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        (&made["active"], &changed["active"]),
        (&json!(false), &json!(true))
    );
    for unit in [made, changed] {
        assert_eq!(
            unit["merchant"],
            json!({
                "orgno": "310000000", "name": "Owner AS", "standing": "blocked"
            })
        );
        for (name, value) in traits.as_object().unwrap() {
            if !name.starts_with("merchant_") && name != "active" {
                assert_eq!(&unit[name], value, "{name}");
            }
        }
    }
    let (_, freed) = house
        .call(
            "PATCH",
            "/sales-units/test/220001",
            json!({"limits": {"receive": null}}),
        )
        .await;
    assert_eq!(
        freed["limits"],
        json!({"receive": null, "request": 200, "overdraft": 300, "paid_out": 400})
    );
}

#[tokio::test]
async fn mistakes_about_sales_units_are_explained() {
    let house = House::new().await;
    for (body, word) in [
        (json!({"nam": "x"}), "unknown field `nam`"),
        (json!({"capture": "both"}), "unknown variant `both`"),
        (json!({"products": []}), "`products` is empty"),
        (json!({"name": " "}), "name is empty"),
        (json!({"merchant_orgno": "12"}), "nine digits"),
        (json!({"limits": {"receive": -1}}), "never negative"),
        (json!([]), "the body"),
    ] {
        let detail = refused(house.post("/sales-units", body).await, 400, "bad_request");
        assert!(detail.contains(word), "{detail}");
    }
    let patch = json!({"environment": "test"});
    let answer = house.call("PATCH", "/sales-units/test/220001", patch).await;
    refused(answer, 400, "bad_request");
    refused(
        house.get("/sales-units/test/999999").await,
        404,
        "sales_unit_unknown",
    );
    refused(
        house.get("/sales-units/nowhere/220001").await,
        400,
        "bad_request",
    );
    refused(house.get("/nothing").await, 404, "route_unknown");
    refused(
        house.call("PUT", "/reset", Value::Null).await,
        405,
        "method_unknown",
    );
    let key = "/sales-units/test/220001/keys/primary/regenerate";
    refused(house.post(key, Value::Null).await, 400, "bad_request");
}

#[tokio::test]
async fn each_key_is_made_anew_alone() {
    let house = House::new().await;
    let (_, mut keys) = house.get("/sales-units/test/220001/keys").await;
    for name in [
        "client_secret",
        "primary_subscription_key",
        "secondary_subscription_key",
    ] {
        let path = format!("/sales-units/test/220001/keys/{name}/regenerate");
        let (status, new) = house.post(&path, Value::Null).await;
        assert_eq!(status, 200);
        assert_ne!(new[name], keys[name], "{name}");
        keys[name] = new[name].clone();
        assert_eq!(new, keys, "all others stay");
    }
}

#[tokio::test]
async fn a_clock_is_advanced_by_a_span_or_to_the_next_deadline() {
    let house = House::new().await;
    let shop = shop(&house).await;
    shop.initiate("acme-2", 49_900).await.ok();
    let path = format!("/sales-units/test/{}/advance", shop.msn);
    let (status, next) = house.post(&path, json!({"to_next": true})).await;
    assert_eq!(
        (status, &next["ahead_ms"]),
        (200, &json!(300_000)),
        "{next}"
    );
    assert_eq!(
        next["payments_changed"], 2,
        "both time out at the same moment"
    );
    refused(
        house.post(&path, json!({"to_next": true})).await,
        409,
        "nothing_waits",
    );
    let span = json!({"days": 1, "hours": 1, "minutes": 1, "seconds": 1});
    let (_, later) = house.post(&path, span).await;
    assert_eq!(later["ahead_ms"], 300_000 + 90_061_000);
    assert_eq!(later["payments_changed"], 0);
    for wrong in [
        json!({}),
        json!({"days": 0}),
        json!({"days": -1}),
        json!({"to_next": true, "days": 1}),
        json!({"days": 36_501}),
    ] {
        refused(house.post(&path, wrong).await, 400, "bad_request");
    }
}

#[tokio::test]
async fn where_others_can_reach_the_platform_no_unit_calls_local_addresses() {
    let house = House::with(None, false).await;
    let local = json!({"url_policy": "local"});
    refused(
        house.post("/sales-units", local.clone()).await,
        409,
        "local_urls_refused",
    );
    let patched = house.call("PATCH", "/sales-units/test/220001", local).await;
    refused(patched, 409, "local_urls_refused");
}
