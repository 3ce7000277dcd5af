//! Whatever is done through the portal's listener is written into the audit log: who did it, how
//! they were known, what they called, and what of the thing changed.
//!
//! The thing is looked at before and after by the control API's own view of it, which holds no key.
//! Somebody else may change it in between; then both changes stand in both lines. A line is written
//! before the answer is sent: if it cannot be written, the answer says so.

use axum::{Router, body::Body, response::Response};
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use sandkasse_engine::audit::Entry;
use sandkasse_store::StoreError;
use serde_json::{Map, Value};

use super::{route, visitor, visitors::Role};
use crate::{
    control::{Control, Problem},
    rights::{Caller, How},
};

/// No view and no answer of more bytes is looked into.
const LONGEST: u64 = 64 * 1024;
/// No more bytes of what changed are kept.
const KEPT: usize = 16 * 1024;
/// Members whose values are written nowhere.
const SECRET: [&str; 8] = [
    "secret",
    "client_secret",
    "primary_subscription_key",
    "secondary_subscription_key",
    "subscription_key",
    "auth_token",
    "authorization",
    "token",
];

/// Something that is being done.
pub(super) struct Doing {
    actor: String,
    role: Option<Role>,
    how: How,
    action: String,
    /// Where the control API shows the thing.
    thing: Option<String>,
    before: Option<Value>,
}

impl Doing {
    /// What a request is about to do; nothing if it only looks, or if who sends it signs in, which is
    /// written where it is done.
    pub(super) fn of(control: &Control, request: &Request<Body>) -> Option<Doing> {
        let (method, path) = (request.method(), request.uri().path());
        if method.is_safe() || path.starts_with("/sign-") || path.starts_with("/bankid/") {
            return None;
        }
        let caller = request.extensions().get::<Caller>().cloned();
        let visitor = visitor::who(control, request.headers());
        let (actor, role, how) = match (caller, visitor) {
            (Some(caller), _) => (caller.name, Some(caller.role), caller.how),
            (None, Some(visitor)) => (visitor.0.name, Some(visitor.0.role), How::Session),
            (None, None) => ("somebody not signed in".to_owned(), None, How::Nobody),
        };
        Some(Doing {
            actor,
            role,
            how,
            action: format!("{method} {path}"),
            thing: thing(path),
            before: None,
        })
    }

    /// Looks at the thing before.
    pub(super) async fn about(mut self, router: &Router) -> Doing {
        if let Some(thing) = &self.thing {
            self.before = look(router, thing).await;
        }
        self
    }

    /// It was done, or refused to somebody known.
    pub(super) async fn record(
        self,
        control: &Control,
        router: &Router,
        response: Response,
    ) -> Response {
        let status = response.status();
        if !is_worth_a_line(&response) {
            return response;
        }
        let (response, made) = match (&self.thing, status) {
            (None, StatusCode::CREATED) => read(response).await,
            _ => (response, None),
        };
        let after = match &self.thing {
            Some(thing) if !status.is_client_error() => look(router, thing).await,
            Some(_) => self.before.clone(),
            None => made,
        };
        let (before, after) = changed(self.before, after);
        let entry = Entry {
            at: control.platform.engine.clock.now(),
            actor: self.actor,
            role: self.role,
            how: self.how.name().to_owned(),
            action: self.action,
            status: Some(status.as_u16()),
            before: before.map(bounded),
            after: after.map(bounded),
        };
        let engine = &control.platform.engine;
        if let Err(error) = engine.audit.write(entry).await {
            return unrecorded(&error);
        }
        // What is answered as done is so on every node, for whoever calls another one next.
        if let Err(error) = engine.settle().await {
            tracing::warn!(%error, "other nodes may see a change a moment later");
        }
        response
    }
}

impl Control {
    /// Writes into the audit log what is no request of its own: signing in and out.
    pub(crate) async fn note(
        &self,
        actor: &str,
        role: Option<Role>,
        how: How,
        action: &str,
    ) -> Result<(), Problem> {
        let entry = Entry {
            at: self.platform.engine.clock.now(),
            actor: actor.to_owned(),
            role,
            how: how.name().to_owned(),
            action: action.to_owned(),
            status: None,
            before: None,
            after: None,
        };
        self.platform.engine.audit.write(entry).await?;
        Ok(())
    }
}

/// Requests that were mistaken did nothing; and who is sent to sign in has done nothing yet.
fn is_worth_a_line(response: &Response) -> bool {
    let status = response.status();
    let to_sign_in = response
        .headers()
        .get(header::LOCATION)
        .is_some_and(|to| to.as_bytes().starts_with(b"/sign-in"));
    match status {
        StatusCode::FORBIDDEN => true,
        _ => !status.is_client_error() && !to_sign_in,
    }
}

fn unrecorded(error: &StoreError) -> Response {
    use axum::response::IntoResponse;
    tracing::error!(%error, "an action was done, and could not be written into the audit log");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "audit_failed",
        "it was done, but could not be written into the audit log; the program's log says why",
    )
    .into_response()
}

