//! The status pages, for everybody: one per environment, as a page, JSON, Atom and RSS, and one
//! page that shows both. Admins tell here what is wrong.
//!
//! An environment's page tells of that environment only. While a fault rule makes calls fail
//! everywhere, it is there as an incident by itself.

mod feed;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use sandkasse_domain::{
    Environment,
    incident::{Impact, Incident, IncidentKind, Stage},
};
use serde::{Deserialize, Serialize};

use super::{
    said::{self, filters},
    shell::{self, Frame, Part},
    show::Stop,
    visitor::{Anyone, Posted, Visitor},
    visitors::Role,
};
use crate::control::{Control, IncidentView, IncidentWish, UpdateWish};

/// So many incidents that are over are shown.
const PAST: usize = 50;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/status", get(both))
        .route("/status.json", get(both_as_json))
        .route("/status/{name}", get(of_one))
        .route("/status/{name}/incidents", post(open))
        .route("/status/{name}/incidents/{id}", post(tell))
}

/// What one environment's page shows.
struct Board {
    environment: Environment,
    state: Condition,
    open: Vec<Arc<Incident>>,
    past: Vec<Arc<Incident>>,
}

/// How an environment is, as the page says it first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Condition {
    Operational,
    Maintenance,
    Degraded,
    Outage,
}

/// The same for programs.
#[derive(Debug, Serialize)]
struct Told {
    environment: Environment,
    state: Condition,
    incidents: Vec<IncidentView>,
}

#[derive(Template)]
#[template(path = "portal/status.html")]
struct Page<'a> {
    frame: Frame<'a>,
    boards: Vec<Board>,
    /// Whether only one environment is shown.
    alone: bool,
    is_admin: bool,
}

/// A new incident, as the form says it.
#[derive(Debug, Deserialize)]
struct Opening {
    kind: IncidentKind,
    impact: Impact,
    title: String,
    text: String,
}

/// An update, as the form says it.
#[derive(Debug, Deserialize)]
struct Telling {
    stage: Stage,
    text: String,
}

impl Board {
    fn of(control: &Control, environment: Environment) -> Board {
        let all = control.engine().incidents(environment);
        let (open, mut past): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.is_open());
        past.truncate(PAST);
        Board {
            environment,
            state: Condition::of(&open),
            open,
            past,
        }
    }

    fn told(&self) -> Told {
        let all = self.open.iter().chain(&self.past);
        Told {
            environment: self.environment,
            state: self.state,
            incidents: all
                .map(|it| IncidentView::of(self.environment, it))
                .collect(),
        }
    }
}

impl Condition {
    fn of(open: &[Arc<Incident>]) -> Condition {
        let felt = || open.iter().filter(|it| it.is_felt());
        match felt().map(|it| it.impact).max() {
            Some(Impact::Outage) => Condition::Outage,
            Some(Impact::Degraded) => Condition::Degraded,
            Some(Impact::None) | None => {
                if open.iter().any(|it| it.latest().stage == Stage::InProgress) {
                    Condition::Maintenance
                } else {
                    Condition::Operational
                }
            }
        }
    }

    fn words(self) -> &'static str {
        match self {
            Condition::Operational => "Everything works",
            Condition::Maintenance => "Maintenance is under way",
            Condition::Degraded => "Some calls fail",
            Condition::Outage => "The platform is down",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Condition::Operational => "good",
            Condition::Maintenance => "info",
            Condition::Degraded => "warn",
            Condition::Outage => "bad",
        }
    }
}

async fn both(
    State(control): State<Arc<Control>>,
    Anyone(visitor): Anyone,
    headers: HeaderMap,
) -> Response {
    if wants_json(&headers) {
        return both_as_json(State(control)).await;
    }
    let boards = Environment::ALL.map(|it| Board::of(&control, it));
    page(boards.into(), visitor.as_ref())
}

async fn both_as_json(State(control): State<Arc<Control>>) -> Response {
    let told: Vec<Told> = Environment::ALL
        .into_iter()
        .map(|it| Board::of(&control, it).told())
        .collect();
    Json(serde_json::json!({ "environments": told })).into_response()
}

async fn of_one(
    State(control): State<Arc<Control>>,
    Anyone(visitor): Anyone,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (name, form) = name.split_once('.').unwrap_or((name.as_str(), ""));
    let Some(environment) = environment(name) else {
        return nothing(visitor.as_ref());
    };
    let board = Board::of(&control, environment);
    let feed = |media: &'static str, xml: String| ([(header::CONTENT_TYPE, media)], xml);
    let base = &control.portal_base;
    match form {
        "" if wants_json(&headers) => Json(board.told()).into_response(),
        "" => page(vec![board], visitor.as_ref()),
        "json" => Json(board.told()).into_response(),
        "atom" => feed(
            "application/atom+xml; charset=utf-8",
            feed::atom(&board, base),
        )
        .into_response(),
        "rss" => feed(
            "application/rss+xml; charset=utf-8",
            feed::rss(&board, base),
        )
        .into_response(),
        _ => nothing(visitor.as_ref()),
    }
}

async fn open(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
    Posted(visitor, said): Posted<Opening>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Admin)?;
    let Some(environment) = environment(&name) else {
        return Ok(nothing(Some(&visitor)));
    };
    let wish = IncidentWish {
        environment,
        kind: said.kind,
        impact: said.impact,
        title: said.title,
        text: said.text,
        stage: None,
    };
    let opened = control.open_incident(wish).await;
    opened.map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!("/status/{environment}")))
}

async fn tell(
    State(control): State<Arc<Control>>,
    Path((name, id)): Path<(String, String)>,
    Posted(visitor, said): Posted<Telling>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Admin)?;
    let Some(environment) = environment(&name) else {
        return Ok(nothing(Some(&visitor)));
    };
    let wish = UpdateWish {
        stage: said.stage,
        text: said.text,
    };
    let told = control.tell_on(environment, &id, &wish).await;
    told.map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!("/status/{environment}")))
}

fn environment(name: &str) -> Option<Environment> {
    Environment::ALL
        .into_iter()
        .find(|it| it.to_string() == name)
}

fn page(boards: Vec<Board>, visitor: Option<&Visitor>) -> Response {
    let alone = boards.len() == 1;
    let title = match boards.first() {
        Some(board) if alone => format!("Status of the {} environment", board.environment),
        _ => "Status".to_owned(),
    };
    let page = Page {
        frame: Frame::new(&title, Part::Status, visitor),
        boards,
        alone,
        is_admin: visitor.is_some_and(|it| it.0.role == Role::Admin),
    };
    shell::page(StatusCode::OK, &page)
}

fn nothing(visitor: Option<&Visitor>) -> Response {
    shell::message(
        StatusCode::NOT_FOUND,
        visitor,
        "No such status page",
        "There are /status/test and /status/production, each with .json, .atom and .rss behind it.",
    )
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    accept.is_some_and(|it| it.contains("application/json") && !it.contains("text/html"))
}

/// Whether an admin can tell on about it: what a fault rule brings ends with the rule.
fn is_written(incident: &Incident) -> bool {
    !incident.id.0.starts_with("fault-")
}
