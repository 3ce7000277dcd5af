//! The portal's listener: the control API, and a page that says where things are.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::service::TowerToHyperService;
use sandkasse_api::{Answer, gateway};

use crate::{
    catalogue_site,
    control::{Guard, Problem},
    landing::{STYLE, portal_page, secured, style_sheet},
    listener::{self, NoAnswer, Site},
};

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
    router: Router,
}

impl Portal {
    pub(crate) fn new(guard: Guard, control: Router, places: Places) -> Portal {
        let page = move || {
            let Places {
                test,
                production,
                portal,
            } = &places;
            let page = portal_page(test, production, portal);
            async move { listener::response(page) }
        };
        let style = || async { listener::response(style_sheet()) };
        let router = control
            .merge(catalogue_site::routes())
            .route("/", axum::routing::get(page))
            .route(STYLE, axum::routing::get(style))
            .fallback(not_found)
            .method_not_allowed_fallback(not_allowed);
        Portal { guard, router }
    }

    /// Answers a request that was read whole.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response {
        let (uri, headers) = (request.uri(), request.headers());
        let admitted = self.guard.admit(uri, headers).and_then(|()| {
            if uri.path().starts_with("/control/") {
                self.guard.authorize(headers)
            } else {
                Ok(())
            }
        });
        if let Err(problem) = admitted {
            return problem.into_response();
        }
        let service = TowerToHyperService::new(self.router.clone());
        let Ok(mut response): Result<Response, Infallible> =
            hyper::service::Service::call(&service, request).await;
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

impl Site for Portal {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let (parts, body) = match listener::receive(request).await {
            Ok(received) => received,
            Err((_, unread)) => return Ok(listener::response(unread.answer())),
        };
        let request = Request::from_parts(parts, Body::from(body));
        let (parts, body) = self.answer(request).await.into_parts();
        // Our own answers are in memory already.
        Ok(match body.collect().await {
            Ok(body) => Response::from_parts(parts, Full::new(body.to_bytes())),
            Err(_) => self.fault(),
        })
    }

    fn fault(&self) -> Response<Full<Bytes>> {
        listener::response(gateway(500, "Internal server error"))
    }
}

async fn not_found(uri: http::Uri) -> Response {
    if uri.path().starts_with("/control/") {
        let detail = format!(
            "there is nothing at {}; /control/v1/openapi.json lists all there is",
            uri.path()
        );
        return Problem::not_found("route_unknown", detail).into_response();
    }
    let text = "Nothing here. The control API is described at /control/v1/openapi.json\n";
    listener::response(secured(Answer::new(404, "text/plain; charset=utf-8", text))).into_response()
}

async fn not_allowed(method: http::Method, uri: http::Uri) -> Problem {
    let detail = format!(
        "{method} is not possible at {}; /control/v1/openapi.json says what is",
        uri.path()
    );
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_unknown", detail)
}
