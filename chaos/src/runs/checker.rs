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
    let found = (verdict.doubled, "nothing doubled was found");
    note(stage, "requests repeated under new keys", &verdict, found);

    let verdict = killed(stage, time, false).await?;
    let found = breaches(&verdict);
    let name = "checker: the node is killed again and again";
    stage.results.note(name, &verdict.to_string(), &found);

    let verdict = killed(stage, time, true).await?;
    let found = (verdict.doubled, "nothing doubled was found");
    note(stage, "new keys after kills", &verdict, found);

    let verdict = forgetful(stage, time).await?;
    let found = (verdict.lost, "nothing lost was found");
    note(stage, "the database is put back", &verdict, found);
    Ok(())
}

/// A control that finds nothing has failed.
fn note(stage: &mut Stage, what: &str, verdict: &Verdict, (found, missed): (usize, &str)) {
    let missed: Vec<String> = (found == 0)
        .then(|| missed.to_owned())
        .into_iter()
        .collect();
    let name = format!("checker, control: {what}");
    stage.results.note(&name, &verdict.to_string(), &missed);
}

/// The node is killed under load; merchants repeat with the same key, or, as they should not, with new ones.
async fn killed(stage: &Stage, time: Duration, new_keys: bool) -> anyhow::Result<Verdict> {
    let folder = tempfile::tempdir_in(&stage.folder)?;
    let database = format!("sqlite:{}", folder.path().join("sandkasse.db").display());
    let mut platform = stage.platform(&database, 1).await?;
    let mut load = platform.load(platform.doors(), stage.seed).await?;
    load.new_key_after_unknown = new_keys;
    let load = std::sync::Arc::new(load);
    let workers = load::start(&load, WORKERS);
    let began = std::time::Instant::now();
    while began.elapsed() < time {
        rest(Duration::from_millis(200)).await;
        only(&mut platform)?.kill_and_restart().await?;
    }
    load.stop();
    let seen = load::gather(workers).await;
    Ok(verify(&load, seen).await)
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
