//! The port between the engine and whatever keeps its data.
//!
//! All data of a sales unit lives in one [`Partition`], and one [`Commit`] touches exactly one
//! partition, so a store may spread partitions over many databases. Nothing here reads a clock:
//! every moment is an argument. Bodies are JSON text that the store does not look into.
//!
//! What every store promises:
//!
//! * [`Store::commit`] answers `Ok` only after all of the commit is durable, and then every later
//!   read sees it. Answering anything else, nothing of it is there. (Two exceptions no store can
//!   avoid. When the disk itself fails during a commit, it is known only after a restart whether
//!   that commit is there; the store then refuses all further writes. When a database is cut off
//!   for longer than it is waited for, the commit may turn out to be there later.)
//! * A [`Write`] applies only if the record still has the version the writer saw; otherwise the
//!   whole commit is refused as [`CommitError::Conflict`].
//! * A [`SavedReply`] applies only if none is saved under its scope and key; otherwise the whole
//!   commit is a conflict too. So the first answer stays, and a repeated request that looked for an
//!   answer just before the first one was saved cannot act a second time.
//! * An owed call is begun at most once, also by two workers at once and across crashes.
//! * Moments are kept to the millisecond, the precision of the platform; the rest is cut off.
//! * What several processes on one store share is in [`Nodes`]; a store of one process has none.
//! * "Oldest" and "newest" call means the order in which they were committed: the clocks of two
//!   sales units cannot be compared.

use std::fmt;

use async_trait::async_trait;
use sandkasse_domain::{Environment, Msn, Timestamp};
use serde::{Deserialize, Serialize};

use crate::measure::Measured;
pub use crate::nodes::{Beat, Epoch, Heard, Hit, Nodes, Noted, Window};
pub use crate::rows::{Row, Rows, Seal};
use crate::seals::Sealer;

/// One sales unit in one environment: the unit of atomicity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// The world it is in.
    pub environment: Environment,
    /// Its number there.
    pub msn: Msn,
}

/// What a record is about. Names inside one kind are unique within a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A payment, by its order id.
    Payment,
    /// A person's consent, by the `sub`.
    Consent,
    /// That a payment came to a person's app, by person, moment and order.
    InApp,
    /// What decisions with a sum over the whole unit write besides, so that two processes cannot
    /// make them at once.
    Sums,
    /// A webhook delivery, by what it is about, registration, and place in the order of these two.
    Delivery,
    /// What the merchant told of an order besides its payment, by payment type and order id.
    OrderInfo,
    /// A picture for orders, by the merchant's id of it.
    Image,
    /// A printed QR code, by kind and the merchant's id of it.
    QrCode,
    /// A checkout session, by its reference.
    Session,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] = [
        Kind::Payment,
        Kind::Consent,
        Kind::InApp,
        Kind::Sums,
        Kind::Delivery,
        Kind::OrderInfo,
        Kind::Image,
        Kind::QrCode,
        Kind::Session,
    ];

    /// The name under which a store keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Payment => "payment",
            Kind::Consent => "consent",
            Kind::InApp => "in_app",
            Kind::Sums => "sums",
            Kind::Delivery => "delivery",
            Kind::OrderInfo => "order_info",
            Kind::Image => "image",
            Kind::QrCode => "qr_code",
            Kind::Session => "session",
        }
    }
}

/// The name of one record and its events within a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    /// What it is about.
    pub kind: Kind,
    /// Its name; compared byte by byte.
    pub name: String,
}

/// The present state of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// 1 for the first write, then one more with each.
    pub version: u64,
    /// JSON.
    pub body: String,
    /// When the thing changes by itself, if nothing else happens before.
    pub deadline: Option<Timestamp>,
}

/// A record in the order in which records were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Greater than the numbers of all records of its kind in its partition that were made before
    /// it. Numbers mean nothing else.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// Its present state.
    pub record: Record,
}

/// Something that happened to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// When, on the sales unit's clock.
    pub at: Timestamp,
    /// JSON.
    pub body: String,
}

/// One record's part of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which record.
    pub stream: StreamId,
    /// The version the writer saw; `None` when it saw none. The new one is one higher.
    pub expected: Option<u64>,
    /// The new state, JSON.
    pub body: String,
    /// The new deadline; replaces the old one.
    pub deadline: Option<Timestamp>,
    /// What happened, appended to the record's history.
    pub events: Vec<StoredEvent>,
}

