//! The calls of the last days, in memory, bounded by bytes, by age and by number per sales unit.
//!
//! It may forget, and counts what it forgot; it never holds up a call. Successes that come faster
//! than anybody could look at them are not even written down ([`MOST_A_SECOND`]). A restart forgets
//! all.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{Environment, Msn, Timestamp};
use serde::Serialize;

use crate::Record;

/// So many calls of one sales unit are kept; of calls of nobody in particular too.
pub const MOST_OF_A_UNIT: usize = 1000;
/// Of the calls of one sales unit that succeed within a second, so many are written down. More
/// would push each other out in less than that second, and cost every call its share.
pub const MOST_A_SECOND: usize = MOST_OF_A_UNIT;
/// So long a call is kept.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whose calls count together.
type Whose = (Environment, Option<Msn>);

/// The journal.
pub struct Journal {
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    next: u64,
    records: BTreeMap<u64, Arc<Record>>,
    of: HashMap<Whose, Theirs>,
    bytes: usize,
    forgotten: u64,
    passed_over: u64,
}

/// The calls that count together.
#[derive(Default)]
struct Theirs {
    /// Those that are kept, oldest first.
    numbers: VecDeque<u64>,
    /// The second of the newest success, and how many successes it has so far.
    second: (i64, usize),
}

/// How full the journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fill {
    /// Calls that are kept.
    pub calls: usize,
    /// What they take in memory, roughly.
    pub bytes: usize,
    /// What they may take.
    pub most_bytes: usize,
    /// Calls that were kept once and are forgotten.
    pub forgotten: u64,
    /// Successes that came too fast to be written down.
    pub passed_over: u64,
}

impl Journal {
    /// Keeps at most so many bytes; 0 keeps nothing.
    pub fn new(most_bytes: usize) -> Journal {
        Journal {
            most_bytes,
            kept: Mutex::default(),
        }
    }

    /// Whether anything is kept.
    pub fn is_on(&self) -> bool {
        self.most_bytes > 0
    }

    /// Whether a success of this sales unit should be written down now; who asks does so then.
    pub fn wants(&self, environment: Environment, unit: Option<&Msn>, now: Timestamp) -> bool {
        let mut kept = self.kept.lock();
        let theirs = kept.of.entry((environment, unit.cloned())).or_default();
        let (second, successes) = &mut theirs.second;
        if *second != now.as_second() {
            (*second, *successes) = (now.as_second(), 0);
        }
        *successes += 1;
        let wanted = *successes <= MOST_A_SECOND;
        kept.passed_over += u64::from(!wanted);
        wanted
    }

    /// Notes a call; answers its number.
    pub fn note(&self, mut record: Record) -> u64 {
        // What is forgotten is freed after the lock, which this is declared before.
        let mut gone = Vec::new();
        let mut kept = self.kept.lock();
        let number = kept.next;
        kept.next += 1;
        record.number = number;
        let (at, size) = (record.at, record.size);
        let whose = (record.environment, record.unit.clone());
        let theirs = kept.of.entry(whose).or_default();
        theirs.numbers.push_back(number);
        let too_many = if theirs.numbers.len() > MOST_OF_A_UNIT {
            theirs.numbers.front().copied()
        } else {
            None
        };
        kept.bytes += size;
        kept.records.insert(number, Arc::new(record));
        if let Some(oldest) = too_many {
            gone.extend(kept.forget(oldest));
        }
        while let Some((&oldest, record)) = kept.records.first_key_value() {
            let is_old = at.duration_since(record.at) > LONGEST;
            if kept.bytes <= self.most_bytes && !is_old {
                break;
            }
            gone.extend(kept.forget(oldest));
        }
        number
    }

    /// A call by its number.
    pub fn get(&self, number: u64) -> Option<Arc<Record>> {
        self.kept.lock().records.get(&number).cloned()
    }

    /// The newest calls that fit, newest first; `before` a number, for pages.
    pub fn newest(
        &self,
        before: Option<u64>,
        limit: usize,
        fits: impl Fn(&Record) -> bool,
    ) -> Vec<Arc<Record>> {
        // Looked at outside of the lock, so that a slow reader holds up no call.
        let all: Vec<Arc<Record>> = {
            let kept = self.kept.lock();
            let range = kept.records.range(..before.unwrap_or(u64::MAX));
            range.rev().map(|(_, record)| record.clone()).collect()
        };
        all.into_iter().filter(|it| fits(it)).take(limit).collect()
    }

    /// How full it is.
    pub fn fill(&self) -> Fill {
        let kept = self.kept.lock();
        Fill {
            calls: kept.records.len(),
            bytes: kept.bytes,
            most_bytes: self.most_bytes,
            forgotten: kept.forgotten,
            passed_over: kept.passed_over,
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut kept = self.kept.lock();
        let next = kept.next;
        *kept = Kept {
            next,
            ..Kept::default()
        };
    }
}

impl Kept {
    fn forget(&mut self, number: u64) -> Option<Arc<Record>> {
        let record = self.records.remove(&number)?;
        self.bytes -= record.size;
        self.forgotten += 1;
        let whose = (record.environment, record.unit.clone());
        if let Some(theirs) = self.of.get_mut(&whose) {
            // Nearly always the first one.
            if let Some(at) = theirs.numbers.iter().position(|it| *it == number) {
                theirs.numbers.remove(at);
            }
            if theirs.numbers.is_empty() {
                self.of.remove(&whose);
            }
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests;
