//! What is asked of the tables, one prepared statement each.

use rusqlite::{Connection, OptionalExtension, Row, params};
use sandkasse_domain::{Environment, Msn, Timestamp};

use super::rows::{self, Col, state};
use crate::port::{
    AuditLine, CallRecord, DirectoryEntry, Generation, Kind, Numbered, OutgoingCall, Partition,
    Record, SavedReply, StoredEvent, StreamId,
};

/// A `SELECT` of the columns that [`rows::call`] reads.
macro_rules! select_calls {
    ($from:literal) => {
        concat!(
            "SELECT id, purpose, about, method, url, authorization, body, timeout_ms, owed_at, environment, msn, \
             state, begun_at, outcome, number FROM calls ",
            $from
        )
    };
}

/// One connection, with a method per question.
pub(super) struct Reader<'c>(pub(super) &'c Connection);

impl Reader<'_> {
    pub(super) fn load(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> rusqlite::Result<Option<Record>> {
        let sql = "SELECT version, body, deadline FROM records
                   WHERE environment = ?1 AND msn = ?2 AND kind = ?3 AND name = ?4";
        let key = params![
            Col(partition.environment),
            partition.msn.as_str(),
            stream.kind.name(),
            stream.name
        ];
        self.first(sql, key, |row| rows::record(row, 0))
    }

    pub(super) fn history(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> rusqlite::Result<Vec<StoredEvent>> {
        let sql = "SELECT events.at, events.body FROM records JOIN events
                       ON events.place >= records.number << 31 AND events.place < (records.number + 1) << 31
                   WHERE records.environment = ?1 AND records.msn = ?2 AND records.kind = ?3 AND records.name = ?4
                   ORDER BY events.place";
        let key = params![
            Col(partition.environment),
            partition.msn.as_str(),
            stream.kind.name(),
            stream.name
        ];
        self.all(sql, key, |row| {
            Ok(StoredEvent {
                at: row.get::<_, Col<Timestamp>>(0)?.0,
                body: row.get(1)?,
            })
        })
    }

    /// Reads from where the names begin to where they no longer start with `prefix`: SQLite's LIKE
    /// knows no case, and an upper bound would not always be valid UTF-8.
    pub(super) fn list(
        &self,
        partition: &Partition,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> rusqlite::Result<Vec<(String, Record)>> {
        let sql = "SELECT name, version, body, deadline FROM records
                   WHERE environment = ?1 AND msn = ?2 AND kind = ?3 AND name >= ?4 ORDER BY name LIMIT ?5";
        let from = crate::first_name(prefix, after);
        let mut statement = self.0.prepare_cached(sql)?;
        let range = params![
            Col(partition.environment),
            partition.msn.as_str(),
            kind.name(),
            from,
            bounded(limit)
        ];
        let mut rows = statement.query(range)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            if !name.starts_with(prefix) {
                break;
            }
            found.push((name, rows::record(row, 1)?));
        }
        Ok(found)
    }

    /// The running number of a record is the order in which records were made.
    pub(super) fn newest(
        &self,
        partition: &Partition,
        kind: Kind,
        before: Option<u64>,
        limit: usize,
    ) -> rusqlite::Result<Vec<Numbered>> {
        let sql =
            "SELECT number, name, version, body, deadline FROM records INDEXED BY records_by_kind
                   WHERE environment = ?1 AND msn = ?2 AND kind = ?3 AND number < ?4
                   ORDER BY number DESC LIMIT ?5";
        let before = before.and_then(|before| i64::try_from(before).ok());
        let range = params![
            Col(partition.environment),
            partition.msn.as_str(),
            kind.name(),
            before.unwrap_or(i64::MAX),
            bounded(limit)
        ];
        self.all(sql, range, |row| {
            Ok(Numbered {
                number: row.get(0)?,
                name: row.get(1)?,
                record: rows::record(row, 2)?,
            })
        })
    }

    pub(super) fn reply(
        &self,
        partition: &Partition,
        scope: &str,
        key: &str,
    ) -> rusqlite::Result<Option<SavedReply>> {
        let sql = "SELECT scope, key, fingerprint, status, body FROM replies
                   WHERE environment = ?1 AND msn = ?2 AND scope = ?3 AND key = ?4";
        self.first(
            sql,
            params![
                Col(partition.environment),
                partition.msn.as_str(),
                scope,
                key
            ],
            |row| rows::reply(row, 0),
        )
    }

    pub(super) fn due(
        &self,
        partition: &Partition,
        kind: Kind,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> rusqlite::Result<Vec<(String, Timestamp)>> {
        let sql = "SELECT name, deadline FROM records INDEXED BY records_by_due
                   WHERE kind = ?1 AND environment = ?2 AND msn = ?3 AND deadline <= ?4
                   AND (deadline, name) > (?5, ?6) ORDER BY deadline, name LIMIT ?7";
        let (behind, name) = match after {
            Some((at, name)) => (at.as_millisecond(), name),
            None => (i64::MIN, ""),
        };
        let range = params![
            kind.name(),
            Col(partition.environment),
            partition.msn.as_str(),
            Col(until),
            behind,
            name,
            bounded(limit)
        ];
        self.all(sql, range, |row| {
            Ok((row.get(0)?, row.get::<_, Col<Timestamp>>(1)?.0))
        })
    }

    pub(super) fn next_deadline(
        &self,
        partition: &Partition,
        kind: Kind,
    ) -> rusqlite::Result<Option<Timestamp>> {
        let sql = "SELECT deadline FROM records INDEXED BY records_by_due
                   WHERE kind = ?1 AND environment = ?2 AND msn = ?3 AND deadline IS NOT NULL
                   ORDER BY deadline LIMIT 1";
        let unit = params![
            kind.name(),
            Col(partition.environment),
            partition.msn.as_str()
        ];
        self.first(sql, unit, |row| Ok(row.get::<_, Col<Timestamp>>(0)?.0))
    }

    /// The earliest deadline of the first sales unit behind `last` that has one of this kind. Jumping
    /// from unit to unit reads one row of each instead of the deadlines of all payments.
    pub(super) fn deadline_behind(
        &self,
        kind: Kind,
        last: Option<&Partition>,
    ) -> rusqlite::Result<Option<(Partition, Timestamp)>> {
        let sql = "SELECT environment, msn, deadline FROM records INDEXED BY records_by_due
                   WHERE kind = ?1 AND (environment, msn) > (?2, ?3) AND deadline IS NOT NULL
                   ORDER BY environment, msn, deadline LIMIT 1";
        let (environment, msn) = behind(last);
        self.first(sql, params![kind.name(), environment, msn], |row| {
            Ok((rows::partition(row, 0)?, row.get::<_, Col<Timestamp>>(2)?.0))
        })
    }

    pub(super) fn owed_calls(&self) -> rusqlite::Result<Vec<(Partition, OutgoingCall)>> {
        // `state < 2` is what lets SQLite use the index over the open ones.
        let sql =
            select_calls!("INDEXED BY calls_open WHERE state < 2 AND state = ?1 ORDER BY number");
        self.all(sql, params![state::OWED], |row| {
            rows::call(row).map(|record| (record.partition, record.call))
        })
    }

    pub(super) fn calls(
        &self,
        partition: &Partition,
        about: Option<&str>,
        limit: usize,
    ) -> rusqlite::Result<Vec<CallRecord>> {
        let (environment, msn, limit) = (
            Col(partition.environment),
            partition.msn.as_str(),
            bounded(limit),
        );
        match about {
            None => self.all(
                select_calls!(
                    "INDEXED BY calls_by_unit WHERE environment = ?1 AND msn = ?2 ORDER BY number DESC LIMIT ?3"
                ),
                params![environment, msn, limit],
                rows::call,
            ),
            Some(about) => self.all(
                select_calls!(
                    "INDEXED BY calls_by_subject WHERE environment = ?1 AND msn = ?2 AND about = ?3 \
                     ORDER BY number DESC LIMIT ?4"
                ),
                params![environment, msn, about, limit],
                rows::call,
            ),
        }
    }

    pub(super) fn latest_calls(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> rusqlite::Result<Vec<(u64, CallRecord)>> {
        let before = before.map_or(i64::MAX, |number| i64::try_from(number).unwrap_or(i64::MAX));
        self.all(
            select_calls!("WHERE number < ?1 ORDER BY number DESC LIMIT ?2"),
            params![before, bounded(limit)],
            |row| {
                let number: i64 = row.get(14)?;
                Ok((number.cast_unsigned(), rows::call(row)?))
            },
        )
    }

    pub(super) fn call(&self, id: &str) -> rusqlite::Result<Option<CallRecord>> {
        self.first(select_calls!("WHERE id = ?1"), params![id], rows::call)
    }

    /// The first sales unit behind `last` that has calls.
    pub(super) fn caller_behind(
        &self,
        last: Option<&Partition>,
    ) -> rusqlite::Result<Option<Partition>> {
        let sql = "SELECT environment, msn FROM calls INDEXED BY calls_by_unit
                   WHERE (environment, msn) > (?1, ?2) ORDER BY environment, msn LIMIT 1";
        let (environment, msn) = behind(last);
        self.first(sql, params![environment, msn], |row| {
            rows::partition(row, 0)
        })
    }

    /// The newest call to forget, if `keep` finished ones are kept.
    pub(super) fn prune_through(
        &self,
        partition: &Partition,
        keep: usize,
    ) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT number FROM calls INDEXED BY calls_by_unit
                   WHERE environment = ?1 AND msn = ?2 AND state >= 2 ORDER BY number DESC LIMIT 1 OFFSET ?3";
        let unit = params![
            Col(partition.environment),
            partition.msn.as_str(),
            bounded(keep)
        ];
        self.first(sql, unit, |row| row.get(0))
    }

    /// The generation is read first, so the entries may be newer than it, never older.
    pub(super) fn directory(
        &self,
        after: Generation,
    ) -> rusqlite::Result<(Vec<DirectoryEntry>, Generation)> {
        let generation = "SELECT generation FROM installation";
        let generation = self
            .0
            .prepare_cached(generation)?
            .query_row([], |row| row.get(0))?;
        let entries = if after == 0 {
            let sql = "SELECT environment, kind, key, body FROM directory WHERE body IS NOT NULL
                       ORDER BY environment, kind, key";
            self.all(sql, params![], rows::directory_entry)?
        } else {
            let sql = "SELECT environment, kind, key, body FROM directory WHERE generation > ?1
                       ORDER BY environment, kind, key";
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            self.all(sql, params![after], rows::directory_entry)?
        };
        Ok((entries, generation))
    }

    /// Jumps from unit to unit and looks into each part of the index once.
    pub(super) fn unit_behind(
        &self,
        environment: Environment,
        last: &str,
    ) -> rusqlite::Result<Option<Msn>> {
        let sql =
            "SELECT msn FROM records WHERE environment = ?1 AND msn > ?2 ORDER BY msn LIMIT 1";
        self.first(sql, params![Col(environment), last], |row| {
            Ok(row.get::<_, Col<Msn>>(0)?.0)
        })
    }

    pub(super) fn audit(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> rusqlite::Result<Vec<AuditLine>> {
        let sql = "SELECT number, previous, body, hash FROM audit
                   WHERE number < ?1 ORDER BY number DESC LIMIT ?2";
        let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        self.all(sql, params![before, bounded(limit)], rows::audit_line)
    }

    fn first<T>(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.0
            .prepare_cached(sql)?
            .query_row(values, row)
            .optional()
    }

    fn all<T>(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.0
            .prepare_cached(sql)?
            .query_map(values, row)?
            .collect()
    }
}

/// A limit as SQLite counts; a negative one would mean none.
fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The key behind which the next sales unit is looked for. Every MSN is greater than no text.
fn behind(last: Option<&Partition>) -> (Col<Environment>, &str) {
    match last {
        Some(partition) => (Col(partition.environment), partition.msn.as_str()),
        None => (Col(Environment::Test), ""),
    }
}
