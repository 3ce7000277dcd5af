//! The gate: keys and tokens, one mistake at a time.

use sandkasse_domain::{
    Environment::{Production, Test},
    sales_unit::Product,
};
use sandkasse_gate::Step;
use sandkasse_testkit::{
    Ask, Format, Got, KEY_INVALID, KEY_MISSING, Shop, TOKEN_REJECTED, World, hours,
};

const KEY: &str = "Ocp-Apim-Subscription-Key";
const DETAILS: &str = "/ecomm/v2/payments/acme-1/details";

/// A shop with an order, and a right call about it.
async fn stage() -> (World, Shop, Ask) {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    let ask = shop.ask("GET", DETAILS).await;
    (world, shop, ask)
}

#[track_caller]
fn rejected(got: &Got, cause: &str) {
    got.answered(401, TOKEN_REJECTED, cause);
    assert_eq!(got.format(), Format::B);
    assert_eq!(got.header("www-authenticate"), None);
}

#[tokio::test]
async fn plat_06_plat_08_no_subscription_key_comes_before_no_token() {
    let (world, _, right) = stage().await;
    for (environment, base) in [
        (Test, "http://test.sandkasse.invalid"),
        (Production, "http://production.sandkasse.invalid"),
    ] {
        let got = world.ask(environment, "GET", DETAILS).send().await;
        got.answered(401, KEY_MISSING, "subkey.missing");
        assert_eq!(got.format(), Format::A);
        let challenge = format!(
            r#"AzureApiManagementKey realm="{base}/ecomm",name="Ocp-Apim-Subscription-Key",type="header""#
        );
        assert_eq!(got.header("www-authenticate"), Some(challenge.as_str()));
    }
    let got = right.without(KEY).send().await;
    got.answered(401, KEY_MISSING, "subkey.missing");
}

#[tokio::test]
async fn plat_07_plat_08_a_wrong_key_comes_before_a_wrong_token() {
    let (_, shop, right) = stage().await;
    let own = shop.keys().primary;
    for wrong in [
        "0123456789abcdef0123456789abcdef",
        &own.to_uppercase(),
        &own[..31],
        &format!("{own} "),
        &shop.keys().client_secret,
    ] {
        let ask = right.clone().header(KEY, wrong);
        for ask in [ask.clone(), ask.header("Authorization", "Bearer nonsense")] {
            let got = ask.send().await;
            got.answered(401, KEY_INVALID, "subkey.unknown");
            assert_eq!(got.format(), Format::A, "with the challenge");
        }
    }
}

#[tokio::test]
async fn plat_09_plat_10_plat_11_tokens_without_their_word() {
    let (_, shop, right) = stage().await;
    let got = right.clone().without("Authorization").send().await;
    rejected(&got, "token.missing");
    let jwt = shop.token().await;
    for (value, cause) in [
        (jwt.clone(), "token.no_scheme"),
        (format!("bearer {jwt}"), "token.scheme_case"),
        (format!("BEARER {jwt}"), "token.scheme_case"),
    ] {
        for (method, path) in [
            ("GET", DETAILS),
            ("POST", "/ecomm/v2/payments"),
            ("PUT", "/ecomm/v2/payments/acme-1/cancel"),
            ("GET", "/vipps-userinfo-api/userinfo/abc"),
        ] {
            let ask = right.clone().to(method, path);
            rejected(&ask.header("Authorization", &value).send().await, cause);
        }
    }
}

#[tokio::test]
async fn plat_10_plat_11_a_lenient_installation_wants_no_word_but_no_wrong_one_either() {
    let world = World::with_lenient_bearer().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    let jwt = shop.token().await;
    let with = async |value: &str| {
        let ask = shop.ask("GET", DETAILS).await;
        ask.header("Authorization", value).send().await
    };
    assert_eq!(with(&jwt).await.ok()["orderId"], "acme-1");
    with(&format!("Bearer {jwt}")).await.ok();
    rejected(&with(&format!("bearer {jwt}")).await, "token.scheme_case");
    rejected(&with("nonsense").await, "token.malformed");
    rejected(&with("").await, "token.missing");
}

