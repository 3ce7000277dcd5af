//! What is in memory, and what a commit does to it.

use std::collections::{BTreeMap, BTreeSet};

use sandkasse_domain::{Environment, Timestamp};

use super::cluster::Cluster;

use crate::port::{
    AuditLine, CallRecord, CallState, Commit, CommitError, DirectoryEntry, Generation, Kind,
    OutgoingCall, Partition, Record, SavedReply, StoreError, StoredEvent, StreamId, Write,
};

#[derive(Default)]
pub(super) struct State {
    pub(super) units: BTreeMap<Partition, Unit>,
    /// By the order in which they were committed.
    pub(super) calls: BTreeMap<u64, CallRecord>,
    pub(super) call_numbers: BTreeMap<String, u64>,
    /// Which node owes a call, where there are nodes.
    pub(super) owners: BTreeMap<u64, String>,
    pub(super) directory: BTreeMap<EntryKey, Entry>,
    /// One less than that of the store, so that an empty one has seen something.
    pub(super) changes: Generation,
    pub(super) audit: BTreeMap<u64, AuditLine>,
    pub(super) nodes: Cluster,
}

/// Environment, kind and key.
pub(super) type EntryKey = (Environment, String, String);

/// An entry of the directory; without a body it is gone.
pub(super) struct Entry {
    pub(super) body: Option<String>,
    pub(super) changed: Generation,
}

#[derive(Default)]
pub(super) struct Unit {
    /// With all events, each with the version that its write made.
    pub(super) records: BTreeMap<StreamId, (Record, Vec<(u64, StoredEvent)>)>,
    /// By moment, and then by name.
    pub(super) deadlines: BTreeMap<Kind, BTreeSet<(Timestamp, String)>>,
    /// By the order in which they were made.
    pub(super) made: BTreeMap<(Kind, u64), String>,
    pub(super) replies: BTreeMap<(String, String), SavedReply>,
}

impl Unit {
    fn expects(&self, write: &Write) -> bool {
        self.records
            .get(&write.stream)
            .map(|(record, _)| record.version)
            == write.expected
    }

    /// Puts a record where none is.
    pub(super) fn make(&mut self, stream: StreamId, record: Record) {
        let number = u64::try_from(self.made.len()).unwrap_or(u64::MAX);
        self.made.insert((stream.kind, number), stream.name.clone());
        let deadline = record.deadline.map(milliseconds);
        if let Some(deadline) = deadline {
            let deadlines = self.deadlines.entry(stream.kind).or_default();
            deadlines.insert((deadline, stream.name.clone()));
        }
        let record = Record { deadline, ..record };
        self.records.insert(stream, (record, Vec::new()));
    }

    fn apply(&mut self, write: Write) {
        let Write {
            stream,
            expected,
            body,
            deadline,
            events,
        } = write;
        let version = expected.unwrap_or(0) + 1;
        let now = Record {
            version,
            body,
            deadline: deadline.map(milliseconds),
        };
        match self.records.get_mut(&stream) {
            None => self.make(stream.clone(), now),
            Some((record, _)) => {
                let key = |at| (at, stream.name.clone());
                let deadlines = self.deadlines.entry(stream.kind).or_default();
                if let Some(old) = record.deadline {
                    deadlines.remove(&key(old));
                }
                deadlines.extend(now.deadline.map(key));
                *record = now;
            }
        }
        if let Some((_, history)) = self.records.get_mut(&stream) {
            history.extend(events.into_iter().map(|event| {
                let at = milliseconds(event.at);
                (version, StoredEvent { at, ..event })
            }));
        }
    }

    pub(super) fn next_deadline(&self, kind: Kind) -> Option<Timestamp> {
        let first = self.deadlines.get(&kind)?.first();
        first.map(|(at, _)| *at)
    }
}

impl State {
    pub(super) fn commit(&mut self, commit: Commit, node: Option<&str>) -> Result<(), CommitError> {
        let Commit {
            partition,
            writes,
            reply,
            calls,
        } = commit;
        let unit = self.units.entry(partition.clone()).or_default();
        let reply = reply.map(|reply| ((reply.scope.clone(), reply.key.clone()), reply));
        let answered = reply
            .as_ref()
            .is_some_and(|(key, _)| unit.replies.contains_key(key));
        if answered || !writes.iter().all(|write| unit.expects(write)) {
            return Err(CommitError::Conflict);
        }
        let mut ids = BTreeSet::new();
        for call in &calls {
            if self.call_numbers.contains_key(&call.id) || !ids.insert(&call.id) {
                return Err(taken(&call.id).into());
            }
        }
        // From here on nothing can fail.
        for write in writes {
            unit.apply(write);
        }
        unit.replies.extend(reply);
        for call in calls {
            self.add_call(&partition, call, CallState::Owed, node);
        }
        Ok(())
    }

    pub(super) fn add_call(
        &mut self,
        partition: &Partition,
        call: OutgoingCall,
        state: CallState,
        node: Option<&str>,
    ) {
        let number = self.calls.last_key_value().map_or(1, |(last, _)| last + 1);
        self.call_numbers.insert(call.id.clone(), number);
        self.owners
            .extend(node.map(|node| (number, node.to_owned())));
        let call = OutgoingCall {
            owed_at: milliseconds(call.owed_at),
            ..call
        };
        self.calls.insert(
            number,
            CallRecord {
                partition: partition.clone(),
                call,
                state,
            },
        );
    }

    pub(super) fn generation(&self) -> Generation {
        self.changes + 1
    }

    pub(super) fn put_directory(
        &mut self,
        entries: Vec<DirectoryEntry>,
        seen: Generation,
    ) -> Result<Generation, CommitError> {
        let key = |it: &DirectoryEntry| (it.environment, it.kind.clone(), it.key.clone());
        let is_later = |it: &DirectoryEntry| {
            let known = self.directory.get(&key(it));
            known.is_some_and(|entry| entry.changed > seen)
        };
        if entries.iter().any(is_later) {
            return Err(CommitError::Conflict);
        }
        self.changes += 1;
        let changed = self.generation();
        for entry in entries {
            let (key, body) = (key(&entry), entry.body);
            self.directory.insert(key, Entry { body, changed });
        }
        Ok(changed)
    }

    pub(super) fn add_to_audit(&mut self, lines: Vec<AuditLine>) -> Result<(), CommitError> {
        let mut numbers = BTreeSet::new();
        let is_new = |line: &AuditLine| {
            !self.audit.contains_key(&line.number) && numbers.insert(line.number)
        };
        if !lines.iter().all(is_new) {
            return Err(CommitError::Conflict);
        }
        let lines = lines.into_iter().map(|line| (line.number, line));
        self.audit.extend(lines);
        Ok(())
    }

    pub(super) fn call(&mut self, id: &str) -> Option<&mut CallRecord> {
        self.calls.get_mut(self.call_numbers.get(id)?)
    }
}

pub(super) fn taken(id: &str) -> StoreError {
    StoreError(format!("there is a call {id:?} already"))
}

/// The precision of every store.
pub(super) fn milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
