//! Creating a payment: the flows, and what a body may say (reference: epayment.md §2.1).

use sandkasse_domain::{Currency, Environment, sales_unit::CaptureType};
use sandkasse_testkit::World;
use serde_json::{Value, json};

use super::epay_stage::{msisdn, names, stage};

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
    let reason = "The JSON value could not be converted to object.";
    list.shapes("json.type", &[("$", reason)]);
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
async fn epay_16_units_of_denmark_and_finland_take_their_own_currency() {
    let (world, _, kari) = stage().await;
    for (takes, other) in [
        (Currency::Dkk, Currency::Eur),
        (Currency::Eur, Currency::Nok),
    ] {
        let shop = world.shop(|unit| unit.currency = takes).await;
        let shop = &shop;
        let in_currency = async |currency: Currency, value: i64| {
            shop.epay_but("acme-shop-1", value, |body| {
                body["amount"]["currency"] = currency.code().into();
            })
            .await
        };
        let got = in_currency(other, 100).await;
        assert_eq!((got.status, got.cause()), (400, "unit.currency"));
        let got = in_currency(takes, 0).await;
        assert_eq!((got.status, got.cause()), (400, "amount.too_small"));
        in_currency(takes, 1).await.created();
        let customer = json!({ "customer": msisdn(&kari) });
        shop.epay_approve("acme-shop-1", &customer).await.ok();
        let payment = shop.epay_get("acme-shop-1").await.ok();
        let authorized = json!({ "currency": takes.code(), "value": 1 });
        assert_eq!(payment["aggregate"]["authorizedAmount"], authorized);
    }
}

#[tokio::test]
async fn epay_17_a_customer_is_named_once() {
    let (_world, shop, kari) = stage().await;
    let all = json!({
        "phoneNumber": kari.phone.msisdn(),
        "personalQr": format!("https://qr.vipps.no/28/2/01/031/{}?v=1", kari.phone.msisdn()),
        "customerToken": "token",
    });
    // All three, and each two of them.
    for left_out in ["", "phoneNumber", "personalQr", "customerToken"] {
        let mut customer = all.clone();
        customer
            .as_object_mut()
            .expect("an object")
            .remove(left_out);
        let got = shop
            .epay_but("acme-shop-1", 100, |body| body["customer"] = customer)
            .await;
        names(&got, "customer", "customer.ambiguous");
    }
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

/// What 64 bits cannot hold is a text here, and stays as it was sent.
#[tokio::test]
async fn epay_19_epay_20_every_digit_of_a_number_stays() {
    let (_world, shop, _) = stage().await;
    let whole = shop.epay_body("acme-shop-1", 100).to_string();
    for reference in ["12345678901234567890123", "18446744073709551616"] {
        let body = whole.replace("\"acme-shop-1\"", reference);
        let got = shop.ask_epay("POST", "").await.body(body).send().await;
        assert_eq!(got.created()["reference"], reference);
    }
    let body = whole.replace("\"acme-shop-1\"", "12345678901234567890.10");
    let got = shop.ask_epay("POST", "").await.body(body).send().await;
    names(&got, "reference", "order.reference");
    let with = |metadata: &str| {
        let open = whole.strip_suffix('}').expect("an object");
        format!(r#"{open},"metadata":{metadata},"unknown":[-1e400]}}"#)
    };
    let sent =
        r#"{"long":12345678901234567890.10,"large":1e400,"small":1E-400,"cents":1.10,"zero":-0}"#;
    let ask = shop.ask_epay("POST", "").await;
    let keyed = ask.header("Idempotency-Key", "key-1");
    keyed.clone().body(with(sent)).send().await.created();
    let got = shop.epay_get("acme-shop-1").await;
    let expected = r#""metadata":{"long":"12345678901234567890.10","large":"1e400","small":"1E-400","cents":"1.10","zero":"-0"}"#;
    assert!(got.body.contains(expected), "{}", got.body);
    // What differs in a digit that nothing can compute with is another request.
    let other = sent.replace("7890.10", "7890.11");
    let got = keyed.body(with(&other)).send().await;
    got.coded(409, "4020", "idempotency.key_reused");
}

/// Amounts are judged by what was written, not by what is left of it in 64 bits.
#[tokio::test]
async fn epay_15_epay_22_numbers_are_judged_to_the_digit() {
    let (_world, shop, _) = stage().await;
    let whole = shop.epay_body("acme-shop-1", 4711).to_string();
    for (value, cause) in [
        ("100.00000000000000000000000001", "amount.not_integral"),
        ("-1e400", "amount.not_integral"),
        ("1e-400", "amount.not_integral"),
        ("1e400", "request.range"),
        ("18446744073709551716", "request.range"),
    ] {
        let body = whole.replace("4711", value);
        let got = shop.ask_epay("POST", "").await.body(body).send().await;
        assert_eq!(
            (got.status, got.cause()),
            (400, cause),
            "{value} {}",
            got.body
        );
    }
    let body = whole.replace("4711", "1e4,\"unknown\":1e400");
    let got = shop.ask_epay("POST", "").await.body(body).send().await;
    got.created();
    assert_eq!(
        shop.epay_get("acme-shop-1").await.json()["amount"]["value"],
        10_000
    );
}

#[tokio::test]
async fn epay_20_numbers_in_metadata_become_texts() {
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
        (pairs(30_000), "4100", "metadata.capacity"),
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
async fn epay_23_nobody_learns_why_a_number_cannot_pay() {
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

/// A key is bound to the request, and not to how the sales unit stood when it came first.
#[tokio::test]
async fn a_key_means_the_same_after_the_unit_was_changed() {
    let (_world, shop, _) = stage().await;
    let create = async |value: i64| {
        let body = shop.epay_body("acme-shop-1", value);
        let ask = shop.ask_epay("POST", "").await.json(&body);
        ask.header("Idempotency-Key", "one-key").send().await
    };
    let first = create(100).await;
    first.created();
    shop.change(|unit| {
        unit.capture = CaptureType::Direct;
        unit.name = "Another name".to_owned();
    })
    .await;
    let again = create(100).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    // Another request under the key is one still.
    assert_eq!(create(200).await.status, 409);
    assert_eq!(shop.epay_log("acme-shop-1").await, ["CREATED"]);
}
