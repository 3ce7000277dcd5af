//! What will happen to a sales unit's payments by itself, and until when merchants may act.

use axum::{Json, extract::State};
use sandkasse_domain::{Currency, Minor, Timestamp, payment::Due};
use sandkasse_engine::{Limit, LimitKind, Upcoming};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, Named, UnitPath},
    schemas,
    unit_view::ClockView,
};

/// So much is told unless somebody asks for less.
pub(crate) const USUAL: usize = 50;
/// No more is told at once.
const MOST: usize = 200;

/// How much is told.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AgendaFilter {
    /// Payments with periods: those whose order id starts with this.
    #[param(example = "acme-")]
    order: String,
    /// At most so much of each, from 1 to 200; 50 if left out.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// What is coming.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgendaView {
    clock: ClockView,
    /// What happens by itself, in order.
    upcoming: Vec<UpcomingView>,
    /// Until when captures and refunds are accepted, by order id.
    periods: Vec<PeriodView>,
}

/// Something that happens by itself.
#[derive(Debug, Serialize, ToSchema)]
struct UpcomingView {
    /// On the sales unit's clock.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// From now.
    in_ms: i64,
    #[schema(example = "acme-shop-123-order123abc")]
    order_id: String,
    #[schema(value_type = i64)]
    amount: Minor,
    #[schema(schema_with = schemas::currency)]
    currency: Currency,
    /// `times_out`, `payer_acts`, `bank_answers` or `remainder_released`.
    #[schema(value_type = String, example = "times_out")]
    event: &'static str,
}

/// A period in which a merchant may act.
#[derive(Debug, Serialize, ToSchema)]
struct PeriodView {
    #[schema(example = "acme-shop-123-order123abc")]
    order_id: String,
    /// `capture` or `refund`.
    #[schema(value_type = String, example = "capture")]
    operation: &'static str,
    /// How much, as it stands.
    #[schema(value_type = i64)]
    amount: Minor,
    #[schema(schema_with = schemas::currency)]
    currency: Currency,
    /// The first moment at which it is refused, on the sales unit's clock.
    #[schema(value_type = String, format = DateTime)]
    ends: Timestamp,
    /// From now; negative when it is over.
    in_ms: i64,
}

/// A short name for programs.
fn name(due: Due) -> &'static str {
    match due {
        Due::TimeOut => "times_out",
        Due::PayerActs => "payer_acts",
        Due::BankAnswers => "bank_answers",
        Due::RemainderReleased => "remainder_released",
    }
}

impl UpcomingView {
    fn of(upcoming: Upcoming, now: Timestamp) -> UpcomingView {
        UpcomingView {
            at: upcoming.at,
            in_ms: upcoming.at.as_millisecond() - now.as_millisecond(),
            order_id: upcoming.order,
            amount: upcoming.amount,
            currency: upcoming.currency,
            event: name(upcoming.due),
        }
    }
}

impl PeriodView {
    fn of(limit: Limit, now: Timestamp) -> PeriodView {
        PeriodView {
            order_id: limit.order,
            operation: match limit.kind {
                LimitKind::Capture => "capture",
                LimitKind::Refund => "refund",
            },
            amount: limit.amount,
            currency: limit.currency,
            ends: limit.ends,
            in_ms: limit.ends.as_millisecond() - now.as_millisecond(),
        }
    }
}

impl Control {
    /// What a sales unit's clock shows now, and when something happens next.
    pub(crate) async fn agenda(
        &self,
        unit: &sandkasse_engine::Unit,
        order: &str,
        limit: usize,
    ) -> Result<(Vec<Upcoming>, Vec<Limit>), Problem> {
        let engine = self.engine();
        let upcoming = engine.upcoming(unit, limit).await?;
        Ok((upcoming, engine.limits(unit, order, limit).await?))
    }
}

/// Lists what will happen to a sales unit's payments by itself, and until when captures and refunds
/// are accepted.
///
/// Payments time out, persons who act unasked approve, a bank that was silent answers, and money
/// that was not captured goes back. The clock is moved to the first of these with
/// `POST …/advance` and `{"to_next": true}`.
#[utoipa::path(
    get, path = "/sales-units/{environment}/{msn}/agenda", tag = "Sales units",
    params(UnitPath, AgendaFilter),
    responses(
        (status = 200, body = AgendaView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Asked(filter): Asked<AgendaFilter>,
) -> Result<Json<AgendaView>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let limit = filter.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::bad_request(format!("`limit` is from 1 to {MOST}")));
    }
    let (upcoming, limits) = control.agenda(&unit, &filter.order, limit).await?;
    let now = control.engine().now(&unit);
    Ok(Json(AgendaView {
        clock: control.clock(&unit).await?,
        upcoming: upcoming
            .into_iter()
            .map(|it| UpcomingView::of(it, now))
            .collect(),
        periods: limits
            .into_iter()
            .map(|it| PeriodView::of(it, now))
            .collect(),
    }))
}
