//! The static program: in an image that holds nothing else another one would not run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::setup::{self, Need};
use crate::{cargo, process};

const COMPILER: &[Need] = &[Need {
    what: "the C compiler of static programs",
    program: "musl-gcc",
    proof: &["--version"],
    packages: &["musl-tools"],
}];

/// What a static program is built for.
pub(super) fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Builds it, from nothing in some 20 minutes of two cores: it is optimised as one piece.
pub(super) fn build(root: &Path) -> anyhow::Result<PathBuf> {
    setup::provide(COMPILER)?;
    let target = target();
    let mut toolchain = Command::new("rustup");
    toolchain.current_dir(root).args(["target", "add", &target]);
    process::run(&mut toolchain)
        .context("the standard library for musl is not there; another program can be packed with --binary FILE")?;
    let words = [
        "build",
        "--package",
        "sandkasse",
        "--profile",
        "dist",
        "--target",
        &target,
    ];
    let mut command = cargo::cargo(root, &words);
    command.env(format!("CC_{}", target.replace('-', "_")), "musl-gcc");
    cargo::built(command, "sandkasse")
}

/// Fails unless it runs without any library or loader.
pub(super) fn is_static(binary: &Path) -> anyhow::Result<()> {
    let told = process::read(
        Command::new("readelf")
            .args(["--wide", "--program-headers", "--dynamic"])
            .arg(binary),
    )?;
    judge(&told).with_context(|| binary.display().to_string())
}

fn judge(told: &str) -> anyhow::Result<()> {
    ensure!(told.contains("LOAD"), "it is no program");
    for (word, what) in [("INTERP", "a loader"), ("(NEEDED)", "a library")] {
        if let Some(line) = told.lines().find(|line| line.contains(word)) {
            bail!("it needs {what}: {}", line.trim());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_others_is_not_static() {
        assert!(judge("  LOAD 0x0\n").is_ok());
        for (told, word) in [
            ("", "no program"),
            ("  LOAD\n  INTERP 0x2a8\n", "a loader"),
            (
                "  LOAD\n 0x1 (NEEDED) Shared library: [libc.so.6]\n",
                "[libc.so.6]",
            ),
        ] {
            let error = judge(told).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn the_program_that_runs_these_tests_is_told_apart() {
        let here = std::env::current_exe().unwrap();
        if process::works("readelf", &["--version"]) {
            assert!(is_static(&here).is_err());
        }
    }
}
