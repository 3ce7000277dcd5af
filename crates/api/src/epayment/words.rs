//! Status, code, title and detail for each cause (reference: epayment.md §5). Where June 2023 had
//! other words than today, both stand here; details that were never published are ours.

use std::borrow::Cow;

use sandkasse_domain::{
    AsOf,
    payment::{Cause, Operation, Phase, Refusal, UserFlow},
};

use super::EpaymentCause;

/// What is said of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: u16,
    /// `ErrorCode`, where there is one.
    pub(super) code: Option<&'static str>,
    pub(super) title: &'static str,
    pub(super) detail: Cow<'static, str>,
}

/// What the words are about.
pub(super) struct About<'a> {
    pub(super) reference: &'a str,
    pub(super) msn: &'a str,
    pub(super) as_of: AsOf,
}

fn said(
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: impl Into<Cow<'static, str>>,
) -> Said {
    Said {
        status,
        code: (!code.is_empty()).then_some(code),
        title,
        detail: detail.into(),
    }
}

const LOG: &str = "Check the payment event log.";

/// What ePayment says of a value with a code of its own.
pub(super) fn of_value(cause: &EpaymentCause, as_of: AsOf) -> Said {
    let bad = |code, title, detail: &str| said(400, code, title, detail.to_owned());
    match cause {
        EpaymentCause::Amount { .. } => amount(as_of),
        EpaymentCause::CustomerToken => bad(
            "4050",
            "Invalid CustomerToken",
            "The customer token is invalid.",
        ),
        EpaymentCause::PersonalQr => bad(
            "4060",
            "Invalid PersonalQr",
            "The personal QR code is invalid. Its complete content is required.",
        ),
        EpaymentCause::Phone { .. } => bad(
            "4070",
            "Invalid phone number",
            "The phone number is invalid. Phone numbers must be in MSISDN format: Country code and subscriber number, but no prefix.",
        ),
        EpaymentCause::Scope { word } => bad(
            "4080",
            "Invalid scope",
            &format!("The scope `{word}` is invalid."),
        ),
        EpaymentCause::Url { url, .. } => bad(
            "4090",
            "Invalid URL",
            &format!("The parameter `{url}` is invalid."),
        ),
        EpaymentCause::MetadataCapacity { .. } => bad(
            "4100",
            "Metadata capacity exceeded",
            "Metadata can have at most 5 pairs.",
        ),
        EpaymentCause::MetadataDuplicate { key } => bad(
            "4110",
            "Metadata duplicate keys not allowed",
            &format!("The metadata key `{key}` is given more than once."),
        ),
        EpaymentCause::MetadataKey { .. } => bad(
            "4120",
            "Metadata key length exceeded",
            "A metadata key can have at most 100 characters.",
        ),
        EpaymentCause::MetadataValue { .. } => bad(
            "4130",
            "Metadata value length exceeded",
            "A metadata value can have at most 500 characters.",
        ),
        EpaymentCause::Missing { member, .. } => bad(
            "4140",
            "Missing required parameter",
            &format!("The parameter `{}` is required.", member.0),
        ),
        EpaymentCause::MethodType => bad(
            "4160",
            "Invalid payment method type",
            "`cardPassthrough` needs the payment method type CARD_PASSTHROUGH.",
        ),
        EpaymentCause::ShippingMissing => bad(
            "",
            "Missing static shipping details",
            "Express payments with static shipping details require a list of shipping options.",
        ),
    }
}

fn amount(as_of: AsOf) -> Said {
    let title = match as_of {
        AsOf::June2023 => "Amount invalid",
        AsOf::Today => "Invalid amount",
    };
    said(
        400,
        "4040",
        title,
        "The amount is invalid. Amounts must be integers, no decimals. They are specified in minor units, like øre or cent.",
    )
}

pub(super) fn internal() -> Said {
    said(
        500,
        "3010",
        "Internal error",
        "Internal error. This may be caused by an incorrect API request. Please check the request. See the status page.",
    )
}

