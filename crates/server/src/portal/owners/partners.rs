//! Partners with the sales units linked to them.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;
use sandkasse_domain::{Environment, partner::PartnerStatus};

use super::UnitLine;
use crate::{
    control::Control,
    portal::{
        shell::{self, Frame, Part},
        show,
        units::keys::AtPartner,
        visitor::Visitor,
        visitors::Role,
    },
};

#[derive(Template)]
#[template(path = "portal/owners/partners.html")]
struct List<'a> {
    frame: Frame<'a>,
    partners: Vec<Row>,
}

struct Row {
    href: String,
    name: String,
    id: String,
    environment: &'static str,
    number: String,
    linked: usize,
    status: Status,
}

#[derive(Template)]
#[template(path = "portal/owners/partner.html")]
struct Page<'a> {
    frame: Frame<'a>,
    path: String,
    id: &'a str,
    name: &'a str,
    environment: &'static str,
    number: &'a str,
    status: Status,
    units: Vec<UnitLine>,
    may_see_keys: bool,
}

/// Whether its keys work, in a badge's words and in a sentence.
struct Status {
    class: &'static str,
    word: &'static str,
    sentence: &'static str,
}

impl From<PartnerStatus> for Status {
    fn from(status: PartnerStatus) -> Status {
        let (class, word, sentence) = match status {
            PartnerStatus::Active => (
                "good",
                "active",
                "Its keys work for every sales unit that is linked to it.",
            ),
            PartnerStatus::Pending => (
                "warn",
                "pending",
                "It was not approved yet: every call with its keys gets error 37.",
            ),
            PartnerStatus::Deactivated => (
                "bad",
                "deactivated",
                "Every call with its keys gets error 37, whatever the sales unit. The sales units' own keys work.",
            ),
        };
        Status {
            class,
            word,
            sentence,
        }
    }
}

pub(super) async fn list(State(control): State<Arc<Control>>, visitor: Visitor) -> Response {
    let mut partners = Vec::new();
    for environment in Environment::ALL {
        let directory = control.engine().directory.of(environment);
        let mut linked: HashMap<&str, usize> = HashMap::new();
        let units = directory.units();
        for partner in units.iter().filter_map(|unit| unit.facts.partner.as_ref()) {
            *linked.entry(partner.0.as_str()).or_default() += 1;
        }
        partners.extend(directory.partners().into_iter().map(|partner| Row {
            href: format!("/partners/{environment}/{}", partner.id.0),
            name: partner.name.clone(),
            id: partner.id.0.clone(),
            environment: show::environment(environment),
            number: partner.own_number.to_string(),
            linked: linked.get(partner.id.0.as_str()).copied().unwrap_or(0),
            status: partner.status.into(),
        }));
    }
    let frame = Frame::new("Partners", Part::Units, Some(&visitor));
    shell::page(StatusCode::OK, &List { frame, partners })
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    AtPartner(visitor, environment, partner): AtPartner,
) -> Response {
    let directory = control.engine().directory.of(environment);
    let units = directory.units().into_iter();
    let linked = units.filter(|unit| unit.facts.partner.as_ref() == Some(&partner.id));
    let page = Page {
        frame: Frame::new(&partner.name, Part::Units, Some(&visitor)),
        path: format!("/partners/{environment}/{}", partner.id.0),
        id: &partner.id.0,
        name: &partner.name,
        environment: show::environment(environment),
        number: partner.own_number.as_str(),
        status: partner.status.into(),
        units: linked.map(|unit| UnitLine::of(unit)).collect(),
        may_see_keys: visitor.at_least(Role::Admin).is_ok(),
    };
    shell::page(StatusCode::OK, &page)
}
