//! two nodes serve a load while the database's leader fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::cluster::fault::Fault;
use crate::cluster::network::Network;
use crate::command::rest;
use crate::gap::{self, Gap};
use crate::load::{self, Success};
use crate::stage::{self, Platform, ROLE, Stage, WORKERS, breaches};
use crate::verify::verify;

/// Under load before the fault.
const BEFORE: Duration = Duration::from_secs(5);
/// At least so long under load after it was mended.
const AFTER: Duration = Duration::from_secs(10);

/// Three hosts and two nodes on them.
pub(crate) struct Hosts {
    // Nodes end before their database.
    platform: Platform,
    cluster: Cluster,
}

impl Hosts {
    /// A new cluster in this network, with a database and nodes.
    pub(crate) async fn start(stage: &Stage, network: Network) -> anyhow::Result<Self> {
        let folder = stage.folder.join("cluster");
        let cluster = Cluster::start(network, &stage.python, folder, &stage.logs).await?;
        stage::make_database(&cluster.url("postgres", "postgres"))?;
        let platform = stage.platform(&cluster.url(ROLE, ROLE), 2).await?;
        Ok(Self { platform, cluster })
    }
}

/// The faults one after the other, each under a load of `seconds` or as long as it needs.
pub(crate) async fn run(
    stage: &mut Stage,
    hosts: &mut Hosts,
    faults: &[Fault],
    seconds: u64,
) -> anyhow::Result<()> {
    for fault in faults {
        one(stage, &hosts.platform, &mut hosts.cluster, *fault, seconds).await?;
    }
    Ok(())
}

async fn one(
    stage: &mut Stage,
    platform: &Platform,
    cluster: &mut Cluster,
    fault: Fault,
    seconds: u64,
) -> anyhow::Result<()> {
    let doors = platform.doors();
    let load = Arc::new(platform.load(doors.clone(), stage.seed).await?);
    fault.prepare(cluster).await?;
    let led = cluster.leader()?;
    let began = Instant::now();
    let workers = load::start(&load, WORKERS);
    rest(BEFORE).await;
    let struck = Instant::now();
    let host = fault.strike(cluster).await;
    // Also when nothing was there to break: what was half broken is mended first.
    rest(fault.lasts()).await;
    fault.mend(cluster, *host.as_ref().unwrap_or(&led))?;
    let until = began + Duration::from_secs(seconds);
    rest(AFTER.max(until.saturating_duration_since(Instant::now()))).await;
    load.stop();
    let ended = Instant::now();
    let seen = load::gather(workers).await;
    let leads = cluster.next_leader().await?;
    let successes = seen.successes.clone();
    let verdict = verify(&load, seen).await;
    let whole = fault.restore(cluster).await;

    let gap = gap::longest(&successes, struck, ended, None);
    let mut wrong = Vec::new();
    match &host {
        Err(error) => wrong.push(format!("nothing was broken: {error:#}")),
        Ok(_) if fault.moves_the_leader() && leads == led => {
            wrong.push("the leader is the same".to_owned());
        }
        Ok(_) => {}
    }
    if let Err(error) = whole {
        wrong.push(format!("the cluster did not recover: {error:#}"));
    }
    if fault.is_control() {
        if verdict.lost == 0 {
            wrong.push("a control that loses nothing shows nothing".to_owned());
        }
    } else {
        wrong.extend(breaches(&verdict));
    }
    for (door, limit) in (0..doors.len()).zip(std::iter::repeat(fault.longest_gap())) {
        let gap = gap::longest(&successes, struck, ended, Some(door));
        if let Some(limit) = limit.filter(|limit| gap.lasted > *limit) {
            wrong.push(format!(
                "node {}: {} (at most {limit:?})",
                door + 1,
                words(gap)
            ));
        }
    }
    let (callbacks, twice) = stage::callbacks(platform, &load);
    if !fault.is_control() {
        wrong.extend(twice);
    }
    let before = successes.iter().filter(|it| it.at < struck).count();
    let rate = before as f64 / BEFORE.as_secs_f64();
    let shown = format!(
        "leader {led}, then {leads}; {}; {rate:.0} writes/s before; {verdict}; {callbacks} callbacks",
        words(gap)
    );
    let name = format!(
        "R-8 {fault:?}{}",
        if fault.is_control() { " (control)" } else { "" }
    );
    stage.results.note(&name, &shown, &wrong);
    steps(&successes, struck);
    Ok(())
}

fn words(gap: Gap) -> String {
    format!(
        "longest gap {:.1} s, over {:.1} s after the fault",
        gap.lasted.as_secs_f64(),
        gap.over_after.as_secs_f64()
    )
}

/// Successes per second from the fault on, for who looks for what went on.
fn steps(successes: &[Success], struck: Instant) {
    let mut seconds: Vec<usize> = Vec::new();
    for success in successes.iter().filter(|it| it.at >= struck) {
        let second = usize::try_from(success.at.duration_since(struck).as_secs()).unwrap_or(0);
        seconds.resize(seconds.len().max(second + 1), 0);
        if let Some(count) = seconds.get_mut(second) {
            *count += 1;
        }
    }
    eprintln!("    writes in each second since the fault: {seconds:?}");
}
