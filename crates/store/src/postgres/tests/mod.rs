//! The store against a real server.

mod cut_migrations;
mod lost_answers;
mod newer;
mod preparing;
mod proxy;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sandkasse_pgtest::{Database, OWNER};

use super::{Address, PostgresStore};
use crate::contract::Subject;
use crate::port::Store;

/// What tests switch off.
#[derive(Default)]
pub(super) struct Switches {
    pub(super) counts_as_gone: AtomicBool,
    pub(super) resolves_nothing: AtomicBool,
}

impl Switches {
    pub(super) fn is_on(switch: &AtomicBool) -> bool {
        switch.load(Ordering::Acquire)
    }
}

/// The role of a node that owns nothing.
const APP: &str = "sandkasse_app";

fn address(database: &Database, role: &str) -> Address {
    Address::parse(&database.url(role)).expect("it is a URL")
}

/// A node.
async fn open(database: &Database) -> PostgresStore {
    let store = PostgresStore::open(address(database, OWNER)).await;
    store.expect("the database is there")
}

/// To recovery, the calls of this process are those of a process that is gone.
fn alone(store: PostgresStore) -> Subject {
    let switch = &store.shared.switches.counts_as_gone;
    switch.store(true, Ordering::Release);
    Arc::new(store)
}

mod contract {
    use super::*;

    async fn fresh() -> (Subject, Database) {
        let database = Database::lease();
        (alone(open(&database).await), database)
    }

    crate::store_contract! { fresh().await }
}

/// Everything works for a role that may read and write, and no more.
mod contract_with_few_rights {
    use super::*;

    async fn fresh() -> (Subject, Database) {
        let database = Database::lease();
        make_role(&database);
        let migrated = PostgresStore::migrate(address(&database, OWNER), Some(APP)).await;
        migrated.expect("the owner may");
        let store = PostgresStore::open(address(&database, APP)).await;
        (alone(store.expect("it is prepared")), database)
    }

    crate::store_contract! { fresh().await }
}

mod several {
    use super::*;

    async fn three() -> (Vec<Subject>, Database) {
        let database = Database::lease();
        let mut nodes: Vec<Subject> = Vec::new();
        for _ in 0..3 {
            nodes.push(Arc::new(open(&database).await));
        }
        (nodes, database)
    }

    crate::nodes_contract! { three().await }
}

/// Roles are of the whole server, which tests share.
fn make_role(database: &Database) {
    database.execute(&format!(
        "DO $$ BEGIN CREATE ROLE {APP} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    ));
}

/// What a node tells of itself when its connections break.
/// What the steps after the first did, undone.
const UNDONE: &str = "
DROP INDEX sandkasse.records_by_due;
CREATE INDEX records_by_deadline ON sandkasse.records (msn, environment, deadline, kind, name)
    WHERE deadline IS NOT NULL;
DROP INDEX sandkasse.records_by_number;
CREATE UNIQUE INDEX records_by_number ON sandkasse.records (msn, environment, number);
DROP INDEX sandkasse.records_by_kind;
CREATE INDEX records_by_kind ON sandkasse.records (msn, environment, kind, number);
UPDATE sandkasse.schema_version SET version = 1;
";

#[tokio::test]
async fn lost_connections_are_counted_and_it_answers_again() {
    let database = Database::lease();
    let store = open(&database).await;
    store.answers().await.expect("it is there");
    let before = store.measured();
    let connections = before.connections.expect("it has some");
    assert!(connections.opened >= 1, "{connections:?}");
    assert_eq!((connections.lost, connections.busy), (0, 0));
    let name = database.name();
    database.execute(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    ));
    store.answers().await.expect("it connects again");
    let after = store.measured();
    let connections = after.connections.expect("it has some");
    assert!(connections.opened > before.connections.map_or(0, |it| it.opened));
    assert!(
        connections.lost > 0,
        "also those that broke while nobody used them"
    );
    assert_eq!(after.failures, 0, "nobody was told");
    store.close().await;
}
