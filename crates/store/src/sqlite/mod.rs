//! One file, no server: the store of the single binary.
//!
//! SQLite in WAL mode at `synchronous=FULL`: an acknowledged commit outlives a killed process and a
//! power cut. `writer` is the one thread that writes, many commits per fsync; `pool` a few
//! connections that read beside it; `schema` the tables.
//!
//! The file belongs to one process, which locks `<file>.lock` beside it. The lock is the operating
//! system's, so a killed process leaves none behind.

mod apply;
mod aside;
mod error;
mod fill;
mod heads;
mod open;
mod place;
mod pool;
mod reader;
mod rows;
mod schema;
mod statements;
mod tell;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use sandkasse_domain::{Environment, Msn, Timestamp};

use self::apply::{Applied, Work};
pub use self::error::OpenError;
use self::pool::Readers;
use self::reader::Reader;
use self::writer::Writer;
use crate::measure::Measured;
use crate::port::{
    AuditLine, CallOutcome, CallRecord, Commit, CommitError, DirectoryEntry, Generation, Kind,
    Numbered, OutgoingCall, Partition, Record, Row, Rows, SavedReply, Store, StoreError,
    StoredEvent, StreamId,
};
use crate::seals::Sealer;

/// What was refused is a conflict.
fn done(applied: Applied) -> Result<(), CommitError> {
    if applied.is_done() {
        Ok(())
    } else {
        Err(CommitError::Conflict)
    }
}

/// A store in one SQLite file. See the module.
///
/// Dropping it waits until all that was asked for is written, some milliseconds.
pub struct SqliteStore {
    readers: Arc<Readers>,
    writer: Writer,
    sealer: OnceLock<Sealer>,
}

impl SqliteStore {
    /// Waits until the disk has failed and nothing more is written; as long as all is well, for ever.
    /// There is no way back but to start again, so a server that sees this return should end.
    pub async fn broken(&self) -> StoreError {
        self.writer.broken().await
    }
}

