//! Three hosts with etcd, Patroni and PostgreSQL, as `docs/reliability/chaos.md` describes them.
//!
//! [`network`] makes the hosts, [`etcd`] and [`patroni`] say what runs on them, [`fault`] breaks them. Everything
//! ends and is removed when the [`Cluster`] is dropped, and what a killed run left is removed by the next.

pub(crate) mod etcd;
pub(crate) mod fault;
pub(crate) mod network;
pub(crate) mod patroni;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Signal;

use self::network::Network;
use crate::command::{rest, run, start};

/// The hosts that have PostgreSQL.
pub(crate) const HOSTS: [u8; 3] = [1, 2, 3];
/// How long the three may take to become a cluster with two synchronous standbys.
const PATIENCE: Duration = Duration::from_secs(120);
/// Patroni before this cannot be trusted with etcd's third protocol: it lets a healed partition steal the leader lock.
const OLDEST_PATRONI: u32 = 4;

/// Three running hosts.
pub(crate) struct Cluster {
    // Before the folder: what runs ends before its data go.
    hosts: Vec<Host>,
    network: Network,
    folder: PathBuf,
    logs: PathBuf,
}

struct Host {
    number: u8,
    etcd: Option<Child>,
    patroni: Option<Child>,
}

impl Cluster {
    /// Starts everything on the hosts of a network, whose clients' host this process has entered. `python` holds
    /// Patroni, `folder` gets the data, `logs` what the servers print.
    pub(crate) async fn start(
        network: Network,
        python: &Path,
        folder: PathBuf,
        logs: &Path,
    ) -> anyhow::Result<Self> {
        let version = patroni::version(python)?;
        refuse_old(&version)?;
        std::fs::create_dir_all(logs)?;
        std::fs::create_dir_all(&folder)?;
        let mut cluster = Self {
            hosts: Vec::new(),
            network,
            folder,
            logs: logs.to_path_buf(),
        };
        cluster.lay_out(python)?;
        for number in HOSTS {
            cluster.hosts.push(Host {
                number,
                etcd: None,
                patroni: None,
            });
            cluster.start_etcd(number)?;
        }
        for number in HOSTS {
            cluster.start_patroni(number)?;
        }
        let took = cluster.wait_until_whole().await?;
        eprintln!(
            "Patroni {version}: three hosts, one leader, two synchronous standbys after {:.1} s",
            took.as_secs_f64()
        );
        Ok(cluster)
    }

    /// Folders and files, readable by the user that PostgreSQL runs as.
    fn lay_out(&self, python: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        // The checkout may lie where that user may not go.
        let copy = self.python();
        run(&["cp", "-r", &shown(python), &shown(&copy)])?;
        run(&["chmod", "-R", "a+rX", &shown(&copy)])?;
        std::fs::set_permissions(&self.folder, PermissionsExt::from_mode(0o755))?;
        for number in HOSTS {
            let own = self.folder.join(format!("pg{number}"));
            std::fs::create_dir_all(&own)?;
            std::fs::write(
                own.join("patroni.json"),
                patroni::configuration(number, &own)?,
            )?;
            run(&["chown", "-R", "postgres:", &shown(&own)])?;
        }
        Ok(())
    }

    fn python(&self) -> PathBuf {
        self.folder.join("python")
    }

    fn start_etcd(&mut self, number: u8) -> anyhow::Result<()> {
        let data = self.folder.join(format!("etcd{number}"));
        let words = etcd::command(number, &data);
        let child = self.start_on(number, &words, "etcd")?;
        self.host(number)?.etcd = Some(child);
        Ok(())
    }

    fn start_patroni(&mut self, number: u8) -> anyhow::Result<()> {
        let file = self.folder.join(format!("pg{number}/patroni.json"));
        let words = patroni::command(&self.python(), &file);
        let child = self.start_on(number, &words, "postgres")?;
        self.host(number)?.patroni = Some(child);
        Ok(())
    }

