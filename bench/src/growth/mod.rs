//! Whether the platform stays as fast and as small with ever more that is stored.
//!
//! At every level an empty platform takes turns with the one that grows, each round new processes, so that ratios say more
//! than what the machine did an hour ago. Payments that nobody approves time out, each with a commit and a callback; they are
//! let do so between measurements, for the empty platform does not live long enough to pay for it. [`place`] says where data
//! lies; [`units`] is about very many sales units.

mod place;
mod units;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use tokio::time::timeout;

use crate::bars::{Bar, Bars};
use crate::latency::median;
use crate::load::Achieved;
use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE};
use crate::platform::Platform;
use crate::postgres::Cluster;
use crate::process::pause;
use crate::shop::Orders;
use crate::sink::Sink;
use crate::subject::{Subject, at_least_one};
use crate::target::Target;

use self::place::{Place, Places};

/// So many payments are stored when everything is measured.
const LEVELS: [u64; 3] = [100_000, 1_000_000, 5_000_000];
/// Payments are made in portions, after each of which the memory is read.
const PORTION: u64 = 500_000;
/// A portion takes no longer, and neither do its time-outs.
const PORTION_LIMIT: Duration = Duration::from_secs(900);
/// After so long a payment that nobody approved has timed out: it has five minutes.
const TIMED_OUT: Duration = Duration::from_secs(6 * 60);
/// How often it is looked whether callbacks are still to be made.
const CALM_LOOK: Duration = Duration::from_millis(100);
/// The memory under reads is looked at so often.
const LOOK: Duration = Duration::from_secs(5);
/// So much more memory is no growth.
const FLAT_MB: f64 = 10.0;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How often both are measured at each level; the results are medians.
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
    /// No more payments are stored; with 0 only sales units are measured.
    #[arg(long, default_value_t = 5_000_000)]
    most: u64,
    /// How many reads the memory must bear.
    #[arg(long, default_value_t = 5_000_000)]
    requests: u64,
    /// How many sales units one installation gets.
    #[arg(long, default_value_t = 10_000)]
    units: usize,
    /// On PostgreSQL and not on SQLite.
    #[arg(long)]
    postgres: bool,
}

/// What was measured at a level.
struct Level {
    /// How many payments there were before the measurements, which make more.
    stored: u64,
    /// Of each round.
    start_ms: Vec<f64>,
    idle_mb: Vec<f64>,
    loaded_mb: Vec<f64>,
    rounds: Vec<Round>,
}

/// Both platforms in one round.
struct Round {
    full: Pair,
    empty: Pair,
}

struct Pair {
    initiate: Achieved,
    details: Achieved,
}

/// The platform that grows.
struct Growing<'a> {
    options: &'a Options,
    places: &'a Places<'a>,
    place: Place,
    made: Vec<Orders>,
}

/// Measures and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let sink = Sink::open().await?;
    let subject = &options.subject;
    std::fs::create_dir_all(&subject.data)?;
    let cluster = match options.postgres {
        true => Some(Cluster::make(&subject.data)?),
        false => None,
    };
    let places = Places {
        subject,
        sink: &sink,
        server: match &cluster {
            Some(cluster) => Some(cluster.start().await?),
            None => None,
        },
    };
    let store = if options.postgres {
        "PostgreSQL"
    } else {
        "SQLite"
    };
    println!(
        "### Growth on {store}\n\n{}. Rounds: {}; each measurement {} s; {CONNECTIONS} connections. \
         Shares are of an empty platform in the same round.\n",
        machine::describe(),
        options.rounds,
        options.seconds
    );
    println!(
        "| stored | first answer, ms | idle, MB | after the load, MB | initiates/s | of empty | p99, ms | details/s | of empty | p99, ms | p99 against empty |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    let (place, platform) = places.make("growing", 1).await?;
    let mut growing = Growing {
        options,
        places: &places,
        place,
        made: Vec::new(),
    };
    let mut platform = platform;
    let mut levels = Vec::new();
    let mut fills = Vec::new();
    for level in upto(options.most) {
        platform = growing.fill(platform, level, &mut fills).await?;
        let (measured, restarted) = growing.level(platform).await?;
        platform = restarted;
        measured.print();
        levels.push(measured);
    }
    let mut bars = bars(&levels);
    if !levels.is_empty() {
        println!(
            "\nWhile payments were made:\n\n| stored | per second | resident, MB |\n|---:|---:|---:|"
        );
        for (stored, per_second, mb) in fills {
            println!("| {stored} | {per_second:.0} | {mb:.1} |");
        }
        let what = format!("growth of memory over {} details", options.requests);
        bars.push(match growing.flat(&platform).await? {
            Some(more_mb) => Bar::at_most(&what, FLAT_MB, more_mb, "MB"),
            None => Bar::unknown(&what, "too few to tell"),
        });
    }
    platform.process.stop().await?;
    drop(growing);
    bars.extend(units::measure(&places, options.units, options.rounds, options.seconds).await?);
    println!("\nBars:\n\n{}", Bars(bars));
    if let Some(server) = places.server {
        server.stop().await?;
    }
    Ok(())
}

