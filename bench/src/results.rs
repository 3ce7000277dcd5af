//! The results as Markdown, with the bars they are held against.

use std::fmt;
use std::time::Duration;

use crate::bars::{Bar, Bars};
use crate::latency::median;
use crate::load::Achieved;
use crate::target::Lives;

/// Of what the durable ceiling achieves, in percent.
const INITIATE_SHARE: f64 = 60.0;
const DETAILS_SHARE: f64 = 60.0;
const INITIATE_P99_MS: f64 = 8.0;
const DETAILS_P99_MS: f64 = 5.0;
/// A whole life is four calls and a callback, and is worth six initiates.
const LIFE_SHARE: f64 = 16.7;
/// What one connection waits in the median.
const ONE_INITIATE_MS: f64 = 0.6;
const ONE_DETAILS_MS: f64 = 0.1;
const START_EMPTY_MS: f64 = 20.0;
const START_FULL_MS: f64 = 100.0;
const IDLE_MB: f64 = 12.0;
const LOADED_MB: f64 = 50.0;

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
    pub(crate) ours: Ours,
}

/// What came of the platform's turn.
pub(crate) struct Ours {
    pub(crate) pair: Pair,
    pub(crate) lives: Lives,
    pub(crate) first_answer_ms: f64,
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
                    of(&round.ours.pair).per_second / of(&round.durable).per_second.max(1.0)
                })
        };
        let ms = |of: fn(&Pair) -> Duration| Some(self.median_ms(|round| of(&round.ours.pair)));
        let life = |round: &Round| {
            let Ours { pair, lives, .. } = &round.ours;
            100.0 * lives.achieved.per_second / pair.initiate.per_second.max(1.0)
        };
        let medians = Medians {
            initiate_share: Some(share(|pair| &pair.initiate)),
            details_share: Some(share(|pair| &pair.details)),
            initiate_p99_ms: ms(|pair| pair.initiate.p99),
            details_p99_ms: ms(|pair| pair.details.p99),
            life_share: Some(self.median(life)),
            one_initiate_ms: ms(|pair| pair.one_initiate.p50),
            one_details_ms: ms(|pair| pair.one_details.p50),
            idle_mb: Some(self.median(|round| round.ours.idle_mb)),
            loaded_mb: Some(self.median(|round| round.ours.loaded_mb)),
        };
        medians.bars(self.start_empty_ms, &self.filled)
    }
}

/// What the platform is held against, each over the rounds; `None` where it was not measured.
pub(crate) struct Medians {
    /// Of what the durable ceiling achieves, in percent.
    pub(crate) initiate_share: Option<f64>,
    pub(crate) details_share: Option<f64>,
    pub(crate) initiate_p99_ms: Option<f64>,
    pub(crate) details_p99_ms: Option<f64>,
    /// Of the initiates, in percent.
    pub(crate) life_share: Option<f64>,
    pub(crate) one_initiate_ms: Option<f64>,
    pub(crate) one_details_ms: Option<f64>,
    pub(crate) idle_mb: Option<f64>,
    pub(crate) loaded_mb: Option<f64>,
}

impl Medians {
    /// The bars of the platform on SQLite, alone and beside others.
    pub(crate) fn bars(&self, start_empty_ms: f64, filled: &Filled) -> Vec<Bar> {
        let initiate = "initiate, share of the durable ceiling";
        let details = "details, share of the durable ceiling";
        let life = "full life, share of initiate";
        let first = format!("first answer, {} payments", filled.payments);
        let stored = format!("resident memory after {} payments", filled.payments);
        vec![
            Bar::at_least(initiate, INITIATE_SHARE, self.initiate_share, "%"),
            Bar::at_least(details, DETAILS_SHARE, self.details_share, "%"),
            Bar::at_most("initiate, p99", INITIATE_P99_MS, self.initiate_p99_ms, "ms"),
            Bar::at_most("details, p99", DETAILS_P99_MS, self.details_p99_ms, "ms"),
            Bar::at_least(life, LIFE_SHARE, self.life_share, "%"),
            Bar::at_most(
                "one connection, initiate, p50",
                ONE_INITIATE_MS,
                self.one_initiate_ms,
                "ms",
            ),
            Bar::at_most(
                "one connection, details, p50",
                ONE_DETAILS_MS,
                self.one_details_ms,
                "ms",
            ),
            Bar::at_most(
                "first answer, empty folder",
                START_EMPTY_MS,
                start_empty_ms,
                "ms",
            ),
            Bar::at_most(&first, START_FULL_MS, filled.start_ms, "ms"),
            Bar::at_most("resident memory, idle", IDLE_MB, self.idle_mb, "MB"),
            Bar::at_most(
                "resident memory after the load",
                LOADED_MB,
                self.loaded_mb,
                "MB",
            ),
            Bar::at_most(&stored, LOADED_MB, filled.memory_mb, "MB"),
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
            &round.ours.pair.initiate
        })?;
        self.throughput(formatter, "Sandkasse, details", |round| {
            &round.ours.pair.details
        })?;
        self.throughput(formatter, "Sandkasse, full life", |round| {
            &round.ours.lives.achieved
        })?;

        writeln!(
            formatter,
            "\nOne connection (median of the rounds' p50; ms):\n"
        )?;
        writeln!(formatter, "| | initiate | details |\n|---|---:|---:|")?;
        self.single(formatter, "ceiling axum", |round| &round.axum)?;
        self.single(formatter, "ceiling durable", |round| &round.durable)?;
        self.single(formatter, "Sandkasse", |round| &round.ours.pair)?;

        write!(formatter, "\nBars:\n\n{}", Bars(self.bars()))?;
        let lives: u64 = rounds.iter().map(|round| round.ours.lives.lives).sum();
        let callbacks: u64 = rounds.iter().map(|round| round.ours.lives.callbacks).sum();
        writeln!(
            formatter,
            "\nFull lives: {lives}; callbacks received for them: {callbacks}."
        )
    }
}
