//! The platform's turns: on SQLite, and as one or two nodes on PostgreSQL.

use std::time::Duration;

use crate::measure;
use crate::platform::Platform;
use crate::postgres::Cluster;
use crate::sink::Sink;
use crate::subject::Subject;

use super::Turn;

/// On SQLite, with everything on.
pub(crate) async fn on_sqlite(
    subject: &Subject,
    time: Duration,
    sink: &Sink,
) -> anyhow::Result<Turn> {
    eprintln!("  sandkasse, SQLite");
    let platform = subject.start().await?;
    let ours = measure::turn(subject, vec![platform], 1, time, sink).await?;
    Ok(ours.into())
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
    let ours = measure::turn(subject, platforms, units, time, sink).await?;
    server.stop().await?;
    Ok(ours.into())
}
