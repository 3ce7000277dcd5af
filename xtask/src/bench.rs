//! `cargo xtask bench`: builds in release mode, then hands over to the bench crate.

use std::path::{Path, PathBuf};

use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::{cargo, process};

#[derive(Args)]
pub(crate) struct Options {
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many times everything is measured; the results are medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many payments are made before the start and the memory of a full platform are measured.
    #[arg(long, default_value_t = 100_000)]
    payments: u64,
    /// Measure this program instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let sandkasse = match &options.binary {
        Some(binary) => std::path::absolute(binary).context("what is the binary's path?")?,
        None => cargo::build(root, "sandkasse", true)?,
    };
    let bench = cargo::build(root, "sandkasse-bench", true)?;
    let data = cargo::workshop(root, "bench")?;
    process::run(
        Command::new(bench)
            .arg("measure")
            .arg("--sandkasse")
            .arg(sandkasse)
            .arg("--data")
            .arg(data)
            .args(["--seconds", &options.seconds.to_string()])
            .args(["--rounds", &options.rounds.to_string()])
            .args(["--payments", &options.payments.to_string()]),
    )
}
