//! How many calls are being answered, and how long they take, by environment and API.

use std::{
    array,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use sandkasse_domain::Environment;
use sandkasse_store::{Distribution, Histogram};

/// The APIs, as labels, and where their paths begin. The last one is for calls to nothing that exists.
const APIS: [(&str, &[&str]); 10] = [
    ("access-token", &["accesstoken", "miami", "discovery"]),
    ("ecom", &["ecomm"]),
    ("epayment", &["epayment"]),
    ("userinfo", &["vipps-userinfo-api"]),
    ("order-management", &["order-management"]),
    ("qr", &["qr", "q"]),
    ("report", &["report", "settlement"]),
    ("checkout", &["checkout"]),
    ("webhooks", &["webhooks"]),
    ("none", &[]),
];

/// Whose operation it is, as a label: `ecom` of `POST /ecomm/v2/payments`.
pub fn api_of(operation: &str) -> &'static str {
    APIS.get(index_of(operation)).map_or("none", |api| api.0)
}

fn index_of(operation: &str) -> usize {
    let path = operation.split_once(" /").map_or("", |(_, path)| path);
    let first = path.split('/').next().unwrap_or_default();
    let found = APIS.iter().position(|(_, paths)| paths.contains(&first));
    found.unwrap_or(APIS.len() - 1)
}

/// What is measured of calls.
#[derive(Default)]
pub struct Durations {
    test: Measured,
    production: Measured,
}

struct Measured {
    in_flight: AtomicUsize,
    took: [Histogram; APIS.len()],
}

impl Default for Measured {
    fn default() -> Measured {
        Measured {
            in_flight: AtomicUsize::new(0),
            took: array::from_fn(|_| Histogram::of_times()),
        }
    }
}

/// A call that is being answered, until it is dropped.
pub(crate) struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Durations {
    fn of(&self, environment: Environment) -> &Measured {
        match environment {
            Environment::Test => &self.test,
            Environment::Production => &self.production,
        }
    }

    /// A call begins.
    pub(crate) fn begin(&self, environment: Environment) -> InFlight<'_> {
        let in_flight = &self.of(environment).in_flight;
        in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(in_flight)
    }

    pub(crate) fn note(&self, environment: Environment, operation: &str, took_us: u64) {
        if let Some(histogram) = self.of(environment).took.get(index_of(operation)) {
            histogram.note_time(Duration::from_micros(took_us));
        }
    }

    /// How many calls are being answered.
    pub fn in_flight(&self, environment: Environment) -> usize {
        self.of(environment).in_flight.load(Ordering::Relaxed)
    }

    /// How long calls took, in microseconds, of the APIs that were called.
    pub fn took(
        &self,
        environment: Environment,
    ) -> impl Iterator<Item = (&'static str, Distribution)> {
        let took = APIS.iter().zip(&self.of(environment).took);
        let took = took.map(|((api, _), histogram)| (*api, histogram.read()));
        took.filter(|(_, read)| read.count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NO_OPERATION, ledger};

    #[test]
    fn every_operation_is_of_an_api() {
        for operation in ledger().iter().filter_map(|row| row.operation.as_ref()) {
            assert_ne!(api_of(operation), "none", "{operation}");
        }
        assert_eq!(api_of("GET /q/r/{msn}/{code}"), "qr");
        assert_eq!(api_of(NO_OPERATION), "none");
        assert_eq!(api_of("POST /ecomm/v2/payments"), "ecom");
    }

    #[test]
    fn calls_are_counted_while_they_last_and_timed_by_api() {
        let durations = Durations::default();
        let test = Environment::Test;
        let begun = durations.begin(test);
        assert_eq!(durations.in_flight(test), 1);
        drop(begun);
        assert_eq!(durations.in_flight(test), 0);
        durations.note(test, "POST /ecomm/v2/payments", 300);
        durations.note(test, NO_OPERATION, 20);
        let took: Vec<_> = durations
            .took(test)
            .map(|(api, it)| (api, it.sum))
            .collect();
        assert_eq!(took, [("ecom", 300), ("none", 20)]);
        assert_eq!(durations.took(Environment::Production).count(), 0);
    }
}
