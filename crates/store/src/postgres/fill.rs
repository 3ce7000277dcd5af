//! Rows into the database: into an empty one, or in the place of a sales unit's.

use std::collections::HashMap;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::Shared;
use super::connection::{Connection, Failure, LONG, SHORT, Value};
use super::heads::{Noted, noting};
use super::pool::{Patience, Pool};
use super::rows::{call_columns, environment_number, get};
use super::text::stored;
use crate::port::{CommitError, Partition, Row, Seal, StoreError};

/// Fills rows in, all or none. Like a commit, it finds out by its own id what became of an attempt
/// whose answer was lost.
pub(super) async fn fill(shared: &Shared, rows: &[Row]) -> Result<(), CommitError> {
    carry_out(shared, &Filling::new(shared, rows)?).await
}

/// Forgets a sales unit's rows and fills these in, in one transaction. Done twice it is the same.
pub(super) async fn replace(
    shared: &Shared,
    unit: &Partition,
    rows: &mut [Row],
) -> Result<(), CommitError> {
    let sealer = shared.sealer.get();
    if let Some(sealer) = sealer {
        sealer.seal_missing(rows);
    }
    let mut ids = Vec::new();
    let mut entries = Vec::new();
    for row in &*rows {
        let of = match row {
            Row::Record { partition, .. }
            | Row::Event { partition, .. }
            | Row::Reply { partition, .. } => Some(partition),
            Row::Call { record, .. } => {
                ids.push(owned(&record.call.id));
                Some(&record.partition)
            }
            Row::Directory { entry, seal } => {
                entries.push((entry.clone(), *seal));
                Some(unit)
            }
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
    let noted = Noted::of(&shared.pool, sealer, &entries).await?;
    let seals: Vec<Vec<u8>> = noted.seals().into_iter().map(<[u8]>::to_vec).collect();
    filling.statements.push((
        NOTE,
        vec![
            (Box::new(noted.names), Type::TEXT_ARRAY),
            (Box::new(noted.before), Type::TEXT_ARRAY),
            (Box::new(noted.after), Type::TEXT_ARRAY),
            (Box::new(seals), Type::BYTEA_ARRAY),
        ],
    ));
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

fn bytes(seal: Option<Seal>) -> Option<Vec<u8>> {
    seal.map(|seal| seal.0.to_vec())
}

fn owned(text: &str) -> String {
    stored(text).into_owned()
}

impl Filling {
    fn new(shared: &Shared, rows: &[Row]) -> Result<Filling, StoreError> {
        let id = Uuid::new_v4();
        let (mut entries, mut records, mut events) = (Vec::new(), Vec::new(), Vec::new());
        let (mut replies, mut calls, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        let mut heads = Vec::new();
        let mut twins = HashMap::new();
        for row in rows {
            match row {
                Row::Directory { entry, seal } => entries.push((entry, *seal)),
                Row::Record {
                    partition,
                    stream,
                    record,
                    seal,
                } => {
                    let number = shared.numbers.take(1).next().unwrap_or_default();
                    let key = (partition, stream);
                    if twins.insert(key, ()).is_some() {
                        return Err(StoreError(format!("{stream:?} is twice among the rows")));
                    }
                    records.push((partition, stream, record, number, *seal));
                }
                Row::Event {
                    partition,
                    stream,
                    version,
                    position,
                    event,
                    seal,
                } => events.push((partition, stream, *version, *position, event, *seal)),
                Row::Reply {
                    partition,
                    reply,
                    seal,
                } => replies.push((partition, reply, *seal)),
                Row::Call {
                    record,
                    seal,
                    begun,
                    ended,
                } => {
                    let number = shared.numbers.take(1).next().unwrap_or_default();
                    let seals = [*seal, *begun, *ended];
                    calls.push((record, number, call_columns(&record.state)?, seals));
                }
                Row::Audit(line) => lines.push(line),
                Row::Head { name, value, seal } => heads.push((name, value, seal)),
                Row::Broken { table, key, .. } => {
                    return Err(StoreError(format!("a broken row, {key} of {table}")));
                }
            }
        }
        let mut statements = Vec::new();
        if !entries.is_empty() {
            let columns = columns![entries, id;
                |it| environment_number(it.0.environment) => INT2_ARRAY,
                |it| owned(&it.0.kind) => TEXT_ARRAY,
                |it| owned(&it.0.key) => TEXT_ARRAY,
                |it| it.0.body.as_deref().map(owned) => TEXT_ARRAY,
                |it| bytes(it.1) => BYTEA_ARRAY,
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
                |it| bytes(it.4) => BYTEA_ARRAY,
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
                |it| bytes(it.5) => BYTEA_ARRAY,
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
                |it| bytes(it.2) => BYTEA_ARRAY,
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
                |it| bytes(it.3[0]) => BYTEA_ARRAY,
                |it| bytes(it.3[1]) => BYTEA_ARRAY,
                |it| bytes(it.3[2]) => BYTEA_ARRAY,
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
        if !heads.is_empty() {
            let columns = columns![heads, id;
                |it| it.0.clone() => TEXT_ARRAY,
                |it| it.1.clone() => TEXT_ARRAY,
                |it| it.2.0.to_vec() => BYTEA_ARRAY,
            ];
            statements.push((FILL_HEADS, columns));
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
    INSERT INTO sandkasse.directory (environment, kind, key, body, generation, commit_id, seal)
    SELECT t.environment, t.kind, t.key, t.body, made.generation, $6, t.seal
    FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::bytea[])
             AS t (environment, kind, key, body, seal), made
    ORDER BY t.environment, t.kind, t.key
    ON CONFLICT (environment, kind, key) DO UPDATE
    SET body = excluded.body, generation = excluded.generation, commit_id = excluded.commit_id, seal = excluded.seal
    WHERE directory.body IS NULL RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END) FROM made";

/// The same, in the place of what is there.
const PUT_DIRECTORY: &str = "WITH made AS (
    UPDATE sandkasse.installation SET generation = generation + 1 RETURNING generation),
put AS (
    INSERT INTO sandkasse.directory (environment, kind, key, body, generation, commit_id, seal)
    SELECT t.environment, t.kind, t.key, t.body, made.generation, $6, t.seal
    FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::bytea[])
             AS t (environment, kind, key, body, seal), made
    ORDER BY t.environment, t.kind, t.key
    ON CONFLICT (environment, kind, key) DO UPDATE
    SET body = excluded.body, generation = excluded.generation, commit_id = excluded.commit_id, seal = excluded.seal
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
    INSERT INTO sandkasse.records (environment, msn, kind, name, number, version, deadline, body, seal, commit_id)
    SELECT t.*, $10 FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int8[], $7::int8[],
                                $8::text[], $9::bytea[])
        AS t (environment, msn, kind, name, number, version, deadline, body, seal)
    ON CONFLICT (msn, environment, kind, name) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END)";

const FILL_EVENTS: &str = "WITH put AS (
    INSERT INTO sandkasse.events (environment, msn, record, version, position, at, body, seal, commit_id)
    SELECT t.environment, t.msn, r.number, t.version, t.position, t.at, t.body, t.seal, $10
    FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::int4[], $7::int8[], $8::text[],
                $9::bytea[])
        AS t (environment, msn, kind, name, version, position, at, body, seal)
    JOIN sandkasse.records r USING (msn, environment, kind, name)
    ON CONFLICT (msn, environment, record, version, position) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END)";

const FILL_REPLIES: &str = "WITH put AS (
    INSERT INTO sandkasse.replies (environment, msn, scope, key, fingerprint, status, body, seal, commit_id)
    SELECT t.*, $9 FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int4[], $7::text[],
                               $8::bytea[])
        AS t (environment, msn, scope, key, fingerprint, status, body, seal)
    ON CONFLICT (msn, environment, scope, key) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END)";

