//! What is attempted when: each sales unit has a turn of its own while something is due there.
//!
//! A turn first takes what was committed just now, which is known by name, and then pages through
//! what the store says is due. It remembers where it is, so a hundred thousand deliveries that wait
//! are read once and never held in memory. A registration whose seats are all taken is passed over,
//! and looked for again when something ended; so one that hangs delays nobody else. What time was
//! advanced over waits in lines (`lines.rs`).

use std::{
    collections::{HashSet, VecDeque},
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

use super::{AtQueue, delivery::queue_of, lines::Lines, seats::Seat};
use crate::{Engine, Unit};

/// Queues of one sales unit at work at one time.
const PER_UNIT: usize = 256;
/// Deliveries asked of the store at once.
const PAGE: usize = 256;
/// How long a sales unit is left alone after its store failed, or while another node has it.
const AFTER_FAULT: SignedDuration = SignedDuration::from_secs(1);
/// While nothing ends, the turn looks around so often.
const TICK: SignedDuration = SignedDuration::from_secs(1);
/// A claim is renewed so often.
const RENEW: SignedDuration = SignedDuration::from_secs(3);
/// Looking from the start again must be worth it: one queue has ended for so many rows passed over.
const WORTH: usize = 64;

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
                && let Some(next) = scan.next().await?
            {
                let Some(at_it) = self.hooks.enter(&partition, &next.queue) else {
                    scan.let_be(&next);
                    continue;
                };
                scan.in_hand.insert(next.queue.clone());
                let work = self
                    .clone()
                    .run_seated(unit.clone(), next, at_it, over.clone());
                running.push(Box::pin(work));
            }
            if running.is_empty() {
                let next = self.store.next_deadline(&partition, Kind::Delivery).await?;
                if scan.count > 0 {
                    return Ok(next);
                }
                // All that is due was passed over: at once again would find the same.
                let soonest = self.now(unit) + AFTER_FAULT;
                return Ok(next.map(|next| next.max(soonest)));
            }
            tokio::select! {
                biased;
                ended = running.next() => {
                    if let Some((queue, ended)) = ended {
                        scan.ended(&queue, ended);
                    }
                }
                () = woken.notified() => {}
                // A retry may be due, and the claim must be renewed, while all that are at work hang.
                () = self.clock.sleep_until(self.clock.now() + TICK) => scan.look_again(),
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
        Next { queue, at, seat }: Next,
        at_it: AtQueue,
        over: Arc<AtomicBool>,
    ) -> (String, Result<Option<Timestamp>, Timestamp>) {
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
            Ok(ended) => (queue, Ok(ended.next)),
            // The others go on.
            Err(error) => {
                tracing::error!(%msn, queue, %error, "webhooks that are due could not be sent");
                (queue, Err(later))
            }
        }
    }
}

/// Queues at work: each answers its name, and when it is due again.
type Running = FuturesUnordered<
    Pin<Box<dyn Future<Output = (String, Result<Option<Timestamp>, Timestamp>)> + Send>>,
>;

/// A queue to work at.
struct Next {
    queue: String,
    /// Its moment, if time was advanced over it.
    at: Option<Timestamp>,
    /// A seat of its registration is taken.
    seat: Seat,
}

/// Where a turn is among what is due.
struct Scan {
    engine: Arc<Engine>,
    unit: Arc<Unit>,
    fresh: VecDeque<String>,
    page: VecDeque<(String, Timestamp)>,
    after: Option<(Timestamp, String)>,
    /// Whether everything was looked at.
    is_done: bool,
    /// Whether something was passed over, and how many rows were read since the start.
    passed_over: bool,
    rows: usize,
    /// Queues that ended since the start.
    count: usize,
    since: Timestamp,
    in_hand: HashSet<String>,
    lines: Lines,
    /// What of the store's rows was looked at last.
    looked_at: Option<(Timestamp, String)>,
    /// The unit as of the last look: how its clock was moved.
    present: Arc<Unit>,
    /// Something is due that this scan may have missed.
    again: bool,
    /// Another node may have committed something.
    elsewhere: bool,
}

