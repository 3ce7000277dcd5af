//! One payment: its money, its history, what the merchant was sent, and what can be done.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use http::StatusCode;
use sandkasse_api::ecom::{Says, landing_page};
use sandkasse_catalogue::{Catalogue, Wire};
use sandkasse_domain::{Currency, Environment, Minor, payment::Payment};
use sandkasse_engine::Unit;
use sandkasse_gate::link;
use serde::Deserialize;

use super::{StateBadge, bar::Bar, calls::CallLine, timeline::Line};
use crate::{
    control::Control,
    portal::{
        shell::{self, Frame, Part},
        show::{At, AtUnit, Stop, When, encoded, money, unit_path},
        visitor::Visitor,
        visitors::Role,
    },
    redirect,
};

/// So many calls to the merchant are listed.
const CALLS: usize = 20;

/// A payment in a path.
#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) order: String,
}

/// What was done just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Done {
    Capture,
    Refund,
    Cancel,
    ForceApprove,
}

impl Done {
    fn words(self) -> &'static str {
        match self {
            Done::Capture => "Captured.",
            Done::Refund => "Refunded.",
            Done::Cancel => "Cancelled.",
            Done::ForceApprove => "Approved in the payer's place.",
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    done: Option<Done>,
}

/// Why an act was not done.
pub(super) enum Refusal {
    /// As the API says it.
    Says(Says),
    /// The form said something that the API was not asked at all.
    Form(String),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::Says(says) => {
                StatusCode::from_u16(says.status).unwrap_or(StatusCode::CONFLICT)
            }
            Refusal::Form(_) => StatusCode::BAD_REQUEST,
        }
    }
}

#[derive(Template)]
#[template(path = "portal/payments/one.html")]
struct Page<'a> {
    frame: Frame<'a>,
    told: &'static str,
    refused: Option<Refused>,
    unit: &'a str,
    unit_path: String,
    path: String,
    msn: &'a str,
    order: &'a str,
    text: &'a str,
    state: StateBadge,
    initiated_at: When,
    bar: Bar,
    facts: Vec<(&'static str, String)>,
    payer: Option<PayerLine>,
    link: Option<String>,
    expires_at: Option<When>,
    redirect: Option<String>,
    timeline: Vec<Line>,
    calls: Vec<CallLine>,
    is_of_epayment: bool,
    /// What the amounts of forms count.
    in_words: &'static str,
    may_act: bool,
    can_approve: bool,
    phone: String,
    capturable: String,
    refundable: String,
    request_ids: [String; 2],
    is_captured: bool,
}

/// A refusal with its page in the catalogue.
struct Refused {
    line: String,
    text: String,
    page: Option<(String, String)>,
}

struct PayerLine {
    phone: String,
    /// The person's phone, where everybody may act on it.
    href: Option<String>,
}

impl Refused {
    fn of(refusal: &Refusal) -> Refused {
        match refusal {
            Refusal::Form(text) => Refused {
                line: "Not sent".to_owned(),
                text: text.clone(),
                page: None,
            },
            Refusal::Says(says) => {
                let wire = Wire {
                    status: says.status,
                    media: "application/json",
                    code: Some(&says.code),
                    text: Some(&says.text),
                };
                let catalogue = Catalogue::get();
                let found = catalogue
                    .of_answer(says.cause, wire)
                    .or_else(|| catalogue.pages_of(says.cause).next());
                Refused {
                    line: format!("{} · {} {}", says.status, says.group, says.code),
                    text: says.text.clone(),
                    page: found
                        .map(|(page, _)| (format!("/catalogue/{}", page.slug), page.title.clone())),
                }
            }
        }
    }
}

fn facts(payment: &Payment) -> Vec<(&'static str, String)> {
    let money = |amount| money(amount, payment.order.currency());
    let mut facts = vec![("Asked for", money(payment.order.amount))];
    if let Some(it) = payment.reservation() {
        facts.extend([
            ("Reserved, with shipping", money(it.grant.amount)),
            ("Captured", money(it.captured)),
            ("Refunded", money(it.refunded)),
            ("Can still be captured", money(it.remaining_to_capture())),
            ("Can still be refunded", money(it.remaining_to_refund())),
        ]);
    }
    let api = match payment.order.epayment() {
        None => "eCom".to_owned(),
        Some(it) => format!("ePayment, {}", it.user_flow.name()),
    };
    facts.push(("Made through", api));
    facts
}

