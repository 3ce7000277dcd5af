//! What express checkout and `scope` ask of an initiate.

use sandkasse_courier::TableResolver;
use sandkasse_domain::sales_unit::{RateLimits, SalesUnit, UrlPolicy};
use sandkasse_testkit::{World, with_member, without_member};
use serde_json::{Value, json};

const CONSENT: (&str, &str) = (
    "merchantInfo.consentRemovalPrefix.invalid",
    "Invalid consentRemovalPrefix URL",
);
const SHIPPING: (&str, &str) = (
    "merchantInfo.shippingDetailsPrefix.invalid",
    "Invalid shippingDetailsPrefix URL",
);
const SCOPE: (&str, &str) = ("transaction.scope", "Invalid scope");
const STATIC: &str = "merchantInfo.staticShippingDetails";

fn unlimited(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
}

fn strict(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
    facts.url_policy = UrlPolicy::Strict;
}

#[tokio::test]
async fn ecom_31_express_needs_a_consent_removal_prefix() {
    let dns = TableResolver::new().with("example.com", ["93.184.216.34"]);
    let world = World::with_dns(dns).await;
    let shop = world.shop(strict).await;
    let member = "merchantInfo.consentRemovalPrefix";
    let body = shop.express_body("acme-1", 49900);
    let got = shop
        .initiate_with(&without_member(body.clone(), member))
        .await;
    got.refused_fields("url.syntax", &[CONSENT]);
    for (prefix, cause) in [
        (Value::Null, "url.syntax"),
        (json!(""), "url.syntax"),
        (json!("https://example.com//forget"), "url.syntax"),
        (json!("http://example.com/forget"), "url.scheme"),
        (json!("https://localhost/forget"), "url.local"),
        (json!("https://no-such-host-xyz.com/forget"), "url.dns"),
    ] {
        let got = shop
            .initiate_with(&with_member(body.clone(), member, prefix))
            .await;
        got.refused_fields(cause, &[CONSENT]);
    }
    shop.initiate_with(&body).await.ok();

    // A regular payment takes the member and ignores it.
    let body = with_member(shop.initiate_body("acme-2", 49900), member, "nonsense");
    shop.initiate_with(&body).await.ok();
}

#[tokio::test]
async fn ecom_32_express_needs_a_list_of_methods_or_somebody_to_ask() {
    let dns = TableResolver::new().with("example.com", ["93.184.216.34"]);
    let world = World::with_dns(dns).await;
    let shop = world.shop(strict).await;
    let member = "merchantInfo.shippingDetailsPrefix";
    let body = without_member(shop.express_body("acme-1", 49900), STATIC);
    for list in [None, Some(Value::Null), Some(json!([]))] {
        let body = match list {
            None => body.clone(),
            Some(list) => with_member(body.clone(), STATIC, list),
        };
        let got = shop.initiate_with(&body).await;
        got.refused_fields("url.syntax", &[SHIPPING]);
    }
    for (prefix, cause) in [
        ("http://example.com/ship", "url.scheme"),
        ("https://127.0.0.1/ship", "url.local"),
        ("https://example.com/a//b", "url.syntax"),
        ("https://no-such-host-xyz.com/ship", "url.dns"),
    ] {
        let got = shop
            .initiate_with(&with_member(body.clone(), member, prefix))
            .await;
        got.refused_fields(cause, &[SHIPPING]);
    }
    let bare = without_member(body.clone(), CONSENT.0.trim_end_matches(".invalid"));
    let got = shop.initiate_with(&bare).await;
    got.refused_fields("url.syntax", &[CONSENT, SHIPPING]);

    let asked = with_member(body, member, "https://example.com/ship");
    shop.initiate_with(&asked).await.ok();
    // A list wins, whatever the prefix is.
    let both = with_member(shop.express_body("acme-2", 49900), member, "nonsense");
    shop.initiate_with(&both).await.ok();
    let regular = with_member(shop.initiate_body("acme-3", 49900), member, "nonsense");
    shop.initiate_with(&regular).await.ok();
}

#[tokio::test]
async fn ecom_32_members_of_listed_methods() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    let body = |index: usize, member: &str, value: Value| {
        let mut body = shop.express_body("acme-1", 49900);
        body["merchantInfo"]["staticShippingDetails"][index][member] = value;
        body
    };
    for (index, member, value) in [
        (0, "isDefault", json!("yes")),
        (1, "isDefault", Value::Null),
        (0, "shippingCost", json!(-1)),
        (1, "shippingCost", json!("free")),
        (1, "shippingCost", Value::Null),
        (0, "priority", json!(1.5)),
        (0, "shippingMethod", json!("")),
        (1, "shippingMethod", json!("x".repeat(257))),
        (0, "shippingMethodId", json!("x".repeat(101))),
        (1, "shippingMethodId", Value::Null),
    ] {
        let got = shop.initiate_with(&body(index, member, value)).await;
        let lines = got.refused_with(400, "request.shipping");
        let [[group, code, _]] = lines.as_slice() else {
            panic!("one entry expected: {}", got.body)
        };
        assert_eq!(group, "InvalidRequest");
        assert_eq!(*code, format!("{STATIC}[{index}].{member}"));
    }
    let longest = json!([{
        "isDefault": "N",
        "shippingCost": 0,
        "shippingMethod": "x".repeat(256),
        "shippingMethodId": "x".repeat(100),
    }]);
    let body = with_member(shop.express_body("acme-1", 49900), STATIC, longest);
    shop.initiate_with(&body).await.ok();
}

#[tokio::test]
async fn ecom_33_express_and_scope_exclude_each_other() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    let body = shop.express_body("acme-1", 49900);
    for scope in ["name", "name phoneNumber", "foo"] {
        let got = shop
            .initiate_with(&with_member(body.clone(), SCOPE.0, scope))
            .await;
        got.refused_fields("request.scope", &[SCOPE]);
    }
    shop.initiate_with(&with_member(body, SCOPE.0, ""))
        .await
        .ok();
}

#[tokio::test]
async fn ecom_34_scopes_are_known_and_nin_is_a_right() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    let body = |scope: &str| with_member(shop.initiate_body("acme-1", 49900), SCOPE.0, scope);
    for scope in ["name foo", "Name", "phone_number", "name,email", "nin foo"] {
        let got = shop.initiate_with(&body(scope)).await;
        got.refused_fields("request.scope", &[SCOPE]);
    }
    for scope in ["nin", "name nin"] {
        let got = shop.initiate_with(&body(scope)).await;
        got.says(
            403,
            "Merchant",
            "51",
            "The Nin scope is not allowed.",
            "unit.nin",
        );
    }
    let rest = "openid name address  email phoneNumber birthDate accountNumbers";
    shop.initiate_with(&body(rest)).await.ok();
    shop.change(|facts| facts.nin_scope = true).await;
    let allowed = with_member(body("nin"), "transaction.orderId", "acme-2");
    shop.initiate_with(&allowed).await.ok();
}
