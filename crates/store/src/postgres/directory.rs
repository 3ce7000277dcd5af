//! The directory, the audit log, and forgetting everything.

use std::collections::BTreeMap;

use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Shared;
use super::connection::{LONG, SHORT};
use super::heads::{self, Noted, noting};
use super::pool::Pool;
use super::rows::{self, environment_number, get};
use super::text::stored;
use crate::heads::AUDIT;
use crate::port::{AuditLine, CommitError, DirectoryEntry, Generation, Seal, StoreError};

/// On this channel nodes wake each other.
pub(super) const CHANNEL: &str = "sandkasse";

pub(super) async fn read(
    pool: &Pool,
    after: Generation,
) -> Result<(Vec<DirectoryEntry>, Generation), StoreError> {
    // From the beginning, what is gone is not told.
    let sql = "SELECT i.generation, d.environment, d.kind, d.key, d.body
               FROM sandkasse.installation i LEFT JOIN sandkasse.directory d
                   ON d.generation > $1 AND ($1 > 0 OR d.body IS NOT NULL)
               ORDER BY d.environment, d.kind, d.key";
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let found = pool.run(sql, &[(&after as _, Type::INT8)], LONG).await?;
    let mut generation = 0;
    let mut entries = Vec::with_capacity(found.len());
    for row in &found {
        generation = rows::number(row, 0)?;
        if get::<Option<i16>>(row, 1)?.is_some() {
            entries.push(entry(row, 1)?);
        }
    }
    Ok((entries, generation))
}

/// `environment, kind, key, body` from `first` on.
pub(super) fn entry(row: &tokio_postgres::Row, first: usize) -> Result<DirectoryEntry, StoreError> {
    Ok(DirectoryEntry {
        environment: rows::environment(row, first)?,
        kind: rows::text(row, first + 1)?,
        key: rows::text(row, first + 2)?,
        body: rows::text_or_none(row, first + 3)?,
    })
}

/// The row of the installation is locked first, so that generations become visible in their order.
/// Entries that carry this attempt's id were written by it before its answer was lost.
const PUT: &str = concat!(
    "WITH made AS (
    UPDATE sandkasse.installation SET generation = generation + 1 RETURNING generation),
put AS (
    INSERT INTO sandkasse.directory (environment, kind, key, body, generation, commit_id, seal)
    SELECT t.environment, t.kind, t.key, t.body, made.generation, $5, t.seal
    FROM unnest($1::int2[], $2::text[], $3::text[], $4::text[], $8::bytea[])
             AS t (environment, kind, key, body, seal), made
    ORDER BY t.environment, t.kind, t.key
    ON CONFLICT (environment, kind, key) DO UPDATE
    SET body = excluded.body, generation = excluded.generation, commit_id = excluded.commit_id, seal = excluded.seal
    WHERE directory.generation <= $6 OR directory.commit_id = excluded.commit_id
    RETURNING 1), ",
    noting!("$9", "$10", "$11", "$12"),
    "SELECT generation,
       1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int2[]) AND ",
    noting!(all of "$9"),
    " THEN 1 ELSE 0 END),
       pg_notify($7, '')::text
FROM made"
);

/// How often a change is tried again while others change entries of the same kinds.
const RACES: u32 = 20;

pub(super) async fn put(
    shared: &Shared,
    entries: &[DirectoryEntry],
    seen: Generation,
) -> Result<Generation, CommitError> {
    let sealer = shared.sealer.get();
    let seal = |entry: &DirectoryEntry| sealer.and_then(|sealer| sealer.entry(entry));
    let sealed: Vec<_> = entries.iter().map(|it| (it.clone(), seal(it))).collect();
    let mut noted = Noted::of(&shared.pool, sealer, &sealed).await?;
    for _ in 0..RACES {
        match put_once(&shared.pool, &sealed, seen, &noted).await {
            Err(CommitError::Conflict) => {}
            other => return other,
        }
        // Over an entry, unless it is over a head.
        let now = Noted::of(&shared.pool, sealer, &sealed).await?;
        if now == noted {
            return Err(CommitError::Conflict);
        }
        noted = now;
    }
    let text = "others change the directory all the time; try again";
    Err(StoreError(text.to_owned()).into())
}

