//! How the types of the port look in columns.

use sandkasse_domain::{Environment, Msn, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::text::told;
use crate::port::{
    CallRecord, CallState, Kind, OutgoingCall, Partition, Purpose, Record, Seal, StoreError,
};

/// What stands in the column `state` of `calls`. The index over the open ones knows 0 and 1.
pub(super) mod state {
    pub(in crate::postgres) const OWED: i16 = 0;
    pub(in crate::postgres) const BEGUN: i16 = 1;
    pub(in crate::postgres) const DONE: i16 = 2;
    pub(in crate::postgres) const INTERRUPTED: i16 = 3;
}

/// A value of a row.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column)
        .map_err(|error| StoreError(format!("an unexpected value in the database: {error}")))
}

fn unknown(what: &str) -> StoreError {
    StoreError(format!("an unknown {what} in the database"))
}

pub(super) fn text(row: &Row, column: usize) -> Result<String, StoreError> {
    told(get(row, column)?).ok_or_else(|| unknown("way of writing a text"))
}

pub(super) fn text_or_none(row: &Row, column: usize) -> Result<Option<String>, StoreError> {
    let text: Option<String> = get(row, column)?;
    text.map(|text| told(text).ok_or_else(|| unknown("way of writing a text")))
        .transpose()
}

pub(super) fn number(row: &Row, column: usize) -> Result<u64, StoreError> {
    Ok(get::<i64>(row, column)?.cast_unsigned())
}

/// A count or a limit, as an `int8`.
pub(super) fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A number below which rows are asked for.
pub(super) fn below(before: Option<u64>) -> i64 {
    before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX))
}

pub(super) fn environment_number(environment: Environment) -> i16 {
    match environment {
        Environment::Test => 0,
        Environment::Production => 1,
    }
}

pub(super) fn environment(row: &Row, column: usize) -> Result<Environment, StoreError> {
    match get::<i16>(row, column)? {
        0 => Ok(Environment::Test),
        1 => Ok(Environment::Production),
        _ => Err(unknown("environment")),
    }
}

pub(super) fn msn(row: &Row, column: usize) -> Result<Msn, StoreError> {
    Msn::try_new(get(row, column)?).ok_or_else(|| unknown("MSN"))
}

/// `environment, msn` from `first` on.
pub(super) fn partition(row: &Row, first: usize) -> Result<Partition, StoreError> {
    Ok(Partition {
        environment: environment(row, first)?,
        msn: msn(row, first + 1)?,
    })
}

pub(super) fn kind(row: &Row, column: usize) -> Result<Kind, StoreError> {
    let name: &str = get(row, column)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    kind.ok_or_else(|| unknown("kind"))
}

pub(super) fn moment(row: &Row, column: usize) -> Result<Timestamp, StoreError> {
    at(get(row, column)?)
}

pub(super) fn moment_or_none(row: &Row, column: usize) -> Result<Option<Timestamp>, StoreError> {
    get::<Option<i64>>(row, column)?.map(at).transpose()
}

pub(super) fn at(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| unknown("moment"))
}

/// `version, body, deadline` from `first` on.
pub(super) fn record(row: &Row, first: usize) -> Result<Record, StoreError> {
    Ok(Record {
        version: number(row, first)?,
        body: text(row, first + 1)?,
        deadline: moment_or_none(row, first + 2)?,
    })
}

pub(super) fn seal(row: &Row, column: usize) -> Result<Option<Seal>, StoreError> {
    let bytes: Option<&[u8]> = get(row, column)?;
    bytes
        .map(|bytes| Ok(Seal(bytes.try_into().map_err(|_| unknown("seal"))?)))
        .transpose()
}

/// The columns that [`call`] reads, in its order.
pub(super) const CALL: &str = "id, purpose, about, method, url, header, body, timeout_ms, owed_at, environment, msn, \
                               state, begun_at, outcome, number, seal, begun_seal, ended_seal";

/// Where `number` is among the columns of [`CALL`].
pub(super) const CALL_NUMBER: usize = 14;
/// Where `begun_at` and `outcome` are.
pub(super) const CALL_BEGUN_AT: usize = 12;
/// See [`CALL_BEGUN_AT`].
pub(super) const CALL_OUTCOME: usize = 13;
/// Where the three seals are among the columns of [`CALL`].
pub(super) const CALL_SEALS: [usize; 3] = [15, 16, 17];

pub(super) fn call(row: &Row) -> Result<CallRecord, StoreError> {
    let purpose: &str = get(row, 1)?;
    let purpose = Purpose::ALL.into_iter().find(|it| it.name() == purpose);
    let call = OutgoingCall {
        id: text(row, 0)?,
        purpose: purpose.ok_or_else(|| unknown("purpose"))?,
        about: text(row, 2)?,
        method: text(row, 3)?,
        url: text(row, 4)?,
        authorization: text_or_none(row, 5)?,
        body: text_or_none(row, 6)?,
        timeout_ms: number(row, 7)?,
        owed_at: moment(row, 8)?,
    };
    Ok(CallRecord {
        call,
        partition: partition(row, 9)?,
        state: call_state(row)?,
    })
}

fn call_state(row: &Row) -> Result<CallState, StoreError> {
    Ok(match get(row, 11)? {
        state::OWED => CallState::Owed,
        state::BEGUN => CallState::Begun {
            at: moment(row, 12)?,
        },
        state::DONE => CallState::Done {
            at: moment(row, 12)?,
            outcome: serde_json::from_str(&text(row, 13)?).map_err(|error| {
                StoreError(format!("an unknown outcome in the database: {error}"))
            })?,
        },
        state::INTERRUPTED => CallState::Interrupted {
            at: moment(row, 12)?,
        },
        _ => return Err(unknown("state of a call")),
    })
}

/// What stands in the columns `state`, `begun_at` and `outcome`.
pub(super) fn call_columns(
    state: &CallState,
) -> Result<(i16, Option<i64>, Option<String>), StoreError> {
    Ok(match state {
        CallState::Owed => (state::OWED, None, None),
        CallState::Begun { at } => (state::BEGUN, Some(at.as_millisecond()), None),
        CallState::Interrupted { at } => (state::INTERRUPTED, Some(at.as_millisecond()), None),
        CallState::Done { at, outcome } => {
            let outcome =
                serde_json::to_string(outcome).map_err(|error| StoreError(error.to_string()))?;
            (state::DONE, Some(at.as_millisecond()), Some(outcome))
        }
    })
}
