//! What eCom answers to each cause: status, group, code and text (reference: ecom.md §5).
//!
//! Many causes share an answer; the cause stays apart for whoever asks why. Three wordings exist
//! side by side: the FAQ's, the guide's of 2023-06-08, and what was recorded in 2021.

use std::borrow::Cow;

use sandkasse_domain::{
    Environment, Wording,
    payment::{Cause, Operation},
    person::CannotPay,
    phone::BadNumber,
};
use sandkasse_engine::{faults::Fault, outgoing::refusal_text};
use sandkasse_gate::{GateCause, Standing};
use serde::Serialize;

use super::{JSON, Says, wire::json};
use crate::{Answer, Call, Why, fault, formats};

/// One line of format D.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wire {
    status: u16,
    group: &'static str,
    code: Cow<'static, str>,
    text: Cow<'static, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error_group: Option<&'a str>,
    error_code: &'a str,
    error_message: &'a str,
    context_id: String,
}

/// Words a refusal in format D, or in the gateway's formats.
pub(super) fn answer(call: &Call<'_>, why: &Why) -> Answer {
    let wording = call.platform.engine.wording(call.environment);
    let wires = match why {
        Why::Gate(cause) => match formats::refused_by_gate(call, cause, "ecomm") {
            Some(answer) => return answer,
            None => match words_of_gate(cause, wording) {
                Some(wire) => vec![wire],
                // Keys of a kind that has no right to payments (reference: README, ruling 5).
                None => return formats::gateway(403, "Forbidden"),
            },
        },
        Why::Body(_) | Why::Fault(_) => vec![internal()],
        Why::Fields(faults) => {
            // Recorded in 2020: group Merchant. The guide of 2023 says InvalidRequest.
            let group = if wording == Wording::Recorded {
                "Merchant"
            } else {
                "InvalidRequest"
            };
            faults
                .iter()
                .map(|fault| Wire {
                    status: 400,
                    group,
                    code: fault.code.clone(),
                    text: fault.text.clone(),
                })
                .collect()
        }
        Why::Payment(cause) => vec![words(cause, wording)],
        Why::Struck(struck) => match fault::answer(*struck) {
            Some(answer) => return answer,
            None => vec![words_of_fault(*struck)],
        },
        Why::Token(_)
        | Why::Userinfo(_)
        | Why::Epayment(_)
        | Why::OrderManagement(_)
        | Why::Qr(_)
        | Why::Report(_)
        | Why::Checkout(_)
        | Why::Unread(_)
        | Why::NotBuilt => vec![internal()],
    };
    let status = wires.first().map_or(500, |wire| wire.status);
    let lines: Vec<Line<'_>> = wires
        .iter()
        .map(|wire| Line {
            // The recorded answer of 2021-07-09 to a duplicate lacked the group.
            error_group: (wording != Wording::Recorded || wire.code != "34").then_some(wire.group),
            error_code: &wire.code,
            error_message: &wire.text,
            context_id: call.platform.engine.chance.uuid().to_string(),
        })
        .collect();
    Answer::new(status, JSON, json(&lines))
}

/// What eCom says to a cause, for whoever is not answered over HTTP.
pub(super) fn says(cause: &Cause, environment: Environment, wording: Wording) -> Says {
    spoken(words(cause, wording), cause_id(cause, environment))
}

/// The same for what the gate found.
pub(super) fn says_of_gate(cause: &GateCause, wording: Wording) -> Option<Says> {
    Some(spoken(words_of_gate(cause, wording)?, cause.id()))
}

fn spoken(wire: Wire, cause: &'static str) -> Says {
    Says {
        status: wire.status,
        group: wire.group,
        code: wire.code.into_owned(),
        text: wire.text.into_owned(),
        cause,
    }
}

fn wire(
    status: u16,
    group: &'static str,
    code: &'static str,
    text: impl Into<Cow<'static, str>>,
) -> Wire {
    Wire {
        status,
        group,
        code: code.into(),
        text: text.into(),
    }
}

/// 500 also for wrong JSON types, although "strictly this should have been 400": FAQ "Common
/// errors", 2023-06-13.
fn internal() -> Wire {
    wire(
        500,
        "VippsError",
        "99",
        "Internal error. In some cases, this is caused by an incorrect API request. Please check the request.",
    )
}

/// What fails on demand and eCom words itself.
fn words_of_fault(fault: Fault) -> Wire {
    match fault {
        Fault::OrderLocked => locked(),
        Fault::TooManyConcurrent => wire(
            429,
            "VippsError",
            "98",
            "Too many concurrent requests. See the FAQ.",
        ),
        Fault::SqlGlitch
        | Fault::InternalError
        | Fault::BadGateway
        | Fault::Unavailable
        | Fault::Slow { .. }
        | Fault::Drop
        | Fault::LostAnswer
        | Fault::Bank(_) => internal(),
    }
}

