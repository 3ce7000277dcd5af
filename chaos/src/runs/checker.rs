//! Controls of the checker itself, end to end, on one node with SQLite.

use std::time::Duration;

use crate::command::rest;
use crate::load;
use crate::node::Node;
use crate::stage::{self, Platform, Stage, WORKERS, breaches};
use crate::verify::{Verdict, verify};

/// A platform that keeps its promises passes; one that doubles, and one that forgets, are caught.
pub(crate) async fn run(stage: &mut Stage, seconds: u64) -> anyhow::Result<()> {
    let time = Duration::from_secs(seconds);
    let verdict = honest(stage, time, None).await?;
    let found = breaches(&verdict);
    stage
        .results
        .note("checker: a sound platform", &verdict.to_string(), &found);

    let verdict = honest(stage, time, Some(20)).await?;
    let missed = (verdict.doubled == 0).then(|| "nothing doubled was found".to_owned());
    let missed: Vec<String> = missed.into_iter().collect();
    stage.results.note(
        "checker, control: requests repeated under new keys",
        &verdict.to_string(),
        &missed,
    );

    let verdict = forgetful(stage, time).await?;
    let missed = (verdict.lost == 0).then(|| "nothing lost was found".to_owned());
    let missed: Vec<String> = missed.into_iter().collect();
    stage.results.note(
        "checker, control: the database is put back",
        &verdict.to_string(),
        &missed,
    );
    Ok(())
}

async fn honest(stage: &Stage, time: Duration, repeat: Option<u32>) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir_in(&stage.folder)?;
    let database = format!("sqlite:{}", folder.path().join("sandkasse.db").display());
    let platform = stage.platform(&database, 1).await?;
    let mut load = platform.load(platform.doors(), stage.seed).await?;
    load.repeat_with_new_key = repeat;
    let (load, seen) = stage::run_for(load, time).await;
    Ok(verify(&load, seen).await)
}

/// Half-way through the database is put back to what it was a little earlier, as a standby that lags would have it.
async fn forgetful(stage: &Stage, time: Duration) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir_in(&stage.folder)?;
    let file = folder.path().join("sandkasse.db");
    let mut platform = stage
        .platform(&format!("sqlite:{}", file.display()), 1)
        .await?;
    let load = std::sync::Arc::new(platform.load(platform.doors(), stage.seed).await?);
    let workers = load::start(&load, WORKERS);
    rest(time / 3).await;
    // A copy of a killed node's files is a state it really had.
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy)?;
    let node = only(&mut platform)?;
    node.kill()?;
    copy_files(folder.path(), &copy)?;
    node.restart().await?;
    rest(time / 3).await;
    node.kill()?;
    copy_files(&copy, folder.path())?;
    node.restart().await?;
    rest(time / 3).await;
    load.stop();
    let seen = load::gather(workers).await;
    Ok(verify(&load, seen).await)
}

fn only(platform: &mut Platform) -> anyhow::Result<&mut Node> {
    use anyhow::Context as _;
    platform.nodes.first_mut().context("there is one node")
}

/// Makes the files of one folder those of another; those that only the second has go.
fn copy_files(from: &std::path::Path, to: &std::path::Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(to)? {
        let path = entry?.path();
        if path.is_file() {
            std::fs::remove_file(path)?;
        }
    }
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
