//! Creating a payment: the flows, and what a body may say (reference: epayment.md §2.1).

use sandkasse_domain::{AsOf, Environment, person::Person, sales_unit::SalesUnit};
use sandkasse_engine::Settings;
use sandkasse_testkit::{Got, Shop, World};
use serde_json::{Value, json};

const SHAPE: &str = "See extraDetails for further details";

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let shop = world.shop(free).await;
    let kari = world.person(|_| {}).await;
    (world, shop, kari)
}

/// Without limits per minute, and with everything allowed.
fn free(unit: &mut SalesUnit) {
    unit.rate_limits = sandkasse_domain::sales_unit::RateLimits::Off;
    unit.skip_landing_page = true;
    unit.long_living = true;
}

/// Asserts that the only member named is this one; answers the reason.
#[track_caller]
fn names(got: &Got, member: &str, cause: &str) -> String {
    assert_eq!((got.status, got.cause()), (400, cause), "{}", got.body);
    let body = got.json();
    assert_eq!(body["detail"], SHAPE, "{}", got.body);
    let reason = body["extraDetails"][0]["reason"]
        .as_str()
        .unwrap_or_default();
    got.shapes(cause, &[(member, reason)]);
    reason.to_owned()
}

fn msisdn(person: &Person) -> Value {
    json!({ "phoneNumber": person.phone.msisdn() })
}

#[tokio::test]
async fn epay_01_a_minimal_payment_has_a_link() {
    let (_world, shop, _) = stage().await;
    let mut body = shop.epay_body("acme-shop-1", 49_900);
    body.as_object_mut()
        .expect("an object")
        .remove("paymentDescription");
    let created = shop.epay_with(&body).await.created();
    assert_eq!(created["reference"], "acme-shop-1");
    let url = created["redirectUrl"].as_str().expect("a link");
    let token = url
        .strip_prefix("http://test.sandkasse.invalid/landing?token=")
        .expect("an absolute URL");
    assert!(!token.contains(['=', '&']), "{token}");
    assert_eq!(created.as_object().map(|it| it.len()), Some(2));
}

#[tokio::test]
async fn epay_02_a_native_redirect_uses_the_scheme_of_the_app() {
    let world = World::new().await;
    for (environment, scheme) in [
        (Environment::Test, "vippsMT://token="),
        (Environment::Production, "vipps://token="),
    ] {
        let shop = world.shop(|unit| unit.environment = environment).await;
        let created = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["userFlow"] = "NATIVE_REDIRECT".into()
            })
            .await
            .created();
        let url = created["redirectUrl"].as_str().expect("a link");
        assert!(url.starts_with(scheme), "{url}");
    }
}

#[tokio::test]
async fn epay_03_a_push_reaches_the_app_without_a_link() {
    let (world, shop, kari) = stage().await;
    let created = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["userFlow"] = "PUSH_MESSAGE".into();
            body["customer"] = msisdn(&kari);
        })
        .await
        .created();
    assert_eq!(created, json!({ "reference": "acme-shop-1" }));
    let engine = &world.platform.engine;
    let seen = engine
        .in_app(Environment::Test, &kari.id, 10)
        .await
        .expect("no fault");
    assert_eq!(seen.len(), 1);
    assert!(seen[0].is_open());
}

#[tokio::test]
async fn epay_04_a_unit_that_may_not_push_is_refused() {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["userFlow"] = "PUSH_MESSAGE".into();
            body["customer"] = msisdn(&kari);
        })
        .await;
    let detail = format!(
        "The sales unit with MSN `{}` is not allowed to skip the landing page.",
        shop.msn
    );
    got.problem(
        403,
        "5080",
        "PUSH_MESSAGE not allowed",
        &detail,
        "unit.skip_landing_page",
    );
}

#[tokio::test]
async fn epay_05_a_push_needs_somebody() {
    let (_world, shop, _) = stage().await;
    for customer in [Value::Null, json!({})] {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["userFlow"] = "PUSH_MESSAGE".into();
                body["customer"] = customer;
            })
            .await;
        let detail = "The parameter `customer` is required.";
        got.problem(
            400,
            "4140",
            "Missing required parameter",
            detail,
            "request.needed",
        );
    }
}

#[tokio::test]
async fn epay_10_a_browser_needs_a_way_back() {
    let (_world, shop, _) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| body["returnUrl"] = Value::Null)
        .await;
    let detail = "The parameter `returnUrl` is required.";
    got.problem(
        400,
        "4140",
        "Missing required parameter",
        detail,
        "request.needed",
    );
}

