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
    child: Child,
    folder: PathBuf,
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
        let address = free_address()?;
        let program = format!("{PROGRAMS}/postgres");
        let port = address.port().to_string();
        let sockets = format!("unix_socket_directories={}", folder.display());
        let serve = [
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
        let child = command::start(&as_user(&serve), &logs.join("postgres.log"))?;
        let server = Self {
            child,
            folder: folder.to_path_buf(),
            address,
        };
        let began = Instant::now();
        while !server.is_ready() {
            if began.elapsed() > PATIENCE {
                bail!("PostgreSQL is not ready; its log is in {}", logs.display());
            }
            rest(Duration::from_millis(50)).await;
        }
        Ok(server)
    }

    fn is_ready(&self) -> bool {
        let program = format!("{PROGRAMS}/pg_isready");
        let port = self.address.port().to_string();
        run(&[&program, "-q", "-h", "127.0.0.1", "-p", &port]).is_ok()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What we started is `runuser`; the postmaster says its own id.
        let file = self.folder.join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(Ok(pid)) = text.lines().next().map(|line| line.trim().parse()) {
            signal(Signal::QUIT, &[pid]);
        }
        let _ = self.child.wait();
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
