//! One PostgreSQL on loopback, for what needs several nodes but no fail-over.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Signal;

use crate::command::{self, rest, run, signal};

/// The programs of Debian's PostgreSQL.
pub(crate) const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// Debian's user for it. It refuses to run as root.
const USER: &str = "postgres";

/// A running server; ended and removed when dropped.
pub(crate) struct Postgres {
    child: Option<Child>,
    folder: PathBuf,
    logs: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Postgres {
    /// Makes a new server with a superuser `postgres` that needs no password, in a folder of its own.
    pub(crate) async fn start(folder: &Path, logs: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::create_dir_all(logs)?;
        let data = folder.join("data").display().to_string();
        if is_root() {
            let owner = format!("{USER}:");
            run(&["chown", &owner, &folder.display().to_string()])?;
        }
        let initdb = format!("{PROGRAMS}/initdb");
        let make = [
            initdb.as_str(),
            "--pgdata",
            &data,
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        ];
        run(&as_user(&make))?;
        let mut server = Self {
            child: None,
            folder: folder.to_path_buf(),
            logs: logs.to_path_buf(),
            address: free_address()?,
        };
        server.serve().await?;
        Ok(server)
    }

    /// `kill -9` of the postmaster, and a new one once its old processes have left.
    pub(crate) async fn crash_and_restart(&mut self) -> anyhow::Result<()> {
        let pid = self.postmaster().context("no postmaster runs")?;
        signal(Signal::KILL, &[pid]);
        if let Some(mut child) = self.child.take() {
            child.wait()?;
        }
        self.serve().await
    }

    /// Runs it and waits until it is ready. After a crash it is tried again while old processes hold its memory.
    async fn serve(&mut self) -> anyhow::Result<()> {
        let program = format!("{PROGRAMS}/postgres");
        let port = self.address.port().to_string();
        let data = self.folder.join("data").display().to_string();
        let sockets = format!("unix_socket_directories={}", self.folder.display());
        let words = [
            program.as_str(),
            "-D",
            &data,
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-c",
            &sockets,
            "-c",
            "max_connections=200",
        ];
        let began = Instant::now();
        while !self.is_ready() {
            if began.elapsed() > PATIENCE {
                let logs = self.logs.display();
                bail!("PostgreSQL is not ready; its log is in {logs}");
            }
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            if ended {
                let log = self.logs.join("postgres.log");
                self.child = Some(command::start(&as_user(&words), &log)?);
            }
            rest(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Its process id, as it says itself: what we started may be `runuser`.
    fn postmaster(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    fn is_ready(&self) -> bool {
        let program = format!("{PROGRAMS}/pg_isready");
        let port = self.address.port().to_string();
        run(&[&program, "-q", "-h", "127.0.0.1", "-p", &port]).is_ok()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let postmaster = self.postmaster();
        if let Some(pid) = postmaster {
            signal(Signal::QUIT, &[pid]);
        }
        if let Some(child) = &mut self.child {
            if postmaster.is_none() {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Runs SQL as the superuser; `host` may be several, separated by commas. Returns rows without decoration.
pub(crate) fn sql(url: &str, text: &str) -> anyhow::Result<String> {
    let program = format!("{PROGRAMS}/psql");
    let words = [
        program.as_str(),
        "--no-psqlrc",
        "-v",
        "ON_ERROR_STOP=1",
        "-qAt",
        "-d",
        url,
        "-c",
        text,
    ];
    Ok(run(&words)?.trim().to_owned())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn as_user<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut all = Vec::new();
    if is_root() {
        all.extend(["runuser", "-u", USER, "--"]);
    }
    all.extend(words);
    all
}

/// A port that nobody listens on now.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?)
}