impl Scan {
    fn new(engine: Arc<Engine>, unit: Arc<Unit>) -> Scan {
        let since = engine.clock.now();
        Scan {
            engine,
            present: unit.clone(),
            unit,
            fresh: VecDeque::new(),
            page: VecDeque::new(),
            after: None,
            is_done: false,
            passed_over: false,
            rows: 0,
            count: 0,
            since,
            in_hand: HashSet::new(),
            lines: Lines::default(),
            looked_at: None,
            again: false,
            elsewhere: false,
        }
    }

    async fn next(&mut self) -> Result<Option<Next>, StoreError> {
        let partition = self.unit.partition();
        loop {
            if let Some(next) = self.next_in_line() {
                return Ok(Some(next));
            }
            if self.fresh.is_empty() {
                self.fresh = self.take_fresh(&partition).await?;
            }
            let (name, due) = match self.fresh.pop_front() {
                Some(name) => (name, None),
                None => match self.due(&partition).await? {
                    Some((name, due)) => (name, Some(due)),
                    None => return Ok(self.next_in_line()),
                },
            };
            let Some((queue, id)) = queue_of(&name) else {
                continue;
            };
            if self.in_hand.contains(queue) {
                // It may have come too late to be seen by whoever is at it; whoever is in line
                // looks behind it.
                self.again |= !self.lines.has(&id);
                continue;
            }
            match due {
                Some(due) if self.lines.has(&id) || self.was_advanced_over(due) => {
                    self.lines.add(id, (due, queue.to_owned()));
                    continue;
                }
                None if self.lines.has(&id) => {
                    self.again = true;
                    continue;
                }
                Some(_) | None => {}
            }
            if let Some(seat) = Seat::take(&self.engine.hooks, id) {
                let queue = queue.to_owned();
                return Ok(Some(Next {
                    queue,
                    at: None,
                    seat,
                }));
            }
            self.passed_over = true;
        }
    }

    fn next_in_line(&mut self) -> Option<Next> {
        if self.lines.is_empty() {
            return None;
        }
        let seen = if self.is_done && self.page.is_empty() {
            None
        } else {
            let (at, name) = self.looked_at.as_ref()?;
            Some((*at, name.as_str()))
        };
        let in_hand = &self.in_hand;
        let at_work = |id: &RegistrationId| {
            let mut queues = in_hand.iter();
            queues.any(|queue| queue_of(queue).is_some_and(|(_, it)| it == *id))
        };
        let (id, (due, queue)) = self.lines.next(seen, at_work)?;
        let Some(seat) = Seat::take(&self.engine.hooks, id.clone()) else {
            self.lines.ended(&id, &queue, Some(due));
            return None;
        };
        let now = self.engine.now(&self.unit);
        let at = Some(self.present.facts.moment_of(due, now));
        Some(Next { queue, at, seat })
    }

    /// Somebody else is at this queue.
    fn let_be(&mut self, next: &Next) {
        if let Some((_, id)) = queue_of(&next.queue) {
            self.lines.stop(&id);
        }
    }

    fn was_advanced_over(&self, due: Timestamp) -> bool {
        let facts = &self.present.facts;
        let now = || self.engine.now(&self.unit);
        !facts.jumps.is_empty() && facts.moment_of(due, now()) < now()
    }

    /// Sees how the unit's clock was moved until now.
    fn look_at_unit(&mut self) {
        let snapshot = self.engine.directory.of(self.unit.facts.environment);
        if let Some(unit) = snapshot.unit(&self.unit.facts.msn) {
            self.present = unit.clone();
        }
    }

    /// What was committed just now; unless something waits since before time was advanced, which
    /// comes first.
    async fn take_fresh(&mut self, partition: &Partition) -> Result<VecDeque<String>, StoreError> {
        let fresh = self.engine.hooks.take_fresh(partition);
        if fresh.is_empty() {
            return Ok(fresh);
        }
        self.look_at_unit();
        if self.present.facts.jumps.is_empty() {
            return Ok(fresh);
        }
        let store = &self.engine.store;
        let first = store.next_deadline(partition, Kind::Delivery).await?;
        if first.is_some_and(|first| self.was_advanced_over(first)) {
            return Ok(VecDeque::new());
        }
        Ok(fresh)
    }

