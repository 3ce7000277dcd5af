//! Tells whoever started the program how it is, as services of systemd do: with `Type=notify` the
//! next service waits until all listeners accept, and with a watchdog one that hangs is started anew.
//!
//! Without such a supervisor nothing is told to anybody.

use sd_notify::NotifyState;
use tokio::time::MissedTickBehavior;

/// All listeners accept.
pub(crate) fn ready() {
    tell(NotifyState::Ready);
}

/// It ends.
pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Says that it lives, twice as often as it must. Returns at once where nobody wants to know.
pub(crate) async fn keep_watchdog() {
    let Some(longest) = sd_notify::watchdog_enabled().filter(|it| !it.is_zero()) else {
        return;
    };
    let mut ticks = tokio::time::interval(longest / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tell(NotifyState::Watchdog);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the supervisor could not be told");
    }
}
