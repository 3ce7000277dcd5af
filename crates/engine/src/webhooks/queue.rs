//! One queue's attempts: the deliveries of one registration about one thing, in their order.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::SignedDuration;
use sandkasse_domain::{
    Timestamp,
    webhook::{Recipe, Registration, next_attempt},
};
use sandkasse_store::{Commit, CommitError, Kind, StoreError, StoredEvent, Write};

use super::{
    Attempt, AttemptKind, DeliveryState, Dropped, Kept, Told,
    delivery::{queue_of, stream},
};
use crate::{Engine, Unit};

/// Deliveries of a queue that are looked at together. Most payments have fewer.
const TOGETHER: usize = 64;
/// How long a delivery that is to be overtaken waits for the next one.
const OVERTAKEN_WITHIN: SignedDuration = SignedDuration::from_mins(1);
/// How long to wait before a store that failed is asked again; twice as long each time.
const FIRST_WAIT: SignedDuration = SignedDuration::from_millis(250);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(2);

/// How a queue's turn ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Whether its last attempt was taken; `None` when none was made.
    pub(super) went_well: Option<bool>,
    /// When it is due again, if it is.
    pub(super) next: Option<Timestamp>,
}

/// What a write makes of a delivery.
enum Noted {
    Done,
    /// Another process, or somebody's hand, was faster.
    Met,
    /// The process is about to end.
    Stopped,
}

impl Engine {
    /// Attempts what is due in a queue, one after the other, until one fails, none is left, or it is
    /// over. What is due is what is due now, or was due `at` a moment that time was advanced over.
    /// The caller has entered the queue.
    pub(super) async fn run_queue(
        &self,
        unit: &Arc<Unit>,
        queue: &str,
        at: Option<Timestamp>,
        over: &AtomicBool,
    ) -> Result<Ended, StoreError> {
        let mut ended = Ended::default();
        let Some((_, id)) = queue_of(queue) else {
            return Ok(ended);
        };
        let (mut waiting, mut more) = self.waiting_of(unit, queue, None).await?;
        while let Some(head) = waiting.pop_front() {
            if waiting.is_empty() && more.is_some() {
                // Those before are done with: whoever began anew would read all of them again.
                (waiting, more) = self.waiting_of(unit, queue, more).await?;
            }
            let is_over = over.load(Ordering::Acquire);
            if is_over || self.hooks.is_stopped() || unit.running.is_retired() {
                return Ok(ended);
            }
            let snapshot = self.directory.of(unit.facts.environment);
            // The unit as it is now: its policy, and how its clock was moved.
            let Some(unit) = snapshot.unit(&unit.facts.msn) else {
                return Ok(ended);
            };
            let now = at.unwrap_or_else(|| self.now(unit));
            let mut registration = snapshot.webhook(&id).cloned();
            if registration.is_none() {
                // It may have been made on another node just now.
                self.directory.catch_up().await?;
                let snapshot = self.directory.of(unit.facts.environment);
                registration = snapshot.webhook(&id).cloned();
            }
            let due = head.due.unwrap_or(now);
            if at.is_none() && unit.facts.moment_of(due, now) < now && registration.is_some() {
                // Time was advanced just now: it has its moment, and others are before it.
                ended.next = Some(due);
                return Ok(ended);
            }
            let gone = match &registration {
                Some(it) => due <= now && self.is_given_up(unit, it, now).await?,
                None => true,
            };
            let Some(registration) = registration.filter(|_| !gone) else {
                let dropped = self.drop_delivery(unit, head, Dropped::Deregistered, now);
                match dropped.await? {
                    Noted::Done => continue,
                    Noted::Met | Noted::Stopped => return Ok(ended),
                }
            };
            let overtaking = head.delivery.torment == Some(Recipe::OutOfOrder)
                && head.delivery.attempts == 0
                && waiting.front().and_then(|next| next.due) <= Some(now)
                && !waiting.is_empty();
            let head = if overtaking {
                // The next one first; then this one, which is due now.
                let next = waiting.pop_front();
                waiting.push_front(Kept {
                    due: Some(now),
                    ..head.clone()
                });
                next.unwrap_or(head)
            } else {
                head
            };
            if due > now && !overtaking {
                ended.next = Some(due);
                self.put_off_all(unit, queue, (waiting, more), (now, due))
                    .await?;
                return Ok(ended);
            }
            match self.deliver(unit, &registration, head, now).await? {
                Delivered::Taken => ended.went_well = Some(true),
                Delivered::Refused { next: Some(next) } => {
                    ended.went_well = Some(false);
                    ended.next = Some(next);
                    self.put_off_all(unit, queue, (waiting, more), (now, next))
                        .await?;
                    return Ok(ended);
                }
                Delivered::Refused { next: None } => ended.went_well = Some(false),
                Delivered::Met => {
                    ended.next = Some(now);
                    return Ok(ended);
                }
                Delivered::Stopped => return Ok(ended),
            }
        }
        Ok(ended)
    }

