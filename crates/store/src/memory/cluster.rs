//! Several nodes in one memory, for tests of what happens between them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::Timestamp;
use tokio::sync::watch;

use super::MemoryStore;
use super::state::State;
use crate::nodes::{Beat, DEAD_AFTER_MS, Epoch, Heard, Hit, Nodes, Noted, Window};
use crate::port::{Generation, StoreError};

/// The clock of the store, by which nodes are thought dead.
pub type StoreClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What nodes share.
#[derive(Default)]
pub(super) struct Cluster {
    epoch: Epoch,
    heard: BTreeMap<String, (Heard, u8, Timestamp)>,
    joined: u64,
    claims: BTreeMap<String, (String, Timestamp)>,
    windows: HashMap<[u8; 16], Window>,
    journal: BTreeMap<u64, (String, Noted)>,
    changed: watch::Sender<()>,
}

impl Cluster {
    pub(super) fn cleared(self) -> Cluster {
        self.changed.send_replace(());
        Cluster {
            epoch: self.epoch + 1,
            heard: self.heard,
            joined: self.joined,
            changed: self.changed,
            ..Cluster::default()
        }
    }

    pub(super) fn living(&self, now: Timestamp) -> Vec<Heard> {
        let longest = SignedDuration::from_millis(DEAD_AFTER_MS.cast_signed());
        let living = self.heard.values();
        let living = living.filter(|(.., at)| now.duration_since(*at) < longest);
        living.map(|(heard, ..)| heard.clone()).collect()
    }

    fn count(&mut self, hit: &Hit) -> Window {
        let fresh = Window {
            opened_at: hit.now,
            calls: 0,
            counted: false,
        };
        let window = self.windows.entry(hit.key).or_insert(fresh);
        let age = hit.now.duration_since(window.opened_at).as_millis();
        if !(0..i128::from(hit.length_ms)).contains(&age) {
            *window = fresh;
        }
        window.counted = window.calls < hit.most;
        window.calls += u32::from(window.counted);
        *window
    }
}

impl MemoryStore {
    /// Another node on the same memory, with its own id; `clock` is the store's.
    ///
    /// A node that no longer beats is dead after [`DEAD_AFTER_MS`] on that clock, and one that
    /// [leaves](MemoryStore::leave) at once.
    pub fn join(&self, clock: StoreClock) -> MemoryStore {
        let mut state = self.state.lock();
        let now = clock();
        let living = state.nodes.living(now);
        let is_taken = |slot: u8| {
            let mut others = state.nodes.heard.values();
            others.any(|(heard, theirs, _)| *theirs == slot && living.contains(heard))
        };
        let slot = (0..16).find(|slot| !is_taken(*slot)).unwrap_or(15);
        state.nodes.joined += 1;
        let id = format!("node-{}", state.nodes.joined);
        let heard = Heard {
            id: id.clone(),
            seen: 0,
        };
        state.nodes.heard.insert(id.clone(), (heard, slot, now));
        let state = self.state.clone();
        MemoryStore {
            member: Some(Member {
                state: state.clone(),
                id,
                slot,
                clock,
            }),
            state,
        }
    }

    /// Dies: the other nodes hear of it with their next beat.
    pub fn leave(&self) {
        if let Some(member) = &self.member {
            self.state.lock().nodes.heard.remove(&member.id);
        }
    }
}

/// One of several nodes.
pub(super) struct Member {
    state: Arc<Mutex<State>>,
    id: String,
    slot: u8,
    clock: StoreClock,
}

impl Member {
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

#[async_trait]
impl Nodes for Member {
    fn id(&self) -> &str {
        &self.id
    }

    fn slot(&self) -> u8 {
        self.slot
    }

    async fn beat(&self, seen: Generation) -> Result<Beat, StoreError> {
        let now = self.now();
        let mut state = self.state.lock();
        let heard = Heard {
            id: self.id.clone(),
            seen,
        };
        let nodes = &mut state.nodes;
        nodes.heard.insert(self.id.clone(), (heard, self.slot, now));
        Ok(Beat {
            epoch: nodes.epoch,
            living: nodes.living(now),
            generation: state.generation(),
        })
    }

    async fn woken(&self) {
        let mut changed = self.state.lock().nodes.changed.subscribe();
        // The sender lives as long as the state.
        let _ = changed.changed().await;
    }

    async fn claim(&self, task: &str, for_ms: u64) -> Result<bool, StoreError> {
        let now = self.now();
        let mut state = self.state.lock();
        let living = state.nodes.living(now);
        let claims = &mut state.nodes.claims;
        let is_free = claims.get(task).is_none_or(|(node, until)| {
            *node == self.id || *until <= now || living.iter().all(|it| it.id != *node)
        });
        if is_free {
            let length = SignedDuration::from_millis(for_ms.cast_signed());
            let until = now.checked_add(length).unwrap_or(Timestamp::MAX);
            claims.insert(task.to_owned(), (self.id.clone(), until));
        }
        Ok(is_free)
    }

    async fn release(&self, task: &str) -> Result<(), StoreError> {
        let claims = &mut self.state.lock().nodes.claims;
        if claims.get(task).is_some_and(|(node, _)| *node == self.id) {
            claims.remove(task);
        }
        Ok(())
    }

    async fn count(&self, hits: Vec<Hit>) -> Result<Vec<Window>, StoreError> {
        let nodes = &mut self.state.lock().nodes;
        Ok(hits.iter().map(|hit| nodes.count(hit)).collect())
    }

    async fn note(&self, calls: Vec<Noted>) -> Result<(), StoreError> {
        let journal = &mut self.state.lock().nodes.journal;
        let next = journal.last_key_value().map_or(0, |(last, _)| last + 1);
        let own = calls.into_iter().map(|call| (self.id.clone(), call));
        journal.extend((next..).zip(own));
        Ok(())
    }

    async fn noted(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<Noted>, u64), StoreError> {
        let state = self.state.lock();
        let journal = &state.nodes.journal;
        let newest = journal.last_key_value().map_or(0, |(last, _)| *last);
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        let first = match after {
            Some(after) => after + 1,
            None => (newest + 1).saturating_sub(most),
        };
        let found: Vec<_> = journal.range(first..).take(limit).collect();
        let last = found
            .last()
            .map_or(after.unwrap_or(newest), |(last, _)| **last);
        let of_others = found.into_iter().filter(|(_, (node, _))| *node != self.id);
        Ok((of_others.map(|(_, (_, it))| it.clone()).collect(), last))
    }

    async fn prune_noted(&self, keep: u64, before: Timestamp) -> Result<(), StoreError> {
        let journal = &mut self.state.lock().nodes.journal;
        let newest = journal.last_key_value().map_or(0, |(last, _)| last + 1);
        journal.retain(|place, (_, it)| *place + keep >= newest && it.at >= before);
        Ok(())
    }
}
