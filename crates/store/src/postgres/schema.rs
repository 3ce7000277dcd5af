//! The tables, and how an older schema becomes a present one.

use super::connection::{Connection, Failure, LONG, SHORT};
use super::error::OpenError;

/// How many partitions a table of sales units' data has.
const PARTITIONS: u32 = 16;

/// One step per released schema version; `sandkasse.schema_version` counts those taken. A released
/// step is never edited: a change is a new step.
fn steps() -> [String; 3] {
    [v1(), V2.to_owned(), V3.to_owned()]
}

/// The schema version this program writes.
pub(super) const KNOWN: i32 = 3;

/// The tables that hold sales units' data, each partitioned by sales unit.
const PARTITIONED: [&str; 4] = ["records", "events", "replies", "calls"];

// Every key of a sales unit's rows begins with its MSN, and no statement of a commit touches rows
// without naming it, so the tables can lie in any number of databases. Texts compare byte by byte.
// `environment` is 0 for test, 1 for production; moments are milliseconds since 1970.
//
// `number` orders records and calls as they were made. It comes from the node that made them, and
// `events` are named by the number of their record. Were two nodes to make the same number, the
// unique index refuses the second.
//
// `commit_id` tells the commit that wrote a row last, `begun_by` the attempt that began a call. Who
// lost the answer to a COMMIT finds out with them whether it happened.
//
// `seal` is a keyed digest over the row; `heads` are sealed notes about whole tables.
//
// Windows and journal are not logged: a crash of the database's machine forgets them.
const TABLES: &str = r#"
CREATE TABLE sandkasse.records (
    msn         text COLLATE "C" NOT NULL,
    environment int2 NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    name        text COLLATE "C" NOT NULL,
    number      int8 NOT NULL,
    version     int8 NOT NULL,
    deadline    int8,
    body        text NOT NULL,
    commit_id   uuid NOT NULL,
    seal        bytea,
    PRIMARY KEY (msn, environment, kind, name)
) PARTITION BY HASH (msn);
CREATE UNIQUE INDEX records_by_number ON sandkasse.records (msn, environment, number);
CREATE INDEX records_by_kind ON sandkasse.records (msn, environment, kind, number);
CREATE INDEX records_by_deadline ON sandkasse.records (msn, environment, deadline, kind, name)
    WHERE deadline IS NOT NULL;

CREATE TABLE sandkasse.events (
    msn         text COLLATE "C" NOT NULL,
    environment int2 NOT NULL,
    record      int8 NOT NULL,
    version     int8 NOT NULL,
    position    int4 NOT NULL,
    at          int8 NOT NULL,
    body        text NOT NULL,
    commit_id   uuid NOT NULL,
    seal        bytea,
    PRIMARY KEY (msn, environment, record, version, position)
) PARTITION BY HASH (msn);

CREATE TABLE sandkasse.replies (
    msn         text COLLATE "C" NOT NULL,
    environment int2 NOT NULL,
    scope       text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    fingerprint text NOT NULL,
    status      int4 NOT NULL,
    body        text NOT NULL,
    commit_id   uuid NOT NULL,
    seal        bytea,
    PRIMARY KEY (msn, environment, scope, key)
) PARTITION BY HASH (msn);

CREATE TABLE sandkasse.calls (
    msn         text COLLATE "C" NOT NULL,
    id          text COLLATE "C" NOT NULL,
    environment int2 NOT NULL,
    number      int8 NOT NULL,
    state       int2 NOT NULL,
    node        text NOT NULL,
    about       text COLLATE "C" NOT NULL,
    purpose     text NOT NULL,
    method      text NOT NULL,
    url         text NOT NULL,
    header      text,
    body        text,
    timeout_ms  int8 NOT NULL,
    owed_at     int8 NOT NULL,
    begun_at    int8,
    begun_by    uuid,
    outcome     text,
    commit_id   uuid NOT NULL,
    seal        bytea,
    begun_seal  bytea,
    ended_seal  bytea,
    PRIMARY KEY (msn, id)
) PARTITION BY HASH (msn);
CREATE INDEX calls_by_id ON sandkasse.calls (id);
CREATE INDEX calls_by_number ON sandkasse.calls (number);
CREATE INDEX calls_by_unit ON sandkasse.calls (msn, environment, number);
CREATE INDEX calls_by_subject ON sandkasse.calls (msn, environment, about, number);
CREATE INDEX calls_open ON sandkasse.calls (state, number) WHERE state < 2;

