//! What the writer does to the tables, one prepared statement each.
//!
//! Nothing here begins or ends a transaction: see [`writer`](super::writer).

use rusqlite::{Connection, Statement, params};
use sandkasse_domain::Timestamp;

use super::rows::{Col, state};
use super::schema;
use crate::port::{Commit, DirectoryEntry, OutgoingCall, Partition, SavedReply, StreamId, Write};

/// How many calls are forgotten in one transaction, so that no payment waits long behind them.
const PRUNE_LIMIT: usize = 1_000;

/// Something to be written. All of it happens, or nothing.
pub(super) enum Work {
    Commit(Commit),
    BeginCall {
        id: String,
        at: Timestamp,
    },
    FinishCall {
        id: String,
        outcome: String,
    },
    AddBegunCall {
        partition: Partition,
        call: OutgoingCall,
        at: Timestamp,
    },
    InterruptCalls,
    PruneCalls {
        partition: Partition,
        through: i64,
    },
    PutDirectory(Vec<DirectoryEntry>),
    Clear,
    /// A failpoint: the next COMMIT fails as it does when the disk loses a write.
    #[cfg(test)]
    FailNextFsync,
    /// A failpoint: the file may not have more pages than this.
    #[cfg(test)]
    LimitPages(i64),
}

/// The statements of the write connection.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    find_record: Statement<'c>,
    insert_record: Statement<'c>,
    update_record: Statement<'c>,
    insert_event: Statement<'c>,
    reply_exists: Statement<'c>,
    insert_reply: Statement<'c>,
    insert_call: Statement<'c>,
    begin_call: Statement<'c>,
    finish_call: Statement<'c>,
    interrupt_calls: Statement<'c>,
    prune_calls: Statement<'c>,
    put_entry: Statement<'c>,
    delete_entry: Statement<'c>,
    /// The number of each record that the present commit writes, if it is there already.
    numbers: Vec<Option<i64>>,
    #[cfg(test)]
    fail_next_fsync: bool,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Statements<'c>> {
        Ok(Statements {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            find_record: connection.prepare(
                "SELECT number, version FROM records
                 WHERE environment = ?1 AND msn = ?2 AND kind = ?3 AND name = ?4",
            )?,
            insert_record: connection.prepare(
                "INSERT INTO records (environment, msn, kind, name, version, deadline, body)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)",
            )?,
            update_record: connection.prepare(
                "UPDATE records SET version = version + 1, deadline = ?2, body = ?3 WHERE number = ?1",
            )?,
            insert_event: connection.prepare("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?,
            reply_exists: connection.prepare(
                "SELECT 1 FROM replies WHERE environment = ?1 AND msn = ?2 AND scope = ?3 AND key = ?4",
            )?,
            insert_reply: connection.prepare("INSERT INTO replies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?,
            insert_call: connection.prepare(
                "INSERT INTO calls (state, environment, msn, about, id, purpose, method, url, authorization, body,
                                    timeout_ms, owed_at, begun_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?,
            begin_call: connection
                .prepare("UPDATE calls SET state = 1, begun_at = ?2 WHERE id = ?1 AND state = 0")?,
            finish_call: connection
                .prepare("UPDATE calls SET state = 2, outcome = ?2 WHERE id = ?1 AND state = 1")?,
            // `state < 2` is what lets SQLite use the index over the open ones.
            interrupt_calls: connection.prepare("UPDATE calls SET state = 3 WHERE state < 2 AND state = 1")?,
            prune_calls: connection.prepare(
                "DELETE FROM calls WHERE number IN (
                     SELECT number FROM calls INDEXED BY calls_by_unit
                     WHERE environment = ?1 AND msn = ?2 AND number <= ?3 AND state >= 2 LIMIT ?4)",
            )?,
            put_entry: connection.prepare("INSERT OR REPLACE INTO directory VALUES (?1, ?2, ?3, ?4)")?,
            delete_entry: connection
                .prepare("DELETE FROM directory WHERE environment = ?1 AND kind = ?2 AND key = ?3")?,
            numbers: Vec::new(),
            #[cfg(test)]
            fail_next_fsync: false,
        })
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.begin.execute([]).map(drop)
    }

    /// Returns after the fsync.
    pub(super) fn end(&mut self) -> rusqlite::Result<()> {
        #[cfg(test)]
        if std::mem::take(&mut self.fail_next_fsync) {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
            return Err(rusqlite::Error::SqliteFailure(code, None));
        }
        self.commit.execute([]).map(drop)
    }

    /// Does nothing if SQLite has rolled back by itself, as it does when the disk is full.
    pub(super) fn roll_back(&mut self) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() {
            Ok(())
        } else {
            self.connection.execute_batch("ROLLBACK")
        }
    }

    /// `false` if it was refused, and then it has changed nothing: a commit in conflict, a call
    /// that cannot be begun. For pruning, `true` if more may be left to prune.
    pub(super) fn apply(&mut self, work: &Work) -> rusqlite::Result<bool> {
        match work {
            Work::Commit(commit) => return self.commit(commit),
            Work::BeginCall { id, at } => {
                return Ok(self.begin_call.execute(params![id, Col(*at)])? == 1);
            }
            Work::FinishCall { id, outcome } => self.finish_call.execute([id, outcome])?,
            Work::AddBegunCall {
                partition,
                call,
                at,
            } => self.insert_call(partition, call, Some(*at))?,
            Work::InterruptCalls => self.interrupt_calls.execute([])?,
            Work::PruneCalls { partition, through } => {
                let Partition { environment, msn } = partition;
                let unit = params![Col(*environment), msn.as_str(), through, PRUNE_LIMIT];
                return Ok(self.prune_calls.execute(unit)? == PRUNE_LIMIT);
            }
            Work::PutDirectory(entries) => entries.iter().try_fold(0, |changed, entry| {
                Ok::<_, rusqlite::Error>(changed + self.put(entry)?)
            })?,
            Work::Clear => {
                self.connection.execute_batch(schema::CLEAR)?;
                0
            }
            #[cfg(test)]
            Work::FailNextFsync => {
                self.fail_next_fsync = true;
                0
            }
            #[cfg(test)]
            Work::LimitPages(limit) => self.connection.query_row(
                &format!("PRAGMA max_page_count = {limit}"),
                [],
                |_| Ok(0),
            )?,
        };
        Ok(true)
    }

    /// All that can be refused is looked at before anything is changed, so a commit in conflict has
    /// nothing to take back and needs no savepoint, which would cost a copy of every page touched.
    /// The looks are cheap: they need the pages that are then written.
    fn commit(&mut self, commit: &Commit) -> rusqlite::Result<bool> {
        let Commit { partition, writes, reply, calls } = commit;
        if let Some(reply) = reply
            && self.is_answered(partition, reply)?
        {
            return Ok(false);
        }
        self.numbers.clear();
        for write in writes {
            let (number, version) = self.find(partition, write)?.unzip();
            if version != write.expected {
                return Ok(false);
            }
            self.numbers.push(number);
        }
        for (index, write) in writes.iter().enumerate() {
            let number = self.numbers.get(index).copied().flatten();
            self.write(partition, number, write)?;
        }
        if let Some(reply) = reply {
            self.insert_reply(partition, reply)?;
        }
        for call in calls {
            self.insert_call(partition, call, None)?;
        }
        Ok(true)
    }

    fn is_answered(&mut self, partition: &Partition, reply: &SavedReply) -> rusqlite::Result<bool> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        self.reply_exists.exists(params![environment, msn, reply.scope, reply.key])
    }

    /// The number and the version of a record.
    fn find(&mut self, partition: &Partition, write: &Write) -> rusqlite::Result<Option<(i64, u64)>> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        let StreamId { kind, name } = &write.stream;
        let mut rows = self.find_record.query(params![environment, msn, kind.name(), name])?;
        rows.next()?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
    }

    fn write(&mut self, partition: &Partition, number: Option<i64>, write: &Write) -> rusqlite::Result<()> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        let Write { stream: StreamId { kind, name }, body, .. } = write;
        let deadline = write.deadline.map(Col);
        let number = match number {
            Some(number) => {
                self.update_record.execute(params![number, deadline, body])?;
                number
            }
            None => self.insert_record.insert(params![environment, msn, kind.name(), name, deadline, body])?,
        };
        let version = write.expected.unwrap_or(0) + 1;
        for (position, event) in write.events.iter().enumerate() {
            let at = Col(event.at);
            self.insert_event.execute(params![environment, msn, number, version, position, at, event.body])?;
        }
        Ok(())
    }

    fn insert_reply(
        &mut self,
        partition: &Partition,
        reply: &SavedReply,
    ) -> rusqlite::Result<usize> {
        self.insert_reply.execute(params![
            Col(partition.environment),
            partition.msn.as_str(),
            reply.scope,
            reply.key,
            reply.fingerprint,
            reply.status,
            reply.body
        ])
    }

    fn insert_call(
        &mut self,
        partition: &Partition,
        call: &OutgoingCall,
        begun_at: Option<Timestamp>,
    ) -> rusqlite::Result<usize> {
        self.insert_call.execute(params![
            if begun_at.is_some() {
                state::BEGUN
            } else {
                state::OWED
            },
            Col(partition.environment),
            partition.msn.as_str(),
            call.about,
            call.id,
            call.purpose.name(),
            call.method,
            call.url,
            call.authorization,
            call.body,
            call.timeout_ms.cast_signed(),
            Col(call.owed_at),
            begun_at.map(Col)
        ])
    }

    fn put(&mut self, entry: &DirectoryEntry) -> rusqlite::Result<usize> {
        let DirectoryEntry {
            kind,
            environment,
            key,
            body,
        } = entry;
        match body {
            Some(body) => self
                .put_entry
                .execute(params![Col(*environment), kind, key, body]),
            None => self
                .delete_entry
                .execute(params![Col(*environment), kind, key]),
        }
    }
}
