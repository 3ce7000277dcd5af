//! Rules that can be broken on purpose, to see that it is found. What breaks them stands around the
//! platform, in the store and in the way to it; nothing in the platform knows of it.

use clap::ValueEnum;

/// A rule of the platform that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Breakage {
    /// The answer to a capture or refund is not saved with its effect.
    ForgetsReplies,
    /// A commit that saw an old version is made all the same.
    IgnoresVersions,
    /// A commit is acknowledged before it is durable.
    AcknowledgesEarly,
    /// Calls that were begun before a crash are sent again.
    DeliversTwice,
    /// Calls that a commit owes are not kept.
    LosesCalls,
    /// Each capture is counted one øre too low.
    CapturesOneLess,
    /// Refunds are not counted.
    ForgetsRefunds,
    /// Deadlines are not kept.
    ForgetsDeadlines,
    /// One call more than the limit passes.
    OneCallMore,
    /// Tokens live for ever.
    TokensLiveOn,
}

impl Breakage {
    /// As the command line calls it.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}
