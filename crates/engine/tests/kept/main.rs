//! What is kept: examined, tampered with, told and taken in again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests: whatever fails is the test's failure"
)]

mod doctor;
mod moving;
mod postgres;
mod tamper;
mod town;
