//! The results as Markdown, with the bars they are held against.

use std::fmt;

use crate::bars::{Bar, Bars};
use crate::latency::median;
use crate::load::Achieved;
use crate::measure::CONNECTIONS;
use crate::results::{Filled, Medians};

use super::peer::Peer;
use super::{System, Turn};

/// How many times what the best peer achieves.
const INITIATE_TIMES_PEER: f64 = 3.0;
const DETAILS_TIMES_PEER: f64 = 4.0;
/// How many times what `pgbench -N` achieves.
const TIMES_PGBENCH: f64 = 2.0;

/// Everything that was measured.
pub(crate) struct Figures {
    pub(crate) machine: String,
    pub(crate) version: String,
    pub(crate) commit: Option<String>,
    pub(crate) seconds: u64,
    pub(crate) systems: Vec<System>,
    /// For each round the turns of the systems, in their order.
    pub(crate) rounds: Vec<Vec<Turn>>,
    pub(crate) start_empty_ms: f64,
    pub(crate) filled: Filled,
    pub(crate) peers: Vec<Peer>,
}

/// One of the two operations that everybody is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    Create,
    Read,
}

pub(crate) fn name(system: System, peers: &[Peer]) -> String {
    match system {
        System::Axum => "ceiling axum".to_owned(),
        System::Durable => "ceiling durable".to_owned(),
        System::Sqlite => "Sandkasse, SQLite".to_owned(),
        System::Postgres { nodes, units } => {
            let nodes = if nodes == 1 {
                "one node".to_owned()
            } else {
                format!("{nodes} nodes")
            };
            match units {
                1 => format!("Sandkasse, PostgreSQL, {nodes}"),
                _ => format!("Sandkasse, PostgreSQL, {nodes}, {units} units"),
            }
        }
        System::Pgbench => "pgbench -N".to_owned(),
        System::Peer(place) => peers.get(place).map_or_else(String::new, |peer| {
            format!("{} {}", peer.name, peer.version)
        }),
    }
}

impl Operation {
    fn of(self, turn: &Turn) -> Option<&Achieved> {
        match self {
            Operation::Create => Some(&turn.create),
            Operation::Read => turn.read.as_ref(),
        }
    }

    pub(crate) fn rate(self, turn: &Turn) -> Option<f64> {
        self.of(turn).map(|achieved| achieved.per_second)
    }

    fn p50_ms(self, turn: &Turn) -> Option<f64> {
        self.of(turn).map(Achieved::p50_ms)
    }

    fn p99_ms(self, turn: &Turn) -> Option<f64> {
        self.of(turn).map(Achieved::p99_ms)
    }
}

impl Figures {
    /// The median over the rounds; `None` where it was not measured.
    pub(crate) fn median(&self, system: System, of: impl Fn(&Turn) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.turns(system)?.into_iter().map(of).collect();
        values.map(median)
    }

    /// The median of the ratios within each round, so that what slows the machine down for a while slows both.
    fn ratio(&self, system: System, to: System, of: impl Fn(&Turn) -> Option<f64>) -> Option<f64> {
        let pairs = self.turns(system)?.into_iter().zip(self.turns(to)?);
        let ratios: Option<Vec<f64>> = pairs
            .map(|(turn, other)| Some(of(turn)? / of(other)?.max(f64::MIN_POSITIVE)))
            .collect();
        ratios.map(median)
    }

    fn turns(&self, system: System) -> Option<Vec<&Turn>> {
        let place = self.systems.iter().position(|other| *other == system)?;
        self.rounds.iter().map(|round| round.get(place)).collect()
    }

    /// The peer that achieves most.
    fn best_peer(&self, operation: Operation) -> Option<System> {
        let peers = self.systems.iter().copied();
        let peers = peers.filter(|system| matches!(system, System::Peer(_)));
        let rate = |system: &System| self.median(*system, |turn| operation.rate(turn));
        peers.max_by(|one, other| {
            let (one, other) = (rate(one), rate(other));
            one.unwrap_or_default()
                .total_cmp(&other.unwrap_or_default())
        })
    }

    pub(crate) fn name(&self, system: System) -> String {
        name(system, &self.peers)
    }

