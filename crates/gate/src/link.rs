//! The token in the link that an initiate returns.
//!
//! Only the platform reads it. It keeps the shape and the claims of the real one (observed until
//! 2022), but is signed with a symmetric key: an RSA signature would cost more than the rest of
//! an initiate (reference: platform.md §6).

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use sandkasse_domain::{Environment, Msn, OrderId, Timestamp, payment::Payment};
use sandkasse_engine::{Engine, LINK_SECRET, Unit};
use serde::{Deserialize, Serialize};

/// Link tokens are accepted so long by the one who checks their times; ten minutes is the longest
/// life of a payment request.
const LIFE_SECONDS: i64 = 600;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    app_type: String,
    merchant_serial_number: Msn,
    order_id: OrderId,
    express_check_out: String,
    token_type: String,
    uuid: String,
    jti: String,
    iat: i64,
    exp: i64,
}

/// Signs the link of a payment. The token holds no `=`, so that it is the third piece of the URL
/// split at `=`, where the official Postman collection looks for it.
pub fn sign(engine: &Engine, unit: &Unit, payment: &Payment, now: Timestamp) -> String {
    let id = engine.chance.uuid().to_string();
    let claims = Claims {
        app_type: "LANDINGPAGE".to_owned(),
        merchant_serial_number: unit.facts.msn.clone(),
        order_id: payment.order.id.clone(),
        express_check_out: if payment.order.is_express() { "Y" } else { "N" }.to_owned(),
        token_type: "DEEPLINK".to_owned(),
        uuid: id.clone(),
        jti: id,
        iat: now.as_second(),
        exp: now.as_second() + LIFE_SECONDS,
    };
    let header = Header {
        kid: Some("jwtkey".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(secret(engine, unit.facts.environment).as_bytes());
    jsonwebtoken::encode(&header, &claims, &key).expect("HMAC signs any claims")
}

/// Reads a link's token: whose payment it is. `None` when it is not one of ours. Whether the
/// payment can still be paid is for the payment to say.
pub fn read(engine: &Engine, environment: Environment, token: &str) -> Option<(Msn, OrderId)> {
    let claims: Claims = read_claims(engine, environment, token)?;
    Some((claims.merchant_serial_number, claims.order_id))
}

/// Signs what else stands in a link of ours: claims with an `exp` of their own choice.
pub fn sign_claims<T: Serialize>(engine: &Engine, environment: Environment, claims: &T) -> String {
    let key = EncodingKey::from_secret(secret(engine, environment).as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)
        .expect("HMAC signs any claims")
}

/// Reads such claims. `None` when they are not ours or of another kind; times are for the caller
/// to judge.
pub fn read_claims<T: serde::de::DeserializeOwned>(
    engine: &Engine,
    environment: Environment,
    token: &str,
) -> Option<T> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(secret(engine, environment).as_bytes());
    let read = jsonwebtoken::decode::<T>(token, &key, &validation);
    Some(read.ok()?.claims)
}

fn secret(engine: &Engine, environment: Environment) -> String {
    engine
        .directory
        .of(environment)
        .secret(LINK_SECRET)
        .unwrap_or_default()
        .to_owned()
}
