//! The portal: pages for people, and the control API, on a listener of their own.
//!
//! A page is a handler with a template that extends `portal/frame.html`. It takes a
//! [`visitor::Visitor`] (who is signed in; everybody else is sent to sign in) or
//! [`visitor::Anyone`]; a form takes [`visitor::Posted`], which checks that the form was ours. What
//! a page shows and does goes through [`Control`], as the control API's handlers do.

mod audit;
mod bare;
mod dashboard;
mod faults;
mod front;
pub(crate) mod own_shop;
mod owners;
#[cfg(test)]
mod panel_tests;
mod payments;
pub(crate) mod phone;
mod provider;
mod record;
pub(crate) mod requests;
mod said;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod sign_in;
mod status;
#[cfg(test)]
mod tests;
mod time;
mod try_it;
mod units;
mod users;
pub(crate) mod visitor;
pub(crate) mod visitors;
mod webhooks;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderName, Request, StatusCode};
use hyper::body::Incoming;
use hyper_util::service::TowerToHyperService;
use sandkasse_api::gateway;

use crate::{
    catalogue_site,
    control::{self, Control, Guard, Problem},
    landing::{ICON, STYLE, icon, style_sheet},
    listener::{self, Door, NoAnswer, Outgoing, Site},
    operations, rights,
};
pub(crate) use payments::calls::words as call_words;
use visitor::Anyone;

/// Base URLs, for people.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) test: String,
    pub(crate) production: String,
    pub(crate) portal: String,
}

/// Who answers at the portal's listener.
pub(crate) struct Portal {
    guard: Guard,
    control: Arc<Control>,
    router: Router,
}

impl Portal {
    pub(crate) fn new(guard: Guard, control: Arc<Control>, places: Places) -> Portal {
        let front =
            move |Anyone(visitor): Anyone| async move { front::page(&places, visitor.as_ref()) };
        let style = || async { listener::response(style_sheet()).map(Body::new) };
        let icon = || async { listener::response(icon()).map(Body::new) };
        let pages = Router::new()
            .route("/", get(front))
            .route(STYLE, get(style))
            .route(ICON, get(icon))
            .merge(shell::files())
            .merge(sign_in::routes())
            .merge(provider::routes())
            .merge(try_it::routes())
            .merge(users::routes())
            .merge(audit::routes())
            .merge(units::routes())
            .merge(owners::routes())
            .merge(payments::routes())
            .merge(webhooks::routes())
            .merge(time::routes())
            .merge(faults::routes())
            .merge(status::routes())
            .merge(phone::routes())
            .merge(requests::routes())
            .merge(dashboard::routes())
            .merge(catalogue_site::routes())
            .merge(operations::routes())
            .with_state(control.clone());
        let router = control::router(control.clone())
            .merge(pages)
            .route_layer(axum::middleware::from_fn_with_state(
                control.clone(),
                rights::check,
            ))
            .fallback(not_found)
            .method_not_allowed_fallback(not_allowed);
        Portal {
            guard,
            control,
            router,
        }
    }

    /// Answers a request that was read whole.
    pub(crate) async fn answer(&self, mut request: Request<Body>) -> Response {
        if let Err(problem) = self.admit(&mut request) {
            return problem.into_response();
        }
        let doing = match record::Doing::of(&self.control, &request) {
            Some(doing) => Some(doing.about(&self.router).await),
            None => None,
        };
        let is_page = !is_program(request.uri().path());
        let headers = request.headers().clone();
        let mut response = route(&self.router, request).await;
        if is_page {
            response = bare::framed(&self.control, &headers, response).await;
        }
        if let Some(doing) = doing {
            response = doing.record(&self.control, &self.router, response).await;
        }
        // Keys are in these answers; no cache may keep them.
        let headers = response.headers_mut();
        headers
            .entry(http::header::CACHE_CONTROL)
            .or_insert(http::HeaderValue::from_static("no-store"));
        headers
            .entry(HeaderName::from_static("x-content-type-options"))
            .or_insert(http::HeaderValue::from_static("nosniff"));
        response
    }
}

