//! Partners, their keys, and the links of sales units to them.

use sandkasse_domain::Environment;
use sandkasse_testkit::KEY_INVALID;
use serde_json::{Value, json};

use super::{Program, check_your_keys, closed, refused, text};
use crate::testing::{House, Rules};

/// Demo data: a unit and the partner it is linked to.
const UNIT: &str = "/sales-units/production/330001";
const PARTNER: &str = "/partners/production/demo-partner";

async fn link(house: &House, partner: &str) {
    let body = json!({"partner": partner});
    let (status, unit) = house.call("PUT", &format!("{UNIT}/partner"), body).await;
    assert_eq!((status, &unit["partner"]), (200, &json!(partner)), "{unit}");
}

#[tokio::test]
async fn partners_are_made_shown_and_changed() {
    let house = House::new().await;
    let new = json!({"name": "Andre AS"});
    let (status, keys) = house.post("/partners", new).await;
    assert_eq!(
        (status, &keys["environment"]),
        (201, &json!("production")),
        "{keys}"
    );
    let number = text(&keys["own_number"]);
    assert_eq!(keys["id"], format!("partner-{number}"));
    let path = format!("/partners/production/{}", text(&keys["id"]));
    assert_eq!(
        house.get(&format!("{path}/keys")).await,
        (200, keys.clone())
    );
    let (_, shown) = house.get(&path).await;
    assert_eq!(
        (&shown["name"], &shown["status"], &shown["linked"]),
        (&json!("Andre AS"), &json!("active"), &json!([]))
    );
    assert!(!shown.to_string().contains(text(&keys["client_secret"])));
    let change = json!({"name": "Tredje AS", "status": "pending"});
    let (status, changed) = house.call("PATCH", &path, change).await;
    assert_eq!(
        (status, &changed["name"], &changed["status"]),
        (200, &json!("Tredje AS"), &json!("pending"))
    );
    let (_, list) = house.get("/partners").await;
    let ids: Vec<_> = list["partners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| text(&it["id"]))
        .collect();
    assert_eq!(ids, ["demo-partner", text(&keys["id"])]);
    assert_eq!(list["partners"][0]["linked"], json!(["330001", "330006"]));
    let (_, none) = house.get("/partners?environment=test").await;
    assert_eq!(none, json!({"partners": []}));
    // What the store keeps is the same.
    house.engine().directory.reload().await.unwrap();
    assert_eq!(house.get(&path).await.1, changed);
}

#[tokio::test]
async fn each_key_of_a_partner_is_made_anew_alone() {
    let house = House::new().await;
    let (_, mut keys) = house.get(&format!("{PARTNER}/keys")).await;
    for name in [
        "client_secret",
        "primary_subscription_key",
        "secondary_subscription_key",
    ] {
        let path = format!("{PARTNER}/keys/{name}/regenerate");
        let (status, new) = house.post(&path, Value::Null).await;
        assert_eq!(status, 200);
        assert_ne!(new[name], keys[name], "{name}");
        let old = Program::with(&house, keys.clone());
        if name == "primary_subscription_key" {
            old.ask_token()
                .await
                .answered(401, KEY_INVALID, "subkey.regenerated");
        }
        keys[name] = new[name].clone();
        assert_eq!(new, keys, "all others stay");
    }
    let new = Program::with(&house, keys);
    new.initiate("330001", "acme-1").await.ok();
}

#[tokio::test]
async fn mistakes_about_partners_are_explained() {
    let house = House::new().await;
    for (body, status, cause) in [
        (json!({}), 400, "bad_request"),
        (json!({"name": " "}), 400, "bad_request"),
        (json!({"name": "A", "id": "a b"}), 400, "bad_request"),
        (json!({"name": "A", "id": ""}), 400, "bad_request"),
        (json!({"name": "A", "status": "good"}), 400, "bad_request"),
        (json!({"name": "A", "own_number": "12"}), 400, "bad_request"),
        (json!({"name": "A", "id": "demo-partner"}), 409, "id_taken"),
        (
            json!({"name": "A", "own_number": "330001"}),
            409,
            "number_taken",
        ),
        (
            json!({"name": "A", "own_number": "339001"}),
            409,
            "number_taken",
        ),
    ] {
        refused(house.post("/partners", body).await, status, cause);
    }
    let partner = format!("{UNIT}/partner");
    let nobody = house
        .call("PUT", &partner, json!({"partner": "nobody"}))
        .await;
    refused(nobody, 404, "partner_unknown");
    refused(
        house.call("PUT", &partner, json!({})).await,
        400,
        "bad_request",
    );
    refused(
        house.get("/partners/production/nobody").await,
        404,
        "partner_unknown",
    );
    let key = format!("{PARTNER}/keys/primary/regenerate");
    refused(house.post(&key, Value::Null).await, 400, "bad_request");
    let unit = "/sales-units/production/999999/partner";
    let body = json!({"partner": "demo-partner"});
    refused(
        house.call("PUT", unit, body).await,
        404,
        "sales_unit_unknown",
    );
    refused(
        house.call("DELETE", unit, Value::Null).await,
        404,
        "sales_unit_unknown",
    );
}

#[tokio::test]
async fn pk_13_pk_14_a_link_moves_to_another_partner() {
    let house = House::new().await;
    let first = Program::of(&house, PARTNER).await;
    let merchant = Program::of(&house, UNIT).await;
    let new = json!({"name": "Andre AS", "id": "second"});
    let second = Program::with(&house, house.post("/partners", new).await.1);
    first.initiate("330001", "acme-1").await.ok();
    let got = second.details("330001", "acme-1").await;
    check_your_keys(&got, "330001", "partner.not_linked");
    link(&house, "second").await;
    let got = first.details("330001", "acme-1").await;
    check_your_keys(&got, "330001", "partner.not_linked");
    second.details("330001", "acme-1").await.ok();
    second.initiate("330001", "acme-2").await.ok();
    merchant.initiate("330001", "acme-3").await.ok();
    // And away.
    let partner = format!("{UNIT}/partner");
    let (status, unit) = house.call("DELETE", &partner, Value::Null).await;
    assert_eq!((status, &unit["partner"]), (200, &Value::Null));
    let got = second.details("330001", "acme-1").await;
    check_your_keys(&got, "330001", "partner.not_linked");
    merchant.details("330001", "acme-1").await.ok();
}

#[tokio::test]
async fn pk_15_a_merchants_new_keys_do_not_touch_its_partners() {
    let house = House::new().await;
    let merchant = Program::of(&house, UNIT).await;
    let partner = Program::of(&house, PARTNER).await;
    let old = merchant
        .ask("GET", "/ecomm/v2/payments/acme-1/details", "330001")
        .await;
    partner.initiate("330001", "acme-1").await.ok();
    for name in [
        "client_secret",
        "primary_subscription_key",
        "secondary_subscription_key",
    ] {
        let path = format!("{UNIT}/keys/{name}/regenerate");
        assert_eq!(house.post(&path, Value::Null).await.0, 200);
    }
    old.send()
        .await
        .answered(401, KEY_INVALID, "subkey.regenerated");
    partner.details("330001", "acme-1").await.ok();
}

#[tokio::test]
async fn plat_33_faq_84_a_deactivated_partners_keys_pay_nothing() {
    let house = House::new().await;
    let partner = Program::of(&house, PARTNER).await;
    let merchant = Program::of(&house, UNIT).await;
    let status = |status: &str| json!({"status": status});
    house.call("PATCH", PARTNER, status("deactivated")).await;
    closed(
        &partner.initiate("330001", "acme-1").await,
        "partner.deactivated",
    );
    merchant.initiate("330001", "acme-1").await.ok();
    closed(
        &partner.details("330001", "acme-1").await,
        "partner.deactivated",
    );
    house.call("PATCH", PARTNER, status("active")).await;
    partner.details("330001", "acme-1").await.ok();
}

#[tokio::test]
async fn pk_21_partner_keys_are_for_production_unless_a_setting_says_otherwise() {
    let house = House::new().await;
    let mut partner = Program::of(&house, PARTNER).await;
    partner.environment = Environment::Test;
    partner
        .ask_token()
        .await
        .answered(401, KEY_INVALID, "env.keys");
    let made_in_test = [
        (
            "POST",
            "/partners",
            json!({"environment": "test", "name": "A"}),
        ),
        (
            "POST",
            "/office-keys",
            json!({"environment": "test", "kind": "management", "owner": "310000000"}),
        ),
        (
            "POST",
            "/office-keys",
            json!({"environment": "test", "kind": "accounting", "owner": "310000000"}),
        ),
        (
            "PUT",
            "/sales-units/test/220001/partner",
            json!({"partner": "demo-partner"}),
        ),
    ];
    for (method, path, body) in made_in_test {
        let answer = house.call(method, path, body).await;
        let detail = refused(answer, 409, "partners_in_test_off");
        assert!(detail.contains("SANDKASSE_PARTNERS_IN_TEST"), "{detail}");
    }

    let house = House::under(Rules {
        partners_in_test: true,
        ..Rules::default()
    })
    .await;
    let new = json!({"environment": "test", "name": "A", "id": "a"});
    let (status, keys) = house.post("/partners", new).await;
    assert_eq!(status, 201, "{keys}");
    let body = json!({"partner": "a"});
    assert_eq!(
        house
            .call("PUT", "/sales-units/test/220001/partner", body)
            .await
            .0,
        200
    );
    let partner = Program::with(&house, keys);
    partner.ask_token().await.ok();
    partner.initiate("220001", "acme-1").await.ok();
    let owner = json!({"environment": "test", "kind": "management", "owner": "310000000"});
    assert_eq!(house.post("/office-keys", owner).await.0, 201);
}
