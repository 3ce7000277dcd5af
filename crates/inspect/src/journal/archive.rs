//! Calls on disk: a file of their own beside the database, so that the inspector and explanations
//! outlive the process.
//!
//! One thread writes what it is handed, many calls at a time, and forgets what is too much. It
//! never holds up a call: what it cannot take is counted. The file may lose its last moments in a
//! power cut; nothing but looking back depends on it. It holds no secret, as the journal holds none.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use jiff::SignedDuration;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, named_params, params};
use sandkasse_domain::Timestamp;

use super::{LONGEST, MOST_OF_A_UNIT, Whose};
use crate::{
    Record,
    stored::{Row, Shelf},
};

/// So many calls may wait to be written.
const WAITING: usize = 8192;
/// So many are written at a time.
const BATCH: usize = 1024;
/// So long it waits for more, so that they are written together.
const PAUSE: Duration = Duration::from_millis(100);
/// After so many calls of a sales unit it is looked whether it has too many.
const LOOK_AFTER: u32 = 100;
/// So many bytes of one sales unit's calls are kept.
const MOST_BYTES_OF_A_UNIT: i64 = 64 * 1024 * 1024;
/// So many old calls are forgotten at a time.
const PORTION: i64 = 5000;
/// How often old ones are looked for.
const LOOK_FOR_OLD: SignedDuration = SignedDuration::from_mins(10);

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS calls (
        number INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        environment TEXT NOT NULL,
        msn TEXT,
        size INTEGER NOT NULL,
        head TEXT NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS calls_of ON calls (environment, msn, number, size);
";

/// Where calls are written down for longer.
pub(crate) struct Archive {
    path: PathBuf,
    /// The highest number that earlier runs have given.
    last: u64,
    shelf: Shelf,
    hand: SyncSender<Task>,
    counts: Arc<Counts>,
    reader: Mutex<Option<Connection>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Counts {
    /// Calls that are in the file.
    calls: AtomicU64,
    /// Calls that could not be written.
    lost: AtomicU64,
}

enum Task {
    Write(Arc<Record>),
    /// Forget everything; then say so.
    Clear(SyncSender<()>),
    /// Say when everything before is written.
    Flush(SyncSender<()>),
}

impl Archive {
    /// Begins to write into this file; it is opened beside what goes on, so that no start waits
    /// for it. `most_bytes` is about how large it may become.
    pub(crate) fn open(path: PathBuf, most_bytes: u64, shelf: Shelf) -> Archive {
        // Before the writer has it, and only where there is something to read: some 100 µs.
        let last = if path.exists() { last_number(&path) } else { 0 };
        let (hand, tasks) = sync_channel(WAITING);
        let counts = Arc::new(Counts::default());
        let writer = Writer {
            path: path.clone(),
            most_bytes,
            shelf: shelf.clone(),
            counts: counts.clone(),
            since: HashMap::new(),
            looked_at: Timestamp::UNIX_EPOCH,
        };
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&tasks));
        if let Err(error) = &thread {
            tracing::warn!(%error, "calls are not written to disk");
        }
        Archive {
            path,
            last,
            shelf,
            hand,
            counts,
            reader: Mutex::default(),
            writer: Mutex::new(thread.ok()),
        }
    }

    /// The highest number that earlier runs have given; 0 when there is none.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Hands over a call. One that finds no room is counted, and not kept for longer.
    pub(crate) fn offer(&self, record: Arc<Record>) {
        if self.hand.try_send(Task::Write(record)).is_err() {
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Calls that are in the file, and those that could not be written.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.counts.calls), read(&self.counts.lost))
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.wait_for(Task::Clear);
    }

    /// Waits until everything that was handed over is in the file.
    pub(crate) fn flush(&self) {
        self.wait_for(Task::Flush);
    }

    fn wait_for(&self, task: fn(SyncSender<()>) -> Task) {
        let (done, wait) = sync_channel(1);
        if self.hand.send(task(done)).is_ok() {
            if let Some(writer) = self.writer.lock().as_ref() {
                writer.thread().unpark();
            }
            // An error says that the writer has ended; then there is nothing to wait for.
            let _ = wait.recv();
        }
    }

    /// A call by its number.
    pub(crate) fn get(&self, number: u64) -> Option<Arc<Record>> {
        let row = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT number, at, environment, msn, head, text FROM calls WHERE number = ?",
                )?
                .query_row(params![number.cast_signed()], Row::read)
                .optional()
        });
        row.flatten().and_then(|row| self.shelf.record(row))
    }

    /// The next calls before this number, newest first; of these sales units only, if any are named.
    pub(crate) fn portion(
        &self,
        of: Option<&[Whose]>,
        before: u64,
        limit: usize,
    ) -> Vec<Arc<Record>> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.read(|connection| {
            let mut rows: Vec<Row> = Vec::new();
            let Some(units) = of else {
                let mut all = connection.prepare_cached(
                    "SELECT number, at, environment, msn, head, text FROM calls
                     WHERE number < :before ORDER BY number DESC LIMIT :limit",
                )?;
                let found = all.query_map(
                    named_params! { ":before": before, ":limit": limit },
                    Row::read,
                )?;
                return found.collect();
            };
            let mut theirs = connection.prepare_cached(
                "SELECT number, at, environment, msn, head, text FROM calls
                 WHERE environment = :environment AND msn IS :msn AND number < :before
                 ORDER BY number DESC LIMIT :limit",
            )?;
            for (environment, msn) in units {
                let found = theirs.query_map(
                    named_params! {
                        ":environment": environment.name(), ":msn": msn.as_ref().map(|it| it.as_str()),
                        ":before": before, ":limit": limit,
                    },
                    Row::read,
                )?;
                for row in found {
                    rows.push(row?);
                }
            }
            rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.number));
            rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(rows)
        });
        // One that cannot be read, of another version perhaps, is as good as forgotten.
        let rows = rows.unwrap_or_default().into_iter();
        rows.filter_map(|row| self.shelf.record(row)).collect()
    }

    /// Reads beside the writer. What cannot be read is not there.
    fn read<T>(&self, look: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        let mut reader = self.reader.lock();
        if reader.is_none() {
            if !self.path.exists() {
                return None;
            }
            *reader = connect(&self.path).ok();
        }
        match look(reader.as_ref()?) {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::warn!(%error, "the journal could not be read");
                *reader = None;
                None
            }
        }
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.flush();
        // The writer ends when nobody can hand it anything.
        let (nobody, _) = sync_channel(0);
        self.hand = nobody;
        if let Some(writer) = self.writer.lock().take() {
            let _ = writer.join();
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(2))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // What is lost in a power cut are the last calls, and nothing depends on them.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// A file that cannot be read is as good as none: the writer says so.
fn last_number(path: &Path) -> u64 {
    let last = connect(path).and_then(|connection| {
        connection.query_row("SELECT coalesce(max(number), 0) FROM calls", [], |row| {
            row.get(0)
        })
    });
    last.map_or(0, i64::cast_unsigned)
}