impl Portal {
    /// Whether somebody who is known sends a sales unit's snapshot, which may be longer than a form.
    fn brings_snapshot(&self, request: &Request<Incoming>) -> bool {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let path = uri.path();
        method == http::Method::POST
            && path.starts_with("/control/v1/sales-units/")
            && path.ends_with("/snapshot")
            && self.guard.admit(method, uri, headers).is_ok()
            && self.control.caller(method, headers).is_ok()
    }

    /// Refuses whom nothing here concerns, and notes who calls the control API. What somebody known
    /// may do is decided in [`rights`].
    fn admit(&self, request: &mut Request<Body>) -> Result<(), Problem> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        // Whoever watches may know an address only, and learns nothing.
        if method.is_safe() && operations::HEALTH.contains(&uri.path()) {
            return Ok(());
        }
        self.guard.admit(method, uri, headers)?;
        if is_program(uri.path()) {
            let caller = self.control.caller(method, headers)?;
            request.extensions_mut().insert(caller);
            Ok(())
        } else {
            rights::from_here(method, headers)
        }
    }
}

async fn route(router: &Router, request: Request<Body>) -> Response {
    let service = TowerToHyperService::new(router.clone());
    let Ok(response): Result<Response, Infallible> =
        hyper::service::Service::call(&service, request).await;
    response
}

impl Site for Portal {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<http::Response<Outgoing>, NoAnswer> {
        let received = if self.brings_snapshot(&request) {
            let (most, patience) = (control::LONGEST_SNAPSHOT, listener::limits::SNAPSHOT_READ);
            listener::receive_up_to(most, patience, request).await
        } else {
            listener::receive(request).await
        };
        let (parts, body) = match received {
            Ok(received) => received,
            Err((parts, unread)) => {
                let refusal = listener::response(unread.answer());
                if is_program(parts.uri.path()) {
                    return Ok(refusal);
                }
                let said = "It did not arrive whole, or was larger than any form here";
                let mut refusal = refusal.map(|_| Body::from(said));
                let plain = http::HeaderValue::from_static("text/plain");
                refusal
                    .headers_mut()
                    .insert(http::header::CONTENT_TYPE, plain);
                let page = bare::framed(&self.control, &parts.headers, refusal).await;
                return Ok(listener::routed(page));
            }
        };
        let request = Request::from_parts(parts, Body::from(body));
        Ok(listener::routed(self.answer(request).await))
    }

    fn fault(&self) -> http::Response<Outgoing> {
        listener::response(gateway(500, "Internal server error"))
    }

    fn door(&self) -> Arc<Door> {
        self.control.operations.listeners.portal.clone()
    }
}

/// Whether programs call this address, and read problems; people read pages.
pub(crate) fn is_program(path: &str) -> bool {
    path.starts_with("/control/") || path == operations::METRICS
}

async fn not_found(uri: http::Uri) -> Response {
    if is_program(uri.path()) {
        let detail = format!(
            "there is nothing at {}; /control/v1/openapi.json lists all there is",
            uri.path()
        );
        return Problem::not_found("route_unknown", detail).into_response();
    }
    // A page is made of it in `bare`, which knows who is there.
    let text = "There is no such page. The navigation above leads to all there are; the control API is described at /control/v1/openapi.json";
    (StatusCode::NOT_FOUND, text).into_response()
}

async fn not_allowed(method: http::Method, uri: http::Uri) -> Response {
    if !is_program(uri.path()) {
        let text = format!("{method} is not possible here. Open the address, or go back");
        return (StatusCode::METHOD_NOT_ALLOWED, text).into_response();
    }
    let detail = format!(
        "{method} is not possible at {}; /control/v1/openapi.json says what is",
        uri.path()
    );
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_unknown", detail).into_response()
}
