//! Token requests that are refused: the rows of access-token.md §5, in their order.

use sandkasse_domain::Environment;
use sandkasse_engine::directory::OfficeKind;
use sandkasse_testkit::{Ask, Format, Got, KEY_INVALID, KEY_MISSING, NOT_FOUND, Shop, World};

const SOMEBODY: &str = "5d2c3a90-0b5e-4d2a-8a55-0c3f6f5b7c11";
const NO_CLIENT_ID: &str = "The request body must contain the following parameter: 'client_id'.";
const NO_SECRET: &str =
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
const WRONG_SECRET: &str = "Invalid client secret provided.";

async fn stage() -> (World, Shop) {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    (world, shop)
}

fn not_found(client_id: &str, directory: &str) -> String {
    format!(
        "Application with identifier '{client_id}' was not found in the directory '{directory}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
    )
}

#[track_caller]
fn refused_for_key(got: &Got, body: &str, cause: &str) {
    got.answered(401, body, cause);
    assert_eq!(got.format(), Format::A);
    assert_eq!(
        got.header("www-authenticate"),
        Some(
            r#"AzureApiManagementKey realm="http://test.sandkasse.invalid/accesstoken",name="Ocp-Apim-Subscription-Key",type="header""#
        )
    );
}

#[track_caller]
fn refused_for_client(got: &Got, client_id: &str, cause: &str) {
    let text = not_found(client_id, "VIPPS-TEST");
    got.refused_identity(400, "unauthorized_client", 700_016, &text, cause);
}

#[tokio::test]
async fn tok_12_no_subscription_key() {
    let (_, shop) = stage().await;
    let name = "Ocp-Apim-Subscription-Key";
    let got = shop.ask_token().without(name).send().await;
    refused_for_key(&got, KEY_MISSING, "subkey.missing");
    assert_eq!(got.json()["statusCode"], 401);
    let got = shop.ask_token().header(name, "").send().await;
    refused_for_key(&got, KEY_MISSING, "subkey.missing");
}

#[tokio::test]
async fn tok_13_a_subscription_key_that_nobody_has() {
    let (_, shop) = stage().await;
    let keys = shop.keys();
    for wrong in [
        "0123456789abcdef0123456789abcdef".to_owned(),
        keys.primary.to_uppercase(),
        format!(" {}", keys.primary),
        keys.primary[1..].to_owned(),
        keys.client_secret,
        "é".to_owned(),
    ] {
        let ask = shop.ask_token();
        let got = ask.header("Ocp-Apim-Subscription-Key", &wrong).send().await;
        refused_for_key(&got, KEY_INVALID, "subkey.unknown");
    }
}

#[tokio::test]
async fn tok_14_keys_of_the_other_environment() {
    let (world, shop) = stage().await;
    let live = world
        .shop(|unit| unit.environment = Environment::Production)
        .await;
    let key = live.keys().primary;
    let ask = shop.ask_token().header("Ocp-Apim-Subscription-Key", &key);
    refused_for_key(&ask.send().await, KEY_INVALID, "env.keys");
    // The whole set, on the wrong host, both ways.
    let ask = live.ask_token().in_environment(Environment::Test);
    refused_for_key(&ask.send().await, KEY_INVALID, "env.keys");
    let ask = shop.ask_token().in_environment(Environment::Production);
    ask.send().await.answered(401, KEY_INVALID, "env.keys");
    // Only the client of the other environment: the key is fine, so the client is missed.
    let live_id = live.keys().client_id;
    let got = shop.ask_token().header("client_id", &live_id).send().await;
    refused_for_client(&got, &live_id, "token.client_unknown");
    let test_id = shop.keys().client_id;
    let got = live.ask_token().header("client_id", &test_id).send().await;
    let text = not_found(&test_id, "VIPPS");
    got.refused_identity(
        400,
        "unauthorized_client",
        700_016,
        &text,
        "token.client_unknown",
    );
}

#[tokio::test]
async fn tok_15_tok_16_a_client_id_that_nobody_has() {
    let (world, shop) = stage().await;
    let upper = shop.keys().client_id.to_uppercase();
    for wrong in [SOMEBODY, "hello", "it's \"quoted\"", &upper] {
        let got = shop.ask_token().header("client_id", wrong).send().await;
        refused_for_client(&got, wrong, "token.client_unknown");
    }
    // Management and accounting keys exist, but fetch their tokens elsewhere.
    for kind in [OfficeKind::Management, OfficeKind::Accounting] {
        let keys = world.office_keys(Environment::Test, kind).await;
        let ask = shop.ask_token().header("client_id", &keys.client_id);
        let ask = ask.header("client_secret", &keys.client_secret);
        refused_for_client(&ask.send().await, &keys.client_id, "token.wrong_endpoint");
    }
}

