//! Looking at payments, and waiting for them.

use std::{collections::HashSet, sync::Arc};

use axum::{Json, extract::State};
use http::StatusCode;
use jiff::SignedDuration;
use sandkasse_domain::payment::{Cause, Happened, Payment};
use sandkasse_engine::{Changed, Refused, Unit, View};
use sandkasse_store::Partition;
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value},
};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Next, Problem, Search, Shared,
    extract::{Asked, Named, PaymentPath, UnitPath},
    payment_view::{PaymentView, StateName},
};

/// So many are listed unless more are asked for.
const USUAL: usize = 100;
/// No more are listed at once.
const MOST: usize = 1000;
/// So long is waited unless another time is asked for.
const USUAL_WAIT_SECONDS: u64 = 10;
/// Nobody waits longer in one request.
const LONGEST_WAIT_SECONDS: u64 = 60;

/// Payments of a sales unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentList {
    payments: Vec<PaymentView>,
    /// What to send to go on; absent when this was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// Which ones.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentFilter {
    /// The beginning of the order id.
    prefix: String,
    /// At most so many; 100 if left out, never more than 1000.
    limit: Option<usize>,
    /// The last initiated first, and not by order id. It goes with no `prefix`.
    newest: bool,
    /// Only payments of this state. A rare one may need several requests: go on with `next`.
    state: Option<StateName>,
    /// By order id: go on behind this one.
    after: Option<String>,
    /// The newest first: go on before this place.
    before: Option<u64>,
}

/// What is waited for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Patience {
    /// One state, or several with commas; reached is what the payment is in or has been in.
    #[param(example = "RESERVED,CAPTURED")]
    until: String,
    /// Real seconds; 10 if left out, at most 60.
    timeout_seconds: Option<u64>,
}

/// Lists payments of a sales unit, by order id or the newest first.
#[utoipa::path(
    get, path = "/payments/{environment}/{msn}", tag = "Payments", params(UnitPath, PaymentFilter),
    responses(
        (status = 200, body = PaymentList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Asked(filter): Asked<PaymentFilter>,
) -> Result<Json<PaymentList>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let limit = filter.limit.unwrap_or(USUAL).min(MOST);
    if filter.newest && !filter.prefix.is_empty() {
        return Err(Problem::bad_request(
            "`newest` lists all payments, so it does not go with `prefix`",
        ));
    }
    let search = Search {
        prefix: (!filter.newest).then_some(filter.prefix.as_str()),
        state: filter.state,
        from: if filter.newest {
            filter.before.map(Next::Before)
        } else {
            filter.after.map(Next::After)
        },
        limit: limit.max(1),
    };
    let found = control.search(&unit, search).await?;
    let payments = found
        .payments
        .iter()
        .map(|payment| PaymentView::of(&unit, payment))
        .collect();
    let next = found.next;
    Ok(Json(PaymentList { payments, next }))
}

/// Shows a payment with its history.
#[utoipa::path(
    get, path = "/payments/{environment}/{msn}/{order_id}", tag = "Payments", params(PaymentPath),
    responses(
        (status = 200, body = PaymentView),
        (status = 404, description = "No such payment", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
) -> Result<Json<PaymentView>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let view = control.engine().view(&unit, &path.order_id).await?;
    Ok(Json(shown(&unit, &view)))
}

fn shown(unit: &Unit, view: &View) -> PaymentView {
    PaymentView::of(unit, &view.payment).with_history(&view.history)
}

/// Waits until a payment reaches a state; also for one that is not initiated yet. Answers at once
/// when it has been in the state already, and when it has ended and can never be.
#[utoipa::path(
    get, path = "/payments/{environment}/{msn}/{order_id}/wait", tag = "Payments", params(PaymentPath, Patience),
    responses(
        (status = 200, description = "Reached", body = PaymentView),
        (status = 408, description = "Not reached in time", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has ended, and can not be reached", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn wait(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
    Asked(patience): Asked<Patience>,
) -> Result<Json<PaymentView>, Problem> {
    let wanted = states(&patience.until)?;
    let seconds = patience.timeout_seconds.unwrap_or(USUAL_WAIT_SECONDS);
    if seconds > LONGEST_WAIT_SECONDS {
        let detail =
            format!("`timeout_seconds` is at most {LONGEST_WAIT_SECONDS}; ask again after that");
        return Err(Problem::bad_request(detail));
    }
    let unit = control.unit(path.environment, &path.msn)?;
    let clock = &control.engine().clock;
    let limit = clock.now() + SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let reached = control.reached(&unit, &path.order_id, &wanted);
    let mut stop = control.stop.clone();
    let stopping = async move {
        // Whoever would say so is gone: that is an end as well.
        stop.wait_for(|stop| *stop).await.ok();
    };
    let view = tokio::select! {
        biased;
        view = reached => view?,
        () = clock.sleep_until(limit) => return Err(control.too_late(&unit, &path.order_id, &patience.until).await),
        () = stopping => {
            let detail = "the platform is being stopped";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", detail));
        }
    };
    Ok(Json(shown(&unit, &view)))
}

impl Control {
    /// Returns when the payment is, or has been, in one of the states.
    async fn reached(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        wanted: &HashSet<StateName>,
    ) -> Result<View, Problem> {
        let engine = self.engine();
        let partition = unit.partition();
        // First listen, then look: a change in between is not missed.
        let mut changes = engine.changes();
        loop {
            match engine.view(unit, order).await {
                Ok(view) => {
                    if !wanted.is_disjoint(&been_in(&view.history)) {
                        return Ok(view);
                    }
                    let state = StateName::of(&view.payment);
                    if state.is_final() {
                        let detail = format!("the payment has ended as {state}");
                        return Err(Problem::conflict("ended", detail));
                    }
                }
                Err(Refused::Because(
                    Cause::OrderUnknown { .. } | Cause::OrderOfAnotherUnit { .. },
                )) => {}
                Err(refused) => return Err(refused.into()),
            }
            changed(&mut changes, &partition, order).await;
        }
    }

    async fn too_late(&self, unit: &Arc<Unit>, order: &str, until: &str) -> Problem {
        let now = match self.engine().view(unit, order).await {
            Ok(view) => format!("it is {}", StateName::of(&view.payment)),
            Err(_) => "there is no such payment".to_owned(),
        };
        let detail = format!("the payment did not become {until} in time; {now}");
        Problem::new(StatusCode::REQUEST_TIMEOUT, "not_reached", detail)
    }
}

/// Returns when the payment may have changed.
async fn changed(changes: &mut Receiver<Changed>, partition: &Partition, order: &str) {
    loop {
        match changes.recv().await {
            Ok(Changed::Payment(place, name)) if place == *partition && name == order => return,
            Ok(Changed::Payment(..)) => {}
            Ok(Changed::Anything) => return,
            // Some were missed: look.
            Err(RecvError::Lagged(_)) => return,
            // The engine is gone; whoever waits will be told that it is too late.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Every state that a history has passed.
fn been_in(history: &[Happened]) -> HashSet<StateName> {
    let mut payment = None;
    let mut states = HashSet::new();
    for happened in history {
        payment = Payment::apply(payment.take(), happened);
        states.extend(payment.as_ref().map(StateName::of));
    }
    states
}

fn states(text: &str) -> Result<HashSet<StateName>, Problem> {
    text.split(',')
        .map(|word| {
            let word = word.trim().to_ascii_uppercase();
            let word: value::StrDeserializer<'_, value::Error> = word.as_str().into_deserializer();
            StateName::deserialize(word)
                .map_err(|error| Problem::bad_request(format!("`until`: {error}")))
        })
        .collect()
}
