//! An empty store of the sort that the tests are run for.

use std::{any::Any, fmt, sync::Arc};

use sandkasse_pgtest::{Database, OWNER};
use sandkasse_store::{
    MemoryStore, PostgresStore, SqliteStore, Store, memory::StoreClock, postgres::Address,
};

/// Which store: `memory`, `sqlite` or `postgres`. Nothing means `memory`.
pub(crate) const VARIABLE: &str = "SANDKASSE_TEST_STORE";

/// An empty store, and what it needs for as long as it is used: a folder, a database.
pub struct FreshStore {
    store: Arc<dyn Store>,
    keep: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for FreshStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshStore")
    }
}

impl FreshStore {
    /// Of the sort that the environment variable `SANDKASSE_TEST_STORE` names.
    #[expect(
        clippy::disallowed_methods,
        reason = "the same tests are run three times, and only the environment tells them apart"
    )]
    pub async fn new() -> FreshStore {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("" | "memory") => FreshStore {
                store: Arc::new(MemoryStore::default()),
                keep: Box::new(()),
            },
            Ok("sqlite") => {
                let folder = tempfile::tempdir().expect("a folder for temporary files");
                let store = SqliteStore::open(&folder.path().join("data.db"));
                FreshStore {
                    store: Arc::new(store.expect("the folder is new")),
                    keep: Box::new(folder),
                }
            }
            Ok("postgres") => {
                let database = Database::lease();
                let address = Address::parse(&database.url(OWNER)).expect("it is a URL");
                let store = PostgresStore::open(address).await;
                FreshStore {
                    store: Arc::new(store.expect("the database is there")),
                    keep: Box::new(database),
                }
            }
            Ok(other) => panic!("{VARIABLE}={other} is none of memory, sqlite and postgres"),
        }
    }

    /// Several nodes on one empty store, and that store: on PostgreSQL where the tests are run for it,
    /// else in memory, since SQLite is of one process. `clock` is the store's, if it has none of its own.
    pub async fn nodes(count: u64, clock: StoreClock) -> (Vec<Arc<dyn Store>>, FreshStore) {
        let fresh = FreshStore::new().await;
        let mut nodes: Vec<Arc<dyn Store>> = Vec::new();
        if let Some(database) = fresh.keep.downcast_ref::<Database>() {
            for _ in 0..count {
                let address = Address::parse(&database.url(OWNER)).expect("it is a URL");
                let store = PostgresStore::open(address).await;
                nodes.push(Arc::new(store.expect("the database is there")));
            }
            fresh.store.close().await;
        } else {
            let memory = MemoryStore::default();
            nodes
                .extend((0..count).map(|_| Arc::new(memory.join(clock.clone())) as Arc<dyn Store>));
        }
        (nodes, fresh)
    }

    /// The store.
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }
}
