//! The one thread that writes.
//!
//! At full durability a transaction costs an fsync, whatever is in it. So all writes go through one
//! queue, and the writer puts whatever is waiting into one transaction: while the disk is busy with
//! one group, the next one gathers. Each piece of work is answered only after the COMMIT that holds
//! it has returned.
//!
//! A piece of work that is refused has changed nothing (see [`Statements::apply`]), so it does not
//! disturb its group. A piece that *fails* by its own fault may have; then the group is rolled back
//! and every piece tried alone. That is slow, and happens only by a programmer's mistake.

use std::cell::Cell;
use std::fs::File;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot, watch};

use super::apply::{Applied, Work};
use super::aside;
use super::error::{Severity, closed, failed};
use super::pool::Readers;
use super::statements::Statements;
use crate::measure::Groups;
use crate::port::StoreError;

/// How long the writer waits for a lock. Nobody holds one, except a person with the `sqlite3` shell.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many pieces of work are put into one transaction.
const GROUP_LIMIT: usize = 512;

/// How many pieces of work may wait; whoever comes then waits for a place.
const QUEUE_LIMIT: usize = 1_024;

/// After how many new pages (64 MiB) the write-ahead log is copied into the database file and begun
/// anew, which holds everybody up for some 40 ms. A longer log means fewer copies of the same page
/// and fewer such moments, and a longer start after a crash: some 20 ms for this much.
const CHECKPOINT_PAGES: i32 = 16_384;

/// How long that waits for readers who still need the old log. They need microseconds; only a
/// person with the `sqlite3` shell could need longer.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(20);

/// After how many more pages (4 MiB) it is tried again, if it could not be done.
const CHECKPOINT_RETRY_PAGES: i32 = 1_024;

struct Order {
    work: Work,
    answer: oneshot::Sender<Result<Applied, StoreError>>,
}

#[derive(Default)]
struct Health {
    broken: Option<StoreError>,
    ended: bool,
}

