//! Who may read which explanation (reference: platform.md §10).

use crate::{Record, record::Owner};

/// Who asks for an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Whoever administers the installation; on one that listens on loopback alone, every local
    /// caller.
    Administrator,
    /// Whoever has proved to hold the keys of this `client_id`.
    Keys(String),
    /// Nobody known, who has the address.
    Holder,
}

impl Reader {
    /// Whether this reader may read about a call at all. A call whose keys were proved is its
    /// owner's. One that was refused before that has no owner: whoever holds its address reads
    /// what it contained, and learns of stored keys only what is theirs.
    pub fn may_read(&self, record: &Record) -> bool {
        match (self, record.client.as_ref().map(Owner::id)) {
            (Reader::Administrator, _) | (_, None) => true,
            (Reader::Keys(client), Some(owner)) => client == owner,
            (Reader::Holder, Some(_)) => false,
        }
    }
}
