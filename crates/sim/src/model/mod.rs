//! What the platform must answer, written a second time and independently: from the reference
//! (`docs/reference/ecom.md`, `platform.md`), in the simplest way, without any code of the platform.
//!
//! [`Pay`] is one payment; [`Pay::act`] says what an action makes of it and what its caller is told.
//! What nobody was told stays open: [`Possible`] is all that a payment may be, and answers narrow it.

mod entrance;
mod machine;
mod parties;
mod possible;
mod reply;

pub use entrance::{Credentials, Entrance, Token};
pub use machine::{Pay, Stage};
pub use parties::{Card, Person, Unit};
pub use possible::{MOST, Possible, Scene, Seen, Told};
pub use reply::{Facts, Line, Reply, Sums};

/// Milliseconds of Unix time on a sales unit's clock.
pub type Ms = i64;

/// What somebody does with one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new payment.
    Initiate(NewOrder),
    /// The merchant takes money.
    Capture(Asked),
    /// The merchant gives money back.
    Refund(Asked),
    /// The merchant lets go; with `release` of what it did not capture.
    Cancel { release: bool, bank_refuses: bool },
    /// The merchant looks.
    Details,
    /// The merchant looks, as it did until 2020.
    Status,
    /// A test approves for a person; 42 when the bank shall refuse.
    Force { person: usize, bank_refuses: bool },
    /// The payer opens the link.
    Open,
    /// The payer gives a number on the landing page.
    Show { person: usize },
    /// The payer goes to the bank's page.
    Secure,
    /// The payer approves in the app, with one of two cards.
    Approve { person: usize, card: usize },
    /// The payer rejects in the app.
    Reject,
    /// The payer gives up on the landing page.
    Leave,
}

/// What a merchant orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// In øre.
    pub amount: i64,
    /// With shipping, of which the default method costs [`SHIPPING`].
    pub express: bool,
    /// Express, and the shop is asked how it ships when the payer approves.
    pub asks_shipping: bool,
    /// Pushed to the app at once.
    pub skip_landing_page: bool,
    /// Whose number the merchant names. One beyond all persons is nobody's.
    pub mobile: Option<usize>,
}

/// What a capture or refund asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// In øre; `None` and 0 are everything.
    pub amount: Option<i64>,
    /// Which of two texts.
    pub text: usize,
    /// `X-Request-Id`.
    pub key: Option<String>,
    /// The bank shall not pay.
    pub bank_refuses: bool,
}

/// What the default shipping method adds, in øre.
pub const SHIPPING: i64 = 9_900;

impl Action {
    /// Whether a person acts, and no merchant.
    pub fn is_a_persons(&self) -> bool {
        match self {
            Action::Open
            | Action::Show { .. }
            | Action::Secure
            | Action::Approve { .. }
            | Action::Reject
            | Action::Leave => true,
            Action::Initiate(_)
            | Action::Capture(_)
            | Action::Refund(_)
            | Action::Cancel { .. }
            | Action::Details
            | Action::Status
            | Action::Force { .. } => false,
        }
    }

    /// One word.
    pub fn name(&self) -> &'static str {
        match self {
            Action::Initiate(_) => "initiate",
            Action::Capture(_) => "capture",
            Action::Refund(_) => "refund",
            Action::Cancel { .. } => "cancel",
            Action::Details => "details",
            Action::Status => "status",
            Action::Force { .. } => "approve",
            Action::Open => "open",
            Action::Show { .. } => "show",
            Action::Secure => "3-D Secure",
            Action::Approve { .. } => "approve in the app",
            Action::Reject => "reject",
            Action::Leave => "leave",
        }
    }
}