/// A saved answer, so that a repeated request gets the first answer again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedReply {
    /// Which operation on which thing: `capture/acme-1`.
    pub scope: String,
    /// The caller's idempotency key.
    pub key: String,
    /// What identifies the request's meaning; another one under the same key is a mistake.
    pub fingerprint: String,
    /// HTTP status.
    pub status: u16,
    /// The exact body.
    pub body: String,
}

/// A call the platform owes a merchant, complete: whoever sends it needs nothing else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingCall {
    /// Unique in the whole installation.
    pub id: String,
    /// What it is for.
    pub purpose: Purpose,
    /// The order or consent it is about.
    pub about: String,
    /// HTTP method.
    pub method: String,
    /// The exact URL, put together by concatenation and never normalised.
    pub url: String,
    /// The exact value of `Authorization`, if any. A secret: never logged, never listed, and sealed
    /// for [`authorization_place`].
    pub authorization: Option<String>,
    /// The exact body, JSON.
    pub body: Option<String>,
    /// How long the merchant may take, in milliseconds.
    pub timeout_ms: u64,
    /// When it was promised, on the sales unit's clock.
    pub owed_at: Timestamp,
}

/// The place for which the `Authorization` of calls about an order is sealed.
pub fn authorization_place(about: &str) -> String {
    format!("authToken/{about}")
}

/// What an outgoing call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The state of a payment changed.
    PaymentCallback,
    /// Which shipping methods are there for this address?
    ShippingDetails,
    /// A person wants to be forgotten.
    ConsentRemoval,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Purpose; 3] = [
        Purpose::PaymentCallback,
        Purpose::ShippingDetails,
        Purpose::ConsentRemoval,
    ];

    /// The name under which a store keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::PaymentCallback => "payment_callback",
            Purpose::ShippingDetails => "shipping_details",
            Purpose::ConsentRemoval => "consent_removal",
        }
    }
}

/// One outgoing call and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// For whom.
    pub partition: Partition,
    /// The call.
    pub call: OutgoingCall,
    /// What became of it.
    pub state: CallState,
}

/// What became of an outgoing call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Promised by a committed payment, not begun.
    Owed,
    /// Durably noted just before sending. Found at start-up, it means the process died meanwhile.
    Begun {
        /// Real time.
        at: Timestamp,
    },
    /// Sent, with this result.
    Done {
        /// Real time at which it was begun.
        at: Timestamp,
        /// What came of it.
        outcome: CallOutcome,
    },
    /// Begun when the process died; never repeated, because the merchant may have got it.
    Interrupted {
        /// Real time at which it was begun.
        at: Timestamp,
    },
}

/// The result of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOutcome {
    /// The merchant's status, if one came.
    pub status: Option<u16>,
    /// Why it counts as failed; `None` for any 2xx.
    pub failure: Option<CallFailure>,
    /// From the first attempt to connect to the end of the answer.
    pub duration_ms: u64,
    /// At most 64 KiB of the answer's body.
    pub answer: Option<String>,
}

/// Why an attempt counts as failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum CallFailure {
    /// The host name has no address.
    Dns { host: String, detail: String },
    /// The address policy of the sales unit forbids this target.
    Forbidden { target: String, rule: String },
    /// No connection.
    Refused { target: String, detail: String },
    /// The TLS handshake failed.
    Tls { detail: String },
    /// No complete answer in time.
    Timeout { limit_ms: u64 },
    /// A redirect; they are never followed.
    Redirect { location: Option<String> },
    /// Any other status that is not 2xx.
    Status { status: u16 },
    /// The answer was no HTTP, or the connection broke.
    Broken { detail: String },
    /// The URL cannot be called at all.
    BadUrl { detail: String },
}

/// Everything one decision changed, for one sales unit, atomically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// For whom.
    pub partition: Partition,
    /// The records, each at most once; naming one twice is refused as a [`StoreError`].
    pub writes: Vec<Write>,
    /// The answer to save.
    pub reply: Option<SavedReply>,
    /// The calls now owed. An id that is in the store already is refused as a [`StoreError`].
    pub calls: Vec<OutgoingCall>,
}

