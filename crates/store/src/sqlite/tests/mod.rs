//! What only a store on a disk must do, and the suite for every store.

mod crash;
mod reset;
mod upgrade;
mod views;

use std::sync::Arc;

use rusqlite::Connection;
use sandkasse_domain::{Environment, Msn, Timestamp};
use tempfile::TempDir;

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

/// A file as the first version left it.
#[tokio::test]
async fn an_older_file_is_brought_up_to_date() {
    let folder = folder();
    let path = folder.path().join("data.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(schema::STEPS[0]).unwrap();
    let lived_in = "
        INSERT INTO records VALUES (1, 1, '123456', 'payment', 'a', 1, NULL, '{}');
        INSERT INTO directory VALUES (0, 'person', '1', 'kari');
        PRAGMA user_version = 1;";
    connection.execute_batch(lived_in).unwrap();
    drop(connection);
    let store = open(&folder);
    let newest = store.newest(&unit(), Kind::Payment, None, 10).await;
    assert_eq!(newest.unwrap().len(), 1);
    let (entries, generation) = store.directory(0).await.unwrap();
    assert_eq!((entries.len(), generation), (1, 1));
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
