//! Processes that are measured: started, found, watched and ended.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// Nothing takes longer to start or to end.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A running process; killed when dropped.
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts it with its output thrown away, but for what it has to complain about.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        Self::spawn(command.stdout(Stdio::null()))
    }

    /// The same with all output in a file: programs of others complain about much.
    pub(crate) fn start_quietly(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = std::fs::File::create(log)?;
        Self::spawn(command.stdout(file.try_clone()?).stderr(file))
    }

    fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name })
    }

    /// Fails when it has ended.
    pub(crate) fn still_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}", self.name),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads a file that the process writes when it is ready, as soon as `parse` accepts its content.
    pub(crate) async fn wait_for<T>(
        &mut self,
        file: &Path,
        parse: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        let started = Instant::now();
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if let Some(ready) = parse(&text) {
                return Ok(ready);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status} while starting", self.name);
            }
            if started.elapsed() > LIMIT {
                bail!("{} is not ready after {} s", self.name, LIMIT.as_secs());
            }
            pause(Duration::from_micros(500)).await;
        }
    }

    /// Asks it to end, and waits. Fails unless it ends with status 0.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.child.id().to_string();
        Command::new("sh")
            .args(["-c", "kill -s TERM -- \"$0\"", &id])
            .status()?;
        let asked = Instant::now();
        while asked.elapsed() < LIMIT {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("{} ended with {status} on SIGTERM", self.name);
                }
                return Ok(());
            }
            pause(Duration::from_millis(5)).await;
        }
        bail!(
            "{} still runs {} s after SIGTERM",
            self.name,
            LIMIT.as_secs()
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process has ended already, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a ceiling, which is a subcommand of this binary, with its files in `folder`.
pub(crate) async fn ceiling(task: &str, folder: &Path) -> anyhow::Result<(Process, SocketAddr)> {
    let port_file = folder.join("port");
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(task).arg("--port-file").arg(&port_file);
    if task == "ceiling-durable" {
        command.arg("--database").arg(folder.join("ceiling.db"));
    }
    let mut process = Process::start(&mut command)?;
    let address = process
        .wait_for(&port_file, |text| text.parse().ok())
        .await?;
    Ok((process, address))
}

/// Lets some time pass: between two looks at another process, and for it to settle.
#[expect(
    clippy::disallowed_methods,
    reason = "another process tells us nothing; it can only be looked at again"
)]
pub(crate) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
