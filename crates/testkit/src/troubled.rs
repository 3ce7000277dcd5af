//! A store in memory that can be slow or broken for a while.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_store::nodes::{Beat, Hit, Nodes, Noted, Window};
use sandkasse_store::{
    AuditLine, CallOutcome, CallRecord, Commit, CommitError, DirectoryEntry, Generation, Kind,
    MemoryStore, Numbered, OutgoingCall, Partition, Record, Row, Rows, SavedReply, Store,
    StoreError, StoredEvent, StreamId,
};
use tokio::sync::watch;

/// What is the matter with the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// They wait until this is over, and then go on.
    Slow,
    /// They fail, and nothing of them is stored.
    Broken,
    /// They are stored, and the answer that says so is lost.
    Unanswered,
    /// They go on, and calls cannot be read.
    Unreadable,
    /// They go on, and records cannot be listed.
    Unlisted,
    /// They go on, and calls per minute cannot be counted.
    Uncounted,
    /// They go on, and calls per minute are counted when this is over.
    CountsSlowly,
}

/// Memory, with trouble on demand. Commits are concerned, reading one call, and listing records.
#[derive(Default)]
pub struct TroubledStore {
    memory: MemoryStore,
    trouble: watch::Sender<Trouble>,
    waiting: watch::Sender<usize>,
    looks: AtomicUsize,
    rows: AtomicUsize,
    written: AtomicUsize,
    counted: AtomicUsize,
}

impl TroubledStore {
    /// The same over a store in memory, such as one that several nodes have.
    pub fn over(memory: MemoryStore) -> TroubledStore {
        TroubledStore {
            memory,
            ..TroubledStore::default()
        }
    }

    /// How often it was asked what is due or which records there are; how many rows that told; how many
    /// were written. Since the last time.
    pub fn count(&self) -> [usize; 3] {
        [&self.looks, &self.rows, &self.written].map(|it| it.swap(0, Ordering::Relaxed))
    }

    fn told<T>(&self, rows: Vec<T>) -> Vec<T> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows.len(), Ordering::Relaxed);
        rows
    }

    /// How many groups of calls per minute it was to count so far.
    pub fn groups(&self) -> usize {
        self.counted.load(Ordering::Relaxed)
    }

    fn shared(&self) -> &dyn Nodes {
        let nodes = self.memory.nodes();
        nodes.expect("only asked where there are several")
    }

    /// From now on.
    pub fn set(&self, trouble: Trouble) {
        self.trouble.send_replace(trouble);
    }

    /// Returns when a commit waits for the trouble to end.
    pub async fn held(&self) {
        let mut waiting = self.waiting.subscribe();
        let held = waiting.wait_for(|waiting| *waiting > 0).await;
        held.expect("the sender lives in self");
    }
}

