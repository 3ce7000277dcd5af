//! What only a store on a disk must do, and the suite for every store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rusqlite::Connection;
use sandkasse_domain::{Environment, Msn, Timestamp};
use tempfile::TempDir;

use super::apply::Work;
use super::error::Severity;
use super::{OpenError, SqliteStore, schema};
use crate::port::{
    CallState, Commit, CommitError, Kind, OutgoingCall, Partition, Purpose, Record, SavedReply,
    Store, StoredEvent, StreamId, Write,
};

crate::store_contract! {{
    let folder = folder();
    let store: crate::contract::Subject = Arc::new(open(&folder));
    (store, folder)
}}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(&folder.path().join("data.db")).unwrap()
}

fn unit() -> Partition {
    Partition {
        environment: Environment::Production,
        msn: Msn::try_new("123456").unwrap(),
    }
}

fn payment(name: &str) -> StreamId {
    StreamId {
        kind: Kind::Payment,
        name: name.to_owned(),
    }
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap()
}

/// A commit of all parts, about the record `name`.
fn commit(name: &str) -> Commit {
    let text = name.to_owned();
    Commit {
        partition: unit(),
        writes: vec![Write {
            stream: payment(name),
            expected: None,
            body: text.repeat(50),
            deadline: Some(at(5)),
            events: vec![
                StoredEvent {
                    at: at(1),
                    body: text.clone(),
                },
                StoredEvent {
                    at: at(2),
                    body: text.clone(),
                },
            ],
        }],
        reply: Some(SavedReply {
            scope: text.clone(),
            key: text.clone(),
            fingerprint: text.clone(),
            status: 200,
            body: text.clone(),
        }),
        calls: vec![OutgoingCall {
            id: text.clone(),
            purpose: Purpose::PaymentCallback,
            about: text.clone(),
            method: "POST".to_owned(),
            url: "https://example.com".to_owned(),
            authorization: None,
            body: None,
            timeout_ms: 1,
            owed_at: at(1),
        }],
    }
}

/// Whether the commit of `name` is there: all parts or none.
async fn is_there(store: &SqliteStore, name: &str) -> bool {
    let record = store.load(&unit(), &payment(name)).await.unwrap();
    let events = store.history(&unit(), &payment(name)).await.unwrap();
    let reply = store.reply(&unit(), name, name).await.unwrap();
    let calls = store.calls(&unit(), Some(name), 10).await.unwrap();
    let there = record.is_some();
    assert_eq!(
        (events.len(), reply.is_some(), calls.len()),
        if there { (2, true, 1) } else { (0, false, 0) },
        "{name}"
    );
    there
}

#[tokio::test]
async fn reopening_finds_everything() {
    let folder = folder();
    let store = open(&folder);
    store.commit(commit("a")).await.unwrap();
    store.commit(commit("b")).await.unwrap();
    assert!(store.begin_call("b", at(3)).await.unwrap());
    store.close().await;
    drop(store);

    // Closing has copied the log into the file.
    assert!(!folder.path().join("data.db-wal").exists());
    let store = open(&folder);
    assert!(is_there(&store, "a").await);
    assert!(is_there(&store, "b").await);
    let record = store.load(&unit(), &payment("a")).await.unwrap();
    assert_eq!(
        record,
        Some(Record {
            version: 1,
            body: "a".repeat(50),
            deadline: Some(at(5))
        })
    );
    let owed = store.recover_calls().await.unwrap();
    assert_eq!(owed, [(unit(), commit("a").calls.remove(0))]);
    let calls = store.calls(&unit(), Some("b"), 1).await.unwrap();
    assert_eq!(calls[0].state, CallState::Interrupted { at: at(3) });
}

#[tokio::test]
async fn dropping_waits_for_the_writer() {
    let folder = folder();
    let store = open(&folder);
    store.commit(commit("a")).await.unwrap();
    drop(store);
    assert!(is_there(&open(&folder), "a").await);
}

