//! Merchants and their sales units.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Environment, Minor, Msn};

/// An organisation number: nine digits in Norway.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgNo(pub String);

/// A legal entity that sells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// Its identity.
    pub orgno: OrgNo,
    /// As registered.
    pub name: String,
    /// Whether it may be paid.
    pub standing: Standing,
}

/// How a merchant stands with the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// In order.
    Active,
    /// Closed: deleted from the Business register, unconfirmed, … (error 37).
    Deactivated,
    /// Blocked by the platform, for a reason it never tells (error 31).
    Blocked,
    /// The agreement was not signed yet (error 36).
    Unsigned,
}

/// One brand, shop or channel of a merchant: the one who is paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesUnit {
    /// Where it exists.
    pub environment: Environment,
    /// Its number.
    pub msn: Msn,
    /// Shown to the payer.
    pub name: String,
    /// Whose it is.
    pub merchant: OrgNo,
    /// Whether the merchant keeps it open (error 37 when not).
    pub active: bool,
    /// What it may be used for.
    pub products: BTreeSet<Product>,
    /// What happens at approval.
    pub capture: CaptureType,
    /// Whether `skipLandingPage` is allowed (error 38 when not).
    pub skip_landing_page: bool,
    /// Whether the `nin` scope is allowed (error 51 when not).
    pub nin_scope: bool,
    /// Whether the documented limits per minute hold.
    pub rate_limits: RateLimits,
    /// Which addresses the platform calls for it.
    pub url_policy: UrlPolicy,
    /// Bounds on what it may ask for and receive.
    pub limits: Limits,
    /// Its keys.
    pub keys: Keys,
    /// How far its clock is ahead of real time, in milliseconds. Only ever grows.
    pub clock_ahead_ms: i64,
    /// Advancing the clock normally ages tokens. When set, tokens issued before an advance keep
    /// the life that their holder, who caches by the real clock, believes in.
    pub tokens_survive_advance: bool,
    /// After an approval with `scope`, how long details still lack the `sub`, in milliseconds.
    pub sub_delay_ms: i64,
}

/// How long details usually lack the `sub` after an approval: milliseconds on the real platform
/// (reference: ecom.md §2.5).
pub const SUB_DELAY_MS: i64 = 200;

/// What a sales unit was approved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// Payments on the net: the eCom API.
    Ecom,
    /// Agreements and charges: the Recurring API.
    Recurring,
    /// Signing in: the Login API and Userinfo.
    Login,
}

/// What happens when the payer approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureType {
    /// The amount is reserved, and captured later by the merchant.
    Reserve,
    /// The amount is captured at once.
    Direct,
}

/// Whether the documented limits per minute hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum RateLimits {
    On,
    Off,
}

/// Which addresses the platform calls for a sales unit. It does not concern `fallBack`, which only
/// the payer's browser follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UrlPolicy {
    /// As the platform: public hosts, HTTPS.
    Strict,
    /// Also local and private hosts, there also by plain HTTP and on any port.
    Local,
}

/// Bounds on what a sales unit may ask for and receive. `None` is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The sum it may receive, counted over reservations and direct captures (error 32).
    pub receive: Option<Minor>,
    /// The sum it may ask for, counted over all that was initiated (error 33).
    pub request: Option<Minor>,
    /// How far its settlement account may be overdrawn by refunds (error 74).
    pub overdraft: Option<Minor>,
    /// What has left its settlement account already.
    pub paid_out: Minor,
}

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

/// Secrets stay out of logs and panics.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl SalesUnit {
    /// Whether payments were ever approved for it; a Login-only unit has none (error 97).
    pub fn takes_payments(&self) -> bool {
        self.products.contains(&Product::Ecom) || self.products.contains(&Product::Recurring)
    }
}