    /// The first deliveries of a queue that wait behind `after`, in their order; and the name behind
    /// which there may be more.
    async fn waiting_of(
        &self,
        unit: &Unit,
        queue: &str,
        mut after: Option<String>,
    ) -> Result<(VecDeque<Kept>, Option<String>), StoreError> {
        let partition = unit.partition();
        let mut waiting = VecDeque::new();
        loop {
            let page = self
                .store
                .list(
                    &partition,
                    Kind::Delivery,
                    queue,
                    after.as_deref(),
                    TOGETHER,
                )
                .await?;
            let is_last = page.len() < TOGETHER;
            after = page.last().map(|(name, _)| name.clone());
            for (name, record) in page {
                let kept = Kept::read(name, record)?;
                if kept.delivery.is_waiting() {
                    waiting.push_back(kept);
                }
            }
            if is_last {
                return Ok((waiting, None));
            }
            if waiting.len() >= TOGETHER {
                return Ok((waiting, after));
            }
        }
    }

    /// Makes one attempt at a delivery and notes it.
    async fn deliver(
        &self,
        unit: &Arc<Unit>,
        registration: &Arc<Registration>,
        mut kept: Kept,
        moment: Timestamp,
    ) -> Result<Delivered, StoreError> {
        let Ok(_seat) = self.hooks.all.acquire().await else {
            return Ok(Delivered::Stopped);
        };
        let _flight = self.hooks.flight();
        let policy = unit.facts.url_policy;
        let delivery = &mut kept.delivery;
        let attempt = self
            .attempt(policy, registration, delivery, AttemptKind::Scheduled)
            .await;
        let ended_at = moment
            .checked_add(self.clock.now().duration_since(attempt.real))
            .unwrap_or(moment);
        delivery.attempts += 1;
        let first_at = *delivery.first_at.get_or_insert(moment);
        let mut events = vec![attempt.event(moment)?];
        let taken = attempt.is_success();
        let next = if taken {
            delivery.state = DeliveryState::Delivered { at: moment };
            None
        } else {
            let next = next_attempt(delivery.attempts, first_at, ended_at);
            if next.is_none() {
                self.hooks.counts.dropped.note();
                delivery.state = DeliveryState::Dropped {
                    at: ended_at,
                    because: Dropped::TooLate,
                };
            }
            next
        };
        if taken && delivery.torment == Some(Recipe::Duplicate) {
            let again = self
                .attempt(policy, registration, delivery, AttemptKind::Duplicate)
                .await;
            events.push(again.event(moment)?);
        }
        kept.due = next;
        let noted = self.note_delivery(unit, &mut kept, events).await?;
        let attempts = kept.delivery.attempts;
        self.note_health(unit, &registration.id, attempts, &attempt, moment)
            .await;
        self.log(unit, registration, &kept, &attempt);
        Ok(match noted {
            Noted::Done if taken => Delivered::Taken,
            Noted::Done => Delivered::Refused { next },
            Noted::Met => Delivered::Met,
            Noted::Stopped => Delivered::Stopped,
        })
    }

    fn log(&self, unit: &Unit, registration: &Registration, kept: &Kept, attempt: &Attempt) {
        let (msn, host) = (&unit.facts.msn, &registration.host);
        let (event, attempts) = (kept.delivery.event.name(), kept.delivery.attempts);
        let status = attempt.outcome.status;
        if attempt.is_success() {
            tracing::debug!(%msn, host, event, attempts, status, "webhook delivered");
        } else {
            tracing::info!(%msn, host, event, attempts, status, "a webhook was not taken");
        }
        if self.hooks.ended.receiver_count() > 0 {
            // Nobody may be left by now.
            let _ = self.hooks.ended.send(Told {
                partition: unit.partition(),
                name: kept.name.clone(),
            });
        }
    }

