//! The loop every payment goes through: load, decide, commit.

use std::sync::Arc;

use sandkasse_domain::{
    Currency, PhoneNumber, Timestamp,
    checkout::Session,
    payment::{Cause, Command, Due, Event, Happened, Order, initiate},
    phone::BadNumber,
    sales_unit::Product,
};
use sandkasse_store::{CommitError, authorization_place};

use crate::{
    Done, Engine, Idempotency, Initiated, Intent, Operated, Refused, Through, Unit, Wanted,
    draft::Draft,
    faults::{self, BankFault},
    intent::{Act, At, AtPace},
    parse_payment, payment_stream,
    replies::Carried,
};

/// How often a decision is made again because another process was faster.
const ATTEMPTS: usize = 8;

impl Engine {
    /// Decides on a new payment and makes it durable. `mobile` is the number that the merchant
    /// named, or what is wrong with it.
    pub async fn initiate(
        &self,
        unit: &Arc<Unit>,
        order: Order,
        mobile: Option<Result<PhoneNumber, BadNumber>>,
    ) -> Result<Initiated, Refused> {
        match self.create(unit, order, mobile, None).await? {
            Done::Now(initiated) => Ok(*initiated),
            Done::Before(_) | Done::Refused { .. } => {
                unreachable!("only calls with an idempotency key are replayed")
            }
        }
    }

