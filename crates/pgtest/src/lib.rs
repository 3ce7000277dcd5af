//! A PostgreSQL server for tests.
//!
//! Nextest runs every test in a process of its own, and a server takes a second to make. So all tests
//! of one checkout share one server in a folder for temporary files, and each test has a database of
//! its own there for as long as it lives. Locks on files say who uses what; the system gives them
//! back however a process ends. A small guardian (`guardian.sh`) ends the server when nobody has used
//! it for ten seconds. It listens on a socket in its folder only, and loses everything with the
//! machine, which is what makes it fast; nothing here is for tests of durability.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// At most so many tests use a database at once.
const DATABASES: usize = 256;
/// How long a server may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Who owns the databases.
pub const OWNER: &str = "postgres";

/// What goes wrong here ends the test, with what the system says.
type Result<T> = std::result::Result<T, String>;

/// A database for one test, empty of data. Others may use it when this is dropped.
#[derive(Debug)]
pub struct Database {
    folder: PathBuf,
    name: String,
    _lease: File,
    _user: File,
}

impl Database {
    /// One that nobody else uses; its tables are as the test before left them, without rows.
    ///
    /// # Panics
    ///
    /// When there is no PostgreSQL on this machine, or it does not start.
    pub fn lease() -> Database {
        match try_lease() {
            Ok(database) => database,
            Err(error) => {
                panic!("no PostgreSQL for tests (`cargo xtask setup` installs it): {error}")
            }
        }
    }

    /// Its URL for a role.
    pub fn url(&self, role: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{role}@{folder}/{}", self.name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder of the server's socket.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Executes SQL as the owner and returns what it prints.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn execute(&self, sql: &str) -> String {
        psql(&self.folder, &self.name, sql).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn try_lease() -> Result<Database> {
    let folder = folder();
    let since = Instant::now();
    let (user, boot) = loop {
        let started = start(&folder)?;
        // A server that somebody told to end takes no new users, and ends when the others are gone.
        match psql(&folder, OWNER, "SELECT 1") {
            Ok(_) => break started,
            Err(error) if since.elapsed() > PATIENCE => return Err(error),
            Err(_) => pause(),
        }
    };
    for number in 0..DATABASES {
        let path = folder.join(format!("database-{number}.lock"));
        let mut lease = open(&path)?;
        if lease.try_lock().is_err() {
            continue;
        }
        let name = format!("test_{number}");
        let mut made_for = String::new();
        lease.read_to_string(&mut made_for).map_err(cannot(&path))?;
        if made_for == boot {
            psql(&folder, &name, EMPTY)?;
        } else {
            psql(
                &folder,
                OWNER,
                &format!("CREATE DATABASE {name} TEMPLATE template0"),
            )?;
            lease.set_len(0).map_err(cannot(&path))?;
            lease.rewind().map_err(cannot(&path))?;
            lease.write_all(boot.as_bytes()).map_err(cannot(&path))?;
        }
        return Ok(Database {
            folder,
            name,
            _lease: lease,
            _user: user,
        });
    }
    Err(format!("{DATABASES} tests use a database already"))
}

/// What a test left: its connections, if it was killed, and its rows.
const EMPTY: &str = "
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE it regclass;
BEGIN
    FOR it IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = to_regnamespace('sandkasse')
        AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname NOT IN ('schema_version', 'installation')
    LOOP EXECUTE format('DELETE FROM %s', it); END LOOP;
    IF to_regclass('sandkasse.installation') IS NOT NULL THEN
        UPDATE sandkasse.installation SET generation = 1, epoch = 0;
    END IF;
END $$;";

/// One folder for each checkout and user.
fn folder() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_MANIFEST_DIR").hash(&mut hasher);
    let user = user();
    // Short, since the path of a socket has 107 bytes at most.
    let name = format!("sandkasse-pg-{user}-{:08x}", hasher.finish() & 0xffff_ffff);
    std::env::temp_dir().join(name)
}

/// Who runs the tests.
fn user() -> u32 {
    fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid())
}

/// Makes sure that a server runs. It runs as long as the returned file is open; the text tells this
/// server from earlier ones.
fn start(folder: &Path) -> Result<(File, String)> {
    fs::create_dir_all(folder).map_err(cannot(folder))?;
    let boot_path = folder.join("boot.lock");
    let mut boot = open(&boot_path)?;
    boot.lock().map_err(cannot(&boot_path))?;
    let mut id = String::new();
    boot.read_to_string(&mut id).map_err(cannot(&boot_path))?;
    if !answers(folder) {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        id = format!("{} {}", std::process::id(), since.as_nanos());
        boot.set_len(0).map_err(cannot(&boot_path))?;
        boot.rewind().map_err(cannot(&boot_path))?;
        boot.write_all(id.as_bytes()).map_err(cannot(&boot_path))?;
        make(folder)?;
    }
    let users_path = folder.join("users.lock");
    let user = open(&users_path)?;
    user.lock_shared().map_err(cannot(&users_path))?;
    Ok((user, id))
}

