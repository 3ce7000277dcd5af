//! What persons do: open links, choose shipping, approve, reject, revoke.

use std::sync::Arc;

use sandkasse_domain::{
    Minor, PhoneNumber, Timestamp,
    payment::{Approval, Cause, Command, Order, Payment, ShippingOffer, UserDetails, bank},
    person::{CannotPay, Card, CardState, Person},
};

use crate::{
    Done, Engine, Intent, Operated, Refused, Unit, View,
    facts::{acts_at, payer_of},
    intent::{Act, At},
};

/// Why a person's act came to nothing.
#[derive(Clone, Debug)]
pub enum ActRefused {
    /// The platform refused.
    Refused(Refused),
    /// The app shows "No shipping methods found": the shop did not answer in time.
    NoShippingMethods {
        /// What happened to the call.
        detail: String,
    },
    /// The app shows "Payment failed": the shop's answer cannot be used.
    BadShippingAnswer {
        /// What is wrong with it.
        detail: String,
    },
}

impl From<Refused> for ActRefused {
    fn from(refused: Refused) -> ActRefused {
        ActRefused::Refused(refused)
    }
}

impl Engine {
    /// Approves as a person in the app. An express payment whose shipping was not chosen yet goes
    /// to the person's default address, by the default method unless another is named.
    pub async fn approve(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        phone: &PhoneNumber,
        card: usize,
        shipping_method: Option<String>,
    ) -> Result<Operated, ActRefused> {
        let view = self.view(unit, order).await?;
        self.see_shipping_if_needed(unit, &view, phone, At::Now)
            .await?;
        let act = Act::Approve {
            phone: phone.clone(),
            card,
            shipping_method,
        };
        self.act(unit, order, act, At::Now).await
    }

    /// Chooses one of a person's addresses for an express payment, and learns how the shop ships
    /// there.
    pub async fn choose_address(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        phone: &PhoneNumber,
        address: usize,
    ) -> Result<ShippingOffer, ActRefused> {
        let view = self.view(unit, order).await?;
        self.see_shipping(unit, &view, phone, address, At::Now)
            .await
    }

    /// Any other act of a person.
    pub async fn person_acts(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        act: Act,
    ) -> Result<Operated, ActRefused> {
        self.act(unit, order, act, At::Now).await
    }

    /// What a person who acts unasked must see before they can approve; the approval itself
    /// happens on the way to whatever is done next with the order.
    pub(crate) async fn see_shipping_unasked(
        &self,
        unit: &Arc<Unit>,
        view: &View,
        at: At,
    ) -> Result<(), ActRefused> {
        let acting = view.payment.open().and_then(|open| open.acting.as_ref());
        match acting {
            Some(acting) => {
                self.see_shipping_if_needed(unit, view, &acting.payer.phone, at)
                    .await
            }
            None => Ok(()),
        }
    }

    pub(crate) async fn act(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        act: Act,
        at: At,
    ) -> Result<Operated, ActRefused> {
        match self
            .operate(unit, order, Intent::Person(act), None, at)
            .await?
        {
            Done::Now(operated) => Ok(*operated),
            Done::Before(_) | Done::Refused { .. } => {
                unreachable!("only calls with an idempotency key are replayed")
            }
        }
    }

    /// The approval of a person who acts unasked, when nothing has to be asked of the shop first.
    pub(crate) async fn unasked_approval(
        &self,
        unit: &Arc<Unit>,
        payment: &Payment,
        moment: Timestamp,
    ) -> Option<Command> {
        let open = payment.open()?;
        let phone = open.acting.as_ref()?.payer.phone.clone();
        if payment.order.is_express() && open.offer.is_none() {
            return None;
        }
        let act = Act::Approve {
            phone,
            card: 0,
            shipping_method: None,
        };
        match self.person_command(unit, payment, &act, moment) {
            Ok(Command::Approve(mut approval)) => {
                if approval.bank == bank::BankAnswer::WantsConfirmation {
                    approval.bank = bank::BankAnswer::Accepts;
                }
                if let Some(refusal) = self.at_approval(unit).await {
                    approval.bank = bank::BankAnswer::Refuses(refusal);
                }
                Some(Command::Approve(approval))
            }
            Ok(_) | Err(_) => Some(Command::PutDown),
        }
    }

