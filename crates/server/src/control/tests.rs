//! The control API over its router, without sockets. What the acts mean is tested where the
//! payment machine is; here, that they arrive and how they are answered.

use axum::body::Body;
use futures_util::FutureExt;
use http::Request;
use sandkasse_domain::Environment;
use sandkasse_store::CallFailure;
use sandkasse_testkit::{Shop, seconds};
use serde_json::{Value, json};

use crate::testing::{House, PORTAL};

/// A shop of its own in a house, with a payment.
async fn shop(house: &House) -> Shop {
    let shop = house.world.shop(|_| {}).await;
    shop.initiate("acme-1", 499_00).await.ok();
    shop
}

fn at(shop: &Shop, order: &str, what: &str) -> String {
    format!("/payments/{}/{}/{order}{what}", shop.environment, shop.msn)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[track_caller]
fn refused((status, problem): (u16, Value), expected: u16, cause: &str) -> String {
    assert_eq!((status, &problem["cause"]), (expected, &json!(cause)), "{problem}");
    assert_eq!(problem["status"], expected);
    assert_eq!(problem["type"], "about:blank");
    text(&problem["detail"]).to_owned()
}

#[tokio::test]
async fn plat_40_a_new_sales_unit_is_usable_at_once() {
    let house = House::new().await;
    let (status, keys) = house.post("/sales-units", json!({"name": "Acme"})).await;
    assert_eq!(status, 201, "{keys}");
    let msn = text(&keys["msn"]);
    assert!(msn.len() == 6 && msn.bytes().all(|byte| byte.is_ascii_digit()), "{msn}");
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
    assert_eq!((&unit["url_policy"], &unit["capture"]), (&json!("strict"), &json!("reserve")));
    assert_eq!((&unit["rate_limits"], &unit["sub_delay_ms"]), (&json!("on"), &json!(200)));
    let shown = unit.to_string();
    assert!(!shown.contains(text(&keys["client_secret"])), "secrets stay out: {shown}");
    let (_, again) = house.get(&format!("/sales-units/test/{msn}/keys")).await;
    assert_eq!(again, keys);
}

#[tokio::test]
async fn every_trait_of_a_sales_unit_can_be_chosen_and_changed() {
    let house = House::new().await;
    let traits = json!({
        "name": "Changed", "merchant_name": "Owner AS", "merchant_standing": "blocked",
        "products": ["login"], "capture": "direct", "skip_landing_page": true, "nin_scope": true,
        "rate_limits": "off", "url_policy": "local", "tokens_survive_advance": true,
        "limits": {"receive": 100, "request": 200, "overdraft": 300, "paid_out": 400},
        "sub_delay_ms": 0, "active": false,
    });
    let mut first = traits.clone();
    first["environment"] = "production".into();
    first["merchant_orgno"] = "310000000".into();
    let (status, keys) = house.post("/sales-units", first).await;
    assert_eq!((status, &keys["environment"]), (201, &json!("production")), "{keys}");
    let (_, made) = house.get(&format!("/sales-units/production/{}", text(&keys["msn"]))).await;
    let (status, changed) = house.call("PATCH", "/sales-units/test/220001", traits.clone()).await;
    assert_eq!(status, 200, "{changed}");
    for unit in [made, changed] {
        assert_eq!(unit["merchant"], json!({
            "orgno": "310000000", "name": "Owner AS", "standing": "blocked"
        }));
        for (name, value) in traits.as_object().unwrap() {
            if !name.starts_with("merchant_") {
                assert_eq!(&unit[name], value, "{name}");
            }
        }
    }
    let (_, freed) = house
        .call("PATCH", "/sales-units/test/220001", json!({"limits": {"receive": null}}))
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
    refused(house.get("/sales-units/test/999999").await, 404, "sales_unit_unknown");
    refused(house.get("/sales-units/nowhere/220001").await, 400, "bad_request");
    refused(house.get("/nothing").await, 404, "route_unknown");
    refused(house.call("PUT", "/reset", Value::Null).await, 405, "method_unknown");
    let key = "/sales-units/test/220001/keys/primary/regenerate";
    refused(house.post(key, Value::Null).await, 400, "bad_request");
}

#[tokio::test]
async fn each_key_is_made_anew_alone() {
    let house = House::new().await;
    let (_, mut keys) = house.get("/sales-units/test/220001/keys").await;
    for name in ["client_secret", "primary_subscription_key", "secondary_subscription_key"] {
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
    shop.initiate("acme-2", 499_00).await.ok();
    let path = format!("/sales-units/test/{}/advance", shop.msn);
    let (status, next) = house.post(&path, json!({"to_next": true})).await;
    assert_eq!((status, &next["ahead_ms"]), (200, &json!(300_000)), "{next}");
    assert_eq!(next["payments_changed"], 2, "both time out at the same moment");
    refused(house.post(&path, json!({"to_next": true})).await, 409, "nothing_waits");
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
    assert_eq!((&made["environment"], &made["phone"]), (&json!("production"), &json!("91234567")));
    let (status, changed) = house.call("PATCH", "/persons/test/41000001", traits.clone()).await;
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
    refused(house.get("/persons/test/40000000").await, 404, "person_unknown");
    refused(house.get("/persons/test/x").await, 400, "bad_request");
    let patch = json!({"phone": "41000009"});
    let answer = house.call("PATCH", "/persons/test/41000001", patch).await;
    refused(answer, 400, "bad_request");
}

#[tokio::test]
async fn a_person_approves_with_the_right_pin() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let approve = at(&shop, "acme-1", "/approve");
    let wrong = house.post(&approve, json!({"phone": "41000001", "pin": "0000"})).await;
    refused(wrong, 403, "wrong_pin");
    refused(house.post(&approve, Value::Null).await, 400, "bad_request");
    for (phone, word) in [
        ("41000003", "younger than 15"),
        ("41000004", "blocked"),
        ("41000005", "never logged in"),
        ("41000006", "limit"),
        ("40000000", "nobody"),
    ] {
        let answer = house.post(&approve, json!({"phone": phone})).await;
        let detail = refused(answer, 409, "cannot_pay");
        assert!(detail.contains(word), "{detail}");
    }
    let (status, refused_by_bank) = house.post(&approve, json!({"phone": "41000008"})).await;
    assert_eq!((status, &refused_by_bank["state"]), (200, &json!("INITIATED")));
    assert_eq!(refused_by_bank["refused"], "expired_card");
    let body = json!({"phone": "+47 41000008", "pin": "1236", "card": 1});
    let (_, approved) = house.post(&approve, body).await;
    assert_eq!(approved["state"], "RESERVED");
    assert_eq!(approved["money"]["reserved"], 499_00);
    assert_eq!(approved["happened"][0]["event"], "reserved");
    refused(house.post(&approve, Value::Null).await, 409, "not_open");
    let none = at(&shop, "none", "/approve");
    refused(house.post(&none, Value::Null).await, 404, "order_unknown");
}

#[tokio::test]
async fn ecom_94_the_app_adds_the_status() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    for (order, what, body, status) in [
        ("a", "/approve", json!({"phone": "41000001"}), "100"),
        ("b", "/reject", Value::Null, "202"),
        ("c", "/leave-landing-page", Value::Null, "202"),
        ("d", "/time-out", Value::Null, "401"),
    ] {
        shop.initiate_but(order, 499_00, |body| {
            body["merchantInfo"]["fallBack"] = "merchantApp://result?x".into();
            body["merchantInfo"]["isApp"] = true.into();
        })
        .await
        .ok();
        let (code, payment) = house.post(&at(&shop, order, what), body).await;
        assert_eq!(code, 200, "{payment}");
        let expected = format!("merchantApp://result?x&status={status}");
        assert_eq!(payment["app_redirect"], expected, "{what}");
    }
}

