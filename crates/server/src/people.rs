//! Somebody to begin with.

use jiff::{civil::Date, tz::TimeZone};
use sandkasse_domain::{
    Environment, PhoneNumber, Timestamp,
    person::{Acts, Address, AddressKind, AppUse, Card, CardState, Person, PersonId},
};
use sandkasse_engine::{Chance, Engine};
use sandkasse_store::StoreError;

use crate::numbers;

/// A person who is ready to pay, and approves by hand.
pub(crate) fn ready_to_pay(
    id: PersonId,
    phone: PhoneNumber,
    birthdate: Date,
    chance: &Chance,
) -> Person {
    Person {
        id,
        given_name: "Kari".to_owned(),
        family_name: "Nordmann".to_owned(),
        email: format!("{phone}@example.com"),
        phone,
        email_verified: true,
        birthdate,
        nin: numbers::nin(birthdate, chance),
        addresses: vec![Address {
            kind: AddressKind::Home,
            line1: "Storgata 1".to_owned(),
            line2: None,
            post_code: "0155".to_owned(),
            city: "OSLO".to_owned(),
        }],
        cards: vec![card(CardState::Valid)],
        app: AppUse {
            logged_in: true,
            approved_once: true,
            outdated: false,
            wrong_pins: 0,
        },
        blocked: false,
        limit_reached: false,
        acts: Acts::ByHand,
    }
}

/// A Visa card.
pub(crate) fn card(state: CardState) -> Card {
    Card {
        brand: "Visa".to_owned(),
        bin: 411_111,
        state,
    }
}

/// Today, so many years ago.
pub(crate) fn years_before(now: Timestamp, years: u8) -> Date {
    let today = now.to_zoned(TimeZone::UTC).date();
    today.saturating_sub(jiff::Span::new().years(i64::from(years)))
}

/// Everybody's PIN.
pub(crate) const PIN: &str = "1236";

/// What the app says of a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pin {
    Right,
    Wrong,
    /// There were too many wrong ones; the right one opens nothing either.
    Locked,
}

/// Somebody enters a PIN. Wrong ones are counted, until the right one comes.
pub(crate) async fn enter_pin(
    engine: &Engine,
    environment: Environment,
    person: &PersonId,
    pin: &str,
) -> Result<Pin, StoreError> {
    let known = engine.directory.of(environment);
    let known = known.person(person);
    let wrong_before = known.map_or(0, |person| person.app.wrong_pins);
    if known.is_some_and(|person| person.app.is_locked()) {
        return Ok(Pin::Locked);
    }
    if pin != PIN {
        let changed = engine
            .directory
            .change_person(environment, person, |person| {
                person.app.wrong_pins = person.app.wrong_pins.saturating_add(1);
            });
        let changed = changed.await?;
        let is_locked = changed.is_some_and(|person| person.app.is_locked());
        return Ok(if is_locked { Pin::Locked } else { Pin::Wrong });
    }
    if wrong_before > 0 {
        let forget = |person: &mut Person| person.app.wrong_pins = 0;
        engine
            .directory
            .change_person(environment, person, forget)
            .await?;
    }
    Ok(Pin::Right)
}
