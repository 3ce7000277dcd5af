//! What the status pages tell: incidents and maintenance, opened, told on and closed.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_domain::{
    Environment, Timestamp,
    incident::{Impact, Incident, IncidentId, IncidentKind, Stage, Update},
};
use sandkasse_engine::directory::MOST_INCIDENTS;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, InEnvironment, Named, Said},
    schemas,
};

/// No title has more characters.
const LONGEST_TITLE: usize = 200;
/// No update has more characters.
const LONGEST_TEXT: usize = 4000;
/// No incident has more updates.
const MOST_UPDATES: usize = 100;

/// What an admin wants to tell.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IncidentWish {
    #[schema(schema_with = schemas::environment)]
    pub(crate) environment: Environment,
    #[serde(default = "incident")]
    #[schema(schema_with = schemas::incident_kind)]
    pub(crate) kind: IncidentKind,
    #[serde(default = "degraded")]
    #[schema(schema_with = schemas::impact)]
    pub(crate) impact: Impact,
    #[schema(example = "Captures are slow")]
    pub(crate) title: String,
    #[schema(example = "We are looking into it.")]
    pub(crate) text: String,
    /// The first of its kind if left out: `investigating`, or `scheduled`.
    #[schema(schema_with = schemas::stage)]
    pub(crate) stage: Option<Stage>,
}

fn incident() -> IncidentKind {
    IncidentKind::Incident
}

fn degraded() -> Impact {
    Impact::Degraded
}

/// What an admin tells on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateWish {
    /// `resolved` and `completed` close it.
    #[schema(schema_with = schemas::stage)]
    pub(crate) stage: Stage,
    #[schema(example = "It is mended.")]
    pub(crate) text: String,
}

/// An incident in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct IncidentPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    environment: Environment,
    /// As answered when it was opened.
    #[param(example = "0d5f3b0e-8a2c-4b5e-9f70-3c1a1f3f6c11")]
    id: String,
}

/// An incident, or maintenance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncidentView {
    id: String,
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(value_type = String, example = "incident")]
    kind: &'static str,
    #[schema(value_type = String, example = "degraded")]
    impact: &'static str,
    title: String,
    open: bool,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Newest first.
    updates: Vec<UpdateView>,
}

/// Something said about it.
#[derive(Debug, Serialize, ToSchema)]
struct UpdateView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[schema(value_type = String, example = "investigating")]
    stage: &'static str,
    text: String,
}

/// Incidents, those that are open first, then the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncidentList {
    pub(crate) incidents: Vec<IncidentView>,
}

impl IncidentView {
    pub(crate) fn of(environment: Environment, it: &Incident) -> IncidentView {
        IncidentView {
            id: it.id.0.clone(),
            environment,
            kind: it.kind.name(),
            impact: it.impact.name(),
            title: it.title.clone(),
            open: it.is_open(),
            opened_at: it.opened.at,
            updated_at: it.latest().at,
            updates: it
                .said()
                .map(|update| UpdateView {
                    at: update.at,
                    stage: update.stage.name(),
                    text: update.text.clone(),
                })
                .collect(),
        }
    }
}

impl Control {
    /// Opens an incident.
    pub(crate) async fn open_incident(&self, wish: IncidentWish) -> Result<Incident, Problem> {
        let first = wish.kind.stages().first().copied();
        let stage = wish.stage.or(first).unwrap_or(Stage::Investigating);
        fits(wish.kind, stage)?;
        let incident = Incident {
            id: IncidentId(self.engine().chance.uuid().to_string()),
            kind: wish.kind,
            impact: wish.impact,
            title: words("title", &wish.title, LONGEST_TITLE)?,
            opened: Update {
                at: self.engine().clock.now(),
                stage,
                text: words("text", &wish.text, LONGEST_TEXT)?,
            },
            updates: Vec::new(),
        };
        let directory = &self.engine().directory;
        if directory
            .open_incident(wish.environment, incident.clone())
            .await?
        {
            return Ok(incident);
        }
        Err(Problem::conflict(
            "too_many_incidents",
            format!("{MOST_INCIDENTS} incidents are open; close some first"),
        ))
    }

