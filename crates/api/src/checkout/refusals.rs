//! What Checkout answers to each cause (reference: checkout.md §5).

use std::collections::BTreeMap;

use sandkasse_engine::faults::Fault;
use sandkasse_gate::{GateCause, Standing};
use serde::Serialize;

use super::{CheckoutCause, wire::JSON};
use crate::{Answer, Call, FieldFault, Why, fault, formats, params::pascal};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    error_code: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    status: u16,
    instance: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<BTreeMap<String, Vec<String>>>,
}

const VALIDATION: &str = "Validation-00001";
const CREDENTIALS: &str = "Authorization-00001";
const CONFIGURATION: &str = "Authorization-00002";

pub(super) fn answer(call: &Call<'_>, why: &Why) -> Answer {
    let said = |status, code: &str, title: &str, detail: Option<&str>| {
        problem(call, status, code, title, detail, None)
    };
    match why {
        Why::Gate(cause) => match formats::refused_by_gate(call, cause, "checkout") {
            Some(answer) => answer,
            None => of_gate(call, cause),
        },
        Why::Fields(faults) => invalid(call, faults),
        Why::Body(fault) => invalid(
            call,
            &[FieldFault {
                code: "$".into(),
                text: "The body is no valid JSON.".into(),
                cause: fault.id().into(),
                detail: String::new(),
            }],
        ),
        Why::Checkout(cause) => match cause {
            CheckoutCause::Credentials => said(401, CREDENTIALS, "Invalid credentials.", None),
            CheckoutCause::DirectCapture => said(
                403,
                CONFIGURATION,
                "Invalid subscription or configuration.",
                Some("Direct capture is not allowed in Checkout."),
            ),
            CheckoutCause::NothingToPay => {
                let text = "The total of amount and shipping must be at least 1 NOK.";
                let fault = FieldFault {
                    code: "transaction.amount.value".into(),
                    text: text.into(),
                    cause: cause.id().into(),
                    detail: String::new(),
                };
                invalid(call, &[fault])
            }
            CheckoutCause::ReferenceTaken => said(
                409,
                "Session-00200",
                "The reference is already in use.",
                None,
            ),
            // Literal.
            CheckoutCause::SessionUnknown => {
                said(404, "Session-00100", "Session expired or not known.", None)
            }
        },
        Why::NotBuilt => formats::not_built(),
        Why::Struck(struck) => match fault::answer(*struck) {
            Some(answer) => answer,
            None if *struck == Fault::TooManyConcurrent => {
                let title = "Too many concurrent requests. See the FAQ.";
                said(429, "Request-00429", title, None)
            }
            None => internal(call),
        },
        Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::OrderManagement(_)
        | Why::Qr(_)
        | Why::Report(_)
        | Why::Epayment(_)
        | Why::Unread(_)
        | Why::Fault(_) => internal(call),
    }
}

fn internal(call: &Call<'_>) -> Answer {
    let title = "An unexpected error occurred.";
    problem(call, 500, "Internal-00001", title, None, None)
}

/// The texts of platform.md §5 and eCom's of 31, 36, 37 and 97.
fn of_gate(call: &Call<'_>, cause: &GateCause) -> Answer {
    let said = |status, code: &str, title: &str, detail: &str| {
        problem(call, status, code, title, Some(detail), None)
    };
    if let Some((status, text)) = formats::msn_refusal(cause) {
        let (code, title) = if status == 401 {
            (CREDENTIALS, "Invalid credentials.")
        } else {
            (CONFIGURATION, "Invalid subscription or configuration.")
        };
        return said(status, code, title, &text);
    }
    let GateCause::Standing { standing } = cause else {
        let text = "These keys have no access to this API.";
        return said(
            403,
            CONFIGURATION,
            "Invalid subscription or configuration.",
            text,
        );
    };
    let (code, text) = match standing {
        Standing::LoginOnly => {
            let text = "Merchant Not Allowed for Ecommerce Payment";
            return said(
                403,
                CONFIGURATION,
                "Invalid subscription or configuration.",
                text,
            );
        }
        Standing::Blocked => (
            "Merchant-00031",
            "The merchant is blocked. The merchant can contact customer service for details.",
        ),
        Standing::Unsigned => (
            "Merchant-00036",
            "The merchant's agreement has not been signed.",
        ),
        Standing::PartnerDeactivated { .. }
        | Standing::MerchantDeactivated { .. }
        | Standing::Unconfirmed { .. }
        | Standing::DeletedFromRegister { .. }
        | Standing::FormChanged { .. }
        | Standing::UnitDeactivated { .. }
        | Standing::UnitIdle { .. } => (
            "Merchant-00037",
            "Merchant not available or deactivated or blocked",
        ),
    };
    problem(call, 400, code, text, None, None)
}

fn invalid(call: &Call<'_>, faults: &[FieldFault]) -> Answer {
    let mut errors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for fault in faults {
        let texts = errors.entry(pascal(&fault.code)).or_default();
        texts.push(fault.text.to_string());
    }
    let title = "One or more validation errors occurred.";
    problem(call, 400, VALIDATION, title, None, Some(errors))
}

fn problem(
    call: &Call<'_>,
    status: u16,
    error_code: &str,
    title: &str,
    detail: Option<&str>,
    errors: Option<BTreeMap<String, Vec<String>>>,
) -> Answer {
    let problem = Problem {
        error_code,
        title,
        detail,
        status,
        instance: format!("urn:uuid:{}", call.platform.engine.chance.uuid()),
        errors,
    };
    let body = serde_json::to_string(&problem).expect("plain structs always serialise");
    Answer::new(status, JSON, body)
}
