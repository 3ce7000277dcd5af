//! Checkout: sessions are made and read (reference: checkout.md).

use sandkasse_domain::{
    checkout::Session,
    keys::Keys,
    sales_unit::{CaptureType, Product, SalesUnit},
};
use sandkasse_testkit::{
    Ask, Format, Got, KEY_INVALID, Shop, World, minutes, seconds, with_member, without_member,
};
use serde_json::{Value, json};

const SESSION: &str = "/checkout/v3/session";

fn has_checkout(unit: &mut SalesUnit) {
    unit.products.insert(Product::Checkout);
}

async fn stage() -> (World, Shop) {
    let world = World::new().await;
    let shop = world.shop(has_checkout).await;
    (world, shop)
}

fn ask(shop: &Shop, method: &str, path: &str) -> Ask {
    let Keys {
        client_id,
        client_secret,
        primary,
        ..
    } = shop.keys();
    shop.world()
        .ask(shop.environment, method, path)
        .header("client_id", &client_id)
        .header("Client_Secret", &client_secret)
        .header("Ocp-Apim-Subscription-Key", &primary)
        .header("Merchant-Serial-Number", shop.msn.as_str())
}

fn body(reference: &str) -> Value {
    json!({
        "merchantInfo": {
            "callbackUrl": "https://shop.example:3000/cb",
            "returnUrl": "https://example.com/ret",
            "callbackAuthorizationToken": "tok",
        },
        "transaction": {
            "amount": { "value": 1000, "currency": "NOK" },
            "reference": reference,
            "paymentDescription": "socks",
        },
    })
}

async fn create(shop: &Shop, body: &Value) -> Got {
    ask(shop, "POST", SESSION).json(body).send().await
}

async fn get(shop: &Shop, reference: &str) -> Got {
    ask(shop, "GET", &format!("{SESSION}/{reference}"))
        .send()
        .await
}

/// Asserts a refusal: its number, and the text that stands for the title, or for a member.
#[track_caller]
fn refused(got: &Got, status: u16, code: &str, text: &str, cause: &str) {
    let said = (got.status, got.cause(), got.format());
    assert_eq!(said, (status, cause, Format::Checkout), "{}", got.body);
    assert_eq!(got.json()["errorCode"], code);
    assert!(got.body.contains(text), "{}", got.body);
}

#[tokio::test]
async fn chk_01_chk_02_chk_03_chk_36_a_session_is_made_without_a_token() {
    let (_, shop) = stage().await;
    let got = create(&shop, &body("acme-order-1")).await;
    let token = got.ok()["token"].as_str().expect("a text").to_owned();
    assert_eq!(token.split('.').count(), 3);
    let base = "http://test.sandkasse.invalid";
    let whole = format!(
        r#"{{"token":"{token}","checkoutFrontendUrl":"{base}/vippscheckout/v1/","pollingUrl":"{base}/checkout/v3/session/acme-order-1"}}"#
    );
    got.answered(200, &whole, "");
    let got = get(&shop, "acme-order-1").await;
    let id = got.ok()["sessionId"].as_str().expect("a text").to_owned();
    let whole = format!(
        r#"{{"sessionId":"{id}","merchantSerialNumber":"{}","reference":"acme-order-1","sessionState":"SessionCreated"}}"#,
        shop.msn
    );
    got.answered(200, &whole, "");
    for (row, authorization) in ["", "Bearer", "Bearer abc"].into_iter().enumerate() {
        let body = body(&format!("acme-order-1{row}"));
        let ask = ask(&shop, "POST", SESSION).json(&body);
        ask.header("Authorization", authorization).send().await.ok();
    }
}

/// Whoever reads the database finds the token of the callback nowhere.
#[tokio::test]
async fn what_the_merchant_keeps_secret_is_sealed() {
    let (world, shop) = stage().await;
    let secret = "a-token-that-nobody-guesses";
    let body = with_member(
        body("acme-order-1"),
        "merchantInfo.callbackAuthorizationToken",
        secret,
    );
    let ask = ask(&shop, "POST", SESSION).json(&body);
    let keyed = ask.header("Idempotency-Key", "key-1").send().await;
    keyed.ok();
    let engine = &world.platform.engine;
    let session = engine.kept::<Session>(&shop.unit(), "acme-order-1").await;
    let kept = serde_json::to_string(&session.expect("memory does not fail")).expect("JSON");
    assert!(kept.contains("key-1") && !kept.contains(secret), "{kept}");
}