fn locked() -> Wire {
    wire(
        409,
        "VippsError",
        "94",
        "Order locked and is already processing.",
    )
}

/// What the gate found and eCom words itself.
fn words_of_gate(cause: &GateCause, wording: Wording) -> Option<Wire> {
    if let GateCause::Standing { standing } = cause {
        return Some(words_of_standing(standing, wording));
    }
    let (status, text) = formats::msn_refusal(cause)?;
    Some(wire(status, "Merchant", "Unauthorized", text))
}

fn words_of_standing(standing: &Standing, wording: Wording) -> Wire {
    match standing {
        Standing::Blocked => wire(
            400,
            "Merchant",
            "31",
            "The merchant is blocked. The merchant can contact customer service for details.",
        ),
        Standing::Unsigned => wire(
            400,
            "Merchant",
            "36",
            "The merchant's agreement has not been signed.",
        ),
        Standing::PartnerDeactivated { .. }
        | Standing::MerchantDeactivated { .. }
        | Standing::DeletedFromRegister { .. }
        | Standing::FormChanged { .. }
        | Standing::Unconfirmed { .. }
        | Standing::UnitDeactivated { .. }
        | Standing::UnitIdle { .. } => wire(
            400,
            "Merchant",
            "37",
            match wording {
                Wording::Guide => {
                    "The merchant and/or sales unit is unavailable, deleted, deactivated or blocked for payments."
                }
                Wording::Faq | Wording::Recorded => {
                    "Merchant not available or deactivated or blocked"
                }
            },
        ),
        Standing::LoginOnly => wire(
            403,
            "Merchant",
            "97",
            match wording {
                Wording::Guide => "The sales unit is not allowed to perform payments. See the FAQ.",
                Wording::Faq | Wording::Recorded => "Merchant Not Allowed for Ecommerce Payment",
            },
        ),
    }
}

