//! What the payment machine refused.

use sandkasse_domain::payment::{Cause, Operation};
use sandkasse_engine::directory::Client;
use serde_json::{Value, json};

use super::{Case, Remedy, Step, sample};
use crate::{HttpCall, call::Content, record::Owner};

pub(super) fn remedy(case: &Case<'_>, cause: &Cause) -> Remedy {
    match cause {
        Cause::SkipLandingPageNotAllowed => case.send(
            case.sent().set("transaction.skipLandingPage", false),
            case.fix,
        ),
        Cause::NinNotAllowed => {
            let call = case.sent();
            let scope = call.member("transaction.scope").and_then(Value::as_str);
            let kept: Vec<&str> = scope
                .unwrap_or_default()
                .split_whitespace()
                .filter(|scope| *scope != "nin")
                .collect();
            let kept = kept.join(" ");
            case.send(call.set("transaction.scope", kept), case.fix)
        }
        Cause::ReceivingLimitExceeded { .. } => raised(case, "receive"),
        Cause::RequestLimitExceeded { .. } => raised(case, "request"),
        Cause::SettlementExhausted { .. } => raised(case, "overdraft"),
        Cause::DuplicateOrder { order, first_used } => case.send(
            case.sent()
                .set("transaction.orderId", another(order.as_str())),
            format!("`{order}` was first used at {first_used}. {}", case.fix),
        ),
        Cause::CannotPay { .. } => cannot_pay(case),
        Cause::AppOutdated => {
            let update = person(
                case,
                "The person updates the app.",
                json!({ "app_outdated": false }),
            );
            case.after(update, case.sent(), case.fix)
        }
        Cause::OrderUnknown { order, .. } => order_unknown(case, order),
        Cause::OrderOfAnotherUnit { owned_by, .. } => {
            let call = case
                .sent()
                .header("Ocp-Apim-Subscription-Key", "$SUBSCRIPTION_KEY")
                .header("Authorization", "Bearer $ACCESS_TOKEN");
            let call = if call.member("merchantInfo.merchantSerialNumber").is_some() {
                call.set("merchantInfo.merchantSerialNumber", owned_by.as_str())
            } else {
                call
            };
            let names_it = |call: &HttpCall| {
                let mut names = call.headers.iter().map(|(name, _)| name);
                names.any(|name| name.eq_ignore_ascii_case("merchant-serial-number"))
            };
            let call = if names_it(&call) {
                call.header("Merchant-Serial-Number", owned_by.as_str())
            } else {
                call
            };
            let says = format!("The order is of sales unit {owned_by}. {}", case.fix);
            if let Some(Owner::Known(Client::Partner(_))) = case.record.client {
                return case.send(
                    call.header("Merchant-Serial-Number", owned_by.as_str()),
                    says,
                );
            }
            let mut remedy = case.after(vec![case.fetch_token()], call, says);
            remedy.keys_of = Some(format!("sales unit {owned_by}"));
            remedy
        }
        Cause::OrderLocked { .. } => {
            case.after(vec![Step::Wait { seconds: 1 }], case.sent(), case.fix)
        }
        Cause::OutcomePending { until } => {
            let now = case.record.unit.as_ref().and_then(|msn| {
                let directory = case.engine.directory.of(case.environment());
                Some(case.engine.now(directory.unit(msn)?))
            });
            let seconds = now.map_or(3600, |now| {
                u64::try_from(until.duration_since(now).as_secs() + 1).unwrap_or(1)
            });
            case.after(
                vec![Step::Wait { seconds }],
                case.sent(),
                format!("The bank tells at {until}. {}", case.fix),
            )
        }
        Cause::KeyReused { key, .. } => case.send(
            case.sent().header("X-Request-Id", another(key)),
            format!("`{key}` was used for another request. {}", case.fix),
        ),
        Cause::CaptureNotReserved { ended: false, .. } => {
            case.after(vec![approve(case)], case.sent(), case.fix)
        }
        Cause::CaptureExceedsReserved {
            reserved,
            captured,
            asked,
        } => less(
            case,
            reserved.units() - captured.units(),
            &format!(
                "Reserved {}, captured before {}, asked for {}, all in øre: {} too much.",
                reserved.units(),
                captured.units(),
                asked.units(),
                asked.units() + captured.units() - reserved.units()
            ),
        ),
        Cause::RefundExceedsCaptured {
            captured,
            refunded,
            asked,
        } => less(
            case,
            captured.units() - refunded.units(),
            &format!(
                "Captured {}, refunded before {}, asked for {}, all in øre.",
                captured.units(),
                refunded.units(),
                asked.units()
            ),
        ),
        Cause::CancelAfterCapture {
            captured,
            remaining,
        } if !remaining.is_zero() => case.send(
            case.sent().set("shouldReleaseRemainingFunds", true),
            format!(
                "{} øre are captured, {} are not. {}",
                captured.units(),
                remaining.units(),
                case.fix
            ),
        ),
        Cause::CancelInThreeDSecure => case.after(vec![approve(case)], case.sent(), case.fix),
        Cause::RefundNotCaptured { reserved: true } => {
            let mut capture = case.sent();
            "POST".clone_into(&mut capture.method);
            capture.path = case.record.path().replace("/refund", "/capture");
            let capture = capture.without("x-request-id").remove("transaction.amount");
            let first = Step::Call {
                what: "Capture first.".to_owned(),
                call: capture,
                saves: None,
            };
            case.after(vec![first], case.sent(), case.fix)
        }
        Cause::NotATestNumber { .. } => {
            case.send(case.sent().set("customerPhoneNumber", "$PHONE"), case.fix)
        }
        Cause::NoDefaultCard => {
            let cards = json!({ "cards": [{ "state": "valid" }] });
            let step = person(case, "The person adds a card in the test app.", cards);
            case.after(step, case.sent(), case.fix)
        }
        Cause::NeverApprovedInApp => {
            let app = json!({ "logged_in": true, "approved_once": true });
            let step = person(
                case,
                "The person logs in to the test app and approves one payment there.",
                app,
            );
            case.after(step, case.sent(), case.fix)
        }
        // Only a fault on demand does this, so the same request passes without it.
        Cause::CancelRefusedByBank | Cause::RefusedByIssuer { .. } => {
            case.send(case.sent().without(super::FAULT), case.fix)
        }
        Cause::TokenOfAnotherOrder => case.send(case.sent().remove("token"), case.fix),
        Cause::CaptureNotReserved { ended: true, .. }
        | Cause::CaptureOfCancelled { .. }
        | Cause::AlreadyCaptured { .. }
        | Cause::CapturedDirectly
        | Cause::CaptureTooLate { .. }
        | Cause::CaptureAfterRelease { .. }
        | Cause::CaptureRefusedByBank
        | Cause::CancelAfterCapture { .. }
        | Cause::AlreadyCancelled { .. }
        | Cause::CancelTooLate { .. }
        | Cause::RefundNotCaptured { reserved: false }
        | Cause::RefundOfCancelled { .. }
        | Cause::RefundTooLate { .. }
        | Cause::NotOpen { .. }
        | Cause::ReserveNotAllowed
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
        | Cause::ReceiptMissing
        | Cause::CaptureMustBeWhole { .. }
        | Cause::OtherCurrency { .. }
        | Cause::CancelOfAuthorized
        | Cause::ApproveCard
        | Cause::ApproveInProduction
        | Cause::ApproveExpress
        | Cause::ApproveSkipsLandingPage
        | Cause::NotThePayer
        | Cause::OrderOfEpayment { .. }
        | Cause::ShippingNotChosen => case.nothing(),
    }
}

