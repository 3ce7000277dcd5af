//! What limits per minute add to a call where nodes share them: a sales unit with limits and one without, on one
//! platform and PostgreSQL database, under the same load. None of the calls exceeds a limit: nearly every one begins a window.

use std::rc::Rc;
use std::time::Duration;

use clap::Args;

use crate::bars::{Bar, Bars};
use crate::latency::median;
use crate::load::Achieved;
use crate::machine;
use crate::measure::CONNECTIONS;
use crate::platform::Platform;
use crate::postgres::{Cluster, Postgres};
use crate::shop::Shop;
use crate::sink::Sink;
use crate::subject::{Subject, at_least_one};
use crate::target::Target;

/// What limits may add to the p99 of a call.
const ADDED_MS: f64 = 1.0;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many times both are measured.
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
}

/// Initiate and details of one sales unit.
struct Pair {
    initiate: Achieved,
    details: Achieved,
}

/// Both sales units in one round.
struct Round {
    with: Pair,
    without: Pair,
}

/// Measures and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    let subject = &options.subject;
    let folder = subject.fresh()?;
    let cluster = Cluster::make(&subject.data)?;
    let server = cluster.start().await?;
    let database = server.make("sandkasse")?;
    let platform = Platform::start_node(&subject.sandkasse, &folder, &database).await?;
    let phone = platform.phone(&subject.sandkasse)?;
    let mut shops = Vec::new();
    for limits in ["on", "off"] {
        let keys = platform.new_unit_with(limits).await?;
        shops.push(platform.shop(&keys, &phone, sink.address).await?);
    }
    println!(
        "### Limits per minute, shared by nodes\n\n{}. One node on PostgreSQL. Rounds: {}; each measurement {} s.\n",
        machine::describe(),
        options.rounds,
        options.seconds
    );
    println!(
        "| connections | | p50, ms | without limits | p99, ms | without limits | added, each round |"
    );
    println!("|---:|---|---:|---:|---:|---:|---:|");
    let mut bars = Vec::new();
    for connections in [1, CONNECTIONS] {
        let mut rounds = Vec::new();
        for number in 1..=options.rounds {
            eprintln!(
                "limits: {connections} connections, round {number} of {}",
                options.rounds
            );
            let load = Load {
                server: &server,
                platform: &platform,
                connections,
                time: Duration::from_secs(options.seconds),
                tag: format!("{connections}-{number}"),
            };
            rounds.push(load.round(&shops, number % 2 == 1).await?);
        }
        for (what, of) in [
            ("initiate", initiate as fn(&Pair) -> &Achieved),
            ("details", details),
        ] {
            let added = row(connections, what, &rounds, of);
            let what = format!("{what}, connections: {connections}, added to p99");
            bars.push(Bar::at_most(&what, ADDED_MS, added, "ms"));
        }
    }
    println!("\n{}", Bars(bars));
    platform.process.stop().await?;
    server.stop().await
}

/// What both sales units get.
struct Load<'a> {
    server: &'a Postgres,
    platform: &'a Platform,
    connections: usize,
    time: Duration,
    tag: String,
}

impl Load<'_> {
    async fn round(&self, shops: &[Rc<Shop>], limits_first: bool) -> anyhow::Result<Round> {
        let [with, without] = shops else {
            anyhow::bail!("there are two sales units");
        };
        Ok(if limits_first {
            let with = self.pair(with, true).await?;
            let without = self.pair(without, false).await?;
            Round { with, without }
        } else {
            let without = self.pair(without, false).await?;
            let with = self.pair(with, true).await?;
            Round { with, without }
        })
    }

    async fn pair(&self, shop: &Rc<Shop>, limits: bool) -> anyhow::Result<Pair> {
        let target = Target::one(self.platform.test, shop);
        let before = self.platform.counted_calls().await?;
        self.server.settle()?;
        let (initiate, made) = target
            .initiate(&self.tag, self.connections, self.time, u64::MAX)
            .await?;
        let details = target.details(&made, self.connections, self.time).await?;
        // That calls were counted or not is not taken on trust.
        let counted = self.platform.counted_calls().await? - before;
        let wanted = if limits {
            initiate.done + details.done
        } else {
            0
        };
        anyhow::ensure!(
            counted == wanted as f64,
            "{counted} calls were counted, {wanted} should have been"
        );
        Ok(Pair { initiate, details })
    }
}

fn initiate(pair: &Pair) -> &Achieved {
    &pair.initiate
}

fn details(pair: &Pair) -> &Achieved {
    &pair.details
}

/// Prints a line, and says what limits added to p99 in the median of the rounds.
fn row(connections: usize, what: &str, rounds: &[Round], of: fn(&Pair) -> &Achieved) -> f64 {
    let with =
        |value: fn(&Achieved) -> f64| median(rounds.iter().map(|round| value(of(&round.with))));
    let without =
        |value: fn(&Achieved) -> f64| median(rounds.iter().map(|round| value(of(&round.without))));
    let added = |round: &Round| of(&round.with).p99_ms() - of(&round.without).p99_ms();
    let each: Vec<String> = rounds
        .iter()
        .map(|round| format!("{:+.2}", added(round)))
        .collect();
    println!(
        "| {connections} | {what} | {:.2} | {:.2} | {:.2} | {:.2} | {} |",
        with(Achieved::p50_ms),
        without(Achieved::p50_ms),
        with(Achieved::p99_ms),
        without(Achieved::p99_ms),
        each.join(" · ")
    );
    median(rounds.iter().map(added))
}
