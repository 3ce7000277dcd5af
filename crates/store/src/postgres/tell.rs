//! Everything in the database as rows, as of one moment.

use tokio::sync::mpsc;
use tokio_postgres::Row as Found;
use tokio_postgres::types::{ToSql, Type};

use super::connection::{Connection, SHORT};
use super::directory;
use super::pool::Pool;
use super::reads;
use super::rows::{self, CALL, CALL_BEGUN_AT, CALL_OUTCOME, CALL_SEALS, environment_number, get};
use crate::port::{CallState, Partition, Row, Rows, SavedReply, StoreError, StoredEvent, StreamId};

type Sender = mpsc::Sender<Result<Row, StoreError>>;

/// Sends everything as of one moment.
pub(super) async fn rows(pool: &Pool, of: Option<&Partition>) -> Result<Rows, StoreError> {
    let connection = pool.connect().await?;
    // The moment is that of the first statement behind this one.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";
    connection.batch(begin, SHORT).await?;
    let (sender, sent) = mpsc::channel(Rows::AHEAD);
    let of = of.cloned();
    tokio::spawn(async move {
        // `None`: nobody reads on.
        if let Err(Some(error)) = tell(&connection, of.as_ref(), &sender).await {
            sender.send(Err(error)).await.ok();
        }
    });
    Ok(Rows::new(sent))
}

async fn tell(
    connection: &Connection,
    of: Option<&Partition>,
    sender: &Sender,
) -> Result<(), Option<StoreError>> {
    let wanted = match of {
        Some(_) => "WHERE environment = $1 AND msn = $2",
        None => "",
    };
    let tables = |sql: &str| sql.replace("{wanted}", wanted).replace("{CALL}", CALL);
    let teller = Teller {
        connection,
        of,
        sender,
    };
    if of.is_none() {
        let table = ("directory", [0, 1, 2].as_slice());
        teller.stream(DIRECTORY, table, directory_row).await?;
    }
    let mut made = None;
    let record = |row: &Found| record_row(row, &mut made);
    let table = ("records", [0, 1, 2, 5, 6, 3, 4].as_slice());
    teller.stream(&tables(RECORDS), table, record).await?;
    let table = ("replies", [0, 1, 2, 3].as_slice());
    teller.stream(&tables(REPLIES), table, reply_row).await?;
    let table = ("calls", [9, 10, 2, 0].as_slice());
    teller.stream(&tables(CALLS), table, call_row).await?;
    if of.is_none() {
        let line = |row: &Found| Ok(Row::Audit(reads::audit_line(row)?));
        teller.stream(AUDIT, ("audit", &[0]), line).await?;
        teller.stream(HEADS, ("heads", &[0]), head_row).await?;
    }
    Ok(())
}

struct Teller<'t> {
    connection: &'t Connection,
    of: Option<&'t Partition>,
    sender: &'t Sender,
}

impl Teller<'_> {
    /// Sends the rows of one query as they come; those that cannot be read as broken, by the columns
    /// that tell which row of the table it is. Who reads slowly slows the database down, and nobody
    /// else.
    async fn stream(
        &self,
        sql: &str,
        (table, key): (&str, &[usize]),
        mut read: impl FnMut(&Found) -> Result<Row, StoreError>,
    ) -> Result<(), Option<StoreError>> {
        let of = self.of.filter(|_| sql.contains("$1"));
        let environment = of.map(|of| environment_number(of.environment));
        let msn = of.map(|of| of.msn.as_str());
        let both: [(&(dyn ToSql + Sync), Type); 2] =
            [(&environment, Type::INT2), (&msn, Type::TEXT)];
        let values = both.into_iter().take(if of.is_some() { 2 } else { 0 });
        let failed = |error: tokio_postgres::Error| Some(StoreError(error.to_string()));
        let found = self.connection.client().query_typed_raw(sql, values);
        let mut found = Box::pin(found.await.map_err(failed)?);
        loop {
            let next = std::future::poll_fn(|context| {
                futures_util::Stream::poll_next(found.as_mut(), context)
            });
            let Some(row) = next.await else {
                return Ok(());
            };
            let row = row.map_err(failed)?;
            let told = read(&row).unwrap_or_else(|StoreError(why)| Row::Broken {
                table: table.to_owned(),
                key: shown(&row, key),
                why,
            });
            self.sender.send(Ok(told)).await.map_err(|_| None)?;
        }
    }
}

