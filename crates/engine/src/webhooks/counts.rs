//! What this process counts of deliveries, for whoever watches it.

use sandkasse_store::{Counter, Histogram};

/// The counts.
#[derive(Debug)]
pub struct Counts {
    /// Deliveries that commits of this process promised.
    pub promised: Counter,
    /// Attempts that the receiver took.
    pub taken: Counter,
    /// Attempts that failed.
    pub failed: Counter,
    /// Deliveries that are not tried any more.
    pub dropped: Counter,
    /// How long attempts took, in microseconds.
    pub times: Histogram,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            promised: Counter::default(),
            taken: Counter::default(),
            failed: Counter::default(),
            dropped: Counter::default(),
            times: Histogram::of_times(),
        }
    }
}
