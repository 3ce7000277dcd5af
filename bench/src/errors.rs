//! Whether errors fill the memory: very many refused and explained calls of all kinds at one server with its usual
//! settings, limits per minute included.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::http::Connection;
use crate::load::{self, Job};
use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE};
use crate::platform::Fill;
use crate::process::pause;
use crate::shop::{Keys, PAYMENTS, Shop};
use crate::subject::Subject;

/// The memory is compared with that after so many.
const FIRST: u64 = 100_000;
/// It takes no longer; if that is not enough, there are fewer.
const LIMIT: Duration = Duration::from_secs(180);
/// So much more memory is no growth.
const FLAT_MB: f64 = 10.0;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// How many calls.
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// Without limits per minute, whose windows are memory too: one for each order id of the last minute.
    #[arg(long)]
    unlimited: bool,
}

/// Refused calls of one connection, each kind in turn, no two alike.
struct Wrong {
    senders: Rc<Senders>,
    connection: usize,
    made: u64,
    most: u64,
}

/// Who sends something wrong.
struct Senders {
    keys: Keys,
    token: String,
    right: Rc<Shop>,
}

impl Senders {
    fn with(&self, key: Option<String>, token: Option<String>) -> Rc<Shop> {
        let mut keys = self.keys.clone();
        keys.primary_subscription_key = key.unwrap_or(keys.primary_subscription_key);
        let token = token.as_deref().unwrap_or(&self.token);
        Shop::new(&keys, token, "", NOWHERE)
    }

    /// A call that must be refused, and with what.
    fn call(&self, connection: usize, number: u64) -> (&'static str, Vec<u8>, u16) {
        let order = format!("bench-none-{connection:02}-{number:07}");
        match number % 5 {
            0 => {
                let path = format!("{PAYMENTS}/{order}/details");
                let token = &self.token;
                let request = format!(
                    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
                );
                ("no key", request.into_bytes(), 401)
            }
            1 => {
                let key = format!("{connection:08x}{number:024x}");
                let sender = self.with(Some(key), None);
                ("a wrong key", sender.details(&order), 401)
            }
            2 => {
                let head = self.token.rsplit_once('.').map_or("", |(head, _)| head);
                let token = format!("{head}.{connection:04}{number:08}{}", "A".repeat(330));
                let sender = self.with(None, Some(token));
                ("a bad token", sender.details(&order), 401)
            }
            3 => ("an unknown order", self.right.details(&order), 404),
            _ => {
                let body = format!(r#"{{"transaction":{{"orderId":"{order}","#);
                let request = self.right.request("POST", PAYMENTS, "", &body);
                // As recorded of the platform: what it cannot read is its own error.
                ("a broken body", request, 500)
            }
        }
    }
}

/// Nobody is called back.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

impl Job for Wrong {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let (what, request, status) = self.senders.call(self.connection, self.made);
        self.made += 1;
        let answer = connection.exchange(&request).await?;
        answer.expect(status, what)?;
        let explained = answer.head.windows(11).any(|it| it == b"\r\nexplain: ");
        ensure!(explained, "{what}: nothing explains the refusal");
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.made >= self.most
    }
}

/// Measures and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let platform = options.subject.start().await?;
    pause(SETTLE).await;
    let idle = machine::resident_mb(platform.process.id())?;
    let keys = platform
        .new_unit_with(if options.unlimited { "off" } else { "on" })
        .await?;
    let token = platform.token(&keys).await?;
    let right = Shop::new(&keys, &token, "", NOWHERE);
    let senders = Rc::new(Senders { keys, token, right });
    let mut jobs: Vec<Wrong> = (0..CONNECTIONS)
        .map(|connection| Wrong {
            senders: Rc::clone(&senders),
            connection,
            made: 0,
            most: 0,
        })
        .collect();
    let begun = Instant::now();
    let mut rows = Vec::new();
    for goal in [FIRST.min(options.requests), options.requests] {
        eprintln!("errors: {goal}");
        for job in &mut jobs {
            job.most = goal.div_ceil(CONNECTIONS as u64);
        }
        let left = LIMIT.saturating_sub(begun.elapsed());
        jobs = load::run(platform.test, jobs, left).await?.1;
        let made: u64 = jobs.iter().map(|job| job.made).sum();
        let took = begun.elapsed();
        pause(SETTLE).await;
        let memory = machine::resident_mb(platform.process.id())?;
        rows.push((made, took, memory, platform.journal().await?));
    }
    platform.process.stop().await?;

    println!(
        "### Memory of errors\n\n{}. {CONNECTIONS} connections, limits per minute {}.\n",
        machine::describe(),
        if options.unlimited { "off" } else { "on" }
    );
    println!("| refused calls | after | resident memory | journal |\n|---:|---:|---:|---|");
    println!("| 0 | | {idle:.1} MB | |");
    for (made, took, memory, journal) in &rows {
        let Fill {
            calls,
            bytes,
            most_bytes,
            forgotten,
            on_disk,
            not_written,
        } = journal;
        let (bytes, most) = (*bytes as f64 / 1e6, *most_bytes as f64 / 1e6);
        println!(
            "| {made} | {:.1} s | {memory:.1} MB | {calls} calls, {bytes:.1} of {most:.1} MB, {forgotten} forgotten; {on_disk} on disk, {not_written} not written |",
            took.as_secs_f64()
        );
    }
    let (first, last) = (rows.first(), rows.last());
    let (first, last) = (first.context("no figures")?, last.context("no figures")?);
    if last.0 < options.requests {
        println!(
            "\nThe time ended before {} calls were made.",
            options.requests
        );
    }
    let more = last.2 - first.2;
    let verdict = if more <= FLAT_MB { "met" } else { "**missed**" };
    println!(
        "\nFrom {} to {} calls {more:.1} MB more; bar: ≤ {FLAT_MB} MB: {verdict}.",
        first.0, last.0
    );
    Ok(())
}