fn make(folder: &Path) -> Result<()> {
    let programs = programs()?;
    let data = folder.join("data");
    fs::remove_dir_all(&data).ok();
    fs::create_dir(&data).map_err(cannot(&data))?;
    // As root PostgreSQL refuses to run: its own user runs it.
    let as_user = match user() {
        0 => {
            let user = ["postgres", "nobody"].into_iter().find_map(user_id);
            let (uid, gid) = user.ok_or("there is no user to run it as")?;
            for path in [folder, &data] {
                std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(cannot(path))?;
            }
            vec![
                "setpriv".to_owned(),
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".to_owned(),
            ]
        }
        _ => vec!["env".to_owned()],
    };
    let command = |program: &str| {
        let mut command = as_user.clone();
        command.push(programs.join(program).display().to_string());
        command
    };
    let mut initdb = Command::new(command("initdb").remove(0));
    initdb
        .args(command("initdb").into_iter().skip(1))
        .args([
            "-U",
            OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ])
        .arg(&data)
        .current_dir(folder);
    run(&mut initdb)?;
    let log = folder.join("server.log");
    let log = File::create(&log).map_err(cannot(&log))?;
    let settings = [
        "listen_addresses=",
        "fsync=off",
        "full_page_writes=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "max_connections=600",
        "shared_buffers=64MB",
        "log_min_messages=error",
        "log_min_error_statement=panic",
    ];
    Command::new("sh")
        .args(["-c", include_str!("guardian.sh"), "guardian"])
        .arg(folder)
        .args(command("postgres"))
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(folder)
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(|error| error.to_string())?)
        .stderr(log)
        // Its own group: what ends the tests does not end it before its time.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("sh: {error}"))?;
    let since = Instant::now();
    while psql(folder, OWNER, "SELECT 1").is_err() {
        if since.elapsed() > PATIENCE {
            let log = fs::read_to_string(folder.join("server.log")).unwrap_or_default();
            return Err(format!("the server does not answer: {log}"));
        }
        pause();
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server does not say when it is ready"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

fn answers(folder: &Path) -> bool {
    UnixStream::connect(folder.join(".s.PGSQL.5432")).is_ok()
}

/// The folder of the newest version's programs.
pub fn programs() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for version in fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = version.file_name();
        let number = name.to_str().and_then(|name| name.parse().ok());
        let programs = version.path().join("bin");
        if let Some(number) = number
            && programs.join("postgres").exists()
        {
            found.push((number, programs));
        }
    }
    found.sort();
    if let Some((_, programs)) = found.pop() {
        return Ok(programs);
    }
    let said = run(Command::new("pg_config").arg("--bindir"))?;
    Ok(PathBuf::from(said.trim()))
}

fn user_id(name: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut parts = line.split(':').skip(2);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn psql(folder: &Path, database: &str, sql: &str) -> Result<String> {
    let mut command = Command::new("psql");
    command
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", OWNER])
        .arg("-h")
        .arg(folder)
        .args(["-d", database, "-c", sql]);
    run(&mut command)
}

fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", name.display()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!(
            "{}: {}",
            name.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(cannot(path))
}

fn cannot(path: &Path) -> impl Fn(std::io::Error) -> String {
    let path = path.to_owned();
    move |error| format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_leases_are_two_databases_and_a_later_one_finds_no_rows() {
        let (one, other) = (Database::lease(), Database::lease());
        assert_ne!(one.name(), other.name());
        one.execute("CREATE SCHEMA IF NOT EXISTS sandkasse; CREATE TABLE IF NOT EXISTS sandkasse.rest (n int)");
        one.execute("INSERT INTO sandkasse.rest VALUES (1)");
        assert_eq!(
            one.execute("SELECT count(*) FROM sandkasse.rest").trim(),
            "1"
        );
        psql(one.folder(), one.name(), EMPTY).unwrap();
        assert_eq!(
            one.execute("SELECT count(*) FROM sandkasse.rest").trim(),
            "0"
        );
        one.execute("DROP TABLE sandkasse.rest");
    }
}
