//! What merchants were sent.

use axum::{Json, extract::State};
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_store::{CallFailure, CallRecord, CallState, Purpose};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, Named, UnitPath},
    schemas,
    wanted::Wanted,
};

/// So many are listed unless more are asked for.
const USUAL: usize = 100;
/// So many are taken from the store at a time.
const PORTION: usize = 200;
/// No more are listed at once.
const MOST: usize = 1000;

/// One call to a merchant, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallView {
    id: String,
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    /// The sales unit it is for.
    #[schema(value_type = String, example = "220001")]
    msn: Msn,
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
            environment: record.partition.environment,
            msn: record.partition.msn,
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

/// Why a call came to nothing, in one word: it failed, or its answer is of no use.
pub(crate) fn trouble(record: &CallRecord) -> Option<&'static str> {
    let CallState::Done { outcome, .. } = &record.state else {
        return None;
    };
    let Some(failure) = &outcome.failure else {
        return unusable(record).map(|_| "bad_answer");
    };
    Some(match failure {
        CallFailure::Dns { .. } => "dns",
        CallFailure::Forbidden { .. } => "forbidden",
        CallFailure::Refused { .. } => "refused",
        CallFailure::Tls { .. } => "tls",
        CallFailure::Timeout { .. } => "timeout",
        CallFailure::Redirect { .. } => "redirect",
        CallFailure::Status { .. } => "status",
        CallFailure::Broken { .. } => "broken",
        CallFailure::BadUrl { .. } => "bad_url",
    })
}

/// What is wrong in a merchant's answer about shipping, although it came with 2xx.
pub(crate) fn unusable(record: &CallRecord) -> Option<String> {
    let CallState::Done { outcome, .. } = &record.state else {
        return None;
    };
    if record.call.purpose != Purpose::ShippingDetails || outcome.failure.is_some() {
        return None;
    }
    let answer = outcome.answer.as_deref().unwrap_or_default();
    sandkasse_engine::read_methods(answer).err()
}

/// Calls to merchants that were found, newest first.
pub(crate) struct CallsFound {
    /// Each with its number in the order of all.
    pub(crate) calls: Vec<(u64, CallRecord)>,
    /// Where to go on for older ones.
    pub(crate) next: Option<u64>,
}

impl Control {
    /// The newest calls to merchants that are wanted, looked for among no more than `most`.
    pub(crate) async fn outgoing_found(
        &self,
        wanted: &Wanted,
        before: Option<u64>,
        limit: usize,
        most: usize,
    ) -> Result<CallsFound, Problem> {
        let (store, mut before, mut left) = (self.engine().store(), before, most);
        let mut found = CallsFound {
            calls: Vec::new(),
            next: None,
        };
        while left > 0 {
            let portion = store.latest_calls(before, PORTION.min(left)).await?;
            let Some((last, _)) = portion.last() else {
                return Ok(found);
            };
            (before, left) = (Some(*last), left - portion.len());
            for (number, record) in portion {
                if !wanted.fits_call(&record) {
                    continue;
                }
                found.calls.push((number, record));
                if found.calls.len() >= limit {
                    found.next = Some(number);
                    return Ok(found);
                }
            }
        }
        found.next = before;
        Ok(found)
    }

    /// One call to a merchant.
    pub(crate) async fn outgoing(&self, id: &str) -> Result<CallRecord, Problem> {
        let found = self.engine().store().call(id).await?;
        found.ok_or_else(|| {
            Problem::not_found(
                "call_unknown",
                format!("no call to a merchant has the id `{id}`, or it was forgotten"),
            )
        })
    }
}

/// One call in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CallPath {
    /// Its id, as in the list.
    id: String,
}

/// Shows one call to a merchant, and what came of it.
#[utoipa::path(
    get, path = "/outgoing-calls/{id}", tag = "Platform", params(CallPath),
    responses(
        (status = 200, body = CallView),
        (status = 404, description = "No such call", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<CallPath>,
) -> Result<Json<CallView>, Problem> {
    control
        .outgoing(&path.id)
        .await
        .map(CallView::from)
        .map(Json)
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
