//! What slow and silent connections cost the others, what is refused for its size, and what very many wrong secrets cost
//! (RELIABILITY S-10).

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};

use crate::http::{self, Connection};
use crate::load::{self, Job};
use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE};
use crate::platform::Platform;
use crate::process::pause;
use crate::shop::{PAYMENTS, Shop};
use crate::subject::{Subject, at_least_one};

/// The others may take so many times as long.
const SLOWER: f64 = 2.0;
/// The server may take so much memory.
const MOST_MB: f64 = 300.0;
/// A slow connection sends a byte so often.
const DRIP: Duration = Duration::from_secs(1);
/// So long the platform bears a silent connection.
const SILENCE: Duration = Duration::from_secs(10);
/// How often open connections are counted.
const LOOK: Duration = Duration::from_millis(500);
/// What the administrator's token is in this run.
const TOKEN: &str = "bench-administrator-token-0123456789";
/// So many at a time try wrong secrets.
const GUESSERS: usize = 16;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// How many slow and silent connections.
    #[arg(long, default_value_t = 2000)]
    silent: usize,
    /// How many wrong secrets of each kind.
    #[arg(long, default_value_t = 100_000)]
    wrong: u64,
    /// How long the load takes, with and without them, in each round.
    #[arg(long, default_value_t = 12)]
    seconds: u64,
    /// How often both are measured; the results are medians.
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
}

/// Details of an order that is there: a read, as most calls are.
struct Details {
    request: Vec<u8>,
}

impl Job for Details {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        connection
            .exchange(&self.request)
            .await?
            .expect(200, "details")
    }
}

/// Measures and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let settings = [("SANDKASSE_LOG", "error")];
    let platform = options.subject.start_with(&settings).await?;
    let keys = platform.new_unit().await?;
    let shop = platform.shop(&keys, "", NOWHERE).await?;
    let mut connection = Connection::open(platform.test).await?;
    let made = connection.exchange(&shop.initiate("bench-1")).await?;
    made.expect(200, "initiate")?;

    println!(
        "### Slow and silent connections\n\n{}.\n",
        machine::describe()
    );
    refusals(platform.test, &shop).await?;
    beside_silence(options, &platform, &shop).await?;
    platform.process.stop().await?;
    wrong_secrets(options).await
}

/// Nobody is called back.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

async fn refusals(test: SocketAddr, shop: &Rc<Shop>) -> anyhow::Result<()> {
    let many: String = (0..120)
        .map(|number| format!("X-{number}: y\r\n"))
        .collect();
    let long = format!("X-Long: {}\r\n", "y".repeat(33 * 1024));
    let deep = format!("{}0{}", "[".repeat(65), "]".repeat(65));
    let megabyte = " ".repeat(1024 * 1024 + 1);
    println!("| what is sent | answer |\n|---|---:|");
    for (what, headers, body, status) in [
        ("a body of 1 MiB and one byte", "", megabyte.as_str(), 413),
        ("33 KiB of headers", long.as_str(), "{}", 431),
        ("more than 100 headers", many.as_str(), "{}", 431),
        ("JSON of 65 levels", "", deep.as_str(), 500),
    ] {
        let mut connection = Connection::open(test).await?;
        let request = shop.request("POST", PAYMENTS, headers, body);
        connection.exchange(&request).await?.expect(status, what)?;
        println!("| {what} | {status} |");
    }
    println!();
    Ok(())
}

async fn beside_silence(
    options: &Options,
    platform: &Platform,
    shop: &Rc<Shop>,
) -> anyhow::Result<()> {
    let time = Duration::from_secs(options.seconds);
    let load = async || {
        let job = || Details {
            request: shop.details("bench-1"),
        };
        let jobs: Vec<Details> = (0..CONNECTIONS).map(|_| job()).collect();
        anyhow::Ok(load::run(platform.test, jobs, time).await?.0)
    };
    let (mut alone, mut beside, mut memory) = (Vec::new(), Vec::new(), 0.0_f64);
    println!(
        "| round | p99 alone | p99 beside | per second alone | beside | open | memory |\n|---:|---:|---:|---:|---:|---:|---:|"
    );
    for round in 1..=options.rounds {
        pause(SETTLE).await;
        let before = load().await?;
        let silent: Vec<JoinHandle<()>> = (0..options.silent)
            .map(|number| {
                // All at once would be let go all at once, and again and again find no place in the queue.
                let after = SILENCE * u32::try_from(number).unwrap_or_default()
                    / u32::try_from(options.silent).unwrap_or(u32::MAX);
                spawn_local(keep_silent(platform.test, beginning(shop, number), after))
            })
            .collect();
        pause(SILENCE + SETTLE).await;
        // Those that were let go come again, so one look would say little.
        let process = platform.process.id();
        let looks = Rc::new(RefCell::new(Vec::new()));
        let seen = looks.clone();
        let looking = spawn_local(async move {
            while let Ok(open) = machine::open_sockets(process) {
                seen.borrow_mut().push(open);
                pause(LOOK).await;
            }
        });
        let after = load().await?;
        looking.abort();
        let mb = machine::resident_mb(process)?;
        let open = middle(&mut looks.borrow_mut());
        ensure!(
            open >= options.silent * 9 / 10,
            "only {open} of {} silent connections are open: they were not measured",
            options.silent
        );
        silent.iter().for_each(JoinHandle::abort);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "| {round} | {:.2} ms | {:.2} ms | {:.0} | {:.0} | {open} | {mb:.1} MB |",
            ms(before.p99),
            ms(after.p99),
            before.per_second,
            after.per_second,
        );
        memory = memory.max(mb);
        alone.push(ms(before.p99));
        beside.push(ms(after.p99));
    }
    let times = crate::latency::median(beside) / crate::latency::median(alone);
    let verdict = |met: bool| if met { "met" } else { "**missed**" };
    println!(
        "\n{} connections (a third each: slow heads, slow bodies, idle), {CONNECTIONS} with load. p99 beside them: {times:.2} times that alone; bar: ≤ {SLOWER}: {}. Memory: {memory:.1} MB; bar: ≤ {MOST_MB} MB: {}.\n",
        options.silent,
        verdict(times <= SLOWER),
        verdict(memory <= MOST_MB),
    );
    Ok(())
}

