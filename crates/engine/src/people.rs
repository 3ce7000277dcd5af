//! What persons do: open links, choose shipping, approve, reject, revoke.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use sandkasse_domain::{
    Environment, Minor, Msn, PhoneNumber, Timestamp,
    consent::Consent,
    payment::{
        Approval, Cause, Checkout, Command, Event, Happened, Payment, ShippingMethod,
        ShippingOffer, ShippingSource, UserDetails, bank,
    },
    person::{Acts, CannotPay, Card, CardState, Person, PersonId},
};
use sandkasse_store::{CallFailure, Commit, CommitError, StoreError, StoredEvent, Write};
use serde::Deserialize;

use crate::{
    Engine, Refused, Unit, consent_stream, outgoing,
    payments::{At, Done, Intent, Operated, View, payer_of},
    unreadable,
};

/// What a person does with a payment request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Logs in, or says OK on the landing page.
    Open,
    /// Gives a number on the landing page: the request shows in that person's app.
    Show {
        /// Whose.
        phone: PhoneNumber,
    },
    /// Sees these shipping methods.
    SeeShipping(ShippingOffer),
    /// Goes to the bank's 3-D Secure page.
    EnterThreeDSecure,
    /// Approves in the app.
    Approve {
        /// Who.
        phone: PhoneNumber,
        /// Which of the cards, the default one first.
        card: usize,
        /// The id of the shipping method; `None` is the default one.
        shipping_method: Option<String>,
    },
    /// Approves because a test calls for it. Ignores test amounts.
    ForceApprove {
        /// Who.
        phone: PhoneNumber,
    },
    /// Rejects in the app.
    Reject,
    /// Cancels on the landing page.
    LeaveLandingPage,
}

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

    /// The approval of a person who acts unasked, at its moment.
    pub(crate) async fn act_unasked(
        &self,
        unit: &Arc<Unit>,
        view: &View,
        at: At,
    ) -> Result<(), ActRefused> {
        let acting = view.payment.open().and_then(|open| open.acting.clone());
        let Some(acting) = acting else { return Ok(()) };
        let phone = acting.payer.phone;
        self.see_shipping_if_needed(unit, view, &phone, at).await?;
        // The machine asks for a confirmation once (3-D Secure); such a person gives it.
        let act = Act::Approve {
            phone,
            card: 0,
            shipping_method: None,
        };
        let order = view.payment.order.id.as_str();
        let operated = self.act(unit, order, act.clone(), at).await?;
        if operated
            .payment
            .open()
            .is_some_and(|open| open.in_three_d_secure)
        {
            self.act(unit, order, act, at).await?;
        }
        Ok(())
    }

    async fn act(
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
            Done::Before(_) => unreachable!("only calls with an idempotency key are replayed"),
        }
    }

    /// The approval of a person who acts unasked, when nothing has to be asked of the shop first.
    pub(crate) fn unasked_approval(
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
            self.payer(unit, phone, now)
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
                let person = self.test_person(unit, phone, now)?;
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
        phone: &PhoneNumber,
        now: Timestamp,
    ) -> Result<Arc<Person>, Cause> {
        let snapshot = self.directory.of(unit.facts.environment);
        let person = snapshot
            .person_by_phone(phone)
            .ok_or(Cause::NotATestNumber {
                reason: CannotPay::Unknown,
            })?;
        match person.may_pay(now) {
            Ok(()) => {}
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

    async fn see_shipping_if_needed(
        &self,
        unit: &Arc<Unit>,
        view: &View,
        phone: &PhoneNumber,
        at: At,
    ) -> Result<(), ActRefused> {
        let missing = view.payment.open().is_some_and(|open| open.offer.is_none());
        if view.payment.order.is_express() && missing {
            self.see_shipping(unit, view, phone, 0, at).await?;
        }
        Ok(())
    }

    async fn see_shipping(
        &self,
        unit: &Arc<Unit>,
        view: &View,
        phone: &PhoneNumber,
        address: usize,
        at: At,
    ) -> Result<ShippingOffer, ActRefused> {
        let payment = &view.payment;
        let person = self
            .payer(unit, phone, view.now)
            .map_err(|reason| Refused::from(Cause::CannotPay { reason }))?;
        let Checkout::Express { shipping, .. } = &payment.order.checkout else {
            return Err(Refused::from(Cause::ShippingNotChosen).into());
        };
        let Some(to) = person.addresses.get(address) else {
            let detail = "the person has no such address".to_owned();
            return Err(ActRefused::NoShippingMethods { detail });
        };
        let methods = match shipping {
            ShippingSource::Static(methods) => methods.clone(),
            ShippingSource::Asked { prefix } => {
                let id = self.chance.uuid().to_string();
                let address_id = u32::try_from(address).unwrap_or_default() + 1;
                let call =
                    outgoing::shipping_details(id, payment, prefix, to, address_id, view.now);
                let policy = unit.facts.url_policy;
                let outcome = self.outgoing.ask(unit.partition(), policy, call).await;
                if let Some(CallFailure::Timeout { limit_ms }) = outcome.failure {
                    let detail = format!("the shop did not answer within {limit_ms} ms");
                    return Err(ActRefused::NoShippingMethods { detail });
                }
                if let Some(failure) = outcome.failure {
                    let detail = format!("{failure:?}");
                    return Err(ActRefused::BadShippingAnswer { detail });
                }
                let answer = outcome.answer.unwrap_or_default();
                read_methods(&answer).map_err(|detail| ActRefused::BadShippingAnswer { detail })?
            }
        };
        let offer = ShippingOffer {
            address: to.clone(),
            methods,
        };
        let act = Act::SeeShipping(offer.clone());
        self.act(unit, payment.order.id.as_str(), act, at).await?;
        Ok(offer)
    }

    /// A person's name at one sales unit. The same through every product of the unit, so it needs
    /// no table (reference: userinfo.md, ruling 8).
    pub fn sub(&self, environment: Environment, msn: &Msn, person: &PersonId) -> String {
        let bytes = self.pairwise("sub", environment, msn, person);
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    /// A person's name in express payments: 24 characters of Base64.
    pub fn express_user_id(
        &self,
        environment: Environment,
        msn: &Msn,
        person: &PersonId,
    ) -> String {
        STANDARD.encode(self.pairwise("express", environment, msn, person))
    }

    fn pairwise(
        &self,
        label: &str,
        environment: Environment,
        msn: &Msn,
        person: &PersonId,
    ) -> [u8; 16] {
        let snapshot = self.directory.of(environment);
        let secret = snapshot.secret(PAIRWISE_SECRET).unwrap_or_default();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{label}\n{msn}\n{}", person.0).as_bytes());
        let mut first = [0; 16];
        first
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        first
    }

    /// What a person lets a sales unit know, by the person's `sub` there.
    pub async fn consent(&self, unit: &Unit, sub: &str) -> Result<Option<Consent>, StoreError> {
        Ok(self
            .stored_consent(unit, sub)
            .await?
            .map(|(_, consent)| consent))
    }

    async fn stored_consent(
        &self,
        unit: &Unit,
        sub: &str,
    ) -> Result<Option<(u64, Consent)>, StoreError> {
        let record = self
            .store
            .load(&unit.partition(), &consent_stream(sub))
            .await?;
        record
            .map(|record| {
                let consent = serde_json::from_str(&record.body)
                    .map_err(|error| unreadable("a consent", &error))?;
                Ok((record.version, consent))
            })
            .transpose()
    }

    /// The consent that an approval among `happened` changes: when, under which `sub`, and the
    /// new value with the version it replaces.
    pub(crate) async fn consent_after(
        &self,
        unit: &Unit,
        payment: &Payment,
        happened: &[Happened],
    ) -> Result<Option<(Timestamp, String, (Option<u64>, Consent))>, StoreError> {
        let approved = happened.iter().find_map(|happened| {
            if let Event::Reserved { grant } = &happened.event {
                Some((happened.at, grant))
            } else {
                None
            }
        });
        let Some((at, grant)) = approved else {
            return Ok(None);
        };
        let order = &payment.order;
        if order.scope.is_empty() && !order.is_express() {
            return Ok(None);
        }
        let person = &grant.payer.person;
        let sub = self.sub(unit.facts.environment, &unit.facts.msn, person);
        let stored = self.stored_consent(unit, &sub).await?;
        let (version, mut consent) = match stored {
            Some((version, consent)) => (Some(version), consent),
            None => (None, Consent::new(person.clone())),
        };
        if !order.scope.is_empty() {
            consent.grant(&order.scope, at);
        }
        if let Checkout::Express {
            consent_removal_prefix,
            ..
        } = &order.checkout
        {
            consent.removal_prefix = Some(consent_removal_prefix.clone());
        }
        Ok(Some((at, sub, (version, consent))))
    }

    /// The person takes back what a sales unit may know; the shop is told. `false` when there was
    /// nothing to take back.
    pub async fn revoke(&self, unit: &Arc<Unit>, person: &PersonId) -> Result<bool, Refused> {
        let (environment, msn) = (unit.facts.environment, &unit.facts.msn);
        let sub = self.sub(environment, msn, person);
        loop {
            let now = self.now(unit);
            let Some((version, mut consent)) = self.stored_consent(unit, &sub).await? else {
                return Ok(false);
            };
            if consent.granted.is_empty() && consent.removal_prefix.is_none() {
                return Ok(false);
            }
            consent.granted.clear();
            let prefix = consent.removal_prefix.take();
            let call = prefix.map(|prefix| {
                let id = self.chance.uuid().to_string();
                let user_id = self.express_user_id(environment, msn, person);
                outgoing::consent_removal(id, &prefix, &user_id, now)
            });
            let body =
                serde_json::to_string(&consent).map_err(|error| unreadable("a consent", &error))?;
            let commit = Commit {
                partition: unit.partition(),
                writes: vec![Write {
                    stream: consent_stream(&sub),
                    expected: Some(version),
                    body: body.clone(),
                    deadline: None,
                    events: vec![StoredEvent { at: now, body }],
                }],
                reply: None,
                calls: call.iter().cloned().collect(),
            };
            match self.store.commit(commit).await {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
            if let Some(call) = call {
                self.outgoing
                    .post(unit.partition(), unit.facts.url_policy, call);
            }
            return Ok(true);
        }
    }
}

/// The name of the secret that pairwise ids are made with.
pub(crate) const PAIRWISE_SECRET: &str = "pairwise";

/// What the bank is asked for: test amounts count with shipping.
fn amount_with_shipping(payment: &Payment, method: Option<&str>) -> Minor {
    let methods = payment
        .open()
        .and_then(|open| open.offer.as_ref())
        .map(|offer| offer.methods.as_slice())
        .unwrap_or_default();
    let chosen = methods.iter().find(|candidate| match method {
        Some(id) => candidate.id == id,
        None => candidate.is_default,
    });
    payment
        .order
        .amount
        .plus(chosen.map_or(Minor::ZERO, |method| method.cost))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShippingAnswer {
    shipping_details: Vec<serde_json::Value>,
}

/// Reads a shop's answer as tolerantly as the platform: numbers may be strings, the priority may
/// be missing, `addressId` and `orderId` are not looked at (reference: ecom.md §6).
fn read_methods(answer: &str) -> Result<Vec<ShippingMethod>, String> {
    let answer: ShippingAnswer = serde_json::from_str(answer)
        .map_err(|error| format!("the answer is not as documented: {error}"))?;
    if answer.shipping_details.is_empty() {
        return Err("shippingDetails is empty".to_owned());
    }
    answer
        .shipping_details
        .iter()
        .enumerate()
        .map(|(index, method)| {
            read_method(method).map_err(|what| format!("shippingDetails[{index}]: {what}"))
        })
        .collect()
}

/// Reads one shipping method, from a shop's answer or from a static list.
pub fn read_method(method: &serde_json::Value) -> Result<ShippingMethod, String> {
    let text = |member: &str, most: usize| {
        let text = method.get(member).and_then(serde_json::Value::as_str);
        text.filter(|text| !text.is_empty() && text.chars().count() <= most)
            .map(str::to_owned)
            .ok_or(format!(
                "{member} must be a text of at most {most} characters"
            ))
    };
    let is_default = match method.get("isDefault").and_then(serde_json::Value::as_str) {
        Some("Y") => true,
        Some("N") => false,
        _ => return Err("isDefault must be \"Y\" or \"N\"".to_owned()),
    };
    let cost = number(method.get("shippingCost"))
        .and_then(minor)
        .ok_or("shippingCost must be a number of kroner, not negative")?;
    let priority = match method.get("priority") {
        None | Some(serde_json::Value::Null) => 0,
        Some(priority) => number(Some(priority))
            .filter(|number| number.fract() == 0.0 && number.abs() < 1e9)
            .map(whole)
            .ok_or("priority must be an integer")?,
    };
    Ok(ShippingMethod {
        id: text("shippingMethodId", 100)?,
        name: text("shippingMethod", 256)?,
        cost,
        priority,
        is_default,
    })
}

fn number(value: Option<&serde_json::Value>) -> Option<f64> {
    match value? {
        serde_json::Value::Number(number) => number.as_f64(),
        serde_json::Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    }
}

fn minor(kroner: f64) -> Option<Minor> {
    let units = (kroner * 100.0).round();
    (units <= f64::from(i32::MAX))
        .then(|| whole(units))
        .and_then(Minor::try_new)
}

#[expect(clippy::cast_possible_truncation, reason = "callers have bounded it")]
fn whole(number: f64) -> i64 {
    number as i64
}
