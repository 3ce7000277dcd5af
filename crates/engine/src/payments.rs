//! The loop every payment goes through: load, decide, commit.

use std::sync::Arc;

use sandkasse_domain::{
    PhoneNumber, Timestamp,
    payment::{Cause, Command, Due, Event, Happened, Operation, Order, initiate},
    phone::BadNumber,
};
use sandkasse_store::{CommitError, SavedReply, authorization_place};

use crate::{
    Done, Engine, Idempotency, Initiated, Intent, Operated, Refused, Rendered, Unit,
    draft::Draft,
    faults::{self, BankFault},
    intent::{Act, At, AtPace},
    parse_payment, payment_stream,
};

/// How often a decision is made again because another process was faster.
const ATTEMPTS: usize = 8;

impl Engine {
    /// Decides on a new payment and makes it durable. `mobile` is the number that the merchant
    /// named, or what is wrong with it.
    pub async fn initiate(
        &self,
        unit: &Arc<Unit>,
        mut order: Order,
        mobile: Option<Result<PhoneNumber, BadNumber>>,
    ) -> Result<Initiated, Refused> {
        // The merchant's own secret: from here on nobody but the courier opens it.
        if let Some(token) = &mut order.auth_token {
            *token = self
                .vault
                .seal(&authorization_place(order.id.as_str()), token);
        }
        let limits = unit.facts.limits;
        let needs_sums = limits.receive.is_some() || limits.request.is_some();
        let pace = self.pace(unit, At::Now, needs_sums).await?;
        let partition = unit.partition();
        let stream = payment_stream(order.id.as_str());
        let Some(turn) = self.lanes.enter(&partition, &stream).await else {
            return Err(Cause::OrderLocked {
                order: order.id.to_string(),
            }
            .into());
        };
        // Nearly every order id is new, and the commit finds out when one is not. So whether this
        // one was used before is looked up only when something speaks against it.
        let mut looked_up = false;
        for _ in 0..ATTEMPTS {
            let now = self.now(unit);
            let mut draft = Draft::new();
            if needs_sums {
                draft.sums = self.sums_guard(unit).await?;
            }
            let mut facts = self
                .initiate_facts(unit, &order, mobile.as_ref(), now)
                .await?;
            if looked_up {
                facts.first_used = self.first_used(unit, &order.id).await?;
            }
            let events = match initiate(order.clone(), facts) {
                Ok(events) => events,
                Err(_) if !looked_up => {
                    looked_up = true;
                    continue;
                }
                Err(cause) => return Err(cause.into()),
            };
            for event in events {
                self.record(unit, &mut draft, Happened { at: now, event });
            }
            match self.commit(unit, order.id.as_str(), &mut draft, None).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => {
                    looked_up = true;
                    continue;
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
            drop((turn, pace));
            self.deliver_first(unit, draft.urgent).await;
            let payment = draft.payment.expect("an initiate records the payment");
            return Ok(Initiated { payment, now });
        }
        Err(Refused::Fault(
            "a new payment met another writer again and again".to_owned(),
        ))
    }

    /// Does what somebody wants of an existing payment; `fault` is what the bank refuses on demand.
    pub async fn carry_out(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        intent: Intent,
        idempotency: Option<Idempotency<'_>>,
        fault: Option<BankFault>,
    ) -> Result<Done, Refused> {
        let wanted = Wanted { intent, fault };
        self.operate(unit, order, wanted, idempotency, At::Now)
            .await
    }

    pub(crate) async fn operate(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        wanted: impl Into<Wanted>,
        idempotency: Option<Idempotency<'_>>,
        at: At,
    ) -> Result<Done, Refused> {
        let Wanted { intent, mut fault } = wanted.into();
        let needs_sums =
            matches!(intent, Intent::Refund { .. }) && unit.facts.limits.overdraft.is_some();
        let pace = self.pace(unit, at, needs_sums).await?;
        let partition = unit.partition();
        let stream = payment_stream(order);
        let Some(turn) = self.lanes.enter(&partition, &stream).await else {
            return Err(Cause::OrderLocked {
                order: order.to_owned(),
            }
            .into());
        };
        // Once, however often the decision is made.
        if matches!(intent, Intent::Person(Act::Approve { .. })) {
            fault = self.at_approval(unit).await.map(BankFault::Reserve);
        }
        for _ in 0..ATTEMPTS {
            let now = match at {
                At::Now => self.now(unit),
                At::Moment { moment, .. } => moment,
            };
            let Some(record) = self.store.load(&partition, &stream).await? else {
                return Err(self.unknown_order(unit, order).await?.into());
            };
            if let Some(asked) = &idempotency {
                let scope = reply_scope(asked.operation, order);
                if let Some(saved) = self.store.reply(&partition, &scope, asked.key).await? {
                    return replay(asked, saved);
                }
            }
            let mut draft = Draft::of(record.version, parse_payment(&record.body)?);
            if needs_sums {
                draft.sums = self.sums_guard(unit).await?;
            }
            self.catch_up(unit, &mut draft, now).await;
            let caught_up = draft.happened.len();
            let decided = self.decide(unit, &mut draft, &intent, fault, now).await;
            if let (Err(refused), true) = (&decided, draft.happened.is_empty()) {
                return Err(refused.clone());
            }
            let operated = Operated {
                payment: draft.payment.clone().expect("loaded above"),
                happened: draft.happened.split_at(caught_up).1.to_vec(),
                now,
            };
            let saved = idempotency
                .as_ref()
                .filter(|_| decided.is_ok())
                .map(|asked| saved_reply(asked, order, &operated));
            match self.commit(unit, order, &mut draft, saved).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
            self.remember_approval(unit, &draft.happened).await?;
            drop((turn, pace));
            if matches!(at, At::Now) {
                self.deliver_first(unit, draft.urgent).await;
            }
            return decided.map(|()| Done::Now(Box::new(operated)));
        }
        Err(Refused::Fault(
            "an operation met another writer again and again".to_owned(),
        ))
    }

    /// Lets happen what was due before `now`, each at its own moment.
    async fn catch_up(&self, unit: &Arc<Unit>, draft: &mut Draft, now: Timestamp) {
        while let Some(payment) = &draft.payment
            && let Some((moment, due)) = payment.due()
            && moment <= now
        {
            let events = match due {
                Due::TimeOut | Due::BankAnswers | Due::RemainderReleased => {
                    payment.decide(&Command::TimePasses, moment)
                }
                Due::PayerActs => match self.unasked_approval(unit, payment, moment).await {
                    Some(command) => payment.decide(&command, moment),
                    // The shop must be asked how it ships, which cannot be done while the order
                    // is held: the agenda does it.
                    None if payment.link_expires_at() > now => return,
                    None => Ok(vec![Event::PutDown]),
                },
            };
            let events = events.unwrap_or_else(|_| vec![Event::PutDown]);
            if events.is_empty() {
                return;
            }
            for event in events {
                self.record(unit, draft, Happened { at: moment, event });
            }
        }
    }

    /// Decides on the intent and records the events; an operation that the bank or the settlement
    /// account fails is recorded as well, and still refused.
    async fn decide(
        &self,
        unit: &Arc<Unit>,
        draft: &mut Draft,
        intent: &Intent,
        fault: Option<BankFault>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let payment = draft.payment.as_ref().expect("loaded before");
        let mut command = self.command(unit, payment, intent, now).await?;
        if let Some(fault) = fault {
            faults::refuse(&mut command, fault);
        }
        let events = payment.decide(&command, now)?;
        let failed = events.iter().find_map(|event| failure(event, &command));
        for event in events {
            self.record(unit, draft, Happened { at: now, event });
        }
        failed.map_or(Ok(()), |cause| Err(cause.into()))
    }

    /// Waits until the unit's clock stands still enough for the operation. Refuses when the whole
    /// platform was reset meanwhile: the unit is not the one of that name now.
    pub(crate) async fn pace<'a>(
        &self,
        unit: &'a Unit,
        at: At,
        alone: bool,
    ) -> Result<Pace<'a>, Refused> {
        let pace = match at {
            At::Moment {
                pace: AtPace::Held, ..
            } => Pace::Held,
            At::Now | At::Moment { .. } if alone => Pace::Alone(unit.running.pace.write().await),
            At::Now | At::Moment { .. } => Pace::Shared(unit.running.pace.read().await),
        };
        if unit.running.is_retired() {
            return Err(Refused::Fault(
                "the platform was reset meanwhile".to_owned(),
            ));
        }
        Ok(pace)
    }
}

