//! A request as data: what was sent, what to send instead, and the same as a `curl` command.
//!
//! Secrets are named, never written: `$SUBSCRIPTION_KEY`, `$ACCESS_TOKEN`, `$CLIENT_SECRET`, as
//! `sandkasse env` prints them.

use serde::{Serialize, Serializer, ser::SerializeStruct};
use serde_json::{Map, Value};

use crate::Record;

/// The names that stand for values of the caller's own.
pub const PLACEHOLDERS: [&str; 9] = [
    "$ACCESS_TOKEN",
    "$SUBSCRIPTION_KEY",
    "$CLIENT_ID",
    "$CLIENT_SECRET",
    "$OFFICE_BASIC",
    "$MSN",
    "$PHONE",
    "$BANKID",
    "$SUB",
];

/// Headers that a client adds by itself.
const BY_ITSELF: [&str; 6] = [
    "host",
    "content-length",
    "connection",
    "accept-encoding",
    "user-agent",
    "accept",
];

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The environment's API.
    Api,
    /// The control API on the portal.
    Portal,
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpCall {
    /// Where it goes.
    pub to: To,
    /// The base URL it goes to.
    pub base: String,
    /// HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Names and values; placeholders stand for secrets.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Content>,
}

/// What a body is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// JSON that can be changed.
    Json(Value),
    /// Anything else.
    Text(String),
}

impl HttpCall {
    /// The request of a record, with placeholders for the caller's own secrets.
    pub(crate) fn of(record: &Record, base: &str) -> HttpCall {
        let mut headers = Vec::new();
        for crate::Header {
            name,
            value,
            masked,
        } in record.headers()
        {
            if BY_ITSELF.contains(&name) {
                continue;
            }
            let value = match name {
                "ocp-apim-subscription-key" => "$SUBSCRIPTION_KEY".to_owned(),
                "client_secret" => "$CLIENT_SECRET".to_owned(),
                "authorization" if value.starts_with("Basic ") => "Basic $OFFICE_BASIC".to_owned(),
                "authorization" => "Bearer $ACCESS_TOKEN".to_owned(),
                _ if masked => continue,
                _ => value.to_owned(),
            };
            headers.push((name.to_owned(), value));
        }
        let body = match record.body() {
            "" => None,
            text => Some(match serde_json::from_str::<Value>(text) {
                Ok(mut value) => {
                    // A masked link token would be a mistake of its own.
                    if let Some(members) = value.as_object_mut() {
                        members.remove("token");
                    }
                    Content::Json(value)
                }
                Err(_) => Content::Text(text.to_owned()),
            }),
        };
        HttpCall {
            to: To::Api,
            base: base.to_owned(),
            method: record.method.to_string(),
            path: record.path().to_owned(),
            headers,
            body,
        }
    }

    /// A call of the control API.
    pub(crate) fn control(portal: &str, method: &str, path: String, body: Value) -> HttpCall {
        let has_body = !body.is_null();
        let json = ("content-type".to_owned(), "application/json".to_owned());
        HttpCall {
            to: To::Portal,
            base: portal.to_owned(),
            method: method.to_owned(),
            path: format!("/control/v1{path}"),
            headers: if has_body { vec![json] } else { Vec::new() },
            body: has_body.then_some(Content::Json(body)),
        }
    }

    /// Changes every text of it that a caller may have sent.
    pub(crate) fn change(&mut self, change: &impl Fn(&str) -> String) {
        fn texts(value: &mut Value, change: &impl Fn(&str) -> String) {
            match value {
                Value::String(text) => *text = change(text),
                Value::Array(items) => items.iter_mut().for_each(|it| texts(it, change)),
                Value::Object(members) => {
                    members.values_mut().for_each(|it| texts(it, change));
                }
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        self.path = change(&self.path);
        for (_, value) in &mut self.headers {
            *value = change(value);
        }
        match &mut self.body {
            Some(Content::Json(value)) => texts(value, change),
            Some(Content::Text(text)) => *text = change(text),
            None => {}
        }
    }

    /// Sets a header in place of one of that name.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> HttpCall {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Takes a header away.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> HttpCall {
        self.headers
            .retain(|(sent, _)| !sent.eq_ignore_ascii_case(name));
        self
    }

    /// Sets a member of the body by its path: `transaction.amount`. Objects on the way are made.
    #[must_use]
    pub(crate) fn set(mut self, path: &str, value: impl Into<Value>) -> HttpCall {
        if !matches!(self.body, Some(Content::Json(Value::Object(_)))) {
            self.body = Some(Content::Json(Value::Object(Map::new())));
        }
        let Some(Content::Json(root)) = &mut self.body else {
            return self;
        };
        let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
        let mut at = root;
        for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
            if !at[parent].is_object() {
                at[parent] = Value::Object(Map::new());
            }
            at = &mut at[parent];
        }
        at[name] = value.into();
        self
    }

