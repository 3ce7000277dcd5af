//! How many commits a second one node makes on a PostgreSQL database.
//!
//! `cargo run --release -p sandkasse-store --example postgres_commits -- URL CLIENTS UNITS SECONDS`, beside
//! `pgbench -N -c CLIENTS -T SECONDS` on the same server. A commit is what an initiate writes: a
//! record, its event, and a deadline.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sandkasse_domain::{Environment, Msn};
use sandkasse_store::postgres::Address;
use sandkasse_store::{
    Commit, Kind, Partition, PostgresStore, Store as _, StoredEvent, StreamId, Write,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("which database?")?;
    let mut number = |default: usize| match arguments.next() {
        Some(text) => text.parse(),
        None => Ok(default),
    };
    let (clients, units, seconds) = (number(32)?, number(64)?, number(10)?);
    let store = Arc::new(PostgresStore::open(Address::parse(&url)?).await?);
    let run = uuid::Uuid::new_v4();
    let begun = Instant::now();
    let end = begun + Duration::from_secs(seconds.try_into()?);
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..clients {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let unit = (client + times.len()) % units;
                let name = format!("{run}-{client}-{}", times.len());
                let before = Instant::now();
                store.commit(initiate(unit, name)).await?;
                times.push(before.elapsed());
            }
            Ok::<_, sandkasse_store::CommitError>(times)
        });
    }
    let mut times = Vec::new();
    for each in tasks.join_all().await {
        times.extend(each?);
    }
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get(times.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{clients} clients, {units} sales units: {rate:.0} commits/s, median {:.1?}, 99 % {:.1?}",
        at(50),
        at(99)
    );
    store.close().await;
    Ok(())
}

fn initiate(unit: usize, name: String) -> Commit {
    let at = "2023-06-13T12:00:00Z".parse().expect("a moment");
    let body = format!("{{\"order\":\"{name}\",\"text\":\"{}\"}}", "x".repeat(700));
    Commit {
        partition: Partition {
            environment: Environment::Test,
            msn: Msn::try_new(&format!("{}", 100_000 + unit)).expect("a good MSN"),
        },
        writes: vec![Write {
            stream: StreamId {
                kind: Kind::Payment,
                name,
            },
            expected: None,
            body: body.clone(),
            deadline: Some(at),
            events: vec![StoredEvent { at, body }],
        }],
        reply: None,
        calls: Vec::new(),
    }
}
