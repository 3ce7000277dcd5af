//! What is attempted when: each sales unit has a turn of its own while something is due there.
//!
//! A turn first takes what was committed just now, which is known by name, and then pages through
//! what the store says is due (`scan.rs`). What waits for a seat of its registration stands in line
//! (`backlog.rs`); so a registration that hangs delays nobody else, and of a hundred thousand
//! deliveries that wait only the beginning is held in memory. What time was advanced over waits for
//! its moment (`lines.rs`).

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use jiff::SignedDuration;
use sandkasse_domain::{Timestamp, webhook::RegistrationId};
use sandkasse_store::{Kind, Partition, StoreError};
use tokio::sync::Notify;

use super::{
    AtQueue,
    scan::{Next, Scan},
    seats::Seat,
};
use crate::{Engine, Unit};

/// Queues of one sales unit at work at one time.
const PER_UNIT: usize = 256;
/// How long a sales unit is left alone after its store failed, or while another node has it.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);
/// While nothing ends, the turn looks around so often.
const TICK: SignedDuration = SignedDuration::from_secs(1);
/// A claim is renewed so often.
const RENEW: SignedDuration = SignedDuration::from_secs(3);

impl Engine {
    /// Runs for ever: attempts every delivery when it is due. Each sales unit has a task of its own.
    pub async fn run_hooks(self: Arc<Self>) {
        while !self.hooks.is_stopped() {
            let earlier = self.hooks.agenda.earlier.notified();
            let (due, soonest) = self.hooks_ahead();
            for unit in due {
                if let Some(turn) = Turn::begin(self.clone(), unit) {
                    tokio::spawn(turn.finish());
                }
            }
            match soonest {
                Some(moment) => {
                    tokio::select! {
                        biased;
                        () = self.clock.sleep_until(moment) => {}
                        () = earlier => {}
                    }
                }
                None => earlier.await,
            }
        }
    }

    /// Attempts everything that is due now, until nothing is. Answers how many turns that took.
    pub async fn run_due_hooks(self: &Arc<Self>) -> usize {
        let mut turns = 0;
        loop {
            let (due, _) = self.hooks_ahead();
            if due.is_empty() {
                return turns;
            }
            for unit in due {
                turns += 1;
                if let Some(turn) = Turn::begin(self.clone(), unit) {
                    turn.finish().await;
                }
            }
        }
    }

    /// The units where something is to be delivered, and when, in real time, something is next.
    fn hooks_ahead(&self) -> (Vec<Arc<Unit>>, Option<Timestamp>) {
        let (mut due, mut soonest) = (Vec::new(), None);
        for (partition, deadline) in self.hooks.agenda.heads() {
            let snapshot = self.directory.of(partition.environment);
            let Some(unit) = snapshot.unit(&partition.msn) else {
                self.hooks.agenda.take(&partition);
                continue;
            };
            if deadline <= self.now(unit) {
                due.push(unit.clone());
            } else {
                let real = unit.real(deadline);
                soonest = Some(soonest.map_or(real, |other: Timestamp| other.min(real)));
            }
        }
        (due, soonest)
    }

    /// Answers when something is due next. Whatever ends it, no queue is at work afterwards.
    async fn deliver_due(
        self: &Arc<Self>,
        unit: &Arc<Unit>,
        woken: &Notify,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut running = FuturesUnordered::new();
        let over = Arc::new(AtomicBool::new(false));
        let next = self.deliver_until(unit, woken, &mut running, &over).await;
        over.store(true, Ordering::Release);
        while running.next().await.is_some() {}
        next
    }

    async fn deliver_until(
        self: &Arc<Self>,
        unit: &Arc<Unit>,
        woken: &Notify,
        running: &mut Running,
        over: &Arc<AtomicBool>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let partition = unit.partition();
        let mut scan = Scan::new(self.clone(), unit.clone());
        let mut renewed = self.clock.now();
        loop {
            if self.hooks.is_stopped() || unit.running.is_retired() {
                return Ok(None);
            }
            while running.len() < PER_UNIT
                && let Some(Next {
                    queue,
                    id,
                    at,
                    seat,
                }) = scan.next().await?
            {
                let Some(at_it) = self.hooks.enter(&partition, &queue) else {
                    scan.pass_over(&queue, id);
                    continue;
                };
                let seated = self.clone().run_seated(
                    unit.clone(),
                    (queue.clone(), at),
                    (at_it, seat),
                    over.clone(),
                );
                running.push(Box::pin(async move { (queue, id, seated.await) }));
            }
            if running.is_empty() {
                let next = self.store.next_deadline(&partition, Kind::Delivery).await?;
                if scan.got_on() {
                    return Ok(next);
                }
                // Somebody else has all seats or queues: at once again would find the same.
                let soonest = self.now(unit) + AFTER_FAULT;
                return Ok(next.map(|next| next.max(soonest)));
            }
            tokio::select! {
                biased;
                ended = running.next() => {
                    if let Some((queue, id, next)) = ended {
                        scan.ended((&queue, id), next);
                    }
                }
                () = woken.notified() => {}
                // A retry may be due, and the claim must be renewed, while all that are at work hang.
                () = self.clock.sleep_until(self.clock.now() + TICK) => scan.look_elsewhere(),
            }
            let now = self.clock.now();
            if now.duration_since(renewed) >= RENEW {
                renewed = now;
                if !self.claim_task(&task(&partition)).await? {
                    return Ok(Some(self.now(unit) + AFTER_FAULT));
                }
            }
        }
    }

