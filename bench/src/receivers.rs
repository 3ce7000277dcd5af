//! How long callbacks take when a few of very many merchants hang.
//!
//! A thousand receivers get a call each, in a row and at an even pace, over and over. In every second round ten of
//! them take the request and answer nothing. What is measured is the time from handing a call to the courier until the
//! whole request is at the receiver; only the other 990 count.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use sandkasse_courier::{Courier, CourierConfig, CourierHandle, Limits, TableResolver};
use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_domain::{Environment, Msn};
use sandkasse_store::{Commit, MemoryStore, OutgoingCall, Partition, Purpose, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const RECEIVERS: usize = 1_000;
const HANGING: usize = 10;
/// A hanging receiver costs a seat for three seconds, as in the platform.
const LIMIT_MS: u64 = 3_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Where data may lie; this needs none.
    #[arg(long)]
    data: Option<PathBuf>,
    /// How long each round takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many pairs of rounds there are.
    #[arg(long, default_value_t = 5, value_parser = crate::subject::at_least_one)]
    rounds: usize,
    /// Calls handed over in a second.
    #[arg(long, default_value_t = 1_000)]
    pace: u64,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let (mut well, mut ill) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        well.push(round(&options, false).await?);
        ill.push(round(&options, true).await?);
    }
    let (well, ill) = (middle(well)?, middle(ill)?);
    let growth = (ill.as_secs_f64() / well.as_secs_f64() - 1.0) * 100.0;
    println!(
        "| {RECEIVERS} receivers, {} calls a second | p99 until delivered to the other {} |",
        options.pace,
        RECEIVERS - HANGING
    );
    println!("|---|---|");
    println!("| all answer | {:.2} ms |", well.as_secs_f64() * 1e3);
    println!(
        "| {HANGING} hang | {:.2} ms ({growth:+.0} %) |",
        ill.as_secs_f64() * 1e3
    );
    Ok(())
}

fn middle(mut times: Vec<Duration>) -> anyhow::Result<Duration> {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .copied()
        .context("no round was made")
}

/// The 99th percentile of one round.
async fn round(options: &Options, do_hang: bool) -> anyhow::Result<Duration> {
    let (told, mut hear) = mpsc::unbounded_channel();
    let fine = receiver(Some(told)).await?;
    let hanging = receiver(None).await?;
    let names = (0..RECEIVERS).map(|number| format!("r{number}.test"));
    let table = names.fold(TableResolver::new(), |table, name| {
        table.with(&name, ["127.0.0.1"])
    });
    let store = Arc::new(MemoryStore::new());
    let began = jiff::Timestamp::UNIX_EPOCH;
    let courier = Courier::new(CourierConfig::default(), Arc::new(table));
    let courier = CourierHandle::new(
        courier,
        store.clone(),
        Arc::new(move || began),
        Limits::default(),
    );
    let msn = Msn::try_new("123456").context("a number")?;
    let partition = Partition {
        environment: Environment::Test,
        msn,
    };

    let calls = usize::try_from(options.pace * options.seconds)?;
    let mut posted = Vec::with_capacity(calls);
    let started = tokio::time::Instant::now();
    let between = Duration::from_secs(1) / u32::try_from(options.pace)?;
    for number in 0..calls {
        let host = number % RECEIVERS;
        let door = if do_hang && host < HANGING {
            hanging
        } else {
            fine
        };
        let call = call(
            number,
            &format!("http://r{host}.test:{}/{number}", door.port()),
        );
        let commit = Commit {
            partition: partition.clone(),
            writes: Vec::new(),
            reply: None,
            calls: vec![call.clone()],
        };
        store.commit(commit).await?;
        tokio::time::sleep_until(started + between * u32::try_from(number)?).await;
        posted.push(Instant::now());
        courier.post(partition.clone(), UrlPolicy::Local, call);
    }
    let mut times = Vec::with_capacity(calls);
    let expected = (0..calls)
        .filter(|number| number % RECEIVERS >= HANGING)
        .count();
    while times.len() < expected {
        let (number, at): (usize, Instant) = hear.recv().await.context("a receiver ended")?;
        if number % RECEIVERS >= HANGING {
            let since = posted.get(number).context("a call that nobody made")?;
            times.push(at.duration_since(*since));
        }
    }
    times.sort_unstable();
    times
        .get(times.len() * 99 / 100)
        .copied()
        .context("no call was made")
}

fn call(number: usize, url: &str) -> OutgoingCall {
    OutgoingCall {
        id: format!("call-{number}"),
        purpose: Purpose::PaymentCallback,
        about: number.to_string(),
        method: "POST".to_owned(),
        url: url.to_owned(),
        authorization: None,
        body: Some("{}".to_owned()),
        timeout_ms: LIMIT_MS,
        owed_at: jiff::Timestamp::UNIX_EPOCH,
    }
}

/// A receiver on a free port: tells of every request and answers it, or hangs.
async fn receiver(
    told: Option<mpsc::UnboundedSender<(usize, Instant)>>,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let told = Rc::new(told);
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let told = told.clone();
            tokio::task::spawn_local(async move { serve(stream, told.as_ref().as_ref()).await });
        }
    });
    Ok(address)
}

async fn serve(
    mut stream: TcpStream,
    told: Option<&mpsc::UnboundedSender<(usize, Instant)>>,
) -> Option<()> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n{}") {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let Some(told) = told else {
        // Until the courier has enough of it.
        return stream.read(&mut [0]).await.ok().map(drop);
    };
    let at = Instant::now();
    let text = String::from_utf8_lossy(&bytes);
    let number = text
        .split(' ')
        .nth(1)?
        .trim_start_matches('/')
        .parse()
        .ok()?;
    told.send((number, at)).ok()?;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await
        .ok()
}
