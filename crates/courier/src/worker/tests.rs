//! The life of a call: begun once, noted, and never repeated. The helpers serve `limit_tests` too.

use std::sync::Arc;
use std::time::Duration;

use sandkasse_domain::sales_unit::UrlPolicy::Local;
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_store::{
    CallFailure, CallOutcome, CallState, Commit, MemoryStore, OutgoingCall, Partition, SqliteStore,
    Store,
};

use super::{CourierHandle, Limits};
use crate::resolver::TableResolver;
use crate::send::{Courier, CourierConfig};
use crate::testing::{Manner, OK, Receiver, callback};

const NOW: &str = "2023-06-15T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub(super) fn unit() -> Partition {
    Partition {
        environment: Environment::Test,
        msn: Msn::try_new("123456").unwrap(),
    }
}

pub(super) fn worker(store: &Arc<MemoryStore>, limits: Limits) -> CourierHandle {
    worker_on(Arc::clone(store) as Arc<dyn Store>, limits)
}

fn worker_on(store: Arc<dyn Store>, limits: Limits) -> CourierHandle {
    let names = [
        "a.test",
        "b.test",
        "c.test",
        "d.test",
        "slow.test",
        "fast.test",
    ];
    worker_that_knows(store, limits, &names)
}

/// A worker for which these names are this machine.
pub(super) fn worker_that_knows(
    store: Arc<dyn Store>,
    limits: Limits,
    names: &[impl AsRef<str>],
) -> CourierHandle {
    let table = names.iter().fold(TableResolver::new(), |table, name| {
        table.with(name.as_ref(), ["127.0.0.1"])
    });
    let courier = Courier::new(CourierConfig::default(), Arc::new(table));
    CourierHandle::new(courier, store, Arc::new(now), limits)
}

/// Commits calls as owed and answers them.
pub(super) async fn owed(store: &dyn Store, calls: Vec<OutgoingCall>) -> Vec<OutgoingCall> {
    let commit = Commit {
        partition: unit(),
        writes: vec![],
        reply: None,
        calls: calls.clone(),
    };
    store.commit(commit).await.unwrap();
    calls
}

pub(super) fn to(
    receiver: &Receiver,
    host: &str,
    ids: impl IntoIterator<Item = usize>,
) -> Vec<OutgoingCall> {
    let url = format!("http://{host}:{}/", receiver.address.port());
    ids.into_iter()
        .map(|id| callback(&format!("call-{id}"), &url))
        .collect()
}

pub(super) async fn states(store: &dyn Store) -> Vec<CallState> {
    let mut records = store.calls(&unit(), None, 1000).await.unwrap();
    records.reverse();
    records.into_iter().map(|record| record.state).collect()
}

fn outcome(state: &CallState) -> &CallOutcome {
    let CallState::Done { outcome, .. } = state else {
        panic!("not done: {state:?}")
    };
    outcome
}

pub(super) fn failure(state: &CallState) -> Option<&CallFailure> {
    outcome(state).failure.as_ref()
}

