//! `sandkasse-sim`: the simulation from the command line. `cargo xtask sim` builds and runs it.
#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use sandkasse_sim::{
    breakage::Breakage,
    plan::{Finding, Keeping, Plan},
    runs::{Outcome, Until, many, once, shrink},
};

/// Runs the whole platform under seeds, against a model.
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Options {
    /// Run seeds for so long.
    #[arg(long)]
    seconds: Option<u64>,
    /// Run seeds until there were so many steps.
    #[arg(long)]
    steps: Option<u64>,
    /// Run this seed alone, twice, and compare the logs; with --seconds or --steps, begin with it.
    #[arg(long)]
    seed: Option<u64>,
    /// So many steps to a seed.
    #[arg(long, default_value_t = 500)]
    seed_steps: u32,
    /// Where data is kept.
    #[arg(long, value_enum, default_value = "memory")]
    store: Keeping,
    /// On so many nodes; by default on one, two or three, by seed (SQLite: one).
    #[arg(long)]
    nodes: Option<usize>,
    /// Break a rule on purpose: then the command fails unless it is found.
    #[arg(long = "break", value_enum, value_name = "RULE")]
    breakage: Option<Breakage>,
    /// Only these steps of the seed, as a finding lists them.
    #[arg(long, value_delimiter = ',')]
    only: Option<Vec<u32>>,
    /// Print the whole log.
    #[arg(long)]
    log: bool,
}

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let options = Options::parse();
    let plan = Plan {
        seed: options.seed.unwrap_or(1),
        steps: options.seed_steps,
        store: options.store,
        nodes: nodes(&options, options.seed.unwrap_or(1)),
        breakage: options.breakage,
        only: options.only.clone().map(|only| only.into_iter().collect()),
        listener: options.log.then_some(|line| println!("{line}")),
    };
    let alone = options.seed.is_some() && options.seconds.is_none() && options.steps.is_none();
    let found = if alone {
        twice(&plan)
    } else {
        seeds(&options, &plan)
    };
    // A rule that is broken must be found.
    if found == options.breakage.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// One node for half of the seeds, two or three for the others.
fn nodes(options: &Options, seed: u64) -> usize {
    match (options.nodes, options.store, seed % 4) {
        (Some(nodes), ..) => nodes,
        (None, Keeping::Memory, 2) => 2,
        (None, Keeping::Memory, 3) => 3,
        _ => 1,
    }
}

/// One seed, two times. Answers whether something was found.
fn twice(plan: &Plan) -> bool {
    let (first, second) = (once(plan), once(plan));
    println!(
        "seed {}: log {:016x}, again {:016x}",
        plan.seed, first.hash, second.hash
    );
    if first.hash != second.hash {
        println!("the same seed gives another log");
        return true;
    }
    if let Some(finding) = &first.finding {
        tell(plan, finding);
    }
    first.finding.is_some()
}

fn seeds(options: &Options, plan: &Plan) -> bool {
    let until = Until {
        steps: options.steps,
        time: options
            .seconds
            .or(options.steps.is_none().then_some(10))
            .map(Duration::from_secs),
    };
    let outcome = many(plan, |seed| nodes(options, seed), until);
    summary(plan, &outcome);
    let Some((plan, finding)) = &outcome.found else {
        return false;
    };
    let (plan, finding) = shrink(plan, finding, Duration::from_secs(10));
    tell(&plan, &finding);
    true
}

fn summary(plan: &Plan, outcome: &Outcome) {
    let seconds = outcome.took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate to look at")]
    let rate = outcome.steps as f64 / seconds.max(0.001);
    println!(
        "seeds {}..{}: {} steps in {seconds:.1} s, {rate:.0} a second, {:?}",
        plan.seed,
        plan.seed + outcome.seeds,
        outcome.steps,
        plan.store
    );
    for (what, count) in &outcome.counts.done {
        println!("{count:>10}  {what}");
    }
    println!("states after an operation:");
    for (state, count) in &outcome.counts.states {
        println!("{count:>10}  {state}");
    }
    println!("refusals:");
    for (refusal, count) in &outcome.counts.refusals {
        println!("{count:>10}  {refusal}");
    }
}

fn tell(plan: &Plan, finding: &Finding) {
    println!(
        "\nFOUND under seed {} at step {}:\n{}",
        plan.seed, finding.step, finding.what
    );
    println!("\nthe last steps:");
    for line in &finding.last {
        println!("{line}");
    }
    println!("\nsee it again: {}", plan.command());
}
