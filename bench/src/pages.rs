//! How long the portal's pages take when very much is stored, and what open inspector pages cost the API.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::http::Connection;
use crate::latency::median;
use crate::load::{self, Job};
use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE};
use crate::process::pause;
use crate::shop::{Keys, Shop};
use crate::sink::Sink;
use crate::subject::{Subject, at_least_one};
use crate::target::Target;
use crate::visitor::Visitor;

/// A page takes no longer.
const MOST_MS: f64 = 50.0;
/// What must remain of the speed while so many look on, in percent.
const BAR: f64 = 90.0;
/// So many inspector pages are open.
const WATCHERS: usize = 100;
/// Each page is opened so often.
const OFTEN: usize = 15;
/// So many calls of a sales unit are kept.
const CALLS_OF_A_UNIT: u64 = 1000;
/// More calls a second than the file takes would not be on it.
const PACE: Duration = Duration::from_millis(2);
/// Making everything takes no longer.
const LIMIT: Duration = Duration::from_secs(1200);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// So many payments are stored, of one sales unit.
    #[arg(long, default_value_t = 100_000)]
    payments: u64,
    /// So many calls lie on disk, a thousand of each sales unit.
    #[arg(long, default_value_t = 1_000_000)]
    calls: u64,
    /// How long each measurement of throughput takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many times throughput is measured.
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
}

/// Measures and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    watched(options).await?;
    full(options).await
}

/// Sales units, each of which makes a thousand calls, one after the other.
struct Calling {
    shops: Vec<Rc<Shop>>,
    made: u64,
    most: u64,
}

impl Job for Calling {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let unit = usize::try_from(self.made / CALLS_OF_A_UNIT)? % self.shops.len().max(1);
        let shop = self.shops.get(unit).context("no sales unit")?;
        let request = shop.details(&format!("nothing-{}", self.made));
        connection
            .exchange(&request)
            .await?
            .expect(404, "details")?;
        self.made += 1;
        pause(PACE).await;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.made >= self.most
    }
}

async fn full(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    let subject = &options.subject;
    // The usual file would forget the first ones.
    let settings = [("SANDKASSE_JOURNAL_DISK_MB", "16384")];
    let platform = subject.start_with(&settings).await?;
    pause(SETTLE).await;
    let phone = platform.phone(&subject.sandkasse)?;
    let keys = platform.new_unit().await?;
    let shop = platform.shop(&keys, &phone, sink.address).await?;
    let each = options.payments.div_ceil(CONNECTIONS as u64);
    eprintln!("pages: {} payments", options.payments);
    Target::one(platform.test, &shop)
        .initiate("page", CONNECTIONS, LIMIT, each)
        .await?;

    let units = options.calls.div_ceil(CALLS_OF_A_UNIT);
    eprintln!("pages: {} calls of {units} sales units", options.calls);
    let mut jobs = Vec::new();
    for _ in 0..CONNECTIONS {
        jobs.push(Calling {
            shops: Vec::new(),
            made: 0,
            most: 0,
        });
    }
    let (mut first, mut last): (Option<Keys>, Option<Keys>) = (None, None);
    for number in 0..units {
        let keys = platform.new_unit().await?;
        let shop = platform.shop(&keys, &phone, sink.address).await?;
        let job = jobs.get_mut(usize::try_from(number)? % CONNECTIONS);
        let job = job.context("there are so many")?;
        job.shops.push(shop);
        job.most += CALLS_OF_A_UNIT;
        first.get_or_insert_with(|| keys.clone());
        last = Some(keys);
    }
    let begun = Instant::now();
    let first_call = platform.newest_call().await?.number + options.calls / 10;
    load::run(platform.test, jobs, LIMIT).await?;
    let fill = platform.journal().await?;
    eprintln!(
        "pages: {} calls on disk after {} s, {} not written",
        fill.on_disk,
        begun.elapsed().as_secs(),
        fill.not_written
    );
    ensure!(
        fill.on_disk * 100 >= options.calls * 95,
        "only {} calls are on disk",
        fill.on_disk
    );

    let visitor = Visitor::sign_in(platform.portal).await?;
    let big = &keys.msn;
    let small = &last.context("no sales unit")?.msn;
    let oldest = &first.context("no sales unit")?.msn;
    let id = platform.newest_call().await?.id;
    let pages = [
        "/".to_owned(),
        "/units".to_owned(),
        "/units?q=bench".to_owned(),
        format!("/units/test/{big}"),
        format!("/units/test/{big}/payments"),
        format!("/units/test/{big}/payments?q=bench-page-1"),
        format!("/units/test/{big}/payments?state=cancelled"),
        format!("/units/test/{big}/payments/bench-page-00-0000000"),
        format!("/units/test/{big}/time"),
        format!("/units/test/{big}/faults"),
        "/requests".to_owned(),
        "/requests?refused=true".to_owned(),
        format!("/requests?msn={small}"),
        "/requests?status=500".to_owned(),
        "/requests?text=nowhere-at-all".to_owned(),
        // These are on disk only.
        format!("/requests?msn={oldest}&environment=test"),
        format!("/requests?before={first_call}"),
        format!("/requests?before={first_call}&status=500"),
        format!("/requests?before={first_call}&text=nowhere-at-all"),
        format!("/requests/{id}"),
        "/dashboard".to_owned(),
        "/phone".to_owned(),
        format!("/phone/{}", phone.trim_start_matches("47")),
        "/status".to_owned(),
        "/catalogue".to_owned(),
        "/catalogue?q=msn".to_owned(),
        "/users".to_owned(),
        "/audit".to_owned(),
        "/merchants".to_owned(),
        "/partners".to_owned(),
    ];
    println!(
        "### Pages\n\n{}. {} payments of one sales unit, {} calls on disk of {units} sales units; each page {OFTEN} times, over loopback.\n",
        machine::describe(),
        options.payments,
        fill.on_disk
    );
    println!("| page | median, ms | longest, ms | kB | bar | |");
    println!("|---|---:|---:|---:|---:|---|");
    for page in pages {
        let (times, bytes) = visitor.times(&page, OFTEN).await?;
        let ms = |time: &Duration| time.as_secs_f64() * 1e3;
        let middle = median(times.iter().map(ms));
        let longest = times.iter().map(ms).fold(0.0, f64::max);
        let verdict = if middle < MOST_MS {
            "met"
        } else {
            "**missed**"
        };
        let page = page.replace(big.as_str(), "N").replace(small.as_str(), "N");
        let page = page.replace(&id, "ID").replace(oldest.as_str(), "OLD");
        let page = page.replace(&first_call.to_string(), "OLD");
        let kilobytes = bytes as f64 / 1e3;
        println!(
            "| `{page}` | {middle:.1} | {longest:.1} | {kilobytes:.0} | < {MOST_MS} | {verdict} |"
        );
    }
    println!();
    Ok(())
}

