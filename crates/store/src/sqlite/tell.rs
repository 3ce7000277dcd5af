//! Everything in the file as rows, read on a thread of its own.
//!
//! All of it is read in one transaction, so it is of one moment: the one at which it was asked for.
//! As long as it is being read the write-ahead log cannot begin anew, and grows.

use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, Params, Row as Found, params};
use tokio::sync::mpsc::{self, Sender};

use super::error::failed;
use super::place::Place;
use super::rows::{self, Col};
use crate::port::{CallState, Kind, Partition, Row, Rows, Seal, StoreError, StoredEvent, StreamId};

/// Begins to tell, over a connection that only reads.
pub(super) fn rows(connection: Connection, of: Option<Partition>) -> Result<Rows, StoreError> {
    connection
        .execute_batch("BEGIN; SELECT generation FROM installation")
        .map_err(failed)?;
    let (sender, sent) = mpsc::channel(Rows::AHEAD);
    let tell = move || {
        let teller = Teller {
            connection: &connection,
            sender: &sender,
        };
        if let Err(Stopped::Failed(error)) = teller.all(of.as_ref()) {
            // Whoever reads no more is told no more.
            sender.blocking_send(Err(failed(error))).ok();
        }
    };
    std::thread::Builder::new()
        .name("store-rows".to_owned())
        .spawn(tell)
        .map_err(|error| StoreError(format!("cannot start a reader: {error}")))?;
    Ok(Rows::new(sent))
}

/// Why nothing more is told.
enum Stopped {
    Failed(rusqlite::Error),
    NobodyListens,
}

impl From<rusqlite::Error> for Stopped {
    fn from(error: rusqlite::Error) -> Stopped {
        Stopped::Failed(error)
    }
}

struct Teller<'c> {
    connection: &'c Connection,
    sender: &'c Sender<Result<Row, StoreError>>,
}

impl Teller<'_> {
    fn all(&self, of: Option<&Partition>) -> Result<(), Stopped> {
        match of {
            Some(Partition { environment, msn }) => {
                let unit = params![Col(*environment), msn.as_str()];
                self.records("WHERE environment = ?1 AND msn = ?2", unit)?;
                self.replies("WHERE environment = ?1 AND msn = ?2", unit)?;
                self.calls("WHERE environment = ?1 AND msn = ?2", unit)
            }
            None => {
                self.directory()?;
                let told = self.records("", params![])?;
                self.lost_events(told)?;
                self.replies("", params![])?;
                self.calls("", params![])?;
                self.audit()?;
                self.heads()
            }
        }
    }

    fn directory(&self) -> Result<(), Stopped> {
        let sql = "SELECT environment, kind, key, body, seal FROM directory
                   WHERE body IS NOT NULL ORDER BY environment, kind, key";
        self.each(sql, params![], "directory", [0, 1, 2], |row| {
            Ok(Row::Directory {
                entry: rows::directory_entry(row)?,
                seal: seal(row, 4)?,
            })
        })
    }

    /// Answers how many events were told.
    fn records(&self, of: &str, values: &[&dyn rusqlite::ToSql]) -> Result<u64, Stopped> {
        let sql = format!(
            "SELECT environment, msn, kind, name, version, body, deadline, seal, number FROM records {of}
             ORDER BY number"
        );
        let mut events = self.connection.prepare(
            "SELECT place, at, body, seal FROM events WHERE place >= ?1 << 31 AND place < (?1 + 1) << 31 ORDER BY place",
        )?;
        let mut records = self.connection.prepare(&sql)?;
        let mut records = records.query(values)?;
        let mut told = 0;
        while let Some(row) = records.next()? {
            let (partition, stream) = match record(row) {
                Ok(record) => {
                    let Row::Record {
                        partition, stream, ..
                    } = &record
                    else {
                        unreachable!("`record` makes nothing else");
                    };
                    let of = (partition.clone(), stream.clone());
                    self.send(record)?;
                    of
                }
                Err(why) => {
                    self.broken("records", row, &[8, 0, 1, 2, 3], &why)?;
                    continue;
                }
            };
            let number: i64 = row.get(8)?;
            let mut of = events.query([number])?;
            while let Some(row) = of.next()? {
                told += 1;
                match event(row, &partition, &stream) {
                    Ok(event) => self.send(event)?,
                    Err(why) => {
                        let why = format!("{why}, of {}", stream.name);
                        self.send(Row::Broken {
                            table: "events".to_owned(),
                            key: format!(
                                "{} {} {} {}",
                                partition.environment,
                                partition.msn,
                                stream.name,
                                place(row)
                            ),
                            why,
                        })?;
                    }
                }
            }
        }
        Ok(told)
    }

    /// Events of no record. Most databases have none, which counting them tells soonest.
    fn lost_events(&self, told: u64) -> Result<(), Stopped> {
        let count = "SELECT count(*) FROM events";
        let all: u64 = self.connection.query_row(count, [], |row| row.get(0))?;
        if all == told {
            return Ok(());
        }
        let mut lost = self.connection.prepare(
            "SELECT place FROM events
             WHERE NOT EXISTS (SELECT 1 FROM records WHERE records.number = events.place >> 31)",
        )?;
        let mut lost = lost.query([])?;
        while let Some(row) = lost.next()? {
            let record = row.get::<_, Place>(0).map(|place| place.record);
            let record = record.map_or_else(|_| "none".to_owned(), |number| number.to_string());
            self.send(Row::Broken {
                table: "events".to_owned(),
                key: format!("record {record} {}", place(row)),
                why: "the record that it happened to is not there".to_owned(),
            })?;
        }
        Ok(())
    }

    fn replies(&self, of: &str, values: impl Params) -> Result<(), Stopped> {
        let sql = format!(
            "SELECT environment, msn, scope, key, fingerprint, status, body, seal FROM replies {of} ORDER BY rowid"
        );
        self.each(&sql, values, "replies", [0, 1, 2, 3], |row| {
            Ok(Row::Reply {
                partition: rows::partition(row, 0)?,
                reply: rows::reply(row, 2)?,
                seal: seal(row, 7)?,
            })
        })
    }

    fn calls(&self, of: &str, values: impl Params) -> Result<(), Stopped> {
        let sql = format!(
            "SELECT id, purpose, about, method, url, authorization, body, timeout_ms, owed_at, environment, msn,
                    state, begun_at, outcome, seal, begun_seal, ended_seal FROM calls {of} ORDER BY number"
        );
        self.each(&sql, values, "calls", [9, 10, 2, 0], |row| {
            let record = rows::call(row)?;
            let begun = !matches!(record.state, CallState::Owed);
            let ended = matches!(record.state, CallState::Done { .. });
            let has = |column| Ok::<_, rusqlite::Error>(row.get_ref(column)? != ValueRef::Null);
            if (has(12)?, has(13)?) != (begun, ended) {
                let why = "when it was begun, how it ended and its state do not go together";
                return Err(FromSqlError::Other(why.into()).into());
            }
            Ok(Row::Call {
                record,
                seal: seal(row, 14)?,
                begun: seal(row, 15)?,
                ended: seal(row, 16)?,
            })
        })
    }

    fn audit(&self) -> Result<(), Stopped> {
        let sql = "SELECT number, previous, body, hash FROM audit ORDER BY number";
        self.each(sql, params![], "audit", [0], |row| {
            rows::audit_line(row).map(Row::Audit)
        })
    }

    fn heads(&self) -> Result<(), Stopped> {
        let sql = "SELECT name, value, seal FROM heads ORDER BY name";
        self.each(sql, params![], "heads", [0], |row| {
            Ok(Row::Head {
                name: row.get(0)?,
                value: row.get(1)?,
                seal: Seal(row.get(2)?),
            })
        })
    }

    /// Tells each row; those that cannot be read as broken, with the columns `key` as they are.
    fn each<const N: usize>(
        &self,
        sql: &str,
        values: impl Params,
        table: &str,
        key: [usize; N],
        read: impl Fn(&Found<'_>) -> rusqlite::Result<Row>,
    ) -> Result<(), Stopped> {
        let mut statement = self.connection.prepare(sql)?;
        let mut found = statement.query(values)?;
        while let Some(row) = found.next()? {
            match read(row) {
                Ok(row) => self.send(row)?,
                Err(why) => self.broken(table, row, &key, &why)?,
            }
        }
        Ok(())
    }

    fn broken(
        &self,
        table: &str,
        row: &Found<'_>,
        columns: &[usize],
        why: &rusqlite::Error,
    ) -> Result<(), Stopped> {
        self.send(Row::Broken {
            table: table.to_owned(),
            key: key(row, columns),
            why: why.to_string(),
        })
    }

    fn send(&self, row: Row) -> Result<(), Stopped> {
        self.sender
            .blocking_send(Ok(row))
            .map_err(|_| Stopped::NobodyListens)
    }
}

