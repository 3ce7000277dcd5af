//! A store that forgets with the process: for tests, and for `sqlite::memory:`.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use parking_lot::Mutex;
use sandkasse_domain::{Environment, Timestamp};

use crate::first_name;
use crate::port::{
    CallOutcome, CallRecord, CallState, Commit, CommitError, DirectoryEntry, Kind, OutgoingCall,
    Partition, Record, SavedReply, Store, StoreError, StoredEvent, StreamId, Write,
};

/// A store in memory. "Durable" means here: as long as the value lives.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }
}

#[derive(Default)]
struct State {
    units: BTreeMap<Partition, Unit>,
    /// By the order in which they were committed.
    calls: BTreeMap<u64, CallRecord>,
    call_numbers: BTreeMap<String, u64>,
    directory: BTreeMap<(Environment, String, String), String>,
}

#[derive(Default)]
struct Unit {
    records: BTreeMap<StreamId, (Record, Vec<StoredEvent>)>,
    /// The name of the kind makes the order of one moment's deadlines that of a database.
    deadlines: BTreeSet<(Timestamp, &'static str, StreamId)>,
    replies: BTreeMap<(String, String), SavedReply>,
}

impl Unit {
    fn expects(&self, write: &Write) -> bool {
        self.records
            .get(&write.stream)
            .map(|(record, _)| record.version)
            == write.expected
    }

    fn apply(&mut self, write: Write) {
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

    fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, ..)| *at)
    }
}

