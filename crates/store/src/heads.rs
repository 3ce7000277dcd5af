//! What a store with a key notes about whole tables, so that a missing row shows.
//!
//! A seal says that a row is as it was written; it cannot say that a row is gone. Where nothing
//! else refers to a row (an entry of the directory, the newest line of the audit log) a *head* does:
//! a sealed row, written in the same transaction.
//!
//! * [`SINCE`]: whether every row has a seal, or some are from before there were seals.
//! * [`AUDIT`]: number and hash of the newest line.
//! * [`directory`]: how many entries of a kind there are, and the sum of their seals.

use sandkasse_domain::Environment;

use crate::rows::Seal;

/// Since when rows have seals: [`BEGINNING`] or [`LATER`].
pub const SINCE: &str = "since";
/// Every row has one.
pub const BEGINNING: &str = "the beginning";
/// Rows that were there before have none.
pub const LATER: &str = "later";
/// `NUMBER HASH` of the newest line of the audit log; empty when there is none.
pub const AUDIT: &str = "audit";
/// How the names of [`directory`] begin.
pub const DIRECTORY: &str = "directory/";

/// The name of the head over the directory's entries of one kind, of which the value is a [`Tally`].
pub fn directory(environment: Environment, kind: &str) -> String {
    format!("{DIRECTORY}{environment}/{kind}")
}

/// The kind that a head is over, by its name.
pub fn kind_of(name: &str) -> Option<&str> {
    Some(name.strip_prefix(DIRECTORY)?.split_once('/')?.1)
}

/// How many rows there are, and the sum of their seals; sums come in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    sum: u128,
}

impl Tally {
    /// One more.
    pub fn add(&mut self, seal: Seal) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(seal.0));
    }

    /// One less.
    pub fn take(&mut self, seal: Seal) {
        self.count = self.count.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(u128::from_be_bytes(seal.0));
    }

    /// As the value of a head.
    pub fn text(self) -> String {
        format!("{} {:032x}", self.count, self.sum)
    }

    /// What [`Tally::text`] wrote.
    pub fn parse(text: &str) -> Option<Tally> {
        let (count, sum) = text.split_once(' ')?;
        Some(Tally {
            count: count.parse().ok()?,
            sum: u128::from_str_radix(sum, 16).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_in_any_order_and_back() {
        let seals = [1_u8, 2, 255].map(|byte| Seal([byte; 16]));
        let mut there = Tally::default();
        seals.into_iter().for_each(|seal| there.add(seal));
        let mut back = Tally::default();
        seals.into_iter().rev().for_each(|seal| back.add(seal));
        assert_eq!(there, back);
        assert_eq!(Tally::parse(&there.text()), Some(there));
        seals.into_iter().for_each(|seal| back.take(seal));
        assert_eq!(back, Tally::default());
        assert_eq!(Tally::parse("1"), None);
    }

    #[test]
    fn a_head_knows_its_kind() {
        let name = directory(Environment::Test, "sales_unit");
        assert_eq!(name, "directory/test/sales_unit");
        assert_eq!(kind_of(&name), Some("sales_unit"));
        assert_eq!(kind_of(AUDIT), None);
    }
}
