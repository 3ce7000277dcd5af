//! A sales unit as the running process knows it: the stored facts, its merchant and its clock.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use jiff::SignedDuration;
use sandkasse_domain::{Timestamp, merchant::Merchant, sales_unit::SalesUnit};
use sandkasse_store::Partition;
use tokio::sync::RwLock;

/// A sales unit of the present directory.
#[derive(Debug)]
pub struct Unit {
    /// What is stored of it. The clock in here is the one at load; ask [`Unit::now`].
    pub facts: SalesUnit,
    /// Whose it is.
    pub merchant: Arc<Merchant>,
    pub(crate) running: Arc<Running>,
}

/// What must outlive a refresh of the directory.
#[derive(Debug)]
pub(crate) struct Running {
    ahead_ms: AtomicI64,
    /// Held for reading by every operation and for writing while the clock is advanced, so that
    /// nothing happens at an old moment while the new one is being reached. Operations whose
    /// decision needs sums over the whole unit hold it for writing too.
    pub(crate) pace: Arc<RwLock<()>>,
    /// When it was last used, on its own clock, in milliseconds; 0 when not since the process began.
    used_at: AtomicI64,
    /// Set when the platform was reset: whoever still holds this unit may change nothing more.
    retired: AtomicBool,
}

impl Running {
    pub(crate) fn new(ahead_ms: i64) -> Running {
        Running {
            ahead_ms: AtomicI64::new(ahead_ms),
            used_at: AtomicI64::new(0),
            pace: Arc::default(),
            retired: AtomicBool::new(false),
        }
    }

    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::SeqCst)
    }

    /// Notes a use, and tells the one before.
    pub(crate) fn used(&self, now: Timestamp) -> Option<Timestamp> {
        let before = self.used_at.swap(now.as_millisecond(), Ordering::Relaxed);
        (before != 0)
            .then(|| Timestamp::from_millisecond(before).ok())
            .flatten()
    }

    /// Before time is advanced: an idle time begins now, unless it has begun.
    pub(crate) fn begin_idle(&self, now: Timestamp) {
        let unused = (0, now.as_millisecond());
        let _ =
            self.used_at
                .compare_exchange(unused.0, unused.1, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn set_ahead(&self, ahead_ms: i64) {
        self.ahead_ms.fetch_max(ahead_ms, Ordering::SeqCst);
    }
}

impl Unit {
    /// How far this unit's clock is ahead of real time, in milliseconds.
    pub fn ahead_ms(&self) -> i64 {
        self.running.ahead_ms.load(Ordering::SeqCst)
    }

    /// The moment on this unit's clock at a moment of real time.
    pub fn now(&self, real: Timestamp) -> Timestamp {
        real.checked_add(SignedDuration::from_millis(self.ahead_ms()))
            .unwrap_or(Timestamp::MAX)
    }

    /// The moment of real time at which this unit's clock shows `moment`.
    pub fn real(&self, moment: Timestamp) -> Timestamp {
        moment
            .checked_sub(SignedDuration::from_millis(self.ahead_ms()))
            .unwrap_or(Timestamp::MIN)
    }

    /// Where its data lives.
    pub fn partition(&self) -> Partition {
        crate::partition(self.facts.environment, &self.facts.msn)
    }
}
