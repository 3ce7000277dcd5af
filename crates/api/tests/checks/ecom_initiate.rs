//! Initiating a payment: what a good call answers, and what uses an order id up.

use sandkasse_domain::{Environment, Msn};
use sandkasse_engine::Act;
use sandkasse_gate::link;
use sandkasse_testkit::{Got, World, minutes, seconds, with_member};
use serde_json::{Value, json};

const DUPLICATE: &str = "Duplicate orderId. The orderId must be unique for each MSN. It has already been used for this MSN.";
const NOT_FOUND: &str = r#"{ "statusCode": 404, "message": "Resource not found" }"#;

fn url_of(got: &Got) -> String {
    let answer = got.ok();
    let url = answer.get("url").and_then(Value::as_str);
    url.expect("a string").to_owned()
}

#[track_caller]
fn is_duplicate(got: &Got) {
    got.says(400, "Merchant", "34", DUPLICATE, "order.duplicate");
}

#[tokio::test]
async fn ecom_01_a_minimal_body_answers_order_and_link() {
    let world = World::new().await;
    for environment in Environment::ALL {
        let shop = world.shop(|facts| facts.environment = environment).await;
        let got = shop.initiate("acme-1", 49900).await;
        let url = url_of(&got);
        got.answered(200, &format!(r#"{{"orderId":"acme-1","url":"{url}"}}"#), "");
        assert_eq!(
            got.header("content-type"),
            Some("application/json;charset=UTF-8")
        );
        // Clients cut the token out as the third piece between `=`.
        let [address, version, token] = url.split('=').collect::<Vec<_>>()[..] else {
            panic!("three pieces expected: {url}")
        };
        let base = world.platform.base(environment);
        assert_eq!(
            address,
            format!("{base}/dwo-api-application/v1/deeplink/vippsgateway?v")
        );
        assert_eq!(version, "2&token");
        let (msn, order) = link::read(&world.platform.engine, environment, token).expect("ours");
        assert_eq!((msn, order.as_str()), (shop.msn.clone(), "acme-1"));
    }
}

#[tokio::test]
async fn ecom_02_paths_in_any_case_with_or_without_a_slash() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let paths = [
        ("acme-1", "/ecomm/v2/payments"),
        ("acme-2", "/Ecomm/v2/payments"),
        ("acme-3", "/ecomm/v2/payments/"),
        ("ACME-3", "/ECOMM/V2/Payments/"),
    ];
    for (order, path) in paths {
        let body = shop.initiate_body(order, 49900);
        let got = shop.ask("POST", path).await.json(&body).send().await;
        assert_eq!(got.ok()["orderId"], order, "{path}");
    }
    for path in [
        "/ecomm/v2/payments//",
        "//ecomm/v2/payments",
        "/ecom/v2/payments",
        "/ecomm/v3/payments",
    ] {
        let body = shop.initiate_body("acme-5", 49900);
        let got = shop.ask("POST", path).await.json(&body).send().await;
        got.answered(404, NOT_FOUND, "route.unknown");
    }
}

#[tokio::test]
async fn ecom_03_an_app_gets_a_link_of_its_environment() {
    let world = World::new().await;
    for (environment, scheme) in [
        (Environment::Test, "vippsMT"),
        (Environment::Production, "vipps"),
    ] {
        let shop = world.shop(|facts| facts.environment = environment).await;
        let body = with_member(
            shop.initiate_body("acme-1", 49900),
            "merchantInfo.isApp",
            true,
        );
        let url = url_of(&shop.initiate_with(&body).await);
        let token = url.strip_prefix(&format!("{scheme}://?token="));
        let token = token.unwrap_or_else(|| panic!("{scheme} expected: {url}"));
        assert!(!token.contains('='), "{url}");
        assert!(
            link::read(&world.platform.engine, environment, token).is_some(),
            "{url}"
        );
        assert!(
            link::read(&world.platform.engine, environment.other(), token).is_none(),
            "the other environment has other secrets"
        );
    }
}

#[tokio::test]
async fn ecom_04_an_order_id_serves_once() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49900).await.ok();
    // Another amount makes no other order, and `X-Request-Id` no repeatable call.
    let body = shop.initiate_body("acme-1", 50000);
    let ask = shop.ask("POST", "/ecomm/v2/payments").await.json(&body);
    is_duplicate(&ask.header("X-Request-Id", "key-1").send().await);
    assert_eq!(
        shop.details("acme-1").await.ok()["transactionLogHistory"][0]["amount"],
        49900
    );
    shop.initiate("ACME-1", 50000).await.ok();
}

