//! Signing in and out.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::{
    shell::{self, Frame, Part},
    visitor::{Anyone, Posted, cookie, secret},
    visitors::Role,
};
use crate::control::Control;

#[derive(Template)]
#[template(path = "portal/sign_in.html")]
struct Page<'a> {
    frame: Frame<'a>,
    next: &'a str,
}

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Onward {
    next: String,
}

/// Who wants to sign in.
#[derive(Debug, Deserialize)]
struct Wanted {
    name: String,
    role: Role,
    #[serde(default)]
    next: String,
}

/// Nothing.
#[derive(Debug, Deserialize)]
struct Nothing {}

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/sign-in", get(show).post(sign_in))
        .route("/sign-out", post(sign_out))
}

async fn show(Anyone(visitor): Anyone, Query(onward): Query<Onward>) -> Response {
    let frame = Frame::new("Sign in", Part::Other, visitor.as_ref());
    let next = &here(&onward.next);
    shell::page(StatusCode::OK, &Page { frame, next })
}

async fn sign_in(
    State(control): State<Arc<Control>>,
    headers: HeaderMap,
    Form(wanted): Form<Wanted>,
) -> Response {
    let now = control.platform.engine.clock.now();
    if let Some(secret) = secret(&headers) {
        control.visitors.sign_out(&secret);
    }
    let secret = control.visitors.sign_in(wanted.name, wanted.role, now);
    let mut response = shell::see_other(&here(&wanted.next));
    let headers = response.headers_mut();
    headers.insert(header::SET_COOKIE, cookie(&control, &secret));
    response
}

async fn sign_out(
    State(control): State<Arc<Control>>,
    headers: HeaderMap,
    Posted(_, Nothing {}): Posted<Nothing>,
) -> Response {
    if let Some(secret) = secret(&headers) {
        control.visitors.sign_out(&secret);
    }
    let gone = [(header::SET_COOKIE, cookie(&control, ""))];
    (gone, shell::see_other("/")).into_response()
}

/// A path of the portal itself, never of another host.
fn here(next: &str) -> String {
    let is_path =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if is_path { next } else { "/units" }.to_owned()
}
