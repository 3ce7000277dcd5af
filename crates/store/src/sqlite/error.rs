//! What can go wrong, and how bad it is.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::port::StoreError;

/// Why a database file cannot be used. The text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "{} is in use by another sandkasse{}: stop that one, or give this one a folder of its own",
        path.display(),
        process.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The other process, as it noted itself.
        process: Option<u32>,
    },
    /// A newer version of this program wrote it.
    #[error(
        "{} was written by a newer sandkasse (schema {found}, this one knows {known}): start the newer one, or give \
         this one a folder of its own",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// It is the database of another program.
    #[error("{} is a database, but not one of sandkasse: name another file", path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("cannot open {}: {reason}", path.display())]
    Failed {
        /// The database file, or the lock file beside it.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> StoreError {
        StoreError(error.to_string())
    }
}

/// How far an error reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// It is about one piece of work: a call's id is there already, a text is too long.
    Own,
    /// The transaction failed, the next one may succeed: the disk was full, somebody's shell held
    /// a lock.
    Transaction,
    /// What is on disk can no longer be trusted to be what was written. After a failed fsync the
    /// system may have dropped the data and answer the next fsync with success, so trying again
    /// would acknowledge what is lost.
    Fatal,
}

impl Severity {
    pub(super) fn of(error: &rusqlite::Error) -> Severity {
        match error.sqlite_error_code() {
            // Not from SQLite: a value or a count that this crate did not expect.
            None => Severity::Own,
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => Severity::Own,
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase,
            ) => Severity::Fatal,
            Some(_) => Severity::Transaction,
        }
    }
}

/// The error for the log, with SQLite's extended code, which tells a failed fsync from a failed read.
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error() {
        Some(code) => StoreError(format!("{error} (SQLite code {})", code.extended_code)),
        None => StoreError(error.to_string()),
    }
}

/// The answer to everything after [`close`](crate::Store::close).
pub(super) fn closed() -> StoreError {
    StoreError("the store is closed".to_owned())
}
