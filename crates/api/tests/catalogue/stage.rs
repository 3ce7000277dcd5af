//! The stage itself: directions and placeholders that no page needs yet, and those that nobody
//! knows.

use sandkasse_catalogue::{Cause, Page};
use sandkasse_testkit::{Stage, Unplayable};

/// A cause as a page would write it.
fn cause(given: &[&str], request: &str) -> Cause {
    let text = format!(
        "+++\n{}given = {given:?}\nrequest = '''\n{request}\n'''\n+++\nProse.\n",
        r#"
title = "t"
format = "ecom"
wording = { faq = "t" }
evidence = { kind = "inferred", source = "s" }
[[cause]]
id = "a.b"
means = "m."
tell = "t."
fix = "f."
"#
    );
    let mut page = Page::read("ecom/test", &text).expect("a page");
    page.causes.remove(0)
}

#[tokio::test]
async fn directions_lead_to_where_they_say() {
    let details = "GET /ecomm/v2/payments/acme-1/details";
    let with_own = "GET /ecomm/v2/payments/acme-1/details\nAuthorization: Bearer $OWN_TOKEN\nOcp-Apim-Subscription-Key: $OWN_SECONDARY_SUBSCRIPTION_KEY";
    let with_other = "GET /ecomm/v2/payments/acme-1/details\nMerchant-Serial-Number: $OTHER_MSN";
    let rows: [(&[&str], &str, u16, &str); 9] = [
        (&["initiated acme-1 10000"], details, 200, ""),
        (
            &["in production", "reserved acme-1 10000"],
            details,
            200,
            "",
        ),
        (&["initiated acme-1 10000 at OWN"], with_own, 200, ""),
        (
            &["initiated acme-1 10000 at OWN"],
            details,
            404,
            "order.other_unit",
        ),
        (
            &["initiated acme-1 10000 at OTHER"],
            details,
            404,
            "order.unknown",
        ),
        (
            &["initiated acme-1 10000"],
            with_other,
            401,
            "msn.not_yours",
        ),
        (
            &["initiated acme-1 10000", "regenerated secondary"],
            details,
            200,
            "",
        ),
        (
            &["initiated acme-1 10000", "token fetched", "pass 59m"],
            details,
            200,
            "",
        ),
        (
            &["initiated acme-1 10000", "token fetched", "pass 60m"],
            details,
            401,
            "token.expired",
        ),
    ];
    for (given, request, status, id) in rows {
        let got = Stage::default().play(&cause(given, request)).await.got;
        assert_eq!(
            (got.status, got.cause()),
            (status, id),
            "{given:?} {request}"
        );
    }
}

#[tokio::test]
async fn partners_and_providers_are_on_the_stage() {
    let keys = "Authorization: Bearer $WHO_TOKEN\nOcp-Apim-Subscription-Key: $WHO_SUBSCRIPTION_KEY\nMerchant-Serial-Number: $MSN";
    let details = format!("GET /ecomm/v2/payments/acme-1/details\n{keys}");
    let own_number = details.replace("$MSN", "$PARTNER_OWN_NUMBER");
    let order = "initiated acme-1 10000";
    let rows: [(&[&str], &str, &str, u16, &str); 9] = [
        (&[order], "PARTNER", &details, 200, ""),
        (&["in production", order], "PARTNER", &details, 200, ""),
        (
            &[order],
            "PARTNER",
            &own_number,
            403,
            "partner.header_mismatch",
        ),
        (
            &["partner unlinked"],
            "PARTNER",
            &details,
            403,
            "partner.not_linked",
        ),
        (
            &["partner changed"],
            "PARTNER",
            &details,
            403,
            "partner.not_linked",
        ),
        (
            &["partner deactivated"],
            "PARTNER",
            &details,
            400,
            "partner.deactivated",
        ),
        (
            &["partner regenerated primary"],
            "PARTNER",
            &details,
            401,
            "subkey.regenerated",
        ),
        (
            &["partner regenerated secondary", order],
            "PARTNER",
            &details,
            200,
            "",
        ),
        (&[order], "PSP", &details, 403, "keys.without_right"),
    ];
    for (given, who, request, status, id) in rows {
        let request = request.replace("WHO", who);
        let got = Stage::default().play(&cause(given, &request)).await.got;
        assert_eq!((got.status, got.cause()), (status, id), "{given:?} {who}");
    }
}

/// Nobody learns why a person cannot pay (FAQ-94).
#[tokio::test]
async fn persons_who_cannot_pay_are_answered_alike() {
    let mut bodies = Vec::new();
    for who in ["CHILD", "BLOCKED", "LIMIT", "NEW", "UNKNOWN"] {
        let body = r#"{
  "customerInfo": { "mobileNumber": "$WHO_PHONE" },
  "merchantInfo": {
    "merchantSerialNumber": "$MSN",
    "callbackPrefix": "https://example.com/vipps/callback",
    "fallBack": "https://example.com/vipps/result"
  },
  "transaction": { "orderId": "acme-1", "amount": 10000, "transactionText": "Socks" }
}"#;
        let request = format!("POST /ecomm/v2/payments\n\n{}", body.replace("WHO", who));
        let got = Stage::default().play(&cause(&[], &request)).await.got;
        let (body, _context) = got.body.split_once("contextId").expect("it is there");
        bodies.push((got.status, body.to_owned()));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn what_the_stage_does_not_know_it_does_not_play() {
    let details = "GET /ecomm/v2/payments/acme-1/details";
    for (given, request, unknown) in [
        ("unit purple", details, "unit purple"),
        ("pass 3w", details, "pass 3w"),
        ("initiated acme-1 10000 at NOWHERE", details, "NOWHERE"),
        ("sent twice", details, "sent twice"),
        ("pass 1s", "GET /ecomm/v2/payments/$ORDER/details", "$ORDER"),
    ] {
        let played = Stage::default().try_play(&cause(&[given], request)).await;
        let fault = played.err().map(|Unplayable(what)| what);
        assert_eq!(fault.as_deref(), Some(unknown));
    }
}
