//! Webhooks: who hears of what, and when an attempt is repeated (reference: webhooks.md).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{AsOf, Msn, partner::PartnerId};

/// An event that a registration can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names on the wire say it")]
pub enum EventId {
    #[serde(rename = "epayments.payment.created.v1")]
    PaymentCreated,
    #[serde(rename = "epayments.payment.authorized.v1")]
    PaymentAuthorized,
    #[serde(rename = "epayments.payment.aborted.v1")]
    PaymentAborted,
    #[serde(rename = "epayments.payment.expired.v1")]
    PaymentExpired,
    #[serde(rename = "epayments.payment.terminated.v1")]
    PaymentTerminated,
    #[serde(rename = "epayments.payment.cancelled.v1")]
    PaymentCancelled,
    #[serde(rename = "epayments.payment.captured.v1")]
    PaymentCaptured,
    #[serde(rename = "epayments.payment.refunded.v1")]
    PaymentRefunded,
    #[serde(rename = "recurring.agreement-activated.v1")]
    AgreementActivated,
    #[serde(rename = "recurring.agreement-rejected.v1")]
    AgreementRejected,
    #[serde(rename = "recurring.agreement-stopped.v1")]
    AgreementStopped,
    #[serde(rename = "recurring.agreement-expired.v1")]
    AgreementExpired,
    #[serde(rename = "recurring.charge-reserved.v1")]
    ChargeReserved,
    #[serde(rename = "recurring.charge-captured.v1")]
    ChargeCaptured,
    /// One `l` on the wire.
    #[serde(rename = "recurring.charge-canceled.v1")]
    ChargeCanceled,
    #[serde(rename = "recurring.charge-failed.v1")]
    ChargeFailed,
    #[serde(rename = "recurring.charge-refunded.v1")]
    ChargeRefunded,
    #[serde(rename = "recurring.charge-creation-failed.v1")]
    ChargeCreationFailed,
    #[serde(rename = "user.checked-in.v1")]
    UserCheckedIn,
    #[serde(rename = "login.merchant-initiated.ping.v1")]
    LoginPing,
}

impl EventId {
    /// All of them, in the order of the reference.
    pub const ALL: [EventId; 20] = [
        EventId::PaymentCreated,
        EventId::PaymentAuthorized,
        EventId::PaymentAborted,
        EventId::PaymentExpired,
        EventId::PaymentTerminated,
        EventId::PaymentCancelled,
        EventId::PaymentCaptured,
        EventId::PaymentRefunded,
        EventId::AgreementActivated,
        EventId::AgreementRejected,
        EventId::AgreementStopped,
        EventId::AgreementExpired,
        EventId::ChargeReserved,
        EventId::ChargeCaptured,
        EventId::ChargeCanceled,
        EventId::ChargeFailed,
        EventId::ChargeRefunded,
        EventId::ChargeCreationFailed,
        EventId::UserCheckedIn,
        EventId::LoginPing,
    ];

    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            EventId::PaymentCreated => "epayments.payment.created.v1",
            EventId::PaymentAuthorized => "epayments.payment.authorized.v1",
            EventId::PaymentAborted => "epayments.payment.aborted.v1",
            EventId::PaymentExpired => "epayments.payment.expired.v1",
            EventId::PaymentTerminated => "epayments.payment.terminated.v1",
            EventId::PaymentCancelled => "epayments.payment.cancelled.v1",
            EventId::PaymentCaptured => "epayments.payment.captured.v1",
            EventId::PaymentRefunded => "epayments.payment.refunded.v1",
            EventId::AgreementActivated => "recurring.agreement-activated.v1",
            EventId::AgreementRejected => "recurring.agreement-rejected.v1",
            EventId::AgreementStopped => "recurring.agreement-stopped.v1",
            EventId::AgreementExpired => "recurring.agreement-expired.v1",
            EventId::ChargeReserved => "recurring.charge-reserved.v1",
            EventId::ChargeCaptured => "recurring.charge-captured.v1",
            EventId::ChargeCanceled => "recurring.charge-canceled.v1",
            EventId::ChargeFailed => "recurring.charge-failed.v1",
            EventId::ChargeRefunded => "recurring.charge-refunded.v1",
            EventId::ChargeCreationFailed => "recurring.charge-creation-failed.v1",
            EventId::UserCheckedIn => "user.checked-in.v1",
            EventId::LoginPing => "login.merchant-initiated.ping.v1",
        }
    }

    /// Whether the platform of that day had it. ePayment's came with the API in March 2023, QR's in October, Recurring's
    /// late in that year, Login's years later.
    pub fn is_known(self, as_of: AsOf) -> bool {
        match self {
            EventId::PaymentCreated
            | EventId::PaymentAuthorized
            | EventId::PaymentAborted
            | EventId::PaymentExpired
            | EventId::PaymentTerminated
            | EventId::PaymentCancelled
            | EventId::PaymentCaptured
            | EventId::PaymentRefunded => true,
            EventId::AgreementActivated
            | EventId::AgreementRejected
            | EventId::AgreementStopped
            | EventId::AgreementExpired
            | EventId::ChargeReserved
            | EventId::ChargeCaptured
            | EventId::ChargeCanceled
            | EventId::ChargeFailed
            | EventId::ChargeRefunded
            | EventId::ChargeCreationFailed
            | EventId::UserCheckedIn
            | EventId::LoginPing => as_of == AsOf::Today,
        }
    }

    /// The event of this name. Case counts.
    pub fn parse(name: &str) -> Option<EventId> {
        EventId::ALL.into_iter().find(|event| event.name() == name)
    }

    /// So many registrations of one owner may ask for it (25 by later official text, 5 in 2023; one
    /// for `user.checked-in.v1`).
    pub fn most_registrations(self, rules: Rules) -> usize {
        match (self, rules) {
            (_, Rules::June2023) => 5,
            (EventId::UserCheckedIn, Rules::Later) => 1,
            (_, Rules::Later) => 25,
        }
    }
}