    /// Tells on about an incident, or closes it.
    pub(crate) async fn tell_on(
        &self,
        environment: Environment,
        id: &str,
        wish: &UpdateWish,
    ) -> Result<Arc<Incident>, Problem> {
        let _nobody_else = self.making.lock().await;
        let id = IncidentId(id.to_owned());
        let directory = &self.engine().directory;
        let here = directory.of(environment);
        let unknown = || {
            let detail = format!("no incident of the {environment} environment has this id");
            Problem::not_found("incident_unknown", detail)
        };
        let incident = here.incident(&id).ok_or_else(unknown)?;
        fits(incident.kind, wish.stage)?;
        if !incident.is_open() {
            return Err(Problem::conflict(
                "incident_over",
                "this incident is over; open another one",
            ));
        }
        if incident.updates.len() >= MOST_UPDATES {
            return Err(Problem::conflict(
                "too_many_updates",
                format!("an incident has at most {MOST_UPDATES} updates; open another one"),
            ));
        }
        let update = Update {
            at: self.engine().clock.now(),
            stage: wish.stage,
            text: words("text", &wish.text, LONGEST_TEXT)?,
        };
        let changed = directory
            .change_incident(environment, &id, |it| it.updates.push(update.clone()))
            .await?;
        changed.ok_or_else(unknown)
    }
}

fn fits(kind: IncidentKind, stage: Stage) -> Result<(), Problem> {
    if kind.stages().contains(&stage) {
        return Ok(());
    }
    let stages: Vec<&str> = kind.stages().iter().map(|it| it.name()).collect();
    Err(Problem::bad_request(format!(
        "`stage` of {} is one of {}",
        kind.name(),
        stages.join(", ")
    )))
}

fn words(what: &str, said: &str, longest: usize) -> Result<String, Problem> {
    // Nothing that XML cannot hold: feeds are made of it.
    let said: String = said
        .chars()
        .filter(|it| !it.is_control() || *it == '\n')
        .collect();
    let said = said.trim();
    if said.is_empty() || said.chars().count() > longest {
        return Err(Problem::bad_request(format!(
            "`{what}` has 1 to {longest} characters"
        )));
    }
    Ok(said.to_owned())
}

/// Opens an incident, or announces maintenance: the status page of that environment tells it at once.
#[utoipa::path(
    post, path = "/incidents", tag = "Status",
    request_body(content = IncidentWish, examples(
        ("an incident" = (value = json!({
            "environment": "test", "impact": "degraded", "title": "Captures are slow", "text": "We are looking into it."
        }))),
        ("maintenance" = (value = json!({
            "environment": "production", "kind": "maintenance", "impact": "none",
            "title": "New database", "text": "On Sunday from 03:00 to 04:00."
        }))),
    )),
    responses(
        (status = 201, description = "Told", body = IncidentView),
        (status = 409, description = "Too many are open", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Said(wish): Said<IncidentWish>,
) -> Result<(StatusCode, Json<IncidentView>), Problem> {
    let environment = wish.environment;
    let incident = control.open_incident(wish).await?;
    let view = IncidentView::of(environment, &incident);
    Ok((StatusCode::CREATED, Json(view)))
}

/// Lists what the status pages tell. Faults that make calls fail everywhere are there too while a
/// rule asks for them.
#[utoipa::path(
    get, path = "/incidents", tag = "Status", params(InEnvironment),
    responses((status = 200, body = IncidentList))
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(filter): Asked<InEnvironment>,
) -> Json<IncidentList> {
    let engine = control.engine();
    let incidents = filter
        .all()
        .flat_map(|environment| {
            let all = engine.incidents(environment);
            all.into_iter()
                .map(move |it| IncidentView::of(environment, &it))
        })
        .collect();
    Json(IncidentList { incidents })
}

/// Tells on about an incident. `resolved`, or `completed` for maintenance, closes it.
#[utoipa::path(
    post, path = "/incidents/{environment}/{id}/updates", tag = "Status", params(IncidentPath),
    request_body(content = UpdateWish, example = json!({"stage": "resolved", "text": "It is mended."})),
    responses(
        (status = 200, body = IncidentView),
        (status = 404, description = "No such incident", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is over", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn tell(
    State(control): Shared,
    Named(path): Named<IncidentPath>,
    Said(wish): Said<UpdateWish>,
) -> Result<Json<IncidentView>, Problem> {
    let incident = control.tell_on(path.environment, &path.id, &wish).await?;
    Ok(Json(IncidentView::of(path.environment, &incident)))
}
