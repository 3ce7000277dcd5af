//! Payments of a sales unit: found, shown, and moved by hand.

mod acts;
mod bar;
pub(crate) mod calls;
mod list;
mod one;
#[cfg(test)]
mod tests;
mod timeline;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use sandkasse_domain::payment::Payment;

use crate::control::{Control, StateName};

/// The routes below `/units/…/payments`.
pub(super) fn routes() -> Router<Arc<Control>> {
    const PAYMENTS: &str = "/units/{environment}/{msn}/payments";
    let below = |rest: &str| format!("{PAYMENTS}/{{order}}{rest}");
    Router::new()
        .route(PAYMENTS, get(list::page))
        .route(&below(""), get(one::page))
        .route(&below("/capture"), post(acts::capture))
        .route(&below("/refund"), post(acts::refund))
        .route(&below("/cancel"), post(acts::cancel))
        .route(&below("/force-approve"), post(acts::force_approve))
}

/// A state in a badge's words.
struct StateBadge {
    class: &'static str,
    word: &'static str,
}

impl StateBadge {
    fn of(payment: &Payment) -> StateBadge {
        let state = StateName::of(payment);
        let class = match state {
            StateName::Initiated | StateName::OutcomeUnknown => "info",
            StateName::Reserved | StateName::PartlyCaptured => "warn",
            StateName::Captured => "good",
            StateName::PartlyRefunded | StateName::Refunded | StateName::Voided => "",
            StateName::Cancelled | StateName::Failed => "bad",
        };
        let word = state_word(state);
        StateBadge { class, word }
    }
}

/// A state in words.
fn state_word(state: StateName) -> &'static str {
    match state {
        StateName::Initiated => "initiated",
        StateName::OutcomeUnknown => "outcome unknown",
        StateName::Reserved => "reserved",
        StateName::PartlyCaptured => "partly captured",
        StateName::Captured => "captured",
        StateName::PartlyRefunded => "partly refunded",
        StateName::Refunded => "refunded",
        StateName::Cancelled => "cancelled",
        StateName::Failed => "failed",
        StateName::Voided => "voided",
    }
}
