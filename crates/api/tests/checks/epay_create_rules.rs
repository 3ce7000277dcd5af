//! Creating a payment: what sales units may, and what June 2023 did not know (reference: epayment.md
//! §2.1, §5).

use sandkasse_domain::{AsOf, Environment};
use sandkasse_engine::Settings;
use sandkasse_testkit::World;
use serde_json::{Value, json};

use super::epay_stage::{free, msisdn, names, stage};

#[tokio::test]
async fn epay_25_cards_are_paid_in_the_browser() {
    let (_world, shop, kari) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["paymentMethod"]["type"] = "CARD".into();
            body["userFlow"] = "PUSH_MESSAGE".into();
            body["customer"] = msisdn(&kari);
        })
        .await;
    names(&got, "userFlow", "method.card_flow");
}

#[tokio::test]
async fn epay_26_there_are_no_cards_in_the_test_environment() {
    let (_world, shop, _) = stage().await;
    let title = "Invalid payment method type";
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["paymentMethod"]["type"] = "CARD".into()
        })
        .await;
    let detail = "The payment method type `CARD` is not available.";
    got.problem(400, "4160", title, detail, "method.card");
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["paymentMethod"]["type"] = "CARD_PASSTHROUGH".into();
            body["cardPassthrough"] = json!({ "cardCallbackUrl": "https://example.com/card" });
        })
        .await;
    got.coded(400, "4160", "method.card_passthrough");
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["cardPassthrough"] = json!({})
        })
        .await;
    got.coded(400, "4160", "method.type");
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["paymentMethod"]["blockedSources"] = json!(["COMMERCIAL_CARDS"]);
        })
        .await;
    got.coded(400, "5010", "unit.blocked_sources");
}

fn receipt() -> Value {
    json!({
        "orderLines": [{
            "name": "Socks", "id": "socks-1", "totalAmount": 100, "totalAmountExcludingTax": 80,
            "totalTaxAmount": 20, "taxRate": 2500,
        }],
        "bottomLine": { "currency": "NOK" },
    })
}

#[tokio::test]
async fn epay_27_a_long_life_has_its_bounds() {
    let (world, shop, _) = stage().await;
    let at = |minutes: i64| (world.now() + jiff::SignedDuration::from_mins(minutes)).to_string();
    let day = 24 * 60;
    let rows = [
        ("QR", at(5), "6120", "expiry.too_soon"),
        ("QR", at(61 * day), "6110", "expiry.too_late"),
        ("WEB_REDIRECT", at(60), "", "expiry.flow"),
        ("NATIVE_REDIRECT", at(60), "", "expiry.flow"),
    ];
    for (flow, expires_at, code, cause) in rows {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["userFlow"] = flow.into();
                body["expiresAt"] = expires_at.into();
                body["receipt"] = receipt();
            })
            .await;
        got.coded(400, code, cause);
    }
    let long = |body: &mut Value, receipt: Value| {
        body["userFlow"] = "QR".into();
        body["expiresAt"] = at(day).into();
        body["receipt"] = receipt;
    };
    let got = shop
        .epay_but("acme-shop-1", 100, |body| long(body, Value::Null))
        .await;
    got.coded(400, "6130", "expiry.receipt");
    shop.change(|unit| unit.long_living = false).await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| long(body, receipt()))
        .await;
    let detail = format!(
        "The sales unit with MSN `{}` is not allowed to perform long living payments.",
        shop.msn
    );
    got.problem(
        403,
        "5050",
        "Long-living payment not allowed",
        &detail,
        "unit.long_living",
    );
    shop.change(|unit| unit.long_living = true).await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| long(body, receipt()))
        .await;
    got.created();
    let got = shop
        .epay_but("acme-shop-2", 100, |body| {
            body["expiresAt"] = "2023-06-14".into()
        })
        .await;
    names(&got, "expiresAt", "request.pattern");
}

#[tokio::test]
async fn epay_28_scopes_are_known_and_allowed() {
    let (_world, shop, _) = stage().await;
    for scope in ["name shoe", "Name", "accountNumbers"] {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["profile"] = json!({ "scope": scope })
            })
            .await;
        got.coded(400, "4080", "request.scope");
    }
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["profile"] = json!({ "scope": "name nin" })
        })
        .await;
    let detail = "The scope `nin` is illegal. Are you asking for more than you are allowed to?";
    got.problem(403, "5030", "Illegal scope", detail, "unit.nin");
    shop.change(|unit| unit.nin_scope = true).await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["profile"] = json!({ "scope": "name nin" })
        })
        .await;
    got.created();
}

#[tokio::test]
async fn epay_29_a_flight_is_whole() {
    let (_world, shop, _) = stage().await;
    let whole = json!({
        "agencyInvoiceNumber": "123456", "airlineCode": "074", "airlineDesignatorCode": "KL",
        "passengerName": "FLYER / MARY MS.",
    });
    for member in [
        "agencyInvoiceNumber",
        "airlineCode",
        "airlineDesignatorCode",
        "passengerName",
    ] {
        let mut data = whole.clone();
        data.as_object_mut().expect("an object").remove(member);
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["industryData"] = json!({ "airlineData": data });
            })
            .await;
        names(
            &got,
            &format!("industryData.airlineData.{member}"),
            "request.missing",
        );
    }
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["industryData"] = json!({ "airlineData": whole });
            body["industryData"]["airlineData"]["airlineCode"] = "74".into();
        })
        .await;
    names(
        &got,
        "industryData.airlineData.airlineCode",
        "request.length",
    );
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["industryData"] = json!({ "airlineData": whole })
        })
        .await;
    got.created();
}

