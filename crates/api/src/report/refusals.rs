//! What Report answers to each cause (reference: report.md §5).

use http::header::CONTENT_LANGUAGE;
use sandkasse_engine::faults::Fault;
use serde::Serialize;

use super::{JSON, ReportCause};
use crate::{Answer, Call, Why, fault, formats};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    error_code: u32,
    error_message: &'a str,
    context_id: String,
}

#[derive(Serialize)]
struct Problem {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    instance: String,
}

pub(super) fn answer(call: &Call<'_>, why: &Why) -> Answer {
    if let Why::Struck(struck) = why
        && let Some(answer) = fault::answer(*struck)
    {
        return answer;
    }
    match why {
        Why::Gate(cause) => match formats::refused_by_gate(call, cause, "report") {
            Some(answer) => answer,
            None => forbidden(call),
        },
        // Literal. Only such a token is renewed every quarter of an hour.
        Why::Report(ReportCause::AccountingTokenExpired) => Answer::new(
            401,
            JSON,
            r#"{"code":"Unauthorized","message":"Please check your API keys"}"#,
        ),
        Why::Report(ReportCause::NoGrant) => forbidden(call),
        // The document has 500; its number says that the input is wrong.
        Why::Fields(faults) => {
            let text = faults.first().map_or("", |fault| &fault.text);
            failure(call, 400, 10_002, text)
        }
        Why::Struck(Fault::TooManyConcurrent) => {
            formats::gateway(429, "Too many concurrent requests. See the FAQ.")
        }
        Why::Body(_)
        | Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::OrderManagement(_)
        | Why::Qr(_)
        | Why::Checkout(_)
        | Why::Epayment(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Fault(_)
        | Why::Struck(_) => failure(call, 500, 10_001, "Unknown error. Please try again later."),
    }
}

fn failure(call: &Call<'_>, status: u16, error_code: u32, error_message: &str) -> Answer {
    let failure = Failure {
        error_code,
        error_message,
        context_id: call.platform.engine.chance.uuid().to_string(),
    };
    let body = serde_json::to_string(&failure).expect("plain structs always serialise");
    Answer::new(status, JSON, body)
}

fn forbidden(call: &Call<'_>) -> Answer {
    let problem = Problem {
        r#type: "https://httpstatuses.io/403",
        title: "Forbidden",
        status: 403,
        detail: "Forbidden",
        instance: format!("urn:uuid:{}", call.platform.engine.chance.uuid()),
    };
    let body = serde_json::to_string(&problem).expect("plain structs always serialise");
    Answer::new(403, "application/problem+json", body).with(CONTENT_LANGUAGE, "en")
}
