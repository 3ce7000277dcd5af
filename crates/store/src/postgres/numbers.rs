//! Numbers for records and calls: greater than all this node made before, following real time, and
//! never those of another node.
//!
//! A number is milliseconds since 1970 times 1,024, and its last four bits are the node's slot. So
//! a node has 64 numbers a millisecond, runs ahead of time when it needs more, and stays below 2^53
//! until the year 2248.

use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;

const PER_MILLISECOND: i64 = 1_024;
/// The distance of two numbers of a node.
const STEP: i64 = 16;

/// The source of a node's numbers.
pub(super) struct Numbers {
    last: Mutex<i64>,
    slot: AtomicU8,
}

impl Numbers {
    pub(super) fn new(slot: u8, after: i64) -> Numbers {
        Numbers {
            last: Mutex::new(after),
            slot: AtomicU8::new(slot),
        }
    }

    /// So many numbers, rising.
    pub(super) fn take(&self, count: usize) -> impl Iterator<Item = i64> + use<> {
        self.take_at(count, now_ms())
    }

    fn take_at(&self, count: usize, now_ms: i64) -> impl Iterator<Item = i64> + use<> {
        let slot = i64::from(self.slot());
        let mut last = self.last.lock();
        let next = (*last / STEP + 1) * STEP;
        let first = next.max(now_ms * PER_MILLISECOND) + slot;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if count > 0 {
            *last = first + (count - 1) * STEP;
        }
        (0..count).map(move |index| first + index * STEP)
    }

    /// The last one made.
    pub(super) fn last(&self) -> i64 {
        *self.last.lock()
    }

    /// Another node has made this number: later ones here are greater.
    pub(super) fn seen(&self, number: i64) {
        let mut last = self.last.lock();
        *last = number.max(*last);
    }

    pub(super) fn slot(&self) -> u8 {
        self.slot.load(Ordering::Acquire)
    }

    pub(super) fn set_slot(&self, slot: u8) {
        self.slot.store(slot, Ordering::Release);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "only for numbers that rise, which mean nothing else: no decision depends on it"
)]
fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_whatever_the_clock_says_and_meet_no_others() {
        let (one, other) = (Numbers::new(3, 0), Numbers::new(4, 0));
        let mut all = Vec::new();
        for (now, count) in [
            (1_000, 1),
            (1_000, 200),
            (10, 2),
            (1_000, 0),
            (2_000, 1),
            (1_999, 1),
        ] {
            all.extend(one.take_at(count, now));
        }
        assert_eq!(all.len(), 205);
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
        assert!(all.contains(&(2_000 * PER_MILLISECOND + 3)));
        let others: Vec<i64> = other.take_at(300, 1_000).collect();
        assert!(others.iter().all(|number| !all.contains(number)));
        one.seen(9_000_000_000);
        one.set_slot(5);
        let next = one.take_at(1, 1_000).next().unwrap();
        assert!(next > 9_000_000_000 && next % STEP == 5, "{next}");
    }
}
