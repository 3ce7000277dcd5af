//! What happens later by itself.
//!
//! Deadlines are part of the stored records. In memory stands only the earliest one of each sales
//! unit, on that unit's clock; the runner sleeps until the earliest of these in real time, asks
//! the store what is due, and lets each happen at its own moment. An operation on an order whose
//! deadline has passed lets it happen first, so answers never depend on how late the runner is.

use std::{collections::HashMap, sync::Arc};

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{Timestamp, payment::Due};
use sandkasse_store::{Kind, Partition, StoreError};
use tokio::sync::Notify;

use crate::{
    Engine, Intent, Refused, Unit,
    intent::{At, AtPace},
};

/// Records that are brought back together; their commits share a write to disk.
const TOGETHER: usize = 64;
/// Records asked of the store at once.
const BATCH: usize = 512;
/// How long the runner leaves a sales unit alone after its store failed.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// The earliest deadline of each sales unit.
pub(crate) struct Agenda {
    next: Mutex<HashMap<Partition, Timestamp>>,
    earlier: Notify,
}

impl Agenda {
    pub(crate) fn new(heads: Vec<(Partition, Timestamp)>) -> Agenda {
        Agenda {
            next: Mutex::new(heads.into_iter().collect()),
            earlier: Notify::new(),
        }
    }

    /// A record of this unit now has this deadline.
    pub(crate) fn note(&self, partition: &Partition, deadline: Timestamp) {
        let mut next = self.next.lock();
        match next.get_mut(partition) {
            Some(known) if *known <= deadline => return,
            Some(known) => *known = deadline,
            None => {
                next.insert(partition.clone(), deadline);
            }
        }
        drop(next);
        self.earlier.notify_one();
    }

    pub(crate) fn clear(&self) {
        self.next.lock().clear();
    }

    /// Takes a unit's head away, before looking what is due. What is noted meanwhile stays.
    fn take(&self, partition: &Partition) {
        self.next.lock().remove(partition);
    }

    fn heads(&self) -> Vec<(Partition, Timestamp)> {
        self.next
            .lock()
            .iter()
            .map(|(partition, at)| (partition.clone(), *at))
            .collect()
    }
}

impl Engine {
    /// Runs for ever: lets everything happen when it is due.
    pub async fn run_agenda(self: Arc<Self>) {
        loop {
            let earlier = self.agenda.earlier.notified();
            match self.run_due_units().await {
                Some(moment) => {
                    tokio::select! {
                        () = self.clock.sleep_until(moment) => {}
                        () = earlier => {}
                    }
                }
                None => earlier.await,
            }
        }
    }

    /// Lets everything happen that is due now, in all sales units. Answers when the next thing is
    /// due, in real time.
    pub async fn run_due_units(&self) -> Option<Timestamp> {
        let mut soonest: Option<Timestamp> = None;
        for (partition, deadline) in self.agenda.heads() {
            let snapshot = self.directory.of(partition.environment);
            let Some(unit) = snapshot.unit(&partition.msn) else {
                self.agenda.take(&partition);
                continue;
            };
            let next = if deadline <= self.now(unit) {
                self.run_due(unit, self.now(unit), AtPace::Free).await
            } else {
                Some(deadline)
            };
            if let Some(next) = next {
                let real = unit.real(next);
                soonest = Some(soonest.map_or(real, |other| other.min(real)));
            }
        }
        soonest
    }

    /// Moves a sales unit's clock forward by `by`, and lets everything happen that falls due
    /// meanwhile: in order, each at its own moment. Other operations on the unit wait.
    pub async fn advance(
        &self,
        unit: &Arc<Unit>,
        by: SignedDuration,
    ) -> Result<Timestamp, StoreError> {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX).max(0);
        let _nobody_else = unit.running.pace.write().await;
        let ahead_ms = unit.ahead_ms().saturating_add(by_ms).min(MOST_AHEAD_MS);
        // First durable, then run, then seen: after a crash in the middle the rest is due at once.
        self.directory
            .change_unit(unit.facts.environment, &unit.facts.msn, |facts| {
                facts.clock_ahead_ms = facts.clock_ahead_ms.max(ahead_ms);
            })
            .await?;
        let target = self
            .clock
            .now()
            .checked_add(SignedDuration::from_millis(ahead_ms))
            .unwrap_or(Timestamp::MAX);
        self.run_due(unit, target, AtPace::Held).await;
        unit.running.set_ahead(ahead_ms);
        Ok(self.now(unit))
    }

    /// Lets happen what is due in one unit until `until`; answers what is due next.
    async fn run_due(&self, unit: &Arc<Unit>, until: Timestamp, pace: AtPace) -> Option<Timestamp> {
        let partition = unit.partition();
        // First, so that a deadline committed from here on is noted and not overwritten.
        self.agenda.take(&partition);
        let ran = self.run_due_batches(unit, &partition, until, pace).await;
        let next = match ran {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(msn = %partition.msn, %error, "what is due could not be done");
                Some(until + AFTER_FAULT)
            }
        };
        if let Some(next) = next {
            self.agenda.note(&partition, next);
        }
        next
    }

    async fn run_due_batches(
        &self,
        unit: &Arc<Unit>,
        partition: &Partition,
        until: Timestamp,
        pace: AtPace,
    ) -> Result<Option<Timestamp>, StoreError> {
        loop {
            let due = self.store.due(partition, until, BATCH).await?;
            if due.is_empty() {
                return self.store.next_deadline(partition).await;
            }
            let payments = due
                .into_iter()
                .filter(|(stream, _)| stream.kind == Kind::Payment);
            let outcomes: Vec<_> = stream::iter(payments)
                .map(|(stream, moment)| self.let_happen(unit, stream.name, moment, pace))
                .buffered(TOGETHER)
                .collect()
                .await;
            for outcome in outcomes {
                match outcome {
                    Ok(()) => {}
                    Err(Refused::Fault(fault)) => return Err(StoreError(fault)),
                    Err(Refused::Because(cause)) => {
                        // Somebody else works on this order right now; look again later.
                        return Err(StoreError(format!("{cause:?}")));
                    }
                }
            }
        }
    }

    async fn let_happen(
        &self,
        unit: &Arc<Unit>,
        order: String,
        moment: Timestamp,
        pace: AtPace,
    ) -> Result<(), Refused> {
        let at = At::Moment { moment, pace };
        let view = self.view_at(unit, &order, None).await?;
        if view.payment.due() != Some((moment, Due::PayerActs)) {
            return self
                .operate(unit, &order, Intent::TimePasses, None, at)
                .await
                .map(drop);
        }
        if let Err(refused) = self.act_unasked(unit, &view, at).await {
            tracing::info!(msn = %unit.facts.msn, order_id = %order, ?refused, "a person could not act");
            self.operate(unit, &order, Intent::PutDown, None, at)
                .await?;
        }
        Ok(())
    }
}

/// No clock goes further ahead than a hundred years.
const MOST_AHEAD_MS: i64 = 100 * 366 * 24 * 3_600_000;
