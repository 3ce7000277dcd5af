//! Userinfo says no: keys, tokens, names, time, and the order in which they are looked at
//! (reference: userinfo.md §5).
use std::collections::BTreeSet;

use jiff::SignedDuration;
use sandkasse_domain::{Environment, person::Person, sales_unit::Product};
use sandkasse_testkit::{Ask, Got, KEY_INVALID, Shop, TOKEN_REJECTED, World, hours};

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    (world, shop, kari)
}

async fn without(shop: &Shop, product: Product) {
    shop.change(|unit| unit.products.retain(|it| *it != product))
        .await;
}

/// Asserts problem details, exactly, with a fresh `instance`; answers that.
#[track_caller]
fn problem(got: &Got, status: u16, title: &str, detail: &str, cause: &str) -> String {
    let instance = got.json()["instance"].as_str().expect("a text").to_owned();
    let id = instance.strip_prefix("urn:uuid:").expect("a URN");
    assert!(uuid::Uuid::parse_str(id).is_ok(), "{instance}");
    let body = format!(
        r#"{{"type":"https://httpstatuses.io/{status}","title":"{title}","status":"{status}","detail":"{detail}","instance":"{instance}"}}"#
    );
    got.answered(status, &body, cause);
    assert_eq!(got.header("content-type"), Some("application/problem+json"));
    assert_eq!(got.header("content-language"), Some("en"));
    instance
}

const FORMAT: &str = "sub must be a UUID.";
const UNKNOWN: &str = "The sub was not found.";
const NO_LOGIN: &str = "Login is not activated for this sales unit.";
const OVER: &str =
    "The user's data was available for 168 hours after the consent. That time is over.";

#[tokio::test]
async fn uinf_12_uinf_21_names_that_lead_nowhere() {
    let (world, shop, kari) = stage().await;
    let sub = shop.share("acme-1", "name", &kari).await;
    let stranger = world.shop(|_| {}).await;
    let sister = world.shop_of(&shop.unit().facts.merchant, |_| {}).await;
    let mut instances = BTreeSet::new();
    // Of another unit, even of the same merchant; of a person who shared nothing; of nobody.
    let ola = world.person(|_| {}).await;
    let nobody = "7d78a726-af92-499e-b857-de263ef9a969";
    for got in [
        stranger.userinfo(&sub).await,
        sister.userinfo(&sub).await,
        shop.userinfo(&shop.sub(&ola)).await,
        shop.userinfo(nobody).await,
    ] {
        instances.insert(problem(
            &got,
            404,
            "Not Found",
            UNKNOWN,
            "userinfo.sub_unknown",
        ));
    }
    let long = format!("{sub}0");
    for bad in ["abc", "1", "%20", &long, &sub[1..]] {
        let got = shop.userinfo(bad).await;
        instances.insert(problem(
            &got,
            400,
            "Bad Request",
            FORMAT,
            "userinfo.sub_format",
        ));
    }
    // A UUID is one in capitals too.
    assert_eq!(shop.userinfo(&sub.to_uppercase()).await.ok()["sub"], sub);
    shop.advance(hours(169)).await;
    let got = shop.userinfo(&sub).await;
    instances.insert(problem(
        &got,
        403,
        "Forbidden",
        OVER,
        "userinfo.session_over",
    ));
    assert_eq!(instances.len(), 10, "each has an instance of its own");
}

#[tokio::test]
async fn uinf_13_the_subscription_key_is_optional_but_must_fit() {
    let (world, shop, kari) = stage().await;
    let sub = shop.share("acme-1", "name", &kari).await;
    let ask = shop.ask_userinfo(&sub).await;
    let with = |key: &str| ask.clone().header("Ocp-Apim-Subscription-Key", key).send();
    ask.clone().send().await.ok();
    // An empty header is no header (reference: platform.md §4.1).
    with("").await.ok();
    let keys = shop.keys();
    for key in [&keys.primary, &keys.secondary] {
        with(key).await.ok();
    }
    let recurring = world
        .shop(|unit| unit.products = [Product::Recurring].into())
        .await;
    let ecom = world
        .shop(|unit| unit.products = [Product::Ecom].into())
        .await;
    for key in [recurring.keys().primary, ecom.keys().secondary] {
        with(&key)
            .await
            .answered(401, KEY_INVALID, "subkey.product");
    }
    let unknown = with("0123456789abcdef0123456789abcdef").await;
    unknown.answered(401, KEY_INVALID, "subkey.unknown");
    assert_eq!(
        unknown.header("www-authenticate"),
        Some(
            r#"AzureApiManagementKey realm="http://test.sandkasse.invalid/vipps-userinfo-api",name="Ocp-Apim-Subscription-Key",type="header""#
        )
    );
    // The own key of a unit that has no Login is such a limited key; so it is even with its token.
    let path = format!("/vipps-userinfo-api/userinfo/{sub}");
    let own = recurring.ask("GET", &path).await.send().await;
    own.answered(401, KEY_INVALID, "subkey.product");
    // Another unit's key that covers Login does not belong to the token.
    let other = world.shop(|_| {}).await;
    let mixed = with(&other.keys().primary).await;
    mixed.other_owner();
}

