//! Making the tables: by several at once, by a role that may not, and not at all.

use sandkasse_domain::{Environment, Msn};
use sandkasse_pgtest::{Database, OWNER};

use super::{APP, address, make_role};
use crate::port::{Kind, Partition, Store as _};
use crate::postgres::{OpenError, PostgresStore, schema};

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
    assert_eq!(versions.trim(), format!("1|{}", schema::KNOWN));
}

/// As a node of the first version left it: with one index over the deadlines of all kinds.
#[tokio::test]
async fn r_16_a_database_of_the_first_version_is_brought_up_to_date() {
    let database = without_tables();
    PostgresStore::migrate(address(&database, OWNER), None)
        .await
        .expect("the owner may");
    database.execute(
        "INSERT INTO sandkasse.records (msn, environment, kind, name, number, version, deadline, body, commit_id)
             VALUES ('123456', 0, 'payment', 'a', 1, 1, 5, '{}', gen_random_uuid())",
    );
    database.execute(super::UNDONE);
    let store = super::open(&database).await;
    let unit = Partition {
        environment: Environment::Test,
        msn: Msn::try_new("123456").expect("six digits"),
    };
    let due = store.next_deadline(&unit, Kind::Payment).await;
    assert_eq!(
        due.expect("reading works").map(|at| at.as_millisecond()),
        Some(5)
    );
    let indexes = database.execute(
        "SELECT string_agg(indexname, ' ') FROM pg_indexes
         WHERE schemaname = 'sandkasse' AND tablename = 'records' AND indexname LIKE '%_by_d%'",
    );
    assert_eq!(indexes.trim(), "records_by_due");
    let version = database.execute("SELECT version FROM sandkasse.schema_version");
    assert_eq!(version.trim(), schema::KNOWN.to_string());
    store.close().await;
}

/// Nothing is known of tables that were never analysed, and any index could be as good as another.
#[tokio::test]
async fn a_record_is_found_by_its_name_also_in_a_young_database() {
    let database = without_tables();
    PostgresStore::migrate(address(&database, OWNER), None)
        .await
        .expect("the owner may");
    for (first, last) in [(1, 300), (301, 25_000)] {
        database.execute(&format!(
            "INSERT INTO sandkasse.records (msn, environment, kind, name, number, version, body, commit_id)
             SELECT '123456', 0, 'payment', 'a-' || n, n, 1, '{{}}', gen_random_uuid()
             FROM generate_series({first}, {last}) n"
        ));
        let plan = database.execute(
            "EXPLAIN SELECT version FROM sandkasse.records
             WHERE environment = 0 AND msn = '123456' AND kind = 'payment' AND name = 'a-7'",
        );
        assert!(plan.contains("_pkey"), "{last}: {plan}");
        let plan = database.execute(
            "EXPLAIN SELECT name FROM sandkasse.records
             WHERE environment = 0 AND msn = '123456' AND msn || '' = '123456' AND kind = 'payment' AND number < 9000
             ORDER BY number DESC LIMIT 20",
        );
        assert!(plan.contains("Index Scan Backward"), "{last}: {plan}");
    }
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
