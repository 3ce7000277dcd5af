//! Everything a store keeps, as rows that another store can take.

use tokio::sync::mpsc;

use crate::port::{
    AuditLine, CallRecord, DirectoryEntry, Partition, Record, SavedReply, StoreError, StoredEvent,
    StreamId,
};

/// One row. A store tells the directory first, then records in the order in which they were made
/// (each followed by its events), replies, calls in the order in which they were promised, the
/// audit log, oldest first, and heads. Rows of one sales unit are records, events, replies and calls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
#[expect(
    clippy::large_enum_variant,
    reason = "a few hundred are in memory at a time"
)]
pub enum Row {
    /// An entry of the directory.
    Directory {
        entry: DirectoryEntry,
        seal: Option<Seal>,
    },
    /// The present state of something.
    Record {
        partition: Partition,
        stream: StreamId,
        record: Record,
        seal: Option<Seal>,
    },
    /// Something that happened to the record `stream`.
    Event {
        partition: Partition,
        stream: StreamId,
        /// Which write of the record it came with: the version that the write made.
        version: u64,
        /// Its place among the events of that write, from 0.
        position: u32,
        event: StoredEvent,
        seal: Option<Seal>,
    },
    /// A saved answer.
    Reply {
        partition: Partition,
        reply: SavedReply,
        seal: Option<Seal>,
    },
    /// An outgoing call and what became of it. The seal is over what was promised.
    Call {
        record: CallRecord,
        seal: Option<Seal>,
        /// Over when it was begun.
        begun: Option<Seal>,
        /// Over how it ended.
        ended: Option<Seal>,
    },
    /// A line of the audit log, which is sealed by its own chain.
    Audit(AuditLine),
    /// What a store with a key notes about a whole table, so that a missing row shows: see
    /// [`heads`](crate::heads).
    Head {
        name: String,
        value: String,
        seal: Seal,
    },
    /// Something in the database that no such row can be read from, or that belongs to nothing. No
    /// store takes it.
    Broken {
        /// The table.
        table: String,
        /// Which row of it, in words.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A keyed digest over a row and its place, so that what others changed in the database shows. Rows
/// that were written before there were seals have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal(pub [u8; 16]);

/// Rows as they are read.
pub struct Rows(mpsc::Receiver<Result<Row, StoreError>>);

impl Rows {
    /// So many rows are read ahead.
    pub const AHEAD: usize = 256;

    /// Rows that somebody sends; who sends no more has told all. An error is the last.
    pub fn new(sent: mpsc::Receiver<Result<Row, StoreError>>) -> Rows {
        Rows(sent)
    }

    /// The next one; `None` when that was all.
    pub async fn next(&mut self) -> Option<Result<Row, StoreError>> {
        self.0.recv().await
    }
}
