//! What happens later by itself.
//!
//! Deadlines are part of the stored records. In memory stands only the earliest one of each sales
//! unit, on that unit's clock; the runner sleeps until the earliest of these in real time, asks
//! the store what is due, and lets each happen at its own moment. An operation on an order whose
//! deadline has passed lets it happen first, so answers never depend on how late the runner is.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{
    Timestamp,
    payment::{Cause, Due},
    sales_unit::Jump,
};
use sandkasse_store::{Kind, Partition, StoreError};
use tokio::sync::Notify;

use crate::{
    ActRefused, Engine, Intent, Refused, Unit,
    intent::{At, AtPace},
    measures::since,
};

/// Records that are brought back together; their commits share a write to disk.
const TOGETHER: usize = 64;
/// Records asked of the store at once.
const BATCH: usize = 512;
/// How long the runner leaves a sales unit alone after its store failed.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);

/// The earliest deadline of each sales unit. Sorted, so that the same things happen in the same
/// order whenever a seed is run again.
pub(crate) struct Agenda {
    next: Mutex<BTreeMap<Partition, Timestamp>>,
    pub(crate) running: Mutex<HashSet<Partition>>,
    pub(crate) earlier: Notify,
}

impl Agenda {
    pub(crate) fn new(heads: Vec<(Partition, Timestamp)>) -> Agenda {
        Agenda {
            next: Mutex::new(heads.into_iter().collect()),
            running: Mutex::default(),
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

    /// Deadlines of records that other processes may have committed.
    pub(crate) fn learn(&self, heads: Vec<(Partition, Timestamp)>) {
        for (partition, deadline) in heads {
            self.note(&partition, deadline);
        }
    }

    /// A clock may have been moved.
    pub(crate) fn look_again(&self) {
        self.earlier.notify_one();
    }

    pub(crate) fn clear(&self) {
        self.next.lock().clear();
    }

    /// Another node is at it; it may leave something.
    pub(crate) fn put_off(&self, partition: &Partition, until: Timestamp) {
        self.next.lock().insert(partition.clone(), until);
        self.earlier.notify_one();
    }

    /// Takes a unit's head away, before looking what is due. What is noted meanwhile stays.
    pub(crate) fn take(&self, partition: &Partition) {
        self.next.lock().remove(partition);
    }

    /// What is next of one unit.
    pub(crate) fn head(&self, partition: &Partition) -> Option<Timestamp> {
        self.next.lock().get(partition).copied()
    }

    /// A unit's turn. `None` while it has one already.
    fn begin(self: &Arc<Self>, partition: Partition) -> Option<Turn> {
        let begun = self.running.lock().insert(partition.clone());
        // Made only then: where it is dropped, the turn is over.
        begun.then(|| Turn {
            agenda: self.clone(),
            partition,
        })
    }

    pub(crate) fn heads(&self) -> Vec<(Partition, Timestamp)> {
        self.next
            .lock()
            .iter()
            .map(|(partition, at)| (partition.clone(), *at))
            .collect()
    }
}

/// A sales unit has one at a time; it ends when this is dropped.
struct Turn {
    agenda: Arc<Agenda>,
    partition: Partition,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.agenda.running.lock().remove(&self.partition);
        // What fell due during the turn has waited for its end.
        self.agenda.earlier.notify_one();
    }
}

impl Engine {
    /// Runs for ever: lets everything happen when it is due. Each sales unit has a task of its own
    /// while something is due there, so a slow shop or a long advance holds up no other unit.
    pub async fn run_agenda(self: Arc<Self>) {
        loop {
            let earlier = self.agenda.earlier.notified();
            let (due, soonest) = self.look_ahead();
            for unit in due {
                if let Some(turn) = self.agenda.begin(unit.partition()) {
                    tokio::spawn(self.clone().take_turn(unit, turn));
                }
            }
            match soonest {
                Some(moment) => {
                    tokio::select! {
                        biased;
                        () = self.clock.sleep_until(moment) => {}
                        () = earlier => {}
                    }
                }
                None => earlier.await,
            }
        }
    }

    async fn take_turn(self: Arc<Self>, unit: Arc<Unit>, _until_the_end: Turn) {
        // What failed is noted to be tried again, and logged.
        let _ = self.run_due(&unit, self.now(&unit), AtPace::Free).await;
    }

    /// Lets everything happen that is due now, in all sales units, one after the other.
    pub async fn run_due_units(&self) {
        for unit in self.look_ahead().0 {
            // What failed is noted to be tried again, and logged.
            let _ = self.run_due(&unit, self.now(&unit), AtPace::Free).await;
        }
    }

