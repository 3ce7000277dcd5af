//! The ordered checks every call passes before its dialect is heard.
//!
//! The order is contract (reference: platform.md §4.2), and it can be read in one place: the
//! methods of [`Gate`] stand in it, and every API calls them in it. Each check leaves a line in
//! the [`Trace`]. What a failed check answers on the wire is not decided here: the APIs map a
//! [`GateCause`] to their own bytes.

mod cause;
mod checks;
pub mod link;
mod near;
mod rate;
pub mod token;
mod trace;

pub use cause::{GateCause, TokenFault};
pub use checks::{Caller, Gate};
pub use rate::{Limit, RateWindows};
pub use trace::{Line, Step, Trace};
