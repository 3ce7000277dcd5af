//! The tables, and how an older database file becomes a present one.

use rusqlite::Connection;

/// One step per released schema version; `PRAGMA user_version` counts those taken. A released step
/// is never edited: a change is a new step.
pub(super) const STEPS: &[&str] = &[V1, V2, V3, V4, V5];

/// The schema version this program writes.
pub(super) const KNOWN: i64 = STEPS.len() as i64;

// Every key begins with the partition, so that one sales unit's rows lie together and the tables
// could be split by sales unit; but that of `events`, which belong to a record (V5). `environment` is 0
// for test, 1 for production.
//
// Names are random, payments are not: what happens to a payment mostly happens soon after it was
// created. So `records` is ordered by a running number, and `events` by the number of their record.
// The payments of the same minutes share pages, and a group of commits writes few; ordered by name,
// every commit would write pages of its own.
//
// `events` needs no counter to continue a history: a record's version is used for exactly one
// write, so (version, position within that write) orders all of a record's events, and the writer
// knows both without asking.
//
// `calls.number` is the order in which calls were committed. The index on (environment, msn) ends
// with it, as every index of a table with row numbers does.
const V1: &str = "
CREATE TABLE records (
    number      INTEGER PRIMARY KEY,
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    deadline    INTEGER,
    body        TEXT NOT NULL,
    UNIQUE (environment, msn, kind, name)
) STRICT;
CREATE INDEX records_by_deadline ON records (environment, msn, deadline, kind, name) WHERE deadline IS NOT NULL;

CREATE TABLE events (
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    record      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (environment, msn, record, version, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE replies (
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (environment, msn, scope, key)
) STRICT;

CREATE TABLE calls (
    number        INTEGER PRIMARY KEY,
    state         INTEGER NOT NULL,
    environment   INTEGER NOT NULL,
    msn           TEXT NOT NULL,
    about         TEXT NOT NULL,
    id            TEXT NOT NULL UNIQUE,
    purpose       TEXT NOT NULL,
    method        TEXT NOT NULL,
    url           TEXT NOT NULL,
    authorization TEXT,
    body          TEXT,
    timeout_ms    INTEGER NOT NULL,
    owed_at       INTEGER NOT NULL,
    begun_at      INTEGER,
    outcome       TEXT
) STRICT;
CREATE INDEX calls_by_unit ON calls (environment, msn);
CREATE INDEX calls_by_subject ON calls (environment, msn, about);
CREATE INDEX calls_open ON calls (state) WHERE state < 2;

CREATE TABLE directory (
    environment INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (environment, kind, key)
) STRICT, WITHOUT ROWID;
";

// The audit log; and the newest payments of a sales unit, for people who look at them: the index ends
// with `number`, and a new record is the last of its unit, so the pages that are written are few.
const V2: &str = "
CREATE TABLE audit (
    number   INTEGER PRIMARY KEY,
    previous TEXT NOT NULL,
    body     TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_kind ON records (environment, msn, kind);
";

// Which entries of the directory were changed since a reader looked: each has the generation of its
// last change, and one that is gone stays as a row without a body. `seal` is a keyed digest over the
// row; rows from before have none. `heads` are sealed notes about whole tables.
const V3: &str = "
CREATE TABLE installation (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO installation VALUES (1, 1);
ALTER TABLE directory RENAME TO directory_before;
CREATE TABLE directory (
    environment INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL,
    body        TEXT,
    generation  INTEGER NOT NULL,
    seal        BLOB,
    PRIMARY KEY (environment, kind, key)
) STRICT, WITHOUT ROWID;
INSERT INTO directory SELECT environment, kind, key, body, 1, NULL FROM directory_before;
DROP TABLE directory_before;
CREATE INDEX directory_by_generation ON directory (generation);
ALTER TABLE records ADD COLUMN seal BLOB;
ALTER TABLE events ADD COLUMN seal BLOB;
ALTER TABLE replies ADD COLUMN seal BLOB;
ALTER TABLE calls ADD COLUMN seal BLOB;
ALTER TABLE calls ADD COLUMN begun_seal BLOB;
ALTER TABLE calls ADD COLUMN ended_seal BLOB;
CREATE TABLE heads (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    seal  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";

// What is due of each kind has a range of its own: a hundred thousand webhook deliveries that wait do not
// stand between a reader and the payments that expire.
const V4: &str = "
DROP INDEX records_by_deadline;
CREATE INDEX records_by_due ON records (kind, environment, msn, deadline, name) WHERE deadline IS NOT NULL;
";

// An event's record, version and position are its row's number (see `place`): 31 bits below the record's, 7 below the version.
// A table without row numbers is an index, whose inner pages hold whole rows: of events seven to a page, so that a payment's
// history lay below five of them, and hardly any fitted into a reader's cache. An event that has no such number (none has) ends
// the step, since a text is no number. Records are gone through in the order of their numbers, so that nothing is sorted, for which
// many payments would need much memory; then come events of no record, which are for the doctor to find.
const V5: &str = "
ALTER TABLE events RENAME TO events_before;
CREATE TABLE events (
    place INTEGER PRIMARY KEY,
    at    INTEGER NOT NULL,
    body  TEXT NOT NULL,
    seal  BLOB
) STRICT;
CREATE VIEW events_placed AS SELECT environment, msn, record, version, position, at, body, seal,
    CASE WHEN record BETWEEN 0 AND 4294967295 AND version BETWEEN 0 AND 16777215 AND position BETWEEN 0 AND 127
        THEN (record << 31) | (version << 7) | position ELSE 'an event without a number' END AS place
    FROM events_before;
INSERT INTO events SELECT it.place, it.at, it.body, it.seal
    FROM records NOT INDEXED CROSS JOIN events_placed AS it
    ON it.environment = records.environment AND it.msn = records.msn AND it.record = records.number
    ORDER BY records.number, it.version, it.position;
INSERT INTO events SELECT place, at, body, seal FROM events_placed AS it WHERE NOT EXISTS (
    SELECT 1 FROM records WHERE number = it.record AND environment = it.environment AND msn = it.msn);
DROP VIEW events_placed;
DROP TABLE events_before;
";

/// What a database file is.
pub(super) enum Found {
    /// Ours, and now of the version [`KNOWN`].
    Ready,
    /// Ours, of a version that only a newer program knows.
    Newer(i64),
    /// A database of something else.
    Foreign,
}

/// Brings the schema up to date, all steps or none.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<Found> {
    let transaction = connection.transaction()?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let missing = match usize::try_from(version)
        .ok()
        .and_then(|taken| STEPS.get(taken..))
    {
        Some(missing) => missing,
        None => return Ok(Found::Newer(version)),
    };
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if version == 0 && tables > 0 {
        return Ok(Found::Foreign);
    }
    if version > 0 && !missing.is_empty() {
        tracing::info!(
            version,
            becomes = KNOWN,
            "the tables are changed, which takes some seconds for a million payments"
        );
    }
    for step in missing {
        transaction.execute_batch(step)?;
    }
    if !missing.is_empty() {
        transaction.pragma_update(None, "user_version", KNOWN)?;
    }
    transaction.commit()?;
    Ok(Found::Ready)
}
