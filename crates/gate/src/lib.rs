//! The ordered checks every call passes before its dialect is heard.
//!
//! The order is contract (reference: platform.md §4.2), and it can be read in one place: the
//! methods of [`Gate`] stand in it, and every API calls them in it. Each check leaves a line in
//! the [`Trace`]. What a failed check answers on the wire is not decided here: the APIs map a
//! [`GateCause`] to their own bytes.

mod acting;
mod cause;
mod checks;
mod closed;
pub mod link;
mod near;
mod rate;
mod sent;
pub mod standing;
pub mod token;
mod trace;

pub use acting::{ActingBy, Caller, Keyring};
pub use cause::{GateCause, KeyMix, KeyNear, MsnIs, PartnerFault, TokenFault, Used};
pub use checks::{About, Bearer, Gate};
pub use closed::Standing;
pub use near::{distance, misspelt};
pub use rate::{Limit, RateWindows};

pub use trace::{Line, Step, Trace};
