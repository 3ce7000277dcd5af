//! What the platform does when ten times as much comes as it can bear (RELIABILITY R-19).
//!
//! First what it bears, with as many connections as elsewhere; then calls at ten times that rate, made when they are due
//! whether or not others were answered ([`offer`]); then how long it takes until all is as before. The platform has one
//! core and the load the other, for otherwise the load would take from the platform what it needs to answer.

mod offer;

use std::cell::Cell;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use tokio::task::spawn_local;

use crate::bars::{Bar, Bars};
use crate::latency::median;
use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE};
use crate::platform::Platform;
use crate::postgres;
use crate::process::pause;
use crate::sink::Sink;
use crate::subject::Subject;
use crate::target::Target;

use self::offer::{Offer, Outcome};

/// So many sales units are called. Each has a subscription key of its own, and far less than the share of a crowd at which a
/// key alone is refused; so the limit for all of them is what is met.
const UNITS: usize = 32;
/// How often what is sustainable is measured.
const ROUNDS: usize = 3;
/// What is accepted may take so many times as long as usual.
const SLOWER: f64 = 5.0;
/// A refusal comes so soon.
const REFUSED_MS: f64 = 50.0;
/// So many times the usual memory may be used.
const MORE_MEMORY: f64 = 1.5;
/// After so long all is as before.
const RECOVERY_S: f64 = 5.0;
/// All is as before when this share of what is sustainable is achieved, and nothing is slower than is allowed above.
const RECOVERED: f64 = 0.8;
/// How long it is looked for that.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long each look is.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// How long the overload is.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many times the sustainable rate.
    #[arg(long, default_value_t = 10.0)]
    times: f64,
    /// How many connections the calls are spread over; one that waits for its answer takes no other.
    #[arg(long, default_value_t = 3000)]
    connections: usize,
}

/// What is usual.
struct Usual {
    per_second: f64,
    p99_ms: f64,
    mb: f64,
}

/// Measures and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    // Before this process has one core of it.
    let machine = machine::describe();
    let folder = options.subject.fresh()?;
    let database = format!("sqlite:{}", folder.join("sandkasse.db").display());
    let platform =
        Platform::start_on(on_a_core(&options.subject)?, &folder, &database, &[]).await?;
    let mut shops = Vec::new();
    for _ in 0..UNITS {
        let keys = platform.new_unit().await?;
        shops.push(platform.shop(&keys, "", sink.address).await?);
    }
    let target = Target {
        addresses: vec![platform.test],
        shops,
    };
    let id = platform.process.id();

    let usual = usual(options, &target, id).await?;
    let most_mb = watch(id);
    let own = std::process::id();
    let (before, began) = (machine::processor_seconds(own)?, Instant::now());
    let offer = Offer {
        address: platform.test,
        shops: target.shops.clone(),
        connections: options.connections,
        per_second: usual.per_second * options.times,
        time: Duration::from_secs(options.seconds),
    };
    let (outcome, ended) = offer.make().await?;
    let took = began.elapsed().as_secs_f64();
    let busy = (machine::processor_seconds(own)? - before) / took;
    let recovery = recovery(&target, &usual, ended).await?;
    let most_mb = most_mb.get();
    platform.process.stop().await?;
    println!("### Overload\n\n{machine}. {}", how(options));
    print(options, &usual, outcome, busy, recovery, most_mb);
    Ok(())
}

/// The platform's program on the first core, and this process on the second, where there are two.
fn on_a_core(subject: &Subject) -> anyhow::Result<Command> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 {
        return Ok(Command::new(&subject.sandkasse));
    }
    let own = std::process::id().to_string();
    postgres::run(Command::new("taskset").args(["-a", "-c", "-p", "1", &own]))
        .context("giving the load a core of its own")?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(&subject.sandkasse);
    Ok(command)
}

async fn usual(options: &Options, target: &Target, id: u32) -> anyhow::Result<Usual> {
    let time = Duration::from_secs(options.seconds.clamp(1, 5));
    let (mut rates, mut p99s, mut mb) = (Vec::new(), Vec::new(), 0.0_f64);
    for number in 0..ROUNDS {
        eprintln!("overload: what is usual, round {}", number + 1);
        let tag = format!("usual{number}");
        let (achieved, _) = target.initiate(&tag, CONNECTIONS, time, u64::MAX).await?;
        rates.push(achieved.per_second);
        p99s.push(achieved.p99_ms());
        mb = mb.max(machine::resident_mb(id)?);
        pause(SETTLE).await;
    }
    Ok(Usual {
        per_second: median(rates),
        p99_ms: median(p99s),
        mb,
    })
}

