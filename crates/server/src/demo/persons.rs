//! Persons: one for each way in which paying goes well or wrong.

use jiff::civil::date;
use sandkasse_domain::{
    Environment, PhoneNumber, Timestamp,
    person::{Acts, CardState, Person, PersonId},
};
use sandkasse_engine::{Chance, directory::Change};

use crate::people::{card, ready_to_pay, years_before};

/// How old the one is who is too young.
const CHILD: u8 = 10;

/// A first name, and what is special.
type Row = (&'static str, fn(&mut Person));

/// By the last digit of the number, from 1. The first one is the `PHONE` of `sandkasse env`.
const PERSONS: [Row; 8] = [
    ("Kari", |_| {}),
    ("Uten Kort", |person| person.cards.clear()),
    // The birthdate is set below: it depends on today.
    ("Barn", |_| {}),
    ("Sperret", |person| person.blocked = true),
    ("Uinnlogget", |person| {
        person.app.logged_in = false;
        person.app.approved_once = false;
    }),
    ("Oppbrukt", |person| person.limit_reached = true),
    ("Rask", |person| person.acts = Acts::AtOnce),
    ("To Kort", |person| {
        let mut second = card(CardState::Valid);
        second.brand = "Mastercard".to_owned();
        second.bin = 555_555;
        person.cards = vec![card(CardState::Expired), second];
    }),
];

/// The persons of one environment: numbers 41000001 and on in test, 91000001 and on in production.
pub(super) fn changes(environment: Environment, now: Timestamp) -> impl Iterator<Item = Change> {
    let series: u32 = match environment {
        Environment::Test => 41_000_000,
        Environment::Production => 91_000_000,
    };
    (1..).zip(PERSONS).map(move |(last, (name, special))| {
        let number: u32 = series + last;
        let phone = PhoneNumber::try_new(&number.to_string()).expect("eight digits");
        let birthdate = if name == "Barn" {
            years_before(now, CHILD)
        } else {
            date(1990, 1, 15)
        };
        let id = PersonId(format!("demo-{number}"));
        // Of its own, so that the numbers are the same on every machine.
        let chance = Chance::seeded(number.into());
        let mut person = ready_to_pay(id, phone, birthdate, &chance);
        name.clone_into(&mut person.given_name);
        "Demo".clone_into(&mut person.family_name);
        special(&mut person);
        Change::Person(environment, Box::new(person))
    })
}
