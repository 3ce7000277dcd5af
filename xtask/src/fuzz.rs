//! Coverage-guided fuzzing: cargo-fuzz builds the targets, and they run two at a time.
//!
//! cargo-fuzz wants a nightly compiler for its sanitizers. Ours need none, since no crate of ours has `unsafe`: what is left is
//! the coverage, which a stable compiler can do when it is told so by `RUSTC_BOOTSTRAP`.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use crate::{cargo, process, tools};

/// So many targets run at once.
const AT_ONCE: usize = 2;
/// An input may take so many seconds.
const SLOWEST_INPUT: u64 = 5;
/// A target may take so many megabytes.
const MOST_MEMORY: u64 = 2048;
/// A target that has not ended so long after its time hangs.
const GRACE: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(crate) struct Options {
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Run this target alone (may be given several times).
    #[arg(long)]
    target: Vec<String>,
    /// Keep what was found to be worth keeping: the corpus in the repository becomes the fewest inputs that reach as far.
    #[arg(long)]
    keep: bool,
}

/// What continuous integration runs.
pub(crate) fn usual(root: &Path) -> anyhow::Result<()> {
    let options = Options {
        seconds: 60,
        target: Vec::new(),
        keep: false,
    };
    run(root, &options)
}

/// Fails when the targets cannot be built, when one finds something, and when one did not run.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    let all = targets(root)?;
    let wanted: Vec<String> = match options.target.as_slice() {
        [] => all,
        some => {
            for target in some {
                ensure!(all.contains(target), "there is no target {target}: {all:?}");
            }
            some.to_vec()
        }
    };
    let built = build(root)?;
    let work = cargo::workshop(root, "fuzz-runs")?;
    let places = wanted.into_iter().map(|target| Place {
        binary: built.join(&target),
        corpus: root.join("fuzz/corpus").join(&target),
        found: work.join("found").join(&target),
        log: work.join(format!("{target}.log")),
        findings: work.join("findings").join(&target),
        target,
    });
    let places: Vec<Place> = places.collect();
    let mut waiting: VecDeque<&Place> = places.iter().collect();
    let (mut running, mut told) = (Vec::new(), Vec::new());
    while !waiting.is_empty() || !running.is_empty() {
        while running.len() < AT_ONCE
            && let Some(place) = waiting.pop_front()
        {
            running.push(place.start(options.seconds)?);
        }
        process::pause(Duration::from_millis(200));
        let mut still = Vec::new();
        for mut fuzzer in running {
            match fuzzer.ended(options.seconds)? {
                Some(verdict) => told.extend(verdict.err()),
                None => still.push(fuzzer),
            }
        }
        running = still;
    }
    if !told.is_empty() {
        bail!("{}", told.join("\n"));
    }
    if options.keep {
        places.iter().try_for_each(Place::keep)?;
    }
    Ok(())
}

/// The names in `fuzz/Cargo.toml`.
fn targets(root: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root.join("fuzz/Cargo.toml"))?;
    let manifest: toml::Table = text.parse()?;
    let bins = manifest.get("bin").and_then(toml::Value::as_array);
    let name = |bin: &toml::Value| Some(bin.get("name")?.as_str()?.to_owned());
    Ok(bins.into_iter().flatten().filter_map(name).collect())
}

/// Builds all targets, and says in which folder they are.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = cargo::workshop(root, "fuzz")?;
    let mut build = tools::FUZZ.command(root)?;
    build.env("RUSTC_BOOTSTRAP", "1");
    build.args(["build", "--sanitizer", "none", "--fuzz-dir", "fuzz"]);
    build.arg("--target-dir").arg(&folder);
    process::run(&mut build)?;
    // Below the folder of the machine's own kind, whatever that is called.
    let kinds = fs::read_dir(&folder)?.filter_map(Result::ok);
    let mut built = kinds.map(|kind| kind.path().join("release"));
    built
        .find(|folder| folder.join("body").is_file())
        .context("the built targets are nowhere")
}

/// Where a target's things are.
struct Place {
    target: String,
    binary: PathBuf,
    /// In the repository.
    corpus: PathBuf,
    /// New inputs that reach further; they stay from run to run.
    found: PathBuf,
    /// Inputs that show a fault.
    findings: PathBuf,
    log: PathBuf,
}

struct Fuzzer<'a> {
    place: &'a Place,
    child: Child,
    since: Instant,
    before: usize,
}

