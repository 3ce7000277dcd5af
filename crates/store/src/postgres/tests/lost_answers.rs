//! Answers to commits that are lost on their way.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sandkasse_domain::{Environment, Msn};
use sandkasse_pgtest::{Database, OWNER};
use tokio::task::JoinSet;

use super::proxy::{self, Faults};
use crate::port::{
    Commit, CommitError, Kind, Partition, SavedReply, Store, StoredEvent, StreamId, Write,
};
use crate::postgres::{Address, PostgresStore};

const WRITERS: usize = 16;
const COMMITS: u64 = 40;
const SEED: u64 = 20_230_613;

fn partition(writer: usize) -> Partition {
    Partition {
        environment: Environment::Test,
        msn: Msn::try_new(&format!("{}", 100_000 + writer)).expect("a good MSN"),
    }
}

fn stream() -> StreamId {
    StreamId {
        kind: Kind::Payment,
        name: "a".to_owned(),
    }
}

/// The `version`th change of a writer's record.
fn change(writer: usize, version: u64) -> Commit {
    let event = StoredEvent {
        at: "2023-06-13T12:00:00Z".parse().expect("a moment"),
        body: format!("{version}"),
    };
    Commit {
        partition: partition(writer),
        writes: vec![Write {
            stream: stream(),
            expected: (version > 1).then(|| version - 1),
            body: format!("{version}"),
            deadline: None,
            events: vec![event],
        }],
        // Every third has one, as a capture has.
        reply: version.is_multiple_of(3).then(|| SavedReply {
            scope: "capture/a".to_owned(),
            key: format!("{version}"),
            fingerprint: String::new(),
            status: 200,
            body: String::new(),
        }),
        calls: Vec::new(),
    }
}

#[derive(Debug, Default)]
struct Told {
    made: u64,
    /// Told to be refused or unknown, although nobody else writes.
    wrongly: u64,
}

/// Each writer changes its record again and again. Answers what the callers were told.
async fn run(resolves: bool) -> Told {
    let database = Database::lease();
    let faults = Faults::seeded(SEED);
    let at = proxy::start(database.folder().to_owned(), Arc::clone(&faults)).await;
    let url = format!(
        "postgres://{OWNER}@{at}/{}?sslmode=disable",
        database.name()
    );
    let store = PostgresStore::open(Address::parse(&url).expect("it is a URL")).await;
    let store = Arc::new(store.expect("the database is there"));
    let switch = &store.shared.switches.resolves_nothing;
    switch.store(!resolves, Ordering::Release);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let mut told = Told::default();
            for version in 1..=COMMITS {
                match store.commit(change(writer, version)).await {
                    Ok(()) => told.made += 1,
                    Err(CommitError::Conflict | CommitError::Store(_)) => told.wrongly += 1,
                }
            }
            told
        });
    }
    let mut told = Told::default();
    for each in writers.join_all().await {
        told.made += each.made;
        told.wrongly += each.wrongly;
    }
    // Whatever was told: each change is there once, in order.
    for writer in 0..WRITERS {
        let history = store.history(&partition(writer), &stream()).await;
        let history: Vec<String> = history
            .expect("reading works")
            .into_iter()
            .map(|event| event.body)
            .collect();
        let all: Vec<String> = (1..=COMMITS).map(|version| version.to_string()).collect();
        assert_eq!(history, all, "writer {writer}");
        let record = store.load(&partition(writer), &stream()).await;
        let record = record.expect("reading works").expect("it was written");
        assert_eq!(record.version, COMMITS);
    }
    let struck = [&faults.before, &faults.after, &faults.warnings];
    let [before, after, warnings] = struck.map(|count| count.load(Ordering::Relaxed));
    eprintln!("seed {SEED}: {before} lost before, {after} after, {warnings} warnings: {told:?}");
    assert!(
        before > 3 && after > 3 && warnings > 3,
        "faults were injected"
    );
    store.close().await;
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_14_a_lost_answer_is_found_out() {
    let told = run(true).await;
    assert_eq!((told.made, told.wrongly), (WRITERS as u64 * COMMITS, 0));
}

/// The control: who does not look is wrong about commits that are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_14_without_finding_out_callers_are_told_wrongly() {
    let told = run(false).await;
    assert!(told.wrongly > 0, "{told:?}");
}
