//! Connections that keep their view of the database between two reads.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::pool::Readers;
use super::{commit, folder, open, payment, unit};
use crate::port::{Store, Write};

#[tokio::test]
async fn a_kept_view_ends_with_the_next_commit() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..100 {
        let name = format!("{number}");
        // The second read keeps the view, the third reads from it.
        for _ in 0..3 {
            let record = store.load(&unit(), &payment(&name)).await.unwrap();
            assert!(record.is_none(), "{name} before");
        }
        store.commit(commit(&name)).await.unwrap();
        for _ in 0..3 {
            let record = store.load(&unit(), &payment(&name)).await.unwrap();
            assert!(record.is_some(), "{name} after");
        }
    }
}

#[tokio::test]
async fn a_view_that_nobody_reads_from_does_not_hold_up_the_log() {
    const MEGABYTES: u64 = 160;
    let folder = folder();
    let store = open(&folder);
    for version in 0..MEGABYTES {
        let mut big = commit("a");
        (big.reply, big.calls) = (None, Vec::new());
        let first = big.writes.remove(0);
        big.writes = vec![Write {
            expected: (version > 0).then_some(version),
            body: format!("{version:100}").repeat(10_000),
            ..first
        }];
        store.commit(big).await.unwrap();
        for _ in 0..2 {
            store.load(&unit(), &payment("b")).await.unwrap();
        }
    }
    let log = folder.path().join("data.db-wal");
    let length = std::fs::metadata(log).unwrap().len();
    assert!(length < 80_000_000, "{length}");
}

#[test]
fn a_read_that_takes_long_holds_the_writer_up_for_no_longer_than_its_patience() {
    let folder = folder();
    drop(open(&folder));
    let readers = &Readers::new(folder.path().join("data.db"));
    let (tell_begun, begun) = mpsc::channel();
    let (tell_done, done) = mpsc::channel::<()>();
    std::thread::scope(|threads| {
        let reader = threads.spawn(move || {
            let long = readers.read(|_| {
                tell_begun.send(()).unwrap();
                Ok(done.recv_timeout(Duration::from_secs(20)).is_ok())
            });
            long.unwrap()
        });
        begun.recv().unwrap();
        readers.without_views(Duration::from_millis(1), || tell_done.send(()).ok());
        assert!(reader.join().unwrap(), "it waited for the end of the read");
    });
}

/// With the `sqlite3` shell, say, while the platform runs.
#[tokio::test]
async fn what_somebody_else_writes_is_seen_soon() {
    let folder = folder();
    let store = open(&folder);
    store.commit(commit("a")).await.unwrap();
    for _ in 0..3 {
        store.load(&unit(), &payment("a")).await.unwrap().unwrap();
    }
    let person = Connection::open(folder.path().join("data.db")).unwrap();
    person.execute("DELETE FROM records", []).unwrap();
    let began = Instant::now();
    while let Some(record) = store.load(&unit(), &payment("a")).await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(10), "{record:?}");
    }
}
