//! What stands on one phone, put together for its template.

use std::collections::BTreeSet;

use sandkasse_domain::{
    Environment,
    consent::Scope,
    payment::{Open, Payment},
    person::{PINS_BEFORE_LOCK, Person},
};
use sandkasse_engine::{Engine, InApp, Refused};

use super::{
    owner::Owner,
    sessions::{Choice, Trouble, Unlocked},
    words::Language,
};
use crate::{control::Control, portal::visitor::Visitor, redirect};

/// So many past payments are shown.
const PAST: usize = 20;

/// One phone.
pub(super) struct Panel {
    /// Eight digits; also what makes its ids unique on a page.
    pub(super) phone: String,
    pub(super) name: String,
    /// Where it is.
    pub(super) home: String,
    /// The page it stands on.
    pub(super) back: String,
    pub(super) in_test: bool,
    /// Its screen behind the PIN.
    pub(super) screen: Option<Screen>,
    /// The last PIN was wrong, and so many more may be.
    pub(super) wrong: Option<u32>,
    pub(super) locked: bool,
}

/// What stands behind the PIN.
pub(super) struct Screen {
    pub(super) csrf: String,
    /// Why the person cannot pay.
    pub(super) cannot_pay: Option<&'static str>,
    pub(super) requests: Vec<Request>,
    pub(super) receipt: Option<Receipt>,
    pub(super) past: Vec<Past>,
    pub(super) cards: Vec<CardLine>,
    pub(super) person: Facts,
    pub(super) shops: Vec<Shop>,
}

/// A payment request that waits for the person.
pub(super) struct Request {
    /// Makes its ids unique.
    pub(super) id: String,
    pub(super) msn: String,
    pub(super) order: String,
    pub(super) shop: String,
    pub(super) text: String,
    pub(super) amount: String,
    pub(super) left_ms: i64,
    pub(super) refused: Option<&'static str>,
    pub(super) trouble: Option<(&'static str, String)>,
    pub(super) confirms: bool,
    /// Who pays without being asked, or soon.
    pub(super) acts_alone: bool,
    pub(super) step: Step,
    pub(super) express: bool,
    pub(super) addresses: Vec<Choosable>,
    /// The address that the methods are for.
    pub(super) ships_to: Option<String>,
    pub(super) methods: Vec<Method>,
    pub(super) scopes: Vec<&'static str>,
    pub(super) cards: Vec<CardLine>,
}

/// What the person is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Where to send it.
    Address,
    /// What the shop may know.
    Consent,
    /// Whether to pay.
    Pay,
}

impl Request {
    pub(super) fn asks(&self, step: &str) -> bool {
        let now = match self.step {
            Step::Address => "address",
            Step::Consent => "consent",
            Step::Pay => "pay",
        };
        now == step
    }

    /// Minutes and seconds.
    pub(super) fn left(&self) -> String {
        let seconds = self.left_ms / 1000;
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
}

/// One of several.
pub(super) struct Choosable {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) chosen: bool,
}

/// A way to ship.
pub(super) struct Method {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) cost: String,
    pub(super) total: String,
    pub(super) chosen: bool,
}

/// A card.
pub(super) struct CardLine {
    pub(super) index: usize,
    pub(super) label: String,
    pub(super) state: &'static str,
    pub(super) valid: bool,
    pub(super) chosen: bool,
}

/// What was decided last.
pub(super) struct Receipt {
    pub(super) title: &'static str,
    pub(super) good: bool,
    pub(super) shop: String,
    pub(super) amount: String,
    pub(super) order: String,
    pub(super) shipping: Option<String>,
    /// What the app opens.
    pub(super) shop_url: Option<String>,
}

/// A payment that was decided.
pub(super) struct Past {
    pub(super) when: String,
    pub(super) shop: String,
    pub(super) order: String,
    pub(super) amount: String,
    pub(super) outcome: &'static str,
    pub(super) mood: &'static str,
}

/// Personal data, all of it made up.
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) email: String,
    pub(super) email_verified: bool,
    pub(super) birthdate: String,
    pub(super) nin: String,
    pub(super) addresses: Vec<(&'static str, String)>,
}

/// A sales unit that may know something.
pub(super) struct Shop {
    pub(super) msn: String,
    pub(super) name: String,
    pub(super) knows: Vec<&'static str>,
    /// It is told when the person takes everything back.
    pub(super) is_told: bool,
}

impl Panel {
    /// A phone as it stands. `wrong`: the PIN just entered was.
    pub(super) async fn of(
        control: &Control,
        owner: &Owner,
        language: Language,
        back: String,
        wrong: bool,
    ) -> Result<Panel, Refused> {
        let person = &owner.person;
        let screen = match &owner.open {
            Some((_, open)) => Some(screen(control, owner, open, language).await?),
            None => None,
        };
        let left = PINS_BEFORE_LOCK.saturating_sub(person.app.wrong_pins);
        Ok(Panel {
            phone: person.phone.to_string(),
            name: full_name(person),
            home: owner.home(),
            back,
            in_test: owner.environment == Environment::Test,
            screen,
            wrong: wrong.then_some(left),
            locked: person.app.is_locked(),
        })
    }
}

