//! What can be chosen of a person.

use jiff::civil::Date;
use sandkasse_domain::{
    Environment, Timestamp,
    person::{Acts, Address, AddressKind, Card, CardState, Person},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problem, schemas};
use crate::people::{card, years_before};

/// The oldest person there can be.
const OLDEST: u8 = 120;
/// As in the app.
const MOST_ADDRESSES: usize = 3;
/// More would be no test of anything.
const MOST_CARDS: usize = 20;

/// Traits of a person; what is left out keeps its value, or its default for a new one: ready to
/// pay, and approving by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonTraits {
    /// Where the person exists. Only for a new one; `test` if left out.
    #[schema(schema_with = schemas::environment)]
    pub(super) environment: Option<Environment>,
    /// The telephone number. Only for a new one; a free one if left out.
    #[schema(example = "91234567")]
    pub(super) phone: Option<String>,
    #[schema(example = "Kari")]
    given_name: Option<String>,
    #[schema(example = "Nordmann")]
    family_name: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    /// In full years, today; 30 if neither this nor `birthdate` is said.
    age: Option<u8>,
    #[schema(value_type = Option<String>, format = Date)]
    birthdate: Option<Date>,
    /// National identity number, eleven digits.
    nin: Option<String>,
    /// At most three; the first is the default one.
    addresses: Option<Vec<AddressWire>>,
    /// The first is the default one; one valid card if left out.
    #[schema(example = json!([{"state": "expired"}, {"state": "valid"}]))]
    cards: Option<Vec<CardWire>>,
    /// Has logged in to the app.
    logged_in: Option<bool>,
    /// Has approved a payment in the app; needed for force approve.
    approved_once: Option<bool>,
    /// The app is too old to pay with (error 82).
    app_outdated: Option<bool>,
    /// Wrong PINs since the last right one; 10 000 lock the app, 0 opens it again.
    wrong_pins: Option<u32>,
    /// The platform has closed the profile.
    blocked: Option<bool>,
    /// The spending limit is used up.
    limit_reached: Option<bool>,
    /// How the person answers payment requests.
    acts: Option<ActsWire>,
}

/// How a person answers payment requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ActsWire {
    /// Only when told to.
    ByHand,
    /// Approves as soon as the request reaches the phone.
    AtOnce,
    /// Approves so many seconds later, on the sales unit's clock.
    AfterSeconds(u32),
    /// Lets every request time out.
    Never,
}

impl From<ActsWire> for Acts {
    fn from(acts: ActsWire) -> Acts {
        match acts {
            ActsWire::ByHand => Acts::ByHand,
            ActsWire::AtOnce => Acts::AtOnce,
            ActsWire::AfterSeconds(seconds) => Acts::After(seconds),
            ActsWire::Never => Acts::Never,
        }
    }
}

impl From<Acts> for ActsWire {
    fn from(acts: Acts) -> ActsWire {
        match acts {
            Acts::ByHand => ActsWire::ByHand,
            Acts::AtOnce => ActsWire::AtOnce,
            Acts::After(seconds) => ActsWire::AfterSeconds(seconds),
            Acts::Never => ActsWire::Never,
        }
    }
}

/// A payment card.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CardWire {
    /// What the bank says of it.
    #[schema(schema_with = schemas::card_state)]
    state: CardState,
    /// `Visa` or `Mastercard`.
    #[schema(example = "Visa")]
    brand: String,
    /// The first six digits.
    #[schema(example = 411_111)]
    bin: u32,
}

impl Default for CardWire {
    fn default() -> CardWire {
        CardWire::from(&card(CardState::Valid))
    }
}

/// A postal address.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressWire {
    #[schema(schema_with = schemas::address_kind)]
    kind: AddressKind,
    #[schema(example = "Storgata 1")]
    line1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line2: Option<String>,
    #[schema(example = "0155")]
    post_code: String,
    #[schema(example = "OSLO")]
    city: String,
}

impl From<&Address> for AddressWire {
    fn from(address: &Address) -> AddressWire {
        AddressWire {
            kind: address.kind,
            line1: address.line1.clone(),
            line2: address.line2.clone(),
            post_code: address.post_code.clone(),
            city: address.city.clone(),
        }
    }
}

impl From<&AddressWire> for Address {
    fn from(address: &AddressWire) -> Address {
        Address {
            kind: address.kind,
            line1: address.line1.clone(),
            line2: address.line2.clone(),
            post_code: address.post_code.clone(),
            city: address.city.clone(),
        }
    }
}

impl PersonTraits {
    /// Refuses what nobody can be.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let wrong = |detail: &str| Err(Problem::bad_request(detail));
        if self.age.is_some() && self.birthdate.is_some() {
            return wrong("say `age` or `birthdate`, not both");
        }
        if self.age.is_some_and(|age| age > OLDEST) {
            return wrong("nobody is so old");
        }
        let is_nin = |nin: &str| nin.len() == 11 && nin.bytes().all(|byte| byte.is_ascii_digit());
        if self.nin.as_deref().is_some_and(|nin| !is_nin(nin)) {
            return wrong("`nin` has eleven digits");
        }
        if self
            .addresses
            .as_ref()
            .is_some_and(|all| all.len() > MOST_ADDRESSES)
        {
            return wrong("a person has at most three addresses");
        }
        if self
            .cards
            .as_ref()
            .is_some_and(|all| all.len() > MOST_CARDS)
        {
            return wrong("these are too many cards");
        }
        Ok(())
    }

    /// The day of birth that was said, seen from `now`.
    pub(super) fn birthdate(&self, now: Timestamp) -> Option<Date> {
        self.birthdate
            .or_else(|| self.age.map(|age| years_before(now, age)))
    }

    /// Sets what was said.
    pub(super) fn apply(&self, person: &mut Person, now: Timestamp) {
        fn set<T: Clone>(place: &mut T, said: &Option<T>) {
            if let Some(value) = said {
                place.clone_from(value);
            }
        }
        set(&mut person.given_name, &self.given_name);
        set(&mut person.family_name, &self.family_name);
        set(&mut person.email, &self.email);
        set(&mut person.email_verified, &self.email_verified);
        set(&mut person.birthdate, &self.birthdate(now));
        set(&mut person.nin, &self.nin);
        set(&mut person.app.logged_in, &self.logged_in);
        set(&mut person.app.approved_once, &self.approved_once);
        set(&mut person.app.outdated, &self.app_outdated);
        set(&mut person.app.wrong_pins, &self.wrong_pins);
        set(&mut person.blocked, &self.blocked);
        set(&mut person.limit_reached, &self.limit_reached);
        set(&mut person.acts, &self.acts.map(Acts::from));
        if let Some(addresses) = &self.addresses {
            person.addresses = addresses.iter().map(Address::from).collect();
        }
        if let Some(cards) = &self.cards {
            person.cards = cards.iter().map(Card::from).collect();
        }
    }
}

impl From<&CardWire> for Card {
    fn from(card: &CardWire) -> Card {
        Card {
            brand: card.brand.clone(),
            bin: card.bin,
            state: card.state,
        }
    }
}

impl From<&Card> for CardWire {
    fn from(card: &Card) -> CardWire {
        CardWire {
            state: card.state,
            brand: card.brand.clone(),
            bin: card.bin,
        }
    }
}
