//! Fields that all payment APIs share: unknown members, texts, amounts and URLs.

use sandkasse_courier::TableResolver;
use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_testkit::{Got, INTERNAL_ERROR, Shop, World};
use serde_json::{Value, json};

#[track_caller]
fn invalid(got: &Got, code: &str, text: &str, cause: &str) {
    let said = got.refused(400, "InvalidRequest", code, cause);
    assert_eq!(said, text);
}

#[tokio::test]
async fn plat_19_unknown_members_are_ignored() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let got = shop.initiate_but("acme-1", 100, |body| {
        body["scope"] = json!(null);
        body["isApp"] = json!("not here");
        body["unknown"] = json!({ "deep": [1, "two", null] });
        body["customerInfo"]["name"] = json!(17);
        body["merchantInfo"]["merchantserialnumber"] = json!(1);
        body["merchantInfo"]["autoLoginToken"] = json!("");
        body["transaction"]["timeStamp"] = json!(20_180_313);
        body["transaction"]["refOrderId"] = json!(["acme-0"]);
        body["transaction"]["useExplicitCheckoutFlow"] = json!("whatever");
    });
    assert_eq!(got.await.ok()["orderId"], "acme-1");
    let mut body = shop.modify_body(json!(null));
    body["transaction"]["unknown"] = json!(1);
    shop.ask_modify("cancel", "acme-1", &body)
        .await
        .send()
        .await
        .ok();
}

#[tokio::test]
async fn plat_42_texts_are_counted_in_characters() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for (order, letters, count, fits) in [
        ("a-1", "x", 100, true),
        ("a-2", "x", 101, false),
        ("a-3", "æøå", 99, true),
        ("a-4", "æ", 100, true),
        ("a-5", "æøå", 102, false),
        ("a-6", "æ", 101, false),
        ("a-7", "🧦", 100, true),
        ("a-8", "🧦", 101, false),
        ("a-9", "x", 0, false),
    ] {
        let text = letters.repeat(count / letters.chars().count());
        assert_eq!(text.chars().count(), count);
        let got = shop.initiate_but(order, 100, |body| {
            body["transaction"]["transactionText"] = json!(text);
        });
        let got = got.await;
        if fits {
            got.ok();
        } else {
            let cause = if count == 0 {
                "request.missing"
            } else {
                "request.too_long"
            };
            let text = "transactionText is required, maximum 100 characters";
            invalid(&got, "transaction.transactionText", text, cause);
        }
    }
}

/// Initiates with an amount of any JSON text, such as `1e2`, which a [`Value`] would not keep.
async fn initiate_of(shop: &Shop, order: &str, amount: &str) -> Got {
    let body = shop.initiate_body(order, 987_654_321).to_string();
    let body = body.replace("987654321", amount);
    let ask = shop.ask("POST", "/ecomm/v2/payments").await;
    ask.body(body).send().await
}

#[tokio::test]
async fn plat_43_amounts_have_bounds() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for (at, (amount, fits)) in [
        ("100", true),
        ("101", true),
        ("2147483647", true),
        ("99", false),
        ("1", false),
        ("0", false),
        ("-1", false),
        ("-100", false),
        ("2147483648", false),
        ("4294967396", false),
        ("9223372036854775807", false),
        ("9223372036854775808", false),
        ("-9223372036854775809", false),
        ("18446744073709551716", false),
        ("1e300", false),
        ("1e400", false),
        ("null", false),
    ]
    .into_iter()
    .enumerate()
    {
        let order = format!("acme-{at}");
        let got = initiate_of(&shop, &order, amount).await;
        if fits {
            got.ok();
            let log = shop.details(&order).await.ok()["transactionLogHistory"].clone();
            assert_eq!(log[0]["amount"].to_string(), amount);
        } else {
            invalid(
                &got,
                "transaction.amount",
                "Invalid amount",
                "amount.invalid",
            );
        }
    }
}

#[tokio::test]
async fn plat_44_amounts_are_whole_numbers() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for (at, amount) in [
        "100.5",
        "100.0000001",
        "100.00000000000000000000000001",
        "1e-400",
        "49900.0000001",
        "0.1",
        "\"100\"",
        "\"\"",
        "true",
        "[100]",
        "{}",
    ]
    .into_iter()
    .enumerate()
    {
        let got = initiate_of(&shop, &format!("bad-{at}"), amount).await;
        let text = got.refused(500, "VippsError", "99", "json.type.amount");
        assert_eq!(text, INTERNAL_ERROR, "{amount}");
    }
    for (order, amount, units) in [
        ("a-1", "20000.0", 20_000),
        ("a-2", "20000.000", 20_000),
        ("a-3", "2e4", 20_000),
        ("a-4", "200E2", 20_000),
    ] {
        initiate_of(&shop, order, amount).await.ok();
        let log = shop.details(order).await.ok()["transactionLogHistory"].clone();
        assert_eq!(log[0]["amount"], units, "{amount}");
    }
    // Beside what counts, a number that no machine word holds is no matter.
    initiate_of(&shop, "a-5", "100,\"unknown\":1e400")
        .await
        .ok();
}

