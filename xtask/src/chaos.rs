//! `cargo xtask chaos`: installs what a PostgreSQL cluster needs, builds, then hands over to the chaos crate.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::setup::{self, Need};
use crate::{cargo, process};

#[derive(Args)]
pub(crate) struct Options {
    /// What to break, by the names that `sandkasse-chaos --help` explains; everything if nothing is named.
    parts: Vec<String>,
    /// Only these faults of the database's leader (may be given several times).
    #[arg(long, value_name = "NAME")]
    fault: Vec<String>,
    /// How long the load of a fault is, at least.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many times everything is run, each time with the next seed.
    #[arg(long, default_value_t = 1)]
    rounds: u64,
    /// What chance begins with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The short form, as `cargo xtask test` runs it, on a debug build.
    #[arg(long)]
    short: bool,
    /// Run this program instead of building one.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// An earlier build, for the part `versions`: it is left out without one.
    #[arg(long, value_name = "FILE")]
    other_binary: Option<PathBuf>,
}

/// From Debian. No service of these packages is started.
const NEEDS: [Need; 6] = [
    Need {
        what: "Debian's Python 3 with virtual environments",
        program: PYTHON,
        proof: &["-c", "import venv, ensurepip"],
        packages: &["python3", "python3-venv"],
    },
    Need {
        what: "PostgreSQL 15",
        program: "/usr/lib/postgresql/15/bin/initdb",
        proof: &["--version"],
        packages: &["postgresql-15"],
    },
    Need {
        what: "etcd",
        program: "etcd",
        proof: &["--version"],
        packages: &["etcd-server"],
    },
    Need {
        what: "etcdctl",
        program: "etcdctl",
        proof: &["version"],
        packages: &["etcd-client"],
    },
    Need {
        what: "nftables",
        program: "nft",
        proof: &["--version"],
        packages: &["nftables"],
    },
    Need {
        what: "iproute2",
        program: "ip",
        proof: &["-V"],
        packages: &["iproute2"],
    },
];

/// PostgreSQL's user runs it, and can reach this one wherever the checkout lies.
const PYTHON: &str = "/usr/bin/python3";
/// Debian's own Patroni is too old: a host that comes back from a partition can steal its leader lock.
const PACKAGES: [&str; 2] = ["patroni[etcd3]==4.1.5", "psycopg[binary]==3.3.9"];

/// The whole of it, as it was asked for.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let mut arguments: Vec<String> = options.parts.clone();
    for fault in &options.fault {
        arguments.extend(["--fault".to_owned(), fault.clone()]);
    }
    for (name, value) in [
        ("--seconds", options.seconds),
        ("--rounds", options.rounds),
        ("--seed", options.seed),
    ] {
        arguments.extend([name.to_owned(), value.to_string()]);
    }
    if options.short {
        arguments.push("--short".to_owned());
    }
    if let Some(other) = &options.other_binary {
        let other = std::path::absolute(other).context("what is the other binary's path?")?;
        let other = other
            .to_str()
            .context("the other binary's path is no text")?;
        arguments.extend(["--other-binary".to_owned(), other.to_owned()]);
    }
    // A fault without a part can only be one of the cluster's.
    if options.parts.is_empty() && !options.fault.is_empty() {
        arguments.insert(0, "faults".to_owned());
    }
    begin(root, options.binary.as_deref(), !options.short, &arguments)
}

/// What fits into every test run: a few minutes.
pub(crate) fn short(root: &Path, binary: Option<&Path>) -> anyhow::Result<()> {
    begin(root, binary, false, &["--short".to_owned()])
}

fn begin(
    root: &Path,
    binary: Option<&Path>,
    release: bool,
    arguments: &[String],
) -> anyhow::Result<()> {
    setup::provide(&NEEDS)?;
    let folder = cargo::workshop(root, "chaos")?;
    let python = patroni(&folder)?;
    let sandkasse = match binary {
        Some(binary) => std::path::absolute(binary).context("what is the binary's path?")?,
        None => cargo::build(root, "sandkasse", release)?,
    };
    let chaos = cargo::build(root, "sandkasse-chaos", release)?;
    // Hosts are network namespaces, and PostgreSQL runs as its own user: both need root.
    let mut command = setup::as_root(&chaos)?;
    command
        .args(arguments)
        .arg("--sandkasse")
        .arg(sandkasse)
        .arg("--python")
        .arg(python)
        .arg("--logs")
        .arg(folder.join("logs"));
    process::run(&mut command)
}

/// Patroni and its driver in a folder of their own; installed once.
fn patroni(folder: &Path) -> anyhow::Result<PathBuf> {
    let python = folder.join("python");
    let installed = folder.join("python-installed");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    if python.exists() {
        std::fs::remove_dir_all(&python)?;
    }
    let venv = folder.join("venv");
    process::run(Command::new(PYTHON).args(["-m", "venv"]).arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
    ])
    .arg(&python)
    .args(PACKAGES);
    process::run(&mut pip)?;
    std::fs::write(&installed, wanted)?;
    Ok(python)
}