impl Commit {
    /// The mistake of writing one record twice, which could not have a single version.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let mut rest = self.writes.as_slice();
        while let Some((write, others)) = rest.split_first() {
            if others.iter().any(|other| other.stream == write.stream) {
                return Err(StoreError(format!(
                    "a commit writes {:?} twice",
                    write.stream
                )));
            }
            rest = others;
        }
        Ok(())
    }
}

/// How often the directory was changed. Every [`Store::put_directory`] makes the next generation.
pub type Generation = u64;

/// An entry of the directory: who is who. Small and read-mostly; the engine holds all of it.
#[derive(Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// `merchant`, `sales_unit`, `person`, …
    pub kind: String,
    /// In which world.
    pub environment: Environment,
    /// Unique for kind and environment.
    pub key: String,
    /// JSON; `None` deletes the entry.
    pub body: Option<String>,
}

/// A line of the audit log. What is in it, and how lines are chained, is the engine's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// 1 for the first, then one more with each; a number is used once.
    pub number: u64,
    /// The `hash` of the line before; all zeros before the first.
    pub previous: String,
    /// JSON. Holds no secret.
    pub body: String,
    /// Over all of the above.
    pub hash: String,
}

/// Secrets stay out of logs and panics.
impl fmt::Debug for OutgoingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingCall")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("about", &self.about)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Bodies hold keys.
impl fmt::Debug for DirectoryEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryEntry")
            .field("kind", &self.kind)
            .field("environment", &self.environment)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Why a commit was not made. Nothing of it is in the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// A record has another version than the writer saw, or the reply is saved already: load again
    /// and decide again.
    #[error("another writer was faster")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store failed: a full disk, a lost connection. The text is for the log, not for callers.
#[derive(Debug, Clone, thiserror::Error)]
#[error("store: {0}")]
pub struct StoreError(pub String);

