//! The whole platform under one seed.
//!
//! The seed drives everything: which merchant calls what with which key, who pays and who does not,
//! time, receivers of callbacks, lost and doubled requests, a store that fails, nodes that die. What
//! runs is the platform itself: API, gate, engine, courier and store. Beside it runs a [`model`],
//! written a second time from the reference, which says what each answer must be; checkers look at
//! what is stored. The same seed gives the same log.
//!
//! Begin with [`world::run`]. What is broken on purpose, to see that it is found, stands in
//! [`breakage`]; nothing in the platform knows of it.

#![expect(
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "a simulation stops at what it did not expect"
)]

pub mod breakage;
mod call;
mod cast;
mod desk;
pub mod model;
mod network;
mod node;
pub mod plan;
pub mod runs;
mod store;
pub mod trace;
pub mod world;