/// The way to the writer's thread.
pub(super) struct Writer {
    /// `None` after [`Writer::close`]. The thread ends when the last sender is gone and the queue
    /// is empty.
    queue: Mutex<Option<mpsc::Sender<Order>>>,
    health: watch::Receiver<Health>,
    groups: Arc<Groups>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// The thread keeps `lock` until the connection is closed.
    pub(super) fn start(
        connection: Connection,
        lock: File,
        readers: Arc<Readers>,
    ) -> Result<Writer, StoreError> {
        let (queue, orders) = mpsc::channel(QUEUE_LIMIT);
        let (health, watched) = watch::channel(Health::default());
        let groups = Arc::new(Groups::default());
        let counted = groups.clone();
        let (ready, started) = std::sync::mpsc::sync_channel(1);
        let thread = move || {
            match Statements::prepare(&connection) {
                Ok(statements) => {
                    connection.wal_hook(Some(|_, pages| {
                        WAL_PAGES.set(pages);
                        Ok(())
                    }));
                    ready.send(Ok(())).ok();
                    Transactions {
                        statements,
                        connection: &connection,
                        readers: &readers,
                        health: &health,
                        groups: &counted,
                        answers: Vec::new(),
                        checkpoint_at: CHECKPOINT_PAGES,
                    }
                    .run(orders);
                }
                Err(error) => ready.send(Err(failed(error))).unwrap_or_default(),
            }
            // This connection is the last one, so it tidies up.
            drop(readers);
            drop(connection);
            drop(lock);
            health.send_modify(|health| health.ended = true);
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(thread)
            .map_err(|error| StoreError(format!("cannot start the writer: {error}")))?;
        started.recv().unwrap_or_else(|_| Err(gone()))?;
        Ok(Writer {
            queue: Mutex::new(Some(queue)),
            health: watched,
            groups,
            thread: Some(thread),
        })
    }

    /// Returns what [`Statements::apply`] did, once it is durable. It happens even if the caller
    /// no longer waits.
    pub(super) async fn ask(&self, work: Work) -> Result<Applied, StoreError> {
        let queue = self.queue.lock().clone().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        queue
            .send(Order { work, answer })
            .await
            .map_err(|_| gone())?;
        drop(queue);
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// What is counted of writing.
    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// How many pieces of work wait.
    pub(super) fn waiting(&self) -> usize {
        let queue = self.queue.lock();
        let queue = queue.as_ref();
        queue.map_or(0, |queue| queue.max_capacity() - queue.capacity())
    }

    /// Returns when all that was asked for is done and the file is let go of.
    pub(super) async fn close(&self) {
        self.queue.lock().take();
        // An error means that the thread is gone without saying so: there is nothing to wait for.
        self.health
            .clone()
            .wait_for(|health| health.ended)
            .await
            .ok();
    }

    /// See [`SqliteStore::broken`](super::SqliteStore::broken).
    pub(super) async fn broken(&self) -> StoreError {
        let mut health = self.health.clone();
        let error = match health.wait_for(|health| health.broken.is_some()).await {
            Ok(health) => health.broken.clone(),
            Err(_) => None,
        };
        if error.is_none() && health.borrow().ended {
            std::future::pending::<()>().await;
        }
        error.unwrap_or_else(gone)
    }
}

impl Drop for Writer {
    /// Waits for the thread, so that the file can be opened again at once.
    fn drop(&mut self) {
        self.queue.lock().take();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn gone() -> StoreError {
    StoreError("the writer's thread is gone".to_owned())
}

thread_local! {
    /// How long the write-ahead log is, in pages. SQLite tells it to a plain function after every
    /// COMMIT, on the thread of the COMMIT.
    static WAL_PAGES: Cell<i32> = const { Cell::new(0) };
}

/// The thread's side.
struct Transactions<'c> {
    statements: Statements<'c>,
    connection: &'c Connection,
    readers: &'c Readers,
    health: &'c watch::Sender<Health>,
    groups: &'c Groups,
    /// What became of each piece of the present group.
    answers: Vec<Applied>,
    /// The length of the write-ahead log, in pages, at which it is to be begun anew.
    checkpoint_at: i32,
}

impl Transactions<'_> {
    fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut group = Vec::with_capacity(GROUP_LIMIT);
        loop {
            if self.statements.is_aside && !self.is_broken() {
                match orders.try_recv() {
                    Ok(order) => group.push(order),
                    Err(TryRecvError::Empty) => {
                        self.sweep();
                        self.shorten_log();
                        continue;
                    }
                    Err(TryRecvError::Disconnected) => break,
                }
                while group.len() < GROUP_LIMIT
                    && let Ok(order) = orders.try_recv()
                {
                    group.push(order);
                }
            } else if orders.blocking_recv_many(&mut group, GROUP_LIMIT) == 0 {
                break;
            }
            self.perform(&mut group);
            self.shorten_log();
        }
        if self.is_broken() {
            // Closing would copy the log into the file, and could lose what is sound.
            self.connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
                .ok();
        }
    }

    /// Deletes a little of what a reset put aside.
    fn sweep(&mut self) {
        let swept = self.statements.begin().and_then(|()| {
            let more = aside::sweep(self.connection)?;
            self.commit().map(|()| more)
        });
        match swept {
            Ok(more) => self.statements.is_aside = more,
            Err(error) => {
                self.statements.is_aside = false;
                let severity = Severity::of(&error);
                let error = failed(error);
                let undone = self.statements.roll_back();
                if severity == Severity::Fatal || undone.is_err() {
                    self.give_up(&error);
                } else {
                    // What is left the next process finds.
                    tracing::warn!(%error, "what a reset put aside could not be deleted");
                }
            }
        }
    }

    /// Does all of the group in one transaction and answers; the group is then empty.
    fn perform(&mut self, group: &mut Vec<Order>) {
        if let Some(error) = self.health.borrow().broken.clone() {
            return self.refuse(group, &error);
        }
        let began = Instant::now();
        let Err(error) = self.attempt(group) else {
            self.groups.note(group.len(), began);
            for (order, applied) in group.drain(..).zip(self.answers.drain(..)) {
                // Whoever no longer waits is not told.
                order.answer.send(Ok(applied)).ok();
            }
            return;
        };
        let severity = Severity::of(&error);
        let error = failed(error);
        if let Err(error) = self.statements.roll_back() {
            let error = self.give_up(&failed(error));
            return self.refuse(group, &error);
        }
        match severity {
            Severity::Own if group.len() > 1 => {
                for order in std::mem::take(group) {
                    self.perform(&mut vec![order]);
                }
            }
            Severity::Own => self.refuse(group, &error),
            Severity::Transaction => {
                tracing::error!(%error, pieces = group.len(), "a transaction failed and was rolled back");
                self.refuse(group, &error);
            }
            Severity::Fatal => {
                let error = self.give_up(&error);
                self.refuse(group, &error);
            }
        }
    }

    fn attempt(&mut self, group: &[Order]) -> rusqlite::Result<()> {
        self.answers.clear();
        self.statements.begin()?;
        for order in group {
            let applied = self.statements.apply(&order.work)?;
            self.answers.push(applied);
        }
        self.commit()
    }

    fn commit(&mut self) -> rusqlite::Result<()> {
        let done = self.statements.end();
        // Also if it failed: nobody but the disk knows what has become of it.
        self.readers.note_commit();
        done
    }

    /// SQLite would do this by itself inside of COMMIT, but would keep an fsync error in it to
    /// itself and try again. Here it happens after the answers, and such an error is final.
    fn shorten_log(&mut self) {
        let pages = WAL_PAGES.get();
        if pages < self.checkpoint_at || self.is_broken() {
            return;
        }
        self.checkpoint_at = pages + CHECKPOINT_RETRY_PAGES;
        let readers = self.readers;
        match readers.without_views(CHECKPOINT_PATIENCE, || self.checkpoint()) {
            Ok(true) => {
                WAL_PAGES.set(0);
                self.checkpoint_at = CHECKPOINT_PAGES;
            }
            Ok(false) => tracing::debug!(pages, "the write-ahead log is still being read"),
            Err(error) if Severity::of(&error) == Severity::Fatal => {
                self.give_up(&failed(error));
            }
            Err(error) => {
                tracing::warn!(error = %failed(error), pages, "the write-ahead log cannot be shortened");
            }
        }
    }

    /// `false` if a reader was in the way.
    fn checkpoint(&self) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(CHECKPOINT_PATIENCE)?;
        let pragma = "PRAGMA wal_checkpoint(RESTART)";
        let done = self
            .connection
            .query_row(pragma, [], |row| Ok(row.get::<_, i64>(0)? == 0));
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        done
    }

    fn refuse(&self, group: &mut Vec<Order>, error: &StoreError) {
        self.groups.failures.add(group.len());
        for order in group.drain(..) {
            order.answer.send(Err(error.clone())).ok();
        }
    }

    fn is_broken(&self) -> bool {
        self.health.borrow().broken.is_some()
    }

    /// From now on nothing is written.
    fn give_up(&self, cause: &StoreError) -> StoreError {
        let error = StoreError(format!(
            "nothing more is written, because the disk failed: {}. Check the disk, then start sandkasse again",
            cause.0
        ));
        tracing::error!(%error, "the store is broken");
        self.health
            .send_modify(|health| health.broken = Some(error.clone()));
        error
    }
}
