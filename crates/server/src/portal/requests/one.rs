//! One call of a merchant.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_gate::Step as Check;
use sandkasse_inspect::{Explanation, HttpCall, Reader, Record, ShownHeader, Step};
use serde::Deserialize;

use super::{
    diff::{Pair, beside},
    filters,
    pretty::pretty,
    row::Row,
    sorry,
};
use crate::{
    control::Control,
    portal::{
        shell::{self, Frame, Part},
        visitor::{Posted, Turned, Visitor},
        visitors::Role,
    },
};

/// A check of the gate, as it is drawn.
struct Stop {
    name: &'static str,
    /// `passed`, `failed` or `unreached`.
    state: &'static str,
    words: &'static str,
    saw: String,
}

/// A step of the remedy.
struct Line {
    what: String,
    curl: Option<String>,
}

#[derive(Template)]
#[template(path = "portal/request.html")]
struct Page<'a> {
    frame: Frame<'a>,
    id: &'a str,
    row: Row,
    record: &'a Record,
    caller: Option<String>,
    stops: Vec<Stop>,
    explanation: Option<Explanation>,
    steps: Vec<Line>,
    beside: Vec<Pair>,
    curl: String,
    headers: Vec<ShownHeader>,
    body: String,
    answer_headers: Vec<ShownHeader>,
    answer_body: String,
    notes: Vec<String>,
    may_send: bool,
    /// The sales unit whose keys are proposed.
    keys_of: String,
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    let record = match control.recorded(&id) {
        Ok(record) => record,
        Err(problem) => return sorry(&visitor, "There is no such call", &problem),
    };
    let inspector = &control.inspector;
    let explanation = inspector.explain(&id, &Reader::Administrator).await;
    let sent = record.sent(control.platform.base(record.environment));
    let frame = Frame::new("Request", Part::Requests, Some(&visitor));
    let page = Page {
        frame: frame.with(&["inspector"]),
        id: &id,
        row: Row::of(&control, &record),
        caller: record.client_described(),
        stops: stops(&record),
        steps: explanation.as_ref().map(steps).unwrap_or_default(),
        beside: explanation
            .as_ref()
            .map(|it| corrected(it, &sent))
            .unwrap_or_default(),
        explanation,
        curl: sent.curl(),
        headers: record.headers().map(ShownHeader::from).collect(),
        body: pretty(record.body()),
        answer_headers: record.answer_headers().map(ShownHeader::from).collect(),
        answer_body: pretty(record.answer_body()),
        notes: record.notes(),
        may_send: visitor.at_least(Role::Developer).is_ok(),
        keys_of: control
            .named_by(&record)
            .map_or_else(String::new, |it| it.to_string()),
        record: &record,
    };
    shell::page(StatusCode::OK, &page)
}

/// All checks in the order of the platform: those that were made, and those behind the failed one.
fn stops(record: &Record) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    let mut failed = None;
    for check in record.checks() {
        let (state, words) = if check.passed {
            ("passed", "passed")
        } else {
            failed = Some(check.step);
            ("failed", "failed")
        };
        stops.push(Stop {
            name: check.step.name(),
            state,
            words,
            saw: check.saw.to_owned(),
        });
    }
    let behind = Check::ALL
        .into_iter()
        .filter(|it| failed.is_some_and(|at| *it > at));
    stops.extend(behind.map(|it| Stop {
        name: it.name(),
        state: "unreached",
        words: "not reached",
        saw: String::new(),
    }));
    stops
}

fn steps(it: &Explanation) -> Vec<Line> {
    let line = |step: &Step| match step {
        Step::Control { what, call, .. } | Step::Call { what, call, .. } => Line {
            what: what.clone(),
            curl: Some(call.curl()),
        },
        Step::Wait { seconds } => Line {
            what: format!("Wait {seconds} seconds."),
            curl: None,
        },
        Step::Send { call } => Line {
            what: "Send the corrected request:".to_owned(),
            curl: Some(call.curl()),
        },
    };
    it.remedy.steps.iter().map(line).collect()
}

/// The request beside the one that the remedy sends in its place.
fn corrected(it: &Explanation, sent: &HttpCall) -> Vec<Pair> {
    let right = it.remedy.steps.iter().rev().find_map(|step| match step {
        Step::Send { call } => Some(call),
        Step::Control { .. } | Step::Call { .. } | Step::Wait { .. } => None,
    });
    right
        .map(|right| beside(&lines(sent), &lines(right)))
        .unwrap_or_default()
}

/// A request, line by line; its headers by name, so that only real differences are some.
fn lines(call: &HttpCall) -> Vec<String> {
    let mut headers: Vec<String> = call
        .headers
        .iter()
        .map(|(name, value)| format!("{}: {value}", name.to_ascii_lowercase()))
        .collect();
    headers.sort();
    let mut lines = vec![format!("{} {}{}", call.method, call.base, call.path)];
    lines.extend(headers);
    if let Some(body) = call.body_text() {
        lines.push(String::new());
        lines.extend(pretty(&body).lines().map(str::to_owned));
    }
    lines
}

/// With whose keys.
#[derive(Debug, Deserialize)]
pub(super) struct Again {
    #[serde(default)]
    msn: String,
}

pub(super) async fn again(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    Posted(visitor, said): Posted<Again>,
) -> Result<Response, Turned> {
    visitor.at_least(Role::Developer)?;
    let title = "It could not be sent again";
    let msn = match said.msn.trim() {
        "" => None,
        text => match sandkasse_domain::Msn::try_new(text) {
            Some(msn) => Some(msn),
            None => {
                let why = format!("“{text}” is no sales unit number: four to seven digits.");
                return Err(Turned::Unreadable(why));
            }
        },
    };
    let record = match control.recorded(&id) {
        Ok(record) => record,
        Err(problem) => return Ok(sorry(&visitor, title, &problem)),
    };
    Ok(match control.send_again(&record, msn.as_ref()).await {
        Ok((id, _)) => shell::see_other(&format!("/requests/{id}")),
        Err(problem) => sorry(&visitor, title, &problem),
    })
}
