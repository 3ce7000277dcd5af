//! The documented limits per minute (reference: ecom.md §4).
//!
//! A window opens with the first call under a key and lasts a minute on the sales unit's clock;
//! all calls count, refused and repeated ones too. Windows live in memory: a restart forgets them,
//! which lets at most twice the limit pass in the minute that saw it. Where several processes work
//! on one store, windows live there, and calls that come at the same time are counted together.
//!
//! What a window counts for comes from the caller, before anything has judged it, and may be a
//! megabyte long or a secret; so windows are kept under a digest of it.

use std::{collections::HashMap, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;
use sandkasse_domain::Timestamp;
use sandkasse_engine::{Hit, Windows};

/// How long a window lasts.
const WINDOW_MS: i64 = 60_000;
/// At so many open windows the closed ones are swept out.
const SWEEP_AT: usize = 16_384;

/// So many calls a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The cause when it is exceeded: `rate.initiate`.
    pub id: &'static str,
    /// What is counted, for the explanation.
    pub operation: &'static str,
    /// How many calls pass in a minute.
    pub per_minute: u32,
}

/// Half of a SHA-256 digest. There may be as many windows as calls in a minute, so they are small.
type Digest = [u8; 16];

#[derive(Clone, Copy, Debug)]
struct Window {
    /// Unix milliseconds on the clock that the limit is counted by.
    opened_at: i64,
    /// Unix seconds in real time: when it can be forgotten.
    stale_at: u32,
    calls: u32,
}

/// All open windows.
#[derive(Debug, Default)]
pub struct RateWindows {
    windows: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    open: HashMap<Digest, Window>,
    sweep_at: usize,
}

/// A moment on a sales unit's clock, and in real time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// On the clock that the limit is counted by.
    pub on_clock: Timestamp,
    /// Real time.
    pub real: Timestamp,
}

fn digest_of(key: &str) -> Digest {
    let mut half = Digest::default();
    let digest = digest(&SHA256, key.as_bytes());
    half.iter_mut()
        .zip(digest.as_ref())
        .for_each(|(to, from)| *to = *from);
    half
}

/// How long a window that opened then stays open, in whole seconds, at least 1 and at most its length: another node may
/// have opened it a moment after this call looked at the clock.
fn left(opened_at: i64, now: i64) -> Duration {
    let left = (opened_at + WINDOW_MS - now).min(WINDOW_MS);
    let seconds = left.div_euclid(1000) + i64::from(left % 1000 != 0);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(1).max(1))
}

impl RateWindows {
    /// Counts a call in this process. `Err` says how long until the window closes, in whole seconds,
    /// at least 1.
    pub fn count(&self, key: &str, limit: Limit, moment: Moment) -> Result<(), Duration> {
        let digest_of = digest_of(key);
        let now = moment.on_clock.as_millisecond();
        let real = u32::try_from(moment.real.as_second()).unwrap_or_default();
        let fresh = Window {
            opened_at: now,
            // A second more, because parts of one are not kept.
            stale_at: real + 61,
            calls: 0,
        };
        let mut windows = self.windows.lock();
        if windows.open.len() >= windows.sweep_at.max(SWEEP_AT) {
            windows.open.retain(|_, window| window.stale_at > real);
            // The next sweep waits for twice as many, so its cost stays a constant share.
            let next = windows.open.len() * 2;
            windows.sweep_at = next;
            windows.open.shrink_to(next.max(SWEEP_AT));
        }
        let window = windows.open.entry(digest_of).or_insert(fresh);
        if !is_open(window, now) {
            *window = fresh;
        }
        if window.calls < limit.per_minute {
            window.calls += 1;
            return Ok(());
        }
        Err(left(window.opened_at, now))
    }