#[tokio::test]
async fn after_close_everything_fails_and_nothing_hangs() {
    let folder = folder();
    let store = open(&folder);
    store.close().await;
    store.close().await;
    assert!(matches!(
        store.commit(commit("a")).await,
        Err(CommitError::Store(_))
    ));
    store.load(&unit(), &payment("a")).await.unwrap_err();
    // The file is free although the value lives.
    assert!(!is_there(&open(&folder), "a").await);
}

#[tokio::test]
async fn a_file_is_opened_once() {
    let folder = folder();
    let store = open(&folder);
    let Err(error) = SqliteStore::open(&folder.path().join("data.db")) else {
        panic!("it is in use")
    };
    let text = error.to_string();
    assert!(
        matches!(error, OpenError::InUse { process, .. } if process == Some(std::process::id())),
        "{text}"
    );
    assert!(
        text.contains("in use by another sandkasse (process"),
        "{text}"
    );
    store.commit(commit("a")).await.unwrap();
    store.close().await;
    assert!(is_there(&open(&folder), "a").await);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = folder();
    let path = folder.path().join("data.db");
    open(&folder).close().await;
    for version in [schema::KNOWN + 1, -1] {
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", version)
            .unwrap();
        let Err(error) = SqliteStore::open(&path) else {
            panic!("the schema is newer")
        };
        let text = error.to_string();
        assert!(
            matches!(error, OpenError::Newer { found, .. } if found == version),
            "{text}"
        );
        assert!(text.contains("newer sandkasse"), "{text}");
    }
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("data.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE other (x)").unwrap();
    drop(other);
    assert!(matches!(
        SqliteStore::open(&path),
        Err(OpenError::Foreign { .. })
    ));
    let tables: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);

    let text = folder.path().join("text");
    std::fs::write(&text, "no database ".repeat(1_000)).unwrap();
    assert!(matches!(
        SqliteStore::open(&text),
        Err(OpenError::Failed { .. })
    ));
    let nowhere = folder.path().join("missing/data.db");
    assert!(matches!(
        SqliteStore::open(&nowhere),
        Err(OpenError::Failed { .. })
    ));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    let store = open(&folder);
    for name in ["data.db", "data.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(store);
}

/// What a power cut leaves is the file and a beginning of its log, because the log only grows until
/// it is copied into the file, which happens much later than this test runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_taken_under_load_has_every_acknowledged_commit() {
    const CLIENTS: usize = 16;
    const COPIES: usize = 5;
    let folder = folder();
    let store = Arc::new(open(&folder));
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged: Arc<Vec<AtomicUsize>> =
        Arc::new((0..CLIENTS).map(|_| AtomicUsize::new(0)).collect());
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (store, stop, acknowledged) = (
            Arc::clone(&store),
            Arc::clone(&stop),
            Arc::clone(&acknowledged),
        );
        clients.spawn(async move {
            for number in 1..=40 {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                store
                    .commit(commit(&format!("{client}-{number}")))
                    .await
                    .unwrap();
                acknowledged[client].store(number, Ordering::SeqCst);
            }
        });
    }
    for copy in 0..COPIES {
        while acknowledged[0].load(Ordering::SeqCst) < 6 * (copy + 1) {
            tokio::task::yield_now().await;
        }
        let before: Vec<usize> = acknowledged
            .iter()
            .map(|number| number.load(Ordering::SeqCst))
            .collect();
        let image = tempfile::tempdir().unwrap();
        copy_image(folder.path(), image.path(), None);
        let crashed = open(&image);
        for (client, last) in before.into_iter().enumerate() {
            for number in 1..=last {
                assert!(
                    is_there(&crashed, &format!("{client}-{number}")).await,
                    "{client}-{number} of {last}"
                );
            }
        }
    }
    stop.store(true, Ordering::SeqCst);
    clients.join_all().await;
}

