//! in short, and that the simulation finds what is broken. The long form is
//! `cargo xtask sim`; a million steps of it run with `cargo xtask test`.

#![expect(clippy::print_stdout, reason = "a run tells what it did")]

use std::{collections::BTreeSet, time::Duration};

use sandkasse_sim::{
    breakage::Breakage,
    plan::{Keeping, Plan},
    runs::{Outcome, Until, many, once},
};
use serde::Deserialize;

/// So many steps must do to find a broken rule. In release they take less than a second.
const ENOUGH: u64 = 20_000;

fn plan(seed: u64, steps: u32, store: Keeping, nodes: usize) -> Plan {
    Plan {
        store,
        nodes,
        ..Plan::new(seed, steps)
    }
}

/// Runs seeds and says what they were; a run in which nothing was struck shows nothing.
fn seeds(first: &Plan, steps: u64) -> Outcome {
    let until = Until {
        steps: Some(steps),
        time: Some(Duration::from_secs(120)),
    };
    let outcome = many(first, |_| first.nodes, until);
    println!(
        "seeds {}..{}, {} nodes, {:?}: {} steps, {} deaths, {} failures of the store",
        first.seed,
        first.seed + outcome.seeds,
        first.nodes,
        first.store,
        outcome.steps,
        outcome.counts.of("a node dies"),
        outcome.counts.of("the store failed"),
    );
    outcome
}

#[track_caller]
fn finds_nothing(first: &Plan, steps: u64) {
    let outcome = seeds(first, steps);
    if let Some((plan, finding)) = &outcome.found {
        panic!(
            "{}\n{}\nsee it again: {}",
            finding.what,
            finding.last.join("\n"),
            plan.command()
        );
    }
    assert!(outcome.counts.of("a node dies") > 0, "no node died");
    assert!(
        outcome.counts.of("the store failed") > 0,
        "the store never failed"
    );
    assert!(
        outcome.counts.of("same key, same bytes") > 0,
        "nothing was repeated"
    );
}

#[test]
fn r_1_r_2_one_node_in_memory() {
    finds_nothing(&plan(1000, 400, Keeping::Memory, 1), 4_000);
}

#[test]
fn r_2_two_nodes_in_memory() {
    finds_nothing(&plan(2000, 400, Keeping::Memory, 2), 4_000);
}

#[test]
fn r_2_three_nodes_in_memory() {
    finds_nothing(&plan(3000, 400, Keeping::Memory, 3), 4_000);
}

#[test]
fn r_1_r_2_one_node_on_sqlite() {
    finds_nothing(&plan(4000, 300, Keeping::Sqlite, 1), 1_200);
}

#[test]
fn r_2_the_same_seed_gives_the_same_log() {
    let mut hashes = BTreeSet::new();
    for (seed, store, nodes) in [
        (1, Keeping::Memory, 1),
        (2, Keeping::Memory, 1),
        (3, Keeping::Memory, 2),
        (4, Keeping::Memory, 3),
        (5, Keeping::Sqlite, 1),
    ] {
        let plan = plan(seed, 300, store, nodes);
        let (first, second) = (once(&plan), once(&plan));
        assert!(first.finding.is_none(), "{:?}", first.finding);
        assert_eq!(first.hash, second.hash, "{plan:?}");
        hashes.insert(first.hash);
    }
    assert_eq!(hashes.len(), 5, "other seeds, other logs");
}

/// A rule that is broken is found; the same seeds with the rule whole find nothing.
#[track_caller]
fn is_found(breakage: Breakage, store: Keeping, nodes: usize, says: &str) {
    let whole = plan(1, 300, store, nodes);
    let broken = Plan {
        breakage: Some(breakage),
        ..whole.clone()
    };
    let outcome = seeds(&broken, ENOUGH);
    let Some((found_by, finding)) = outcome.found else {
        panic!("{breakage:?} was not found in {} steps", outcome.steps)
    };
    println!(
        "{breakage:?} was found after {} steps: {}",
        outcome.steps, finding.what
    );
    assert!(finding.what.contains(says), "{}", finding.what);
    let control = once(&Plan {
        breakage: None,
        ..found_by
    });
    assert!(
        control.finding.is_none(),
        "the rule was whole: {:?}",
        control.finding
    );
}

macro_rules! broken_rules {
    ($($test:ident: $breakage:ident, $store:ident, $nodes:literal, $says:literal;)*) => {
        $(#[test]
        fn $test() {
            is_found(Breakage::$breakage, Keeping::$store, $nodes, $says);
        })*
    };
}

broken_rules! {
    r_2_replies_that_are_not_saved_are_found: ForgetsReplies, Memory, 1, "no order of events";
    r_2_versions_that_are_not_checked_are_found: IgnoresVersions, Memory, 2, "";
    r_2_commits_that_are_not_durable_are_found: AcknowledgesEarly, Memory, 1, "";
    r_2_commits_that_are_not_durable_are_found_on_sqlite: AcknowledgesEarly, Sqlite, 1, "";
    r_2_calls_that_are_made_twice_are_found: DeliversTwice, Memory, 1, "was made 2 times";
    r_2_calls_that_are_lost_are_found: LosesCalls, Memory, 1, "but owed are";
    r_2_captures_that_are_counted_too_low_are_found: CapturesOneLess, Memory, 1, "not the fold of its events";
    r_2_refunds_that_are_not_counted_are_found: ForgetsRefunds, Memory, 1, "not the fold of its events";
    r_2_deadlines_that_are_not_kept_are_found: ForgetsDeadlines, Memory, 1, "changed by itself";
    r_1_one_call_more_than_the_limit_is_found: OneCallMore, Memory, 1, "refused before anything";
    r_1_tokens_that_live_on_are_found: TokensLiveOn, Memory, 1, "refused before anything";
}

/// A seed that once found something.
#[derive(Deserialize)]
struct Found {
    seed: u64,
    steps: u32,
    store: String,
    nodes: usize,
    /// What it found, and what was done about it.
    found: String,
}

#[test]
fn r_2_seeds_that_found_something_find_it_no_more() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of seeds") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        let Ok(found) = toml::from_str::<Found>(&text) else {
            panic!("{} is no seed", path.display())
        };
        let store = match found.store.as_str() {
            "memory" => Keeping::Memory,
            "sqlite" => Keeping::Sqlite,
            other => panic!("there is no store {other}"),
        };
        let ended = once(&plan(found.seed, found.steps, store, found.nodes));
        assert!(
            ended.finding.is_none(),
            "again: {}\n{:?}",
            found.found,
            ended.finding
        );
        count += 1;
    }
    assert!(count > 0, "no seed was found");
}
