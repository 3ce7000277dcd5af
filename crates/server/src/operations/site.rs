//! The listener that an installation may name for its watchers: health and figures, and nothing else.
//!
//! It asks for no credential, so it is for a network that is closed to others.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{Method, Request, StatusCode, header};
use hyper::body::Incoming;
use sandkasse_api::gateway;

use super::{METRICS, health, told};
use crate::{
    control::Control,
    listener::{self, NoAnswer, Outgoing, Site},
};

/// Who answers there.
pub(crate) struct OperationsSite(pub(crate) Arc<Control>);

impl OperationsSite {
    async fn answer(&self, method: &Method, path: &str, headers: &http::HeaderMap) -> Response {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let allowed = [(header::ALLOW, "GET, HEAD")];
            return (StatusCode::METHOD_NOT_ALLOWED, allowed).into_response();
        }
        match path {
            "/healthz" => health::alive().await.into_response(),
            "/readyz" => health::ready(&self.0).await,
            METRICS => told(&self.0, headers),
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
        let (method, path) = (request.method(), request.uri().path());
        let answer = self.answer(method, path, request.headers()).await;
        Ok(listener::routed(answer))
    }

    fn fault(&self) -> http::Response<Outgoing> {
        listener::response(gateway(500, "Internal server error"))
    }
}
