//! Merchants, and how they stand in the Business register.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_domain::{
    Environment,
    merchant::{Merchant, OrgNo, Standing},
};
use serde::Deserialize;

use super::UnitLine;
use crate::{
    control::{Control, Problem},
    portal::{
        shell::{self, Frame, Part},
        show::{self, At, Stop, When, encoded},
        units::{Pages, standing_sentence, standing_word},
        visitor::{Posted, Visitor},
        visitors::Role,
    },
    register,
};

/// Which ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// In name or number.
    q: String,
    /// From 1.
    page: usize,
}

/// A merchant in a path.
#[derive(Debug, Deserialize)]
pub(super) struct MerchantPath {
    environment: Environment,
    orgno: OrgNo,
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// What was done just before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    asked: bool,
}

#[derive(Template)]
#[template(path = "portal/owners/merchants.html")]
struct List<'a> {
    frame: Frame<'a>,
    q: &'a str,
    found: usize,
    merchants: Vec<Row>,
    pages: Pages,
}

struct Row {
    href: String,
    name: String,
    orgno: String,
    environment: &'static str,
    units: usize,
    standing: Badge,
}

struct Badge {
    class: &'static str,
    word: &'static str,
}

impl Badge {
    fn of(standing: Standing) -> Badge {
        let class = if standing == Standing::Active {
            "good"
        } else {
            "bad"
        };
        let word = standing_word(standing);
        Badge { class, word }
    }
}

#[derive(Template)]
#[template(path = "portal/owners/merchant.html")]
struct Page<'a> {
    frame: Frame<'a>,
    path: String,
    name: &'a str,
    orgno: &'a str,
    environment: &'static str,
    form: &'a str,
    standing: Badge,
    sentence: &'static str,
    register: Option<Entry>,
    asked: bool,
    units: Vec<UnitLine>,
    more_units: usize,
    may_work: bool,
}

/// What the Business register said.
struct Entry {
    name: String,
    form: String,
    deleted_on: Option<String>,
    asked_at: When,
}

/// So many sales units of one merchant are listed; all are found by its number.
const LISTED: usize = 100;

pub(super) async fn list(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Response {
    let sought = wanted.q.trim().to_lowercase();
    let is_found = |merchant: &Merchant| {
        merchant.orgno.0.contains(&sought) || merchant.name.to_lowercase().contains(&sought)
    };
    let mut found: Vec<(Environment, Arc<Merchant>)> = Vec::new();
    for environment in Environment::ALL {
        let directory = control.engine().directory.of(environment);
        let merchants = directory.merchants().into_iter();
        found.extend(
            merchants
                .filter(|merchant| is_found(merchant))
                .map(|merchant| (environment, merchant.clone())),
        );
    }
    let mut units: HashMap<(Environment, String), usize> = HashMap::new();
    for environment in Environment::ALL {
        for unit in control.engine().directory.of(environment).units() {
            let owner = (environment, unit.facts.merchant.0.clone());
            *units.entry(owner).or_default() += 1;
        }
    }
    let path = format!("/merchants?q={}&page=", encoded(&wanted.q));
    let pages = Pages::of(found.len(), wanted.page, &path);
    let shown = pages.of_page(&found);
    let merchants = shown.map(|(environment, merchant)| {
        let owner = (*environment, merchant.orgno.0.clone());
        Row {
            href: format!("/merchants/{environment}/{}", encoded(&merchant.orgno.0)),
            name: merchant.name.clone(),
            orgno: merchant.orgno.0.clone(),
            environment: show::environment(*environment),
            units: units.get(&owner).copied().unwrap_or(0),
            standing: Badge::of(merchant.standing),
        }
    });
    let page = List {
        frame: Frame::new("Merchants", Part::Units, Some(&visitor)),
        q: &wanted.q,
        found: found.len(),
        merchants: merchants.collect(),
        pages,
    };
    shell::page(StatusCode::OK, &page)
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    At(visitor, path): At<MerchantPath>,
    Query(told): Query<Told>,
) -> Result<Response, Stop> {
    let merchant = control
        .known_merchant(path.environment, &path.orgno)
        .map_err(Stop::at(&visitor))?;
    let directory = control.engine().directory.of(path.environment);
    let units = directory.units().into_iter();
    let theirs: Vec<_> = units
        .filter(|unit| unit.facts.merchant == merchant.orgno)
        .collect();
    let page = Page {
        frame: Frame::new(&merchant.name, Part::Units, Some(&visitor)),
        path: format!(
            "/merchants/{}/{}",
            path.environment,
            encoded(&merchant.orgno.0)
        ),
        name: &merchant.name,
        orgno: &merchant.orgno.0,
        environment: show::environment(path.environment),
        form: &merchant.form.0,
        standing: Badge::of(merchant.standing),
        sentence: standing_sentence(merchant.standing),
        register: merchant.register.clone().map(|entry| Entry {
            name: entry.name,
            form: entry.form.0,
            deleted_on: entry.deleted_on.map(|day| day.to_string()),
            asked_at: entry.asked_at.into(),
        }),
        asked: told.asked,
        more_units: theirs.len().saturating_sub(LISTED),
        units: theirs
            .into_iter()
            .take(LISTED)
            .map(|unit| UnitLine::of(unit))
            .collect(),
        may_work: visitor.at_least(Role::Developer).is_ok(),
    };
    Ok(shell::page(StatusCode::OK, &page))
}

/// Asks the register now.
pub(super) async fn check(
    State(control): State<Arc<Control>>,
    At(_, path): At<MerchantPath>,
    Posted(visitor, Nothing {}): Posted<Nothing>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let merchant = control
        .known_merchant(path.environment, &path.orgno)
        .map_err(Stop::at(&visitor))?;
    let is_this = |environment: Environment, it: &Merchant| {
        environment == path.environment && it.orgno == merchant.orgno
    };
    register::check(control.engine(), &*control.register, is_this)
        .await
        .map_err(|error| Stop::at(&visitor)(Problem::from(error)))?;
    Ok(shell::see_other(&format!(
        "/merchants/{}/{}?asked=true",
        path.environment,
        encoded(&merchant.orgno.0)
    )))
}