#[tokio::test]
async fn every_act_reaches_the_payment() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let act = |what: &str| at(&shop, "acme-1", what);
    let (_, opened) = house.post(&act("/open"), Value::Null).await;
    assert_eq!(opened["happened"][0]["event"], "opened");
    let (_, shown) = house.post(&act("/show"), json!({"phone": "41000001"})).await;
    assert_eq!(shown["request"]["payer"], "41000001");
    let (_, entered) = house.post(&act("/enter-3d-secure"), Value::Null).await;
    assert_eq!(entered["request"]["in_three_d_secure"], true);
    // ECOM-62: meanwhile the merchant cannot cancel.
    shop.cancel("acme-1").await.refused(400, "Payment", "52", "cancel.three_d_secure");
    let (_, rejected) = house.post(&act("/reject"), Value::Null).await;
    assert_eq!((&rejected["state"], &rejected["cancelled_by"]), (&json!("CANCELLED"), &json!("payer")));
    refused(house.post(&act("/open"), Value::Null).await, 409, "not_open");
    refused(house.post(&act("/time-out"), Value::Null).await, 409, "not_open");
    let (_, all) = house.get(&act("")).await;
    let events: Vec<&str> = all["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|happened| text(&happened["event"]))
        .collect();
    assert_eq!(events, ["initiated", "opened", "shown", "three_d_secure_began", "cancelled"]);
}