/// The most memory that a process has from now on, for as long as it lives.
fn watch(id: u32) -> Rc<Cell<f64>> {
    let most = Rc::new(Cell::new(0.0_f64));
    let seen = Rc::clone(&most);
    spawn_local(async move {
        while let Ok(mb) = machine::resident_mb(id) {
            seen.set(seen.get().max(mb));
            pause(Duration::from_millis(100)).await;
        }
    });
    most
}

/// How many seconds after the end of the overload all is as before, those included in which its last calls were waited for;
/// `None` when it does not become so.
async fn recovery(target: &Target, usual: &Usual, ended: Instant) -> anyhow::Result<Option<f64>> {
    for number in 0_u32.. {
        let passed = ended.elapsed();
        if passed > PATIENCE {
            break;
        }
        let tag = format!("after{number}");
        let load = target.initiate(&tag, CONNECTIONS, LOOK, u64::MAX).await;
        // Refusals too are not as before; a new connection may be refused as well.
        let Ok((achieved, _)) = load else {
            pause(LOOK).await;
            continue;
        };
        let p99_ms = achieved.p99_ms();
        if achieved.per_second >= RECOVERED * usual.per_second && p99_ms <= SLOWER * usual.p99_ms {
            return Ok(Some(passed.as_secs_f64()));
        }
    }
    Ok(None)
}

fn how(options: &Options) -> String {
    format!(
        "Initiates for {} s over {} connections of {UNITS} sales units; platform and load have a core each.\n",
        options.seconds, options.connections
    )
}

fn print(
    options: &Options,
    usual: &Usual,
    mut outcome: Outcome,
    busy: f64,
    recovery: Option<f64>,
    most_mb: f64,
) {
    let Usual {
        per_second,
        p99_ms,
        mb,
    } = usual;
    let seconds = options.seconds;
    let each = |count: usize| count as f64 / (seconds as f64).max(1.0);
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let refused = outcome.refused.len();
    println!("| | per second | p50, ms | p99, ms | longest, ms |\n|---|---:|---:|---:|---:|");
    println!("| usual, {CONNECTIONS} connections | {per_second:.0} | | {p99_ms:.2} | |");
    let sent = outcome.sent();
    println!("| due | {:.0} | | | |", each(outcome.due));
    println!("| sent | {:.0} | | | |", each(sent));
    for (what, latencies) in [
        ("accepted", &mut outcome.accepted),
        ("refused (429, 503)", &mut outcome.refused),
    ] {
        println!(
            "| {what} | {:.0} | {:.2} | {:.2} | {:.2} |",
            each(latencies.len()),
            ms(latencies.percentile(50)),
            ms(latencies.percentile(99)),
            ms(latencies.percentile(100)),
        );
    }
    println!(
        "\nNot sent, since every connection waited for an answer: {}; since there was no new one for one that had been closed: {}. \
         Without an answer: {}. Other answers: {:?}. \
         The load took {:.0} % of its core; resident memory {mb:.1} MB before, at most {most_mb:.1} MB.",
        outcome.unsent,
        outcome.unconnected,
        outcome.broken,
        outcome.others,
        busy * 100.0
    );
    let times = each(sent) / per_second.max(1.0);
    let lost = outcome.lost() as f64;
    let slower = ms(outcome.accepted.percentile(99)) / p99_ms.max(1e-3);
    let mut bars = vec![
        Bar::at_least(
            "sent, against what is sustainable",
            options.times,
            times,
            "×",
        ),
        Bar::at_most(
            "p99 of what is accepted, against usual",
            SLOWER,
            slower,
            "×",
        ),
        match refused {
            0 => Bar::unknown("p99 of refusals", "nothing was refused"),
            _ => {
                let p99 = ms(outcome.refused.percentile(99));
                Bar::at_most("p99 of refusals", REFUSED_MS, p99, "ms")
            }
        },
        Bar::at_most("neither accepted nor refused", 0.0, lost, "calls"),
        Bar::at_most(
            "memory, against usual",
            MORE_MEMORY,
            most_mb / mb.max(1.0),
            "×",
        ),
    ];
    bars.push(match recovery {
        Some(seconds) => Bar::at_most("all as before", RECOVERY_S, seconds, "s"),
        None => Bar::unknown("all as before", "not within a minute"),
    });
    println!("\nBars:\n\n{}", Bars(bars));
}
