//! Closing a sales unit and opening it again. A person signs with BankID on the way: the page says
//! what it means, leads to BankID for exactly this, and does it when they come back and say so.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_engine::Unit;
use serde::Deserialize;

use crate::{
    bankid::{Purpose, Subject},
    control::{Control, Rescuer, UnitPath},
    portal::{
        shell::{self, Frame, Part},
        show::{AtUnit, Stop, unit_path},
        visitor::{Posted, Visitor},
        visitors::Role,
    },
};

#[derive(Template)]
#[template(path = "portal/units/closing.html")]
struct Page<'a> {
    frame: Frame<'a>,
    path: String,
    name: &'a str,
    msn: &'a str,
    verb: &'static str,
    closes: bool,
    /// The id of a signature for exactly this, and whose it is.
    signed: Option<(String, String)>,
    /// What is wrong with the one named, if it does not do.
    lack: &'static str,
}

/// Back from BankID.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Back {
    bankid: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Sign {
    purpose: Purpose,
}

#[derive(Debug, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    bankid: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

fn at(unit: &Unit) -> UnitPath {
    UnitPath {
        environment: unit.facts.environment,
        msn: unit.facts.msn.clone(),
    }
}

fn subject(unit: &Unit, purpose: Purpose) -> Subject {
    Subject {
        purpose,
        environment: unit.facts.environment,
        msn: unit.facts.msn.clone(),
    }
}

fn page(
    control: &Control,
    visitor: &Visitor,
    unit: &Unit,
    back: Back,
    purpose: Purpose,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let (mut signed, mut lack) = (None, "");
    if let Some(id) = back.bankid {
        let now = control.engine().clock.now();
        match control.bankid.signed(&id, &subject(unit, purpose), now) {
            Ok(person) => signed = Some((id, person)),
            Err(why) => lack = why.words(),
        }
    }
    let (title, closes) = match purpose {
        Purpose::Deactivate => ("Deactivate", true),
        Purpose::Reactivate => ("Reactivate", false),
    };
    let page = Page {
        frame: Frame::new(title, Part::Units, Some(visitor)),
        path: unit_path(unit),
        name: &unit.facts.name,
        msn: unit.facts.msn.as_str(),
        verb: purpose.word(),
        closes,
        signed,
        lack,
    };
    Ok(shell::page(StatusCode::OK, &page))
}

pub(super) async fn deactivate_page(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
    Query(back): Query<Back>,
) -> Result<Response, Stop> {
    page(&control, &visitor, &unit, back, Purpose::Deactivate)
}

pub(super) async fn reactivate_page(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
    Query(back): Query<Back>,
) -> Result<Response, Stop> {
    page(&control, &visitor, &unit, back, Purpose::Reactivate)
}

/// Leads to BankID.
pub(super) async fn sign(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, sign): Posted<Sign>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let back = format!("{}/{}", unit_path(&unit), sign.purpose.word());
    let session = control
        .begin_signing(&visitor.0.name, subject(&unit, sign.purpose), Some(back))
        .map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!("/bankid/{}", session.id)))
}

pub(super) async fn deactivate(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, signed): Posted<Signed>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    control
        .deactivate_unit(&at(&unit), Some(&signed.bankid))
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!(
        "{}?done=deactivated",
        unit_path(&unit)
    )))
}

pub(super) async fn reactivate(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, signed): Posted<Signed>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    control
        .reactivate_unit(&at(&unit), Some(&signed.bankid), None)
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!(
        "{}?done=reactivated",
        unit_path(&unit)
    )))
}

/// Customer service opens a unit that was closed because nobody used it.
pub(super) async fn reopen(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    Posted(visitor, Nothing {}): Posted<Nothing>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    control
        .reactivate_unit(&at(&unit), None, Some(Rescuer::CustomerService))
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!(
        "{}?done=reopened",
        unit_path(&unit)
    )))
}