fn record(row: &Found<'_>) -> rusqlite::Result<Row> {
    Ok(Row::Record {
        partition: rows::partition(row, 0)?,
        stream: StreamId {
            kind: row.get::<_, Col<Kind>>(2)?.0,
            name: row.get(3)?,
        },
        record: rows::record(row, 4)?,
        seal: seal(row, 7)?,
    })
}

fn event(row: &Found<'_>, partition: &Partition, stream: &StreamId) -> rusqlite::Result<Row> {
    let Place {
        version, position, ..
    } = row.get(0)?;
    Ok(Row::Event {
        partition: partition.clone(),
        stream: stream.clone(),
        version,
        position,
        event: StoredEvent {
            at: row.get::<_, Col<sandkasse_domain::Timestamp>>(1)?.0,
            body: row.get(2)?,
        },
        seal: seal(row, 3)?,
    })
}

/// Of an event among those of its record, for people.
fn place(row: &Found<'_>) -> String {
    match row.get::<_, Place>(0) {
        Ok(place) => format!("{} {}", place.version, place.position),
        Err(_) => key(row, &[0]),
    }
}

fn seal(row: &Found<'_>, column: usize) -> rusqlite::Result<Option<Seal>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(Seal))
}

/// Columns as they are, for people.
fn key(row: &Found<'_>, columns: &[usize]) -> String {
    use rusqlite::types::ValueRef::{Blob, Integer, Null, Real, Text};
    let name = |column: &usize| row.as_ref().column_name(*column).unwrap_or_default();
    let shown = columns.iter().map(|column| match row.get_ref(*column) {
        Ok(Integer(0)) if name(column) == "environment" => "test".to_owned(),
        Ok(Integer(1)) if name(column) == "environment" => "production".to_owned(),
        Ok(Text(text)) => String::from_utf8_lossy(text).into_owned(),
        Ok(Integer(number)) => number.to_string(),
        Ok(Null) => "nothing".to_owned(),
        Ok(Real(number)) => number.to_string(),
        Ok(Blob(bytes)) => format!("{} bytes", bytes.len()),
        Err(_) => "?".to_owned(),
    });
    shown.collect::<Vec<_>>().join(" ")
}
