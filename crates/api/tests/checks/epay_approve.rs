//! Force approve and Express (reference: epayment.md §2.7, §2.8).

use sandkasse_domain::{Environment::Production, person::Person};
use sandkasse_engine::ActRefused;
use sandkasse_store::CallFailure;
use sandkasse_testkit::{Shop, World};
use serde_json::{Value, json};

use super::epay_stage::stage;

fn by(person: &Person) -> Value {
    json!({ "customer": { "phoneNumber": person.phone.msisdn() } })
}

async fn state(shop: &Shop, reference: &str) -> String {
    let got = shop.epay_get(reference).await;
    got.json()["state"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn epay_90_a_number_is_enough_to_approve_by_force() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    let got = shop.epay_approve("acme-shop-1", &by(&kari)).await;
    assert_eq!(
        (got.status, got.body.as_str(), got.header("content-type")),
        (200, "", None)
    );
    assert_eq!(state(&shop, "acme-shop-1").await, "AUTHORIZED");
    // The payment may name somebody itself, and what was pushed can be approved too.
    let got = shop
        .epay_but("acme-shop-2", 1000, |body| {
            body["customer"] = by(&kari)["customer"].clone();
            body["userFlow"] = "PUSH_MESSAGE".into();
        })
        .await;
    got.created();
    let path = "/epayment/v1/test/payments/acme-shop-2/approve";
    let got = shop.ask("POST", path).await.send().await;
    assert_eq!(got.status, 200, "{}", got.body);
}

#[tokio::test]
async fn epay_91_there_is_no_force_in_production() {
    let world = World::new().await;
    let shop = world.shop(|unit| unit.environment = Production).await;
    let kari = world.person_in(Production, |_| {}).await;
    shop.epay("acme-shop-1", 1000).await.created();
    let got = shop.epay_approve("acme-shop-1", &by(&kari)).await;
    let detail = "Force approve is not allowed in production.";
    got.problem(
        403,
        "10020",
        "Approve not allowed",
        detail,
        "approve.production",
    );
    assert_eq!(state(&shop, "acme-shop-1").await, "CREATED");
}

#[tokio::test]
async fn epay_92_who_never_used_the_app_cannot_be_forced() {
    let (world, shop, _) = stage().await;
    let never = world
        .person(|person| person.app.approved_once = false)
        .await;
    let cardless = world.person(|person| person.cards.clear()).await;
    shop.epay("acme-shop-1", 1000).await.created();
    let got = shop.epay_approve("acme-shop-1", &by(&never)).await;
    got.coded(400, "10030", "test.user_not_logged_in");
    let got = shop.epay_approve("acme-shop-1", &by(&cardless)).await;
    let detail = "The user does not have any payment cards.";
    got.problem(400, "10050", "No cards", detail, "test.no_default_card");
    let nobody = json!({ "customer": { "phoneNumber": "4799999999" } });
    let got = shop.epay_approve("acme-shop-1", &nobody).await;
    got.coded(400, "7010", "test.not_a_test_number");
}

#[tokio::test]
async fn epay_93_a_second_approval_is_refused() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    assert_eq!(
        shop.epay_approve("acme-shop-1", &by(&kari)).await.status,
        200
    );
    let got = shop.epay_approve("acme-shop-1", &by(&kari)).await;
    let detail = "The payment with reference `acme-shop-1` has already been reserved.";
    got.problem(
        400,
        "6230",
        "Payment is already reserved",
        detail,
        "approve.not_open",
    );
}

fn express(body: &mut Value, shipping: Value) {
    body["profile"] = json!({ "scope": "name address email phoneNumber" });
    body["shipping"] = shipping;
}

