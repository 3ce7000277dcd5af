//! What no answer may be, whatever was asked.

use std::fmt;
use std::time::Duration;

use sandkasse_api::{Exchange, Request, Why, find};
use sandkasse_domain::Environment;
use sandkasse_inspect::Explanation;
use sandkasse_testkit::Got;

/// Statuses of 500 and above that are documented: the cause, the status, the rule.
///
/// The causes that begin with `json` are the FAQ's "JSON does not validate", which "should have been 400".
pub const DOCUMENTED: [(&str, u16, &str); 7] = [
    ("json.syntax", 500, "FAQ-64"),
    ("json.depth", 500, "README ruling 14"),
    ("json.type", 500, "README ruling 3"),
    ("json.type.msn", 500, "FAQ-65"),
    ("json.type.amount", 500, "FAQ-66"),
    ("json.member_case", 500, "FAQ-67"),
    ("route.not_built", 501, "platform.md §4.3"),
];

/// No answer takes longer.
pub const LONGEST: Duration = Duration::from_secs(1);

/// No refusal is longer, whatever was sent.
const MOST_BYTES_OF_A_REFUSAL: usize = 64 * 1024;

/// What only a program says of itself. (Our own texts have none of these, and what a caller sent is not held against us.)
const SIGNS: [&str; 18] = [
    "panicked",
    "backtrace",
    ".rs:",
    "/src/",
    "thread '",
    "unwrap()",
    "Option::",
    "Result::",
    "core::",
    "std::",
    "tokio",
    "serde",
    "sandkasse_",
    "at line ",
    "invalid type:",
    "missing field",
    "Utf8Error",
    "(os error",
];

/// What an answer was, for counting: the status, and the cause or nothing.
pub type Seen = (u16, &'static str);

/// What no answer may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub what: What,
    /// The answer, or what was said of it.
    pub detail: String,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The program panicked.
    Panic,
    /// It took longer than [`LONGEST`], twice.
    Slow,
    /// The platform calls itself broken where nobody documents it.
    Status,
    /// It has no documented format.
    Format,
    /// It tells of the program's inside.
    Leak,
    /// It is long out of all proportion.
    Long,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.what, self.detail)
    }
}

/// Looks at an answer, and at its explanation.
///
/// # Errors
///
/// The first thing that is wrong.
///
/// # Panics
///
/// When the answer has no documented format: the caller says that it is [`What::Format`].
pub fn look(
    environment: Environment,
    request: &Request,
    exchange: Exchange,
    explanation: Option<&Explanation>,
) -> Result<Seen, Finding> {
    let found = |what, detail: String| Err(Finding { what, detail });
    let answer = &exchange.answer;
    let status = answer.status.as_u16();
    let cause = exchange.why.as_ref().map_or("", |why| why.id(environment));
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    if status >= 500
        && !DOCUMENTED
            .iter()
            .any(|row| (row.0, row.1) == (cause, status))
    {
        return found(
            What::Status,
            format!("{status} {cause:?} {:?}: {body}", exchange.why),
        );
    }
    let route = find(environment, &request.method, &request.path);
    let is_success = route.is_ok_and(|route| route.success() == status);
    if is_success != exchange.why.is_none() || matches!(exchange.why, Some(Why::Fault(_))) {
        return found(What::Status, format!("{status} but {:?}", exchange.why));
    }
    let headers = answer.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        format!("{name}: {value}")
    });
    let headers: Vec<String> = headers.collect();
    for text in headers.iter().chain([&body]) {
        if let Some(sign) = sign_in(text, request) {
            return found(What::Leak, format!("{sign:?} in {text}"));
        }
    }
    if !is_success && body.len() > MOST_BYTES_OF_A_REFUSAL {
        return found(What::Long, format!("{} bytes of a refusal", body.len()));
    }
    if explanation.is_some_and(|told| told.cause != cause || told.means.is_empty()) {
        return found(What::Format, format!("explained as {:?}", explanation));
    }
    Got::of(environment, exchange).format();
    Ok((status, cause))
}

/// A sign in `text` that the caller did not put there.
fn sign_in(text: &str, request: &Request) -> Option<&'static str> {
    SIGNS
        .into_iter()
        .filter(|sign| text.contains(sign))
        .find(|sign| !was_sent(sign.as_bytes(), request))
}

