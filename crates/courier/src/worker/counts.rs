//! How calls ended, for whoever watches.

use std::time::Duration;

use sandkasse_store::{Counter, Histogram};

/// A call that the merchant answered as expected.
const ANSWERED: &str = "answered";
/// How a call can end: [`ANSWERED`], and the kinds of failures.
const OUTCOMES: [&str; 10] = [
    ANSWERED,
    "dns",
    "forbidden",
    "refused",
    "tls",
    "timeout",
    "redirect",
    "status",
    "broken",
    "bad-url",
];

/// The counts of one process.
#[derive(Debug)]
pub struct Counts {
    ended: [Counter; OUTCOMES.len()],
    /// How long calls took, in microseconds.
    pub times: Histogram,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            ended: Default::default(),
            times: Histogram::of_times(),
        }
    }
}

impl Counts {
    pub(super) fn note(&self, failure: Option<&'static str>, took_ms: u64) {
        let outcome = failure.unwrap_or(ANSWERED);
        let mut counters = OUTCOMES.iter().zip(&self.ended);
        if let Some((_, counter)) = counters.find(|(name, _)| **name == outcome) {
            counter.note();
        }
        self.times.note_time(Duration::from_millis(took_ms));
    }

    /// How many calls ended in which way.
    pub fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counters = OUTCOMES.iter().zip(&self.ended);
        counters.map(|(name, counter)| (*name, counter.read()))
    }
}

#[cfg(test)]
mod tests {
    use sandkasse_store::CallFailure;

    use super::*;
    use crate::worker::kind;

    #[test]
    fn every_kind_of_failure_is_counted() {
        let text = String::new;
        let failures = [
            CallFailure::Dns {
                host: text(),
                detail: text(),
            },
            CallFailure::Forbidden {
                target: text(),
                rule: text(),
            },
            CallFailure::Refused {
                target: text(),
                detail: text(),
            },
            CallFailure::Tls { detail: text() },
            CallFailure::Timeout { limit_ms: 1 },
            CallFailure::Redirect { location: None },
            CallFailure::Status { status: 500 },
            CallFailure::Broken { detail: text() },
            CallFailure::BadUrl { detail: text() },
        ];
        let counts = Counts::default();
        for failure in &failures {
            counts.note(Some(kind(failure)), 5);
        }
        counts.note(None, 7);
        assert!(counts.ended().all(|(_, count)| count == 1));
        assert_eq!(counts.times.read().sum, 52_000);
    }
}
