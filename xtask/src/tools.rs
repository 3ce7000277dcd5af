//! Tools of cargo's that a task needs, installed in a version named here when they are not there.
//!
//! They lie under `target/tools`, so no other version is touched. One of the same version on the path serves as well.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::cargo::{self, cargo};
use crate::process;

/// A cargo subcommand and its version.
pub(crate) struct Tool {
    /// As in `cargo-fuzz`.
    pub(crate) name: &'static str,
    version: &'static str,
    /// What prints the version.
    proof: &'static [&'static str],
}

pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    proof: &["--version"],
};

pub(crate) const FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    version: "0.13.1",
    proof: &["--version"],
};

pub(crate) const MUTANTS: Tool = Tool {
    name: "cargo-mutants",
    version: "27.1.0",
    proof: &["mutants", "--version"],
};

impl Tool {
    /// Where the program is. Installs it if need be, unoptimised: it is built for longer than it runs.
    pub(crate) fn at_hand(&self, root: &Path) -> anyhow::Result<PathBuf> {
        let folder = cargo::workshop(root, "tools")?;
        let ours = folder.join("bin").join(self.name);
        let anybodys = PathBuf::from(self.name);
        if let Some(there) = [&ours, &anybodys].into_iter().find(|path| self.is(path)) {
            return Ok(there.clone());
        }
        let mut install = cargo(
            root,
            &["install", "--debug", "--locked", "--force", "--root"],
        );
        install
            .arg(&folder)
            .args(["--version", self.version, self.name]);
        // Whatever this run's flags are for, they are not for the tool.
        install
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR");
        process::run(&mut install)?;
        ensure!(
            self.is(&ours),
            "{} is not {} after its installation",
            ours.display(),
            self.version
        );
        Ok(ours)
    }

    fn is(&self, path: &Path) -> bool {
        let said = Command::new(path).args(self.proof).output();
        said.is_ok_and(|said| self.names_version(&String::from_utf8_lossy(&said.stdout)))
    }

    fn names_version(&self, said: &str) -> bool {
        said.split_whitespace().any(|word| word == self.version)
    }

    /// A command of the tool in the workspace.
    pub(crate) fn command(&self, root: &Path) -> anyhow::Result<Command> {
        let program = self
            .at_hand(root)
            .with_context(|| format!("{} {} is needed", self.name, self.version))?;
        let mut command = Command::new(program);
        command.current_dir(root);
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_does_not_serve() {
        assert!(DENY.names_version("cargo-deny 0.20.2\n"));
        assert!(!DENY.names_version("cargo-deny 0.20.1\n"));
        assert!(!DENY.is(Path::new("there-is-no-such-program")));
    }
}
