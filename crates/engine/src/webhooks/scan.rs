//! Which queue of a sales unit is next: what was committed just now, and what the store says is due.

use std::sync::Arc;

use jiff::SignedDuration;
use sandkasse_domain::{Timestamp, webhook::RegistrationId};
use sandkasse_store::{Kind, StoreError};

use super::{
    backlog::{Backlog, Place},
    delivery::queue_of,
    lines::Lines,
    seats::Seat,
};
use crate::{Engine, Unit};

/// Deliveries asked of the store at once.
const PAGE: usize = 256;
/// Between two looks at everything that is due.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// The pause is so many times what the look took, at least: looking must not be what a turn does.
const PAUSE_TIMES: i32 = 8;
/// A look is worth it at once when one queue has ended for so many rows of the last one.
const WORTH: usize = 64;

/// A queue to work at.
pub(super) struct Next {
    pub(super) queue: String,
    pub(super) id: RegistrationId,
    /// Its moment, if time was advanced over it.
    pub(super) at: Option<Timestamp>,
    pub(super) seat: Seat,
}

/// Where a turn is among what is due.
pub(super) struct Scan {
    engine: Arc<Engine>,
    /// As of the last look: how its clock was moved.
    unit: Arc<Unit>,
    backlog: Backlog,
    lines: Lines,
    after: Place,
    /// Whether the look has reached the end.
    is_done: bool,
    /// Rows that the last look at everything read, and queues that ended since it began.
    rows: usize,
    ended: usize,
    began: Timestamp,
    pause: SignedDuration,
    /// Another node may have committed something.
    elsewhere: bool,
}

impl Scan {
    pub(super) fn new(engine: Arc<Engine>, unit: Arc<Unit>) -> Scan {
        let began = engine.clock.now();
        Scan {
            engine,
            unit,
            backlog: Backlog::default(),
            lines: Lines::default(),
            after: None,
            is_done: false,
            rows: 0,
            ended: 0,
            began,
            pause: PAUSE,
            elsewhere: false,
        }
    }

    /// The next queue to work at; a seat of its registration is taken.
    pub(super) async fn next(&mut self) -> Result<Option<Next>, StoreError> {
        loop {
            self.take_fresh().await?;
            if let Some(next) = self.next_in_line() {
                return Ok(Some(next));
            }
            let hooks = &self.engine.hooks;
            let next = self.backlog.take(|id| Seat::take(hooks, id.clone()));
            if let Some((queue, id, seat)) = next {
                return Ok(Some(Next {
                    queue,
                    id,
                    at: None,
                    seat,
                }));
            }
            if self.is_done && !self.look_on() {
                return Ok(None);
            }
            self.read_page().await?;
        }
    }

    /// What was committed just now. What waits since time was advanced over it comes first: then the
    /// store tells of both in their order.
    async fn take_fresh(&mut self) -> Result<(), StoreError> {
        let partition = self.unit.partition();
        let fresh = self.engine.hooks.take_fresh(&partition);
        if fresh.is_empty() {
            return Ok(());
        }
        self.look_at_unit();
        if !self.unit.facts.jumps.is_empty() {
            let store = &self.engine.store;
            let first = store.next_deadline(&partition, Kind::Delivery).await?;
            if let Some(first) = first.filter(|first| self.was_advanced_over(*first)) {
                self.engine.hooks.agenda.note(&partition, first);
                return Ok(());
            }
        }
        for name in fresh {
            if let Some((queue, id)) = queue_of(&name) {
                self.backlog.add_fresh(queue, id);
            }
        }
        Ok(())
    }

    fn next_in_line(&mut self) -> Option<Next> {
        if self.lines.is_empty() {
            return None;
        }
        let seen = match (&self.after, self.is_done) {
            (_, true) => None,
            (after, false) => Some(after.as_ref().map(|(at, name)| (*at, name.as_str()))?),
        };
        let (hooks, backlog) = (&self.engine.hooks, &self.backlog);
        let seat = |id: &RegistrationId| {
            let is_free = !backlog.is_at_work(id);
            is_free.then(|| Seat::take(hooks, id.clone())).flatten()
        };
        let (id, (due, queue), seat) = self.lines.next(seen, seat)?;
        let now = self.engine.now(&self.unit);
        let at = Some(self.unit.facts.moment_of(due, now));
        Some(Next {
            queue,
            id,
            at,
            seat,
        })
    }