    /// The units where something is due, and when, in real time, something is next due elsewhere.
    fn look_ahead(&self) -> (Vec<Arc<Unit>>, Option<Timestamp>) {
        let (mut due, mut soonest) = (Vec::new(), None);
        for (partition, deadline) in self.agenda.heads() {
            let snapshot = self.directory.of(partition.environment);
            let Some(unit) = snapshot.unit(&partition.msn) else {
                self.agenda.take(&partition);
                continue;
            };
            if deadline <= self.now(unit) {
                due.push(unit.clone());
            } else {
                let real = unit.real(deadline);
                soonest = Some(soonest.map_or(real, |other: Timestamp| other.min(real)));
            }
        }
        (due, soonest)
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
        let from = self.now(unit);
        unit.running.begin_idle(from);
        let ahead_ms = unit.ahead_ms().saturating_add(by_ms).min(MOST_AHEAD_MS);
        let target = self
            .clock
            .now()
            .checked_add(SignedDuration::from_millis(ahead_ms))
            .unwrap_or(Timestamp::MAX);
        // First durable, then run, then seen: after a crash in the middle the rest is due at once.
        self.directory
            .change_unit(unit.facts.environment, &unit.facts.msn, |facts| {
                facts.clock_ahead_ms = facts.clock_ahead_ms.max(ahead_ms);
                facts.jumped(Jump { from, to: target });
            })
            .await?;
        let ran = self.run_due(unit, target, AtPace::Held).await;
        unit.running.set_ahead(ahead_ms);
        self.hooks.agenda.look_again();
        ran.map(|()| self.now(unit))
    }

    /// Lets happen what is due in one unit until `until`, and notes what is due next.
    async fn run_due(
        &self,
        unit: &Arc<Unit>,
        until: Timestamp,
        pace: AtPace,
    ) -> Result<(), StoreError> {
        let partition = unit.partition();
        // While time is advanced here, what is due is brought about here.
        if matches!(pace, AtPace::Free) {
            let claimed = self.claim_agenda(&partition).await;
            if !matches!(claimed, Ok(true)) {
                // Also when the store failed: not at once again, or a store that is away would be
                // asked without a pause.
                self.agenda.put_off(&partition, until + AFTER_FAULT);
                return claimed.map(drop);
            }
        }
        // First, so that a deadline committed from here on is noted and not overwritten.
        self.agenda.take(&partition);
        let ran = self.run_due_batches(unit, &partition, until, pace).await;
        let next = match &ran {
            Ok(next) => *next,
            Err(error) => {
                tracing::error!(msn = %partition.msn, %error, "what is due could not be done");
                Some(until + AFTER_FAULT)
            }
        };
        if let Some(next) = next {
            self.agenda.note(&partition, next);
        }
        if matches!(pace, AtPace::Free) {
            self.release_agenda(&partition).await;
        }
        ran.map(drop)
    }

    /// Answers what is due next.
    async fn run_due_batches(
        &self,
        unit: &Arc<Unit>,
        partition: &Partition,
        until: Timestamp,
        pace: AtPace,
    ) -> Result<Option<Timestamp>, StoreError> {
        loop {
            let due = self
                .store
                .due(partition, Kind::Payment, until, None, BATCH)
                .await?;
            if due.is_empty() {
                return self.store.next_deadline(partition, Kind::Payment).await;
            }
            let outcomes: Vec<_> = stream::iter(due)
                .map(|(order, moment)| self.let_happen(unit, order, moment, pace))
                .buffered(TOGETHER)
                .collect()
                .await;
            let mut held = false;
            for outcome in outcomes {
                match outcome {
                    Ok(()) => {}
                    Err(Refused::Fault(fault)) => return Err(StoreError(fault)),
                    // Somebody else works on this order right now: look again in a moment.
                    Err(Refused::Because(_)) => held = true,
                }
            }
            if held {
                return Ok(Some(until + AFTER_FAULT));
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
        if matches!(pace, AtPace::Free) {
            self.measures.note_lateness(since(moment, self.now(unit)));
        }
        let at = At::Moment { moment, pace };
        let view = self.view_at(unit, &order, None).await?;
        let acts = view.payment.due() == Some((moment, Due::PayerActs));
        let intent = match if acts {
            self.see_shipping_unasked(unit, &view, at).await
        } else {
            Ok(())
        } {
            // Whatever is due happens on the way to this.
            Ok(()) => Intent::TimePasses,
            Err(ActRefused::Refused(Refused::Fault(fault))) => return Err(Refused::Fault(fault)),
            Err(ActRefused::Refused(Refused::Because(cause @ Cause::OrderLocked { .. }))) => {
                return Err(cause.into());
            }
            Err(refused) => {
                tracing::info!(msn = %unit.facts.msn, order_id = %order, ?refused, "a person could not act");
                Intent::PutDown
            }
        };
        match self.operate(unit, &order, intent, None, at).await {
            // It was decided meanwhile: nothing is left to do.
            Ok(_) | Err(Refused::Because(Cause::NotOpen { .. })) => Ok(()),
            Err(refused) => Err(refused),
        }
    }
}

/// No clock goes further ahead than a hundred years.
const MOST_AHEAD_MS: i64 = 100 * 366 * 24 * 3_600_000;

#[cfg(test)]
mod tests {
    use sandkasse_domain::{Environment, Msn};

    use super::*;

    #[test]
    fn a_sales_unit_has_one_turn_at_a_time() {
        let agenda = Arc::new(Agenda::new(Vec::new()));
        let unit = |msn: &str| Partition {
            environment: Environment::Test,
            msn: Msn::try_new(msn).expect("a number"),
        };
        let turn = agenda.begin(unit("123456"));
        assert!(turn.is_some());
        for _ in 0..2 {
            assert!(agenda.begin(unit("123456")).is_none(), "it has its turn");
        }
        assert!(agenda.begin(unit("654321")).is_some(), "another unit");
        drop(turn);
        assert!(agenda.begin(unit("123456")).is_some(), "the turn is over");
    }
}