/// Which of the documented limits hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// Of June 2023.
    June2023,
    /// Of later official text.
    #[default]
    Later,
}

/// The name of a registration: a UUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegistrationId(pub String);

/// Whose events a registration hears of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Those of one sales unit.
    Unit(Msn),
    /// Those of every sales unit that is linked to the partner at that moment.
    Partner(PartnerId),
}

/// An address that hears of events.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Its name.
    pub id: RegistrationId,
    /// Whose it is.
    pub owner: Owner,
    /// As registered.
    pub url: String,
    /// The host as `Host` says it: with the port unless it is the scheme's own.
    pub host: String,
    /// Path and query as they go over the wire.
    pub target: String,
    /// What it hears of; each once, in the order in which they were asked for.
    pub events: Vec<EventId>,
    /// What deliveries are signed with: the text itself, not what it may decode to.
    pub secret: String,
    /// When it was made, in real time.
    pub made_at: Timestamp,
    /// Since when nothing was delivered, although it was tried: on the clock of the sales unit; in
    /// real time for a partner's.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// How its deliveries are sent.
    #[serde(default)]
    pub way: Way,
    /// What goes wrong with its deliveries on demand.
    #[serde(default)]
    pub torments: Vec<Torment>,
}

/// How deliveries go to whoever registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The platform calls the address.
    #[default]
    Called,
    /// Somebody who listens through the control API takes them.
    Fetched,
}

/// Something that goes wrong with deliveries on demand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Torment {
    /// What.
    pub recipe: Recipe,
    /// Only with this event.
    #[serde(default)]
    pub event: Option<EventId>,
    /// Only with what is about this: a payment's reference.
    #[serde(default)]
    pub about: Option<String>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Recipe {
    /// A delivery that was taken is sent once more.
    Duplicate,
    /// The delivery waits until the next one about the same payment was sent, for a minute at most.
    OutOfOrder,
    /// The delivery is sent so much later.
    Late {
        /// On the sales unit's clock.
        seconds: u32,
    },
    /// The first attempt is signed with another secret.
    WrongSignature,
    /// The first attempt has only half of the body, with the headers of the whole.
    CutBody,
    /// The delivery is sent before the API's answer.
    BeforeAnswer,
    /// The delivery is never sent.
    Never,
}

