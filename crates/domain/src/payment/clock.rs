//! The documented times of a payment.

use jiff::{SignedDuration, Timestamp};

/// How long the link lives unopened, and how long the payer has after opening it.
pub const LINK_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// How long a pushed request waits for the payer: there is no link to open first.
pub const PUSH_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// A payment with an expiry of its own lives longer than this.
pub const SHORTEST_LONG_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// How long the bank stays silent after a payment of 2.01 kroner (test environment).
pub const SILENCE: SignedDuration = SignedDuration::from_hours(1);
/// After so long the bank gives back what was not captured of a partly captured payment.
pub const REMAINDER_HELD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// After so long details no longer tell who paid.
pub const PERSONAL_DATA: SignedDuration = SignedDuration::from_hours(168);
/// Captures and cancellations are accepted until so many days after the reservation.
pub const CAPTURE_DAYS: i64 = 180;
/// Refunds are accepted until so many days after the reservation.
pub const REFUND_DAYS: i64 = 365;

/// Whole days between two moments. The platform's periods count whole days: on day 180 a capture
/// is still accepted, at whatever hour.
pub fn whole_days(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// The first moment at which a period of so many whole days is over.
pub fn last_of_days(from: Timestamp, days: i64) -> Timestamp {
    after(from, SignedDuration::from_hours((days + 1) * 24))
}

/// `at` later by `by`; stays at the end of time instead of passing it.
pub fn after(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
