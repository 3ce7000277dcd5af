//! `cargo xtask crash`: builds, then hands over to the crash crate. The tests run the short forms.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::report::Report;
use crate::{cargo, process, setup};

#[derive(Args)]
pub(crate) struct Options {
    /// Only this kind (may be given several times); by default all.
    #[arg(long, value_name = "KIND")]
    only: Vec<Kind>,
    /// How often the process is killed.
    #[arg(long, default_value_t = 10_000)]
    kills: u64,
    /// How often all system calls are gone through; once are some 1,000.
    #[arg(long, default_value_t = 2)]
    passes: u64,
    /// How many images of the disk are taken.
    #[arg(long, default_value_t = 200)]
    images: u64,
    /// How often the clock is set in all five ways.
    #[arg(long, default_value_t = 40)]
    rounds: u64,
    /// What moments are chosen by; another one each time if not said.
    #[arg(long)]
    seed: Option<u64>,
    /// Crash this program instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// What is done to the platform.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// It is killed under load.
    Kills,
    /// Its system calls fail, one after the other.
    Syscalls,
    /// Its power is cut under load.
    Power,
    /// The same with PostgreSQL.
    PowerPostgres,
    /// The machine's clock is set under load.
    Clock,
    /// Its database is copied under load.
    Backup,
    /// What calls merchants is dropped under load, and merchants fail.
    Callbacks,
}

/// The long forms, in release mode.
pub(crate) fn run(report: &mut Report, root: &Path, options: &Options) {
    let binary = || match &options.binary {
        Some(binary) => std::path::absolute(binary).context("what is the binary's path?"),
        None => cargo::build(root, "sandkasse", true),
    };
    let made = report.produce("crash tool", || {
        setup::run()?;
        Ok((cargo::build(root, "sandkasse-crash", true)?, binary()?))
    });
    let Some((tool, binary)) = made else { return };
    for kind in Kind::value_variants() {
        if options.only.is_empty() || options.only.contains(kind) {
            let mut arguments = kind.long(options);
            if let Some(seed) = options.seed {
                arguments.extend(["--seed".to_owned(), seed.to_string()]);
            }
            report.step(kind.name(), || kind.crash(root, &tool, &binary, &arguments));
        }
    }
}

/// The short forms: a part of all tests.
pub(crate) fn short(report: &mut Report, root: &Path, binary: &Path) {
    let tool = report.produce("crash tool", || {
        cargo::build(root, "sandkasse-crash", false)
    });
    for kind in Kind::value_variants() {
        match &tool {
            Some(tool) => report.step(kind.name(), || {
                kind.crash(root, tool, binary, &kind.short())
            }),
            None => report.could_not_run(kind.name(), "the crash tool was not built"),
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Kills => "crash: kills",
            Kind::Syscalls => "crash: failing system calls",
            Kind::Power => "crash: power cuts",
            Kind::PowerPostgres => "crash: power cuts with PostgreSQL",
            Kind::Clock => "crash: the clock is set",
            Kind::Backup => "crash: copies",
            Kind::Callbacks => "crash: callbacks",
        }
    }

    fn short(self) -> Vec<String> {
        match self {
            Kind::Kills => words("kills --kills 1000"),
            Kind::Syscalls => words("syscalls --every 3"),
            Kind::Power => words("power --images 50"),
            Kind::PowerPostgres => words("power --database postgres --images 10"),
            Kind::Clock => words("clock --rounds 3"),
            Kind::Backup => words("backup --copies 10"),
            Kind::Callbacks => words("callbacks --payments 20000 --kills 40"),
        }
    }

    fn long(self, options: &Options) -> Vec<String> {
        match self {
            Kind::Kills => words(&format!("kills --kills {} --restart-ms 250", options.kills)),
            Kind::Syscalls => words(&format!("syscalls --passes {}", options.passes)),
            Kind::Power => words(&format!("power --images {}", options.images)),
            Kind::PowerPostgres => words(&format!(
                "power --database postgres --images {}",
                options.images
            )),
            Kind::Clock => words(&format!("clock --rounds {}", options.rounds)),
            Kind::Backup => words("backup --copies 100"),
            Kind::Callbacks => words("callbacks"),
        }
    }

    fn needs_root(self) -> bool {
        match self {
            Kind::Kills | Kind::Backup | Kind::Callbacks | Kind::Clock => false,
            Kind::Syscalls | Kind::Power | Kind::PowerPostgres => true,
        }
    }

    fn crash(
        self,
        root: &Path,
        tool: &Path,
        binary: &Path,
        arguments: &[String],
    ) -> anyhow::Result<()> {
        let mut command = if self.needs_root() {
            setup::as_root(tool)?
        } else {
            Command::new(tool)
        };
        command
            .arg("--sandkasse")
            .arg(binary)
            .arg("--data")
            .arg(cargo::workshop(root, "crash")?)
            .args(arguments);
        process::run(&mut command)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}
