//! A few connections for all that needs no order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::connection::{Connection, Failure, Value};
use crate::measure::{Connections, Counter};

/// How long to wait before a database that was away is tried again.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// The connections, opened when the ones before them are busy.
pub(super) struct Pool {
    pub(super) address: Address,
    pub(super) tls: MakeRustlsConnect,
    idle: Mutex<Vec<(u64, Connection)>>,
    places: Semaphore,
    /// How often a connection was lost. Those that are older are of no use either: a host that has
    /// failed would have each of them time out on its own.
    losses: AtomicU64,
    closed: AtomicBool,
    opened: Counter,
    refused: Counter,
    lost: Counter,
    /// How often whoever asked was told that there is no answer.
    pub(super) failures: Counter,
}

impl Pool {
    pub(super) fn new(address: Address, tls: MakeRustlsConnect) -> Pool {
        Pool {
            places: Semaphore::new(address.connections),
            address,
            tls,
            idle: Mutex::default(),
            losses: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            opened: Counter::default(),
            refused: Counter::default(),
            lost: Counter::default(),
            failures: Counter::default(),
        }
    }

    /// Executes a statement that may be executed twice, and again while the database is away.
    pub(super) async fn run(
        &self,
        sql: &str,
        values: &[Value<'_>],
        limit: Duration,
    ) -> Result<Vec<Row>, Failure> {
        let mut patience = Patience::new(self.address.patience);
        loop {
            match self.attempt(sql, values, limit).await {
                Err(failure @ (Failure::Undone(_) | Failure::Unknown(_))) => {
                    patience.after(failure).await.inspect_err(|_| {
                        self.failures.note();
                    })?;
                }
                decided => return decided,
            }
        }
    }

    /// Executes a statement that must not be executed twice: again only if it was rolled back.
    pub(super) async fn once(
        &self,
        sql: &str,
        values: &[Value<'_>],
        limit: Duration,
    ) -> Result<Vec<Row>, Failure> {
        let mut answer = self.attempt(sql, values, limit).await;
        for _ in 0..3 {
            match answer {
                Err(Failure::Undone(_)) => answer = self.attempt(sql, values, limit).await,
                decided => {
                    answer = decided;
                    break;
                }
            }
        }
        if matches!(answer, Err(Failure::Undone(_) | Failure::Unknown(_))) {
            self.failures.note();
        }
        answer
    }

    async fn attempt(
        &self,
        sql: &str,
        values: &[Value<'_>],
        limit: Duration,
    ) -> Result<Vec<Row>, Failure> {
        let place = timeout(self.address.patience, self.places.acquire()).await;
        let _place = match place {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(closed()),
            Err(_) => {
                return Err(Failure::Undone(
                    "all connections to the database are busy".to_owned(),
                ));
            }
        };
        let (age, connection) = self.take().await?;
        let answer = connection.query(sql, values, limit).await;
        self.put_back(age, connection);
        answer
    }

    async fn take(&self) -> Result<(u64, Connection), Failure> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let losses = self.losses.load(Ordering::Acquire);
        while let Some((age, connection)) = self.pop() {
            if age == losses && connection.is_usable() {
                return Ok((age, connection));
            }
            if !connection.is_usable() {
                self.lost.note();
            }
        }
        Ok((losses, self.connect().await?))
    }

    fn pop(&self) -> Option<(u64, Connection)> {
        self.idle.lock().pop()
    }

    fn put_back(&self, age: u64, connection: Connection) {
        if connection.is_usable() {
            if !self.closed.load(Ordering::Acquire) {
                self.idle.lock().push((age, connection));
            }
        } else {
            self.lost.note();
            let losses = &self.losses;
            losses
                .compare_exchange(age, age + 1, Ordering::AcqRel, Ordering::Acquire)
                .ok();
        }
    }

    /// A connection that belongs to the caller.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let opened = Connection::open(&self.address, &self.tls, None).await;
        match &opened {
            Ok(_) => self.opened.note(),
            Err(_) => self.refused.note(),
        }
        opened
    }

    /// A connection that [`connect`](Pool::connect) made is of no use any more.
    pub(super) fn note_lost(&self) {
        self.lost.note();
    }

    /// What is counted of connections.
    pub(super) fn connections(&self) -> Connections {
        let most = self.address.connections;
        Connections {
            most,
            busy: most.saturating_sub(self.places.available_permits()),
            opened: self.opened.read(),
            refused: self.refused.read(),
            lost: self.lost.read(),
        }
    }

    /// Later statements fail.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.places.close();
        self.idle.lock().clear();
    }
}

fn closed() -> Failure {
    Failure::Refused {
        state: tokio_postgres::error::SqlState::CONNECTION_DOES_NOT_EXIST,
        text: "the store is closed".to_owned(),
    }
}

/// How long something is tried again.
pub(super) struct Patience {
    until: Instant,
}

impl Patience {
    pub(super) fn new(length: Duration) -> Patience {
        Patience::from(Instant::now(), length)
    }

    pub(super) fn from(since: Instant, length: Duration) -> Patience {
        Patience {
            until: since + length,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Waits a little; gives the failure back when there was enough of it.
    pub(super) async fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        if self.is_over() {
            return Err(failure);
        }
        tracing::debug!(reason = failure.text(), "the database is asked again");
        pause(PAUSE).await;
        Ok(())
    }
}

/// Waits for nothing in particular: a database does not say when it is back.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when a database is back, or another transaction through"
)]
pub(super) async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}
