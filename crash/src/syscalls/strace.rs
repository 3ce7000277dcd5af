//! `strace` makes one system call of the platform fail, or kills the platform in it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::server::{PATIENCE, Target, ended, pause, ready_file, signal};

/// What happens in a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The disk is broken.
    Eio,
    /// The disk is full.
    Enospc,
    /// The process dies; the call does not happen.
    Kill,
}

pub(super) const FAULTS: [Fault; 3] = [Fault::Eio, Fault::Enospc, Fault::Kill];

/// Which system call, counted in each thread from 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Injection {
    pub(super) syscall: &'static str,
    pub(super) fault: Fault,
    pub(super) number: u32,
}

/// What strace saw.
pub(super) struct Seen {
    /// The fault struck.
    pub(super) is_struck: bool,
    /// When it struck, in seconds of Unix time.
    pub(super) struck_at: Option<f64>,
    /// The same system call was made again afterwards, on the same file, and succeeded.
    pub(super) is_retried: bool,
    /// On which file.
    pub(super) file: Option<PathBuf>,
    /// All that strace wrote.
    pub(super) told: String,
}

/// A strace that watches a running process.
pub(super) struct Attached {
    strace: Child,
    output: PathBuf,
}

impl Injection {
    /// A failed sync leaves nobody knowing what is on the disk.
    pub(super) fn is_sync(&self) -> bool {
        self.syscall.ends_with("sync")
    }

    /// Arguments of strace; calls that concern no file of the data folder are left alone.
    fn words(&self, folder: &Path, output: &Path) -> anyhow::Result<Vec<String>> {
        let what = match self.fault {
            Fault::Eio => "error=EIO",
            Fault::Enospc => "error=ENOSPC",
            Fault::Kill => "signal=KILL:error=EIO",
        };
        let Injection {
            syscall, number, ..
        } = self;
        let text = |path: &Path| Some(path.to_str()?.to_owned());
        let mut words = ["-f", "-y", "-ttt", "-o"].map(str::to_owned).to_vec();
        words.push(text(output).context("a path that is no UTF-8")?);
        words.push(format!("--trace={syscall}"));
        words.push(format!("--inject={syscall}:{what}:when={number}"));
        for path in files(folder) {
            words.push("-P".to_owned());
            words.push(text(&path).context("a path that is no UTF-8")?);
        }
        Ok(words)
    }

    /// Watches a process that runs, from now on.
    pub(super) fn attach(&self, id: u32, folder: &Path, data: &Path) -> anyhow::Result<Attached> {
        let (output, said) = (data.join("strace.out"), data.join("strace.err"));
        let _ = fs::remove_file(&output);
        let mut strace = Command::new("strace")
            .args(self.words(folder, &output)?)
            .args(["-p", &id.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&said)?)
            .spawn()
            .context("cannot start strace")?;
        let began = Instant::now();
        while !fs::read_to_string(&said)?.contains("attached") {
            if strace.try_wait()?.is_some() || began.elapsed() > PATIENCE {
                bail!("strace does not attach: {}", fs::read_to_string(&said)?);
            }
            pause(Duration::from_micros(500));
        }
        Ok(Attached { strace, output })
    }

    /// The same target, watched from its first system call.
    pub(super) fn around(
        &self,
        target: &Target,
        folder: &Path,
        data: &Path,
    ) -> anyhow::Result<(Target, PathBuf)> {
        let output = data.join("strace.out");
        let _ = fs::remove_file(&output);
        let mut under = vec!["strace".to_owned(), "--seccomp-bpf".to_owned()];
        under.extend(self.words(folder, &output)?);
        let target = Target {
            under,
            ..target.clone()
        };
        Ok((target, output))
    }
}

impl Attached {
    /// Lets go of the process, unless it has ended.
    pub(super) fn detach(mut self) -> anyhow::Result<Seen> {
        if self.strace.try_wait()?.is_none() {
            // It may end in between by itself.
            let _ = signal(self.strace.id(), "INT");
        }
        let ended = ended(&mut self.strace, PATIENCE)?;
        ensure!(ended.is_some(), "strace does not let go");
        seen(&self.output)
    }
}

/// Reads what strace wrote.
pub(super) fn seen(output: &Path) -> anyhow::Result<Seen> {
    let text = fs::read_to_string(output).unwrap_or_default();
    let mut lines = text.lines();
    let struck =
        lines.find(|line| line.contains("(INJECTED)") || line.contains("killed by SIGKILL"));
    let file = struck.and_then(file_in);
    let is_retried =
        file.is_some() && lines.any(|line| file_in(line) == file && line.ends_with("= 0"));
    // "1234 1700000000.123456 fdatasync(…"
    let struck_at = struck.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    Ok(Seen {
        is_struck: struck.is_some(),
        struck_at,
        is_retried,
        file: file.map(PathBuf::from),
        told: text.clone(),
    })
}

/// The file of a traced call: `fdatasync(15</data/sandkasse.db-wal>) = 0`.
fn file_in(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once('<')?;
    Some(rest.split_once('>')?.0)
}

/// All files that decide whether something is lost, their temporary ones, and their folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = vec![folder.to_owned()];
    for name in ["", "-wal", "-shm", "-journal", ".lock"] {
        files.push(folder.join(format!("sandkasse.db{name}")));
    }
    let ready = ready_file(folder);
    for name in [
        "master.key",
        "test-signing-key.pem",
        "production-signing-key.pem",
        ".gitignore",
    ] {
        files.push(folder.join(name));
        files.push(folder.join(format!("{name}.tmp")));
    }
    files.push(ready.with_extension("json.tmp"));
    files.push(ready);
    files
}
