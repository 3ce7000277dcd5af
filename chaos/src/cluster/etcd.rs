//! The three etcd members that Patroni keeps its leader lock in.

use std::path::Path;

use super::{HOSTS, network::address};
use crate::command::run;

/// What runs on a host. `--pre-vote`: a member that comes back does not disturb the others with its higher term.
pub(crate) fn command(host: u8, data: &Path) -> Vec<String> {
    let own = address(host);
    let peers: Vec<String> = HOSTS
        .iter()
        .map(|peer| format!("e{peer}=http://{}:2380", address(*peer)))
        .collect();
    let words = [
        "etcd",
        "--name",
        &format!("e{host}"),
        "--data-dir",
        &data.to_string_lossy(),
        "--pre-vote",
        "--heartbeat-interval",
        "50",
        "--election-timeout",
        "500",
        "--listen-peer-urls",
        &format!("http://{own}:2380"),
        "--initial-advertise-peer-urls",
        &format!("http://{own}:2380"),
        "--listen-client-urls",
        &format!("http://{own}:2379,http://127.0.0.1:2379"),
        "--advertise-client-urls",
        &format!("http://{own}:2379"),
        "--initial-cluster",
        &peers.join(","),
    ];
    words.map(str::to_owned).to_vec()
}

/// The host whose member leads the three.
pub(crate) fn leader() -> anyhow::Result<Option<u8>> {
    for host in HOSTS {
        let endpoint = format!("--endpoints=http://{}:2379", address(host));
        let said = run(&[
            "env",
            "ETCDCTL_API=3",
            "etcdctl",
            &endpoint,
            "--dial-timeout=1s",
            "--command-timeout=2s",
            "endpoint",
            "status",
            "--write-out=json",
        ]);
        // A member that does not answer does not lead.
        let Ok(said) = said else { continue };
        let said: serde_json::Value = serde_json::from_str(&said)?;
        let status = said.pointer("/0/Status");
        let id = |path| status.and_then(|status| status.pointer(path)).cloned();
        if id("/leader").is_some() && id("/leader") == id("/header/member_id") {
            return Ok(Some(host));
        }
    }
    Ok(None)
}
