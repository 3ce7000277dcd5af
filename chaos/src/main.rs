//! What must hold when things break: several nodes on one PostgreSQL, or on three, under load. `cargo xtask chaos` builds
//! and runs it; `docs/reliability/chaos.md` says what is promised and what the last runs showed.
//!
//! [`load`] asks and remembers what it was answered ([`history`]); [`verify`] reads everything again and lets [`checker`]
//! judge. [`cluster`] builds three hosts with Patroni and breaks them, [`postgres`] is one server alone, [`cut`] a proxy
//! before it that cuts connections at commits. Each file in [`runs`] is about one promise.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod balancer;
mod checker;
mod cluster;
mod command;
mod cut;
mod folder;
mod gap;
mod history;
mod http;
mod load;
mod node;
mod postgres;
mod receiver;
mod runs;
mod shop;
mod stage;
mod verify;
mod wire;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::cluster::fault::Fault;
use crate::cluster::network::{self, Network};
use crate::folder::Folder;
use crate::runs::faults::Hosts;
use crate::stage::{Results, Stage};

/// Breaks things under load, and checks what was promised.
#[derive(Parser)]
struct Arguments {
    /// What to run; everything if nothing is named.
    parts: Vec<Part>,
    /// Only these faults of the part `faults` (may be given several times).
    #[arg(long, value_name = "NAME")]
    fault: Vec<Fault>,
    /// How long the load of a fault is, at least.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many times everything is run, each time with the next seed.
    #[arg(long, default_value_t = 1)]
    rounds: u64,
    /// What chance begins with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A small part of everything, and two faults, as continuous integration has time for.
    #[arg(long)]
    short: bool,
    /// The program to run.
    #[arg(long, value_name = "FILE")]
    sandkasse: PathBuf,
    /// An earlier build of it, for the part `versions`.
    #[arg(long, value_name = "FILE")]
    other_binary: Option<PathBuf>,
    /// A folder with Patroni and what it needs.
    #[arg(long, value_name = "FOLDER")]
    python: PathBuf,
    /// Where logs are kept.
    #[arg(long, value_name = "FOLDER")]
    logs: PathBuf,
}

/// A promise, or a few that need the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Controls of the checker itself.
    Checker,
    /// one key through two nodes.
    Duplicates,
    /// different keys on one order through two nodes.
    TwoKeys,
    /// nodes are killed behind a balancer.
    NodeLoss,
    /// limits per minute through three nodes.
    Limits,
    /// connections are cut at the commit.
    Unknown,
    /// an earlier build and this one on one database. Needs `--other-binary`.
    Versions,
    /// the leader of three PostgreSQL fails in many ways.
    Faults,
}

/// How much of each there is.
struct Size {
    seconds: u64,
    checker_seconds: u64,
    calls: u64,
    orders: u64,
    keys: u32,
    strikes: u64,
    node_loss_seconds: u64,
    versions_seconds: u64,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was as promised.
fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let parts = parts(&arguments)?;
    // Before their folders: what still runs would write there again.
    network::remove_leftovers()?;
    let folder = Folder::make()?;
    // Threads inherit where their process is, so the network comes before the runtime and its threads.
    let network = match parts.contains(&Part::Faults) {
        true => {
            let network = Network::build(&cluster::HOSTS)?;
            network.enter()?;
            Some(network)
        }
        false => None,
    };
    let mut stage = Stage {
        sandkasse: std::path::absolute(&arguments.sandkasse)?,
        python: std::path::absolute(&arguments.python)?,
        folder: folder.path().to_path_buf(),
        logs: std::path::absolute(&arguments.logs)?,
        seed: arguments.seed,
        results: Results::default(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        // Whatever was begun is dropped, and so ended and removed, on all three ways.
        tokio::select! {
            ended = play(&mut stage, &arguments, &parts, network) => ended,
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
            _ = terminate.recv() => anyhow::bail!("told to stop"),
        }
    })?;
    Ok(summary(&stage))
}

