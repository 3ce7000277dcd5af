//! Promises about several nodes on one store.

use std::collections::BTreeSet;
use std::sync::Arc;

use sandkasse_domain::Environment;

use super::{Subject, at, call, commit, load, store, unit, write};
use crate::nodes::{Beat, Hit, Nodes, Noted, Window};
use crate::port::{Commit, DirectoryEntry, Generation};

fn of(node: &Subject) -> &dyn Nodes {
    node.nodes().expect("it is one of several")
}

async fn beat(node: &Subject, seen: Generation) -> Beat {
    of(node).beat(seen).await.expect("the store works")
}

fn three(nodes: Vec<Subject>) -> [Subject; 3] {
    let count = nodes.len();
    nodes
        .try_into()
        .unwrap_or_else(|_| panic!("three nodes, not {count}"))
}

/// No two are alike.
pub async fn every_node_has_an_id_and_a_slot(nodes: Vec<Subject>) {
    let ids: BTreeSet<_> = nodes.iter().map(|node| of(node).id().to_owned()).collect();
    let slots: BTreeSet<_> = nodes.iter().map(|node| of(node).slot()).collect();
    assert_eq!((ids.len(), slots.len()), (3, 3));
    assert!(slots.iter().all(|slot| *slot < 16));
}

/// Who lives, what each has seen, and which generation there is.
pub async fn nodes_hear_of_each_other(nodes: Vec<Subject>) {
    let [a, b, c] = three(nodes);
    let entry = DirectoryEntry {
        kind: "person".to_owned(),
        environment: Environment::Test,
        key: "1".to_owned(),
        body: Some("kari".to_owned()),
    };
    let made = a.put_directory(vec![entry], Generation::MAX).await;
    let made = made.expect("nothing is in the way");
    beat(&a, made).await;
    beat(&b, made - 1).await;
    let heard = beat(&c, 0).await;
    assert_eq!(heard.generation, made);
    let seen = |node: &Subject| {
        let mut living = heard.living.iter();
        living.find(|it| it.id == of(node).id()).map(|it| it.seen)
    };
    assert_eq!(heard.living.len(), 3);
    assert_eq!(
        [seen(&a), seen(&b), seen(&c)],
        [Some(made), Some(made - 1), Some(0)]
    );
}

/// Who has it may claim it again; who gives it back has it no more.
pub async fn a_task_is_claimed_by_one(nodes: Vec<Subject>) {
    let [a, b, _] = three(nodes);
    for node in [&a, &b] {
        beat(node, 0).await;
    }
    let claim = async |node: &Subject, task| of(node).claim(task, 60_000).await.expect("it works");
    assert!(claim(&a, "agenda/1").await);
    assert!(!claim(&b, "agenda/1").await);
    assert!(claim(&b, "agenda/2").await);
    assert!(claim(&a, "agenda/1").await);
    of(&b).release("agenda/1").await.expect("it works");
    assert!(!claim(&b, "agenda/1").await);
    of(&a).release("agenda/1").await.expect("it works");
    assert!(claim(&b, "agenda/1").await);
    assert!(!claim(&a, "agenda/1").await);
}

fn hit(key: u8, now: i64) -> Hit {
    Hit {
        key: [key; 16],
        now: at(now),
        length_ms: 60_000,
        most: 5,
        kept_ms: 61_000,
    }
}

async fn count(node: &Subject, hits: Vec<Hit>) -> Vec<Window> {
    of(node).count(hits).await.expect("it works")
}

/// Also for calls that come together.
pub async fn a_window_counts_for_all_nodes(nodes: Vec<Subject>) {
    let [a, b, _] = three(nodes);
    let window = |calls, counted| Window {
        opened_at: at(1_000),
        calls,
        counted,
    };
    let together = vec![hit(1, 1_000), hit(2, 1_000), hit(1, 1_001), hit(1, 1_002)];
    let counted = [
        window(1, true),
        window(1, true),
        window(2, true),
        window(3, true),
    ];
    assert_eq!(count(&a, together).await, counted);
    let more = vec![hit(1, 2_000), hit(1, 2_000), hit(1, 2_000), hit(1, 2_000)];
    let counted = [
        window(4, true),
        window(5, true),
        window(5, false),
        window(5, false),
    ];
    assert_eq!(count(&b, more).await, counted);
    assert_eq!(count(&a, vec![hit(1, 60_999)]).await, [window(5, false)]);
    assert_eq!(count(&a, vec![hit(2, 60_999)]).await, [window(2, true)]);
    assert!(count(&a, vec![]).await.is_empty());
}

/// The next call opens another; so does one on a clock that was set back.
pub async fn a_window_ends(nodes: Vec<Subject>) {
    let [a, b, _] = three(nodes);
    let opened = |at_ms| Window {
        opened_at: at(at_ms),
        calls: 1,
        counted: true,
    };
    assert_eq!(count(&a, vec![hit(1, 5_000)]).await, [opened(5_000)]);
    assert_eq!(count(&b, vec![hit(1, 65_000)]).await, [opened(65_000)]);
    assert_eq!(count(&a, vec![hit(1, 4_000)]).await, [opened(4_000)]);
}

