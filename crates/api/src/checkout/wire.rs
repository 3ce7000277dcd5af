//! Sessions on the wire.

use sandkasse_domain::{Msn, checkout::Session as Kept};
use serde::Serialize;

pub(super) const JSON: &str = "application/json";

/// What stands in the token that the frontend gets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Claims<'a> {
    pub(super) session_id: &'a str,
    pub(super) reference: &'a str,
    pub(super) merchant_serial_number: &'a Msn,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    token: &'a str,
    checkout_frontend_url: String,
    polling_url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    session_id: &'a str,
    merchant_serial_number: &'a Msn,
    reference: &'a str,
    session_state: &'static str,
}

pub(super) fn created(base: &str, reference: &str, token: &str) -> String {
    json(&Created {
        token,
        checkout_frontend_url: format!("{base}/vippscheckout/v1/"),
        polling_url: format!("{base}/checkout/v3/session/{reference}"),
    })
}

/// A session in which nobody has begun to pay.
pub(super) fn session(msn: &Msn, reference: &str, session: &Kept) -> String {
    json(&Session {
        session_id: &session.id,
        merchant_serial_number: msn,
        reference,
        session_state: "SessionCreated",
    })
}

fn json<T: Serialize>(body: &T) -> String {
    serde_json::to_string(body).expect("plain structs always serialise")
}