#[tokio::test]
async fn epay_36_a_personal_qr_code_names_its_person() {
    let (world, shop, kari) = stage().await;
    let code = format!(
        "https://qr.vipps.no/28/2/01/031/{}?v=1",
        kari.phone.msisdn()
    );
    let push = |body: &mut Value, code: &str| {
        body["userFlow"] = "PUSH_MESSAGE".into();
        body["customer"] = json!({ "personalQr": code });
    };
    shop.epay_but("acme-shop-1", 100, |body| push(body, &code))
        .await
        .created();
    let engine = &world.platform.engine;
    let seen = engine
        .in_app(Environment::Test, &kari.id, 10)
        .await
        .expect("no fault");
    assert_eq!(seen.len(), 1);
    for garbage in [
        "garbage",
        "https://qr.vipps.no/28/2/01/031/",
        "https://example.com/4791234567",
    ] {
        let got = shop
            .epay_but("acme-shop-2", 100, |body| push(body, garbage))
            .await;
        got.coded(400, "4060", "customer.personal_qr");
    }
    let got = shop
        .epay_but("acme-shop-2", 100, |body| push(body, "qr"))
        .await;
    names(&got, "customer.personalQr", "request.length");
}

#[tokio::test]
async fn a_customer_token_of_nobody_is_refused() {
    let (_world, shop, _) = stage().await;
    for name in ["customerToken", "CustomerToken"] {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["customer"] = json!({ name: "garbage" })
            })
            .await;
        got.coded(400, "4050", "customer.token");
    }
}

#[tokio::test]
async fn epay_115_a_way_back_without_a_scheme_is_accepted_and_noted() {
    let (_world, shop, _) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["returnUrl"] = "shop.example.com/x".into()
        })
        .await;
    got.created();
    let noted = got
        .trace
        .lines()
        .iter()
        .any(|line| line.saw.contains("returnUrl has no scheme"));
    assert!(noted, "{:?}", got.trace);
}

#[tokio::test]
async fn epay_127_a_unit_that_captures_directly_is_refused() {
    let world = World::new().await;
    let shop = world
        .shop(|unit| unit.capture = sandkasse_domain::sales_unit::CaptureType::Direct)
        .await;
    let got = shop.epay("acme-shop-1", 100).await;
    let detail = format!(
        "The sales unit with MSN `{}` is not allowed to use reserve capture.",
        shop.msn
    );
    got.problem(
        403,
        "",
        "Reserve capture not allowed",
        &detail,
        "unit.direct_capture",
    );
}

/// What June 2023 did not know is an unknown member, and its words are its own.
#[tokio::test]
async fn the_platform_of_june_2023_is_another() {
    let settings = Settings {
        as_of: AsOf::June2023,
        ..Settings::default()
    };
    let world = World::with_settings(settings).await;
    let shop = world.shop(free).await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["metadata"] = json!([]);
            body["receipt"] = json!(1);
            body["shipping"] = json!({});
            body["minimumUserAge"] = json!("x");
        })
        .await;
    got.created();
    assert!(
        shop.epay_get("acme-shop-1")
            .await
            .json()
            .get("metadata")
            .is_none()
    );
    // It had no receipts, so a long life needs none.
    let tomorrow = world.now() + jiff::SignedDuration::from_hours(24);
    let got = shop
        .epay_but("acme-shop-3", 100, |body| {
            body["userFlow"] = "QR".into();
            body["expiresAt"] = tomorrow.to_string().into();
        })
        .await;
    got.created();
    let long = "x".repeat(51);
    let got = shop.epay(&long, 100).await;
    let reason = "The field Reference must match the regular expression '^[a-zA-Z0-9-]{8,50}$'.";
    got.shapes("order.reference", &[("reference", reason)]);
    let got = shop
        .epay_but("acme-shop-2", 100, |body| {
            body["amount"]["currency"] = "DKK".into()
        })
        .await;
    names(&got, "amount.currency", "request.unknown_value");
    let got = shop
        .epay_but("acme-shop-2", 100, |body| {
            body["paymentMethod"]["type"] = "CARD_PASSTHROUGH".into()
        })
        .await;
    names(&got, "paymentMethod.type", "request.unknown_value");
    let got = shop
        .epay_but("acme-shop-2", 100, |body| {
            body["amount"]["value"] = json!(1.5)
        })
        .await;
    let detail = "The amount is invalid. Amounts must be integers, no decimals. They are specified in minor units, like øre or cent.";
    got.problem(400, "4040", "Amount invalid", detail, "amount.not_integral");
    let got = shop.epay("acme-shop-1", 100).await;
    let detail = "Reference `acme-shop-1` already exists.";
    got.problem(409, "4150", "Idempotency error", detail, "order.duplicate");
    // A cancel needed its key.
    let ask = shop.ask_epay("POST", "/acme-shop-1/cancel").await;
    let got = ask.without("Idempotency-Key").send().await;
    let reason = "The Idempotency-Key field is required.";
    got.shapes("idempotency.missing", &[("Idempotency-Key", reason)]);
}
