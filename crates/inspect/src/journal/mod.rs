//! The calls of the last days, in memory, bounded by bytes, by age and by number per sales unit.
//!
//! It may forget, and counts what it forgot; it never holds up a call. A restart forgets all.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{Environment, Msn};
use serde::Serialize;

use crate::Record;

/// So many calls of one sales unit are kept; of calls of nobody in particular too.
pub const MOST_OF_A_UNIT: usize = 1000;
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
    of: HashMap<Whose, VecDeque<u64>>,
    bytes: usize,
    forgotten: u64,
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
        theirs.push_back(number);
        let too_many = if theirs.len() > MOST_OF_A_UNIT {
            theirs.front().copied()
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
            if let Some(at) = theirs.iter().position(|it| *it == number) {
                theirs.remove(at);
            }
            if theirs.is_empty() {
                self.of.remove(&whose);
            }
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests;
