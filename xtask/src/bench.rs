//! `cargo xtask bench`: builds with optimisation, then hands over to the bench crate.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::{cargo, peers, process};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts; if none is named all but peers, growth and overload, which take long, and limits, which needs PostgreSQL.
    parts: Vec<Part>,
    /// The same as the part `peers`.
    #[arg(long)]
    peers: bool,
    /// A minute that tells whether the platform became slower: its ratios to the ceiling against those in
    /// `bench/guard.toml`.
    #[arg(long, conflicts_with_all = ["parts", "peers"])]
    guard: bool,
    /// With `--guard`: take the ratios of this run as those to be kept.
    #[arg(long, requires = "guard")]
    renew: bool,
    /// How long each measurement of throughput takes; each part has a usual time.
    #[arg(long)]
    seconds: Option<u64>,
    /// How many times throughput is measured; the results are medians.
    #[arg(long)]
    rounds: Option<usize>,
    /// How many payments are made before the start and the memory of a full platform are measured.
    #[arg(long, default_value_t = 100_000)]
    payments: u64,
    /// How many calls are refused before the memory is measured.
    #[arg(long, default_value_t = 1_000_000)]
    errors: u64,
    /// Growth stops at so many stored payments.
    #[arg(long)]
    most: Option<u64>,
    /// Growth on PostgreSQL.
    #[arg(long)]
    postgres: bool,
    /// A folder with the official OpenAPI documents, for the peers that are started with one.
    #[arg(long, value_name = "FOLDER", env = "SANDKASSE_ORACLES")]
    oracles: Option<PathBuf>,
    /// Measure this program instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// The profile of what the guard measures: optimised, and built for the simulation anyway when all tests run.
const GUARDED: &str = "sim";

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
    /// What limits per minute add to a call on PostgreSQL.
    Limits,
    /// How fast waiting webhook deliveries drain.
    Webhooks,
    /// Whether times tell secrets.
    Timing,
    /// Beside what a user would pick instead; writes `bench/peers.md` and `bench/peers.svg`.
    Peers,
    /// The same figures with ever more stored payments.
    Growth,
    /// Ten times what can be borne.
    Overload,
    /// As `--guard`.
    #[value(skip)]
    Guard,
}

impl Part {
    fn name(self) -> anyhow::Result<String> {
        if self == Part::Guard {
            return Ok("guard".to_owned());
        }
        let name = self.to_possible_value();
        Ok(name.context("every part has a name")?.get_name().to_owned())
    }

    /// Whether it is run without being asked for.
    fn is_usual(self) -> bool {
        !matches!(
            self,
            Part::Limits | Part::Peers | Part::Growth | Part::Overload | Part::Guard
        )
    }

    fn takes_program(self) -> bool {
        !matches!(self, Part::Kept | Part::Receivers | Part::Timing)
    }

    fn takes_seconds(self) -> bool {
        self.takes_rounds() || self == Part::Overload
    }

    fn takes_rounds(self) -> bool {
        matches!(
            self,
            Part::Measure | Part::Journal | Part::Pages | Part::Limits | Part::Peers | Part::Growth
        )
    }
}

pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let parts = options.parts();
    // Before the builds, which nobody wants to wait for in vain.
    let list = match parts.contains(&Part::Peers) {
        true => Some(peers::list(root, options.oracles.as_deref())?),
        false => None,
    };
    let profile = if options.guard { GUARDED } else { "release" };
    let sandkasse = match &options.binary {
        Some(binary) => std::path::absolute(binary).context("what is the binary's path?")?,
        None => cargo::build_in(root, "sandkasse", profile)?,
    };
    let bench = cargo::build_in(root, "sandkasse-bench", profile)?;
    let data = cargo::workshop(root, "bench")?;
    for part in parts {
        let mut command = Command::new(&bench);
        command.arg(part.name()?).arg("--data").arg(&data);
        if part.takes_program() {
            command.arg("--sandkasse").arg(&sandkasse);
        }
        if let Some(seconds) = options.seconds.filter(|_| part.takes_seconds()) {
            command.args(["--seconds", &seconds.to_string()]);
        }
        if let Some(rounds) = options.rounds.filter(|_| part.takes_rounds()) {
            command.args(["--rounds", &rounds.to_string()]);
        }
        match part {
            Part::Errors => {
                command.args(["--requests", &options.errors.to_string()]);
            }
            Part::Measure => {
                command.args(["--payments", &options.payments.to_string()]);
            }
            Part::Peers => {
                command
                    .args(["--payments", &options.payments.to_string()])
                    .arg("--list")
                    .arg(list.as_ref().context("peers were listed")?)
                    .arg("--to")
                    .arg(root.join("bench"));
                // Of a program that was given nobody knows what it was built from.
                if options.binary.is_none() {
                    command.args(["--commit", &commit(root)?]);
                }
            }
            Part::Growth => {
                if let Some(most) = options.most {
                    command.args(["--most", &most.to_string()]);
                }
                if options.postgres {
                    command.arg("--postgres");
                }
            }
            Part::Guard => {
                command.args(kept_ratios(root));
                if options.renew {
                    command.arg("--renew");
                }
            }
            Part::Journal
            | Part::Pages
            | Part::Overload
            | Part::Connections
            | Part::Kept
            | Part::Receivers
            | Part::Limits
            | Part::Webhooks
            | Part::Timing => {}
        }
        process::run(&mut command)?;
        println!();
    }
    Ok(())
}

/// What continuous integration runs: whether the platform became slower.
pub(crate) fn guard(root: &Path) -> anyhow::Result<()> {
    let sandkasse = cargo::build_in(root, "sandkasse", GUARDED)?;
    let bench = cargo::build_in(root, "sandkasse-bench", GUARDED)?;
    let mut command = Command::new(bench);
    command.arg(Part::Guard.name()?);
    command.arg("--data").arg(cargo::workshop(root, "bench")?);
    command.arg("--sandkasse").arg(sandkasse);
    process::run(command.args(kept_ratios(root)))
}

fn kept_ratios(root: &Path) -> [OsString; 2] {
    ["--file".into(), root.join("bench/guard.toml").into()]
}

impl Options {
    fn parts(&self) -> Vec<Part> {
        if self.guard {
            return vec![Part::Guard];
        }
        let mut parts = self.parts.clone();
        if self.peers && !parts.contains(&Part::Peers) {
            parts.push(Part::Peers);
        }
        if parts.is_empty() {
            let all = Part::value_variants().iter().copied();
            parts.extend(all.filter(|part| part.is_usual()));
        }
        parts
    }
}

/// What the checkout is at, and whether something in it is not committed.
fn commit(root: &Path) -> anyhow::Result<String> {
    let mut git = Command::new("git");
    git.current_dir(root)
        .args(["describe", "--always", "--dirty", "--abbrev=7"]);
    Ok(process::read(&mut git)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parts(line: &str) -> Result<Vec<String>, String> {
        let words = line.split_whitespace();
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let names = line.options.parts().into_iter().map(Part::name);
        names
            .collect::<anyhow::Result<_>>()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_takes_long_is_asked_for() {
        let usual = parts("bench").unwrap();
        assert_eq!(usual.len(), 9, "{usual:?}");
        assert!(!usual.contains(&"growth".to_owned()));
        assert_eq!(parts("bench --peers").unwrap(), ["peers"]);
        assert_eq!(parts("bench growth --peers").unwrap(), ["growth", "peers"]);
        assert_eq!(parts("bench --guard").unwrap(), ["guard"]);
        assert!(parts("bench --guard measure").is_err());
        assert!(parts("bench --renew").is_err());
    }
}
