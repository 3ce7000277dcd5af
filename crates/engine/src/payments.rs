//! The loop every payment goes through: load, decide, commit.

use std::sync::Arc;

use sandkasse_domain::{
    Minor, OrderId, PhoneNumber, Timestamp,
    payment::{
        Asking, Cause, Command, Due, Event, Happened, InitiateFacts, Operation, Order, Payer,
        Payment, Settlement, initiate,
    },
    person::{CannotPay, CardState, Person},
    phone::BadNumber,
};
use sandkasse_store::{
    Commit, CommitError, Kind, OutgoingCall, SavedReply, StoreError, StoredEvent, Write,
};

use crate::{
    Engine, Refused, Unit, agenda::AtPace, consent_stream, outgoing, parse_history, parse_payment,
    payment_stream, people::Act, unreadable,
};

/// How often a decision is made again because another process was faster.
const ATTEMPTS: usize = 8;
/// Payments read at once when a decision needs a sum over all of them.
const PAGE: usize = 1000;

/// What somebody wants of an existing payment.
#[derive(Clone, Debug)]
pub enum Intent {
    /// The merchant takes reserved money.
    Capture {
        /// `None` is all that is reserved.
        amount: Option<Minor>,
        /// The merchant's words.
        text: String,
        /// `X-Request-Id`.
        request_id: Option<String>,
    },
    /// The merchant gives money back.
    Refund {
        /// `None` is all that was captured.
        amount: Option<Minor>,
        /// The merchant's words.
        text: String,
        /// `X-Request-Id`.
        request_id: Option<String>,
    },
    /// The merchant lets the payment go.
    Cancel {
        /// The merchant's words.
        text: String,
        /// Give back what was not captured.
        release_remainder: bool,
    },
    /// A person does something, in the app or on the landing page.
    Person(Act),
    /// The person who acts unasked could not.
    PutDown,
    /// A deadline has come.
    TimePasses,
}

/// Makes a request repeatable: the first answer is saved with its effect, and given again.
pub struct Idempotency<'a> {
    /// Keys of different operations do not meet.
    pub operation: Operation,
    /// The caller's key.
    pub key: &'a str,
    /// What the request means; another meaning under the same key is refused.
    pub fingerprint: String,
    /// Makes the answer to save.
    pub render: &'a (dyn Fn(&Operated) -> Rendered + Sync),
}

/// A payment after an operation, and what the operation made happen.
#[derive(Clone, Debug)]
pub struct Operated {
    /// As it stands now.
    pub payment: Payment,
    /// What this operation made happen; empty when nothing had to.
    pub happened: Vec<Happened>,
    /// The moment of the operation.
    pub now: Timestamp,
}

/// An answer as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// HTTP status.
    pub status: u16,
    /// Exact body.
    pub body: String,
}

/// What came of an operation.
#[derive(Clone, Debug)]
pub enum Done {
    /// It was carried out.
    Now(Box<Operated>),
    /// It had been carried out before; this was the answer.
    Before(Rendered),
}

/// A new payment.
#[derive(Clone, Debug)]
pub struct Initiated {
    /// As it stands.
    pub payment: Payment,
    /// When it was initiated.
    pub now: Timestamp,
}

/// A payment with its history, to look at.
#[derive(Clone, Debug)]
pub struct View {
    /// As it stands.
    pub payment: Payment,
    /// All that happened, oldest first.
    pub history: Vec<Happened>,
    /// The moment of looking.
    pub now: Timestamp,
}

/// At which moment an operation takes place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// On the unit's clock, now.
    Now,
    /// At the moment of a deadline.
    Moment { moment: Timestamp, pace: AtPace },
}

/// A decision in the making.
struct Draft {
    version: Option<u64>,
    payment: Option<Payment>,
    happened: Vec<Happened>,
    calls: Vec<OutgoingCall>,
}

impl Draft {
    fn new() -> Draft {
        Draft {
            version: None,
            payment: None,
            happened: Vec::new(),
            calls: Vec::new(),
        }
    }

    fn of(version: u64, payment: Payment) -> Draft {
        Draft {
            version: Some(version),
            payment: Some(payment),
            ..Draft::new()
        }
    }
}

