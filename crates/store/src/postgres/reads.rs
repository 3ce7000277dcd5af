//! What is asked of the tables, one statement each.

use sandkasse_domain::{Environment, Msn, Timestamp};
use tokio_postgres::types::Type;

use super::connection::{LONG, SHORT};
use super::pool::Pool;
use super::rows::{self, CALL, CALL_NUMBER, below, bounded, environment_number, get};
use super::text::stored;
use crate::port::{
    AuditLine, CallRecord, Kind, Numbered, Partition, Record, SavedReply, StoreError, StoredEvent,
    StreamId,
};

pub(super) async fn load(
    pool: &Pool,
    partition: &Partition,
    stream: &StreamId,
) -> Result<Option<Record>, StoreError> {
    let sql = "SELECT version, body, deadline FROM sandkasse.records
               WHERE environment = $1 AND msn = $2 AND kind = $3 AND name = $4";
    let (environment, msn) = unit(partition);
    let (kind, name) = (stream.kind.name(), stored(&stream.name));
    let values = [
        (&environment as _, Type::INT2),
        (&msn as _, Type::TEXT),
        (&kind as _, Type::TEXT),
        (&name as _, Type::TEXT),
    ];
    let found = pool.run(sql, &values, SHORT).await?;
    found.first().map(|row| rows::record(row, 0)).transpose()
}

pub(super) async fn history(
    pool: &Pool,
    partition: &Partition,
    stream: &StreamId,
) -> Result<Vec<StoredEvent>, StoreError> {
    // Not a join: before the tables were analysed for the first time, the planner would read all events of the partition.
    let sql = "SELECT at, body FROM sandkasse.events
               WHERE environment = $1 AND msn = $2 AND record =
                   (SELECT number FROM sandkasse.records
                    WHERE environment = $1 AND msn = $2 AND kind = $3 AND name = $4)
               ORDER BY version, position";
    let (environment, msn) = unit(partition);
    let (kind, name) = (stream.kind.name(), stored(&stream.name));
    let values = [
        (&environment as _, Type::INT2),
        (&msn as _, Type::TEXT),
        (&kind as _, Type::TEXT),
        (&name as _, Type::TEXT),
    ];
    let found = pool.run(sql, &values, SHORT).await?;
    let event = |row| {
        Ok(StoredEvent {
            at: rows::moment(row, 0)?,
            body: rows::text(row, 1)?,
        })
    };
    found.iter().map(event).collect()
}

pub(super) async fn list(
    pool: &Pool,
    partition: &Partition,
    kind: Kind,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Record)>, StoreError> {
    let sql = "SELECT name, version, body, deadline FROM sandkasse.records
               WHERE environment = $1 AND msn = $2 AND kind = $3 AND name >= $4 AND ($5 IS NULL OR name < $5)
               ORDER BY name LIMIT $6";
    let (environment, msn) = unit(partition);
    let (kind, limit) = (kind.name(), bounded(limit));
    let from = crate::first_name(prefix, after);
    let from = stored(&from);
    let end = behind(prefix);
    let values = [
        (&environment as _, Type::INT2),
        (&msn as _, Type::TEXT),
        (&kind as _, Type::TEXT),
        (&from as _, Type::TEXT),
        (&end as _, Type::TEXT),
        (&limit as _, Type::INT8),
    ];
    let found = pool.run(sql, &values, SHORT).await?;
    found
        .iter()
        .map(|row| Ok((rows::text(row, 0)?, rows::record(row, 1)?)))
        .collect()
}

