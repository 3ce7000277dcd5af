//! Who may initiate, and for whom: rights of the unit, its standing, its limits, the payer's number.

use sandkasse_domain::sales_unit::UnitState;
use sandkasse_domain::{
    Minor, PhoneNumber,
    merchant::Standing,
    payment::Cause,
    sales_unit::{Limits, Product, RateLimits, SalesUnit},
};
use sandkasse_engine::{ActRefused, Refused};
use sandkasse_testkit::{Got, Shop, World, closed, with_member, without_member};
use serde_json::{Value, json};

const MOBILE: &str = "customerInfo.mobileNumber";
const SKIP: &str = "transaction.skipLandingPage";
const SKIP_NOT_ALLOWED: &str =
    "The sales unit is not allowed to skip the landing page. See the FAQ.";
const DEACTIVATED: &str = "Merchant not available or deactivated or blocked";
const LOGIN_ONLY: &str = "Merchant Not Allowed for Ecommerce Payment";
const NOT_REGISTERED: &str = "User not registered with Vipps";

fn unlimited(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
}

fn kroner(kroner: i64) -> Minor {
    Minor::try_new(100 * kroner).expect("not negative")
}

/// An initiate for somebody's number, without a landing page.
fn skipping(shop: &Shop, order: &str, number: &str) -> Value {
    let body = with_member(shop.initiate_body(order, 49900), MOBILE, number);
    with_member(body, SKIP, true)
}

#[tokio::test]
async fn ecom_22_skipping_the_landing_page_is_a_right() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    let body = skipping(&shop, "acme-1", kari.phone.as_str());
    for value in [json!(true), json!("true")] {
        let got = shop
            .initiate_with(&with_member(body.clone(), SKIP, value))
            .await;
        let cause = "unit.skip_landing_page";
        got.says(403, "Merchant", "38", SKIP_NOT_ALLOWED, cause);
    }
    shop.initiate_with(&with_member(body, SKIP, false))
        .await
        .ok();
}

#[tokio::test]
async fn ecom_23_without_a_landing_page_the_app_shows_it_at_once() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let ola = world.person(|_| {}).await;
    let shop = world.shop(|facts| facts.skip_landing_page = true).await;
    let body = skipping(&shop, "acme-1", kari.phone.as_str());
    let answer = shop.initiate_with(&body).await.ok();
    assert!(answer["url"].is_string(), "a url is there all the same");

    // In Kari's app before anybody followed the link, and under the number of the transaction.
    let view = world.platform.engine.view(&shop.unit(), "acme-1").await;
    let view = view.expect("initiated");
    let shown = view.payment.open().and_then(|open| open.payer.as_ref());
    assert_eq!(shown.map(|payer| &payer.phone), Some(&kari.phone));
    let details = shop.details("acme-1").await.ok();
    assert!(details["transactionLogHistory"][0]["transactionId"].is_string());

    // Nobody can change the number.
    let refused = shop.approve("acme-1", &ola).await.expect_err("not Ola's");
    assert!(
        matches!(
            refused,
            ActRefused::Refused(Refused::Because(Cause::NotThePayer))
        ),
        "{refused:?}"
    );
    shop.approve("acme-1", &kari).await.expect("Kari can pay");
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);

    // With a landing page the same number is only a proposal.
    let body = without_member(skipping(&shop, "acme-2", kari.phone.as_str()), SKIP);
    shop.initiate_with(&body).await.ok();
    let details = shop.details("acme-2").await.ok();
    assert!(details["transactionLogHistory"][0]["transactionId"].is_null());
    shop.approve("acme-2", &ola).await.expect("Ola pays");
}

#[tokio::test]
async fn ecom_24_skipping_the_landing_page_needs_a_number() {
    let world = World::new().await;
    // What is missing is told before whether the unit may.
    for allowed in [true, false] {
        let shop = world
            .shop(|facts| {
                unlimited(facts);
                facts.skip_landing_page = allowed;
            })
            .await;
        let body = skipping(&shop, "acme-1", "");
        for number in [json!(""), json!(0), Value::Null] {
            let got = shop
                .initiate_with(&with_member(body.clone(), MOBILE, number))
                .await;
            let text = "mobileNumber is required when skipping the landing page";
            got.refused_fields("request.missing", &[(MOBILE, text)]);
        }
    }
}

#[tokio::test]
async fn ecom_25_a_number_that_nobody_has() {
    let world = World::new().await;
    let shop = world
        .shop(|facts| {
            unlimited(facts);
            facts.skip_landing_page = true;
        })
        .await;
    for skip in [true, false] {
        let body = with_member(skipping(&shop, "acme-1", "99999999"), SKIP, skip);
        let got = shop.initiate_with(&body).await;
        got.says(400, "User", "81", NOT_REGISTERED, "test.real_user");
    }
    shop.initiate("acme-1", 49900).await.ok();
}

