//! The store of one node: the shared one behind, the node's desk before it, and what is broken on
//! purpose in between.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_store::{
    AuditLine, Beat, CallOutcome, CallRecord, CallState, Commit, CommitError, DirectoryEntry,
    Generation, Hit, Kind, Nodes, Noted, Numbered, OutgoingCall, Partition, Record, Row, Rows,
    SavedReply, Store, StoreError, StoredEvent, StreamId, Window,
};
use serde_json::Value;

use crate::{
    breakage::Breakage,
    desk::{Desk, Verdict},
};

/// See the module.
pub(crate) struct NodeStore {
    shared: Arc<dyn Store>,
    desk: Arc<Desk>,
    breakage: Option<Breakage>,
    /// Acknowledged and not durable; see [`Breakage::AcknowledgesEarly`].
    held: Mutex<Option<Commit>>,
}

fn lost() -> StoreError {
    StoreError("the connection to the store was lost".to_owned())
}

/// One operation: waits at the desk, is carried out or not, and is answered or not.
macro_rules! through {
    ($self:ident, $what:literal, $operation:expr) => {{
        let pass = $self.desk.enter($what).await;
        let verdict = pass.verdict;
        if matches!(
            verdict,
            Verdict::Go | Verdict::FailAfter | Verdict::DieAfter
        ) {
            $self.flush().await;
        }
        let result = match verdict {
            Verdict::FailBefore => Some(Err(lost().into())),
            Verdict::DieBefore => None,
            Verdict::Go => Some($operation.await),
            Verdict::FailAfter => {
                let _ = $operation.await;
                Some(Err(lost().into()))
            }
            Verdict::DieAfter => {
                let _ = $operation.await;
                None
            }
        };
        drop(pass);
        match result {
            Some(result) => result,
            None => {
                $self.desk.die();
                std::future::pending().await
            }
        }
    }};
}

impl NodeStore {
    /// A node's way to the store that all share.
    pub(crate) fn new(
        shared: Arc<dyn Store>,
        desk: Arc<Desk>,
        breakage: Option<Breakage>,
    ) -> NodeStore {
        NodeStore {
            shared,
            desk,
            breakage,
            held: Mutex::new(None),
        }
    }

    fn breaks(&self, breakage: Breakage) -> bool {
        self.breakage == Some(breakage)
    }

    /// Makes durable what was acknowledged before.
    async fn flush(&self) {
        let held = self.held.lock().take();
        if let Some(commit) = held {
            let _ = self.shared.commit(commit).await;
        }
    }

    async fn make(&self, mut commit: Commit) -> Result<(), CommitError> {
        match self.breakage {
            Some(Breakage::ForgetsReplies) => commit.reply = None,
            Some(Breakage::LosesCalls) => commit.calls.clear(),
            Some(Breakage::ForgetsDeadlines) => {
                commit
                    .writes
                    .iter_mut()
                    .for_each(|write| write.deadline = None);
            }
            Some(Breakage::CapturesOneLess) => {
                change_captured(&mut commit);
            }
            Some(Breakage::ForgetsRefunds) => self.keep_refunded(&mut commit).await?,
            Some(Breakage::IgnoresVersions) => self.adopt_versions(&mut commit).await?,
            Some(Breakage::AcknowledgesEarly) => {
                for write in &commit.writes {
                    let known = self.shared.load(&commit.partition, &write.stream).await?;
                    if known.map(|record| record.version) != write.expected {
                        return Err(CommitError::Conflict);
                    }
                }
                *self.held.lock() = Some(commit);
                return Ok(());
            }
            Some(Breakage::DeliversTwice | Breakage::OneCallMore | Breakage::TokensLiveOn)
            | None => {}
        }
        self.shared.commit(commit).await
    }

    async fn keep_refunded(&self, commit: &mut Commit) -> Result<(), StoreError> {
        for write in &mut commit.writes {
            let Some(known) = self.shared.load(&commit.partition, &write.stream).await? else {
                continue;
            };
            if let Some(refunded) = member(&known.body, "refunded") {
                change(&mut write.body, "refunded", |_| refunded);
            }
        }
        Ok(())
    }

