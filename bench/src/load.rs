//! Load: a number of connections, each of which repeats one job until the time is up.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::http::Connection;
use crate::latency::Latencies;

/// Whoever does not answer for this long after the time is up never will.
const GRACE: Duration = Duration::from_secs(20);

/// What a connection repeats. Each connection has a job of its own.
pub(crate) trait Job: 'static {
    /// One request, or one sequence of requests whose time is taken as a whole.
    fn once(&mut self, connection: &mut Connection) -> impl Future<Output = anyhow::Result<()>>;

    /// Whether there is nothing left to do, however much time remains.
    fn is_done(&self) -> bool {
        false
    }
}

/// What a load achieved.
pub(crate) struct Achieved {
    /// All that was done, warming up included.
    pub(crate) done: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Achieved {
    pub(crate) fn p50_ms(&self) -> f64 {
        self.p50.as_secs_f64() * 1e3
    }

    pub(crate) fn p99_ms(&self) -> f64 {
        self.p99.as_secs_f64() * 1e3
    }
}

/// Runs all jobs at once, each over a connection of its own, for `time` (or until they are done), and hands them back.
///
/// The first tenth of the time warms up and is not counted. An answer that a job does not accept fails it all.
pub(crate) async fn run<J: Job>(
    address: SocketAddr,
    jobs: Vec<J>,
    time: Duration,
) -> anyhow::Result<(Achieved, Vec<J>)> {
    run_on(&[address], jobs, time).await
}

/// The same at several servers: each job has a connection to all of them, and uses them in turn.
pub(crate) async fn run_on<J: Job>(
    addresses: &[SocketAddr],
    jobs: Vec<J>,
    time: Duration,
) -> anyhow::Result<(Achieved, Vec<J>)> {
    let mut connections = Vec::new();
    for number in 0..jobs.len() {
        let mut own = Vec::new();
        for address in addresses {
            own.push(Connection::open(*address).await?);
        }
        // Not all begin at the same server.
        own.rotate_left(number % addresses.len().max(1));
        connections.push(own);
    }
    let from = Instant::now() + time / 10;
    let until = Instant::now() + time;
    let workers: Vec<_> = jobs
        .into_iter()
        .zip(connections)
        .map(|(job, own)| spawn_local(repeat(job, own, from, until)))
        .collect();
    let all = async {
        let mut jobs = Vec::new();
        let mut latencies = Latencies::default();
        let mut all = 0;
        for worker in workers {
            let (job, taken, done) = worker.await??;
            all += done;
            jobs.push(job);
            latencies.append(taken);
        }
        anyhow::Ok((jobs, latencies, all))
    };
    let (jobs, mut latencies, done) = timeout(time + GRACE, all)
        .await
        .context("no answer for too long")??;
    let counted = Instant::now().min(until).saturating_duration_since(from);
    let achieved = Achieved {
        done,
        per_second: latencies.len() as f64 / counted.as_secs_f64().max(0.001),
        p50: latencies.percentile(50),
        p99: latencies.percentile(99),
    };
    Ok((achieved, jobs))
}

async fn repeat<J: Job>(
    mut job: J,
    mut connections: Vec<Connection>,
    from: Instant,
    until: Instant,
) -> anyhow::Result<(J, Latencies, u64)> {
    let mut done = 0;
    let mut latencies = Latencies::default();
    let mut begun = Instant::now();
    while begun < until && !job.is_done() {
        let connection = connections.first_mut().context("no server")?;
        job.once(connection).await?;
        connections.rotate_left(1);
        let ended = Instant::now();
        done += 1;
        if begun >= from && ended <= until {
            latencies.add(ended - begun);
        }
        begun = ended;
    }
    Ok((job, latencies, done))
}