pub(super) async fn newest(
    pool: &Pool,
    partition: &Partition,
    kind: Kind,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Numbered>, StoreError> {
    // The sales unit twice: once for its partition, and once as the index has it (see the schema's third step).
    let sql = "SELECT number, name, version, body, deadline FROM sandkasse.records
               WHERE environment = $1 AND msn = $2 AND msn || '' = $2 AND kind = $3 AND number < $4
               ORDER BY number DESC LIMIT $5";
    let (environment, msn) = unit(partition);
    let (kind, before, limit) = (kind.name(), below(before), bounded(limit));
    let values = [
        (&environment as _, Type::INT2),
        (&msn as _, Type::TEXT),
        (&kind as _, Type::TEXT),
        (&before as _, Type::INT8),
        (&limit as _, Type::INT8),
    ];
    let found = pool.run(sql, &values, SHORT).await?;
    let numbered = |row| {
        Ok(Numbered {
            number: rows::number(row, 0)?,
            name: rows::text(row, 1)?,
            record: rows::record(row, 2)?,
        })
    };
    found.iter().map(numbered).collect()
}

/// A reply is about to be repeated to a merchant as done. Another node may have written it and still
/// wait for a standby, or have been cancelled waiting: then it can be read here, and be lost with this
/// host. So a row that is found leaves a message in the log, whose own commit waits for the standbys and
/// comes after it (RELIABILITY R-8, found by the fault `cancelled-wait`).
pub(super) async fn reply(
    pool: &Pool,
    partition: &Partition,
    scope: &str,
    key: &str,
) -> Result<Option<SavedReply>, StoreError> {
    let sql =
        "SELECT fingerprint, status, body, pg_logical_emit_message(true, 'sandkasse', 'read')::text
               FROM sandkasse.replies
               WHERE environment = $1 AND msn = $2 AND scope = $3 AND key = $4";
    let (environment, msn) = unit(partition);
    let (stored_scope, stored_key) = (stored(scope), stored(key));
    let values = [
        (&environment as _, Type::INT2),
        (&msn as _, Type::TEXT),
        (&stored_scope as _, Type::TEXT),
        (&stored_key as _, Type::TEXT),
    ];
    let found = pool.run(sql, &values, SHORT).await?;
    let reply = |row| {
        Ok(SavedReply {
            scope: scope.to_owned(),
            key: key.to_owned(),
            fingerprint: rows::text(row, 0)?,
            status: status(row, 1)?,
            body: rows::text(row, 2)?,
        })
    };
    found.first().map(reply).transpose()
}

pub(super) fn status(row: &tokio_postgres::Row, column: usize) -> Result<u16, StoreError> {
    u16::try_from(get::<i32>(row, column)?)
        .map_err(|_| StoreError("an unknown status in the database".to_owned()))
}

pub(super) async fn due(
    pool: &Pool,
    partition: &Partition,
    kind: Kind,
    until: Timestamp,
    after: Option<(Timestamp, &str)>,
    limit: usize,
) -> Result<Vec<(String, Timestamp)>, StoreError> {
    let sql = "SELECT name, deadline FROM sandkasse.records
               WHERE environment = $1 AND msn = $2 AND kind = $3 AND deadline <= $4
               AND (deadline, name) > ($5, $6) ORDER BY deadline, name LIMIT $7";
    let (environment, msn) = unit(partition);
    let (kind, until, limit) = (kind.name(), until.as_millisecond(), bounded(limit));
    let (behind, name) = match after {
        Some((at, name)) => (at.as_millisecond(), stored(name)),
        None => (i64::MIN, stored("")),
    };
    let values = [
        (&environment as _, Type::INT2),
        (&msn as _, Type::TEXT),
        (&kind as _, Type::TEXT),
        (&until as _, Type::INT8),
        (&behind as _, Type::INT8),
        (&name as _, Type::TEXT),
        (&limit as _, Type::INT8),
    ];
    let found = pool.run(sql, &values, SHORT).await?;
    let due = |row| Ok((rows::text(row, 0)?, rows::moment(row, 1)?));
    found.iter().map(due).collect()
}

pub(super) async fn next_deadline(
    pool: &Pool,
    partition: &Partition,
    kind: Kind,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT min(deadline) FROM sandkasse.records
               WHERE environment = $1 AND msn = $2 AND kind = $3 AND deadline IS NOT NULL";
    let (environment, msn) = unit(partition);
    let kind = kind.name();
    let values = [
        (&environment as _, Type::INT2),
        (&msn as _, Type::TEXT),
        (&kind as _, Type::TEXT),
    ];
    let found = pool.run(sql, &values, SHORT).await?;
    Ok(found
        .first()
        .map(|row| rows::moment_or_none(row, 0))
        .transpose()?
        .flatten())
}

/// Goes from one sales unit to the next by the index over deadlines, which holds only what is still
/// to come.
pub(super) async fn next_deadlines(
    pool: &Pool,
    kind: Kind,
) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
    let sql = "SELECT environment, msn, min(deadline) FROM sandkasse.records
               WHERE kind = $1 AND deadline IS NOT NULL GROUP BY environment, msn";
    let kind = kind.name();
    let found = pool.run(sql, &[(&kind as _, Type::TEXT)], LONG).await?;
    let next = |row| Ok((rows::partition(row, 0)?, rows::moment(row, 2)?));
    found.iter().map(next).collect()
}

