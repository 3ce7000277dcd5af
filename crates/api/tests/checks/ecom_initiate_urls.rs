//! The two addresses of every initiate: where the merchant hears of it, and where the payer goes.

use sandkasse_courier::TableResolver;
use sandkasse_domain::sales_unit::{RateLimits, SalesUnit, UrlPolicy};
use sandkasse_testkit::{World, with_member, without_member};
use serde_json::{Value, json};

const CALLBACK: (&str, &str) = (
    "merchantInfo.callbackPrefix.invalid",
    "callbackUrl is invalid",
);
const FALL_BACK: (&str, &str) = ("merchantInfo.fallBack.invalid", "Invalid fallback URL");

fn strict(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
    facts.url_policy = UrlPolicy::Strict;
}

fn local(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
    facts.url_policy = UrlPolicy::Local;
}

/// A world in which `example.com` exists.
async fn world() -> World {
    World::with_dns(TableResolver::new().with("example.com", ["93.184.216.34"])).await
}

/// `https://example.com/xxx…` of so many characters.
fn of_length(length: usize) -> String {
    let start = "https://example.com/";
    format!("{start}{}", "x".repeat(length - start.len()))
}

#[tokio::test]
async fn ecom_15_no_fall_back_at_all() {
    let world = world().await;
    for policy in [strict, local] {
        let shop = world.shop(policy).await;
        let body = shop.initiate_body("acme-1", 49900);
        for body in [
            without_member(body.clone(), "merchantInfo.fallBack"),
            with_member(body.clone(), "merchantInfo.fallBack", Value::Null),
            with_member(body.clone(), "merchantInfo.fallBack", ""),
            // An app needs one as well, of whatever form.
            with_member(
                without_member(body, "merchantInfo.fallBack"),
                "merchantInfo.isApp",
                true,
            ),
        ] {
            let got = shop.initiate_with(&body).await;
            got.refused_fields("url.syntax", &[FALL_BACK]);
        }
        shop.initiate("acme-1", 49900).await.ok();
    }
}

#[tokio::test]
async fn ecom_17_callback_prefixes_that_cannot_be_called() {
    let world = world().await;
    let shop = world.shop(strict).await;
    let body = |prefix: Value| {
        let body = shop.initiate_body("acme-1", 49900);
        with_member(body, "merchantInfo.callbackPrefix", prefix)
    };
    for (prefix, cause) in [
        (json!("http://example.com/cb"), "url.scheme"),
        (json!("ftp://example.com/cb"), "url.scheme"),
        (json!("https://localhost/cb"), "url.local"),
        (json!("https://127.0.0.1/cb"), "url.local"),
        (json!("https://192.168.0.10/cb"), "url.local"),
        (json!("https://[::1]/cb"), "url.local"),
        (json!("https://intranet/cb"), "url.local"),
        (json!("https://example.com//cb"), "url.syntax"),
        (json!("https://example.com/a//b"), "url.syntax"),
        (json!("https://example.notatld/cb"), "url.syntax"),
        (json!("https://example.com/a b"), "url.syntax"),
        (json!("https://example.com:65536/cb"), "url.syntax"),
        (json!("example.com/cb"), "url.syntax"),
        (json!(of_length(256)), "url.syntax"),
        (json!(""), "url.syntax"),
        (Value::Null, "url.syntax"),
        (json!("https://no-such-host-xyz.com/cb"), "url.dns"),
    ] {
        let got = shop.initiate_with(&body(prefix)).await;
        got.refused_fields(cause, &[CALLBACK]);
    }
    let body = without_member(body(Value::Null), "merchantInfo.callbackPrefix");
    let got = shop.initiate_with(&body).await;
    got.refused_fields("url.syntax", &[CALLBACK]);

    for (index, prefix) in [
        "https://example.com",
        "https://example.com/",
        "https://example.com:8443/cb",
        "https://93.184.216.34/cb",
        "https://example.com/cb?shop=1&callback=",
        &of_length(255),
    ]
    .into_iter()
    .enumerate()
    {
        let body = shop.initiate_body(&format!("good-{index}"), 49900);
        let body = with_member(body, "merchantInfo.callbackPrefix", prefix);
        shop.initiate_with(&body).await.ok();
    }
}

#[tokio::test]
async fn ecom_17_a_local_unit_may_be_called_at_home() {
    let world = World::new().await;
    let shop = world.shop(local).await;
    for (index, prefix) in [
        "http://localhost:3000/cb",
        "https://localhost/cb",
        "http://127.0.0.1:3000",
        "http://192.168.0.10/cb",
        "http://shop.test/cb",
        "http://shop/cb",
        // DNS knows no such host here, and is not asked.
        "https://example.com/cb",
    ]
    .into_iter()
    .enumerate()
    {
        let body = shop.initiate_body(&format!("acme-{index}"), 49900);
        let body = with_member(body, "merchantInfo.callbackPrefix", prefix);
        shop.initiate_with(&body).await.ok();
    }
    for (prefix, cause) in [
        ("http://example.com/cb", "url.scheme"),
        ("http://localhost//cb", "url.syntax"),
        ("http://shop.notatld/cb", "url.syntax"),
    ] {
        let body = shop.initiate_body("acme-x", 49900);
        let body = with_member(body, "merchantInfo.callbackPrefix", prefix);
        let got = shop.initiate_with(&body).await;
        got.refused_fields(cause, &[CALLBACK]);
    }
}

#[tokio::test]
async fn ecom_18_fall_backs_are_judged_unless_an_app_opens_them() {
    let world = world().await;
    for policy in [strict, local] {
        let shop = world.shop(policy).await;
        let body = |order: &str, fall_back: &str, is_app: bool| {
            let body = shop.initiate_body(order, 49900);
            let body = with_member(body, "merchantInfo.isApp", is_app);
            with_member(body, "merchantInfo.fallBack", fall_back)
        };
        let bad = [
            ("http://localhost/x", "url.scheme"),
            ("https://localhost/x", "url.local"),
            ("http://example.com/x", "url.scheme"),
            ("http://127.0.0.2/x", "url.scheme"),
            ("ftp://example.com/x", "url.scheme"),
            ("https://intranet/x", "url.local"),
            ("https://example.com//x", "url.syntax"),
            ("https://example.notatld/x", "url.syntax"),
            ("result", "url.syntax"),
            (&of_length(256), "url.syntax"),
        ];
        for (index, (fall_back, cause)) in bad.into_iter().enumerate() {
            let got = shop.initiate_with(&body("judged", fall_back, false)).await;
            got.refused_fields(cause, &[FALL_BACK]);
            let order = format!("app-{index}");
            shop.initiate_with(&body(&order, fall_back, true))
                .await
                .ok();
        }
        // What a browser would run is refused even so.
        for is_app in [false, true] {
            let body = body("judged", "javascript:alert(1)", is_app);
            let got = shop.initiate_with(&body).await;
            got.refused_fields("url.scheme", &[FALL_BACK]);
        }
        let good = [
            "https://example.com/x?a=b#c",
            "https://no-such-host-xyz.com/x",
            "http://127.0.0.1/x",
            "http://127.0.0.1:3000/x",
            "myapp://result",
            "INTENT",
            &of_length(255),
        ];
        for (index, fall_back) in good.into_iter().enumerate() {
            let order = format!("good-{index}");
            shop.initiate_with(&body(&order, fall_back, false))
                .await
                .ok();
        }
    }
}