/// Where the control API shows the thing that a path is about. Nothing at this address is a key.
fn thing(path: &str) -> Option<String> {
    let names: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (kind, names) = match names.as_slice() {
        ["control", "v1", kind, rest @ ..] => (*kind, rest),
        ["units", environment, msn, "payments", order, ..] => {
            return Some(at("payments", &[environment, msn, order]));
        }
        ["units", rest @ ..] => ("sales-units", rest),
        ["phone", "production", phone, ..] => {
            return Some(at("persons", &["production", phone]));
        }
        ["phone", phone, ..] => return Some(at("persons", &["test", phone])),
        ["users", "tokens", ..] => return None,
        [kind @ ("users" | "merchants" | "partners"), rest @ ..] => (*kind, rest),
        _ => return None,
    };
    let count = match kind {
        "payments" => 3,
        "sales-units" | "merchants" | "partners" | "psps" | "persons" => 2,
        "register" | "users" => 1,
        _ => return None,
    };
    let names = names.get(..count)?;
    (names != ["check"]).then(|| at(kind, names))
}

fn at(kind: &str, names: &[&str]) -> String {
    format!("/control/v1/{kind}/{}", names.join("/"))
}

/// What the control API shows.
async fn look(router: &Router, path: &str) -> Option<Value> {
    let mut request = Request::get(path).body(Body::empty()).ok()?;
    *request.method_mut() = Method::GET;
    request.extensions_mut().insert(Caller {
        name: "the audit log".to_owned(),
        role: Role::Admin,
        how: How::Local,
    });
    let response = route(router, request).await;
    if response.status() != StatusCode::OK {
        return None;
    }
    read(response).await.1
}

/// The content of an answer as JSON, if it is short enough, and the answer as it was.
async fn read(response: Response) -> (Response, Option<Value>) {
    let is_short = response
        .body()
        .size_hint()
        .exact()
        .is_some_and(|it| it <= LONGEST);
    if !is_short {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            let value = serde_json::from_slice(&body).ok().map(without_secrets);
            (Response::from_parts(parts, Body::from(body)), value)
        }
        Err(error) => {
            tracing::error!(%error, "an answer of our own could not be read");
            (Response::from_parts(parts, Body::empty()), None)
        }
    }
}

fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = if SECRET.contains(&name.as_str()) {
                    Value::from("(secret)")
                } else {
                    without_secrets(value)
                };
                (name, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(all) => Value::Array(all.into_iter().map(without_secrets).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// Only what differs.
fn changed(before: Option<Value>, after: Option<Value>) -> (Option<Value>, Option<Value>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => (None, None),
        (Some(Value::Object(before)), Some(Value::Object(mut after))) => {
            let mut old = Map::new();
            let mut new = Map::new();
            for (name, before) in before {
                let (before, after) = changed(Some(before), after.remove(&name));
                old.extend(before.map(|before| (name.clone(), before)));
                new.extend(after.map(|after| (name, after)));
            }
            new.extend(after);
            (Some(Value::Object(old)), Some(Value::Object(new)))
        }
        (before, after) => (before, after),
    }
}

fn bounded(value: Value) -> Value {
    let bytes = value.to_string().len();
    if bytes <= KEPT {
        return value;
    }
    serde_json::json!({ "left_out_bytes": bytes })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_about_a_thing() {
        for (path, about) in [
            (
                "/control/v1/sales-units/test/220001",
                Some("sales-units/test/220001"),
            ),
            (
                "/control/v1/sales-units/test/220001/keys/client_secret/regenerate",
                Some("sales-units/test/220001"),
            ),
            ("/control/v1/sales-units", None),
            (
                "/control/v1/payments/test/220001/a-1/approve",
                Some("payments/test/220001/a-1"),
            ),
            (
                "/units/test/220001/payments/a-1/refund",
                Some("payments/test/220001/a-1"),
            ),
            ("/units/test/220001/keys", Some("sales-units/test/220001")),
            ("/control/v1/register/310000000", Some("register/310000000")),
            ("/control/v1/register/check", None),
            ("/control/v1/users/demo-admin", Some("users/demo-admin")),
            ("/users/demo-admin/remove", Some("users/demo-admin")),
            ("/users/tokens/abc/revoke", None),
            ("/phone/41000001/approve", Some("persons/test/41000001")),
            (
                "/phone/production/91000001/approve",
                Some("persons/production/91000001"),
            ),
            (
                "/merchants/test/310000000/check",
                Some("merchants/test/310000000"),
            ),
            ("/control/v1/reset", None),
        ] {
            let about = about.map(|about| format!("/control/v1/{about}"));
            assert_eq!(thing(path), about, "{path}");
        }
    }

    #[test]
    fn only_what_changed_is_kept_and_no_secret() {
        let before = json!({"a": 1, "b": {"c": 1, "d": 2}, "gone": 1, "list": [1]});
        let after = json!({"a": 1, "b": {"c": 1, "d": 3}, "new": 1, "list": [1, 2]});
        assert_eq!(
            changed(Some(before.clone()), Some(after)),
            (
                Some(json!({"b": {"d": 2}, "gone": 1, "list": [1]})),
                Some(json!({"b": {"d": 3}, "new": 1, "list": [1, 2]}))
            )
        );
        assert_eq!(changed(Some(before.clone()), Some(before)), (None, None));
        let keys = json!({"keys": [{"client_secret": "x", "client_id": "y"}], "token": {"z": 1}});
        assert_eq!(
            without_secrets(keys),
            json!({"keys": [{"client_secret": "(secret)", "client_id": "y"}], "token": "(secret)"})
        );
        assert_eq!(
            bounded(json!("x".repeat(KEPT))),
            json!({"left_out_bytes": KEPT + 2})
        );
    }
}
