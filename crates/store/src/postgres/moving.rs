//! Everything in the database as rows, and rows into the database.

use std::collections::HashMap;

use tokio::sync::mpsc;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::Shared;
use super::connection::{Connection, Failure, LONG, SHORT, Value};
use super::directory;
use super::pool::{Patience, Pool};
use super::reads;
use super::rows::{self, CALL, CALL_SEAL, call_columns, environment_number, get};
use super::text::stored;
use crate::port::{
    CommitError, Partition, Row, Rows, SavedReply, StoreError, StoredEvent, StreamId,
};

type Sender = mpsc::Sender<Result<Row, StoreError>>;

/// Sends everything as of one moment.
pub(super) async fn rows(pool: &Pool, of: Option<&Partition>) -> Result<Rows, StoreError> {
    let connection = pool.connect().await?;
    // The moment is that of the first statement behind this one.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";
    connection.batch(begin, SHORT).await?;
    let (sender, sent) = mpsc::channel(Rows::AHEAD);
    let of = of.cloned();
    tokio::spawn(async move {
        // `None`: nobody reads on.
        if let Err(Some(error)) = tell(&connection, of.as_ref(), &sender).await {
            sender.send(Err(error)).await.ok();
        }
    });
    Ok(Rows::new(sent))
}

async fn tell(
    connection: &Connection,
    of: Option<&Partition>,
    sender: &Sender,
) -> Result<(), Option<StoreError>> {
    let wanted = match of {
        Some(_) => "WHERE environment = $1 AND msn = $2",
        None => "",
    };
    let tables = |sql: &str| sql.replace("{wanted}", wanted).replace("{CALL}", CALL);
    if of.is_none() {
        stream(connection, DIRECTORY, None, sender, directory_row).await?;
    }
    let mut made = None;
    let record = |row: &tokio_postgres::Row| record_row(row, &mut made);
    stream(connection, &tables(RECORDS), of, sender, record).await?;
    stream(connection, &tables(REPLIES), of, sender, reply_row).await?;
    stream(connection, &tables(CALLS), of, sender, call_row).await?;
    if of.is_none() {
        let line = |row: &tokio_postgres::Row| Ok(Row::Audit(reads::audit_line(row)?));
        stream(connection, AUDIT, None, sender, line).await?;
    }
    Ok(())
}

/// Sends the rows of one query as they come. Who reads slowly slows the database down, and nobody else.
async fn stream(
    connection: &Connection,
    sql: &str,
    of: Option<&Partition>,
    sender: &Sender,
    mut read: impl FnMut(&tokio_postgres::Row) -> Result<Row, StoreError>,
) -> Result<(), Option<StoreError>> {
    let environment = of.map(|of| environment_number(of.environment));
    let msn = of.map(|of| of.msn.as_str());
    let both: [(&(dyn ToSql + Sync), Type); 2] = [(&environment, Type::INT2), (&msn, Type::TEXT)];
    let values = both.into_iter().take(if of.is_some() { 2 } else { 0 });
    let failed = |error: tokio_postgres::Error| Some(StoreError(error.to_string()));
    let found = connection.client().query_typed_raw(sql, values);
    let mut found = Box::pin(found.await.map_err(failed)?);
    loop {
        let next = std::future::poll_fn(|context| {
            futures_util::Stream::poll_next(found.as_mut(), context)
        });
        match next.await {
            None => return Ok(()),
            Some(row) => {
                let row = read(&row.map_err(failed)?).map_err(Some)?;
                sender.send(Ok(row)).await.map_err(|_| None)?;
            }
        }
    }
}

const DIRECTORY: &str = "SELECT environment, kind, key, body, seal FROM sandkasse.directory
    WHERE body IS NOT NULL ORDER BY environment, kind, key";

// A record, then its events, then the record made after it.
const RECORDS: &str = "SELECT environment, msn, number, 0::int8 AS since, 0 AS position,
        kind, name, version, body, deadline, seal FROM sandkasse.records {wanted}
    UNION ALL
    SELECT environment, msn, record, version, position, NULL, NULL, version, body, at, seal
        FROM sandkasse.events {wanted}
    ORDER BY number, msn, environment, since, position";

const REPLIES: &str = "SELECT environment, msn, scope, key, fingerprint, status, body, seal
    FROM sandkasse.replies {wanted} ORDER BY environment, msn, scope, key";