#[tokio::test]
async fn tok_17_a_wrong_client_secret() {
    let (world, shop) = stage().await;
    let (keys, stranger) = (shop.keys(), world.shop(|_| {}).await.keys());
    let secret = &keys.client_secret;
    assert!(secret.ends_with("=="), "Base64 of 16 bytes");
    for wrong in [
        "nonsense",
        secret.trim_end_matches('='),
        &secret[1..],
        &format!("{secret}="),
        &secret.to_lowercase(),
        &stranger.client_secret,
        &keys.primary,
        "é",
    ] {
        let got = shop.ask_token().header("client_secret", wrong).send().await;
        let cause = "token.secret_wrong";
        got.refused_identity(401, "invalid_client", 7_000_215, WRONG_SECRET, cause);
        assert!(!got.body.contains(wrong), "no secret is echoed");
    }
}

#[tokio::test]
async fn tok_18_tok_19_absent_or_empty_headers() {
    let (_, shop) = stage().await;
    let absent_or_empty = |name| {
        [
            shop.ask_token().without(name),
            shop.ask_token().header(name, ""),
        ]
    };
    for ask in absent_or_empty("client_id") {
        let got = ask.send().await;
        let cause = "token.client_id_missing";
        got.refused_identity(400, "invalid_request", 900_144, NO_CLIENT_ID, cause);
    }
    for ask in absent_or_empty("client_secret") {
        let got = ask.send().await;
        let cause = "token.secret_missing";
        got.refused_identity(401, "invalid_client", 7_000_218, NO_SECRET, cause);
    }
}

#[tokio::test]
async fn tok_29_other_methods_do_not_exist() {
    let (_, shop) = stage().await;
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let got = shop.ask_token().to(method, "/accesstoken/get").send().await;
        got.answered(404, NOT_FOUND, "route.method");
        assert_eq!(got.format(), Format::A);
        assert_eq!(got.header("www-authenticate"), None);
    }
    let got = shop.ask_token().to("POST", "/accesstoken").send().await;
    got.answered(404, NOT_FOUND, "route.unknown");
}

/// Rows 2 to 7 of the reference, and then none: each repairs the defect of the row before.
fn repaired_one_by_one(world: &World, shop: &Shop) -> [(Ask, u16, &'static str); 7] {
    let keys = shop.keys();
    let (key, id, secret) = ("Ocp-Apim-Subscription-Key", "client_id", "client_secret");
    let nothing = world.ask(Environment::Test, "POST", "/accesstoken/get");
    let bad_key = nothing
        .clone()
        .header(key, "0123456789abcdef0123456789abcdef");
    let good_key = nothing.clone().header(key, &keys.primary);
    let bad_id = good_key.clone().header(id, SOMEBODY);
    let good_id = good_key.clone().header(id, &keys.client_id);
    let bad_secret = good_id.clone().header(secret, "nonsense");
    let good_secret = good_id.clone().header(secret, &keys.client_secret);
    [
        (nothing, 401, "subkey.missing"),
        (bad_key, 401, "subkey.unknown"),
        (good_key, 400, "token.client_id_missing"),
        (bad_id, 400, "token.client_unknown"),
        (good_id, 401, "token.secret_missing"),
        (bad_secret, 401, "token.secret_wrong"),
        (good_secret, 200, ""),
    ]
}

#[tokio::test]
async fn tok_20_tok_34_causes_tell_the_rows_apart_and_the_first_wins() {
    let (world, shop) = stage().await;
    for (ask, status, cause) in repaired_one_by_one(&world, &shop) {
        let got = ask.send().await;
        assert_eq!((got.status, got.cause()), (status, cause), "{}", got.body);
    }
    // The subscription key wins over everything behind it.
    let ask = shop.ask_token().header("client_id", "hello");
    let ask = ask.header("client_secret", "nonsense");
    let got = ask
        .header("Ocp-Apim-Subscription-Key", "hello")
        .send()
        .await;
    refused_for_key(&got, KEY_INVALID, "subkey.unknown");
    // A wrong client_id wins over a wrong secret, and over a missing one.
    let ask = shop.ask_token().header("client_id", "hello");
    for ask in [
        ask.clone().header("client_secret", "nonsense"),
        ask.without("client_secret"),
    ] {
        refused_for_client(&ask.send().await, "hello", "token.client_unknown");
    }
}

#[tokio::test]
async fn tok_33_refusals_are_not_cached_and_echo_no_secret() {
    let (world, shop) = stage().await;
    let keys = shop.keys();
    for (ask, status, cause) in repaired_one_by_one(&world, &shop) {
        let ask = ask.header("X-Other", &keys.client_secret);
        let got = ask.send().await;
        assert_eq!((got.status, got.cause()), (status, cause));
        assert_eq!(got.header("cache-control"), Some("no-store, no-cache"));
        let text = format!("{}{:?}", got.body, got.headers);
        for secret in [&keys.client_secret, &keys.primary, &keys.secondary] {
            assert!(!text.contains(secret.as_str()), "{cause}");
        }
        // Nor do the cause and the trace, from which explanations are made.
        let inside = format!("{:?} {:?}", got.why, got.trace);
        for secret in [&keys.client_secret, &keys.primary, &keys.secondary] {
            assert!(!inside.contains(secret.as_str()), "{cause}");
        }
    }
}
