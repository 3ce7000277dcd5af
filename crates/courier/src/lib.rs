//! All calls the platform makes to its merchants.
//!
//! This crate judges the URLs that merchants give ([`url`]), decides which addresses may be
//! reached ([`address`]), makes one attempt at a call ([`send`]) and sees to it that every owed
//! call is attempted at most once ([`worker`]). It does not decide that a call is owed, nor what
//! it says, nor does its result change a payment: it gets a complete
//! [`OutgoingCall`](sandkasse_store::OutgoingCall) and reports a
//! [`CallOutcome`](sandkasse_store::CallOutcome). It explains nothing in sentences either; faults
//! carry facts, the catalogue has the words.
//!
//! Begin with [`worker::CourierHandle`], which is what the engine holds.

pub mod address;
pub mod resolver;
mod scheme;
pub mod send;
pub mod url;
pub mod worker;

#[cfg(test)]
mod testing;

pub use resolver::{Resolver, SystemResolver, TableResolver};
pub use send::{Attempts, Courier, CourierConfig};
pub use url::{
    Host, Scheme, SyntaxRule, Target, UrlFault, is_dangerous_scheme, judge_fall_back, judge_prefix,
    judge_return, wire_place,
};
pub use worker::{Clock, CourierHandle, Limits, kind as failure_kind};