impl Engine {
    /// Decides on a new payment and makes it durable. `mobile` is the number that the merchant
    /// named, or what is wrong with it.
    pub async fn initiate(
        &self,
        unit: &Arc<Unit>,
        order: Order,
        mobile: Option<Result<PhoneNumber, BadNumber>>,
    ) -> Result<Initiated, Refused> {
        let limits = unit.facts.limits;
        let needs_sums = limits.receive.is_some() || limits.request.is_some();
        let _pace = self.pace(unit, At::Now, needs_sums).await;
        let partition = unit.partition();
        let stream = payment_stream(order.id.as_str());
        let Some(_turn) = self.lanes.enter(&partition, &stream).await else {
            return Err(Cause::OrderLocked {
                order: order.id.to_string(),
            }
            .into());
        };
        for _ in 0..ATTEMPTS {
            let now = self.now(unit);
            let facts = self
                .initiate_facts(unit, &order, mobile.as_ref(), now)
                .await?;
            let mut draft = Draft::new();
            for event in initiate(order.clone(), facts)? {
                self.record(unit, &mut draft, Happened { at: now, event });
            }
            match self.commit(unit, order.id.as_str(), &mut draft, None).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
            let payment = draft.payment.expect("an initiate records the payment");
            return Ok(Initiated { payment, now });
        }
        Err(Refused::Fault(
            "a new payment met another writer again and again".to_owned(),
        ))
    }

    async fn initiate_facts(
        &self,
        unit: &Arc<Unit>,
        order: &Order,
        mobile: Option<&Result<PhoneNumber, BadNumber>>,
        now: Timestamp,
    ) -> Result<InitiateFacts, Refused> {
        let limits = unit.facts.limits;
        let existing = self
            .store
            .load(&unit.partition(), &payment_stream(order.id.as_str()))
            .await?;
        let first_used = match existing {
            Some(record) => Some(parse_payment(&record.body)?.initiated_at),
            None => None,
        };
        let payer = mobile.map(|number| {
            let phone = number.as_ref().map_err(|fault| CannotPay::Number(*fault))?;
            self.payer(unit, phone, now)
                .map(|person| (payer_of(&person), person))
        });
        let person = payer
            .as_ref()
            .and_then(|found| found.as_ref().ok())
            .map(|(_, person)| person);
        Ok(InitiateFacts {
            first_used,
            may_skip_landing_page: unit.facts.skip_landing_page,
            may_ask_nin: unit.facts.nin_scope,
            receive: match limits.receive {
                Some(limit) => Some((limit, self.sum(unit, received).await?)),
                None => None,
            },
            request: match limits.request {
                Some(limit) => Some((limit, self.sum(unit, |payment| payment.order.amount).await?)),
                None => None,
            },
            app_outdated: person.is_some_and(|person| person.app.outdated),
            acts_at: person.and_then(|person| crate::people::acts_at(person, now)),
            payer: payer.map(|found| found.map(|(payer, _)| payer)),
            transaction_id: self.chance.transaction_id(),
        })
    }

    /// Whoever has a number, if that person may pay at `now`.
    pub fn payer(
        &self,
        unit: &Unit,
        phone: &PhoneNumber,
        now: Timestamp,
    ) -> Result<Arc<Person>, CannotPay> {
        let snapshot = self.directory.of(unit.facts.environment);
        let person = snapshot.person_by_phone(phone).ok_or(CannotPay::Unknown)?;
        person.may_pay(now)?;
        Ok(person.clone())
    }

    /// Does what somebody wants of an existing payment.
    pub async fn carry_out(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        intent: Intent,
        idempotency: Option<Idempotency<'_>>,
    ) -> Result<Done, Refused> {
        self.operate(unit, order, intent, idempotency, At::Now)
            .await
    }

