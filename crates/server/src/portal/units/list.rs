//! All sales units of one environment, or of both.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_domain::{Environment, sales_unit::CaptureType};
use sandkasse_engine::Unit;
use serde::Deserialize;

use super::StateBadge;
use crate::{
    control::Control,
    portal::{
        shell::{self, Frame, Part},
        show::{self, encoded, unit_path},
        visitor::Visitor,
        visitors::Role,
    },
};

/// So many stand on one page.
pub(super) const ON_A_PAGE: usize = 50;

/// Which ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// `test` or `production`; both otherwise.
    environment: String,
    /// In the name, the number, or the merchant's name or number.
    q: String,
    /// From 1.
    page: usize,
}

#[derive(Template)]
#[template(path = "portal/units/list.html")]
struct Page<'a> {
    frame: Frame<'a>,
    environment: &'a str,
    q: &'a str,
    units: Vec<Row>,
    found: usize,
    pages: Pages,
    may_make: bool,
}

struct Row {
    href: String,
    environment: &'static str,
    msn: String,
    name: String,
    merchant: String,
    merchant_href: String,
    products: Vec<&'static str>,
    capture: &'static str,
    skips: bool,
    state: StateBadge,
    partner: Option<String>,
}

/// Where one can go on.
pub(crate) struct Pages {
    pub(crate) page: usize,
    pub(crate) last: usize,
    pub(crate) earlier: Option<String>,
    pub(crate) later: Option<String>,
}

impl Pages {
    /// The page asked for of so many, as near as there is; `path` ends where a number follows.
    pub(crate) fn of(found: usize, asked: usize, path: &str) -> Pages {
        let last = found.div_ceil(ON_A_PAGE).max(1);
        let page = asked.clamp(1, last);
        let to = |page: usize| format!("{path}{page}");
        Pages {
            page,
            last,
            earlier: (page > 1).then(|| to(page - 1)),
            later: (page < last).then(|| to(page + 1)),
        }
    }

    /// Those of this page.
    pub(crate) fn of_page<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = &'a T> {
        all.iter().skip((self.page - 1) * ON_A_PAGE).take(ON_A_PAGE)
    }
}

impl Row {
    fn of(unit: &Unit) -> Row {
        let facts = &unit.facts;
        Row {
            href: unit_path(unit),
            environment: show::environment(facts.environment),
            msn: facts.msn.to_string(),
            name: facts.name.clone(),
            merchant: unit.merchant.name.clone(),
            merchant_href: format!("/merchants/{}/{}", facts.environment, facts.merchant.0),
            products: facts.products.iter().map(|it| show::product(*it)).collect(),
            capture: capture(facts.capture),
            skips: facts.skip_landing_page,
            state: StateBadge::of(unit),
            partner: facts.partner.as_ref().map(|partner| partner.0.clone()),
        }
    }
}

/// A capture type in the portal's words.
pub(super) fn capture(capture: CaptureType) -> &'static str {
    match capture {
        CaptureType::Reserve => "reserve",
        CaptureType::Direct => "direct",
    }
}

/// Whether a text, in lower case, stands in one of the names of a unit.
fn is_found(unit: &Unit, sought: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(sought);
    unit.facts.msn.as_str().contains(sought)
        || has(&unit.facts.name)
        || has(&unit.merchant.name)
        || unit.merchant.orgno.0.contains(sought)
        || unit.facts.partner.as_ref().is_some_and(|it| has(&it.0))
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Response {
    let only: Option<Environment> = wanted.environment.parse().ok();
    let sought = wanted.q.trim().to_lowercase();
    let mut found: Vec<Arc<Unit>> = Vec::new();
    for environment in Environment::ALL {
        if only.is_none_or(|only| only == environment) {
            let directory = control.engine().directory.of(environment);
            let units = directory.units().into_iter();
            found.extend(units.filter(|unit| is_found(unit, &sought)).cloned());
        }
    }
    let environment = only.map_or("", Environment::name);
    let path = format!(
        "/units?environment={environment}&q={}&page=",
        encoded(&wanted.q)
    );
    let pages = Pages::of(found.len(), wanted.page, &path);
    let shown = pages.of_page(&found);
    let page = Page {
        frame: Frame::new("Sales units", Part::Units, Some(&visitor)),
        environment,
        q: &wanted.q,
        units: shown.map(|unit| Row::of(unit)).collect(),
        found: found.len(),
        pages,
        may_make: visitor.at_least(Role::Developer).is_ok(),
    };
    shell::page(StatusCode::OK, &page)
}
