//! What Userinfo answers to each cause: problem details, with the status as a string.

use http::header::CONTENT_LANGUAGE;
use sandkasse_engine::faults::Fault;
use serde::Serialize;

use super::UserinfoCause;
use crate::{Answer, Call, Why, fault, formats};

#[derive(Serialize)]
struct Problem {
    r#type: String,
    title: &'static str,
    status: String,
    detail: String,
    instance: String,
}

pub(super) fn answer(call: &Call<'_>, why: &Why) -> Answer {
    if let Why::Struck(struck) = why
        && let Some(answer) = fault::answer(*struck)
    {
        return answer;
    }
    let (status, detail) = match why {
        Why::Gate(cause) => match formats::refused_by_gate(call, cause, "vipps-userinfo-api") {
            Some(answer) => return answer,
            None => {
                let no_access = || (403, "These keys have no access to this API.".to_owned());
                formats::msn_refusal(cause).unwrap_or_else(no_access)
            }
        },
        Why::Userinfo(cause) => match cause {
            UserinfoCause::LoginNotActivated => (
                403,
                "Login is not activated for this sales unit.".to_owned(),
            ),
            UserinfoCause::SubFormat => (400, "sub must be a UUID.".to_owned()),
            UserinfoCause::SubUnknown => (404, "The sub was not found.".to_owned()),
            // The gateway's own form, as for every token that does not count.
            UserinfoCause::NotOfLogin => return formats::token_rejected(),
            UserinfoCause::SessionOver => (
                403,
                "The user's data was available for 168 hours after the consent. That time is over."
                    .to_owned(),
            ),
        },
        Why::Struck(Fault::TooManyConcurrent) => {
            (429, "Too many concurrent requests. See the FAQ.".to_owned())
        }
        Why::Body(_)
        | Why::Fields(_)
        | Why::Payment(_)
        | Why::Token(_)
        | Why::Epayment(_)
        | Why::OrderManagement(_)
        | Why::Qr(_)
        | Why::Report(_)
        | Why::Checkout(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Fault(_)
        | Why::Struck(_) => (
            500,
            "Something went wrong. Please try again later.".to_owned(),
        ),
    };
    let title = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    };
    let problem = Problem {
        r#type: format!("https://httpstatuses.io/{status}"),
        title,
        status: status.to_string(),
        detail,
        instance: format!("urn:uuid:{}", call.platform.engine.chance.uuid()),
    };
    let body = serde_json::to_string(&problem).expect("plain structs always serialise");
    Answer::new(status, "application/problem+json", body).with(CONTENT_LANGUAGE, "en")
}