/// What a form begins with: all that is left, or no amount when nothing is.
fn rest(amount: Minor, currency: Currency) -> String {
    if amount.is_zero() {
        return String::new();
    }
    money(amount, currency)
}

/// The page, also after a refused act.
pub(super) async fn shown(
    control: &Control,
    visitor: &Visitor,
    unit: &Arc<Unit>,
    order: &str,
    told: Told,
    refusal: Option<Refusal>,
) -> Result<Response, Stop> {
    let engine = control.engine();
    let view = engine.view(unit, order).await.map_err(Stop::at(visitor))?;
    let calls = engine
        .store()
        .calls(&unit.partition(), Some(order), CALLS)
        .await
        .map_err(Stop::at(visitor))?;
    let payment = &view.payment;
    let environment = unit.facts.environment;
    let may_act = visitor.at_least(Role::Developer).is_ok();
    let in_app = payment.open().and_then(|open| open.payer.as_ref());
    let payer = payment
        .reservation()
        .map(|it| &it.grant.payer)
        .or(in_app)
        .map(|payer| PayerLine {
            phone: payer.phone.to_string(),
            href: match environment {
                Environment::Test => Some(format!("/phone/{}", payer.phone)),
                // Persons of production are not everybody's to act for.
                Environment::Production => {
                    may_act.then(|| format!("/phone/production/{}", payer.phone))
                }
            },
        });
    let link = (payment.open().is_some() && may_act).then(|| {
        let token = link::sign(engine, unit, payment, view.now);
        landing_page(control.platform.base(environment), &token)
    });
    let known = in_app
        .map(|payer| &payer.phone)
        .or(payment.order.mobile.as_ref());
    let path = unit_path(unit);
    let currency = payment.order.currency();
    let status = refusal.as_ref().map_or(StatusCode::OK, Refusal::status);
    let page = Page {
        frame: Frame::new(order, Part::Units, Some(visitor)),
        told: told.done.map_or("", Done::words),
        refused: refusal.as_ref().map(Refused::of),
        unit: &unit.facts.name,
        path: format!("{path}/payments/{}", encoded(order)),
        unit_path: path,
        msn: unit.facts.msn.as_str(),
        order,
        text: &payment.order.text,
        state: StateBadge::of(payment),
        initiated_at: payment.initiated_at.into(),
        bar: Bar::of(payment),
        facts: facts(payment),
        payer,
        expires_at: link.as_ref().map(|_| payment.link_expires_at().into()),
        link,
        redirect: redirect::app(payment),
        timeline: view
            .history
            .iter()
            .map(|it| Line::of(it, currency))
            .collect(),
        is_of_epayment: payment.order.epayment().is_some(),
        in_words: if currency == Currency::Nok {
            "kroner"
        } else {
            currency.code()
        },
        calls: calls.iter().map(CallLine::of).collect(),
        may_act,
        can_approve: environment == Environment::Test && payment.open().is_some(),
        phone: known.map_or_else(String::new, ToString::to_string),
        capturable: payment
            .reservation()
            .map_or_else(String::new, |it| rest(it.remaining_to_capture(), currency)),
        refundable: payment
            .reservation()
            .map_or_else(String::new, |it| rest(it.remaining_to_refund(), currency)),
        request_ids: [(); 2].map(|()| engine.chance.uuid().to_string()),
        is_captured: payment
            .reservation()
            .is_some_and(|it| !it.captured.is_zero()),
    };
    Ok(shell::page(status, &page))
}

pub(super) async fn page(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
    At(_, path): At<Order>,
    Query(told): Query<Told>,
) -> Result<Response, Stop> {
    shown(&control, &visitor, &unit, &path.order, told, None).await
}
