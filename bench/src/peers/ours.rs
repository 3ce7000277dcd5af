//! The platform's turns: on SQLite, and as one or two nodes on PostgreSQL.

use std::time::Duration;

use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE, pair};
use crate::platform::Platform;
use crate::postgres::Cluster;
use crate::process::pause;
use crate::results::Pair;
use crate::sink::Sink;
use crate::subject::Subject;
use crate::target::Target;

use super::{More, Turn};

/// On SQLite, with everything on.
pub(crate) async fn on_sqlite(
    subject: &Subject,
    time: Duration,
    sink: &Sink,
) -> anyhow::Result<Turn> {
    eprintln!("  sandkasse, SQLite");
    let platform = subject.start().await?;
    load(subject, vec![platform], 1, time, sink).await
}

/// As so many nodes on one PostgreSQL database, the calls spread over nodes and sales units.
pub(crate) async fn on_postgres(
    subject: &Subject,
    cluster: &Cluster,
    (nodes, units): (usize, usize),
    time: Duration,
    sink: &Sink,
) -> anyhow::Result<Turn> {
    eprintln!("  sandkasse, PostgreSQL, nodes: {nodes}, sales units: {units}");
    let folder = subject.fresh()?;
    let server = cluster.start().await?;
    let url = server.make("sandkasse")?;
    let mut platforms = Vec::new();
    for number in 0..nodes {
        let folder = folder.join(number.to_string());
        std::fs::create_dir(&folder)?;
        platforms.push(Platform::start_node(&subject.sandkasse, &folder, &url).await?);
    }
    // The tables were made a moment ago.
    server.settle()?;
    let turn = load(subject, platforms, units, time, sink).await?;
    server.stop().await?;
    Ok(turn)
}

async fn load(
    subject: &Subject,
    platforms: Vec<Platform>,
    units: usize,
    time: Duration,
    sink: &Sink,
) -> anyhow::Result<Turn> {
    let resident = || -> anyhow::Result<f64> {
        let all = platforms.iter();
        all.map(|platform| machine::resident_mb(platform.process.id()))
            .sum()
    };
    pause(SETTLE).await;
    let idle_mb = resident()?;
    let [first, ..] = platforms.as_slice() else {
        anyhow::bail!("no node");
    };
    let mut shops = Vec::new();
    for _ in 0..units {
        shops.push(subject.shop(first, sink).await?);
    }
    // Other nodes hear of new sales units at once; at the latest when they ask.
    pause(SETTLE).await;
    let target = Target {
        addresses: platforms.iter().map(|platform| platform.test).collect(),
        shops,
    };
    let Pair {
        initiate,
        details,
        one_initiate,
        one_details,
    } = pair(&target, time).await?;
    let lives = target.lives(CONNECTIONS, time, sink).await?;
    pause(SETTLE).await;
    let loaded_mb = resident()?;
    let first_answer_ms = first.first_answer.as_secs_f64() * 1e3;
    for platform in platforms {
        platform.process.stop().await?;
    }
    Ok(Turn {
        create: initiate,
        read: Some(details),
        more: Some(More {
            one_create: one_initiate,
            one_read: one_details,
            lives: Some(lives),
        }),
        first_answer_ms: Some(first_answer_ms),
        idle_mb: Some(idle_mb),
        loaded_mb: Some(loaded_mb),
    })
}
