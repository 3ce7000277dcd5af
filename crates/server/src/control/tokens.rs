//! Tokens: ways for programs into the control API, each with a name and a role. A token is shown
//! once; what is kept is its digest.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_domain::{
    Timestamp,
    user::{ApiToken, Role},
};
use sandkasse_engine::directory::Change;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Named, Said, name},
    schemas,
    users::IdPath,
};
use crate::rights::Caller;

/// An installation has no more tokens.
const MOST: usize = 1000;
/// How a token begins, so that whoever finds one knows what it is.
const PREFIX: &str = "sandkasse_";

/// A new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for, in words.
    #[schema(example = "Build server")]
    pub(crate) name: String,
    /// What it may do.
    #[schema(schema_with = schemas::role)]
    pub(crate) role: Role,
}

/// A token, without what makes it one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    id: String,
    #[schema(example = "Build server")]
    name: String,
    #[schema(schema_with = schemas::role)]
    role: Role,
    /// Who made it.
    #[schema(example = "Astrid Admin")]
    made_by: String,
    /// When, in real time.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
}

/// A token that was just made. It is never shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    #[serde(flatten)]
    view: TokenView,
    /// What to send as `Authorization: Bearer …`.
    token: String,
}

/// All tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<TokenView>,
}

impl TokenView {
    fn of(token: &ApiToken) -> TokenView {
        TokenView {
            id: token.id.clone(),
            name: token.name.clone(),
            role: token.role,
            made_by: token.made_by.clone(),
            made_at: token.made_at,
        }
    }
}

impl Control {
    /// A new token, and what to send.
    pub(crate) async fn add_token(
        &self,
        new: NewToken,
        made_by: &str,
    ) -> Result<(ApiToken, String), Problem> {
        let _nobody_else = self.making.lock().await;
        if self.engine().directory.api_tokens().len() >= MOST {
            let detail = format!("an installation has at most {MOST} tokens; revoke some");
            return Err(Problem::conflict("too_many_tokens", detail));
        }
        let secret = format!("{PREFIX}{}", self.visitors.secret());
        let token = ApiToken {
            id: self.visitors.id(),
            name: name(&new.name)?,
            role: new.role,
            digest: self.engine().vault.digest(&secret).to_hex(),
            made_by: made_by.to_owned(),
            made_at: self.engine().clock.now(),
        };
        let change = Change::ApiToken(token.clone());
        self.engine().directory.change(vec![change]).await?;
        Ok((token, secret))
    }

    /// Makes a token good for nothing, at once.
    pub(crate) async fn revoke_token(&self, id: &str) -> Result<Arc<ApiToken>, Problem> {
        let _nobody_else = self.making.lock().await;
        let token = self.engine().directory.api_token(id).ok_or_else(|| {
            Problem::not_found(
                "token_unknown",
                "there is no such token; GET /control/v1/tokens lists them",
            )
        })?;
        let change = Change::ApiTokenGone(id.to_owned());
        self.engine().directory.change(vec![change]).await?;
        Ok(token)
    }
}

/// Makes a token for a program. It is shown this once.
#[utoipa::path(
    post, path = "/tokens", tag = "Users and tokens",
    request_body(content = NewToken, example = json!({"name": "Build server", "role": "developer"})),
    responses(
        (status = 201, description = "Made", body = MadeToken),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    caller: Caller,
    Said(new): Said<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    let (made, token) = control.add_token(new, &caller.name).await?;
    let view = TokenView::of(&made);
    Ok((StatusCode::CREATED, Json(MadeToken { view, token })))
}

/// Lists tokens, by name, without what makes them tokens.
#[utoipa::path(
    get, path = "/tokens", tag = "Users and tokens",
    responses((status = 200, body = TokenList))
)]
pub(super) async fn list(State(control): Shared) -> Json<TokenList> {
    let tokens = control.engine().directory.api_tokens();
    let tokens = tokens.iter().map(|token| TokenView::of(token)).collect();
    Json(TokenList { tokens })
}

/// Revokes a token. It is good for nothing from now on, and who signed in with it is signed out.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "Users and tokens", params(IdPath),
    responses(
        (status = 204, description = "Revoked"),
        (status = 404, description = "No such token", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn revoke(
    State(control): Shared,
    Named(path): Named<IdPath>,
) -> Result<StatusCode, Problem> {
    control.revoke_token(&path.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
