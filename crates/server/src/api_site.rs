//! The listener of one environment: the merchant APIs, the payer's pages below one path, and
//! explanations below another.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use hyper::body::Incoming;
use sandkasse_api::{Connection, Unread, gateway};
use sandkasse_domain::Environment;
use sandkasse_inspect::Inspector;
use tracing::Instrument;

use crate::{
    explain::{self, Access},
    landing::{self, Surroundings, Visit},
    listener::{Door, NoAnswer, Outgoing, Site, receive, response, routed},
    traces,
};

/// Who answers at an environment's listener.
pub(crate) struct ApiSite {
    inspector: Arc<Inspector>,
    environment: Environment,
    surroundings: Surroundings,
    access: Access,
    door: Arc<Door>,
}

impl ApiSite {
    pub(crate) fn new(
        inspector: Arc<Inspector>,
        environment: Environment,
        surroundings: Surroundings,
        access: Access,
        door: Arc<Door>,
    ) -> ApiSite {
        ApiSite {
            inspector,
            environment,
            surroundings,
            access,
            door,
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Outgoing>, NoAnswer> {
        let (parts, body) = match receive(request).await {
            Ok(received) => received,
            Err((parts, unread)) => {
                let request = whole(*parts, Bytes::new());
                return Ok(self.unread(&request, unread));
            }
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
            let platform = self.inspector.platform();
            if let Some(events) = landing::follow(platform, &self.surroundings, &visit) {
                return Ok(routed(events));
            }
            let answer = landing::answer(platform, &self.surroundings, &visit).await;
            return Ok(response(answer));
        }
        if let Some(address) = path.strip_prefix(sandkasse_inspect::PATH) {
            let answer = explain::answer(
                &self.inspector,
                &self.access,
                self.environment,
                &parts,
                address,
            );
            return Ok(response(answer.await));
        }
        let request = whole(parts, body);
        // A call is let in when it is there as a whole: who sends slowly takes nobody's place.
        let shedder = &self.inspector.platform().shedder;
        let entered = shedder.enter(&request.method, &request.path, &request.headers);
        let _place = match entered {
            Ok(place) => place,
            Err(unread) => return Ok(self.unread(&request, unread)),
        };
        let span = traces::of_call(self.environment, &request);
        let answered = self.inspector.answer(self.environment, &request);
        match answered.instrument(span).await {
            (answer, Connection::Answer) => Ok(response(answer)),
            (_, Connection::Drop) => Err(NoAnswer),
        }
    }

    fn unread(&self, request: &sandkasse_api::Request, unread: Unread) -> Response<Outgoing> {
        response(self.inspector.unread(self.environment, request, unread))
    }
}

fn whole(parts: Parts, body: Bytes) -> sandkasse_api::Request {
    sandkasse_api::Request {
        path: parts.uri.path().to_owned(),
        method: parts.method,
        headers: parts.headers,
        body,
    }
}

impl Site for ApiSite {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Outgoing>, NoAnswer> {
        self.answer(request).await
    }

    fn fault(&self) -> Response<Outgoing> {
        response(gateway(500, "Internal server error"))
    }

    fn door(&self) -> Arc<Door> {
        self.door.clone()
    }
}
