//! Users of the installation: who may sign in at the portal, and as what.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_domain::user::{Role, User};
use sandkasse_engine::{Engine, directory::Change};
use sandkasse_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Named, Said, name},
    schemas,
};
use crate::demo;

/// An installation has no more users.
const MOST: usize = 1000;

/// Somebody new.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// In words.
    #[schema(example = "Ola Nordmann")]
    pub(crate) name: String,
    /// What they may do.
    #[schema(schema_with = schemas::role)]
    pub(crate) role: Role,
}

/// What changes of a user; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UserChange {
    /// In words.
    pub(crate) name: Option<String>,
    /// What they may do from now on, also where they are signed in.
    #[schema(schema_with = schemas::role)]
    pub(crate) role: Option<Role>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    #[schema(example = "demo-admin")]
    id: String,
    #[schema(example = "Astrid Admin")]
    name: String,
    #[schema(schema_with = schemas::role)]
    role: Role,
}

/// All users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserList {
    users: Vec<UserView>,
}

/// A user or a token in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct IdPath {
    /// Its id.
    pub(crate) id: String,
}

impl UserView {
    fn of(user: &User) -> UserView {
        UserView {
            id: user.id.clone(),
            name: user.name.clone(),
            role: user.role,
        }
    }
}

/// Somebody can always sign in: an installation without users gets those of the demo data, or else
/// one admin.
pub(crate) async fn ensure(engine: &Engine, demo_data: bool) -> Result<(), StoreError> {
    if !engine.directory.users().is_empty() {
        return Ok(());
    }
    let users: Vec<User> = if demo_data {
        demo::users().collect()
    } else {
        vec![User {
            id: "first-admin".to_owned(),
            name: "Administrator".to_owned(),
            role: Role::Admin,
        }]
    };
    let changes = users.into_iter().map(Change::User).collect();
    engine.directory.change(changes).await
}

impl Control {
    fn user(&self, id: &str) -> Result<Arc<User>, Problem> {
        self.engine().directory.user(id).ok_or_else(|| {
            Problem::not_found(
                "user_unknown",
                "there is no such user; GET /control/v1/users lists them",
            )
        })
    }

    /// A new user.
    pub(crate) async fn add_user(&self, new: NewUser) -> Result<User, Problem> {
        let _nobody_else = self.making.lock().await;
        if self.engine().directory.users().len() >= MOST {
            let detail = format!("an installation has at most {MOST} users");
            return Err(Problem::conflict("too_many_users", detail));
        }
        let user = User {
            id: self.visitors.id(),
            name: name(&new.name)?,
            role: new.role,
        };
        let change = Change::User(user.clone());
        self.engine().directory.change(vec![change]).await?;
        Ok(user)
    }

    /// Changes a user. What they may do changes at once, also where they are signed in.
    pub(crate) async fn change_user(&self, id: &str, change: UserChange) -> Result<User, Problem> {
        let _nobody_else = self.making.lock().await;
        let mut user = (*self.user(id)?).clone();
        if let Some(named) = change.name.as_deref() {
            user.name = name(named)?;
        }
        if let Some(role) = change.role {
            if role != Role::Admin {
                self.is_not_the_last_admin(&user)?;
            }
            user.role = role;
        }
        let change = Change::User(user.clone());
        self.engine().directory.change(vec![change]).await?;
        Ok(user)
    }

    /// Removes a user, who is signed out at once.
    pub(crate) async fn remove_user(&self, id: &str) -> Result<(), Problem> {
        let _nobody_else = self.making.lock().await;
        let user = self.user(id)?;
        self.is_not_the_last_admin(&user)?;
        let change = Change::UserGone(id.to_owned());
        self.engine().directory.change(vec![change]).await?;
        Ok(())
    }

    fn is_not_the_last_admin(&self, user: &User) -> Result<(), Problem> {
        let users = self.engine().directory.users();
        let others = users.iter().filter(|other| other.id != user.id);
        if user.role != Role::Admin || others.into_iter().any(|it| it.role == Role::Admin) {
            return Ok(());
        }
        Err(Problem::conflict(
            "last_admin",
            "this is the last admin: make somebody else an admin first",
        ))
    }
}

/// Makes a user: somebody who may sign in at the portal.
#[utoipa::path(
    post, path = "/users", tag = "Users and tokens",
    request_body(content = NewUser, example = json!({"name": "Ola Nordmann", "role": "developer"})),
    responses(
        (status = 201, description = "Made", body = UserView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Said(new): Said<NewUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let user = control.add_user(new).await?;
    Ok((StatusCode::CREATED, Json(UserView::of(&user))))
}

/// Lists users, by name.
#[utoipa::path(
    get, path = "/users", tag = "Users and tokens",
    responses((status = 200, body = UserList))
)]
pub(super) async fn list(State(control): Shared) -> Json<UserList> {
    let users = control.engine().directory.users();
    let users = users.iter().map(|user| UserView::of(user)).collect();
    Json(UserList { users })
}

/// Shows a user and what they may do.
#[utoipa::path(
    get, path = "/users/{id}", tag = "Users and tokens", params(IdPath),
    responses(
        (status = 200, body = UserView),
        (status = 404, description = "No such user", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<IdPath>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(UserView::of(&*control.user(&path.id)?)))
}

/// Changes a user's name or role, at once, also where they are signed in. The last admin stays one.
#[utoipa::path(
    patch, path = "/users/{id}", tag = "Users and tokens", params(IdPath),
    request_body(content = UserChange, example = json!({"role": "reader"})),
    responses(
        (status = 200, body = UserView),
        (status = 409, description = "The last admin", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(control): Shared,
    Named(path): Named<IdPath>,
    Said(change): Said<UserChange>,
) -> Result<Json<UserView>, Problem> {
    let user = control.change_user(&path.id, change).await?;
    Ok(Json(UserView::of(&user)))
}

/// Removes a user, who is signed out everywhere at once. The last admin cannot be removed.
#[utoipa::path(
    delete, path = "/users/{id}", tag = "Users and tokens", params(IdPath),
    responses(
        (status = 204, description = "Removed"),
        (status = 409, description = "The last admin", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(control): Shared,
    Named(path): Named<IdPath>,
) -> Result<StatusCode, Problem> {
    control.remove_user(&path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
