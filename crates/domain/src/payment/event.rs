//! What happens to a payment. Folding its events gives the payment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ChosenShipping, Order, Refusal, ShippingOffer};
use crate::{Minor, PhoneNumber, person::PersonId};

/// The platform's number for one movement of money: ten digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransactionId(pub String);

/// An event and its moment on the sales unit's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// In whose app a payment request shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    /// Who.
    pub person: PersonId,
    /// The number at that moment.
    pub phone: PhoneNumber,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The merchant asked for a payment.
    Initiated {
        /// What was asked for.
        order: Box<Order>,
        /// Set when a person who acts unasked will approve it.
        #[serde(skip_serializing_if = "Option::is_none")]
        acts: Option<Acting>,
    },
    /// The payer logged in, or said OK on the landing page: five more minutes.
    Opened,
    /// The request shows in a person's app.
    Shown {
        /// Whose.
        payer: Payer,
        /// Shared by the INITIATE and RESERVE entries of the log from now on.
        transaction_id: TransactionId,
        /// When that person will approve unasked.
        #[serde(skip_serializing_if = "Option::is_none")]
        acts_at: Option<Timestamp>,
    },
    /// The person who would act unasked could not.
    PutDown,
    /// The payer of an express payment sees shipping methods.
    ShippingOffered {
        /// Address and methods.
        offer: ShippingOffer,
    },
    /// The bank asks the payer to confirm; meanwhile the merchant cannot cancel.
    ThreeDSecureBegan,
    /// The bank refused; the payer may try another card.
    ReservationRefused {
        /// Why.
        refusal: Refusal,
        /// Numbers the attempt.
        transaction_id: TransactionId,
    },
    /// The payer approved, and for an hour the bank does not say what came of it.
    OutcomeUnknown {
        /// The reservation that will stand.
        grant: Box<Grant>,
    },
    /// Money is reserved; on a direct-capture unit it is captured at once.
    Reserved {
        /// By whom and how.
        grant: Box<Grant>,
    },
    /// It ended before any money was reserved.
    Cancelled {
        /// How.
        by: CancelledBy,
        /// The merchant's words, if it was the merchant.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Numbers it, for ePayment alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction_id: Option<TransactionId>,
    },
    /// The payer gave up, or time ran out, after the bank had refused.
    Failed {
        /// The last refusal.
        refusal: Refusal,
    },
    /// The merchant let a reservation go, whole.
    Voided {
        /// The merchant's words.
        text: String,
        /// How much had been reserved. Old records do not say: the ordered amount, unless shipping
        /// came with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Minor>,
        /// Numbers the operation.
        transaction_id: TransactionId,
    },
    /// Money was taken.
    Captured(Movement),
    /// The bank refused to pay what was reserved.
    CaptureFailed(Movement),
    /// What was not captured goes back to the payer.
    RemainderReleased {
        /// How much.
        amount: Minor,
        /// The merchant's words; `None` when the bank did it by itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Numbers the operation.
        #[serde(skip_serializing_if = "Option::is_none")]
        transaction_id: Option<TransactionId>,
    },
    /// Money was given back.
    Refunded(Movement),
    /// The merchant's settlement account could not pay it back.
    RefundFailed(Movement),
}

impl Event {
    /// Gives the number that ePayment shows to an event that no decision numbered. An engine does
    /// so as it records the event.
    pub fn number(&mut self, fresh: impl FnOnce() -> TransactionId) {
        if let Event::Cancelled { transaction_id, .. }
        | Event::RemainderReleased { transaction_id, .. } = self
        {
            transaction_id.get_or_insert_with(fresh);
        }
    }
}

/// A person who approves unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acting {
    /// Who.
    pub payer: Payer,
    /// When.
    pub at: Timestamp,
}

/// One capture or refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// How much.
    pub amount: Minor,
    /// The merchant's words.
    pub text: String,
    /// Numbers the operation.
    pub transaction_id: TransactionId,
    /// The caller's `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// An approved payment: whose money, how much, and what was shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Who pays.
    pub payer: Payer,
    /// The amount, with shipping.
    pub amount: Minor,
    /// The card's brand.
    pub card_brand: String,
    /// The card's first six digits.
    pub card_bin: u32,
    /// Shared by the INITIATE and RESERVE entries of the log.
    pub transaction_id: TransactionId,
    /// For express and scope payments: what the merchant learns of the payer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserDetails>,
    /// For scope payments: the payer's name at this sales unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// For express payments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping: Option<ChosenShipping>,
}

/// What the merchant learns of the payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct UserDetails {
    pub user_id: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub mobile: PhoneNumber,
}

/// How a payment ended before any money was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelledBy {
    /// Rejected in the app.
    Payer,
    /// Given up on the landing page.
    LandingPage,
    /// By the merchant's call.
    Merchant,
    /// Nobody acted in time.
    Timeout,
}
