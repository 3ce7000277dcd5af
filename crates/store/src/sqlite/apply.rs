//! What the writer does to the tables.
//!
//! Nothing here begins or ends a transaction: see [`writer`](super::writer).

use rusqlite::params;
use sandkasse_domain::Timestamp;

use super::rows::{Col, state};
use super::schema;
use super::statements::Statements;
use crate::port::{
    AuditLine, Commit, DirectoryEntry, Generation, OutgoingCall, Partition, SavedReply, StreamId,
    Write,
};

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
    PutDirectory(Vec<DirectoryEntry>, Generation),
    /// Everything but the directory's entries of these kinds, as a JSON array, and the audit log.
    Clear(String),
    AddToAudit(Vec<AuditLine>),
    PruneAudit(u64),
    /// A failpoint: the next COMMIT fails as it does when the disk loses a write.
    #[cfg(test)]
    FailNextFsync,
    /// A failpoint: the file may not have more pages than this.
    #[cfg(test)]
    LimitPages(i64),
}

/// What became of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// It was refused and has changed nothing: a commit in conflict, a call that cannot be begun.
    No,
    /// It was done.
    Yes,
    /// It was done, and made this generation of the directory.
    Generation(Generation),
}

impl Applied {
    fn when(done: bool) -> Applied {
        if done { Applied::Yes } else { Applied::No }
    }

    pub(super) fn is_done(self) -> bool {
        self != Applied::No
    }
}

impl Statements<'_> {
    /// For pruning, [`Applied::Yes`] if more may be left to prune.
    pub(super) fn apply(&mut self, work: &Work) -> rusqlite::Result<Applied> {
        match work {
            Work::Commit(commit) => return self.commit(commit).map(Applied::when),
            Work::BeginCall { id, at } => {
                let begun = self.begin_call.execute(params![id, Col(*at)])? == 1;
                return Ok(Applied::when(begun));
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
                return Ok(Applied::when(
                    self.prune_calls.execute(unit)? == PRUNE_LIMIT,
                ));
            }
            Work::PutDirectory(entries, seen) => return self.put_directory(entries, *seen),
            Work::Clear(kept) => {
                self.connection.execute_batch(schema::CLEAR)?;
                self.clear_directory.execute([kept])?
            }
            Work::AddToAudit(lines) => {
                for line in lines {
                    if self.audit_exists.exists([line.number])? {
                        return Ok(Applied::No);
                    }
                }
                lines.iter().try_fold(0, |added, line| {
                    let AuditLine {
                        number,
                        previous,
                        body,
                        hash,
                    } = line;
                    let values = params![number, previous, body, hash];
                    Ok::<_, rusqlite::Error>(added + self.add_to_audit.execute(values)?)
                })?
            }
            Work::PruneAudit(through) => self.prune_audit.execute([through])?,
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
        Ok(Applied::Yes)
    }

    /// All that can be refused is looked at before anything is changed, so a commit in conflict has
    /// nothing to take back and needs no savepoint, which would cost a copy of every page touched.
    /// The looks are cheap: they need the pages that are then written.
    fn commit(&mut self, commit: &Commit) -> rusqlite::Result<bool> {
        let Commit {
            partition,
            writes,
            reply,
            calls,
        } = commit;
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
        self.reply_exists
            .exists(params![environment, msn, reply.scope, reply.key])
    }

    /// The number and the version of a record.
    fn find(
        &mut self,
        partition: &Partition,
        write: &Write,
    ) -> rusqlite::Result<Option<(i64, u64)>> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        let StreamId { kind, name } = &write.stream;
        let mut rows = self
            .find_record
            .query(params![environment, msn, kind.name(), name])?;
        rows.next()?
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .transpose()
    }

    fn write(
        &mut self,
        partition: &Partition,
        number: Option<i64>,
        write: &Write,
    ) -> rusqlite::Result<()> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        let Write {
            stream: StreamId { kind, name },
            body,
            ..
        } = write;
        let deadline = write.deadline.map(Col);
        let number = match number {
            Some(number) => {
                self.update_record
                    .execute(params![number, deadline, body])?;
                number
            }
            None => self.insert_record.insert(params![
                environment,
                msn,
                kind.name(),
                name,
                deadline,
                body
            ])?,
        };
        let version = write.expected.unwrap_or(0) + 1;
        for (position, event) in write.events.iter().enumerate() {
            let at = Col(event.at);
            self.insert_event.execute(params![
                environment,
                msn,
                number,
                version,
                position,
                at,
                event.body
            ])?;
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

    fn put_directory(
        &mut self,
        entries: &[DirectoryEntry],
        seen: Generation,
    ) -> rusqlite::Result<Applied> {
        let seen = i64::try_from(seen).unwrap_or(i64::MAX);
        for entry in entries {
            let (environment, kind, key) = (Col(entry.environment), &entry.kind, &entry.key);
            let later = params![environment, kind, key, seen];
            if self.entry_is_later.exists(later)? {
                return Ok(Applied::No);
            }
        }
        let generation: u64 = self.next_generation.query_row([], |row| row.get(0))?;
        for entry in entries {
            let DirectoryEntry {
                kind,
                environment,
                key,
                body,
            } = entry;
            let values = params![Col(*environment), kind, key, body, generation];
            self.put_entry.execute(values)?;
        }
        Ok(Applied::Generation(generation))
    }
}