/// First and last name.
pub(super) fn full_name(person: &Person) -> String {
    format!("{} {}", person.given_name, person.family_name)
}

async fn screen(
    control: &Control,
    owner: &Owner,
    phone: &Unlocked,
    language: Language,
) -> Result<Screen, Refused> {
    let engine = &control.platform.engine;
    let (environment, person) = (owner.environment, &owner.person);
    let all = engine.in_app(environment, &person.id, PAST).await?;
    let mut requests = Vec::new();
    let mut past = Vec::new();
    for (index, it) in all.iter().enumerate() {
        match it.view.payment.open() {
            Some(open) => {
                let asked = (
                    it.unit.facts.msn.clone(),
                    it.view.payment.order.id.to_string(),
                );
                let choice = phone.choices.get(&asked).cloned().unwrap_or_default();
                let asked = engine.not_shared_yet(&it.unit, &it.view.payment, &person.id);
                let scopes = asked.await?;
                let number = format!("{}-{index}", person.phone);
                let waiting = Waiting {
                    it,
                    open,
                    choice,
                    scopes,
                };
                requests.push(waiting.shown(number, person, language));
            }
            None => past.push(Past::of(it, language)),
        }
    }
    let shops = engine.consents_of(environment, &person.id).await?;
    let shops = shops.into_iter().map(|(unit, consent)| Shop {
        msn: unit.facts.msn.to_string(),
        name: unit.facts.name.clone(),
        knows: consent
            .granted
            .iter()
            .map(|it| language.scope(*it))
            .collect(),
        is_told: consent.removal_prefix.is_some(),
    });
    let may_pay = person.may_pay(engine.clock.now());
    Ok(Screen {
        csrf: phone.csrf.clone(),
        cannot_pay: may_pay.err().map(|reason| language.cannot_pay(reason)),
        requests,
        receipt: receipt(engine, owner, phone, language).await?,
        past,
        cards: cards(person, 0, language),
        person: Facts::of(person, language),
        shops: shops.collect(),
    })
}

/// A request and what was said about it.
struct Waiting<'a> {
    it: &'a InApp,
    open: &'a Open,
    choice: Choice,
    scopes: BTreeSet<Scope>,
}

impl Waiting<'_> {
    fn shown(self, id: String, person: &Person, language: Language) -> Request {
        let Waiting {
            it,
            open,
            choice,
            scopes,
        } = self;
        let view = &it.view;
        let order = &view.payment.order;
        let offer = open.offer.as_ref();
        let step = if order.is_express() && offer.is_none() {
            Step::Address
        } else if !scopes.is_empty() && !choice.shares {
            Step::Consent
        } else {
            Step::Pay
        };
        let chosen = offer.and_then(|offer| offer.method(choice.method.as_deref()));
        let mut offered: Vec<_> = offer.map_or(vec![], |offer| offer.methods.iter().collect());
        offered.sort_by_key(|method| method.priority);
        let methods = offered.into_iter().map(|method| Method {
            id: method.id.clone(),
            name: method.name.clone(),
            cost: language.amount(method.cost, order.currency()),
            total: language.amount(order.amount.plus(method.cost), order.currency()),
            chosen: chosen.is_some_and(|chosen| chosen.id == method.id),
        });
        let to = offer.map(|offer| &offer.address);
        let addresses = person.addresses.iter().enumerate();
        let addresses = addresses.map(|(index, address)| Choosable {
            value: index.to_string(),
            label: format!("{}: {}", language.address(address.kind), line(address)),
            chosen: to.map_or(index == 0, |to| to == address),
        });
        let trouble = choice.trouble.map(|trouble| match trouble {
            Trouble::NoShippingMethods(why) => (
                language.say("No shipping methods found", "Fant ingen fraktmetoder"),
                why,
            ),
            Trouble::PaymentFailed(why) => {
                (language.say("Payment failed", "Betalingen feilet"), why)
            }
        });
        let left = view.payment.link_expires_at().duration_since(view.now);
        Request {
            id,
            msn: it.unit.facts.msn.to_string(),
            order: order.id.to_string(),
            shop: it.unit.facts.name.clone(),
            text: order.text.clone(),
            amount: language.amount(order.amount, order.currency()),
            left_ms: i64::try_from(left.as_millis()).unwrap_or(i64::MAX).max(0),
            refused: open.refused.map(|refusal| language.refusal(refusal)),
            trouble,
            confirms: open.in_three_d_secure,
            acts_alone: open.acting.is_some(),
            step,
            express: order.is_express(),
            addresses: addresses.collect(),
            ships_to: to.map(line),
            methods: methods.collect(),
            scopes: scopes
                .into_iter()
                .map(|scope| language.scope(scope))
                .collect(),
            cards: cards(person, choice.card, language),
        }
    }
}

