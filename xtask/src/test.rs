//! What "all tests" are: `cargo xtask test` and, with formatting and lints before it, `cargo xtask ci`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::cargo::{self, cargo};
use crate::clients::{CLIENTS, Client};
use crate::oracles::{self, Oracles};
use crate::part::Part;
use crate::report::Report;
use crate::{bench, chaos, crash, deny, dist, fuzz, hostile, process, setup, sim};

#[derive(Args)]
pub(crate) struct Options {
    /// Run every part, fuzzing too.
    #[arg(long, conflicts_with = "only")]
    all: bool,
    /// Run only this part (may be given several times); by default all but fuzzing, which takes long to build.
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Drive this program with the clients instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// A folder with the official OpenAPI documents and Postman collections.
    #[arg(long, value_name = "FOLDER", env = "SANDKASSE_ORACLES")]
    oracles: Option<PathBuf>,
}

/// Formatting and lints, then everything `run` runs.
pub(crate) fn ci(report: &mut Report, root: &Path, options: &Options) {
    report.step("formatting", || {
        process::run(&mut cargo(root, &["fmt", "--all", "--check"]))
    });
    let lints = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    report.step("lints", || process::run(&mut cargo(root, &lints)));
    run(report, root, options);
}

/// Every test, or those parts that were asked for.
pub(crate) fn run(report: &mut Report, root: &Path, options: &Options) {
    let oracles = report.produce("official documents", || look(root, options));
    let Some(oracles) = oracles else { return };
    let in_rust = [Part::Rust, Part::RustSqlite, Part::RustPostgres];
    if in_rust.into_iter().any(|part| options.wants(part)) {
        // The store's own tests need a server, too.
        report.step("setup", setup::run);
    }
    if options.wants(Part::Rust) {
        report.step("rust tests", || rust(root, oracles.as_ref()));
    }
    for (part, name, store) in [
        (Part::RustSqlite, "rust tests on SQLite", "sqlite"),
        (Part::RustPostgres, "rust tests on PostgreSQL", "postgres"),
    ] {
        if options.wants(part) {
            report.step(name, || rust_on(root, oracles.as_ref(), store));
        }
    }
    if options.wants(Part::Doc) {
        report.step("doc tests", || doc(root, oracles.as_ref()));
    }
    if options.wants(Part::Sim) {
        report.step("simulation", || sim::all(root));
    }
    if options.wants(Part::Guard) {
        report.step("guard", || bench::guard(root));
    }
    if options.wants(Part::Deny) {
        report.step("deny", || deny::offline(root));
    }
    if options.wants(Part::Hostile) {
        report.step("hostile requests", || {
            hostile::usual(root, options.oracles.clone())
        });
    }
    if options.wants(Part::Fuzz) {
        report.step("fuzz", || fuzz::usual(root));
    }
    let (ready, lacking): (Vec<&Client>, Vec<&Client>) = CLIENTS
        .iter()
        .filter(|client| options.wants(client.part))
        .partition(|client| oracles.is_some() || !client.needs_oracles);
    for client in lacking {
        report.left_out(client.name, oracles::WHERE_PUBLISHED);
    }
    let of_the_binary = [Part::Crash, Part::Packages];
    if !ready.is_empty() || of_the_binary.into_iter().any(|part| options.wants(part)) {
        drive(report, root, options, oracles.as_ref(), &ready);
    }
    if options.wants(Part::Chaos) {
        report.step("chaos", || chaos::short(root, options.binary.as_deref()));
    }
}

/// The pictures of the README.
pub(crate) fn pictures(report: &mut Report, root: &Path) {
    report.step("setup", setup::run);
    report.step("pictures", || {
        let binary = cargo::build(root, "sandkasse", false)?;
        let browser = CLIENTS.iter().find(|client| client.part == Part::Browser);
        let browser = browser.context("no client is a browser")?;
        browser.take_pictures(root, &binary)
    });
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        match self.only.as_slice() {
            [] => self.all || part.is_usual(),
            only => only.contains(&part),
        }
    }
}

fn look(root: &Path, options: &Options) -> anyhow::Result<Option<Oracles>> {
    let oracles = Oracles::find(root, options.oracles.as_deref())?;
    match &oracles {
        Some(oracles) => eprintln!("taken from {}", oracles.folder().display()),
        None => eprintln!(
            "none: what they check is left out. It {}",
            oracles::WHERE_PUBLISHED
        ),
    }
    Ok(oracles)
}

/// `cargo nextest` where it is installed, else `cargo test`.
fn rust(root: &Path, oracles: Option<&Oracles>) -> anyhow::Result<()> {
    let arguments: &[&str] = match setup::has_nextest() {
        true => &["nextest", "run", "--workspace", "--no-fail-fast"],
        false => &["test", "--workspace", "--all-targets", "--no-fail-fast"],
    };
    process::run(&mut tests(root, arguments, oracles))
}

/// What merchants see, on another store than memory.
fn rust_on(root: &Path, oracles: Option<&Oracles>, store: &str) -> anyhow::Result<()> {
    let packages = ["-p", "sandkasse-api", "-p", "sandkasse-engine"];
    let mut arguments = match setup::has_nextest() {
        true => vec!["nextest", "run", "--no-fail-fast"],
        false => vec!["test", "--all-targets", "--no-fail-fast"],
    };
    arguments.extend(packages);
    let mut command = tests(root, &arguments, oracles);
    process::run(command.env("SANDKASSE_TEST_STORE", store))
}

fn doc(root: &Path, oracles: Option<&Oracles>) -> anyhow::Result<()> {
    let arguments = ["test", "--workspace", "--doc", "--no-fail-fast"];
    process::run(&mut tests(root, &arguments, oracles))
}

/// Tests find the official documents by the same variable, however we found them.
fn tests(root: &Path, arguments: &[&str], oracles: Option<&Oracles>) -> std::process::Command {
    let mut command = cargo(root, arguments);
    if let Some(oracles) = oracles {
        command.env("SANDKASSE_ORACLES", oracles.folder());
    }
    command
}

/// Real clients against the binary, each against a server of its own, since the platform's rate limits hold.
fn drive(
    report: &mut Report,
    root: &Path,
    options: &Options,
    oracles: Option<&Oracles>,
    clients: &[&Client],
) {
    let tools = report.produce("setup", setup::run);
    let binary = report.produce("the binary", || match &options.binary {
        Some(binary) => std::path::absolute(binary).context("what is the binary's path?"),
        None => cargo::build(root, "sandkasse", false),
    });
    for client in clients {
        match (&tools, &binary) {
            (None, _) => report.could_not_run(client.name, "the set-up failed"),
            (_, None) => report.could_not_run(client.name, "the binary was not built"),
            (Some(()), Some(binary)) => {
                report.step(client.name, || client.run(root, binary, oracles));
            }
        }
    }
    if options.wants(Part::Packages) {
        match &binary {
            Some(binary) => report.step("packages", || dist::with(root, binary)),
            None => report.could_not_run("packages", "the binary was not built"),
        }
    }
    if options.wants(Part::Crash) {
        match (&tools, &binary) {
            (Some(()), Some(binary)) => crash::short(report, root, binary),
            _ => report.could_not_run("crash", "the set-up or the build failed"),
        }
    }
}
