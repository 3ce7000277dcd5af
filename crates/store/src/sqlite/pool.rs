//! The connections that read.
//!
//! Each read sees one committed state of the whole database, at least as new as the last answered
//! write, and neither waits for the writer nor holds it up.
//!
//! To begin and to end a view of the database costs SQLite a lock each, which all threads share. So
//! a connection that is asked again before anything was committed keeps its view.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

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

/// How old a view may be when it is read from, although nothing was committed here since: what a person
/// writes with the `sqlite3` shell is to be seen too.
const VIEW_AGE: Duration = Duration::from_millis(100);

/// A few connections that only read.
pub(super) struct Readers {
    path: PathBuf,
    connections: [Mutex<Option<Kept>>; READERS],
    /// How many transactions have been committed.
    commits: AtomicU64,
    /// Whether views may be kept.
    may_keep: AtomicBool,
    closed: AtomicBool,
    failures: Counter,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Readers {
        Readers {
            path,
            connections: Default::default(),
            commits: AtomicU64::new(0),
            may_keep: AtomicBool::new(true),
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
        let kept = match &mut *slot {
            Some(kept) => kept,
            none => none.insert(Kept::new(connect(&self.path).map_err(failed)?)),
        };
        let commits = self.commits.load(Ordering::Acquire);
        let may_keep = self.may_keep.load(Ordering::Acquire);
        let done = kept
            .renew(commits, may_keep)
            .and_then(|()| read(&Reader(&kept.connection)));
        done.map_err(|error| {
            // And with it the view, whatever has become of it.
            slot.take();
            self.failures.note();
            failed(error)
        })
    }

    /// To be called after each COMMIT, before anybody is told of it.
    pub(super) fn note_commit(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    /// Runs `work` while no view is kept: only reads that are under way for longer than `patience` may still need the
    /// log.
    pub(super) fn without_views<T>(&self, patience: Duration, work: impl FnOnce() -> T) -> T {
        self.may_keep.store(false, Ordering::Release);
        let until = Instant::now() + patience;
        for slot in &self.connections {
            let Some(mut slot) = slot.try_lock_until(until) else {
                continue;
            };
            if let Some(Err(error)) = slot.as_mut().map(Kept::let_go) {
                tracing::warn!(error = %failed(error), "a view of the database could not be ended");
                slot.take();
            }
        }
        let done = work();
        self.may_keep.store(true, Ordering::Release);
        done
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
    fn slot(&self) -> MutexGuard<'_, Option<Kept>> {
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

/// A connection, and perhaps its view of the database.
struct Kept {
    connection: Connection,
    /// How many commits there were when it was last asked.
    commits: u64,
    view_since: Option<Instant>,
}

impl Kept {
    fn new(connection: Connection) -> Kept {
        Kept {
            connection,
            commits: u64::MAX,
            view_since: None,
        }
    }

    /// The next read sees at least the first `commits`. The first one behind a commit keeps no view: as long as there
    /// is a commit between any two reads, keeping one would only cost.
    fn renew(&mut self, commits: u64, may_keep: bool) -> rusqlite::Result<()> {
        let is_same = may_keep && self.commits == commits;
        self.commits = commits;
        match self.view_since {
            Some(since) if is_same && since.elapsed() < VIEW_AGE => Ok(()),
            Some(_) => self.let_go(),
            None if is_same => {
                self.connection.prepare_cached("BEGIN")?.execute([])?;
                self.view_since = Some(Instant::now());
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn let_go(&mut self) -> rusqlite::Result<()> {
        if self.view_since.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}
