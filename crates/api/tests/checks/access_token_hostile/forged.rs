//! Tokens that somebody made: with other algorithms, other keys, other claims.

use sandkasse_domain::Environment::{Production, Test};
use sandkasse_testkit::{Jwt, seconds};
use serde_json::json;

use super::stage::Stage;

#[tokio::test]
async fn algorithms_that_we_do_not_use() {
    let stage = Stage::new().await;
    let jwt = stage.jwt();
    // The header cannot be read, since no such algorithm exists for us.
    for none in ["none", "None", "NONE", "nOnE", "", "HS255", "rs256"] {
        let forged = jwt.clone().with_header("alg", none);
        stage
            .refuses_token(&forged.token(), "token.malformed")
            .await;
        let unsigned = Jwt {
            signature: String::new(),
            ..forged
        };
        stage
            .refuses_token(&unsigned.token(), "token.malformed")
            .await;
    }
    // The public key, in all the forms that we publish, as if it were a shared secret.
    let key_set = stage.key_set(Test).await;
    let key = &key_set["keys"][0];
    let modulus = key["n"].as_str().expect("a string");
    for secret in [
        String::new(),
        modulus.to_owned(),
        key.to_string(),
        key_set.to_string(),
        jwt.header("kid").to_string(),
        stage.shop.keys().client_secret,
    ] {
        let forged = jwt.clone().with_header("alg", "HS256");
        let token = forged.signed_with_secret(secret.as_bytes());
        stage.refuses_token(&token, "token.signature").await;
        // The same with a header that hides it.
        let token = jwt.signed_with_secret(secret.as_bytes());
        stage.refuses_token(&token, "token.signature").await;
    }
    // Even our own signature is none under another name.
    for other in [
        "HS384", "HS512", "RS384", "RS512", "PS256", "ES256", "EdDSA",
    ] {
        let token = jwt.clone().with_header("alg", other).signed_in(Test);
        stage.refuses_token(&token, "token.signature").await;
    }
}

#[tokio::test]
async fn keys_that_are_not_ours() {
    let stage = Stage::new().await;
    let jwt = stage.jwt();
    let live = stage.world.shop(|unit| unit.environment = Production).await;
    let live_token = live.token().await;
    let foreign = stage.key_set(Production).await["keys"][0].clone();
    for (token, cause) in [
        // With our name for the key, and somebody else's signature.
        (jwt.signed_in(Production), "token.signature"),
        // The attacker brings the key along, or says where it is.
        (
            jwt.clone()
                .with_header("jwk", foreign)
                .signed_in(Production),
            "token.signature",
        ),
        (
            jwt.clone()
                .with_header("jku", "https://example.com/keys")
                .with_header("x5u", "https://example.com/certificate")
                .signed_in(Production),
            "token.signature",
        ),
        // A key that we do not name, whoever signed.
        (
            jwt.clone().with_header("kid", "test-other").signed_in(Test),
            "token.signature",
        ),
        (
            jwt.clone().with_header("kid", "../../key").signed_in(Test),
            "token.signature",
        ),
        (
            jwt.clone().with_header("kid", json!(null)).signed_in(Test),
            "token.signature",
        ),
        (
            jwt.clone().with_header("kid", 1).signed_in(Test),
            "token.malformed",
        ),
        // The other environment's, whole, and both mixtures.
        (live_token.clone(), "env.keys"),
        (
            Jwt::read(&live_token)
                .with_claim("env", "test")
                .signed_in(Production),
            "env.keys",
        ),
        (
            jwt.clone().with_claim("env", "production").signed_in(Test),
            "env.keys",
        ),
    ] {
        stage.refuses_token(&token, cause).await;
    }
    // The link of a payment is a JWT of ours too.
    let url = stage.shop.initiate("acme-2", 49_900).await.ok()["url"].clone();
    let link = url.as_str().expect("a string").split('=').nth(2);
    stage
        .refuses_token(link.expect("a token"), "token.signature")
        .await;
}

#[tokio::test]
async fn claims_that_we_never_make() {
    let stage = Stage::new().await;
    let (jwt, now) = (stage.jwt(), stage.shop.now().as_second());
    let live = stage.world.shop(|unit| unit.environment = Production).await;
    let live_id = live.keys().client_id;
    for (name, value, cause) in [
        ("exp", json!(now), "token.expired"),
        ("exp", json!(now - 1), "token.expired"),
        ("exp", json!(0), "token.expired"),
        ("exp", json!(-1), "token.expired"),
        ("exp", json!(i64::MIN), "token.expired"),
        ("exp", json!(null), "token.malformed"),
        ("exp", json!("9999999999"), "token.malformed"),
        ("exp", json!(1e300), "token.malformed"),
        ("exp", json!(u64::MAX), "token.malformed"),
        ("exp", json!([now + 60]), "token.malformed"),
        ("nbf", json!(now + 1), "token.not_yet"),
        ("nbf", json!(i64::MAX), "token.not_yet"),
        ("nbf", json!(true), "token.malformed"),
        ("appid", json!(null), "token.malformed"),
        ("appid", json!(1), "token.malformed"),
        ("appid", json!(""), "token.client_gone"),
        ("appid", json!("somebody-else"), "token.client_gone"),
        ("appid", json!(live_id), "token.client_gone"),
        ("env", json!(null), "token.malformed"),
        ("env", json!("TEST"), "token.malformed"),
        ("ahead_ms", json!(1.5), "token.malformed"),
    ] {
        let token = jwt.clone().with_claim(name, value).signed_in(Test);
        stage.refuses_token(&token, cause).await;
    }
    // Claims of which one reader takes the first and another the last, and claims that are none.
    let claims = jwt.claims.strip_prefix('{').expect("an object");
    let (appid, expired) = (r#""appid":"somebody-else""#, format!(r#""exp":{now}"#));
    for claims in [
        format!("{{{appid},{claims}"),
        format!("{{{expired},{claims}"),
        format!("{},{appid}}}", jwt.claims.trim_end_matches('}')),
        format!("{}{{}}", jwt.claims),
        format!("[{}]", jwt.claims),
        jwt.claims.to_uppercase(),
        "{}".to_owned(),
        "null".to_owned(),
        "\"text\"".to_owned(),
        String::new(),
        "[".repeat(3000),
    ] {
        let forged = Jwt {
            claims,
            ..jwt.clone()
        };
        let token = forged.signed_in(Test);
        stage.refuses_token(&token, "token.malformed").await;
    }
    // The bounds: its first and its last second, and a claim that nobody knows.
    for (name, value) in [("nbf", now), ("exp", now + 1), ("admin", 1)] {
        stage
            .accepts(&jwt.clone().with_claim(name, value).signed_in(Test))
            .await;
    }
}

#[tokio::test]
async fn a_token_that_was_accepted_is_judged_again_every_time() {
    let stage = Stage::new().await;
    let jwt = stage.jwt();
    stage.accepts(&stage.token).await;
    // What was verified before is remembered by all of its text, not by a part of it.
    let forged = Jwt {
        signature: jwt.signature.clone(),
        ..jwt.clone().with_claim("appid", "somebody-else")
    };
    stage
        .refuses_token(&forged.token(), "token.signature")
        .await;
    stage.accepts(&stage.token).await;
    stage.world.pass(seconds(3599)).await;
    stage.refuses_token(&stage.token, "token.expired").await;
}
