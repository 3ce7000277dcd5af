//! Checks in which two APIs take part: what one does, and what another knows of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_domain::{
    Environment::{self, Production, Test},
    person::Person,
    sales_unit::{RateLimits, SalesUnit},
};
use sandkasse_engine::directory::OfficeKind;
use sandkasse_testkit::{EPAYMENTS, Got, Shop, World, seconds};
use serde_json::{Value, json};

use super::faq_stage::{BOTH, Faq, NOBODYS_MSN, Says, check};

async fn stage(environment: Environment) -> (World, Shop, Person) {
    let world = World::new().await;
    let free = |unit: &mut SalesUnit| {
        unit.environment = environment;
        unit.rate_limits = RateLimits::Off;
    };
    let shop = world.shop(free).await;
    let kari = world.person_in(environment, |_| {}).await;
    (world, shop, kari)
}

fn receipt(currency: &str) -> Value {
    json!({
        "orderLines": [{
            "name": "Socks",
            "id": "line_item_1",
            "totalAmount": 1000,
            "totalAmountExcludingTax": 800,
            "totalTaxAmount": 200,
            "taxRate": 2500,
        }],
        "bottomLine": { "currency": currency, "receiptNumber": "1" },
    })
}

const SOCKS: &str = r#"{"orderLines":[{"name":"Socks","id":"line_item_1","totalAmount":1000,"totalAmountExcludingTax":800,"totalTaxAmount":200,"taxRate":2500}],"bottomLine":{"currency":"NOK","receiptNumber":"1"}}"#;

