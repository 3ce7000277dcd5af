//! What merchants were sent.

use axum::{Json, extract::State};
use sandkasse_domain::Timestamp;
use sandkasse_store::{CallFailure, CallRecord, CallState, Purpose};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem, Shared,
    extract::{Asked, Named, UnitPath},
    schemas,
};

/// So many are listed unless more are asked for.
const USUAL: usize = 100;
/// No more are listed at once.
const MOST: usize = 1000;

/// One call to a merchant, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallView {
    id: String,
    #[schema(schema_with = schemas::purpose)]
    purpose: Purpose,
    /// The order, or the person's id at the merchant.
    about: String,
    #[schema(example = "POST")]
    method: String,
    url: String,
    /// Whether the merchant's `authToken` was sent; its value is never shown.
    sends_authorization: bool,
    body: Option<String>,
    /// When it was promised, on the sales unit's clock.
    #[schema(value_type = String, format = DateTime)]
    owed_at: Timestamp,
    state: CallStateName,
    /// When it was begun, real time.
    #[schema(value_type = Option<String>, format = DateTime)]
    begun_at: Option<Timestamp>,
    /// The merchant's answer.
    status: Option<u16>,
    /// Why it counts as failed; absent for any 2xx.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"cause": "timeout", "limit_ms": 3000}))]
    failure: Option<CallFailure>,
    duration_ms: Option<u64>,
    /// The beginning of the answer's body.
    answer: Option<String>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CallStateName {
    /// Promised, not begun.
    Owed,
    /// Being made.
    Begun,
    /// Made.
    Done,
    /// Begun when the program died; never repeated, because the merchant may have got it.
    Interrupted,
}

/// The calls asked for, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallList {
    calls: Vec<CallView>,
}

/// Which ones.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallFilter {
    /// Only those about this order, or this person.
    about: Option<String>,
    /// At most so many; 100 if left out, never more than 1000.
    limit: Option<usize>,
}

impl From<CallRecord> for CallView {
    fn from(record: CallRecord) -> CallView {
        let (state, begun_at, outcome) = match record.state {
            CallState::Owed => (CallStateName::Owed, None, None),
            CallState::Begun { at } => (CallStateName::Begun, Some(at), None),
            CallState::Done { at, outcome } => (CallStateName::Done, Some(at), Some(outcome)),
            CallState::Interrupted { at } => (CallStateName::Interrupted, Some(at), None),
        };
        let call = record.call;
        CallView {
            id: call.id,
            purpose: call.purpose,
            about: call.about,
            method: call.method,
            url: call.url,
            sends_authorization: call.authorization.is_some(),
            body: call.body,
            owed_at: call.owed_at,
            state,
            begun_at,
            status: outcome.as_ref().and_then(|outcome| outcome.status),
            duration_ms: outcome.as_ref().map(|outcome| outcome.duration_ms),
            failure: outcome.as_ref().and_then(|outcome| outcome.failure.clone()),
            answer: outcome.and_then(|outcome| outcome.answer),
        }
    }
}

/// Lists what a merchant was sent: callbacks, shipping requests, consent removals.
#[utoipa::path(
    get, path = "/outgoing-calls/{environment}/{msn}", tag = "Platform", params(UnitPath, CallFilter),
    responses(
        (status = 200, body = CallList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Asked(filter): Asked<CallFilter>,
) -> Result<Json<CallList>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let limit = filter.limit.unwrap_or(USUAL).min(MOST);
    let store = control.engine().store();
    let records = store
        .calls(&unit.partition(), filter.about.as_deref(), limit)
        .await?;
    let calls = records.into_iter().map(CallView::from).collect();
    Ok(Json(CallList { calls }))
}
