//! Webhooks of a sales unit: who hears of its events, every delivery with its attempts, what goes
//! wrong on demand; and the verifier.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use sandkasse_domain::webhook::{EventId, Registration};
use sandkasse_hooks::Verdict;
use serde::Deserialize;

use super::{
    shell::{self, Frame, Part},
    show::{AtUnit, Stop, When, unit, unit_path},
    visitor::{Posted, Visitor},
    visitors::Role,
};
use crate::control::{
    Control,
    deliveries::{AttemptView, DeliveryView, VerifyWish},
    webhooks::RecipeView,
};

/// So many deliveries stand on one page.
const ON_A_PAGE: usize = 50;

/// Every recipe, with what it does.
const RECIPES: [(&str, &str); 7] = [
    ("duplicate", "what was taken is sent once more"),
    (
        "out_of_order",
        "sent after the next event of the same payment",
    ),
    ("late", "sent a minute later"),
    ("wrong_signature", "the first attempt does not verify"),
    ("cut_body", "the first attempt has half of the body"),
    ("before_answer", "sent before the API answers"),
    ("never", "never sent"),
];

pub(super) fn routes() -> Router<Arc<Control>> {
    const UNIT: &str = "/units/{environment}/{msn}/webhooks";
    Router::new()
        .route("/webhooks/verify", get(verifier).post(verified))
        .route(UNIT, get(list))
        .route(&format!("{UNIT}/recipes"), post(torment))
        .route(&format!("{UNIT}/{{id}}"), get(one))
        .route(&format!("{UNIT}/{{id}}/again"), post(again))
}

#[derive(Template)]
#[template(path = "portal/webhooks/list.html")]
struct ListPage<'a> {
    frame: Frame<'a>,
    path: String,
    unit: &'a str,
    about: &'a str,
    may_change: bool,
    webhooks: Vec<Webhook>,
    recipes: &'static [(&'static str, &'static str)],
    events: Vec<&'static str>,
    rows: Vec<Row>,
    more: Option<String>,
}

/// A registration, in words.
struct Webhook {
    id: String,
    url: String,
    events: String,
    whose: &'static str,
    way: &'static str,
    failing: Option<When>,
    torments: Vec<String>,
}

impl Webhook {
    fn of(registration: &Registration) -> Webhook {
        use sandkasse_domain::webhook::{Owner, Way};
        let events: Vec<_> = registration.events.iter().map(|it| it.name()).collect();
        let torments = registration.torments.iter().map(|torment| {
            let event = torment.event.map_or("every event", EventId::name);
            format!("{}: {event}", torment.recipe.name())
        });
        Webhook {
            id: registration.id.0.clone(),
            url: registration.url.clone(),
            events: events.join(", "),
            whose: match registration.owner {
                Owner::Unit(_) => "this sales unit",
                Owner::Partner(_) => "its partner",
            },
            way: match registration.way {
                Way::Called => "called",
                Way::Fetched => "fetched by sandkasse listen",
            },
            failing: registration.failing_since.map(Into::into),
            torments: torments.collect(),
        }
    }
}

/// A delivery, in words.
struct Row {
    /// Its id, as a step of a path.
    href: String,
    event: &'static str,
    about: String,
    at: When,
    class: &'static str,
    state: String,
    attempts: u32,
    next: Option<When>,
    recipe: Option<&'static str>,
}

impl From<&DeliveryView> for Row {
    fn from(view: &DeliveryView) -> Row {
        let (class, state) = match (view.state, view.because) {
            ("delivered", _) => ("good", "delivered".to_owned()),
            (_, Some("too_late")) => ("bad", "given up after seven days".to_owned()),
            (_, Some("deregistered")) => ("info", "dropped: the webhook was deleted".to_owned()),
            (_, Some(_)) => ("info", "not sent, as the recipe wants".to_owned()),
            _ if view.attempts > 0 => ("warn", "failing".to_owned()),
            _ => ("info", "waiting".to_owned()),
        };
        Row {
            href: super::show::encoded(&view.id),
            event: view.event.name(),
            about: view.about.clone(),
            at: view.owed_at.into(),
            class,
            state,
            attempts: view.attempts,
            next: view.next_at.map(Into::into),
            recipe: view.recipe,
        }
    }
}

/// Which ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    about: String,
    before: Option<u64>,
}

async fn list(
    State(control): State<Arc<Control>>,
    AtUnit(visitor, unit): AtUnit,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Stop> {
    let about = wanted.about.trim();
    let only = (!about.is_empty()).then_some(about);
    let found = control
        .deliveries(&unit, only, wanted.before, ON_A_PAGE)
        .await
        .map_err(Stop::at(&visitor))?;
    let webhooks = control.webhooks(&unit).await.map_err(Stop::at(&visitor))?;
    let path = unit_path(&unit);
    let page = ListPage {
        frame: Frame::new("Webhooks", Part::Units, Some(&visitor)),
        unit: &unit.facts.name,
        about,
        may_change: visitor.0.role >= Role::Developer,
        webhooks: webhooks.iter().map(|it| Webhook::of(it)).collect(),
        recipes: &RECIPES,
        events: EventId::ALL.map(EventId::name).into(),
        rows: found.deliveries.iter().map(Row::from).collect(),
        more: found
            .next
            .map(|next| format!("{path}/webhooks?before={next}")),
        path,
    };
    Ok(shell::page(StatusCode::OK, &page))
}

/// What goes wrong from now on, as the form says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    webhook: String,
    recipe: String,
    event: String,
}

