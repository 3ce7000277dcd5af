//! Hosts that are network namespaces on one bridge. Nothing in them reaches the machine's own network.
//!
//! The namespaces of a run are named after its process id, so a later run finds and removes what a crashed one left.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Signal;
use rustix::thread::LinkNameSpaceType;

use crate::command::{self, run, signal};

/// Where `ip netns` keeps its names.
const NAMES: &str = "/run/netns";
/// Before the process id in every name.
const PREFIX: &str = "sandkasse-chaos-";
/// The host that servers and clients are on.
pub(crate) const CLIENTS: u8 = 9;

/// One bridge with hosts on it. All of it, and every process in it, ends when this is dropped.
pub(crate) struct Network {
    run: u32,
    /// Where this thread was before.
    outside: File,
}

impl Network {
    /// Builds hosts of these numbers, and the clients' host. Fails without the right to make namespaces.
    pub(crate) fn build(hosts: &[u8]) -> anyhow::Result<Self> {
        if !rustix::process::geteuid().is_root() {
            bail!(
                "network namespaces, and servers of other users in them, need root: \
                 run it as root, for example by `sudo -E env PATH=\"$PATH\" cargo xtask chaos`"
            );
        }
        let network = Self {
            run: std::process::id(),
            outside: File::open("/proc/self/ns/net")?,
        };
        let bridge = network.name("sw");
        run(&["ip", "netns", "add", &bridge])?;
        run(&["ip", "-n", &bridge, "link", "add", "br0", "type", "bridge"])?;
        run(&["ip", "-n", &bridge, "link", "set", "br0", "up"])?;
        for host in hosts.iter().chain(&[CLIENTS]) {
            network.plug_in(&bridge, *host)?;
        }
        Ok(network)
    }

    fn plug_in(&self, bridge: &str, host: u8) -> anyhow::Result<()> {
        let space = self.space(host);
        let (inner, outer) = (format!("v{host}"), format!("p{host}"));
        let address = format!("{}/24", address(host));
        run(&["ip", "netns", "add", &space])?;
        run(&[
            "ip", "link", "add", &inner, "netns", &space, "type", "veth", "peer", "name", &outer,
            "netns", bridge,
        ])?;
        let plug = ["ip", "-n", bridge, "link", "set", &outer];
        run(&[&plug[..], &["master", "br0", "up"]].concat())?;
        run(&["ip", "-n", &space, "addr", "add", &address, "dev", &inner])?;
        run(&["ip", "-n", &space, "link", "set", &inner, "up"])?;
        run(&["ip", "-n", &space, "link", "set", "lo", "up"])?;
        Ok(())
    }

    fn name(&self, what: &str) -> String {
        format!("{PREFIX}{}-{what}", self.run)
    }

    /// The name of a host's namespace.
    pub(crate) fn space(&self, host: u8) -> String {
        self.name(&format!("n{host}"))
    }

    /// Moves this thread, and the threads and processes it starts from now on, to the clients' host.
    pub(crate) fn enter(&self) -> anyhow::Result<()> {
        move_to(&File::open(Path::new(NAMES).join(self.space(CLIENTS)))?)
    }

    /// Pulls a host's cable, or plugs it in again.
    pub(crate) fn cable(&self, host: u8, plugged: bool) -> anyhow::Result<()> {
        let state = if plugged { "up" } else { "down" };
        let outer = format!("p{host}");
        run(&["ip", "-n", &self.name("sw"), "link", "set", &outer, state])?;
        Ok(())
    }

    /// Drops all packets between a host and the others, which clients do not notice.
    pub(crate) fn cut_off_from(&self, host: u8, others: &[u8]) -> anyhow::Result<()> {
        let others: Vec<String> = others.iter().map(|other| address(*other)).collect();
        let others = others.join(", ");
        let rules = format!(
            "table inet cut {{ \
               chain incoming {{ type filter hook input priority 0; ip saddr {{ {others} }} drop; }}; \
               chain outgoing {{ type filter hook output priority 0; ip daddr {{ {others} }} drop; }}; }}"
        );
        let space = self.space(host);
        run(&["ip", "netns", "exec", &space, "nft", &rules])?;
        Ok(())
    }

