//! The keys of whoever may call: sales units, partners and payment service providers have the same
//! four values.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// So many replaced keys are remembered, for the explanation "this key was regenerated at …".
const REMEMBERED: usize = 20;

/// The four values that a developer copies from the portal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// A GUID; does not change when keys are regenerated.
    pub client_id: String,
    /// Base64 of 16 bytes.
    pub client_secret: String,
    /// 32 hexadecimal digits.
    pub primary: String,
    /// 32 hexadecimal digits, interchangeable with the primary.
    pub secondary: String,
}

/// One of the keys that can be regenerated alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyName {
    ClientSecret,
    PrimarySubscriptionKey,
    SecondarySubscriptionKey,
}

impl KeyName {
    /// The name in the control API and in explanations.
    pub fn name(self) -> &'static str {
        match self {
            KeyName::ClientSecret => "client_secret",
            KeyName::PrimarySubscriptionKey => "primary_subscription_key",
            KeyName::SecondarySubscriptionKey => "secondary_subscription_key",
        }
    }
}

/// A key that was replaced. It opens nothing any more; only its digest is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiredKey {
    /// Which one it was.
    pub key: KeyName,
    /// Under the installation's own digest key, hexadecimal.
    pub digest: String,
    /// Real time.
    pub at: Timestamp,
}

impl Keys {
    /// One of the values.
    pub fn value(&self, key: KeyName) -> &str {
        match key {
            KeyName::ClientSecret => &self.client_secret,
            KeyName::PrimarySubscriptionKey => &self.primary,
            KeyName::SecondarySubscriptionKey => &self.secondary,
        }
    }

    /// Replaces one of the values; the old one is dead at once.
    pub fn replace(&mut self, key: KeyName, fresh: String) {
        match key {
            KeyName::ClientSecret => self.client_secret = fresh,
            KeyName::PrimarySubscriptionKey => self.primary = fresh,
            KeyName::SecondarySubscriptionKey => self.secondary = fresh,
        }
    }
}

/// Notes a replaced key; the oldest of very many is forgotten.
pub fn retire(retired: &mut Vec<RetiredKey>, key: RetiredKey) {
    if retired.len() >= REMEMBERED {
        retired.remove(0);
    }
    retired.push(key);
}

/// Secrets stay out of logs and panics.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
