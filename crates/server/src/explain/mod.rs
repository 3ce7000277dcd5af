//! Explanations at the address that a refusal carries: JSON for programs, a page for people.
//!
//! Who may read what is the inspector's business; here it is found out who asks.

#[cfg(test)]
mod faq_tests;
mod page;
#[cfg(test)]
mod remedy_tests;
#[cfg(test)]
mod tests;

use http::{HeaderMap, Method, header, request::Parts};
use sandkasse_api::{Answer, gateway};
use sandkasse_domain::Environment;
use sandkasse_inspect::{Inspector, Reader};

use crate::control::Guard;

/// Who counts as whom.
#[derive(Clone)]
pub(crate) struct Access {
    /// Which hosts and sites, and the administrator's token.
    pub(crate) guard: Guard,
    /// Whether nobody but this machine reaches any listener: then local callers administer it.
    pub(crate) local: bool,
}

impl Access {
    async fn reader(
        &self,
        inspector: &Inspector,
        environment: Environment,
        parts: &Parts,
    ) -> Reader {
        if self.is_administrator(parts) {
            return Reader::Administrator;
        }
        // Keys of the other environment open nothing here, but what is said of them is their
        // owner's to read.
        for environment in [environment, environment.other()] {
            if let Some(client) = inspector.holder_of(environment, &parts.headers).await {
                return Reader::Keys(client);
            }
        }
        Reader::Holder
    }

    /// A page of another site in a local browser is not the administrator, nor is a request by a
    /// name that suddenly leads here.
    fn is_administrator(&self, parts: &Parts) -> bool {
        let admitted = self
            .guard
            .admit(&parts.method, &parts.uri, &parts.headers)
            .is_ok();
        let has_token = self.guard.token.is_some();
        admitted && (self.local || has_token) && self.guard.authorize(&parts.headers).is_ok()
    }
}

/// Answers a request for an explanation.
pub(crate) async fn answer(
    inspector: &Inspector,
    access: &Access,
    environment: Environment,
    parts: &Parts,
    address: &str,
) -> Answer {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return gateway(404, "Resource not found");
    }
    if let Some(file) = page::file(address) {
        return file;
    }
    let reader = access.reader(inspector, environment, parts).await;
    let found = inspector.explain(address, &reader).await;
    let found = found.filter(|it| it.environment == environment);
    let wants_page = wants_page(&parts.headers);
    match found {
        Some(explanation) if wants_page => page::explanation(&explanation),
        Some(explanation) => {
            let body =
                serde_json::to_string_pretty(&explanation).expect("plain structs always serialise");
            Answer::new(200, "application/json", body).with(header::CACHE_CONTROL, "no-store")
        }
        None if wants_page => page::nothing(),
        None => Answer::new(
            404,
            "application/problem+json",
            serde_json::json!({
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": page::NOTHING,
            })
            .to_string(),
        ),
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