    fn operation(
        &self,
        formatter: &mut fmt::Formatter<'_>,
        title: &str,
        operation: Operation,
    ) -> fmt::Result {
        let best = self.best_peer(operation);
        writeln!(formatter, "\n## {title}\n")?;
        writeln!(
            formatter,
            "| | per second | each round | p50, ms | p99, ms | of the durable ceiling | × the best peer |"
        )?;
        writeln!(formatter, "|---|---:|---:|---:|---:|---:|---:|")?;
        for system in self.systems.iter().copied() {
            let Some(rate) = self.median(system, |turn| operation.rate(turn)) else {
                continue;
            };
            let each = self.turns(system).unwrap_or_default().into_iter();
            let each: Vec<String> = each
                .filter_map(|turn| Some(format!("{:.0}", operation.rate(turn)?)))
                .collect();
            let ratio = |to| self.ratio(system, to, |turn| operation.rate(turn));
            writeln!(
                formatter,
                "| {} | {rate:.0} | {} | {} | {} | {} | {} |",
                self.name(system),
                each.join(" · "),
                shown(self.median(system, |turn| operation.p50_ms(turn)), 2),
                shown(self.median(system, |turn| operation.p99_ms(turn)), 2),
                ratio(System::Durable)
                    .map_or("–".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0)),
                shown(best.and_then(ratio), 2),
            )?;
        }
        for peer in &self.peers {
            if let Some(why) = &peer.absent {
                let why = why.replace(['|', '\n'], " ");
                writeln!(
                    formatter,
                    "| {} | not measured | {why} | | | | |",
                    peer.name
                )?;
            }
        }
        Ok(())
    }

    fn others(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\n## Start and resident memory\n")?;
        writeln!(
            formatter,
            "| | first answer, ms | idle, MB | after the load, MB |\n|---|---:|---:|---:|"
        )?;
        for system in self.systems.iter().copied() {
            let first = self.median(system, |turn| turn.first_answer_ms);
            if first.is_some() {
                writeln!(
                    formatter,
                    "| {} | {} | {} | {} |",
                    self.name(system),
                    shown(first, 1),
                    shown(self.median(system, |turn| turn.idle_mb), 1),
                    shown(self.median(system, |turn| turn.loaded_mb), 1),
                )?;
            }
        }
        writeln!(formatter, "\n## One connection, and whole lives\n")?;
        writeln!(
            formatter,
            "| | create, p50, ms | read, p50, ms | lives per second | callbacks for lives |\n|---|---:|---:|---:|---:|"
        )?;
        for system in self.systems.iter().copied() {
            let create = self.median(system, one_create_ms);
            if create.is_none() {
                continue;
            }
            let lives = self.turns(system).unwrap_or_default().into_iter();
            let lives: Vec<String> = lives
                .filter_map(|turn| turn.more.as_ref()?.lives.as_ref())
                .map(|lives| format!("{} for {}", lives.callbacks, lives.lives))
                .collect();
            writeln!(
                formatter,
                "| {} | {} | {} | {} | {} |",
                self.name(system),
                shown(create, 3),
                shown(self.median(system, one_read_ms), 3),
                shown(self.median(system, lives_rate), 0),
                lives.join(" · "),
            )?;
        }
        Ok(())
    }

    fn bars(&self) -> Vec<Bar> {
        let ours = System::Sqlite;
        let share = |operation: Operation| {
            let ratio = self.ratio(ours, System::Durable, |turn| operation.rate(turn));
            ratio.map(|ratio| ratio * 100.0)
        };
        let p99_ms = |operation: Operation| self.median(ours, |turn| operation.p99_ms(turn));
        let life = |turn: &Turn| Some(100.0 * lives_rate(turn)? / turn.create.per_second.max(1.0));
        let medians = Medians {
            initiate_share: share(Operation::Create),
            details_share: share(Operation::Read),
            initiate_p99_ms: p99_ms(Operation::Create),
            details_p99_ms: p99_ms(Operation::Read),
            life_share: self.median(ours, life),
            one_initiate_ms: self.median(ours, one_create_ms),
            one_details_ms: self.median(ours, one_read_ms),
            idle_mb: self.median(ours, |turn| turn.idle_mb),
            loaded_mb: self.median(ours, |turn| turn.loaded_mb),
        };
        let mut bars = medians.bars(self.start_empty_ms, &self.filled);
        for (operation, what, bar) in [
            (
                Operation::Create,
                "initiate, against the best peer",
                INITIATE_TIMES_PEER,
            ),
            (
                Operation::Read,
                "details, against the best peer",
                DETAILS_TIMES_PEER,
            ),
        ] {
            let best = self.best_peer(operation);
            let ratio = best.and_then(|best| self.ratio(ours, best, |turn| operation.rate(turn)));
            bars.push(Bar::at_least(what, bar, ratio, "×"));
        }
        for system in self.systems.iter().copied() {
            if matches!(system, System::Postgres { .. }) {
                let rate = |turn: &Turn| Some(turn.create.per_second);
                let what = format!("{}: initiate, against pgbench -N", self.name(system));
                let ratio = self.ratio(system, System::Pgbench, rate);
                bars.push(Bar::at_least(&what, TIMES_PGBENCH, ratio, "×"));
            }
        }
        bars
    }
}

