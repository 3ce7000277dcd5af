//! The ID token: whether it is the provider's, for this installation, for what was begun, and now.

use jsonwebtoken::{
    Algorithm, DecodingKey, TokenData, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use sandkasse_domain::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Begun, Refused, refused};
use crate::config::ProviderOptions;

/// Two clocks may differ by so many seconds.
const LEEWAY: i64 = 60;
/// No name is longer.
const LONGEST_NAME: usize = 200;

/// What the token says.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    iss: String,
    aud: Value,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    auth_time: Option<i64>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Claims {
    /// What a claim says: one text or many.
    pub(super) fn texts(&self, claim: &str) -> Vec<&str> {
        match self.others.get(claim) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
                Vec::new()
            }
        }
    }

    /// What somebody is called.
    pub(super) fn shown(&self) -> String {
        let named = ["name", "preferred_username", "email"]
            .into_iter()
            .filter_map(|claim| self.others.get(claim)?.as_str())
            .find(|name| !name.trim().is_empty());
        let name = named.unwrap_or(&self.sub);
        name.chars().take(LONGEST_NAME).collect()
    }
}

/// Only keys that the provider alone holds: nobody else can have signed.
const SIGNED_WITH: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The claims of a token that passes every check.
pub(super) fn verify(
    token: &str,
    keys: &JwkSet,
    options: &ProviderOptions,
    begun: &Begun,
    now: Timestamp,
) -> Result<Claims, Refused> {
    let wrong = |why: &str| {
        tracing::warn!(why, "an ID token was refused");
        refused(format!("what the provider sent cannot be trusted: {why}"))
    };
    let header = decode_header(token).map_err(|_| wrong("it is no token"))?;
    if !SIGNED_WITH.contains(&header.alg) {
        return Err(wrong("it is signed in a way that is not accepted"));
    }
    let key = key(keys, header.kid.as_deref()).ok_or_else(|| wrong("its key is not known"))?;
    let key = DecodingKey::from_jwk(key).map_err(|_| wrong("its key cannot be read"))?;
    let mut validation = Validation::new(header.alg);
    // The library reads the system's clock; times and names are checked below.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let TokenData { claims, .. } = decode::<Claims>(token, &key, &validation)
        .map_err(|_| wrong("its signature or content is wrong"))?;
    let now = now.as_second();
    if claims.iss.trim_end_matches('/') != options.issuer.as_str() {
        return Err(wrong("somebody else made it"));
    }
    let client = options.client_id.as_str();
    let (is_for_us, only_us) = match &claims.aud {
        Value::String(one) => (one == client, true),
        Value::Array(all) => (all.iter().any(|it| it == client), all.len() == 1),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => (false, false),
    };
    let acts_for_us = claims.azp.as_deref().map_or(only_us, |azp| azp == client);
    if !is_for_us || !acts_for_us {
        return Err(wrong("it is for somebody else"));
    }
    if claims.exp.saturating_add(LEEWAY) <= now {
        return Err(wrong("it is over"));
    }
    if claims.iat.saturating_sub(LEEWAY) > now
        || claims
            .nbf
            .is_some_and(|nbf| nbf.saturating_sub(LEEWAY) > now)
    {
        return Err(wrong("it is not valid yet"));
    }
    let is_answer = claims
        .nonce
        .as_deref()
        .is_some_and(|nonce| sandkasse_gate::token::same_secret(nonce, &begun.nonce));
    if !is_answer {
        return Err(wrong("it is not the answer to what was begun here"));
    }
    let since = begun.at.as_second() - LEEWAY;
    if begun.again && claims.auth_time.is_none_or(|at| at < since) {
        return Err(wrong("nobody signed in anew"));
    }
    Ok(claims)
}

/// The key of this name; without a name, the only one.
fn key<'a>(keys: &'a JwkSet, kid: Option<&str>) -> Option<&'a Jwk> {
    match (kid, keys.keys.as_slice()) {
        (Some(kid), _) => keys.find(kid),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}
