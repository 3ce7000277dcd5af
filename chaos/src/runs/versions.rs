//! an earlier build and this one serve one database, and the earlier one is replaced under load.
//!
//! Three loads, each read again to the last order when it is over: through the earlier node alone while the new one
//! starts, and so changes the tables under it; through both at once; and through both while the earlier one is
//! told to end and a new one takes its place. The control is that of the part `checker`: one judge for all.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::command::rest;
use crate::load::{self, Load, Seenings};
use crate::node::{Node, Program};
use crate::stage::{self, Platform, Stage, WORKERS, breaches};
use crate::verify::verify;

/// `seconds` is how long both serve together; the other loads take a third of that.
pub(crate) async fn run(stage: &mut Stage, earlier: &Path, seconds: u64) -> anyhow::Result<()> {
    let bytes = |file: &Path| {
        let read = std::fs::read(file);
        read.with_context(|| format!("cannot read {}", file.display()))
    };
    ensure!(
        bytes(earlier)? != bytes(&stage.sandkasse)?,
        "both binaries are one build: that proves nothing of two"
    );
    let together = Duration::from_secs(seconds);
    let part = together / 3;
    let postgres = stage.postgres().await?;
    let new = stage.program(&stage::url(postgres.address));
    let old = Program {
        sandkasse: std::path::absolute(earlier)?,
        ..new.clone()
    };
    let first = Node::start(&old, "earlier").await;
    let first = first.context("the earlier build does not start")?;
    let mut platform = Platform::of(vec![first]).await?;

    let (load, workers) = begin(stage, &platform).await?;
    rest(part / 2).await;
    let second = Node::start(&new, "present").await;
    let second = second.context("this build does not start beside the earlier one")?;
    rest(part / 2).await;
    let seen = end(&load, workers).await;
    note(stage, &platform, "a new node starts", &load, seen).await;

    platform.nodes.push(second);
    let (load, workers) = begin(stage, &platform).await?;
    rest(together).await;
    let seen = end(&load, workers).await;
    note(stage, &platform, "both builds serve", &load, seen).await;

    let (load, workers) = begin(stage, &platform).await?;
    rest(part / 2).await;
    let first = platform.nodes.first_mut().context("there are two nodes")?;
    first.replace_by(&new).await?;
    rest(part / 2).await;
    let seen = end(&load, workers).await;
    note(stage, &platform, "the old node is replaced", &load, seen).await;
    Ok(())
}

type Workers = tokio::task::JoinSet<Seenings>;

async fn begin(stage: &Stage, platform: &Platform) -> anyhow::Result<(Arc<Load>, Workers)> {
    let load = Arc::new(platform.load(platform.doors(), stage.seed).await?);
    let workers = load::start(&load, WORKERS);
    Ok((load, workers))
}

async fn end(load: &Load, workers: Workers) -> Seenings {
    load.stop();
    load::gather(workers).await
}

/// Reads everything again. Every node must have acknowledged something, or nothing was shown of it.
async fn note(
    stage: &mut Stage,
    platform: &Platform,
    what: &str,
    load: &Arc<Load>,
    seen: Seenings,
) {
    let mut through = vec![0_usize; load.doors.len()];
    for success in &seen.successes {
        if let Some(count) = through.get_mut(success.door) {
            *count += 1;
        }
    }
    let verdict = verify(load, seen).await;
    let mut wrong = breaches(&verdict);
    if through.contains(&0) {
        wrong.push(format!("a node acknowledged nothing: {through:?}"));
    }
    let (callbacks, twice) = stage::callbacks(platform, load);
    wrong.extend(twice);
    let shown = format!("acknowledged by node {through:?}; {verdict}; {callbacks} callbacks");
    let name = format!("R-16 two builds: {what}");
    stage.results.note(&name, &shown, &wrong);
}
