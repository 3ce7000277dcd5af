//! What the tests need from the system, installed by name from Debian's packages when it is missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::process;

/// Something the tests call, how to see that it is there, and the packages that bring it.
pub(crate) struct Need {
    pub(crate) what: &'static str,
    pub(crate) program: &'static str,
    pub(crate) proof: &'static [&'static str],
    pub(crate) packages: &'static [&'static str],
}

pub(crate) const PYTHON: Need = Need {
    what: "Python 3 with virtual environments",
    program: "python3",
    // `venv` alone is there on Debian without `python3-venv`; only `ensurepip` shows that it works.
    proof: &["-c", "import venv, ensurepip"],
    packages: &["python3", "python3-venv"],
};
pub(crate) const NODE: Need = Need {
    what: "Node 18 or newer",
    program: "node",
    proof: &[
        "-e",
        "process.exit(Number(process.versions.node.split('.')[0]) >= 18 ? 0 : 1)",
    ],
    packages: &["nodejs"],
};
pub(crate) const NPM: Need = Need {
    what: "npm",
    program: "npm",
    proof: &["--version"],
    packages: &["npm"],
};
pub(crate) const POSTGRES: Need = Need {
    what: "PostgreSQL",
    // The server's programs are in no PATH.
    program: "sh",
    proof: &[
        "-c",
        "psql --version && setpriv --version && flock --version && ls /usr/lib/postgresql/*/bin/postgres",
    ],
    packages: &["postgresql", "util-linux"],
};

const NEEDS: &[Need] = &[
    PYTHON,
    NODE,
    NPM,
    POSTGRES,
    Need {
        what: "Chromium",
        program: "chromium",
        proof: &["--version"],
        // Without a font it shows no letters, and nothing that is measured is right.
        packages: &["chromium", "fonts-dejavu-core"],
    },
    Need {
        what: "SQLite's shell",
        program: "sqlite3",
        proof: &["-version"],
        packages: &["sqlite3"],
    },
    Need {
        what: "systemd's checks of services",
        program: "systemd-analyze",
        proof: &["--version"],
        packages: &["systemd"],
    },
    Need {
        what: "strace",
        program: "strace",
        proof: &["-V"],
        packages: &["strace"],
    },
    Need {
        what: "libfaketime",
        program: "sh",
        proof: &["-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1"],
        packages: &["libfaketime"],
    },
    Need {
        what: "file systems for images of a disk",
        program: "sh",
        // The folder of an administrator's programs is not in everybody's path.
        proof: &[
            "-c",
            "PATH=$PATH:/usr/sbin:/sbin; mkfs.xfs -V && mkfs.ext4 -V && losetup -V && mount -V",
        ],
        packages: &["xfsprogs", "e2fsprogs", "mount"],
    },
];

/// Installs what is missing. Fails when something is missing still, naming it.
pub(crate) fn run() -> anyhow::Result<()> {
    provide(NEEDS)?;
    match has_nextest() {
        true => eprintln!("there: cargo-nextest, which will run the tests"),
        false => {
            eprintln!("cargo-nextest is not installed; `cargo test` serves as well, more slowly")
        }
    }
    Ok(())
}

/// The same for other needs than everybody's.
pub(crate) fn provide(needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !need.is_there()).collect();
    if !missing.is_empty() {
        let packages: Vec<&str> = missing
            .iter()
            .flat_map(|need| need.packages)
            .copied()
            .collect();
        install(&packages)
            .with_context(|| format!("please install by hand what brings: {}", names(&missing)))?;
    }
    let missing: Vec<&Need> = needs.iter().filter(|need| !need.is_there()).collect();
    if !missing.is_empty() {
        bail!("still missing after the installation: {}", names(&missing));
    }
    let there: Vec<&str> = needs.iter().map(|need| need.what).collect();
    eprintln!("there: {}", there.join(", "));
    Ok(())
}

/// Whether `cargo nextest` can be used. It is a convenience, never installed by us.
pub(crate) fn has_nextest() -> bool {
    process::works("cargo", &["nextest", "--version"])
}

impl Need {
    fn is_there(&self) -> bool {
        process::works(self.program, self.proof)
    }
}

fn names(needs: &[&Need]) -> String {
    let names: Vec<&str> = needs.iter().map(|need| need.what).collect();
    names.join(", ")
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    if !process::works("apt-get", &["--version"]) {
        bail!("this is no Debian: there is no apt-get");
    }
    let root = may_all()?;
    process::run(&mut apt(root, &["update", "-qq"]))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(packages);
    process::run(&mut apt(root, &arguments))
}

/// Whether we may do everything.
fn is_root() -> anyhow::Result<bool> {
    Ok(process::read(Command::new("id").arg("-u"))?.trim() == "0")
}

/// Whether we are root. Fails when we are not, and have no sudo either.
fn may_all() -> anyhow::Result<bool> {
    let root = is_root()?;
    if !root && !process::works("sudo", &["--version"]) {
        bail!("you are not root and there is no sudo");
    }
    Ok(root)
}

/// A program that is run as root, through sudo when we are not.
pub(crate) fn as_root(program: &Path) -> anyhow::Result<Command> {
    if may_all()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    Ok(command)
}

fn apt(root: bool, arguments: &[&str]) -> Command {
    // `env` sets the variable behind sudo, too, which would drop it otherwise.
    // In run level 1 packages start no services: tests start their own.
    let words = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "RUNLEVEL=1",
        "apt-get",
    ];
    let mut words = words.into_iter().chain(arguments.iter().copied());
    let program = if root { words.next() } else { Some("sudo") };
    let mut command = Command::new(program.unwrap_or("env"));
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_as_root_or_through_sudo() {
        for (root, program, first) in [
            (true, "env", "DEBIAN_FRONTEND=noninteractive"),
            (false, "sudo", "env"),
        ] {
            let command = apt(root, &["update"]);
            assert_eq!(command.get_program(), program);
            let arguments: Vec<_> = command.get_args().collect();
            assert_eq!(arguments.first().unwrap(), &first);
            assert!(arguments.ends_with(&["apt-get".as_ref(), "update".as_ref()]));
        }
    }
}
