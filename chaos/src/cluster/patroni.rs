//! Patroni, which decides which of the three PostgreSQL takes writes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{HOSTS, network::address};
use crate::{command::run, http, postgres::PROGRAMS};

/// Debian's own Python: the user that PostgreSQL runs as may not be able to reach another one.
const PYTHON: &str = "/usr/bin/python3";
/// Patroni's own interface.
const PORT: u16 = 8008;
/// Where PostgreSQL listens.
pub(crate) const POSTGRES_PORT: u16 = 5432;
/// Of every role in these three, which live for minutes where nobody else can reach them.
pub(crate) const PASSWORD: &str = "chaos";
/// What the smallest lease of the leader lock is, in seconds. Patroni takes no less.
const LEASE: u64 = 20;

/// The version that was installed.
pub(crate) fn version(python: &Path) -> anyhow::Result<String> {
    let path = format!("PYTHONPATH={}", python.display());
    let ask = "import patroni.version; print(patroni.version.__version__)";
    let said = run(&["env", &path, PYTHON, "-c", ask]);
    Ok(said.context("there is no Patroni")?.trim().to_owned())
}

/// What runs on a host.
pub(crate) fn command(python: &Path, file: &Path) -> Vec<String> {
    let words = [
        "runuser",
        "-u",
        "postgres",
        "--",
        "env",
        &format!("PYTHONPATH={}", python.display()),
        "PYTHONDONTWRITEBYTECODE=1",
        PYTHON,
        "-m",
        "patroni",
        &file.to_string_lossy(),
    ];
    words.map(str::to_owned).to_vec()
}

/// The configuration of a host, as YAML that is JSON.
pub(crate) fn configuration(host: u8, folder: &Path) -> anyhow::Result<String> {
    let own = address(host);
    let etcd: Vec<String> = HOSTS
        .iter()
        .map(|host| format!("{}:2379", address(*host)))
        .collect();
    let everywhere = "10.77.0.0/24";
    let role = |name: &str| json!({ "username": name, "password": PASSWORD });
    let configuration = json!({
        "scope": "sandkasse",
        "name": format!("pg{host}"),
        "restapi": { "listen": format!("{own}:{PORT}"), "connect_address": format!("{own}:{PORT}") },
        "etcd3": { "hosts": etcd.join(",") },
        "bootstrap": {
            "dcs": {
                "ttl": LEASE, "loop_wait": 1, "retry_timeout": 3, "primary_start_timeout": 0,
                "maximum_lag_on_failover": 1_048_576,
                "synchronous_mode": "quorum", "synchronous_mode_strict": true, "synchronous_node_count": 1,
                "postgresql": {
                    "use_pg_rewind": true, "use_slots": true,
                    "parameters": {
                        "synchronous_commit": "on", "wal_log_hints": "on", "wal_keep_size": "256MB",
                        "max_connections": 200, "shared_buffers": "64MB",
                    },
                },
            },
            "initdb": [{ "encoding": "UTF8" }, "data-checksums"],
            "pg_hba": [
                "local all all trust",
                format!("host replication replicator {everywhere} scram-sha-256"),
                format!("host all all {everywhere} scram-sha-256"),
            ],
        },
        "postgresql": {
            "listen": format!("{own}:{POSTGRES_PORT}"), "connect_address": format!("{own}:{POSTGRES_PORT}"),
            "data_dir": folder.join("data"), "bin_dir": PROGRAMS, "pgpass": folder.join("pgpass"),
            "authentication": {
                "superuser": role("postgres"), "replication": role("replicator"), "rewind": role("rewinder"),
            },
            "parameters": { "unix_socket_directories": folder },
        },
    });
    serde_json::to_string_pretty(&configuration).context("the configuration is JSON")
}

/// One of the three, as Patroni sees it.
#[derive(Debug, Deserialize)]
pub(crate) struct Member {
    role: String,
    state: String,
}

/// All of them, from the first host that answers.
pub(crate) fn members() -> anyhow::Result<Vec<Member>> {
    #[derive(Deserialize)]
    struct Cluster {
        members: Vec<Member>,
    }
    let mut hosts = HOSTS.into_iter();
    let said = hosts.find_map(|host| ask(host, "/cluster"));
    let said = said.context("no Patroni answers")?;
    let cluster: Cluster = serde_json::from_str(&said)?;
    Ok(cluster.members)
}

/// One leader, and two that a commit waits for one of.
pub(crate) fn is_whole(members: &[Member]) -> bool {
    let count = |role: &str, state: &str| {
        let it = |member: &&Member| member.role == role && member.state == state;
        members.iter().filter(it).count()
    };
    count("leader", "running") == 1 && count("quorum_standby", "streaming") == 2
}

/// One leader, and two that no commit waits for.
pub(crate) fn are_asynchronous(members: &[Member]) -> bool {
    let replicas = members
        .iter()
        .filter(|it| it.role == "replica" && it.state == "streaming");
    replicas.count() == 2 && members.iter().any(|it| it.role == "leader")
}

/// Whether a host says of itself that it leads.
pub(crate) fn is_leader(host: u8) -> bool {
    ask(host, "/primary").is_some()
}

/// Turns waiting for standbys off or on. Off is for controls: then a fail-over loses what only the old leader had.
pub(crate) fn set_synchronous(leader: u8, on: bool) -> anyhow::Result<()> {
    let mode = if on { json!("quorum") } else { json!(false) };
    patch(
        leader,
        &json!({ "synchronous_mode": mode, "synchronous_mode_strict": on }),
    )
}

fn patch(host: u8, change: &Value) -> anyhow::Result<()> {
    let server = format!("{}:{PORT}", address(host));
    let limit = Duration::from_secs(5);
    let answer = http::ask(&server, "PATCH", "/config", &change.to_string(), limit);
    match answer {
        Some(answer) if answer.status == 200 => Ok(()),
        answer => bail!("Patroni did not take {change}: {answer:?}"),
    }
}

/// What a Patroni answers with success, if it does.
fn ask(host: u8, path: &str) -> Option<String> {
    let server = format!("{}:{PORT}", address(host));
    let answer = http::ask(&server, "GET", path, "", Duration::from_secs(1))?;
    (answer.status == 200).then(|| answer.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_standbys_must_count_before_anything_begins() {
        let member = |role: &str, state: &str| Member {
            role: role.to_owned(),
            state: state.to_owned(),
        };
        let leader = || member("leader", "running");
        let standby = || member("quorum_standby", "streaming");
        for (members, whole) in [
            (vec![leader(), standby(), standby()], true),
            (vec![leader(), standby()], false),
            (
                vec![leader(), standby(), member("replica", "streaming")],
                false,
            ),
            (
                vec![leader(), standby(), member("quorum_standby", "starting")],
                false,
            ),
            (vec![standby(), standby()], false),
            (vec![leader(), leader(), standby(), standby()], false),
        ] {
            assert_eq!(is_whole(&members), whole, "{members:?}");
        }
    }
}
