//! The calls of the last days, in memory, bounded by bytes, by age and by number per sales unit.
//!
//! It may forget, and counts what it forgot; it never holds up a call. Successes that come faster
//! than anybody could look at them are not even written down ([`MOST_A_SECOND`]). A restart forgets
//! what is in memory; an archive remembers for longer.

mod archive;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use jiff::SignedDuration;
use parking_lot::{Mutex, MutexGuard};
use sandkasse_domain::{Environment, Msn, Timestamp};
use serde::Serialize;
use tokio::sync::Notify;

use crate::Record;
pub(crate) use archive::Archive;

/// So many calls of one sales unit are kept; of calls of nobody in particular too.
pub const MOST_OF_A_UNIT: usize = 1000;
/// Of the calls of one sales unit that succeed within a second, so many are written down. More
/// would push each other out in less than that second, and cost every call its share.
pub const MOST_A_SECOND: usize = MOST_OF_A_UNIT;
/// So long a call is kept.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// So many processes can have journals that are one.
const SLOTS: u64 = 16;
/// So many numbers begin in a millisecond, of all processes together.
const A_MILLISECOND: u64 = 1024;

/// So many calls are taken from the journal at a time.
const PORTION: usize = 512;

/// Whose calls count together.
pub type Whose = (Environment, Option<Msn>);

/// Among which calls is looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Among {
    /// All.
    All,
    /// Those of these sales units.
    Units(Vec<Whose>),
}

impl Among {
    fn units(&self) -> Option<&[Whose]> {
        match self {
            Among::All => None,
            Among::Units(units) => Some(units),
        }
    }
}

/// What a look into the journal found.
#[derive(Debug, Default)]
pub struct Found {
    /// The calls, newest first.
    pub records: Vec<Arc<Record>>,
    /// Where to go on for older ones; `None` when there are none.
    pub next: Option<u64>,
    /// Whether it stopped because it had looked at enough.
    pub is_partial: bool,
}

impl Found {
    fn going_on(self, before: u64) -> Found {
        Found {
            next: Some(before),
            is_partial: true,
            ..self
        }
    }
}

/// The journal.
pub struct Journal {
    most_bytes: usize,
    kept: Mutex<Kept>,
    noted: Notify,
    /// Where other processes have journals too: this one's slot.
    slot: Option<u8>,
    /// Calls for longer, on disk.
    archive: Option<Archive>,
}

#[derive(Default)]
struct Kept {
    /// The place of the next call.
    next: u64,
    /// The number of the newest call of this process.
    newest: u64,
    records: BTreeMap<u64, Arc<Record>>,
    /// Numbers by the place of the call.
    places: BTreeMap<u64, u64>,
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
    /// Calls in the file, some of which are in memory too.
    pub on_disk: u64,
    /// Calls that were to be in the file and are not, since it could not be written fast enough.
    pub not_written: u64,
}

impl Journal {
    /// Keeps at most so many bytes; 0 keeps nothing.
    pub fn new(most_bytes: usize) -> Journal {
        Journal {
            most_bytes,
            kept: Mutex::default(),
            noted: Notify::new(),
            slot: None,
            archive: None,
        }
    }

    /// The same with a file for what memory does not hold, which also remembers the calls of
    /// earlier runs: numbers begin behind theirs. They follow the clock, unless it was set back.
    pub(crate) fn with_archive(most_bytes: usize, archive: Archive, now: Timestamp) -> Journal {
        let mut journal = Journal::new(most_bytes);
        let first = u64::try_from(now.as_microsecond()).unwrap_or_default();
        journal.kept.get_mut().next = first.max(archive.last() + 1);
        journal.archive = Some(archive);
        journal
    }

    /// The same where other processes have journals too, each with another slot: no two give a call
    /// the same number.
    pub(crate) fn among_others(most_bytes: usize, slot: u8) -> Journal {
        Journal {
            slot: Some(slot),
            ..Journal::new(most_bytes)
        }
    }

    pub(crate) fn is_among_others(&self) -> bool {
        self.slot.is_some()
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
        let mut kept = self.kept.lock();
        let number = match self.slot {
            Some(slot) => {
                let now = u64::try_from(record.at.as_millisecond()).unwrap_or_default();
                let later = kept.newest / SLOTS * SLOTS + SLOTS;
                later.max(now * A_MILLISECOND) + u64::from(slot)
            }
            None => kept.next,
        };
        kept.newest = number;
        record.number = number;
        let (record, gone) = self.keep(kept, record);
        // What is forgotten is freed after the lock.
        drop(gone);
        if let Some(archive) = &self.archive {
            archive.offer(record);
        }
        self.noted.notify_one();
        number
    }

    /// Takes in a call that another process noted, unless it is here.
    pub(crate) fn take_in(&self, record: Record) {
        let kept = self.kept.lock();
        if kept.records.contains_key(&record.number) {
            return;
        }
        drop(self.keep(kept, record));
        self.noted.notify_one();
    }

