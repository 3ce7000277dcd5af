//! What is wrong with a body: not JSON, wrong types, wrong names, values that are not allowed.

use sandkasse_api::{BodyFault, FieldFault, Route};
use sandkasse_domain::payment::Operation;
use serde_json::{Value, json};

use super::{Case, Remedy, orders, sample};
use crate::{HttpCall, call::Content};

/// The longest idempotency key.
const REQUEST_ID: usize = 40;
/// The longest text of a transaction.
const TEXT: usize = 100;

pub(super) fn of_fault(case: &Case<'_>, fault: &BodyFault) -> Remedy {
    let operation = case.operation().unwrap_or(Operation::Initiate);
    match fault {
        BodyFault::Syntax { detail } => case.send(
            whole(case, operation),
            format!("The body is no JSON: {detail}. Compare it with this one, which is right. Strictly this should have been a 400."),
        ),
        BodyFault::Depth => case.send(
            whole(case, operation),
            "The body is nested too deep. Compare it with this one, which is right.",
        ),
        BodyFault::Type {
            member,
            expected,
            received,
        } => {
            let says = format!(
                "`{member}`: expected {expected}, received {received}. Strictly this should have been a 400."
            );
            if member == "body" {
                return case.send(whole(case, operation), says);
            }
            let call = case.sent();
            let member = member.split('[').next().unwrap_or(member);
            let right = call
                .member(member)
                .and_then(|value| converted(value, expected))
                .or_else(|| webhook_member(case, member))
                .or_else(|| in_sample(operation, &case.msn(), member));
            let call = match right {
                Some(right) => call.set(member, right),
                None => without(call, member),
            };
            case.send(call, says)
        }
        BodyFault::MemberCase { expected, received } => {
            let call = case.sent();
            let value = call.member(received).cloned().unwrap_or_default();
            case.send(
                call.remove(received).set(expected, value),
                format!("Received `{received}`, expected `{expected}`: names of members are case-sensitive."),
            )
        }
    }
}

/// A right body in place of one that cannot be repaired; the order id of the path stays.
fn whole(case: &Case<'_>, operation: Operation) -> HttpCall {
    let mut call = case.sent();
    let right = if case.route() == Some(Route::WebhookRegister) {
        webhook()
    } else {
        let right = case.route().and_then(|route| orders::sample(&route));
        right.unwrap_or_else(|| sample(operation, &case.msn()))
    };
    call.body = Some(Content::Json(right));
    call
}

/// A registration that is right in itself.
fn webhook() -> Value {
    json!({ "url": "https://example.com/vipps/webhooks", "events": ["epayments.payment.authorized.v1"] })
}

