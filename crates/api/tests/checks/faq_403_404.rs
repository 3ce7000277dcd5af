//! FAQ "Why `HTTP 403 Forbidden`?" and "Why `HTTP 404 Not Found`?": FAQ-50 to FAQ-53, FAQ-59 to
//! FAQ-62.

use sandkasse_domain::sales_unit::Product;
use sandkasse_testkit::Format;

use super::faq_stage::{BOTH, DETAILS, Faq, LOGIN_ONLY, ORDER_UNKNOWN, PAYMENTS, Says, check, is};

#[tokio::test]
async fn faq_50_faq_51_faq_88_plat_36_a_unit_that_was_approved_for_login_only() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let got = faq.l1.initiate("acme-1", 100).await;
        is("faq_50", &got, &LOGIN_ONLY, "unit.login_only");
        let ordered = |unit: &mut sandkasse_domain::sales_unit::SalesUnit| {
            unit.ordered.insert(Product::Ecom);
        };
        faq.l1.change(ordered).await;
        let got = faq.l1.initiate("acme-1", 100).await;
        is(
            "ordered, not approved",
            &got,
            &LOGIN_ONLY,
            "unit.login_only",
        );
        let approved = |unit: &mut sandkasse_domain::sales_unit::SalesUnit| {
            let ordered = std::mem::take(&mut unit.ordered);
            unit.products.extend(ordered);
        };
        faq.l1.change(approved).await;
        is(
            "faq_51",
            &faq.l1.initiate("acme-1", 100).await,
            &Says::Fine,
            "",
        );
    }
}

#[tokio::test]
async fn faq_52_faq_53_partner_keys_without_the_right_unit() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let ask = faq.partner.ask("GET", DETAILS).await;
        check("faq_52", ask, &Says::NoMsn, "partner.msn_missing").await;
        let msn = faq.v1.msn.as_str();
        let ask = faq.partner.ask_details(msn, "acme-1").await;
        check("faq_53", ask, &Says::k(403, msn), "partner.not_linked").await;
    }
}

#[tokio::test]
async fn faq_59_faq_60_what_does_not_exist() {
    let faq = Faq::new().await;
    let right = faq.u1.ask("GET", DETAILS).await;
    for (row, method, path, cause) in [
        ("faq_59", "POST", "/ecom/v2/payments", "route.unknown"),
        ("faq_59", "POST", "/ecomm/v3/payments", "route.unknown"),
        (
            "faq_60",
            "POST",
            "/ecomm/v2/payments/acme-1/cancel",
            "route.method",
        ),
        ("faq_60", "GET", "/accesstoken/get", "route.method"),
    ] {
        check(row, right.clone().to(method, path), &Says::NotFound, cause).await;
    }
}

#[tokio::test]
async fn faq_61_faq_62_the_body_tells_a_missing_path_from_a_missing_order() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    let order = faq.u2.details("acme-1").await;
    is("faq_61", &order, &ORDER_UNKNOWN, "order.other_unit");
    let ask = faq
        .u2
        .ask("GET", &format!("{PAYMENTS}/acme-1/detail"))
        .await;
    let path = check("faq_62", ask, &Says::NotFound, "route.unknown").await;
    assert_eq!((order.format(), path.format()), (Format::D, Format::A));
    assert_eq!(path.json()["statusCode"], 404);
    assert_eq!(order.json()[0]["errorCode"], "35");
}