CREATE TABLE sandkasse.directory (
    environment int2 NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    body        text,
    generation  int8 NOT NULL,
    commit_id   uuid NOT NULL,
    seal        bytea,
    PRIMARY KEY (environment, kind, key)
);
CREATE INDEX directory_by_generation ON sandkasse.directory (generation);

CREATE TABLE sandkasse.audit (
    number    int8 PRIMARY KEY,
    previous  text NOT NULL,
    body      text NOT NULL,
    hash      text NOT NULL,
    commit_id uuid NOT NULL
);

CREATE TABLE sandkasse.heads (
    name  text COLLATE "C" PRIMARY KEY,
    value text NOT NULL,
    seal  bytea NOT NULL
);

CREATE TABLE sandkasse.installation (
    one        bool PRIMARY KEY DEFAULT true CHECK (one),
    generation int8 NOT NULL,
    epoch      int8 NOT NULL
) WITH (fillfactor = 20);
INSERT INTO sandkasse.installation VALUES (true, 1, 0);

CREATE TABLE sandkasse.nodes (
    slot     int2 PRIMARY KEY CHECK (slot BETWEEN 0 AND 15),
    id       text COLLATE "C" NOT NULL UNIQUE,
    heard_at timestamptz NOT NULL,
    seen     int8 NOT NULL,
    made     int8 NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200);

