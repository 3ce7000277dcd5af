//! What several processes on one store have in common: the port's part for *nodes*.
//!
//! No node is special. Each tells from time to time that it lives ([`Nodes::beat`]) and hears what
//! the others did; what must be done by one of them only is claimed for a while
//! ([`Nodes::claim`]). None of this guards a payment: two nodes that believe the same thing meet at
//! the version of its record. A node that is thought dead and lives may lose claims, never money.
//!
//! Moments here are of the store's own clock, because the clocks of two machines differ; whatever
//! business depends on is still an argument.

use async_trait::async_trait;
use sandkasse_domain::{Environment, Msn, Timestamp};

use crate::port::{Generation, StoreError};

/// How often the installation was reset.
pub type Epoch = u64;

/// What a node hears when it tells that it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// The directory's generation now; who has seen less reads on.
    pub generation: Generation,
    /// Another one than before: another node forgot everything, so forget what is in memory.
    pub epoch: Epoch,
    /// All nodes that live, this one too.
    pub living: Vec<Heard>,
}

/// A node that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Made anew with every start of a process.
    pub id: String,
    /// Which generation of the directory it works with.
    pub seen: Generation,
}

/// A call that counts in a window of a fixed length which begins with its first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Half of a SHA-256 digest of what is counted.
    pub key: [u8; 16],
    /// When the call came, on the clock that the window is measured by.
    pub now: Timestamp,
    /// How long the window lasts, in milliseconds.
    pub length_ms: i64,
    /// Calls beyond so many are not counted.
    pub most: u32,
    /// How long from now, in milliseconds of real time, the window may be needed.
    pub kept_ms: i64,
}

/// The window that a call came into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it began.
    pub opened_at: Timestamp,
    /// How many calls it counts, this one too if it was counted.
    pub calls: u32,
    /// Whether this one was: there were fewer than [`Hit::most`] before it.
    pub counted: bool,
}

/// A call in the journal that nodes share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Unique among all nodes, and greater for later calls.
    pub number: u64,
    /// When it came, in real time.
    pub at: Timestamp,
    /// In which world.
    pub environment: Environment,
    /// For which sales unit, if it was known.
    pub msn: Option<Msn>,
    /// What was noted. Holds no secret.
    pub body: Vec<u8>,
}

/// What several processes on one store have in common. See the module.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// The id of this node.
    fn id(&self) -> &str;

    /// A number from 0 to 15 that no other living node has, for numbers that must not meet.
    fn slot(&self) -> u8;

    /// Tells that this node lives and works with this generation of the directory. A node that was
    /// not heard for [`DEAD_AFTER_MS`] is dead.
    async fn beat(&self, seen: Generation) -> Result<Beat, StoreError>;

    /// Returns when another node did something that a [`beat`](Nodes::beat) would tell, where the
    /// store can say so at once. May never return; may return for nothing.
    async fn woken(&self);

    /// Claims a task for so long, in milliseconds. `false` while a living node has it. Who has it
    /// may claim it again, for longer.
    async fn claim(&self, task: &str, for_ms: u64) -> Result<bool, StoreError>;

    /// Gives a task back, if this node has it.
    async fn release(&self, task: &str) -> Result<(), StoreError>;

    /// Counts calls, each exactly once however many nodes count, in the order given. Need not be
    /// durable: what a crash of the store's machine forgets begins again at nothing.
    async fn count(&self, hits: Vec<Hit>) -> Result<Vec<Window>, StoreError>;

    /// Adds to the shared journal. Need not be durable.
    async fn note(&self, calls: Vec<Noted>) -> Result<(), StoreError>;

    /// Calls that *other* nodes noted, the first noted first, behind the place `after`; with the
    /// place to go on. `None` begins `limit` calls before the newest, own ones of earlier processes
    /// included. A call may be told twice.
    async fn noted(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<Noted>, u64), StoreError>;

    /// Forgets calls of the shared journal beyond the newest `keep`, and those before `before`.
    async fn prune_noted(&self, keep: u64, before: Timestamp) -> Result<(), StoreError>;
}

/// A node that was not heard for so long, in milliseconds, is dead.
pub const DEAD_AFTER_MS: u64 = 5_000;
