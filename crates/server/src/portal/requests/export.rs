//! The list, or one call, as a file.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query as Asked, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use sandkasse_inspect::Record;
use serde_json::Value;

use super::{list::Query, sorry};
use crate::{
    control::{Control, Problem},
    portal::{shell, visitor::Visitor},
};

/// So many calls are in a file.
const MOST: usize = 1000;

fn chosen(control: &Control, query: &Query) -> Result<Vec<Arc<Record>>, Problem> {
    if query.id.is_empty() {
        let found = control.calls_found(&query.wanted().0, None, MOST);
        return Ok(found.records);
    }
    control.recorded(&query.id).map(|record| vec![record])
}

fn file(content: &Value, disposition: &'static str) -> Response {
    let mut headers = shell::secured("application/json");
    let disposition = HeaderValue::from_static(disposition);
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    (headers, Json(content).into_response().into_body()).into_response()
}

pub(super) async fn har(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Asked(query): Asked<Query>,
) -> Response {
    match chosen(&control, &query) {
        Ok(records) => file(
            &control.har(&records),
            "attachment; filename=\"sandkasse.har\"",
        ),
        Err(problem) => sorry(&visitor, "There is no such call", &problem),
    }
}

pub(super) async fn postman(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Asked(query): Asked<Query>,
) -> Response {
    match chosen(&control, &query) {
        Ok(records) => file(
            &control.postman(&records),
            "attachment; filename=\"sandkasse.postman.json\"",
        ),
        Err(problem) => sorry(&visitor, "There is no such call", &problem),
    }
}
