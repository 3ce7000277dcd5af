//! Other programs, run to their end or left running, and signals to them.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal};

/// Runs a program to its end and returns what it wrote to stdout. Fails unless it ends with success.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<String> {
    let shown = words.join(" ");
    let output = command(words)?
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Starts a program that goes on, with its output in `log`; a Ctrl-C for us does not reach it.
pub(crate) fn start(words: &[&str], log: &Path) -> anyhow::Result<Child> {
    use std::os::unix::process::CommandExt as _;
    let file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    command(words)?
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", words.join(" ")))
}

fn command(words: &[&str]) -> anyhow::Result<Command> {
    let (program, arguments) = words.split_first().context("a command has a first word")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

/// Sends a signal to each of them; those that have ended meanwhile are passed over.
pub(crate) fn signal(signal: Signal, pids: &[i32]) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // It may have ended since we looked, which is all the same to us.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Whether a process of this id is there.
pub(crate) fn is_alive(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// Lets time pass: between two looks at something that tells us nothing by itself, and where a pace is kept.
#[expect(
    clippy::disallowed_methods,
    reason = "other processes can only be looked at again, faults last for a time, a load has a pace"
)]
pub(crate) async fn rest(time: Duration) {
    tokio::time::sleep(time).await;
}