    /// Lets all others of a queue that are due now wait for the first: those at hand, and those
    /// behind `more`.
    async fn put_off_all(
        &self,
        unit: &Unit,
        queue: &str,
        (mut waiting, mut more): (VecDeque<Kept>, Option<String>),
        span: (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        loop {
            self.put_off(unit, &waiting, span).await?;
            if more.is_none() {
                return Ok(());
            }
            (waiting, more) = self.waiting_of(unit, queue, more).await?;
        }
    }

    /// What waited in a queue for a delivery that was due later is due now.
    async fn let_go_on(
        &self,
        unit: &Unit,
        queue: &str,
        (was_due, now): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let mut more = None;
        loop {
            let mut waiting;
            (waiting, more) = self.waiting_of(unit, queue, more).await?;
            waiting.retain(|kept| kept.due == Some(was_due) && kept.delivery.attempts == 0);
            self.put_off(unit, &waiting, (was_due, now)).await?;
            if more.is_none() {
                return Ok(());
            }
        }
    }

    /// Lets the others of a queue that are due now wait for the first: they are due when it is.
    async fn put_off(
        &self,
        unit: &Unit,
        waiting: &VecDeque<Kept>,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let is_due = |kept: &&Kept| kept.due <= Some(now) && kept.due != Some(until);
        let mut writes = Vec::new();
        for kept in waiting.iter().filter(is_due) {
            writes.push(write(kept, Some(until), vec![])?);
        }
        if writes.is_empty() {
            return Ok(());
        }
        let commit = Commit {
            partition: unit.partition(),
            writes,
            reply: None,
            calls: vec![],
        };
        match self.store.commit(commit).await {
            // Whoever was faster has put them off, or will.
            Ok(()) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    async fn drop_delivery(
        &self,
        unit: &Unit,
        mut kept: Kept,
        because: Dropped,
        at: Timestamp,
    ) -> Result<Noted, StoreError> {
        self.hooks.counts.dropped.note();
        kept.delivery.state = DeliveryState::Dropped { at, because };
        kept.due = None;
        self.note_delivery(unit, &mut kept, vec![]).await
    }

    /// Notes what became of a delivery, as soon as the store can: one that is away for a while makes
    /// it late. What cannot be noted before the end of the process is done again by the next.
    async fn note_delivery(
        &self,
        unit: &Unit,
        kept: &mut Kept,
        events: Vec<StoredEvent>,
    ) -> Result<Noted, StoreError> {
        if let Some(told) = &mut kept.delivery.told {
            *told += u32::try_from(events.len()).unwrap_or(u32::MAX);
        }
        let commit = Commit {
            partition: unit.partition(),
            writes: vec![write(kept, kept.due, events)?],
            reply: None,
            calls: vec![],
        };
        let mut wait = FIRST_WAIT;
        loop {
            let error = match self.store.commit(commit.clone()).await {
                Ok(()) => return Ok(Noted::Done),
                Err(CommitError::Conflict) => return Ok(Noted::Met),
                Err(CommitError::Store(error)) => error,
            };
            tracing::error!(msn = %unit.facts.msn, %error, "an attempt at a webhook could not be noted yet");
            if self.hooks.is_stopped() || unit.running.is_retired() {
                return Ok(Noted::Stopped);
            }
            self.clock.sleep_until(self.clock.now() + wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// When a delivery that is to be overtaken is sent at the latest.
    pub(super) fn overtaken_at(at: Timestamp) -> Timestamp {
        at.checked_add(OVERTAKEN_WITHIN).unwrap_or(at)
    }

    /// Sends a delivery once more, now, whatever became of it; on schedule it goes on as it would. The
    /// same body, signed anew. `None` when there is no such delivery, or its registration is gone.
    pub async fn send_again(
        &self,
        unit: &Arc<Unit>,
        name: &str,
    ) -> Result<Option<Attempt>, StoreError> {
        let partition = unit.partition();
        let Some(record) = self.store.load(&partition, &stream(name)).await? else {
            return Ok(None);
        };
        let kept = Kept::read(name.to_owned(), record)?;
        let snapshot = self.directory.of(unit.facts.environment);
        let Some(registration) = snapshot.webhook(&kept.delivery.registration).cloned() else {
            return Ok(None);
        };
        let policy = unit.facts.url_policy;
        let attempt = self
            .attempt(policy, &registration, &kept.delivery, AttemptKind::Again)
            .await;
        let now = self.now(unit);
        let mut was_due = None;
        for _ in 0..8 {
            let Some(record) = self.store.load(&partition, &stream(name)).await? else {
                return Ok(None);
            };
            let mut kept = Kept::read(name.to_owned(), record)?;
            was_due = kept.due;
            if attempt.is_success() {
                kept.delivery.state = DeliveryState::Delivered { at: now };
                kept.due = None;
            }
            if let Noted::Done = self
                .note_delivery(unit, &mut kept, vec![attempt.event(now)?])
                .await?
            {
                break;
            }
        }
        if attempt.is_success() {
            self.note_health(unit, &registration.id, 0, &attempt, now)
                .await;
            if let (Some((queue, _)), Some(was_due)) = (queue_of(name), was_due) {
                self.let_go_on(unit, queue, (was_due, now)).await?;
            }
        }
        let _ = self.hooks.ended.send(Told {
            partition: partition.clone(),
            name: name.to_owned(),
        });
        self.hooks.hand_over(&partition, now, vec![name.to_owned()]);
        Ok(Some(attempt))
    }
}

/// What came of a delivery's turn.
enum Delivered {
    Taken,
    /// It failed; `None` when it is given up.
    Refused {
        next: Option<Timestamp>,
    },
    Met,
    Stopped,
}

fn write(
    kept: &Kept,
    deadline: Option<Timestamp>,
    events: Vec<StoredEvent>,
) -> Result<Write, StoreError> {
    Ok(Write {
        stream: stream(&kept.name),
        expected: Some(kept.version),
        body: kept.delivery.json()?,
        deadline,
        events,
    })
}
