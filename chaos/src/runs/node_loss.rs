//! one of two nodes behind a balancer is killed every two seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::balancer::Balancer;
use crate::command::rest;
use crate::load;
use crate::stage::{self, Stage, WORKERS, breaches};
use crate::verify::verify;

/// Between two kills.
const EVERY: Duration = Duration::from_secs(2);

/// Kills nodes in turn for `seconds`, at `rate` operations a second.
pub(crate) async fn run(stage: &mut Stage, seconds: u64, rate: u64) -> anyhow::Result<()> {
    let postgres = stage.postgres().await?;
    let mut platform = stage.platform(&stage::url(postgres.address), 2).await?;
    let balancer = Balancer::start(platform.doors()).await?;
    let mut load = platform.load(vec![balancer.address], stage.seed).await?;
    load.rate = Some(rate);
    let load = Arc::new(load);
    let began = Instant::now();
    let workers = load::start(&load, WORKERS * 2);
    let mut kills: u32 = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        let due = began + EVERY * (kills + 1);
        rest(due.saturating_duration_since(Instant::now())).await;
        let turn = usize::try_from(kills).unwrap_or_default() % platform.nodes.len();
        if let Some(node) = platform.nodes.get_mut(turn) {
            node.kill_and_restart().await?;
            kills += 1;
        }
    }
    load.stop();
    let took = began.elapsed();
    let seen = load::gather(workers).await;
    let verdict = verify(&load, seen).await;
    let mut wrong = breaches(&verdict);
    let expected = seconds * 9 / 10 / EVERY.as_secs();
    if u64::from(kills) < expected.max(1) {
        wrong.push(format!("only {kills} kills of {expected}"));
    }
    for (answer, count) in &verdict.answers {
        if answer.starts_with('5') {
            wrong.push(format!(
                "{count} times {answer}: a dead node costs connections, not answers"
            ));
        }
    }
    if verdict
        .answers
        .get("no answer")
        .is_none_or(|count| *count == 0)
    {
        wrong.push("no kill met a call in flight".to_owned());
    }
    let (callbacks, twice) = stage::callbacks(&platform, &load);
    wrong.extend(twice);
    let reached = verdict.acknowledged as f64 / took.as_secs_f64();
    let shown =
        format!("{kills} kills, {reached:.0} operations/s; {verdict}; {callbacks} callbacks");
    stage
        .results
        .note("R-9 kill -9 of nodes behind a balancer", &shown, &wrong);
    Ok(())
}
