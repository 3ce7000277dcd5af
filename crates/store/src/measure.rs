//! What a part of the program counts of itself, for whoever watches it.
//!
//! To count costs an atomic addition or two and waits for nobody; what was counted is put together
//! when somebody asks. Nothing is decided by it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Up to how many microseconds each step of a time goes: 100 µs to 10 s.
const TIMES_US: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// Up to how many pieces each step of a size goes.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// How often something happened. A new one has counted nothing.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// It happened once.
    pub fn note(&self) {
        self.add(1);
    }

    /// It happened so many times.
    pub fn add(&self, times: usize) {
        let times = u64::try_from(times).unwrap_or(u64::MAX);
        self.0.fetch_add(times, Ordering::Relaxed);
    }

    /// How often it happened so far.
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How values are spread: how many of them lie up to each of a few bounds.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what is greater than all of them.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a [`Histogram`] has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Up to what value each step goes.
    pub bounds: &'static [u64],
    /// How many values lie in each step, and at the end how many beyond.
    pub counts: Vec<u64>,
    /// Of all values.
    pub sum: u64,
}

impl Histogram {
    /// Of times; its values are microseconds.
    pub fn of_times() -> Histogram {
        Histogram::with(TIMES_US)
    }

    /// Of sizes of groups.
    pub fn of_sizes() -> Histogram {
        Histogram::with(SIZES)
    }

    fn with(bounds: &'static [u64]) -> Histogram {
        Histogram {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a value.
    pub fn note(&self, value: u64) {
        let step = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(step) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts a time.
    pub fn note_time(&self, time: Duration) {
        self.note(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts the time since then.
    pub fn note_since(&self, began: Instant) {
        self.note_time(began.elapsed());
    }

    /// What was counted. Values that come meanwhile may be in some of the figures only.
    pub fn read(&self) -> Distribution {
        let counts = self.counts.iter();
        Distribution {
            bounds: self.bounds,
            counts: counts.map(|it| it.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl Distribution {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// What a store tells of itself. What it does not have is left out.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// How many pieces of work went to disk together.
    pub group_sizes: Option<Distribution>,
    /// How long that took, in microseconds.
    pub group_times: Option<Distribution>,
    /// Pieces of work that wait to be written.
    pub waiting: Option<usize>,
    /// How often whoever asked was told that the store had failed.
    pub failures: u64,
    /// The connections to a database server.
    pub connections: Option<Connections>,
}

/// The connections to a database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// So many may be in use at a time, besides those of the writers.
    pub most: usize,
    /// So many are.
    pub busy: usize,
    /// So many were made so far, the first ones included.
    pub opened: u64,
    /// So often one could not be made.
    pub refused: u64,
    /// So often one was lost.
    pub lost: u64,
}

/// What a store counts of writing in groups.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) sizes: Histogram,
    pub(crate) times: Histogram,
    pub(crate) failures: Counter,
}

impl Default for Groups {
    fn default() -> Groups {
        Groups {
            sizes: Histogram::of_sizes(),
            times: Histogram::of_times(),
            failures: Counter::default(),
        }
    }
}

impl Groups {
    /// A group of so many pieces was written.
    pub(crate) fn note(&self, pieces: usize, began: Instant) {
        self.sizes.note(u64::try_from(pieces).unwrap_or(u64::MAX));
        self.times.note_since(began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_in_the_step_that_ends_with_it() {
        let histogram = Histogram::of_sizes();
        for value in [0, 1, 2, 3, 4, 512, 513, 9_999] {
            histogram.note(value);
        }
        let read = histogram.read();
        assert_eq!(read.counts, [2, 1, 2, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!((read.count(), read.sum), (8, 11_034));
    }

    #[test]
    fn times_are_microseconds() {
        let histogram = Histogram::of_times();
        histogram.note_time(Duration::from_nanos(100_999));
        histogram.note_time(Duration::from_secs(11));
        let read = histogram.read();
        assert_eq!((read.counts[0], read.counts[16]), (1, 1));
        assert_eq!(read.sum, 11_000_100);
    }
}
