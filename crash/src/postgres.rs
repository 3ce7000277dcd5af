//! A PostgreSQL server of Debian's, with its data where a run wants it, and as it is shipped: what it answered is on
//! the disk. Tests' own server (`crates/pgtest`) is the opposite of that.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use sandkasse_pgtest as pgtest;

use crate::server::{self, PATIENCE, signal};

/// Debian's user for it, and its superuser. It refuses to run as root.
const USER: &str = "postgres";
/// The platform's database.
const DATABASE: &str = "sandkasse";

/// A running server. When dropped it ends as if it had been killed.
pub(crate) struct Postgres {
    child: Child,
    sockets: PathBuf,
}

impl Postgres {
    /// Makes the files of a new server. They are on the disk when this is done.
    pub(crate) fn make(data: &Path) -> anyhow::Result<()> {
        own_folder(data)?;
        let mut initdb = as_user("initdb")?;
        initdb.args(["--auth=trust", "--encoding=UTF8", "--locale=C"]);
        initdb.args(["--username", USER, "--pgdata"]).arg(data);
        server::run(&mut initdb)
    }

    /// Starts a server on its files, with further settings, and waits until it answers. It listens in the folder
    /// `sockets` alone.
    pub(crate) fn start(
        data: &Path,
        sockets: &Path,
        log: &Path,
        settings: &[&str],
    ) -> anyhow::Result<Postgres> {
        own_folder(sockets)?;
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = as_user("postgres")?;
        command.arg("-D").arg(data).arg("-k").arg(sockets);
        let all = ["listen_addresses="].iter().chain(settings);
        command.args(all.flat_map(|setting| ["-c", setting]));
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start PostgreSQL")?;
        let mut postgres = Postgres {
            child,
            sockets: sockets.to_owned(),
        };
        postgres.await_ready()?;
        Ok(postgres)
    }

    /// The same where another server was when the power went, which has this machine's process ids no more.
    pub(crate) fn start_after_crash(
        data: &Path,
        sockets: &Path,
        log: &Path,
    ) -> anyhow::Result<Postgres> {
        let _ = fs::remove_file(data.join("postmaster.pid"));
        Postgres::start(data, sockets, log, &[])
    }

    /// Makes the platform's database.
    pub(crate) fn make_database(&self) -> anyhow::Result<()> {
        let made = self.sql(&format!("CREATE DATABASE {DATABASE} TEMPLATE template0"));
        made.map(drop)
    }

    /// As `--database` takes it.
    pub(crate) fn url(&self) -> String {
        let folder = self.sockets.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{folder}/{DATABASE}")
    }

    fn sql(&self, text: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(program("psql")?);
        psql.args(["-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", USER, "-h"])
            .arg(&self.sockets)
            .args(["-d", USER, "-c", text]);
        server::read(&mut psql)
    }

    /// Also while it recovers, which it does before it answers.
    fn await_ready(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        while let Err(error) = self.sql("SELECT 1") {
            if let Some(status) = self.child.try_wait()? {
                bail!("PostgreSQL does not start ({status})");
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "PostgreSQL does not answer: {error:#}"
            );
            server::pause(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Without a checkpoint, but what it shares with its children is given back.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = signal(self.child.id(), "QUIT");
        }
        let _ = self.child.wait();
    }
}

/// Makes a folder that is the server's.
fn own_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    match is_root() {
        true => server::run(Command::new("chown").arg(format!("{USER}:")).arg(folder)),
        false => Ok(()),
    }
}

fn program(name: &str) -> anyhow::Result<PathBuf> {
    let programs = pgtest::programs().map_err(anyhow::Error::msg)?;
    Ok(programs.join(name))
}

/// One of its programs, as the user that may run it.
fn as_user(name: &str) -> anyhow::Result<Command> {
    let program = program(name)?;
    if !is_root() {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]);
    // Where it may be, too.
    command.arg(program).current_dir("/");
    Ok(command)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