    pub(crate) fn person_command(
        &self,
        unit: &Arc<Unit>,
        payment: &Payment,
        act: &Act,
        now: Timestamp,
    ) -> Result<Command, Cause> {
        let who = |phone: &PhoneNumber| {
            self.payer_of_order(unit, &payment.order, phone, now)
                .map_err(|reason| Cause::CannotPay { reason })
        };
        Ok(match act {
            Act::Open => Command::Open,
            Act::Show { phone } => {
                let person = who(phone)?;
                Command::Show {
                    payer: payer_of(&person),
                    acts_at: acts_at(&person, now),
                    transaction_id: self.chance.transaction_id(),
                }
            }
            Act::SeeShipping(offer) => Command::OfferShipping(offer.clone()),
            Act::EnterThreeDSecure => Command::EnterThreeDSecure,
            Act::Approve {
                phone,
                card,
                shipping_method,
            } => {
                let person = who(phone)?;
                let card = person.cards.get(*card);
                let confirmed = payment.open().is_some_and(|open| open.in_three_d_secure);
                let amount = amount_with_shipping(payment, shipping_method.as_deref());
                let bank = bank::answer(unit.facts.environment, amount, card, confirmed);
                let mut approval = self.approval(unit, payment, &person, card, bank);
                approval.shipping_method.clone_from(shipping_method);
                Command::Approve(Box::new(approval))
            }
            Act::ForceApprove { phone } => {
                let person = self.test_person(unit, &payment.order, phone, now)?;
                let card = person
                    .default_card()
                    .filter(|card| card.state == CardState::Valid);
                if card.is_none() {
                    return Err(Cause::NoDefaultCard);
                }
                let bank = bank::BankAnswer::Accepts;
                let mut approval = self.approval(unit, payment, &person, card, bank);
                approval.forced = true;
                Command::Approve(Box::new(approval))
            }
            Act::Reject => Command::Reject,
            Act::LeaveLandingPage => Command::LeaveLandingPage,
        })
    }

    /// Whom force approve accepts: a person of the test environment who has approved in the app.
    fn test_person(
        &self,
        unit: &Unit,
        order: &Order,
        phone: &PhoneNumber,
        now: Timestamp,
    ) -> Result<Arc<Person>, Cause> {
        let snapshot = self.directory.of(unit.facts.environment);
        let person = snapshot
            .person_by_phone(phone)
            .ok_or(Cause::NotATestNumber {
                reason: CannotPay::Unknown,
            })?;
        match self.payer_of_order(unit, order, phone, now) {
            Ok(_) => {}
            Err(CannotPay::NeverLoggedIn) => return Err(Cause::NeverApprovedInApp),
            Err(reason) => return Err(Cause::NotATestNumber { reason }),
        }
        if !person.app.approved_once {
            return Err(Cause::NeverApprovedInApp);
        }
        Ok(person.clone())
    }

    fn approval(
        &self,
        unit: &Unit,
        payment: &Payment,
        person: &Person,
        card: Option<&Card>,
        bank: bank::BankAnswer,
    ) -> Approval {
        let (environment, msn) = (unit.facts.environment, &unit.facts.msn);
        let shares = !payment.order.scope.is_empty();
        let sub = shares.then(|| self.sub(environment, msn, &person.id));
        let user_id = if payment.order.is_express() {
            Some(self.express_user_id(environment, msn, &person.id))
        } else {
            sub.clone()
        };
        Approval {
            payer: payer_of(person),
            forced: false,
            bank,
            card_brand: card.map(|card| card.brand.clone()).unwrap_or_default(),
            card_bin: card.map(|card| card.bin).unwrap_or_default(),
            shipping_method: None,
            user: user_id.map(|user_id| UserDetails {
                user_id,
                first_name: person.given_name.clone(),
                last_name: person.family_name.clone(),
                email: person.email.clone(),
                mobile: person.phone.clone(),
            }),
            sub,
            transaction_id: self.chance.transaction_id(),
        }
    }
}

/// What the bank is asked for: test amounts count with shipping.
fn amount_with_shipping(payment: &Payment, method: Option<&str>) -> Minor {
    let offer = payment.open().and_then(|open| open.offer.as_ref());
    let chosen = offer.and_then(|offer| offer.method(method));
    let shipping = chosen.map_or(Minor::ZERO, |method| method.cost);
    payment.order.amount.plus(shipping)
}
