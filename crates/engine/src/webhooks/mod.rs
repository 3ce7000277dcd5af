//! Webhooks: who hears of what happens, and every attempt to tell (reference: webhooks.md).
//!
//! A delivery is a record of the sales unit whose event it carries, written in the same commit as the
//! event. Its deadline is the moment of the next attempt, on that unit's clock, so all that waits is
//! in the store, and a process that dies loses nothing. Each attempt is an event of the record, and
//! the record is written when the attempt has ended: what a process did not note is done again. That
//! is *at least once*, which receivers are told to expect.
//!
//! Deliveries of one registration about one thing (a payment) are a *queue*: their names begin alike
//! and end in their order. Only the first that waits is attempted; while it fails, the others are due
//! when it is. Different queues know nothing of each other.
//!
//! Begin with `turn.rs` (what is attempted when), then `queue.rs` (one queue's attempts).

mod attempt;
mod backlog;
mod counts;
mod delivery;
mod express;
mod health;
mod lines;
mod listeners;
mod look;
mod payments;
mod publish;
mod queue;
mod registrations;
mod scan;
mod seats;
mod turn;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use sandkasse_domain::{
    Environment, Timestamp,
    webhook::{ANSWER_MS, RegistrationId},
};
use sandkasse_store::{Commit, Kind, Partition};
use tokio::sync::{Notify, Semaphore, broadcast};

use crate::agenda::Agenda;

pub(crate) use delivery::{DeliveryEvent, queue};

pub use attempt::{Attempt, AttemptKind};
pub use counts::Counts;
pub use delivery::{Delivery, DeliveryState, Dropped, Kept};
pub use express::{ShippingDetails, UserDetails};
pub use listeners::{Listeners, Offered};
pub use look::Attempts;
pub use payments::payment_events;
pub use publish::Published;
pub use registrations::{NewRegistration, NotRegistered};

/// Attempts at one time, in the whole process.
const AT_ONCE: usize = 512;
/// So many new deliveries of a sales unit are remembered besides; the store has all of them.
const FRESH: usize = 4_096;
/// Fewer registrations than these are known without asking which are gone.
const TIDY_FROM: usize = 256;
/// So many ended attempts wait for whoever looks on.
const ENDED: usize = 256;

/// What a process knows of deliveries, besides what the store does.
pub struct Hooks {
    /// When each sales unit has something to deliver.
    pub(crate) agenda: Agenda,
    /// Whoever fetches deliveries.
    pub listeners: Listeners,
    seats: seats::Seats,
    all: Arc<Semaphore>,
    /// Queues at work.
    busy: Mutex<HashSet<(Partition, String)>>,
    /// Somebody left a queue.
    left: Notify,
    /// What was committed just now.
    fresh: Mutex<BTreeMap<Partition, VecDeque<String>>>,
    woken: Mutex<HashMap<Partition, Arc<Notify>>>,
    stopped: AtomicBool,
    in_flight: AtomicUsize,
    landed: Notify,
    ended: broadcast::Sender<Told>,
    fares: health::Fares,
    /// When so much is known of registrations, it is looked which are gone.
    tidy_at: AtomicUsize,
    /// What is counted of deliveries.
    pub counts: Counts,
}

/// An attempt that ended, for whoever looks on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose event it was.
    pub partition: Partition,
    /// The delivery.
    pub name: String,
}

impl Hooks {
    pub(crate) fn new(heads: Vec<(Partition, Timestamp)>) -> Hooks {
        Hooks {
            agenda: Agenda::new(heads),
            listeners: Listeners::default(),
            seats: seats::Seats::default(),
            all: Arc::new(Semaphore::new(AT_ONCE)),
            busy: Mutex::default(),
            left: Notify::new(),
            fresh: Mutex::default(),
            woken: Mutex::default(),
            stopped: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            landed: Notify::new(),
            ended: broadcast::Sender::new(ENDED),
            fares: health::Fares::default(),
            tidy_at: AtomicUsize::new(TIDY_FROM),
            counts: Counts::default(),
        }
    }

    /// Tells of every attempt that ends from now on. Whoever is slow misses some.
    pub fn ended(&self) -> broadcast::Receiver<Told> {
        self.ended.subscribe()
    }

