//! What is in memory, and what a commit does to it.

use std::collections::{BTreeMap, BTreeSet};

use sandkasse_domain::{Environment, Timestamp};

use crate::port::{
    AuditLine, CallRecord, CallState, Commit, CommitError, Kind, OutgoingCall, Partition, Record,
    SavedReply, StoreError, StoredEvent, StreamId, Write,
};

#[derive(Default)]
pub(super) struct State {
    pub(super) units: BTreeMap<Partition, Unit>,
    /// By the order in which they were committed.
    pub(super) calls: BTreeMap<u64, CallRecord>,
    pub(super) call_numbers: BTreeMap<String, u64>,
    pub(super) directory: BTreeMap<(Environment, String, String), String>,
    pub(super) audit: BTreeMap<u64, AuditLine>,
}

#[derive(Default)]
pub(super) struct Unit {
    pub(super) records: BTreeMap<StreamId, (Record, Vec<StoredEvent>)>,
    /// The name of the kind makes the order of one moment's deadlines that of a database.
    pub(super) deadlines: BTreeSet<(Timestamp, &'static str, StreamId)>,
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

    fn apply(&mut self, write: Write) {
        if write.expected.is_none() {
            let number = u64::try_from(self.made.len()).unwrap_or(u64::MAX);
            let StreamId { kind, name } = &write.stream;
            self.made.insert((*kind, number), name.clone());
        }
        let Write {
            stream,
            expected,
            body,
            deadline,
            events,
        } = write;
        let deadline = deadline.map(milliseconds);
        let (record, history) = self.records.entry(stream.clone()).or_insert_with(|| {
            (
                Record {
                    version: 0,
                    body: String::new(),
                    deadline: None,
                },
                Vec::new(),
            )
        });
        if let Some(old) = record.deadline {
            self.deadlines
                .remove(&(old, stream.kind.name(), stream.clone()));
        }
        if let Some(new) = deadline {
            self.deadlines.insert((new, stream.kind.name(), stream));
        }
        *record = Record {
            version: expected.unwrap_or(0) + 1,
            body,
            deadline,
        };
        history.extend(events.into_iter().map(|event| StoredEvent {
            at: milliseconds(event.at),
            ..event
        }));
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, ..)| *at)
    }
}

impl State {
    pub(super) fn commit(&mut self, commit: Commit) -> Result<(), CommitError> {
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
            self.add_call(&partition, call, CallState::Owed);
        }
        Ok(())
    }

    pub(super) fn add_call(&mut self, partition: &Partition, call: OutgoingCall, state: CallState) {
        let number = self.calls.last_key_value().map_or(1, |(last, _)| last + 1);
        self.call_numbers.insert(call.id.clone(), number);
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
