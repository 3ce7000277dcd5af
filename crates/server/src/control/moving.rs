//! Everything as lines, one sales unit as it is and as it was, and whether all is sound.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use http::{StatusCode, header};
use http_body_util::BodyExt;
use sandkasse_engine::{
    Unit,
    doctor::{Report, With, examine},
    moving::{Export, NotMoved, read_unit},
};
use sandkasse_store::{Sealer, lines::Counts};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Named, UnitPath},
};
use crate::{rights::Caller, start::CALLS_KEPT};

/// No snapshot of more bytes is taken.
pub(crate) const LONGEST_SNAPSHOT: usize = 64 * 1024 * 1024;
/// Nor one of more rows, which are written in one transaction.
const MOST_ROWS: usize = 200_000;
/// What lines of JSON are called.
pub(crate) const LINES: &str = "application/jsonl";

/// Reading everything takes the machine a while: one at a time.
static READING_ALL: Mutex<()> = Mutex::const_new(());

/// A sales unit that was put back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Restored {
    /// Payments, consents, and payments in apps.
    records: u64,
    /// What happened to them.
    events: u64,
    /// Outgoing calls.
    calls: u64,
}

impl Control {
    /// A sales unit with everything of it, as a stream of lines.
    pub(crate) async fn snapshot(&self, unit: &Arc<Unit>) -> Result<Body, Problem> {
        Ok(body(self.engine().snapshot(unit).await?, None))
    }

    /// Puts a snapshot in the place of what is there of its sales unit.
    pub(crate) async fn restore(&self, path: &UnitPath, text: &[u8]) -> Result<Counts, Problem> {
        let engine = self.engine();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let lines = text.split(|byte| *byte == b'\n');
        let (header, rows) = read_unit(lines, &engine.vault, MOST_ROWS)?;
        let name = format!("{}/{}", path.environment, path.msn);
        if header.unit.as_deref() != Some(&name) {
            return Err(Problem::conflict(
                "another_sales_unit",
                format!(
                    "this is a snapshot of {}, and not of {name}",
                    header.unit.as_deref().unwrap_or("no sales unit")
                ),
            ));
        }
        let _nobody_else = self.making.lock().await;
        let (_, counts) = engine.restore(&header, rows).await?;
        Ok(counts)
    }
}

impl From<NotMoved> for Problem {
    fn from(error: NotMoved) -> Problem {
        let text = error.to_string();
        match error {
            NotMoved::Store(_) => Problem::fault(&text),
            NotMoved::OtherKey => Problem::conflict("other_master_key", text),
            NotMoved::NotEmpty(_) => Problem::conflict("not_empty", text),
            NotMoved::TooMuch(_) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_much", text),
            NotMoved::Damaged(_) | NotMoved::Newer(_) => Problem::bad_request(text),
        }
    }
}

/// Everything that the installation keeps, as lines of JSON: the same as `sandkasse export`. Keys
/// in it are sealed under the master key. It is of one moment; what happens meanwhile goes on.
#[utoipa::path(
    get, path = "/export", tag = "Moving",
    responses(
        (status = 200, description = "Lines; the last one says whether they are whole", content_type = "application/jsonl"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn export(
    State(control): Shared,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let turn = one_at_a_time()?;
    let engine = control.engine();
    let rows = engine.store().rows(None).await?;
    let action = "GET /control/v1/export";
    control
        .note(&caller.name, Some(caller.role), caller.how, action)
        .await?;
    let export = Export::new(rows, engine.clock.now(), &engine.vault);
    Ok(([(header::CONTENT_TYPE, LINES)], body(export, Some(turn))).into_response())
}

/// A sales unit with everything of it: payments, consents, answers, calls, its keys (sealed) and its
/// clock. Put it back with POST, here or in another installation with the same master key.
#[utoipa::path(
    get, path = "/sales-units/{environment}/{msn}/snapshot", tag = "Moving", params(UnitPath),
    responses(
        (status = 200, description = "Lines; the last one says whether they are whole", content_type = "application/jsonl"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn snapshot(
    State(control): Shared,
    Extension(caller): Extension<Caller>,
    Named(path): Named<UnitPath>,
) -> Result<Response, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let body = control.snapshot(&unit).await?;
    let action = format!(
        "GET /control/v1/sales-units/{}/{}/snapshot",
        path.environment, path.msn
    );
    control
        .note(&caller.name, Some(caller.role), caller.how, &action)
        .await?;
    Ok(([(header::CONTENT_TYPE, LINES)], body).into_response())
}

/// Puts a snapshot in the place of what is there of the sales unit, all at once; operations on it
/// wait. Its clock never goes back: what fell due since then happens at once, each thing at its own
/// moment. A unit that is there keeps its present keys. Calls that were owed are not sent.
#[utoipa::path(
    post, path = "/sales-units/{environment}/{msn}/snapshot", tag = "Moving", params(UnitPath),
    request_body(content = String, content_type = "application/jsonl", description = "What GET told"),
    responses(
        (status = 200, body = Restored),
        (status = 409, description = "Of another sales unit, or under another master key", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn restore(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    request: Request,
) -> Result<Json<Restored>, Problem> {
    // The listener has bounded it; axum's own limit is that of a form.
    let text = request
        .into_body()
        .collect()
        .await
        .map_err(|error| Problem::bad_request(error.to_string()))?
        .to_bytes();
    let Counts {
        records,
        events,
        calls,
        ..
    } = control.restore(&path, &text).await?;
    Ok(Json(Restored {
        records,
        events,
        calls,
    }))
}

/// Forgets the sales unit's payments, consents, answers and calls. Its keys, traits and clock stay.
#[utoipa::path(
    post, path = "/sales-units/{environment}/{msn}/reset", tag = "Moving", params(UnitPath),
    responses(
        (status = 204, description = "It has none"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reset_unit(
    State(control): Shared,
    Named(path): Named<UnitPath>,
) -> Result<StatusCode, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    control.engine().empty(&unit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads everything and says what is not as it was written: the same as `sandkasse doctor`.
#[utoipa::path(
    get, path = "/doctor", tag = "Moving",
    responses(
        (status = 200, description = "Counts and `findings`", body = Object),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn doctor(State(control): Shared) -> Result<Json<Report>, Problem> {
    let _turn = one_at_a_time()?;
    let engine = control.engine();
    let sealer = Sealer::new(engine.vault.row_seals());
    let with = With {
        vault: Some(&engine.vault),
        sealer: Some(&sealer),
        calls_kept: CALLS_KEPT,
    };
    Ok(Json(examine(&**engine.store(), with, |_| {}).await?))
}

type Turn = tokio::sync::MutexGuard<'static, ()>;

fn one_at_a_time() -> Result<Turn, Problem> {
    READING_ALL.try_lock().map_err(|_| {
        Problem::conflict(
            "being_read",
            "everything is being read already, for an export or an examination: try again when that has ended",
        )
    })
}

/// The lines as they come. One that cannot be told breaks the answer off.
fn body(export: Export, turn: Option<Turn>) -> Body {
    let next = |(mut export, turn): (Export, Option<Turn>)| async move {
        match export.next().await {
            Ok(Some(more)) => Some((Ok(Bytes::from(more.lines)), (export, turn))),
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%error, "an export broke off");
                Some((Err(error), (export, turn)))
            }
        }
    };
    Body::from_stream(stream::unfold((export, turn), next))
}