    async fn adopt_versions(&self, commit: &mut Commit) -> Result<(), StoreError> {
        for write in &mut commit.writes {
            if write.expected.is_some() {
                let known = self.shared.load(&commit.partition, &write.stream).await?;
                write.expected = known.map(|record| record.version);
            }
        }
        Ok(())
    }

    async fn recover(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        if !self.breaks(Breakage::DeliversTwice) {
            return self.shared.recover_calls().await;
        }
        let begun = self.shared.latest_calls(None, usize::MAX).await?;
        let mut owed = self.shared.recover_calls().await?;
        for (_, record) in begun {
            if matches!(record.state, CallState::Begun { .. }) {
                owed.push((record.partition, record.call));
            }
        }
        Ok(owed)
    }

    async fn begin(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let begun = self.shared.begin_call(id, at).await?;
        Ok(begun || self.breaks(Breakage::DeliversTwice))
    }
}

/// An amount of a reservation, in a stored payment.
fn member(body: &str, name: &str) -> Option<i64> {
    let payment: Value = serde_json::from_str(body).ok()?;
    payment.get("state")?.get(name)?.as_i64()
}

fn change(body: &mut String, name: &str, to: impl FnOnce(i64) -> i64) {
    let Ok(mut payment) = serde_json::from_str::<Value>(body) else {
        return;
    };
    let amount = payment
        .get_mut("state")
        .and_then(|state| state.get_mut(name));
    if let Some(amount) = amount
        && let Some(now) = amount.as_i64()
    {
        *amount = to(now).into();
        *body = payment.to_string();
    }
}

fn change_captured(commit: &mut Commit) {
    for write in &mut commit.writes {
        if write
            .events
            .iter()
            .any(|event| event.body.contains("\"captured\""))
        {
            change(&mut write.body, "captured", |captured| {
                (captured - 1).max(0)
            });
        }
    }
}

#[async_trait]
impl Store for NodeStore {
    async fn load(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Option<Record>, StoreError> {
        through!(self, "load", self.shared.load(partition, stream))
    }

    async fn history(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        through!(self, "history", self.shared.history(partition, stream))
    }

    async fn list(
        &self,
        partition: &Partition,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        through!(
            self,
            "list",
            self.shared.list(partition, kind, prefix, after, limit)
        )
    }

    async fn newest(
        &self,
        partition: &Partition,
        kind: Kind,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Numbered>, StoreError> {
        through!(
            self,
            "newest",
            self.shared.newest(partition, kind, before, limit)
        )
    }

    async fn reply(
        &self,
        partition: &Partition,
        scope: &str,
        key: &str,
    ) -> Result<Option<SavedReply>, StoreError> {
        through!(self, "reply", self.shared.reply(partition, scope, key))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        through!(self, "commit", self.make(commit))
    }

    async fn due(
        &self,
        partition: &Partition,
        kind: Kind,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        through!(
            self,
            "due",
            self.shared.due(partition, kind, until, after, limit)
        )
    }

    async fn next_deadline(
        &self,
        partition: &Partition,
        kind: Kind,
    ) -> Result<Option<Timestamp>, StoreError> {
        through!(
            self,
            "next_deadline",
            self.shared.next_deadline(partition, kind)
        )
    }

    async fn next_deadlines(&self, kind: Kind) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
        through!(self, "next_deadlines", self.shared.next_deadlines(kind))
    }

    async fn begin_call(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        through!(self, "begin_call", self.begin(id, at))
    }

    async fn finish_call(&self, id: &str, outcome: CallOutcome) -> Result<(), StoreError> {
        through!(self, "finish_call", self.shared.finish_call(id, outcome))
    }

    async fn add_begun_call(
        &self,
        partition: &Partition,
        call: OutgoingCall,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        through!(
            self,
            "add_begun_call",
            self.shared.add_begun_call(partition, call, at)
        )
    }

    async fn recover_calls(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        through!(self, "recover_calls", self.recover())
    }

    async fn calls(
        &self,
        partition: &Partition,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CallRecord>, StoreError> {
        through!(self, "calls", self.shared.calls(partition, about, limit))
    }

    async fn latest_calls(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, CallRecord)>, StoreError> {
        through!(
            self,
            "latest_calls",
            self.shared.latest_calls(before, limit)
        )
    }

    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        through!(self, "call", self.shared.call(id))
    }

    async fn prune_calls(&self, keep: usize) -> Result<(), StoreError> {
        through!(self, "prune_calls", self.shared.prune_calls(keep))
    }

    async fn units_with(
        &self,
        environment: Environment,
        kind: Kind,
        prefix: &str,
    ) -> Result<Vec<Msn>, StoreError> {
        through!(
            self,
            "units_with",
            self.shared.units_with(environment, kind, prefix)
        )
    }

    async fn directory(
        &self,
        after: Generation,
    ) -> Result<(Vec<DirectoryEntry>, Generation), StoreError> {
        through!(self, "directory", self.shared.directory(after))
    }

    async fn put_directory(
        &self,
        entries: Vec<DirectoryEntry>,
        seen: Generation,
    ) -> Result<Generation, CommitError> {
        through!(
            self,
            "put_directory",
            self.shared.put_directory(entries, seen)
        )
    }

    async fn rows(&self, of: Option<&Partition>) -> Result<Rows, StoreError> {
        through!(self, "rows", self.shared.rows(of))
    }

    async fn fill(&self, rows: Vec<Row>) -> Result<(), CommitError> {
        through!(self, "fill", self.shared.fill(rows))
    }

    async fn replace(&self, unit: &Partition, rows: Vec<Row>) -> Result<(), CommitError> {
        through!(self, "replace", self.shared.replace(unit, rows))
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        self.shared.nodes().map(|_| self as &dyn Nodes)
    }

    async fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        through!(self, "clear", self.shared.clear(kept))
    }