#[tokio::test]
async fn epay_11_the_way_back_is_https_or_a_scheme_of_an_app() {
    let (_world, shop, _) = stage().await;
    let long = format!("https://shop.example.com/{}", "x".repeat(400));
    let rows = [
        ("http://shop.example.com", 400),
        ("ftp://shop.example.com", 400),
        ("javascript:alert(1)", 400),
        ("https://localhost/x", 400),
        ("myapp://x", 201),
        ("http://127.0.0.1:3000/x", 201),
        ("https://shop.example.com/x?ref=1", 201),
        (long.as_str(), 201),
    ];
    for (index, (url, status)) in rows.into_iter().enumerate() {
        let got = shop
            .epay_but(&format!("acme-shop-{index}"), 100, |body| {
                body["returnUrl"] = url.into()
            })
            .await;
        assert_eq!(got.status, status, "{url}: {}", got.body);
        if status == 400 {
            let detail = format!("The parameter `{url}` is invalid.");
            got.problem(400, "4090", "Invalid URL", &detail, "url.epayment");
        }
    }
    let too_long = format!("https://shop.example.com/{}", "x".repeat(2500));
    let got = shop
        .epay_but("acme-shop-9", 100, |body| {
            body["returnUrl"] = too_long.into()
        })
        .await;
    names(&got, "returnUrl", "request.length");
}

#[tokio::test]
async fn epay_12_a_reference_has_its_pattern() {
    let (_world, shop, _) = stage().await;
    let long = "x".repeat(65);
    for reference in ["acme-12", "acme_shop", long.as_str(), "", "acme-shøp"] {
        let got = shop.epay(reference, 100).await;
        let reason =
            "The field Reference must match the regular expression '^[a-zA-Z0-9-]{8,64}$'.";
        got.shapes("order.reference", &[("reference", reason)]);
    }
    shop.epay(&"x".repeat(64), 100).await.created();
    shop.epay("acme-123", 100).await.created();
}

#[tokio::test]
async fn epay_13_what_is_required_is_named() {
    let (_world, shop, _) = stage().await;
    for (member, reason) in [
        ("amount", "The Amount field is required."),
        ("paymentMethod", "The PaymentMethod field is required."),
        ("reference", "The Reference field is required."),
        ("userFlow", "The UserFlow field is required."),
    ] {
        let mut body = shop.epay_body("acme-shop-1", 100);
        body[member] = Value::Null;
        let got = shop.epay_with(&body).await;
        got.shapes("request.missing", &[(member, reason)]);
        body.as_object_mut().expect("an object").remove(member);
        let got = shop.epay_with(&body).await;
        got.shapes("request.missing", &[(member, reason)]);
    }
    let all = shop.epay_with(&json!({})).await;
    assert_eq!(all.json()["extraDetails"].as_array().map(Vec::len), Some(4));
    let list = shop.epay_with(&json!([])).await;
    assert_eq!(
        (list.status, list.cause()),
        (400, "json.type"),
        "{}",
        list.body
    );
}

#[tokio::test]
async fn epay_14_less_than_a_krone_is_too_little() {
    let (_world, shop, _) = stage().await;
    let detail = "The amount is too small. Amounts are specified in minor units, like øre or cent.";
    for amount in [0, 1, 99] {
        let got = shop.epay("acme-shop-1", amount).await;
        got.problem(400, "6010", "Amount too small", detail, "amount.too_small");
    }
    shop.epay("acme-shop-1", 100).await.created();
}

#[tokio::test]
async fn epay_15_amounts_are_whole_and_not_too_great() {
    let (_world, shop, _) = stage().await;
    let got = shop.epay("acme-shop-1", 65_000_001).await;
    let reason = "The field Value must be between 0 and 65000000.";
    got.shapes("request.range", &[("amount.value", reason)]);
    let detail = "The amount is invalid. Amounts must be integers, no decimals. They are specified in minor units, like øre or cent.";
    for value in [
        json!(499.5),
        json!(-1),
        json!("100"),
        json!(true),
        json!([1]),
    ] {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| body["amount"]["value"] = value)
            .await;
        got.problem(400, "4040", "Invalid amount", detail, "amount.not_integral");
    }
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["amount"]["value"] = json!(49_900.0)
        })
        .await;
    got.created();
    shop.epay("acme-shop-2", 65_000_000).await.created();
}

#[tokio::test]
async fn epay_16_other_currencies_are_for_others() {
    let (_world, shop, _) = stage().await;
    for currency in ["DKK", "EUR", "SEK", "USD", "GBP"] {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["amount"]["currency"] = currency.into()
            })
            .await;
        let detail = format!("The currency `{currency}` is invalid for this sales unit.");
        got.problem(
            400,
            "5040",
            "Invalid currency for merchant",
            &detail,
            "unit.currency",
        );
    }
    for currency in ["nok", "XXX", ""] {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["amount"]["currency"] = currency.into()
            })
            .await;
        names(&got, "amount.currency", "request.unknown_value");
    }
}

#[tokio::test]
async fn epay_17_a_customer_is_named_once() {
    let (_world, shop, kari) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["customer"] = msisdn(&kari);
            body["customer"]["customerToken"] = "token".into();
        })
        .await;
    names(&got, "customer", "customer.ambiguous");
}

#[tokio::test]
async fn epay_18_an_empty_customer_is_none() {
    let (_world, shop, _) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| body["customer"] = json!({}))
        .await;
    got.created();
}

