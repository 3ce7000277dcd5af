//! How fast waiting webhook deliveries drain, each outcome recorded, while payments are created.
//!
//! A receiver answers 503 while very many payments are created, so a delivery of each waits. Then it answers 200, the
//! sales unit's clock is moved over the next attempts, and everything drains while creates go on at a steady pace. What
//! is timed is from the moment it answers 200 until all that waited were taken, the advance of the clock included; then the
//! platform is asked whether it noted every one of them as delivered.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use memchr::memmem;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::http::{Connection, whole};
use crate::machine;
use crate::platform::{Platform, call};
use crate::process::pause;
use crate::shop::{Keys, Shop};
use crate::subject::Subject;

/// What the issue asks for.
const BAR: f64 = 5_000.0;
/// Connections that create.
const CREATORS: u64 = 16;
/// Within so long of a unit's clock everything is attempted again.
const OVER_THE_NEXT: Duration = Duration::from_secs(7200);
/// Draining takes no longer.
const LIMIT: Duration = Duration::from_secs(600);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// So many deliveries wait.
    #[arg(long, default_value_t = 100_000)]
    waiting: u64,
    /// Creates in a second while they drain.
    #[arg(long, default_value_t = 500)]
    pace: u64,
}

/// A receiver that is down, and then is not.
struct Door {
    address: SocketAddr,
    is_up: Rc<Cell<bool>>,
    /// Of those that waited.
    taken: Rc<Cell<u64>>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let platform = options.subject.start().await?;
    let keys = platform.new_unit().await?;
    let door = Door::open().await?;
    let shop = platform.shop(&keys, "41000001", door.address).await?;
    let wish = format!(
        r#"{{"url":"http://{}/hook","events":["epayments.payment.created.v1"]}}"#,
        door.address
    );
    let mut connection = Connection::open(platform.test).await?;
    let register = shop.request("POST", "/webhooks/v1/webhooks", "", &wish);
    let made = connection.exchange(&register).await?;
    made.expect(201, "registering a webhook")?;

    let process = platform.process.id();
    let before = machine::resident_mb(process)?;
    let each = options.waiting / CREATORS;
    let creators: Vec<_> = (0..CREATORS)
        .map(|creator| spawn_local(create(platform.test, shop.clone(), creator, each)))
        .collect();
    for creator in creators {
        creator.await??;
    }
    let waiting = each * CREATORS;
    let down = machine::resident_mb(process)?;
    println!("{waiting} payments while the receiver is down: {before:.0} MB, then {down:.0} MB");

    let flow = spawn_local(flow(platform.test, shop.clone(), options.pace));
    let began = Instant::now();
    door.is_up.set(true);
    let Keys { msn, .. } = &keys;
    platform.advance(msn, OVER_THE_NEXT).await?;
    let mut most = down;
    while door.taken.get() < waiting {
        ensure!(began.elapsed() < LIMIT, "{} were taken", door.taken.get());
        pause(Duration::from_millis(20)).await;
        most = most.max(machine::resident_mb(process)?);
    }
    let took = began.elapsed().as_secs_f64();
    let taken = door.taken.get();
    flow.abort();
    let rate = f64::from(u32::try_from(taken)?) / took;
    println!("{}\n", machine::describe());
    println!(
        "| waiting | creates/s meanwhile | taken | seconds | per second | bar | | most memory |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---|---:|");
    let verdict = if rate >= BAR { "met" } else { "not met" };
    println!(
        "| {waiting} | {} | {taken} | {took:.1} | {rate:.0} | ≥ {BAR:.0} | {verdict} | {most:.0} MB |",
        options.pace
    );
    let noted = noted(&platform, msn).await?;
    ensure!(
        noted.1 == 0 || noted.0 >= waiting,
        "{noted:?}: delivered, and not"
    );
    println!(
        "\nNoted as delivered: {}, still waiting: {}.",
        noted.0, noted.1
    );
    platform.process.stop().await
}

fn body(reference: &str) -> String {
    format!(
        r#"{{"amount":{{"currency":"NOK","value":49900}},"paymentMethod":{{"type":"WALLET"}},"reference":"{reference}","returnUrl":"https://example.com/back","userFlow":"WEB_REDIRECT","paymentDescription":"Socks"}}"#
    )
}

async fn one(connection: &mut Connection, shop: &Shop, reference: &str) -> anyhow::Result<()> {
    let key = format!("Idempotency-Key: {reference}\r\n");
    let request = shop.request("POST", "/epayment/v1/payments", &key, &body(reference));
    connection
        .exchange(&request)
        .await?
        .expect(201, "creating a payment")
}

async fn create(test: SocketAddr, shop: Rc<Shop>, creator: u64, count: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(test).await?;
    for number in 0..count {
        one(
            &mut connection,
            &shop,
            &format!("waiting-{creator:02}-{number:06}"),
        )
        .await?;
    }
    Ok(())
}

/// Creates at a steady pace, until it is ended.
async fn flow(test: SocketAddr, shop: Rc<Shop>, pace: u64) -> anyhow::Result<()> {
    let mut connection = Connection::open(test).await?;
    let began = Instant::now();
    for number in 0_u64.. {
        one(&mut connection, &shop, &format!("flowing-{number:08}")).await?;
        let due = Duration::from_secs(number) / u32::try_from(pace.max(1))?;
        pause(due.saturating_sub(began.elapsed())).await;
    }
    Ok(())
}

/// How many deliveries the platform says were taken, and how many not.
async fn noted(platform: &Platform, msn: &str) -> anyhow::Result<(u64, u64)> {
    let (mut taken, mut others, mut before) = (0, 0, None);
    loop {
        let page = before.map_or(String::new(), |before: u64| format!("&before={before}"));
        let path = format!("/control/v1/deliveries/test/{msn}?limit=1000{page}");
        let list: Value = call(platform.portal, "GET", &path, "", "").await?;
        let all = list.get("deliveries").and_then(Value::as_array);
        for delivery in all.context("no list")? {
            match delivery.get("state").and_then(Value::as_str) {
                Some("delivered") => taken += 1,
                _ => others += 1,
            }
        }
        before = list.get("next").and_then(Value::as_u64);
        if before.is_none() {
            return Ok((taken, others));
        }
    }
}

impl Door {
    async fn open() -> anyhow::Result<Door> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr()?;
        let (is_up, taken) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
        let (up, count) = (is_up.clone(), taken.clone());
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn_local(serve(stream, up.clone(), count.clone()));
            }
        });
        Ok(Door {
            address,
            is_up,
            taken,
        })
    }
}

async fn serve(mut stream: TcpStream, is_up: Rc<Cell<bool>>, taken: Rc<Cell<u64>>) {
    let mut inbox = Vec::with_capacity(2048);
    while stream.read_buf(&mut inbox).await.is_ok_and(|read| read > 0) {
        let length = match whole(&inbox) {
            Ok(Some((_, length))) => length,
            Ok(None) => continue,
            Err(_) => return,
        };
        let has_waited = memmem::find(&inbox, br#""reference":"waiting-"#).is_some();
        inbox.drain(..length);
        let answer: &[u8] = if is_up.get() {
            taken.set(taken.get() + u64::from(has_waited));
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        } else {
            b"HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n"
        };
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}
