//! RELIABILITY S-4: more than two hundred tokens in one table that is made, not written.

use std::collections::BTreeSet;

use sandkasse_domain::Environment::{Production, Test};
use sandkasse_testkit::Jwt;
use serde_json::json;

use super::stage::Stage;

/// What stands in front of a token that is right, and is not exactly `Bearer `.
const SCHEMES: [(&str, &str); 10] = [
    ("", "token.no_scheme"),
    ("bearer ", "token.scheme_case"),
    ("BEARER ", "token.scheme_case"),
    ("bEARER ", "token.scheme_case"),
    ("BearER ", "token.scheme_case"),
    ("Bearer", "token.no_scheme"),
    ("JWT ", "token.no_scheme"),
    ("Digest ", "token.no_scheme"),
    ("Bearer=", "token.no_scheme"),
    ("Bearer, ", "token.no_scheme"),
];

#[tokio::test]
async fn two_hundred_hostile_tokens() {
    let stage = Stage::new().await;
    let (jwt, now) = (stage.jwt(), stage.shop.now().as_second());
    let key_set = stage.key_set(Test).await;
    let public = key_set["keys"][0].clone();
    let mut rows: Vec<(String, &str)> = Vec::new();
    let mut token = |token: String, cause| rows.push((format!("Bearer {token}"), cause));

    // Algorithms: none of any spelling, with and without a signature, and all that are not ours.
    for name in [
        "none", "None", "NONE", "nOnE", "nonE", "null", "RSA256", "hs256", "",
    ] {
        let forged = jwt.clone().with_header("alg", name);
        token(forged.token(), "token.malformed");
        let unsigned = Jwt {
            signature: String::new(),
            ..forged.clone()
        };
        token(unsigned.token(), "token.malformed");
        token(
            unsigned.token().trim_end_matches('.').to_owned(),
            "token.malformed",
        );
    }
    for name in [
        "HS384", "HS512", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ] {
        token(
            jwt.clone().with_header("alg", name).signed_in(Test),
            "token.signature",
        );
    }
    // The public key as a shared secret, in every form that we publish and some more.
    let modulus = public["n"].as_str().expect("a string").to_owned();
    for secret in [
        modulus.clone(),
        modulus.replace('-', "+").replace('_', "/"),
        public["e"].as_str().expect("a string").to_owned(),
        public["kid"].as_str().expect("a string").to_owned(),
        public.to_string(),
        key_set.to_string(),
        String::new(),
        "secret".to_owned(),
        stage.shop.keys().client_secret,
        stage.shop.keys().primary,
    ] {
        let forged = jwt.clone().with_header("alg", "HS256");
        token(
            forged.signed_with_secret(secret.as_bytes()),
            "token.signature",
        );
        token(jwt.signed_with_secret(secret.as_bytes()), "token.signature");
    }
    // Names of keys, as paths, as queries, and of the other environment.
    for kid in [
        "",
        "test",
        "test-",
        "test-x",
        "../../key",
        "/dev/null",
        "' or 1=1",
        "0",
        "TEST-x",
    ] {
        token(
            jwt.clone().with_header("kid", kid).signed_in(Test),
            "token.signature",
        );
        token(
            jwt.clone().with_header("kid", kid).token(),
            "token.signature",
        );
    }
    for kid in ["production-", "production-x"] {
        token(
            jwt.clone().with_header("kid", kid).signed_in(Test),
            "env.keys",
        );
    }
    for kid in [json!(1), json!(true), json!([]), json!({})] {
        token(
            jwt.clone().with_header("kid", kid).signed_in(Test),
            "token.malformed",
        );
    }
    // Keys that come along.
    for name in ["jwk", "jku", "x5u", "x5c"] {
        let value = match name {
            "jwk" => public.clone(),
            "x5c" => json!(["MIIB"]),
            _ => json!("https://example.com/key"),
        };
        token(
            jwt.clone().with_header(name, value).signed_in(Production),
            "token.signature",
        );
    }
    token(jwt.signed_in(Production), "token.signature");
    // Times: over by a second and by more, not begun, and such as are none.
    for ago in [0, 1, 2, 60, 3600, 86_400, 31_536_000] {
        token(
            jwt.clone().with_claim("exp", now - ago).signed_in(Test),
            "token.expired",
        );
    }
    for ahead in [1, 2, 60, 3600, 86_400, 31_536_000] {
        token(
            jwt.clone().with_claim("nbf", now + ahead).signed_in(Test),
            "token.not_yet",
        );
    }
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!("soon"),
            json!(true),
            json!([now]),
            json!({}),
            json!(1.5),
            json!(u64::MAX),
        ] {
            token(
                jwt.clone().with_claim(name, value).signed_in(Test),
                "token.malformed",
            );
        }
    }
    // Claims that are missing, or of another type.
    for name in [
        "aud", "iss", "iat", "nbf", "exp", "aio", "appid", "idp", "tid", "uti", "ver", "env",
        "ahead_ms",
    ] {
        token(
            jwt.clone().with_claim(name, json!(null)).signed_in(Test),
            "token.malformed",
        );
        token(
            jwt.clone().with_claim(name, json!(["x"])).signed_in(Test),
            "token.malformed",
        );
        // The same twice: one reader takes the first, another the last.
        let twice = format!("{{\"{name}\":{},{}", jwt.claim(name), &jwt.claims[1..]);
        token(
            Jwt {
                claims: twice,
                ..jwt.clone()
            }
            .signed_in(Test),
            "token.malformed",
        );
    }
    for appid in [
        "",
        "0",
        "*",
        "00000000-0000-0000-0000-000000000000",
        "' or ''='",
    ] {
        token(
            jwt.clone().with_claim("appid", appid).signed_in(Test),
            "token.client_gone",
        );
    }
    token(
        jwt.clone().with_claim("env", "production").signed_in(Test),
        "env.keys",
    );
    // Cut anywhere: in the header, in the claims, in the signature.
    let whole = stage.token.clone();
    let (message, _) = whole.rsplit_once('.').expect("three parts");
    for at in (1..message.len()).step_by(message.len() / 16) {
        token(whole[..at].to_owned(), "token.malformed");
    }
    // What is left of the signature is Base64 still, or is not.
    for cut in [2, 6, 10, 102] {
        token(whole[..whole.len() - cut].to_owned(), "token.signature");
    }
    for cut in [1, 5, 9, 101] {
        token(whole[..whole.len() - cut].to_owned(), "token.malformed");
    }
    // Too long, as a whole and in its parts.
    for length in [8_193, 100_000, 1_000_000] {
        token("a".repeat(length), "token.malformed");
        token(format!("{whole}{}", "A".repeat(length)), "token.malformed");
    }
    let heavy = jwt.clone().with_claim("note", "x".repeat(1_000_000));
    token(heavy.signed_in(Test), "token.malformed");

    for (scheme, cause) in SCHEMES {
        rows.push((format!("{scheme}{whole}"), cause));
    }
    let different: BTreeSet<&str> = rows.iter().map(|(it, _)| it.as_str()).collect();
    assert!(
        different.len() >= 200,
        "{} of {}",
        different.len(),
        rows.len()
    );
    for (authorization, cause) in &rows {
        stage.refuses(authorization, cause).await;
    }
    stage.accepts(&whole).await;
}