/// The exhaustive table. Texts that exist once are the guide's of June 2023.
fn words(cause: &Cause, wording: Wording) -> Wire {
    use Wording::{Faq, Guide, Recorded};
    let payment = |code, text: &'static str| wire(400, "Payment", code, text);
    let vipps = |code, text: &'static str| wire(400, "VippsError", code, text);
    let merchant = |code, text: &'static str| wire(400, "Merchant", code, text);
    match cause {
        Cause::SkipLandingPageNotAllowed => wire(
            403,
            "Merchant",
            "38",
            "The sales unit is not allowed to skip the landing page. See the FAQ.",
        ),
        Cause::NinNotAllowed => wire(403, "Merchant", "51", "The Nin scope is not allowed."),
        Cause::ReceivingLimitExceeded { .. } => {
            merchant("32", "The receiving limit of merchant is exceeded.")
        }
        Cause::RequestLimitExceeded { .. } => {
            merchant("33", "The merchant's payment request limit is exceeded.")
        }
        Cause::DuplicateOrder { .. } => merchant(
            "34",
            match wording {
                Faq | Guide => {
                    "Duplicate orderId. The orderId must be unique for each MSN. It has already been used for this MSN."
                }
                Recorded => "orderId is already used, and must be unique",
            },
        ),
        // A person's age, block and limits never show: one answer for all of them.
        Cause::CannotPay { .. } => wire(
            400,
            "User",
            "81",
            match wording {
                Faq | Recorded => "User not registered with Vipps",
                Guide => {
                    "The phone number is either incorrectly formatted (see the API specification), is not a Vipps user, or the user cannot pay businesses. Vipps cannot give more details."
                }
            },
        ),
        Cause::AppOutdated => wire(
            400,
            "User",
            "82",
            "The user's app version is not supported.",
        ),

        Cause::OrderUnknown { order, asked_by }
        | Cause::OrderOfEpayment { order, asked_by }
        | Cause::OrderOfAnotherUnit {
            order, asked_by, ..
        } => wire(
            404,
            "Merchant",
            "35",
            match wording {
                Faq | Recorded => Cow::Borrowed("Requested Order not found"),
                Guide => Cow::Owned(format!(
                    "The orderId '{order}' does not exist for MSN {asked_by}."
                )),
            },
        ),
        Cause::OrderLocked { .. } | Cause::OutcomePending { .. } => locked(),
        Cause::KeyReused { operation, .. } => vipps(
            "93",
            if *operation == Operation::Refund {
                "The refund request must be identical to the previous request(s) in an idempotent retry."
            } else {
                "The capture request must be identical to the previous request(s) in an idempotent retry."
            },
        ),

        // ePayment's alone.
        Cause::ReserveNotAllowed
        | Cause::ExpressNotAllowed
        | Cause::LongLivingNotAllowed
        | Cause::CardNotAvailable
        | Cause::CardPassthroughNotAvailable
        | Cause::CurrencyNotAllowed { .. }
        | Cause::BlockedSourcesNotApplicable
        | Cause::AmountTooSmall { .. }
        | Cause::ExpiryNotAllowed { .. }
        | Cause::ExpiryTooSoon { .. }
        | Cause::ExpiryTooLate { .. }
        | Cause::ReceiptMissing => internal(),

        Cause::CaptureNotReserved { .. } => payment(
            "62",
            match wording {
                Faq | Guide => {
                    "The amount you tried to capture is not reserved. The user must accept the payment before capture can be done."
                }
                Recorded => "The amount you tried to capture is not reserved",
            },
        ),
        Cause::CaptureOfCancelled { .. }
        | Cause::ApproveExpress
        | Cause::ApproveSkipsLandingPage
        | Cause::TokenOfAnotherOrder
        | Cause::NotThePayer
        | Cause::ShippingNotChosen
        | Cause::CaptureMustBeWhole { .. }
        | Cause::OtherCurrency { .. }
        | Cause::CancelOfAuthorized
        | Cause::ApproveCard
        | Cause::ApproveInProduction => vipps("91", "The transaction is not allowed."),
        Cause::AlreadyCaptured { .. }
        | Cause::CapturedDirectly
        | Cause::AlreadyCancelled { .. }
        | Cause::NotOpen { .. } => vipps("92", "The transaction has already been processed."),
        // Documented as 96 until 2023-06-21, then corrected: "is actually 98".
        Cause::CaptureTooLate { .. } => payment(
            "98",
            "Payments can only be captured up to 180 days after reservation. See the FAQ.",
        ),
        Cause::CaptureExceedsReserved { .. } | Cause::CaptureAfterRelease { .. } => payment(
            "61",
            match wording {
                Faq => {
                    "Captured amount exceeds the reserved amount. You can not capture a higher amount than the user has accepted."
                }
                Guide => {
                    "The total capture amount exceeds the reserved amount. You cannot capture a higher amount than the user has accepted. Check the payment details"
                }
                Recorded => "Captured amount exceeds the reserved amount ordered",
            },
        ),
        Cause::CaptureRefusedByBank => payment(
            "63",
            "Capture failed an unknown reason. Retrieve the payment details to see the full details.",
        ),

        // 402 with this text was recorded in 2021; the documents of 2023 say 400.
        Cause::CancelAfterCapture { .. } => match wording {
            Recorded => wire(402, "Payment", "51", "Can't cancel already captured order"),
            Faq | Guide => payment(
                "51",
                "Cannot cancel an orderId that has already been captured.",
            ),
        },
        Cause::CancelInThreeDSecure | Cause::CancelTooLate { .. } | Cause::CancelRefusedByBank => {
            payment("52", "Cancellation failed, reason unknown.")
        }

        Cause::RefundNotCaptured { .. } => payment(
            "72",
            "Cannot refund a reserved order. The orderId can be canceled instead.",
        ),
        Cause::RefundOfCancelled { .. } => payment("73", "Cannot refund a canceled order."),
        Cause::RefundTooLate { .. } => payment(
            "95",
            "Payments can only be refunded up to 365 days after reservation. See the FAQ.",
        ),
        Cause::RefundExceedsCaptured { .. } => payment(
            "71",
            match wording {
                Faq => "Cannot refund more than captured amount.",
                Guide => "Cannot refund a higher amount than the captured amount.",
                Recorded => "Can't refund more than captured amount",
            },
        ),
        Cause::SettlementExhausted { .. } => payment(
            "74",
            "Refund failed during debit from the merchant's account.",
        ),

        // Recorded in May 2021, there with the group `Customer`, which is in no list.
        Cause::NotATestNumber { .. } | Cause::NoDefaultCard => wire(
            400,
            if wording == Recorded {
                "Customer"
            } else {
                "User"
            },
            "81",
            "Invalid phone number for test. Use a proper test number instead",
        ),
        Cause::NeverApprovedInApp => payment(
            "1082",
            match wording {
                Faq | Guide => "This person is not BankID verified.",
                Recorded => "1082",
            },
        ),
        // Over HTTP only because nobody sees the app; otherwise callbacks say it.
        Cause::RefusedByIssuer { refusal } => {
            let (code, text) = refusal_text(*refusal, wording);
            payment(code, text)
        }
    }
}

