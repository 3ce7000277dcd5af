//! Real time, as an argument.

use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::Timestamp;
use tokio::sync::watch;

/// Real time. The only clock of the process; sales units add their offset to it.
#[async_trait]
pub trait WallClock: Send + Sync {
    /// Now, in whole milliseconds.
    fn now(&self) -> Timestamp;

    /// Returns when the moment has come; or when it would have, had the clock not been set back
    /// meanwhile: so no pause becomes a day, and whoever needs the moment itself looks again.
    async fn sleep_until(&self, moment: Timestamp);
}

/// How long a sleeper may miss that the machine's clock was set forward.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl WallClock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that all others ask"
    )]
    fn now(&self) -> Timestamp {
        whole_milliseconds(Timestamp::now())
    }

    async fn sleep_until(&self, moment: Timestamp) {
        sleep(|| self.now(), moment).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that wakes all sleepers"
)]
async fn sleep(now: impl Fn() -> Timestamp, moment: Timestamp) {
    let mut left = Duration::try_from(moment.duration_since(now())).unwrap_or_default();
    while !left.is_zero() && now() < moment {
        let portion = left.min(LOOK_EVERY);
        tokio::time::sleep(portion).await;
        left -= portion;
    }
}

/// A clock that moves only when told to. For tests.
#[derive(Debug)]
pub struct ManualClock {
    moved: watch::Sender<Timestamp>,
    moving: Mutex<()>,
}

impl ManualClock {
    /// Stands still at `start`.
    pub fn new(start: Timestamp) -> ManualClock {
        ManualClock {
            moved: watch::Sender::new(whole_milliseconds(start)),
            moving: Mutex::new(()),
        }
    }

    /// Moves on, and wakes whoever waited for a moment that has now come.
    pub fn advance(&self, by: SignedDuration) {
        let _one_at_a_time = self.moving.lock();
        let now = *self.moved.borrow();
        self.moved.send_replace(whole_milliseconds(now + by));
    }
}

#[async_trait]
impl WallClock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.moved.borrow()
    }

    async fn sleep_until(&self, moment: Timestamp) {
        let mut moved = self.moved.subscribe();
        // The sender lives as long as `self`.
        let _ = moved.wait_for(|now| *now >= moment).await;
    }
}

/// The platform tells time in milliseconds.
fn whole_milliseconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// how long somebody sleeps who was to sleep for an hour, when the clock is set by so
    /// much after ten minutes.
    #[tokio::test(start_paused = true)]
    async fn r_15_sleepers_notice_that_the_clock_was_set() {
        let hour = Duration::from_secs(3_600);
        for (set_by_s, expected_s) in [(0, 3_600), (3_599, 600), (-86_400, 3_600), (60, 3_540)] {
            let began = tokio::time::Instant::now();
            let now = || {
                let passed = began.elapsed();
                let set_by = if passed < hour / 6 { 0 } else { set_by_s };
                let since = SignedDuration::try_from(passed).expect("a short time");
                Timestamp::UNIX_EPOCH + since + SignedDuration::from_secs(set_by)
            };
            sleep(now, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)).await;
            let slept = began.elapsed().as_secs();
            assert!(
                (expected_s..=expected_s + LOOK_EVERY.as_secs()).contains(&slept),
                "set by {set_by_s} s: slept for {slept} s"
            );
        }
    }
}
