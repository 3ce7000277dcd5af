//! Why the gate refused, finer than any status code.
//!
//! Every cause has an id, as the reference lists them (errors-faq.md). Some ids tell of stored keys
//! ("this key is the other environment's"); a reader who has not proved to hold such keys gets the
//! [`GateCause::public_id`] instead.

use std::time::Duration;

use sandkasse_domain::{Known, Msn, Timestamp, keys::KeyName, sales_unit::Product};
use serde::{Deserialize, Serialize};

use crate::{Step, closed::Standing};

/// Why the gate refused a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum GateCause {
    /// No operation has this path.
    RouteUnknown { path: String },
    /// The path exists, the method does not.
    MethodUnknown {
        path: String,
        method: String,
        allowed: Known,
    },
    /// No `Ocp-Apim-Subscription-Key`; `misspelt` is a header that was probably meant as one.
    SubscriptionKeyMissing { misspelt: Option<String> },
    /// The key is nobody's here.
    SubscriptionKeyUnknown { near: Option<KeyNear> },
    /// The key is a sales unit's that was not approved for this API.
    SubscriptionKeyProduct { msn: String, product: Product },
    /// The access token was refused.
    Token { fault: TokenFault },
    /// Token and subscription key are of different owners.
    KeysOfDifferentOwners {
        token_of: String,
        key_of: String,
        mix: KeyMix,
    },
    /// Keys of this kind have no right to this API.
    KeysWithoutRight { kind: Known },
    /// Too many calls.
    RateExceeded {
        id: Known,
        operation: Known,
        limit: u32,
        about: String,
        retry_after: Duration,
    },
    /// A sales unit's keys, and an MSN that is not its own.
    MsnNotYours {
        msn: String,
        yours: Msn,
        in_header: bool,
        /// What the caller is entitled to know of that MSN.
        is: Option<MsnIs>,
    },
    /// A partner's keys without the header `Merchant-Serial-Number`.
    PartnerMsnMissing {
        misspelt: Option<String>,
        in_body: Option<String>,
    },
    /// A partner's keys, and an MSN that nobody here has.
    PartnerMsnUnknown {
        msn: String,
        /// The other environment has it.
        elsewhere: bool,
    },
    /// A partner's keys, and an MSN it may not act for.
    PartnerMsn { msn: String, fault: PartnerFault },
    /// Merchant, sales unit or partner are not open for this.
    Standing { standing: Standing },
}

/// What an unknown subscription key nearly is. Tells of stored keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "near", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum KeyNear {
    /// It is alive in the other environment.
    OtherEnvironment { of: String },
    /// It was replaced.
    Regenerated {
        of: String,
        key: KeyName,
        at: Timestamp,
    },
    /// Without the blanks around it, or in lower case, it is alive here.
    Blanks { of: String },
}

/// How token and subscription key came to be of different owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyMix {
    /// The token and the MSN are of one owner, the subscription key of another.
    KeyOfOther,
    /// The subscription key and the MSN are of one owner, the token of another.
    TokenOfOther,
    /// The token was fetched with another owner's subscription key already.
    FetchedWithOther,
}

/// What a caller may know of an MSN that is not its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MsnIs {
    /// Another sales unit of the same merchant.
    OwnOther,
    /// A sales unit of the same merchant, in the other environment.
    OwnElsewhere,
}

/// Why a partner may not act for an MSN that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum PartnerFault {
    /// The sales unit is not linked to this partner.
    NotLinked,
    /// It is the partner's own number.
    OwnNumber,
    /// It is no number.
    NotDigits,
    /// The body names another one than the header.
    BodyDiffers { header: String },
}

/// What is wrong with an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum TokenFault {
    /// No `Authorization` header; `misspelt` is one that was probably meant as it.
    Missing { misspelt: Option<String> },
    /// The token stands there without the word `Bearer`.
    NoScheme,
    /// `bearer`, `BEARER`: values are case-sensitive.
    SchemeCase { received: String },
    /// It cannot be read as a JWT.
    Malformed { detail: String },
    /// Somebody else signed it, or it was changed.
    Signature,
    /// The other environment issued it.
    OtherEnvironment,
    /// Its time is over.
    Expired {
        at: Timestamp,
        now: Timestamp,
        /// How often it was used before, and since when: a token used for long is a cached one.
        used: Used,
    },
    /// Its time has not come.
    NotYet { from: Timestamp, now: Timestamp },
    /// The keys it was fetched with are gone.
    ClientGone { client_id: String },
}

/// How a token was used before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// So often, as far as this process remembers.
    pub times: u64,
    /// On the token's own clock.
    pub since: Option<Timestamp>,
}