fn one_create_ms(turn: &Turn) -> Option<f64> {
    Some(turn.more.as_ref()?.one_create.p50_ms())
}

fn one_read_ms(turn: &Turn) -> Option<f64> {
    Some(turn.more.as_ref()?.one_read.p50_ms())
}

fn lives_rate(turn: &Turn) -> Option<f64> {
    let lives = turn.more.as_ref()?.lives.as_ref()?;
    Some(lives.achieved.per_second)
}

fn shown(value: Option<f64>, places: usize) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.places$}"))
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            machine,
            version,
            seconds,
            filled,
            rounds,
            ..
        } = self;
        let count = rounds.len();
        let commit = self.commit.as_ref();
        let commit = commit.map_or(String::new(), |commit| format!(" at `{commit}`"));
        writeln!(formatter, "# Beside the others\n")?;
        writeln!(
            formatter,
            "`cargo xtask bench --peers --seconds {seconds} --rounds {count} --payments {}`, {version}{commit}.\n",
            filled.payments
        )?;
        writeln!(
            formatter,
            "{machine}. {CONNECTIONS} connections; medians of {count} rounds, in each of which everybody took a turn; ratios within a round. \
             What is compared, and how, says [README.md](README.md#beside-the-others).\n\n![Payments created and read per second](peers.svg)"
        )?;
        self.operation(formatter, "Create a payment", Operation::Create)?;
        self.operation(formatter, "Read it back", Operation::Read)?;
        self.others(formatter)?;
        write!(formatter, "\n## Bars\n\n{}", Bars(self.bars()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    fn achieved(per_second: f64) -> Achieved {
        Achieved {
            done: 1,
            per_second,
            p50: Duration::from_micros(500),
            p99: Duration::from_millis(2),
        }
    }

    fn turn(create: f64, read: Option<f64>) -> Turn {
        Turn {
            create: achieved(create),
            read: read.map(achieved),
            more: None,
            first_answer_ms: read,
            idle_mb: read,
            loaded_mb: read,
        }
    }

    pub(in crate::peers) fn sample() -> Figures {
        let list = r#"[{"name":"slow","version":"1","command":["slow"]},
            {"name":"fast","version":"2","command":["fast"]},
            {"name":"away","absent":"no | Java"}]"#;
        let round = |factor: f64| {
            vec![
                turn(1000.0 * factor, Some(2000.0 * factor)),
                turn(600.0 * factor, Some(1000.0 * factor)),
                turn(250.0 * factor, None),
                turn(10.0 * factor, Some(20.0 * factor)),
                turn(100.0 * factor, Some(10.0 * factor)),
            ]
        };
        Figures {
            machine: "a machine".to_owned(),
            version: "sandkasse 1".to_owned(),
            commit: None,
            seconds: 1,
            systems: vec![
                System::Durable,
                System::Sqlite,
                System::Pgbench,
                System::Peer(0),
                System::Peer(1),
            ],
            rounds: vec![round(1.0), round(3.0), round(2.0)],
            start_empty_ms: 15.0,
            filled: Filled {
                payments: 5,
                memory_mb: 40.0,
                start_ms: 30.0,
            },
            peers: serde_json::from_str(list).unwrap(),
        }
    }

    #[test]
    fn ratios_are_to_the_ceiling_and_to_the_best_peer_of_each_operation() {
        let text = sample().to_string();
        for row in [
            "| Sandkasse, SQLite | 1200 | 600 · 1800 · 1200 | 0.50 | 2.00 | 60.0 % | 6.00 |",
            "| Sandkasse, SQLite | 2000 | 1000 · 3000 · 2000 | 0.50 | 2.00 | 50.0 % | 50.00 |",
            "| pgbench -N | 500 | 250 · 750 · 500 | 0.50 | 2.00 | 25.0 % | 2.50 |",
            "| away | not measured | no   Java | | | | |",
            "| initiate, share of the durable ceiling | ≥ 60 % | 60.0 % | met |",
            "| details, share of the durable ceiling | ≥ 60 % | 50.0 % | **missed** |",
            "| full life, share of initiate |  | not measured | **missed** |",
        ] {
            assert!(text.lines().any(|line| line == row), "{row}\n{text}");
        }
    }
}
