//! How the types of the port look in columns.
//!
//! Moments are integer milliseconds, enums their names, except the environment, which begins every
//! key and is therefore one small number.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use sandkasse_domain::{Environment, Msn, Timestamp};

use crate::port::{
    AuditLine, CallRecord, CallState, DirectoryEntry, Kind, OutgoingCall, Partition, Purpose,
    Record, SavedReply,
};

/// A value as it stands in a column.
pub(super) struct Col<T>(pub(super) T);

/// What stands in the column `state` of `calls`. The index over the open ones knows 0 and 1.
pub(super) mod state {
    pub(in crate::sqlite) const OWED: i64 = 0;
    pub(in crate::sqlite) const BEGUN: i64 = 1;
    pub(in crate::sqlite) const DONE: i64 = 2;
    pub(in crate::sqlite) const INTERRUPTED: i64 = 3;
}

impl ToSql for Col<Timestamp> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

impl FromSql for Col<Timestamp> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let milliseconds = value.as_i64()?;
        let at = Timestamp::from_millisecond(milliseconds)
            .map_err(|_| FromSqlError::OutOfRange(milliseconds))?;
        Ok(Col(at))
    }
}

impl ToSql for Col<Environment> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Environment::Test => 0.into(),
            Environment::Production => 1.into(),
        })
    }
}

impl FromSql for Col<Environment> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Col(Environment::Test)),
            1 => Ok(Col(Environment::Production)),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

impl FromSql for Col<Msn> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        Ok(Col(Msn::try_new(text).ok_or_else(|| unknown("MSN", text))?))
    }
}

impl FromSql for Col<Kind> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == text);
        Ok(Col(kind.ok_or_else(|| unknown("kind", text))?))
    }
}

impl FromSql for Col<Purpose> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let purpose = Purpose::ALL
            .into_iter()
            .find(|purpose| purpose.name() == text);
        Ok(Col(purpose.ok_or_else(|| unknown("purpose", text))?))
    }
}

fn unknown(what: &str, text: &str) -> FromSqlError {
    FromSqlError::Other(format!("unknown {what} in the database: {text:?}").into())
}

/// A moment or nothing.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<Col<Timestamp>>>(column)?.map(|at| at.0))
}

/// `environment, msn` from `first` on.
pub(super) fn partition(row: &Row<'_>, first: usize) -> rusqlite::Result<Partition> {
    let environment: Col<Environment> = row.get(first)?;
    let msn: Col<Msn> = row.get(first + 1)?;
    Ok(Partition {
        environment: environment.0,
        msn: msn.0,
    })
}

/// `version, body, deadline` from `first` on.
pub(super) fn record(row: &Row<'_>, first: usize) -> rusqlite::Result<Record> {
    Ok(Record {
        version: row.get(first)?,
        body: row.get(first + 1)?,
        deadline: moment(row, first + 2)?,
    })
}

/// The columns of `select_calls!`, beside the queries.
pub(super) fn call(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    let call = OutgoingCall {
        id: row.get(0)?,
        purpose: row.get::<_, Col<Purpose>>(1)?.0,
        about: row.get(2)?,
        method: row.get(3)?,
        url: row.get(4)?,
        authorization: row.get(5)?,
        body: row.get(6)?,
        timeout_ms: row.get::<_, i64>(7)?.cast_unsigned(),
        owed_at: row.get::<_, Col<Timestamp>>(8)?.0,
    };
    Ok(CallRecord {
        call,
        partition: partition(row, 9)?,
        state: call_state(row)?,
    })
}

fn call_state(row: &Row<'_>) -> rusqlite::Result<CallState> {
    let begun_at = || Ok::<_, rusqlite::Error>(row.get::<_, Col<Timestamp>>(12)?.0);
    Ok(match row.get(11)? {
        state::OWED => CallState::Owed,
        state::BEGUN => CallState::Begun { at: begun_at()? },
        state::DONE => {
            let outcome = serde_json::from_str(row.get_ref(13)?.as_str()?).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(
                    13,
                    rusqlite::types::Type::Text,
                    error.into(),
                )
            })?;
            CallState::Done {
                at: begun_at()?,
                outcome,
            }
        }
        state::INTERRUPTED => CallState::Interrupted { at: begun_at()? },
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(11, other)),
    })
}

/// `environment, kind, key, body`.
pub(super) fn directory_entry(row: &Row<'_>) -> rusqlite::Result<DirectoryEntry> {
    let environment: Col<Environment> = row.get(0)?;
    Ok(DirectoryEntry {
        environment: environment.0,
        kind: row.get(1)?,
        key: row.get(2)?,
        body: row.get(3)?,
    })
}

/// `scope, key, fingerprint, status, body` from `first` on.
pub(super) fn reply(row: &Row<'_>, first: usize) -> rusqlite::Result<SavedReply> {
    Ok(SavedReply {
        scope: row.get(first)?,
        key: row.get(first + 1)?,
        fingerprint: row.get(first + 2)?,
        status: row.get(first + 3)?,
        body: row.get(first + 4)?,
    })
}

/// `number, previous, body, hash`.
pub(super) fn audit_line(row: &Row<'_>) -> rusqlite::Result<AuditLine> {
    Ok(AuditLine {
        number: row.get(0)?,
        previous: row.get(1)?,
        body: row.get(2)?,
        hash: row.get(3)?,
    })
}