fn options() -> Value {
    json!([
        {
            "type": "HOME_DELIVERY", "brand": "POSTEN", "isDefault": true, "priority": 2,
            "options": [{ "id": "home", "amount": { "value": 9900, "currency": "NOK" }, "name": "Home", "isDefault": true }],
        },
        {
            "type": "PICKUP_POINT", "brand": "POSTEN", "priority": 1,
            "options": [
                { "id": "far", "amount": { "value": 100, "currency": "NOK" }, "name": "Far", "priority": 2 },
                { "id": "near", "amount": { "value": 200, "currency": "NOK" }, "name": "Near", "priority": 1 },
            ],
        },
    ])
}

#[tokio::test]
async fn epay_94_express_cannot_be_forced() {
    let (_world, shop, kari) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| {
            express(body, json!({ "fixedOptions": options() }))
        })
        .await;
    got.created();
    let got = shop.epay_approve("acme-shop-1", &by(&kari)).await;
    let detail = "The attempted payment operation is not supported.";
    got.problem(
        400,
        "10060",
        "Operation not supported",
        detail,
        "approve.express",
    );
}

#[tokio::test]
async fn epay_125_tokens_and_states_of_a_forced_approval() {
    let (_world, shop, kari) = stage().await;
    let token = async |reference: &str| {
        let created = shop.epay(reference, 1000).await.created();
        let url = created["redirectUrl"].as_str().expect("a link").to_owned();
        url.split_once("token=").expect("a token").1.to_owned()
    };
    let (one, two) = (token("acme-shop-1").await, token("acme-shop-2").await);
    let with = |token: &str| {
        let mut body = by(&kari);
        body["token"] = token.into();
        body
    };
    let got = shop.epay_approve("acme-shop-1", &with(&two)).await;
    let only = "this is only available in the test environment";
    let detail = format!(
        "Force approve payment failed ({only}). Reason: `the token is of another payment`."
    );
    got.problem(400, "10010", "Approve failed", &detail, "approve.token");
    assert_eq!(
        shop.epay_approve("acme-shop-1", &with(&one)).await.status,
        200
    );
    let placeholder = with("{{token}}");
    assert_eq!(
        shop.epay_approve("acme-shop-2", &placeholder).await.status,
        200
    );
    shop.epay("acme-shop-3", 1000).await.created();
    shop.epay_cancel("acme-shop-3").await.sums();
    let got = shop.epay_approve("acme-shop-3", &by(&kari)).await;
    let detail =
        format!("Force approve payment failed ({only}). Reason: `the payment is TERMINATED`.");
    got.problem(400, "10010", "Approve failed", &detail, "approve.not_open");
    shop.epay("acme-shop-4", 1000).await.created();
    let got = shop.epay_approve("acme-shop-4", &json!({})).await;
    got.coded(400, "4140", "request.needed");
    let got = shop.epay_approve("acme-shop-9", &by(&kari)).await;
    got.coded(404, "5090", "order.unknown");
}

#[tokio::test]
async fn epay_110_shipping_is_fixed_or_asked_for() {
    let (_world, shop, _) = stage().await;
    let dynamic = json!({ "callbackUrl": "https://example.com/ship" });
    let both = json!({ "fixedOptions": options(), "dynamicOptions": dynamic });
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| express(body, both))
        .await;
    let reason = "Only one of fixedOptions and dynamicOptions may be given.";
    got.shapes("express.both", &[("shipping", reason)]);
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| express(body, json!({})))
        .await;
    let detail =
        "Express payments with static shipping details require a list of shipping options.";
    got.problem(
        400,
        "",
        "Missing static shipping details",
        detail,
        "request.shipping",
    );
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| {
            express(body, json!({ "fixedOptions": options() }));
            body["profile"]["scope"] = "name email".into();
        })
        .await;
    let reason = "Express needs the scope 'name address email phoneNumber'.";
    got.shapes("express.scope", &[("profile.scope", reason)]);
    let mut twice = options();
    twice[1]["type"] = "HOME_DELIVERY".into();
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| {
            express(body, json!({ "fixedOptions": twice }))
        })
        .await;
    assert_eq!(
        (got.status, got.cause()),
        (400, "express.options"),
        "{}",
        got.body
    );
    let plain = json!({ "dynamicOptions": { "callbackUrl": "http://example.com/ship" } });
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| express(body, plain))
        .await;
    got.coded(400, "4090", "url.epayment");
}