/// The id under which the reference lists a cause (errors-faq.md).
pub fn cause_id(cause: &Cause, environment: Environment) -> &'static str {
    match cause {
        Cause::SkipLandingPageNotAllowed => "unit.skip_landing_page",
        Cause::NinNotAllowed => "unit.nin",
        Cause::ReceivingLimitExceeded { .. } => "limit.receiving",
        Cause::RequestLimitExceeded { .. } => "limit.request",
        Cause::DuplicateOrder { .. } => "order.duplicate",
        Cause::CannotPay {
            reason: CannotPay::Number(BadNumber::Format),
        } => "phone.format",
        Cause::CannotPay {
            reason: CannotPay::Number(BadNumber::Foreign),
        } => "phone.foreign",
        Cause::CannotPay {
            reason: CannotPay::Unknown,
        } if environment == Environment::Test => "test.real_user",
        Cause::CannotPay {
            reason: CannotPay::NeverLoggedIn,
        } if environment == Environment::Test => "test.user_not_logged_in",
        Cause::CannotPay { .. } => "user.unavailable",
        Cause::AppOutdated => "user.app_outdated",
        Cause::OrderUnknown { .. } => "order.unknown",
        Cause::OrderOfAnotherUnit { .. } => "order.other_unit",
        Cause::OrderOfEpayment { .. } => "order.of_epayment",
        Cause::OrderLocked { .. } => "order.locked",
        Cause::OutcomePending { .. } => "order.outcome_pending",
        Cause::KeyReused { .. } => "idempotency.key_reused",
        Cause::CaptureNotReserved { ended: false, .. } => "capture.not_approved",
        Cause::CaptureNotReserved { ended: true, .. } => "capture.ended",
        Cause::CaptureOfCancelled { .. } => "capture.cancelled",
        Cause::AlreadyCaptured { .. } => "capture.all_captured",
        Cause::CapturedDirectly => "capture.direct",
        Cause::CaptureTooLate { .. } => "capture.too_late",
        Cause::CaptureExceedsReserved { captured, .. } if captured.is_zero() => "capture.exceeds",
        Cause::CaptureExceedsReserved { .. } => "capture.exceeds_sum",
        Cause::CaptureAfterRelease { .. } => "capture.released",
        Cause::CaptureRefusedByBank => "capture.refused_by_bank",
        Cause::CancelAfterCapture { .. } => "cancel.captured",
        Cause::AlreadyCancelled { .. } => "cancel.already",
        Cause::CancelInThreeDSecure => "cancel.three_d_secure",
        Cause::CancelTooLate { .. } => "cancel.too_late",
        Cause::CancelRefusedByBank => "cancel.refused_by_bank",
        Cause::RefundNotCaptured { .. } => "refund.not_captured",
        Cause::RefundOfCancelled { .. } => "refund.cancelled",
        Cause::RefundTooLate { .. } => "refund.too_late",
        Cause::RefundExceedsCaptured { refunded, .. } if refunded.is_zero() => "refund.exceeds",
        Cause::RefundExceedsCaptured { .. } => "refund.exceeds_sum",
        Cause::SettlementExhausted { .. } => "refund.settlement",
        Cause::ReserveNotAllowed => "unit.direct_capture",
        Cause::ExpressNotAllowed => "unit.express",
        Cause::LongLivingNotAllowed => "unit.long_living",
        Cause::CardNotAvailable => "method.card",
        Cause::CardPassthroughNotAvailable => "method.card_passthrough",
        Cause::CurrencyNotAllowed { .. } => "unit.currency",
        Cause::BlockedSourcesNotApplicable => "unit.blocked_sources",
        Cause::AmountTooSmall { .. } => "amount.too_small",
        Cause::ExpiryNotAllowed { .. } => "expiry.flow",
        Cause::ExpiryTooSoon { .. } => "expiry.too_soon",
        Cause::ExpiryTooLate { .. } => "expiry.too_late",
        Cause::ReceiptMissing => "expiry.receipt",
        Cause::CaptureMustBeWhole { .. } => "capture.partial",
        Cause::OtherCurrency { .. } => "amount.currency",
        Cause::CancelOfAuthorized => "cancel.authorized",
        Cause::ApproveCard => "approve.card",
        Cause::ApproveInProduction => "approve.production",
        Cause::NotOpen { .. } => "approve.not_open",
        Cause::ApproveExpress => "approve.express",
        Cause::ApproveSkipsLandingPage => "approve.skip_landing_page",
        Cause::NotATestNumber { .. } => "test.not_a_test_number",
        Cause::NoDefaultCard => "test.no_default_card",
        Cause::NeverApprovedInApp => "test.user_not_logged_in",
        Cause::TokenOfAnotherOrder => "approve.token",
        Cause::NotThePayer => "approve.not_the_payer",
        Cause::ShippingNotChosen => "approve.shipping",
        Cause::RefusedByIssuer { .. } => "approve.refused_by_issuer",
    }
}