const CALLS: &str = "SELECT {CALL} FROM sandkasse.calls {wanted} ORDER BY number, msn, id";

const AUDIT: &str = "SELECT number, previous, body, hash FROM sandkasse.audit ORDER BY number";

fn directory_row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    Ok(Row::Directory {
        entry: directory::entry(row, 0)?,
        seal: rows::seal(row, 4)?,
    })
}

/// `made` is the record whose events follow.
fn record_row(row: &tokio_postgres::Row, made: &mut Option<StreamId>) -> Result<Row, StoreError> {
    let partition = rows::partition(row, 0)?;
    let since: i64 = get(row, 3)?;
    if since == 0 {
        let stream = StreamId {
            kind: rows::kind(row, 5)?,
            name: rows::text(row, 6)?,
        };
        *made = Some(stream.clone());
        return Ok(Row::Record {
            partition,
            stream,
            record: rows::record(row, 7)?,
            seal: rows::seal(row, 10)?,
        });
    }
    let stream = made.clone();
    Ok(Row::Event {
        partition,
        stream: stream.ok_or_else(|| StoreError("an event without a record".to_owned()))?,
        version: since.cast_unsigned(),
        position: get::<i32>(row, 4)?.cast_unsigned(),
        event: StoredEvent {
            at: rows::moment(row, 9)?,
            body: rows::text(row, 8)?,
        },
        seal: rows::seal(row, 10)?,
    })
}

fn reply_row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    Ok(Row::Reply {
        partition: rows::partition(row, 0)?,
        reply: SavedReply {
            scope: rows::text(row, 2)?,
            key: rows::text(row, 3)?,
            fingerprint: rows::text(row, 4)?,
            status: reads::status(row, 5)?,
            body: rows::text(row, 6)?,
        },
        seal: rows::seal(row, 7)?,
    })
}

fn call_row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    Ok(Row::Call {
        record: rows::call(row)?,
        seal: rows::seal(row, CALL_SEAL)?,
        begun: None,
        ended: None,
    })
}

/// Fills rows in, all or none. Like a commit, it finds out by its own id what became of an attempt
/// whose answer was lost.
pub(super) async fn fill(shared: &Shared, rows: &[Row]) -> Result<(), CommitError> {
    carry_out(shared, &Filling::new(shared, rows)?).await
}

/// Forgets a sales unit's rows and fills these in, in one transaction. Done twice it is the same.
pub(super) async fn replace(
    shared: &Shared,
    unit: &Partition,
    rows: &[Row],
) -> Result<(), CommitError> {
    let mut ids = Vec::new();
    for row in rows {
        let of = match row {
            Row::Record { partition, .. }
            | Row::Event { partition, .. }
            | Row::Reply { partition, .. } => Some(partition),
            Row::Call { record, .. } => {
                ids.push(owned(&record.call.id));
                Some(&record.partition)
            }
            Row::Directory { .. } => Some(unit),
            Row::Audit(_) | Row::Head { .. } | Row::Broken { .. } => None,
        };
        if of != Some(unit) {
            let text = "a row that is not of this sales unit";
            return Err(StoreError(text.to_owned()).into());
        }
    }
    let mut filling = Filling::new(shared, rows)?;
    for (sql, _) in &mut filling.statements {
        if *sql == FILL_DIRECTORY {
            *sql = PUT_DIRECTORY;
        }
    }
    let of_unit = || -> Columns {
        vec![
            (Box::new(environment_number(unit.environment)), Type::INT2),
            (Box::new(unit.msn.as_str().to_owned()), Type::TEXT),
        ]
    };
    let mut statements = Vec::new();
    if !ids.is_empty() {
        let mut columns = of_unit();
        columns.push((Box::new(ids), Type::TEXT_ARRAY));
        statements.push((NOBODY_ELSES_CALLS, columns));
    }
    statements.extend(FORGET_UNIT.map(|sql| (sql, of_unit())));
    statements.append(&mut filling.statements);
    filling.statements = statements;
    carry_out(shared, &filling).await
}