impl GateCause {
    /// The check that found it.
    pub fn step(&self) -> Step {
        match self {
            GateCause::RouteUnknown { .. } | GateCause::MethodUnknown { .. } => Step::Route,
            GateCause::SubscriptionKeyMissing { .. } => Step::SubscriptionKey,
            GateCause::SubscriptionKeyUnknown { .. } | GateCause::SubscriptionKeyProduct { .. } => {
                Step::SubscriptionKeyValid
            }
            GateCause::Token { .. } => Step::Token,
            GateCause::KeysOfDifferentOwners { .. } => Step::SameOwner,
            GateCause::KeysWithoutRight { .. } => Step::KindOfKeys,
            GateCause::RateExceeded { .. } => Step::Rate,
            GateCause::PartnerMsn {
                fault: PartnerFault::BodyDiffers { .. },
                ..
            }
            | GateCause::MsnNotYours {
                in_header: false, ..
            } => Step::MsnBody,
            GateCause::MsnNotYours { .. }
            | GateCause::PartnerMsnMissing { .. }
            | GateCause::PartnerMsnUnknown { .. }
            | GateCause::PartnerMsn { .. } => Step::MsnHeader,
            GateCause::Standing { standing } => standing.step(),
        }
    }

    /// The id under which the reference lists the cause.
    pub fn id(&self) -> &'static str {
        match self {
            GateCause::SubscriptionKeyUnknown {
                near: Some(KeyNear::OtherEnvironment { .. }),
            } => "env.keys",
            GateCause::SubscriptionKeyUnknown {
                near: Some(KeyNear::Regenerated { .. }),
            } => "subkey.regenerated",
            GateCause::KeysOfDifferentOwners { mix, .. } => match mix {
                KeyMix::KeyOfOther => "subkey.other_client",
                KeyMix::TokenOfOther => "token.client_other_unit",
                KeyMix::FetchedWithOther => "subkey.changed",
            },
            GateCause::SubscriptionKeyProduct { .. } => "subkey.product",
            GateCause::RouteUnknown { .. }
            | GateCause::MethodUnknown { .. }
            | GateCause::SubscriptionKeyMissing { .. }
            | GateCause::SubscriptionKeyUnknown { .. }
            | GateCause::Token { .. }
            | GateCause::KeysWithoutRight { .. }
            | GateCause::RateExceeded { .. }
            | GateCause::MsnNotYours { .. }
            | GateCause::PartnerMsnMissing { .. }
            | GateCause::PartnerMsnUnknown { .. }
            | GateCause::PartnerMsn { .. }
            | GateCause::Standing { .. } => self.public_id(),
        }
    }

    /// The same as far as it follows from the request alone: what anybody may know who made it.
    pub fn public_id(&self) -> &'static str {
        match self {
            GateCause::RouteUnknown { .. } => "route.unknown",
            GateCause::MethodUnknown { .. } => "route.method",
            GateCause::SubscriptionKeyMissing { misspelt: Some(_) } => "header.misspelt",
            GateCause::SubscriptionKeyMissing { misspelt: None } => "subkey.missing",
            // On the wire a key without the product is as unknown as one that nobody has.
            GateCause::SubscriptionKeyUnknown { .. } | GateCause::SubscriptionKeyProduct { .. } => {
                "subkey.unknown"
            }
            GateCause::Token { fault } => fault.id(),
            GateCause::KeysOfDifferentOwners { .. } => "subkey.other_client",
            GateCause::KeysWithoutRight { .. } => "keys.without_right",
            GateCause::RateExceeded { id, .. } => id.0,
            GateCause::MsnNotYours {
                is: Some(MsnIs::OwnElsewhere),
                ..
            } => "env.msn",
            GateCause::MsnNotYours { .. } => "msn.not_yours",
            GateCause::PartnerMsnMissing {
                misspelt: Some(_), ..
            } => "header.misspelt",
            GateCause::PartnerMsnMissing {
                in_body: Some(_), ..
            } => "partner.msn_in_body_only",
            GateCause::PartnerMsnMissing { .. } => "partner.msn_missing",
            GateCause::PartnerMsnUnknown {
                elsewhere: true, ..
            } => "env.msn",
            GateCause::PartnerMsnUnknown { .. } => "partner.msn_unknown",
            GateCause::PartnerMsn {
                fault: PartnerFault::NotLinked,
                ..
            } => "partner.not_linked",
            GateCause::PartnerMsn { .. } => "partner.header_mismatch",
            GateCause::Standing { standing } => standing.id(),
        }
    }
}

impl TokenFault {
    fn id(&self) -> &'static str {
        match self {
            TokenFault::Missing { misspelt: Some(_) } => "header.misspelt",
            TokenFault::Missing { misspelt: None } => "token.missing",
            TokenFault::NoScheme => "token.no_scheme",
            TokenFault::SchemeCase { .. } => "token.scheme_case",
            TokenFault::Malformed { .. } => "token.malformed",
            TokenFault::Signature => "token.signature",
            TokenFault::OtherEnvironment => "env.keys",
            TokenFault::Expired { .. } => "token.expired",
            TokenFault::NotYet { .. } => "token.not_yet",
            TokenFault::ClientGone { .. } => "token.client_gone",
        }
    }
}

impl From<TokenFault> for GateCause {
    fn from(fault: TokenFault) -> GateCause {
        GateCause::Token { fault }
    }
}

impl From<Standing> for GateCause {
    fn from(standing: Standing) -> GateCause {
        GateCause::Standing { standing }
    }
}
