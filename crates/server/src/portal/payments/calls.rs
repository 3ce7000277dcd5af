//! What the merchant was sent about a payment, and what came of it.

use sandkasse_store::{CallFailure, CallRecord, CallState, Purpose};

use crate::portal::show::When;

/// One call.
pub(super) struct CallLine {
    pub(super) purpose: &'static str,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) sends_authorization: bool,
    pub(super) class: &'static str,
    pub(super) outcome: String,
    pub(super) at: When,
    pub(super) duration_ms: Option<u64>,
    pub(super) body: Option<String>,
    pub(super) answer: Option<String>,
}

impl CallLine {
    pub(super) fn of(record: &CallRecord) -> CallLine {
        let call = &record.call;
        let (class, outcome, at) = match &record.state {
            CallState::Owed => ("info", "not sent yet".to_owned(), call.owed_at),
            CallState::Begun { at } => ("info", "being sent".to_owned(), *at),
            CallState::Interrupted { at } => (
                "warn",
                "interrupted when the platform stopped; never repeated, because the merchant may have got it"
                    .to_owned(),
                *at,
            ),
            CallState::Done { at, outcome } => match (&outcome.failure, outcome.status) {
                (Some(failure), _) => ("bad", words(failure), *at),
                (None, Some(status)) => ("good", format!("answered {status}"), *at),
                (None, None) => ("good", "answered".to_owned(), *at),
            },
        };
        let outcome_of = match &record.state {
            CallState::Done { outcome, .. } => Some(outcome),
            CallState::Owed | CallState::Begun { .. } | CallState::Interrupted { .. } => None,
        };
        CallLine {
            purpose: match call.purpose {
                Purpose::PaymentCallback => "Callback",
                Purpose::ShippingDetails => "Shipping details",
                Purpose::ConsentRemoval => "Consent removal",
            },
            method: call.method.clone(),
            url: call.url.clone(),
            sends_authorization: call.authorization.is_some(),
            class,
            outcome,
            at: at.into(),
            duration_ms: outcome_of.map(|outcome| outcome.duration_ms),
            body: call.body.clone(),
            answer: outcome_of
                .and_then(|outcome| outcome.answer.clone())
                .filter(|answer| !answer.is_empty()),
        }
    }
}

/// Why a call failed, in words.
pub(crate) fn words(failure: &CallFailure) -> String {
    match failure {
        CallFailure::Dns { host, detail } => format!("{host} has no address: {detail}"),
        CallFailure::Forbidden { target, rule } => {
            format!("{target} may not be called for this sales unit: {rule}")
        }
        CallFailure::Refused { target, detail } => format!("no connection to {target}: {detail}"),
        CallFailure::Tls { detail } => format!("TLS failed: {detail}"),
        CallFailure::Timeout { limit_ms } => format!("no whole answer within {limit_ms} ms"),
        CallFailure::Redirect { location } => format!(
            "answered with a redirect{}, which is never followed",
            location
                .as_ref()
                .map_or_else(String::new, |to| format!(" to {to}"))
        ),
        CallFailure::Status { status } => format!("answered {status}"),
        CallFailure::Broken { detail } => format!("the answer was no HTTP: {detail}"),
        CallFailure::BadUrl { detail } => format!("the URL cannot be called: {detail}"),
    }
}
