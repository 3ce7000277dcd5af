//! What can be asked of the engine about payments, and what it answers.

use sandkasse_domain::{
    Currency, Minor, PhoneNumber, Timestamp,
    payment::{Cause, Happened, Operation, Payment, ShippingOffer},
};

use crate::faults::BankFault;

/// What somebody wants of an existing payment.
#[derive(Clone, Debug)]
pub enum Intent {
    /// The merchant takes reserved money.
    Capture {
        /// `None` is all that is reserved.
        amount: Option<Minor>,
        /// The merchant's words.
        text: String,
        /// `X-Request-Id`.
        request_id: Option<String>,
    },
    /// The merchant gives money back.
    Refund {
        /// `None` is all that was captured.
        amount: Option<Minor>,
        /// The merchant's words.
        text: String,
        /// `X-Request-Id`.
        request_id: Option<String>,
    },
    /// The merchant lets the payment go.
    Cancel {
        /// The merchant's words.
        text: String,
        /// Give back what was not captured.
        release_remainder: bool,
        /// Only if nobody has approved it yet.
        only_open: bool,
    },
    /// A person does something, in the app or on the landing page.
    Person(Act),
    /// The person who acts unasked could not.
    PutDown,
    /// A deadline has come.
    TimePasses,
}

/// What a person does with a payment request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Logs in, or says OK on the landing page.
    Open,
    /// Gives a number on the landing page: the request shows in that person's app.
    Show {
        /// Whose.
        phone: PhoneNumber,
    },
    /// Sees these shipping methods.
    SeeShipping(ShippingOffer),
    /// Goes to the bank's 3-D Secure page.
    EnterThreeDSecure,
    /// Approves in the app.
    Approve {
        /// Who.
        phone: PhoneNumber,
        /// Which of the cards, the default one first.
        card: usize,
        /// The id of the shipping method; `None` is the default one.
        shipping_method: Option<String>,
    },
    /// Approves because a test calls for it. Ignores test amounts.
    ForceApprove {
        /// Who.
        phone: PhoneNumber,
    },
    /// Rejects in the app.
    Reject,
    /// Cancels on the landing page.
    LeaveLandingPage,
}

/// Through which door an intent comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    /// eCom, which does not see ePayment's payments.
    Ecom,
    /// ePayment, which sees all.
    Epayment {
        /// What the amount of the call counts, if it has one.
        currency: Option<Currency>,
    },
    /// The portal, a page, the app.
    Inside,
}

/// An intent, how it comes, and what the bank refuses of it on demand.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What is wanted.
    pub intent: Intent,
    /// Through which door.
    pub through: Through,
    /// What the bank refuses on demand.
    pub fault: Option<BankFault>,
}

impl From<Intent> for Wanted {
    fn from(intent: Intent) -> Wanted {
        Wanted {
            intent,
            through: Through::Inside,
            fault: None,
        }
    }
}

/// Makes a request repeatable: the first answer is saved with its effect, and given again.
pub struct Idempotency<'a, T = Operated> {
    /// Keys of different operations do not meet.
    pub operation: Operation,
    /// The caller's key.
    pub key: &'a str,
    /// What the request means; another meaning under the same key is refused.
    pub fingerprint: String,
    /// Makes the answer to save.
    pub render: &'a (dyn Fn(&T) -> Rendered + Sync),
    /// Makes the answer to a refusal, which ePayment saves as well. Its keys and eCom's do not meet.
    pub refusals: Option<&'a (dyn Fn(&Cause) -> Rendered + Sync)>,
}

/// A payment after an operation, and what the operation made happen.
#[derive(Clone, Debug)]
pub struct Operated {
    /// As it stands now.
    pub payment: Payment,
    /// What this operation made happen; empty when nothing had to.
    pub happened: Vec<Happened>,
    /// The moment of the operation.
    pub now: Timestamp,
}

/// An answer as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// HTTP status.
    pub status: u16,
    /// Exact body.
    pub body: String,
}

/// What came of an operation.
#[derive(Clone, Debug)]
pub enum Done<T = Operated> {
    /// It was carried out.
    Now(Box<T>),
    /// It had been carried out before; this was the answer.
    Before(Rendered),
    /// It was refused, and that answer is saved: only where the caller asked for it.
    Refused {
        /// Why.
        cause: Box<Cause>,
        /// The answer.
        rendered: Rendered,
        /// Whether this was the answer before.
        before: bool,
    },
}

impl<T> Done<T> {
    /// The same of something that was made of what was carried out.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Done<U> {
        match self {
            Done::Now(it) => Done::Now(Box::new(make(*it))),
            Done::Before(rendered) => Done::Before(rendered),
            Done::Refused {
                cause,
                rendered,
                before,
            } => Done::Refused {
                cause,
                rendered,
                before,
            },
        }
    }
}

/// A new payment.
#[derive(Clone, Debug)]
pub struct Initiated {
    /// As it stands.
    pub payment: Payment,
    /// When it was initiated.
    pub now: Timestamp,
}

/// A payment with its history, to look at.
#[derive(Clone, Debug)]
pub struct View {
    /// As it stands.
    pub payment: Payment,
    /// All that happened, oldest first.
    pub history: Vec<Happened>,
    /// The moment of looking.
    pub now: Timestamp,
}

/// At which moment an operation takes place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    /// On the unit's clock, now.
    Now,
    /// At the moment of a deadline.
    Moment { moment: Timestamp, pace: AtPace },
}

/// Whether the caller already keeps everybody else away from the unit's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtPace {
    Free,
    Held,
}
