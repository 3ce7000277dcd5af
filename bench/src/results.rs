//! The results as Markdown, with the bars they are held against.

use std::fmt;
use std::time::Duration;

use crate::bars::{Bar, Bars};
use crate::latency::median;
use crate::load::Achieved;
use crate::target::Lives;

/// Of what the durable ceiling achieves, in percent.
pub(crate) const INITIATE_SHARE: f64 = 60.0;
pub(crate) const DETAILS_SHARE: f64 = 60.0;
pub(crate) const INITIATE_P99_MS: f64 = 8.0;
pub(crate) const DETAILS_P99_MS: f64 = 5.0;
/// A whole life is four calls and a callback, and is worth six initiates.
pub(crate) const LIFE_SHARE: f64 = 16.7;
/// What one connection waits in the median.
pub(crate) const ONE_INITIATE_MS: f64 = 0.6;
pub(crate) const ONE_DETAILS_MS: f64 = 0.1;
pub(crate) const START_EMPTY_MS: f64 = 20.0;
pub(crate) const START_FULL_MS: f64 = 100.0;
pub(crate) const IDLE_MB: f64 = 12.0;
pub(crate) const LOADED_MB: f64 = 50.0;

pub(crate) struct Results {
    pub(crate) machine: String,
    pub(crate) connections: usize,
    pub(crate) seconds: u64,
    pub(crate) rounds: Vec<Round>,
    pub(crate) start_empty_ms: f64,
    pub(crate) filled: Filled,
}

pub(crate) struct Round {
    pub(crate) axum: Pair,
    pub(crate) durable: Pair,
    pub(crate) sandkasse: Pair,
    pub(crate) lives: Lives,
    pub(crate) idle_mb: f64,
    pub(crate) loaded_mb: f64,
}

/// What was achieved with the two calls that platform and ceilings have in common.
pub(crate) struct Pair {
    pub(crate) initiate: Achieved,
    pub(crate) details: Achieved,
    pub(crate) one_initiate: Achieved,
    pub(crate) one_details: Achieved,
}

/// A platform with many payments.
pub(crate) struct Filled {
    pub(crate) payments: u64,
    pub(crate) memory_mb: f64,
    pub(crate) start_ms: f64,
}

