//! The listener of one environment: the merchant APIs, and the payer's pages below one path.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use sandkasse_api::{Answer, Platform, gateway};
use sandkasse_domain::Environment;

use crate::{
    landing::{self, Surroundings, Visit},
    listener::{Site, receive, response},
};

/// Who answers at an environment's listener.
pub(crate) struct ApiSite {
    platform: Arc<Platform>,
    environment: Environment,
    surroundings: Surroundings,
}

impl ApiSite {
    pub(crate) fn new(
        platform: Arc<Platform>,
        environment: Environment,
        surroundings: Surroundings,
    ) -> ApiSite {
        ApiSite {
            platform,
            environment,
            surroundings,
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Answer> {
        let (parts, body) = receive(request).await?;
        let path = parts.uri.path();
        if landing::is_at(path) {
            let visit = Visit {
                environment: self.environment,
                method: &parts.method,
                path,
                query: parts.uri.query(),
                headers: &parts.headers,
                body: &body,
            };
            return Ok(landing::answer(&self.platform, &self.surroundings, &visit).await);
        }
        let request = sandkasse_api::Request {
            path: path.to_owned(),
            method: parts.method,
            headers: parts.headers,
            body,
        };
        Ok(self
            .platform
            .answer(self.environment, &request)
            .await
            .answer)
    }
}

impl Site for ApiSite {
    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let answer = self.answer(request).await;
        response(answer.unwrap_or_else(|refused| refused))
    }

    fn fault(&self) -> Response<Full<Bytes>> {
        response(gateway(500, "Internal server error"))
    }
}
