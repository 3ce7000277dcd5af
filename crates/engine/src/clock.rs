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

    /// Returns when the moment has come.
    async fn sleep_until(&self, moment: Timestamp);
}

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

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that wakes all sleepers"
    )]
    async fn sleep_until(&self, moment: Timestamp) {
        let wait = moment.duration_since(self.now());
        tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
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
