//! The people who pay, and what a sales unit may not learn about them.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{PhoneNumber, phone::BadNumber};

/// The platform's own name for a person: new for each registered profile.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub String);

/// One user of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who this is.
    pub id: PersonId,
    /// The number that merchants know.
    pub phone: PhoneNumber,
    /// First name, from the national register.
    pub given_name: String,
    /// Last name, from the national register.
    pub family_name: String,
    /// Set by the person in the app.
    pub email: String,
    /// Whether the address was proved.
    pub email_verified: bool,
    /// Decides whether businesses may be paid.
    pub birthdate: Date,
    /// National identity number, eleven digits.
    pub nin: String,
    /// The first is the default one. At most three.
    pub addresses: Vec<Address>,
    /// The first is the default one.
    pub cards: Vec<Card>,
    /// What the person has done in the app.
    pub app: AppUse,
    /// The platform has closed the profile.
    pub blocked: bool,
    /// The person's spending limit is used up.
    pub limit_reached: bool,
    /// How the person answers payment requests.
    pub acts: Acts,
}

/// What a person has done in the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppUse {
    /// A test user must log in once before anything works.
    pub logged_in: bool,
    /// A payment was approved in the app; force approve works only after that (error 1082).
    pub approved_once: bool,
    /// The installed version is too old to pay with (error 82).
    pub outdated: bool,
    /// Wrong PINs since the last right one.
    #[serde(default)]
    pub wrong_pins: u32,
}

/// So many wrong PINs lock the app (reference: platform.md §8, "Test users").
pub const PINS_BEFORE_LOCK: u32 = 10_000;

impl AppUse {
    /// Whether no PIN opens the app any more.
    pub fn is_locked(&self) -> bool {
        self.wrong_pins >= PINS_BEFORE_LOCK
    }
}

/// How a person answers a payment request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acts {
    /// Only when told to.
    ByHand,
    /// Approves as soon as the request reaches the phone.
    AtOnce,
    /// Approves so many seconds later, on the sales unit's clock.
    After(u32),
    /// Lets every request time out.
    Never,
}

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Which of the three this is.
    pub kind: AddressKind,
    /// Street and house number.
    pub line1: String,
    /// Unit and floor.
    pub line2: Option<String>,
    /// Four digits.
    pub post_code: String,
    /// The post town, in capitals.
    pub city: String,
}

/// Home comes from the national register; the others from the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AddressKind {
    Home,
    Work,
    Other,
}

/// A payment card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `Visa`, `Mastercard`.
    pub brand: String,
    /// The first six digits.
    pub bin: u32,
    /// What the bank says of it.
    pub state: CardState,
}

/// What the bank says of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum CardState {
    Valid,
    Expired,
    Blocked,
    InsufficientFunds,
}

/// Why a number cannot be asked to pay. On the wire all of these are one and the same error 81.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CannotPay {
    /// It is no Norwegian number.
    Number(BadNumber),
    /// Nobody has this number here.
    Unknown,
    /// Younger than 15 may pay persons only.
    TooYoung,
    /// Younger than the merchant asks for.
    BelowMinimumAge,
    /// The platform has closed the profile.
    Blocked,
    /// The spending limit is used up.
    LimitReached,
    /// A test user who never logged in to the test app.
    NeverLoggedIn,
}

impl Person {
    /// Whether the person may pay a business at this moment.
    pub fn may_pay(&self, now: Timestamp) -> Result<(), CannotPay> {
        if self.blocked {
            return Err(CannotPay::Blocked);
        }
        if self.age(now) < 15 {
            return Err(CannotPay::TooYoung);
        }
        if !self.app.logged_in {
            return Err(CannotPay::NeverLoggedIn);
        }
        if self.limit_reached {
            return Err(CannotPay::LimitReached);
        }
        Ok(())
    }

    /// Full years at this moment, in UTC as all of the platform.
    pub fn age(&self, now: Timestamp) -> i32 {
        let today = now.to_zoned(TimeZone::UTC).date();
        let years = i32::from(today.year()) - i32::from(self.birthdate.year());
        let had_birthday =
            (today.month(), today.day()) >= (self.birthdate.month(), self.birthdate.day());
        if had_birthday { years } else { years - 1 }
    }

    /// The card that is charged unless the person picks another.
    pub fn default_card(&self) -> Option<&Card> {
        self.cards.first()
    }
}