/// Another name that nobody has used.
pub(super) fn another(name: &str) -> String {
    let kept: String = name.chars().take(38).collect();
    format!("{kept}-2")
}

/// Customer service raises a bound.
fn raised(case: &Case<'_>, limit: &str) -> Remedy {
    let limits = json!({ "limits": { limit: null } });
    let step = case.control(
        "Customer service raises the limit.",
        "PATCH",
        case.unit_path(""),
        limits,
    );
    case.after(vec![step], case.sent(), case.fix)
}

/// The most that is left; nothing mends it when nothing is left.
fn less(case: &Case<'_>, left: i64, facts: &str) -> Remedy {
    if left <= 0 {
        let mut remedy = case.nothing();
        remedy.says = format!("{facts} Nothing is left. {}", remedy.says);
        return remedy;
    }
    case.send(
        case.sent().set("transaction.amount", left),
        format!("{facts} {}", case.fix),
    )
}

/// Nobody is told why a number cannot pay, so nobody is told how to mend it; another number helps.
fn cannot_pay(case: &Case<'_>) -> Remedy {
    let says = case.fix;
    if case.instead.is_some() {
        return case.nothing();
    }
    case.send(case.sent().set("customerInfo.mobileNumber", "$PHONE"), says)
}

fn order_unknown(case: &Case<'_>, order: &str) -> Remedy {
    let call = case.sent();
    if let Some(near) = &case.near_order {
        let path = call
            .path
            .replace(&format!("/{order}/"), &format!("/{near}/"));
        let says = format!("There is an order `{near}`. {}", case.fix);
        return case.send(HttpCall { path, ..call }, says);
    }
    let initiate = HttpCall {
        method: "POST".to_owned(),
        path: "/ecomm/v2/payments".to_owned(),
        body: Some(Content::Json(sample(Operation::Initiate, &case.msn()))),
        ..call.clone()
    };
    let initiate = initiate
        .set("transaction.orderId", order)
        .without("x-request-id")
        .header("Content-Type", "application/json");
    let first = Step::Call {
        what: "Initiate the order first.".to_owned(),
        call: initiate,
        saves: None,
    };
    case.after(vec![first], call, case.fix)
}

/// The payer approves.
pub(super) fn approve(case: &Case<'_>) -> Step {
    let order = case.order().unwrap_or_default();
    let path = format!(
        "/payments/{}/{}/{order}/approve",
        case.environment(),
        case.msn()
    );
    case.control(
        "The payer approves in the app.",
        "POST",
        path,
        json!({ "phone": "$PHONE" }),
    )
}

/// Changes the person that the call names.
fn person(case: &Case<'_>, what: &str, traits: Value) -> Vec<Step> {
    let call = case.sent();
    let named = [
        "customerInfo.mobileNumber",
        "customerPhoneNumber",
        "customer.phoneNumber",
    ]
    .into_iter()
    .find_map(|member| call.member(member));
    let phone = match named {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => "$PHONE".to_owned(),
    };
    let phone = sandkasse_domain::PhoneNumber::correct(&phone)
        .map_or(phone, |corrected| corrected.to_string());
    let path = format!("/persons/{}/{phone}", case.environment());
    vec![case.control(what, "PATCH", path, traits)]
}
