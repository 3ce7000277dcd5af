//! How many calls there were, and how they went: all of them, also those that the journal passes
//! over or forgot.
//!
//! A call is counted with one look into a small table under a lock that is held for no longer. There
//! is a table for each minute of the last hours and one for each hour of the last days; the rows of
//! a table are operations and causes, which the program knows, so all of it is bounded.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, VecDeque},
};

use parking_lot::Mutex;
use sandkasse_api::Exchange;
use sandkasse_domain::{Environment, Timestamp};
use sandkasse_gate::Step;

/// So many minutes are told apart.
const MINUTES: usize = 6 * 60;
/// So many hours.
const HOURS: usize = 7 * 24;
/// The operation of calls to nothing that exists.
pub const NO_OPERATION: &str = "no operation";

/// What is told apart of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counted {
    /// What was called: `POST /ecomm/v2/payments`.
    pub operation: &'static str,
    /// HTTP status of the answer.
    pub status: u16,
    /// Why it was refused; `None` for a success.
    pub cause: Option<&'static str>,
}

/// How long one step of a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many minutes.
    Minutes(u16),
    /// So many hours.
    Hours(u16),
}

/// Counts over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// When each step begins, oldest first; the last one is not over yet.
    pub starts: Vec<Timestamp>,
    /// How many calls there were in each step.
    pub counts: BTreeMap<Counted, Vec<u64>>,
}

/// The counts of both environments.
#[derive(Default)]
pub struct Tally {
    test: Mutex<Counts>,
    production: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Oldest first. What is over stands in the hours as well, the newest one does not.
    minutes: VecDeque<Table>,
    hours: VecDeque<Table>,
    /// All that is over, however long ago.
    over: HashMap<Counted, u64>,
}

/// The calls of one minute or hour.
#[derive(Debug, Default)]
struct Table {
    /// Which one, since 1970.
    number: i64,
    rows: HashMap<Counted, u64>,
}

impl Counted {
    /// What is told apart of an exchange.
    pub fn of(environment: Environment, exchange: &Exchange) -> Counted {
        let operation = match exchange.trace.lines().first() {
            Some(line) if line.step == Step::Route && line.passed => match line.saw {
                Cow::Borrowed(name) => name,
                Cow::Owned(_) => NO_OPERATION,
            },
            Some(_) | None => NO_OPERATION,
        };
        Counted {
            operation,
            status: exchange.answer.status.as_u16(),
            cause: exchange.why.as_ref().map(|why| why.id(environment)),
        }
    }
}

impl Pace {
    fn seconds(self) -> i64 {
        match self {
            Pace::Minutes(count) => 60 * i64::from(count.max(1)),
            Pace::Hours(count) => 3600 * i64::from(count.max(1)),
        }
    }
}

impl Tally {
    fn of(&self, environment: Environment) -> &Mutex<Counts> {
        match environment {
            Environment::Test => &self.test,
            Environment::Production => &self.production,
        }
    }

    /// Counts a call.
    pub fn count(&self, environment: Environment, counted: Counted, now: Timestamp) {
        self.of(environment).lock().count(counted, now);
    }

    /// The counts of the last `steps` steps. What is older than is told apart counts as none.
    pub fn series(
        &self,
        environment: Environment,
        pace: Pace,
        steps: u16,
        now: Timestamp,
    ) -> Series {
        let length = pace.seconds();
        let last = now.as_second().div_euclid(length);
        let first = last + 1 - i64::from(steps);
        let start = |step: i64| Timestamp::from_second(step * length).unwrap_or(now);
        let mut series = Series {
            starts: (first..=last).map(start).collect(),
            counts: BTreeMap::new(),
        };
        let mut add = |table: &Table, of: i64| {
            let step = (table.number * of).div_euclid(length);
            // A clock that went back counts into the last step.
            let Ok(at) = usize::try_from(step.min(last) - first) else {
                return;
            };
            for (counted, count) in &table.rows {
                let steps = series.counts.entry(*counted);
                let steps = steps.or_insert_with(|| vec![0; usize::from(steps_of(first, last))]);
                if let Some(there) = steps.get_mut(at) {
                    *there += count;
                }
            }
        };
        let counts = self.of(environment).lock();
        match pace {
            Pace::Minutes(_) => counts.minutes.iter().for_each(|table| add(table, 60)),
            Pace::Hours(_) => {
                counts.hours.iter().for_each(|table| add(table, 3600));
                counts
                    .minutes
                    .back()
                    .iter()
                    .for_each(|table| add(table, 60));
            }
        }
        series
    }

