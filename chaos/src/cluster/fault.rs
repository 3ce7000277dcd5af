//! What can break, and how it is mended again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use rustix::process::Signal;

use super::network::address;
use super::{Cluster, HOSTS, etcd, patroni};
use crate::command::{rest, signal};
use crate::postgres::sql;

/// A way to break the cluster under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// `kill -9` of the leader's postmaster.
    Postmaster,
    /// `kill -9` of everything on the leader's host, which boots again later.
    Host,
    /// The leader's cable is pulled for 28 s, then plugged in again.
    NetworkCut,
    /// Everything on the leader's host is stopped for 28 s, then goes on.
    Freeze,
    /// Only replication and etcd are cut; clients still reach the old leader.
    ReplicationCut,
    /// The leader's standbys are cut off, commits that wait for one are cancelled, and the host is killed. PostgreSQL calls
    /// such commits done, with a warning; they are nowhere any more.
    CancelledWait,
    /// The leader among the etcd members is killed, and started 3 s later.
    EtcdLeader,
    /// Control: as replication-cut with asynchronous replication; acknowledged operations must be lost.
    AsyncControl,
}

/// How long a cut or a freeze lasts: longer than the lease of the leader lock.
const LONG: Duration = Duration::from_secs(28);
/// How long until a killed host boots: long enough for the others to take over.
const BOOT: Duration = Duration::from_secs(25);

impl Fault {
    /// What was promised as the longest time without a success; `None` where nothing was.
    pub(crate) fn longest_gap(self) -> Option<Duration> {
        match self {
            Self::Postmaster | Self::EtcdLeader => Some(Duration::from_secs(5)),
            Self::Host
            | Self::NetworkCut
            | Self::Freeze
            | Self::ReplicationCut
            | Self::CancelledWait => Some(Duration::from_secs(30)),
            Self::AsyncControl => None,
        }
    }

    /// Whether it shows that the checker finds losses.
    pub(crate) fn is_control(self) -> bool {
        self == Self::AsyncControl
    }

    /// Whether another host must lead afterwards.
    pub(crate) fn moves_the_leader(self) -> bool {
        match self {
            Self::Postmaster | Self::EtcdLeader => false,
            Self::Host
            | Self::NetworkCut
            | Self::Freeze
            | Self::ReplicationCut
            | Self::CancelledWait
            | Self::AsyncControl => true,
        }
    }

    /// How long it lasts until it is mended.
    pub(crate) fn lasts(self) -> Duration {
        match self {
            Self::Postmaster => Duration::ZERO,
            Self::Host | Self::CancelledWait => BOOT,
            Self::NetworkCut | Self::Freeze | Self::ReplicationCut | Self::AsyncControl => LONG,
            Self::EtcdLeader => Duration::from_secs(3),
        }
    }

    /// What must be so before the load begins.
    pub(crate) async fn prepare(self, cluster: &Cluster) -> anyhow::Result<()> {
        if !self.is_control() {
            return Ok(());
        }
        patroni::set_synchronous(cluster.leader()?, false)?;
        for _ in 0..300 {
            if patroni::members().is_ok_and(|members| patroni::are_asynchronous(&members)) {
                return Ok(());
            }
            rest(Duration::from_millis(200)).await;
        }
        bail!("replication did not become asynchronous within a minute")
    }

    /// Breaks something; returns on which host. Fails when there was nothing to break.
    pub(crate) async fn strike(self, cluster: &mut Cluster) -> anyhow::Result<u8> {
        let leader = cluster.leader()?;
        match self {
            Self::Postmaster => {
                let pid = cluster.postmaster(leader)?;
                signal(Signal::KILL, &[pid]);
                Ok(leader)
            }
            Self::Host => {
                some(cluster.network.signal_all(leader, Signal::KILL)?)?;
                Ok(leader)
            }
            Self::NetworkCut => {
                cluster.network.cable(leader, false)?;
                Ok(leader)
            }
            Self::Freeze => {
                some(cluster.network.signal_all(leader, Signal::STOP)?)?;
                Ok(leader)
            }
            Self::ReplicationCut | Self::AsyncControl => {
                cluster.network.cut_off_from(leader, &others(leader))?;
                Ok(leader)
            }
            Self::CancelledWait => {
                cluster.network.cut_off_from(leader, &others(leader))?;
                let cancelled = cancel_waiting_commits(leader).await;
                some(cluster.network.signal_all(leader, Signal::KILL)?)?;
                if cancelled? == 0 {
                    bail!("no commit waited for a standby");
                }
                Ok(leader)
            }
            Self::EtcdLeader => {
                let host = etcd::leader()?.context("no etcd member leads")?;
                let etcd = cluster.host(host)?.etcd.as_mut().context("no etcd runs")?;
                etcd.kill()?;
                etcd.wait()?;
                Ok(host)
            }
        }
    }

    /// Mends what [`Fault::strike`] broke on that host.
    pub(crate) fn mend(self, cluster: &mut Cluster, host: u8) -> anyhow::Result<()> {
        match self {
            Self::Postmaster => Ok(()),
            Self::Host | Self::EtcdLeader => cluster.boot(host),
            Self::NetworkCut => cluster.network.cable(host, true),
            Self::Freeze => cluster
                .network
                .signal_all(host, Signal::CONT)
                .and_then(some),
            Self::ReplicationCut | Self::AsyncControl => cluster.network.join_again(host),
            Self::CancelledWait => {
                cluster.network.join_again(host)?;
                cluster.boot(host)
            }
        }
    }

    /// Waits for what stood before [`Fault::prepare`], so that the next fault meets three hosts.
    pub(crate) async fn restore(self, cluster: &Cluster) -> anyhow::Result<Duration> {
        if self.is_control() {
            patroni::set_synchronous(cluster.next_leader().await?, true)?;
        }
        cluster.wait_until_whole().await
    }
}

fn others(leader: u8) -> Vec<u8> {
    HOSTS.into_iter().filter(|it| *it != leader).collect()
}

/// Cancels what waits for a standby for a while; returns how often.
async fn cancel_waiting_commits(host: u8) -> anyhow::Result<usize> {
    let (address, port) = (address(host), patroni::POSTGRES_PORT);
    let url = format!(
        "postgres://postgres:{}@{address}:{port}/postgres",
        patroni::PASSWORD
    );
    let cancel =
        "select count(pg_cancel_backend(pid)) from pg_stat_activity where wait_event = 'SyncRep'";
    let (began, mut cancelled) = (Instant::now(), 0);
    // Not longer: Patroni would notice that it is alone, and stop PostgreSQL.
    while began.elapsed() < Duration::from_secs(if cancelled == 0 { 10 } else { 1 }) {
        match sql(&url, cancel) {
            Ok(count) => cancelled += count.parse::<usize>()?,
            Err(_) if cancelled > 0 => break,
            Err(error) => return Err(error),
        }
        rest(Duration::from_millis(50)).await;
    }
    Ok(cancelled)
}

/// A fault that met no process is none.
fn some(met: usize) -> anyhow::Result<()> {
    if met == 0 {
        bail!("nothing ran on that host");
    }
    Ok(())
}
