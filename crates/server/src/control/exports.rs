//! Calls as files for other tools: HAR 1.2, and a Postman collection 2.1.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_domain::Environment;
use sandkasse_inspect::{Header, PLACEHOLDERS, Record};
use serde_json::{Value, json};

use super::{Control, Problem, Shared, extract::Asked, requests::MOST, wanted::RequestFilter};

/// What Postman calls the format of the collection.
const SCHEMA: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";

impl Control {
    /// Calls as an HTTP archive. Secrets are masked as everywhere.
    pub(crate) fn har(&self, records: &[Arc<Record>]) -> Value {
        // Oldest first, as a browser writes them.
        let entries: Vec<Value> = records.iter().rev().map(|it| self.entry(it)).collect();
        json!({"log": {
            "version": "1.2",
            "creator": {"name": "Sandkasse", "version": env!("CARGO_PKG_VERSION")},
            "entries": entries,
        }})
    }

    fn entry(&self, record: &Record) -> Value {
        let ms = record.took_us.map_or(0.0, milliseconds);
        let content = (!record.body().is_empty())
            .then(|| json!({"mimeType": media(record.headers()), "text": record.body()}));
        let mut request = json!({
            "method": record.method.as_str(),
            "url": format!("{}{}", self.platform.base(record.environment), record.path()),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": lines(record.headers()),
            "queryString": [],
            "headersSize": -1,
            "bodySize": record.body().len(),
        });
        put(&mut request, "postData", content);
        let status = StatusCode::from_u16(record.status).ok();
        json!({
            "startedDateTime": started(record),
            "time": ms,
            "request": request,
            "response": {
                "status": record.status,
                "statusText": status.and_then(|it| it.canonical_reason()).unwrap_or_default(),
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": lines(record.answer_headers()),
                "content": {
                    "size": record.answer_body().len(),
                    "mimeType": media(record.answer_headers()),
                    "text": record.answer_body(),
                },
                "redirectURL": "",
                "headersSize": -1,
                "bodySize": record.answer_body().len(),
            },
            "cache": {},
            "timings": {"send": 0, "wait": ms, "receive": 0},
            "comment": record.cause().unwrap_or_default(),
        })
    }

    /// Calls as a collection for Postman. Secrets are variables, to be filled in there.
    pub(crate) fn postman(&self, records: &[Arc<Record>]) -> Value {
        let items: Vec<Value> = records.iter().rev().map(|it| self.item(it)).collect();
        let bases = Environment::ALL.map(|environment| {
            json!({"key": base_name(environment), "value": self.platform.base(environment)})
        });
        let empty = PLACEHOLDERS
            .iter()
            .map(|name| json!({"key": name.trim_start_matches('$'), "value": ""}));
        let variables: Vec<Value> = bases.into_iter().chain(empty).collect();
        json!({
            "info": {"name": "Calls seen by Sandkasse", "schema": SCHEMA},
            "item": items,
            "variable": variables,
        })
    }

    fn item(&self, record: &Record) -> Value {
        let call = record.sent("");
        let headers: Vec<Value> = call
            .headers
            .iter()
            .map(|(name, value)| json!({"key": name, "value": variables(value)}))
            .collect();
        let host = format!("{{{{{}}}}}", base_name(record.environment));
        let path: Vec<&str> = call.path.split('/').skip(1).collect();
        let operation = record.operation().unwrap_or(record.path());
        let outcome = record.cause().unwrap_or("accepted");
        let mut request = json!({
            "method": call.method,
            "header": headers,
            "url": {"raw": format!("{host}{}", call.path), "host": [host], "path": path},
            "description": format!("{}: {} {outcome}", record.at, record.status),
        });
        let body = call.body_text();
        let body = body.map(|body| json!({"mode": "raw", "raw": variables(&body)}));
        put(&mut request, "body", body);
        json!({
            "name": format!("{operation}: {} {outcome}", record.status),
            "request": request,
            "response": [],
        })
    }
}

/// A member that is there or not.
fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}

fn media<'a>(mut headers: impl Iterator<Item = Header<'a>>) -> String {
    let found = headers.find(|it| it.name == "content-type");
    found.map_or_else(String::new, |it| it.value.to_owned())
}

fn lines<'a>(headers: impl Iterator<Item = Header<'a>>) -> Vec<Value> {
    let line = |it: Header<'_>| json!({"name": it.name, "value": it.value});
    headers.map(line).collect()
}

fn base_name(environment: Environment) -> &'static str {
    match environment {
        Environment::Test => "BASE_URL",
        Environment::Production => "PRODUCTION_BASE_URL",
    }
}

/// Names of secrets as Postman writes variables.
fn variables(text: &str) -> String {
    PLACEHOLDERS.iter().fold(text.to_owned(), |text, name| {
        text.replace(name, &format!("{{{{{}}}}}", name.trim_start_matches('$')))
    })
}

/// When the call came, as far as it is known how long it took.
fn started(record: &Record) -> String {
    let took = record
        .took_us
        .and_then(|us| i64::try_from(us).ok())
        .unwrap_or(0);
    let took = jiff::SignedDuration::from_micros(took);
    let began = record.at.checked_sub(took).unwrap_or(record.at);
    began.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "no call takes for so long")]
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}

/// Gives calls of merchants as an HTTP archive (HAR 1.2), which browsers and many tools open. It
/// holds no secret.
#[utoipa::path(
    get, path = "/requests.har", tag = "Explanations", params(RequestFilter),
    responses((status = 200, body = Object))
)]
pub(super) async fn har(
    State(control): Shared,
    Asked(filter): Asked<RequestFilter>,
) -> Result<Json<Value>, Problem> {
    let limit = filter.limit.unwrap_or(MOST).clamp(1, MOST);
    let found = control.calls_found(&filter.wanted(), filter.before, limit);
    Ok(Json(control.har(&found.records)))
}

/// Gives calls of merchants as a Postman collection (v2.1); secrets are variables in it.
#[utoipa::path(
    get, path = "/requests.postman.json", tag = "Explanations", params(RequestFilter),
    responses((status = 200, body = Object))
)]
pub(super) async fn postman(
    State(control): Shared,
    Asked(filter): Asked<RequestFilter>,
) -> Result<Json<Value>, Problem> {
    let limit = filter.limit.unwrap_or(MOST).clamp(1, MOST);
    let found = control.calls_found(&filter.wanted(), filter.before, limit);
    Ok(Json(control.postman(&found.records)))
}
