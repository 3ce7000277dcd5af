//! Everything about one sales unit.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_domain::{
    Environment,
    merchant::Standing,
    partner::Partner,
    sales_unit::{Product, RateLimits, UrlPolicy},
};
use serde::Deserialize;

use super::{Closed, StateBadge, list::capture, standing_sentence};
use crate::{
    control::Control,
    portal::{
        shell::{self, Frame, Part},
        show::{self, AtUnit, Stop, When, money, unit_path},
        visitors::Role,
    },
};

/// What was done just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Done {
    Made,
    Renamed,
    Ordered,
    Approved,
    Linked,
    Unlinked,
    Deactivated,
    Reactivated,
    Reopened,
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Done::Made => "The sales unit is there, and can be used at once. Its keys are below.",
            Done::Renamed => "The name is changed; payers see it from now on.",
            Done::Ordered => "Ordered. The product works when the platform has approved it.",
            Done::Approved => "Approved. The product works from now on.",
            Done::Linked => {
                "Linked. The partner's keys work for this sales unit from now on, those of any partner before no longer."
            }
            Done::Unlinked => "Unlinked. The partner's keys no longer work for this sales unit.",
            Done::Deactivated => {
                "Deactivated. New payments get error 37; what exists can still be refunded and cancelled."
            }
            Done::Reactivated => "Reactivated. It works at once, with the same number and keys.",
            Done::Reopened => {
                "Customer service has opened it. It works at once, with the same number and keys."
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    done: Option<Done>,
}

#[derive(Template)]
#[template(path = "portal/units/one.html")]
struct Page<'a> {
    frame: Frame<'a>,
    told: &'static str,
    path: String,
    environment: &'static str,
    msn: &'a str,
    name: &'a str,
    base_url: &'a str,
    is_test: bool,
    state: StateBadge,
    closed: Option<Closed>,
    merchant: MerchantLine<'a>,
    products: Vec<&'static str>,
    ordered: Vec<Ordered>,
    /// What can be ordered.
    missing: Vec<Ordered>,
    capture: &'static str,
    skips: bool,
    nin: bool,
    rate_limits: bool,
    local_urls: bool,
    limits: Vec<(&'static str, String)>,
    partner: Option<&'a str>,
    partners: Vec<Choice>,
    psp: Option<&'a str>,
    now: When,
    is_ahead: bool,
    next: Option<When>,
    may_work: bool,
    may_help: bool,
}

struct MerchantLine<'a> {
    name: &'a str,
    orgno: &'a str,
    href: String,
    is_active: bool,
    sentence: &'static str,
}

/// A product, for a form.
struct Ordered {
    value: &'static str,
    words: &'static str,
}

impl Ordered {
    fn of(product: Product) -> Ordered {
        let value = match product {
            Product::Ecom => "ecom",
            Product::Recurring => "recurring",
            Product::Login => "login",
            Product::Checkout => "checkout",
        };
        let words = show::product(product);
        Ordered { value, words }
    }
}

/// A partner, for a form.
struct Choice {
    id: String,
    name: String,
    is_chosen: bool,
}

impl Choice {
    fn of(partner: &Partner, chosen: Option<&str>) -> Choice {
        Choice {
            id: partner.id.0.clone(),
            name: partner.name.clone(),
            is_chosen: chosen == Some(partner.id.0.as_str()),
        }
    }
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
    Query(told): Query<Told>,
) -> Result<Response, Stop> {
    let (facts, engine) = (&unit.facts, control.engine());
    let next = engine
        .store()
        .next_deadline(&unit.partition(), sandkasse_store::Kind::Payment)
        .await;
    let next = next.map_err(Stop::at(&visitor))?;
    let directory = engine.directory.of(facts.environment);
    let partner = facts.partner.as_ref().map(|partner| partner.0.as_str());
    let limit = |name, amount: Option<_>| Some((name, money(amount?, facts.currency)));
    let limits = [
        limit("May receive in all", facts.limits.receive),
        limit("May ask for in all", facts.limits.request),
        limit(
            "May overdraw its settlement account by",
            facts.limits.overdraft,
        ),
    ];
    let has =
        |product: &Product| facts.products.contains(product) || facts.ordered.contains(product);
    let missing = [
        Product::Ecom,
        Product::Recurring,
        Product::Login,
        Product::Checkout,
    ];
    let title = format!("{} · {}", facts.name, facts.msn);
    let page = Page {
        frame: Frame::new(&title, Part::Units, Some(&visitor)),
        told: told.done.map_or("", Done::words),
        path: unit_path(&unit),
        environment: show::environment(facts.environment),
        msn: facts.msn.as_str(),
        name: &facts.name,
        base_url: control.platform.base(facts.environment),
        is_test: facts.environment == Environment::Test,
        state: StateBadge::of(&unit),
        closed: Closed::of(&unit),
        merchant: MerchantLine {
            name: &unit.merchant.name,
            orgno: &unit.merchant.orgno.0,
            href: format!("/merchants/{}/{}", facts.environment, unit.merchant.orgno.0),
            is_active: unit.merchant.standing == Standing::Active,
            sentence: standing_sentence(unit.merchant.standing),
        },
        products: facts.products.iter().map(|it| show::product(*it)).collect(),
        ordered: facts.ordered.iter().map(|it| Ordered::of(*it)).collect(),
        missing: missing
            .into_iter()
            .filter(|product| !has(product))
            .map(Ordered::of)
            .collect(),
        capture: capture(facts.capture),
        skips: facts.skip_landing_page,
        nin: facts.nin_scope,
        rate_limits: facts.rate_limits == RateLimits::On,
        local_urls: facts.url_policy == UrlPolicy::Local,
        limits: limits.into_iter().flatten().collect(),
        partner,
        partners: directory
            .partners()
            .into_iter()
            .map(|it| Choice::of(it, partner))
            .collect(),
        psp: facts.psp.as_ref().map(|psp| psp.0.as_str()),
        now: engine.now(&unit).into(),
        is_ahead: unit.ahead_ms() > 0,
        next: next.map(When::from),
        may_work: visitor.at_least(Role::Developer).is_ok(),
        may_help: visitor.at_least(Role::Developer).is_ok(),
    };
    Ok(shell::page(StatusCode::OK, &page))
}