    pub(crate) async fn operate(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        intent: Intent,
        idempotency: Option<Idempotency<'_>>,
        at: At,
    ) -> Result<Done, Refused> {
        let needs_sums =
            matches!(intent, Intent::Refund { .. }) && unit.facts.limits.overdraft.is_some();
        let _pace = self.pace(unit, at, needs_sums).await;
        let partition = unit.partition();
        let stream = payment_stream(order);
        let Some(_turn) = self.lanes.enter(&partition, &stream).await else {
            return Err(Cause::OrderLocked {
                order: order.to_owned(),
            }
            .into());
        };
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
            self.catch_up(unit, &mut draft, now);
            let caught_up = draft.happened.len();
            let decided = self.decide(unit, &mut draft, &intent, now).await;
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
            return decided.map(|()| Done::Now(Box::new(operated)));
        }
        Err(Refused::Fault(
            "an operation met another writer again and again".to_owned(),
        ))
    }

    /// Lets happen what was due before `now`, each at its own moment.
    fn catch_up(&self, unit: &Arc<Unit>, draft: &mut Draft, now: Timestamp) {
        while let Some(payment) = &draft.payment
            && let Some((moment, due)) = payment.due()
            && moment <= now
        {
            let events = match due {
                Due::TimeOut | Due::BankAnswers | Due::RemainderReleased => {
                    payment.decide(&Command::TimePasses, moment)
                }
                Due::PayerActs => match self.unasked_approval(unit, payment, moment) {
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
        now: Timestamp,
    ) -> Result<(), Refused> {
        let payment = draft.payment.as_ref().expect("loaded before");
        let command = self.command(unit, payment, intent, now).await?;
        let events = payment.decide(&command, now)?;
        let failed = events.iter().find_map(|event| failure(event, &command));
        for event in events {
            self.record(unit, draft, Happened { at: now, event });
        }
        failed.map_or(Ok(()), |cause| Err(cause.into()))
    }

    async fn command(
        &self,
        unit: &Arc<Unit>,
        payment: &Payment,
        intent: &Intent,
        now: Timestamp,
    ) -> Result<Command, Refused> {
        let asking = |amount: &Option<Minor>, text: &String, request_id: &Option<String>| Asking {
            amount: *amount,
            text: text.clone(),
            transaction_id: self.chance.transaction_id(),
            request_id: request_id.clone(),
        };
        Ok(match intent {
            Intent::Capture {
                amount,
                text,
                request_id,
            } => Command::Capture {
                asking: asking(amount, text, request_id),
                bank_pays: self.bank_pays(unit, payment, now),
            },
            Intent::Refund {
                amount,
                text,
                request_id,
            } => Command::Refund {
                asking: asking(amount, text, request_id),
                settlement: self.settlement(unit).await?,
            },
            Intent::Cancel {
                text,
                release_remainder,
            } => Command::Cancel {
                text: text.clone(),
                release_remainder: *release_remainder,
                transaction_id: self.chance.transaction_id(),
            },
            Intent::Person(act) => self.person_command(unit, payment, act, now)?,
            Intent::PutDown => Command::PutDown,
            Intent::TimePasses => Command::TimePasses,
        })
    }

    /// While its hold on the card lasts the bank pays; afterwards only if the card is still good.
    fn bank_pays(&self, unit: &Unit, payment: &Payment, now: Timestamp) -> bool {
        let Some(reservation) = payment.reservation() else {
            return true;
        };
        if !reservation.hold_is_over(now) {
            return true;
        }
        let snapshot = self.directory.of(unit.facts.environment);
        let bin = reservation.grant.card_bin;
        snapshot
            .person(&reservation.grant.payer.person)
            .is_none_or(|person| {
                person
                    .cards
                    .iter()
                    .any(|card| card.bin == bin && card.state == CardState::Valid)
            })
    }

    async fn settlement(&self, unit: &Arc<Unit>) -> Result<Option<Settlement>, StoreError> {
        let limits = unit.facts.limits;
        let Some(overdraft) = limits.overdraft else {
            return Ok(None);
        };
        let captured = self
            .sum(unit, |payment| total(payment, |r| r.captured))
            .await?;
        let refunded = self
            .sum(unit, |payment| total(payment, |r| r.refunded))
            .await?;
        let balance = captured.units() - refunded.units() - limits.paid_out.units();
        Ok(Some(Settlement { balance, overdraft }))
    }

    /// A sum over all payments of a unit. Only units with a limit pay for it, and they do one
    /// such operation at a time.
    async fn sum(
        &self,
        unit: &Unit,
        amount: impl Fn(&Payment) -> Minor + Send,
    ) -> Result<Minor, StoreError> {
        let partition = unit.partition();
        let mut total = Minor::ZERO;
        let mut after: Option<String> = None;
        loop {
            let page = self
                .store
                .list(&partition, Kind::Payment, "", after.as_deref(), PAGE)
                .await?;
            for (_, record) in &page {
                total = total.plus(amount(&parse_payment(&record.body)?));
            }
            match page.last() {
                Some((name, _)) if page.len() == PAGE => after = Some(name.clone()),
                _ => return Ok(total),
            }
        }
    }

    fn record(&self, unit: &Arc<Unit>, draft: &mut Draft, happened: Happened) {
        draft.payment = Payment::apply(draft.payment.take(), &happened);
        let payment = draft
            .payment
            .as_ref()
            .expect("every history begins with an initiate");
        let wording = self.settings.wording(unit.facts.environment);
        let id = self.chance.uuid().to_string();
        let call = outgoing::callback(id, &unit.facts.msn, payment, &happened, wording);
        draft.calls.extend(call);
        draft.happened.push(happened);
    }

    async fn commit(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        draft: &mut Draft,
        reply: Option<SavedReply>,
    ) -> Result<(), CommitError> {
        if draft.happened.is_empty() && reply.is_none() {
            return Ok(());
        }
        let partition = unit.partition();
        let payment = draft
            .payment
            .as_ref()
            .expect("a draft to commit has a payment");
        let deadline = payment.due().map(|(moment, _)| moment);
        let to_json = |error: serde_json::Error| unreadable("a payment", &error);
        let mut events = Vec::with_capacity(draft.happened.len());
        for happened in &draft.happened {
            let body = serde_json::to_string(&happened.event).map_err(to_json)?;
            events.push(StoredEvent {
                at: happened.at,
                body,
            });
        }
        let mut writes = vec![Write {
            stream: payment_stream(order),
            expected: draft.version,
            body: serde_json::to_string(payment).map_err(to_json)?,
            deadline,
            events,
        }];
        writes.extend(self.consent_write(unit, payment, &draft.happened).await?);
        let calls = std::mem::take(&mut draft.calls);
        let commit = Commit {
            partition: partition.clone(),
            writes,
            reply,
            calls: calls.clone(),
        };
        self.store.commit(commit).await?;

        if let Some(deadline) = deadline {
            self.agenda.note(&partition, deadline);
        }
        for call in calls {
            self.outgoing
                .post(partition.clone(), unit.facts.url_policy, call);
        }
        // Nobody waiting is no error.
        let _ = self.changes.send((partition, order.to_owned()));
        Ok(())
    }

    /// What a person's app remembers of an approval: force approve works from now on.
    async fn remember_approval(
        &self,
        unit: &Unit,
        happened: &[Happened],
    ) -> Result<(), StoreError> {
        let approved = happened.iter().find_map(|happened| {
            if let Event::Reserved { grant } | Event::OutcomeUnknown { grant } = &happened.event {
                Some(&grant.payer.person)
            } else {
                None
            }
        });
        let Some(person) = approved else {
            return Ok(());
        };
        let environment = unit.facts.environment;
        let known = self.directory.of(environment);
        if known
            .person(person)
            .is_some_and(|person| !person.app.approved_once)
        {
            self.directory
                .change_person(environment, person, |person| {
                    person.app.approved_once = true
                })
                .await?;
        }
        Ok(())
    }

    /// A payment with its history. What was due before is done first.
    pub async fn view(&self, unit: &Arc<Unit>, order: &str) -> Result<View, Refused> {
        let view = self.view_at(unit, order, None).await?;
        match view.payment.due() {
            Some((moment, _)) if moment <= view.now => {
                self.operate(unit, order, Intent::TimePasses, None, At::Now)
                    .await?;
                self.view_at(unit, order, Some(view.now)).await
            }
            _ => Ok(view),
        }
    }

    pub(crate) async fn view_at(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        now: Option<Timestamp>,
    ) -> Result<View, Refused> {
        let now = now.unwrap_or_else(|| self.now(unit));
        let stored = self
            .store
            .history(&unit.partition(), &payment_stream(order))
            .await?;
        let history = parse_history(&stored)?;
        match Payment::fold(&history) {
            Some(payment) => Ok(View {
                payment,
                history,
                now,
            }),
            None => Err(self.unknown_order(unit, order).await?.into()),
        }
    }

    /// Payments of a unit whose order ids start with `prefix`, by id.
    pub async fn find(
        &self,
        unit: &Unit,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let found = self
            .store
            .list(&unit.partition(), Kind::Payment, prefix, None, limit)
            .await?;
        found
            .iter()
            .map(|(_, record)| parse_payment(&record.body))
            .collect()
    }

    /// Whether another unit of the same merchant knows the order.
    async fn unknown_order(&self, unit: &Unit, order: &str) -> Result<Cause, StoreError> {
        let snapshot = self.directory.of(unit.facts.environment);
        let order = order.to_owned();
        if OrderId::try_new(&order).is_some() {
            for other in snapshot.units() {
                let same_owner = other.facts.merchant == unit.facts.merchant;
                if !same_owner || other.facts.msn == unit.facts.msn {
                    continue;
                }
                if self
                    .store
                    .load(&other.partition(), &payment_stream(&order))
                    .await?
                    .is_some()
                {
                    return Ok(Cause::OrderOfAnotherUnit {
                        order,
                        owned_by: other.facts.msn.clone(),
                    });
                }
            }
        }
        Ok(Cause::OrderUnknown { order })
    }

    async fn consent_write(
        &self,
        unit: &Unit,
        payment: &Payment,
        happened: &[Happened],
    ) -> Result<Option<Write>, StoreError> {
        let Some((at, sub, consent)) = self.consent_after(unit, payment, happened).await? else {
            return Ok(None);
        };
        let (expected, consent) = consent;
        let body =
            serde_json::to_string(&consent).map_err(|error| unreadable("a consent", &error))?;
        let event = StoredEvent {
            at,
            body: body.clone(),
        };
        Ok(Some(Write {
            stream: consent_stream(&sub),
            expected,
            body,
            deadline: None,
            events: vec![event],
        }))
    }

    async fn pace<'a>(&self, unit: &'a Unit, at: At, alone: bool) -> Pace<'a> {
        match at {
            At::Moment {
                pace: AtPace::Held, ..
            } => Pace::Held,
            At::Now | At::Moment { .. } if alone => Pace::Alone(unit.running.pace.write().await),
            At::Now | At::Moment { .. } => Pace::Shared(unit.running.pace.read().await),
        }
    }
}

