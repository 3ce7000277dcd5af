//! The run: rounds of load, then a platform with many payments.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;

use crate::latency::median;
use crate::machine;
use crate::platform::Platform;
use crate::process::{self, pause};
use crate::results::{Filled, Ours, Pair, Results, Round};
use crate::shop::Shop;
use crate::sink::Sink;
use crate::subject::{Subject, at_least_one};
use crate::target::Target;

/// How many connections load the server.
pub(crate) const CONNECTIONS: usize = 32;
/// How many starts a median is taken of.
const STARTS: usize = 5;
/// Making the many payments takes no longer; if that is not enough, there are fewer.
const FILL_LIMIT: Duration = Duration::from_secs(120);
/// A process is left alone for so long before its memory is read or it is put under load.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many times everything is measured.
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
    /// How many payments a full platform has.
    #[arg(long, default_value_t = 100_000)]
    payments: u64,
}

/// Measures everything and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    let subject = &options.subject;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        eprintln!("round {number} of {}", options.rounds);
        rounds.push(round(options, &sink).await?);
    }
    let results = Results {
        machine: machine::describe(),
        connections: CONNECTIONS,
        seconds: options.seconds,
        rounds,
        start_empty_ms: start_empty(subject).await?,
        filled: fill(subject, options.payments, &sink).await?,
    };
    print!("{results}");
    Ok(())
}

async fn round(options: &Options, sink: &Sink) -> anyhow::Result<Round> {
    let time = Duration::from_secs(options.seconds);
    let subject = &options.subject;
    let axum = ceiling("ceiling-axum", &subject.data, time, sink).await?;
    let durable = ceiling("ceiling-durable", &subject.data, time, sink).await?;

    eprintln!("  sandkasse");
    let platform = subject.start().await?;
    let ours = turn(subject, vec![platform], 1, time, sink).await?;
    Ok(Round {
        axum,
        durable,
        ours,
    })
}

/// The platform's turn, as one node or several, which have just been started; it ends them. The calls are spread over nodes and
/// sales units.
pub(crate) async fn turn(
    subject: &Subject,
    platforms: Vec<Platform>,
    units: usize,
    time: Duration,
    sink: &Sink,
) -> anyhow::Result<Ours> {
    let resident = || -> anyhow::Result<f64> {
        let all = platforms.iter();
        all.map(|platform| machine::resident_mb(platform.process.id()))
            .sum()
    };
    pause(SETTLE).await;
    let idle_mb = resident()?;
    let first = platforms.first().context("no node")?;
    let first_answer_ms = first.first_answer.as_secs_f64() * 1e3;
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
    let pair = pair(&target, time).await?;
    let lives = target.lives(CONNECTIONS, time, sink).await?;
    pause(SETTLE).await;
    let loaded_mb = resident()?;
    for platform in platforms {
        platform.process.stop().await?;
    }
    Ok(Ours {
        pair,
        lives,
        first_answer_ms,
        idle_mb,
        loaded_mb,
    })
}

/// One ceiling, a new process with an empty folder.
pub(crate) async fn ceiling(
    task: &str,
    data: &Path,
    time: Duration,
    sink: &Sink,
) -> anyhow::Result<Pair> {
    let folder = fresh(data)?;
    eprintln!("  {task}");
    let (_process, address) = process::ceiling(task, &folder).await?;
    let shop = Shop::without_keys(sink.address);
    pair(&Target::one(address, &shop), time).await
}

/// Initiate and details, first over many connections, then over one.
pub(crate) async fn pair(target: &Target, time: Duration) -> anyhow::Result<Pair> {
    let short = time.min(Duration::from_secs(2));
    let (initiate, made) = target.initiate("many", CONNECTIONS, time, u64::MAX).await?;
    let details = target.details(&made, CONNECTIONS, time).await?;
    let (one_initiate, _) = target.initiate("one", 1, short, u64::MAX).await?;
    let one_details = target.details(&made, 1, short).await?;
    Ok(Pair {
        initiate,
        details,
        one_initiate,
        one_details,
    })
}

/// From start to first answer with a new folder, in milliseconds.
pub(crate) async fn start_empty(subject: &Subject) -> anyhow::Result<f64> {
    eprintln!("starts with an empty folder");
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let platform = subject.start().await?;
        starts.push(platform.first_answer.as_secs_f64() * 1e3);
        platform.process.stop().await?;
    }
    Ok(median(starts))
}

/// A platform with many payments: its memory, and its start.
pub(crate) async fn fill(subject: &Subject, payments: u64, sink: &Sink) -> anyhow::Result<Filled> {
    eprintln!("{payments} payments");
    let folder = subject.fresh()?;
    let platform = Platform::start(&subject.sandkasse, &folder).await?;
    let keys = platform.new_unit().await?;
    let phone = platform.phone(&subject.sandkasse)?;
    let shop = platform.shop(&keys, &phone, sink.address).await?;
    let each = payments.div_ceil(CONNECTIONS as u64);
    let begun = Instant::now();
    let target = Target::one(platform.test, &shop);
    let (_, made) = target
        .initiate("fill", CONNECTIONS, FILL_LIMIT, each)
        .await?;
    let payments: u64 = made.iter().map(|orders| orders.made).sum();
    eprintln!(
        "  made {payments} in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    pause(SETTLE).await;
    let memory_mb = machine::resident_mb(platform.process.id())?;
    platform.process.stop().await?;

    eprintln!("starts with {payments} payments");
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let platform = Platform::start(&subject.sandkasse, &folder).await?;
        starts.push(platform.first_answer.as_secs_f64() * 1e3);
        // The payments are really there: a few looks, with a token of the restarted platform.
        let shop = platform.shop(&keys, &phone, sink.address).await?;
        let target = Target::one(platform.test, &shop);
        target.details(&made, 1, Duration::from_millis(100)).await?;
        platform.process.stop().await?;
    }
    Ok(Filled {
        payments,
        memory_mb,
        start_ms: median(starts),
    })
}

/// An empty folder for the data of one process.
pub(crate) fn fresh(data: &Path) -> anyhow::Result<PathBuf> {
    fresh_named(data, "run")
}

/// The same by a name, where several processes run at once.
pub(crate) fn fresh_named(data: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = data.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
