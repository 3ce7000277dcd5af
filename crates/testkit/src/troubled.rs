//! A store in memory that can be slow or broken for a while.

use async_trait::async_trait;
use sandkasse_domain::Timestamp;
use sandkasse_store::{
    CallOutcome, CallRecord, Commit, CommitError, DirectoryEntry, Kind, MemoryStore, Numbered,
    OutgoingCall, Partition, Record, SavedReply, Store, StoreError, StoredEvent, StreamId,
};
use tokio::sync::watch;

/// What is the matter with commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// They wait until this is over, and then go on.
    Slow,
    /// They fail, and nothing of them is stored.
    Broken,
}

/// Memory, with trouble on demand. Only commits are concerned; reading always works.
#[derive(Default)]
pub struct TroubledStore {
    memory: MemoryStore,
    trouble: watch::Sender<Trouble>,
    waiting: watch::Sender<usize>,
}

impl TroubledStore {
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
        self.memory.commit(commit).await
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
        self.memory
            .list(partition, kind, prefix, after, limit)
            .await
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
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(StreamId, Timestamp)>, StoreError> {
        self.memory.due(partition, until, limit).await
    }

    async fn next_deadline(&self, partition: &Partition) -> Result<Option<Timestamp>, StoreError> {
        self.memory.next_deadline(partition).await
    }

    async fn next_deadlines(&self) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
        self.memory.next_deadlines().await
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

    async fn prune_calls(&self, keep: usize) -> Result<(), StoreError> {
        self.memory.prune_calls(keep).await
    }

    async fn directory(&self) -> Result<Vec<DirectoryEntry>, StoreError> {
        self.memory.directory().await
    }

    async fn put_directory(&self, entries: Vec<DirectoryEntry>) -> Result<(), StoreError> {
        self.memory.put_directory(entries).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.memory.clear().await
    }

    async fn close(&self) {
        self.memory.close().await;
    }
}