#[tokio::test]
async fn epay_19_numbers_pass_for_texts_digit_by_digit() {
    let (_world, shop, kari) = stage().await;
    let phone: u64 = kari.phone.msisdn().parse().expect("digits");
    let got = shop
        .epay_but("x", 100, |body| {
            body["reference"] = json!(1_234_567_890_123_456_789_u64);
            body["customer"] = json!({ "phoneNumber": phone });
        })
        .await;
    assert_eq!(got.created()["reference"], "1234567890123456789");
    let got = shop.epay_get("1234567890123456789").await;
    assert_eq!(got.json()["reference"], "1234567890123456789");
    let payment = shop.payment("1234567890123456789").await;
    assert_eq!(payment.order.mobile, Some(kari.phone));
}

#[tokio::test]
async fn epay_20_numbers_in_metadata_become_texts_and_42_are_echoed() {
    let (_world, shop, _) = stage().await;
    let mut body = shop.epay_body("acme-shop-1", 100).to_string();
    body.pop();
    body.push_str(r#","metadata":{"zebra":"1","orderId":4711,"apple":"å"}}"#);
    let ask = shop.ask_epay("POST", "").await;
    ask.body(body).send().await.created();
    let got = shop.epay_get("acme-shop-1").await;
    let expected = r#""metadata":{"zebra":"1","orderId":"4711","apple":"å"}"#;
    assert!(got.body.contains(expected), "{}", got.body);
}

#[tokio::test]
async fn epay_21_metadata_has_its_limits() {
    let (_world, shop, _) = stage().await;
    let pairs = |count: usize| -> Value {
        (0..count)
            .map(|it| (format!("key{it}"), json!("x")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let rows = [
        (pairs(6), "4100", "metadata.capacity"),
        (json!({ "k".repeat(101): "x" }), "4120", "metadata.key"),
        (json!({ "key": "x".repeat(501) }), "4130", "metadata.value"),
    ];
    for (metadata, code, cause) in rows {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| body["metadata"] = metadata)
            .await;
        got.coded(400, code, cause);
    }
    let mut body = shop.epay_body("acme-shop-1", 100).to_string();
    body.pop();
    body.push_str(r#","metadata":{"key":"1","key":"2"}}"#);
    let ask = shop.ask_epay("POST", "").await.body(body);
    ask.send().await.coded(400, "4110", "metadata.duplicate");
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["metadata"] = pairs(5);
            body["metadata"]["key0"] = "x".repeat(500).into();
        })
        .await;
    got.created();
}

#[tokio::test]
async fn epay_22_what_is_unknown_is_ignored() {
    let (_world, shop, _) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["customer"] = json!({ "customerInteraction": "CUSTOMER_PRESENT" });
            body["new"] = json!({ "some": [1] });
        })
        .await;
    got.created();
}

#[tokio::test]
async fn epay_23_nobody_learns_why_a_number_cannot_pay_and_24_of_the_age() {
    let (world, shop, kari) = stage().await;
    let child = world
        .person(|person| person.birthdate = jiff::civil::date(2010, 1, 1))
        .await;
    let blocked = world.person(|person| person.blocked = true).await;
    let detail = "The phone number does not belong to a Vipps or MobilePay user, or the user cannot pay businesses. We cannot give more details.";
    let rows = [
        ("4799999999".to_owned(), Value::Null, "test.real_user"),
        ("4512345678".to_owned(), Value::Null, "phone.foreign"),
        (child.phone.msisdn(), Value::Null, "user.unavailable"),
        (blocked.phone.msisdn(), Value::Null, "user.unavailable"),
        // Kari is thirty.
        (kari.phone.msisdn(), json!(31), "user.unavailable"),
    ];
    for (phone, age, cause) in rows {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["customer"] = json!({ "phoneNumber": phone });
                body["minimumUserAge"] = age;
            })
            .await;
        got.problem(400, "7010", "Customer not found", detail, cause);
    }
    for phone in ["91234567", "+4791234567", "47 912 34 567", "x"] {
        let got = shop
            .epay_but("acme-shop-1", 100, |body| {
                body["customer"] = json!({ "phoneNumber": phone })
            })
            .await;
        got.coded(400, "4070", "customer.phone");
    }
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["customer"] = msisdn(&kari);
            body["minimumUserAge"] = json!(30);
        })
        .await;
    got.created();
    let got = shop
        .epay_but("acme-shop-2", 100, |body| {
            body["minimumUserAge"] = json!(101)
        })
        .await;
    names(&got, "minimumUserAge", "request.range");
}

#[tokio::test]
async fn epay_24_a_younger_person_cannot_pay_later_either() {
    let (_world, shop, kari) = stage().await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["minimumUserAge"] = json!(31)
        })
        .await;
    got.created();
    let refused = shop
        .approve("acme-shop-1", &kari)
        .await
        .expect_err("too young");
    let cause = sandkasse_testkit::cause_of(refused);
    assert_eq!(
        cause,
        sandkasse_domain::payment::Cause::CannotPay {
            reason: sandkasse_domain::person::CannotPay::BelowMinimumAge
        }
    );
}

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
