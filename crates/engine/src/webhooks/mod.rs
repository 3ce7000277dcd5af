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
mod delivery;
mod express;
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
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use sandkasse_domain::{Timestamp, webhook::RegistrationId};
use sandkasse_store::{Commit, Kind, Partition};
use tokio::sync::{Notify, Semaphore, broadcast};

use crate::agenda::Agenda;

pub use attempt::{Attempt, AttemptKind};
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
    /// What was committed just now.
    fresh: Mutex<BTreeMap<Partition, VecDeque<String>>>,
    woken: Mutex<HashMap<Partition, Arc<Notify>>>,
    stopped: AtomicBool,
    in_flight: AtomicUsize,
    landed: Notify,
    ended: broadcast::Sender<Told>,
    /// When a registration last took a delivery, in real time.
    taken: Mutex<HashMap<RegistrationId, Timestamp>>,
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
            fresh: Mutex::default(),
            woken: Mutex::default(),
            stopped: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            landed: Notify::new(),
            ended: broadcast::Sender::new(ENDED),
            taken: Mutex::default(),
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
    pub async fn idle(&self, patience: std::time::Duration) {
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
        self.taken.lock().clear();
        self.seats.clear();
    }

    /// The deliveries that a commit adds, by name.
    pub(crate) fn fresh_in(commit: &Commit) -> Vec<String> {
        let writes = commit.writes.iter();
        let fresh = writes.filter(|it| it.stream.kind == Kind::Delivery && it.deadline.is_some());
        fresh.map(|it| it.stream.name.clone()).collect()
    }

    /// Takes over deliveries that a commit added, the earliest of them due at `earliest`.
    pub(crate) fn hand_over(&self, partition: &Partition, earliest: Timestamp, names: Vec<String>) {
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
}

impl crate::Engine {
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