    /// How many calls there were since this process began, or was last made to forget.
    pub fn totals(&self, environment: Environment) -> BTreeMap<Counted, u64> {
        let counts = self.of(environment).lock();
        let present = counts.minutes.back();
        let rows = present.iter().flat_map(|table| &table.rows);
        let mut totals = BTreeMap::new();
        for (counted, count) in rows.chain(&counts.over) {
            *totals.entry(*counted).or_default() += count;
        }
        totals
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for counts in [&self.test, &self.production] {
            *counts.lock() = Counts::default();
        }
    }
}

fn steps_of(first: i64, last: i64) -> u16 {
    u16::try_from(last + 1 - first).unwrap_or(u16::MAX)
}

impl Counts {
    fn count(&mut self, counted: Counted, now: Timestamp) {
        let minute = now.as_second().div_euclid(60);
        let newest = self.minutes.back().map(|table| table.number);
        if newest.is_none_or(|newest| newest < minute) {
            self.turn(minute);
        }
        if let Some(table) = self.minutes.back_mut() {
            *table.rows.entry(counted).or_default() += 1;
        }
    }

    /// A new minute begins: the one before goes into its hour.
    fn turn(&mut self, minute: i64) {
        if let Some(over) = self.minutes.back() {
            let hour = over.number.div_euclid(60);
            if self.hours.back().is_none_or(|newest| newest.number < hour) {
                self.hours.push_back(Table {
                    number: hour,
                    rows: HashMap::new(),
                });
            }
            if let Some(table) = self.hours.back_mut() {
                for (counted, count) in &over.rows {
                    *table.rows.entry(*counted).or_default() += count;
                    *self.over.entry(*counted).or_default() += count;
                }
            }
        }
        self.minutes.push_back(Table {
            number: minute,
            rows: HashMap::new(),
        });
        while self.minutes.len() > MINUTES {
            self.minutes.pop_front();
        }
        while self.hours.len() > HOURS {
            self.hours.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const FINE: Counted = Counted {
        operation: "GET /x",
        status: 200,
        cause: None,
    };
    const WRONG: Counted = Counted {
        operation: "GET /x",
        status: 401,
        cause: Some("subkey.unknown"),
    };

    fn at(text: &str) -> Timestamp {
        format!("2023-06-13T{text}Z").parse().unwrap()
    }

    #[test]
    fn minutes_and_hours_count_the_same_calls() {
        let tally = Tally::default();
        let test = Environment::Test;
        for (moment, counted) in [
            ("11:58:59", FINE),
            ("11:59:00", WRONG),
            ("12:00:00", FINE),
            ("12:00:59", FINE),
            ("12:02:10", WRONG),
        ] {
            tally.count(test, counted, at(moment));
        }
        tally.count(Environment::Production, FINE, at("12:02:11"));
        let now = at("12:02:30");
        let series = tally.series(test, Pace::Minutes(1), 4, now);
        assert_eq!(
            series.starts,
            [
                at("11:59:00"),
                at("12:00:00"),
                at("12:01:00"),
                at("12:02:00")
            ]
        );
        assert_eq!(series.counts[&FINE], [0, 2, 0, 0]);
        assert_eq!(series.counts[&WRONG], [1, 0, 0, 1]);
        let series = tally.series(test, Pace::Hours(1), 3, now);
        assert_eq!(
            series.starts,
            [at("10:00:00"), at("11:00:00"), at("12:00:00")]
        );
        assert_eq!(series.counts[&FINE], [0, 1, 2]);
        assert_eq!(series.counts[&WRONG], [0, 1, 1]);
        let series = tally.series(test, Pace::Minutes(5), 2, now);
        assert_eq!(series.counts[&FINE], [1, 2]);
        let totals = tally.totals(test);
        assert_eq!((totals[&FINE], totals[&WRONG]), (3, 2));
        assert_eq!(tally.totals(Environment::Production)[&FINE], 1);
        // A clock that goes back loses no call.
        tally.count(test, FINE, at("11:00:00"));
        let series = tally.series(test, Pace::Minutes(1), 1, now);
        assert_eq!(series.counts[&FINE], [1]);
        tally.clear();
        assert!(tally.series(test, Pace::Hours(1), 9, now).counts.is_empty());
    }

    #[test]
    fn it_never_grows_beyond_its_bounds() {
        let tally = Tally::default();
        let begin = at("00:00:00");
        for minute in 0..20_000 {
            let now = begin + SignedDuration::from_mins(minute);
            tally.count(Environment::Test, FINE, now);
        }
        let counts = tally.test.lock();
        assert_eq!((counts.minutes.len(), counts.hours.len()), (MINUTES, HOURS));
        drop(counts);
        assert_eq!(
            tally.totals(Environment::Test)[&FINE],
            20_000,
            "all of them"
        );
    }
}
