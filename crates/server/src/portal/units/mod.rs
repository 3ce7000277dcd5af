//! Sales units: listed, shown, made, changed, and their keys.

mod changes;
mod closing;
pub(super) mod keys;
mod list;
mod new;
mod one;
mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use sandkasse_domain::{
    Timestamp,
    merchant::Standing,
    sales_unit::{ClosedBy, UnitState},
};
use sandkasse_engine::Unit;

use super::show::When;
use crate::control::Control;
pub(super) use list::Pages;

/// The routes below `/units` that are not about payments.
pub(super) fn routes() -> Router<Arc<Control>> {
    const UNIT: &str = "/units/{environment}/{msn}";
    let below = |rest: &str| format!("{UNIT}{rest}");
    Router::new()
        .route("/units", get(list::page))
        .route("/units/new", get(new::page).post(new::make))
        .route(UNIT, get(one::page))
        .route(
            &below("/keys"),
            get(keys::of_unit).post(keys::shown_of_unit),
        )
        .route(&below("/keys/env"), get(keys::env))
        .route(
            &below("/keys/{key}/regenerate"),
            get(keys::ask_for_unit).post(keys::regenerate_for_unit),
        )
        .route(
            &below("/name"),
            get(changes::name_page).post(changes::rename),
        )
        .route(&below("/orders"), post(changes::order))
        .route(&below("/orders/approve"), post(changes::approve))
        .route(&below("/partner"), post(changes::link))
        .route(
            &below("/deactivate"),
            get(closing::deactivate_page).post(closing::deactivate),
        )
        .route(
            &below("/reactivate"),
            get(closing::reactivate_page).post(closing::reactivate),
        )
        .route(&below("/snapshot"), get(snapshot::file))
        .route(&below("/sign"), post(closing::sign))
        .route(&below("/reopen"), post(closing::reopen))
}

/// Whether a sales unit takes payments, in a badge's words.
pub(super) struct StateBadge {
    pub(super) class: &'static str,
    pub(super) word: &'static str,
}

impl StateBadge {
    pub(super) fn of(unit: &Unit) -> StateBadge {
        let (class, word) = match (&unit.facts.state, unit.merchant.standing) {
            (UnitState::Deactivated { .. }, _) => ("bad", "deactivated"),
            (UnitState::Active, Standing::Active) => ("good", "active"),
            (UnitState::Active, standing) => ("bad", standing_word(standing)),
        };
        StateBadge { class, word }
    }
}

/// How a merchant stands, in a badge's words.
pub(super) fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Deactivated => "merchant deactivated",
        Standing::DeletedFromRegister => "merchant deleted from the register",
        Standing::FormChanged => "merchant's form changed",
        Standing::Unconfirmed => "merchant unconfirmed",
        Standing::Blocked => "merchant blocked",
        Standing::Unsigned => "agreement not signed",
    }
}

/// What a standing means, in a sentence.
pub(super) fn standing_sentence(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "The merchant is in order.",
        Standing::Deactivated => {
            "The platform has closed this merchant: new payments get error 37."
        }
        Standing::DeletedFromRegister => {
            "The Business register has deleted this organisation: new payments get error 37."
        }
        Standing::FormChanged => {
            "The organisation has another form now, and is another legal entity: new payments get error 37. It needs a new agreement for its new organisation number."
        }
        Standing::Unconfirmed => {
            "The merchant has not confirmed its information in time: new payments get error 37. Customer service opens it."
        }
        Standing::Blocked => {
            "The platform has blocked this merchant, and does not say why: new payments get error 31."
        }
        Standing::Unsigned => {
            "The merchant's agreement was not signed yet: new payments get error 36."
        }
    }
}

/// Who closed a unit, and when.
pub(super) struct Closed {
    pub(super) by: String,
    pub(super) at: When,
    pub(super) is_idle: bool,
}

impl Closed {
    pub(super) fn of(unit: &Unit) -> Option<Closed> {
        let (by, at): (&ClosedBy, Timestamp) = match &unit.facts.state {
            UnitState::Active => return None,
            UnitState::Deactivated { by, at } => (by, *at),
        };
        let (by, is_idle) = match by {
            ClosedBy::Merchant { person } => (person.clone(), false),
            ClosedBy::Idle => ("the platform, because nobody used it".to_owned(), true),
        };
        Some(Closed {
            by,
            at: at.into(),
            is_idle,
        })
    }
}
