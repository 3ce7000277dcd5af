//! Opening the file: the lock, the connection that writes, the schema.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, OpenFlags};

use super::SqliteStore;
use super::error::{OpenError, failed};
use super::pool::Readers;
use super::schema::{self, Found};
use super::writer::{BUSY_TIMEOUT, Writer};

/// How much of the database the writer keeps at hand; together with the readers at most 16 MiB.
const WRITER_CACHE_KIB: i64 = 8_192;

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
        sync_folder(&path).map_err(|error| cannot_open(&path, error))?;
        let readers = Arc::new(Readers::new(path.clone()));
        let writer = Writer::start(connection, lock, readers.clone())
            .map_err(|error| cannot_open(&path, error.0))?;
        Ok(SqliteStore {
            readers,
            writer,
            sealer: OnceLock::new(),
        })
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

pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
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

/// Makes sure that the names of the database and of its write-ahead log outlive a power cut. SQLite does so with the
/// first commit, but keeps an error to itself (`unixSync` of 3.50), so that commit could be lost after its answer.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
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
