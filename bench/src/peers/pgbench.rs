//! PostgreSQL's own benchmark, `pgbench -N`: what the server does with 32 clients who each change one row and add one.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::latency::Latencies;
use crate::load::Achieved;
use crate::measure::{CONNECTIONS, fresh};
use crate::postgres::{self, Cluster};

use super::Turn;

const DATABASE: &str = "pgbench";

pub(crate) async fn turn(cluster: &Cluster, data: &Path, time: Duration) -> anyhow::Result<Turn> {
    eprintln!("  pgbench -N");
    let folder = fresh(data)?;
    let server = cluster.start().await?;
    server.make(DATABASE)?;
    let mut fill = server.pgbench()?;
    fill.args(["-i", "-q", DATABASE]);
    postgres::run(&mut fill)?;
    server.settle()?;
    let mut load = server.pgbench()?;
    load.current_dir(&folder)
        .args(["-N", "-n", "-c", &CONNECTIONS.to_string()])
        .args(["-T", &time.as_secs().max(1).to_string()])
        // A tenth of the transactions is enough for percentiles, and costs little.
        .args(["-l", "--sampling-rate=0.1", DATABASE]);
    let said = postgres::read(&mut load)?;
    server.stop().await?;
    let mut latencies = latencies(&folder)?;
    let per_second = per_second(&said).with_context(|| format!("pgbench said: {said}"))?;
    Ok(Turn {
        create: Achieved {
            done: latencies.len() as u64 * 10,
            per_second,
            p50: latencies.percentile(50),
            p99: latencies.percentile(99),
        },
        read: None,
        more: None,
        first_answer_ms: None,
        idle_mb: None,
        loaded_mb: None,
    })
}

/// `tps = 8123.4 (without initial connection time)`
fn per_second(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The third word of each line of its logs, in microseconds.
fn latencies(folder: &Path) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::default();
    for entry in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(entry?.path())?;
        for line in text.lines() {
            let word = line.split(' ').nth(2).context("a short line in its log")?;
            latencies.add(Duration::from_micros(word.parse()?));
        }
    }
    ensure!(latencies.len() > 0, "pgbench logged nothing");
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_words_are_understood() {
        let said = "number of failed transactions: 0 (0.000%)\nlatency average = 4.1 ms\n\
                    tps = 7789.256 (without initial connection time)\n";
        assert_eq!(per_second(said), Some(7789.256));
        assert_eq!(per_second("tps"), None);
    }
}
