//! FAQ "Why `HTTP 400 Bad Request`?": FAQ-01 to FAQ-15.

use sandkasse_testkit::{Got, with_member, without_member};
use serde_json::{Value, json};

use super::faq_stage::{Faq, NOT_REGISTERED, Says, check, is};

/// A 400 whose body names the fault: group, code and a text (FAQ-01).
#[track_caller]
fn names_the_fault(row: &str, got: &Got) {
    assert_eq!(got.status, 400, "{row}");
    let body = got.json();
    let named = match body.as_array() {
        Some(lines) => lines.iter().all(|line| {
            ["errorGroup", "errorCode", "errorMessage"]
                .iter()
                .all(|it| line[*it].as_str().is_some_and(|text| !text.is_empty()))
        }),
        None => body["error"].is_string() && body["error_description"].is_string(),
    };
    assert!(named, "{row}: {}", got.body);
}

#[tokio::test]
async fn faq_01_faq_02_a_client_id_that_nobody_has() {
    let faq = Faq::new().await;
    let own = faq.u1.keys().client_id;
    let elsewhere = faq.elsewhere.keys().client_id;
    for (row, client_id) in [
        ("made up", "91b7d0f4-8a42-4d2e-b1aa-6a1f1a2a8c55"),
        ("mistyped", &own.replace(&own[..1], "g")),
        ("in capitals", &own.to_uppercase()),
        ("cut off", &own[..35]),
        ("of the other environment", &elsewhere),
        ("an MSN", faq.u1.msn.as_str()),
    ] {
        let ask = faq.u1.ask_token().header("client_id", client_id);
        let says = Says::not_found_in_directory(client_id, "VIPPS-TEST");
        let got = check(row, ask, &says, "token.client_unknown").await;
        names_the_fault(row, &got);
        let elsewhere = format!("{:?}", got.why).contains("elsewhere: true");
        assert_eq!(elsewhere, row == "of the other environment");
    }
}

#[tokio::test]
async fn faq_01_faq_03_amounts() {
    let faq = Faq::new().await;
    let right = faq.u1.initiate_body("acme-1", 100);
    let says = Says::Ecom(
        400,
        "InvalidRequest",
        "transaction.amount",
        "Invalid amount",
    );
    let with = |amount: Value| with_member(right.clone(), "transaction.amount", amount);
    for (row, body) in [
        ("99", with(json!(99))),
        ("0", with(json!(0))),
        ("-1", with(json!(-1))),
        (
            "absent",
            without_member(right.clone(), "transaction.amount"),
        ),
        ("2147483648", with(json!(2_147_483_648_i64))),
    ] {
        let got = faq.u1.initiate_with(&body).await;
        is(row, &got, &says, "amount.invalid");
        names_the_fault(row, &got);
    }
    for (order, amount) in [("least", 100), ("most", 2_147_483_647)] {
        faq.u1.initiate(order, amount).await.ok();
    }
}

#[tokio::test]
async fn faq_01_faq_04_faq_05_faq_06_faq_07_callback_urls() {
    let faq = Faq::new().await;
    let strict = |unit: &mut sandkasse_domain::sales_unit::SalesUnit| {
        unit.url_policy = sandkasse_domain::sales_unit::UrlPolicy::Strict;
    };
    faq.u1.change(strict).await;
    let long = format!("https://example.com/{}", "x".repeat(236));
    let rows = [
        ("faq_04", "http://example.com/cb", "url.scheme"),
        ("faq_05", "https://localhost/cb", "url.local"),
        ("faq_05", "https://127.0.0.1/cb", "url.local"),
        ("faq_05", "https://intranet/cb", "url.local"),
        ("faq_06", "https://example.com//cb", "url.syntax"),
        ("faq_06", "https://example.nosuchtld/cb", "url.syntax"),
        ("faq_06", "https://example.com/c b", "url.syntax"),
        ("faq_06", long.as_str(), "url.syntax"),
        ("faq_06", "", "url.syntax"),
        ("faq_07", "https://no-such-host-xyz.com/cb", "url.dns"),
    ];
    let says = Says::Ecom(
        400,
        "InvalidRequest",
        "merchantInfo.callbackPrefix.invalid",
        "callbackUrl is invalid",
    );
    for (row, url, cause) in rows {
        let got = faq.u1.initiate_but("acme-1", 100, |body| {
            body["merchantInfo"]["callbackPrefix"] = url.into();
        });
        let got = got.await;
        is(&format!("{row} {url}"), &got, &says, cause);
        names_the_fault(url, &got);
    }
    let body = faq.u1.initiate_body("acme-1", 100);
    let body = without_member(body, "merchantInfo.callbackPrefix");
    let got = faq.u1.initiate_with(&body).await;
    is("faq_06 missing", &got, &says, "url.syntax");
    faq.u1.initiate("acme-1", 100).await.ok();
}

#[tokio::test]
async fn faq_08_faq_09_faq_10_faq_11_more_than_there_is() {
    let faq = Faq::new().await;
    for order in ["whole", "parts", "refunds"] {
        faq.u1.reserved(order, 10_000, &faq.adult).await;
    }
    let too_much = Says::Ecom(
        400,
        "Payment",
        "61",
        "Captured amount exceeds the reserved amount. You can not capture a higher amount than the user has accepted.",
    );
    let got = faq.u1.capture("whole", 10_001).await;
    is("faq_08", &got, &too_much, "capture.exceeds");
    faq.u1.capture("parts", 6_000).await.ok();
    let got = faq.u1.capture("parts", 5_000).await;
    is("faq_09", &got, &too_much, "capture.exceeds_sum");

    let too_much = Says::Ecom(
        400,
        "Payment",
        "71",
        "Cannot refund more than captured amount.",
    );
    faq.u1.capture("refunds", 5_000).await.ok();
    let got = faq.u1.refund("refunds", 6_000).await;
    is("faq_10", &got, &too_much, "refund.exceeds");
    faq.u1.refund("refunds", 3_000).await.ok();
    let got = faq.u1.refund("refunds", 3_000).await;
    is("faq_11", &got, &too_much, "refund.exceeds_sum");
    faq.u1.refund("refunds", 2_000).await.ok();
}

#[tokio::test]
async fn faq_12_faq_13_faq_14_faq_15_numbers() {
    // In production, where nothing more than this is known of anybody.
    let faq = Faq::at(sandkasse_domain::Environment::Production).await;
    let child = faq
        .phone(|it| it.birthdate = jiff::civil::date(2009, 6, 13))
        .await;
    for (row, number, cause) in [
        ("faq_12", "1234567", "phone.format"),
        ("faq_12", "abc", "phone.format"),
        ("faq_13", "40000000", "user.unavailable"),
        ("faq_14", &child, "user.unavailable"),
        ("faq_15", "+4512345678", "phone.foreign"),
    ] {
        let got = faq.u1.initiate_but("acme-1", 100, |body| {
            body["customerInfo"]["mobileNumber"] = number.into();
        });
        let got = got.await;
        is(row, &got, &NOT_REGISTERED, cause);
        names_the_fault(row, &got);
    }
}