    /// Takes a member of the body away.
    #[must_use]
    pub(crate) fn remove(mut self, path: &str) -> HttpCall {
        let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
        if let Some(Content::Json(root)) = &mut self.body {
            let pointer: String = parents
                .split('.')
                .filter(|parent| !parent.is_empty())
                .map(|parent| format!("/{parent}"))
                .collect();
            if let Some(Value::Object(members)) = root.pointer_mut(&pointer) {
                members.remove(name);
            }
        }
        self
    }

    /// A member of the body.
    pub(crate) fn member(&self, path: &str) -> Option<&Value> {
        match &self.body {
            Some(Content::Json(root)) => root.pointer(&format!("/{}", path.replace('.', "/"))),
            Some(Content::Text(_)) | None => None,
        }
    }

    /// The body as text.
    pub fn body_text(&self) -> Option<String> {
        self.body.as_ref().map(|body| match body {
            Content::Json(value) => value.to_string(),
            Content::Text(text) => text.clone(),
        })
    }

    /// The same for a shell.
    pub fn curl(&self) -> String {
        let mut lines = vec![format!(
            "curl -X {} \"{}{}\"",
            self.method,
            self.base,
            shell_double(&self.path)
        )];
        for (name, value) in &self.headers {
            lines.push(format!("-H \"{name}: {}\"", shell_double(value)));
        }
        if let Some(body) = self.body_text() {
            lines.push(format!("-d {}", shell_single(&body)));
        }
        lines.join(" \\\n  ")
    }
}

/// Between double quotes, where placeholders are filled in.
fn shell_double(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('`', "\\`")
        .replace('$', "\\$");
    PLACEHOLDERS.iter().fold(escaped, |text, name| {
        text.replace(&format!("\\{name}"), name)
    })
}

/// Between single quotes; placeholders stand outside of them.
fn shell_single(text: &str) -> String {
    let quoted = format!("'{}'", text.replace('\'', "'\\''"));
    PLACEHOLDERS.iter().fold(quoted, |text, name| {
        text.replace(name, &format!("'\"{name}\"'"))
    })
}

impl Serialize for HttpCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let headers: Vec<[&str; 2]> = self
            .headers
            .iter()
            .map(|(name, value)| [name.as_str(), value.as_str()])
            .collect();
        let mut call = serializer.serialize_struct("HttpCall", 6)?;
        call.serialize_field("method", &self.method)?;
        call.serialize_field("base", &self.base)?;
        call.serialize_field("path", &self.path)?;
        call.serialize_field("headers", &headers)?;
        call.serialize_field("body", &self.body_text())?;
        call.serialize_field("curl", &self.curl())?;
        call.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call() -> HttpCall {
        HttpCall {
            to: To::Api,
            base: "http://127.0.0.1:7480".to_owned(),
            method: "POST".to_owned(),
            path: "/ecomm/v2/payments".to_owned(),
            headers: vec![(
                "authorization".to_owned(),
                "Bearer $ACCESS_TOKEN".to_owned(),
            )],
            body: Some(Content::Json(json!({"transaction": {"amount": 1}}))),
        }
    }

    #[test]
    fn a_command_names_secrets_and_quotes_everything_else() {
        let call = call()
            .header("x-request-id", "a\"b$HOME`c`")
            .set("transaction.transactionText", "it's $5 for $PHONE");
        assert_eq!(
            call.curl(),
            r#"curl -X POST "http://127.0.0.1:7480/ecomm/v2/payments" \
  -H "authorization: Bearer $ACCESS_TOKEN" \
  -H "x-request-id: a\"b\$HOME\`c\`" \
  -d '{"transaction":{"amount":1,"transactionText":"it'\''s $5 for '"$PHONE"'"}}'"#
        );
    }

    #[test]
    fn members_are_set_and_removed_by_their_path() {
        let call = call()
            .set("merchantInfo.isApp", true)
            .remove("transaction.amount")
            .remove("nothing.here");
        assert_eq!(
            call.body,
            Some(Content::Json(
                json!({"transaction": {}, "merchantInfo": {"isApp": true}})
            ))
        );
        assert_eq!(call.member("merchantInfo.isApp"), Some(&json!(true)));
        let broken = HttpCall {
            body: Some(Content::Text("{".to_owned())),
            ..call
        };
        assert_eq!(
            broken.set("a", 1).body_text().as_deref(),
            Some(r#"{"a":1}"#)
        );
    }
}
