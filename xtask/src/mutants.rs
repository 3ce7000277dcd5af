//! Whether the tests notice: cargo-mutants changes the code of the modules that guard money and access, one place at a
//! time, and runs the tests that should fail then.
//!
//! It takes hours, so nothing runs it by itself. What a change cannot alter stands in `.cargo/mutants.toml`, with why.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::{cargo, setup, tools};

/// So many of a hundred changes must be noticed.
const BAR: f64 = 95.0;

#[derive(Args)]
pub(crate) struct Options {
    /// Only this module (may be given several times).
    #[arg(long, value_name = "MODULE")]
    only: Vec<Module>,
    /// Go on where the last run ended: what was noticed then is not tried again.
    #[arg(long)]
    again: bool,
}

/// What is changed, and whose tests should notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Module {
    /// Sums and the payment machine.
    Money,
    /// One effect for a key.
    Idempotency,
    /// Limits per minute.
    Limiter,
    /// Who acts for whom, and the checks before any API.
    Authorization,
    /// Who may do what at the portal.
    Rights,
    /// Which URLs and addresses are called.
    Url,
}

impl Module {
    fn files(self) -> &'static [&'static str] {
        match self {
            Module::Money => &[
                "crates/domain/src/money.rs",
                "crates/domain/src/payment/decide.rs",
                "crates/domain/src/payment/mod.rs",
            ],
            Module::Idempotency => &["crates/engine/src/payments.rs"],
            Module::Limiter => &["crates/gate/src/rate.rs"],
            Module::Authorization => &["crates/gate/src/acting.rs", "crates/gate/src/checks.rs"],
            Module::Rights => &["crates/server/src/rights/*.rs"],
            Module::Url => &[
                "crates/courier/src/address.rs",
                "crates/courier/src/address/networks.rs",
                "crates/courier/src/url.rs",
                "crates/courier/src/url/*.rs",
            ],
        }
    }

    /// Whose tests are run: first those that are quick, then, for what they missed, the others as well.
    fn packages(self) -> &'static [&'static str] {
        match self {
            // The machine's promises are also those of the API that words them.
            Module::Money => &["sandkasse-domain", "sandkasse-engine", "sandkasse-api"],
            Module::Idempotency => &["sandkasse-engine", "sandkasse-api"],
            Module::Limiter | Module::Authorization => &["sandkasse-gate", "sandkasse-api"],
            Module::Rights => &["sandkasse"],
            Module::Url => &["sandkasse-courier"],
        }
    }
}

/// What cargo-mutants says of a run.
#[derive(Deserialize)]
struct Outcomes {
    caught: u64,
    missed: u64,
    timeout: u64,
    unviable: u64,
}

/// Fails when a module's tests notice less than [`BAR`].
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let modules = match options.only.as_slice() {
        [] => Module::value_variants(),
        some => some,
    };
    let mut short = Vec::new();
    for module in modules {
        let share = of(root, *module, options.again)?;
        if share < BAR {
            short.push(format!("{module:?}: {share:.1} %"));
        }
    }
    ensure!(short.is_empty(), "below {BAR} %: {}", short.join(", "));
    Ok(())
}

/// How many of a hundred are noticed.
fn of(root: &Path, module: Module, again: bool) -> anyhow::Result<f64> {
    let name = module
        .to_possible_value()
        .context("every module has a name")?;
    let name = name.get_name();
    let folder = cargo::workshop(root, "mutants")?.join(name);
    let (mut noticed, mut unviable, mut missed) = (0, 0, 0);
    for (stage, package) in module.packages().iter().enumerate() {
        if stage > 0 && missed == 0 {
            break;
        }
        let found = try_all(root, (&folder, module), package, again || stage > 0)?;
        noticed += found.caught + found.timeout;
        unviable += found.unviable;
        missed = found.missed;
        println!("{name}: {package}'s tests noticed {noticed} so far and missed {missed}");
    }
    ensure!(noticed + missed > 0 || again, "nothing was changed");
    let share = share(noticed, missed);
    println!("| {name} | {noticed} | {missed} | {unviable} | {share:.1} % |");
    Ok(share)
}

/// One run with the tests of one package. `again` leaves out what an earlier run noticed.
fn try_all(
    root: &Path,
    (folder, module): (&Path, Module),
    package: &str,
    again: bool,
) -> anyhow::Result<Outcomes> {
    let mut mutants = tools::MUTANTS.command(root)?;
    mutants.args([
        "mutants",
        // Without it only the packages that `cargo build` builds are changed.
        "--workspace",
        "--jobs",
        "1",
        "--no-shuffle",
        "--colors",
        "never",
    ]);
    mutants.arg("--output").arg(folder);
    for file in module.files() {
        mutants.args(["--file", file]);
    }
    mutants.args(["--test-package", package]);
    if setup::has_nextest() {
        mutants.args(["--test-tool", "nextest"]);
    }
    if again {
        mutants.arg("--iterate");
    }
    // It ends with another status when something is missed, which is judged by its figures.
    let status = mutants.stdin(Stdio::null()).status()?;
    let outcomes = folder.join("mutants.out/outcomes.json");
    let text = std::fs::read_to_string(&outcomes)
        .with_context(|| format!("no figures; cargo-mutants ended with {status}"))?;
    Ok(serde_json::from_str(&text)?)
}

fn share(noticed: u64, missed: u64) -> f64 {
    match noticed + missed {
        0 => 100.0,
        all => noticed as f64 / all as f64 * 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that was renamed would be changed by nobody.
    #[test]
    fn s_18_every_guarded_file_is_there() {
        let root = crate::repository();
        for module in Module::value_variants() {
            for file in module.files() {
                let folder = root.join(file.trim_end_matches("*.rs"));
                assert!(folder.exists(), "{file}");
            }
        }
    }

    #[test]
    fn nothing_missed_is_all() {
        assert_eq!(share(0, 0), 100.0);
        assert_eq!(share(19, 1), 95.0);
    }
}
