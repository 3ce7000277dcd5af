//! One call to the platform, and what came back.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sandkasse_api::{Connection, Exchange, Platform, Request, Why};
use sandkasse_domain::Environment;
use sandkasse_gate::Trace;
use serde_json::Value;

use crate::oracle;

/// A call in the making.
#[derive(Clone)]
pub struct Ask {
    platform: Arc<Platform>,
    environment: Environment,
    request: Request,
}

/// What came back, and why.
#[derive(Clone, Debug)]
pub struct Got {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The exact body.
    pub body: String,
    /// Why the call was refused.
    pub why: Option<Why>,
    /// What each check saw.
    pub trace: Trace,
    /// Whether it came at all.
    pub connection: Connection,
    /// Where it was asked.
    pub environment: Environment,
    /// All of it, as the platform gave it.
    pub exchange: Exchange,
}

impl Ask {
    pub(crate) fn new(
        platform: Arc<Platform>,
        environment: Environment,
        method: &str,
        path: &str,
    ) -> Ask {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = Request {
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        Ask {
            platform,
            environment,
            request,
        }
    }

    /// Sets a header; replaces one of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Ask {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
        self.request.headers.insert(name, value);
        self
    }

    /// Sets a header to bytes that may be no text.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Ask {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        let value = HeaderValue::from_bytes(value).expect("a header value");
        self.request.headers.insert(name, value);
        self
    }

    /// Takes a header away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Ask {
        self.request.headers.remove(name);
        self
    }

    /// Calls another operation with everything else the same.
    #[must_use]
    pub fn to(mut self, method: &str, path: &str) -> Ask {
        self.request.method = Method::from_bytes(method.as_bytes()).expect("a method");
        path.clone_into(&mut self.request.path);
        self
    }

    /// Calls another environment with everything else the same.
    #[must_use]
    pub fn in_environment(mut self, environment: Environment) -> Ask {
        self.environment = environment;
        self
    }

    /// The body, as bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Ask {
        self.request.body = body.into();
        self
    }

    /// The body, as JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Ask {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    /// What will be sent.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Where it will be sent.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// Sends it. A success is checked against the official document, where that is at hand.
    pub async fn send(self) -> Got {
        let exchange = self.platform.answer(self.environment, &self.request).await;
        let got = Got::of(self.environment, exchange);
        oracle::check(
            self.environment,
            &self.request.method,
            &self.request.path,
            &got,
        );
        got
    }
}

impl Got {
    /// What the platform gave, to look at.
    ///
    /// # Panics
    ///
    /// When the body is no text.
    pub fn of(environment: Environment, exchange: Exchange) -> Got {
        let whole = exchange.clone();
        Got {
            status: exchange.answer.status.as_u16(),
            headers: exchange.answer.headers,
            body: String::from_utf8(exchange.answer.body.to_vec()).expect("answers are text"),
            why: exchange.why,
            trace: exchange.trace,
            connection: exchange.connection,
            environment,
            exchange: whole,
        }
    }

    /// The body of a 200.
    ///
    /// # Panics
    ///
    /// When it is no 200, or no JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{} {:?}", self.body, self.why);
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("text"))
    }

    /// The cause's id; empty for a success.
    pub fn cause(&self) -> &'static str {
        self.why
            .as_ref()
            .map(|why| why.id(self.environment))
            .unwrap_or_default()
    }

    /// Asserts eCom's array of one error: exactly these bytes but for the text and the fresh
    /// `contextId`. Answers the text.
    #[track_caller]
    pub fn refused(&self, status: u16, group: &str, code: &str, cause: &str) -> String {
        let lines = self.refused_with(status, cause);
        let [line] = lines.as_slice() else {
            panic!("one error expected: {}", self.body)
        };
        assert_eq!(
            (line[0].as_str(), line[1].as_str()),
            (group, code),
            "{}",
            self.body
        );
        line[2].clone()
    }

    /// Asserts eCom's array of errors and answers group, code and text of each.
    #[track_caller]
    pub fn refused_with(&self, status: u16, cause: &str) -> Vec<[String; 3]> {
        assert_eq!(
            (self.status, self.cause()),
            (status, cause),
            "{} {:?}",
            self.body,
            self.why
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/json;charset=UTF-8")
        );
        let text = |line: &Value, member: &str| line[member].as_str().expect("a string").to_owned();
        let mut bytes = String::from("[");
        let mut lines = Vec::new();
        for line in self.json().as_array().expect("an array") {
            let [group, code, message, context] =
                ["errorGroup", "errorCode", "errorMessage", "contextId"].map(|it| text(line, it));
            uuid::Uuid::parse_str(&context).expect("contextId is a UUID");
            let quoted = |text: &str| Value::from(text).to_string();
            bytes.push_str(&format!(
                r#"{{"errorGroup":{},"errorCode":{},"errorMessage":{},"contextId":"{context}"}},"#,
                quoted(&group),
                quoted(&code),
                quoted(&message),
            ));
            lines.push([group, code, message]);
        }
        bytes.pop();
        bytes.push(']');
        assert_eq!(self.body, bytes);
        lines
    }

    /// Asserts eCom's array of one error: exactly these bytes but for the fresh `contextId`.
    #[track_caller]
    pub fn says(&self, status: u16, group: &str, code: &str, text: &str, cause: &str) {
        assert_eq!(self.refused(status, group, code, cause), text);
    }

    /// Asserts a 400 that lists exactly these members, in this order, each with its text.
    #[track_caller]
    pub fn refused_fields(&self, cause: &str, members: &[(&str, &str)]) {
        let expected: Vec<[String; 3]> = members
            .iter()
            .map(|(member, text)| ["InvalidRequest", member, text].map(str::to_owned))
            .collect();
        assert_eq!(self.refused_with(400, cause), expected);
    }

    /// Asserts the exact answer to a capture from a Visa with the text "Shipped". `sums` are what
    /// was captured, can be captured, was refunded and can be refunded. Answers the `transactionId`.
    #[track_caller]
    pub fn captured(&self, order: &str, amount: i64, at: &str, sums: [i64; 4]) -> String {
        let [captured, to_capture, refunded, to_refund] = sums;
        let pattern = format!(
            concat!(
                r#"{{"paymentInstrument":"Visa","orderId":"{}","transactionInfo":{{"amount":{},"#,
                r#""timeStamp":"{}","transactionText":"Shipped","status":"Captured","#,
                r#""transactionId":"{{id}}"}},"transactionSummary":{{"capturedAmount":{},"#,
                r#""remainingAmountToCapture":{},"refundedAmount":{},"#,
                r#""remainingAmountToRefund":{}}}}}"#,
            ),
            order, amount, at, captured, to_capture, refunded, to_refund
        );
        self.ok_exactly(&pattern).remove(0)
    }

    /// Asserts the exact body and the cause.
    #[track_caller]
    pub fn answered(&self, status: u16, body: &str, cause: &str) {
        assert_eq!(
            (self.status, self.body.as_str(), self.cause()),
            (status, body, cause),
            "{:?}",
            self.why
        );
    }
}