    /// The same under an idempotency key, which is one of the sales unit: another order under the
    /// same key is another request.
    pub async fn create(
        &self,
        unit: &Arc<Unit>,
        mut order: Order,
        mobile: Option<Result<PhoneNumber, BadNumber>>,
        idempotency: Option<Idempotency<'_, Initiated>>,
    ) -> Result<Done<Initiated>, Refused> {
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
        let id = order.id.clone();
        let locked = || Cause::OrderLocked {
            order: id.to_string(),
        };
        // No order id has a slash. A twin waits here for the first, and gets its answer.
        let key = idempotency
            .as_ref()
            .map(|asked| payment_stream(&format!("key/{}", asked.key)));
        let alone = match &key {
            Some(key) => Some(self.lanes.enter(&partition, key).await.ok_or_else(locked)?),
            None => None,
        };
        let stream = payment_stream(id.as_str());
        let turn = self
            .lanes
            .enter(&partition, &stream)
            .await
            .ok_or_else(locked)?;
        // Nearly every order id is new, and the commit finds out when one is not. So whether this
        // one was used before is looked up only when something speaks against it.
        let mut looked_up = false;
        for _ in 0..ATTEMPTS {
            let answered = self.answered(unit, id.as_str(), idempotency.as_ref());
            if let Some(answered) = answered.await? {
                return Ok(answered);
            }
            let now = self.now(unit);
            let mut draft = Draft::new();
            if needs_sums {
                draft.sums = self.sums_guard(unit).await?;
            }
            let mut facts = self
                .initiate_facts(unit, &order, mobile.as_ref(), now)
                .await?;
            if looked_up {
                facts.first_used = self.first_used(unit, &id).await?;
            }
            // A checkout session has its reference before there is a payment.
            if unit.facts.products.contains(&Product::Checkout) && facts.first_used.is_none() {
                let session = self.kept::<Session>(unit, id.as_str()).await?;
                facts.first_used = session.map(|session| session.created_at);
            }
            let events = match initiate(order.clone(), facts) {
                Ok(events) => events,
                Err(_) if !looked_up => {
                    looked_up = true;
                    continue;
                }
                Err(cause) => {
                    let refused = Refused::from(cause);
                    match self.refusal_saved(unit, id.as_str(), &idempotency, &refused) {
                        None => return Err(refused),
                        Some(saved) => match saved.await {
                            Ok(done) => return Ok(done),
                            Err(CommitError::Conflict) => continue,
                            Err(CommitError::Store(error)) => return Err(error.into()),
                        },
                    }
                }
            };
            for event in events {
                self.record(unit, &mut draft, Happened { at: now, event });
            }
            let payment = draft.payment.clone();
            let payment = payment.expect("an initiate records the payment");
            let initiated = Initiated { payment, now };
            let reply = idempotency
                .as_ref()
                .map(|asked| asked.carried_out(id.as_str(), &initiated));
            match self.commit(unit, id.as_str(), &mut draft, reply).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => {
                    looked_up = true;
                    continue;
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
            drop((turn, alone, pace));
            self.deliver_first(unit, draft.urgent).await;
            return Ok(Done::Now(Box::new(initiated)));
        }
        Err(Refused::Fault(
            "a new payment met another writer again and again".to_owned(),
        ))
    }

    /// Does what somebody wants of an existing payment.
    pub async fn carry_out(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        wanted: impl Into<Wanted>,
        idempotency: Option<Idempotency<'_>>,
    ) -> Result<Done, Refused> {
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
        let mut wanted: Wanted = wanted.into();
        let intent = &wanted.intent;
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
            wanted.fault = self.at_approval(unit).await.map(BankFault::Reserve);
        }
        for _ in 0..ATTEMPTS {
            let now = match at {
                At::Now => self.now(unit),
                At::Moment { moment, .. } => moment,
            };
            // First the payment: what a twin did to it on another node is not seen without its answer.
            let loaded = self.load(unit, order, wanted.through).await;
            if let Some(answered) = self.answered(unit, order, idempotency.as_ref()).await? {
                return Ok(answered);
            }
            let mut draft = match loaded {
                Ok(draft) => draft,
                Err(refused) => match self.refusal_saved(unit, order, &idempotency, &refused) {
                    None => return Err(refused),
                    Some(saved) => match saved.await {
                        Ok(done) => return Ok(done),
                        Err(CommitError::Conflict) => continue,
                        Err(CommitError::Store(error)) => return Err(error.into()),
                    },
                },
            };
            if needs_sums {
                draft.sums = self.sums_guard(unit).await?;
            }
            self.catch_up(unit, &mut draft, now).await;
            let caught_up = draft.happened.len();
            let decided = self.decide(unit, &mut draft, &wanted, now).await;
            let saved = match (&idempotency, &decided) {
                (Some(asked), Err(refused)) => asked.refused(order, refused),
                (None, _) | (_, Ok(())) => None,
            };
            if let (Err(refused), true, None) = (&decided, draft.happened.is_empty(), &saved) {
                return Err(refused.clone());
            }
            let operated = Operated {
                payment: draft.payment.clone().expect("loaded above"),
                happened: draft.happened.split_at(caught_up).1.to_vec(),
                now,
            };
            let (reply, refusal) = match saved {
                Some((reply, done)) => (Some(reply), Some(done)),
                None => {
                    let asked = idempotency.as_ref().filter(|_| decided.is_ok());
                    (asked.map(|it| it.carried_out(order, &operated)), None)
                }
            };
            let made = match reply {
                Some(reply) if draft.happened.is_empty() && refusal.is_some() => {
                    self.save_reply(unit, reply).await
                }
                reply => self.commit(unit, order, &mut draft, reply).await,
            };
            match made {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
            self.remember_approval(unit, &draft.happened).await?;
            drop((turn, pace));
            if matches!(at, At::Now) {
                self.deliver_first(unit, draft.urgent).await;
            }
            if let Some(refusal) = refusal {
                return Ok(refusal);
            }
            return decided.map(|()| Done::Now(Box::new(operated)));
        }
        Err(Refused::Fault(
            "an operation met another writer again and again".to_owned(),
        ))
    }

    /// Loads a payment that can be seen through this door.
    async fn load(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        through: Through,
    ) -> Result<Draft, Refused> {
        let stream = payment_stream(order);
        let Some(record) = self.store.load(&unit.partition(), &stream).await? else {
            return Err(self.unknown_order(unit, order).await?.into());
        };
        let payment = parse_payment(&record.body)?;
        if through == Through::Ecom && payment.order.epayment().is_some() {
            return Err(Cause::OrderOfEpayment {
                order: order.to_owned(),
                asked_by: unit.facts.msn.clone(),
            }
            .into());
        }
        Ok(Draft::of(record.version, payment))
    }

    /// Saves the answer to a refusal that changes nothing, if it is one to be saved.
    fn refusal_saved<'a, T: Carried + Send + 'a>(
        &'a self,
        unit: &'a Arc<Unit>,
        order: &str,
        idempotency: &Option<Idempotency<'_, T>>,
        refused: &Refused,
    ) -> Option<impl Future<Output = Result<Done<T>, CommitError>> + Send + 'a> {
        let (reply, done) = idempotency.as_ref()?.refused(order, refused)?;
        Some(async move {
            self.save_reply(unit, reply).await?;
            Ok(done)
        })
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
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let payment = draft.payment.as_ref().expect("loaded before");
        if let Through::Epayment {
            currency: Some(asked),
        } = wanted.through
        {
            let of = payment
                .order
                .epayment()
                .map_or(Currency::Nok, |it| it.currency);
            if asked != of {
                return Err(Cause::OtherCurrency { asked, of }.into());
            }
        }
        let mut command = self.command(unit, payment, &wanted.intent, now).await?;
        if let Some(fault) = wanted.fault {
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

/// Keeps the unit's clock from being advanced while an operation runs.
#[expect(dead_code, reason = "held for their drop")]
pub(crate) enum Pace<'a> {
    Held,
    Shared(tokio::sync::RwLockReadGuard<'a, ()>),
    Alone(tokio::sync::RwLockWriteGuard<'a, ()>),
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
