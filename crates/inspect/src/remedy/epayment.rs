//! The same for calls to ePayment: what to change in them.

use sandkasse_api::{
    BodyFault, FieldFault,
    epayment::{Asked, EpaymentCause},
};
use sandkasse_domain::payment::{Cause, Operation, UserFlow};
use serde_json::{Value, json};

use super::{Case, Remedy, Step, payment};
use crate::{HttpCall, call::Content};

/// The longest idempotency key.
const LONGEST_KEY: usize = 50;

/// A request of an operation that is right in itself.
pub(super) fn sample(asked: Asked) -> Value {
    match asked {
        Asked::Create => json!({
            "amount": { "currency": "NOK", "value": 49_900 },
            "paymentMethod": { "type": "WALLET" },
            "reference": "acme-shop-123-order123abc",
            "returnUrl": "https://example.com/vipps/result",
            "userFlow": "WEB_REDIRECT",
            "paymentDescription": "One pair of socks",
        }),
        Asked::Capture | Asked::Refund => {
            json!({ "modificationAmount": { "currency": "NOK", "value": 100 } })
        }
        Asked::Approve => json!({ "customer": { "phoneNumber": "47$PHONE" } }),
        Asked::Cancel => json!({}),
        Asked::Get | Asked::Events => Value::Null,
    }
}

/// A right body in place of one that cannot be read.
pub(super) fn of_body(case: &Case<'_>, asked: Asked, fault: &BodyFault) -> Remedy {
    let mut call = case.sent();
    call.body = Some(Content::Json(sample(asked)));
    let detail = match fault {
        BodyFault::Syntax { detail } => format!("The body is no JSON: {detail}."),
        BodyFault::Depth => "The body is nested too deep.".to_owned(),
        BodyFault::Type { member, .. } => format!("`{member}` has the wrong type."),
        BodyFault::MemberCase { received, .. } => format!("`{received}` is no member."),
    };
    case.send(
        call,
        format!("{detail} Compare it with this one, which is right."),
    )
}

pub(super) fn of_fields(case: &Case<'_>, faults: &[FieldFault]) -> Remedy {
    let says: Vec<String> = faults
        .iter()
        .map(|it| format!("`{}`: {} ({})", it.code, it.text, it.detail))
        .collect();
    let asked = case.epayment().unwrap_or(Asked::Create);
    let call = faults
        .iter()
        .fold(case.sent(), |call, fault| repaired(asked, call, fault));
    case.send(call, says.join("; "))
}

fn repaired(asked: Asked, call: HttpCall, fault: &FieldFault) -> HttpCall {
    let member = fault.code.as_ref();
    match member {
        "Idempotency-Key" => {
            let sent = call.headers.iter();
            let sent = sent
                .filter(|(name, _)| name.eq_ignore_ascii_case(member))
                .map(|(_, key)| key.chars().take(LONGEST_KEY).collect::<String>())
                .next();
            call.header(
                member,
                sent.unwrap_or_else(|| "a-key-for-each-attempt".to_owned()),
            )
        }
        "" => HttpCall {
            body: Some(Content::Json(sample(asked))),
            ..call
        },
        "customer" => call.set(member, json!({ "phoneNumber": "47$PHONE" })),
        "profile.scope" => call.set(member, "name address email phoneNumber"),
        _ if member.starts_with("shipping") => call.remove("shipping"),
        _ if member.starts_with("industryData") => call.remove("industryData"),
        _ if member.starts_with("receipt.") => call.remove("receipt"),
        _ if member.starts_with("metadata") => call.remove("metadata"),
        _ if member.starts_with("qrFormat") => call.remove("qrFormat"),
        _ => {
            let sample = sample(asked);
            let pointer = format!("/{}", member.replace('.', "/"));
            match sample.pointer(&pointer) {
                Some(right) => call.set(member, right.clone()),
                None => call.remove(member),
            }
        }
    }
}

