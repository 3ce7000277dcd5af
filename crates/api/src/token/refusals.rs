//! What the token endpoints answer to each cause: the identity provider's own form.
//!
//! Statuses and the text of 700016 were published in November 2022; a wrong `client_id` is 400, a
//! wrong secret 401 (reference: access-token.md C-1).

use sandkasse_domain::Environment;
use sandkasse_engine::faults::Fault;
use serde::Serialize;

use super::{TokenCause, uncached};
use crate::{Answer, Call, Why, fault, formats};

#[derive(Serialize)]
struct Refusal {
    error: &'static str,
    error_description: String,
    error_codes: [u32; 1],
    timestamp: String,
    trace_id: String,
    correlation_id: String,
    error_uri: String,
}

pub(super) fn answer(call: &Call<'_>, why: &Why) -> Answer {
    let answer = match why {
        Why::Gate(cause) => formats::refused_by_gate(call, cause, "accesstoken")
            .unwrap_or_else(|| formats::gateway(401, "Unauthorized")),
        Why::Token(cause) => refusal(call, cause),
        Why::Struck(struck) => match fault::answer(*struck) {
            // The gateway's and the network's own.
            Some(answer) => return answer,
            None if *struck == Fault::TooManyConcurrent => {
                formats::gateway(429, "Too many concurrent requests. See the FAQ.")
            }
            None => formats::gateway(500, "Internal server error"),
        },
        Why::Body(_)
        | Why::Fields(_)
        | Why::Payment(_)
        | Why::Userinfo(_)
        | Why::Epayment(_)
        | Why::OrderManagement(_)
        | Why::Qr(_)
        | Why::Report(_)
        | Why::Checkout(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Fault(_) => formats::gateway(500, "Internal server error"),
    };
    uncached(answer)
}

fn refusal(call: &Call<'_>, cause: &TokenCause) -> Answer {
    let (status, error, code, text) = match cause {
        TokenCause::ClientIdMissing { .. } => (
            400,
            "invalid_request",
            900_144,
            "The request body must contain the following parameter: 'client_id'.".to_owned(),
        ),
        TokenCause::ClientUnknown { client_id, .. } | TokenCause::WrongEndpoint { client_id } => {
            let directory = match call.environment {
                Environment::Test => "VIPPS-TEST",
                Environment::Production => "VIPPS",
            };
            let text = format!(
                "Application with identifier '{client_id}' was not found in the directory '{directory}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
            );
            (400, "unauthorized_client", 700_016, text)
        }
        TokenCause::SecretMissing { .. } => (
            401,
            "invalid_client",
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
                .to_owned(),
        ),
        TokenCause::SecretWrong { .. } => {
            (401, "invalid_client", 7_000_215, "Invalid client secret provided.".to_owned())
        }
        TokenCause::GrantType { .. } => (
            400,
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type.".to_owned(),
        ),
    };
    let engine = &call.platform.engine;
    let timestamp = engine
        .clock
        .now()
        .strftime("%Y-%m-%d %H:%M:%SZ")
        .to_string();
    let (trace_id, correlation_id) = (
        engine.chance.uuid().to_string(),
        engine.chance.uuid().to_string(),
    );
    let refusal = Refusal {
        error,
        error_description: format!(
            "AADSTS{code}: {text}\r\nTrace ID: {trace_id}\r\nCorrelation ID: {correlation_id}\r\nTimestamp: {timestamp}"
        ),
        error_codes: [code],
        timestamp,
        trace_id,
        correlation_id,
        error_uri: format!("https://login.windows.net/error?code={code}"),
    };
    let body = serde_json::to_string(&refusal).expect("plain structs always serialise");
    Answer::new(status, "application/json; charset=utf-8", body)
}
