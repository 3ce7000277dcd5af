//! Merchants and partners: whose sales units are, and who may act for them.

mod merchants;
mod partners;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use sandkasse_engine::Unit;

use super::{
    show::unit_path,
    units::{StateBadge, keys},
};
use crate::control::Control;

/// The routes below `/merchants` and `/partners`.
pub(super) fn routes() -> Router<Arc<Control>> {
    const MERCHANT: &str = "/merchants/{environment}/{orgno}";
    const PARTNER: &str = "/partners/{environment}/{id}";
    let below = |rest: &str| format!("{PARTNER}{rest}");
    Router::new()
        .route("/merchants", get(merchants::list))
        .route(MERCHANT, get(merchants::page))
        .route(&format!("{MERCHANT}/check"), post(merchants::check))
        .route("/partners", get(partners::list))
        .route(PARTNER, get(partners::page))
        .route(
            &below("/keys"),
            get(keys::of_partner).post(keys::shown_of_partner),
        )
        .route(
            &below("/keys/{key}/regenerate"),
            get(keys::ask_for_partner).post(keys::regenerate_for_partner),
        )
}

/// A sales unit of somebody.
struct UnitLine {
    href: String,
    name: String,
    msn: String,
    state: StateBadge,
}

impl UnitLine {
    fn of(unit: &Unit) -> UnitLine {
        UnitLine {
            href: unit_path(unit),
            name: unit.facts.name.clone(),
            msn: unit.facts.msn.to_string(),
            state: StateBadge::of(unit),
        }
    }
}
