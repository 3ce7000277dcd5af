//! Who takes part: five sales units, six persons, and a number of nobody.

use std::sync::Arc;

use jiff::Timestamp;
use sandkasse_domain::{
    Environment, Msn, PhoneNumber,
    keys::Keys,
    merchant::{Merchant, OrgForm, OrgNo, Standing},
    person::{Acts, Address, AddressKind, AppUse, Card, CardState, Person, PersonId},
    sales_unit::{CaptureType, ClosedBy, RateLimits, SalesUnit, UnitState, UrlPolicy},
};
use sandkasse_engine::{Engine, directory::Change};

use crate::model;

/// A sales unit in the beginning.
struct Role {
    name: &'static str,
    environment: Environment,
    merchant: usize,
    capture: CaptureType,
    limits: RateLimits,
    may_skip: bool,
}

/// The sales units. The last one alone has limits per minute.
const ROLES: [Role; 5] = [
    Role {
        name: "socks",
        environment: Environment::Test,
        merchant: 0,
        capture: CaptureType::Reserve,
        limits: RateLimits::Off,
        may_skip: false,
    },
    Role {
        name: "hats",
        environment: Environment::Test,
        merchant: 0,
        capture: CaptureType::Reserve,
        limits: RateLimits::Off,
        may_skip: true,
    },
    Role {
        name: "tickets",
        environment: Environment::Test,
        merchant: 1,
        capture: CaptureType::Direct,
        limits: RateLimits::Off,
        may_skip: false,
    },
    Role {
        name: "boats",
        environment: Environment::Production,
        merchant: 1,
        capture: CaptureType::Reserve,
        limits: RateLimits::Off,
        may_skip: true,
    },
    Role {
        name: "bread",
        environment: Environment::Test,
        merchant: 2,
        capture: CaptureType::Reserve,
        limits: RateLimits::On,
        may_skip: false,
    },
];

/// By hand, by hand with a card that goes bad, blocked from time to time, never approved; two who
/// act unasked.
const ACTS: [Acts; 6] = [
    Acts::ByHand,
    Acts::ByHand,
    Acts::ByHand,
    Acts::ByHand,
    Acts::AtOnce,
    Acts::After(20),
];
/// Who never approved in the app.
pub(crate) const NEWCOMER: usize = 3;
/// Whose cards and standing change. Those who act unasked stay as they are, since they act at a
/// moment of which nobody is told.
pub(crate) const CHANGING: std::ops::Range<usize> = 0..3;
/// Who waits to be told what to do.
pub(crate) const BY_HAND: usize = 4;
/// How many persons there are; this is also the place of the number of nobody.
pub(crate) const PERSONS: usize = ACTS.len();

/// A sales unit as the simulation follows it.
pub(crate) struct Unit {
    /// For the log.
    pub(crate) name: &'static str,
    /// In which world.
    pub(crate) environment: Environment,
    /// Its number.
    pub(crate) msn: Msn,
    /// What the model goes by.
    pub(crate) facts: model::Unit,
    /// Its way in.
    pub(crate) entrance: model::Entrance,
    /// The keys of its program.
    pub(crate) keys: Keys,
    /// Keys that were replaced, and live no more.
    pub(crate) retired: Vec<Keys>,
    /// The token of its program, and earlier ones.
    pub(crate) tokens: Vec<model::Token>,
    /// How far its clock is ahead.
    pub(crate) ahead_ms: i64,
}

fn keys(engine: &Engine) -> Keys {
    let chance = &engine.chance;
    Keys {
        client_id: chance.uuid().to_string(),
        client_secret: chance.client_secret(),
        primary: chance.subscription_key(),
        secondary: chance.subscription_key(),
    }
}

/// All numbers; the last one is nobody's.
pub(crate) fn phones() -> Arc<Vec<PhoneNumber>> {
    let number = |index: usize| PhoneNumber::try_new(&format!("9100000{index}"));
    Arc::new((0..=PERSONS).filter_map(number).collect())
}