/// Busy: today's 423 was not known in June 2023.
pub(super) fn processing(as_of: AsOf) -> Said {
    let status = match as_of {
        AsOf::June2023 => 409,
        AsOf::Today => 423,
    };
    said(
        status,
        "6160",
        "Order processing",
        "Too many concurrent requests. The payment is being processed.",
    )
}

/// The exhaustive table.
pub(super) fn of_cause(cause: &Cause, about: &About<'_>) -> Said {
    let About {
        reference,
        msn,
        as_of,
    } = about;
    let june = *as_of == AsOf::June2023;
    let bad = |code, title, detail: String| said(400, code, title, detail);
    let no = |code, title, detail: String| said(403, code, title, detail);
    let log = |text: &str| format!("{text} {LOG}");
    let state = |what: &str, phase: &Phase| {
        format!(
            "Reference `{reference}` cannot be {what}. Invalid state: `{}`.",
            phase.name()
        )
    };
    let not_cancellable = |phase| {
        bad(
            "6190",
            "Payment cannot be cancelled",
            state("cancelled", phase),
        )
    };
    let failed = |reason: &str| {
        let only = "this is only available in the test environment";
        bad(
            "10010",
            "Approve failed",
            format!("Force approve payment failed ({only}). Reason: `{reason}`."),
        )
    };
    match cause {
        Cause::DuplicateOrder { .. } => said(
            409,
            "4150",
            if june { "Idempotency error" } else { "Reference exists" },
            format!("Reference `{reference}` already exists."),
        ),
        Cause::KeyReused { operation, key } => match operation {
            Operation::Capture => said(
                409,
                "4010",
                "Capture idempotency conflict",
                "The capture request in an idempotent retry must be identical to the previous request(s).",
            ),
            Operation::Refund => said(
                409,
                "4150",
                "Refund idempotency conflict",
                "The request in an idempotent retry must be identical to the previous request(s).",
            ),
            Operation::Initiate
            | Operation::Cancel
            | Operation::Details
            | Operation::Status
            | Operation::Approve => said(
                409,
                "4020",
                "Idempotency error",
                format!("Idempotency-Key `{key}` already exists."),
            ),
        },
        Cause::OrderUnknown { .. }
        | Cause::OrderOfAnotherUnit { .. }
        | Cause::OrderOfEpayment { .. } => said(
            404,
            "5090",
            "Reference not found",
            format!("The reference `{reference}` does not exist for MSN {msn}"),
        ),
        Cause::OrderLocked { .. } | Cause::OutcomePending { .. } => processing(*as_of),

        Cause::CardNotAvailable => bad(
            "4160",
            "Invalid payment method type",
            "The payment method type `CARD` is not available.".to_owned(),
        ),
        Cause::CardPassthroughNotAvailable => bad(
            "4160",
            "Invalid payment method type",
            "The payment method type `CARD_PASSTHROUGH` is not available.".to_owned(),
        ),
        Cause::ReserveNotAllowed => no(
            "",
            "Reserve capture not allowed",
            format!("The sales unit with MSN `{msn}` is not allowed to use reserve capture."),
        ),
        Cause::ExpressNotAllowed => no(
            "5020",
            "Express payment not allowed",
            "Express payment is not allowed for this sales unit.".to_owned(),
        ),
        Cause::SkipLandingPageNotAllowed => no(
            "5080",
            if june { "Skip landing page not allowed" } else { "PUSH_MESSAGE not allowed" },
            format!("The sales unit with MSN `{msn}` is not allowed to skip the landing page."),
        ),
        Cause::NinNotAllowed => no(
            "5030",
            "Illegal scope",
            "The scope `nin` is illegal. Are you asking for more than you are allowed to?".to_owned(),
        ),
        Cause::LongLivingNotAllowed => no(
            "5050",
            "Long-living payment not allowed",
            format!(
                "The sales unit with MSN `{msn}` is not allowed to perform long living payments."
            ),
        ),
        Cause::CurrencyNotAllowed { asked, .. } => bad(
            "5040",
            "Invalid currency for merchant",
            format!("The currency `{}` is invalid for this sales unit.", asked.code()),
        ),
        Cause::BlockedSourcesNotApplicable => bad(
            "5010",
            "Blocking sources not applicable",
            "No payment sources can be blocked for this sales unit.".to_owned(),
        ),
        Cause::ReceivingLimitExceeded { .. } | Cause::RequestLimitExceeded { .. } => bad(
            "10070",
            "Payment limit exceeded",
            "The merchant's payment request limit is exceeded.".to_owned(),
        ),

        Cause::AmountTooSmall { .. } => bad(
            "6010",
            "Amount too small",
            "The amount is too small. Amounts are specified in minor units, like øre or cent."
                .to_owned(),
        ),
        Cause::ExpiryNotAllowed { flow } => bad(
            "",
            "ExpiresAt not allowed",
            format!("Cannot set `ExpiresAt` for flow `{}`.", UserFlow::name(*flow)),
        ),
        Cause::ExpiryTooSoon { expires_at, .. } => bad(
            "6120",
            if june { "Expiration date invalid" } else { "Expiration date is too soon" },
            format!("The expiration date `{expires_at}` is invalid."),
        ),
        Cause::ExpiryTooLate { expires_at, .. } => bad(
            "6110",
            if june { "Expiration date invalid" } else { "Expiration date is too late" },
            format!("The expiration date `{expires_at}` is invalid."),
        ),
        Cause::ReceiptMissing => bad(
            "6130",
            "Long living payments require a receipt",
            "A payment with an expiration date requires a receipt.".to_owned(),
        ),
        // Unknown, too young, blocked: one text for all, on purpose.
        Cause::CannotPay { .. } | Cause::AppOutdated | Cause::NotATestNumber { .. } => bad(
            "7010",
            "Customer not found",
            "The phone number does not belong to a Vipps or MobilePay user, or the user cannot pay businesses. We cannot give more details."
                .to_owned(),
        ),

        Cause::OtherCurrency { .. } => amount(*as_of),
        Cause::CaptureNotReserved { ended: false, .. } => bad(
            "6080",
            "Cannot capture before reservation",
            "The amount you tried to capture is not reserved. The user must accept the payment before capture can be done."
                .to_owned(),
        ),
        Cause::CaptureOfCancelled {
            phase: Phase::Terminated | Phase::Authorized,
        }
        | Cause::CaptureAfterRelease { .. } => bad(
            "6070",
            "Cannot capture a cancelled payment",
            log("Cannot capture a payment that has been cancelled."),
        ),
        Cause::CaptureNotReserved { ended: true, phase } | Cause::CaptureOfCancelled { phase } => {
            bad("6200", "Payment cannot be captured", state("captured", phase))
        }
        Cause::AlreadyCaptured { .. } | Cause::CapturedDirectly => captured(),
        Cause::CaptureExceedsReserved {
            reserved, captured: so_far, ..
        } if reserved == so_far => captured(),
        Cause::CaptureExceedsReserved { .. } => bad(
            "6090",
            "Capture amount too high",
            "The total capture amount exceeds the reserved amount. Cannot capture a higher amount than the amount the user has accepted. Check the payment details."
                .to_owned(),
        ),
        Cause::CaptureMustBeWhole { .. } => bad(
            "6140",
            "Must capture full amount",
            "This sales unit must capture the full amount.".to_owned(),
        ),
        Cause::CaptureTooLate { .. } => bad(
            "6100",
            "Capture period expired",
            "Payments can only be captured up to 180 days after reservation. See the FAQ.".to_owned(),
        ),
        Cause::CaptureRefusedByBank if june => {
            bad("6200", "Payment cannot be captured", state("captured", &Phase::Authorized))
        }
        Cause::CaptureRefusedByBank => bad(
            "6260",
            "Funds unavailable",
            "The funds are no longer available.".to_owned(),
        ),

        Cause::CancelAfterCapture { .. } => bad(
            "6040",
            "Cannot cancel a captured payment",
            log("Cannot cancel a payment that has been captured."),
        ),
        // All that was reserved is let go already.
        Cause::AlreadyCancelled {
            phase: Phase::Authorized,
        } => bad(
            "6050",
            "Cannot cancel a non-reserved payment",
            log("Cannot cancel a payment that is not reserved."),
        ),
        Cause::AlreadyCancelled { phase } => not_cancellable(phase),
        Cause::CancelRefusedByBank => not_cancellable(&Phase::Authorized),
        Cause::CancelOfAuthorized => bad(
            "6060",
            "Cannot cancel authorized payment",
            "The payment is authorized, and `cancelTransactionOnly` cancels only payments that are not."
                .to_owned(),
        ),
        Cause::CancelInThreeDSecure => bad(
            "6250",
            if june { "Cannot cancel pending" } else { "Cannot cancel processing payment" },
            "Cannot cancel a pending payment.".to_owned(),
        ),
        Cause::CancelTooLate { .. } => bad(
            "6030",
            "Cancel period expired",
            "Payments can only be canceled within 180 days of the reservation. See the FAQ.".to_owned(),
        ),

        Cause::RefundNotCaptured { reserved: false } => bad(
            "6020",
            "Attempted refund before reservation",
            log("Cannot refund a payment that is not reserved."),
        ),
        Cause::RefundNotCaptured { reserved: true }
        | Cause::RefundOfCancelled {
            phase: Phase::Authorized,
        } => not_enough(),
        Cause::RefundOfCancelled { phase } => {
            bad("6210", "Payment cannot be refunded", state("refunded", phase))
        }
        Cause::RefundExceedsCaptured {
            captured, refunded, ..
        } if captured == refunded => bad(
            "6180",
            "Payment already refunded",
            log("Cannot refund a payment that has already been refunded."),
        ),
        Cause::RefundExceedsCaptured { .. } => not_enough(),
        Cause::RefundTooLate { .. } => bad(
            "6220",
            "Refund period expired",
            "Payments can only be refunded within 365 days of the reservation. See the FAQ.".to_owned(),
        ),
        Cause::SettlementExhausted { .. } => bad(
            "5100",
            "Refund not possible",
            "Refund failed during debit from the merchant's account.".to_owned(),
        ),

        Cause::NotOpen {
            phase: Phase::Authorized,
            ..
        } => bad(
            "6230",
            "Payment is already reserved",
            format!("The payment with reference `{reference}` has already been reserved."),
        ),
        Cause::NotOpen { phase, .. } => failed(&format!("the payment is {}", phase.name())),
        Cause::ApproveInProduction => no(
            "10020",
            "Approve not allowed",
            "Force approve is not allowed in production.".to_owned(),
        ),
        Cause::ApproveExpress | Cause::ApproveCard => bad(
            "10060",
            "Operation not supported",
            "The attempted payment operation is not supported.".to_owned(),
        ),
        Cause::ApproveSkipsLandingPage | Cause::NotThePayer | Cause::ShippingNotChosen => {
            failed("the payment cannot be approved by force")
        }
        Cause::TokenOfAnotherOrder => failed("the token is of another payment"),
        Cause::NeverApprovedInApp => bad(
            "10030",
            "Identification required",
            "The user must approve a payment in the test app first.".to_owned(),
        ),
        Cause::NoDefaultCard => bad(
            "10050",
            "No cards",
            "The user does not have any payment cards.".to_owned(),
        ),
        // 500 for an expired card, as published.
        Cause::RefusedByIssuer {
            refusal: Refusal::ExpiredCard,
        } => said(
            500,
            "10040",
            "Invalid payment source",
            "The payment card has expired.",
        ),
        Cause::RefusedByIssuer { .. } => bad(
            "10040",
            "Invalid payment source",
            "The payment source was refused.".to_owned(),
        ),
    }
}

fn captured() -> Said {
    said(
        400,
        "6170",
        "Payment already captured",
        format!("The whole amount has been captured. {LOG}"),
    )
}

fn not_enough() -> Said {
    said(
        400,
        "6150",
        "Not enough refundable",
        format!("Cannot refund more than the available amount. {LOG}"),
    )
}
