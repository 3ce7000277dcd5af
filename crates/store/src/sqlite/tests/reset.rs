//! A reset takes the same time whatever there is, and what it put aside goes later.

use rusqlite::Connection;
use tempfile::TempDir;

use super::{commit, folder, open, payment, unit};
use crate::port::{Kind, Store};

/// How many tables are aside, and how many rows they hold.
fn aside(folder: &TempDir) -> (usize, u64) {
    let connection = Connection::open(folder.path().join("data.db")).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'aside_*'";
    let mut statement = connection.prepare(sql).unwrap();
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let rows = names.iter().map(|name| {
        let sql = format!("SELECT count(*) FROM {name}");
        // It may be gone by now.
        connection
            .query_row(&sql, [], |row| row.get(0))
            .unwrap_or(0_u64)
    });
    (names.len(), rows.sum())
}

async fn wait_until_swept(folder: &TempDir) {
    while aside(folder).0 > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_reset_forgets_goes_while_others_work() {
    let folder = folder();
    let store = open(&folder);
    for round in 0..3 {
        for number in 0..700 {
            store.commit(commit(&format!("{number}"))).await.unwrap();
        }
        store.clear(&[]).await.unwrap();
        assert_eq!(store.load(&unit(), &payment("1")).await.unwrap(), None);
        // The same names at once, beside what is aside, and by the same indexes.
        store.commit(commit("1")).await.unwrap();
        let due = store
            .due(&unit(), Kind::Payment, super::at(9), None, 10)
            .await
            .unwrap();
        assert_eq!(due.len(), 1, "round {round}");
        assert_eq!(store.calls(&unit(), Some("1"), 9).await.unwrap().len(), 1);
        assert_eq!(
            store
                .newest(&unit(), crate::port::Kind::Payment, None, 9)
                .await
                .unwrap()
                .len(),
            1
        );
        store.clear(&[]).await.unwrap();
    }
    wait_until_swept(&folder).await;
    let connection = Connection::open(folder.path().join("data.db")).unwrap();
    let sound: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    store.close().await;
}

#[tokio::test]
async fn what_is_aside_when_a_process_ends_the_next_one_deletes() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..3_000 {
        store.commit(commit(&format!("{number}"))).await.unwrap();
    }
    store.clear(&[]).await.unwrap();
    // Closing does not wait for it.
    store.close().await;
    drop(store);
    assert!(aside(&folder).1 > 0, "the next one has something to delete");
    let store = open(&folder);
    store.commit(commit("1")).await.unwrap();
    wait_until_swept(&folder).await;
    assert!(store.load(&unit(), &payment("1")).await.unwrap().is_some());
    store.close().await;
}