/// Lets every task that can run do so.
pub(super) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_posted_call_is_sent_and_noted() {
    let (store, receiver) = (Arc::new(MemoryStore::new()), Receiver::answering(OK).await);
    let worker = worker(&store, Limits::default());
    for call in owed(&*store, to(&receiver, "a.test", 0..1)).await {
        worker.post(unit(), Local, call);
    }
    worker.idle().await;
    match &states(&*store).await[..] {
        [CallState::Done { at, outcome }] => {
            assert_eq!(
                (*at, outcome.status, outcome.failure.as_ref()),
                (now(), Some(200), None)
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(worker.worker.seats.entries(), (0, 0));
}

/// ECOM-85, R-12: whatever the receiver does, one attempt, though two workers are told twice each.
#[tokio::test]
async fn two_workers_never_send_a_call_twice() {
    let store = Arc::new(MemoryStore::new());
    let receivers = [
        Receiver::answering(OK).await,
        Receiver::answering("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n").await,
        Receiver::answering(
            "HTTP/1.1 302 Found\r\nLocation: http://a.test/\r\nContent-Length: 0\r\n\r\n",
        )
        .await,
        Receiver::answering("garbage\r\n\r\n").await,
        Receiver::answering("").await,
    ];
    let mut calls = Vec::new();
    for (number, receiver) in receivers.iter().enumerate() {
        calls.extend(to(receiver, "a.test", number * 20..(number + 1) * 20));
    }
    let calls = owed(&*store, calls).await;
    let workers = [
        worker(&store, Limits::default()),
        worker(&store, Limits::default()),
    ];
    for worker in workers.iter().cycle().take(4) {
        for call in &calls {
            worker.post(unit(), Local, call.clone());
        }
    }
    for worker in &workers {
        worker.idle().await;
    }
    for receiver in &receivers {
        assert_eq!(
            (receiver.connections(), receiver.requests().len()),
            (20, 20)
        );
    }
    let states = states(&*store).await;
    assert_eq!(
        states
            .iter()
            .filter(|state| failure(state).is_none())
            .count(),
        20
    );
    assert_eq!(states.len(), 100);
}

#[tokio::test]
async fn after_a_crash_the_owed_are_sent_and_the_begun_are_not() {
    let (store, receiver) = (Arc::new(MemoryStore::new()), Receiver::answering(OK).await);
    owed(&*store, to(&receiver, "a.test", 0..3)).await;
    assert!(store.begin_call("call-1", now()).await.unwrap());
    // More than the backlog: they are in memory anyway.
    let worker = worker(
        &store,
        Limits {
            backlog: 1,
            ..Limits::default()
        },
    );
    let count = worker.recover(|partition| {
        assert_eq!(*partition, unit());
        Local
    });
    assert_eq!(count.await.unwrap(), 2);
    worker.idle().await;
    let states = states(&*store).await;
    assert_eq!((failure(&states[0]), failure(&states[2])), (None, None));
    assert_eq!(states[1], CallState::Interrupted { at: now() });
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn shipping_details_are_waited_for_and_noted() {
    let (store, receiver) = (Arc::new(MemoryStore::new()), Receiver::answering(OK).await);
    let worker = worker(
        &store,
        Limits {
            in_flight: 0,
            per_host: 0,
            backlog: 0,
        },
    );
    let call = callback("ship-1", &receiver.url("/"));
    let answered = worker
        .shipping_details(&unit(), Local, call.clone())
        .await
        .unwrap();
    assert_eq!(
        (answered.failure.as_ref(), answered.answer.as_deref()),
        (None, Some("ok"))
    );
    assert_eq!(outcome(&states(&*store).await[0]), &answered);
    // The same call again cannot be noted, so it is not made.
    assert!(worker.shipping_details(&unit(), Local, call).await.is_err());
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn shipping_details_are_noted_though_the_caller_went_away() {
    let (store, receiver) = (
        Arc::new(MemoryStore::new()),
        Receiver::start(Manner::Gate).await,
    );
    let worker = worker(&store, Limits::default());
    let call = callback("ship-1", &receiver.url("/"));
    let asked = tokio::spawn({
        let worker = worker.clone();
        async move { worker.shipping_details(&unit(), Local, call).await }
    });
    receiver.connected(1).await;
    asked.abort();
    receiver.release();
    worker.idle().await;
    assert_eq!(failure(&states(&*store).await[0]), None);
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_sent() {
    let receiver = Receiver::answering(OK).await;
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("store.db")).unwrap());
    let worker = worker_on(Arc::clone(&store) as Arc<dyn Store>, Limits::default());
    let calls = owed(&*store, to(&receiver, "a.test", 0..1)).await;
    store.close().await;
    worker.post(unit(), Local, calls[0].clone());
    assert!(
        worker
            .shipping_details(&unit(), Local, callback("ship-1", &receiver.url("/")))
            .await
            .is_err()
    );
    // The call waits for the store, and goes when the worker stops.
    assert_eq!(worker.stop(Duration::from_secs(30)).await, 0);
    assert_eq!(receiver.connections(), 0);
}
