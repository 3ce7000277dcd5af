//! R-18 on PostgreSQL, where several nodes seal what they write.

use std::sync::Arc;

use sandkasse_domain::keys::KeyName;
use sandkasse_engine::doctor::Finding;
use sandkasse_pgtest::{Database, OWNER};
use sandkasse_store::{PostgresStore, Sealer, SqliteStore, Store, postgres::Address};
use sandkasse_testkit::World;

use crate::{
    doctor::look,
    moving::{export, import, rows, sorted},
    town::{Seals, live, world, world_on},
};

async fn open(database: &Database) -> Arc<PostgresStore> {
    let address = Address::parse(&database.url(OWNER)).unwrap();
    Arc::new(PostgresStore::open(address).await.unwrap())
}

/// A town, and a second node that changed something in it.
async fn town(database: &Database, seals: Seals) -> (Arc<PostgresStore>, World) {
    let store = open(database).await;
    let world = world_on(store.clone(), seals).await;
    live(&world).await;
    if seals == Seals::On {
        let other = open(database).await;
        let sealer = Sealer::new(world.platform.engine.vault.row_seals());
        other.seal_with(sealer).await.unwrap();
        let node = world.node(other.clone(), 7).await;
        let shop = node.shop(|_| {}).await;
        shop.initiate("elsewhere", 1_000).await.ok();
        shop.regenerate(KeyName::ClientSecret).await;
        other.close().await;
    }
    (store, world)
}

const TABLES: [&str; 7] = [
    "records",
    "events",
    "replies",
    "calls",
    "directory",
    "audit",
    "heads",
];

const BEGUN: &str = "SELECT min(id) FROM sandkasse.calls WHERE state = 1";
const WENT_WELL: &str = "SELECT min(id) FROM sandkasse.calls WHERE outcome LIKE '%200%'";
const UNIT: &str = "SELECT min(key) FROM sandkasse.directory WHERE kind = 'sales_unit'";
const LINE: &str = "SELECT min(number) + 3 FROM sandkasse.audit";
const LAST_LINE: &str = "SELECT max(number) FROM sandkasse.audit";

/// Deliveries that nobody came to yet, that were sent again, that wait after an attempt.
const SOON: &str = "SELECT min(name) FROM sandkasse.records
    WHERE kind = 'delivery' AND name LIKE 'told-soon/%'";
const SOON_NUMBER: &str = "SELECT min(number) FROM sandkasse.records
    WHERE kind = 'delivery' AND name LIKE 'told-soon/%'";
const AGAIN: &str = "SELECT min(r.name) FROM sandkasse.records r JOIN sandkasse.events e
    ON e.record = r.number WHERE e.body LIKE '%\"kind\":\"again\"%'";
const WAITING: &str = "SELECT min(name) FROM sandkasse.records
    WHERE kind = 'delivery' AND body LIKE '%\"waiting\"%' AND body LIKE '%\"attempts\":1%'";
const HOOK: &str =
    "SELECT min(key) FROM sandkasse.directory WHERE kind = 'webhook' AND body IS NOT NULL";