#[tokio::test]
async fn chk_04_chk_05_chk_37_credentials() {
    let (world, shop) = stage().await;
    let other = world.shop(has_checkout).await;
    let wrong = [
        ("client_secret", "not-the-secret".to_owned()),
        ("client_secret", String::new()),
        (
            "client_id",
            "e9b6c99d-2442-4a5d-84a2-c53a807fe0c4".to_owned(),
        ),
        ("Ocp-Apim-Subscription-Key", other.keys().primary),
    ];
    for (name, value) in wrong {
        let ask = ask(&shop, "POST", SESSION).json(&body("acme-order-1"));
        let got = ask.header(name, &value).send().await;
        let text = "Invalid credentials.";
        refused(
            &got,
            401,
            "Authorization-00001",
            text,
            "checkout.credentials",
        );
    }
    // The gateway looks at the subscription key first.
    let ask = ask(&shop, "POST", SESSION).header("client_secret", "wrong");
    let ask = ask.header(
        "Ocp-Apim-Subscription-Key",
        "0123456789abcdef0123456789abcdef",
    );
    ask.send()
        .await
        .answered(401, KEY_INVALID, "subkey.unknown");
    let without = world.shop(|_| {}).await;
    let got = create(&without, &body("acme-order-1")).await;
    got.answered(401, KEY_INVALID, "subkey.product");
    shop.change(|unit| unit.capture = CaptureType::Direct).await;
    let got = create(&shop, &body("acme-order-1")).await;
    let text = "Direct capture is not allowed in Checkout.";
    refused(
        &got,
        403,
        "Authorization-00002",
        text,
        "unit.direct_in_checkout",
    );
}

#[tokio::test]
async fn chk_06_chk_07_chk_08_chk_10_what_a_session_must_have() {
    let (_, shop) = stage().await;
    let right = body("acme-order-1");
    let got = create(
        &shop,
        &without_member(right.clone(), "transaction.reference"),
    )
    .await;
    let text = r#""errors":{"Transaction.Reference":["The Reference field is required."]}"#;
    refused(&got, 400, "Validation-00001", text, "request.missing");
    let with = |name: &str, value: Value| with_member(right.clone(), name, value);
    let elements = json!({ "elements": "full" });
    for (body, member, cause) in [
        (
            with("transaction.reference", json!("acme-12")),
            "Transaction.Reference",
            "request.length",
        ),
        (
            with("transaction.reference", json!("acme_order_1")),
            "Transaction.Reference",
            "request.pattern",
        ),
        (
            with("transaction.paymentDescription", json!("So")),
            "Transaction.PaymentDescription",
            "request.length",
        ),
        (
            with("transaction.paymentDescription", json!("o".repeat(101))),
            "Transaction.PaymentDescription",
            "request.length",
        ),
        (
            with("merchantInfo.callbackUrl", json!("http://example.com")),
            "MerchantInfo.CallbackUrl",
            "request.pattern",
        ),
        (
            with("merchantInfo.returnUrl", json!("javascript://x")),
            "MerchantInfo.ReturnUrl",
            "request.pattern",
        ),
        (
            with("configuration", elements),
            "Configuration.Elements",
            "request.unknown_value",
        ),
    ] {
        let got = create(&shop, &body).await;
        refused(
            &got,
            400,
            "Validation-00001",
            &format!("\"{member}\":["),
            cause,
        );
    }
}