/// 300 calls, 10 keys, a limit of 5: 50 are counted.
pub async fn nodes_count_at_once_and_exactly(nodes: Vec<Subject>) {
    let mut tasks = Vec::new();
    for round in 0..30_u8 {
        let node = nodes.get(usize::from(round) % 3).expect("three").clone();
        tasks.push(tokio::spawn(async move {
            let hits = (0..10).map(|key| hit((key + round) % 10, 1_000)).collect();
            count(&node, hits).await
        }));
    }
    let mut counted = 0;
    for task in tasks {
        let windows = task.await.expect("it does not panic");
        counted += windows.iter().filter(|window| window.counted).count();
        assert!(windows.iter().all(|window| (1..=5).contains(&window.calls)));
    }
    assert_eq!(counted, 50);
}

/// At once.
pub async fn what_one_node_commits_another_reads(nodes: Vec<Subject>) {
    let [a, b, _] = three(nodes);
    store(&a, commit(&unit(), vec![write("x", None, &["e"])])).await;
    assert_eq!(load(&b, "x").await.map(|record| record.version), Some(1));
    store(&b, commit(&unit(), vec![write("x", Some(1), &["f"])])).await;
    assert_eq!(load(&a, "x").await.map(|record| record.version), Some(2));
}

/// Neither what it owes nor what it sends just now.
pub async fn calls_of_a_living_node_are_left_alone(nodes: Vec<Subject>) {
    let [a, b, _] = three(nodes);
    for node in [&a, &b] {
        beat(node, 0).await;
    }
    let owing = Commit {
        calls: vec![call("c1", "x"), call("c2", "x")],
        ..commit(&unit(), vec![write("x", None, &[])])
    };
    store(&a, owing).await;
    assert!(a.begin_call("c1", at(1)).await.expect("writing works"));
    for node in [&b, &a] {
        let owed = node.recover_calls().await.expect("writing works");
        assert!(owed.is_empty(), "{owed:?}");
    }
    assert!(!b.begin_call("c1", at(2)).await.expect("writing works"));
    let calls = a.calls(&unit(), None, 10).await.expect("reading works");
    let states: Vec<_> = calls.iter().map(|it| &it.state).collect();
    use crate::port::CallState::{Begun, Owed};
    assert_eq!(states, [&Owed, &Begun { at: at(1) }]);
}

/// Each reads what the others noted, and what was noted before it began to.
pub async fn the_journal_is_shared(nodes: Vec<Subject>) {
    let [a, b, c] = three(nodes);
    let noted = |number: u64| Noted {
        number,
        at: at(i64::try_from(number).expect("small")),
        environment: Environment::Test,
        msn: number.is_multiple_of(2).then(|| unit().msn),
        body: vec![0, 255, 7],
    };
    let numbers = |found: &[Noted]| found.iter().map(|it| it.number).collect::<Vec<_>>();
    let read = async |node: &Subject, after| of(node).noted(after, 100).await.expect("it works");

    let (nothing, begin) = read(&c, None).await;
    assert!(nothing.is_empty());
    of(&a)
        .note(vec![noted(1), noted(2)])
        .await
        .expect("it works");
    of(&b).note(vec![noted(3)]).await.expect("it works");
    let (found, place) = read(&c, Some(begin)).await;
    let (first, _) = read(&c, None).await;
    // A place of an empty journal may be before or at the first call of it.
    assert!(numbers(&found).ends_with(&[3]), "{found:?}");
    assert_eq!(first, [noted(1), noted(2), noted(3)]);
    of(&a).note(vec![noted(4)]).await.expect("it works");
    let (found, place) = read(&c, Some(place)).await;
    assert!(numbers(&found).ends_with(&[4]), "{found:?}");
    assert_eq!(numbers(&read(&b, None).await.0), [1, 2, 4]);
    of(&c).prune_noted(2, at(0)).await.expect("it works");
    assert!(!numbers(&read(&c, None).await.0).contains(&1));
    of(&c).prune_noted(100, at(4)).await.expect("it works");
    assert_eq!(numbers(&read(&c, None).await.0), [4]);
    of(&b).note(vec![noted(5)]).await.expect("it works");
    assert_eq!(numbers(&read(&c, Some(place)).await.0), [5]);
}

/// And forgets windows, claims and journal, but not who lives.
pub async fn a_reset_begins_another_epoch(nodes: Vec<Subject>) {
    let [a, b, _] = three(nodes);
    let before = beat(&a, 0).await;
    beat(&b, 0).await;
    assert!(of(&a).claim("t", 60_000).await.expect("it works"));
    for _ in 0..9 {
        count(&a, vec![hit(1, 1)]).await;
    }
    let wakes = Arc::clone(&b);
    wakes.clear(&[]).await.expect("writing works");
    let after = beat(&a, 0).await;
    assert_ne!(after.epoch, before.epoch);
    assert!(after.generation > before.generation);
    assert!(after.living.len() >= 2);
    assert!(of(&b).claim("t", 60_000).await.expect("it works"));
    assert_eq!(
        count(&a, vec![hit(1, 1)]).await.first().map(|it| it.calls),
        Some(1)
    );
}