impl Place {
    fn start(&self, seconds: u64) -> anyhow::Result<Fuzzer<'_>> {
        for folder in [&self.corpus, &self.found, &self.findings] {
            fs::create_dir_all(folder)?;
        }
        let log = File::create(&self.log)?;
        let mut prefix = self.findings.clone().into_os_string();
        prefix.push("/");
        let mut command = Command::new(&self.binary);
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-timeout={SLOWEST_INPUT}"))
            .arg(format!("-rss_limit_mb={MOST_MEMORY}"))
            .arg("-print_final_stats=1")
            .arg(format!("-artifact_prefix={}", prefix.display()))
            .args([&self.found, &self.corpus])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        Ok(Fuzzer {
            place: self,
            child,
            since: Instant::now(),
            before: count(&self.findings)?,
        })
    }

    /// Makes the repository's corpus the fewest of its own and the found inputs that reach as far.
    fn keep(&self) -> anyhow::Result<()> {
        let fewest = self.found.with_extension("fewest");
        let _ = fs::remove_dir_all(&fewest);
        fs::create_dir_all(&fewest)?;
        let mut merge = Command::new(&self.binary);
        merge.arg("-merge=1").arg(&fewest);
        merge.args([&self.corpus, &self.found]);
        merge.stdout(Stdio::null()).stderr(Stdio::null());
        process::run(&mut merge)?;
        let before = count(&self.corpus)?;
        fs::remove_dir_all(&self.corpus)?;
        fs::create_dir_all(&self.corpus)?;
        for entry in fs::read_dir(&fewest)? {
            let entry = entry?;
            fs::copy(entry.path(), self.corpus.join(entry.file_name()))?;
        }
        let after = count(&self.corpus)?;
        eprintln!("{}: {before} inputs became {after}", self.target);
        Ok(())
    }
}

impl Fuzzer<'_> {
    /// Nothing while it runs; then how it went.
    fn ended(&mut self, seconds: u64) -> anyhow::Result<Option<Result<(), String>>> {
        let place = self.place;
        let name = &place.target;
        let Some(status) = self.child.try_wait()? else {
            if self.since.elapsed() < Duration::from_secs(seconds) + GRACE {
                return Ok(None);
            }
            self.child.kill()?;
            self.child.wait()?;
            return Ok(Some(Err(format!("{name}: it did not end and was killed"))));
        };
        let log = fs::read(&place.log)?;
        let log = String::from_utf8_lossy(&log);
        let number = |what: &str| stat(&log, what);
        let (runs, new) = (
            number("number_of_executed_units"),
            number("new_units_added"),
        );
        let findings = count(&place.findings)?.saturating_sub(self.before);
        if status.success() && findings == 0 {
            if runs == 0 {
                return Ok(Some(Err(format!("{name}: nothing was run"))));
            }
            eprintln!(
                "{name}: {runs} inputs in {} s, {}/s, {new} reach further, 0 findings",
                self.since.elapsed().as_secs(),
                number("average_exec_per_sec"),
            );
            return Ok(Some(Ok(())));
        }
        let said: Vec<&str> = log
            .lines()
            .skip_while(|line| !line.contains("panicked at") && !line.contains("ERROR: libFuzzer"))
            .take(12)
            .collect();
        let input = newest(&place.findings)?;
        let input = input.map_or_else(String::new, |it| it.display().to_string());
        Ok(Some(Err(format!(
            "{name} found something: {}\nthe input: {input}\nto see it again: {} {input}\nthe whole log: {}",
            said.join("\n"),
            place.binary.display(),
            place.log.display(),
        ))))
    }
}

impl Drop for Fuzzer<'_> {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn count(folder: &Path) -> anyhow::Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

fn newest(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    Ok(files.into_iter().max().map(|(_, path)| path))
}

/// A line such as `stat::number_of_executed_units: 123`; 0 when it is not there.
fn stat(log: &str, name: &str) -> u64 {
    let line = log
        .lines()
        .find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
    let number = line.and_then(|line| line.trim_start_matches(':').trim().parse().ok());
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_log() {
        let log =
            "Done 12 runs\nstat::number_of_executed_units: 12\nstat::average_exec_per_sec:     3\n";
        assert_eq!(stat(log, "number_of_executed_units"), 12);
        assert_eq!(stat(log, "average_exec_per_sec"), 3);
        assert_eq!(stat(log, "new_units_added"), 0);
    }

    #[test]
    fn every_target_has_a_corpus() {
        let root = crate::repository();
        let targets = targets(&root).unwrap();
        assert!(targets.len() >= 8, "{targets:?}");
        for target in targets {
            assert!(
                count(&root.join("fuzz/corpus").join(&target)).unwrap() > 0,
                "{target}"
            );
        }
    }
}
