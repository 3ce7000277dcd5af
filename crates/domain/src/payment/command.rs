//! What can be asked of a payment, with the facts that a decision needs.

use jiff::Timestamp;

use super::{
    Acting, Allowed, Cause, Event, Order, Payer, ShippingOffer, TransactionId, UserDetails,
    bank::BankAnswer, epayment,
};
use crate::{Minor, consent::Scope, person::CannotPay};

/// What can be asked of an existing payment. All outside facts are inside.
#[derive(Clone, Debug)]
pub enum Command {
    /// The payer logs in or says OK on the landing page.
    Open,
    /// The request is pushed to a person's app.
    Show {
        /// Whose.
        payer: Payer,
        /// When that person acts unasked.
        acts_at: Option<Timestamp>,
        /// A fresh number.
        transaction_id: TransactionId,
    },
    /// The person who would act unasked could not.
    PutDown,
    /// The payer of an express payment chose an address, and these methods came for it.
    OfferShipping(ShippingOffer),
    /// The payer goes to the bank's 3-D Secure page.
    EnterThreeDSecure,
    /// The payer approves.
    Approve(Box<Approval>),
    /// The payer rejects, in the app.
    Reject,
    /// The payer cancels on the landing page.
    LeaveLandingPage,
    /// The merchant takes reserved money.
    Capture {
        /// What is asked for.
        asking: Asking,
        /// Whether the bank still pays; it may refuse once its hold on the card is over.
        bank_pays: bool,
        /// Whether less than what is left may not be captured.
        must_be_whole: bool,
    },
    /// The merchant gives money back.
    Refund {
        /// What is asked for.
        asking: Asking,
        /// What the merchant's settlement account bears; `None` is no bound.
        settlement: Option<Settlement>,
    },
    /// The merchant lets the payment go.
    Cancel {
        /// The merchant's words.
        text: String,
        /// `shouldReleaseRemainingFunds`: give back what was not captured.
        release_remainder: bool,
        /// ePayment's `cancelTransactionOnly`: not if it is approved already.
        only_open: bool,
        /// Whether the bank lets go. It always does, unless a test wants it not to.
        bank_agrees: bool,
        /// A fresh number.
        transaction_id: TransactionId,
    },
    /// The moment of [`super::Payment::due`] has come.
    TimePasses,
}

/// What a capture or refund asks for.
#[derive(Clone, Debug)]
pub struct Asking {
    /// `None` is everything.
    pub amount: Option<Minor>,
    /// The merchant's words.
    pub text: String,
    /// A fresh number.
    pub transaction_id: TransactionId,
    /// The caller's `X-Request-Id`.
    pub request_id: Option<String>,
}

/// A merchant's settlement account.
#[derive(Clone, Copy, Debug)]
pub struct Settlement {
    /// What it holds, in minor units; negative when overdrawn.
    pub balance: i64,
    /// How far it may be overdrawn.
    pub overdraft: Minor,
}

/// A payer's approval.
#[derive(Clone, Debug)]
pub struct Approval {
    /// Who.
    pub payer: Payer,
    /// Whether the test call approves, instead of the person in the app.
    pub forced: bool,
    /// What the bank says.
    pub bank: BankAnswer,
    /// The card used.
    pub card_brand: String,
    /// Its first six digits.
    pub card_bin: u32,
    /// For express payments: the id of the chosen method; `None` takes the default one.
    pub shipping_method: Option<String>,
    /// For express and scope payments: what the merchant will learn.
    pub user: Option<UserDetails>,
    /// For scope payments: the payer's name at this sales unit.
    pub sub: Option<String>,
    /// A fresh number.
    pub transaction_id: TransactionId,
}

/// What must be known to decide on a new payment.
#[derive(Clone, Debug)]
pub struct InitiateFacts {
    /// Whether and when the order id was used before.
    pub first_used: Option<Timestamp>,
    /// Whether the sales unit may skip the landing page.
    pub may_skip_landing_page: bool,
    /// Whether it may ask for national identity numbers.
    pub may_ask_nin: bool,
    /// The limit on what it may receive, and what it has received.
    pub receive: Option<(Minor, Minor)>,
    /// The limit on what it may ask for, and what it has asked for.
    pub request: Option<(Minor, Minor)>,
    /// Who has the number that the merchant named, if it named one.
    pub payer: Option<Result<Payer, CannotPay>>,
    /// Whether that person's app is too old.
    pub app_outdated: bool,
    /// When that person acts unasked.
    pub acts_at: Option<Timestamp>,
    /// A fresh number, used when the request is pushed at once.
    pub transaction_id: TransactionId,
    /// What the sales unit may do through ePayment.
    pub epayment: Allowed,
    /// The moment on the unit's clock.
    pub now: Timestamp,
}

/// Decides on a new payment.
///
/// The order of the checks is contract. eCom's (reference: README.md, ruling 13): 38, then 51 of the
/// nin scope, 32/33, 34, 81/82. ePayment's: the reference, what the sales unit may, the amount and
/// the times, the payer (reference: epayment.md §5).
pub fn initiate(order: Order, facts: InitiateFacts) -> Result<Vec<Event>, Cause> {
    let duplicate = |first_used| Cause::DuplicateOrder {
        order: order.id.clone(),
        first_used,
    };
    let (skips, nin) = (facts.may_skip_landing_page, facts.may_ask_nin);
    if let Some(it) = order.epayment() {
        if let Some(first_used) = facts.first_used {
            return Err(duplicate(first_used));
        }
        epayment::check(&order, it, &facts.epayment, skips, nin, facts.now)?;
    } else {
        if order.skip_landing_page && !skips {
            return Err(Cause::SkipLandingPageNotAllowed);
        }
        if order.scope.contains(&Scope::Nin) && !nin {
            return Err(Cause::NinNotAllowed);
        }
    }
    let asked = order.amount;
    if let Some((limit, received)) = facts.receive
        && received.plus(asked) > limit
    {
        return Err(Cause::ReceivingLimitExceeded {
            limit,
            received,
            asked,
        });
    }
    if let Some((limit, requested)) = facts.request
        && requested.plus(asked) > limit
    {
        return Err(Cause::RequestLimitExceeded {
            limit,
            requested,
            asked,
        });
    }
    if let Some(first_used) = facts.first_used {
        return Err(duplicate(first_used));
    }
    let payer = facts
        .payer
        .transpose()
        .map_err(|reason| Cause::CannotPay { reason })?;
    if facts.app_outdated {
        return Err(Cause::AppOutdated);
    }

    let pushed = order.skip_landing_page;
    let acting = payer
        .clone()
        .zip(facts.acts_at)
        .map(|(payer, at)| Acting { payer, at });
    let mut events = vec![Event::Initiated {
        order: Box::new(order),
        acts: acting,
    }];
    if let (true, Some(payer)) = (pushed, payer) {
        events.push(Event::Shown {
            payer,
            transaction_id: facts.transaction_id,
            acts_at: facts.acts_at,
        });
    }
    Ok(events)
}