/// A table, what somebody does to one row of it, and a query for what a finding about it names.
const TAMPERINGS: [(&str, &str, &str); 30] = [
    // Its name went with it; what it is told by is its number.
    (
        "records",
        "DELETE FROM {} WHERE number = ({name})",
        SOON_NUMBER,
    ),
    (
        "records",
        "UPDATE {} SET deadline = NULL WHERE name = ({name})",
        SOON,
    ),
    (
        "records",
        "UPDATE {} SET body = replace(body, 'CREATED', 'CAPTURED') || ' ' WHERE name = ({name})",
        WAITING,
    ),
    (
        "records",
        "UPDATE {} SET name = replace(name, 'soon', 'late') WHERE name =
         (SELECT min(name) FROM sandkasse.records WHERE name LIKE 'told-soon/%')",
        "SELECT 'about told-soon'",
    ),
    (
        "events",
        "DELETE FROM {} WHERE body LIKE '%\"owed\"%'
         AND record = (SELECT number FROM sandkasse.records WHERE name = ({name}))",
        SOON,
    ),
    (
        "events",
        "DELETE FROM {} WHERE body LIKE '%\"kind\":\"again\"%'
         AND record = (SELECT number FROM sandkasse.records WHERE name = ({name}))",
        AGAIN,
    ),
    (
        "directory",
        "DELETE FROM {} WHERE kind = 'webhook' AND key =
         (SELECT min(key) FROM sandkasse.directory WHERE kind = 'webhook' AND body IS NOT NULL)",
        "SELECT 'webhook'",
    ),
    (
        "directory",
        "UPDATE {} SET body = body || ' ' WHERE kind = 'webhook' AND key = ({name})",
        HOOK,
    ),
    (
        "records",
        "UPDATE {} SET body = replace(body, '5000', '4000') WHERE name = 'void'",
        "SELECT 'void'",
    ),
    (
        "records",
        "UPDATE {} SET version = version + 1 WHERE name = 'part'",
        "SELECT 'part'",
    ),
    (
        "records",
        "UPDATE {} SET deadline = 1 WHERE name = 'open'",
        "SELECT 'open'",
    ),
    (
        "records",
        "UPDATE {} SET kind = 'nonsense' WHERE name = 'late'",
        "SELECT 'late'",
    ),
    (
        "records",
        "UPDATE {} SET seal = NULL WHERE name = 'shown'",
        "SELECT 'shown'",
    ),
    (
        "records",
        "UPDATE {} SET seal = 'short' WHERE name = 'left'",
        "SELECT 'left'",
    ),
    (
        "records",
        "DELETE FROM {} WHERE name = 'whole'",
        "SELECT 'whole'",
    ),
    (
        "events",
        "UPDATE {} SET at = at + 1 WHERE version = 1
         AND record = (SELECT number FROM sandkasse.records WHERE name = 'refused')",
        "SELECT 'refused'",
    ),
    (
        "events",
        "DELETE FROM {} WHERE version = 2
         AND record = (SELECT number FROM sandkasse.records WHERE name = 'let-go')",
        "SELECT 'let-go'",
    ),
    (
        "replies",
        "UPDATE {} SET status = 500 WHERE scope = 'capture/part' AND key = 'c2'",
        "SELECT 'c2'",
    ),
    (
        "replies",
        "DELETE FROM {} WHERE scope = 'refund/part'",
        "SELECT 'part'",
    ),
    (
        "calls",
        "UPDATE {} SET url = url || 'x' WHERE about = 'rejected'",
        "SELECT id FROM sandkasse.calls WHERE about = 'rejected'",
    ),
    (
        "calls",
        "UPDATE {} SET begun_at = begun_at + 1 WHERE id = ({name})",
        BEGUN,
    ),
    (
        "calls",
        "UPDATE {} SET outcome = replace(outcome, '200', '201') WHERE id = ({name})",
        WENT_WELL,
    ),
    (
        "calls",
        "DELETE FROM {} WHERE about = 'left'",
        "SELECT 'left'",
    ),
    (
        "directory",
        "UPDATE {} SET body = body || ' ' WHERE key = ({name}) AND kind = 'sales_unit'",
        UNIT,
    ),
    (
        "directory",
        "DELETE FROM {} WHERE kind = 'person' AND key = (SELECT max(key) FROM sandkasse.directory WHERE kind = 'person')",
        "SELECT 'person'",
    ),
    (
        "audit",
        "UPDATE {} SET body = body || ' ' WHERE number = ({name})",
        LINE,
    ),
    ("audit", "DELETE FROM {} WHERE number = ({name})", LAST_LINE),
    (
        "heads",
        "UPDATE {} SET value = 'later' WHERE name = 'since'",
        "SELECT 'since'",
    ),
    (
        "heads",
        "DELETE FROM {} WHERE name = 'audit'",
        "SELECT 'audit'",
    ),
    (
        "heads",
        "UPDATE {} SET value = '1 00' WHERE name = 'directory/test/person'",
        "SELECT 'person'",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_18_on_postgresql_every_tampering_is_found_where_it_is() {
    let database = Database::lease();
    let (store, world) = town(&database, Seals::On).await;
    let vault = &*world.platform.engine.vault;
    let sound = look(&*store, vault, Seals::On).await;
    assert!(sound.is_clean(), "{:#?}", sound.findings);
    assert_eq!(sound.unsealed, 0);
    assert!(sound.payments >= 20 && sound.sealed > 100, "{sound:?}");
    // A test before this one may have had the same database.
    database.execute("DROP SCHEMA IF EXISTS sound CASCADE; CREATE SCHEMA sound");
    for table in TABLES {
        let copy = format!("CREATE TABLE sound.{table} AS TABLE sandkasse.{table}");
        database.execute(&copy);
    }
    for (table, change, name) in TAMPERINGS {
        let there = format!("sandkasse.{table}");
        let named = database.execute(name);
        let change = change.replace("{name}", name).replacen("{}", &there, 1);
        let done = database.execute(&format!(
            "WITH done AS ({change} RETURNING 1) SELECT count(*) FROM done"
        ));
        assert_ne!(done.trim(), "0", "{change}");
        let found = look(&*store, vault, Seals::On).await.findings;
        let is_named = |it: &Finding| format!("{} {}", it.place, it.what).contains(named.trim());
        assert!(
            found.iter().any(is_named),
            "{change}: {named} is not in {found:#?}"
        );
        database.execute(&format!(
            "DELETE FROM {there}; INSERT INTO {there} SELECT * FROM sound.{table}"
        ));
    }
    let report = look(&*store, vault, Seals::On).await;
    assert!(report.is_clean(), "restored: {:#?}", report.findings);
}

/// The control: what the seals are for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_18_on_postgresql_without_seals_tamperings_go_unnoticed() {
    let database = Database::lease();
    let (store, world) = town(&database, Seals::Off).await;
    let vault = &*world.platform.engine.vault;
    database.execute("UPDATE sandkasse.calls SET url = url || 'x' WHERE about = 'rejected'");
    let report = look(&*store, vault, Seals::Off).await;
    assert!(report.is_clean() && report.sealed == 0, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_goes_to_postgresql_and_back_and_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (store, world) = world(&folder.path().join("town.db"), Seals::On).await;
    live(&world).await;
    let vault = &*world.platform.engine.vault;
    let database = Database::lease();
    let there = open(&database).await;
    let back = SqliteStore::open(&folder.path().join("back.db")).unwrap();

    let exported = export(&*store, &world).await;
    import(&*there, vault, &exported).await.unwrap();
    let exported = export(&*there, &world).await;
    import(&back, vault, &exported).await.unwrap();

    for other in [&*there as &dyn Store, &back] {
        let report = look(other, vault, Seals::On).await;
        assert!(report.is_clean(), "{:#?}", report.findings);
        assert_eq!(report.unsealed, 0);
        assert_eq!(
            sorted(rows(other, None).await),
            sorted(rows(&*store, None).await)
        );
    }
}