/// Only its owner may read the file: it says what was called, and by whom.
fn create_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).ok();
}

/// The thread that writes.
struct Writer {
    path: PathBuf,
    most_bytes: u64,
    shelf: Shelf,
    counts: Arc<Counts>,
    /// Calls of each sales unit since it was looked whether it has too many.
    since: HashMap<Whose, u32>,
    /// When old calls were looked for.
    looked_at: Timestamp,
}

impl Writer {
    fn run(mut self, tasks: &Receiver<Task>) {
        create_private(&self.path);
        let mut connection = match connect(&self.path).and_then(|connection| {
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        }) {
            Ok(connection) => connection,
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%error, %path, "calls are not written to disk");
                return;
            }
        };
        self.count(&connection);
        let mut records = Vec::new();
        let mut told = Vec::new();
        let mut is_behind = false;
        loop {
            match tasks.recv_timeout(Duration::from_secs(60)) {
                Ok(task) => self.take(task, &connection, &mut records, &mut told),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // What comes within a moment is written together. Meanwhile this thread sleeps, so that whoever hands over a
            // call need not wake it; who waits for it wakes it.
            if told.is_empty() && !is_behind {
                std::thread::park_timeout(PAUSE);
            }
            while records.len() < BATCH && told.is_empty() {
                match tasks.try_recv() {
                    Ok(task) => self.take(task, &connection, &mut records, &mut told),
                    Err(_) => break,
                }
            }
            is_behind = records.len() == BATCH;
            if let Err(error) = self.write(&mut connection, &records) {
                let calls = records.len();
                tracing::warn!(%error, calls, "calls could not be written to disk");
                let lost = u64::try_from(calls).unwrap_or_default();
                self.counts.lost.fetch_add(lost, Ordering::Relaxed);
            }
            records.clear();
            for done in told.drain(..) {
                // Whoever waited may have gone.
                let _ = SyncSender::send(&done, ());
            }
        }
    }

    fn take(
        &mut self,
        task: Task,
        connection: &Connection,
        records: &mut Vec<Arc<Record>>,
        told: &mut Vec<SyncSender<()>>,
    ) {
        match task {
            Task::Write(record) => records.push(record),
            Task::Flush(done) => told.push(done),
            Task::Clear(done) => {
                records.clear();
                if let Err(error) = connection.execute("DELETE FROM calls", ()) {
                    tracing::warn!(%error, "the journal on disk could not be cleared");
                }
                self.count(connection);
                told.push(done);
            }
        }
    }

    fn write(
        &mut self,
        connection: &mut Connection,
        records: &[Arc<Record>],
    ) -> rusqlite::Result<()> {
        let Some(newest) = records.last() else {
            return Ok(());
        };
        let transaction = connection.transaction()?;
        let mut written = 0;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT OR IGNORE INTO calls (number, at, environment, msn, size, head, text)
                 VALUES (:number, :at, :environment, :msn, :size, :head, :text)",
            )?;
            for record in records {
                let head = self.shelf.head(record);
                let text = record.texts.all();
                written += insert.execute(named_params! {
                    ":number": record.number.cast_signed(), ":at": record.at.as_microsecond(),
                    ":environment": record.environment.name(),
                    ":msn": record.unit.as_ref().map(|it| it.as_str()),
                    ":size": i64::try_from(head.len() + text.len()).unwrap_or(i64::MAX),
                    ":head": head, ":text": text,
                })?;
            }
        }
        let mut gone = 0;
        for record in records {
            let whose = (record.environment, record.unit.clone());
            let since = self.since.entry(whose.clone()).or_default();
            *since += 1;
            if *since >= LOOK_AFTER {
                *since = 0;
                gone += forget_of(&transaction, &whose)?;
            }
        }
        let now = newest.at;
        if now.duration_since(self.looked_at).abs() > LOOK_FOR_OLD {
            self.looked_at = now;
            let oldest = (now - LONGEST).as_microsecond();
            gone += transaction.execute(
                "DELETE FROM calls WHERE number IN
                 (SELECT number FROM calls ORDER BY number LIMIT ?) AND at < ?",
                params![20 * PORTION, oldest],
            )?;
        }
        if used(&transaction)? > self.most_bytes {
            gone += transaction.execute(
                "DELETE FROM calls WHERE number IN (SELECT number FROM calls ORDER BY number LIMIT ?)",
                [PORTION],
            )?;
        }
        transaction.commit()?;
        let count = |it: usize| u64::try_from(it).unwrap_or_default();
        let calls = &self.counts.calls;
        calls.fetch_add(count(written), Ordering::Relaxed);
        calls.fetch_sub(
            count(gone).min(calls.load(Ordering::Relaxed)),
            Ordering::Relaxed,
        );
        Ok(())
    }

    fn count(&self, connection: &Connection) {
        let count =
            connection.query_row("SELECT count(*) FROM calls", (), |row| row.get::<_, i64>(0));
        let count = count.ok().and_then(|it| u64::try_from(it).ok());
        self.counts
            .calls
            .store(count.unwrap_or_default(), Ordering::Relaxed);
    }
}