#[tokio::test]
async fn epay_111_the_shop_is_asked_and_the_choice_is_paid() {
    let (world, shop, kari) = stage().await;
    let dynamic = json!({ "dynamicOptions": {
        "callbackUrl": "https://example.com/ship?order=1", "callbackAuthorizationToken": "Basic abc",
    } });
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| express(body, dynamic))
        .await;
    got.created();
    world.recorder.answer_shipping(
        "acme-shop-1",
        Ok(json!({ "groups": options() }).to_string()),
    );
    let approved = shop
        .approve_with("acme-shop-1", &kari, 0, Some("near"))
        .await;
    approved.expect("she can");
    let calls = world.recorder.calls();
    let asked = calls
        .iter()
        .find(|call| call.url.contains("/ship"))
        .expect("the shop is asked");
    assert_eq!(asked.url, "https://example.com/ship?order=1");
    assert_eq!(asked.authorization.as_deref(), Some("Basic abc"));
    assert_eq!(
        asked.body.as_deref(),
        Some(
            r#"{"reference":"acme-shop-1","addressLine1":"Storgata 1","addressLine2":null,"city":"OSLO","postCode":"0155","country":"NO"}"#
        )
    );
    let got = shop.epay_get("acme-shop-1").await;
    assert_eq!(got.sums(), [1200, 0, 0, 0]);
    let got = got.json();
    let address = json!({ "addressLine1": "Storgata 1", "city": "OSLO", "country": "NO", "postCode": "0155" });
    assert_eq!(
        got["shippingDetails"],
        json!({
            "address": address, "shippingCost": 200, "shippingOptionId": "near",
            "shippingOptionName": "Near",
        })
    );
    assert_eq!(
        got["userDetails"],
        json!({
            "addresses": [address], "email": "kari@example.com", "firstName": "Kari",
            "lastName": "Nordmann", "mobileNumber": kari.phone.msisdn(),
        })
    );
    assert_eq!(got["amount"]["value"], 1000);
    // From a fixed list the default option of the default group is taken.
    let got = shop
        .epay_but("acme-shop-2", 1000, |body| {
            express(body, json!({ "fixedOptions": options() }))
        })
        .await;
    got.created();
    shop.approve("acme-shop-2", &kari).await.expect("she can");
    assert_eq!(shop.epay_get("acme-shop-2").await.sums(), [10_900, 0, 0, 0]);
}

#[tokio::test]
async fn epay_112_a_shop_that_does_not_ship_there() {
    let (world, shop, kari) = stage().await;
    let dynamic = json!({ "dynamicOptions": { "callbackUrl": "https://example.com/ship" } });
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| express(body, dynamic))
        .await;
    got.created();
    let refused = CallFailure::Status { status: 400 };
    world.recorder.answer_shipping("acme-shop-1", Err(refused));
    let told = shop
        .approve("acme-shop-1", &kari)
        .await
        .expect_err("nothing to choose");
    let ActRefused::NoShippingMethods { detail } = told else {
        panic!("{told:?}")
    };
    assert_eq!(detail, "the shop does not ship to this address");
    assert_eq!(state(&shop, "acme-shop-1").await, "CREATED");
}

#[tokio::test]
async fn epay_113_a_unit_without_express() {
    let (_world, shop, _) = stage().await;
    shop.change(|unit| unit.express = false).await;
    let got = shop
        .epay_but("acme-shop-1", 1000, |body| {
            express(body, json!({ "fixedOptions": options() }))
        })
        .await;
    let detail = "Express payment is not allowed for this sales unit.";
    got.problem(
        403,
        "5020",
        "Express payment not allowed",
        detail,
        "unit.express",
    );
}