/// A value with a code of its own.
pub(super) fn of_value(case: &Case<'_>, cause: &EpaymentCause) -> Remedy {
    let call = case.sent();
    let asked = case.epayment().unwrap_or(Asked::Create);
    match cause {
        EpaymentCause::Amount { member, received } => {
            let says = format!("`{member}` is {received}. {}", case.fix);
            // Somebody who thinks in kroner probably means as many øre a hundred times over.
            case.send(call.set(member, 49_900), says)
        }
        EpaymentCause::CustomerToken | EpaymentCause::PersonalQr | EpaymentCause::Phone { .. } => {
            case.send(
                call.set("customer", json!({ "phoneNumber": "47$PHONE" })),
                case.fix,
            )
        }
        EpaymentCause::Scope { word } => {
            let scope = call.member("profile.scope").and_then(Value::as_str);
            let kept: Vec<&str> = scope
                .unwrap_or_default()
                .split_whitespace()
                .filter(|it| it != word)
                .collect();
            let kept = kept.join(" ");
            case.send(call.set("profile.scope", kept), case.fix)
        }
        EpaymentCause::Url { member, why, .. } => {
            let says = format!("`{}`: {why}. {}", member.0, case.fix);
            let path = match member.0 {
                "callbackUrl" => "shipping.dynamicOptions.callbackUrl",
                "cardCallbackUrl" => "cardPassthrough.cardCallbackUrl",
                path => path,
            };
            case.send(call.set(path, "https://example.com/vipps"), says)
        }
        EpaymentCause::MetadataCapacity { .. }
        | EpaymentCause::MetadataDuplicate { .. }
        | EpaymentCause::MetadataKey { .. }
        | EpaymentCause::MetadataValue { .. } => case.send(call.remove("metadata"), case.fix),
        EpaymentCause::Missing { member, .. } => {
            let right = match member.0 {
                "customer" => json!({ "phoneNumber": "47$PHONE" }),
                path => sample(asked)
                    .get(path)
                    .cloned()
                    .unwrap_or_else(|| json!({})),
            };
            case.send(call.set(member.0, right), case.fix)
        }
        EpaymentCause::MethodType => case.send(call.remove("cardPassthrough"), case.fix),
        EpaymentCause::ShippingMissing => case.send(call.remove("shipping"), case.fix),
    }
}

