//! The documented limits per minute (reference: ecom.md §4).
//!
//! A window opens with the first call under a key and lasts a minute on the sales unit's clock;
//! all calls count, refused and repeated ones too. Windows live in memory: a restart forgets them,
//! which lets at most twice the limit pass in the minute that saw it.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use sandkasse_domain::Timestamp;

/// How long a window lasts.
const WINDOW: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
/// At so many open windows the closed ones are swept out.
const SWEEP_AT: usize = 16_384;

/// So many calls a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is counted, for the explanation.
    pub operation: &'static str,
    /// How many calls pass in a minute.
    pub per_minute: u32,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    opened_at: Timestamp,
    calls: u32,
}

/// All open windows.
#[derive(Debug, Default)]
pub struct RateWindows {
    windows: Mutex<Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    open: HashMap<String, Window>,
    sweep_at: usize,
}

impl RateWindows {
    /// Counts a call. `Err` says how long until the window closes, in whole seconds, at least 1.
    pub fn count(&self, key: String, limit: Limit, now: Timestamp) -> Result<(), Duration> {
        let mut windows = self.windows.lock();
        if windows.open.len() >= windows.sweep_at.max(SWEEP_AT) {
            windows.open.retain(|_, window| is_open(window, now));
            // Clocks differ between units, so a sweep may find little; it then waits for twice
            // as many, and the cost of sweeping stays a constant share.
            windows.sweep_at = windows.open.len() * 2;
        }
        let window = windows.open.entry(key).or_insert(Window {
            opened_at: now,
            calls: 0,
        });
        if !is_open(window, now) {
            *window = Window {
                opened_at: now,
                calls: 0,
            };
        }
        if window.calls < limit.per_minute {
            window.calls += 1;
            return Ok(());
        }
        let left = WINDOW - now.duration_since(window.opened_at);
        let seconds = left.as_millis().div_euclid(1000) + i128::from(left.as_millis() % 1000 != 0);
        Err(Duration::from_secs(
            u64::try_from(seconds).unwrap_or(1).max(1),
        ))
    }

    /// Forgets all windows.
    pub fn clear(&self) {
        *self.windows.lock() = Windows::default();
    }
}

fn is_open(window: &Window, now: Timestamp) -> bool {
    let age = now.duration_since(window.opened_at);
    !age.is_negative() && age < WINDOW
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_window_counts_closes_and_tells_when() {
        let limit = Limit {
            operation: "capture",
            per_minute: 2,
        };
        let windows = RateWindows::default();
        let start = Timestamp::UNIX_EPOCH;
        let at = |ms: i64| start + SignedDuration::from_millis(ms);
        let count = |key: &str, ms| windows.count(key.to_owned(), limit, at(ms));
        assert_eq!(count("a", 0), Ok(()));
        assert_eq!(count("a", 10), Ok(()));
        assert_eq!(count("a", 20), Err(Duration::from_secs(60)));
        assert_eq!(count("b", 20), Ok(()), "another key has another window");
        assert_eq!(count("a", 59_999), Err(Duration::from_secs(1)));
        assert_eq!(count("a", 60_000), Ok(()));
    }
}