/// Whatever length of the log has reached the disk, commits are there in order and as a whole.
#[tokio::test]
async fn a_log_cut_anywhere_holds_a_beginning_of_the_commits() {
    const COMMITS: usize = 20;
    let folder = folder();
    let store = open(&folder);
    let wal = folder.path().join("data.db-wal");
    let mut lengths = Vec::new();
    for number in 0..COMMITS {
        store.commit(commit(&format!("{number}"))).await.unwrap();
        lengths.push(std::fs::metadata(&wal).unwrap().len());
    }
    let whole = *lengths.last().unwrap();
    for cut in (0..=whole)
        .step_by(usize::try_from(whole / 60).unwrap())
        .chain(lengths.iter().copied())
    {
        let image = tempfile::tempdir().unwrap();
        copy_image(folder.path(), image.path(), Some(cut));
        let crashed = open(&image);
        let complete = lengths.iter().filter(|length| **length <= cut).count();
        for number in 0..COMMITS {
            assert_eq!(
                is_there(&crashed, &format!("{number}")).await,
                number < complete,
                "{number} at {cut}"
            );
        }
    }
}

fn copy_image(from: &Path, to: &Path, log_length: Option<u64>) {
    for name in ["data.db", "data.db-wal"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    if let Some(length) = log_length {
        let log = std::fs::OpenOptions::new()
            .write(true)
            .open(to.join("data.db-wal"))
            .unwrap();
        log.set_len(length).unwrap();
    }
}

#[tokio::test]
async fn after_a_failed_fsync_nothing_more_is_written() {
    let folder = folder();
    let store = open(&folder);
    store.commit(commit("before")).await.unwrap();
    let (armed, failed) = tokio::join!(
        store.writer.ask(Work::FailNextFsync),
        store.commit(commit("lost"))
    );
    armed.unwrap_err();
    failed.unwrap_err();
    for name in ["after", "later"] {
        let Err(CommitError::Store(error)) = store.commit(commit(name)).await else {
            panic!("the store is broken")
        };
        assert!(error.0.contains("Check the disk"), "{error}");
    }
    store.put_directory(Vec::new()).await.unwrap_err();
    assert!(store.broken().await.0.contains("1034"));
    // Reading what was committed before still works.
    assert!(is_there(&store, "before").await);
    assert!(!is_there(&store, "lost").await);
    store.close().await;

    let store = open(&folder);
    assert!(is_there(&store, "before").await);
    store.commit(commit("lost")).await.unwrap();
}

#[tokio::test]
async fn after_a_full_disk_writing_goes_on() {
    let folder = folder();
    let store = open(&folder);
    store.commit(commit("before")).await.unwrap();
    assert!(store.writer.ask(Work::LimitPages(1)).await.unwrap());
    let mut big = commit("big");
    big.writes[0].body = "x".repeat(1_000_000);
    assert!(matches!(
        store.commit(big.clone()).await,
        Err(CommitError::Store(_))
    ));
    assert!(!is_there(&store, "big").await);
    assert!(store.writer.ask(Work::LimitPages(1_000_000)).await.unwrap());
    store.commit(big).await.unwrap();
    assert!(is_there(&store, "before").await);
    assert!(is_there(&store, "big").await);
}

#[test]
fn errors_of_the_disk_are_fatal() {
    use rusqlite::ffi;

    for (code, severity) in [
        (ffi::SQLITE_IOERR_FSYNC, Severity::Fatal),
        (ffi::SQLITE_IOERR_WRITE, Severity::Fatal),
        (ffi::SQLITE_IOERR_READ, Severity::Fatal),
        (ffi::SQLITE_CORRUPT, Severity::Fatal),
        (ffi::SQLITE_NOTADB, Severity::Fatal),
        (ffi::SQLITE_FULL, Severity::Transaction),
        (ffi::SQLITE_BUSY, Severity::Transaction),
        (ffi::SQLITE_NOMEM, Severity::Transaction),
        (ffi::SQLITE_CANTOPEN, Severity::Transaction),
        (ffi::SQLITE_CONSTRAINT_UNIQUE, Severity::Own),
        (ffi::SQLITE_TOOBIG, Severity::Own),
    ] {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        assert_eq!(Severity::of(&error), severity, "{code}");
    }
}
