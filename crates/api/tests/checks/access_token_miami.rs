//! `POST /miami/v1/token`: the OAuth client credentials of management and accounting keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_domain::Environment;
use sandkasse_engine::directory::{OfficeKeys, OfficeKind};
use sandkasse_testkit::{Ask, Format, Jwt, NOT_FOUND, TOKEN_REJECTED, World, seconds};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const PATH: &str = "/miami/v1/token";

async fn stage() -> (World, OfficeKeys) {
    let world = World::new().await;
    let keys = world.office_keys(Environment::Test, OfficeKind::Management);
    let keys = keys.await;
    (world, keys)
}

fn basic(client_id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client_id}:{secret}")))
}

fn ask(world: &World, authorization: &str) -> Ask {
    world
        .ask(Environment::Test, "POST", PATH)
        .header("Authorization", authorization)
        .header("Content-Type", FORM)
        .body("grant_type=client_credentials")
}

#[tokio::test]
async fn tok_30_tok_31_basic_auth_without_a_subscription_key() {
    let world = World::new().await;
    for environment in Environment::ALL {
        for kind in [OfficeKind::Management, OfficeKind::Accounting] {
            let keys = world.office_keys(environment, kind).await;
            let ask = ask(&world, &basic(&keys.client_id, &keys.client_secret));
            let got = ask.in_environment(environment).send().await;
            let token = got.ok()["access_token"].as_str().unwrap().to_owned();
            let body =
                format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":900}}"#);
            got.answered(200, &body, "");
            assert_eq!(
                got.header("content-type"),
                Some("application/json; charset=utf-8")
            );
            assert_eq!(got.header("cache-control"), Some("no-store, no-cache"));
            let jwt = Jwt::read(&token);
            assert_eq!(jwt.claim("appid"), keys.client_id.as_str());
            let life = jwt.claim("exp").as_i64().unwrap() - world.now().as_second();
            assert_eq!(life, 900, "15 minutes in both environments");
        }
    }
}

#[tokio::test]
async fn tok_30_the_same_by_headers_and_by_its_later_name() {
    let (world, keys) = stage().await;
    let by_headers = ask(&world, "")
        .without("Authorization")
        .header("client_id", &keys.client_id)
        .header("client_secret", &keys.client_secret);
    assert_eq!(by_headers.send().await.ok()["expires_in"], 900);
    let right = ask(&world, &basic(&keys.client_id, &keys.client_secret));
    for path in ["/authentication/v1/token", "/Miami/V1/Token/"] {
        let got = right.clone().to("POST", path).send().await;
        assert_eq!(got.ok()["expires_in"], 900, "{path}");
    }
    let got = right.to("GET", PATH).send().await;
    got.answered(404, NOT_FOUND, "route.method");
}

#[tokio::test]
async fn tok_31_a_subscription_key_is_not_even_looked_at() {
    let (world, keys) = stage().await;
    let right = ask(&world, &basic(&keys.client_id, &keys.client_secret));
    let got = right.header("Ocp-Apim-Subscription-Key", "nobody's").send();
    assert_eq!(got.await.ok()["token_type"], "Bearer");
}

#[tokio::test]
async fn tok_32_an_unsupported_grant_type() {
    let (world, keys) = stage().await;
    let right = ask(&world, &basic(&keys.client_id, &keys.client_secret));
    for body in [
        "",
        "grant_type=",
        "grant_type=password&username=kari&password=hemmelig",
        "grant_type=CLIENT_CREDENTIALS",
        "grant_type=client_credentials2",
        "xgrant_type=client_credentials",
        r#"{"grant_type":"client_credentials"}"#,
    ] {
        let got = right.clone().body(body).send().await;
        let text = "The app requested an unsupported grant type.";
        got.refused_identity(
            400,
            "unsupported_grant_type",
            70_003,
            text,
            "token.grant_type",
        );
        assert_eq!(got.header("cache-control"), Some("no-store, no-cache"));
        assert!(!got.body.contains("hemmelig"));
    }
    for body in [
        "grant_type=client_credentials&scope=all",
        "scope=all&grant_type=client_credentials",
    ] {
        right.clone().body(body).send().await.ok();
    }
}

