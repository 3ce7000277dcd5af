//! Starting again.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Control, Problem, Shared};
use crate::demo;

/// What is there after a reset.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reset {
    /// Whether there is demo data; otherwise there is nothing.
    demo_data: bool,
}

/// Forgets everything: payments, sales units, persons, calls, counts of rates, faults, incidents, the journal, and how far
/// clocks are ahead. Users, tokens and the audit log stay. Demo data is there again as after a first start.
#[utoipa::path(
    post, path = "/reset", tag = "Platform",
    responses(
        (status = 200, body = Reset),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reset(State(control): Shared) -> Result<Json<Reset>, Problem> {
    let _nobody_else = control.making.lock().await;
    let engine = control.engine();
    engine.clear().await?;
    control.forget();
    if control.demo_data {
        demo::fill(engine, control.local_urls).await?;
    }
    tracing::info!(demo_data = control.demo_data, "reset");
    Ok(Json(Reset {
        demo_data: control.demo_data,
    }))
}

impl Control {
    /// Forgets what is in this process's memory and belongs to what was reset.
    pub(crate) fn forget(&self) {
        self.platform.gate.rates.clear();
        self.inspector.journal.clear();
        self.inspector.tally.clear();
        self.bankid.clear();
    }
}
