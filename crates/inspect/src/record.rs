//! One call as the journal keeps it: without secrets, and with why.

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use sandkasse_api::{Answer, Connection, Exchange, Request, Why};
use sandkasse_domain::{Environment, Msn, PhoneNumber, Timestamp};
use sandkasse_engine::Engine;
use sandkasse_gate::Trace;
use serde_json::Value;

use crate::secrets::{self, ShownHeaders};

/// No more of a body is kept.
const MOST_BODY: usize = 64 * 1024;
/// Names of systems and plugins have at most so many characters.
const MOST_SYSTEM: usize = 30;
/// What a record costs besides its texts, roughly.
const OVERHEAD: usize = 1024;

/// One call and its answer.
#[derive(Debug)]
pub struct Record {
    /// Its place in the order of all calls.
    pub number: u64,
    /// Real time at which the answer was ready.
    pub at: Timestamp,
    /// Where it was made.
    pub environment: Environment,
    /// HTTP method.
    pub method: Method,
    /// The path, secrets masked.
    pub path: String,
    /// The request's headers, secrets masked.
    pub headers: ShownHeaders,
    /// The request's body, secrets masked.
    pub body: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// The answer's headers, secrets masked.
    pub answer_headers: ShownHeaders,
    /// The answer's body, secrets masked.
    pub answer_body: String,
    /// Whether the answer was never sent: a fault on demand.
    pub dropped: bool,
    /// Whose keys these were (`client_id`), when they proved to fit together.
    pub client: Option<String>,
    /// The same in words.
    pub client_described: Option<String>,
    /// The sales unit acted for.
    pub unit: Option<Msn>,
    /// Why it was refused.
    pub why: Option<Why>,
    /// What each check saw.
    pub trace: Trace,
    /// Bytes in memory, roughly.
    pub size: usize,
}

/// Tells subscription keys that somebody has, or had: of both environments, since a key of the one
/// is often sent to the other.
pub(crate) fn is_key(engine: &Engine) -> impl Fn(&str) -> bool + use<> {
    let directories = Environment::ALL.map(|environment| engine.directory.of(environment));
    move |word: &str| {
        let word = word.to_ascii_lowercase();
        directories.iter().any(|directory| {
            directory.client_of_subscription_key(&word).is_some()
                || directory.client_of_retired_key(&word).is_some()
        })
    }
}

impl Record {
    pub(crate) fn of(
        engine: &Engine,
        environment: Environment,
        request: &Request,
        answer: &Answer,
        exchange: Told,
    ) -> Record {
        let is_key = is_key(engine);
        let body = |bytes: &Bytes| match bytes.get(..MOST_BODY) {
            None => secrets::body(&secrets::text(bytes), &is_key),
            Some(kept) => {
                // A secret that is cut in two is none that is recognised: it goes as a whole.
                let blank = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"+/=_-.%".contains(byte);
                let whole = kept.iter().rposition(blank).unwrap_or(0);
                let kept = kept.get(..whole).unwrap_or_default();
                secrets::body(&secrets::text(kept), &is_key)
            }
        };
        let mut record = Record {
            number: 0,
            at: engine.clock.now(),
            environment,
            method: request.method.clone(),
            path: secrets::path(&request.path, &is_key),
            headers: secrets::headers(&request.headers, &is_key),
            body: body(&request.body),
            status: answer.status.as_u16(),
            answer_headers: secrets::headers(&answer.headers, &is_key),
            answer_body: body(&answer.body),
            dropped: exchange.dropped,
            client: exchange.who.client.as_ref().map(|it| it.id().to_owned()),
            client_described: exchange.who.client.as_ref().map(|it| it.described()),
            unit: exchange.who.unit,
            why: exchange.why,
            trace: exchange
                .trace
                .map(|saw| match secrets::words(saw, &is_key) {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(masked) => Some(masked),
                }),
            size: 0,
        };
        record.size = OVERHEAD
            + record.path.len()
            + record.body.len()
            + record.answer_body.len()
            + record.headers.size()
            + record.answer_headers.size()
            + record.trace.lines().len() * 64;
        record
    }

    /// What was accepted and should be sent otherwise: the real platform takes it too, and notes it.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (name, value, _) in self.headers.iter() {
            let length = value.chars().count();
            if name.starts_with("vipps-system-") && length > MOST_SYSTEM {
                notes.push(format!(
                    "`{name}` has {length} characters; at most {MOST_SYSTEM} are documented"
                ));
            }
        }
        if let Some((sent, corrected)) = self.corrected_phone() {
            notes.push(format!(
                "`mobileNumber` {sent} was corrected to {corrected}; please send eight digits"
            ));
        }
        notes
    }

    /// The number that an initiate named, and what became of it, if that is something else.
    pub(crate) fn corrected_phone(&self) -> Option<(String, PhoneNumber)> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        let sent = match body.pointer("/customerInfo/mobileNumber")? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        let corrected = PhoneNumber::correct(&sent).ok()?;
        let is_plain =
            body.pointer("/customerInfo/mobileNumber")?.as_str() == Some(corrected.as_str());
        (!is_plain).then_some((sent, corrected))
    }

    /// A request header by name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }
}

/// What an exchange tells besides its answer.
pub(crate) struct Told {
    pub(crate) why: Option<Why>,
    pub(crate) trace: Trace,
    pub(crate) who: sandkasse_api::Who,
    pub(crate) dropped: bool,
}

impl Told {
    /// Takes an exchange apart.
    pub(crate) fn from(exchange: Exchange) -> (Answer, Told) {
        let Exchange {
            answer,
            why,
            trace,
            who,
            connection,
        } = exchange;
        let dropped = connection == Connection::Drop;
        (
            answer,
            Told {
                why,
                trace,
                who,
                dropped,
            },
        )
    }
}
