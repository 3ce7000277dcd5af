//! Access tokens that nobody should accept: each is refused with the platform's exact bytes, and
//! for its own reason.

mod forged;
mod many;
mod stage;
mod text;
