//! Power cuts, failing and full disks.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::super::apply::Work;
use super::super::error::Severity;
use super::{commit, folder, is_there, open, payment, unit};
use crate::port::{CommitError, Store, Write};

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
    store.put_directory(Vec::new(), 0).await.unwrap_err();
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
    let limited = store.writer.ask(Work::LimitPages(1)).await;
    assert!(limited.unwrap().is_done());
    let mut big = commit("big");
    big.writes[0].body = "x".repeat(1_000_000);
    assert!(matches!(
        store.commit(big.clone()).await,
        Err(CommitError::Store(_))
    ));
    assert!(!is_there(&store, "big").await);
    let limited = store.writer.ask(Work::LimitPages(1_000_000)).await;
    assert!(limited.unwrap().is_done());
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

/// Nobody could see the difference without pulling the plug.
#[test]
fn the_writer_waits_for_the_disk() {
    let folder = folder();
    let connection = super::super::open::connect(&folder.path().join("data.db")).unwrap();
    let synchronous: i64 = connection
        .pragma_query_value(None, "synchronous", |row| row.get(0))
        .unwrap();
    let journal: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!((synchronous, journal.as_str()), (2, "wal"));
}

/// The log is copied into the file and begun anew, also while somebody reads all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_does_not_grow_for_ever() {
    const MEGABYTES: u64 = 150;
    let folder = folder();
    let store = Arc::new(open(&folder));
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::SeqCst) {
                store.load(&unit(), &payment("b")).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    for version in 0..MEGABYTES {
        let expected = (version > 0).then_some(version);
        let mut big = commit("a");
        (big.reply, big.calls) = (None, Vec::new());
        let first = big.writes.remove(0);
        big.writes = vec![Write {
            expected,
            // SQLite does not write a page again that stays the same.
            body: format!("{version:100}").repeat(10_000),
            ..first
        }];
        store.commit(big).await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    reader.await.unwrap();
    let log = std::fs::metadata(folder.path().join("data.db-wal"))
        .unwrap()
        .len();
    assert!(log < 110_000_000, "{log}");
    let events = store.history(&unit(), &payment("a")).await.unwrap();
    assert_eq!(events.len() as u64, 2 * MEGABYTES);
}
