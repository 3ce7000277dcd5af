//! Rows as lines of JSON, for a file or a pipe.
//!
//! The first line says what follows ([`Header`]), the last one how much it was ([`End`]), with a
//! keyed digest over all bytes before it: a file that was cut off or changed is refused. Between
//! them stands one line per row. Bodies are texts, so that they come back byte by byte.

use std::borrow::Cow;

use sandkasse_domain::{Environment, Msn, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::port::{
    AuditLine, CallRecord, CallState, DirectoryEntry, Kind, OutgoingCall, Partition, Record,
    SavedReply, StoredEvent, StreamId,
};
use crate::rows::{Row, Seal};

/// The format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// What stands in a line.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one line at a time, and nearly all are rows"
)]
pub enum Line {
    /// The first.
    Header(Header),
    /// A row.
    Row(Row),
    /// The last.
    End(End),
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// See [`FORMAT`].
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// When, in real time.
    pub at: Timestamp,
    /// Of which sales unit alone, as `test/123456`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The moment on that unit's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_clock: Option<Timestamp>,
    /// A digest that tells whether two installations have the same master key, and nothing of it.
    pub master_key: String,
}

/// How many rows there are of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the sorts of rows")]
pub struct Counts {
    pub directory: u64,
    pub records: u64,
    pub events: u64,
    pub replies: u64,
    pub calls: u64,
    pub audit: u64,
    pub heads: u64,
}

impl Counts {
    /// One more.
    pub fn add(&mut self, row: &Row) {
        let counter = match row {
            Row::Directory { .. } => &mut self.directory,
            Row::Record { .. } => &mut self.records,
            Row::Event { .. } => &mut self.events,
            Row::Reply { .. } => &mut self.replies,
            Row::Call { .. } => &mut self.calls,
            Row::Audit(_) => &mut self.audit,
            Row::Head { .. } => &mut self.heads,
            Row::Broken { .. } => return,
        };
        *counter += 1;
    }

    /// All together.
    pub fn all(&self) -> u64 {
        let Counts {
            directory,
            records,
            events,
            replies,
            calls,
            audit,
            heads,
        } = self;
        directory + records + events + replies + calls + audit + heads
    }
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// So many rows.
    pub rows: Counts,
    /// Keyed digest over all bytes before this line, hexadecimal.
    pub digest: String,
}

/// A line that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadLine(String);

impl From<serde_json::Error> for BadLine {
    fn from(error: serde_json::Error) -> BadLine {
        BadLine(error.to_string())
    }
}

/// Writes the first line.
pub fn write_header(header: &Header, to: &mut Vec<u8>) {
    write(&Written::Header(Cow::Borrowed(header)), to);
}

/// Writes the last line.
pub fn write_end(end: &End, to: &mut Vec<u8>) {
    write(&Written::End(Cow::Borrowed(end)), to);
}

/// Writes a row.
///
/// # Errors
///
/// A [`Row::Broken`] cannot be written; the text says where it is.
pub fn write_row(row: &Row, to: &mut Vec<u8>) -> Result<(), BadLine> {
    let place = |partition: &Partition| (partition.environment, partition.msn.clone());
    let written = match row {
        Row::Directory { entry, seal } => Written::Directory {
            environment: entry.environment,
            kind: Cow::Borrowed(&entry.kind),
            key: Cow::Borrowed(&entry.key),
            body: entry.body.as_deref().map(Cow::Borrowed),
            seal: Hex(*seal),
        },
        Row::Record {
            partition,
            stream,
            record,
            seal,
        } => {
            let (environment, msn) = place(partition);
            Written::Record {
                environment,
                msn,
                kind: Named(stream.kind),
                name: Cow::Borrowed(&stream.name),
                version: record.version,
                deadline: record.deadline,
                body: Cow::Borrowed(&record.body),
                seal: Hex(*seal),
            }
        }
        Row::Event {
            partition,
            stream,
            version,
            position,
            event,
            seal,
        } => {
            let (environment, msn) = place(partition);
            Written::Event {
                environment,
                msn,
                kind: Named(stream.kind),
                name: Cow::Borrowed(&stream.name),
                version: *version,
                position: *position,
                at: event.at,
                body: Cow::Borrowed(&event.body),
                seal: Hex(*seal),
            }
        }
        Row::Reply {
            partition,
            reply,
            seal,
        } => {
            let (environment, msn) = place(partition);
            Written::Reply {
                environment,
                msn,
                scope: Cow::Borrowed(&reply.scope),
                key: Cow::Borrowed(&reply.key),
                fingerprint: Cow::Borrowed(&reply.fingerprint),
                status: reply.status,
                body: Cow::Borrowed(&reply.body),
                seal: Hex(*seal),
            }
        }
        Row::Call {
            record,
            seal,
            begun,
            ended,
        } => {
            let (environment, msn) = place(&record.partition);
            Written::Call {
                environment,
                msn,
                call: Cow::Borrowed(&record.call),
                state: Cow::Borrowed(&record.state),
                seal: Hex(*seal),
                begun: Hex(*begun),
                ended: Hex(*ended),
            }
        }
        Row::Audit(line) => Written::Audit {
            number: line.number,
            previous: Cow::Borrowed(&line.previous),
            body: Cow::Borrowed(&line.body),
            hash: Cow::Borrowed(&line.hash),
        },
        Row::Head { name, value, seal } => Written::Head {
            name: Cow::Borrowed(name),
            value: Cow::Borrowed(value),
            seal: Hex(Some(*seal)),
        },
        Row::Broken { table, key, why } => {
            return Err(BadLine(format!(
                "{key} of the table {table} cannot be told: {why}"
            )));
        }
    };
    write(&written, to);
    Ok(())
}

