//! Where records, events and owed calls are kept.
//!
//! Begin with [`port`]: the promises every store keeps. [`memory`] serves tests, [`sqlite`] the
//! single binary. What a store must do is written down once, as the tests of `contract`.

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod heads;
pub mod lines;
pub mod measure;
pub mod memory;
pub mod nodes;
pub mod port;
pub mod postgres;
pub mod rows;
pub mod seals;
pub mod sqlite;

pub use measure::{Connections, Counter, Distribution, Histogram, Measured};
pub use memory::MemoryStore;
pub use nodes::DEAD_AFTER_MS;
pub use port::*;
pub use postgres::PostgresStore;
pub use seals::{CommitSeals, Sealer};
pub use sqlite::SqliteStore;

use std::borrow::Cow;

/// The least name that starts with `prefix` and comes after `after`: what follows a name directly
/// is the name and a NUL.
fn first_name<'a>(prefix: &'a str, after: Option<&'a str>) -> Cow<'a, str> {
    match after {
        Some(after) if after >= prefix => Cow::Owned(format!("{after}\0")),
        Some(_) | None => Cow::Borrowed(prefix),
    }
}
