//! Who may do what on the portal's listener: one table for the control API and the pages.
//!
//! A route that is not in the table is refused to everybody, and a test finds it. A page asks for
//! more where it has to, such as a fresh signature before keys are shown.

mod caller;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode};

use crate::{
    control::{Control, Problem},
    portal::{is_program, visitor, visitor::Turned, visitors::Role},
};

pub(crate) use caller::{Caller, How};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Everybody who reaches the portal.
    Anyone,
    /// Whoever is known, and may do at least what this role may.
    AtLeast(Role),
}

/// What a route asks for. Looking at the head of a page is looking at it.
pub(crate) fn need(method: &Method, path: &str) -> Option<Need> {
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    table::RULES.iter().find_map(|(need, routes)| {
        let is_here = routes.iter().any(|route| {
            route
                .split_once(' ')
                .is_some_and(|(named, pattern)| named == method.as_str() && fits(pattern, path))
        });
        is_here.then_some(*need)
    })
}

/// A pattern is a route's own path, or all paths that begin as it does before `*`.
fn fits(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => pattern == path,
    }
}

/// Stands before every route.
pub(crate) async fn check(
    State(control): State<Arc<Control>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("", MatchedPath::as_str);
    let refused = match need(request.method(), path) {
        Some(Need::Anyone) => None,
        Some(Need::AtLeast(role)) if is_program(path) => {
            let caller = request.extensions().get::<Caller>();
            caller
                .is_none_or(|caller| caller.role < role)
                .then(|| role_required(caller, role).into_response())
        }
        Some(Need::AtLeast(role)) => match visitor::who(&control, request.headers()) {
            Some(visitor) => visitor
                .at_least(role)
                .err()
                .map(IntoResponse::into_response),
            None if *request.method() == Method::GET || *request.method() == Method::HEAD => {
                let back = request.uri().path_and_query();
                let back = back.map_or("/", |back| back.as_str());
                Some(Turned::SignIn(back.to_owned()).into_response())
            }
            // What was filled in is lost; the page it was on is not known.
            None => Some(Turned::SignIn("/units".to_owned()).into_response()),
        },
        None => {
            tracing::error!(method = %request.method(), path, "no rule says who may use this route");
            let detail = "no rule says who may do this, so nobody may";
            Some(Problem::new(StatusCode::FORBIDDEN, "rule_missing", detail).into_response())
        }
    };
    match refused {
        Some(refused) => refused,
        None => next.run(request).await,
    }
}

fn role_required(caller: Option<&Caller>, role: Role) -> Problem {
    let own = caller.map_or("no role", |caller| caller.role.name());
    Problem::new(
        StatusCode::FORBIDDEN,
        "role_required",
        format!("this needs the role {role}, and the caller has {own}"),
    )
}

/// Refuses forms that do not come from a page here. A browser always says where a form comes from;
/// [`Guard`](crate::control::Guard) has refused those from elsewhere.
pub(crate) fn from_here(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let same_site = headers.get("sec-fetch-site");
    if method.is_safe()
        || headers.contains_key(http::header::ORIGIN)
        || same_site.is_some_and(|site| site == "same-origin")
    {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "origin_missing",
        "forms are sent by pages of the portal only: send `Origin`, or use the control API with a token",
    ))
}
