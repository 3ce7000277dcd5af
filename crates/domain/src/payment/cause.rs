//! Why a command was refused: what is true, with the facts.
//!
//! Several causes may answer alike on the wire; each API maps them to its own bytes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Phase, UserFlow};
use crate::{Currency, Minor, Msn, OrderId, person::CannotPay};

/// Why the bank or the card issuer refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No card, or not a valid one (41).
    NoValidCard,
    /// Insufficient funds, suspected fraud, withdrawal limit, … (42).
    ByIssuer,
    /// The issuer does not accept the amount (43).
    InvalidAmount,
    /// The card has expired (44).
    ExpiredCard,
    /// 3-D Secure was denied, or the reason is not known (45).
    ReasonUnknown,
}

/// An operation of a merchant on a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operation {
    Initiate,
    Capture,
    Cancel,
    Refund,
    Details,
    Status,
    Approve,
}

impl Operation {
    /// The name in paths, scopes and logs.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Initiate => "initiate",
            Operation::Capture => "capture",
            Operation::Cancel => "cancel",
            Operation::Refund => "refund",
            Operation::Details => "details",
            Operation::Status => "status",
            Operation::Approve => "approve",
        }
    }
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum Cause {
    /// The sales unit may not skip the landing page.
    SkipLandingPageNotAllowed,
    /// The sales unit may not ask for national identity numbers.
    NinNotAllowed,
    /// More would be received than the merchant may.
    ReceivingLimitExceeded {
        limit: Minor,
        received: Minor,
        asked: Minor,
    },
    /// More would be asked for than the merchant may.
    RequestLimitExceeded {
        limit: Minor,
        requested: Minor,
        asked: Minor,
    },
    /// The order id was used before, with whatever outcome.
    DuplicateOrder {
        order: OrderId,
        first_used: Timestamp,
    },
    /// The sales unit captures directly, and ePayment only reserves.
    ReserveNotAllowed,
    /// The sales unit may not use express.
    ExpressNotAllowed,
    /// The sales unit may not let payments live longer than ten minutes.
    LongLivingNotAllowed,
    /// Payments by card alone are not taken here.
    CardNotAvailable,
    /// No provider passes cards through here.
    CardPassthroughNotAvailable,
    /// The sales unit is paid in another currency.
    CurrencyNotAllowed { asked: Currency, takes: Currency },
    /// No kind of card can be blocked for a Norwegian sales unit.
    BlockedSourcesNotApplicable,
    /// Less than can be paid.
    AmountTooSmall { asked: Minor, least: Minor },
    /// A payment of this flow cannot say when it expires.
    ExpiryNotAllowed { flow: UserFlow },
    /// It would expire too soon.
    ExpiryTooSoon {
        expires_at: Timestamp,
        earliest: Timestamp,
    },
    /// It would live too long.
    ExpiryTooLate {
        expires_at: Timestamp,
        latest: Timestamp,
    },
    /// A payment that says when it expires must say what is bought.
    ReceiptMissing,
    /// Nobody who can pay has this number.
    CannotPay { reason: CannotPay },
    /// The person's app is too old.
    AppOutdated,

    /// No payment has this id.
    OrderUnknown { order: String, asked_by: Msn },
    /// Another sales unit of the same merchant has a payment of this id.
    OrderOfAnotherUnit {
        order: String,
        asked_by: Msn,
        owned_by: Msn,
    },
    /// The payment was made by ePayment, and eCom does not see those.
    OrderOfEpayment { order: String, asked_by: Msn },
    /// Another operation on this order did not end in time.
    OrderLocked { order: String },
    /// The bank does not say yet what came of the approval.
    OutcomePending { until: Timestamp },
    /// The idempotency key was used for another request.
    KeyReused { operation: Operation, key: String },

    /// Nothing is reserved: not approved yet, timed out, or refused by the bank.
    CaptureNotReserved {
        ended: bool,
        #[serde(default)]
        phase: Phase,
    },
    /// The payment was cancelled.
    CaptureOfCancelled {
        #[serde(default)]
        phase: Phase,
    },
    /// All of it was captured before.
    AlreadyCaptured { captured: Minor },
    /// The sales unit captures directly, at approval.
    CapturedDirectly,
    /// The sales unit must capture all at once.
    CaptureMustBeWhole { reserved: Minor, asked: Minor },
    /// The amount counts another currency than the payment.
    OtherCurrency { asked: Currency, of: Currency },
    /// Later than 180 days after the reservation.
    CaptureTooLate { reserved_at: Timestamp },
    /// More than was reserved.
    CaptureExceedsReserved {
        reserved: Minor,
        captured: Minor,
        asked: Minor,
    },
    /// The rest was released before.
    CaptureAfterRelease { captured: Minor },
    /// The bank refused the late capture.
    CaptureRefusedByBank,

    /// Something was captured, and the rest was not asked to be released.
    CancelAfterCapture { captured: Minor, remaining: Minor },
    /// It is cancelled already.
    AlreadyCancelled {
        #[serde(default)]
        phase: Phase,
    },
    /// It was asked to be cancelled only if nobody had approved it yet.
    CancelOfAuthorized,
    /// The payer is in a 3-D Secure session.
    CancelInThreeDSecure,
    /// Later than 180 days after the reservation.
    CancelTooLate { reserved_at: Timestamp },
    /// The bank did not let go.
    CancelRefusedByBank,

    /// Nothing was captured yet.
    RefundNotCaptured { reserved: bool },
    /// The payment was cancelled, or failed.
    RefundOfCancelled {
        #[serde(default)]
        phase: Phase,
    },
    /// Later than 365 days after the reservation.
    RefundTooLate { reserved_at: Timestamp },
    /// More than was captured and not refunded.
    RefundExceedsCaptured {
        captured: Minor,
        refunded: Minor,
        asked: Minor,
    },
    /// The settlement account may not be overdrawn so far.
    SettlementExhausted { balance: i64, overdraft: Minor },

    /// Only an open payment request can be approved or rejected.
    NotOpen {
        ended: bool,
        #[serde(default)]
        phase: Phase,
    },
    /// Express payments cannot be approved by force.
    ApproveExpress,
    /// Payments by card alone cannot be approved by force.
    ApproveCard,
    /// There is no force approve in production.
    ApproveInProduction,
    /// Payments that skip the landing page cannot be approved by force.
    ApproveSkipsLandingPage,
    /// The number is not a test person's.
    NotATestNumber { reason: CannotPay },
    /// The test person has no card to pay with.
    NoDefaultCard,
    /// The test person never approved a payment in the app.
    NeverApprovedInApp,
    /// The bank refused a forced approval, because a test wants it to.
    RefusedByIssuer { refusal: Refusal },
    /// The token in the body is not of this order.
    TokenOfAnotherOrder,
    /// Only the number that the merchant named may pay this.
    NotThePayer,
    /// The payer must choose a shipping method first.
    ShippingNotChosen,
}
