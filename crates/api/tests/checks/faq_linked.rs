//! What the FAQ links to: FAQ-111 to FAQ-113, FAQ-115, FAQ-116. Its neighbours have their numbers
//! where callbacks, shipping, test amounts and the landing page are tested.

use sandkasse_catalogue::Catalogue;
use sandkasse_testkit::Stage;
use serde_json::Value;

use super::faq_stage::{DETAILS, Faq, ORDER_UNKNOWN, PAYMENTS, Says, check, is};

#[tokio::test]
async fn faq_111_i_cannot_find_my_order() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    is(
        "faq_111",
        &faq.u2.details("acme-1").await,
        &ORDER_UNKNOWN,
        "order.other_unit",
    );
    is("faq_111", &faq.u1.details("acme-1").await, &Says::Fine, "");
}

/// Calls from a browser would tell everybody the keys: nothing ever allows them.
#[tokio::test]
async fn faq_112_browsers_are_not_invited() {
    let faq = Faq::new().await;
    let origin = "https://shop.example.com";
    for path in [
        "/accesstoken/get",
        PAYMENTS,
        DETAILS,
        "/vipps-userinfo-api/userinfo/abc",
    ] {
        let ask = faq.world.ask(faq.u1.environment, "OPTIONS", path);
        let ask = ask
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization");
        check("faq_112", ask, &Says::NotFound, "route.method").await;
    }
    let right = faq.u1.ask("POST", PAYMENTS).await.header("Origin", origin);
    let body = faq.u1.initiate_body("acme-1", 100);
    for got in [
        right.clone().json(&body).send().await,
        right.clone().body("{").send().await,
        right.clone().without("Authorization").send().await,
        right.to("OPTIONS", PAYMENTS).send().await,
        faq.u1.ask_token().header("Origin", origin).send().await,
    ] {
        let mut names = got.headers.keys();
        assert!(!names.any(|name| name.as_str().starts_with("access-control-")));
    }
}

/// The six answers, each with the causes that its page lists for a capture.
#[tokio::test]
async fn faq_113_why_a_capture_fails() {
    for (code, slug, cause) in [
        ("61", "ecom/capture-exceeds-reserved", "capture.exceeds"),
        ("61", "ecom/capture-exceeds-reserved", "capture.exceeds_sum"),
        ("61", "ecom/capture-exceeds-reserved", "capture.released"),
        ("62", "ecom/capture-not-reserved", "capture.not_approved"),
        ("62", "ecom/capture-not-reserved", "capture.ended"),
        ("91", "ecom/transaction-not-allowed", "capture.cancelled"),
        ("92", "ecom/already-processed", "capture.all_captured"),
        ("92", "ecom/already-processed", "capture.direct"),
        ("63", "ecom/capture-failed", "capture.refused_by_bank"),
        ("98", "ecom/capture-too-late", "capture.too_late"),
    ] {
        let (page, cause) = Catalogue::get().by_cause(cause, slug).expect(cause);
        let played = Stage::default().play(cause).await;
        let text = page.texts.of(sandkasse_domain::Wording::Faq);
        let group = if code.starts_with('9') && code != "98" {
            "VippsError"
        } else {
            "Payment"
        };
        played.got.says(400, group, code, text, &cause.id);
    }
}

/// "Charged twice": two reservations of one purchase, of which one is captured and one given back.
#[tokio::test]
async fn faq_115_a_reservation_is_not_a_charge() {
    let faq = Faq::new().await;
    for order in ["acme-1", "acme-1-1"] {
        faq.u1.reserved(order, 10_000, &faq.adult).await;
    }
    faq.u1.capture("acme-1-1", 10_000).await.ok();
    faq.u1.cancel("acme-1").await.ok();
    for (order, captured, log) in [
        ("acme-1", 0, ["VOID", "RESERVE", "INITIATE"]),
        ("acme-1-1", 10_000, ["CAPTURE", "RESERVE", "INITIATE"]),
    ] {
        let details = faq.u1.details(order).await.ok();
        assert_eq!(details["transactionSummary"]["capturedAmount"], captured);
        assert_eq!(details["transactionSummary"]["remainingAmountToCapture"], 0);
        assert_eq!(faq.u1.log(order).await, log);
    }
}

#[tokio::test]
async fn faq_116_a_payment_of_two_kroner_tells_whether_the_landing_page_can_be_skipped() {
    let faq = Faq::new().await;
    let phone = faq.adult.phone.to_string();
    let skip = |body: &mut Value| {
        body["transaction"]["skipLandingPage"] = true.into();
        body["customerInfo"]["mobileNumber"] = phone.as_str().into();
    };
    let says = Says::Ecom(
        403,
        "Merchant",
        "38",
        "The sales unit is not allowed to skip the landing page. See the FAQ.",
    );
    let got = faq.u1.initiate_but("acme-1", 200, skip).await;
    is("faq_116", &got, &says, "unit.skip_landing_page");
    faq.u1.change(|it| it.skip_landing_page = true).await;
    let got = faq.u1.initiate_but("acme-1", 200, skip).await;
    is("faq_116", &got, &Says::Fine, "");
}
