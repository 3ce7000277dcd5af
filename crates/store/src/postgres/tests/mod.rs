//! The store against a real server.

use std::sync::Arc;

use sandkasse_pgtest::{Database, OWNER};

use super::{Address, PostgresStore};
use crate::contract::Subject;

/// The first node on an empty database.
async fn open(database: &Database) -> PostgresStore {
    open_as(database, OWNER).await
}

async fn open_as(database: &Database, role: &str) -> PostgresStore {
    let address = Address::parse(&database.url(role)).expect("it is a URL");
    PostgresStore::open(address)
        .await
        .expect("the database is there")
}

/// To a process that comes later, the calls of this one are those of a process that is gone.
async fn alone() -> (Subject, Database) {
    let database = Database::lease();
    let store = open(&database).await;
    store
        .shared
        .counts_as_gone
        .store(true, std::sync::atomic::Ordering::Release);
    (Arc::new(store), database)
}

mod contract {
    crate::store_contract! { super::alone().await }
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
