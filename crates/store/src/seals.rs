//! Keyed digests over rows, so that what others change in the database shows.
//!
//! A seal covers a row's content and its place: copied to another row it fits no more. Whoever has
//! the database and not the master key cannot make one. What it does not show: a whole database, or
//! a row together with all that refers to it, put back as it was earlier.
//!
//! Seals are made on the caller's thread, before the row goes to the writer.

use std::cell::Cell;

use aws_lc_rs::hmac;
use sandkasse_domain::{Environment, Timestamp};

use crate::port::{
    CallOutcome, CallRecord, CallState, Commit, DirectoryEntry, OutgoingCall, Partition, Record,
    SavedReply, StoredEvent, StreamId,
};
use crate::rows::{Row, Seal};

/// Makes seals.
#[derive(Clone, Debug)]
pub struct Sealer(hmac::Key);

/// What a seal is about. The numbers are part of what is digested.
#[derive(Clone, Copy)]
enum Table {
    Records = 1,
    Events = 2,
    Replies = 3,
    Calls = 4,
    CallsBegun = 5,
    CallsEnded = 6,
    Directory = 7,
    Heads = 8,
}

/// The seals of all that a commit writes, in its order.
#[derive(Clone, Debug, Default)]
pub struct CommitSeals {
    /// Of each record, and of the events of that write.
    pub writes: Vec<(Seal, Vec<Seal>)>,
    /// Of the reply.
    pub reply: Option<Seal>,
    /// Of each call.
    pub calls: Vec<Seal>,
}

impl Sealer {
    /// Seals under this key.
    pub fn new(key: &[u8; 32]) -> Sealer {
        Sealer(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Of everything in a commit.
    pub fn commit(&self, commit: &Commit) -> CommitSeals {
        let partition = &commit.partition;
        let writes = commit.writes.iter().map(|write| {
            let version = write.expected.unwrap_or(0) + 1;
            let record = self.record_parts(
                partition,
                &write.stream,
                version,
                &write.body,
                write.deadline,
            );
            let of = write.events.len();
            let events = write.events.iter().enumerate().map(|(position, event)| {
                self.event(partition, &write.stream, version, position, of, event)
            });
            (record, events.collect())
        });
        CommitSeals {
            writes: writes.collect(),
            reply: commit
                .reply
                .as_ref()
                .map(|reply| self.reply(partition, reply)),
            calls: commit
                .calls
                .iter()
                .map(|call| self.call(partition, call))
                .collect(),
        }
    }

    /// Of every row that has none. Events must follow one another as they are told.
    pub fn seal_missing(&self, rows: &mut [Row]) {
        for same_write in rows.chunk_by_mut(are_of_one_write) {
            let of = same_write.len();
            for row in same_write {
                self.seal_row(row, of);
            }
        }
    }

    /// Seals a row that has no seal; an event is one of `of` of its write.
    fn seal_row(&self, row: &mut Row, of: usize) {
        match row {
            Row::Directory { entry, seal } => {
                if seal.is_none() {
                    *seal = self.entry(entry);
                }
            }
            Row::Record {
                partition,
                stream,
                record,
                seal,
            } => {
                seal.get_or_insert_with(|| self.record(partition, stream, record));
            }
            Row::Event {
                partition,
                stream,
                version,
                position,
                event,
                seal,
            } => {
                let position = *position as usize;
                seal.get_or_insert_with(|| {
                    self.event(partition, stream, *version, position, of, event)
                });
            }
            Row::Reply {
                partition,
                reply,
                seal,
            } => {
                seal.get_or_insert_with(|| self.reply(partition, reply));
            }
            Row::Call {
                record,
                seal,
                begun,
                ended,
            } => {
                let CallRecord {
                    partition,
                    call,
                    state,
                } = record;
                seal.get_or_insert_with(|| self.call(partition, call));
                if let CallState::Begun { at }
                | CallState::Interrupted { at }
                | CallState::Done { at, .. } = state
                {
                    begun.get_or_insert_with(|| self.begun(&call.id, *at));
                }
                if let CallState::Done { outcome, .. } = state {
                    ended.get_or_insert_with(|| self.ended(&call.id, outcome));
                }
            }
            Row::Audit(_) | Row::Head { .. } | Row::Broken { .. } => {}
        }
    }

    /// Of a record as it stands.
    pub fn record(&self, partition: &Partition, stream: &StreamId, record: &Record) -> Seal {
        let Record {
            version,
            body,
            deadline,
        } = record;
        self.record_parts(partition, stream, *version, body, *deadline)
    }

    fn record_parts(
        &self,
        partition: &Partition,
        stream: &StreamId,
        version: u64,
        body: &str,
        deadline: Option<Timestamp>,
    ) -> Seal {
        self.place(Table::Records, partition)
            .stream(stream)
            .number(version)
            .moment(deadline)
            .text(body)
            .seal()
    }

    /// Of an event: the one at `position` of the `of` events that came with the write that made
    /// `version`. So the others do not fit any more when one of them is gone.
    pub fn event(
        &self,
        partition: &Partition,
        stream: &StreamId,
        version: u64,
        position: usize,
        of: usize,
        event: &StoredEvent,
    ) -> Seal {
        self.place(Table::Events, partition)
            .stream(stream)
            .number(version)
            .number(position as u64)
            .number(of as u64)
            .moment(Some(event.at))
            .text(&event.body)
            .seal()
    }

    /// Of a saved answer.
    pub fn reply(&self, partition: &Partition, reply: &SavedReply) -> Seal {
        self.place(Table::Replies, partition)
            .text(&reply.scope)
            .text(&reply.key)
            .text(&reply.fingerprint)
            .number(reply.status.into())
            .text(&reply.body)
            .seal()
    }

    /// Of a call as it was promised.
    pub fn call(&self, partition: &Partition, call: &OutgoingCall) -> Seal {
        self.place(Table::Calls, partition)
            .text(&call.id)
            .text(call.purpose.name())
            .text(&call.about)
            .text(&call.method)
            .text(&call.url)
            .option(call.authorization.as_deref())
            .option(call.body.as_deref())
            .number(call.timeout_ms)
            .moment(Some(call.owed_at))
            .seal()
    }

    /// That a call was begun, and when.
    pub fn begun(&self, id: &str, at: Timestamp) -> Seal {
        self.begin(Table::CallsBegun)
            .text(id)
            .moment(Some(at))
            .seal()
    }

    /// How a call ended.
    pub fn ended(&self, id: &str, outcome: &CallOutcome) -> Seal {
        let outcome = serde_json::to_string(outcome).unwrap_or_default();
        self.begin(Table::CallsEnded).text(id).text(&outcome).seal()
    }

    /// Of an entry of the directory; `None` of one that is gone.
    pub fn entry(&self, entry: &DirectoryEntry) -> Option<Seal> {
        let body = entry.body.as_deref()?;
        let seal = self
            .begin(Table::Directory)
            .environment(entry.environment)
            .text(&entry.kind)
            .text(&entry.key)
            .text(body)
            .seal();
        Some(seal)
    }

    /// Of a [`Row::Head`](crate::Row::Head).
    pub fn head(&self, name: &str, value: &str) -> Seal {
        self.begin(Table::Heads).text(name).text(value).seal()
    }

    fn begin(&self, table: Table) -> Sealing<'_> {
        let mut bytes = BUFFER.take();
        bytes.clear();
        let sealing = Sealing {
            key: &self.0,
            bytes,
        };
        sealing.number(table as u64)
    }

    fn place(&self, table: Table, partition: &Partition) -> Sealing<'_> {
        self.begin(table)
            .environment(partition.environment)
            .text(partition.msn.as_str())
    }
}