    fn was_advanced_over(&self, due: Timestamp) -> bool {
        let facts = &self.unit.facts;
        let now = || self.engine.now(&self.unit);
        !facts.jumps.is_empty() && facts.moment_of(due, now()) < now()
    }

    fn look_at_unit(&mut self) {
        let facts = &self.unit.facts;
        let snapshot = self.engine.directory.of(facts.environment);
        if let Some(unit) = snapshot.unit(&facts.msn) {
            self.unit = unit.clone();
        }
    }

    /// A queue's turn ended; `Err` when the store failed. It is due again then.
    pub(super) fn ended(
        &mut self,
        (queue, id): (&str, RegistrationId),
        next: Result<Option<Timestamp>, Timestamp>,
    ) {
        // Where the store failed nothing was done.
        self.ended += usize::from(next.is_ok());
        if self.lines.is_at_work(&id, queue) {
            let now = self.engine.now(&self.unit);
            let soon = next.ok().flatten().filter(|next| *next <= now);
            match next {
                Ok(_) => self.lines.ended(&id, queue, soon),
                Err(_) => self.lines.stop(&id, queue),
            }
            if soon.is_some() {
                return;
            }
        } else {
            self.backlog.leave(queue, id);
        }
        if let Some(next) = next.unwrap_or_else(Some) {
            self.engine.hooks.agenda.note(&self.unit.partition(), next);
        }
    }

    /// Somebody else is at this queue.
    pub(super) fn pass_over(&mut self, queue: &str, id: RegistrationId) {
        if self.lines.is_at_work(&id, queue) {
            self.lines.stop(&id, queue);
        } else {
            self.backlog.leave(queue, id);
        }
    }

    /// Whether something ended since everything was looked at.
    pub(super) fn got_on(&self) -> bool {
        self.ended > 0
    }

    /// Other nodes commit what nobody tells here.
    pub(super) fn look_elsewhere(&mut self) {
        self.elsewhere = self.engine.are_several();
    }

    /// Begins another look, if one may find something.
    fn look_on(&mut self) -> bool {
        if let Some(place) = self.backlog.refill() {
            self.after = place;
        } else if self.is_worth_it() {
            self.backlog.look_at_all();
            self.lines.start_again();
            self.after = None;
            self.elsewhere = false;
            (self.rows, self.ended) = (0, 0);
            self.began = self.engine.clock.now();
        } else {
            return false;
        }
        self.is_done = false;
        true
    }

    /// Whether looking at everything may find something, and is worth it.
    fn is_worth_it(&self) -> bool {
        let now = self.engine.now(&self.unit);
        let head = self.engine.hooks.agenda.head(&self.unit.partition());
        let is_due = head.is_some_and(|head| head <= now);
        let has_waited = self.engine.clock.now().duration_since(self.began) >= self.pause;
        let is_cheap = self.ended * WORTH >= self.rows;
        is_due && (is_cheap || has_waited) || self.elsewhere && has_waited
    }

    async fn read_page(&mut self) -> Result<(), StoreError> {
        let partition = self.unit.partition();
        let until = self.engine.now(&self.unit);
        let agenda = &self.engine.hooks.agenda;
        // What is noted from here on is seen by the next look, or noted behind it. What is due
        // later stays: this look does not see it.
        if self.after.is_none() && agenda.head(&partition).is_none_or(|head| head <= until) {
            agenda.take(&partition);
        }
        let after = self.after.as_ref().map(|(at, name)| (*at, name.as_str()));
        let store = &self.engine.store;
        let page = store
            .due(&partition, Kind::Delivery, until, after, PAGE)
            .await?;
        // Whoever ended meanwhile leaves a seat for what comes next.
        tokio::task::yield_now().await;
        self.look_at_unit();
        self.is_done = page.len() < PAGE;
        self.rows += page.len();
        for (name, at) in page {
            match queue_of(&name) {
                // Who is at it looks behind it.
                Some((queue, id)) if self.lines.is_at_work(&id, queue) => {}
                Some((queue, id)) if self.lines.has(&id) || self.was_advanced_over(at) => {
                    self.lines.add(id, (at, queue.to_owned()));
                }
                Some((queue, id)) => self.backlog.add_due(queue, id, &self.after),
                None => {}
            }
            self.after = Some((at, name));
        }
        if self.is_done {
            let took = self.engine.clock.now().duration_since(self.began);
            self.pause = PAUSE.max(took * PAUSE_TIMES);
        }
        Ok(())
    }
}