/// Forgets what a sales unit has too much; answers how many calls that were.
fn forget_of(connection: &Connection, (environment, msn): &Whose) -> rusqlite::Result<usize> {
    let msn = msn.as_ref().map(|it| it.as_str());
    let last = connection
        .prepare_cached(
            "SELECT number FROM (
                 SELECT number, row_number() OVER newest AS place, sum(size) OVER newest AS total
                 FROM calls WHERE environment = :environment AND msn IS :msn
                 WINDOW newest AS (ORDER BY number DESC)
             ) WHERE place > :most OR total > :bytes LIMIT 1",
        )?
        .query_row(
            named_params! {
                ":environment": environment.name(), ":msn": msn,
                ":most": i64::try_from(MOST_OF_A_UNIT).unwrap_or(i64::MAX),
                ":bytes": MOST_BYTES_OF_A_UNIT,
            },
            |row| row.get::<_, i64>(0),
        )
        .optional()?;
    let Some(last) = last else { return Ok(0) };
    connection
        .prepare_cached("DELETE FROM calls WHERE environment = ? AND msn IS ? AND number <= ?")?
        .execute(params![environment.name(), msn, last])
}

/// Bytes of the file that hold something.
fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| {
        connection.query_row(&format!("PRAGMA {name}"), (), |row| row.get::<_, i64>(0))
    };
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok(u64::try_from(pages * pragma("page_size")?).unwrap_or_default())
}