/// What the customer is asked, and where they may live.
#[tokio::test]
async fn chk_10_what_a_configuration_may_say() {
    let (_, shop) = stage().await;
    let consent = |text: &str| json!({ "customConsent": { "text": text, "required": true } });
    let countries = |list: Value| json!({ "countries": { "supported": list } });
    let other = |method: &str, url: &str| json!({ "externalPaymentMethods": [{ "paymentMethod": method, "redirectUrl": url }] });
    let page = "https://example.com/klarna";
    let rows = [
        (consent("I agree."), "", ""),
        (
            consent("I agree to the [terms](https://example.com/terms)."),
            "",
            "",
        ),
        (
            consent("I agree to [a](https://a.example) and [b](https://b.example)."),
            "CustomConsent.Text",
            "request.pattern",
        ),
        (consent(""), "CustomConsent.Text", "request.missing"),
        (
            json!({ "customConsent": { "text": "I agree." } }),
            "CustomConsent.Required",
            "request.missing",
        ),
        (
            json!({ "customConsent": { "text": "I agree.", "required": "yes" } }),
            "CustomConsent.Required",
            "json.type",
        ),
        (
            json!({ "customConsent": "I agree." }),
            "CustomConsent",
            "json.type",
        ),
        (countries(json!(["NO", "SE", "DK"])), "", ""),
        (
            countries(json!(["NO", "Sweden"])),
            "Countries.Supported[1]",
            "request.pattern",
        ),
        (
            countries(json!(["no"])),
            "Countries.Supported[0]",
            "request.pattern",
        ),
        (
            countries(json!(["NO", 46])),
            "Countries.Supported[1]",
            "json.type",
        ),
        (countries(json!([])), "", ""),
        (
            json!({ "countries": {} }),
            "Countries.Supported",
            "request.missing",
        ),
        (json!({ "showOrderSummary": true }), "", ""),
        (
            json!({ "showOrderSummary": "true" }),
            "ShowOrderSummary",
            "json.type",
        ),
        (other("Klarna", page), "", ""),
        (
            other("Cash", page),
            "ExternalPaymentMethods[0].PaymentMethod",
            "request.unknown_value",
        ),
        (
            other("Klarna", "klarna"),
            "ExternalPaymentMethods[0].RedirectUrl",
            "url.syntax",
        ),
    ];
    for (row, (configuration, member, cause)) in rows.into_iter().enumerate() {
        let body = with_member(
            body(&format!("acme-order-{row}")),
            "configuration",
            configuration,
        );
        let got = create(&shop, &body).await;
        if cause.is_empty() {
            got.ok();
        } else {
            let text = format!("\"Configuration.{member}\":[");
            refused(&got, 400, "Validation-00001", &text, cause);
        }
    }
    // Whoever is not asked for an address gets no shipping for one.
    for (elements, logistics, fine) in [
        ("Full", json!({ "dynamicOptionsCallback": page }), true),
        (
            "PaymentOnly",
            json!({ "dynamicOptionsCallback": page }),
            false,
        ),
        (
            "PaymentAndContactInfo",
            json!({ "integrations": { "helthjem": {} } }),
            false,
        ),
        ("PaymentOnly", json!({}), true),
    ] {
        let body = with_member(body(&format!("acme-{elements}")), "logistics", logistics);
        let body = with_member(body, "configuration", json!({ "elements": elements }));
        let got = create(&shop, &body).await;
        if fine {
            got.ok();
        } else {
            let text = "Logistics.";
            refused(&got, 400, "Validation-00001", text, "checkout.no_address");
        }
    }
}

#[tokio::test]
async fn chk_11_chk_12_chk_23_shipping_options() {
    let (_, shop) = stage().await;
    let option = |brand: &str, kind: Value, amount: Value| json!({ "fixedOptions": [{ "id": "1", "priority": 1, "isDefault": true, "brand": brand, "type": kind, "amount": amount }] });
    let nok = |value: i64| json!({ "value": value, "currency": "NOK" });
    let free = with_member(body("x"), "transaction.amount.value", 0);
    let rows = [
        (
            body("acme-order-1"),
            option("DHL", Value::Null, nok(300)),
            "request.unknown_value",
        ),
        (
            body("acme-order-2"),
            option("POSTI", "HOME_DELIVERY".into(), nok(300)),
            "request.unknown_value",
        ),
        (
            body("acme-order-3"),
            option("POSTEN", Value::Null, Value::Null),
            "request.missing",
        ),
        (
            body("acme-order-4"),
            option("PORTERBUDDY", Value::Null, Value::Null),
            "",
        ),
        (
            body("acme-order-5"),
            option("POSTEN", "PICKUP_POINT".into(), nok(300)),
            "",
        ),
        (
            free.clone(),
            option("POSTEN", Value::Null, nok(0)),
            "checkout.nothing_to_pay",
        ),
        (
            free.clone(),
            option("POSTEN", Value::Null, nok(99)),
            "checkout.nothing_to_pay",
        ),
        (free, option("POSTEN", Value::Null, nok(100)), ""),
    ];
    for (row, (body, logistics, cause)) in rows.into_iter().enumerate() {
        let body = with_member(body, "transaction.reference", format!("acme-order-{row}"));
        let got = create(&shop, &with_member(body, "logistics", logistics)).await;
        assert_eq!(got.cause(), cause, "{row} {}", got.body);
    }
}

