//! A million hostile requests, in process: builds `sandkasse-hostile` and runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use clap::Args;

use crate::oracles::Oracles;
use crate::{cargo, process};

#[derive(Args)]
pub(crate) struct Options {
    /// How many requests.
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// The same seed makes the same requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Play one chapter again, as a finding names it.
    #[arg(long)]
    chapter: Option<u64>,
    /// A folder with the official documents, whose requests are seeds as well.
    #[arg(long, value_name = "FOLDER", env = "SANDKASSE_ORACLES")]
    oracles: Option<PathBuf>,
}

/// So many requests of a run in which something is wrong on purpose.
const CONTROL: &str = "10000";

/// What continuous integration runs.
pub(crate) fn usual(root: &Path, oracles: Option<PathBuf>) -> anyhow::Result<()> {
    let options = Options {
        requests: 1_000_000,
        seed: 1,
        chapter: None,
        oracles,
    };
    run(root, &options)
}

/// Fails when an answer is none that the platform gives, and when the control does not fail.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let binary = cargo::build(root, "sandkasse-hostile", false)?;
    let mut hostile = Command::new(&binary);
    hostile.args(["--requests", &options.requests.to_string()]);
    hostile.args(["--seed", &options.seed.to_string()]);
    if let Some(chapter) = options.chapter {
        hostile.args(["--chapter", &chapter.to_string()]);
    }
    if let Some(oracles) = Oracles::find(root, options.oracles.as_deref())? {
        hostile.arg("--official").arg(oracles.folder());
    }
    process::run(&mut hostile)?;
    for sabotage in ["panic", "leak", "status", "format"] {
        let mut control = Command::new(&binary);
        control.args(["--requests", CONTROL, "--sabotage", sabotage]);
        let output = control.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let found = !output.status.success() && said.contains("findings");
        ensure!(found, "the control was not found: {sabotage}: {said}");
        eprintln!("control: {sabotage} on purpose is found");
    }
    Ok(())
}
