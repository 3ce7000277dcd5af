//! One file, no server: the store of the single binary.
//!
//! SQLite in WAL mode at `synchronous=FULL`: an acknowledged commit outlives a killed process and a
//! power cut. [`writer`] is the one thread that writes, many commits per fsync; [`reader`] a few
//! connections that read beside it; [`schema`] the tables.
//!
//! The file belongs to one process, which locks `<file>.lock` beside it. The lock is the operating
//! system's, so a killed process leaves none behind.

mod apply;
mod error;
mod reader;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags};
use sandkasse_domain::Timestamp;

use self::apply::Work;
pub use self::error::OpenError;
use self::error::failed;
use self::reader::Readers;
use self::schema::Found;
use self::writer::Writer;
use crate::port::{
    CallOutcome, CallRecord, Commit, CommitError, DirectoryEntry, Kind, OutgoingCall, Partition,
    Record, SavedReply, Store, StoreError, StoredEvent, StreamId,
};

/// How much of the database the writer keeps at hand; together with the readers at most 16 MiB.
const WRITER_CACHE_KIB: i64 = 8_192;

/// How long the writer waits for a lock. Nobody holds one, except a person with the `sqlite3` shell.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A store in one SQLite file. See the module.
///
/// Dropping it waits until all that was asked for is written, some milliseconds.
pub struct SqliteStore {
    // Before the writer, so that the writer's connection is the last one and tidies up.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the database at `path`, or creates it; its folder must exist.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; its text names the remedy.
    pub fn open(path: &Path) -> Result<SqliteStore, OpenError> {
        // Absolute, because a path that begins with `file:` would mean something else to SQLite.
        let path = std::path::absolute(path).map_err(|error| cannot_open(path, error))?;
        let lock = lock(&path)?;
        let mut connection = connect(&path).map_err(|error| cannot_open(&path, failed(error).0))?;
        match schema::prepare(&mut connection)
            .map_err(|error| cannot_open(&path, failed(error).0))?
        {
            Found::Ready => {}
            Found::Newer(found) => {
                return Err(OpenError::Newer {
                    path,
                    found,
                    known: schema::KNOWN,
                });
            }
            Found::Foreign => return Err(OpenError::Foreign { path }),
        }
        let writer =
            Writer::start(connection, lock).map_err(|error| cannot_open(&path, error.0))?;
        Ok(SqliteStore {
            readers: Readers::new(path),
            writer,
        })
    }

    /// Waits until the disk has failed and nothing more is written; as long as all is well, for ever.
    /// There is no way back but to start again, so a server that sees this return should end.
    pub async fn broken(&self) -> StoreError {
        self.writer.broken().await
    }
}

fn cannot_open(path: &Path, reason: impl ToString) -> OpenError {
    OpenError::Failed {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// Locks `<path>.lock` and notes this process in it, for whoever finds it locked.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let cannot = |error: std::io::Error| cannot_open(&lock_path, error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut note = String::new();
            file.read_to_string(&mut note).ok();
            return Err(OpenError::InUse {
                path: path.to_owned(),
                process: note.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(error)) => return Err(cannot(error)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(cannot)?;
    Ok(file)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    create_private(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// What merchants' servers are told to check stands in this file, so only its owner may read it.
/// If it cannot be created here, SQLite says why.
fn create_private(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).ok();
}

// The reads run on the caller's thread, in the middle of an async function: by primary key, from
// pages that are in memory, they take some 10 µs, less than handing them to another thread. Those
// that return many rows are bounded by their limit, or are asked once at start-up.
#[async_trait]
impl Store for SqliteStore {
    async fn load(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Option<Record>, StoreError> {
        self.readers.read(|reader| reader.load(partition, stream))
    }

    async fn history(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.readers
            .read(|reader| reader.history(partition, stream))
    }

    async fn list(
        &self,
        partition: &Partition,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        self.readers
            .read(|reader| reader.list(partition, kind, prefix, after, limit))
    }

    async fn reply(
        &self,
        partition: &Partition,
        scope: &str,
        key: &str,
    ) -> Result<Option<SavedReply>, StoreError> {
        self.readers
            .read(|reader| reader.reply(partition, scope, key))
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        commit.check()?;
        if self.writer.ask(Work::Commit(commit)).await? {
            Ok(())
        } else {
            Err(CommitError::Conflict)
        }
    }

    async fn due(
        &self,
        partition: &Partition,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(StreamId, Timestamp)>, StoreError> {
        self.readers
            .read(|reader| reader.due(partition, until, limit))
    }

    async fn next_deadline(&self, partition: &Partition) -> Result<Option<Timestamp>, StoreError> {
        self.readers.read(|reader| reader.next_deadline(partition))
    }

    async fn next_deadlines(&self) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
        let mut found: Vec<(Partition, Timestamp)> = Vec::new();
        loop {
            let last = found.last().map(|(partition, _)| partition);
            match self.readers.read(|reader| reader.deadline_behind(last))? {
                Some(next) => found.push(next),
                None => return Ok(found),
            }
        }
    }

    async fn begin_call(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.writer
            .ask(Work::BeginCall {
                id: id.to_owned(),
                at,
            })
            .await
    }

    async fn finish_call(&self, id: &str, outcome: CallOutcome) -> Result<(), StoreError> {
        let outcome =
            serde_json::to_string(&outcome).map_err(|error| StoreError(error.to_string()))?;
        self.writer
            .ask(Work::FinishCall {
                id: id.to_owned(),
                outcome,
            })
            .await
            .map(drop)
    }

    async fn add_begun_call(
        &self,
        partition: &Partition,
        call: OutgoingCall,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer
            .ask(Work::AddBegunCall {
                partition: partition.clone(),
                call,
                at,
            })
            .await
            .map(drop)
    }

    async fn recover_calls(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        self.writer.ask(Work::InterruptCalls).await?;
        self.readers.read(|reader| reader.owed_calls())
    }

    async fn calls(
        &self,
        partition: &Partition,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CallRecord>, StoreError> {
        self.readers
            .read(|reader| reader.calls(partition, about, limit))
    }

    /// What is to be forgotten is looked up beside the writer, and forgotten in small portions.
    async fn prune_calls(&self, keep: usize) -> Result<(), StoreError> {
        let mut last = None;
        while let Some(partition) = self
            .readers
            .read(|reader| reader.caller_behind(last.as_ref()))?
        {
            if let Some(through) = self
                .readers
                .read(|reader| reader.prune_through(&partition, keep))?
            {
                while self
                    .writer
                    .ask(Work::PruneCalls {
                        partition: partition.clone(),
                        through,
                    })
                    .await?
                {}
            }
            last = Some(partition);
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn directory(&self) -> Result<Vec<DirectoryEntry>, StoreError> {
        self.readers.read(|reader| reader.directory())
    }

    async fn put_directory(&self, entries: Vec<DirectoryEntry>) -> Result<(), StoreError> {
        self.writer.ask(Work::PutDirectory(entries)).await.map(drop)
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.writer.ask(Work::Clear).await.map(drop)
    }

    async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}