    fn start_on(&self, number: u8, words: &[String], log: &str) -> anyhow::Result<Child> {
        let space = self.network.space(number);
        let mut all = vec!["ip", "netns", "exec", &space];
        all.extend(words.iter().map(String::as_str));
        let log = self.logs.join(format!("{log}{number}.log"));
        start(&all, &log)
    }

    fn host(&mut self, number: u8) -> anyhow::Result<&mut Host> {
        let mut hosts = self.hosts.iter_mut();
        hosts
            .find(|host| host.number == number)
            .context("there is no such host")
    }

    /// Starts whatever does not run on a host, as its boot would.
    pub(crate) fn boot(&mut self, number: u8) -> anyhow::Result<()> {
        let host = self.host(number)?;
        let etcd = ended(&mut host.etcd)?;
        let patroni = ended(&mut host.patroni)?;
        if etcd {
            self.start_etcd(number)?;
        }
        if patroni {
            self.start_patroni(number)?;
        }
        Ok(())
    }

    /// Waits until there is one leader that two synchronous standbys follow.
    pub(crate) async fn wait_until_whole(&self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        loop {
            let seen = patroni::members();
            if seen
                .as_ref()
                .is_ok_and(|members| patroni::is_whole(members))
            {
                return Ok(began.elapsed());
            }
            if began.elapsed() > PATIENCE {
                bail!(
                    "no leader with two synchronous standbys after {} s; last seen: {seen:?}; logs are in {}",
                    PATIENCE.as_secs(),
                    self.logs.display()
                );
            }
            rest(Duration::from_millis(200)).await;
        }
    }

    /// The host whose PostgreSQL takes writes, as its Patroni says.
    pub(crate) fn leader(&self) -> anyhow::Result<u8> {
        let mut hosts = HOSTS.into_iter();
        hosts
            .find(|host| patroni::is_leader(*host))
            .context("there is no leader")
    }

    /// The host whose PostgreSQL takes writes, waited for.
    pub(crate) async fn next_leader(&self) -> anyhow::Result<u8> {
        let began = Instant::now();
        loop {
            match self.leader() {
                Err(_) if began.elapsed() < PATIENCE => rest(Duration::from_millis(200)).await,
                found => return found,
            }
        }
    }

    /// A URL of all three for this user and database, as PostgreSQL's own clients and the store take it.
    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        let hosts =
            HOSTS.map(|host| format!("{}:{}", network::address(host), patroni::POSTGRES_PORT));
        let password = patroni::PASSWORD;
        format!(
            "postgres://{user}:{password}@{}/{database}?target_session_attrs=read-write",
            hosts.join(",")
        )
    }

    /// The process id of a host's postmaster.
    fn postmaster(&self, host: u8) -> anyhow::Result<i32> {
        let file = self.folder.join(format!("pg{host}/data/postmaster.pid"));
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let pid = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse().ok());
        pid.with_context(|| format!("{} names no process", file.display()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for host in &mut self.hosts {
            // Frozen ones cannot be waited for.
            let ended = self.network.signal_all(host.number, Signal::KILL);
            if let Err(error) = ended {
                eprintln!("host {} could not be ended: {error:#}", host.number);
            }
            for child in [&mut host.etcd, &mut host.patroni].into_iter().flatten() {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Whether a child does not run, or was never started.
fn ended(child: &mut Option<Child>) -> anyhow::Result<bool> {
    let Some(running) = child else {
        return Ok(true);
    };
    Ok(running.try_wait()?.is_some())
}

fn refuse_old(version: &str) -> anyhow::Result<()> {
    let major = version.split('.').next().and_then(|it| it.parse().ok());
    if major.is_none_or(|major: u32| major < OLDEST_PATRONI) {
        bail!(
            "Patroni {version} is refused: before {OLDEST_PATRONI} a host that comes back from a partition can \
             steal the leader lock and with it lose what was acknowledged"
        );
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patroni_older_than_four_is_refused() {
        for (version, accepted) in [
            ("4.1.5", true),
            ("10.0", true),
            ("3.0.2", false),
            ("3.9", false),
            ("", false),
        ] {
            assert_eq!(refuse_old(version).is_ok(), accepted, "{version}");
        }
    }
}
