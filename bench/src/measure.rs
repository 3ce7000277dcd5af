//! The run: rounds of load, then a platform with many payments.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::latency::median;
use crate::load::{self, Achieved};
use crate::machine;
use crate::platform::Platform;
use crate::process::{self, pause};
use crate::results::{Filled, Pair, Results, Round};
use crate::shop::{Initiating, Living, Looking, Orders, Shop};
use crate::sink::Sink;

/// How many connections load the server.
pub(crate) const CONNECTIONS: usize = 32;
/// How many starts a median is taken of.
const STARTS: usize = 5;
/// Making the many payments takes no longer; if that is not enough, there are fewer.
const FILL_LIMIT: Duration = Duration::from_secs(120);
/// A process is left alone for so long before its memory is read or it is put under load.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);
/// Callbacks still on their way get so long to arrive.
const CALLBACK_LIMIT: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(crate) struct Options {
    /// The program to measure.
    #[arg(long)]
    sandkasse: PathBuf,
    /// A folder on the disk to measure with; its content is replaced.
    #[arg(long)]
    data: PathBuf,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many times everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How many payments a full platform has.
    #[arg(long, default_value_t = 100_000)]
    payments: u64,
}

/// Measures everything and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
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
        start_empty_ms: start_empty(options).await?,
        filled: fill(options, &sink).await?,
    };
    print!("{results}");
    Ok(())
}

async fn round(options: &Options, sink: &Sink) -> anyhow::Result<Round> {
    let shop = Shop::without_keys(sink.address);
    let folder = fresh(&options.data)?;
    eprintln!("  ceiling: axum");
    let (ceiling, address) = process::ceiling("ceiling-axum", &folder).await?;
    let axum = pair(options, address, &shop).await?;
    drop(ceiling);

    let folder = fresh(&options.data)?;
    eprintln!("  ceiling: durable");
    let (ceiling, address) = process::ceiling("ceiling-durable", &folder).await?;
    let durable = pair(options, address, &shop).await?;
    drop(ceiling);

    let folder = fresh(&options.data)?;
    eprintln!("  sandkasse");
    let platform = Platform::start(&options.sandkasse, &folder).await?;
    pause(SETTLE).await;
    let idle_mb = machine::resident_mb(platform.process.id())?;
    let keys = platform.new_unit().await?;
    let phone = platform.phone(&options.sandkasse)?;
    let shop = platform.shop(&keys, &phone, sink.address).await?;
    let sandkasse = pair(options, platform.test, &shop).await?;
    let (life, lives, callbacks) = lives(options, platform.test, &shop, sink).await?;
    platform.process.stop().await?;
    Ok(Round {
        axum,
        durable,
        sandkasse,
        life,
        lives,
        callbacks,
        idle_mb,
    })
}

/// Initiate and details, first over many connections, then over one.
async fn pair(options: &Options, address: SocketAddr, shop: &Rc<Shop>) -> anyhow::Result<Pair> {
    let long = Duration::from_secs(options.seconds);
    let short = long.min(Duration::from_secs(2));
    let (initiate, made) = initiate(address, shop, "many", CONNECTIONS, long, u64::MAX).await?;
    let made = Rc::new(made);
    let details = details(address, shop, &made, CONNECTIONS, long).await?;
    let (one_initiate, _) = self::initiate(address, shop, "one", 1, short, u64::MAX).await?;
    let one_details = self::details(address, shop, &made, 1, short).await?;
    Ok(Pair {
        initiate,
        details,
        one_initiate,
        one_details,
    })
}

pub(crate) async fn initiate(
    address: SocketAddr,
    shop: &Rc<Shop>,
    tag: &str,
    connections: usize,
    time: Duration,
    most_each: u64,
) -> anyhow::Result<(Achieved, Vec<Orders>)> {
    let series = Orders::series(tag, connections).into_iter();
    let jobs = series.map(|orders| Initiating {
        shop: Rc::clone(shop),
        orders,
        most: most_each,
    });
    let (achieved, jobs) = load::run(address, jobs.collect(), time).await?;
    Ok((achieved, jobs.into_iter().map(|job| job.orders).collect()))
}

pub(crate) async fn details(
    address: SocketAddr,
    shop: &Rc<Shop>,
    made: &Rc<Vec<Orders>>,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Achieved> {
    let starts = (0..connections as u64).map(|connection| connection * 104_729);
    let jobs = starts.map(|at| Looking {
        shop: Rc::clone(shop),
        made: Rc::clone(made),
        at,
    });
    Ok(load::run(address, jobs.collect(), time).await?.0)
}

/// Whole lives; also how many there were, and how many callbacks they brought.
async fn lives(
    options: &Options,
    address: SocketAddr,
    shop: &Rc<Shop>,
    sink: &Sink,
) -> anyhow::Result<(Achieved, u64, u64)> {
    let before = sink.received();
    let series = Orders::series("life", CONNECTIONS).into_iter();
    let jobs = series.map(|orders| Living {
        shop: Rc::clone(shop),
        orders,
    });
    let time = Duration::from_secs(options.seconds);
    let (achieved, jobs) = load::run(address, jobs.collect(), time).await?;
    let lives = jobs.iter().map(|job| job.orders.made).sum();
    let ended = Instant::now();
    while sink.received() - before < lives && ended.elapsed() < CALLBACK_LIMIT {
        pause(Duration::from_millis(10)).await;
    }
    Ok((achieved, lives, sink.received() - before))
}

/// From start to first answer with a new folder, in milliseconds.
async fn start_empty(options: &Options) -> anyhow::Result<f64> {
    eprintln!("starts with an empty folder");
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let folder = fresh(&options.data)?;
        let platform = Platform::start(&options.sandkasse, &folder).await?;
        starts.push(platform.first_answer.as_secs_f64() * 1e3);
        platform.process.stop().await?;
    }
    Ok(median(starts))
}

/// A platform with many payments: its memory, and its start.
async fn fill(options: &Options, sink: &Sink) -> anyhow::Result<Filled> {
    eprintln!("{} payments", options.payments);
    let folder = fresh(&options.data)?;
    let platform = Platform::start(&options.sandkasse, &folder).await?;
    let keys = platform.new_unit().await?;
    let phone = platform.phone(&options.sandkasse)?;
    let shop = platform.shop(&keys, &phone, sink.address).await?;
    let each = options.payments.div_ceil(CONNECTIONS as u64);
    let begun = Instant::now();
    let (_, made) = initiate(platform.test, &shop, "fill", CONNECTIONS, FILL_LIMIT, each).await?;
    let payments: u64 = made.iter().map(|orders| orders.made).sum();
    eprintln!(
        "  made {payments} in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    pause(SETTLE).await;
    let memory_mb = machine::resident_mb(platform.process.id())?;
    platform.process.stop().await?;

    eprintln!("starts with {payments} payments");
    let made = Rc::new(made);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let platform = Platform::start(&options.sandkasse, &folder).await?;
        starts.push(platform.first_answer.as_secs_f64() * 1e3);
        // The payments are really there: a few looks, with a token of the restarted platform.
        let shop = platform.shop(&keys, &phone, sink.address).await?;
        details(platform.test, &shop, &made, 1, Duration::from_millis(100)).await?;
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
    let folder = data.join("run");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
