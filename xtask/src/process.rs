//! Other programs: started, watched, ended in time, and told about when they fail.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// Runs a program with our own output. Fails when it cannot be started or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {shown}"))?;
    succeeded(status, &shown)
}

/// Whether a program can be started and ends with success; what it prints is thrown away.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Runs a program to its end and returns what it wrote to stdout.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} ended with {}: {}", output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{shown} printed no UTF-8"))
}

/// Runs a program that may take `limit`, shows its output while it runs, and returns all of it, also kept in `log`.
///
/// When the time is up the program and everything it started are killed, and that is an error; how the program ended
/// otherwise is for the caller to judge.
pub(crate) fn watch(
    command: &mut Command,
    log: &Path,
    limit: Duration,
) -> anyhow::Result<(ExitStatus, String)> {
    let shown = shown(command);
    eprintln!("$ {shown}");
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut tail = File::open(log)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    let deadline = Instant::now() + limit;
    let status = loop {
        let ended = child.try_wait()?;
        show_more(&mut tail)?;
        if let Some(status) = ended {
            break status;
        }
        if Instant::now() > deadline {
            signal("KILL", &format!("-{}", child.id()));
            child.wait()?;
            bail!("{shown} took more than {} s and was ended", limit.as_secs());
        }
        pause(Duration::from_millis(50));
    };
    tail.seek(SeekFrom::Start(0))?;
    let mut all = Vec::new();
    tail.read_to_end(&mut all)?;
    Ok((status, String::from_utf8_lossy(&all).into_owned()))
}

/// Waits until `child` ends, at most `limit`; `None` when it is still running then.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > deadline {
            return Ok(None);
        }
        pause(Duration::from_millis(20));
    }
}

/// Sends a signal by its name to a process, or with a leading `-` to a process group.
pub(crate) fn signal(name: &str, to: &str) {
    works("sh", &["-c", "kill -s \"$0\" -- \"$1\"", name, to]);
}

/// Lets some time pass between two looks at another process.
#[expect(
    clippy::disallowed_methods,
    reason = "another process tells us nothing; it can only be looked at again"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Fails, with what was run, unless it ended with success.
pub(crate) fn succeeded(status: ExitStatus, shown: &str) -> anyhow::Result<()> {
    if !status.success() {
        bail!("{shown} ended with {status}");
    }
    Ok(())
}

/// The command as one would type it (without its environment).
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

fn show_more(tail: &mut File) -> anyhow::Result<()> {
    let mut more = Vec::new();
    tail.read_to_end(&mut more)?;
    print!("{}", String::from_utf8_lossy(&more));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let log = std::env::temp_dir().join(format!("xtask-watch-{}", std::process::id()));
        let mut sleeper = Command::new("sh");
        sleeper.args(["-c", "echo begun; sleep 60"]);
        let started = Instant::now();
        let error = watch(&mut sleeper, &log, Duration::from_millis(300)).unwrap_err();
        assert!(error.to_string().contains("was ended"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "begun\n");
        std::fs::remove_file(&log).unwrap();
    }

    #[test]
    fn output_and_exit_status_are_handed_back() {
        let log = std::env::temp_dir().join(format!("xtask-log-{}", std::process::id()));
        let mut program = Command::new("sh");
        program.args(["-c", "echo one; echo two >&2; exit 3"]);
        let (status, output) = watch(&mut program, &log, Duration::from_secs(30)).unwrap();
        assert_eq!((status.code(), output.as_str()), (Some(3), "one\ntwo\n"));
        std::fs::remove_file(&log).unwrap();
    }
}
