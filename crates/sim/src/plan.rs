//! What is simulated: everything that a seed does not choose.

use std::collections::BTreeSet;

use clap::ValueEnum;

use crate::breakage::Breakage;

/// Where the platform keeps its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keeping {
    /// In memory, with requests in flight together.
    Memory,
    /// In a file of SQLite, one request at a time.
    Sqlite,
}

/// One run under one seed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Drives everything.
    pub seed: u64,
    /// How many steps; each is one operation or a burst of a few.
    pub steps: u32,
    /// Where data is kept.
    pub store: Keeping,
    /// How many nodes share it.
    pub nodes: usize,
    /// What is broken on purpose.
    pub breakage: Option<Breakage>,
    /// Only these steps are done, if it is said.
    pub only: Option<BTreeSet<u32>>,
    /// Hears each line of the log at once.
    pub listener: Option<fn(&str)>,
}

impl Plan {
    /// So many steps under a seed, in memory, on one node.
    pub fn new(seed: u64, steps: u32) -> Plan {
        Plan {
            seed,
            steps,
            store: Keeping::Memory,
            nodes: 1,
            breakage: None,
            only: None,
            listener: None,
        }
    }

    /// The command that runs it again.
    pub fn command(&self) -> String {
        let mut command = format!(
            "cargo xtask sim --seed {} --seed-steps {}",
            self.seed, self.steps
        );
        if self.store == Keeping::Sqlite {
            command += " --store sqlite";
        }
        command += &format!(" --nodes {}", self.nodes);
        if let Some(breakage) = self.breakage {
            command += &format!(" --break {}", breakage.name());
        }
        if let Some(only) = &self.only {
            let steps: Vec<String> = only.iter().map(u32::to_string).collect();
            command += &format!(" --only {}", steps.join(","));
        }
        command
    }
}

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Finding {
    /// At which step; the number of steps for what was found at the end.
    pub step: u32,
    /// What was expected, and what was.
    pub what: String,
    /// The last steps in words.
    pub last: Vec<String>,
}
