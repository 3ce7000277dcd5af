//! `cargo xtask bench`: builds in release mode, then hands over to the bench crate.

use std::path::{Path, PathBuf};

use std::process::Command;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::{cargo, process};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts; all if none is named.
    parts: Vec<Part>,
    /// How long each measurement of throughput takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many times throughput is measured; the results are medians.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many payments are made before the start and the memory of a full platform are measured.
    #[arg(long, default_value_t = 100_000)]
    payments: u64,
    /// How many calls are refused before the memory is measured.
    #[arg(long, default_value_t = 1_000_000)]
    errors: u64,
    /// Measure this program instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// A part of the benchmark.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Throughput, first answer and memory.
    Measure,
    /// What the journal of calls costs.
    Journal,
    /// Memory after very many refused calls.
    Errors,
    /// How long pages take when very much is stored, and what open inspector pages cost.
    Pages,
    /// What slow and silent connections and very many wrong secrets cost.
    Connections,
    /// What receivers of callbacks that hang cost the others.
    Receivers,
    /// How long the doctor, moving and a reset take, and what seals cost.
    Kept,
    /// How fast waiting webhook deliveries drain.
    Webhooks,
    /// Whether times tell secrets.
    Timing,
}

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let sandkasse = match &options.binary {
        Some(binary) => std::path::absolute(binary).context("what is the binary's path?")?,
        None => cargo::build(root, "sandkasse", true)?,
    };
    let bench = cargo::build(root, "sandkasse-bench", true)?;
    let data = cargo::workshop(root, "bench")?;
    let parts = match options.parts.as_slice() {
        [] => Part::value_variants(),
        parts => parts,
    };
    for part in parts {
        let name = part.to_possible_value().context("every part has a name")?;
        let mut command = Command::new(&bench);
        command.arg(name.get_name()).arg("--data").arg(&data);
        if !matches!(part, Part::Kept | Part::Receivers | Part::Timing) {
            command.arg("--sandkasse").arg(&sandkasse);
        }
        match part {
            Part::Measure | Part::Journal | Part::Pages => {
                command
                    .args(["--seconds", &options.seconds.to_string()])
                    .args(["--rounds", &options.rounds.to_string()]);
            }
            Part::Errors => {
                command.args(["--requests", &options.errors.to_string()]);
            }
            Part::Connections | Part::Kept | Part::Receivers | Part::Webhooks | Part::Timing => {}
        }
        if *part == Part::Measure {
            command.args(["--payments", &options.payments.to_string()]);
        }
        process::run(&mut command)?;
        println!();
    }
    Ok(())
}
