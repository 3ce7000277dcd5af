//! Why did I get this? The journal of calls, and the explanation of each refusal.
//!
//! Every call passes [`Inspector::answer`]: the platform answers it, the journal notes it without
//! its secrets, and a refusal gets one more header, `Explain: <url>`. Bodies never change. The
//! explanation is put together when somebody reads it, from what the checks saw at the time of the
//! call; [`Reader`] says who may read what.

mod call;
mod compared;
mod durations;
mod entitled;
mod explanation;
mod journal;
mod ledger;
mod near;
mod reader;
mod record;
mod remedy;
mod secrets;
mod shared;
mod spans;
mod stored;
mod tally;
mod texts;
mod tried;

use std::{fmt, path::PathBuf, sync::Arc, time::Instant};

use aws_lc_rs::hmac;
use http::{HeaderMap, HeaderName};
use journal::Archive;
use sandkasse_api::{Answer, Connection, Exchange, Platform, Request, Unread, Who, Why};
use sandkasse_domain::{Environment, Timestamp};
use sandkasse_engine::Chance;
use sandkasse_gate::{Step as GateStep, Trace};

pub use call::{Content, HttpCall, PLACEHOLDERS, To};
pub use compared::Compared;
pub use durations::{Durations, api_of};
pub use explanation::{Answered, Checked, Explanation, PageLink, Sent};
pub use journal::{Among, Fill, Found, Journal, LONGEST, MOST_A_SECOND, MOST_OF_A_UNIT, Whose};
pub use ledger::{LedgerRow, ledger, ledger_markdown};
pub use reader::Reader;
pub use record::{Owner, Record};
pub use remedy::{Remedy, Saves, Step};
pub use secrets::fingerprint;
pub use shared::Sharing;
pub use tally::{Counted, NO_OPERATION, Pace, Series, Tally};
pub use texts::{Check, Header, ShownHeader};
pub use tried::Tried;

/// The header that says where a refusal is explained.
pub const EXPLAIN: HeaderName = HeaderName::from_static("explain");
/// The path below which explanations are read, on the same host as the API.
pub const PATH: &str = "/explain/";

/// What an installation decides about explanations.
#[derive(Clone, Default)]
pub struct InspectorConfig {
    /// Whether refusals carry the header.
    pub explain: bool,
    /// So many bytes of calls are remembered; 0 is none, and then nothing is explained.
    pub journal_bytes: usize,
    /// The portal's base URL.
    pub portal: String,
    /// Where calls are kept for longer than memory holds them, and than the process lives.
    pub on_disk: Option<OnDisk>,
    /// Where several processes work on one store: makes the addresses of explanations, the same in
    /// all of them.
    pub shared_secret: Option<String>,
}

/// A file of calls.
#[derive(Clone)]
pub struct OnDisk {
    /// The file.
    pub file: PathBuf,
    /// It grows to about so many bytes.
    pub most_bytes: u64,
    /// Makes the addresses of explanations; the same in every run, so that they stay.
    pub secret: String,
}

impl fmt::Debug for OnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())
    }
}

/// When an answer was ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Real time.
    pub(crate) at: Timestamp,
    /// How long it took, where that was measured.
    pub(crate) took_us: Option<u64>,
}

/// Which successes are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// Those that do not come too fast.
    AsWanted,
    /// This one, whatever comes.
    Always,
}

/// Watches all calls of the merchant APIs.
pub struct Inspector {
    platform: Arc<Platform>,
    /// The calls.
    pub journal: Journal,
    /// How many there were, also of those that the journal passed over.
    pub tally: Tally,
    /// How long they took, and how many there are at this moment.
    pub durations: Durations,
    config: InspectorConfig,
    /// Makes addresses that cannot be guessed. They end with the process, unless calls are on disk.
    addresses: hmac::Key,
}

