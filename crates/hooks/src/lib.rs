//! Webhook deliveries to the byte (reference: webhooks.md §6.1).
//!
//! [`sign`] says what a delivery carries, [`verify`] what is wrong with one that was received. Both
//! are pure: the moment is an argument. Neither sends anything.

mod call;
mod sign;
mod verify;

pub use call::{HookCall, Spoil};
pub use sign::{
    AUTHORIZATION, CONTENT_SHA256, DATE, Signed, content_hash, date, sign, signature,
    string_to_sign,
};
pub use verify::{Check, Received, Verdict, verify};
