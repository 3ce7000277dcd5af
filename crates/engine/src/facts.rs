//! The outside facts that a decision needs: who pays, what the bank says, what was received so far.

use std::sync::Arc;

use jiff::SignedDuration;
use sandkasse_domain::{
    AsOf, Environment, Minor, OrderId, PhoneNumber, Timestamp,
    payment::{
        Allowed, Asking, Command, InitiateFacts, Order, Payer, Payment, Reservation, Settlement,
    },
    person::{Acts, CannotPay, CardState, Person},
    phone::BadNumber,
};
use sandkasse_store::{Kind, StoreError};

use crate::{Engine, Intent, Refused, Unit, parse_payment, payment_stream};

/// Payments read at once when a decision needs a sum over all of them.
const PAGE: usize = 1000;

impl Engine {
    pub(crate) async fn initiate_facts(
        &self,
        unit: &Arc<Unit>,
        order: &Order,
        mobile: Option<&Result<PhoneNumber, BadNumber>>,
        now: Timestamp,
    ) -> Result<InitiateFacts, Refused> {
        let limits = unit.facts.limits;
        let payer = mobile.map(|number| {
            let phone = number.as_ref().map_err(|fault| CannotPay::Number(*fault))?;
            self.payer_of_order(unit, order, phone, now)
                .map(|person| (payer_of(&person), person))
        });
        let person = payer
            .as_ref()
            .and_then(|found| found.as_ref().ok())
            .map(|(_, person)| person);
        Ok(InitiateFacts {
            first_used: None,
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
            acts_at: person.and_then(|person| acts_at(person, now)),
            payer: payer.map(|found| found.map(|(payer, _)| payer)),
            transaction_id: self.chance.transaction_id(),
            epayment: allowed(unit, self.as_of()),
            now,
        })
    }

    /// When an order id was used before, if it was.
    pub(crate) async fn first_used(
        &self,
        unit: &Unit,
        order: &OrderId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let stream = payment_stream(order.as_str());
        match self.store.load(&unit.partition(), &stream).await? {
            Some(record) => Ok(Some(parse_payment(&record.body)?.initiated_at)),
            None => Ok(None),
        }
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

    /// The same for a payment, which may ask for an age.
    pub(crate) fn payer_of_order(
        &self,
        unit: &Unit,
        order: &Order,
        phone: &PhoneNumber,
        now: Timestamp,
    ) -> Result<Arc<Person>, CannotPay> {
        let person = self.payer(unit, phone, now)?;
        let least = order.epayment().and_then(|it| it.minimum_user_age);
        if least.is_some_and(|least| person.age(now) < i32::from(least)) {
            return Err(CannotPay::BelowMinimumAge);
        }
        Ok(person)
    }

    pub(crate) async fn command(
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
                must_be_whole: payment.order.epayment().is_some() && !unit.facts.partial_capture,
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
                only_open,
            } => Command::Cancel {
                text: text.clone(),
                release_remainder: *release_remainder,
                only_open: *only_open,
                bank_agrees: true,
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
        let earned = self
            .sum(unit, |payment| {
                total(payment, Reservation::remaining_to_refund)
            })
            .await?;
        let balance = earned.units() - limits.paid_out.units();
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
}

/// What a sales unit may do through ePayment; cards without the app are taken in production only
/// (reference: epayment.md §7).
fn allowed(unit: &Unit, as_of: AsOf) -> Allowed {
    Allowed {
        cards: unit.facts.environment == Environment::Production,
        express: unit.facts.express,
        long_living: unit.facts.long_living,
        currency: unit.facts.currency,
        longest_life: match as_of {
            AsOf::June2023 => SignedDuration::from_hours(28 * 24),
            AsOf::Today => SignedDuration::from_hours(60 * 24),
        },
        // Receipts came with 1.2.3, in July 2023.
        needs_receipt: as_of == AsOf::Today,
    }
}

fn total(payment: &Payment, amount: impl Fn(&Reservation) -> Minor) -> Minor {
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

/// When a person who acts unasked approves a request that comes now.
pub(crate) fn acts_at(person: &Person, now: Timestamp) -> Option<Timestamp> {
    match person.acts {
        Acts::ByHand | Acts::Never => None,
        Acts::AtOnce => Some(now),
        Acts::After(seconds) => now
            .checked_add(SignedDuration::from_secs(i64::from(seconds)))
            .ok(),
    }
}
