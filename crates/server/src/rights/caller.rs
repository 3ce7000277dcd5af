//! Who calls the control API.

use axum::{extract::FromRequestParts, http::request::Parts};
use http::{HeaderMap, Method, StatusCode, header};

use crate::{
    control::{Control, Problem},
    portal::{
        visitor,
        visitors::{Account, Role},
    },
};

/// How somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// By a session at the portal.
    Session,
    /// By a token of a name.
    Token,
    /// By the administrator's token of the configuration.
    AdminToken,
    /// By calling from this machine, where no token is set.
    Local,
    /// Not at all: on a page that asks for nothing.
    Nobody,
}

impl How {
    pub(crate) fn name(self) -> &'static str {
        match self {
            How::Session => "session",
            How::Token => "token",
            How::AdminToken => "admin_token",
            How::Local => "local",
            How::Nobody => "nobody",
        }
    }
}

/// Somebody who calls the control API.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// In words.
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) how: How,
}

impl Control {
    /// Who calls the control API: by a token, by a session, or as somebody on this machine where no
    /// token is set. A token that is sent must be right.
    pub(crate) fn caller(&self, method: &Method, headers: &HeaderMap) -> Result<Caller, Problem> {
        if let Some(sent) = headers.get(header::AUTHORIZATION) {
            let sent = sent.to_str().ok().and_then(|it| it.strip_prefix("Bearer "));
            return sent
                .and_then(|sent| self.holder(sent))
                .map(|(caller, _)| caller)
                .ok_or_else(token_required);
        }
        if let Some(visitor) = visitor::who(self, headers) {
            // A cookie comes along by itself, so the request has to be one of our own pages'.
            super::from_here(method, headers)?;
            return Ok(Caller {
                name: visitor.0.name,
                role: visitor.0.role,
                how: How::Session,
            });
        }
        if self.admin_token.is_some() {
            return Err(token_required());
        }
        Ok(Caller {
            name: "somebody on this machine".to_owned(),
            role: Role::Admin,
            how: How::Local,
        })
    }

    /// Whose token this is, and the account of whoever signs in with it.
    pub(crate) fn holder(&self, sent: &str) -> Option<(Caller, Account)> {
        if self
            .admin_token
            .as_ref()
            .is_some_and(|token| token.is(sent))
        {
            let caller = Caller {
                name: "Administrator".to_owned(),
                role: Role::Admin,
                how: How::AdminToken,
            };
            return Some((caller, Account::Outside("administrator".to_owned())));
        }
        let token = self.platform.engine.directory.api_token_of(sent)?;
        let caller = Caller {
            name: token.name.clone(),
            role: token.role,
            how: How::Token,
        };
        Some((caller, Account::Token(token.id.clone())))
    }
}

fn token_required() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "token_required",
        "send `Authorization: Bearer` with the administrator's token, or one that an admin made at /users; \
         `sandkasse env` takes it from SANDKASSE_TOKEN",
    )
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(token_required)
    }
}
