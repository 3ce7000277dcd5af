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

/// Format B, seen in November 2022.
pub(crate) fn token_rejected() -> Answer {
    Answer::new(
        401,
        JSON,
        r#"{"responseInfo":{"responseCode":401,"responseMessage":"Something went wrong, please try again later."},"result":{"message":"Something went wrong, please try again later."}}"#,
    )
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
        GateCause::SubscriptionKeyUnknown { .. } | GateCause::SubscriptionKeyProduct { .. } => {
            challenge(gateway(
                401,
                "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
            ))
        }
        GateCause::Token { .. } => token_rejected(),
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
        GateCause::KeysWithoutRight { .. }
        | GateCause::MsnNotYours { .. }
        | GateCause::PartnerMsnMissing { .. }
        | GateCause::PartnerMsnUnknown { .. }
        | GateCause::PartnerMsn { .. }
        | GateCause::Standing { .. } => return None,
    })
}

/// Status and text about a wrong MSN, the same on every payment API, each in its own format
/// (reference: platform.md §5). `None` for every other cause.
pub(crate) fn msn_refusal(cause: &GateCause) -> Option<(u16, String)> {
    const OTHER_ENVIRONMENT: &str =
        "Check that you are using the correct credentials for the right environment.";
    let check_keys = |msn: &str| {
        format!(
            "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
        )
    };
    // The FAQ of 2023-06-13 writes `supermerchant ID`; the wire had a small `id` in 2022.
    Some(match cause {
        GateCause::MsnNotYours { msn, .. } => (401, check_keys(msn)),
        GateCause::PartnerMsn { msn, .. } => (403, check_keys(msn)),
        GateCause::PartnerMsnUnknown { msn, .. } => (
            403,
            format!(
                "Invalid MSN: {msn}. This MSN is not valid for the provided supermerchant ID. {OTHER_ENVIRONMENT}"
            ),
        ),
        GateCause::PartnerMsnMissing { .. } => (
            403,
            format!(
                "Invalid MSN: This MSN is not valid for the provided supermerchant ID. {OTHER_ENVIRONMENT}"
            ),
        ),
        GateCause::RouteUnknown { .. }
        | GateCause::MethodUnknown { .. }
        | GateCause::SubscriptionKeyMissing { .. }
        | GateCause::SubscriptionKeyUnknown { .. }
        | GateCause::SubscriptionKeyProduct { .. }
        | GateCause::Token { .. }
        | GateCause::KeysOfDifferentOwners { .. }
        | GateCause::KeysWithoutRight { .. }
        | GateCause::RateExceeded { .. }
        | GateCause::Standing { .. } => return None,
    })
}
