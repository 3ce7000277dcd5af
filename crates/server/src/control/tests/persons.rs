//! Persons.

use serde_json::{Value, json};

use super::{at, refused, text};
use crate::testing::House;

#[tokio::test]
async fn persons_are_ready_to_pay_unless_said_otherwise() {
    let house = House::new().await;
    let (status, person) = house.post("/persons", Value::Null).await;
    assert_eq!(status, 201, "{person}");
    assert_eq!(person["age"], 30);
    assert_eq!(person["acts"], "by_hand");
    assert_eq!(person["cards"][0]["state"], "valid");
    for trait_name in ["logged_in", "approved_once"] {
        assert_eq!(person[trait_name], true, "{trait_name}");
    }
    let phone = text(&person["phone"]);
    assert_eq!(person["msisdn"], format!("47{phone}"));
    let (_, again) = house.get(&format!("/persons/test/+47{phone}")).await;
    assert_eq!(again, person);

    let traits = json!({
        "given_name": "Ola", "family_name": "Hansen", "email": "ola@example.com", "email_verified": false,
        "birthdate": "2010-02-03", "nin": "03021012345",
        "addresses": [{"kind": "work", "line1": "Gata 2", "line2": "2. et.", "post_code": "5003", "city": "BERGEN"}],
        "cards": [{"state": "insufficient_funds", "brand": "Mastercard", "bin": 555_555}],
        "logged_in": false, "approved_once": false, "app_outdated": true, "blocked": true,
        "limit_reached": true, "acts": {"after_seconds": 5},
    });
    let mut new = traits.clone();
    new["environment"] = "production".into();
    new["phone"] = "+47 912 34 567".into();
    let (status, made) = house.post("/persons", new).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["environment"], &made["phone"]),
        (&json!("production"), &json!("91234567"))
    );
    let (status, changed) = house
        .call("PATCH", "/persons/test/41000001", traits.clone())
        .await;
    assert_eq!(status, 200, "{changed}");
    for (name, value) in traits.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
        assert_eq!(&changed[name], value, "{name}");
    }
    let (_, list) = house.get("/persons?environment=production").await;
    assert_eq!(list["persons"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn mistakes_about_persons_are_explained() {
    let house = House::new().await;
    for body in [
        json!({"age": 20, "birthdate": "2000-01-01"}),
        json!({"age": 200}),
        json!({"acts": "sometimes"}),
        json!({"cards": [{"state": "lost"}]}),
        json!({"phone": "12"}),
        json!({"nin": "1"}),
        json!({"pin": "1236"}),
    ] {
        refused(house.post("/persons", body).await, 400, "bad_request");
    }
    let taken = house.post("/persons", json!({"phone": "41000001"})).await;
    refused(taken, 409, "phone_taken");
    refused(
        house.get("/persons/test/40000000").await,
        404,
        "person_unknown",
    );
    refused(house.get("/persons/test/x").await, 400, "bad_request");
    let patch = json!({"phone": "41000009"});
    let answer = house.call("PATCH", "/persons/test/41000001", patch).await;
    refused(answer, 400, "bad_request");
}

#[tokio::test]
async fn consent_is_taken_back_once() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    shop.initiate_but("acme-1", 49_900, |body| {
        body["transaction"]["scope"] = "name".into()
    })
    .await
    .ok();
    house
        .post(
            &at(&shop, "acme-1", "/approve"),
            json!({"phone": "41000001"}),
        )
        .await;
    for revoked in [true, false] {
        let body = json!({"msn": shop.msn});
        let (_, answer) = house.post("/persons/test/41000001/revoke", body).await;
        assert_eq!(answer, json!({"revoked": revoked}));
    }
    let nobody = house
        .post("/persons/test/41000001/revoke", json!({"msn": "999999"}))
        .await;
    refused(nobody, 404, "sales_unit_unknown");
}

#[tokio::test]
async fn what_is_in_a_persons_app_is_listed() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let kari = house.world.person(|_| {}).await;
    let person = format!("/persons/test/{}", kari.phone);
    let (_, nothing) = house.get(&format!("{person}/payments")).await;
    assert_eq!(nothing, json!({"payments": []}));
    shop.reserved("paid", 1000, &kari).await;
    let scoped = |body: &mut Value| body["transaction"]["scope"] = "name email".into();
    shop.initiate_but("asked", 1000, scoped).await.ok();
    let at = format!("/payments/test/{}/asked", shop.msn);
    house
        .post(&format!("{at}/show"), json!({"phone": kari.phone}))
        .await;
    let (_, list) = house.get(&format!("{person}/payments?limit=1")).await;
    let payments = list["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 1, "{list}");
    assert_eq!(payments[0]["order_id"], "asked");
    assert_eq!(payments[0]["request"]["payer"], kari.phone.as_str());
    house.post(&format!("{at}/approve"), json!({})).await;
    let (_, list) = house.get(&format!("{person}/payments")).await;
    assert_eq!(list["payments"].as_array().unwrap().len(), 2, "{list}");
    let (_, known) = house.get(&format!("{person}/consents")).await;
    let unit = shop.unit();
    let name = &unit.facts.name;
    let consent =
        json!({"msn": shop.msn, "name": name, "scopes": ["name", "email"], "is_told": false});
    assert_eq!(known, json!({"consents": [consent]}));
    let unknown = house.get("/persons/test/99999999/payments").await;
    refused(unknown, 404, "person_unknown");
}

#[tokio::test]
async fn wrong_pins_lock_an_app_until_it_is_opened_again() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let kari = house.world.person(|_| {}).await;
    let person = format!("/persons/test/{}", kari.phone);
    shop.initiate("order", 1000).await.ok();
    let approve = async |pin: &str| {
        let body = json!({"phone": kari.phone, "pin": pin});
        let at = format!("/payments/test/{}/order/approve", shop.msn);
        house.post(&at, body).await
    };
    refused(approve("0000").await, 403, "wrong_pin");
    assert_eq!(house.get(&person).await.1["wrong_pins"], 1);
    house
        .call("PATCH", &person, json!({"wrong_pins": 10_000}))
        .await;
    let detail = refused(approve("1236").await, 403, "pin_locked");
    assert!(detail.contains("wrong_pins"), "{detail}");
    house.call("PATCH", &person, json!({"wrong_pins": 0})).await;
    assert_eq!(approve("1236").await.0, 200);
}
