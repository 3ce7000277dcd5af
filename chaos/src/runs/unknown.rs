//! connections are cut exactly where a commit is asked for or answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::rest;
use crate::cut::Cutter;
use crate::load;
use crate::stage::{self, Stage, WORKERS, breaches};
use crate::verify::verify;

/// One commit in so many is struck.
const ONE_IN: u32 = 3;
/// How long so many may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// After so many strikes, and then again after so many, PostgreSQL is away for longer than nodes wait for it: what was
/// struck just before they can then not find out about, and must say so.
const AWAY_AFTER: u64 = 100;
const AWAY_EVERY: u64 = 1_000;
const AWAY: Duration = Duration::from_secs(3);
/// Of the nodes, in seconds.
const NODES_WAIT: &str = "?patience=1";

/// Strikes at least so many commits.
pub(crate) async fn run(stage: &mut Stage, strikes: u64) -> anyhow::Result<()> {
    let postgres = stage.postgres().await?;
    let cutter = Cutter::start(postgres.address, ONE_IN, stage.seed).await?;
    let url = format!("{}{NODES_WAIT}", stage::url(cutter.address));
    let platform = stage.platform(&url, 2).await?;
    let load = Arc::new(platform.load(platform.doors(), stage.seed).await?);
    cutter.arm(true);
    let began = Instant::now();
    let workers = load::start(&load, WORKERS * 4);
    let mut away_at = AWAY_AFTER;
    while cutter.count().all() < strikes && began.elapsed() < PATIENCE {
        rest(Duration::from_millis(50)).await;
        if cutter.count().all() > away_at {
            away_at += AWAY_EVERY;
            cutter.be_away(true);
            rest(AWAY).await;
            cutter.be_away(false);
        }
    }
    let took = began.elapsed();
    load.stop();
    cutter.arm(false);
    let count = cutter.count();
    let seen = load::gather(workers).await;
    let verdict = verify(&load, seen).await;
    let mut wrong = breaches(&verdict);
    if count.all() < strikes {
        wrong.push(format!(
            "only {} of {strikes} commits were struck",
            count.all()
        ));
    }
    for (what, count) in [
        ("before the server heard", count.before),
        ("as the server heard", count.racing),
        ("after the server committed", count.after),
        ("by a warning", count.warned),
    ] {
        if count == 0 {
            wrong.push(format!("no commit was struck {what}"));
        }
    }
    if verdict.resolved == 0 {
        wrong.push("no merchant met an unknown outcome".to_owned());
    }
    if count.cancels > 0 {
        wrong.push(format!(
            "{} times something was cancelled; a COMMIT never may be",
            count.cancels
        ));
    }
    let (callbacks, twice) = stage::callbacks(&platform, &load);
    wrong.extend(twice);
    let shown = format!(
        "{count:?} in {:.0} s; {verdict}; {callbacks} callbacks",
        took.as_secs_f64()
    );
    stage
        .results
        .note("R-14 connections cut at the commit", &shown, &wrong);
    Ok(())
}
