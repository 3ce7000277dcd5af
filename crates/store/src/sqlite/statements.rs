//! The statements of the writer, prepared once.

use rusqlite::{Connection, Statement};

use crate::seals::Sealer;

/// The statements of the write connection.
pub(super) struct Statements<'c> {
    pub(super) connection: &'c Connection,
    pub(super) begin: Statement<'c>,
    pub(super) commit: Statement<'c>,
    pub(super) find_record: Statement<'c>,
    pub(super) insert_record: Statement<'c>,
    pub(super) update_record: Statement<'c>,
    pub(super) insert_event: Statement<'c>,
    pub(super) reply_exists: Statement<'c>,
    pub(super) insert_reply: Statement<'c>,
    pub(super) insert_call: Statement<'c>,
    pub(super) begin_call: Statement<'c>,
    pub(super) finish_call: Statement<'c>,
    pub(super) interrupt_calls: Statement<'c>,
    pub(super) prune_calls: Statement<'c>,
    pub(super) entry_is_later: Statement<'c>,
    pub(super) next_generation: Statement<'c>,
    pub(super) put_entry: Statement<'c>,
    pub(super) clear_directory: Statement<'c>,
    pub(super) audit_exists: Statement<'c>,
    pub(super) add_to_audit: Statement<'c>,
    pub(super) prune_audit: Statement<'c>,
    /// What notes about whole tables are sealed with, if anything.
    pub(super) sealer: Option<Sealer>,
    /// Whether something may be aside, to be deleted when nobody waits.
    pub(super) is_aside: bool,
    /// The number of each record that the present commit writes, if it is there already.
    pub(super) numbers: Vec<Option<i64>>,
    #[cfg(test)]
    pub(super) fail_next_fsync: bool,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Statements<'c>> {
        Ok(Statements {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            find_record: connection.prepare(
                "SELECT number, version FROM records
                 WHERE environment = ?1 AND msn = ?2 AND kind = ?3 AND name = ?4",
            )?,
            insert_record: connection.prepare(
                "INSERT INTO records (environment, msn, kind, name, version, deadline, body, seal)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7)",
            )?,
            update_record: connection.prepare(
                "UPDATE records SET version = version + 1, deadline = ?2, body = ?3, seal = ?4 WHERE number = ?1",
            )?,
            insert_event: connection.prepare("INSERT INTO events (place, at, body, seal) VALUES (?1, ?2, ?3, ?4)")?,
            reply_exists: connection.prepare(
                "SELECT 1 FROM replies WHERE environment = ?1 AND msn = ?2 AND scope = ?3 AND key = ?4",
            )?,
            insert_reply: connection.prepare(
                "INSERT INTO replies (environment, msn, scope, key, fingerprint, status, body, seal)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
            insert_call: connection.prepare(
                "INSERT INTO calls (state, environment, msn, about, id, purpose, method, url, authorization, body,
                                    timeout_ms, owed_at, begun_at, seal, begun_seal)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?,
            begin_call: connection
                .prepare("UPDATE calls SET state = 1, begun_at = ?2, begun_seal = ?3 WHERE id = ?1 AND state = 0")?,
            finish_call: connection
                .prepare("UPDATE calls SET state = 2, outcome = ?2, ended_seal = ?3 WHERE id = ?1 AND state = 1")?,
            // `state < 2` is what lets SQLite use the index over the open ones.
            interrupt_calls: connection.prepare("UPDATE calls SET state = 3 WHERE state < 2 AND state = 1")?,
            prune_calls: connection.prepare(
                "DELETE FROM calls WHERE number IN (
                     SELECT number FROM calls INDEXED BY calls_by_unit
                     WHERE environment = ?1 AND msn = ?2 AND number <= ?3 AND state >= 2 LIMIT ?4)",
            )?,
            entry_is_later: connection.prepare(
                "SELECT 1 FROM directory WHERE environment = ?1 AND kind = ?2 AND key = ?3 AND generation > ?4",
            )?,
            next_generation: connection
                .prepare("UPDATE installation SET generation = generation + 1 RETURNING generation")?,
            put_entry: connection.prepare(
                "INSERT OR REPLACE INTO directory (environment, kind, key, body, generation, seal)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            clear_directory: connection.prepare(
                "DELETE FROM directory WHERE kind NOT IN (SELECT value FROM json_each(?1))",
            )?,
            audit_exists: connection.prepare("SELECT 1 FROM audit WHERE number = ?1")?,
            add_to_audit: connection.prepare("INSERT INTO audit VALUES (?1, ?2, ?3, ?4)")?,
            prune_audit: connection.prepare("DELETE FROM audit WHERE number <= ?1")?,
            sealer: None,
            is_aside: true,
            numbers: Vec::new(),
            #[cfg(test)]
            fail_next_fsync: false,
        })
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.begin.execute([]).map(drop)
    }

    /// Returns after the fsync.
    pub(super) fn end(&mut self) -> rusqlite::Result<()> {
        #[cfg(test)]
        if std::mem::take(&mut self.fail_next_fsync) {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
            return Err(rusqlite::Error::SqliteFailure(code, None));
        }
        self.commit.execute([]).map(drop)
    }

    /// Does nothing if SQLite has rolled back by itself, as it does when the disk is full.
    pub(super) fn roll_back(&mut self) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() {
            Ok(())
        } else {
            self.connection.execute_batch("ROLLBACK")
        }
    }
}
