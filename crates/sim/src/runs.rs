//! Many seeds, one after the other; and a finding made small.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use crate::{
    plan::{Finding, Plan},
    trace::Counts,
    world::{self, Ended},
};

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// After so many steps of all seeds together.
    pub steps: Option<u64>,
    /// After so much time.
    pub time: Option<Duration>,
}

/// What came of many seeds.
pub struct Outcome {
    /// How many seeds were run to their end.
    pub seeds: u64,
    /// How many steps they had together.
    pub steps: u64,
    /// How long it took.
    pub took: Duration,
    /// What was reached.
    pub counts: Counts,
    /// The first thing that must not be, and how to see it again.
    pub found: Option<(Plan, Finding)>,
}

/// One seed; a panic is a finding like any other.
pub fn once(plan: &Plan) -> Ended {
    catch_unwind(AssertUnwindSafe(|| world::run(plan))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("a panic: {}", text.unwrap_or_default());
        Ended {
            hash: 0,
            counts: Counts::default(),
            finding: Some(Finding {
                step: plan.steps,
                what,
                last: Vec::new(),
            }),
        }
    })
}

/// Runs seeds from the one of `first` on, `nodes_of` says on how many nodes each.
pub fn many(first: &Plan, nodes_of: impl Fn(u64) -> usize, until: Until) -> Outcome {
    let began = Instant::now();
    let mut outcome = Outcome {
        seeds: 0,
        steps: 0,
        took: Duration::ZERO,
        counts: Counts::default(),
        found: None,
    };
    let mut plan = first.clone();
    loop {
        plan.nodes = nodes_of(plan.seed);
        let ended = once(&plan);
        outcome.counts.add(&ended.counts);
        outcome.took = began.elapsed();
        if let Some(finding) = ended.finding {
            outcome.steps += u64::from(finding.step);
            outcome.found = Some((plan, finding));
            return outcome;
        }
        outcome.seeds += 1;
        outcome.steps += u64::from(plan.steps);
        let enough = until.steps.is_some_and(|steps| outcome.steps >= steps)
            || until.time.is_some_and(|time| outcome.took >= time);
        if enough {
            return outcome;
        }
        plan.seed += 1;
    }
}

/// The same finding with fewer steps, as far as that can be had in this time.
pub fn shrink(plan: &Plan, finding: &Finding, patience: Duration) -> (Plan, Finding) {
    let began = Instant::now();
    let (mut best, mut found) = (plan.clone(), finding.clone());
    best.steps = plan.steps.min(finding.step + 1);
    let mut kept: Vec<u32> = (0..best.steps)
        .filter(|step| plan.only.as_ref().is_none_or(|only| only.contains(step)))
        .collect();
    let mut portion = kept.len().div_ceil(2);
    while portion > 0 {
        let mut at = 0;
        while at < kept.len() {
            if began.elapsed() > patience {
                return (best, found);
            }
            let mut fewer = kept.clone();
            fewer.drain(at..(at + portion).min(kept.len()));
            let mut smaller = best.clone();
            smaller.only = Some(fewer.iter().copied().collect::<BTreeSet<u32>>());
            match once(&smaller).finding {
                Some(again) => (kept, best, found) = (fewer, smaller, again),
                None => at += portion,
            }
        }
        portion /= 2;
    }
    (best, found)
}