/// What the sender probably meant.
fn converted(value: &Value, expected: &str) -> Option<Value> {
    match (expected, value) {
        ("string", Value::Number(number)) => Some(number.to_string().into()),
        ("string", Value::Bool(truth)) => Some(truth.to_string().into()),
        ("integer" | "number", Value::String(text)) => {
            let number: f64 = text.trim().parse().ok()?;
            Some(rounded(number))
        }
        ("integer", Value::Number(number)) => Some(rounded(number.as_f64()?)),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, as wanted")]
fn rounded(number: f64) -> Value {
    (number.round() as i64).into()
}

fn in_sample(operation: Operation, msn: &str, member: &str) -> Option<Value> {
    let sample = sample(operation, msn);
    let pointer = format!("/{}", member.replace('.', "/"));
    sample
        .pointer(&pointer)
        .cloned()
        .or_else(|| matches!(member, "transaction.amount").then(|| json!(100)))
}

/// An optional member that cannot be repaired is left out; of a list the whole list.
fn without(call: HttpCall, member: &str) -> HttpCall {
    let list = member.split('[').next().unwrap_or(member);
    call.remove(list)
}

fn webhook_member(case: &Case<'_>, member: &str) -> Option<Value> {
    let is_one = case.route() == Some(Route::WebhookRegister);
    is_one.then(|| webhook().get(member).cloned()).flatten()
}

pub(super) fn of_fields(case: &Case<'_>, faults: &[FieldFault]) -> Remedy {
    // No id, and no event, is better than the one that was sent.
    let is_final = |fault: &FieldFault| {
        let cause = fault.cause.0;
        matches!(
            cause,
            "webhook.limit" | "webhook.unknown" | "webhook.id_format"
        )
    };
    if faults.iter().any(is_final) {
        return case.nothing();
    }
    let says: Vec<String> = faults
        .iter()
        .map(|fault| {
            format!(
                "`{}`: {} ({})",
                member(&fault.code),
                fault.text,
                fault.detail
            )
        })
        .collect();
    let call = faults
        .iter()
        .fold(case.sent(), |call, fault| repaired(case, call, fault));
    case.send(call, format!("{}.", says.join("; ")))
}

/// An error code is the path of the member, sometimes with a word behind it.
fn member(code: &str) -> &str {
    code.strip_suffix(".invalid").unwrap_or(code)
}

fn repaired(case: &Case<'_>, call: HttpCall, fault: &FieldFault) -> HttpCall {
    if let Some(right) = case.route().and_then(|route| orders::sample(&route)) {
        return orders::repaired(call, &fault.code, &right);
    }
    let operation = case.operation().unwrap_or(Operation::Initiate);
    let member = member(&fault.code);
    let text = |call: &HttpCall| {
        call.member(member)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    if let Some(right) = webhook_member(case, member) {
        return call.set(member, right);
    }
    match member {
        "X-Request-Id" => {
            let sent = call
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
            let short: String = sent
                .map(|(_, key)| key.chars().take(REQUEST_ID).collect())
                .unwrap_or_default();
            call.header("X-Request-Id", short)
        }
        "customerInfo.mobileNumber" => call.set(member, "$PHONE"),
        "customerInfo" => call.set(member, json!({})),
        "transaction.amount" => {
            let sent = call.member(member).and_then(Value::as_i64);
            // Somebody who thinks in kroner: 99 is probably 99 kroner.
            let right = match sent {
                Some(kroner @ 1..=99) => kroner * 100,
                _ => 49_900,
            };
            if operation == Operation::Initiate {
                call.set(member, right)
            } else {
                // Without an amount the whole rest is captured or refunded.
                call.remove(member)
            }
        }
        "transaction.orderId" => {
            let kept: String = text(&call)
                .unwrap_or_default()
                .chars()
                .filter(|it| it.is_ascii_alphanumeric() || *it == '-')
                .take(50)
                .collect();
            let kept = if kept.is_empty() {
                "acme-shop-123-order123abc".to_owned()
            } else {
                kept
            };
            call.set(member, kept)
        }
        "transaction.transactionText" => {
            let short: Option<String> = text(&call).map(|text| text.chars().take(TEXT).collect());
            let short = short.filter(|text| !text.is_empty());
            call.set(
                member,
                short.unwrap_or_else(|| "One pair of socks".to_owned()),
            )
        }
        "transaction.scope" => call.remove(member),
        "merchantInfo.paymentType" => call.remove(member),
        "merchantInfo.authToken" => {
            let short: String = text(&call).unwrap_or_default().chars().take(255).collect();
            call.set(member, short)
        }
        "merchantInfo.merchantSerialNumber" => {
            // The name of the header, taken for that of the member.
            let lookalike = fault
                .detail
                .strip_prefix("received `")
                .and_then(|rest| rest.strip_suffix('`'));
            let value = lookalike.and_then(|name| call.member(name).cloned());
            let call = match lookalike {
                Some(name) => call.remove(name),
                None => call,
            };
            call.set(member, value.unwrap_or_else(|| case.msn().into()))
        }
        "merchantInfo.shippingDetailsPrefix" | "merchantInfo.consentRemovalPrefix" => {
            call.set(member, "https://example.com/vipps")
        }
        _ if member.starts_with("merchantInfo.staticShippingDetails") => call.set(
            "merchantInfo.staticShippingDetails",
            json!([{
                "isDefault": "Y",
                "priority": 1,
                "shippingCost": 49,
                "shippingMethod": "Home delivery",
                "shippingMethodId": "home",
            }]),
        ),
        _ if member.starts_with("transaction.additionalData") => {
            call.remove("transaction.additionalData")
        }
        _ => match in_sample(operation, &case.msn(), member) {
            Some(right) => call.set(member, right),
            None => call.remove(member),
        },
    }
}