impl Growing<'_> {
    fn stored(&self) -> u64 {
        self.made.iter().map(|orders| orders.made).sum()
    }

    /// Makes payments until there are so many.
    async fn fill(
        &mut self,
        platform: Platform,
        level: u64,
        fills: &mut Vec<(u64, f64, f64)>,
    ) -> anyhow::Result<Platform> {
        loop {
            let stored = self.stored();
            let more = level.saturating_sub(stored).min(PORTION);
            if more == 0 {
                return Ok(platform);
            }
            // Each time, since a token lasts for an hour and all levels together take longer.
            let target = self.places.target(&self.place, &platform).await?;
            let each = more.div_ceil(CONNECTIONS as u64);
            let tag = format!("fill-{stored}");
            let begun = Instant::now();
            let (_, made) = target
                .initiate(&tag, CONNECTIONS, PORTION_LIMIT, each)
                .await?;
            let made_now: u64 = made.iter().map(|orders| orders.made).sum();
            ensure!(made_now > 0, "no payment was made");
            self.made.extend(made);
            let per_second = made_now as f64 / begun.elapsed().as_secs_f64();
            let mb = machine::resident_mb(platform.process.id())?;
            eprintln!("  {} stored, {per_second:.0}/s, {mb:.1} MB", self.stored());
            fills.push((self.stored(), per_second, mb));
            self.calm(&platform).await?;
        }
    }

    /// Lets what was made time out, and waits until all callbacks for it have ended.
    ///
    /// Not until as many arrived as payments timed out: the platform gives up what exceeds a sales unit's backlog.
    async fn calm(&self, platform: &Platform) -> anyhow::Result<()> {
        let before = self.places.sink.received();
        let calm = async {
            for keys in &self.place.keys {
                platform.advance(&keys.msn, TIMED_OUT).await?;
            }
            while platform.callbacks_at_hand().await? > 0.0 {
                pause(CALM_LOOK).await;
            }
            anyhow::Ok(())
        };
        let limit = PORTION_LIMIT.as_secs();
        timeout(PORTION_LIMIT, calm)
            .await
            .with_context(|| format!("payments still time out or call back after {limit} s"))??;
        let received = self.places.sink.received() - before;
        ensure!(
            received > 0,
            "no payment timed out, or nobody was called back"
        );
        eprintln!("  {received} callbacks for time-outs");
        Ok(())
    }

    /// Everything about what is stored now; also the platform, which was started again.
    async fn level(&mut self, platform: Platform) -> anyhow::Result<(Level, Platform)> {
        let stored = self.stored();
        let mut platform = platform;
        let mut level = Level {
            stored,
            start_ms: Vec::new(),
            idle_mb: Vec::new(),
            loaded_mb: Vec::new(),
            rounds: Vec::new(),
        };
        for number in 0..self.options.rounds {
            eprintln!("  {stored} stored, round {}", number + 1);
            platform.process.stop().await?;
            self.places.settle()?;
            platform = self.places.start(&self.place).await?;
            let process = platform.process.id();
            level
                .start_ms
                .push(platform.first_answer.as_secs_f64() * 1e3);
            pause(SETTLE).await;
            level.idle_mb.push(machine::resident_mb(process)?);
            let tag = format!("level-{stored}-{number}");
            // Who is first alternates.
            let round = if number % 2 == 0 {
                let full = self.full(&platform, &tag).await?;
                let empty = self.empty(&tag).await?;
                Round { full, empty }
            } else {
                let empty = self.empty(&tag).await?;
                let full = self.full(&platform, &tag).await?;
                Round { full, empty }
            };
            level.rounds.push(round);
            pause(SETTLE).await;
            level.loaded_mb.push(machine::resident_mb(process)?);
            self.calm(&platform).await?;
        }
        Ok((level, platform))
    }

    async fn full(&mut self, platform: &Platform, tag: &str) -> anyhow::Result<Pair> {
        let time = Duration::from_secs(self.options.seconds);
        let target = self.places.target(&self.place, platform).await?;
        self.places.settle()?;
        let (initiate, made) = target.initiate(tag, CONNECTIONS, time, u64::MAX).await?;
        let details = target.details(&self.made, CONNECTIONS, time).await?;
        self.made.extend(made);
        Ok(Pair { initiate, details })
    }

    async fn empty(&self, tag: &str) -> anyhow::Result<Pair> {
        let (place, platform) = self.places.make("empty", 1).await?;
        pause(SETTLE).await;
        let target = self.places.target(&place, &platform).await?;
        let pair = pair(&target, tag, self.options.seconds).await?;
        platform.process.stop().await?;
        Ok(pair)
    }

    /// How much memory grows under very many reads, after the first tenth of them. `None` when they were over before it
    /// was looked at twice.
    async fn flat(&self, platform: &Platform) -> anyhow::Result<Option<f64>> {
        let target = self.places.target(&self.place, platform).await?;
        let (mut done, mut looks) = (0, Vec::new());
        println!("\nUnder reads:\n\n| details | resident, MB |\n|---:|---:|");
        let (mut shown, tenth) = (0, self.options.requests / 10);
        while done < self.options.requests {
            done += target.details(&self.made, CONNECTIONS, LOOK).await?.done;
            let mb = machine::resident_mb(platform.process.id())?;
            if done >= shown + tenth {
                println!("| {done} | {mb:.1} |");
                shown = done;
            }
            if done >= tenth {
                looks.push(mb);
            }
        }
        let first = looks.first().copied();
        let most = looks.into_iter().skip(1).reduce(f64::max);
        Ok(first.zip(most).map(|(first, most)| (most - first).max(0.0)))
    }
}

