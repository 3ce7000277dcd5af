//! What is noted about whole tables; see [`crate::heads`].

use rusqlite::{OptionalExtension, params};

use super::rows::Col;
use super::statements::Statements;
use crate::heads::{self, Tally};
use crate::port::{AuditLine, DirectoryEntry, Seal};
use crate::seals::Sealer;

impl Statements<'_> {
    /// Everything that is written from now on is noted. The first time, what is there already is
    /// noted as it is.
    pub(super) fn seal_with(&mut self, sealer: &Sealer) -> rusqlite::Result<usize> {
        self.sealer = Some(sealer.clone());
        let count = |table: &str| {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
            self.connection
                .query_row(&sql, [], |row| row.get::<_, bool>(0))
        };
        if count("heads")? {
            return Ok(0);
        }
        let is_new = !(count("directory")? || count("records")? || count("audit")?);
        let since = if is_new {
            heads::BEGINNING
        } else {
            heads::LATER
        };
        self.note(heads::SINCE, since)?;
        let newest = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1";
        let newest: Option<(u64, String)> = self
            .connection
            .query_row(newest, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let newest = newest.map(|(number, hash)| format!("{number} {hash}"));
        self.note(heads::AUDIT, &newest.unwrap_or_default())?;
        Ok(2)
    }

    /// The newest line of the audit log.
    pub(super) fn note_newest(&self, line: Option<&AuditLine>) -> rusqlite::Result<usize> {
        if let Some(line) = line {
            self.note(heads::AUDIT, &format!("{} {}", line.number, line.hash))?;
        }
        Ok(1)
    }

    /// An entry that takes the place of the one that is there.
    pub(super) fn note_entry(
        &self,
        entry: &DirectoryEntry,
        seal: Option<Seal>,
    ) -> rusqlite::Result<()> {
        if self.sealer.is_none() {
            return Ok(());
        }
        let name = heads::directory(entry.environment, &entry.kind);
        let known: Option<String> = self
            .connection
            .prepare_cached("SELECT value FROM heads WHERE name = ?1")?
            .query_row([&name], |row| row.get(0))
            .optional()?;
        let mut tally = known
            .and_then(|text| Tally::parse(&text))
            .unwrap_or_default();
        let before = "SELECT seal FROM directory
                      WHERE environment = ?1 AND kind = ?2 AND key = ?3 AND body IS NOT NULL AND seal IS NOT NULL";
        let before: Option<[u8; 16]> = self
            .connection
            .prepare_cached(before)?
            .query_row(
                params![Col(entry.environment), entry.kind, entry.key],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(before) = before {
            tally.take(Seal(before));
        }
        if let Some(seal) = seal {
            tally.add(seal);
        }
        self.note(&name, &tally.text())
    }

    /// Entries of other kinds than these, a JSON array, are forgotten.
    pub(super) fn clear_heads(&self, kept: &str) -> rusqlite::Result<()> {
        let kept: Vec<String> = serde_json::from_str(kept).unwrap_or_default();
        let names: Vec<String> = self
            .connection
            .prepare_cached("SELECT name FROM heads")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut forget = self
            .connection
            .prepare_cached("DELETE FROM heads WHERE name = ?1")?;
        for name in names {
            if heads::kind_of(&name).is_some_and(|kind| !kept.iter().any(|it| it == kind)) {
                forget.execute([name])?;
            }
        }
        Ok(())
    }

    fn note(&self, name: &str, value: &str) -> rusqlite::Result<()> {
        match &self.sealer {
            Some(sealer) => self.put_head(name, value, sealer.head(name, value)),
            None => Ok(()),
        }
    }
}