async fn put_once(
    pool: &Pool,
    entries: &[(DirectoryEntry, Option<Seal>)],
    seen: Generation,
    noted: &Noted,
) -> Result<Generation, CommitError> {
    // Of two for one key the later wins.
    let mut last = BTreeMap::new();
    for (entry, seal) in entries {
        let DirectoryEntry {
            kind,
            environment,
            key,
            body,
        } = entry;
        let place = (environment_number(*environment), stored(kind), stored(key));
        let seal = seal.as_ref().map(|seal| seal.0.as_slice());
        last.insert(place, (body.as_deref().map(stored), seal));
    }
    let (places, contents): (Vec<_>, Vec<_>) = last.into_iter().unzip();
    let (bodies, seals): (Vec<_>, Vec<_>) = contents.into_iter().unzip();
    let environments: Vec<i16> = places.iter().map(|place| place.0).collect();
    let kinds: Vec<&str> = places.iter().map(|place| &*place.1).collect();
    let keys: Vec<&str> = places.iter().map(|place| &*place.2).collect();
    let seen = i64::try_from(seen).unwrap_or(i64::MAX);
    let id = Uuid::new_v4();
    let head_seals = noted.seals();
    let values = [
        (&environments as _, Type::INT2_ARRAY),
        (&kinds as _, Type::TEXT_ARRAY),
        (&keys as _, Type::TEXT_ARRAY),
        (&bodies as _, Type::TEXT_ARRAY),
        (&id as _, Type::UUID),
        (&seen as _, Type::INT8),
        (&CHANNEL as _, Type::TEXT),
        (&seals as _, Type::BYTEA_ARRAY),
        (&noted.names as _, Type::TEXT_ARRAY),
        (&noted.before as _, Type::TEXT_ARRAY),
        (&noted.after as _, Type::TEXT_ARRAY),
        (&head_seals as _, Type::BYTEA_ARRAY),
    ];
    let made = match pool.run(PUT, &values, SHORT).await {
        Err(failure) if failure.is(&SqlState::DIVISION_BY_ZERO) => {
            return Err(CommitError::Conflict);
        }
        other => other.map_err(StoreError::from)?,
    };
    let made = made.first().ok_or_else(not_prepared)?;
    Ok(rows::number(made, 0)?)
}

fn not_prepared() -> StoreError {
    StoreError("the row of sandkasse.installation is gone from the database".to_owned())
}

/// Forgets all sales units' data and the directory's entries that are not of these kinds.
///
/// New and empty files take the place of the old ones, so it takes as long for millions of rows as
/// for one. A few rows are deleted faster than that.
pub(super) async fn clear(pool: &Pool, kept: &[&str]) -> Result<(), StoreError> {
    let kinds: Vec<_> = kept.iter().map(|kind| stored(kind)).collect();
    let few = "SELECT (SELECT count(*) FROM (SELECT FROM sandkasse.records LIMIT 2000) t)
                    + (SELECT count(*) FROM (SELECT FROM sandkasse.events LIMIT 2000) t)
                    + (SELECT count(*) FROM (SELECT FROM sandkasse.replies LIMIT 2000) t)
                    + (SELECT count(*) FROM (SELECT FROM sandkasse.calls LIMIT 2000) t) < 2000";
    let rows = pool.run(few, &[], SHORT).await?;
    if !rows.first().is_some_and(|row| get(row, 0).unwrap_or(false)) {
        let sql =
            "TRUNCATE sandkasse.records, sandkasse.events, sandkasse.replies, sandkasse.calls";
        pool.run(sql, &[], LONG).await?;
    }
    // What was written meanwhile goes too; and whoever had begun to write sees the other epoch.
    let sql = "WITH r AS (DELETE FROM sandkasse.records), e AS (DELETE FROM sandkasse.events),
                    p AS (DELETE FROM sandkasse.replies), c AS (DELETE FROM sandkasse.calls),
                    l AS (DELETE FROM sandkasse.claims), w AS (DELETE FROM sandkasse.windows),
                    j AS (DELETE FROM sandkasse.journal),
                    d AS (DELETE FROM sandkasse.directory WHERE kind <> ALL ($1::text[])),
                    h AS (DELETE FROM sandkasse.heads
                          WHERE name LIKE 'directory/%' AND split_part(name, '/', 3) <> ALL ($1::text[])),
                    n AS (UPDATE sandkasse.installation SET epoch = epoch + 1, generation = generation + 1
                          RETURNING epoch)
               SELECT epoch, pg_notify($2, '')::text FROM n";
    let values = [(&kinds as _, Type::TEXT_ARRAY), (&CHANNEL as _, Type::TEXT)];
    pool.run(sql, &values, LONG).await?;
    Ok(())
}

