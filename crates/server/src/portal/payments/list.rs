//! The payments of a sales unit: the newest first, or by the beginning of the order id.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_domain::payment::Payment;
use sandkasse_engine::Unit;
use serde::Deserialize;

use super::{StateBadge, state_word};
use crate::{
    control::{Control, Next, Search, StateName},
    portal::{
        shell::{self, Frame, Part},
        show::{AtUnit, Stop, When, encoded, money, unit_path},
    },
};

/// So many stand on one page.
pub(super) const ON_A_PAGE: usize = 50;

/// Which ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// The beginning of the order id.
    q: String,
    /// A state by its name; all otherwise.
    state: String,
    /// By id: go on behind this one.
    after: Option<String>,
    /// By age: go on before this place.
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "portal/payments/list.html")]
struct Page<'a> {
    frame: Frame<'a>,
    path: String,
    unit: &'a str,
    q: &'a str,
    states: Vec<Choice>,
    rows: Vec<Row>,
    first: Option<String>,
    more: Option<String>,
    /// Whether the search stopped before the page was full.
    is_partial: bool,
}

struct Choice {
    value: &'static str,
    word: &'static str,
    is_chosen: bool,
}

struct Row {
    order: String,
    href: String,
    at: When,
    state: StateBadge,
    amount: String,
    captured: String,
    refunded: String,
    text: String,
}

impl Row {
    fn of(path: &str, payment: &Payment) -> Row {
        let order = payment.order.id.as_str();
        let currency = payment.order.currency();
        let money_of = |sum: fn(&sandkasse_domain::payment::Reservation) -> _| {
            payment
                .reservation()
                .map_or_else(|| "–".to_owned(), |it| money(sum(it), currency))
        };
        Row {
            order: order.to_owned(),
            href: format!("{path}/payments/{}", encoded(order)),
            at: payment.initiated_at.into(),
            state: StateBadge::of(payment),
            amount: money(
                payment
                    .reservation()
                    .map_or(payment.order.amount, |it| it.grant.amount),
                currency,
            ),
            captured: money_of(|it| it.captured),
            refunded: money_of(|it| it.refunded),
            text: payment.order.text.clone(),
        }
    }
}

const STATES: [(StateName, &str); 10] = [
    (StateName::Initiated, "INITIATED"),
    (StateName::OutcomeUnknown, "OUTCOME_UNKNOWN"),
    (StateName::Reserved, "RESERVED"),
    (StateName::PartlyCaptured, "PARTLY_CAPTURED"),
    (StateName::Captured, "CAPTURED"),
    (StateName::PartlyRefunded, "PARTLY_REFUNDED"),
    (StateName::Refunded, "REFUNDED"),
    (StateName::Cancelled, "CANCELLED"),
    (StateName::Failed, "FAILED"),
    (StateName::Voided, "VOIDED"),
];

fn more(unit: &Unit, wanted: &Wanted, next: &Next) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", wanted.q.trim());
    query.append_pair("state", &wanted.state);
    match next {
        Next::After(order) => query.append_pair("after", order),
        Next::Before(place) => query.append_pair("before", &place.to_string()),
    };
    format!("{}/payments?{}", unit_path(unit), query.finish())
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Stop> {
    let prefix = wanted.q.trim();
    let known = STATES.iter().find(|(_, value)| *value == wanted.state);
    let state = known.map(|(state, _)| *state);
    let goes_on = wanted.after.is_some() || wanted.before.is_some();
    let search = Search {
        prefix: (!prefix.is_empty()).then_some(prefix),
        state,
        from: if prefix.is_empty() {
            wanted.before.map(Next::Before)
        } else {
            wanted.after.clone().map(Next::After)
        },
        limit: ON_A_PAGE,
    };
    let found = control
        .search(&unit, search)
        .await
        .map_err(Stop::at(&visitor))?;
    let path = unit_path(&unit);
    let page = Page {
        frame: Frame::new("Payments", Part::Units, Some(&visitor)),
        unit: &unit.facts.name,
        q: prefix,
        states: STATES
            .iter()
            .map(|(one, value)| Choice {
                value,
                word: state_word(*one),
                is_chosen: state == Some(*one),
            })
            .collect(),
        rows: found.payments.iter().map(|it| Row::of(&path, it)).collect(),
        first: goes_on.then(|| {
            let state = state.map_or("", |_| wanted.state.as_str());
            format!("{path}/payments?q={}&state={state}", encoded(prefix))
        }),
        is_partial: found.next.is_some() && found.payments.len() < ON_A_PAGE,
        more: found.next.map(|next| more(&unit, &wanted, &next)),
        path,
    };
    Ok(shell::page(StatusCode::OK, &page))
}
