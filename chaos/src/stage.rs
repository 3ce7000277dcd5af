//! What all runs need: the program, folders, the seed, nodes on one database, and where results go.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngCore as _, SeedableRng as _};

use crate::command::rest;
use crate::load::{self, Load, Seenings};
use crate::node::{Node, Program};
use crate::postgres::{self, Postgres};
use crate::receiver::Receiver;
use crate::shop::Shop;
use crate::verify::Verdict;

/// How many sales units there are in a load.
pub(crate) const SHOPS: usize = 16;
/// How many connections it has.
pub(crate) const WORKERS: u64 = 16;
/// The role of the platform, and its database.
pub(crate) const ROLE: &str = "sandkasse";

/// What all runs are given.
pub(crate) struct Stage {
    pub(crate) sandkasse: PathBuf,
    /// Holds Patroni.
    pub(crate) python: PathBuf,
    /// For data, removed with the run.
    pub(crate) folder: PathBuf,
    pub(crate) logs: PathBuf,
    pub(crate) seed: u64,
    pub(crate) results: Results,
}

/// How each run went.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) lines: Vec<(String, Result<String, String>)>,
}

impl Results {
    /// Notes a run: what it showed, and what was not as promised.
    pub(crate) fn note(&mut self, name: &str, shown: &str, breaches: &[String]) {
        let line = if breaches.is_empty() {
            println!("passed: {name}: {shown}");
            Ok(shown.to_owned())
        } else {
            println!("FAILED: {name}: {shown}");
            for breach in breaches {
                println!("    {breach}");
            }
            Err(format!("{shown}; {}", breaches.join("; ")))
        };
        self.lines.push((name.to_owned(), line));
    }
}

/// Nodes that share one database, and who receives their callbacks. Nodes end before the database.
pub(crate) struct Platform {
    pub(crate) nodes: Vec<Node>,
    pub(crate) receiver: Receiver,
    loads: AtomicU32,
}

impl Stage {
    /// How nodes are started on this database, all with one master key.
    pub(crate) fn program(&self, database: &str) -> Program {
        let mut random = SmallRng::seed_from_u64(self.seed);
        let mut key = [0; 32];
        random.fill_bytes(&mut key);
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Program {
            sandkasse: self.sandkasse.clone(),
            database: database.to_owned(),
            variables: vec![("SANDKASSE_MASTER_KEY".to_owned(), key)],
            folder: self.folder.clone(),
            logs: self.logs.clone(),
        }
    }

    /// So many nodes on this database.
    pub(crate) async fn platform(&self, database: &str, nodes: usize) -> anyhow::Result<Platform> {
        let program = self.program(database);
        let mut started = Vec::new();
        for number in 1..=nodes {
            started.push(Node::start(&program, &format!("node{number}")).await?);
        }
        Platform::of(started).await
    }

    /// One PostgreSQL on loopback with a role and a database for the platform.
    pub(crate) async fn postgres(&self) -> anyhow::Result<Postgres> {
        let postgres = Postgres::start(&self.folder.join("postgres"), &self.logs).await?;
        make_database(&format!(
            "postgres://postgres@{}/postgres",
            postgres.address
        ))?;
        Ok(postgres)
    }
}

/// A role that may do nothing but own its database, and that database.
pub(crate) fn make_database(superuser: &str) -> anyhow::Result<()> {
    let password = crate::cluster::patroni::PASSWORD;
    let role = format!("create role {ROLE} login password '{password}'");
    postgres::sql(superuser, &role)?;
    postgres::sql(superuser, &format!("create database {ROLE} owner {ROLE}"))?;
    Ok(())
}

/// The URL of the platform's database on one server.
pub(crate) fn url(server: SocketAddr) -> String {
    let password = crate::cluster::patroni::PASSWORD;
    format!("postgres://{ROLE}:{password}@{server}/{ROLE}")
}

impl Platform {
    pub(crate) async fn of(nodes: Vec<Node>) -> anyhow::Result<Self> {
        Ok(Self {
            nodes,
            receiver: Receiver::start().await?,
            loads: AtomicU32::new(0),
        })
    }

    /// Where the nodes take calls of the test environment.
    pub(crate) fn doors(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.place.test).collect()
    }

    /// New sales units, made through the nodes in turn.
    pub(crate) async fn shops(&self, count: usize) -> anyhow::Result<Vec<Shop>> {
        let mut shops = Vec::new();
        for node in self.nodes.iter().cycle().take(count) {
            shops.push(Shop::open(&node.place, "off", &self.receiver.prefix()).await?);
        }
        Ok(shops)
    }

    /// A load over new sales units through these doors.
    pub(crate) async fn load(&self, doors: Vec<SocketAddr>, seed: u64) -> anyhow::Result<Load> {
        // Callbacks name an order and no sales unit, so no two loads share order ids.
        let number = self.loads.fetch_add(1, Ordering::SeqCst);
        let tag = format!("load{number}");
        Ok(Load::new(self.shops(SHOPS).await?, doors, seed, tag))
    }
}

/// Lets a load run for a time.
pub(crate) async fn run_for(load: Load, time: Duration) -> (Arc<Load>, Seenings) {
    let load = Arc::new(load);
    let workers = load::start(&load, WORKERS);
    rest(time).await;
    load.stop();
    let seen = load::gather(workers).await;
    (load, seen)
}

/// Callbacks of a load that came more than once, in words, and how many came at all.
pub(crate) fn callbacks(platform: &Platform, load: &Load) -> (usize, Vec<String>) {
    let (received, twice) = platform.receiver.received(&load.tag);
    let count = twice.len();
    let mut breaches = twice;
    breaches.truncate(5);
    if count > 0 {
        breaches.push(format!("{count} callbacks came more than once"));
    }
    (received, breaches)
}

/// What was not as promised, in words.
pub(crate) fn breaches(verdict: &Verdict) -> Vec<String> {
    let mut breaches = Vec::new();
    if !verdict.is_clean() {
        breaches.push("not every promise was kept, or there was none".to_owned());
        breaches.extend(verdict.texts.iter().cloned());
    }
    breaches
}