/// The median of what was counted.
fn middle(counts: &mut [usize]) -> usize {
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or_default()
}

/// What a connection begins with: a slow head, a slow body of somebody who has keys, or nothing.
fn beginning(shop: &Shop, number: usize) -> Vec<u8> {
    const BODY: usize = 1000;
    match number % 3 {
        0 => b"GET /ecomm/v2/payments/a/details HTTP/1.1\r\nHost: x\r\nX-Slow: ".to_vec(),
        1 => {
            let mut whole = shop.request("POST", "/ecomm/v2/payments", "", &"{".repeat(BODY));
            whole.truncate(whole.len() - BODY + 1);
            whole
        }
        _ => Vec::new(),
    }
}

/// One connection that says little or nothing, and comes again when it is let go.
async fn keep_silent(address: SocketAddr, start: Vec<u8>, after: Duration) {
    pause(after).await;
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            pause(DRIP).await;
            continue;
        };
        let mut sent = stream.write_all(&start).await;
        let mut byte = [0];
        while sent.is_ok() {
            if !start.is_empty() {
                sent = stream.write_all(b"x").await;
            }
            // An answer, or an end: it is over.
            if tokio::time::timeout(DRIP, stream.read(&mut byte))
                .await
                .is_ok()
            {
                break;
            }
        }
    }
}

/// The request of each number.
type Guesses = Rc<dyn Fn(u64) -> Vec<u8>>;

/// Guesses, of one kind.
struct Guess {
    request: Guesses,
    number: u64,
    most: u64,
}

impl Job for Guess {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let request = (self.request)(self.number);
        self.number += GUESSERS as u64;
        connection
            .exchange(&request)
            .await?
            .expect(401, "a wrong secret")
    }

    fn is_done(&self) -> bool {
        self.number >= self.most
    }
}

async fn wrong_secrets(options: &Options) -> anyhow::Result<()> {
    let Subject { sandkasse, .. } = &options.subject;
    let folder = options.subject.fresh()?;
    let settings = [("SANDKASSE_LOG", "error")];
    let open = Platform::start_with(sandkasse, &folder, &settings).await?;
    let keys = open.new_unit().await?;
    open.process.stop().await?;
    let settings = [("SANDKASSE_LOG", "error"), ("SANDKASSE_ADMIN_TOKEN", TOKEN)];
    let platform = Platform::start_with(sandkasse, &folder, &settings).await?;
    println!(
        "### Wrong secrets\n\n| where | tried | in | processor time each | cores | memory |\n|---|---:|---:|---:|---:|---:|"
    );
    let (test, portal) = (platform.test, platform.portal);
    let (id, key) = (
        keys.client_id.clone(),
        keys.primary_subscription_key.clone(),
    );
    let form = move |token: String| {
        let body = format!("token={token}&next=%2Funits");
        let headers = format_args!(
            "Host: {portal}\r\nOrigin: http://{portal}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        );
        http::request("POST", "/sign-in", headers, &body)
    };
    let kinds: [(&str, SocketAddr, Guesses); 3] = [
        (
            "client_secret, POST /accesstoken/get",
            test,
            Rc::new(move |number| {
                let headers = format_args!(
                    "Host: {test}\r\nclient_id: {id}\r\nclient_secret: wrong-{number:018}==\r\nOcp-Apim-Subscription-Key: {key}\r\n"
                );
                http::request("POST", "/accesstoken/get", headers, "")
            }),
        ),
        (
            "token, sign-in of the portal",
            portal,
            Rc::new(move |number| form(format!("wrong-token-{number:024}"))),
        ),
        (
            "token, control API",
            portal,
            Rc::new(move |number| {
                format!("GET /control/v1/sales-units HTTP/1.1\r\nHost: {portal}\r\nAuthorization: Bearer wrong-token-{number:024}\r\n\r\n").into_bytes()
            }),
        ),
    ];
    let process = platform.process.id();
    for (what, address, request) in kinds {
        let before = machine::processor_seconds(process)?;
        let began = Instant::now();
        let jobs = (0..GUESSERS as u64).map(|number| Guess {
            request: Rc::clone(&request),
            number,
            most: options.wrong,
        });
        let limit = Duration::from_secs(300);
        let (achieved, _) = load::run(address, jobs.collect(), limit).await?;
        let took = began.elapsed().as_secs_f64();
        let spent = machine::processor_seconds(process)? - before;
        ensure!(
            achieved.done >= options.wrong,
            "only {} were tried",
            achieved.done
        );
        println!(
            "| {what} | {} | {took:.1} s | {:.0} µs | {:.2} | {:.1} MB |",
            achieved.done,
            spent / achieved.done as f64 * 1e6,
            spent / took,
            machine::resident_mb(process)?,
        );
    }
    // The right one is let in as before.
    let mut connection = Connection::open(portal).await?;
    let answer = connection.exchange(&form(TOKEN.to_owned())).await;
    answer
        .context("the right token")?
        .expect(303, "the right token")?;
    platform.process.stop().await
}