// The reads run on the caller's thread, in the middle of an async function: by primary key, from
// pages that are in memory, they take some 10 µs, less than handing them to another thread. Those
// that return many rows are bounded by their limit, or are asked once at start-up.
#[async_trait]
impl Store for SqliteStore {
    async fn load(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Option<Record>, StoreError> {
        self.readers.read(|reader| reader.load(partition, stream))
    }

    async fn history(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.readers
            .read(|reader| reader.history(partition, stream))
    }

    async fn list(
        &self,
        partition: &Partition,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        self.readers
            .read(|reader| reader.list(partition, kind, prefix, after, limit))
    }

    async fn newest(
        &self,
        partition: &Partition,
        kind: Kind,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Numbered>, StoreError> {
        self.readers
            .read(|reader| reader.newest(partition, kind, before, limit))
    }

    async fn reply(
        &self,
        partition: &Partition,
        scope: &str,
        key: &str,
    ) -> Result<Option<SavedReply>, StoreError> {
        self.readers
            .read(|reader| reader.reply(partition, scope, key))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        commit.check()?;
        let seals = self.sealer.get().map(|sealer| sealer.commit(&commit));
        done(self.writer.ask(Work::Commit(commit, seals)).await?)
    }

    async fn due(
        &self,
        partition: &Partition,
        kind: Kind,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.readers
            .read(|reader| reader.due(partition, kind, until, after, limit))
    }

    async fn next_deadline(
        &self,
        partition: &Partition,
        kind: Kind,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.readers
            .read(|reader| reader.next_deadline(partition, kind))
    }

    async fn next_deadlines(&self, kind: Kind) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
        let mut found: Vec<(Partition, Timestamp)> = Vec::new();
        loop {
            let last = found.last().map(|(partition, _)| partition);
            match self
                .readers
                .read(|reader| reader.deadline_behind(kind, last))?
            {
                Some(next) => found.push(next),
                None => return Ok(found),
            }
        }
    }

    async fn begin_call(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let id = id.to_owned();
        let seal = self.sealer.get().map(|sealer| sealer.begun(&id, at));
        let begun = self.writer.ask(Work::BeginCall { id, at, seal }).await?;
        Ok(begun.is_done())
    }

    async fn finish_call(&self, id: &str, outcome: CallOutcome) -> Result<(), StoreError> {
        let seal = self.sealer.get().map(|sealer| sealer.ended(id, &outcome));
        let outcome =
            serde_json::to_string(&outcome).map_err(|error| StoreError(error.to_string()))?;
        self.writer
            .ask(Work::FinishCall {
                id: id.to_owned(),
                outcome,
                seal,
            })
            .await
            .map(drop)
    }

    async fn add_begun_call(
        &self,
        partition: &Partition,
        call: OutgoingCall,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sealer = self.sealer.get();
        let promised = sealer.map(|sealer| sealer.call(partition, &call));
        let begun = sealer.map(|sealer| sealer.begun(&call.id, at));
        self.writer
            .ask(Work::AddBegunCall {
                partition: partition.clone(),
                call,
                at,
                seals: [promised, begun],
            })
            .await
            .map(drop)
    }

    async fn recover_calls(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        self.writer.ask(Work::InterruptCalls).await?;
        self.readers.read(|reader| reader.owed_calls())
    }

    async fn calls(
        &self,
        partition: &Partition,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CallRecord>, StoreError> {
        self.readers
            .read(|reader| reader.calls(partition, about, limit))
    }

    async fn latest_calls(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, CallRecord)>, StoreError> {
        self.readers
            .read(|reader| reader.latest_calls(before, limit))
    }

    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        self.readers.read(|reader| reader.call(id))
    }

    /// What is to be forgotten is looked up beside the writer, and forgotten in small portions.
    async fn prune_calls(&self, keep: usize) -> Result<(), StoreError> {
        let mut last = None;
        while let Some(partition) = self
            .readers
            .read(|reader| reader.caller_behind(last.as_ref()))?
        {
            if let Some(through) = self
                .readers
                .read(|reader| reader.prune_through(&partition, keep))?
            {
                while self
                    .writer
                    .ask(Work::PruneCalls {
                        partition: partition.clone(),
                        through,
                    })
                    .await?
                    .is_done()
                {}
            }
            last = Some(partition);
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn units_with(
        &self,
        environment: Environment,
        kind: Kind,
        prefix: &str,
    ) -> Result<Vec<Msn>, StoreError> {
        let mut found = Vec::new();
        let mut last = String::new();
        while let Some(msn) = self
            .readers
            .read(|reader| reader.unit_behind(environment, &last))?
        {
            last = msn.to_string();
            let partition = Partition { environment, msn };
            let first = |reader: &Reader<'_>| reader.list(&partition, kind, prefix, None, 1);
            if !self.readers.read(first)?.is_empty() {
                found.push(partition.msn);
            }
        }
        Ok(found)
    }

    async fn directory(
        &self,
        after: Generation,
    ) -> Result<(Vec<DirectoryEntry>, Generation), StoreError> {
        self.readers.read(|reader| reader.directory(after))
    }

    async fn put_directory(
        &self,
        entries: Vec<DirectoryEntry>,
        seen: Generation,
    ) -> Result<Generation, CommitError> {
        let sealed = entries.into_iter().map(|entry| {
            let seal = self.sealer.get().and_then(|sealer| sealer.entry(&entry));
            (entry, seal)
        });
        let work = Work::PutDirectory(sealed.collect(), seen);
        match self.writer.ask(work).await? {
            Applied::Generation(generation) => Ok(generation),
            Applied::Yes | Applied::No => Err(CommitError::Conflict),
        }
    }

    async fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        let kept = serde_json::to_string(kept).map_err(|error| StoreError(error.to_string()))?;
        self.writer.ask(Work::Clear(kept)).await.map(drop)
    }

    async fn add_to_audit(&self, lines: Vec<AuditLine>) -> Result<(), CommitError> {
        done(self.writer.ask(Work::AddToAudit(lines)).await?)
    }

    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditLine>, StoreError> {
        self.readers.read(|reader| reader.audit(before, limit))
    }

    async fn prune_audit(&self, through: u64) -> Result<(), StoreError> {
        self.writer.ask(Work::PruneAudit(through)).await.map(drop)
    }

    async fn rows(&self, of: Option<&Partition>) -> Result<Rows, StoreError> {
        tell::rows(self.readers.another()?, of.cloned())
    }

    async fn fill(&self, rows: Vec<Row>) -> Result<(), CommitError> {
        done(self.writer.ask(Work::Fill(rows)).await?)
    }

    async fn replace(&self, unit: &Partition, mut rows: Vec<Row>) -> Result<(), CommitError> {
        if let Some(sealer) = self.sealer.get() {
            sealer.seal_missing(&mut rows);
        }
        done(self.writer.ask(Work::Replace(unit.clone(), rows)).await?)
    }

    async fn seal_with(&self, sealer: Sealer) -> Result<(), StoreError> {
        self.writer.ask(Work::SealWith(sealer.clone())).await?;
        // Whoever comes second has the same key.
        self.sealer.set(sealer).ok();
        Ok(())
    }

    async fn answers(&self) -> Result<(), StoreError> {
        // A disk that hangs holds up the writer, not whoever asks.
        self.writer.ask(Work::Answer).await.map(drop)
    }

    fn measured(&self) -> Measured {
        let groups = self.writer.groups();
        Measured {
            group_sizes: Some(groups.sizes.read()),
            group_times: Some(groups.times.read()),
            waiting: Some(self.writer.waiting()),
            failures: groups.failures.read() + self.readers.failures(),
            connections: None,
        }
    }

    async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}
