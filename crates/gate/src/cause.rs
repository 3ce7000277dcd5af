//! Why the gate refused, finer than any status code.

use std::time::Duration;

use sandkasse_domain::{Timestamp, sales_unit::Product};
use serde::Serialize;

use crate::Step;

/// Why the gate refused a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum GateCause {
    /// No operation has this path.
    RouteUnknown { path: String },
    /// The path exists, the method does not.
    MethodUnknown {
        path: String,
        method: String,
        allowed: Vec<&'static str>,
    },
    /// No `Ocp-Apim-Subscription-Key`; `misspelt` is a header that was probably meant as one.
    SubscriptionKeyMissing { misspelt: Option<String> },
    /// The key is nobody's here.
    SubscriptionKeyUnknown,
    /// The key is a sales unit's that was not approved for this API.
    SubscriptionKeyProduct { msn: String, product: Product },
    /// The access token was refused.
    Token { fault: TokenFault },
    /// Token and subscription key are of different owners.
    KeysOfDifferentOwners { token_of: String, key_of: String },
    /// These keys have no right to this API.
    KeysWithoutRight,
    /// Too many calls.
    RateExceeded {
        operation: &'static str,
        limit: u32,
        retry_after: Duration,
    },
    /// The MSN is not the caller's.
    MsnNotYours {
        msn: String,
        yours: String,
        in_header: bool,
    },
}

/// What is wrong with an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum TokenFault {
    /// No `Authorization` header.
    Missing,
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
    Expired { at: Timestamp, now: Timestamp },
    /// Its time has not come.
    NotYet { from: Timestamp, now: Timestamp },
    /// The keys it was fetched with are gone.
    ClientGone { client_id: String },
}

impl GateCause {
    /// The check that found it.
    pub fn step(&self) -> Step {
        match self {
            GateCause::RouteUnknown { .. } | GateCause::MethodUnknown { .. } => Step::Route,
            GateCause::SubscriptionKeyMissing { .. } => Step::SubscriptionKey,
            GateCause::SubscriptionKeyUnknown | GateCause::SubscriptionKeyProduct { .. } => {
                Step::SubscriptionKeyValid
            }
            GateCause::Token { .. } => Step::Token,
            GateCause::KeysOfDifferentOwners { .. } => Step::SameOwner,
            GateCause::RateExceeded { .. } => Step::Rate,
            GateCause::KeysWithoutRight
            | GateCause::MsnNotYours {
                in_header: true, ..
            } => Step::MsnHeader,
            GateCause::MsnNotYours {
                in_header: false, ..
            } => Step::MsnBody,
        }
    }

    /// The id under which the reference lists the cause (errors-faq.md).
    pub fn id(&self) -> &'static str {
        match self {
            GateCause::RouteUnknown { .. } => "route.unknown",
            GateCause::MethodUnknown { .. } => "route.method",
            GateCause::SubscriptionKeyMissing { misspelt: Some(_) } => "header.misspelt",
            GateCause::SubscriptionKeyMissing { misspelt: None } => "subkey.missing",
            GateCause::SubscriptionKeyUnknown => "subkey.unknown",
            GateCause::SubscriptionKeyProduct { .. } => "subkey.product",
            GateCause::Token { fault } => fault.id(),
            GateCause::KeysOfDifferentOwners { .. } => "subkey.other_client",
            GateCause::KeysWithoutRight => "keys.without_right",
            GateCause::RateExceeded { .. } => "rate.exceeded",
            GateCause::MsnNotYours { .. } => "msn.not_yours",
        }
    }
}

impl TokenFault {
    fn id(&self) -> &'static str {
        match self {
            TokenFault::Missing => "token.missing",
            TokenFault::NoScheme => "token.no_scheme",
            TokenFault::SchemeCase { .. } => "token.scheme_case",
            TokenFault::Malformed { .. } => "token.malformed",
            TokenFault::Signature => "token.signature",
            TokenFault::OtherEnvironment => "token.other_environment",
            TokenFault::Expired { .. } => "token.expired",
            TokenFault::NotYet { .. } => "token.not_yet",
            TokenFault::ClientGone { .. } => "token.client_gone",
        }
    }
}