impl Inspector {
    /// An empty journal.
    pub fn new(platform: Arc<Platform>, config: InspectorConfig) -> Inspector {
        // Not the platform's own chance: addresses differ also under one seed.
        let fresh = || Chance::from_entropy().bytes::<32>();
        let bytes = config.journal_bytes;
        let (journal, addresses) = match &config.on_disk {
            Some(on_disk) if bytes > 0 => {
                let engine = &platform.engine;
                let shelf = stored::Shelf(engine.clone());
                let archive = Archive::open(on_disk.file.clone(), on_disk.most_bytes, shelf);
                let journal = Journal::with_archive(bytes, archive, engine.clock.now());
                (
                    journal,
                    hmac::Key::new(hmac::HMAC_SHA256, on_disk.secret.as_bytes()),
                )
            }
            Some(_) | None => {
                let journal = match (platform.engine.store().nodes(), &config.shared_secret) {
                    (Some(nodes), Some(_)) => Journal::among_others(bytes, nodes.slot()),
                    _ => Journal::new(bytes),
                };
                let secret = config.shared_secret.as_ref().map(String::as_bytes);
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.unwrap_or(&fresh()));
                (journal, key)
            }
        };
        Inspector {
            platform,
            journal,
            tally: Tally::default(),
            durations: Durations::default(),
            config,
            addresses,
        }
    }

    /// Answers a call of a merchant, and notes it.
    pub async fn answer(
        &self,
        environment: Environment,
        request: &Request,
    ) -> (Answer, Connection) {
        let (exchange, moment) = self.timed(environment, request).await;
        spans::tell(environment, &exchange);
        let connection = exchange.connection;
        let noted = self.note_at(environment, request, exchange, moment, Keep::AsWanted);
        (noted.0, connection)
    }

    /// Answers a call that somebody makes here and wants to look at: it is written down however
    /// many come. Answers its number too, if the journal is on.
    pub async fn answer_and_keep(
        &self,
        environment: Environment,
        request: &Request,
    ) -> (Answer, Option<u64>) {
        let (exchange, moment) = self.timed(environment, request).await;
        self.note_at(environment, request, exchange, moment, Keep::Always)
    }

    async fn timed(&self, environment: Environment, request: &Request) -> (Exchange, Moment) {
        // Not the engine's clock, which has milliseconds; and nothing is decided by it.
        let began = Instant::now();
        let _in_flight = self.durations.begin(environment);
        let exchange = self.platform.answer(environment, request).await;
        let took_us = u64::try_from(began.elapsed().as_micros()).ok();
        let at = self.platform.engine.clock.now();
        (exchange, Moment { at, took_us })
    }

    /// Notes an exchange; its answer says where it is explained, if it was refused.
    pub fn note(&self, environment: Environment, request: &Request, exchange: Exchange) -> Answer {
        let moment = Moment {
            at: self.platform.engine.clock.now(),
            took_us: None,
        };
        let keep = Keep::AsWanted;
        self.note_at(environment, request, exchange, moment, keep).0
    }

    fn note_at(
        &self,
        environment: Environment,
        request: &Request,
        exchange: Exchange,
        moment: Moment,
        keep: Keep,
    ) -> (Answer, Option<u64>) {
        let counted = Counted::of(environment, &exchange);
        self.tally.count(environment, counted, moment.at);
        if let Some(took_us) = moment.took_us {
            self.durations.note(environment, counted.operation, took_us);
        }
        if !self.journal.is_on() {
            return (exchange.answer, None);
        }
        let refused = exchange.why.is_some();
        let unit = exchange.who.unit.as_ref();
        let one_of_many = matches!(exchange.why, Some(Why::Unread(it)) if it.is_of_a_crowd());
        let always = (refused && !one_of_many) || keep == Keep::Always;
        if !always && !self.journal.wants(environment, unit, moment.at) {
            return (exchange.answer, None);
        }
        let (answer, told) = record::Told::from(exchange, moment);
        let engine = &self.platform.engine;
        let record = Record::of(engine, environment, request, &answer, told);
        let number = self.journal.note(record);
        if refused && self.config.explain {
            let base = self.platform.base(environment);
            let url = format!("{base}{PATH}{}", self.address(number));
            return (answer.with(EXPLAIN, &url), Some(number));
        }
        (answer, Some(number))
    }

    /// Answers a request that was not read, or not to its end, and notes it.
    pub fn unread(&self, environment: Environment, request: &Request, unread: Unread) -> Answer {
        let mut trace = Trace::default();
        let why = Why::Unread(unread);
        trace.failed(GateStep::Route, why.id(environment));
        let exchange = Exchange {
            answer: unread.answer(),
            why: Some(why),
            trace,
            connection: Connection::Answer,
            who: Who::default(),
        };
        self.note(environment, request, exchange)
    }

    /// Whose keys a request holds, as far as they prove to fit together: those of a call, or of a
    /// token request.
    pub async fn holder_of(&self, environment: Environment, headers: &HeaderMap) -> Option<String> {
        let (gate, mut trace) = (&self.platform.gate, Trace::default());
        let key_of = gate
            .subscription_key(environment, headers, None, &mut trace)
            .ok()?;
        if let Ok(bearer) = gate.token(environment, headers, &mut trace).await {
            let keyring = gate.same_owner(bearer, &key_of, headers, None, &mut trace);
            return keyring.ok().map(|keyring| keyring.client.id().to_owned());
        }
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let right = text("client_id") == Some(key_of.id())
            && sandkasse_gate::token::same_secret(text("client_secret")?, key_of.secret());
        right.then(|| key_of.id().to_owned())
    }

    /// The address of a call: its number, and a code that cannot be guessed.
    pub fn address(&self, number: u64) -> String {
        let tag = hmac::sign(&self.addresses, &number.to_be_bytes());
        let half = tag.as_ref().first_chunk::<16>().copied();
        let code = u128::from_be_bytes(half.expect("the tag has 32 bytes"));
        format!("{number}-{code:032x}")
    }

    /// The call at an address. `None` when there is none, or it was forgotten.
    pub fn at(&self, address: &str) -> Option<Arc<Record>> {
        let (number, _) = address.split_once('-')?;
        let number: u64 = number.parse().ok()?;
        let right = self.address(number);
        sandkasse_gate::token::same_secret(address, &right)
            .then(|| self.journal.get(number))
            .flatten()
    }

    /// Explains the refusal at an address, as far as this reader may know. `None` when there is
    /// none, it was forgotten, or it is not this reader's.
    pub async fn explain(&self, address: &str, reader: &Reader) -> Option<Explanation> {
        let record = match self.at(address) {
            Some(record) => record,
            None => self.taken_in(address).await?,
        };
        if !reader.may_read(&record) {
            return None;
        }
        self.explained(&record, address, reader).await
    }

    /// The call at an address that another process may have noted just now.
    async fn taken_in(&self, address: &str) -> Option<Arc<Record>> {
        let clock = &self.platform.engine.clock;
        let (number, _) = address.split_once('-')?;
        let noted_at = journal::noted_at(number.parse().ok()?)?;
        while self.journal.is_among_others()
            && clock.now().duration_since(noted_at).abs() < shared::LATEST
        {
            clock.sleep_until(clock.now() + shared::LOOK).await;
            if let Some(record) = self.at(address) {
                return Some(record);
            }
        }
        None
    }

    /// Explains the refusal of a call.
    async fn explained(
        &self,
        record: &Arc<Record>,
        address: &str,
        reader: &Reader,
    ) -> Option<Explanation> {
        let places = (
            self.platform.base(record.environment),
            self.config.portal.as_str(),
        );
        let engine = &self.platform.engine;
        explanation::explain(engine, record, address.to_owned(), reader, places).await
    }

    /// The platform behind.
    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }
}
