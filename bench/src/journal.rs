//! What the journal of calls costs: the platform with it and without it, under the same load.

use std::time::Duration;

use clap::Args;

use crate::latency::median;
use crate::load::Achieved;
use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE};
use crate::process::pause;
use crate::sink::Sink;
use crate::subject::{Subject, at_least_one};
use crate::target::Target;

/// What must remain of the speed without it, in percent.
const BAR: f64 = 90.0;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many times both are measured.
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
}

/// Initiate and details of one server.
struct Pair {
    initiate: Cost,
    details: Cost,
}

/// What was achieved, and what it cost.
struct Cost {
    per_second: f64,
    /// Processor time of the server for one call, in microseconds.
    micros: f64,
}

/// Both in one round.
struct Round {
    on: Pair,
    off: Pair,
}

/// Measures and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        eprintln!("journal: round {number} of {}", options.rounds);
        // Who is first changes from round to round, for a disk may grow slower.
        rounds.push(if number % 2 == 1 {
            let on = pair(options, &sink, true).await?;
            let off = pair(options, &sink, false).await?;
            Round { on, off }
        } else {
            let off = pair(options, &sink, false).await?;
            let on = pair(options, &sink, true).await?;
            Round { on, off }
        });
    }
    println!(
        "### Journal of calls\n\n{}. Rounds: {}; each measurement {} s; {CONNECTIONS} connections.\n",
        machine::describe(),
        options.rounds,
        options.seconds
    );
    println!("| | on | off | each round, % | median | bar | |");
    println!("|---|---:|---:|---:|---:|---:|---|");
    let speed = |cost: &Cost| cost.per_second;
    row(
        "initiate, per second: on/off",
        &rounds,
        |pair| speed(&pair.initiate),
        true,
        true,
    );
    row(
        "details, per second: on/off",
        &rounds,
        |pair| speed(&pair.details),
        true,
        false,
    );
    // What others do on the machine changes what is achieved far more than what it costs.
    let cost = |cost: &Cost| cost.micros;
    row(
        "initiate, µs of processor: off/on",
        &rounds,
        |pair| cost(&pair.initiate),
        false,
        true,
    );
    row(
        "details, µs of processor: off/on",
        &rounds,
        |pair| cost(&pair.details),
        false,
        false,
    );
    Ok(())
}

fn row(name: &str, rounds: &[Round], of: impl Fn(&Pair) -> f64, more_is_better: bool, held: bool) {
    let on = median(rounds.iter().map(|round| of(&round.on)));
    let off = median(rounds.iter().map(|round| of(&round.off)));
    let share = |round: &Round| {
        let share = of(&round.on) / of(&round.off);
        100.0 * if more_is_better { share } else { 1.0 / share }
    };
    let each: Vec<String> = rounds
        .iter()
        .map(|round| format!("{:.1}", share(round)))
        .collect();
    let each = each.join(" · ");
    let middle = median(rounds.iter().map(share));
    let (bar, verdict) = match held {
        true if middle >= BAR => (format!("≥ {BAR} %"), "met"),
        true => (format!("≥ {BAR} %"), "**missed**"),
        false => (String::new(), ""),
    };
    println!("| {name} | {on:.1} | {off:.1} | {each} | {middle:.1} % | {bar} | {verdict} |");
}

async fn pair(options: &Options, sink: &Sink, on: bool) -> anyhow::Result<Pair> {
    let subject = &options.subject;
    let off = [("SANDKASSE_JOURNAL_MB", "0")];
    let settings: &[(&str, &str)] = if on { &[] } else { &off };
    let platform = subject.start_with(settings).await?;
    pause(SETTLE).await;
    let shop = subject.shop(&platform, sink).await?;
    let time = Duration::from_secs(options.seconds);
    let id = platform.process.id();
    let before = machine::processor_seconds(id)?;
    let target = Target::one(platform.test, &shop);
    let (initiate, made) = target.initiate("many", CONNECTIONS, time, u64::MAX).await?;
    let between = machine::processor_seconds(id)?;
    let details = target.details(&made, CONNECTIONS, time).await?;
    let after = machine::processor_seconds(id)?;
    // That it was on or off is not taken on trust.
    anyhow::ensure!(
        (platform.journal().await?.calls > 0) == on,
        "the journal is not as it was asked for"
    );
    platform.process.stop().await?;
    Ok(Pair {
        initiate: cost(&initiate, between - before),
        details: cost(&details, after - between),
    })
}

fn cost(achieved: &Achieved, seconds: f64) -> Cost {
    Cost {
        per_second: achieved.per_second,
        micros: seconds * 1e6 / achieved.done.max(1) as f64,
    }
}