// Nobody owes them yet: the next node that recovers calls takes them over.
const FILL_CALLS: &str = "WITH put AS (
    INSERT INTO sandkasse.calls (environment, msn, id, number, state, about, purpose, method, url, header, body,
                                 timeout_ms, owed_at, begun_at, outcome, seal, begun_seal, ended_seal, node, commit_id)
    SELECT t.*, '', $19 FROM unnest($1::int2[], $2::text[], $3::text[], $4::int8[], $5::int2[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::text[], $12::int8[], $13::int8[], $14::int8[], $15::text[],
            $16::bytea[], $17::bytea[], $18::bytea[])
        AS t (environment, msn, id, number, state, about, purpose, method, url, header, body,
              timeout_ms, owed_at, begun_at, outcome, seal, begun_seal, ended_seal)
    ON CONFLICT (msn, id) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) THEN 1 ELSE 0 END)";

const FILL_AUDIT: &str = "WITH put AS (
    INSERT INTO sandkasse.audit (number, previous, body, hash, commit_id)
    SELECT t.*, $5 FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[]) AS t (number, previous, body, hash)
    ON CONFLICT (number) DO NOTHING RETURNING 1)
SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int8[]) THEN 1 ELSE 0 END)";

// `$4` is asked for by nobody: heads have no commit of their own.
const FILL_HEADS: &str = "INSERT INTO sandkasse.heads (name, value, seal)
    SELECT t.* FROM unnest($1::text[], $2::text[], $3::bytea[]) AS t (name, value, seal) WHERE $4::uuid IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, seal = excluded.seal";

const NOTE: &str = concat!(
    "WITH ",
    noting!("$1", "$2", "$3", "$4"),
    " SELECT 1 / (CASE WHEN ",
    noting!(all of "$1"),
    " THEN 1 ELSE 0 END)"
);