fn are_of_one_write(a: &Row, b: &Row) -> bool {
    match (a, b) {
        (
            Row::Event {
                partition: a_of,
                stream: a_stream,
                version: a_version,
                ..
            },
            Row::Event {
                partition: b_of,
                stream: b_stream,
                version: b_version,
                ..
            },
        ) => (a_of, a_stream, a_version) == (b_of, b_stream, b_version),
        _ => false,
    }
}

thread_local! {
    /// What is digested is put together here first: one long digest is quicker than many short ones.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A seal in the making. Every part says how long it is, so that no two rows digest the same bytes.
struct Sealing<'k> {
    key: &'k hmac::Key,
    bytes: Vec<u8>,
}

impl<'k> Sealing<'k> {
    fn number(mut self, number: u64) -> Sealing<'k> {
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn text(self, text: &str) -> Sealing<'k> {
        let mut sealing = self.number(text.len() as u64);
        sealing.bytes.extend_from_slice(text.as_bytes());
        sealing
    }

    fn option(self, text: Option<&str>) -> Sealing<'k> {
        match text {
            Some(text) => self.number(1).text(text),
            None => self.number(0),
        }
    }

    fn moment(self, moment: Option<Timestamp>) -> Sealing<'k> {
        match moment {
            Some(moment) => self
                .number(1)
                .number(moment.as_millisecond().cast_unsigned()),
            None => self.number(0),
        }
    }

    fn environment(self, environment: Environment) -> Sealing<'k> {
        self.number(match environment {
            Environment::Test => 0,
            Environment::Production => 1,
        })
    }

    fn stream(self, stream: &StreamId) -> Sealing<'k> {
        self.text(stream.kind.name()).text(&stream.name)
    }

    fn seal(self) -> Seal {
        let tag = hmac::sign(self.key, &self.bytes);
        BUFFER.set(self.bytes);
        let mut seal = [0; 16];
        seal.iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        Seal(seal)
    }
}
