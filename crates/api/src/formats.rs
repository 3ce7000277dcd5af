//! The shapes of errors that several APIs share (reference: platform.md §4.2, formats A, B, C).

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use sandkasse_gate::GateCause;

use crate::{Answer, Call};

const JSON: &str = "application/json";

/// Format A: the stock gateway prints it with blanks inside.
pub fn gateway(status: u16, message: &str) -> Answer {
    let body = format!(r#"{{ "statusCode": {status}, "message": "{message}" }}"#);
    Answer::new(status, JSON, body)
}

pub(crate) fn not_found() -> Answer {
    gateway(404, "Resource not found")
}

/// Our own: a documented operation that is not built yet.
pub(crate) fn not_built() -> Answer {
    gateway(501, "Not implemented")
}

/// Formats A, B and C: what every API answers to a cause of the gate, except to a wrong MSN, which
/// each words in its own format.
///
/// `api` is the first part of the API's path, named in the challenge of a 401.
pub(crate) fn refused_by_gate(call: &Call<'_>, cause: &GateCause, api: &str) -> Option<Answer> {
    let challenge = |answer: Answer| {
        let base = call.platform.base(call.environment);
        let challenge = format!(
            r#"AzureApiManagementKey realm="{base}/{api}",name="Ocp-Apim-Subscription-Key",type="header""#
        );
        answer.with(WWW_AUTHENTICATE, &challenge)
    };
    Some(match cause {
        GateCause::RouteUnknown { .. } | GateCause::MethodUnknown { .. } => not_found(),
        GateCause::SubscriptionKeyMissing { .. } => challenge(gateway(
            401,
            "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.",
        )),
        GateCause::SubscriptionKeyUnknown | GateCause::SubscriptionKeyProduct { .. } => {
            challenge(gateway(
                401,
                "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
            ))
        }
        // Format B, seen in November 2022.
        GateCause::Token { .. } => Answer::new(
            401,
            JSON,
            r#"{"responseInfo":{"responseCode":401,"responseMessage":"Something went wrong, please try again later."},"result":{"message":"Something went wrong, please try again later."}}"#,
        ),
        // Format C, seen in December 2021: an object, not an array.
        GateCause::KeysOfDifferentOwners { .. } => {
            let context_id = call.platform.engine.chance.uuid();
            Answer::new(
                401,
                JSON,
                format!(
                    r#"{{"errorCode":"Unauthorized","errorMessage":"Subscription not found","contextId":"{context_id}"}}"#
                ),
            )
        }
        GateCause::RateExceeded { retry_after, .. } => {
            let seconds = retry_after.as_secs();
            gateway(
                429,
                &format!("Rate limit is exceeded. Try again in {seconds} seconds."),
            )
            .with(RETRY_AFTER, &seconds.to_string())
        }
        GateCause::KeysWithoutRight | GateCause::MsnNotYours { .. } => return None,
    })
}

/// The text about a wrong MSN, the same on every payment API (reference: platform.md §5).
pub(crate) fn msn_text(msn: &str) -> String {
    format!(
        "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
    )
}
