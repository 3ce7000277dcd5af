//! Faults on demand: each kind, by rule and by header, on each operation.
//!
//! Begin with the table in `kinds.rs`.

mod bank;
mod kinds;
mod rules;
mod stage;
mod timing;
