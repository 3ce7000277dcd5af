//! The project's own commands. `cargo xtask --help` lists them.
//!
//! This is tooling: nothing here is part of the platform, and no crate of the platform depends on it.
//! Begin with [`test`], which says what "all tests" are, then [`clients`] (the black-box half) and [`tidy`] (checks of
//! our own over the repository).
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod bench;
mod cargo;
mod chaos;
mod clients;
mod crash;
mod deny;
mod dist;
mod fuzz;
mod hostile;
mod mutants;
mod oracles;
mod part;
mod peers;
mod process;
mod report;
mod setup;
mod sim;
mod test;
mod tidy;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::Report;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test: unit, documentation, then real clients against the binary.
    ///
    /// Installs what the tests need first (see `setup`). A test that could not be run counts as failed; the only things
    /// that may be left out, by one line that says so, are those which need the official documents.
    Test(test::Options),
    /// What continuous integration runs: formatting, lints, then `test`.
    Ci(test::Options),
    /// Checks of our own over the repository, such as: every numbered check of the reference has a test.
    ///
    /// The same checks are an ordinary test of this crate, so `test` and `ci` run them too.
    Tidy,
    /// Install what the tests need: Python with virtual environments, Node and npm, Chromium.
    ///
    /// Installs only what is missing, from Debian's packages, with sudo when you are not root. The clients themselves
    /// are installed under the target folder when the tests run.
    Setup,
    /// Take the pictures of the README from the running program, with the Chromium of the tests.
    Pictures,
    /// Run the whole platform under seeds, against a model: `cargo xtask sim --seconds 60`.
    ///
    /// Builds it with optimisation first. A finding tells its seed and the command that shows it again.
    Sim(sim::Options),
    /// Fuzz what comes in, guided by coverage, each target for a minute.
    Fuzz(fuzz::Options),
    /// A million hostile requests, in process.
    Hostile(hostile::Options),
    /// What may be among our dependencies, by `deny.toml`.
    Deny(deny::Options),
    /// Pack the program: Debian package, container image, terms, sums, into target/dist.
    ///
    /// Builds a static program first, unless it is given one, and tries what it packed.
    Dist(dist::Options),
    /// Change the code that guards money and access, place by place, and see whether a test notices. Takes hours.
    Mutants(mutants::Options),
    /// Measure the platform and two ceilings on this machine; the results are Markdown on stdout.
    ///
    /// Builds everything in release mode first. The default takes about eight minutes after the build; `--peers`,
    /// `growth` and `overload` are run when they are named, and `--guard` takes a minute.
    Bench(bench::Options),
    /// Break things under load, and check what was promised: nodes, connections, hosts of a PostgreSQL cluster.
    ///
    /// Builds in release mode first, and needs root for network namespaces (by sudo when you are not). Everything takes
    /// about 25 minutes; `cargo xtask test` runs a short form.
    Chaos(chaos::Options),
    /// Crash the platform at very many moments, and count what is lost. Takes about a quarter of an hour after the build.
    Crash(crash::Options),
}

fn main() -> ExitCode {
    let root = repository();
    let mut report = Report::new();
    match Arguments::parse().task {
        Task::Test(options) => test::run(&mut report, &root, &options),
        Task::Ci(options) => test::ci(&mut report, &root, &options),
        Task::Tidy => report.step("tidy", || tidy::run(&root)),
        Task::Setup => report.step("setup", setup::run),
        Task::Pictures => test::pictures(&mut report, &root),
        Task::Crash(options) => crash::run(&mut report, &root, &options),
        Task::Sim(options) => report.step("simulation", || sim::run(&root, &options)),
        Task::Fuzz(options) => report.step("fuzz", || fuzz::run(&root, &options)),
        Task::Hostile(options) => report.step("hostile requests", || hostile::run(&root, &options)),
        Task::Deny(options) => report.step("deny", || deny::run(&root, &options)),
        Task::Dist(options) => report.step("dist", || dist::run(&root, &options)),
        Task::Mutants(options) => report.step("mutants", || mutants::run(&root, &options)),
        Task::Bench(options) => report.step("bench", || bench::run(&root, &options)),
        Task::Chaos(options) => report.step("chaos", || chaos::run(&root, &options)),
    }
    report.finish()
}

/// The folder of the workspace, wherever the command was started.
fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
