//! The listener of one environment: the merchant APIs, and the payer's pages below one path.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use sandkasse_api::{Answer, Connection, Platform, gateway};
use sandkasse_domain::Environment;

use crate::{
    landing::{self, Surroundings, Visit},
    listener::{NoAnswer, Site, receive, response},
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

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, NoAnswer> {
        let (parts, body) = match receive(request).await {
            Ok(received) => received,
            Err(refused) => return Ok(refused),
        };
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
        let exchange = self.platform.answer(self.environment, &request).await;
        match exchange.connection {
            Connection::Answer => Ok(exchange.answer),
            Connection::Drop => Err(NoAnswer),
        }
    }
}

impl Site for ApiSite {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        self.answer(request).await.map(response)
    }

    fn fault(&self) -> Response<Full<Bytes>> {
        response(gateway(500, "Internal server error"))
    }
}