    /// Takes back [`Network::cut_off_from`].
    pub(crate) fn join_again(&self, host: u8) -> anyhow::Result<()> {
        let space = self.space(host);
        run(&[
            "ip", "netns", "exec", &space, "nft", "delete", "table", "inet", "cut",
        ])?;
        Ok(())
    }

    /// All processes on a host.
    pub(crate) fn pids(&self, host: u8) -> anyhow::Result<Vec<i32>> {
        pids(&self.space(host))
    }

    /// Sends a signal to everything on a host, until all that runs there has had it; returns to how many.
    pub(crate) fn signal_all(&self, host: u8, what: Signal) -> anyhow::Result<usize> {
        let mut had: Vec<i32> = Vec::new();
        loop {
            // A process may have started another one while we looked.
            let mut fresh = self.pids(host)?;
            fresh.retain(|pid| !had.contains(pid));
            if fresh.is_empty() {
                return Ok(had.len());
            }
            signal(what, &fresh);
            had.extend(fresh);
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // What looks for processes on the clients' host must not be one of them.
        if let Err(error) = move_to(&self.outside).and_then(|()| remove(self.run)) {
            eprintln!("the network of this run could not be removed: {error:#}");
        }
    }
}

fn move_to(space: &File) -> anyhow::Result<()> {
    let kind = Some(LinkNameSpaceType::Network);
    rustix::thread::move_into_link_name_space(space.as_fd(), kind)
        .context("cannot enter a network namespace")
}

/// The address of a host.
pub(crate) fn address(host: u8) -> String {
    format!("10.77.0.{host}")
}

fn pids(space: &str) -> anyhow::Result<Vec<i32>> {
    let said = run(&["ip", "netns", "pids", space])?;
    Ok(said.lines().filter_map(|line| line.parse().ok()).collect())
}

/// Ends and removes what runs that were killed left behind.
pub(crate) fn remove_leftovers() -> anyhow::Result<()> {
    for run in runs()? {
        let gone = i32::try_from(run).is_ok_and(|pid| !command::is_alive(pid));
        if gone {
            eprintln!("removing the network of run {run}, which ended without doing so");
            remove(run)?;
        }
    }
    Ok(())
}

/// The runs of which there are namespaces.
fn runs() -> anyhow::Result<Vec<u32>> {
    let mut runs: Vec<u32> = names()?.iter().filter_map(|name| run_of(name)).collect();
    runs.sort_unstable();
    runs.dedup();
    Ok(runs)
}

fn names() -> anyhow::Result<Vec<String>> {
    let Ok(folder) = std::fs::read_dir(NAMES) else {
        // There was never a namespace on this machine.
        return Ok(Vec::new());
    };
    let names = folder.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

/// The process id in the name of one of our namespaces.
fn run_of(name: &str) -> Option<u32> {
    let (run, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    run.parse().ok()
}

fn remove(run: u32) -> anyhow::Result<()> {
    for name in names()?.iter().filter(|name| run_of(name) == Some(run)) {
        let limit = Instant::now() + Duration::from_secs(10);
        loop {
            let left = pids(name)?;
            if left.is_empty() {
                break;
            }
            if Instant::now() > limit {
                bail!("{} processes in {name} do not end", left.len());
            }
            signal(Signal::KILL, &left);
            pause(Duration::from_millis(20));
        }
        command::run(&["ip", "netns", "del", name])?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "processes that were killed end soon, and can only be looked at again"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_namespaces_of_runs_are_ours() {
        for (name, expected) in [
            ("sandkasse-chaos-4711-n1", Some(4711)),
            ("sandkasse-chaos-4711-sw", Some(4711)),
            ("sandkasse-chaos-x-n1", None),
            ("sandkasse-chaos-4711", None),
            ("n1", None),
        ] {
            assert_eq!(run_of(name), expected, "{name}");
        }
    }
}