/// What the machine refused. What is mended outside of the call is mended as for eCom.
pub(super) fn of_payment(case: &Case<'_>, cause: &Cause) -> Remedy {
    let call = case.sent();
    let trait_of_unit = |what: &str, traits: Value| {
        let step = case.control(what, "PATCH", case.unit_path(""), traits);
        // A saved refusal is given again under the same key.
        let call = case.sent().header("Idempotency-Key", "another-key");
        case.after(vec![step], call, case.fix)
    };
    match cause {
        Cause::SkipLandingPageNotAllowed => case.send(
            call.set("userFlow", UserFlow::WebRedirect.name())
                .set("returnUrl", "https://example.com/vipps/result"),
            case.fix,
        ),
        Cause::NinNotAllowed => {
            let scope = call.member("profile.scope").and_then(Value::as_str);
            let kept: Vec<&str> = scope
                .unwrap_or_default()
                .split_whitespace()
                .filter(|it| *it != "nin")
                .collect();
            let kept = kept.join(" ");
            case.send(call.set("profile.scope", kept), case.fix)
        }
        Cause::DuplicateOrder { order, first_used } => case.send(
            call.set("reference", payment::another(order.as_str()))
                .header("Idempotency-Key", "a-key-for-each-attempt"),
            format!("`{order}` was first used at {first_used}. {}", case.fix),
        ),
        Cause::KeyReused { key, .. } => case.send(
            call.header("Idempotency-Key", payment::another(key)),
            format!("`{key}` was used for another request. {}", case.fix),
        ),
        Cause::CannotPay { .. } if case.instead.is_none() => case.send(
            call.set("customer", json!({ "phoneNumber": "47$PHONE" })),
            case.fix,
        ),
        Cause::NotATestNumber { .. } => case.send(
            call.set("customer", json!({ "phoneNumber": "47$PHONE" })),
            case.fix,
        ),
        Cause::ReserveNotAllowed => trait_of_unit(
            "Customer service changes the capture type.",
            json!({ "capture": "reserve" }),
        ),
        Cause::ExpressNotAllowed => trait_of_unit(
            "Customer service allows express.",
            json!({ "express": true }),
        ),
        Cause::LongLivingNotAllowed => trait_of_unit(
            "Customer service allows it.",
            json!({ "long_living": true }),
        ),
        Cause::CaptureMustBeWhole { reserved, .. } => case.send(
            call.set("modificationAmount.value", reserved.units()),
            case.fix,
        ),
        Cause::CurrencyNotAllowed { takes, .. } => {
            case.send(call.set("amount.currency", takes.code()), case.fix)
        }
        Cause::OtherCurrency { of, .. } => {
            case.send(call.set("modificationAmount.currency", of.code()), case.fix)
        }
        Cause::CardNotAvailable | Cause::CardPassthroughNotAvailable => case.send(
            call.set("paymentMethod", json!({ "type": "WALLET" }))
                .remove("cardPassthrough"),
            case.fix,
        ),
        Cause::BlockedSourcesNotApplicable => {
            case.send(call.remove("paymentMethod.blockedSources"), case.fix)
        }
        Cause::AmountTooSmall { least, .. } => {
            let member = if call.path.ends_with("/capture") {
                "modificationAmount.value"
            } else {
                "amount.value"
            };
            case.send(call.set(member, least.units()), case.fix)
        }
        Cause::ExpiryNotAllowed { .. }
        | Cause::ExpiryTooSoon { .. }
        | Cause::ExpiryTooLate { .. }
        | Cause::ReceiptMissing => case.send(call.remove("expiresAt"), case.fix),
        Cause::CaptureExceedsReserved {
            reserved, captured, ..
        } => less(case, reserved.units() - captured.units()),
        Cause::RefundExceedsCaptured {
            captured, refunded, ..
        } => less(case, captured.units() - refunded.units()),
        Cause::RefundNotCaptured { reserved: true } => {
            let mut capture = case.sent();
            capture.path = case.record.path().replace("/refund", "/capture");
            let first = Step::Call {
                what: "Capture first.".to_owned(),
                call: capture.header("Idempotency-Key", "another-key"),
                saves: None,
            };
            let call = case.sent().header("Idempotency-Key", "one-more-key");
            case.after(vec![first], call, case.fix)
        }
        Cause::CaptureNotReserved { ended: false, .. } | Cause::CancelInThreeDSecure => {
            let call = case.sent().header("Idempotency-Key", "another-key");
            case.after(vec![payment::approve(case)], call, case.fix)
        }
        Cause::CancelOfAuthorized => case.send(
            call.remove("cancelTransactionOnly")
                .header("Idempotency-Key", "another-key"),
            case.fix,
        ),
        Cause::CancelRefusedByBank => case.send(
            call.without(super::FAULT)
                .header("Idempotency-Key", "another-key"),
            case.fix,
        ),
        Cause::OrderUnknown { order, .. } => unknown(case, order),
        Cause::CancelAfterCapture { .. } | Cause::RefundNotCaptured { reserved: false } => {
            case.nothing()
        }
        Cause::ReceivingLimitExceeded { .. }
        | Cause::RequestLimitExceeded { .. }
        | Cause::SettlementExhausted { .. }
        | Cause::CannotPay { .. }
        | Cause::AppOutdated
        | Cause::OrderOfAnotherUnit { .. }
        | Cause::OrderOfEpayment { .. }
        | Cause::OrderLocked { .. }
        | Cause::OutcomePending { .. }
        | Cause::CaptureNotReserved { ended: true, .. }
        | Cause::CaptureOfCancelled { .. }
        | Cause::AlreadyCaptured { .. }
        | Cause::CapturedDirectly
        | Cause::CaptureTooLate { .. }
        | Cause::CaptureAfterRelease { .. }
        | Cause::CaptureRefusedByBank
        | Cause::AlreadyCancelled { .. }
        | Cause::CancelTooLate { .. }
        | Cause::RefundOfCancelled { .. }
        | Cause::RefundTooLate { .. }
        | Cause::NotOpen { .. }
        | Cause::ApproveExpress
        | Cause::ApproveCard
        | Cause::ApproveInProduction
        | Cause::ApproveSkipsLandingPage
        | Cause::NoDefaultCard
        | Cause::NeverApprovedInApp
        | Cause::RefusedByIssuer { .. }
        | Cause::TokenOfAnotherOrder
        | Cause::NotThePayer
        | Cause::ShippingNotChosen => {
            // A saved refusal is given again under the same key.
            let mut remedy = payment::remedy(case, cause);
            for step in &mut remedy.steps {
                if let Step::Send { call } = step
                    && call
                        .headers
                        .iter()
                        .any(|(name, _)| name == "idempotency-key")
                {
                    *call = call.clone().header("Idempotency-Key", "another-key");
                }
            }
            remedy
        }
    }
}

/// The most that is left; nothing mends it when nothing is left.
fn less(case: &Case<'_>, left: i64) -> Remedy {
    if left <= 0 {
        return case.nothing();
    }
    let call = case.sent().set("modificationAmount.value", left);
    let says = format!("{left} øre are left. {}", case.fix);
    case.send(call.header("Idempotency-Key", "another-key"), says)
}

fn unknown(case: &Case<'_>, reference: &str) -> Remedy {
    let call = case.sent().header("Idempotency-Key", "another-key");
    if let Some(near) = &case.near_order {
        let path = call.path.replace(reference, near);
        let says = format!("There is a payment `{near}`. {}", case.fix);
        return case.send(HttpCall { path, ..call }, says);
    }
    let create = HttpCall {
        method: "POST".to_owned(),
        path: "/epayment/v1/payments".to_owned(),
        body: Some(Content::Json(sample(Asked::Create))),
        ..case.sent()
    };
    let create = create
        .set("reference", reference)
        .header("Idempotency-Key", "a-key-for-each-attempt")
        .header("Content-Type", "application/json");
    let mut steps = vec![Step::Call {
        what: "Create the payment first.".to_owned(),
        call: create,
        saves: None,
    }];
    if case.operation() == Some(Operation::Capture) {
        steps.push(payment::approve(case));
    }
    case.after(steps, call, case.fix)
}