/// Keeps the unit's clock from being advanced while an operation runs.
#[expect(dead_code, reason = "held for their drop")]
enum Pace<'a> {
    Held,
    Shared(tokio::sync::RwLockReadGuard<'a, ()>),
    Alone(tokio::sync::RwLockWriteGuard<'a, ()>),
}

fn reply_scope(operation: Operation, order: &str) -> String {
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
    match (event, command) {
        (Event::CaptureFailed(_), _) => Some(Cause::CaptureRefusedByBank),
        (
            Event::RefundFailed(_),
            Command::Refund {
                settlement: Some(account),
                ..
            },
        ) => Some(Cause::SettlementExhausted {
            balance: account.balance,
            overdraft: account.overdraft,
        }),
        _ => None,
    }
}

fn total(
    payment: &Payment,
    amount: impl Fn(&sandkasse_domain::payment::Reservation) -> Minor,
) -> Minor {
    payment.reservation().map_or(Minor::ZERO, amount)
}

/// What a payment has brought, or will: the reservation, unless it was let go.
fn received(payment: &Payment) -> Minor {
    total(payment, |reservation| {
        reservation
            .captured
            .plus(reservation.remaining_to_capture())
    })
}

pub(crate) fn payer_of(person: &Person) -> Payer {
    Payer {
        person: person.id.clone(),
        phone: person.phone.clone(),
    }
}