#[async_trait]
impl Store for TroubledStore {
    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let mut trouble = self.trouble.subscribe();
        self.waiting.send_modify(|waiting| *waiting += 1);
        let now = *trouble
            .wait_for(|trouble| *trouble != Trouble::Slow)
            .await
            .expect("the sender lives in self");
        self.waiting.send_modify(|waiting| *waiting -= 1);
        if now == Trouble::Broken {
            return Err(StoreError("the disk is full".to_owned()).into());
        }
        self.written
            .fetch_add(commit.writes.len(), Ordering::Relaxed);
        let made = self.memory.commit(commit).await;
        if now == Trouble::Unanswered && made.is_ok() {
            return Err(StoreError("the connection is lost".to_owned()).into());
        }
        made
    }

    async fn load(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Option<Record>, StoreError> {
        self.memory.load(partition, stream).await
    }

    async fn history(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.memory.history(partition, stream).await
    }

    async fn list(
        &self,
        partition: &Partition,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        if *self.trouble.borrow() == Trouble::Unlisted {
            return Err(StoreError("the connection is lost".to_owned()));
        }
        let listed = self.memory.list(partition, kind, prefix, after, limit);
        listed.await.map(|rows| self.told(rows))
    }

    async fn newest(
        &self,
        partition: &Partition,
        kind: Kind,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Numbered>, StoreError> {
        self.memory.newest(partition, kind, before, limit).await
    }

    async fn reply(
        &self,
        partition: &Partition,
        scope: &str,
        key: &str,
    ) -> Result<Option<SavedReply>, StoreError> {
        self.memory.reply(partition, scope, key).await
    }

    async fn due(
        &self,
        partition: &Partition,
        kind: Kind,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let due = self.memory.due(partition, kind, until, after, limit);
        due.await.map(|rows| self.told(rows))
    }

    async fn next_deadline(
        &self,
        partition: &Partition,
        kind: Kind,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.memory.next_deadline(partition, kind).await
    }

    async fn next_deadlines(&self, kind: Kind) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
        self.memory.next_deadlines(kind).await
    }

    async fn begin_call(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.memory.begin_call(id, at).await
    }

    async fn finish_call(&self, id: &str, outcome: CallOutcome) -> Result<(), StoreError> {
        self.memory.finish_call(id, outcome).await
    }

    async fn add_begun_call(
        &self,
        partition: &Partition,
        call: OutgoingCall,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.memory.add_begun_call(partition, call, at).await
    }

    async fn recover_calls(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        self.memory.recover_calls().await
    }

    async fn calls(
        &self,
        partition: &Partition,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CallRecord>, StoreError> {
        self.memory.calls(partition, about, limit).await
    }

    async fn latest_calls(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, CallRecord)>, StoreError> {
        self.memory.latest_calls(before, limit).await
    }

    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        if *self.trouble.borrow() == Trouble::Unreadable {
            return Err(StoreError("an unknown purpose in the database".to_owned()));
        }
        self.memory.call(id).await
    }

    async fn prune_calls(&self, keep: usize) -> Result<(), StoreError> {
        self.memory.prune_calls(keep).await
    }

    async fn units_with(
        &self,
        environment: Environment,
        kind: Kind,
        prefix: &str,
    ) -> Result<Vec<Msn>, StoreError> {
        self.memory.units_with(environment, kind, prefix).await
    }

    async fn directory(
        &self,
        after: Generation,
    ) -> Result<(Vec<DirectoryEntry>, Generation), StoreError> {
        self.memory.directory(after).await
    }

    async fn rows(&self, of: Option<&Partition>) -> Result<Rows, StoreError> {
        self.memory.rows(of).await
    }

    async fn fill(&self, rows: Vec<Row>) -> Result<(), CommitError> {
        self.memory.fill(rows).await
    }

    async fn replace(&self, unit: &Partition, rows: Vec<Row>) -> Result<(), CommitError> {
        self.memory.replace(unit, rows).await
    }

    async fn put_directory(
        &self,
        entries: Vec<DirectoryEntry>,
        seen: Generation,
    ) -> Result<Generation, CommitError> {
        self.memory.put_directory(entries, seen).await
    }

    async fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        self.memory.clear(kept).await
    }

    async fn add_to_audit(&self, lines: Vec<AuditLine>) -> Result<(), CommitError> {
        self.memory.add_to_audit(lines).await
    }

    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditLine>, StoreError> {
        self.memory.audit(before, limit).await
    }

    async fn prune_audit(&self, through: u64) -> Result<(), StoreError> {
        self.memory.prune_audit(through).await
    }

    async fn answers(&self) -> Result<(), StoreError> {
        if *self.trouble.borrow() == Trouble::Broken {
            return Err(StoreError("the disk is full".to_owned()));
        }
        self.memory.answers().await
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        self.memory.nodes().map(|_| self as &dyn Nodes)
    }

    async fn close(&self) {
        self.memory.close().await;
    }
}

#[async_trait]
impl Nodes for TroubledStore {
    async fn count(&self, hits: Vec<Hit>) -> Result<Vec<Window>, StoreError> {
        self.counted.fetch_add(1, Ordering::Relaxed);
        let mut trouble = self.trouble.subscribe();
        let over = trouble.wait_for(|trouble| *trouble != Trouble::CountsSlowly);
        let now = *over.await.expect("the sender lives in self");
        if now == Trouble::Uncounted {
            return Err(StoreError("the connection is lost".to_owned()));
        }
        self.shared().count(hits).await
    }

    fn id(&self) -> &str {
        self.shared().id()
    }

    fn slot(&self) -> u8 {
        self.shared().slot()
    }

    async fn beat(&self, seen: Generation) -> Result<Beat, StoreError> {
        self.shared().beat(seen).await
    }

    async fn woken(&self) {
        self.shared().woken().await;
    }

    async fn claim(&self, task: &str, for_ms: u64) -> Result<bool, StoreError> {
        self.shared().claim(task, for_ms).await
    }

    async fn release(&self, task: &str) -> Result<(), StoreError> {
        self.shared().release(task).await
    }

    async fn note(&self, calls: Vec<Noted>) -> Result<(), StoreError> {
        self.shared().note(calls).await
    }

    async fn noted(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<Noted>, u64), StoreError> {
        self.shared().noted(after, limit).await
    }

    async fn prune_noted(&self, keep: u64, before: Timestamp) -> Result<(), StoreError> {
        self.shared().prune_noted(keep, before).await
    }
}
