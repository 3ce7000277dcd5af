//! Finding payments of a sales unit: by the beginning of the order id, or the newest first; of one
//! state only, if wanted.
//!
//! States stand in no index, so a search for a rare one passes over many payments. It looks at
//! [`MOST_LOOKED_AT`] and then says where to go on: every page costs a bounded time, however many
//! payments the unit has.

use sandkasse_domain::payment::Payment;
use sandkasse_engine::Unit;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Control, Problem, StateName};

/// No search looks at more payments before it answers.
pub(crate) const MOST_LOOKED_AT: usize = 2000;
/// So many are read at once.
const BATCH: usize = 200;

/// What is looked for.
pub(crate) struct Search<'a> {
    /// The beginning of the order id. Without one, the newest come first; with one, it is by id.
    pub(crate) prefix: Option<&'a str>,
    /// Only these.
    pub(crate) state: Option<StateName>,
    /// Where an earlier search stopped.
    pub(crate) from: Option<Next>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// Where to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Next {
    /// By id: behind this one.
    After(String),
    /// By age: before this place.
    Before(u64),
}

/// What was found.
pub(crate) struct Found {
    pub(crate) payments: Vec<Payment>,
    /// Set if there may be more.
    pub(crate) next: Option<Next>,
}

impl Control {
    /// Looks for payments.
    pub(crate) async fn search(&self, unit: &Unit, search: Search<'_>) -> Result<Found, Problem> {
        let mut payments = Vec::new();
        let mut at = search.from;
        let mut looked_at = 0;
        loop {
            let wanted = if search.state.is_some() {
                BATCH
            } else {
                search.limit - payments.len()
            };
            let batch = self.batch(unit, search.prefix, at.as_ref(), wanted).await?;
            let is_last = batch.len() < wanted;
            for (place, payment) in batch {
                looked_at += 1;
                at = Some(place);
                if search
                    .state
                    .is_none_or(|only| StateName::of(&payment) == only)
                {
                    payments.push(payment);
                }
                if payments.len() >= search.limit {
                    return Ok(Found { payments, next: at });
                }
            }
            if is_last {
                return Ok(Found {
                    payments,
                    next: None,
                });
            }
            if looked_at >= MOST_LOOKED_AT {
                return Ok(Found { payments, next: at });
            }
        }
    }

    async fn batch(
        &self,
        unit: &Unit,
        prefix: Option<&str>,
        from: Option<&Next>,
        limit: usize,
    ) -> Result<Vec<(Next, Payment)>, Problem> {
        let engine = self.engine();
        if let Some(prefix) = prefix {
            let after = match from {
                Some(Next::After(name)) => Some(name.as_str()),
                Some(Next::Before(_)) | None => None,
            };
            let found = engine.find(unit, prefix, after, limit).await?;
            let by_id = |payment: Payment| (Next::After(payment.order.id.to_string()), payment);
            return Ok(found.into_iter().map(by_id).collect());
        }
        let before = match from {
            Some(Next::Before(number)) => Some(*number),
            Some(Next::After(_)) | None => None,
        };
        let found = engine.newest(unit, before, limit).await?;
        let by_age = |(number, payment)| (Next::Before(number), payment);
        Ok(found.into_iter().map(by_age).collect())
    }
}