    async fn add_to_audit(&self, lines: Vec<AuditLine>) -> Result<(), CommitError> {
        through!(self, "add_to_audit", self.shared.add_to_audit(lines))
    }

    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditLine>, StoreError> {
        through!(self, "audit", self.shared.audit(before, limit))
    }

    async fn prune_audit(&self, through: u64) -> Result<(), StoreError> {
        through!(self, "prune_audit", self.shared.prune_audit(through))
    }

    async fn close(&self) {
        self.flush().await;
    }
}

impl NodeStore {
    fn others(&self) -> &dyn Nodes {
        let nodes = self.shared.nodes();
        nodes.expect("only a store that has nodes shows itself as one of them")
    }
}

#[async_trait]
impl Nodes for NodeStore {
    fn id(&self) -> &str {
        self.others().id()
    }

    fn slot(&self) -> u8 {
        self.others().slot()
    }

    async fn beat(&self, seen: Generation) -> Result<Beat, StoreError> {
        through!(self, "beat", self.others().beat(seen))
    }

    async fn woken(&self) {
        self.others().woken().await;
    }

    async fn claim(&self, task: &str, for_ms: u64) -> Result<bool, StoreError> {
        through!(self, "claim", self.others().claim(task, for_ms))
    }

    async fn release(&self, task: &str) -> Result<(), StoreError> {
        through!(self, "release", self.others().release(task))
    }

    async fn count(&self, hits: Vec<Hit>) -> Result<Vec<Window>, StoreError> {
        through!(self, "count", self.others().count(hits))
    }

    async fn note(&self, calls: Vec<Noted>) -> Result<(), StoreError> {
        through!(self, "note", self.others().note(calls))
    }

    async fn noted(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<Noted>, u64), StoreError> {
        through!(self, "noted", self.others().noted(after, limit))
    }

    async fn prune_noted(&self, keep: u64, before: Timestamp) -> Result<(), StoreError> {
        through!(self, "prune_noted", self.others().prune_noted(keep, before))
    }
}
