//! Making the tables: by several at once, by a role that may not, and not at all.

use sandkasse_pgtest::{Database, OWNER};

use super::{APP, address, make_role};
use crate::port::Store as _;
use crate::postgres::{OpenError, PostgresStore};

fn without_tables() -> Database {
    let database = Database::lease();
    database.execute("DROP SCHEMA IF EXISTS sandkasse CASCADE");
    database
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_nodes_may_start_at_once() {
    let database = without_tables();
    let starting: tokio::task::JoinSet<_> = (0..6)
        .map(|_| PostgresStore::open(address(&database, OWNER)))
        .collect();
    let nodes = starting.join_all().await;
    let mut slots: Vec<u8> = Vec::new();
    for node in nodes {
        let node = node.expect("one makes the tables, the others find them");
        slots.push(node.nodes().expect("it is one of several").slot());
    }
    slots.sort_unstable();
    assert_eq!(slots, [0, 1, 2, 3, 4, 5]);
    let versions = database.execute("SELECT count(*), max(version) FROM sandkasse.schema_version");
    assert_eq!(versions.trim(), "1|1");
}

#[tokio::test]
async fn who_may_not_make_tables_is_told_who_may() {
    let database = without_tables();
    make_role(&database);
    let refused = PostgresStore::open(address(&database, APP)).await.err();
    let refused = refused.expect("it may not");
    assert!(matches!(refused, OpenError::MayNotMigrate(_)), "{refused}");
    let told = refused.to_string();
    assert!(told.contains("sandkasse migrate --database"), "{told}");
    let owner = address(&database, OWNER);
    PostgresStore::migrate(owner, Some(APP))
        .await
        .expect("the owner may");
    let store = PostgresStore::open(address(&database, APP)).await;
    store.expect("now it is prepared").close().await;
    let count =
        database.execute("SELECT count(*) FROM pg_class WHERE relowner = 'sandkasse_app'::regrole");
    assert_eq!(count.trim(), "0", "it owns nothing");
}

#[tokio::test]
async fn what_a_newer_program_prepared_is_left_alone() {
    let database = without_tables();
    PostgresStore::migrate(address(&database, OWNER), None)
        .await
        .expect("the owner may");
    database.execute("UPDATE sandkasse.schema_version SET version = 99");
    let refused = PostgresStore::open(address(&database, OWNER)).await.err();
    assert!(
        matches!(refused, Some(OpenError::Newer { found: 99, .. })),
        "{refused:?}"
    );
    database.execute("DROP SCHEMA sandkasse CASCADE");
}

/// Not every text would come back as it was.
#[tokio::test]
async fn another_encoding_is_refused() {
    let database = Database::lease();
    let name = format!("{}_latin", database.name());
    database.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    database.execute(&format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    ));
    let url = database.url(OWNER).replace(database.name(), &name);
    let refused = PostgresStore::open(super::Address::parse(&url).expect("it is a URL")).await;
    let refused = refused.err();
    assert!(
        matches!(refused, Some(OpenError::Encoding(_))),
        "{refused:?}"
    );
    database.execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
}

/// The seventeenth finds no slot; when one leaves, it does.
#[tokio::test]
async fn sixteen_nodes_may_live() {
    let database = Database::lease();
    let mut nodes = Vec::new();
    for _ in 0..16 {
        nodes.push(super::open(&database).await);
    }
    let refused = PostgresStore::open(address(&database, OWNER)).await.err();
    assert!(matches!(refused, Some(OpenError::NoSlot)), "{refused:?}");
    nodes.pop().expect("there are sixteen").close().await;
    let late = super::open(&database).await;
    assert_eq!(late.nodes().expect("it is one of several").slot(), 15);
}