CREATE TABLE sandkasse.proofs (
    slot  int2 PRIMARY KEY,
    count int8 NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE sandkasse.claims (
    task  text COLLATE "C" PRIMARY KEY,
    node  text COLLATE "C" NOT NULL,
    until timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE UNLOGGED TABLE sandkasse.windows (
    key        bytea PRIMARY KEY,
    opened_at  int8 NOT NULL,
    calls      int8 NOT NULL,
    was_opened int8,
    was_calls  int8,
    earliest   int8 NOT NULL,
    latest     int8 NOT NULL,
    hits       int8 NOT NULL,
    length_ms  int8 NOT NULL,
    most       int8 NOT NULL,
    until      timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

CREATE UNLOGGED TABLE sandkasse.journal (
    place       int8 PRIMARY KEY,
    number      int8 NOT NULL,
    at          int8 NOT NULL,
    environment int2 NOT NULL,
    msn         text COLLATE "C",
    node        text COLLATE "C" NOT NULL,
    body        bytea NOT NULL
);
CREATE UNLOGGED TABLE sandkasse.journal_end (
    one   bool PRIMARY KEY DEFAULT true CHECK (one),
    place int8 NOT NULL
) WITH (fillfactor = 20);
"#;

/// The first step.
pub(super) fn v1() -> String {
    let mut sql = TABLES.to_owned();
    for table in PARTITIONED {
        // A record is written again within minutes, and mostly finds room beside its old version.
        let room = if table == "records" || table == "calls" {
            75
        } else {
            100
        };
        for remainder in 0..PARTITIONS {
            sql.push_str(&format!(
                "CREATE TABLE sandkasse.{table}_{remainder} PARTITION OF sandkasse.{table} \
                 FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {remainder}) \
                 WITH (fillfactor = {room}, autovacuum_vacuum_scale_factor = 0.05);\n"
            ));
        }
    }
    sql
}

/// What is due of each kind has a range of its own: a hundred thousand webhook deliveries that wait do
/// not stand between a reader and the payments that expire.
const V2: &str = "
DROP INDEX sandkasse.records_by_deadline;
CREATE INDEX records_by_due ON sandkasse.records (msn, environment, kind, deadline, name)
    WHERE deadline IS NOT NULL;
";

/// Who looks for a record by its name finds only the primary key. Of tables that were never analysed, as in the first minute
/// of a database, the planner thinks that any index that begins with the sales unit is as good as that, and read all
/// payments of the sales unit for each commit (PostgreSQL 15, seen with auto_explain on 2026-11-23). So the others begin
/// with something else.
const V3: &str = "
DROP INDEX sandkasse.records_by_number;
CREATE UNIQUE INDEX records_by_number ON sandkasse.records (number, msn, environment);
DROP INDEX sandkasse.records_by_kind;
CREATE INDEX records_by_kind ON sandkasse.records ((msn || ''), environment, kind, number);
";

/// What a node's role may do; the rest belongs to whoever owns the tables. `TRUNCATE` is for resets.
const GRANTS: &str = "
GRANT USAGE ON SCHEMA sandkasse TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA sandkasse TO {role};
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON sandkasse.schema_version FROM {role};
";

/// Looks whether the schema is the one this program writes, and brings it there if the role may.
pub(super) async fn prepare(connection: &Connection) -> Result<(), OpenError> {
    match version(connection).await? {
        Some(version) if version == KNOWN => Ok(()),
        Some(found) if found > KNOWN => Err(OpenError::Newer {
            found,
            known: KNOWN,
        }),
        Some(_) | None => migrate(connection, None).await,
    }
}

/// The schema's version; `None` when there is none.
async fn version(connection: &Connection) -> Result<Option<i32>, OpenError> {
    let sql = "SELECT version FROM sandkasse.schema_version";
    match connection.query(sql, &[], SHORT).await {
        Ok(rows) => Ok(rows.first().and_then(|row| row.try_get(0).ok())),
        Err(Failure::Refused { state, .. }) if matches!(state.code(), "42P01" | "3F000") => {
            Ok(None)
        }
        Err(failure) => Err(OpenError::Failed(failure.text().to_owned())),
    }
}

/// Brings the schema up to date, all steps or none, and lets a role use it. Several may do so at
/// once: they wait for each other at the row that holds the version.
pub(super) async fn migrate(connection: &Connection, role: Option<&str>) -> Result<(), OpenError> {
    // Two that create at the same moment can meet in the catalogue; whoever lost finds it made.
    let mut attempts = 0;
    loop {
        let failure = match steps_taken(connection, role).await {
            Ok(()) => return Ok(()),
            Err(Wrong::Ended(ended)) => return Err(ended),
            Err(Wrong::Failed(failure)) => failure,
        };
        connection.batch("ROLLBACK", SHORT).await.ok();
        attempts += 1;
        match failure {
            Failure::Refused { state, text } => match state.code() {
                "23505" | "42P06" | "42P07" | "XX000" if attempts < 10 => {}
                "42501" => return Err(OpenError::MayNotMigrate(text)),
                _ => return Err(OpenError::Failed(text)),
            },
            Failure::Undone(_) if attempts < 10 => {}
            Failure::Undone(text) | Failure::Unknown(text) => return Err(OpenError::Failed(text)),
        }
    }
}

enum Wrong {
    Ended(OpenError),
    Failed(Failure),
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Wrong {
        Wrong::Failed(failure)
    }
}

async fn steps_taken(connection: &Connection, role: Option<&str>) -> Result<(), Wrong> {
    let begin = "BEGIN;
        CREATE SCHEMA IF NOT EXISTS sandkasse;
        CREATE TABLE IF NOT EXISTS sandkasse.schema_version (
            one bool PRIMARY KEY DEFAULT true CHECK (one), version int4 NOT NULL);
        INSERT INTO sandkasse.schema_version VALUES (true, 0) ON CONFLICT DO NOTHING";
    connection.batch(begin, LONG).await?;
    let sql = "SELECT version FROM sandkasse.schema_version FOR UPDATE";
    let rows = connection.query(sql, &[], LONG).await?;
    let found: i32 = rows
        .first()
        .and_then(|row| row.try_get(0).ok())
        .unwrap_or(0);
    let steps = steps();
    let Some(missing) = usize::try_from(found)
        .ok()
        .and_then(|taken| steps.get(taken..))
    else {
        connection.batch("ROLLBACK", SHORT).await.ok();
        return Err(Wrong::Ended(OpenError::Newer {
            found,
            known: KNOWN,
        }));
    };
    for step in missing {
        connection.batch(step, LONG).await?;
    }
    if let Some(role) = role {
        let role = format!("\"{}\"", role.replace('"', "\"\""));
        connection
            .batch(&GRANTS.replace("{role}", &role), LONG)
            .await?;
    }
    let end = format!("UPDATE sandkasse.schema_version SET version = {KNOWN}; COMMIT");
    connection.batch(&end, LONG).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_step_is_counted() {
        assert_eq!(usize::try_from(super::KNOWN).unwrap(), super::steps().len());
    }
}