    /// Begins no more attempts: what waits stays in the store.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.all.close();
        self.agenda.look_again();
    }

    /// Attempts at this moment.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Waits until no attempt is under way, but not longer than `patience`; what is cut off is made
    /// again by the next process.
    pub async fn idle(&self, patience: Duration) {
        let idle = async {
            while self.in_flight() > 0 {
                self.landed.notified().await;
            }
        };
        // Late or not, nothing is lost.
        let _ = tokio::time::timeout(patience, idle).await;
    }

    /// Whether no attempt is begun any more.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(crate) fn clear(&self) {
        self.agenda.clear();
        self.fresh.lock().clear();
        self.forget_registrations(|_| false);
    }

    /// Of how many registrations something is known here.
    pub fn known(&self) -> usize {
        let all = [self.fares.len(), self.seats.len(), self.listeners.len()];
        all.into_iter().max().unwrap_or_default()
    }

    /// Forgets what is known here of registrations that are not there, wherever they were deleted.
    fn forget_registrations(&self, is_there: impl Fn(&RegistrationId) -> bool) {
        self.fares.keep(&is_there);
        self.seats.keep(&is_there);
        self.listeners.keep(&is_there);
    }

    /// The deliveries that a commit adds, by name.
    pub(crate) fn fresh_in(commit: &Commit) -> Vec<String> {
        let writes = commit.writes.iter();
        let fresh = writes.filter(|it| it.stream.kind == Kind::Delivery && it.deadline.is_some());
        fresh.map(|it| it.stream.name.clone()).collect()
    }

    /// Takes over deliveries that a commit added, the earliest of them due at `earliest`.
    pub(crate) fn hand_over(&self, partition: &Partition, earliest: Timestamp, names: Vec<String>) {
        self.counts.promised.add(names.len());
        let have_room = {
            let mut fresh = self.fresh.lock();
            let of_unit = fresh.entry(partition.clone()).or_default();
            let room = FRESH.saturating_sub(of_unit.len());
            let have_room = names.len() <= room;
            of_unit.extend(names.into_iter().take(room));
            have_room
        };
        let woken = self.woken.lock().get(partition).cloned();
        if let Some(woken) = &woken {
            woken.notify_one();
        }
        // A turn takes them by name, or says at its end that it did not; no look is needed.
        if woken.is_none() || !have_room {
            self.agenda.note(partition, earliest);
        }
    }

    fn has_fresh(&self, partition: &Partition) -> bool {
        self.fresh.lock().contains_key(partition)
    }

    fn take_fresh(&self, partition: &Partition) -> VecDeque<String> {
        self.fresh.lock().remove(partition).unwrap_or_default()
    }

    /// Works at a queue, alone in this process. `None` while somebody does.
    fn enter(self: &Arc<Self>, partition: &Partition, queue: &str) -> Option<AtQueue> {
        let key = (partition.clone(), queue.to_owned());
        let is_free = self.busy.lock().insert(key.clone());
        is_free.then(|| AtQueue {
            hooks: self.clone(),
            key,
        })
    }

    /// The same when whoever is at it has left; waits for as long as two receivers may hang.
    async fn enter_in_turn(
        self: &Arc<Self>,
        partition: &Partition,
        queue: &str,
    ) -> Option<AtQueue> {
        let enter = async {
            loop {
                let mut left = pin!(self.left.notified());
                left.as_mut().enable();
                if let Some(at_it) = self.enter(partition, queue) {
                    return at_it;
                }
                left.await;
            }
        };
        let patience = Duration::from_millis(2 * ANSWER_MS);
        tokio::time::timeout(patience, enter).await.ok()
    }
}

impl crate::Engine {
    /// Looks from time to time what is known here of registrations that are gone: whenever it has
    /// doubled, so that looking costs little and what is kept is bounded by what there is.
    fn tidy_hooks(&self) {
        let hooks = &self.hooks;
        if hooks.known() < hooks.tidy_at.load(Ordering::Relaxed) {
            return;
        }
        let here = Environment::ALL.map(|environment| self.directory.of(environment));
        hooks.forget_registrations(|id| here.iter().any(|here| here.webhook(id).is_some()));
        let next = (2 * hooks.known()).max(TIDY_FROM);
        hooks.tidy_at.store(next, Ordering::Relaxed);
    }

    /// Forgets what this process knows of deliveries and looks in the store, as after a start.
    pub async fn forget_hooks(&self) -> Result<(), sandkasse_store::StoreError> {
        self.hooks.clear();
        let heads = self.store.next_deadlines(Kind::Delivery).await?;
        self.hooks.agenda.learn(heads);
        Ok(())
    }
}

/// The right to work at a queue; given back when dropped.
struct AtQueue {
    hooks: Arc<Hooks>,
    key: (Partition, String),
}

impl Drop for AtQueue {
    fn drop(&mut self) {
        self.hooks.busy.lock().remove(&self.key);
        self.hooks.left.notify_waiters();
    }
}

/// An attempt under way; counted until it is dropped.
struct Flight<'a>(&'a Hooks);

impl Hooks {
    fn flight(&self) -> Flight<'_> {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Flight(self)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.0.landed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_known_of_registrations_that_are_gone_is_forgotten() {
        let hooks = Arc::new(Hooks::new(Vec::new()));
        let ids: Vec<_> = (0..1_000).map(|n| RegistrationId(n.to_string())).collect();
        for id in &ids {
            hooks.fares.note(id, Timestamp::UNIX_EPOCH);
            let seat = seats::Seat::take(&hooks, id.clone()).unwrap();
            seat.leave(Some(true));
            assert!(hooks.listeners.fetch(id, Duration::ZERO).await.is_none());
        }
        assert_eq!(hooks.known(), 1_000);
        let at_work = seats::Seat::take(&hooks, ids[1].clone());
        hooks.forget_registrations(|id| *id == ids[0]);
        let known = (hooks.fares.len(), hooks.seats.len(), hooks.listeners.len());
        assert_eq!(known, (1, 2, 1), "and one that somebody sits at");
        drop(at_work);
        hooks.clear();
        assert_eq!(hooks.known(), 0);
    }
}
