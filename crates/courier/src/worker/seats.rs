//! Who may send now: a seat at the host first, then one of all, and a count of each sales unit's
//! backlog. Knows nothing of calls.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use sandkasse_store::Partition;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;

/// All seats and queues.
pub(super) struct Seats {
    limits: Limits,
    all: Arc<Semaphore>,
    book: Mutex<Book>,
}

/// An entry lives as long as somebody waits or sends, so neither map outgrows the work at hand.
#[derive(Default)]
struct Book {
    hosts: HashMap<String, Desk>,
    backlog: HashMap<Partition, usize>,
}

struct Desk {
    seats: Arc<Semaphore>,
    users: usize,
}

/// A seat; dropping it lets the next one in.
pub(super) struct Seat<'a> {
    _overall: OwnedSemaphorePermit,
    _place: Place<'a>,
}

/// A place in the queue of a host and in the backlog, with the host's seat once it is taken.
struct Place<'a> {
    seats: &'a Seats,
    partition: &'a Partition,
    host: String,
    permit: Option<OwnedSemaphorePermit>,
}

impl Seats {
    pub(super) fn new(limits: Limits) -> Self {
        Seats {
            limits,
            all: Arc::new(Semaphore::new(limits.in_flight)),
            book: Mutex::default(),
        }
    }

    /// Counts a call into the backlog, unless it is full. [`Seats::take`] takes it out again.
    pub(super) fn enqueue(&self, partition: &Partition) -> bool {
        let mut book = self.book.lock();
        if book
            .backlog
            .get(partition)
            .is_some_and(|waiting| *waiting >= self.limits.backlog)
            || self.limits.backlog == 0
        {
            return false;
        }
        *book.backlog.entry(partition.clone()).or_default() += 1;
        true
    }

    /// The same without a bound, for calls that are in memory anyway.
    pub(super) fn enqueue_owed(&self, partition: &Partition) {
        *self
            .book
            .lock()
            .backlog
            .entry(partition.clone())
            .or_default() += 1;
    }

    /// Waits for a seat. `None` after [`Seats::close`].
    pub(super) async fn take<'a>(
        &'a self,
        partition: &'a Partition,
        host: &str,
    ) -> Option<Seat<'a>> {
        let host = host.to_ascii_lowercase();
        let seats = self.join(&host);
        let mut place = Place {
            seats: self,
            partition,
            host,
            permit: None,
        };
        if self.is_closed() {
            return None;
        }
        place.permit = Some(seats.acquire_owned().await.ok()?);
        let overall = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Seat {
            _overall: overall,
            _place: place,
        })
    }

    /// Lets nobody in any more.
    pub(super) fn close(&self) {
        self.all.close();
        for desk in self.book.lock().hosts.values() {
            desk.seats.close();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.all.is_closed()
    }

    fn join(&self, host: &str) -> Arc<Semaphore> {
        let mut book = self.book.lock();
        let desk = book.hosts.entry(host.to_owned()).or_insert_with(|| Desk {
            seats: Arc::new(Semaphore::new(self.limits.per_host)),
            users: 0,
        });
        desk.users += 1;
        Arc::clone(&desk.seats)
    }

    /// How many hosts and sales units are in the book.
    #[cfg(test)]
    pub(super) fn entries(&self) -> (usize, usize) {
        let book = self.book.lock();
        (book.hosts.len(), book.backlog.len())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // The seat goes back before its desk may be cleared away.
        self.permit.take();
        let mut book = self.seats.book.lock();
        if let Some(desk) = book.hosts.get_mut(&self.host) {
            desk.users -= 1;
            if desk.users == 0 {
                book.hosts.remove(&self.host);
            }
        }
        if let Some(waiting) = book.backlog.get_mut(self.partition) {
            *waiting -= 1;
            if *waiting == 0 {
                book.backlog.remove(self.partition);
            }
        }
    }
}
