//! Rows that another store told, put into the tables.

use rusqlite::params;

use super::apply::Applied;
use super::place::Place;
use super::rows::{Col, state};
use super::statements::Statements;
use crate::port::{
    AuditLine, CallRecord, CallState, DirectoryEntry, Partition, Record, Row, SavedReply, Seal,
    StreamId,
};

/// A seal as it stands in its column.
pub(super) fn blob(seal: Option<Seal>) -> Option<[u8; 16]> {
    seal.map(|seal| seal.0)
}

impl Statements<'_> {
    /// All that can be refused is looked at before anything is changed.
    pub(super) fn fill(&mut self, rows: &[Row]) -> rusqlite::Result<Applied> {
        for row in rows {
            if self.is_there(row)? {
                return Ok(Applied::No);
            }
        }
        self.put_rows(rows)?;
        Ok(Applied::Yes)
    }

    /// Forgets a sales unit's rows and puts these in their place.
    pub(super) fn replace(
        &mut self,
        partition: &Partition,
        rows: &[Row],
    ) -> rusqlite::Result<Applied> {
        let (environment, msn) = (Col(partition.environment), partition.msn.as_str());
        let mut elsewhere = self.connection.prepare_cached(
            "SELECT 1 FROM calls WHERE id = ?1 AND (environment, msn) <> (?2, ?3)",
        )?;
        for row in rows {
            let of = match row {
                Row::Record { partition, .. }
                | Row::Event { partition, .. }
                | Row::Reply { partition, .. } => Some(partition),
                Row::Call { record, .. } => {
                    if elsewhere.exists(params![record.call.id, environment, msn])? {
                        return Ok(Applied::No);
                    }
                    Some(&record.partition)
                }
                Row::Directory { .. } => Some(partition),
                Row::Audit(_) | Row::Head { .. } | Row::Broken { .. } => None,
            };
            if of != Some(partition) {
                return Err(mistake("a row that is not of this sales unit"));
            }
        }
        for (table, of) in [
            (
                "events",
                "place IN (SELECT it.place FROM records JOIN events AS it
                     ON it.place >= records.number << 31 AND it.place < (records.number + 1) << 31
                 WHERE environment = ?1 AND msn = ?2)",
            ),
            ("records", "environment = ?1 AND msn = ?2"),
            ("replies", "environment = ?1 AND msn = ?2"),
            ("calls", "environment = ?1 AND msn = ?2"),
        ] {
            let sql = format!("DELETE FROM {table} WHERE {of}");
            self.connection
                .prepare_cached(&sql)?
                .execute(params![environment, msn])?;
        }
        self.put_rows(rows)?;
        Ok(Applied::Yes)
    }

    fn is_there(&mut self, row: &Row) -> rusqlite::Result<bool> {
        match row {
            Row::Directory { entry, .. } => {
                let sql = "SELECT 1 FROM directory
                           WHERE environment = ?1 AND kind = ?2 AND key = ?3 AND body IS NOT NULL";
                let key = params![Col(entry.environment), entry.kind, entry.key];
                self.connection.prepare_cached(sql)?.exists(key)
            }
            Row::Record {
                partition, stream, ..
            } => Ok(self.find(partition, stream)?.is_some()),
            Row::Reply {
                partition, reply, ..
            } => self.is_answered(partition, reply),
            Row::Call { record, .. } => {
                let sql = "SELECT 1 FROM calls WHERE id = ?1";
                let mut known = self.connection.prepare_cached(sql)?;
                known.exists([&record.call.id])
            }
            Row::Audit(line) => self.audit_exists.exists([line.number]),
            // An event comes with its record; a head is what it was told last.
            Row::Event { .. } | Row::Head { .. } => Ok(false),
            Row::Broken { table, key, .. } => {
                let what = format!("a broken row, {key} of {table}");
                Err(mistake(&what))
            }
        }
    }

    fn put_rows(&mut self, rows: &[Row]) -> rusqlite::Result<()> {
        let mut generation = None;
        let mut last: Option<(&Partition, &StreamId, i64)> = None;
        for row in rows {
            match row {
                Row::Directory { entry, seal } => {
                    let generation = match generation {
                        Some(generation) => generation,
                        None => *generation.insert(self.make_generation()?),
                    };
                    self.put_entry_row(entry, generation, *seal)?;
                }
                Row::Record {
                    partition,
                    stream,
                    record,
                    seal,
                } => {
                    let number = self.put_record(partition, stream, record, *seal)?;
                    last = Some((partition, stream, number));
                }
                Row::Event {
                    partition,
                    stream,
                    version,
                    position,
                    event,
                    seal,
                } => {
                    let number = match last {
                        Some((of, name, number)) if (of, name) == (partition, stream) => number,
                        _ => match self.find(partition, stream)? {
                            Some((number, _)) => number,
                            None => return Err(mistake("an event that comes before its record")),
                        },
                    };
                    last = Some((partition, stream, number));
                    let place = Place {
                        record: number,
                        version: *version,
                        position: *position,
                    };
                    let values = params![place, Col(event.at), event.body, blob(*seal)];
                    self.insert_event.execute(values)?;
                }
                Row::Reply {
                    partition,
                    reply,
                    seal,
                } => self.put_reply(partition, reply, *seal)?,
                Row::Call {
                    record,
                    seal,
                    begun,
                    ended,
                } => self.put_call(record, [*seal, *begun, *ended])?,
                Row::Audit(line) => self.put_audit_line(line)?,
                Row::Head { name, value, seal } => self.put_head(name, value, *seal)?,
                Row::Broken { .. } => return Err(mistake("a broken row")),
            }
        }
        Ok(())
    }

    /// Answers its number.
    fn put_record(
        &self,
        partition: &Partition,
        stream: &StreamId,
        record: &Record,
        seal: Option<Seal>,
    ) -> rusqlite::Result<i64> {
        let sql =
            "INSERT INTO records (environment, msn, kind, name, version, deadline, body, seal)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.connection.prepare_cached(sql)?.insert(params![
            Col(partition.environment),
            partition.msn.as_str(),
            stream.kind.name(),
            stream.name,
            record.version,
            record.deadline.map(Col),
            record.body,
            blob(seal)
        ])
    }

    fn put_reply(
        &mut self,
        partition: &Partition,
        reply: &SavedReply,
        seal: Option<Seal>,
    ) -> rusqlite::Result<()> {
        self.insert_reply(partition, reply, seal).map(drop)
    }

    fn put_call(
        &self,
        record: &CallRecord,
        [seal, begun, ended]: [Option<Seal>; 3],
    ) -> rusqlite::Result<()> {
        let CallRecord {
            partition,
            call,
            state,
        } = record;
        let (state, begun_at, outcome) = match state {
            CallState::Owed => (state::OWED, None, None),
            CallState::Begun { at } => (state::BEGUN, Some(*at), None),
            CallState::Done { at, outcome } => (state::DONE, Some(*at), Some(outcome)),
            CallState::Interrupted { at } => (state::INTERRUPTED, Some(*at), None),
        };
        let outcome = outcome
            .map(serde_json::to_string)
            .transpose()
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let sql = "INSERT INTO calls (state, environment, msn, about, id, purpose, method, url, authorization, body,
                                      timeout_ms, owed_at, begun_at, outcome, seal, begun_seal, ended_seal)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
        let mut insert = self.connection.prepare_cached(sql)?;
        let done = insert.execute(params![
            state,
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
            outcome,
            blob(seal),
            blob(begun),
            blob(ended)
        ]);
        done.map(drop)
    }

    pub(super) fn put_audit_line(&mut self, line: &AuditLine) -> rusqlite::Result<()> {
        let AuditLine {
            number,
            previous,
            body,
            hash,
        } = line;
        let values = params![number, previous, body, hash];
        self.add_to_audit.execute(values).map(drop)
    }

    /// Notes it in the head of its kind, if the store has a key.
    pub(super) fn put_entry_row(
        &mut self,
        entry: &DirectoryEntry,
        generation: u64,
        seal: Option<Seal>,
    ) -> rusqlite::Result<()> {
        self.note_entry(entry, seal)?;
        let DirectoryEntry {
            kind,
            environment,
            key,
            body,
        } = entry;
        let values = params![Col(*environment), kind, key, body, generation, blob(seal)];
        self.put_entry.execute(values).map(drop)
    }

    pub(super) fn put_head(&self, name: &str, value: &str, seal: Seal) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO heads (name, value, seal) VALUES (?1, ?2, ?3)";
        let mut put = self.connection.prepare_cached(sql)?;
        put.execute(params![name, value, seal.0]).map(drop)
    }
}

/// What a caller should not have asked for.
fn mistake(what: &str) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(what.into())
}