    fn keep(
        &self,
        mut kept: MutexGuard<'_, Kept>,
        mut record: Record,
    ) -> (Arc<Record>, Vec<Arc<Record>>) {
        let mut gone = Vec::new();
        let number = record.number;
        record.place = kept.next;
        kept.places.insert(record.place, number);
        kept.next += 1;
        let (at, size) = (record.at, record.size);
        let whose = (record.environment, record.unit.clone());
        let theirs = kept.of.entry(whose).or_default();
        let place = theirs.numbers.partition_point(|it| *it < number);
        theirs.numbers.insert(place, number);
        let too_many = if theirs.numbers.len() > MOST_OF_A_UNIT {
            theirs.numbers.front().copied()
        } else {
            None
        };
        kept.bytes += size;
        let record = Arc::new(record);
        kept.records.insert(number, record.clone());
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
        (record, gone)
    }

    /// A call by its number.
    pub fn get(&self, number: u64) -> Option<Arc<Record>> {
        let kept = self.kept.lock().records.get(&number).cloned();
        kept.or_else(|| self.archive.as_ref()?.get(number))
    }

    /// The newest calls that fit, newest first; `before` a number, for pages. Looks at calls of
    /// these sales units only, and at no more than `most` of them.
    pub fn newest(
        &self,
        among: &Among,
        before: Option<u64>,
        limit: usize,
        most: usize,
        fits: impl Fn(&Record) -> bool,
    ) -> Found {
        let (mut before, mut left) = (before.unwrap_or(u64::MAX), most);
        let mut found = Found::default();
        // Looked at outside of the lock, and taken in small portions, so that a slow reader or a
        // long journal holds up no call.
        while found.records.len() < limit {
            let portion = self.portion(among, before, PORTION.min(left));
            let Some(last) = portion.last() else {
                return if left == 0 {
                    found.going_on(before)
                } else {
                    found
                };
            };
            left -= portion.len();
            before = last.number;
            for record in portion {
                if !fits(&record) {
                    continue;
                }
                if found.records.len() == limit {
                    return found;
                }
                let number = record.number;
                found.records.push(record);
                if found.records.len() == limit {
                    found.next = Some(number);
                }
            }
        }
        found
    }

    /// The next ones before this number, newest first: from memory, and then from the archive.
    fn portion(&self, among: &Among, before: u64, limit: usize) -> Vec<Arc<Record>> {
        let found = self.in_memory(among, before, limit);
        let Some(archive) = self.archive.as_ref().filter(|_| found.is_empty()) else {
            return found;
        };
        archive.portion(among.units(), before, limit)
    }

    fn in_memory(&self, among: &Among, before: u64, limit: usize) -> Vec<Arc<Record>> {
        let kept = self.kept.lock();
        let Among::Units(units) = among else {
            let range = kept.records.range(..before).rev();
            return range.take(limit).map(|(_, it)| it.clone()).collect();
        };
        let mut numbers = Vec::new();
        for theirs in units.iter().filter_map(|whose| kept.of.get(whose)) {
            let older = theirs.numbers.partition_point(|number| *number < before);
            numbers.extend(theirs.numbers.range(..older).rev().take(limit).copied());
        }
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        numbers.truncate(limit);
        let record = |number| kept.records.get(&number).cloned();
        numbers.into_iter().filter_map(record).collect()
    }

    /// The place of the next call.
    pub fn next(&self) -> u64 {
        self.kept.lock().next
    }

    /// The calls from this place on, the last that came first and no more than `most`.
    pub fn since(&self, place: u64, most: usize) -> Vec<Arc<Record>> {
        let kept = self.kept.lock();
        let numbers = kept.places.range(place..).rev().take(most);
        let record = |(_, number)| kept.records.get(number).cloned();
        numbers.filter_map(record).collect()
    }

    /// The same, of those that were noted by this process.
    pub(crate) fn own_since(&self, place: u64, most: usize) -> Vec<Arc<Record>> {
        let mut records = self.since(place, most);
        records.retain(|it| Some(it.number % SLOTS) == self.slot.map(u64::from));
        records
    }

    /// Waits for the next call that is written down. For one who waits: a call that comes while
    /// nobody does wakes the next who will. That is all it costs a call.
    pub async fn noted(&self) {
        self.noted.notified().await;
    }

    /// Waits until all that was noted is on disk too.
    pub fn flush(&self) {
        if let Some(archive) = &self.archive {
            archive.flush();
        }
    }

    /// How full it is.
    pub fn fill(&self) -> Fill {
        let counts = self.archive.as_ref().map(Archive::counts);
        let (on_disk, not_written) = counts.unwrap_or_default();
        let kept = self.kept.lock();
        Fill {
            calls: kept.records.len(),
            bytes: kept.bytes,
            most_bytes: self.most_bytes,
            forgotten: kept.forgotten,
            passed_over: kept.passed_over,
            on_disk,
            not_written,
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut kept = self.kept.lock();
        *kept = Kept {
            next: kept.next,
            newest: kept.newest,
            ..Kept::default()
        };
        drop(kept);
        if let Some(archive) = &self.archive {
            archive.clear();
        }
    }
}

/// When a call was noted, to the millisecond, where other processes have journals too.
pub(crate) fn noted_at(number: u64) -> Option<Timestamp> {
    let milliseconds = i64::try_from(number / A_MILLISECOND).ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}

impl Kept {
    fn forget(&mut self, number: u64) -> Option<Arc<Record>> {
        let record = self.records.remove(&number)?;
        self.places.remove(&record.place);
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
mod on_disk_tests;
#[cfg(test)]
mod tests;