pub(super) async fn add_to_audit(shared: &Shared, lines: &[AuditLine]) -> Result<(), CommitError> {
    let Some(newest) = lines.last().map(heads::newest) else {
        return Ok(());
    };
    let numbers: Vec<i64> = lines.iter().map(|line| line.number.cast_signed()).collect();
    if !numbers.iter().all(|number| *number >= 0) || has_twins(&numbers) {
        return Err(CommitError::Conflict);
    }
    let sql = "WITH put AS (
            INSERT INTO sandkasse.audit (number, previous, body, hash, commit_id)
            SELECT number, previous, body, hash, $5
            FROM unnest($1::int8[], $2::text[], $3::text[], $4::text[]) AS t (number, previous, body, hash)
            ORDER BY number
            ON CONFLICT (number) DO UPDATE SET commit_id = excluded.commit_id
            WHERE audit.commit_id = excluded.commit_id RETURNING 1),
        noted AS (
            INSERT INTO sandkasse.heads (name, value, seal)
            SELECT $6::text, $7::text, $8::bytea WHERE $8 IS NOT NULL
            ON CONFLICT (name) DO UPDATE SET value = excluded.value, seal = excluded.seal)
        SELECT 1 / (CASE WHEN (SELECT count(*) FROM put) = cardinality($1::int8[]) THEN 1 ELSE 0 END)";
    let previous: Vec<_> = lines.iter().map(|line| stored(&line.previous)).collect();
    let bodies: Vec<_> = lines.iter().map(|line| stored(&line.body)).collect();
    let hashes: Vec<_> = lines.iter().map(|line| stored(&line.hash)).collect();
    let id = Uuid::new_v4();
    let seal = shared.sealer.get().map(|it| it.head(AUDIT, &newest).0);
    let seal = seal.as_ref().map(<[u8; 16]>::as_slice);
    let values = [
        (&numbers as _, Type::INT8_ARRAY),
        (&previous as _, Type::TEXT_ARRAY),
        (&bodies as _, Type::TEXT_ARRAY),
        (&hashes as _, Type::TEXT_ARRAY),
        (&id as _, Type::UUID),
        (&AUDIT as _, Type::TEXT),
        (&newest as _, Type::TEXT),
        (&seal as _, Type::BYTEA),
    ];
    match shared.pool.run(sql, &values, SHORT).await {
        Err(failure) if failure.is(&SqlState::DIVISION_BY_ZERO) => Err(CommitError::Conflict),
        other => Ok(other.map(drop).map_err(StoreError::from)?),
    }
}

fn has_twins(numbers: &[i64]) -> bool {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() < numbers.len()
}

pub(super) async fn prune_audit(pool: &Pool, through: u64) -> Result<(), StoreError> {
    let sql = "DELETE FROM sandkasse.audit WHERE number <= $1";
    let through = i64::try_from(through).unwrap_or(i64::MAX);
    pool.run(sql, &[(&through as _, Type::INT8)], LONG).await?;
    Ok(())
}
