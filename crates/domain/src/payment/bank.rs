//! What a bank answers, in the test environment by the amount.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::{
    Environment, Minor,
    person::{Card, CardState},
};

/// What the bank says when a payer approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BankAnswer {
    /// The money is reserved.
    Accepts,
    /// It is not.
    Refuses(Refusal),
    /// Nobody knows for an hour.
    StaysSilent,
    /// The payer must confirm with the bank first (3-D Secure).
    WantsConfirmation,
}

/// What the bank says to a payment approved in the app.
///
/// The test amounts (reference: platform.md §8) work in the test environment only; force approve
/// does not ask here at all.
pub fn answer(
    environment: Environment,
    amount: Minor,
    card: Option<&Card>,
    confirmed: bool,
) -> BankAnswer {
    let Some(card) = card else {
        return BankAnswer::Refuses(Refusal::NoValidCard);
    };
    match card.state {
        CardState::Valid => {}
        CardState::Expired => return BankAnswer::Refuses(Refusal::ExpiredCard),
        CardState::Blocked => return BankAnswer::Refuses(Refusal::NoValidCard),
        CardState::InsufficientFunds => return BankAnswer::Refuses(Refusal::ByIssuer),
    }
    if environment == Environment::Production {
        return BankAnswer::Accepts;
    }
    match amount.units() {
        151 | 182 | 183 | 184 => BankAnswer::Refuses(Refusal::ByIssuer),
        186 => BankAnswer::Refuses(Refusal::ExpiredCard),
        187 => BankAnswer::Refuses(Refusal::NoValidCard),
        197 => BankAnswer::Refuses(Refusal::ReasonUnknown),
        201 => BankAnswer::StaysSilent,
        202 if !confirmed => BankAnswer::WantsConfirmation,
        _ => BankAnswer::Accepts,
    }
}
