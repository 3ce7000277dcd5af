//! One call as the journal keeps it: without secrets, and with why.

use bytes::Bytes;
use http::Method;
use sandkasse_api::{Answer, Connection, Exchange, Request, Why};
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_engine::Engine;
use sandkasse_gate::Trace;

use crate::secrets::{self, ShownHeaders};

/// No more of a body is kept.
const MOST_BODY: usize = 64 * 1024;
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

impl Record {
    pub(crate) fn of(
        engine: &Engine,
        environment: Environment,
        request: &Request,
        answer: &Answer,
        exchange: Told,
    ) -> Record {
        let directory = engine.directory.of(environment);
        let is_key = |word: &str| {
            directory
                .client_of_subscription_key(&word.to_ascii_lowercase())
                .is_some()
        };
        let body = |bytes: &Bytes| {
            let kept = bytes.get(..MOST_BODY).unwrap_or(bytes);
            secrets::body(&secrets::text(kept), &is_key)
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
            trace: exchange.trace,
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
