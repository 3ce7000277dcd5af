//! What was called, and why it was refused: the inspector's journal.

use std::sync::Arc;

use axum::{Json, extract::State};
use sandkasse_api::{Route, find};
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_inspect::{Explanation, Fill, LedgerRow, Reader, Record, ShownHeader, ledger};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, Named},
    schemas,
    wanted::RequestFilter,
};

/// So many are listed unless more are asked for.
const USUAL: usize = 100;
/// No more are listed at once.
pub(super) const MOST: usize = 1000;

/// Calls, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestList {
    requests: Vec<RequestLine>,
    /// Pass it as `before` for older ones; null when there are none. There may be one although
    /// fewer than asked for are here: a list looks at a part of a long journal only.
    next: Option<u64>,
    /// How full the journal is: it is bounded by bytes, by age and by number per sales unit.
    #[schema(value_type = Object)]
    journal: Fill,
}

/// One call in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestLine {
    /// Its place in the order of all calls.
    number: u64,
    /// The last part of its address.
    id: String,
    /// Real time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    method: String,
    path: String,
    /// What was called, if that exists.
    #[schema(example = "POST /ecomm/v2/payments")]
    operation: Option<&'static str>,
    #[schema(value_type = Option<String>, example = "220001")]
    msn: Option<Msn>,
    status: u16,
    /// How long the answer took, in microseconds, where that was measured.
    took_us: Option<u64>,
    /// Why it was refused; null for a success.
    #[schema(example = "capture.exceeds")]
    cause: Option<&'static str>,
    /// Where it is explained, if it was refused.
    explain: Option<String>,
}

/// One call, whole, without secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RequestView {
    #[serde(flatten)]
    line: RequestLine,
    #[schema(value_type = Object)]
    request: Message,
    #[schema(value_type = Object)]
    response: Message,
    /// What each check saw.
    #[schema(value_type = Vec<Object>)]
    checks: serde_json::Value,
    /// What was accepted and should be sent otherwise.
    notes: Vec<String>,
    /// Why it was refused; null for a success.
    #[schema(value_type = Option<Object>)]
    explanation: Option<Explanation>,
}

/// Headers and body.
#[derive(Debug, Serialize)]
struct Message {
    headers: Vec<ShownHeader>,
    body: String,
}

/// One call in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RequestPath {
    /// The last part of its address, as in the header `Explain`.
    pub(crate) id: String,
}

impl Control {
    fn line(&self, record: &Record) -> RequestLine {
        let id = self.inspector.address(record.number);
        let base = self.platform.base(record.environment);
        let refused = record.why.is_some();
        let route = find(record.environment, &record.method, record.path()).ok();
        RequestLine {
            number: record.number,
            at: record.at,
            environment: record.environment,
            method: record.method.to_string(),
            path: record.path().to_owned(),
            operation: route.as_ref().map(Route::name),
            msn: record.unit.clone(),
            status: record.status,
            took_us: record.took_us,
            cause: record.cause(),
            explain: refused.then(|| format!("{base}{}{id}", sandkasse_inspect::PATH)),
            id,
        }
    }

    pub(crate) fn recorded(&self, id: &str) -> Result<Arc<Record>, Problem> {
        self.inspector.at(id).ok_or_else(|| {
            Problem::not_found(
                "request_unknown",
                format!("no call has the id `{id}`, or it was forgotten; GET /control/v1/requests lists those that are kept"),
            )
        })
    }
}

/// Lists calls of the merchant APIs, newest first. No secret is kept of them.
#[utoipa::path(
    get, path = "/requests", tag = "Explanations", params(RequestFilter),
    responses(
        (status = 200, body = RequestList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(filter): Asked<RequestFilter>,
) -> Result<Json<RequestList>, Problem> {
    let limit = filter.limit.unwrap_or(USUAL).clamp(1, MOST);
    let found = control.calls_found(&filter.wanted(), filter.before, limit);
    Ok(Json(RequestList {
        requests: found.records.iter().map(|it| control.line(it)).collect(),
        next: found.next,
        journal: control.inspector.journal.fill(),
    }))
}

/// Shows a call and its answer, without secrets, with what each check saw.
#[utoipa::path(
    get, path = "/requests/{id}", tag = "Explanations", params(RequestPath),
    responses(
        (status = 200, body = RequestView),
        (status = 404, description = "No such call", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<RequestPath>,
) -> Result<Json<RequestView>, Problem> {
    let record = control.recorded(&path.id)?;
    let explanation = control
        .inspector
        .explain(&path.id, &Reader::Administrator)
        .await;
    Ok(Json(RequestView {
        line: control.line(&record),
        request: Message {
            headers: record.headers().map(ShownHeader::from).collect(),
            body: record.body().to_owned(),
        },
        response: Message {
            headers: record.answer_headers().map(ShownHeader::from).collect(),
            body: record.answer_body().to_owned(),
        },
        checks: serde_json::to_value(record.checks().collect::<Vec<_>>()).unwrap_or_default(),
        notes: record.notes(),
        explanation,
    }))
}

/// Explains a refused call: which check failed and why, what was expected, and the request that
/// would have been right, as data and as a command.
#[utoipa::path(
    get, path = "/explanations/{id}", tag = "Explanations", params(RequestPath),
    responses(
        (status = 200, description = "Why it was refused", body = Object),
        (status = 404, description = "No such call, or it was not refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn explain(
    State(control): Shared,
    Named(path): Named<RequestPath>,
) -> Result<Json<Explanation>, Problem> {
    control.recorded(&path.id)?;
    let explained = control
        .inspector
        .explain(&path.id, &Reader::Administrator)
        .await;
    explained.map(Json).ok_or_else(|| {
        Problem::not_found(
            "not_refused",
            format!("the call `{}` was not refused", path.id),
        )
    })
}

/// What this program is known to answer, and how well that is proved.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ledger {
    /// Operation by operation, error by error.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<LedgerRow>,
}

/// Lists every operation with every error it is known to answer: evidence, numbers of checks, and
/// whether a test provokes it. The same as `COMPATIBILITY.md`.
#[utoipa::path(
    get, path = "/compatibility", tag = "Explanations",
    responses((status = 200, body = Ledger))
)]
pub(super) async fn compatibility() -> Json<Ledger> {
    Json(Ledger { rows: ledger() })
}
