//! Crashes of the platform, counted: killed processes, failing disks, cut power. `cargo xtask crash` builds and runs it.
//!
//! [`kills`] kills the process, [`syscalls`] fails its system calls one after the other, [`power`] takes images of its
//! disk as a power cut leaves them, [`backup`] copies its database while it works; [`clock`] sets the machine's clock
//! under it; [`callbacks`] drops whatever calls merchants. [`ledger`] is what all of them compare: what the shops were told, and what the
//! platform still knows. Every run begins with a control that must fail, and prints its seed and its counts.
//! `docs/reliability/crashes.md` tells what is promised, and the last figures.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod backup;
mod callbacks;
mod clock;
mod kills;
mod ledger;
mod load;
mod postgres;
mod power;
mod receiver;
mod server;
mod shop;
mod syscalls;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use rand::{RngCore as _, SeedableRng as _, rngs::StdRng};

use crate::server::Target;

/// Crashes the platform, and counts what is lost.
#[derive(Parser)]
struct Arguments {
    /// The program to crash.
    #[arg(long, value_name = "FILE", global = true, default_value = "sandkasse")]
    sandkasse: PathBuf,
    /// Where data may lie while it runs; the system's folder for temporary files if not said.
    #[arg(long, value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,
    /// What the moments are chosen by; another one each time if not said.
    #[arg(long, global = true)]
    seed: Option<u64>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Kill the process under load.
    Kills(kills::Options),
    /// Call merchants that fail in every way, while everything that calls them is dropped again and again.
    Callbacks(callbacks::Options),
    /// Make copies under load by the documented command, and start on them.
    Backup(backup::Options),
    /// Set the machine's clock under load, as far as the program can see it. Needs libfaketime.
    Clock(clock::Options),
    /// Fail every system call that writes, one after the other. Needs root.
    Syscalls(syscalls::Options),
    /// Take images of the disk under load, as a power cut leaves them. Needs root.
    Power(power::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let data = match &arguments.data {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let data = data.context("no folder for the data")?;
    let binary = std::path::absolute(&arguments.sandkasse)?;
    let target = Target::new(&binary, &data.path().join("log"));
    let seed = arguments.seed;
    let seed = seed.unwrap_or_else(|| u64::from(StdRng::from_os_rng().next_u32()));
    match &arguments.task {
        Task::Kills(options) => kills::run(options, &target, data.path(), seed),
        Task::Callbacks(options) => callbacks::run(options, data.path(), seed),
        Task::Backup(options) => backup::run(options, &target, data.path(), seed),
        Task::Clock(options) => clock::run(options, &target, data.path(), seed),
        Task::Syscalls(options) => syscalls::run(options, &target, data.path(), seed),
        Task::Power(options) => power::run(options, &target, data.path(), seed),
    }
}