/// An intent, and what the bank refuses of it on demand.
pub(crate) struct Wanted {
    intent: Intent,
    fault: Option<BankFault>,
}

impl From<Intent> for Wanted {
    fn from(intent: Intent) -> Wanted {
        Wanted {
            intent,
            fault: None,
        }
    }
}

/// Keeps the unit's clock from being advanced while an operation runs.
#[expect(dead_code, reason = "held for their drop")]
pub(crate) enum Pace<'a> {
    Held,
    Shared(tokio::sync::RwLockReadGuard<'a, ()>),
    Alone(tokio::sync::RwLockWriteGuard<'a, ()>),
}

pub(crate) fn reply_scope(operation: Operation, order: &str) -> String {
    format!("{}/{order}", operation.name())
}

fn replay(asked: &Idempotency<'_>, saved: SavedReply) -> Result<Done, Refused> {
    if saved.fingerprint == asked.fingerprint {
        return Ok(Done::Before(Rendered {
            status: saved.status,
            body: saved.body,
        }));
    }
    Err(Cause::KeyReused {
        operation: asked.operation,
        key: asked.key.to_owned(),
    }
    .into())
}

fn saved_reply(asked: &Idempotency<'_>, order: &str, operated: &Operated) -> SavedReply {
    let rendered = (asked.render)(operated);
    SavedReply {
        scope: reply_scope(asked.operation, order),
        key: asked.key.to_owned(),
        fingerprint: asked.fingerprint.clone(),
        status: rendered.status,
        body: rendered.body,
    }
}

/// What the caller hears when the operation itself was recorded as failed.
fn failure(event: &Event, command: &Command) -> Option<Cause> {
    if matches!(event, Event::CaptureFailed(_)) {
        return Some(Cause::CaptureRefusedByBank);
    }
    if let (
        Event::RefundFailed(_),
        Command::Refund {
            settlement: Some(account),
            ..
        },
    ) = (event, command)
    {
        return Some(Cause::SettlementExhausted {
            balance: account.balance,
            overdraft: account.overdraft,
        });
    }
    // In the app the person sees it; a forced approval has nobody but the caller.
    if let (Event::ReservationRefused { refusal, .. }, Command::Approve(approval)) =
        (event, command)
        && approval.forced
    {
        return Some(Cause::RefusedByIssuer { refusal: *refusal });
    }
    None
}
