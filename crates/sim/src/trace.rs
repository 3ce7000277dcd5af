//! What happened, in words: the last lines for whoever looks at a finding, and a hash of all.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hasher},
};

/// So many lines are kept.
const KEPT: usize = 40;

/// The log of one seed.
#[derive(Default)]
pub struct Trace {
    hasher: DefaultHasher,
    last: VecDeque<String>,
    /// Told of each line as it comes.
    listener: Option<fn(&str)>,
}

impl Trace {
    /// An empty one, and who hears each line at once.
    pub fn new(listener: Option<fn(&str)>) -> Trace {
        Trace {
            listener,
            ..Trace::default()
        }
    }

    /// One line more.
    pub fn line(&mut self, line: String) {
        if let Some(listener) = self.listener {
            listener(&line);
        }
        self.hasher.write(line.as_bytes());
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Bytes that count, and that nobody wants to read.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
    }

    /// Of everything so far.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// The last lines, oldest first.
    pub fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}

/// What was reached, and how often.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Actions, chores and faults of the simulation itself.
    pub done: BTreeMap<String, u64>,
    /// States of payments after an operation.
    pub states: BTreeMap<&'static str, u64>,
    /// Refusals by status and code.
    pub refusals: BTreeMap<String, u64>,
}

impl Counts {
    /// One more of these.
    pub fn did(&mut self, what: &str) {
        match self.done.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.done.insert(what.to_owned(), 1)),
        }
    }

    /// Adds those of another seed.
    pub fn add(&mut self, other: &Counts) {
        for (what, count) in &other.done {
            *self.done.entry(what.clone()).or_default() += count;
        }
        for (state, count) in &other.states {
            *self.states.entry(state).or_default() += count;
        }
        for (refusal, count) in &other.refusals {
            *self.refusals.entry(refusal.clone()).or_default() += count;
        }
    }

    /// How often something was done.
    pub fn of(&self, what: &str) -> u64 {
        self.done.get(what).copied().unwrap_or_default()
    }
}