pub(super) async fn calls(
    pool: &Pool,
    partition: &Partition,
    about: Option<&str>,
    limit: usize,
) -> Result<Vec<CallRecord>, StoreError> {
    let (environment, msn) = unit(partition);
    let limit = bounded(limit);
    let about = about.map(stored);
    let condition = match &about {
        Some(_) => "AND about = $4",
        None => "AND $4::text IS NULL",
    };
    let sql = format!(
        "SELECT {CALL} FROM sandkasse.calls WHERE environment = $1 AND msn = $2 {condition}
         ORDER BY number DESC LIMIT $3"
    );
    let values = [
        (&environment as _, Type::INT2),
        (&msn as _, Type::TEXT),
        (&limit as _, Type::INT8),
        (&about as _, Type::TEXT),
    ];
    let found = pool.run(&sql, &values, SHORT).await?;
    found.iter().map(rows::call).collect()
}

pub(super) async fn latest_calls(
    pool: &Pool,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<(u64, CallRecord)>, StoreError> {
    let sql = format!(
        "SELECT {CALL} FROM sandkasse.calls WHERE number < $1 ORDER BY number DESC LIMIT $2"
    );
    let (before, limit) = (below(before), bounded(limit));
    let values = [(&before as _, Type::INT8), (&limit as _, Type::INT8)];
    let found = pool.run(&sql, &values, SHORT).await?;
    let numbered = |row| Ok((rows::number(row, CALL_NUMBER)?, rows::call(row)?));
    found.iter().map(numbered).collect()
}

pub(super) async fn call(pool: &Pool, id: &str) -> Result<Option<CallRecord>, StoreError> {
    let sql = format!("SELECT {CALL} FROM sandkasse.calls WHERE id = $1");
    let id = stored(id);
    let found = pool.run(&sql, &[(&id as _, Type::TEXT)], SHORT).await?;
    found.first().map(rows::call).transpose()
}

pub(super) async fn units_with(
    pool: &Pool,
    environment: Environment,
    kind: Kind,
    prefix: &str,
) -> Result<Vec<Msn>, StoreError> {
    let sql = "SELECT DISTINCT msn FROM sandkasse.records
               WHERE environment = $1 AND kind = $2 AND name >= $3 AND ($4 IS NULL OR name < $4) ORDER BY msn";
    let environment = environment_number(environment);
    let (kind, from, end) = (kind.name(), stored(prefix), behind(prefix));
    let values = [
        (&environment as _, Type::INT2),
        (&kind as _, Type::TEXT),
        (&from as _, Type::TEXT),
        (&end as _, Type::TEXT),
    ];
    let found = pool.run(sql, &values, LONG).await?;
    found.iter().map(|row| rows::msn(row, 0)).collect()
}

pub(super) async fn audit(
    pool: &Pool,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<AuditLine>, StoreError> {
    let sql = "SELECT number, previous, body, hash FROM sandkasse.audit
               WHERE number < $1 ORDER BY number DESC LIMIT $2";
    let (before, limit) = (below(before), bounded(limit));
    let values = [(&before as _, Type::INT8), (&limit as _, Type::INT8)];
    let found = pool.run(sql, &values, SHORT).await?;
    found.iter().map(audit_line).collect()
}

/// `number, previous, body, hash`.
pub(super) fn audit_line(row: &tokio_postgres::Row) -> Result<AuditLine, StoreError> {
    Ok(AuditLine {
        number: rows::number(row, 0)?,
        previous: rows::text(row, 1)?,
        body: rows::text(row, 2)?,
        hash: rows::text(row, 3)?,
    })
}

fn unit(partition: &Partition) -> (i16, &str) {
    (
        environment_number(partition.environment),
        partition.msn.as_str(),
    )
}

/// The least text behind all that start with `prefix`; `None` if there is none.
fn behind(prefix: &str) -> Option<String> {
    let mut text = stored(prefix).into_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_a_prefix() {
        for (prefix, end) in [
            ("", None),
            ("ab", Some("ac")),
            ("a\0", Some("a\u{1}\u{2}")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(behind(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