#[tokio::test]
async fn uinf_14_uinf_23_a_token_that_does_not_count() {
    let (world, shop, kari) = stage().await;
    let sub = shop.share("acme-1", "name", &kari).await;
    let production = world
        .shop(|unit| unit.environment = Environment::Production)
        .await;
    let foreign = format!("Bearer {}", production.token().await);
    let token = shop.token().await;
    let rows: [(Option<String>, &str); 6] = [
        (None, "token.missing"),
        (Some(String::new()), "token.missing"),
        (Some(token.clone()), "token.no_scheme"),
        (Some(format!("bearer {token}")), "token.scheme_case"),
        (Some("Bearer abc".to_owned()), "token.malformed"),
        (Some(foreign), "env.keys"),
    ];
    // Whatever the name is: the token is looked at first.
    for sub in [sub.as_str(), "abc"] {
        for (authorization, cause) in &rows {
            let ask = shop.ask_userinfo(sub).await;
            let ask = match authorization {
                None => ask.without("Authorization"),
                Some(value) => ask.header("Authorization", value),
            };
            let got = ask.send().await;
            got.answered(401, TOKEN_REJECTED, cause);
            assert_eq!(got.header("content-type"), Some("application/json"));
        }
    }
    let ask = shop.ask_userinfo(&sub).await;
    shop.advance(SignedDuration::from_secs(3_598)).await;
    ask.clone().send().await.ok();
    shop.advance(SignedDuration::from_secs(2)).await;
    ask.send()
        .await
        .answered(401, TOKEN_REJECTED, "token.expired");
}

#[tokio::test]
async fn uinf_17_uinf_23_without_login_there_is_no_userinfo() {
    let (_, shop, kari) = stage().await;
    let sub = shop.share("acme-1", "name", &kari).await;
    without(&shop, Product::Login).await;
    for sub in [sub.as_str(), "7d78a726-af92-499e-b857-de263ef9a969", "abc"] {
        let got = shop.userinfo(sub).await;
        problem(&got, 403, "Forbidden", NO_LOGIN, "unit.login_not_activated");
    }
    // A unit for Login alone has it, and payments are no condition.
    shop.change(|unit| unit.products = [Product::Login].into())
        .await;
    shop.userinfo(&sub).await.ok();
}

/// The half of UINF-24 that needs no partner keys.
#[tokio::test]
async fn a_foreign_msn_is_refused() {
    let (world, shop, kari) = stage().await;
    let sub = shop.share("acme-1", "name", &kari).await;
    let stranger = world.shop(|_| {}).await;
    let with = |msn: &str, ask: Ask| ask.header("Merchant-Serial-Number", msn).send();
    with(shop.msn.as_str(), shop.ask_userinfo(&sub).await)
        .await
        .ok();
    for msn in [stranger.msn.as_str(), "999999", "abc"] {
        // Also before the form of the sub and before Login are looked at.
        for sub in [sub.as_str(), "abc"] {
            let got = with(msn, shop.ask_userinfo(sub).await).await;
            let detail = format!(
                "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
            );
            problem(&got, 401, "Unauthorized", &detail, "msn.not_yours");
        }
    }
}

/// The half of UINF-15 that needs no login.
#[tokio::test]
async fn an_api_token_does_not_open_the_data_of_a_login() {
    let (_, shop, _) = stage().await;
    for path in [
        "/vipps-userinfo-api/userinfo",
        "/vipps-userinfo-api/userinfo/",
    ] {
        let ask = shop.ask("GET", path).await;
        let got = ask.clone().send().await;
        got.answered(401, TOKEN_REJECTED, "userinfo.not_of_login");
        let got = ask.without("Authorization").send().await;
        got.answered(401, TOKEN_REJECTED, "token.missing");
    }
}