/// Initiates, and details of what they made.
async fn pair(target: &Target, tag: &str, seconds: u64) -> anyhow::Result<Pair> {
    let time = Duration::from_secs(seconds);
    let (initiate, made) = target.initiate(tag, CONNECTIONS, time, u64::MAX).await?;
    let details = target.details(&made, CONNECTIONS, time).await?;
    Ok(Pair { initiate, details })
}

impl Level {
    fn start_ms(&self) -> f64 {
        median(self.start_ms.iter().copied())
    }

    fn idle_mb(&self) -> f64 {
        median(self.idle_mb.iter().copied())
    }

    fn loaded_mb(&self) -> f64 {
        median(self.loaded_mb.iter().copied())
    }

    fn rate(&self, of: fn(&Pair) -> &Achieved) -> f64 {
        median(self.rounds.iter().map(|round| of(&round.full).per_second))
    }

    fn share(&self, of: fn(&Pair) -> &Achieved) -> f64 {
        share(&self.rounds, of)
    }

    fn p99_ms(&self, of: fn(&Pair) -> &Achieved) -> f64 {
        let p99 = |round: &Round| of(&round.full).p99_ms();
        median(self.rounds.iter().map(p99))
    }

    fn slower(&self, of: fn(&Pair) -> &Achieved) -> f64 {
        let slower = |round: &Round| {
            of(&round.full).p99.as_secs_f64() / of(&round.empty).p99.as_secs_f64().max(1e-6)
        };
        median(self.rounds.iter().map(slower))
    }

    fn print(&self) {
        println!(
            "| {} | {:.1} | {:.1} | {:.1} | {:.0} | {:.1} % | {:.2} | {:.0} | {:.1} % | {:.2} | {:.2} |",
            self.stored,
            self.start_ms(),
            self.idle_mb(),
            self.loaded_mb(),
            self.rate(initiate),
            self.share(initiate),
            self.p99_ms(initiate),
            self.rate(details),
            self.share(details),
            self.p99_ms(details),
            self.slower(details),
        );
    }
}

/// Of what an empty platform achieved in the same round, in percent.
fn share(rounds: &[Round], of: fn(&Pair) -> &Achieved) -> f64 {
    let share =
        |round: &Round| 100.0 * of(&round.full).per_second / of(&round.empty).per_second.max(1.0);
    median(rounds.iter().map(share))
}

fn initiate(pair: &Pair) -> &Achieved {
    &pair.initiate
}

fn details(pair: &Pair) -> &Achieved {
    &pair.details
}

/// The levels below the last one, and that; none where nothing is to be stored.
fn upto(most: u64) -> Vec<u64> {
    let below = LEVELS.into_iter().filter(|level| *level < most);
    below.chain([most]).filter(|level| *level > 0).collect()
}

/// What was promised at each level.
fn bars(levels: &[Level]) -> Vec<Bar> {
    let mut bars = Vec::new();
    for level in levels {
        let with = |what: &str| format!("{what}, {} payments", level.stored);
        if level.stored < 1_000_000 {
            bars.push(Bar::at_most(
                &with("first answer"),
                100.0,
                level.start_ms(),
                "ms",
            ));
        } else if level.stored < 5_000_000 {
            for (what, share) in [
                ("initiates, of an empty platform's", level.share(initiate)),
                ("details, of an empty platform's", level.share(details)),
            ] {
                bars.push(Bar::at_least(&with(what), 95.0, share, "%"));
            }
            bars.push(Bar::at_most(
                &with("resident memory"),
                80.0,
                level.loaded_mb(),
                "MB",
            ));
        } else {
            let slower = level.slower(details);
            bars.push(Bar::at_most(
                &with("p99 of details, against empty"),
                1.3,
                slower,
                "×",
            ));
        }
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_ends_where_it_is_told() {
        assert_eq!(upto(5_000_000), LEVELS);
        assert_eq!(upto(20_000), [20_000]);
        assert!(upto(0).is_empty());
        assert_eq!(upto(2_000_000), [100_000, 1_000_000, 2_000_000]);
    }
}
