//! One call to a merchant.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_store::{CallFailure, CallOutcome, CallRecord, CallState, OutgoingCall, Purpose};

use super::{filters, pretty::pretty, row::Row, sorry};
use crate::{
    control::{Control, calls::unusable},
    portal::{
        shell::{self, Frame, Part},
        visitor::Visitor,
    },
};

#[derive(Template)]
#[template(path = "portal/request_out.html")]
struct Page<'a> {
    frame: Frame<'a>,
    row: Row,
    call: &'a OutgoingCall,
    outcome: Option<&'a CallOutcome>,
    /// In words: what became of it.
    became: String,
    /// What to do about it.
    advice: Option<String>,
    /// What it means for the payment.
    effect: &'static str,
    body: String,
    answer: String,
    curl: String,
    /// The payment it is about, if it is about one.
    payment: Option<String>,
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    let record = match control.outgoing(&id).await {
        Ok(record) => record,
        Err(problem) => return sorry(&visitor, "There is no such call", &problem),
    };
    let (call, place) = (&record.call, &record.partition);
    let outcome = match &record.state {
        CallState::Done { outcome, .. } => Some(outcome),
        CallState::Owed | CallState::Begun { .. } | CallState::Interrupted { .. } => None,
    };
    let (became, advice) = told(&record);
    let frame = Frame::new("Outgoing call", Part::Requests, Some(&visitor));
    let page = Page {
        frame: frame.with(&["inspector"]),
        row: Row::of_outgoing(&record),
        became,
        advice,
        effect: effect(call.purpose),
        body: pretty(call.body.as_deref().unwrap_or_default()),
        answer: pretty(
            outcome
                .and_then(|it| it.answer.as_deref())
                .unwrap_or_default(),
        ),
        curl: curl(call),
        payment: (call.purpose != Purpose::ConsentRemoval).then(|| {
            let (environment, msn) = (place.environment, &place.msn);
            format!("/units/{environment}/{msn}/payments/{}", call.about)
        }),
        call,
        outcome,
    };
    shell::page(StatusCode::OK, &page)
}

fn effect(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::PaymentCallback => {
            "A callback is attempted once. The payment does not depend on it: its state is what \
             GET …/details says, which a shop should ask for when no callback came."
        }
        Purpose::ShippingDetails => {
            "The payer waits for this answer and sees no shipping methods without it. A static \
             list (`staticShippingDetails` at initiate) needs no call at all."
        }
        Purpose::ConsentRemoval => "The person has withdrawn consent, whatever the shop answers.",
    }
}

/// What became of a call, and what to do about it.
fn told(record: &CallRecord) -> (String, Option<String>) {
    let outcome = match &record.state {
        CallState::Owed => return ("It waits to be sent.".to_owned(), None),
        CallState::Begun { .. } => return ("It is under way.".to_owned(), None),
        CallState::Interrupted { .. } => {
            let became = "The program ended while it was under way. It is not repeated, since the shop may have got it.";
            return (became.to_owned(), None);
        }
        CallState::Done { outcome, .. } => outcome,
    };
    let ms = outcome.duration_ms;
    let Some(failure) = &outcome.failure else {
        let status = outcome.status.unwrap_or_default();
        return match unusable(record) {
            None => (format!("The shop answered {status} after {ms} ms."), None),
            Some(wrong) => (
                format!("The shop answered {status} after {ms} ms, but the answer is of no use: {wrong}. The app shows “Payment failed”."),
                Some("Answer with `shippingDetails`, a list that is not empty, of methods with `shippingMethodId`, `shippingMethod`, `shippingCost` in kroner, `priority` and `isDefault` (`\"Y\"` or `\"N\"`); or send a static list at initiate.".to_owned()),
            ),
        };
    };
    let (became, advice) = failed(failure, &record.call);
    (format!("{became} It took {ms} ms."), Some(advice))
}

/// Why a call failed, and what to do about it (FAQ-107, FAQ-109).
fn failed(failure: &CallFailure, call: &OutgoingCall) -> (String, String) {
    match failure {
        CallFailure::Dns { host, detail } => (
            format!("The name `{host}` has no address: {detail}."),
            "Check the spelling of `callbackPrefix` (or `shippingDetailsPrefix`, `consentRemovalPrefix`), and that the name is in public DNS.".to_owned(),
        ),
        CallFailure::Forbidden { target, rule } => (
            format!("`{target}` may not be called from here: {rule}."),
            "The platform calls public addresses over HTTPS. Use an address that can be reached from the internet; on your own machine, a sales unit with the URL policy `local` may be called on loopback.".to_owned(),
        ),
        CallFailure::Refused { target, detail } => (
            format!("No connection to `{target}`: {detail}."),
            "Nothing listens there, or a firewall stands before it. See that the server runs, that the port is right, and that the firewall lets the platform's addresses through.".to_owned(),
        ),
        CallFailure::Tls { detail } => (
            format!("The TLS handshake failed: {detail}."),
            "The certificate must be valid, issued for this name by an authority that everybody trusts, and sent with its intermediates; the server must speak TLS 1.2 or later.".to_owned(),
        ),
        CallFailure::Timeout { limit_ms } => {
            let shows = if call.purpose == Purpose::ShippingDetails {
                " The app shows “No shipping methods found”."
            } else {
                ""
            };
            (
                format!("No complete answer within {limit_ms} ms.{shows}"),
                "Answer first and work afterwards: note the call, answer 200, then do the rest. For shipping, a static list needs no call.".to_owned(),
            )
        }
        CallFailure::Redirect { location } => (
            format!(
                "The shop answered with a redirect to `{}`; redirects are not followed.",
                location.as_deref().unwrap_or("nowhere")
            ),
            "Give the final address as the prefix: with https, with or without www, with the slash that the server wants.".to_owned(),
        ),
        CallFailure::Status { status } => (
            format!("The shop answered {status}; anything but 2xx is a failure."),
            match status {
                404 | 405 => "The path or method is wrong: the platform appends its own path to the prefix, and the URL above is the exact one. Serve that path, or change the prefix.",
                401 | 403 => "The server wants a credential. The platform sends `authToken` of the initiate as `Authorization`, as it is; a firewall may also stand before the server.",
                _ => "Look into the server's own log for this request.",
            }
            .to_owned(),
        ),
        CallFailure::Broken { detail } => (
            format!("The answer was no HTTP, or the connection broke: {detail}."),
            "See that the port speaks HTTP, and HTTPS where the URL says so, and that no proxy cuts the connection.".to_owned(),
        ),
        CallFailure::BadUrl { detail } => (
            format!("This URL cannot be called: {detail}."),
            "Give a whole URL with scheme and host as the prefix.".to_owned(),
        ),
    }
}

/// The same call for a shell, with the body that was sent as the sample.
fn curl(call: &OutgoingCall) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut lines = vec![format!("curl -i -X {} {}", call.method, quoted(&call.url))];
    if call.authorization.is_some() {
        lines.push("-H \"Authorization: $AUTH_TOKEN\"".to_owned());
    }
    if let Some(body) = &call.body {
        lines.push("-H 'Content-Type: application/json'".to_owned());
        lines.push(format!("-d {}", quoted(body)));
    }
    lines.join(" \\\n  ")
}