/// Columns as they are, for people.
fn shown(row: &Found, columns: &[usize]) -> String {
    let shown = columns.iter().filter_map(|column| {
        let is_environment = row.columns().get(*column)?.name() == "environment";
        let number = |number: i64| match number {
            0 if is_environment => "test".to_owned(),
            1 if is_environment => "production".to_owned(),
            other => other.to_string(),
        };
        let small = || Some(number(row.try_get::<_, i16>(*column).ok()?.into()));
        let middle = || Some(number(row.try_get::<_, i32>(*column).ok()?.into()));
        let large = || Some(number(row.try_get(*column).ok()?));
        row.try_get::<_, String>(*column)
            .ok()
            .or_else(small)
            .or_else(middle)
            .or_else(large)
    });
    shown.collect::<Vec<_>>().join(" ")
}

const DIRECTORY: &str = "SELECT environment, kind, key, body, seal FROM sandkasse.directory
    WHERE body IS NOT NULL ORDER BY environment, kind, key";

// A record, then its events, then the record made after it.
const RECORDS: &str = "SELECT environment, msn, number, 0::int8 AS since, 0 AS position,
        kind, name, version, body, deadline, seal FROM sandkasse.records {wanted}
    UNION ALL
    SELECT environment, msn, record, version, position, NULL, NULL, version, body, at, seal
        FROM sandkasse.events {wanted}
    ORDER BY number, msn, environment, since, position";

const REPLIES: &str = "SELECT environment, msn, scope, key, fingerprint, status, body, seal
    FROM sandkasse.replies {wanted} ORDER BY environment, msn, scope, key";

const CALLS: &str = "SELECT {CALL} FROM sandkasse.calls {wanted} ORDER BY number, msn, id";

const AUDIT: &str = "SELECT number, previous, body, hash FROM sandkasse.audit ORDER BY number";

const HEADS: &str = "SELECT name, value, seal FROM sandkasse.heads ORDER BY name";

fn head_row(row: &Found) -> Result<Row, StoreError> {
    let seal = rows::seal(row, 2)?;
    Ok(Row::Head {
        name: get(row, 0)?,
        value: get(row, 1)?,
        seal: seal.ok_or_else(|| StoreError("a head without a seal".to_owned()))?,
    })
}

fn directory_row(row: &Found) -> Result<Row, StoreError> {
    Ok(Row::Directory {
        entry: directory::entry(row, 0)?,
        seal: rows::seal(row, 4)?,
    })
}

/// `made` is the record whose events follow, by its place and number.
fn record_row(
    row: &Found,
    made: &mut Option<(Partition, i64, StreamId)>,
) -> Result<Row, StoreError> {
    let partition = rows::partition(row, 0)?;
    let (number, since): (i64, i64) = (get(row, 2)?, get(row, 3)?);
    if since == 0 {
        let stream = StreamId {
            kind: rows::kind(row, 5)?,
            name: rows::text(row, 6)?,
        };
        *made = Some((partition.clone(), number, stream.clone()));
        return Ok(Row::Record {
            partition,
            stream,
            record: rows::record(row, 7)?,
            seal: rows::seal(row, 10)?,
        });
    }
    let stream = match made {
        Some((of, record, stream)) if (&*of, *record) == (&partition, number) => stream.clone(),
        Some(_) | None => {
            let text = "the record that it happened to is not there";
            return Err(StoreError(text.to_owned()));
        }
    };
    Ok(Row::Event {
        partition,
        stream,
        version: since.cast_unsigned(),
        position: get::<i32>(row, 4)?.cast_unsigned(),
        event: StoredEvent {
            at: rows::moment(row, 9)?,
            body: rows::text(row, 8)?,
        },
        seal: rows::seal(row, 10)?,
    })
}

fn reply_row(row: &Found) -> Result<Row, StoreError> {
    Ok(Row::Reply {
        partition: rows::partition(row, 0)?,
        reply: SavedReply {
            scope: rows::text(row, 2)?,
            key: rows::text(row, 3)?,
            fingerprint: rows::text(row, 4)?,
            status: reads::status(row, 5)?,
            body: rows::text(row, 6)?,
        },
        seal: rows::seal(row, 7)?,
    })
}

fn call_row(row: &Found) -> Result<Row, StoreError> {
    let record = rows::call(row)?;
    let begun = !matches!(record.state, CallState::Owed);
    let ended = matches!(record.state, CallState::Done { .. });
    let found = (
        get::<Option<i64>>(row, CALL_BEGUN_AT)?.is_some(),
        get::<Option<&str>>(row, CALL_OUTCOME)?.is_some(),
    );
    if found != (begun, ended) {
        let why = "when it was begun, how it ended and its state do not go together";
        return Err(StoreError(why.to_owned()));
    }
    let [seal, begun, ended] = CALL_SEALS;
    Ok(Row::Call {
        record,
        seal: rows::seal(row, seal)?,
        begun: rows::seal(row, begun)?,
        ended: rows::seal(row, ended)?,
    })
}
