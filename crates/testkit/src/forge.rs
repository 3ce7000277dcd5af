//! Tokens that nobody issued, and a look into those that were issued.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto, jwk::Jwk};
use sandkasse_domain::Environment;
use serde_json::Value;

/// A JWT in its parts, to look at or to forge from. The parts are text, so that they can be
/// anything, even no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwt {
    /// The first part, decoded.
    pub header: String,
    /// The second part, decoded.
    pub claims: String,
    /// The third part, as it stands.
    pub signature: String,
}

impl Jwt {
    /// Cuts a token into its parts.
    ///
    /// # Panics
    ///
    /// When it is no JWT.
    #[track_caller]
    pub fn read(token: &str) -> Jwt {
        let decoded = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).expect("unpadded Base64");
            String::from_utf8(bytes).expect("text")
        };
        match token.split('.').collect::<Vec<_>>().as_slice() {
            [header, claims, signature] => Jwt {
                header: decoded(header),
                claims: decoded(claims),
                signature: (*signature).to_owned(),
            },
            parts => panic!("{} parts: {token}", parts.len()),
        }
    }

    /// A member of the header.
    pub fn header(&self, name: &str) -> Value {
        member(&self.header, name)
    }

    /// A member of the claims.
    pub fn claim(&self, name: &str) -> Value {
        member(&self.claims, name)
    }

    /// The same with another member in the header; null takes it away.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Value>) -> Jwt {
        self.header = with(&self.header, name, value.into());
        self
    }

    /// The same with another claim; null takes it away.
    #[must_use]
    pub fn with_claim(mut self, name: &str, value: impl Into<Value>) -> Jwt {
        self.claims = with(&self.claims, name, value.into());
        self
    }

    /// Whatever the signature is.
    pub fn token(&self) -> String {
        format!("{}.{}", self.message(), self.signature)
    }

    /// Signed as the platform does in `environment`, whatever the header says.
    pub fn signed_in(&self, environment: Environment) -> String {
        let pem = match environment {
            Environment::Test => include_str!("test-key.pem"),
            Environment::Production => include_str!("production-key.pem"),
        };
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("a key");
        self.signed(&key, Algorithm::RS256)
    }

    /// Signed with a shared secret, HS256, whatever the header says.
    pub fn signed_with_secret(&self, secret: &[u8]) -> String {
        self.signed(&EncodingKey::from_secret(secret), Algorithm::HS256)
    }

    /// Whether a key of a published key set, the one that the header names, verifies it.
    pub fn verified_by(&self, key_set: &Value) -> bool {
        let keys = key_set
            .get("keys")
            .and_then(Value::as_array)
            .expect("a list of keys");
        keys.iter()
            .filter(|key| key.get("kid") == Some(&self.header("kid")))
            .any(|key| {
                let key: Jwk = serde_json::from_value(key.clone()).expect("a public key");
                let key = DecodingKey::from_jwk(&key).expect("a public key");
                let message = self.message();
                crypto::verify(&self.signature, message.as_bytes(), &key, Algorithm::RS256)
                    .expect("the signature can be read")
            })
    }

    fn signed(&self, key: &EncodingKey, algorithm: Algorithm) -> String {
        let message = self.message();
        let signature = crypto::sign(message.as_bytes(), key, algorithm).expect("the key fits");
        format!("{message}.{signature}")
    }

    fn message(&self) -> String {
        let encoded = |part: &str| URL_SAFE_NO_PAD.encode(part);
        format!("{}.{}", encoded(&self.header), encoded(&self.claims))
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Null when there is none of this name.
fn member(text: &str, name: &str) -> Value {
    json(text).get(name).cloned().unwrap_or_default()
}

fn with(text: &str, name: &str, value: Value) -> String {
    let mut object = json(text);
    let members = object.as_object_mut().expect("an object");
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    object.to_string()
}
