//! What matters of sales units and persons.

use super::Ms;

/// What matters of a sales unit. None of it changes during the life of a payment.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Test amounts and force approve.
    pub is_test: bool,
    /// Captures at approval.
    pub direct: bool,
    /// May skip the landing page.
    pub may_skip: bool,
}

/// What matters of a person.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// Whether the person may pay at all.
    pub may_pay: bool,
    /// Whether a payment was approved in the app; `None` when an answer was lost.
    pub approved_once: Option<bool>,
    /// How long after a request the person approves unasked.
    pub acts_after: Option<Ms>,
    /// A Visa and a Mastercard: whether they are good.
    pub cards: [bool; 2],
}

/// Which card paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// Held by the bank for 7 days.
    Visa,
    /// Held for 30.
    Mastercard,
}
