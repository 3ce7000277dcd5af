//! What merchants asked for and what they were answered: all that the checker judges by.

use crate::http::Answer;
use crate::shop::Wish;

/// One order and everything that was asked about it, in order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Which of the shops.
    pub(crate) shop: usize,
    pub(crate) id: String,
    /// In øre.
    pub(crate) amount: u64,
    pub(crate) operations: Vec<Operation>,
}

/// One thing that was asked for, under the same key until it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) step: Step,
    /// How it ended for who asked.
    pub(crate) end: End,
    /// How often it was sent.
    pub(crate) attempts: u32,
    /// Some attempt may have had its effect without saying so.
    pub(crate) doubtful: bool,
}

/// A step in the life of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Initiate,
    Approve,
    Capture { amount: u64, key: String },
    Refund { amount: u64, key: String },
}

/// How an operation ended for who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Answered with success.
    Acknowledged(Answer),
    /// After an attempt without an answer the platform said that it is done already.
    DoneBefore,
    /// Nobody knows.
    Unknown,
    /// Refused, although there was no reason to.
    Refused,
}

impl Operation {
    /// Whether the platform said that it is done.
    pub(crate) fn is_acknowledged(&self) -> bool {
        matches!(self.end, End::Acknowledged(_) | End::DoneBefore)
    }
}

impl Step {
    /// The same under another key, where there is one: what nobody should do.
    pub(crate) fn with_key_of(&self, attempt: u32) -> Self {
        match self {
            Self::Initiate | Self::Approve => self.clone(),
            Self::Capture { amount, key } => Self::Capture {
                amount: *amount,
                key: format!("{key}-{attempt}"),
            },
            Self::Refund { amount, key } => Self::Refund {
                amount: *amount,
                key: format!("{key}-{attempt}"),
            },
        }
    }

    pub(crate) fn wish(&self, order: u64) -> Wish<'_> {
        match self {
            Self::Initiate => Wish::Initiate { amount: order },
            Self::Approve => Wish::Approve,
            Self::Capture { amount, key } => Wish::Capture {
                amount: *amount,
                key,
            },
            Self::Refund { amount, key } => Wish::Refund {
                amount: *amount,
                key,
            },
        }
    }
}

/// Sums of money of an order, in øre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) captured: u64,
    pub(crate) refunded: u64,
}

impl Order {
    /// What acknowledged operations have moved.
    pub(crate) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for operation in self.operations.iter().filter(|it| it.is_acknowledged()) {
            sums.add(&operation.step);
        }
        sums
    }
}

impl Sums {
    pub(crate) fn add(&mut self, step: &Step) {
        match step {
            Step::Initiate | Step::Approve => {}
            Step::Capture { amount, .. } => self.captured += amount,
            Step::Refund { amount, .. } => self.refunded += amount,
        }
    }
}
