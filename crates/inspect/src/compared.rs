//! What was expected and what came.

use sandkasse_api::{BodyFault, Why, token::TokenCause};
use sandkasse_gate::{GateCause, TokenFault};
use serde::Serialize;

use crate::Record;

/// What was expected and what came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Of what.
    pub what: &'static str,
    /// What would have passed.
    pub expected: String,
    /// What came. Of secrets only the beginning.
    pub received: String,
}

pub(crate) fn compared(record: &Record, why: &Why) -> Vec<Compared> {
    let one = |what, expected: String, received: String| {
        vec![Compared {
            what,
            expected,
            received,
        }]
    };
    let header = |name: &str| record.header(name).unwrap_or("nothing").to_owned();
    match why {
        Why::Gate(cause) => match cause {
            GateCause::RouteUnknown { path } => one("path", "a known one".to_owned(), path.clone()),
            GateCause::MethodUnknown {
                method, allowed, ..
            } => one("method", allowed.to_string(), method.clone()),
            GateCause::SubscriptionKeyMissing { misspelt } => one(
                "header",
                "Ocp-Apim-Subscription-Key".to_owned(),
                misspelt.clone().unwrap_or_else(|| "nothing".to_owned()),
            ),
            GateCause::SubscriptionKeyUnknown { .. } | GateCause::SubscriptionKeyProduct { .. } => {
                one(
                    "Ocp-Apim-Subscription-Key",
                    format!("a live key of the {} environment", record.environment),
                    header("ocp-apim-subscription-key"),
                )
            }
            GateCause::Token {
                fault:
                    TokenFault::Missing {
                        misspelt: Some(sent),
                    },
            } => one("header", "Authorization".to_owned(), sent.clone()),
            GateCause::Token { .. } => one(
                "Authorization",
                "Bearer, one space, and a live access token".to_owned(),
                header("authorization"),
            ),
            GateCause::RateExceeded { limit, about, .. } => one(
                "calls a minute",
                format!("at most {limit} for {about}"),
                "more".to_owned(),
            ),
            GateCause::MsnNotYours { msn, yours, .. } => {
                one("sales unit", yours.to_string(), msn.clone())
            }
            GateCause::PartnerMsnMissing { misspelt, in_body } => one(
                "header",
                "Merchant-Serial-Number".to_owned(),
                match (misspelt, in_body) {
                    (Some(sent), _) => sent.clone(),
                    (None, Some(msn)) => format!("{msn} in the body only"),
                    (None, None) => "nothing".to_owned(),
                },
            ),
            GateCause::PartnerMsnUnknown { msn, .. } | GateCause::PartnerMsn { msn, .. } => one(
                "sales unit",
                "one that is linked to this partner, the same in header and body".to_owned(),
                msn.clone(),
            ),
            GateCause::KeysOfDifferentOwners { .. }
            | GateCause::KeysWithoutRight { .. }
            | GateCause::Standing { .. } => Vec::new(),
        },
        Why::Body(BodyFault::Type {
            expected, received, ..
        }) => one("JSON type", expected.to_string(), received.to_string()),
        Why::Body(BodyFault::MemberCase { expected, received }) => {
            one("member", expected.clone(), received.clone())
        }
        Why::Fields(faults) => faults
            .iter()
            .map(|fault| Compared {
                what: "member",
                expected: format!("{}: {}", fault.code, fault.text),
                received: fault.detail.clone(),
            })
            .collect(),
        Why::Token(TokenCause::GrantType { received }) => one(
            "grant_type",
            "client_credentials".to_owned(),
            received.clone(),
        ),
        Why::Body(_)
        | Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::Epayment(_)
        | Why::OrderManagement(_)
        | Why::Qr(_)
        | Why::Report(_)
        | Why::Checkout(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Struck(_)
        | Why::Fault(_) => Vec::new(),
    }
}
