//! The request inspector: what merchants called and what they were sent, live, one by one, and why
//! a call was refused.

mod check;
mod diff;
mod export;
mod filters;
mod list;
pub(crate) mod live;
mod one;
mod out;
mod pretty;
mod row;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{Router, response::Response, routing::get, routing::post};

use super::{shell, visitor::Visitor};
use crate::control::{Control, Problem};
pub(super) use row::Row;

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/requests", get(list::page))
        .route("/requests/events", get(live::events))
        .route("/requests/check", get(check::page).post(check::done))
        .route("/requests/{id}", get(one::page))
        .route("/requests/{id}/again", post(one::again))
        .route("/requests/out/{id}", get(out::page))
        .route("/requests.har", get(export::har))
        .route("/requests.postman.json", get(export::postman))
}

/// A page that says why something could not be done.
pub(super) fn sorry(visitor: &Visitor, title: &str, problem: &Problem) -> Response {
    let (status, detail) = problem.said();
    shell::message(status, Some(visitor), title, detail)
}
