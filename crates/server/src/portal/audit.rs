//! The audit log, for admins.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use sandkasse_engine::audit::{Line, Verdict};
use serde::Deserialize;

use super::{
    said::filters,
    shell::{self, Frame, Part},
    visitor::Visitor,
    visitors::Role,
};
use crate::control::{Control, Problem};

/// So many lines on a page.
const LINES: usize = 50;

#[derive(Template)]
#[template(path = "portal/audit.html")]
struct Page<'a> {
    frame: Frame<'a>,
    chain: Verdict,
    lines: Vec<Row>,
    /// The last number of this page, if there are more.
    older: Option<u64>,
}

struct Row {
    line: Line,
    before: String,
    after: String,
}

/// Which part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    before: Option<u64>,
}

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/audit", get(show))
}

async fn show(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Response {
    if let Err(turned) = visitor.at_least(Role::Admin) {
        return turned.into_response();
    }
    match page(&control, &visitor, wanted.before).await {
        Ok(page) => page,
        Err(problem) => problem.into_response(),
    }
}

async fn page(
    control: &Control,
    visitor: &Visitor,
    before: Option<u64>,
) -> Result<Response, Problem> {
    let audit = &control.platform.engine.audit;
    let lines = audit.lines(before, LINES).await?;
    let chain = audit.verify().await?;
    let last = lines.last().map(|line| line.number);
    let older = last.filter(|last| chain.first.is_some_and(|first| first < *last));
    let text = |value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .map_or_else(String::new, serde_json::Value::to_string)
    };
    let lines = lines
        .into_iter()
        .map(|line| Row {
            before: text(&line.entry.before),
            after: text(&line.entry.after),
            line,
        })
        .collect();
    let page = Page {
        frame: Frame::new("Audit log", Part::Audit, Some(visitor)),
        chain,
        lines,
        older,
    };
    Ok(shell::page(StatusCode::OK, &page))
}