async fn carry_out(shared: &Shared, filling: &Filling) -> Result<(), CommitError> {
    let mut patience = Patience::new(shared.pool.address.patience);
    let mut in_doubt = false;
    loop {
        let failure = match shared.pool.connect().await {
            Ok(connection) => match filling.attempt(&connection).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        match failure {
            Failure::Refused { .. } if failure.is(&SqlState::DIVISION_BY_ZERO) => {
                if in_doubt && filling.is_there(&shared.pool).await? {
                    return Ok(());
                }
                return Err(CommitError::Conflict);
            }
            Failure::Refused { .. } => return Err(StoreError::from(failure).into()),
            Failure::Undone(_) => patience.after(failure).await.map_err(StoreError::from)?,
            Failure::Unknown(_) => {
                in_doubt = true;
                patience.after(failure).await.map_err(StoreError::from)?;
            }
        }
    }
}

/// Columns by their place in a statement.
type Columns = Vec<(Box<dyn ToSql + Sync + Send>, Type)>;

/// Statements, each with its columns.
struct Filling {
    id: Uuid,
    statements: Vec<(&'static str, Columns)>,
}

macro_rules! columns {
    ($rows:expr, $id:expr; $($value:expr => $type:ident),+ $(,)?) => {
        vec![
            $((Box::new($rows.iter().map($value).collect::<Vec<_>>()) as Box<dyn ToSql + Sync + Send>, Type::$type),)+
            (Box::new($id) as Box<dyn ToSql + Sync + Send>, Type::UUID),
        ]
    };
}

fn owned(text: &str) -> String {
    stored(text).into_owned()
}

impl Filling {
    fn new(shared: &Shared, rows: &[Row]) -> Result<Filling, StoreError> {
        let id = Uuid::new_v4();
        let (mut entries, mut records, mut events) = (Vec::new(), Vec::new(), Vec::new());
        let (mut replies, mut calls, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        let mut twins = HashMap::new();
        for row in rows {
            match row {
                Row::Directory { entry, .. } => entries.push(entry),
                Row::Record {
                    partition,
                    stream,
                    record,
                    ..
                } => {
                    let number = shared.numbers.take(1).next().unwrap_or_default();
                    let key = (partition, stream);
                    if twins.insert(key, ()).is_some() {
                        return Err(StoreError(format!("{stream:?} is twice among the rows")));
                    }
                    records.push((partition, stream, record, number));
                }
                Row::Event {
                    partition,
                    stream,
                    version,
                    position,
                    event,
                    ..
                } => events.push((partition, stream, *version, *position, event)),
                Row::Reply {
                    partition, reply, ..
                } => replies.push((partition, reply)),
                Row::Call { record, .. } => {
                    let number = shared.numbers.take(1).next().unwrap_or_default();
                    calls.push((record, number, call_columns(&record.state)?));
                }
                Row::Audit(line) => lines.push(line),
                // No seals are kept here, so nothing is counted by them.
                Row::Head { .. } => {}
                Row::Broken { table, key, .. } => {
                    return Err(StoreError(format!("a broken row, {key} of {table}")));
                }
            }
        }
        let mut statements = Vec::new();
        if !entries.is_empty() {
            let columns = columns![entries, id;
                |it| environment_number(it.environment) => INT2_ARRAY,
                |it| owned(&it.kind) => TEXT_ARRAY,
                |it| owned(&it.key) => TEXT_ARRAY,
                |it| it.body.as_deref().map(owned) => TEXT_ARRAY,
            ];
            statements.push((FILL_DIRECTORY, columns));
        }
        if !records.is_empty() {
            let columns = columns![records, id;
                |it| environment_number(it.0.environment) => INT2_ARRAY,
                |it| it.0.msn.as_str().to_owned() => TEXT_ARRAY,
                |it| it.1.kind.name() => TEXT_ARRAY,
                |it| owned(&it.1.name) => TEXT_ARRAY,
                |it| it.3 => INT8_ARRAY,
                |it| it.2.version.cast_signed() => INT8_ARRAY,
                |it| it.2.deadline.map(|at| at.as_millisecond()) => INT8_ARRAY,
                |it| owned(&it.2.body) => TEXT_ARRAY,
            ];
            statements.push((FILL_RECORDS, columns));
        }
        if !events.is_empty() {
            let columns = columns![events, id;
                |it| environment_number(it.0.environment) => INT2_ARRAY,
                |it| it.0.msn.as_str().to_owned() => TEXT_ARRAY,
                |it| it.1.kind.name() => TEXT_ARRAY,
                |it| owned(&it.1.name) => TEXT_ARRAY,
                |it| it.2.cast_signed() => INT8_ARRAY,
                |it| it.3.cast_signed() => INT4_ARRAY,
                |it| it.4.at.as_millisecond() => INT8_ARRAY,
                |it| owned(&it.4.body) => TEXT_ARRAY,
            ];
            statements.push((FILL_EVENTS, columns));
        }
        if !replies.is_empty() {
            let columns = columns![replies, id;
                |it| environment_number(it.0.environment) => INT2_ARRAY,
                |it| it.0.msn.as_str().to_owned() => TEXT_ARRAY,
                |it| owned(&it.1.scope) => TEXT_ARRAY,
                |it| owned(&it.1.key) => TEXT_ARRAY,
                |it| owned(&it.1.fingerprint) => TEXT_ARRAY,
                |it| i32::from(it.1.status) => INT4_ARRAY,
                |it| owned(&it.1.body) => TEXT_ARRAY,
            ];
            statements.push((FILL_REPLIES, columns));
        }
        if !calls.is_empty() {
            let columns = columns![calls, id;
                |it| environment_number(it.0.partition.environment) => INT2_ARRAY,
                |it| it.0.partition.msn.as_str().to_owned() => TEXT_ARRAY,
                |it| owned(&it.0.call.id) => TEXT_ARRAY,
                |it| it.1 => INT8_ARRAY,
                |it| it.2.0 => INT2_ARRAY,
                |it| owned(&it.0.call.about) => TEXT_ARRAY,
                |it| it.0.call.purpose.name() => TEXT_ARRAY,
                |it| owned(&it.0.call.method) => TEXT_ARRAY,
                |it| owned(&it.0.call.url) => TEXT_ARRAY,
                |it| it.0.call.authorization.as_deref().map(owned) => TEXT_ARRAY,
                |it| it.0.call.body.as_deref().map(owned) => TEXT_ARRAY,
                |it| it.0.call.timeout_ms.cast_signed() => INT8_ARRAY,
                |it| it.0.call.owed_at.as_millisecond() => INT8_ARRAY,
                |it| it.2.1 => INT8_ARRAY,
                |it| it.2.2.as_deref().map(owned) => TEXT_ARRAY,
            ];
            statements.push((FILL_CALLS, columns));
        }
        if !lines.is_empty() {
            let columns = columns![lines, id;
                |it| it.number.cast_signed() => INT8_ARRAY,
                |it| owned(&it.previous) => TEXT_ARRAY,
                |it| owned(&it.body) => TEXT_ARRAY,
                |it| owned(&it.hash) => TEXT_ARRAY,
            ];
            statements.push((FILL_AUDIT, columns));
        }
        Ok(Filling { id, statements })
    }

    async fn attempt(&self, connection: &Connection) -> Result<(), Failure> {
        connection.batch("BEGIN", SHORT).await?;
        for (sql, columns) in &self.statements {
            let values: Vec<Value<'_>> = columns
                .iter()
                .map(|(column, kind)| (&**column as &(dyn ToSql + Sync), kind.clone()))
                .collect();
            // What was not committed is rolled back when the connection is gone.
            connection
                .query(sql, &values, LONG)
                .await
                .map_err(|failure| match failure {
                    Failure::Unknown(text) => Failure::Undone(text),
                    other @ (Failure::Undone(_) | Failure::Refused { .. }) => other,
                })?;
        }
        connection.batch("COMMIT", LONG).await
    }

    /// Looks for a row of an earlier attempt, in a transaction that writes.
    async fn is_there(&self, pool: &Pool) -> Result<bool, StoreError> {
        let sql = "WITH proof AS (
                INSERT INTO sandkasse.proofs (slot, count) VALUES (-1, 1)
                ON CONFLICT (slot) DO UPDATE SET count = proofs.count + 1 RETURNING 1)
            SELECT (SELECT count(*) FROM proof) > 0 AND (
                EXISTS (SELECT FROM sandkasse.directory WHERE commit_id = $1)
                OR EXISTS (SELECT FROM sandkasse.records WHERE commit_id = $1)
                OR EXISTS (SELECT FROM sandkasse.events WHERE commit_id = $1)
                OR EXISTS (SELECT FROM sandkasse.replies WHERE commit_id = $1)
                OR EXISTS (SELECT FROM sandkasse.calls WHERE commit_id = $1)
                OR EXISTS (SELECT FROM sandkasse.audit WHERE commit_id = $1))";
        let rows = pool.run(sql, &[(&self.id, Type::UUID)], LONG).await?;
        rows.first().map_or(Ok(false), |row| get(row, 0))
    }
}

// Each counts what it inserted; less than all is a conflict.

const FILL_DIRECTORY: &str = "WITH made AS (
    UPDATE sandkasse.installation SET generation = generation + 1 RETURNING generation),
put AS (
    INSERT INTO sandkasse.directory (environment, kind, key, body, generation, commit_id)
    SELECT t.environment, t.kind, t.key, t.body, made.generation, $5
    FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[]) AS t (environment, kind, key, body), made
    ORDER BY t.environment, t.kind, t.key
    ON CONFLICT (environment, kind, key) DO UPDATE
    SET body = excluded.body, generation = excluded.generation, commit_id = excluded.commit_id, seal = NULL
    WHERE directory.body IS NULL RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END) FROM made";

