//! Hostile requests: a grammar that makes them, and an eye for what comes back.
//!
//! Two users: the program `sandkasse-hostile`, which makes a million requests from the [`Grammar`] (RELIABILITY S-1), and
//! the fuzz targets under `fuzz/`, whose bodies are in [`targets`] (S-2), so that an ordinary test replays what they
//! found. Both let a [`House`] answer, a platform in memory with a shop in it, and hand what comes back to the [`eye`].
//! Nothing here knows what the right answer to a request is; it knows what no answer may be.

#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

mod dice;
pub mod eye;
mod grammar;
mod house;
mod official;
mod run;
mod seeds;
pub mod sequence;
pub mod targets;
mod text;

pub use grammar::Grammar;
pub use house::House;
pub use official::read as read_official;
pub use run::{CHAPTER, Report, Run, Sabotage, run};
pub use seeds::{Seed, ours};
