//! A store that forgets with the process: for tests, and for `sqlite::memory:`.
//!
//! [`MemoryStore::join`] makes several nodes of it that share everything, for tests of what happens
//! between nodes.

mod cluster;
mod moving;
mod state;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use sandkasse_domain::{Environment, Msn, Timestamp};

use self::cluster::Member;
pub use self::cluster::StoreClock;
use self::state::{State, Unit, milliseconds, taken};
use crate::first_name;
use crate::port::{
    AuditLine, CallOutcome, CallRecord, CallState, Commit, CommitError, DirectoryEntry, Generation,
    Kind, Nodes, Numbered, OutgoingCall, Partition, Record, Row, Rows, SavedReply, Store,
    StoreError, StoredEvent, StreamId,
};

/// A store in memory. "Durable" means here: as long as the value lives.
#[derive(Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    member: Option<Member>,
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    fn node(&self) -> Option<&str> {
        self.member.as_ref().map(Nodes::id)
    }
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
            .map(|(_, history)| history.iter().map(|(_, event)| event.clone()).collect())
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

    async fn newest(
        &self,
        partition: &Partition,
        kind: Kind,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Numbered>, StoreError> {
        let state = self.state.lock();
        let Some(unit) = state.units.get(partition) else {
            return Ok(Vec::new());
        };
        let end = (kind, before.unwrap_or(u64::MAX));
        let earlier = unit.made.range((kind, 0)..end).rev();
        let found = earlier.take(limit).filter_map(|((_, number), name)| {
            let name = name.clone();
            let stream = StreamId { kind, name };
            let (record, _) = unit.records.get(&stream)?;
            Some(Numbered {
                number: *number,
                name: stream.name,
                record: record.clone(),
            })
        });
        Ok(found.collect())
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
        self.state.lock().commit(commit, self.node())
    }

    async fn due(
        &self,
        partition: &Partition,
        kind: Kind,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let until = milliseconds(until);
        let state = self.state.lock();
        let Some(unit) = state.units.get(partition) else {
            return Ok(Vec::new());
        };
        let Some(deadlines) = unit.deadlines.get(&kind) else {
            return Ok(Vec::new());
        };
        let behind = match after {
            Some((at, name)) => Bound::Excluded((milliseconds(at), name.to_owned())),
            None => Bound::Unbounded,
        };
        let found = deadlines
            .range((behind, Bound::Unbounded))
            .take_while(|(at, _)| *at <= until)
            .take(limit);
        Ok(found.map(|(at, name)| (name.clone(), *at)).collect())
    }

    async fn next_deadline(
        &self,
        partition: &Partition,
        kind: Kind,
    ) -> Result<Option<Timestamp>, StoreError> {
        let state = self.state.lock();
        let unit = state.units.get(partition);
        Ok(unit.and_then(|unit| unit.next_deadline(kind)))
    }

    async fn next_deadlines(&self, kind: Kind) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
        let state = self.state.lock();
        let next = |(partition, unit): (&Partition, &Unit)| {
            Some((partition.clone(), unit.next_deadline(kind)?))
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
            self.node(),
        );
        Ok(())
    }

    async fn recover_calls(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let living = self.member.as_ref().map(|it| state.nodes.living(it.now()));
        let mut owed = Vec::new();
        for (number, record) in &mut state.calls {
            if let Some(living) = &living {
                let owner = state.owners.entry(*number).or_default();
                if living.iter().any(|it| it.id == *owner) {
                    continue;
                }
                owner.clear();
                owner.push_str(self.node().unwrap_or_default());
            }
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

    async fn latest_calls(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, CallRecord)>, StoreError> {
        let state = self.state.lock();
        let older = state.calls.range(..before.unwrap_or(u64::MAX)).rev();
        let found = older.take(limit);
        Ok(found.map(|(number, it)| (*number, it.clone())).collect())
    }

    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        Ok(self.state.lock().call(id).cloned())
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
                state.owners.remove(&number);
            }
        }
        Ok(())
    }

    async fn units_with(
        &self,
        environment: Environment,
        kind: Kind,
        prefix: &str,
    ) -> Result<Vec<Msn>, StoreError> {
        let first = StreamId {
            kind,
            name: prefix.to_owned(),
        };
        let has_one = |unit: &Unit| {
            let next = unit.records.range(first.clone()..).next();
            next.is_some_and(|(stream, _)| stream.kind == kind && stream.name.starts_with(prefix))
        };
        let state = self.state.lock();
        let units = state.units.iter();
        let found = units.filter(|(it, unit)| it.environment == environment && has_one(unit));
        Ok(found.map(|(partition, _)| partition.msn.clone()).collect())
    }

    async fn directory(
        &self,
        after: Generation,
    ) -> Result<(Vec<DirectoryEntry>, Generation), StoreError> {
        let state = self.state.lock();
        let wanted = state.directory.iter().filter(|(_, entry)| match after {
            0 => entry.body.is_some(),
            _ => entry.changed > after,
        });
        let entries = wanted.map(|((environment, kind, key), entry)| DirectoryEntry {
            kind: kind.clone(),
            environment: *environment,
            key: key.clone(),
            body: entry.body.clone(),
        });
        Ok((entries.collect(), state.generation()))
    }

    async fn put_directory(
        &self,
        entries: Vec<DirectoryEntry>,
        seen: Generation,
    ) -> Result<Generation, CommitError> {
        self.state.lock().put_directory(entries, seen)
    }

    async fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        let before = std::mem::take(&mut *state);
        state.audit = before.audit;
        state.directory = before.directory;
        state.changes = before.changes + 1;
        state.nodes = before.nodes.cleared();
        state
            .directory
            .retain(|(_, kind, _), _| kept.contains(&kind.as_str()));
        Ok(())
    }

    async fn add_to_audit(&self, lines: Vec<AuditLine>) -> Result<(), CommitError> {
        self.state.lock().add_to_audit(lines)
    }

    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditLine>, StoreError> {
        let state = self.state.lock();
        let found = state.audit.range(..before.unwrap_or(u64::MAX)).rev();
        Ok(found.take(limit).map(|(_, line)| line.clone()).collect())
    }

    async fn prune_audit(&self, through: u64) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        state.audit.retain(|number, _| *number > through);
        Ok(())
    }

    async fn rows(&self, of: Option<&Partition>) -> Result<Rows, StoreError> {
        Ok(moving::send(moving::rows(&self.state.lock(), of)))
    }

    async fn fill(&self, rows: Vec<Row>) -> Result<(), CommitError> {
        moving::fill(&mut self.state.lock(), rows)
    }

    async fn replace(&self, unit: &Partition, rows: Vec<Row>) -> Result<(), CommitError> {
        moving::replace(&mut self.state.lock(), unit, rows)
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        self.member.as_ref().map(|it| it as &dyn Nodes)
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

    crate::nodes_contract! {{
        let store = MemoryStore::new();
        let start = sandkasse_domain::Timestamp::UNIX_EPOCH;
        let clock: super::StoreClock = Arc::new(move || start);
        let nodes: Vec<crate::contract::Subject> = (0..3)
            .map(|_| Arc::new(store.join(clock.clone())) as crate::contract::Subject)
            .collect();
        (nodes, store)
    }}
}
