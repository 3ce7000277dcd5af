//! Capture, refund, cancel and force approve by hand. What the platform refuses is shown as the API
//! would say it.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use sandkasse_api::ecom::{ByHand, NotDone};
use sandkasse_domain::Minor;
use sandkasse_engine::Unit;
use serde::Deserialize;

use super::one::{Order, Refusal, Told, shown};
use crate::{
    control::{self, Control, Problem},
    portal::{
        shell,
        show::{At, AtUnit, Stop, encoded, read_money, unit_path},
        visitor::{Posted, Visitor},
        visitors::Role,
    },
};

/// Money to be moved.
#[derive(Debug, Deserialize)]
pub(super) struct Amount {
    /// In kroner; all there is if empty.
    #[serde(default)]
    amount: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    request_id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cancel {
    #[serde(default)]
    text: String,
    release_remainder: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Approve {
    #[serde(default)]
    phone: String,
}

fn amount(said: &str) -> Result<Option<Minor>, Problem> {
    if said.trim().is_empty() {
        return Ok(None);
    }
    let amount = read_money(said).ok_or_else(|| {
        Problem::bad_request(format!("“{said}” is no amount: write kroner, as 1 234,50"))
    })?;
    Ok(Some(amount))
}

/// Does it, and leads to the payment; or says there why not.
async fn act(
    control: &Control,
    visitor: &Visitor,
    unit: &Arc<Unit>,
    order: &str,
    done: &str,
    wanted: Result<ByHand, Problem>,
) -> Result<Response, Stop> {
    let refusal = match wanted {
        Ok(wanted) => match control.by_hand(unit, order, wanted).await {
            Ok(()) => {
                let order = encoded(order);
                let path = format!("{}/payments/{order}?done={done}", unit_path(unit));
                return Ok(shell::see_other(&path));
            }
            Err(NotDone::Refused(says)) => Refusal::Says(says),
            Err(NotDone::Fault(fault)) => return Err(Stop::at(visitor)(Problem::fault(&fault))),
        },
        Err(problem) => Refusal::Form(problem.detail().to_owned()),
    };
    shown(
        control,
        visitor,
        unit,
        order,
        Told::default(),
        Some(refusal),
    )
    .await
}

pub(super) async fn capture(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    At(_, Order { order }): At<Order>,
    Posted(visitor, said): Posted<Amount>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let wanted = moved(&control, said).map(ByHand::Capture);
    act(&control, &visitor, &unit, &order, "capture", wanted).await
}

pub(super) async fn refund(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    At(_, Order { order }): At<Order>,
    Posted(visitor, said): Posted<Amount>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let wanted = moved(&control, said).map(ByHand::Refund);
    act(&control, &visitor, &unit, &order, "refund", wanted).await
}

fn moved(control: &Control, said: Amount) -> Result<sandkasse_api::ecom::Moved, Problem> {
    control.moved(
        amount(&said.amount)?,
        Some(said.text),
        Some(said.request_id),
    )
}

pub(super) async fn cancel(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    At(_, Order { order }): At<Order>,
    Posted(visitor, said): Posted<Cancel>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let release_remainder = said.release_remainder.is_some();
    let wanted = control::words(Some(said.text)).map(|text| ByHand::Cancel {
        text,
        release_remainder,
    });
    act(&control, &visitor, &unit, &order, "cancel", wanted).await
}

pub(super) async fn force_approve(
    State(control): State<Arc<Control>>,
    AtUnit(_, unit): AtUnit,
    At(_, Order { order }): At<Order>,
    Posted(visitor, said): Posted<Approve>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    Control::test_only(unit.facts.environment).map_err(Stop::at(&visitor))?;
    let said = said.phone.trim();
    let wanted = if said.is_empty() {
        Ok(ByHand::Approve { phone: None })
    } else {
        control::phone(said).map(|phone| ByHand::Approve { phone: Some(phone) })
    };
    act(&control, &visitor, &unit, &order, "force_approve", wanted).await
}
