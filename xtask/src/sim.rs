//! `cargo xtask sim`: builds the simulation with optimisation and assertions, then runs it.

use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::{cargo, process};

/// So many steps run with all tests.
const STEPS: u64 = 1_000_000;

#[derive(Args)]
pub(crate) struct Options {
    /// What `sandkasse-sim` understands; `cargo xtask sim -- --help` lists it.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    simulate(root, &options.arguments)
}

/// What continuous integration runs: a million steps over memory, and some over SQLite.
pub(crate) fn all(root: &Path) -> anyhow::Result<()> {
    let steps = STEPS.to_string();
    for arguments in [
        ["--steps", &steps, "--store", "memory"],
        ["--steps", "5000", "--store", "sqlite"],
    ] {
        simulate(root, &arguments.map(str::to_owned))?;
    }
    Ok(())
}

fn simulate(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let binary = cargo::build_in(root, "sandkasse-sim", "sim")?;
    process::run(Command::new(binary).args(arguments))
}
