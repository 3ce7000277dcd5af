//! What the engine counts of itself, for whoever watches it. Nothing is decided by it.

use jiff::SignedDuration;
use sandkasse_domain::Timestamp;
use sandkasse_store::{CommitError, Counter, Histogram};

use crate::{Engine, agenda::Agenda};

/// The counts of one process.
#[derive(Debug)]
pub struct Measures {
    /// Commits that were made.
    pub committed: Counter,
    /// Commits that another writer was faster than; mostly they are decided anew.
    pub conflicts: Counter,
    /// Commits that the store failed to make, or of which it cannot tell.
    pub failed: Counter,
    /// How much later than its moment something happened by itself, in microseconds of real time.
    pub lateness: Histogram,
}

impl Default for Measures {
    fn default() -> Measures {
        Measures {
            committed: Counter::default(),
            conflicts: Counter::default(),
            failed: Counter::default(),
            lateness: Histogram::of_times(),
        }
    }
}

impl Measures {
    /// Answers what it is counted as.
    pub(crate) fn note_commit(&self, made: &Result<(), CommitError>) -> &'static str {
        let (counter, outcome) = match made {
            Ok(()) => (&self.committed, "made"),
            Err(CommitError::Conflict) => (&self.conflicts, "conflict"),
            Err(CommitError::Store(_)) => (&self.failed, "failed"),
        };
        counter.note();
        outcome
    }

    pub(crate) fn note_lateness(&self, late: SignedDuration) {
        self.lateness.note_time(late.unsigned_abs());
    }
}

/// What an agenda holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Sales units that have something on it.
    pub units: usize,
    /// How long the first thing on it has been due.
    pub overdue: SignedDuration,
}

impl Engine {
    /// What happens later by itself to payments.
    pub fn payments_ahead(&self) -> Ahead {
        self.ahead(&self.agenda)
    }

    /// What waits of deliveries of webhooks.
    pub fn deliveries_ahead(&self) -> Ahead {
        self.ahead(&self.hooks.agenda)
    }

    fn ahead(&self, agenda: &Agenda) -> Ahead {
        let mut ahead = Ahead::default();
        for (partition, deadline) in agenda.heads() {
            let snapshot = self.directory.of(partition.environment);
            if let Some(unit) = snapshot.unit(&partition.msn) {
                ahead.units += 1;
                ahead.overdue = ahead.overdue.max(since(deadline, self.now(unit)));
            }
        }
        ahead
    }
}

/// Never negative.
pub(crate) fn since(moment: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(moment).max(SignedDuration::ZERO)
}