/// The sales units and persons, and what makes them.
pub(crate) fn cast(engine: &Engine) -> (Vec<Change>, Vec<Unit>, Vec<model::Person>) {
    let (mut changes, mut units) = (Vec::new(), Vec::new());
    for environment in Environment::ALL {
        for merchant in 0..3 {
            changes.push(Change::Merchant(environment, the_merchant(merchant)));
        }
    }
    for (index, role) in ROLES.iter().enumerate() {
        let msn = Msn::try_new(&format!("{}", 200_001 + index)).expect("six digits");
        let orgno = the_merchant(role.merchant).orgno;
        let keys = keys(engine);
        let mut facts = SalesUnit::new(role.environment, msn.clone(), orgno, keys.clone());
        facts.url_policy = UrlPolicy::Local;
        (facts.capture, facts.rate_limits) = (role.capture, role.limits);
        facts.skip_landing_page = role.may_skip;
        changes.push(Change::Unit(Box::new(facts)));
        let is_test = role.environment == Environment::Test;
        let living = [keys.primary.clone(), keys.secondary.clone()];
        let limited = role.limits == RateLimits::On;
        let entrance = model::Entrance::new(is_test, limited, living);
        units.push(Unit {
            name: role.name,
            environment: role.environment,
            msn,
            facts: model::Unit {
                is_test,
                direct: role.capture == CaptureType::Direct,
                may_skip: role.may_skip,
            },
            entrance,
            keys,
            retired: Vec::new(),
            tokens: Vec::new(),
            ahead_ms: 0,
        });
    }
    let mut persons = Vec::new();
    for (index, acts) in ACTS.into_iter().enumerate() {
        let person = the_person(index, acts);
        for environment in Environment::ALL {
            changes.push(Change::Person(environment, Box::new(person.clone())));
        }
        persons.push(model::Person {
            may_pay: true,
            approved_once: Some(person.app.approved_once),
            acts_after: match acts {
                Acts::AtOnce => Some(0),
                Acts::After(seconds) => Some(i64::from(seconds) * 1000),
                Acts::ByHand | Acts::Never => None,
            },
            cards: [true; 2],
        });
    }
    (changes, units, persons)
}

fn the_merchant(index: usize) -> Merchant {
    Merchant {
        orgno: OrgNo(format!("91234567{index}")),
        name: format!("Merchant {index}"),
        form: OrgForm::default(),
        standing: Standing::Active,
        register: None,
    }
}

/// A person's id.
pub(crate) fn person_id(index: usize) -> PersonId {
    PersonId(format!("person-{index}"))
}

fn the_person(index: usize, acts: Acts) -> Person {
    let card = |brand: &str, bin| Card {
        brand: brand.to_owned(),
        bin,
        state: CardState::Valid,
    };
    Person {
        id: person_id(index),
        phone: phones().get(index).expect("everybody has a number").clone(),
        given_name: "Kari".to_owned(),
        family_name: "Nordmann".to_owned(),
        email: "kari@example.com".to_owned(),
        email_verified: true,
        birthdate: jiff::civil::date(1993, 1, 2),
        nin: "02019312345".to_owned(),
        addresses: vec![Address {
            kind: AddressKind::Home,
            line1: "Storgata 1".to_owned(),
            line2: None,
            post_code: "0155".to_owned(),
            city: "OSLO".to_owned(),
        }],
        cards: vec![card("Visa", 492_556), card("Mastercard", 534_489)],
        app: AppUse {
            logged_in: true,
            approved_once: index != NEWCOMER,
            outdated: false,
            wrong_pins: 0,
        },
        blocked: false,
        limit_reached: false,
        acts,
    }
}

/// A sales unit that its merchant closed.
pub(crate) fn closed(at: Timestamp) -> UnitState {
    let by = ClosedBy::Merchant {
        person: "Ola Nordmann".to_owned(),
    };
    UnitState::Deactivated { by, at }
}
