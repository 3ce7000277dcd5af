//! What the doctor says.

use std::fmt;

use sandkasse_domain::{Environment, Msn};
use sandkasse_store::{Partition, lines::Counts};
use serde::Serialize;

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// `records`, `events`, `replies`, `calls`, `directory`, `audit`, `heads`.
    pub table: String,
    /// In which world, where it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Of which sales unit, where it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msn: Option<Msn>,
    /// The row's own name: kind and order id, scope and key, id of the call, number.
    pub name: String,
}

impl Place {
    pub(super) fn of_unit(table: &str, partition: &Partition, name: impl Into<String>) -> Place {
        Place {
            table: table.to_owned(),
            environment: Some(partition.environment),
            msn: Some(partition.msn.clone()),
            name: name.into(),
        }
    }

    pub(super) fn elsewhere(
        table: &str,
        environment: Option<Environment>,
        name: impl Into<String>,
    ) -> Place {
        Place {
            table: table.to_owned(),
            environment,
            msn: None,
            name: name.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table)?;
        if let Some(environment) = self.environment {
            write!(f, " {environment}")?;
        }
        if let Some(msn) = &self.msn {
            write!(f, "/{msn}")?;
        }
        write!(f, " {}", self.name)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// What people see may be wrong, money and keys are not.
    Slight,
    /// Money, keys or the log of who did what may be wrong.
    Grave,
}

/// What was found. Each kind has one remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ailment {
    /// A row that cannot be read, or belongs to nothing.
    Unreadable,
    /// The seal does not fit the row.
    Seal,
    /// A row without a seal, where all have one.
    Unsealed,
    /// The record is not what its events make of it.
    Fold,
    /// Events are missing, doubled or out of order.
    Versions,
    /// An event that the rules do not allow.
    Rules,
    /// The deadline is not the payment's.
    Deadline,
    /// The name is not that of the thing.
    Name,
    /// A saved answer without its effect, or an effect without its answer.
    Reply,
    /// A call that nothing owes, or that is owed and not there.
    Call,
    /// A payment in an app that it never came to, or the other way round.
    InApp,
    /// An entry of the directory that cannot be used.
    Entry,
    /// It refers to something that is not there.
    Reference,
    /// Rows of a table are missing, or there are too many.
    Missing,
    /// The chain of the audit log is broken.
    Audit,
    /// An import was begun and not finished.
    Import,
}

impl Ailment {
    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self {
            Ailment::InApp | Ailment::Deadline => Severity::Slight,
            Ailment::Unreadable
            | Ailment::Seal
            | Ailment::Unsealed
            | Ailment::Fold
            | Ailment::Versions
            | Ailment::Rules
            | Ailment::Name
            | Ailment::Reply
            | Ailment::Call
            | Ailment::Entry
            | Ailment::Reference
            | Ailment::Missing
            | Ailment::Audit
            | Ailment::Import => Severity::Grave,
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Ailment::Import => "repeat the import with the same file, or begin with a new database",
            Ailment::Entry => {
                "give the right master key (SANDKASSE_MASTER_KEY); if it is the right one, restore a backup, or make \
                 the entry anew on the portal"
            }
            Ailment::Audit => {
                "the log was changed by hand: compare with a backup, and ask who could write to the database"
            }
            Ailment::Deadline => {
                "restore the sales unit from a snapshot; the payment itself is sound and ends when it is next asked for"
            }
            Ailment::InApp => "restore the sales unit from a snapshot; the payment itself is sound",
            Ailment::Unreadable
            | Ailment::Seal
            | Ailment::Unsealed
            | Ailment::Fold
            | Ailment::Versions
            | Ailment::Rules
            | Ailment::Name
            | Ailment::Reply
            | Ailment::Call
            | Ailment::Reference
            | Ailment::Missing => {
                "the database was changed by hand, or by a fault of disk or memory: restore a snapshot of the sales \
                 unit, or a backup, and ask who could write to the database"
            }
        }
    }
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// Of which kind.
    pub ailment: Ailment,
    /// How bad it is.
    pub severity: Severity,
    /// In words.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
}

/// What an examination showed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// So many rows were looked at.
    pub rows: Counts,
    /// So many of the records are payments.
    pub payments: u64,
    /// So many rows have a seal that was looked at.
    pub sealed: u64,
    /// So many rows have no seal, as they are from before there were any, or nobody had the key.
    pub unsealed: u64,
    /// What was found, at most [`MOST_FINDINGS`](super::MOST_FINDINGS).
    pub findings: Vec<Finding>,
    /// So many more were found.
    pub more: u64,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn found(&mut self, ailment: Ailment, place: Place, what: impl Into<String>) {
        if self.findings.len() >= super::MOST_FINDINGS {
            self.more += 1;
            return;
        }
        self.findings.push(Finding {
            place,
            ailment,
            severity: ailment.severity(),
            what: what.into(),
            remedy: ailment.remedy(),
        });
    }
}