impl Results {
    fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(of))
    }

    fn median_ms(&self, of: impl Fn(&Round) -> Duration) -> f64 {
        self.median(|round| of(round).as_secs_f64() * 1e3)
    }

    /// One row per kind of request: per second in each round, then medians.
    fn throughput(
        &self,
        formatter: &mut fmt::Formatter<'_>,
        name: &str,
        of: impl Fn(&Round) -> &Achieved,
    ) -> fmt::Result {
        let each = self.rounds.iter().map(|round| of(round).per_second);
        let each: Vec<String> = each.map(|value| format!("{value:.0}")).collect();
        let per_second = self.median(|round| of(round).per_second);
        let p50 = self.median_ms(|round| of(round).p50);
        let p99 = self.median_ms(|round| of(round).p99);
        let each = each.join(" · ");
        writeln!(
            formatter,
            "| {name} | {per_second:.0} | {each} | {p50:.2} | {p99:.2} |"
        )
    }

    /// One row of two medians: what one connection sees.
    fn single(
        &self,
        formatter: &mut fmt::Formatter<'_>,
        name: &str,
        of: impl Fn(&Round) -> &Pair,
    ) -> fmt::Result {
        let initiate = self.median_ms(|round| of(round).one_initiate.p50);
        let details = self.median_ms(|round| of(round).one_details.p50);
        writeln!(formatter, "| {name} | {initiate:.3} | {details:.3} |")
    }

    fn bars(&self) -> Vec<Bar> {
        // The ratio within each round, so that what slows the machine down for a while slows both sides of it.
        let share = |of: fn(&Pair) -> &Achieved| {
            100.0
                * self.median(|round| {
                    of(&round.sandkasse).per_second / of(&round.durable).per_second.max(1.0)
                })
        };
        let payments = self.filled.payments;
        let one = |of: fn(&Pair) -> &Achieved| self.median_ms(|round| of(&round.sandkasse).p50);
        let life = 100.0
            * self.median(|round| {
                round.lives.achieved.per_second / round.sandkasse.initiate.per_second.max(1.0)
            });
        vec![
            Bar::at_least(
                "initiate, share of durable POST",
                INITIATE_SHARE,
                share(|pair| &pair.initiate),
                "%",
            ),
            Bar::at_least(
                "details, share of durable GET",
                DETAILS_SHARE,
                share(|pair| &pair.details),
                "%",
            ),
            Bar::at_most(
                "initiate, p99",
                INITIATE_P99_MS,
                self.median_ms(|round| round.sandkasse.initiate.p99),
                "ms",
            ),
            Bar::at_most(
                "details, p99",
                DETAILS_P99_MS,
                self.median_ms(|round| round.sandkasse.details.p99),
                "ms",
            ),
            Bar::at_least("full life, share of initiate", LIFE_SHARE, life, "%"),
            Bar::at_most(
                "one connection, initiate, p50",
                ONE_INITIATE_MS,
                one(|pair| &pair.one_initiate),
                "ms",
            ),
            Bar::at_most(
                "one connection, details, p50",
                ONE_DETAILS_MS,
                one(|pair| &pair.one_details),
                "ms",
            ),
            Bar::at_most(
                "first answer, empty folder",
                START_EMPTY_MS,
                self.start_empty_ms,
                "ms",
            ),
            Bar::at_most(
                &format!("first answer, {payments} payments"),
                START_FULL_MS,
                self.filled.start_ms,
                "ms",
            ),
            Bar::at_most(
                "resident memory, idle",
                IDLE_MB,
                self.median(|round| round.idle_mb),
                "MB",
            ),
            Bar::at_most(
                "resident memory after the load",
                LOADED_MB,
                self.median(|round| round.loaded_mb),
                "MB",
            ),
            Bar::at_most(
                &format!("resident memory after {payments} payments"),
                LOADED_MB,
                self.filled.memory_mb,
                "MB",
            ),
        ]
    }
}

impl fmt::Display for Results {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            machine,
            connections,
            seconds,
            rounds,
            ..
        } = self;
        let count = rounds.len();
        writeln!(
            formatter,
            "{machine}. Rounds: {count}; each measurement {seconds} s.\n"
        )?;
        writeln!(
            formatter,
            "{connections} connections (medians of the rounds; ms):\n"
        )?;
        writeln!(formatter, "| | per second | each round | p50 | p99 |")?;
        writeln!(formatter, "|---|---:|---:|---:|---:|")?;
        self.throughput(formatter, "ceiling axum, POST", |round| {
            &round.axum.initiate
        })?;
        self.throughput(formatter, "ceiling axum, GET", |round| &round.axum.details)?;
        self.throughput(formatter, "ceiling durable, POST", |round| {
            &round.durable.initiate
        })?;
        self.throughput(formatter, "ceiling durable, GET", |round| {
            &round.durable.details
        })?;
        self.throughput(formatter, "Sandkasse, initiate", |round| {
            &round.sandkasse.initiate
        })?;
        self.throughput(formatter, "Sandkasse, details", |round| {
            &round.sandkasse.details
        })?;
        self.throughput(formatter, "Sandkasse, full life", |round| {
            &round.lives.achieved
        })?;

        writeln!(
            formatter,
            "\nOne connection (median of the rounds' p50; ms):\n"
        )?;
        writeln!(formatter, "| | initiate | details |\n|---|---:|---:|")?;
        self.single(formatter, "ceiling axum", |round| &round.axum)?;
        self.single(formatter, "ceiling durable", |round| &round.durable)?;
        self.single(formatter, "Sandkasse", |round| &round.sandkasse)?;

        write!(formatter, "\nBars:\n\n{}", Bars(self.bars()))?;
        let lives: u64 = rounds.iter().map(|round| round.lives.lives).sum();
        let callbacks: u64 = rounds.iter().map(|round| round.lives.callbacks).sum();
        writeln!(
            formatter,
            "\nFull lives: {lives}; callbacks received for them: {callbacks}."
        )
    }
}