fn was_sent(sign: &[u8], request: &Request) -> bool {
    let has = |bytes: &[u8]| bytes.windows(sign.len()).any(|window| window == sign);
    let in_headers = || request.headers.values().any(|value| has(value.as_bytes()));
    // What stands escaped in a path or a body may come back plain.
    has(&request.body)
        || has(request.path.as_bytes())
        || request.path.contains('%')
        || request.body.contains(&b'\\')
        || in_headers()
}

#[cfg(test)]
mod tests {
    use sandkasse_api::Answer;

    use super::*;
    use crate::House;

    async fn refused() -> (Request, Exchange) {
        let house = House::new().await;
        let mut request = Request {
            method: http::Method::GET,
            path: "/ecomm/v2/payments/nobody/details".to_owned(),
            headers: house.right().clone(),
            body: bytes::Bytes::new(),
        };
        let test = Environment::Test;
        let (exchange, _) = house.answer(test, &mut request, false).await;
        (request, exchange)
    }

    /// RELIABILITY S-1: what the eye must not miss, each planted in a right answer.
    #[tokio::test]
    async fn s_1_the_eye_sees_what_no_answer_may_be() {
        let (request, right) = refused().await;
        let look = |exchange| look(Environment::Test, &request, exchange, None);
        assert_eq!(look(right.clone()), Ok((404, "order.unknown")));

        let json = "application/json;charset=UTF-8";
        let trace = "thread 'main' panicked at crates/api/src/lib.rs:1:1";
        let mut leaks = right.clone();
        leaks.answer = leaks.answer.with(http::header::SERVER, trace);
        let mut broken = right.clone();
        broken.answer = Answer::new(500, json, right.answer.body.clone());
        let mut long = right.clone();
        long.answer = Answer::new(404, json, vec![b' '; MOST_BYTES_OF_A_REFUSAL + 1]);
        let mut succeeds = right.clone();
        succeeds.answer = Answer::new(200, json, "{}");
        for (exchange, what) in [
            (leaks, What::Leak),
            (broken, What::Status),
            (long, What::Long),
            (succeeds, What::Status),
        ] {
            assert_eq!(look(exchange).unwrap_err().what, what);
        }
    }

    /// A success of another kind is none: every operation has one status.
    #[tokio::test]
    async fn s_1_the_eye_knows_the_success_of_each_operation() {
        let house = House::new().await;
        let asked = |method: &str, path: &str, body: &str| Request {
            method: http::Method::from_bytes(method.as_bytes()).expect("a method"),
            path: path.to_owned(),
            headers: house.right().clone(),
            body: bytes::Bytes::copy_from_slice(body.as_bytes()),
        };
        let hook =
            r#"{"url":"https://example.com/hook","events":["epayments.payment.created.v1"]}"#;
        for (mut request, right) in [
            (asked("POST", "/webhooks/v1/webhooks", hook), 201),
            (asked("GET", "/webhooks/v1/webhooks", ""), 200),
        ] {
            let test = Environment::Test;
            let (exchange, _) = house.answer(test, &mut request, false).await;
            assert_eq!(
                look(test, &request, exchange.clone(), None),
                Ok((right, ""))
            );
            for status in (200..=206).chain([302]).filter(|it| *it != right) {
                let mut other = exchange.clone();
                other.answer.status = http::StatusCode::from_u16(status).expect("a status");
                let seen = look(test, &request, other, None);
                assert_eq!(seen.unwrap_err().what, What::Status, "{status}");
            }
        }
    }

    #[tokio::test]
    #[should_panic = "no documented format"]
    async fn s_1_the_eye_knows_the_formats() {
        let (request, mut exchange) = refused().await;
        exchange.answer = Answer::new(404, "text/html", "<h1>Not found</h1>");
        let seen = look(Environment::Test, &request, exchange, None);
        assert_eq!(seen, Ok((404, "order.unknown")), "it panics before");
    }

    #[test]
    fn what_the_caller_sent_is_no_leak() {
        let mut request = Request {
            method: http::Method::GET,
            path: "/main.rs:1".to_owned(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
        };
        assert_eq!(sign_in("Invalid MSN: main.rs:1", &request), None);
        request.path = "/".to_owned();
        assert_eq!(sign_in("Invalid MSN: main.rs:1", &request), Some(".rs:"));
    }
}