impl Recipe {
    /// As in the control API.
    pub fn name(self) -> &'static str {
        match self {
            Recipe::Duplicate => "duplicate",
            Recipe::OutOfOrder => "out_of_order",
            Recipe::Late { .. } => "late",
            Recipe::WrongSignature => "wrong_signature",
            Recipe::CutBody => "cut_body",
            Recipe::BeforeAnswer => "before_answer",
            Recipe::Never => "never",
        }
    }
}

impl Registration {
    /// What goes wrong with a delivery of this event about this thing, if anything is to.
    pub fn torment(&self, event: EventId, about: &str) -> Option<Recipe> {
        let meant = |torment: &&Torment| {
            torment.event.is_none_or(|it| it == event)
                && torment.about.as_deref().is_none_or(|it| it == about)
        };
        self.torments.iter().find(meant).map(|it| it.recipe)
    }

    /// Whether it was deleted at that moment because nothing was delivered for
    /// [`FAILING_DAYS`]. `now` is on the same clock as [`Registration::failing_since`].
    pub fn gave_up(&self, now: Timestamp) -> bool {
        let since = self.failing_since;
        since.is_some_and(|since| now.duration_since(since) >= days(FAILING_DAYS))
    }
}

/// Secrets stay out of logs and panics.
impl std::fmt::Debug for Registration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registration")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// A registration is deleted after so many days without a success (later official text).
pub const FAILING_DAYS: i64 = 14;
/// A delivery is given up after so many days.
pub const RETRY_DAYS: i64 = 7;
/// A receiver has so long for its whole answer, in milliseconds of real time (later official text).
pub const ANSWER_MS: u64 = 10_000;

/// How long after the failed attempt `n`, counted from 1, the next one is made (later official text;
/// in 2023 only "exponential" was documented).
///
/// ```
/// use sandkasse_domain::webhook::delay_after;
///
/// let seconds: Vec<_> = (1..=7).map(|n| delay_after(n).as_secs()).collect();
/// assert_eq!(seconds, [2, 2, 2, 60, 120, 3600, 3600]);
/// ```
pub fn delay_after(n: u32) -> SignedDuration {
    match n {
        0..=3 => SignedDuration::from_secs(2),
        4 => SignedDuration::from_mins(1),
        5 => SignedDuration::from_mins(2),
        6..=28 => SignedDuration::from_hours(1),
        29.. => days(1),
    }
}

/// When attempt `n + 1` is made, if attempt `n` ended in failure at `ended` and the first one was
/// made at `first`. `None`: it would be later than [`RETRY_DAYS`] after the first, so none is made.
pub fn next_attempt(n: u32, first: Timestamp, ended: Timestamp) -> Option<Timestamp> {
    let next = ended.checked_add(delay_after(n)).ok()?;
    (next.duration_since(first) <= days(RETRY_DAYS)).then_some(next)
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_wire() {
        for event in EventId::ALL {
            let json = serde_json::to_string(&event).unwrap();
            assert_eq!(json, format!("\"{}\"", event.name()));
            assert_eq!(EventId::parse(event.name()), Some(event));
        }
        assert_eq!(EventId::parse("recurring.charge-cancelled.v1"), None);
    }

    /// The whole schedule, where each attempt fails at once.
    #[test]
    fn hook_45_attempts_stand_where_the_schedule_says() {
        let first: Timestamp = "2023-06-13T12:00:00Z".parse().unwrap();
        let mut attempts = vec![first];
        while let Some(last) = attempts.last()
            && let Some(next) = next_attempt(u32::try_from(attempts.len()).unwrap(), first, *last)
        {
            attempts.push(next);
        }
        let seconds: Vec<i64> = attempts
            .iter()
            .map(|at| at.duration_since(first).as_secs())
            .collect();
        let mut expected = vec![0, 2, 4, 6, 66, 186];
        // Hourly through attempt 29, then daily.
        expected.extend((1..=23).map(|hour| 186 + 3600 * hour));
        expected.extend((1..=6).map(|day| 186 + 3600 * 23 + 86_400 * day));
        // A seventh day more would be later than seven days after the first.
        expected.retain(|at| *at <= 7 * 86_400);
        assert_eq!(seconds, expected);
        assert_eq!(seconds.len(), 35);
    }
}
