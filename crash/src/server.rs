//! The binary as a child process.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::Value;

/// How long anything may take before a run gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What is started, and where its data lies.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The program.
    pub(crate) binary: PathBuf,
    pub(crate) database: Database,
    /// Variables of its environment.
    pub(crate) variables: Vec<(String, String)>,
    /// Programs and their arguments before ours, such as `strace …`.
    pub(crate) under: Vec<String>,
    /// Where its complaints go.
    pub(crate) log: PathBuf,
}

/// What the data lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file in the data folder.
    Sqlite,
    /// A PostgreSQL server, by its URL. The master key is in the data folder.
    Postgres(String),
    /// Nothing that outlives the process: the control of runs that kill it.
    Memory,
}

/// Where a running platform listens: base URLs without a slash at the end.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) test: String,
    pub(crate) portal: String,
}

/// A running `sandkasse`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Of the program itself, under whatever it was started.
    id: u32,
    pub(crate) place: Place,
}

impl Target {
    pub(crate) fn new(binary: &Path, log: &Path) -> Target {
        Target {
            binary: binary.to_owned(),
            database: Database::Sqlite,
            variables: Vec::new(),
            under: Vec::new(),
            log: log.to_owned(),
        }
    }

    /// The database file in a data folder.
    pub(crate) fn file(folder: &Path) -> PathBuf {
        folder.join("sandkasse.db")
    }

    /// Starts the program on a data folder and does not wait. Nothing of our own environment reaches it.
    pub(crate) fn spawn(&self, folder: &Path) -> anyhow::Result<Child> {
        let mut words = self.under.iter().map(String::as_str);
        let binary = self.binary.to_str().context("the binary's path")?;
        let mut command = Command::new(words.next().unwrap_or(binary));
        command.args(words);
        if !self.under.is_empty() {
            command.arg(binary);
        }
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SANDKASSE_")) {
            command.env_remove(name);
        }
        let database = match &self.database {
            Database::Sqlite => format!("sqlite:{}", Target::file(folder).display()),
            Database::Postgres(url) => {
                // Beside no file of a database, keys lie below where it is started.
                std::fs::create_dir_all(folder)?;
                command.current_dir(folder);
                url.clone()
            }
            Database::Memory => "sqlite::memory:".to_owned(),
        };
        let log: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        command
            .arg("up")
            .args(["--test", "127.0.0.1:0", "--production", "127.0.0.1:0"])
            .args(["--portal", "127.0.0.1:0", "--database", &database])
            .arg("--ready-file")
            .arg(ready_file(folder))
            .env("SANDKASSE_LOG", "error")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))
    }

    /// Starts the program and waits until its listeners accept.
    pub(crate) fn start(&self, folder: &Path) -> anyhow::Result<Server> {
        let _ = std::fs::remove_file(ready_file(folder));
        let child = self.spawn(folder)?;
        self.await_ready(child, folder)
    }

    /// Waits until the listeners of a program that was started accept.
    pub(crate) fn await_ready(&self, mut child: Child, folder: &Path) -> anyhow::Result<Server> {
        let began = Instant::now();
        loop {
            if let Some(place) = place_in(&ready_file(folder)) {
                let id = match self.under.is_empty() {
                    true => child.id(),
                    false => only_child(child.id())?,
                };
                return Ok(Server { child, id, place });
            }
            if let Some(status) = child.try_wait()? {
                bail!("it does not start ({status}): {}", self.said());
            }
            if began.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                bail!("it is not ready after {PATIENCE:?}: {}", self.said());
            }
            pause(Duration::from_micros(500));
        }
    }

    /// The last lines of its complaints.
    pub(crate) fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(4).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }
}

/// Where the program says that it is ready. Beside the data folder, which the program makes.
pub(crate) fn ready_file(folder: &Path) -> PathBuf {
    folder.with_extension("ready.json")
}

fn place_in(file: &Path) -> Option<Place> {
    let urls: Value = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
    let url = |name: &str| Some(urls.get(name)?.as_str()?.trim_end_matches('/').to_owned());
    Some(Place {
        test: url("test")?,
        portal: url("portal")?,
    })
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        signal(self.id, "KILL")?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn terminate(mut self) -> anyhow::Result<ExitStatus> {
        signal(self.id, "TERM")?;
        self.ended(PATIENCE)?
            .context("SIGTERM did not end it in time")
    }

    /// How it ended, if it does within `limit`.
    pub(crate) fn ended(&mut self, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
        ended(&mut self.child, limit)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = signal(self.id, "KILL");
        }
        let _ = self.child.wait();
    }
}

/// The process that this one started.
fn only_child(parent: u32) -> anyhow::Result<u32> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    let child = children.split_whitespace().next();
    Ok(child.context("it has no child")?.parse()?)
}

/// How a child ended, if it does within `limit`.
pub(crate) fn ended(child: &mut Child, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if began.elapsed() > limit {
            return Ok(None);
        }
        pause(Duration::from_micros(500));
    }
}

/// Signals a process that we started.
pub(crate) fn signal(id: u32, name: &str) -> anyhow::Result<()> {
    run(Command::new("kill").args([format!("-{name}"), id.to_string()]))
}

/// Runs a program that must succeed, and answers what it printed.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a program that must succeed.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    read(command).map(drop)
}

/// Lets some time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "another process tells us nothing; it can only be looked at again"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