impl State {
    fn commit(&mut self, commit: Commit) -> Result<(), CommitError> {
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

    fn add_call(&mut self, partition: &Partition, call: OutgoingCall, state: CallState) {
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

    fn call(&mut self, id: &str) -> Option<&mut CallRecord> {
        self.calls.get_mut(self.call_numbers.get(id)?)
    }
}

fn taken(id: &str) -> StoreError {
    StoreError(format!("there is a call {id:?} already"))
}

/// The precision of every store.
fn milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Option<Record>, StoreError> {
        let state = self.state.lock();
        let found = state
            .units
            .get(partition)
            .and_then(|unit| unit.records.get(stream));
        Ok(found.map(|(record, _)| record.clone()))
    }

    async fn history(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let state = self.state.lock();
        let found = state
            .units
            .get(partition)
            .and_then(|unit| unit.records.get(stream));
        Ok(found
            .map(|(_, history)| history.clone())
            .unwrap_or_default())
    }

    async fn list(
        &self,
        partition: &Partition,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        let state = self.state.lock();
        let Some(unit) = state.units.get(partition) else {
            return Ok(Vec::new());
        };
        let from = StreamId {
            kind,
            name: first_name(prefix, after).into_owned(),
        };
        let found = unit.records.range(from..);
        let found =
            found.take_while(|(stream, _)| stream.kind == kind && stream.name.starts_with(prefix));
        Ok(found
            .take(limit)
            .map(|(stream, (record, _))| (stream.name.clone(), record.clone()))
            .collect())
    }

    async fn reply(
        &self,
        partition: &Partition,
        scope: &str,
        key: &str,
    ) -> Result<Option<SavedReply>, StoreError> {
        let state = self.state.lock();
        let Some(unit) = state.units.get(partition) else {
            return Ok(None);
        };
        Ok(unit
            .replies
            .get(&(scope.to_owned(), key.to_owned()))
            .cloned())
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        commit.check()?;
        self.state.lock().commit(commit)
    }

    async fn due(
        &self,
        partition: &Partition,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(StreamId, Timestamp)>, StoreError> {
        let until = milliseconds(until);
        let state = self.state.lock();
        let Some(unit) = state.units.get(partition) else {
            return Ok(Vec::new());
        };
        let found = unit
            .deadlines
            .iter()
            .take_while(|(at, ..)| *at <= until)
            .take(limit);
        Ok(found.map(|(at, _, stream)| (stream.clone(), *at)).collect())
    }

    async fn next_deadline(&self, partition: &Partition) -> Result<Option<Timestamp>, StoreError> {
        Ok(self
            .state
            .lock()
            .units
            .get(partition)
            .and_then(Unit::next_deadline))
    }

    async fn next_deadlines(&self) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
        let state = self.state.lock();
        let next = |(partition, unit): (&Partition, &Unit)| {
            Some((partition.clone(), unit.next_deadline()?))
        };
        Ok(state.units.iter().filter_map(next).collect())
    }

    async fn begin_call(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let Some(record) = state
            .call(id)
            .filter(|record| record.state == CallState::Owed)
        else {
            return Ok(false);
        };
        record.state = CallState::Begun {
            at: milliseconds(at),
        };
        Ok(true)
    }

    async fn finish_call(&self, id: &str, outcome: CallOutcome) -> Result<(), StoreError> {
        if let Some(record) = self.state.lock().call(id)
            && let CallState::Begun { at } = record.state
        {
            record.state = CallState::Done { at, outcome };
        }
        Ok(())
    }

    async fn add_begun_call(
        &self,
        partition: &Partition,
        call: OutgoingCall,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.call_numbers.contains_key(&call.id) {
            return Err(taken(&call.id));
        }
        state.add_call(
            partition,
            call,
            CallState::Begun {
                at: milliseconds(at),
            },
        );
        Ok(())
    }

    async fn recover_calls(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        let mut state = self.state.lock();
        let mut owed = Vec::new();
        for record in state.calls.values_mut() {
            match record.state {
                CallState::Owed => owed.push((record.partition.clone(), record.call.clone())),
                CallState::Begun { at } => record.state = CallState::Interrupted { at },
                CallState::Done { .. } | CallState::Interrupted { .. } => {}
            }
        }
        Ok(owed)
    }

    async fn calls(
        &self,
        partition: &Partition,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CallRecord>, StoreError> {
        let state = self.state.lock();
        let wanted = |record: &&CallRecord| {
            record.partition == *partition && about.is_none_or(|about| record.call.about == about)
        };
        Ok(state
            .calls
            .values()
            .rev()
            .filter(wanted)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn prune_calls(&self, keep: usize) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        let mut finished: BTreeMap<&Partition, usize> = BTreeMap::new();
        let mut forgotten = Vec::new();
        for (number, record) in state.calls.iter().rev() {
            if matches!(
                record.state,
                CallState::Done { .. } | CallState::Interrupted { .. }
            ) {
                let newer = finished.entry(&record.partition).or_default();
                if *newer >= keep {
                    forgotten.push(*number);
                }
                *newer += 1;
            }
        }
        for number in forgotten {
            if let Some(record) = state.calls.remove(&number) {
                state.call_numbers.remove(&record.call.id);
            }
        }
        Ok(())
    }

    async fn directory(&self) -> Result<Vec<DirectoryEntry>, StoreError> {
        let entry =
            |((environment, kind, key), body): (&(Environment, String, String), &String)| {
                DirectoryEntry {
                    kind: kind.clone(),
                    environment: *environment,
                    key: key.clone(),
                    body: Some(body.clone()),
                }
            };
        Ok(self.state.lock().directory.iter().map(entry).collect())
    }

    async fn put_directory(&self, entries: Vec<DirectoryEntry>) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        for DirectoryEntry {
            kind,
            environment,
            key,
            body,
        } in entries
        {
            let key = (environment, kind, key);
            match body {
                Some(body) => drop(state.directory.insert(key, body)),
                None => drop(state.directory.remove(&key)),
            }
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), StoreError> {
        *self.state.lock() = State::default();
        Ok(())
    }

    async fn close(&self) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::MemoryStore;

    crate::store_contract! {{
        let store: crate::contract::Subject = Arc::new(MemoryStore::new());
        (store, ())
    }}
}