#[tokio::test]
async fn om_40_a_payment_may_bring_its_receipt() {
    let (_, shop, _) = stage(Test).await;
    let call = async |method: &str, path: &str, body: Option<Value>| {
        let ask = shop
            .ask(method, &format!("/order-management/v2/{path}"))
            .await;
        let ask = body.iter().fold(ask, |ask, body| ask.json(body));
        ask.send().await
    };
    let with_receipt = |body: &mut Value| body["receipt"] = receipt("NOK");
    let created = shop.epay_but("acme-shop-1", 1000, with_receipt).await;
    created.created();
    shop.epay("acme-shop-2", 1000).await.created();

    let nothing = "There is no category and no receipt for this order.";
    let shown = format!(r#"{{"receipt":{SOCKS}}}"#);
    for kind in ["ECOM", "ecom"] {
        let got = call("GET", &format!("{kind}/acme-shop-1"), None).await;
        got.answered(200, &shown, "");
    }
    for other in ["RECURRING/acme-shop-1", "ecom/acme-shop-2"] {
        let got = call("GET", other, None).await;
        got.detail(404, "Not Found", nothing, "order_info.nothing_told");
    }
    let later = call("POST", "ecom/receipts/acme-shop-1", Some(receipt("EUR"))).await;
    let text = "A receipt has already been added to this order.";
    later.detail(409, "Conflict", text, "order_info.receipt_exists");
    // It stays beside what is told of the order otherwise, and when the payment is over.
    let button = json!({ "category": "GENERAL", "orderDetailsUrl": "https://example.com/1" });
    let put = call("PUT", "ecom/categories/acme-shop-1", Some(button)).await;
    assert_eq!(put.status, 200, "{}", put.body);
    shop.epay_cancel("acme-shop-1").await.sums();
    let shown = format!(
        r#"{{"category":{{"category":"GENERAL","orderDetailsUrl":"https://example.com/1"}},"receipt":{SOCKS}}}"#
    );
    let got = call("GET", "ecom/acme-shop-1", None).await;
    got.answered(200, &shown, "");
    // Without one, it may come later, once.
    for status in [201, 409] {
        let got = call("POST", "ecom/receipts/acme-shop-2", Some(receipt("NOK"))).await;
        assert_eq!(got.status, status, "{}", got.body);
    }
    // A receipt that was there before the payment is the one that stays.
    let before = call("POST", "ecom/receipts/acme-shop-3", Some(receipt("EUR"))).await;
    assert_eq!(before.status, 201, "{}", before.body);
    let created = shop.epay_but("acme-shop-3", 1000, with_receipt).await;
    created.created();
    let got = call("GET", "ecom/acme-shop-3", None).await;
    assert_eq!(got.ok()["receipt"]["bottomLine"]["currency"], "EUR");
}

/// A white PNG of this height whose file has so many bytes; nobody looks at more than its head.
fn png(bytes: usize) -> Value {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\xc8\0\0\0\xc8\x01\0\0\0\0".to_vec();
    file.resize(bytes, 0);
    json!({ "imageId": format!("socks-{bytes}"), "src": STANDARD.encode(file), "type": "base64" })
}

#[tokio::test]
async fn om_04_two_megabytes_are_a_picture_and_a_byte_more_is_none() {
    let (_, shop, _) = stage(Test).await;
    let upload = async |body: &Value| {
        // So large a body must also pass the listener.
        assert!(body.to_string().len() < sandkasse_api::MAX_IMAGE_BODY);
        let ask = shop.ask("POST", "/order-management/v1/images").await;
        ask.json(body).send().await
    };
    let most = 2 * 1024 * 1024;
    upload(&png(most)).await.ok();
    for bytes in [most + 1, 3 * 1024 * 1024] {
        let reason = "The size of the image must be at most 2 MB.";
        let got = upload(&png(bytes)).await;
        got.invalid_params("order_info.image", &[("Src", reason)]);
    }
}

/// An entry without what is its own: ids, moment and sums.
fn form(mut entry: Value) -> Value {
    for member in ["pspReference", "reference", "balanceBefore", "balanceAfter"] {
        let taken = entry.as_object_mut().expect("an object").remove(member);
        assert!(taken.is_some(), "{member}");
    }
    entry
}

/// REP-05 without Recurring.
#[tokio::test]
async fn entries_of_ecom_and_epayment_have_one_form() {
    let (_, shop, kari) = stage(Production).await;
    shop.reserved("acme-ecom-1", 10_000, &kari).await;
    shop.authorized("acme-epay-1", 10_000, &kari).await;
    let ecom = shop.capture("acme-ecom-1", 10_000).await.ok();
    shop.epay_capture("acme-epay-1", 10_000).await.sums();
    let refund = shop.refund("acme-ecom-1", 2_500).await.ok();
    shop.epay_refund("acme-epay-1", 2_500).await.sums();
    let log = shop.epay_events("acme-epay-1").await;
    shop.advance(seconds(2)).await;
    let ledger = shop.msn.as_str().parse::<u32>().expect("digits") + 100_000;
    let feed = format!("/report/v2/ledgers/{ledger}/funds/feed");
    let got = shop.ask("GET", &feed).await.send().await.ok();
    let items = got["items"].as_array().expect("a list").clone();
    let told = |member: &str| -> Vec<Value> { items.iter().map(|it| it[member].clone()).collect() };
    assert_eq!(
        told("pspReference"),
        [
            ecom["transactionInfo"]["transactionId"].clone(),
            log[2]["pspReference"].clone(),
            refund["transaction"]["transactionId"].clone(),
            log[3]["pspReference"].clone(),
        ]
    );
    assert_eq!(
        told("reference"),
        ["acme-ecom-1", "acme-epay-1", "acme-ecom-1", "acme-epay-1"]
    );
    assert_eq!(told("amount"), [10_000, 10_000, -2_500, -2_500]);
    assert_eq!(form(items[0].clone()), form(items[1].clone()));
    assert_eq!(form(items[2].clone()), form(items[3].clone()));
}

/// A call to create a payment with keys of an office and nothing else.
async fn create_with(world: &World, shop: &Shop, kind: OfficeKind) -> Got {
    let here = shop.environment;
    let keys = world.office_keys(here, kind).await;
    let token = world
        .ask(here, "POST", "/miami/v1/token")
        .header("client_id", &keys.client_id)
        .header("client_secret", &keys.client_secret)
        .body("grant_type=client_credentials");
    let token = token.send().await.ok();
    let token = token["access_token"].as_str().expect("a token");
    let ask = world.ask(here, "POST", EPAYMENTS);
    let ask = ask
        .header("Authorization", &format!("Bearer {token}"))
        .header("Idempotency-Key", "key-1")
        .header("Merchant-Serial-Number", shop.msn.as_str());
    let body = shop.epay_body("acme-shop-1", 1000);
    ask.json(&body).send().await
}

#[tokio::test]
async fn rep_17_accounting_keys_take_no_payments() {
    for here in BOTH {
        let (world, shop, _) = stage(here).await;
        let got = create_with(&world, &shop, OfficeKind::Accounting).await;
        got.problem(403, "", "Forbidden", "Forbidden", "keys.without_right");
        // Also of a unit that granted them its ledger.
        assert_eq!(
            shop.epay_get("acme-shop-1").await.cause(),
            "order.unknown",
            "nothing was made"
        );
    }
}

/// PK-23 without the Management API.
#[tokio::test]
async fn management_keys_take_no_payments() {
    for here in BOTH {
        let (world, shop, _) = stage(here).await;
        let got = create_with(&world, &shop, OfficeKind::Management).await;
        got.problem(403, "", "Forbidden", "Forbidden", "keys.without_right");
        assert_eq!(shop.epay_get("acme-shop-1").await.cause(), "order.unknown");
    }
}

/// PK-25 without Recurring.
#[tokio::test]
async fn partners_name_the_unit_in_epayment_and_userinfo() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let sub = faq.u1.share("shared-1", "name", &faq.adult).await;
        faq.u1.authorized("acme-shop-1", 1000, &faq.adult).await;
        let moved = json!({ "modificationAmount": { "currency": "NOK", "value": 100 } });
        let payment = format!("{EPAYMENTS}/acme-shop-1");
        for (method, path, body) in [
            (
                "POST",
                EPAYMENTS.to_owned(),
                faq.u1.epay_body("acme-2", 100),
            ),
            ("GET", payment.clone(), Value::Null),
            ("GET", format!("{payment}/events"), Value::Null),
            ("POST", format!("{payment}/capture"), moved.clone()),
            ("POST", format!("{payment}/refund"), moved),
            ("POST", format!("{payment}/cancel"), json!({})),
            (
                "GET",
                format!("/vipps-userinfo-api/userinfo/{sub}"),
                Value::Null,
            ),
        ] {
            let row = format!("{here} {method} {path}");
            let bare = faq.partner.ask(method, &path).await;
            let bare = bare.header("Idempotency-Key", "key-1").json(&body);
            for ask in [
                bare.clone(),
                bare.clone().header("Merchant-Serial-Number", ""),
            ] {
                check(&row, ask, &Says::NoMsn, "partner.msn_missing").await;
            }
            let nobodys = bare.header("Merchant-Serial-Number", NOBODYS_MSN);
            check(&row, nobodys, &Says::s1(NOBODYS_MSN), "partner.msn_unknown").await;
        }
        // Nothing of all this was done.
        assert_eq!(faq.u1.epay_get("acme-shop-1").await.sums(), [1000, 0, 0, 0]);
    }
}

