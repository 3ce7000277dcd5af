//! A sales unit's own time: what its clock shows, what will happen when, and moving it forward.

use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use sandkasse_domain::{Timestamp, payment::Due};
use sandkasse_engine::{LimitKind, Unit};
use serde::Deserialize;

use super::{
    said::{self, filters},
    shell::{self, Frame, Part},
    show::{Stop, money, unit},
    visitor::{Posted, Visitor},
    visitors::Role,
};
use crate::control::{Advance, Control, HappenedView, Problem};

/// So many deadlines are listed.
const LISTED: usize = 50;
/// What happened to so many payments is told after an advance.
const TOLD: usize = 20;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/units/{environment}/{msn}/time", get(show).post(advance))
}

#[derive(Template)]
#[template(path = "portal/time.html")]
struct Page<'a> {
    frame: Frame<'a>,
    unit: &'a Unit,
    /// Its path, without `/time`.
    at: String,
    may_change: bool,
    now: Timestamp,
    real: Timestamp,
    ahead: String,
    upcoming: Vec<Row>,
    order: &'a str,
    periods: Vec<Row>,
    /// After an advance.
    past: Option<Past>,
}

/// Something that happens to a payment, or until when something can be done.
struct Row {
    order: String,
    what: &'static str,
    amount: String,
    at: Timestamp,
    when: String,
    over: bool,
}

/// What happened while the clock was advanced.
struct Past {
    from: Timestamp,
    happened: Vec<Happened>,
    /// Payments that changed too and are not listed.
    more: usize,
}

struct Happened {
    order: String,
    event: String,
    amount: String,
    at: Timestamp,
}

/// What is looked for, and what an advance left behind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Payments with periods, by the beginning of their order ids.
    order: String,
    /// When the clock was advanced.
    since: String,
    /// Which payments changed then.
    changed: String,
    more: usize,
}

/// How far to go. Empty fields are zero.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    to: String,
    days: String,
    hours: String,
    minutes: String,
}

async fn show(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Path((environment, msn)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Stop> {
    let at = format!("/units/{environment}/{msn}");
    let unit = unit(&control, &environment, &msn).map_err(Stop::at(&visitor))?;
    let agenda = control.agenda(&unit, &asked.order, LISTED).await;
    let (upcoming, periods) = agenda.map_err(Stop::at(&visitor))?;
    let now = control.engine().now(&unit);
    let real = control.engine().clock.now();
    let row = |order, what, amount: String, at: Timestamp| {
        let away = at.as_millisecond() - now.as_millisecond();
        Row {
            order,
            what,
            amount,
            at,
            when: said::from_now(away),
            over: away <= 0,
        }
    };
    let title = format!("Time of {}", unit.facts.name);
    let page = Page {
        frame: Frame::new(&title, Part::Units, Some(&visitor)).with(&["clock"]),
        may_change: visitor.0.role >= Role::Developer,
        ahead: said::span(unit.ahead_ms()),
        upcoming: upcoming
            .into_iter()
            .map(|it| {
                row(
                    it.order,
                    words(it.due),
                    money(it.amount, it.currency),
                    it.at,
                )
            })
            .collect(),
        periods: periods
            .into_iter()
            .map(|it| {
                let amount = money(it.amount, it.currency);
                row(it.order, period(it.kind), amount, it.ends)
            })
            .collect(),
        past: past(&control, &unit, &asked, now).await,
        order: &asked.order,
        unit: &unit,
        now,
        real,
        at,
    };
    Ok(shell::page(StatusCode::OK, &page))
}

async fn advance(
    State(control): State<Arc<Control>>,
    Path((environment, msn)): Path<(String, String)>,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let unit = unit(&control, &environment, &msn).map_err(Stop::at(&visitor))?;
    let wish = wish(&wanted).map_err(Stop::at(&visitor))?;
    let since = control.engine().now(&unit);
    let changed = control.advance_as(&unit, &wish).await;
    let changed = changed.map_err(Stop::at(&visitor))?;
    let told: Vec<&str> = changed
        .orders
        .iter()
        .take(TOLD)
        .map(String::as_str)
        .collect();
    let more = changed.orders.len() - told.len() + changed.lost;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("since", &since.to_string())
        .append_pair("changed", &told.join(","))
        .append_pair("more", &more.to_string())
        .finish();
    let (environment, msn) = (unit.facts.environment, &unit.facts.msn);
    let place = format!("/units/{environment}/{msn}/time?{query}#happened");
    Ok(shell::see_other(&place))
}

fn wish(wanted: &Wanted) -> Result<Advance, Problem> {
    let number = |text: &str| {
        let text = text.trim();
        if text.is_empty() {
            return Ok(0);
        }
        let bad = |_| Problem::bad_request(format!("`{text}` is no whole number"));
        text.parse::<u32>().map_err(bad)
    };
    let mut wish = Advance::default();
    match wanted.to.as_str() {
        "next" => wish.to_next = true,
        _ => {
            wish.days = number(&wanted.days)?;
            wish.hours = number(&wanted.hours)?;
            wish.minutes = number(&wanted.minutes)?;
        }
    }
    Ok(wish)
}

/// What happened to the payments that an advance changed. They are named in the address of the
/// page, so that it can be loaded again; whatever is not there or not so is left out.
async fn past(control: &Control, unit: &Arc<Unit>, asked: &Asked, now: Timestamp) -> Option<Past> {
    let from: Timestamp = asked.since.parse().ok()?;
    let orders: BTreeSet<&str> = asked
        .changed
        .split(',')
        .filter(|it| !it.is_empty())
        .take(TOLD)
        .collect();
    let mut happened = Vec::new();
    for order in orders {
        let Ok(view) = control.engine().view(unit, order).await else {
            continue;
        };
        let meanwhile = view
            .history
            .iter()
            .filter(|it| it.at > from && it.at <= now);
        let currency = view.payment.order.currency();
        happened.extend(meanwhile.map(|it| {
            let it = HappenedView::of(it);
            Happened {
                order: order.to_owned(),
                event: it.event.replace('_', " "),
                amount: it.amount.map_or_else(String::new, |it| money(it, currency)),
                at: it.at,
            }
        }));
    }
    happened.sort_by_key(|it| it.at);
    Some(Past {
        from,
        happened,
        more: asked.more,
    })
}

fn words(due: Due) -> &'static str {
    match due {
        Due::TimeOut => "times out, since nobody approved it",
        Due::PayerActs => "is approved by a person who acts unasked",
        Due::BankAnswers => "gets the bank's answer, after an hour of silence",
        Due::RemainderReleased => "is let go by the bank: what was not captured goes back",
    }
}

fn period(kind: LimitKind) -> &'static str {
    match kind {
        LimitKind::Capture => "capture",
        LimitKind::Refund => "refund",
    }
}
