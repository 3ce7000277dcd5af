//! Files of earlier versions (RELIABILITY R-16): they open and work, and a migration that dies
//! anywhere begins again.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::hooks::{AuthContext, Authorization};

use super::super::open::connect;
use super::{SqliteStore, commit, folder, is_there, schema, unit};
use crate::port::{DirectoryEntry, Kind, Store};

/// What each version before the present one left, the first one first. Who adds a version dumps a
/// file of the one before: `sqlite3 FILE .dump`, and `PRAGMA user_version`.
const LEFT: &[&str] = &[
    include_str!("upgrade/v1.sql"),
    include_str!("upgrade/v2.sql"),
    include_str!("upgrade/v3.sql"),
    include_str!("upgrade/v4.sql"),
];

/// One file in so many is not only migrated, but worked with.
const THOROUGH: usize = 20;

/// No migration asks SQLite for more.
const MOST: usize = 10_000;

fn write(path: &Path, left: &str) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; BEGIN; {left} COMMIT;"
        ))
        .unwrap();
}

fn version(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

fn body_of(entries: &[DirectoryEntry]) -> Vec<Option<&str>> {
    entries.iter().map(|entry| entry.body.as_deref()).collect()
}

/// All that was in the file is there, and all that a store does works.
async fn is_whole(path: &Path, with_audit: bool) {
    let store = SqliteStore::open(path).unwrap();
    assert!(is_there(&store, "a").await);
    let newest = store.newest(&unit(), Kind::Payment, None, 10).await;
    assert_eq!(newest.unwrap().len(), 1);
    let (entries, _) = store.directory(0).await.unwrap();
    assert_eq!(
        body_of(&entries),
        [Some("{}"), Some(r#"{"name":"Acme"}"#)],
        "the directory"
    );
    let audit = store.audit(None, 10).await.unwrap();
    assert_eq!(audit.len(), usize::from(with_audit));
    assert_eq!(store.recover_calls().await.unwrap().len(), 1);
    store.commit(commit("b")).await.unwrap();
    assert!(is_there(&store, "b").await);
    store.close().await;
    assert_eq!(version(path), schema::KNOWN);
}

/// The same at less cost.
fn migrates(path: &Path) {
    let mut connection = connect(path).unwrap();
    connection
        .execute_batch("PRAGMA synchronous = OFF")
        .unwrap();
    schema::prepare(&mut connection).unwrap();
    for (table, rows) in [
        ("records", 1),
        ("events", 2),
        ("replies", 1),
        ("calls", 1),
        ("directory", 2),
    ] {
        let count = format!("SELECT count(*) FROM {table}");
        let found: i64 = connection.query_row(&count, [], |row| row.get(0)).unwrap();
        assert_eq!(found, rows, "{table}");
    }
    drop(connection);
    assert_eq!(version(path), schema::KNOWN);
}

#[tokio::test]
async fn r_16_files_of_every_earlier_version_open_and_work() {
    assert_eq!(
        LEFT.len() + 1,
        usize::try_from(schema::KNOWN).unwrap(),
        "each version but the present one has a file here"
    );
    for (before, left) in LEFT.iter().enumerate() {
        let folder = folder();
        let path = folder.path().join("data.db");
        write(&path, left);
        assert_eq!(version(&path), i64::try_from(before).unwrap() + 1);
        is_whole(&path, before > 0).await;
        // And once more, as a file of the present version.
        let again = SqliteStore::open(&path).unwrap();
        assert!(is_there(&again, "b").await);
    }
}

/// A migration is cut off where it asks SQLite for something (some ten times in each statement), as a kill would, and its file, with
/// whatever log there is, is opened again.
#[tokio::test]
async fn r_16_a_migration_that_dies_anywhere_begins_again() {
    for (before, left) in LEFT.iter().enumerate() {
        let place = folder();
        let original = place.path().join("original.db");
        write(&original, left);
        let mut cuts = 0;
        for cut in (0..MOST).filter(|cut| *cut < 20 || cut % 3 == 0) {
            let folder = folder();
            let path = folder.path().join("data.db");
            std::fs::copy(&original, &path).unwrap();
            let mut connection = connect(&path).unwrap();
            connection
                .execute_batch("PRAGMA synchronous = OFF")
                .unwrap();
            let mut asked = 0;
            connection.authorizer(Some(move |_: AuthContext<'_>| {
                asked += 1;
                match asked > cut {
                    true => Authorization::Deny,
                    false => Authorization::Allow,
                }
            }));
            if schema::prepare(&mut connection).is_ok() {
                break;
            }
            cuts += 1;
            let image = folder.path().join("image.db");
            for name in ["", "-wal"] {
                let part = |base: &Path| format!("{}{name}", base.display());
                if Path::new(&part(&path)).exists() {
                    std::fs::copy(part(&path), part(&image)).unwrap();
                }
            }
            drop(connection);
            // What the dead process left, and what it left if it could still end in order.
            for file in [&image, &path] {
                assert_eq!(
                    version(file),
                    i64::try_from(before).unwrap() + 1,
                    "cut {cut}"
                );
            }
            if cut % THOROUGH == 0 {
                is_whole(&image, before > 0).await;
            } else {
                migrates(&image);
            }
        }
        println!("version {}: {cuts} cuts", before + 1);
        assert!((20..MOST).contains(&cuts), "{cuts} cuts prove nothing");
    }
}