impl Past {
    fn of(it: &InApp, language: Language) -> Past {
        let payment = &it.view.payment;
        let (outcome, mood) = language.outcome(payment);
        Past {
            when: language.moment(payment.initiated_at),
            shop: it.unit.facts.name.clone(),
            order: payment.order.id.to_string(),
            amount: language.amount(paid(payment), payment.order.currency()),
            outcome,
            mood,
        }
    }
}

impl Facts {
    fn of(person: &Person, language: Language) -> Facts {
        let addresses = person.addresses.iter();
        Facts {
            name: full_name(person),
            phone: format!("+47 {}", person.phone),
            email: person.email.clone(),
            email_verified: person.email_verified,
            birthdate: person.birthdate.to_string(),
            nin: person.nin.clone(),
            addresses: addresses
                .map(|address| (language.address(address.kind), line(address)))
                .collect(),
        }
    }
}

async fn receipt(
    engine: &Engine,
    owner: &Owner,
    phone: &Unlocked,
    language: Language,
) -> Result<Option<Receipt>, Refused> {
    let Some((msn, order)) = &phone.last else {
        return Ok(None);
    };
    let directory = engine.directory.of(owner.environment);
    let Some(unit) = directory.unit(msn) else {
        return Ok(None);
    };
    let view = engine.view(unit, order).await?;
    let payment = &view.payment;
    if view.whose() != Some(&owner.person.id) || payment.open().is_some() {
        return Ok(None);
    }
    let (title, mood) = language.outcome(payment);
    let grant = payment.reservation().map(|reservation| &reservation.grant);
    let shipping = grant.and_then(|grant| grant.shipping.as_ref());
    Ok(Some(Receipt {
        title,
        good: mood == "good",
        shop: unit.facts.name.clone(),
        amount: language.amount(paid(payment), payment.order.currency()),
        order: order.clone(),
        shipping: shipping.map(|it| format!("{}, {}", it.method.name, line(&it.address))),
        shop_url: redirect::app(payment).map(|url| sandkasse_courier::url::location(&url)),
    }))
}

/// With shipping, once it is approved.
fn paid(payment: &Payment) -> sandkasse_domain::Minor {
    let reservation = payment.reservation();
    reservation.map_or(payment.order.amount, |reservation| reservation.grant.amount)
}

fn cards(person: &Person, chosen: usize, language: Language) -> Vec<CardLine> {
    use sandkasse_domain::person::CardState;
    let cards = person.cards.iter().enumerate();
    cards
        .map(|(index, card)| CardLine {
            index,
            label: format!("{} {:06} ••••", card.brand, card.bin),
            state: language.card(card.state),
            valid: card.state == CardState::Valid,
            chosen: index == chosen,
        })
        .collect()
}

fn line(address: &sandkasse_domain::person::Address) -> String {
    let line2 = address
        .line2
        .as_deref()
        .map_or_else(String::new, |line| format!(", {line}"));
    format!(
        "{}{line2}, {} {}",
        address.line1, address.post_code, address.city
    )
}

/// Somebody for the list of persons.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) home: String,
    pub(super) open: bool,
    /// `None` for who can pay.
    pub(super) cannot_pay: Option<&'static str>,
    pub(super) acts: &'static str,
    pub(super) cards: Vec<CardLine>,
}

/// The persons of an environment, by number.
pub(super) fn rows(
    control: &Control,
    headers: &http::HeaderMap,
    environment: Environment,
    language: Language,
) -> Vec<Row> {
    let engine = &control.platform.engine;
    let now = engine.clock.now();
    let directory = engine.directory.of(environment);
    let persons = directory.persons().into_iter();
    persons
        .map(|person| {
            let owner = Owner::find(control, headers, environment, person.phone.as_str());
            Row {
                name: full_name(person),
                phone: person.phone.to_string(),
                home: super::owner::home(environment, &person.phone),
                open: owner.is_some_and(|owner| owner.open.is_some()),
                cannot_pay: person.may_pay(now).err().map(|it| language.cannot_pay(it)),
                acts: acts(person, language),
                cards: cards(person, 0, language),
            }
        })
        .collect()
}

fn acts(person: &Person, language: Language) -> &'static str {
    use sandkasse_domain::person::Acts;
    match person.acts {
        Acts::ByHand => "",
        Acts::AtOnce => language.say("pays at once, unasked", "betaler straks, uten å bli spurt"),
        Acts::After(_) => language.say("pays after a while, unasked", "betaler etter en stund"),
        Acts::Never => language.say("never answers", "svarer aldri"),
    }
}

/// Whether somebody who is signed in sees production too.
pub(super) fn sees_production(visitor: Option<&Visitor>) -> bool {
    visitor.is_some() && super::owner::may_see(Environment::Production, visitor).is_ok()
}