async fn torment(
    State(control): State<Arc<Control>>,
    Path((environment, msn)): Path<(String, String)>,
    Posted(visitor, wish): Posted<Wish>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let unit = unit(&control, &environment, &msn).map_err(Stop::at(&visitor))?;
    let recipes = if wish.recipe.is_empty() {
        Vec::new()
    } else {
        vec![RecipeView::named(&wish.recipe, EventId::parse(&wish.event))]
    };
    control
        .torment(&unit, &wish.webhook, recipes)
        .await
        .map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!("{}/webhooks", unit_path(&unit))))
}

#[derive(Template)]
#[template(path = "portal/webhooks/one.html")]
struct OnePage<'a> {
    frame: Frame<'a>,
    path: String,
    unit: &'a str,
    row: Row,
    body: String,
    may_change: bool,
    tried: Vec<Tried>,
}

struct Tried {
    at: When,
    sent_at: When,
    view: AttemptView,
}

async fn one(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Path((environment, msn, id)): Path<(String, String, String)>,
) -> Result<Response, Stop> {
    let unit = unit(&control, &environment, &msn).map_err(Stop::at(&visitor))?;
    let found = control.delivery(&unit, &id).await;
    let found = found.map_err(Stop::at(&visitor))?;
    let title = format!(
        "{} of {}",
        found.delivery.event.name(),
        found.delivery.about
    );
    let tried = found.tried.into_iter().map(|view| Tried {
        at: view.at.into(),
        sent_at: view.sent_at.into(),
        view,
    });
    let page = OnePage {
        frame: Frame::new(&title, Part::Units, Some(&visitor)),
        path: unit_path(&unit),
        unit: &unit.facts.name,
        row: Row::from(&found.delivery),
        body: found.delivery.body,
        may_change: visitor.0.role >= Role::Developer,
        tried: tried.collect(),
    };
    Ok(shell::page(StatusCode::OK, &page))
}

/// A form of one button.
#[derive(Debug, Default, Deserialize)]
struct Button {}

async fn again(
    State(control): State<Arc<Control>>,
    Path((environment, msn, id)): Path<(String, String, String)>,
    Posted(visitor, Button {}): Posted<Button>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let unit = unit(&control, &environment, &msn).map_err(Stop::at(&visitor))?;
    let sent = control.deliver_again(&unit, &id).await;
    sent.map_err(Stop::at(&visitor))?;
    let back = format!(
        "{}/webhooks/{}",
        unit_path(&unit),
        super::show::encoded(&id)
    );
    Ok(shell::see_other(&back))
}

#[derive(Template)]
#[template(path = "portal/webhooks/verify.html")]
struct VerifyPage<'a> {
    frame: Frame<'a>,
    head: &'a str,
    url: &'a str,
    body: &'a str,
    verdict: Option<Shown>,
}

/// A verdict for people.
struct Shown {
    verdict: Verdict,
    /// What both signatures begin with, and how each goes on.
    same: String,
    expected: String,
    received: String,
}

impl From<Verdict> for Shown {
    fn from(verdict: Verdict) -> Shown {
        let at = verdict.first_difference.unwrap_or_default();
        let cut = |text: &Option<String>| {
            let text = text.clone().unwrap_or_default();
            let at = at.min(text.len());
            let (same, rest) = text.split_at_checked(at).unwrap_or((&text, ""));
            (same.to_owned(), rest.to_owned())
        };
        let (same, expected) = cut(&verdict.expected_signature);
        let (_, received) = cut(&verdict.received_signature);
        Shown {
            verdict,
            same,
            expected,
            received,
        }
    }
}

async fn verifier(visitor: Visitor) -> Response {
    verify_page(&visitor, &Pasted::default(), None)
}

/// What was pasted. The secret is not shown again.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Pasted {
    head: String,
    url: String,
    body: String,
    secret: String,
}

async fn verified(
    State(control): State<Arc<Control>>,
    Posted(visitor, pasted): Posted<Pasted>,
) -> Result<Response, Stop> {
    // Browsers end lines of a text field with CR LF; no body of the platform has either.
    let body = pasted.body.replace("\r\n", "\n");
    let wish = VerifyWish {
        head: Some(pasted.head.clone()),
        url: Some(pasted.url.clone()),
        body: Some(body),
        secret: pasted.secret.trim().to_owned(),
        ..VerifyWish::default()
    };
    let verdict = control.verify(wish).map_err(Stop::at(&visitor))?;
    Ok(verify_page(&visitor, &pasted, Some(verdict.into())))
}

fn verify_page(visitor: &Visitor, pasted: &Pasted, verdict: Option<Shown>) -> Response {
    let page = VerifyPage {
        frame: Frame::new("Verify a webhook", Part::Requests, Some(visitor)),
        head: &pasted.head,
        url: &pasted.url,
        body: &pasted.body,
        verdict,
    };
    shell::page(StatusCode::OK, &page)
}

#[cfg(test)]
mod tests;