    async fn due(
        &mut self,
        partition: &Partition,
    ) -> Result<Option<(String, Timestamp)>, StoreError> {
        if self.page.is_empty() && self.is_done && self.is_worth_it() {
            self.start_again();
        }
        if self.page.is_empty() && !self.is_done {
            let until = self.engine.now(&self.unit);
            let agenda = &self.engine.hooks.agenda;
            // What is noted from here on is seen by the next look, or noted behind it. What is due
            // later stays: this look does not see it.
            if self.after.is_none() && agenda.head(partition).is_none_or(|head| head <= until) {
                agenda.take(partition);
            }
            let after = self.after.as_ref();
            let after = after.map(|(at, name)| (*at, name.as_str()));
            let store = &self.engine.store;
            let page = store
                .due(partition, Kind::Delivery, until, after, PAGE)
                .await?;
            // Whoever ended meanwhile leaves a seat for what comes next.
            tokio::task::yield_now().await;
            self.is_done = page.len() < PAGE;
            self.rows += page.len();
            if let Some((name, at)) = page.last() {
                self.after = Some((*at, name.clone()));
            }
            self.page = page.into();
            self.look_at_unit();
        }
        let next = self.page.pop_front();
        if let Some((name, due)) = &next {
            self.looked_at = Some((*due, name.clone()));
        }
        Ok(next)
    }

    fn start_again(&mut self) {
        self.after = None;
        self.looked_at = None;
        self.lines.start_again();
        self.is_done = false;
        self.passed_over = false;
        self.again = false;
        self.elsewhere = false;
        (self.rows, self.count) = (0, 0);
        self.since = self.engine.clock.now();
    }

    /// Other nodes commit what nobody tells here.
    fn look_again(&mut self) {
        self.elsewhere = self.engine.are_several();
    }

    /// Whether looking from the start again may find something.
    fn is_worth_it(&self) -> bool {
        let partition = self.unit.partition();
        let now = self.engine.now(&self.unit);
        let heads = self.engine.hooks.agenda.head(&partition);
        let is_due = self.again && self.count > 0 || heads.is_some_and(|head| head <= now);
        let had_ended = self.passed_over && self.count > 0;
        let waited = self.engine.clock.now().duration_since(self.since) >= AFTER_FAULT;
        let is_worth_it = self.count * WORTH >= self.rows || waited;
        (is_due || had_ended) && is_worth_it || self.elsewhere && waited
    }

    fn ended(&mut self, queue: &str, next: Result<Option<Timestamp>, Timestamp>) {
        self.in_hand.remove(queue);
        // Where the store failed nothing was done.
        self.count += usize::from(next.is_ok());
        let now = self.engine.now(&self.unit);
        if let Some((_, id)) = queue_of(queue)
            && self.lines.is_at_work(&id, queue)
        {
            let soon = next.ok().flatten().filter(|next| *next <= now);
            match next {
                Ok(_) => self.lines.ended(&id, queue, soon),
                Err(_) => self.lines.stop(&id),
            }
            if soon.is_some() {
                return;
            }
        }
        if let Some(next) = next.unwrap_or_else(Some) {
            self.engine.hooks.agenda.note(&self.unit.partition(), next);
        }
    }
}

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
        let until = engine.now(&self.unit);
        let claim = task(&partition);
        match engine.claim_task(&claim).await {
            Ok(true) => {}
            // Another node is at it; it may leave something.
            Ok(false) => return engine.hooks.agenda.put_off(&partition, until + AFTER_FAULT),
            Err(error) => {
                tracing::warn!(msn = %partition.msn, %error, "webhooks wait: the store is away");
                return engine.hooks.agenda.put_off(&partition, until + AFTER_FAULT);
            }
        }
        engine.hooks.agenda.take(&partition);
        let next = match engine.deliver_due(&self.unit, &self.woken).await {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(msn = %partition.msn, %error, "webhooks that are due could not be sent");
                Some(until + AFTER_FAULT)
            }
        };
        if let Some(next) = next {
            engine.hooks.agenda.note(&partition, next);
        }
        engine.release_task(&claim).await;
        engine.tidy_hooks();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (hooks, partition) = (&self.engine.hooks, self.unit.partition());
        hooks.woken.lock().remove(&partition);
        hooks.agenda.running.lock().remove(&partition);
        // What fell due during the turn has waited for its end.
        hooks.agenda.earlier.notify_one();
    }
}

fn task(partition: &Partition) -> String {
    format!("webhooks/{}/{}", partition.environment, partition.msn)
}
