//! The audit log, and whether its chain is whole.

use axum::{Json, extract::State};
use sandkasse_domain::{Timestamp, user::Role};
use sandkasse_engine::audit::{Line, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Problem, Shared, extract::Asked, schemas};

/// So many lines are listed unless somebody says otherwise.
const SOME: usize = 100;
/// So many at most.
const MANY: usize = 1000;

/// Which lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those with lower numbers: to page on, the last one listed.
    before: Option<u64>,
    /// How many, at most 1000; 100 if left out.
    limit: Option<usize>,
}

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditLineView {
    /// 1 for the first.
    number: u64,
    /// Real time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who, in words.
    #[schema(example = "Astrid Admin")]
    actor: String,
    #[schema(schema_with = schemas::role)]
    role: Option<Role>,
    /// How they were known: `session`, `token`, `admin_token`, `local`, `nobody`.
    #[schema(example = "session")]
    how: String,
    /// The method and the path, or a name.
    #[schema(example = "PATCH /control/v1/sales-units/test/220001")]
    action: String,
    /// How it was answered.
    status: Option<u16>,
    /// What of the thing changed, before.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// The same afterwards.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    /// The hash of the line before.
    previous: String,
    /// SHA-256 over `previous`, the number and the content.
    hash: String,
}

/// Whether every line follows from the one before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Chain {
    /// Whether the chain is whole.
    whole: bool,
    /// The number of the first line that was tampered with, or that misses the one before it.
    broken_at: Option<u64>,
    /// How many lines there are. The oldest are forgotten beyond 100,000.
    lines: u64,
    /// The number of the oldest.
    first: Option<u64>,
    /// The number of the newest.
    last: Option<u64>,
    /// The hash of the newest. Whoever notes it elsewhere notices if lines are cut off.
    head: Option<String>,
}

/// Lines of the audit log, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditList {
    chain: Chain,
    lines: Vec<AuditLineView>,
}

impl From<Line> for AuditLineView {
    fn from(line: Line) -> AuditLineView {
        AuditLineView {
            number: line.number,
            at: line.entry.at,
            actor: line.entry.actor,
            role: line.entry.role,
            how: line.entry.how,
            action: line.entry.action,
            status: line.entry.status,
            before: line.entry.before,
            after: line.entry.after,
            previous: line.previous,
            hash: line.hash,
        }
    }
}

impl From<Verdict> for Chain {
    fn from(verdict: Verdict) -> Chain {
        Chain {
            whole: verdict.broken_at.is_none(),
            broken_at: verdict.broken_at,
            lines: verdict.lines,
            first: verdict.first,
            last: verdict.last,
            head: verdict.head,
        }
    }
}

/// Lists who changed what, the newest first, and verifies the whole chain. It holds no secrets.
#[utoipa::path(
    get, path = "/audit", tag = "Users and tokens", params(Wanted),
    responses((status = 200, body = AuditList))
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<AuditList>, Problem> {
    let limit = wanted.limit.unwrap_or(SOME).min(MANY);
    let audit = &control.engine().audit;
    let lines = audit.lines(wanted.before, limit).await?;
    Ok(Json(AuditList {
        chain: audit.verify().await?.into(),
        lines: lines.into_iter().map(AuditLineView::from).collect(),
    }))
}
