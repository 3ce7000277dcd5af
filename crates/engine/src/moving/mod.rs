//! Everything in one store as lines, and into another one; see `sandkasse_store::lines`.
//!
//! What is moved stays sealed: keys and `authToken`s open only under the master key that sealed
//! them, so the other installation must have the same one. It is told apart by a fingerprint in the
//! first line.

mod export;
mod import;
mod unit;

pub use export::{Export, Exported};
pub use import::{Import, Taken, is_importing, read_unit};
pub use unit::snapshot_of;

use sandkasse_store::StoreError;

/// Why something cannot be moved. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NotMoved {
    /// What was sent is not what this program wrote, or only a part of it.
    #[error("{0}")]
    Damaged(String),
    /// A newer program wrote it.
    #[error(
        "it is in format {0}, and this program reads up to {known}: use the newer sandkasse",
        known = sandkasse_store::lines::FORMAT
    )]
    Newer(u32),
    /// Another master key.
    #[error(
        "it was written under another master key, and what is sealed in it would not open here: give the master key \
         of the installation that it came from (its file `master.key`) as SANDKASSE_MASTER_KEY, or put that file \
         beside this database"
    )]
    OtherKey,
    /// Something is there already.
    #[error("{0}")]
    NotEmpty(String),
    /// Too much at once.
    #[error("{0}")]
    TooMuch(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