#[tokio::test]
async fn ecom_26_numbers_are_corrected_silently() {
    let world = World::new().await;
    let number = PhoneNumber::try_new("91234567").expect("eight digits");
    world.person(|person| person.phone = number.clone()).await;
    let shop = world.shop(unlimited).await;
    let engine = &world.platform.engine;
    let rows = [
        json!("91234567"),
        json!("+47 912 34 567"),
        json!("+4791234567"),
        json!("004791234567"),
        json!("4791234567"),
        json!("912-34-567"),
        json!("(912) 34.567"),
        json!("912\u{a0}34/567"),
        json!(91_234_567),
    ];
    for (index, sent) in rows.into_iter().enumerate() {
        let order = format!("acme-{index}");
        let body = with_member(shop.initiate_body(&order, 49900), MOBILE, sent);
        shop.initiate_with(&body).await.ok();
        let view = engine.view(&shop.unit(), &order).await.expect("initiated");
        assert_eq!(view.payment.order.mobile.as_ref(), Some(&number), "{body}");
    }
    for (sent, cause) in [
        ("1234567", "phone.format"),
        ("912345678", "phone.format"),
        ("abc", "phone.format"),
        ("+45 91234567", "phone.foreign"),
    ] {
        let body = with_member(shop.initiate_body("acme-x", 49900), MOBILE, sent);
        let got = shop.initiate_with(&body).await;
        got.says(400, "User", "81", NOT_REGISTERED, cause);
    }
}

#[tokio::test]
async fn ecom_27_a_login_only_unit_takes_no_payments() {
    let world = World::new().await;
    let shop = world
        .shop(|facts| facts.products = [Product::Login].into())
        .await;
    let says = |got: Got| got.says(403, "Merchant", "97", LOGIN_ONLY, "unit.login_only");
    says(shop.initiate("acme-1", 49900).await);
    says(shop.capture("acme-1", 49900).await);
    says(shop.cancel("acme-1").await);
    says(shop.refund("acme-1", 49900).await);
    says(shop.details("acme-1").await);
    says(shop.status("acme-1").await);
    // Told before what is wrong with the fields.
    says(shop.initiate("acme_1", 1).await);

    shop.change(|facts| facts.products.extend([Product::Ecom]))
        .await;
    shop.initiate("acme-1", 49900).await.ok();
}

#[tokio::test]
async fn ecom_28_deactivation_closes_payments_not_the_books() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    for (whole_merchant, cause) in [(false, "unit.deactivated"), (true, "merchant.deactivated")] {
        let shop = world.shop(|_| {}).await;
        shop.reserved("part", 49900, &kari).await;
        shop.capture("part", 10000).await.ok();
        shop.reserved("whole", 49900, &kari).await;
        let orgno = shop.unit().facts.merchant.clone();
        let switch = async |open: bool| {
            if whole_merchant {
                let standing = if open {
                    Standing::Active
                } else {
                    Standing::Deactivated
                };
                world.set_standing(&orgno, standing).await;
            } else {
                shop.change(|facts| facts.state = if open { UnitState::Active } else { closed() })
                    .await;
            }
        };

        switch(false).await;
        let initiated = shop.initiate("new", 49900).await;
        initiated.says(400, "Merchant", "37", DEACTIVATED, cause);
        let captured = shop.capture("part", 10000).await;
        captured.says(400, "Merchant", "37", DEACTIVATED, cause);
        shop.details("part").await.ok();
        shop.status("part").await.ok();
        shop.refund("part", 5000).await.ok();
        shop.cancel("whole").await.ok();

        switch(true).await;
        shop.initiate("new", 49900).await.ok();
        shop.capture("part", 10000).await.ok();
    }
}

#[tokio::test]
async fn ecom_29_blocked_unsigned_and_over_a_limit() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    let orgno = shop.unit().facts.merchant.clone();
    for (standing, code, text, cause) in [
        (
            Standing::Blocked,
            "31",
            "The merchant is blocked. The merchant can contact customer service for details.",
            "merchant.blocked",
        ),
        (
            Standing::Unsigned,
            "36",
            "The merchant's agreement has not been signed.",
            "merchant.unsigned",
        ),
    ] {
        world.set_standing(&orgno, standing).await;
        let got = shop.initiate("acme-1", 49900).await;
        got.says(400, "Merchant", code, text, cause);
        world.set_standing(&orgno, Standing::Active).await;
    }

    // What is reserved or captured counts as received, what was let go does not.
    let receive = Limits {
        receive: Some(kroner(1000)),
        ..Limits::default()
    };
    shop.change(|facts| facts.limits = receive).await;
    shop.reserved("reserved", 60000, &kari).await;
    shop.reserved("voided", 30000, &kari).await;
    shop.cancel("voided").await.ok();
    shop.initiate("waits", 40000).await.ok();
    let got = shop.initiate("acme-1", 40001).await;
    let text = "The receiving limit of merchant is exceeded.";
    got.says(400, "Merchant", "32", text, "limit.receiving");
    shop.initiate("acme-1", 40000).await.ok();

    // All that was asked for counts as requested.
    let request = Limits {
        request: Some(kroner(2000)),
        ..Limits::default()
    };
    shop.change(|facts| facts.limits = request).await;
    let got = shop.initiate("acme-2", 30001).await;
    let text = "The merchant's payment request limit is exceeded.";
    got.says(400, "Merchant", "33", text, "limit.request");
    shop.initiate("acme-2", 30000).await.ok();
}
