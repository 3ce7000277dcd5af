//! A sales unit's own time.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use axum::{Json, extract::State};
use jiff::SignedDuration;
use sandkasse_domain::Timestamp;
use sandkasse_engine::{Changed as Happened, Unit};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Named, Said, UnitPath},
    unit_view::ClockView,
};

/// No clock is advanced by more at once.
const MOST_DAYS: i64 = 36_500;

/// How far to go: a span of time, or to the next thing that happens by itself.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Advance {
    pub(crate) days: u32,
    pub(crate) hours: u32,
    pub(crate) minutes: u32,
    pub(crate) seconds: u32,
    /// To the moment of the next deadline, and not by a span.
    pub(crate) to_next: bool,
}

/// Which payments changed while a clock was advanced.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Their order ids.
    pub(crate) orders: BTreeSet<String>,
    /// How many more changes there were than could be followed.
    pub(crate) lost: usize,
}

impl Changed {
    fn count(&self) -> usize {
        self.orders.len() + self.lost
    }
}

/// A clock after it was advanced.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Advanced {
    #[serde(flatten)]
    clock: ClockView,
    /// How many payments changed on the way.
    payments_changed: usize,
}

impl Control {
    /// Advances a clock, and tells which payments change meanwhile.
    pub(super) async fn advance(
        &self,
        unit: &Arc<Unit>,
        by: SignedDuration,
    ) -> Result<Changed, Problem> {
        let engine = self.engine();
        let partition = unit.partition();
        let mut changes = engine.changes();
        let mut advance = pin!(engine.advance(unit, by));
        let mut changed = Changed::default();
        loop {
            let change = tokio::select! {
                biased;
                change = changes.recv() => change,
                advanced = &mut advance => {
                    advanced?;
                    break;
                }
            };
            match change {
                Ok(Happened::Payment(place, order)) if place == partition => {
                    changed.orders.insert(order);
                }
                Ok(Happened::Payment(..) | Happened::Anything) => {}
                Err(RecvError::Lagged(count)) => {
                    changed.lost += usize::try_from(count).unwrap_or_default()
                }
                Err(RecvError::Closed) => break,
            }
        }
        while let Ok(happened) = changes.try_recv() {
            if let Happened::Payment(place, order) = happened
                && place == partition
            {
                changed.orders.insert(order);
            }
        }
        Ok(changed)
    }

    /// Advances a clock until it shows a moment.
    pub(super) async fn advance_to(
        &self,
        unit: &Arc<Unit>,
        moment: Timestamp,
    ) -> Result<Changed, Problem> {
        let by = moment.duration_since(self.engine().now(unit));
        self.advance(unit, by.max(SignedDuration::ZERO)).await
    }

    /// Advances a clock as somebody wishes: by a span, or to the next thing that happens.
    pub(crate) async fn advance_as(
        &self,
        unit: &Arc<Unit>,
        wish: &Advance,
    ) -> Result<Changed, Problem> {
        let seconds = i64::from(wish.days) * 86_400
            + i64::from(wish.hours) * 3600
            + i64::from(wish.minutes) * 60
            + i64::from(wish.seconds);
        match (wish.to_next, seconds) {
            (true, 0) => {
                let store = self.engine().store();
                let next = store
                    .next_deadline(&unit.partition(), sandkasse_store::Kind::Payment)
                    .await?;
                let moment = next.ok_or_else(|| {
                    Problem::conflict(
                        "nothing_waits",
                        "nothing of this sales unit happens by itself",
                    )
                })?;
                self.advance_to(unit, moment).await
            }
            (false, 1..) if seconds <= MOST_DAYS * 86_400 => {
                self.advance(unit, SignedDuration::from_secs(seconds)).await
            }
            (false, 1..) => {
                let message = format!("a clock is advanced by at most {MOST_DAYS} days at once");
                Err(Problem::bad_request(message))
            }
            _ => Err(Problem::bad_request(
                "say how far: `days`, `hours`, `minutes`, `seconds`, or `to_next` alone",
            )),
        }
    }
}

/// Moves a sales unit's clock forward. Everything that falls due on the way happens, in order, each
/// at its own moment. It never goes back.
#[utoipa::path(
    post, path = "/sales-units/{environment}/{msn}/advance", tag = "Sales units", params(UnitPath),
    request_body(content = Advance, examples(
        ("to the end of the capture period" = (value = json!({"days": 181}))),
        ("to the next deadline" = (value = json!({"to_next": true}))),
    )),
    responses(
        (status = 200, body = Advanced),
        (status = 409, description = "Nothing is waiting", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn advance(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Said(wish): Said<Advance>,
) -> Result<Json<Advanced>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let changed = control.advance_as(&unit, &wish).await?;
    Ok(Json(Advanced {
        clock: control.clock(&unit).await?,
        payments_changed: changed.count(),
    }))
}