#[tokio::test]
async fn tok_34_wrong_keys_are_told_apart_here_too() {
    let (world, keys) = stage().await;
    let merchant = world.shop(|_| {}).await.keys();
    let (id, secret) = (keys.client_id.as_str(), keys.client_secret.as_str());
    let unknown = (400, "unauthorized_client", 700_016);
    let no_secret = (401, "invalid_client", 7_000_218);
    let wrong_secret = (401, "invalid_client", 7_000_215);
    let no_id = (400, "invalid_request", 900_144);
    for (authorization, (status, error, code), cause) in [
        (basic(id, "nonsense"), wrong_secret, "token.secret_wrong"),
        (basic(id, ""), no_secret, "token.secret_missing"),
        (basic("hello", secret), unknown, "token.client_unknown"),
        (basic("", secret), no_id, "token.client_id_missing"),
        // What cannot be read is not there.
        ("Basic %%%".to_owned(), no_id, "token.client_id_missing"),
        ("Basic YWJj".to_owned(), no_id, "token.client_id_missing"),
        ("Basic".to_owned(), no_id, "token.client_id_missing"),
        (String::new(), no_id, "token.client_id_missing"),
        // A sales unit's keys fetch their token at the other endpoint.
        (
            basic(&merchant.client_id, &merchant.client_secret),
            unknown,
            "token.wrong_endpoint",
        ),
    ] {
        let got = ask(&world, &authorization).send().await;
        assert_eq!(
            (got.status, got.cause()),
            (status, cause),
            "{authorization}"
        );
        assert_eq!(got.format(), Format::F);
        assert_eq!(got.json()["error"], error);
        assert_eq!(got.json()["error_codes"][0], code);
        assert_eq!(got.header("cache-control"), Some("no-store, no-cache"));
        assert!(!got.body.contains(secret) && !got.body.contains("nonsense"));
    }
    let got = ask(&world, &basic(id, secret)).in_environment(Environment::Production);
    assert_eq!(got.send().await.cause(), "token.client_unknown");
}

#[tokio::test]
async fn tok_30_such_a_token_opens_no_payments_and_follows_real_time() {
    let (world, keys) = stage().await;
    let shop = world.shop(|_| {}).await;
    let got = ask(&world, &basic(&keys.client_id, &keys.client_secret));
    let token = got.send().await.ok()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let details = world
        .ask(
            Environment::Test,
            "GET",
            "/ecomm/v2/payments/acme-1/details",
        )
        .header("Authorization", &format!("Bearer {token}"))
        .header("Ocp-Apim-Subscription-Key", &shop.keys().primary);
    details.clone().send().await.other_owner();
    // It is of no sales unit, so no unit's clock ages it.
    shop.advance(seconds(100_000)).await;
    details.clone().send().await.other_owner();
    world.pass(seconds(899)).await;
    details.clone().send().await.other_owner();
    world.pass(seconds(1)).await;
    let got = details.send().await;
    got.answered(401, TOKEN_REJECTED, "token.expired");
}

/// Management and accounting keys never reach payments (reference: partner-keys.md, step 3).
#[tokio::test]
async fn office_keys_have_no_right_to_payments() {
    let (world, keys) = stage().await;
    let got = ask(&world, &basic(&keys.client_id, &keys.client_secret))
        .send()
        .await;
    let token = got.ok()["access_token"].as_str().unwrap().to_owned();
    let details = world
        .ask(
            Environment::Test,
            "GET",
            "/ecomm/v2/payments/acme-1/details",
        )
        .header("Authorization", &format!("Bearer {token}"));
    let forbidden = r#"{ "statusCode": 403, "message": "Forbidden" }"#;
    details
        .send()
        .await
        .answered(403, forbidden, "keys.without_right");
}