/// Where the engine keeps its data. See the module for the promises.
#[async_trait]
pub trait Store: Send + Sync {
    /// The present state of a record.
    async fn load(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Option<Record>, StoreError>;

    /// All that happened to a record, oldest first.
    async fn history(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// Records of one kind whose names start with `prefix` and come after `after`, by name. Names are
    /// compared byte by byte; upper and lower case differ.
    async fn list(
        &self,
        partition: &Partition,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError>;

    /// Records of one kind, the last made first: those made before number `before`, if it is said.
    /// A record keeps the place of its first write, whatever is written later.
    async fn newest(
        &self,
        partition: &Partition,
        kind: Kind,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Numbered>, StoreError>;

    /// The saved answer to a repeated request.
    async fn reply(
        &self,
        partition: &Partition,
        scope: &str,
        key: &str,
    ) -> Result<Option<SavedReply>, StoreError>;

    /// Makes everything in `commit` durable, or nothing.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// Records of one kind of a sales unit whose deadline is at or before `until`, earliest first;
    /// those of the same moment by name. Behind the place `after`, if it is said, for pages.
    async fn due(
        &self,
        partition: &Partition,
        kind: Kind,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, StoreError>;

    /// The earliest deadline of a sales unit's records of one kind.
    async fn next_deadline(
        &self,
        partition: &Partition,
        kind: Kind,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// The earliest deadline of every sales unit that has one in this kind; asked at start-up, and
    /// when another process came or went.
    async fn next_deadlines(&self, kind: Kind) -> Result<Vec<(Partition, Timestamp)>, StoreError>;

    /// Notes durably that a call is being sent. `false` when it was begun before, or is forgotten:
    /// do not send it.
    async fn begin_call(&self, id: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Notes how a call that was begun ended. Does nothing for a call that is not being sent, for
    /// example because [`clear`](Store::clear) came in between.
    async fn finish_call(&self, id: &str, outcome: CallOutcome) -> Result<(), StoreError>;

    /// Notes a call that is sent at once, as a part of something else (shipping details): it is
    /// stored as begun at `at`.
    async fn add_begun_call(
        &self,
        partition: &Partition,
        call: OutgoingCall,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Calls that were begun by a process that is gone become [`CallState::Interrupted`]; returned
    /// are those that such processes still owed, oldest first, and this process owes them now. Asked
    /// at start-up, before anything is sent, and where there are other processes from time to time.
    async fn recover_calls(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError>;

    /// Outgoing calls of a sales unit, newest first, optionally only those about one thing.
    async fn calls(
        &self,
        partition: &Partition,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CallRecord>, StoreError>;

    /// Outgoing calls of all sales units, newest first, each with its number in the order in which
    /// they were promised; `before` such a number, for pages.
    async fn latest_calls(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, CallRecord)>, StoreError>;

    /// One outgoing call.
    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError>;

    /// Forgets finished and interrupted calls beyond the newest `keep` of them of each sales unit.
    async fn prune_calls(&self, keep: usize) -> Result<(), StoreError>;

    /// The sales units of an environment that have a record of this kind whose name starts with
    /// `prefix`, by number.
    async fn units_with(
        &self,
        environment: Environment,
        kind: Kind,
        prefix: &str,
    ) -> Result<Vec<Msn>, StoreError>;

    /// The directory, by environment, kind and key, and its generation. After a generation that the
    /// caller knows: what was changed since, entries that are gone without a body. After 0: all
    /// there is. Entries that were forgotten by [`clear`](Store::clear) are not told as gone; who
    /// asks knows of it by the [`Epoch`].
    async fn directory(
        &self,
        after: Generation,
    ) -> Result<(Vec<DirectoryEntry>, Generation), StoreError>;

    /// Changes the directory: all of the entries, or none; answers the generation it made. Of two
    /// for the same key the later wins. Refused as a conflict when one of these entries was changed
    /// after generation `seen`: look again and decide again. [`Generation::MAX`] is never refused.
    async fn put_directory(
        &self,
        entries: Vec<DirectoryEntry>,
        seen: Generation,
    ) -> Result<Generation, CommitError>;

    /// Forgets everything but the audit log, and the directory's entries of these kinds. How long it
    /// takes does not depend on how much there is. Generations go on counting.
    async fn clear(&self, kept: &[&str]) -> Result<(), StoreError>;

    /// Adds to the audit log: all of the lines, or none. A number that is in it already is a
    /// conflict: read the newest line again.
    async fn add_to_audit(&self, lines: Vec<AuditLine>) -> Result<(), CommitError>;

    /// Lines of the audit log with numbers below `before`, the highest first.
    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditLine>, StoreError>;

    /// Forgets the audit log up to and including this number.
    async fn prune_audit(&self, through: u64) -> Result<(), StoreError>;

    /// Everything in the store as of one moment, or everything of one sales unit: see [`Row`] for
    /// the order. Reading on does not hold up writers.
    async fn rows(&self, of: Option<&Partition>) -> Result<Rows, StoreError>;

    /// Puts rows that [`rows`](Store::rows) told into a store: all of them, or none. A row that is
    /// there already is a conflict. Directory entries make one generation; the numbers of records
    /// and calls are made anew, in the order of the rows.
    async fn fill(&self, rows: Vec<Row>) -> Result<(), CommitError>;

    /// Forgets all records, events, replies and calls of a sales unit and puts these rows of it in
    /// their place: all of it, or nothing. Entries of the directory among the rows replace those of
    /// the same key. A call that another sales unit has is a conflict; a row of another sales unit
    /// is a mistake. What has no seal gets one, if the store has a key.
    async fn replace(&self, unit: &Partition, rows: Vec<Row>) -> Result<(), CommitError>;

    /// From now on every row that is written gets a seal. A store without a key writes none.
    async fn seal_with(&self, sealer: Sealer) -> Result<(), StoreError> {
        drop(sealer);
        Ok(())
    }

    /// Whether the store answers at all. It must be cheap wherever asking takes a way: here nothing is ever so new.
    async fn answers(&self) -> Result<(), StoreError> {
        self.directory(Generation::MAX).await.map(drop)
    }

    /// What the store counts of itself.
    fn measured(&self) -> Measured {
        Measured::default()
    }

    /// What other processes on the same store do, where there may be others.
    fn nodes(&self) -> Option<&dyn Nodes> {
        None
    }

    /// Makes sure all is on disk and lets go of it. Later calls may fail.
    async fn close(&self);
}