/// The same, in the place of what is there.
const PUT_DIRECTORY: &str = "WITH made AS (
    UPDATE sandkasse.installation SET generation = generation + 1 RETURNING generation),
put AS (
    INSERT INTO sandkasse.directory (environment, kind, key, body, generation, commit_id)
    SELECT t.environment, t.kind, t.key, t.body, made.generation, $5
    FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[]) AS t (environment, kind, key, body), made
    ORDER BY t.environment, t.kind, t.key
    ON CONFLICT (environment, kind, key) DO UPDATE
    SET body = excluded.body, generation = excluded.generation, commit_id = excluded.commit_id, seal = NULL
    RETURNING 1)
SELECT count(*) FROM put";

const NOBODY_ELSES_CALLS: &str = "SELECT 1 / (CASE WHEN EXISTS (
    SELECT FROM sandkasse.calls WHERE id = ANY ($3) AND NOT (environment = $1 AND msn = $2)) THEN 0 ELSE 1 END)";

const FORGET_UNIT: [&str; 4] = [
    "DELETE FROM sandkasse.events WHERE environment = $1 AND msn = $2",
    "DELETE FROM sandkasse.records WHERE environment = $1 AND msn = $2",
    "DELETE FROM sandkasse.replies WHERE environment = $1 AND msn = $2",
    "DELETE FROM sandkasse.calls WHERE environment = $1 AND msn = $2",
];

