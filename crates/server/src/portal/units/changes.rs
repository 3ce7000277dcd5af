//! What changes of a sales unit on the portal: its name in production, its products, its partner. A
//! test sales unit cannot be changed otherwise (reference: platform.md §8).

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;
use sandkasse_domain::{Environment, sales_unit::Product};
use sandkasse_engine::Unit;
use serde::Deserialize;

use crate::{
    control::{self, Control, Problem},
    portal::{
        shell::{self, Frame, Part},
        show::{AtUnit, Stop, unit_path},
        visitor::Posted,
        visitors::Role,
    },
};

#[derive(Template)]
#[template(path = "portal/units/name.html")]
struct NamePage<'a> {
    frame: Frame<'a>,
    path: String,
    name: &'a str,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    product: Product,
}

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    /// Empty for none.
    partner: String,
}

fn changeable(environment: Environment) -> Result<(), Problem> {
    if environment == Environment::Production {
        return Ok(());
    }
    Err(Problem::conflict(
        "test_unit_fixed",
        "a test sales unit cannot be changed after it was made; make another one, as many as you need",
    ))
}

/// Back to the sales unit, whose page says what was done.
fn done(unit: &Unit, what: &str) -> Response {
    shell::see_other(&format!("{}?done={what}", unit_path(unit)))
}

pub(super) async fn name_page(AtUnit(visitor, unit): AtUnit) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    changeable(unit.facts.environment).map_err(Stop::at(&visitor))?;
    let page = NamePage {
        frame: Frame::new("Change the name", Part::Units, Some(&visitor)),
        path: unit_path(&unit),
        name: &unit.facts.name,
    };
    Ok(shell::page(StatusCode::OK, &page))
}

pub(super) async fn rename(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, named): Posted<Named>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let stop = || Stop::at(&visitor);
    changeable(unit.facts.environment).map_err(stop())?;
    let name = control::name(named.name.trim()).map_err(stop())?;
    let directory = &control.engine().directory;
    directory
        .change_unit(unit.facts.environment, &unit.facts.msn, |facts| {
            facts.name.clone_from(&name);
        })
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(done(&unit, "renamed"))
}

pub(super) async fn order(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    control
        .order_product(unit.facts.environment, &unit.facts.msn, wanted.product)
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(done(&unit, "ordered"))
}

pub(super) async fn approve(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    control
        .approve_product(unit.facts.environment, &unit.facts.msn, wanted.product)
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(done(&unit, "approved"))
}

pub(super) async fn link(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, link): Posted<Link>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let partner = (!link.partner.is_empty()).then_some(link.partner.as_str());
    control
        .set_partner(unit.facts.environment, &unit.facts.msn, partner)
        .await
        .map_err(Stop::at(&visitor))?;
    let what = if partner.is_some() {
        "linked"
    } else {
        "unlinked"
    };
    Ok(done(&unit, what))
}
