//! What an answer says, as far as the model predicts it.

/// What somebody was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status; 0 for an act of a person, which is no call.
    pub status: u16,
    /// Group and code, `Payment/61`; empty for a success, and where the gateway refused.
    pub code: String,
    /// What a success tells.
    pub facts: Facts,
}

/// What a success tells. Amounts are in øre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// No more than that it was one.
    Nothing,
    /// Capture, cancel, refund: the amount of the operation, and the sums after it.
    Moved { amount: i64, sums: Sums },
    /// Details.
    Story { sums: Option<Sums>, log: Vec<Line> },
    /// Status.
    Standing { status: String, amount: i64 },
    /// A person acted, and this came of it.
    Became(&'static str),
}

/// `transactionSummary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// `capturedAmount`
    pub captured: i64,
    /// `remainingAmountToCapture`
    pub to_capture: i64,
    /// `refundedAmount`
    pub refunded: i64,
    /// `remainingAmountToRefund`
    pub to_refund: i64,
}

/// An entry of `transactionLogHistory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `operation`
    pub operation: String,
    /// `amount`
    pub amount: i64,
    /// `operationSuccess`
    pub success: bool,
}

impl Reply {
    /// A success.
    pub fn ok(facts: Facts) -> Reply {
        Reply {
            status: 200,
            code: String::new(),
            facts,
        }
    }

    /// A refusal; `code` is group and code.
    pub fn refused(status: u16, code: &str) -> Reply {
        Reply {
            status,
            code: code.to_owned(),
            facts: Facts::Nothing,
        }
    }

    /// What a person's act made of the payment.
    pub fn became(what: &'static str) -> Reply {
        Reply {
            status: 0,
            code: String::new(),
            facts: Facts::Became(what),
        }
    }

    /// The platform failed: eCom's internal error, or a person's app that shows nothing.
    pub fn is_fault(&self) -> bool {
        self.code == "VippsError/99" || self.code == "fault"
    }

    /// The shop did not say how it ships, or not so that it can be used.
    pub fn is_no_shipping(&self) -> bool {
        self.code == "no shipping"
    }

    /// Somebody else held the order too long.
    pub fn is_locked(&self) -> bool {
        self.code == "VippsError/94"
    }
}