#[tokio::test]
async fn plat_12_header_names_in_any_case() {
    let (world, shop, _) = stage().await;
    let bearer = format!("Bearer {}", shop.token().await);
    for (authorization, key, msn) in [
        (
            "authorization",
            "ocp-apim-subscription-key",
            "merchant-serial-number",
        ),
        (
            "AUTHORIZATION",
            "OCP-APIM-SUBSCRIPTION-KEY",
            "MERCHANT-SERIAL-NUMBER",
        ),
        (
            "Authorization",
            "Ocp-apim-subscription-key",
            "Merchant-serial-number",
        ),
    ] {
        let ask = world
            .ask(Test, "GET", DETAILS)
            .header(authorization, &bearer);
        let ask = ask.header(key, &shop.keys().primary);
        let got = ask.header(msn, shop.msn.as_str()).send().await;
        assert_eq!(got.ok()["orderId"], "acme-1");
    }
}

#[tokio::test]
async fn plat_13_tokens_that_do_not_count() {
    let (world, shop, right) = stage().await;
    let with = |token: &str| {
        right
            .clone()
            .header("Authorization", &format!("Bearer {token}"))
    };
    let jwt = shop.token().await;
    let parts: Vec<&str> = jwt.split('.').collect();
    let tampered = format!("{}.{}A.{}", parts[0], parts[1], parts[2]);
    rejected(&with(&tampered).send().await, "token.signature");
    let live = world.shop(|unit| unit.environment = Production).await;
    rejected(&with(&live.token().await).send().await, "env.keys");
    shop.advance(hours(1)).await;
    rejected(&with(&jwt).send().await, "token.expired");
    with(&shop.token().await).send().await.ok();
}

#[tokio::test]
async fn plat_14_a_token_and_a_key_of_different_units() {
    let (world, shop, right) = stage().await;
    let sister = world.shop_of(&shop.unit().facts.merchant, |_| {}).await;
    let stranger = world.shop(|_| {}).await;
    for other in [&sister, &stranger] {
        for key in [other.keys().primary, other.keys().secondary] {
            right.clone().header(KEY, &key).send().await.other_owner();
        }
        let bearer = format!("Bearer {}", other.token().await);
        let ask = right.clone().header("Authorization", &bearer);
        ask.send().await.other_owner();
    }
    // The order in which they are compared gives nothing away: two calls, two ids.
    let ask = right.header(KEY, &stranger.keys().primary);
    let (one, two) = (ask.clone().send().await, ask.send().await);
    assert_ne!(one.json()["contextId"], two.json()["contextId"]);
}

#[tokio::test]
async fn plat_15_a_misspelt_header_is_missing_and_its_name_is_kept() {
    let (_, shop, right) = stage().await;
    let key = shop.keys().primary;
    for (name, kept) in [
        ("Ocp-Apim-SubscriptionKey", true),
        ("Ocp_Apim_Subscription_Key", true),
        ("Ocp-Apim-Subscripton-Key", true),
        ("X-Api-Key", false),
    ] {
        let got = right.clone().without(KEY).header(name, &key).send().await;
        let cause = if kept {
            "header.misspelt"
        } else {
            "subkey.missing"
        };
        got.answered(401, KEY_MISSING, cause);
        assert_eq!(got.format(), Format::A);
        let facts = format!("{:?}", got.why).to_lowercase();
        assert_eq!(facts.contains(&name.to_lowercase()), kept, "{facts}");
        assert!(!facts.contains(&key), "its value is a secret");
    }
}

#[tokio::test]
async fn plat_16_the_secondary_key_is_as_good() {
    let (_, shop, right) = stage().await;
    let got = right.header(KEY, &shop.keys().secondary).send().await;
    assert_eq!(got.ok()["orderId"], "acme-1");
}

#[tokio::test]
async fn plat_17_a_key_that_does_not_cover_the_api() {
    let world = World::new().await;
    let with = async |products: &[Product]| {
        let shop = world.shop(|unit| unit.products = products.iter().copied().collect());
        let shop = shop.await;
        shop.initiate("acme-1", 49_900).await
    };
    for products in [
        &[Product::Recurring][..],
        &[Product::Recurring, Product::Login],
    ] {
        let got = with(products).await;
        got.answered(401, KEY_INVALID, "subkey.product");
        assert_eq!(got.format(), Format::A, "with the challenge");
    }
    // A Login-only unit's key passes this check; a later one answers (ruling 5).
    let got = with(&[Product::Login]).await;
    let text = got.refused(403, "Merchant", "97", "unit.login_only");
    assert_eq!(text, "Merchant Not Allowed for Ecommerce Payment");
    assert_eq!(
        got.trace.lines().last().map(|line| line.step),
        Some(Step::Product)
    );
    with(&[Product::Ecom]).await.ok();
}
