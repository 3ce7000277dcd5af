//! Whether the platform became slower: its ratios to the durable ceiling of the same run against those that are kept.
//!
//! Both servers run at once, and take turns of half a second, many times; what counts is the median of the pairs' ratios. So
//! whatever slows the machine down for a while slows both sides of a pair, or spoils one pair of many.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::latency::median;
use crate::load::Achieved;
use crate::measure::{CONNECTIONS, SETTLE};
use crate::platform::Platform;
use crate::process::{self, pause};
use crate::shop::{Orders, Shop};
use crate::sink::Sink;
use crate::subject::Subject;
use crate::target::Target;

/// What must remain of a kept ratio.
const REMAINS: f64 = 0.8;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// The kept ratios.
    #[arg(long)]
    file: PathBuf,
    /// Keep the ratios of this run.
    #[arg(long)]
    renew: bool,
    /// How many pairs of turns are taken.
    #[arg(long, default_value_t = 24)]
    pairs: usize,
}

/// What the platform achieves for each that the durable ceiling does.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Ratios {
    initiate: f64,
    details: f64,
}

/// A server and the load for it.
struct Side {
    target: Target,
    made: Vec<Orders>,
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let file = &options.file;
    if options.renew {
        let ratios = once(options).await?;
        std::fs::write(file, ratios.written()?)?;
        println!("kept in {}: {ratios:?}", file.display());
        return Ok(());
    }
    let kept = std::fs::read_to_string(file)
        .with_context(|| format!("{} (made by --guard --renew)", file.display()))?;
    let kept: Ratios = toml::from_str(&kept)?;
    let mut slower = Vec::new();
    // Once more before it is believed.
    for _ in 0..2 {
        let now = once(options).await?;
        println!("ratios to the durable ceiling: now {now:.3?}, kept {kept:.3?}");
        slower = now.slower_than(kept);
        if slower.is_empty() {
            return Ok(());
        }
        eprintln!("slower: {}", slower.join(", "));
    }
    bail!(
        "twice slower than what is kept, by more than the margin: {}. If that is meant, or the machine is another one, \
         `cargo xtask bench --guard --renew` keeps new ratios in bench/guard.toml",
        slower.join(", ")
    )
}

impl Ratios {
    fn slower_than(self, kept: Self) -> Vec<&'static str> {
        let all = [
            ("initiate", self.initiate, kept.initiate),
            ("details", self.details, kept.details),
        ];
        let slower = all
            .into_iter()
            .filter(|(_, now, kept)| *now < kept * REMAINS);
        slower.map(|(name, _, _)| name).collect()
    }

    fn written(self) -> anyhow::Result<String> {
        let rounded = |ratio: f64| (ratio * 1000.0).round() / 1000.0;
        let rounded = Self {
            initiate: rounded(self.initiate),
            details: rounded(self.details),
        };
        Ok(format!(
            "# What the platform achieves for each call that the durable ceiling answers (bench/README.md, \"Guard\").\n\
             # Kept by `cargo xtask bench --guard --renew` on a quiet machine; `--guard` fails below four fifths of it.\n{}",
            toml::to_string(&rounded)?
        ))
    }
}

async fn once(options: &Options) -> anyhow::Result<Ratios> {
    let sink = Sink::open().await?;
    let subject = &options.subject;
    let folder = subject.fresh_named("guard-ceiling")?;
    let (_ceiling, address) = process::ceiling("ceiling-durable", &folder).await?;
    let shop = Shop::without_keys(sink.address);
    let mut ceiling = Side::new(Target::one(address, &shop)).await?;

    let folder = subject.fresh_named("guard-sandkasse")?;
    let platform = Platform::start(&subject.sandkasse, &folder).await?;
    let shop = subject.shop(&platform, &sink).await?;
    let mut ours = Side::new(Target::one(platform.test, &shop)).await?;
    pause(SETTLE).await;

    let (mut initiate, mut details) = (Vec::new(), Vec::new());
    for pair in 0..options.pairs {
        // Who is first alternates.
        let (first, second) = if pair % 2 == 0 {
            (&mut ours, &mut ceiling)
        } else {
            (&mut ceiling, &mut ours)
        };
        let made = (first.initiate(pair).await?, second.initiate(pair).await?);
        let read = (first.details().await?, second.details().await?);
        for (ratios, (first, second)) in [(&mut initiate, made), (&mut details, read)] {
            let ratio = first.per_second / second.per_second.max(1.0);
            ratios.push(if pair % 2 == 0 { ratio } else { 1.0 / ratio });
        }
    }
    platform.process.stop().await?;
    let shown = |ratios: &[f64]| {
        let ratios: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.3}")).collect();
        ratios.join(" · ")
    };
    eprintln!("  initiate: {}", shown(&initiate));
    eprintln!("  details: {}", shown(&details));
    Ok(Ratios {
        initiate: median(initiate),
        details: median(details),
    })
}

/// How long a turn is.
const TURN: Duration = Duration::from_millis(500);

impl Side {
    /// Also warms it up; what that makes is looked at later.
    async fn new(target: Target) -> anyhow::Result<Self> {
        let (_, made) = target
            .initiate("first", CONNECTIONS, TURN, u64::MAX)
            .await?;
        target.details(&made, CONNECTIONS, TURN).await?;
        Ok(Self { target, made })
    }

    async fn initiate(&mut self, pair: usize) -> anyhow::Result<Achieved> {
        let tag = format!("pair{pair}");
        let made = self
            .target
            .initiate(&tag, CONNECTIONS, TURN, u64::MAX)
            .await?;
        Ok(made.0)
    }

    async fn details(&self) -> anyhow::Result<Achieved> {
        self.target.details(&self.made, CONNECTIONS, TURN).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_less_is_borne_and_more_is_named() {
        let ratios = |initiate, details| Ratios { initiate, details };
        let kept = ratios(0.5, 0.4);
        assert!(ratios(0.41, 0.33).slower_than(kept).is_empty());
        assert_eq!(ratios(0.39, 0.33).slower_than(kept), ["initiate"]);
        assert_eq!(
            ratios(0.39, 0.31).slower_than(kept),
            ["initiate", "details"]
        );
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let text = ratios_text();
        assert_eq!(
            toml::from_str::<Ratios>(&text).unwrap(),
            Ratios {
                initiate: 0.423,
                details: 0.5
            }
        );
        assert!(toml::from_str::<Ratios>("initiate = 0.4").is_err());
    }

    fn ratios_text() -> String {
        let ratios = Ratios {
            initiate: 0.42345,
            details: 0.5,
        };
        ratios.written().unwrap()
    }
}
