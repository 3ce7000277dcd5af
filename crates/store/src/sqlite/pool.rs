//! The connections that read.
//!
//! Each read sees one committed state of the whole database, at least as new as the last answered
//! write, and neither waits for the writer nor holds it up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OpenFlags};

use super::error::{closed, failed};
use super::reader::Reader;
use crate::measure::Counter;
use crate::port::StoreError;

/// How many threads can read at once. A connection is opened when the ones before it are busy.
const READERS: usize = 4;

/// How much of the database a reader keeps at hand.
const CACHE_KIB: i64 = 2_048;

/// More different queries than there are.
const STATEMENTS: usize = 32;

/// A few connections that only read.
pub(super) struct Readers {
    path: PathBuf,
    connections: [Mutex<Option<Connection>>; READERS],
    closed: AtomicBool,
    failures: Counter,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Readers {
        Readers {
            path,
            connections: Default::default(),
            closed: AtomicBool::new(false),
            failures: Counter::default(),
        }
    }

    /// Runs `read` on the calling thread.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Reader<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut slot = self.slot();
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let connection = match &mut *slot {
            Some(connection) => connection,
            none => none.insert(connect(&self.path).map_err(failed)?),
        };
        read(&Reader(connection)).map_err(|error| {
            self.failures.note();
            failed(error)
        })
    }

    /// How many reads failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.read()
    }

    /// A connection that is nobody else's.
    pub(super) fn another(&self) -> Result<Connection, StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        connect(&self.path).map_err(failed)
    }

    /// The first one that is free, so that the caches of few are warm rather than those of all lukewarm.
    fn slot(&self) -> MutexGuard<'_, Option<Connection>> {
        let [first, ..] = &self.connections;
        self.connections
            .iter()
            .find_map(Mutex::try_lock)
            .unwrap_or_else(|| first.lock())
    }

    /// Waits for the present reads.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for connection in &self.connections {
            connection.lock().take();
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}