/// UINF-02 without Recurring.
#[tokio::test]
async fn what_was_shared_through_epayment_is_told_by_userinfo() {
    for here in BOTH {
        let (_, shop, kari) = stage(here).await;
        let scope = |body: &mut Value| body["profile"] = json!({ "scope": "name phoneNumber" });
        let created = shop.epay_but("acme-shop-1", 1000, scope).await;
        created.created();
        assert_eq!(
            shop.epay_get("acme-shop-1").await.ok()["profile"],
            json!({})
        );
        shop.approve("acme-shop-1", &kari).await.expect("she can");
        let profile = shop.epay_get("acme-shop-1").await.ok()["profile"].take();
        let sub = profile["sub"].as_str().expect("a text").to_owned();
        assert_eq!(profile, json!({ "sub": sub }));
        // A person has one name at a unit, whatever was paid with.
        assert_eq!(shop.share("acme-2", "name", &kari).await, sub);
        let got = shop.userinfo(&sub).await;
        let sid = got.ok()["sid"].as_str().expect("a text").to_owned();
        let whole = format!(
            r#"{{"sub":"{sub}","sid":"{sid}","name":"Kari Nordmann","given_name":"Kari","family_name":"Nordmann","phone_number":"47{}"}}"#,
            kari.phone
        );
        got.answered(200, &whole, "");
        assert_eq!(
            got.header("content-type"),
            Some("application/json;charset=UTF-8")
        );
    }
}
