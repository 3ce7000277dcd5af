//! Users and tokens of the installation, for admins.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use sandkasse_domain::user::{ApiToken, User};
use serde::Deserialize;

use super::{
    shell::{self, Frame, Part},
    visitor::{Posted, Turned, Visitor},
    visitors::Role,
};
use crate::control::{
    Control, Problem,
    tokens::NewToken,
    users::{NewUser, UserChange},
};

#[derive(Template)]
#[template(path = "portal/users.html")]
struct Page<'a> {
    frame: Frame<'a>,
    users: Vec<Arc<User>>,
    tokens: Vec<Arc<ApiToken>>,
    /// A token that was just made, by name.
    made: Option<(&'a str, &'a str)>,
    refused: Option<&'a str>,
    /// Whether users sign in here at all.
    by_token: bool,
}

impl Page<'_> {
    fn roles(&self) -> [Role; 3] {
        Role::ALL
    }
}

/// Somebody or something new.
#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    role: Role,
}

#[derive(Debug, Deserialize)]
struct NewRole {
    role: Role,
}

#[derive(Debug, Deserialize)]
struct Nothing {}

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/users", get(show).post(add))
        .route("/users/{id}", post(change))
        .route("/users/{id}/remove", post(remove))
        .route("/users/tokens", post(add_token))
        .route("/users/tokens/{id}/revoke", post(revoke))
}

fn page(
    control: &Control,
    visitor: &Visitor,
    made: Option<(&str, &str)>,
    refused: Option<&Problem>,
) -> Response {
    let directory = &control.platform.engine.directory;
    let status = refused.map_or(StatusCode::OK, Problem::status);
    let page = Page {
        frame: Frame::new("Users and tokens", Part::People, Some(visitor)),
        users: directory.users(),
        tokens: directory.api_tokens(),
        made,
        refused: refused.map(Problem::detail),
        by_token: control.admin_token.is_some(),
    };
    shell::page(status, &page)
}

/// Back to the page, or the page with what is wrong.
fn after<T>(control: &Control, visitor: &Visitor, done: Result<T, Problem>) -> Response {
    match done {
        Ok(_) => shell::see_other("/users"),
        Err(problem) => page(control, visitor, None, Some(&problem)),
    }
}

async fn show(State(control): State<Arc<Control>>, visitor: Visitor) -> Result<Response, Turned> {
    visitor.at_least(Role::Admin)?;
    Ok(page(&control, &visitor, None, None))
}

async fn add(
    State(control): State<Arc<Control>>,
    Posted(visitor, Named { name, role }): Posted<Named>,
) -> Result<Response, Turned> {
    visitor.at_least(Role::Admin)?;
    let done = control.add_user(NewUser { name, role }).await;
    Ok(after(&control, &visitor, done))
}

async fn change(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    Posted(visitor, NewRole { role }): Posted<NewRole>,
) -> Result<Response, Turned> {
    visitor.at_least(Role::Admin)?;
    let change = UserChange {
        role: Some(role),
        ..UserChange::default()
    };
    let done = control.change_user(&id, change).await;
    Ok(after(&control, &visitor, done))
}

async fn remove(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    Posted(visitor, Nothing {}): Posted<Nothing>,
) -> Result<Response, Turned> {
    visitor.at_least(Role::Admin)?;
    let done = control.remove_user(&id).await;
    Ok(after(&control, &visitor, done))
}

async fn add_token(
    State(control): State<Arc<Control>>,
    Posted(visitor, Named { name, role }): Posted<Named>,
) -> Result<Response, Turned> {
    visitor.at_least(Role::Admin)?;
    visitor.signed(&control, "/users")?;
    let made = control
        .add_token(NewToken { name, role }, &visitor.0.name)
        .await;
    Ok(match made {
        Ok((token, secret)) => {
            let mut response = page(&control, &visitor, Some((&token.name, &secret)), None);
            // The only time that it is shown.
            *response.status_mut() = StatusCode::OK;
            response
        }
        Err(problem) => page(&control, &visitor, None, Some(&problem)),
    })
}

async fn revoke(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    Posted(visitor, Nothing {}): Posted<Nothing>,
) -> Result<Response, Turned> {
    visitor.at_least(Role::Admin)?;
    let done = control.revoke_token(&id).await;
    Ok(after(&control, &visitor, done).into_response())
}