/// Initiate and details with and without inspector pages open.
async fn watched(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    let time = Duration::from_secs(options.seconds);
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        eprintln!("pages: watchers, round {number} of {}", options.rounds);
        let order = if number % 2 == 1 {
            [0, WATCHERS]
        } else {
            [WATCHERS, 0]
        };
        let mut pair = [[0.0; 2]; 2];
        for watchers in order {
            let platform = options.subject.start().await?;
            pause(SETTLE).await;
            let shop = options.subject.shop(&platform, &sink).await?;
            let visitor = Visitor::sign_in(platform.portal).await?;
            let mut watching = Vec::new();
            for _ in 0..watchers {
                watching.push(spawn_local(watch(visitor.clone())));
            }
            pause(SETTLE).await;
            let target = Target::one(platform.test, &shop);
            let (made, orders) = target
                .initiate("watch", CONNECTIONS, time, u64::MAX)
                .await?;
            let looked = target.details(&orders, CONNECTIONS, time).await?;
            let figures = [made.per_second, looked.per_second];
            if let Some(place) = pair.get_mut(usize::from(watchers > 0)) {
                *place = figures;
            }
            for task in watching {
                ensure!(!task.is_finished(), "an inspector page was closed");
                task.abort();
            }
        }
        rounds.push(pair);
    }
    println!(
        "### Open inspector pages\n\n{}. {WATCHERS} pages that follow all calls, on the same machine; {CONNECTIONS} connections, {} s each.\n",
        machine::describe(),
        options.seconds
    );
    println!("| | without | with {WATCHERS} | each round, % | median | bar | |");
    println!("|---|---:|---:|---:|---:|---:|---|");
    for (at, name) in ["initiate, per second", "details, per second"]
        .iter()
        .enumerate()
    {
        let of = |pair: &[[f64; 2]; 2], watched: usize| {
            pair.get(watched)
                .and_then(|it| it.get(at))
                .copied()
                .unwrap_or_default()
        };
        let share = |pair: &[[f64; 2]; 2]| 100.0 * of(pair, 1) / of(pair, 0);
        let without = median(rounds.iter().map(|pair| of(pair, 0)));
        let with = median(rounds.iter().map(|pair| of(pair, 1)));
        let each: Vec<String> = rounds
            .iter()
            .map(|pair| format!("{:.1}", share(pair)))
            .collect();
        let middle = median(rounds.iter().map(share));
        let verdict = if middle >= BAR { "met" } else { "**missed**" };
        println!(
            "| {name} | {without:.0} | {with:.0} | {} | {middle:.1} % | ≥ {BAR} % | {verdict} |",
            each.join(" · ")
        );
    }
    println!();
    Ok(())
}

/// An inspector page that is open: it reads whatever comes.
async fn watch(visitor: Visitor) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(visitor.portal).await?;
    stream
        .write_all(visitor.request("/requests/events").as_bytes())
        .await?;
    let mut bytes = vec![0; 65_536];
    loop {
        ensure!(stream.read(&mut bytes).await? > 0, "the page was closed");
    }
}