#[tokio::test]
async fn ecom_05_an_order_id_is_used_up_whatever_came_of_it() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;

    shop.initiate("cancelled", 49900).await.ok();
    shop.cancel("cancelled").await.ok();
    shop.reserved("voided", 49900, &kari).await;
    shop.cancel("voided").await.ok();
    shop.initiate("rejected", 49900).await.ok();
    shop.person("rejected", Act::Reject).await.expect("open");
    shop.reserved("captured", 49900, &kari).await;
    shop.capture("captured", Value::Null).await.ok();
    shop.initiate("timed-out", 49900).await.ok();
    shop.advance(minutes(5)).await;

    for order in ["cancelled", "voided", "rejected", "captured", "timed-out"] {
        let before = shop.details(order).await.body;
        is_duplicate(&shop.initiate(order, 49900).await);
        assert_eq!(shop.details(order).await.body, before);
    }
}

#[tokio::test]
async fn ecom_06_the_third_initiate_of_an_order_in_a_minute_is_too_many() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49900).await.ok();
    shop.advance(seconds(20)).await;
    is_duplicate(&shop.initiate("acme-1", 49900).await);
    for (wait, left) in [(0, 40), (30, 10), (9, 1)] {
        shop.advance(seconds(wait)).await;
        let got = shop.initiate("acme-1", 49900).await;
        let body = format!(
            r#"{{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in {left} seconds." }}"#
        );
        got.answered(429, &body, "rate.initiate");
        assert_eq!(got.header("retry-after"), Some(left.to_string().as_str()));
        assert_eq!(got.header("content-type"), Some("application/json"));
    }
    shop.initiate("acme-2", 49900).await.ok();
    shop.advance(seconds(1)).await;
    is_duplicate(&shop.initiate("acme-1", 49900).await);
}

#[tokio::test]
async fn ecom_07_another_unit_has_other_orders() {
    let world = World::new().await;
    let merchant = world.merchant().await;
    let shops = [
        (world.shop_of(&merchant, |_| {}).await, 10000),
        (world.shop_of(&merchant, |_| {}).await, 20000),
        (world.shop(|_| {}).await, 30000),
    ];
    for (shop, amount) in &shops {
        shop.initiate("acme-1", *amount).await.ok();
    }
    for (shop, amount) in &shops {
        let details = shop.details("acme-1").await.ok();
        assert_eq!(details["transactionLogHistory"][0]["amount"], *amount);
    }
}

#[tokio::test]
async fn ecom_12_an_integral_amount_may_be_written_with_decimals() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for (index, amount) in ["20000.0", "20000.000", "2e4"].into_iter().enumerate() {
        let order = format!("acme-{index}");
        let body = shop.initiate_body(&order, 20_000).to_string();
        let body = body.replace("\"amount\":20000", &format!("\"amount\":{amount}"));
        assert!(body.contains(amount), "{body}");
        let ask = shop.ask("POST", "/ecomm/v2/payments").await;
        ask.body(body).send().await.ok();
        let details = shop.details(&order).await;
        details.ok();
        assert!(
            details.body.contains(r#"[{"amount":20000,"#),
            "{}",
            details.body
        );
    }
}

#[tokio::test]
async fn ecom_20_unknown_members_are_ignored() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let unknown = [
        ("scope", Value::Null),
        ("timeStamp", json!(1_686_657_600)),
        ("customerInfo.name", json!(["Kari"])),
        ("merchantInfo.shopName", json!({ "nested": [1, null] })),
        ("transaction.timeStamp", json!("2023-06-13T12:00:00Z")),
        ("transaction.refOrderId", json!(17)),
        ("transaction.useExplicitCheckoutFlow", json!("perhaps")),
        // In other case than documented an optional member is an unknown one.
        ("merchantInfo.isapp", json!("no boolean")),
    ];
    let body = unknown.iter().fold(
        shop.initiate_body("acme-1", 49900),
        |body, (member, value)| with_member(body, member, value.clone()),
    );
    let url = url_of(&shop.initiate_with(&body).await);
    assert!(url.starts_with("http://test.sandkasse.invalid/"), "{url}");
}

#[tokio::test]
async fn an_msn_of_four_to_seven_digits_can_be_a_unit() {
    let world = World::new().await;
    for msn in ["1234", "12345", "1234567"] {
        let number = Msn::try_new(msn).expect("an MSN");
        let shop = world.shop(|facts| facts.msn = number).await;
        shop.initiate("acme-1", 49900).await.ok();
    }
}
