//! A PostgreSQL server as Debian ships it, with its data on the disk that is measured: what it answered is on the disk.
//! Tests' own server (`crates/pgtest`) is the opposite of that.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use sandkasse_pgtest as pgtest;

use crate::process::{self, Process, pause};

/// Debian's user for it, and its superuser. It refuses to run as root.
const USER: &str = "postgres";

/// The files of a server that is started for each turn.
pub(crate) struct Cluster {
    data: PathBuf,
    sockets: PathBuf,
}

/// A running server; killed when dropped.
pub(crate) struct Postgres {
    process: Process,
    sockets: PathBuf,
}

impl Cluster {
    /// Makes the files of a new server below `folder`.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        let data = std::path::absolute(folder.join("postgres"))?;
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        // Not below the data, since the path of a socket has 107 bytes at most.
        let name = format!("sandkasse-bench-{}", std::process::id());
        let sockets = std::env::temp_dir().join(name);
        for folder in [&data, &sockets] {
            std::fs::create_dir_all(folder)?;
            if is_root()? {
                let owner = format!("{USER}:");
                run(Command::new("chown").arg(owner).arg(folder))?;
            }
        }
        let mut initdb = as_user("initdb")?;
        initdb
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--username", USER, "--pgdata"])
            .arg(&data);
        run(&mut initdb)?;
        Ok(Self { data, sockets })
    }

    /// Starts the server.
    pub(crate) async fn start(&self) -> anyhow::Result<Postgres> {
        let mut command = as_user("postgres")?;
        command
            .arg("-D")
            .arg(&self.data)
            .arg("-k")
            .arg(&self.sockets)
            .args(["-c", "listen_addresses="]);
        let log = std::env::temp_dir().join(format!("sandkasse-bench-{}.log", std::process::id()));
        let mut postgres = Postgres {
            process: Process::start_quietly(&mut command, &log)?,
            sockets: self.sockets.clone(),
        };
        let began = Instant::now();
        while let Err(error) = postgres.sql(USER, "SELECT 1") {
            postgres
                .process
                .still_runs()
                .with_context(|| format!("its log is {}", log.display()))?;
            ensure!(
                began.elapsed() < process::LIMIT,
                "PostgreSQL does not answer: {error:#}"
            );
            pause(std::time::Duration::from_millis(20)).await;
        }
        Ok(postgres)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What cannot be removed is overwritten by the next run.
        let _ = std::fs::remove_dir_all(&self.sockets);
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

impl Postgres {
    /// Makes an empty database, and says its URL as `--database` takes it.
    pub(crate) fn make(&self, database: &str) -> anyhow::Result<String> {
        self.sql(USER, &format!("DROP DATABASE IF EXISTS {database}"))?;
        self.sql(
            USER,
            &format!("CREATE DATABASE {database} TEMPLATE template0"),
        )?;
        self.settle()?;
        let folder = self.sockets.display().to_string().replace('/', "%2F");
        Ok(format!("postgres://{USER}@{folder}/{database}"))
    }

    /// A command of PostgreSQL's own benchmark; it wants the database's name as its last argument.
    pub(crate) fn pgbench(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(program("pgbench")?);
        command.args(["-U", USER, "-h"]).arg(&self.sockets);
        Ok(command)
    }

    /// Writes down what is owed, so that no load pays for what was before it.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        self.sql(USER, "CHECKPOINT")
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        // SIGTERM waits for its clients, who have left.
        self.process.stop().await
    }

    fn sql(&self, database: &str, text: &str) -> anyhow::Result<()> {
        let mut psql = Command::new(program("psql")?);
        psql.args(["-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", USER, "-h"])
            .arg(&self.sockets)
            .args(["-d", database, "-c", text]);
        run(&mut psql).map(drop)
    }
}

/// Runs a program to its end; fails with its complaint.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    read(command).map(drop)
}

/// The same, and what it prints.
pub(crate) fn read(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .with_context(|| format!("cannot start {name}"))?;
    ensure!(
        output.status.success(),
        "{name} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn program(name: &str) -> anyhow::Result<PathBuf> {
    let programs = pgtest::programs().map_err(anyhow::Error::msg)?;
    Ok(programs.join(name))
}

/// One of its programs, as the user that may run it.
fn as_user(name: &str) -> anyhow::Result<Command> {
    let program = program(name)?;
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", USER, "--regid", USER, "--clear-groups"])
        .arg(program)
        // Where it may be, too.
        .current_dir("/");
    Ok(command)
}

fn is_root() -> anyhow::Result<bool> {
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}
