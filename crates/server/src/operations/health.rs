//! Whether the program lives, and whether it can work.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;

use super::Operations;
use crate::control::Control;

/// The database answers within this time: those who ask usually wait for a second.
const PATIENCE: Duration = Duration::from_millis(900);
/// What it said holds for so long, so that nobody keeps it busy by asking.
const FRESH: Duration = Duration::from_millis(250);

/// Whether it can work, and if not, why: each check is `ok` or says what is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Readiness {
    pub(super) ready: bool,
    pub(super) checks: BTreeMap<&'static str, &'static str>,
}

/// It lives, since it answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// 200 when it can work, else 503.
pub(super) async fn ready(control: &Control) -> Response {
    let readiness = readiness(control).await;
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

async fn readiness(control: &Control) -> Readiness {
    let operations = &control.operations;
    let mut checks = BTreeMap::new();
    let draining = operations.is_draining();
    let told = if draining {
        Err("it is about to end, and wants no more work")
    } else {
        Ok(())
    };
    checks.insert("drain", told);
    for (name, door) in operations.listeners.all() {
        checks.insert(name, door.accepts());
    }
    // Whoever shall not be called anyway need not wait for it.
    if !draining {
        checks.insert("database", database(operations, control).await);
    }
    Readiness {
        ready: checks.values().all(Result::is_ok),
        checks: checks
            .into_iter()
            .map(|(name, it)| (name, it.err().unwrap_or("ok")))
            .collect(),
    }
}

/// Asked by one at a time; whoever waited meanwhile hears the same.
async fn database(operations: &Operations, control: &Control) -> Result<(), &'static str> {
    let mut asked = operations.asked.lock().await;
    let answers = match *asked {
        Some((at, answers)) if at.elapsed() < FRESH => answers,
        Some(_) | None => {
            let store = control.platform.engine.store();
            let answer = tokio::time::timeout(PATIENCE, store.answers()).await;
            let answers = matches!(answer, Ok(Ok(())));
            *asked = Some((Instant::now(), answers));
            answers
        }
    };
    if answers {
        Ok(())
    } else {
        Err("does not answer")
    }
}
