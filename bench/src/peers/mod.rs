//! The platform beside what a user would pick instead, PostgreSQL's own benchmark and the two ceilings.
//!
//! In every round each system takes its turn: a new process with nothing stored, and the same load by the same generator. Ratios
//! are taken within a round. [`peer`] knows the peers, [`ours`] the platform, [`pgbench`] PostgreSQL; [`table`] and
//! [`plot`] write down what came of it.

mod ours;
mod peer;
mod pgbench;
mod plot;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::load::Achieved;
use crate::machine;
use crate::measure::{self, CONNECTIONS};
use crate::postgres::{self, Cluster};
use crate::results::{Ours, Pair};
use crate::sink::Sink;
use crate::subject::{Subject, at_least_one};
use crate::target::Lives;

use self::peer::Peer;
use self::table::Figures;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// What is installed of the peers: JSON, as `cargo xtask bench` writes it.
    #[arg(long)]
    list: PathBuf,
    /// Where `peers.md` and `peers.svg` are written.
    #[arg(long)]
    to: PathBuf,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many times everything is measured.
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
    /// How many payments are there when the start with payments is measured.
    #[arg(long, default_value_t = 100_000)]
    payments: u64,
    /// Which commit the program was built from.
    #[arg(long)]
    commit: Option<String>,
}

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum System {
    Axum,
    Durable,
    Sqlite,
    Postgres {
        nodes: usize,
        units: usize,
    },
    Pgbench,
    /// By its place in the list.
    Peer(usize),
}

/// What came of a system in one round.
pub(crate) struct Turn {
    pub(crate) create: Achieved,
    pub(crate) read: Option<Achieved>,
    pub(crate) more: Option<More>,
    pub(crate) first_answer_ms: Option<f64>,
    pub(crate) idle_mb: Option<f64>,
    pub(crate) loaded_mb: Option<f64>,
}

/// What only the platform and its ceilings are asked.
pub(crate) struct More {
    pub(crate) one_create: Achieved,
    pub(crate) one_read: Achieved,
    pub(crate) lives: Option<Lives>,
}

impl Turn {
    fn of(pair: Pair, lives: Option<Lives>) -> Self {
        Self {
            create: pair.initiate,
            read: Some(pair.details),
            more: Some(More {
                one_create: pair.one_initiate,
                one_read: pair.one_details,
                lives,
            }),
            first_answer_ms: None,
            idle_mb: None,
            loaded_mb: None,
        }
    }
}

impl From<Ours> for Turn {
    fn from(ours: Ours) -> Self {
        Self {
            first_answer_ms: Some(ours.first_answer_ms),
            idle_mb: Some(ours.idle_mb),
            loaded_mb: Some(ours.loaded_mb),
            ..Self::of(ours.pair, Some(ours.lives))
        }
    }
}

/// The platform's and everybody's but the peers'.
const SYSTEMS: [System; 7] = [
    System::Axum,
    System::Durable,
    System::Sqlite,
    System::Pgbench,
    System::Postgres { nodes: 1, units: 1 },
    System::Postgres { nodes: 2, units: 1 },
    System::Postgres {
        nodes: 2,
        units: CONNECTIONS,
    },
];

/// Measures, prints the results, and writes them down.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    let mut peers: Vec<Peer> = serde_json::from_str(&std::fs::read_to_string(&options.list)?)
        .with_context(|| format!("{} is no list of peers", options.list.display()))?;
    let subject = &options.subject;
    std::fs::create_dir_all(&subject.data)?;
    for peer in peers.iter_mut().filter(|peer| peer.absent.is_none()) {
        eprintln!("trying out {}", peer.name);
        if let Err(error) = peer.try_out(&subject.data).await {
            peer.absent = Some(format!("does not start: {error:#}"));
        }
    }
    let mut systems = SYSTEMS.to_vec();
    let there = peers.iter().enumerate();
    let there = there.filter(|(_, peer)| peer.absent.is_none());
    systems.extend(there.map(|(number, _)| System::Peer(number)));

    let cluster = Cluster::make(&subject.data)?;
    let stage = Stage {
        options,
        peers: &peers,
        cluster: &cluster,
        sink: &sink,
    };
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        eprintln!("round {number} of {}", options.rounds);
        rounds.push(stage.round(&systems, number).await?);
    }
    let version = postgres::read(std::process::Command::new(&subject.sandkasse).arg("--version"))?;
    let figures = Figures {
        machine: machine::describe(),
        version: version.trim().to_owned(),
        commit: options.commit.clone(),
        seconds: options.seconds,
        start_empty_ms: measure::start_empty(subject).await?,
        filled: measure::fill(subject, options.payments, &sink).await?,
        systems,
        rounds,
        peers,
    };
    let table = figures.to_string();
    println!("{table}");
    std::fs::write(options.to.join("peers.md"), &table)?;
    std::fs::write(options.to.join("peers.svg"), plot::draw(&figures)?)?;
    for peer in &figures.peers {
        if let Some(why) = &peer.absent {
            eprintln!("NOT MEASURED: {}: {why}", peer.name);
        }
    }
    Ok(())
}

struct Stage<'a> {
    options: &'a Options,
    peers: &'a [Peer],
    cluster: &'a Cluster,
    sink: &'a Sink,
}

impl Stage<'_> {
    /// Everybody's turn, in the order of the systems; each round another one begins, for a disk may grow slower.
    async fn round(&self, systems: &[System], number: usize) -> anyhow::Result<Vec<Turn>> {
        let mut turns: Vec<Option<Turn>> = systems.iter().map(|_| None).collect();
        let first = (number - 1) * systems.len() / self.options.rounds.max(1);
        let order = (0..systems.len()).map(|place| (place + first) % systems.len());
        for place in order {
            let system = systems.get(place).context("a place of a system")?;
            let turn = self.turn(*system).await;
            let turn = turn.with_context(|| self.name(*system))?;
            if let Some(slot) = turns.get_mut(place) {
                *slot = Some(turn);
            }
        }
        let turns: Option<Vec<Turn>> = turns.into_iter().collect();
        turns.context("everybody had a turn")
    }

    async fn turn(&self, system: System) -> anyhow::Result<Turn> {
        let subject = &self.options.subject;
        let data = &subject.data;
        let (sink, cluster) = (self.sink, self.cluster);
        let time = Duration::from_secs(self.options.seconds);
        match system {
            System::Axum => ceiling("ceiling-axum", data, time, sink).await,
            System::Durable => ceiling("ceiling-durable", data, time, sink).await,
            System::Sqlite => ours::on_sqlite(subject, time, sink).await,
            System::Postgres { nodes, units } => {
                let many = (nodes, units);
                ours::on_postgres(subject, cluster, many, time, sink).await
            }
            System::Pgbench => pgbench::turn(cluster, data, time).await,
            System::Peer(place) => {
                let peer = self.peers.get(place).context("a place of a peer")?;
                peer.turn(data, time, sink).await
            }
        }
    }

    fn name(&self, system: System) -> String {
        table::name(system, self.peers)
    }
}

async fn ceiling(task: &str, data: &Path, time: Duration, sink: &Sink) -> anyhow::Result<Turn> {
    let pair = measure::ceiling(task, data, time, sink).await?;
    Ok(Turn::of(pair, None))
}