/// What is run. Without an earlier build `versions` is left out, and refused to whoever names it.
fn parts(arguments: &Arguments) -> anyhow::Result<Vec<Part>> {
    let has_earlier = arguments.other_binary.is_some();
    match arguments.parts.as_slice() {
        [] if has_earlier => Ok(Part::value_variants().to_vec()),
        [] => {
            println!("left out: versions, since there is no --other-binary");
            let all = Part::value_variants().iter().copied();
            Ok(all.filter(|part| *part != Part::Versions).collect())
        }
        parts if parts.contains(&Part::Versions) && !has_earlier => {
            anyhow::bail!(
                "the part `versions` needs an earlier build of the program: --other-binary FILE"
            )
        }
        parts => Ok(parts.to_vec()),
    }
}

async fn play(
    stage: &mut Stage,
    arguments: &Arguments,
    parts: &[Part],
    network: Option<Network>,
) -> anyhow::Result<()> {
    let size = match arguments.short {
        true => Size {
            seconds: 20,
            checker_seconds: 3,
            calls: 2_000,
            orders: 100,
            keys: 4,
            strikes: 300,
            node_loss_seconds: 8,
            versions_seconds: 10,
        },
        false => Size {
            seconds: arguments.seconds,
            checker_seconds: 6,
            calls: 50_000,
            orders: 10_000,
            keys: 100,
            strikes: 10_000,
            node_loss_seconds: 120,
            versions_seconds: 60,
        },
    };
    for round in 0..arguments.rounds {
        begin(stage, arguments, round);
        for part in parts {
            match part {
                Part::Checker => runs::checker::run(stage, size.checker_seconds).await?,
                Part::Duplicates => runs::duplicates::run(stage, size.calls).await?,
                Part::TwoKeys => runs::two_keys::run(stage, size.orders).await?,
                Part::NodeLoss => runs::node_loss::run(stage, size.node_loss_seconds, 500).await?,
                Part::Limits => runs::limits::run(stage, size.keys).await?,
                Part::Unknown => runs::unknown::run(stage, size.strikes).await?,
                Part::Versions => {
                    let earlier = arguments.other_binary.as_deref();
                    let earlier = earlier.context("no earlier build")?;
                    runs::versions::run(stage, earlier, size.versions_seconds).await?;
                }
                // Last, since its hosts would take time from the others.
                Part::Faults => {}
            }
        }
    }
    if let Some(network) = network {
        let mut hosts = Hosts::start(stage, network).await?;
        for round in 0..arguments.rounds {
            begin(stage, arguments, round);
            runs::faults::run(stage, &mut hosts, &faults(arguments), size.seconds).await?;
        }
    }
    Ok(())
}

/// Each round has a seed of its own.
fn begin(stage: &mut Stage, arguments: &Arguments, round: u64) {
    stage.seed = arguments.seed + round;
    println!(
        "round {} of {}, seed {}",
        round + 1,
        arguments.rounds,
        stage.seed
    );
}

/// Which faults, in which order.
fn faults(arguments: &Arguments) -> Vec<Fault> {
    match (arguments.fault.as_slice(), arguments.short) {
        ([], true) => vec![Fault::Postmaster, Fault::Host],
        ([], false) => Fault::value_variants().to_vec(),
        (faults, _) => faults.to_vec(),
    }
}

/// Prints how everything went. Fails also when nothing ran.
fn summary(stage: &Stage) -> bool {
    println!();
    for (name, line) in &stage.results.lines {
        match line {
            Ok(shown) => println!("passed  {name}: {shown}"),
            Err(why) => println!("FAILED  {name}: {why}"),
        }
    }
    let failed = stage.results.lines.iter().filter(|(_, line)| line.is_err());
    let (all, failed) = (stage.results.lines.len(), failed.count());
    println!("chaos: {} passed, {failed} failed", all - failed);
    failed == 0 && all > 0
}
