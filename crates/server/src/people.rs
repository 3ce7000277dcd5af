//! Somebody to begin with.

use jiff::{civil::Date, tz::TimeZone};
use sandkasse_domain::{
    PhoneNumber, Timestamp,
    person::{Acts, Address, AddressKind, AppUse, Card, CardState, Person, PersonId},
};
use sandkasse_engine::Chance;

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
