//! The chain of the audit log, from the oldest line on.

use sandkasse_store::AuditLine;

use crate::audit::{BEGINNING, KEPT, hash};

/// How far the chain was followed.
#[derive(Default)]
pub(super) struct Chain {
    first: Option<u64>,
    last: Option<(u64, String)>,
}

impl Chain {
    /// What is wrong with the next line. What came before the first was forgotten in time.
    pub(super) fn follow(&mut self, line: &AuditLine) -> Option<String> {
        self.first.get_or_insert(line.number);
        let last = self.last.replace((line.number, line.hash.clone()));
        if hash(&line.previous, line.number, &line.body) != line.hash {
            return Some("the hash is not that of the line".to_owned());
        }
        match last {
            Some((number, _)) if number + 1 != line.number => Some(format!(
                "lines {} to {} are missing",
                number + 1,
                line.number.saturating_sub(1)
            )),
            Some((number, hash)) if hash != line.previous => {
                Some(format!("it does not follow from line {number}"))
            }
            Some(_) => None,
            None if line.number == 1 && line.previous != BEGINNING => {
                Some("the first line follows from another".to_owned())
            }
            None => None,
        }
    }

    /// The number of the first line, if lines before it are gone that are kept.
    pub(super) fn begins_late(&self) -> Option<u64> {
        let (first, (last, _)) = (self.first?, self.last.as_ref()?);
        (first > 1 && last - first < KEPT - 1).then_some(first)
    }

    /// The newest line, as its head has it.
    pub(super) fn newest(&self) -> String {
        match &self.last {
            Some((number, hash)) => format!("{number} {hash}"),
            None => String::new(),
        }
    }
}
