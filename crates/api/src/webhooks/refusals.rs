//! What Webhooks answers to each cause: problem details with the trace id in `type`, as in the
//! published example (reference: webhooks.md §5).

use std::borrow::Cow;

use http::header::CONTENT_LANGUAGE;
use sandkasse_engine::faults::Fault;
use serde::Serialize;

use crate::{Answer, BodyFault, Call, Why, fault, formats};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    r#type: &'a str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    trace_id: &'a str,
    extra_details: Vec<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    name: Cow<'a, str>,
    reason: Cow<'a, str>,
}

/// Of every 400.
const VALIDATION: &str = "One or more validation errors occurred.";

pub(super) fn answer(call: &Call<'_>, why: &Why) -> Answer {
    if let Why::Struck(struck) = why
        && let Some(answer) = fault::answer(*struck)
    {
        return answer;
    }
    let invalid = || (400, VALIDATION.to_owned());
    let (status, detail) = match why {
        Why::Gate(cause) => match formats::refused_by_gate(call, cause, "webhooks") {
            Some(answer) => return answer,
            None => {
                let no_access = || {
                    (
                        403,
                        "These keys have no access to the Webhooks API.".to_owned(),
                    )
                };
                formats::msn_refusal(cause).unwrap_or_else(no_access)
            }
        },
        Why::Body(_) | Why::Fields(_) => invalid(),
        Why::Struck(Fault::TooManyConcurrent) => {
            (429, "Too many concurrent requests. See the FAQ.".to_owned())
        }
        Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
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
        429 => "Too Many Requests",
        _ => "Internal Server Error",
    };
    let trace = call.platform.engine.chance.uuid().simple().to_string();
    let span = call.platform.engine.chance.uuid().simple().to_string();
    let trace = format!("00-{trace}-{}-00", span.get(..16).unwrap_or_default());
    let (path, _query) = call
        .request
        .path
        .split_once('?')
        .unwrap_or((&call.request.path, ""));
    // The API stands behind the gateway, which takes the first part of the path away.
    let instance = path
        .get(1..)
        .and_then(|path| path.find('/').and_then(|at| path.get(at..)));
    let problem = Problem {
        r#type: &trace,
        title,
        status,
        detail: &detail,
        instance: instance.unwrap_or(path),
        trace_id: &trace,
        extra_details: details(why),
    };
    let body = serde_json::to_string(&problem).expect("plain structs always serialise");
    Answer::new(status, "application/problem+json", body).with(CONTENT_LANGUAGE, "en")
}

fn details(why: &Why) -> Vec<Detail<'_>> {
    match why {
        Why::Fields(faults) => faults
            .iter()
            .map(|fault| Detail {
                name: Cow::Borrowed(&fault.code),
                reason: Cow::Borrowed(&fault.text),
            })
            .collect(),
        Why::Body(fault) => vec![of_body(fault)],
        Why::Gate(_)
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
        | Why::Fault(_)
        | Why::Struck(_) => Vec::new(),
    }
}

fn of_body(fault: &BodyFault) -> Detail<'_> {
    let (name, reason): (Cow<'_, str>, Cow<'_, str>) = match fault {
        BodyFault::Syntax { .. } => ("$".into(), "The body is not valid JSON.".into()),
        BodyFault::Depth => ("$".into(), "The body is nested too deep.".into()),
        BodyFault::Type { member, .. } if member == "body" => {
            ("$".into(), "The body must be a JSON object.".into())
        }
        BodyFault::Type {
            member, expected, ..
        } => {
            let member = member.split('[').next().unwrap_or(member);
            let expected = if member == "events" {
                "an array of strings".to_owned()
            } else {
                format!("a {expected}")
            };
            (
                member.into(),
                format!("The value must be {expected}.").into(),
            )
        }
        // To the platform the member is not there.
        BodyFault::MemberCase { expected, .. } => (
            expected.as_str().into(),
            "The property is required and cannot be null or empty.".into(),
        ),
    };
    Detail { name, reason }
}
