//! The ordered checks every call passes before its dialect is heard.
//!
//! The order is contract (reference: platform.md §4.2), and it can be read in one place: the
//! methods of [`Gate`] stand in it, and every API calls them in it. Each check leaves a line in
//! the [`Trace`]. What a failed check answers on the wire is not decided here: the APIs map a
//! [`GateCause`] to their own bytes.

mod acting;
mod cause;
mod checks;
pub mod link;
mod near;
mod rate;
pub mod standing;
pub mod token;
mod trace;

pub use acting::{ActingBy, Caller};
pub use cause::{GateCause, KeyMix, KeyNear, MsnIs, PartnerFault, TokenFault, Used};
pub use checks::{About, Bearer, Gate, Keyring};
pub use near::{distance, misspelt};
pub use rate::{Limit, RateWindows};
pub use standing::Standing;
pub use trace::{Line, Step, Trace};
