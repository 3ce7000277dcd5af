//! How much is sent at a time, what happens beyond, and what is left after a stop.

use std::sync::Arc;
use std::time::Duration;

use sandkasse_domain::Msn;
use sandkasse_domain::sales_unit::UrlPolicy::Local;
use sandkasse_store::{CallFailure, CallState, Commit, MemoryStore, Partition, Store};

use super::tests::{failure, owed, settle, states, to, unit, worker, worker_that_knows};
use super::{BACKLOG_FULL, Limits};
use crate::testing::{Manner, OK, Receiver, callback};

///
#[tokio::test]
async fn a_hanging_receiver_does_not_slow_the_others() {
    let store = Arc::new(MemoryStore::new());
    let (slow, fast) = (
        Receiver::start(Manner::Gate).await,
        Receiver::answering(OK).await,
    );
    let worker = worker(
        &store,
        Limits {
            in_flight: 3,
            per_host: 2,
            backlog: 100,
        },
    );
    for call in owed(&*store, to(&slow, "slow.test", 0..20)).await {
        worker.post(unit(), Local, call);
    }
    // Another spelling of the host is the same host.
    for call in owed(&*store, to(&slow, "SLOW.test", 20..22)).await {
        worker.post(unit(), Local, call);
    }
    slow.connected(2).await;
    for call in owed(&*store, to(&fast, "fast.test", 22..32)).await {
        worker.post(unit(), Local, call);
    }
    fast.connected(10).await;
    settle().await;
    assert_eq!(slow.connections(), 2);
    slow.release();
    worker.idle().await;
    assert!(
        states(&*store)
            .await
            .iter()
            .all(|state| failure(state).is_none())
    );
    assert_eq!((slow.requests().len(), fast.requests().len()), (22, 10));
    assert_eq!(worker.worker.seats.entries(), (0, 0));
}

/// R-13, at full size: of 1,000 receivers ten hang, each with more calls than it has seats. All
/// calls to the others end while those ten still hang; `sandkasse-bench receivers` measures how fast.
#[tokio::test]
async fn r_13_ten_of_a_thousand_receivers_hang_and_the_others_are_served() {
    const HANGING: usize = 10;
    const FINE: usize = 990;
    const CALLS_TO_EACH: usize = 40;
    let store = Arc::new(MemoryStore::new());
    let (slow, fast) = (
        Receiver::start(Manner::Gate).await,
        Receiver::answering(OK).await,
    );
    let name = |number: usize| format!("r{number}.test");
    let names: Vec<_> = (0..HANGING + FINE).map(name).collect();
    let limits = Limits::default();
    let worker = worker_that_knows(Arc::clone(&store) as Arc<dyn Store>, limits, &names);
    for (number, host) in names.iter().take(HANGING).enumerate() {
        let ids = number * CALLS_TO_EACH..(number + 1) * CALLS_TO_EACH;
        for call in owed(&*store, to(&slow, host, ids)).await {
            worker.post(unit(), Local, call);
        }
    }
    slow.connected(HANGING * limits.per_host).await;
    for (number, host) in names.iter().enumerate().skip(HANGING) {
        let id = HANGING * CALLS_TO_EACH + number;
        for call in owed(&*store, to(&fast, host, id..id + 1)).await {
            worker.post(unit(), Local, call);
        }
    }
    fast.connected(FINE).await;
    assert_eq!(
        slow.connections(),
        HANGING * limits.per_host,
        "they still hang"
    );
    slow.release();
    worker.idle().await;
    assert_eq!(
        (slow.requests().len(), fast.requests().len()),
        (HANGING * CALLS_TO_EACH, FINE)
    );
}

#[tokio::test]
async fn no_more_than_the_limit_are_in_flight() {
    let (store, receiver) = (
        Arc::new(MemoryStore::new()),
        Receiver::start(Manner::Gate).await,
    );
    let worker = worker(
        &store,
        Limits {
            in_flight: 3,
            per_host: 2,
            backlog: 100,
        },
    );
    for (number, host) in ["a.test", "b.test", "c.test", "d.test"]
        .into_iter()
        .enumerate()
    {
        for call in owed(&*store, to(&receiver, host, number * 5..(number + 1) * 5)).await {
            worker.post(unit(), Local, call);
        }
    }
    receiver.connected(3).await;
    settle().await;
    let begun = states(&*store)
        .await
        .iter()
        .filter(|state| matches!(state, CallState::Begun { .. }))
        .count();
    assert_eq!((receiver.connections(), begun), (3, 3));
    receiver.release();
    worker.idle().await;
    assert_eq!(receiver.requests().len(), 20);
}

#[tokio::test]
async fn beyond_the_backlog_calls_fail_for_all_to_see() {
    let (store, receiver) = (
        Arc::new(MemoryStore::new()),
        Receiver::start(Manner::Gate).await,
    );
    let worker = worker(
        &store,
        Limits {
            backlog: 2,
            ..Limits::default()
        },
    );
    for call in owed(&*store, to(&receiver, "a.test", 0..5)).await {
        worker.post(unit(), Local, call);
    }
    receiver.connected(2).await;
    settle().await;
    let rule = |state: &CallState| match failure(state) {
        Some(CallFailure::Forbidden { rule, .. }) => rule.clone(),
        other => panic!("{other:?}"),
    };
    let given_up: Vec<String> = states(&*store).await[2..].iter().map(rule).collect();
    assert_eq!(given_up, [BACKLOG_FULL; 3]);
    // Another sales unit has a backlog of its own.
    let other = Partition {
        msn: Msn::try_new("654321").unwrap(),
        ..unit()
    };
    let call = callback("other", &receiver.url("/"));
    let commit = Commit {
        partition: other.clone(),
        writes: vec![],
        reply: None,
        calls: vec![call.clone()],
    };
    store.commit(commit).await.unwrap();
    worker.post(other, Local, call);
    receiver.connected(3).await;
    receiver.release();
    worker.idle().await;
    assert_eq!(receiver.requests().len(), 3);
    // And there is room again.
    for call in owed(&*store, to(&receiver, "a.test", 5..6)).await {
        worker.post(unit(), Local, call);
    }
    worker.idle().await;
    assert_eq!(receiver.requests().len(), 4);
}

#[tokio::test]
async fn a_stop_waits_for_those_in_flight_and_leaves_the_rest_owed() {
    let (store, receiver) = (
        Arc::new(MemoryStore::new()),
        Receiver::start(Manner::Gate).await,
    );
    let worker = worker(
        &store,
        Limits {
            per_host: 1,
            ..Limits::default()
        },
    );
    let calls = owed(&*store, to(&receiver, "a.test", 0..4)).await;
    for call in calls.iter().take(3).cloned() {
        worker.post(unit(), Local, call);
    }
    receiver.connected(1).await;
    assert_eq!(worker.stop(Duration::from_millis(50)).await, 1);
    worker.post(unit(), Local, calls[3].clone());
    receiver.release();
    assert_eq!(worker.stop(Duration::from_secs(5)).await, 0);
    let states = states(&*store).await;
    assert_eq!(failure(&states[0]), None);
    assert_eq!(
        states[1..],
        [CallState::Owed, CallState::Owed, CallState::Owed]
    );
    assert_eq!(receiver.connections(), 1);
}