/// Reads a line, without its end.
///
/// # Errors
///
/// When it is none of this format.
pub fn read(line: &[u8]) -> Result<Line, BadLine> {
    let row = match serde_json::from_slice(line)? {
        Written::Header(header) => return Ok(Line::Header(header.into_owned())),
        Written::End(end) => return Ok(Line::End(end.into_owned())),
        Written::Directory {
            environment,
            kind,
            key,
            body,
            seal,
        } => Row::Directory {
            entry: DirectoryEntry {
                kind: kind.into_owned(),
                environment,
                key: key.into_owned(),
                body: body.map(Cow::into_owned),
            },
            seal: seal.0,
        },
        Written::Record {
            environment,
            msn,
            kind,
            name,
            version,
            deadline,
            body,
            seal,
        } => Row::Record {
            partition: Partition { environment, msn },
            stream: stream(kind, name),
            record: Record {
                version,
                body: body.into_owned(),
                deadline,
            },
            seal: seal.0,
        },
        Written::Event {
            environment,
            msn,
            kind,
            name,
            version,
            position,
            at,
            body,
            seal,
        } => Row::Event {
            partition: Partition { environment, msn },
            stream: stream(kind, name),
            version,
            position,
            event: StoredEvent {
                at,
                body: body.into_owned(),
            },
            seal: seal.0,
        },
        Written::Reply {
            environment,
            msn,
            scope,
            key,
            fingerprint,
            status,
            body,
            seal,
        } => Row::Reply {
            partition: Partition { environment, msn },
            reply: SavedReply {
                scope: scope.into_owned(),
                key: key.into_owned(),
                fingerprint: fingerprint.into_owned(),
                status,
                body: body.into_owned(),
            },
            seal: seal.0,
        },
        Written::Call {
            environment,
            msn,
            call,
            state,
            seal,
            begun,
            ended,
        } => Row::Call {
            record: CallRecord {
                partition: Partition { environment, msn },
                call: call.into_owned(),
                state: state.into_owned(),
            },
            seal: seal.0,
            begun: begun.0,
            ended: ended.0,
        },
        Written::Audit {
            number,
            previous,
            body,
            hash,
        } => Row::Audit(AuditLine {
            number,
            previous: previous.into_owned(),
            body: body.into_owned(),
            hash: hash.into_owned(),
        }),
        Written::Head { name, value, seal } => Row::Head {
            name: name.into_owned(),
            value: value.into_owned(),
            seal: seal
                .0
                .ok_or_else(|| BadLine("a head without a seal".to_owned()))?,
        },
    };
    Ok(Line::Row(row))
}

fn stream(kind: Named, name: Cow<'_, str>) -> StreamId {
    StreamId {
        kind: kind.0,
        name: name.into_owned(),
    }
}

fn write(written: &Written<'_>, to: &mut Vec<u8>) {
    serde_json::to_writer(&mut *to, written).expect("plain structs without maps always serialise");
    to.push(b'\n');
}

/// A line as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one line at a time")]
enum Written<'a> {
    #[serde(rename = "sandkasse")]
    Header(Cow<'a, Header>),
    Directory {
        environment: Environment,
        kind: Cow<'a, str>,
        key: Cow<'a, str>,
        body: Option<Cow<'a, str>>,
        #[serde(default, skip_serializing_if = "Hex::is_none")]
        seal: Hex,
    },
    Record {
        environment: Environment,
        msn: Msn,
        kind: Named,
        name: Cow<'a, str>,
        version: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
        body: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Hex::is_none")]
        seal: Hex,
    },
    Event {
        environment: Environment,
        msn: Msn,
        kind: Named,
        name: Cow<'a, str>,
        version: u64,
        position: u32,
        at: Timestamp,
        body: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Hex::is_none")]
        seal: Hex,
    },
    Reply {
        environment: Environment,
        msn: Msn,
        scope: Cow<'a, str>,
        key: Cow<'a, str>,
        fingerprint: Cow<'a, str>,
        status: u16,
        body: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Hex::is_none")]
        seal: Hex,
    },
    Call {
        environment: Environment,
        msn: Msn,
        call: Cow<'a, OutgoingCall>,
        state: Cow<'a, CallState>,
        #[serde(default, skip_serializing_if = "Hex::is_none")]
        seal: Hex,
        #[serde(default, skip_serializing_if = "Hex::is_none")]
        begun: Hex,
        #[serde(default, skip_serializing_if = "Hex::is_none")]
        ended: Hex,
    },
    Audit {
        number: u64,
        previous: Cow<'a, str>,
        body: Cow<'a, str>,
        hash: Cow<'a, str>,
    },
    Head {
        name: Cow<'a, str>,
        value: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Hex::is_none")]
        seal: Hex,
    },
    End(Cow<'a, End>),
}

/// A kind by its name.
struct Named(Kind);

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Named, D::Error> {
        let name = String::deserialize(from)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.map(Named)
            .ok_or_else(|| D::Error::custom(format!("unknown kind {name:?}")))
    }
}

/// A seal in 32 hexadecimal digits.
#[derive(Default)]
struct Hex(Option<Seal>);

impl Hex {
    fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(Seal(bytes)) => {
                to.collect_str(&format_args!("{:032x}", u128::from_be_bytes(bytes)))
            }
            None => to.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Hex, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(Hex(None));
        };
        let number = (text.len() == 32)
            .then(|| u128::from_str_radix(&text, 16).ok())
            .flatten();
        let number = number.ok_or_else(|| D::Error::custom("a seal has 32 hexadecimal digits"))?;
        Ok(Hex(Some(Seal(number.to_be_bytes()))))
    }
}
