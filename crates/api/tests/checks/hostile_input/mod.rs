//! Bad input on every endpoint: whatever is sent, nothing panics, the platform never calls itself
//! broken, and every answer has one of the documented formats.
//!
//! What is random comes from seeds that stand in the tests, so a failure repeats. The calls go in
//! as bytes, without a socket; what a listener refuses before (sizes, headers) is not tested here.

mod bytes;
mod members;
mod paths;
mod sizes;
mod stage;