    /// Works at a queue in a task of its own, so that attempts use every processor, and goes on when
    /// nobody waits for it. Answers when the queue is due again; as an error when the store failed.
    async fn run_seated(
        self: Arc<Self>,
        unit: Arc<Unit>,
        (queue, at): (String, Option<Timestamp>),
        (at_it, seat): (AtQueue, Seat),
        over: Arc<AtomicBool>,
    ) -> Result<Option<Timestamp>, Timestamp> {
        let (engine, own) = (self.clone(), queue.clone());
        let msn = unit.facts.msn.clone();
        let later = self.now(&unit) + AFTER_FAULT;
        let task = tokio::spawn(async move {
            let _at_it = at_it;
            let ended = engine.run_queue(&unit, &own, at, &over).await;
            seat.leave(ended.as_ref().ok().and_then(|ended| ended.went_well));
            ended
        });
        let ended = task.await;
        match ended.unwrap_or_else(|error| Err(StoreError(error.to_string()))) {
            Ok(ended) => Ok(ended.next),
            // The others go on.
            Err(error) => {
                tracing::error!(%msn, queue, %error, "webhooks that are due could not be sent");
                Err(later)
            }
        }
    }
}

/// A queue at work, whose it is, and when it is due again; as an error when the store failed.
type AtWork = (String, RegistrationId, Result<Option<Timestamp>, Timestamp>);
type Running = FuturesUnordered<Pin<Box<dyn Future<Output = AtWork> + Send>>>;

/// One unit's turn with its deliveries; there is at most one at a time in this process.
struct Turn {
    engine: Arc<Engine>,
    unit: Arc<Unit>,
    woken: Arc<Notify>,
}

impl Turn {
    /// `None` while the unit has its turn already.
    fn begin(engine: Arc<Engine>, unit: Arc<Unit>) -> Option<Turn> {
        let partition = unit.partition();
        if !engine.hooks.agenda.running.lock().insert(partition.clone()) {
            return None;
        }
        let woken = Arc::new(Notify::new());
        engine.hooks.woken.lock().insert(partition, woken.clone());
        Some(Turn {
            engine,
            unit,
            woken,
        })
    }

    async fn finish(self) {
        let (engine, partition) = (&self.engine, self.unit.partition());
        let began = engine.now(&self.unit);
        let claim = task(&partition);
        match engine.claim_task(&claim).await {
            Ok(true) => {}
            // Another node is at it; it may leave something.
            Ok(false) => return self.put_off(began + AFTER_FAULT),
            Err(error) => {
                tracing::warn!(msn = %partition.msn, %error, "webhooks wait: the store is away");
                return self.put_off(began + AFTER_FAULT);
            }
        }
        engine.hooks.agenda.take(&partition);
        let ended = engine.deliver_due(&self.unit, &self.woken).await;
        self.take_no_more();
        let next = match ended {
            // It came too late for this turn.
            Ok(_) if engine.hooks.has_fresh(&partition) => Some(began),
            Ok(next) => next,
            Err(error) => {
                tracing::error!(msn = %partition.msn, %error, "webhooks that are due could not be sent");
                Some(began + AFTER_FAULT)
            }
        };
        if let Some(next) = next {
            engine.hooks.agenda.note(&partition, next);
        }
        engine.release_task(&claim).await;
        engine.tidy_hooks();
    }

    fn put_off(&self, until: Timestamp) {
        self.take_no_more();
        self.engine
            .hooks
            .agenda
            .put_off(&self.unit.partition(), until);
    }

    /// From here on whoever commits something notes when it is due.
    fn take_no_more(&self) {
        self.engine
            .hooks
            .woken
            .lock()
            .remove(&self.unit.partition());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (hooks, partition) = (&self.engine.hooks, self.unit.partition());
        self.take_no_more();
        hooks.agenda.running.lock().remove(&partition);
        // What fell due during the turn has waited for its end.
        hooks.agenda.earlier.notify_one();
    }
}

fn task(partition: &Partition) -> String {
    format!("webhooks/{}/{}", partition.environment, partition.msn)
}