#[tokio::test]
async fn what_the_app_shows_of_a_shop_that_fails_is_told() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    for order in ["slow", "odd", "good"] {
        let mut body = shop.express_body(order, 200_00);
        let merchant = body["merchantInfo"].as_object_mut().unwrap();
        merchant.remove("staticShippingDetails");
        merchant.insert("shippingDetailsPrefix".to_owned(), "https://example.com/ship".into());
        shop.initiate_with(&body).await.ok();
    }
    let method = r#"{"isDefault":"Y","priority":1,"shippingCost":"99.00","shippingMethod":"Post","shippingMethodId":"post"}"#;
    let recorder = &house.world.recorder;
    recorder.answer_shipping("slow", Err(CallFailure::Timeout { limit_ms: 10_000 }));
    recorder.answer_shipping("odd", Ok("{".to_owned()));
    recorder.answer_shipping("good", Ok(format!(r#"{{"shippingDetails":[{method}]}}"#)));
    let kari = json!({"phone": "41000001"});
    for (order, cause, shows) in [
        ("slow", "no_shipping_methods", "No shipping methods found"),
        ("odd", "bad_shipping_answer", "Payment failed"),
    ] {
        for act in ["/choose-address", "/approve"] {
            let answer = house.post(&at(&shop, order, act), kari.clone()).await;
            assert_eq!(answer.1["app_shows"], shows);
            refused(answer, 409, cause);
        }
    }
    let (_, chosen) = house.post(&at(&shop, "good", "/choose-address"), kari.clone()).await;
    let methods = &chosen["request"]["shipping"]["methods"];
    assert_eq!((&methods[0]["id"], &methods[0]["cost"]), (&json!("post"), &json!(99_00)));
    assert_eq!(chosen["happened"][0]["event"], "shipping_offered");
    let (_, paid) = house.post(&at(&shop, "good", "/approve"), kari.clone()).await;
    assert_eq!(paid["money"]["reserved"], 299_00);
    let again = house.post(&at(&shop, "good", "/choose-address"), kari).await;
    refused(again, 409, "not_open");
}

#[tokio::test]
async fn waiting_ends_when_the_state_is_reached() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let path = at(&shop, "acme-1", "/wait?until=RESERVED,captured&timeout_seconds=5");
    let waiting = house.get(&path);
    tokio::pin!(waiting);
    assert!(waiting.as_mut().now_or_never().is_none(), "there is no such payment yet");
    shop.initiate("acme-1", 499_00).await.ok();
    assert!(waiting.as_mut().now_or_never().is_none(), "it is not reserved yet");
    house.post(&at(&shop, "acme-1", "/approve"), json!({"phone": "41000001"})).await;
    let (status, payment) = waiting.await;
    assert_eq!((status, &payment["state"]), (200, &json!("RESERVED")));
    // What was reached counts, also when more has happened since.
    shop.capture("acme-1", 499_00).await.ok();
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
    for query in ["", "?until=DONE", "?until=", "?until=RESERVED&timeout_seconds=61"] {
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
        shop.initiate(order, 499_00).await.ok();
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
    shop.initiate_but("acme-1", 499_00, |body| body["merchantInfo"]["authToken"] = secret.into())
        .await
        .ok();
    house.post(&at(&shop, "acme-1", "/approve"), json!({"phone": "41000001"})).await;
    let (_, list) = house.get(&format!("/outgoing-calls/test/{}?about=acme-1", shop.msn)).await;
    let call = &list["calls"][0];
    assert_eq!((&call["purpose"], &call["state"]), (&json!("payment_callback"), &json!("owed")));
    assert_eq!(call["sends_authorization"], true);
    assert!(text(&call["url"]).ends_with("/v2/payments/acme-1"));
    assert!(text(&call["body"]).contains("RESERVED"));
    let (_, payment) = house.get(&at(&shop, "acme-1", "")).await;
    for shown in [list, payment] {
        assert!(!shown.to_string().contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn consent_is_taken_back_once() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    shop.initiate_but("acme-1", 499_00, |body| body["transaction"]["scope"] = "name".into())
        .await
        .ok();
    house.post(&at(&shop, "acme-1", "/approve"), json!({"phone": "41000001"})).await;
    for revoked in [true, false] {
        let body = json!({"msn": shop.msn});
        let (_, answer) = house.post("/persons/test/41000001/revoke", body).await;
        assert_eq!(answer, json!({"revoked": revoked}));
    }
    let nobody = house.post("/persons/test/41000001/revoke", json!({"msn": "999999"})).await;
    refused(nobody, 404, "sales_unit_unknown");
}

#[tokio::test]
async fn a_reset_brings_back_the_first_day() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let (_, before) = house.get("/sales-units/test/220001/keys").await;
    house.post("/sales-units/test/220001/advance", json!({"days": 1})).await;
    house.post("/sales-units/test/220001/keys/client_secret/regenerate", Value::Null).await;
    assert_eq!(house.post("/reset", Value::Null).await, (200, json!({"demo_data": true})));
    refused(house.get(&at(&shop, "acme-1", "")).await, 404, "sales_unit_unknown");
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
    assert_eq!((&keys["MSN"], &keys["PHONE"]), (&json!("220001"), &json!("4741000001")));
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
    assert!(detail.contains("strict"), "it says which there are: {detail}");
    for phone in ["41000001", "41000007"] {
        house.call("PATCH", &format!("/persons/test/{phone}"), json!({"blocked": true})).await;
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
    let page = Request::get("/").header("host", PORTAL).body(Body::empty()).unwrap();
    assert_eq!(house.send(page).await.0, 200, "the first page tells no secret");
    let strange = Request::get("/control/v1/env").header("host", "evil.example.com");
    let strange = house.send(strange.body(Body::empty()).unwrap()).await;
    refused(strange, 403, "host_unknown");
}

#[tokio::test]
async fn where_others_can_reach_the_platform_no_unit_calls_local_addresses() {
    let house = House::with(None, false).await;
    let local = json!({"url_policy": "local"});
    refused(house.post("/sales-units", local.clone()).await, 409, "local_urls_refused");
    let patched = house.call("PATCH", "/sales-units/test/220001", local).await;
    refused(patched, 409, "local_urls_refused");
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
            let told = operation["summary"].as_str().is_some_and(|text| text.len() > 10);
            assert!(told, "{method} {path} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{path}");
            // What is named in the path is described.
            let named = path.matches('{').count();
            let described = operation["parameters"].as_array().map_or(0, |all| {
                all.iter().filter(|parameter| parameter["in"] == "path").count()
            });
            assert_eq!(named, described, "{method} {path}");
        }
    }
    assert_eq!(operations, 26);
    let words = api.to_string();
    let dangling = words
        .split("#/components/schemas/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|name| api["components"]["schemas"].get(name).is_none());
    assert_eq!(dangling, None);
}
