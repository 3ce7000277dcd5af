//! The listener that an installation may name for its watchers: health and figures, and nothing else.
//!
//! It asks for no credential, so it is for a network that is closed to others. On loopback, pages of a browser are kept out
//! as at the portal.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{Method, Request, StatusCode, header};
use hyper::body::Incoming;
use sandkasse_api::gateway;

use super::{METRICS, health, told};
use crate::{
    control::{Control, Guard},
    listener::{self, NoAnswer, Outgoing, Site},
};

/// Who answers there.
pub(crate) struct OperationsSite {
    pub(crate) control: Arc<Control>,
    /// Where only this machine can reach it.
    pub(crate) guard: Option<Guard>,
}

impl OperationsSite {
    async fn answer(&self, request: &Request<Incoming>) -> Response {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let admitted = self.guard.as_ref().map(|it| it.admit(method, uri, headers));
        if let Some(Err(problem)) = admitted {
            return problem.into_response();
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            let allowed = [(header::ALLOW, "GET, HEAD")];
            return (StatusCode::METHOD_NOT_ALLOWED, allowed).into_response();
        }
        match uri.path() {
            "/healthz" => health::alive().await.into_response(),
            "/readyz" => health::ready(&self.control).await,
            METRICS => told(&self.control, headers),
            _ => {
                let text = "here are /healthz, /readyz and /metrics\n";
                (StatusCode::NOT_FOUND, text).into_response()
            }
        }
    }
}

impl Site for OperationsSite {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<http::Response<Outgoing>, NoAnswer> {
        Ok(listener::routed(self.answer(&request).await))
    }

    fn fault(&self) -> http::Response<Outgoing> {
        listener::response(gateway(500, "Internal server error"))
    }
}
