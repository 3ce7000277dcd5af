//! What the writer does to the tables.
//!
//! Nothing here begins or ends a transaction: see [`writer`](super::writer).

use rusqlite::params;
use sandkasse_domain::Timestamp;

use super::aside;
use super::fill::blob;
use super::place::Place;
use super::rows::{Col, state};
use super::statements::Statements;
use crate::port::{
    AuditLine, Commit, DirectoryEntry, Generation, OutgoingCall, Partition, Row, SavedReply, Seal,
    StreamId, Write,
};
use crate::seals::{CommitSeals, Sealer};

/// How many calls are forgotten in one transaction, so that no payment waits long behind them.
const PRUNE_LIMIT: usize = 1_000;

/// Something to be written. All of it happens, or nothing.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every piece of work is a commit"
)]
pub(super) enum Work {
    Commit(Commit, Option<CommitSeals>),
    BeginCall {
        id: String,
        at: Timestamp,
        seal: Option<Seal>,
    },
    FinishCall {
        id: String,
        outcome: String,
        seal: Option<Seal>,
    },
    AddBegunCall {
        partition: Partition,
        call: OutgoingCall,
        at: Timestamp,
        seals: [Option<Seal>; 2],
    },
    InterruptCalls,
    PruneCalls {
        partition: Partition,
        through: i64,
    },
    PutDirectory(Vec<(DirectoryEntry, Option<Seal>)>, Generation),
    /// Everything but the directory's entries of these kinds, as a JSON array, and the audit log.
    Clear(String),
    AddToAudit(Vec<AuditLine>),
    PruneAudit(u64),
    Fill(Vec<Row>),
    /// A sales unit's rows, in the place of what is there of it.
    Replace(Partition, Vec<Row>),
    SealWith(Sealer),
    /// Nothing: whether the writer gets round to it, and the file can be read.
    Answer,
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
            Work::Commit(commit, seals) => {
                return self.commit(commit, seals.as_ref()).map(Applied::when);
            }
            Work::BeginCall { id, at, seal } => {
                let values = params![id, Col(*at), blob(*seal)];
                let begun = self.begin_call.execute(values)? == 1;
                return Ok(Applied::when(begun));
            }
            Work::FinishCall { id, outcome, seal } => {
                let values = params![id, outcome, blob(*seal)];
                self.finish_call.execute(values)?
            }
            Work::AddBegunCall {
                partition,
                call,
                at,
                seals,
            } => self.insert_call(partition, call, Some(*at), *seals)?,
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
                aside::put_aside(self.connection)?;
                self.is_aside = true;
                self.clear_heads(kept)?;
                self.clear_directory.execute([kept])?
            }
            Work::AddToAudit(lines) => {
                for line in lines {
                    if self.audit_exists.exists([line.number])? {
                        return Ok(Applied::No);
                    }
                }
                for line in lines {
                    self.put_audit_line(line)?;
                }
                self.note_newest(lines.last())?
            }
            Work::Answer => usize::from(self.connection.query_row(
                "SELECT 1 FROM installation",
                [],
                |row| row.get::<_, bool>(0),
            )?),
            Work::PruneAudit(through) => self.prune_audit.execute([through])?,
            Work::Fill(rows) => return self.fill(rows),
            Work::Replace(partition, rows) => return self.replace(partition, rows),
            Work::SealWith(sealer) => self.seal_with(sealer)?,
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
    fn commit(&mut self, commit: &Commit, seals: Option<&CommitSeals>) -> rusqlite::Result<bool> {
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
            let (number, version) = self.find(partition, &write.stream)?.unzip();
            if version != write.expected {
                return Ok(false);
            }
            self.numbers.push(number);
        }
        for (index, write) in writes.iter().enumerate() {
            let number = self.numbers.get(index).copied().flatten();
            let seals = seals.and_then(|seals| seals.writes.get(index));
            self.write(partition, number, write, seals)?;
        }
        if let Some(reply) = reply {
            let seal = seals.and_then(|seals| seals.reply);
            self.insert_reply(partition, reply, seal)?;
        }
        for (index, call) in calls.iter().enumerate() {
            let seal = seals.and_then(|seals| seals.calls.get(index).copied());
            self.insert_call(partition, call, None, [seal, None])?;
        }
        Ok(true)
    }

    pub(super) fn is_answered(
        &mut self,
        partition: &Partition,
        reply: &SavedReply,
    ) -> rusqlite::Result<bool> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        self.reply_exists
            .exists(params![environment, msn, reply.scope, reply.key])
    }

    /// The number and the version of a record.
    pub(super) fn find(
        &mut self,
        partition: &Partition,
        stream: &StreamId,
    ) -> rusqlite::Result<Option<(i64, u64)>> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        let StreamId { kind, name } = stream;
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
        seals: Option<&(Seal, Vec<Seal>)>,
    ) -> rusqlite::Result<()> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        let Write {
            stream: StreamId { kind, name },
            body,
            ..
        } = write;
        let deadline = write.deadline.map(Col);
        let seal = seals.map(|(seal, _)| seal.0);
        let number = match number {
            Some(number) => {
                self.update_record
                    .execute(params![number, deadline, body, seal])?;
                number
            }
            None => self.insert_record.insert(params![
                environment,
                msn,
                kind.name(),
                name,
                deadline,
                body,
                seal
            ])?,
        };
        let version = write.expected.unwrap_or(0) + 1;
        for (position, event) in write.events.iter().enumerate() {
            let at = Col(event.at);
            let seal = seals.and_then(|(_, seals)| seals.get(position));
            let place = Place {
                record: number,
                version,
                position: u32::try_from(position).unwrap_or(u32::MAX),
            };
            self.insert_event
                .execute(params![place, at, event.body, seal.map(|seal| seal.0)])?;
        }
        Ok(())
    }

    pub(super) fn insert_reply(
        &mut self,
        partition: &Partition,
        reply: &SavedReply,
        seal: Option<Seal>,
    ) -> rusqlite::Result<usize> {
        self.insert_reply.execute(params![
            Col(partition.environment),
            partition.msn.as_str(),
            reply.scope,
            reply.key,
            reply.fingerprint,
            reply.status,
            reply.body,
            blob(seal)
        ])
    }

    fn insert_call(
        &mut self,
        partition: &Partition,
        call: &OutgoingCall,
        begun_at: Option<Timestamp>,
        [seal, begun_seal]: [Option<Seal>; 2],
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
            begun_at.map(Col),
            blob(seal),
            blob(begun_seal)
        ])
    }

    fn put_directory(
        &mut self,
        entries: &[(DirectoryEntry, Option<Seal>)],
        seen: Generation,
    ) -> rusqlite::Result<Applied> {
        let seen = i64::try_from(seen).unwrap_or(i64::MAX);
        for (entry, _) in entries {
            let (environment, kind, key) = (Col(entry.environment), &entry.kind, &entry.key);
            let later = params![environment, kind, key, seen];
            if self.entry_is_later.exists(later)? {
                return Ok(Applied::No);
            }
        }
        let generation = self.make_generation()?;
        for (entry, seal) in entries {
            self.put_entry_row(entry, generation, *seal)?;
        }
        Ok(Applied::Generation(generation))
    }

    pub(super) fn make_generation(&mut self) -> rusqlite::Result<Generation> {
        self.next_generation.query_row([], |row| row.get(0))
    }
}
