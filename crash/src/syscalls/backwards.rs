//! A database file as the first version of the schema would have left it, made from a present one.

use std::path::Path;

use anyhow::ensure;
use rusqlite::Connection;

/// How each version's step is taken back, the newest first.
const STEPS_BACK: [(i64, &str); 4] = [(5, TO_4), (4, TO_3), (3, TO_2), (2, TO_1)];

const TO_4: &str = "
ALTER TABLE events RENAME TO events_after;
CREATE TABLE events (
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    record      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    body        TEXT NOT NULL,
    seal        BLOB,
    PRIMARY KEY (environment, msn, record, version, position)
) STRICT, WITHOUT ROWID;
INSERT INTO events SELECT environment, msn, place >> 31, (place >> 7) & 16777215, place & 127, at, events_after.body, events_after.seal
    FROM events_after JOIN records ON records.number = place >> 31;
DROP TABLE events_after;
PRAGMA user_version = 4;
";

const TO_3: &str = "
DROP INDEX records_by_due;
CREATE INDEX records_by_deadline ON records (environment, msn, deadline, kind, name) WHERE deadline IS NOT NULL;
PRAGMA user_version = 3;
";

const TO_2: &str = "
DROP TABLE installation;
DROP TABLE heads;
ALTER TABLE directory RENAME TO directory_after;
CREATE TABLE directory (
    environment INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (environment, kind, key)
) STRICT, WITHOUT ROWID;
INSERT INTO directory SELECT environment, kind, key, body FROM directory_after WHERE body IS NOT NULL;
DROP TABLE directory_after;
ALTER TABLE records DROP COLUMN seal;
ALTER TABLE events DROP COLUMN seal;
ALTER TABLE replies DROP COLUMN seal;
ALTER TABLE calls DROP COLUMN seal;
ALTER TABLE calls DROP COLUMN begun_seal;
ALTER TABLE calls DROP COLUMN ended_seal;
PRAGMA user_version = 2;
";

const TO_1: &str = "
DROP INDEX records_by_kind;
DROP TABLE audit;
PRAGMA user_version = 1;
";

/// Takes all steps back. Fails when there is a step whose way back is not written down here.
pub(super) fn to_first_version(file: &Path) -> anyhow::Result<()> {
    let database = Connection::open(file)?;
    for (from, back) in STEPS_BACK {
        let found: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        ensure!(
            found == from,
            "the schema has version {found}: write down here how it becomes version {}",
            found - 1
        );
        database.execute_batch(&format!("BEGIN; {back} COMMIT;"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sandkasse_store::SqliteStore;

    use super::*;

    #[test]
    fn a_file_goes_back_and_forth() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sandkasse.db");
        for _ in 0..2 {
            drop(SqliteStore::open(&file).unwrap());
            to_first_version(&file).unwrap();
        }
    }
}