const FILL_RECORDS: &str = "WITH put AS (
    INSERT INTO sandkasse.records (environment, msn, kind, name, number, version, deadline, body, commit_id)
    SELECT t.*, $9 FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[],
                               $7::int8[], $8::text[]) AS t (environment, msn, kind, name, number, version, deadline, body)
    ON CONFLICT (msn, environment, kind, name) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END)";

const FILL_EVENTS: &str = "WITH put AS (
    INSERT INTO sandkasse.events (environment, msn, record, version, position, at, body, commit_id)
    SELECT t.environment, t.msn, r.number, t.version, t.position, t.at, t.body, $9
    FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int4[], $7::int8[], $8::text[])
        AS t (environment, msn, kind, name, version, position, at, body)
    JOIN sandkasse.records r USING (msn, environment, kind, name)
    ON CONFLICT (msn, environment, record, version, position) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END)";

const FILL_REPLIES: &str = "WITH put AS (
    INSERT INTO sandkasse.replies (environment, msn, scope, key, fingerprint, status, body, commit_id)
    SELECT t.*, $8 FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int4[], $7::text[])
        AS t (environment, msn, scope, key, fingerprint, status, body)
    ON CONFLICT (msn, environment, scope, key) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END)";

// Nobody owes them yet: the next node that recovers calls takes them over.
const FILL_CALLS: &str = "WITH put AS (
    INSERT INTO sandkasse.calls (environment, msn, id, number, state, about, purpose, method, url, header, body,
                                 timeout_ms, owed_at, begun_at, outcome, node, commit_id)
    SELECT t.*, '', $16 FROM unnest($1::int2[], $2::text[], $3::text[], $4::int8[], $5::int2[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::text[], $12::int8[], $13::int8[], $14::int8[], $15::text[])
        AS t (environment, msn, id, number, state, about, purpose, method, url, header, body,
              timeout_ms, owed_at, begun_at, outcome)
    ON CONFLICT (msn, id) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END)";

const FILL_AUDIT: &str = "WITH put AS (
    INSERT INTO sandkasse.audit (number, previous, body, hash, commit_id)
    SELECT t.*, $5 FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[]) AS t (number, previous, body, hash)
    ON CONFLICT (number) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int8[]) THEN 1 ELSE 0 END)";