/// The least that can be paid is that of the currency (reference: checkout.md).
#[tokio::test]
async fn chk_11_there_is_a_least_amount() {
    let (_, shop) = stage().await;
    for (row, (currency, value, cause)) in [
        ("NOK", 0, "checkout.nothing_to_pay"),
        ("NOK", 99, "checkout.nothing_to_pay"),
        ("NOK", 100, ""),
        ("EUR", 0, "checkout.nothing_to_pay"),
        ("EUR", 1, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let amount = json!({ "value": value, "currency": currency });
        let body = body(&format!("acme-order-{row}"));
        let got = create(&shop, &with_member(body, "transaction.amount", amount)).await;
        assert_eq!(got.cause(), cause, "{currency} {value} {}", got.body);
    }
}

#[tokio::test]
async fn chk_09_chk_13_chk_14_chk_35_a_reference_is_used_once() {
    let (world, shop) = stage().await;
    let unknown = "Session expired or not known.";
    let got = get(&shop, "acme-order-1").await;
    refused(
        &got,
        404,
        "Session-00100",
        unknown,
        "checkout.session_unknown",
    );
    let keyed = async |body: &Value| {
        let ask = ask(&shop, "POST", SESSION).json(body);
        ask.header("Idempotency-Key", "key-1").send().await
    };
    let first = keyed(&body("acme-order-1")).await;
    first.ok();
    assert_eq!(keyed(&body("acme-order-1")).await.body, first.body);
    let taken = "The reference is already in use.";
    let other = with_member(body("acme-order-1"), "transaction.amount.value", 2000);
    for got in [
        keyed(&other).await,
        create(&shop, &body("acme-order-1")).await,
    ] {
        refused(
            &got,
            409,
            "Session-00200",
            taken,
            "checkout.reference_taken",
        );
    }
    create(&world.shop(has_checkout).await, &body("acme-order-1"))
        .await
        .ok();
    // eCom's payments are in the same namespace, both ways.
    let ecom = shop.initiate("acme-order-1", 10_000).await;
    assert_eq!((ecom.status, ecom.cause()), (400, "order.duplicate"));
    shop.initiate("acme-order-2", 10_000).await.ok();
    let got = create(&shop, &body("acme-order-2")).await;
    refused(
        &got,
        409,
        "Session-00200",
        taken,
        "checkout.reference_taken",
    );

    shop.advance(minutes(60) - seconds(1)).await;
    get(&shop, "acme-order-1").await.ok();
    shop.advance(seconds(1)).await;
    let got = get(&shop, "acme-order-1").await;
    refused(
        &got,
        404,
        "Session-00100",
        unknown,
        "checkout.session_unknown",
    );
    // It stays taken.
    let got = create(&shop, &body("acme-order-1")).await;
    refused(
        &got,
        409,
        "Session-00200",
        taken,
        "checkout.reference_taken",
    );
}

/// References of payments are taken as well where the unit has sessions, whichever API made them.
#[tokio::test]
async fn an_order_of_a_unit_with_checkout_is_a_duplicate_the_second_time() {
    let (_, shop) = stage().await;
    for (row, [first, second]) in [
        ["ecom", "ecom"],
        ["ecom", "epayment"],
        ["epayment", "ecom"],
        ["epayment", "epayment"],
    ]
    .into_iter()
    .enumerate()
    {
        let order = format!("acme-order-{row}");
        let create = async |api: &str| match api {
            "ecom" => shop.initiate(&order, 10_000).await,
            _ => shop.epay(&order, 10_000).await,
        };
        let made = create(first).await;
        assert!([200, 201].contains(&made.status), "{made:?}");
        let again = create(second).await;
        match second {
            "ecom" => drop(again.refused(400, "Merchant", "34", "order.duplicate")),
            _ => again.coded(409, "4150", "order.duplicate"),
        }
    }
}

/// CHK-05 with keys that cover every product.
#[tokio::test]
async fn a_partner_needs_a_unit_that_has_checkout() {
    let (world, shop) = stage().await;
    let without = world.shop(|_| {}).await;
    let partner = world.partner(shop.environment, |_| {}).await;
    let keys = partner.keys();
    for (unit, has_it) in [(&shop, true), (&without, false)] {
        world.link(unit, &partner).await;
        let ask = ask(unit, "POST", SESSION).json(&body("acme-order-1"));
        let ask = ask.header("client_id", &keys.client_id);
        let ask = ask.header("client_secret", &keys.client_secret);
        let got = ask.header("Ocp-Apim-Subscription-Key", &keys.primary);
        let got = got.send().await;
        if has_it {
            got.ok();
        } else {
            got.answered(401, KEY_INVALID, "subkey.product");
        }
    }
}
