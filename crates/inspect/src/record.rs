//! One call as the journal keeps it: without secrets, and with why.

use http::Method;
use sandkasse_api::{Answer, Connection, Exchange, Request, Why};
use sandkasse_domain::{Environment, Msn, PhoneNumber, Timestamp};
use sandkasse_engine::{Engine, directory::Client};
use sandkasse_gate::{Step, Trace};
use serde_json::Value;

use crate::{
    HttpCall, Moment,
    texts::{Check, Header, MOST_BODY, Texts},
};

/// Names of systems and plugins have at most so many characters.
const MOST_SYSTEM: usize = 30;
/// What a record costs besides its texts, roughly.
const OVERHEAD: usize = 512;

/// One call and its answer.
#[derive(Debug)]
pub struct Record {
    /// Names it. Greater for later calls; there may be gaps.
    pub number: u64,
    /// Its place in the order in which calls came to this process's journal, without gaps.
    pub place: u64,
    /// Real time at which the answer was ready.
    pub at: Timestamp,
    /// How long the answer took, in microseconds of real time, where that was measured.
    pub took_us: Option<u64>,
    /// Where it was made.
    pub environment: Environment,
    /// HTTP method.
    pub method: Method,
    /// HTTP status of the answer.
    pub status: u16,
    /// Whether the answer was never sent: a fault on demand.
    pub dropped: bool,
    /// Whose keys these were, when they proved to fit together.
    pub client: Option<Owner>,
    /// The sales unit acted for.
    pub unit: Option<Msn>,
    /// Why it was refused.
    pub why: Option<Why>,
    pub(crate) texts: Texts,
    /// Bytes in memory, roughly.
    pub(crate) size: usize,
}

/// Whose keys a call was made with.
#[derive(Clone, Debug)]
pub enum Owner {
    /// Somebody in the directory.
    Known(Client),
    /// Somebody of an earlier run, who is not there any more.
    Gone {
        /// Their `client_id`.
        client_id: String,
        /// In words.
        described: String,
    },
}

impl Owner {
    /// The `client_id`.
    pub fn id(&self) -> &str {
        match self {
            Owner::Known(client) => client.id(),
            Owner::Gone { client_id, .. } => client_id,
        }
    }

    /// In words: `sales unit 220001`.
    pub fn described(&self) -> String {
        match self {
            Owner::Known(client) => client.described(),
            Owner::Gone { described, .. } => described.clone(),
        }
    }
}

/// Tells subscription keys that somebody has, or had: of both environments, since a key of the one
/// is often sent to the other.
pub(crate) fn is_key(engine: &Engine) -> impl Fn(&str) -> bool + use<'_> {
    move |word: &str| {
        let word = word.to_ascii_lowercase();
        Environment::ALL.iter().any(|environment| {
            let directory = engine.directory.of(*environment);
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
        told: Told,
    ) -> Record {
        let texts = Texts::of(request, answer, &told.trace, &is_key(engine));
        Record {
            number: 0,
            place: 0,
            at: told.moment.at,
            took_us: told.moment.took_us,
            environment,
            method: request.method.clone(),
            status: answer.status.as_u16(),
            dropped: told.dropped,
            client: told.who.client.map(Owner::Known),
            unit: told.who.unit,
            why: told.why,
            size: Record::size_of(&texts),
            texts,
        }
    }

    pub(crate) fn size_of(texts: &Texts) -> usize {
        OVERHEAD + texts.size()
    }

    /// The path, secrets masked.
    pub fn path(&self) -> &str {
        self.texts.path()
    }

    /// The request's headers, secrets masked.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.texts.headers()
    }

    /// The request's body, secrets masked.
    pub fn body(&self) -> &str {
        self.texts.body()
    }

    /// The answer's headers, secrets masked.
    pub fn answer_headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.texts.answer_headers()
    }

    /// The answer's body, secrets masked.
    pub fn answer_body(&self) -> &str {
        self.texts.answer_body()
    }

    /// What each check saw, secrets masked.
    pub fn checks(&self) -> impl Iterator<Item = Check<'_>> {
        self.texts.checks()
    }

    /// What was called, if that exists: `POST /ecomm/v2/payments`.
    pub fn operation(&self) -> Option<&str> {
        let first = self.checks().next()?;
        (first.step == Step::Route && first.passed).then_some(first.saw)
    }

    /// Why it was refused, by its id in the reference.
    pub fn cause(&self) -> Option<&'static str> {
        self.why.as_ref().map(|why| why.id(self.environment))
    }

    /// Whether the request's body was too long to be kept whole.
    pub fn is_cut(&self) -> bool {
        let length = self.header("content-length");
        let length = length.and_then(|length| length.parse::<usize>().ok());
        length.is_some_and(|length| length > MOST_BODY)
    }

    /// The request as it was sent to this base URL, with placeholders for the caller's secrets.
    pub fn sent(&self, base: &str) -> HttpCall {
        HttpCall::of(self, base)
    }

    /// Whose keys these were, in words.
    pub fn client_described(&self) -> Option<String> {
        self.client.as_ref().map(Owner::described)
    }

    /// What was accepted and should be sent otherwise: the real platform takes it too, and notes it.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for Header { name, value, .. } in self.headers() {
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
        let body: Value = serde_json::from_str(self.body()).ok()?;
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
        self.headers()
            .find(|header| header.name == name)
            .map(|header| header.value)
    }
}

/// What an exchange tells besides its answer.
pub(crate) struct Told {
    pub(crate) moment: Moment,
    pub(crate) why: Option<Why>,
    pub(crate) trace: Trace,
    pub(crate) who: sandkasse_api::Who,
    pub(crate) dropped: bool,
}

impl Told {
    /// Takes an exchange apart.
    pub(crate) fn from(exchange: Exchange, moment: Moment) -> (Answer, Told) {
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
                moment,
                why,
                trace,
                who,
                dropped,
            },
        )
    }
}