    /// Counts a call in windows that other processes see too. One that cannot be counted passes.
    pub async fn count_shared(
        windows: &Windows,
        key: &str,
        limit: Limit,
        moment: Moment,
    ) -> Result<(), Duration> {
        let hit = Hit {
            key: digest_of(key),
            now: moment.on_clock,
            length_ms: WINDOW_MS,
            most: limit.per_minute,
            kept_ms: WINDOW_MS,
        };
        match windows.count(hit).await {
            Some(window) if !window.counted => {
                let opened_at = window.opened_at.as_millisecond();
                Err(left(opened_at, moment.on_clock.as_millisecond()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Forgets all windows.
    pub fn clear(&self) {
        *self.windows.lock() = Open::default();
    }
}

fn is_open(window: &Window, now: i64) -> bool {
    (0..WINDOW_MS).contains(&(now - window.opened_at))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn no_window_stays_open_for_longer_than_a_minute() {
        for (opened_at, now, seconds) in [
            (1_000, 1_000, 60),
            (1_000, 999, 60),
            (1_000, 1_001, 60),
            (1_000, 2_000, 59),
            (1_000, 60_999, 1),
            (1_000, 61_000, 1),
        ] {
            let expected = Duration::from_secs(seconds);
            assert_eq!(left(opened_at, now), expected, "{opened_at} {now}");
        }
    }

    #[test]
    fn a_window_counts_closes_and_tells_when() {
        let limit = Limit {
            id: "rate.capture",
            operation: "capture",
            per_minute: 2,
        };
        let windows = RateWindows::default();
        let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24);
        let at = |ms: i64| start + SignedDuration::from_millis(ms);
        let count = |key: &str, ms| {
            let moment = Moment {
                on_clock: at(ms),
                real: at(ms),
            };
            windows.count(key, limit, moment)
        };
        assert_eq!(count("a", 0), Ok(()));
        assert_eq!(count("a", 10), Ok(()));
        assert_eq!(count("a", 20), Err(Duration::from_secs(60)));
        assert_eq!(count("b", 20), Ok(()), "another key has another window");
        assert_eq!(count("a", 59_999), Err(Duration::from_secs(1)));
        assert_eq!(count("a", 60_000), Ok(()));
        assert_eq!(count("a", 60_001), Ok(()));
        assert!(count("a", 60_002).is_err());
        windows.clear();
        assert_eq!(count("a", 60_003), Ok(()));
    }

    #[test]
    fn closed_windows_are_swept_and_the_next_sweep_waits_for_twice_as_many() {
        let limit = Limit {
            id: "rate.capture",
            operation: "capture",
            per_minute: 1,
        };
        let windows = RateWindows::default();
        let count = |key: &str, seconds: i64| {
            let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
            let moment = Moment {
                on_clock: at,
                real: at,
            };
            assert_eq!(windows.count(key, limit, moment), Ok(()), "{key}");
        };
        let kept = || {
            let windows = windows.windows.lock();
            (windows.open.len(), windows.sweep_at)
        };
        for index in 0..SWEEP_AT {
            // Half of them close a second later than the others.
            count(&format!("first-{index}"), i64::from(index % 2 == 1));
        }
        assert_eq!(kept(), (SWEEP_AT, 0));
        // That second is the last of those that opened first.
        count("one more", 61);
        assert_eq!(kept(), (SWEEP_AT / 2 + 1, SWEEP_AT));
        for index in 0..SWEEP_AT {
            count(&format!("second-{index}"), 61);
        }
        assert_eq!(kept().1, SWEEP_AT * 2, "swept once more, and all are open");
    }

    /// Clocks of sales units differ by years; what one unit's clock shows says nothing of another
    /// unit's windows.
    #[test]
    fn sweeping_goes_by_real_time() {
        let limit = Limit {
            id: "rate.capture",
            operation: "capture",
            per_minute: 1,
        };
        let windows = RateWindows::default();
        let start = Timestamp::UNIX_EPOCH;
        let count = |key: &str, ahead: SignedDuration| {
            let moment = Moment {
                on_clock: start + ahead,
                real: start,
            };
            windows.count(key, limit, moment)
        };
        assert_eq!(count("mine", SignedDuration::ZERO), Ok(()));
        let far = SignedDuration::from_hours(24 * 365);
        for index in 0..=SWEEP_AT {
            assert_eq!(count(&format!("theirs-{index}"), far), Ok(()));
        }
        assert!(count("mine", SignedDuration::ZERO).is_err(), "still open");
    }
}