#[tokio::test]
async fn plat_45_callback_prefixes_of_a_strict_unit() {
    let world = World::with_dns(TableResolver::new().with("example.com", ["93.184.216.34"])).await;
    let shop = world.shop(|unit| unit.url_policy = UrlPolicy::Strict).await;
    let long = |length: usize| format!("https://example.com/{}", "x".repeat(length - 20));
    let rows: Vec<(Value, &str)> = vec![
        (json!("https://example.com/vipps"), ""),
        (json!("https://example.com/a?b=//c&callback="), ""),
        (json!(long(255)), ""),
        (json!(long(256)), "url.syntax"),
        (json!("http://example.com/vipps"), "url.scheme"),
        (json!("ftp://example.com/vipps"), "url.scheme"),
        (json!("https://localhost/vipps"), "url.local"),
        (json!("https://127.0.0.1/vipps"), "url.local"),
        (json!("https://10.0.0.1/vipps"), "url.local"),
        (json!("https://[::1]/vipps"), "url.local"),
        (json!("https://2130706433/vipps"), "url.local"),
        (json!("https://intranet/vipps"), "url.local"),
        (json!("http://localhost/vipps"), "url.scheme"),
        (json!("https://example.com//vipps"), "url.syntax"),
        (json!("https://example.com/vipps//"), "url.syntax"),
        (json!("https://example.com/a b"), "url.syntax"),
        (json!("https://example.com:65536/"), "url.syntax"),
        (json!("https://example.nosuchtld/"), "url.syntax"),
        (json!("https://shop.test/vipps"), "url.syntax"),
        (json!("example.com/vipps"), "url.syntax"),
        (json!("https://"), "url.syntax"),
        (json!(""), "url.syntax"),
        (json!(null), "url.syntax"),
        (json!("https://no-such-host-xyz.com/vipps"), "url.dns"),
    ];
    for (at, (prefix, cause)) in rows.into_iter().enumerate() {
        let order = format!("acme-{at}");
        let got = shop.initiate_but(&order, 100, |body| {
            body["merchantInfo"]["callbackPrefix"] = prefix.clone();
        });
        let got = got.await;
        if cause.is_empty() {
            got.ok();
        } else {
            let code = "merchantInfo.callbackPrefix.invalid";
            assert_eq!(got.cause(), cause, "{prefix}");
            invalid(&got, code, "callbackUrl is invalid", cause);
        }
    }
}

#[tokio::test]
async fn plat_46_fall_backs_lead_to_https_or_to_an_app() {
    let world = World::with_dns(TableResolver::new().with("example.com", ["93.184.216.34"])).await;
    // The policy for what the platform itself calls makes no difference here.
    for policy in [UrlPolicy::Strict, UrlPolicy::Local] {
        let shop = world.shop(|unit| unit.url_policy = policy).await;
        for (at, (fall_back, cause)) in [
            ("https://example.com/result?order=1#top", ""),
            ("https://not-in-dns.example.com/", ""),
            ("myapp://x", ""),
            ("merchantApp://result?x", ""),
            ("http://127.0.0.1/x", ""),
            ("http://127.0.0.1:3000/x", ""),
            ("INTENT", ""),
            ("http://example.com", "url.scheme"),
            ("http://127.0.0.2/x", "url.scheme"),
            ("http://localhost/x", "url.scheme"),
            ("https://localhost/x", "url.local"),
            ("https://intranet/x", "url.local"),
            ("javascript:alert(1)", "url.scheme"),
            ("data:text/html,hello", "url.scheme"),
            ("ftp://example.com/x", "url.scheme"),
            ("myapp:x", "url.syntax"),
            ("example.com", "url.syntax"),
            ("https://example.com//x", "url.syntax"),
            ("", "url.syntax"),
        ]
        .into_iter()
        .enumerate()
        {
            let order = format!("acme-{at}");
            let got = shop.initiate_but(&order, 100, |body| {
                body["merchantInfo"]["fallBack"] = json!(fall_back);
            });
            let got = got.await;
            if cause.is_empty() {
                got.ok();
            } else {
                assert_eq!(got.cause(), cause, "{fall_back}");
                let code = "merchantInfo.fallBack.invalid";
                invalid(&got, code, "Invalid fallback URL", cause);
            }
        }
    }
}
