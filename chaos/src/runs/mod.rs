//! The runs, one promise each.

pub(crate) mod checker;
pub(crate) mod duplicates;
pub(crate) mod faults;
pub(crate) mod limits;
pub(crate) mod node_loss;
pub(crate) mod two_keys;
pub(crate) mod unknown;
pub(crate) mod versions;
