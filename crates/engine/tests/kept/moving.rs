//! What is told by one store and taken by another.

use std::{path::Path, sync::Arc};

use sandkasse_domain::webhook::{EventId, Owner, RegistrationId};
use sandkasse_engine::{
    Settings,
    moving::{Export, Import, NotMoved, read_unit, snapshot_of},
};
use sandkasse_store::{MemoryStore, Partition, Row, SqliteStore, Store};
use sandkasse_testkit::{World, days};
use sandkasse_vault::Vault;

use crate::{
    doctor::look,
    town::{Seals, live, world},
};

pub(crate) async fn rows(store: &dyn Store, of: Option<&Partition>) -> Vec<Row> {
    let mut told = store.rows(of).await.unwrap();
    let mut rows = Vec::new();
    while let Some(row) = told.next().await {
        rows.push(row.unwrap());
    }
    rows
}

async fn text(mut export: Export) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(more) = export.next().await.unwrap() {
        all.extend(more.lines);
    }
    all
}

pub(crate) async fn export(store: &dyn Store, world: &World) -> Vec<u8> {
    let rows = store.rows(None).await.unwrap();
    let vault = &world.platform.engine.vault;
    text(Export::new(rows, world.now(), vault)).await
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.strip_suffix(b"\n")
        .unwrap_or(text)
        .split(|it| *it == b'\n')
}

pub(crate) async fn import(store: &dyn Store, vault: &Vault, text: &[u8]) -> Result<u64, NotMoved> {
    let mut import = Import::begin(store, vault).await?;
    if !text.is_empty() {
        for line in lines(text) {
            import.line(line).await?;
        }
    }
    Ok(import.end().await?.rows.all())
}

async fn town(folder: &Path) -> (Arc<SqliteStore>, World) {
    let (store, world) = world(&folder.join("town.db"), Seals::On).await;
    live(&world).await;
    (store, world)
}

/// Seals and heads are of a store with a key, and the order of answers is nobody's.
pub(crate) fn sorted(rows: Vec<Row>) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn an_export_imported_is_the_same_and_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (store, world) = town(folder.path()).await;
    let vault = &*world.platform.engine.vault;
    let exported = export(&*store, &world).await;

    let other = SqliteStore::open(&folder.path().join("other.db")).unwrap();
    let count = import(&other, vault, &exported).await.unwrap();
    let there = rows(&other, None).await;
    assert_eq!(there.len() as u64, count);
    assert_eq!(sorted(there), sorted(rows(&*store, None).await));
    let report = look(&other, vault, Seals::On).await;
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(report.unsealed, 0);

    // And it is not taken a second time, nor into what is there.
    let refused = import(&other, vault, &exported).await;
    assert!(matches!(refused, Err(NotMoved::NotEmpty(_))), "{refused:?}");
    let report = look(&other, vault, Seals::On).await;
    assert!(report.is_clean(), "{:#?}", report.findings);

    // Through memory, which knows no seals.
    let memory = MemoryStore::new();
    import(&memory, vault, &exported).await.unwrap();
    let there = rows(&memory, None).await.len() as u64;
    assert_eq!(there, count - heads(&exported));
}

fn heads(text: &[u8]) -> u64 {
    lines(text)
        .filter(|line| line.starts_with(b"{\"head\""))
        .count() as u64
}

#[tokio::test]
async fn what_is_not_whole_is_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let (store, world) = town(folder.path()).await;
    let vault = &*world.platform.engine.vault;
    let good = export(&*store, &world).await;
    let count = lines(&good).count();
    let without = |gone: usize| -> Vec<u8> {
        let kept = lines(&good).enumerate().filter(|(at, _)| *at != gone);
        kept.flat_map(|(_, line)| [line, b"\n"].concat()).collect()
    };
    let changed = String::from_utf8(good.clone())
        .unwrap()
        .replacen("acme", "acmf", 1);
    let changed = changed
        .replacen("\"version\":2", "\"version\":3", 1)
        .into_bytes();
    assert_ne!(changed, good);
    let twice = [good.as_slice(), good.as_slice()].concat();
    let newer =
        String::from_utf8(good.clone())
            .unwrap()
            .replacen("\"format\":1", "\"format\":2", 1);
    let of_unit = {
        let shop = world
            .platform
            .engine
            .directory
            .of(sandkasse_domain::Environment::Test);
        let unit = shop.units()[0].clone();
        text(world.platform.engine.snapshot(&unit).await.unwrap()).await
    };
    for (what, broken, says) in [
        ("nothing", Vec::new(), "it is empty"),
        ("something else", b"{}".to_vec(), "no export of sandkasse"),
        ("the end is missing", without(count - 1), "cut off"),
        (
            "cut off in a line",
            good[..good.len() / 2].to_vec(),
            "line ",
        ),
        ("a line is missing", without(count / 2), "not whole"),
        (
            "the first line is missing",
            without(0),
            "no export of sandkasse",
        ),
        ("changed", changed, "not whole"),
        ("twice", twice, "follows the last line"),
        ("of a newer program", newer.into_bytes(), "format 2"),
        ("of a unit", of_unit, "--replace-unit"),
    ] {
        let other = MemoryStore::new();
        let error = import(&other, vault, &broken).await.expect_err(what);
        assert!(error.to_string().contains(says), "{what}: {error}");
        assert!(rows(&other, None).await.is_empty(), "{what}");
    }
    let other = MemoryStore::new();
    let error = import(&other, &Vault::fresh(), &good)
        .await
        .expect_err("another key");
    assert!(matches!(error, NotMoved::OtherKey), "{error}");
}

#[tokio::test]
async fn an_interrupted_import_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (store, world) = town(folder.path()).await;
    let vault = &*world.platform.engine.vault;
    let good = export(&*store, &world).await;
    let other = SqliteStore::open(&folder.path().join("other.db")).unwrap();
    for portion in [1, 2, 50, 100_000] {
        let mut import = Import::begin(&other, vault).await.unwrap();
        for line in lines(&good).take(portion) {
            import.line(line).await.unwrap();
        }
        // The process dies here.
        drop(import);
        let (entries, _) = other.directory(0).await.unwrap();
        let begun = sandkasse_engine::moving::is_importing(&entries);
        assert_eq!(begun, portion > 1, "{portion}");
        let found = look(&other, vault, Seals::Off).await.findings;
        assert_eq!(
            found.iter().any(|it| it.what.contains("import")),
            portion > 1
        );
    }
    import(&other, vault, &good).await.unwrap();
    let report = look(&other, vault, Seals::On).await;
    assert!(report.is_clean(), "{:#?}", report.findings);
}

#[tokio::test]
async fn a_unit_is_restored_as_it_was_and_its_time_goes_on() {
    let world = World::new().await;
    let engine = world.platform.engine.clone();
    let kari = world.person(|_| {}).await;
    let (shop, other) = (world.shop(|_| {}).await, world.shop(|_| {}).await);
    shop.reserved("a", 5_000, &kari).await;
    shop.capture_as("c1", "a", 1_000).await.ok();
    shop.initiate("open", 1_000).await.ok();
    other.reserved("a", 7_000, &kari).await;
    let taken = text(engine.snapshot(&shop.unit()).await.unwrap()).await;
    let before = rows(&**engine.store(), Some(&shop.unit().partition())).await;
    let others = rows(&**engine.store(), Some(&other.unit().partition())).await;

    // More happens, keys change, and a day goes by.
    shop.capture_as("c2", "a", 4_000).await.ok();
    shop.reserved("later", 1_000, &kari).await;
    let old = shop.keys();
    shop.regenerate(sandkasse_domain::keys::KeyName::ClientSecret)
        .await;
    shop.change(|facts| "Renamed".clone_into(&mut facts.name))
        .await;
    shop.advance(days(1)).await;
    let (now, keys) = (shop.now(), shop.keys());

    let (header, all) = read_unit(lines(&taken), &engine.vault, 1_000).unwrap();
    let (unit, counts) = engine.restore(&header, all).await.unwrap();
    assert_eq!(counts.records, 3, "two payments, one in an app");
    assert_eq!(unit.facts.name, "Acme socks");
    assert_eq!(shop.keys(), keys, "the present keys stay");
    assert_ne!(shop.keys().client_secret, old.client_secret);
    assert_eq!(shop.now(), now, "time does not go back");
    assert_eq!(
        rows(&**engine.store(), Some(&other.unit().partition())).await,
        others
    );
    shop.details("later")
        .await
        .refused(404, "Merchant", "35", "order.unknown");

    // What was owed is not sent again; all else is as it was.
    let after = rows(&**engine.store(), Some(&unit.partition())).await;
    let kept = |rows: &[Row]| -> Vec<Row> {
        let rows = rows.iter().filter(|row| !matches!(row, Row::Call { .. }));
        rows.cloned().collect()
    };
    assert_eq!(kept(&after), kept(&before));
    let calls = shop.calls("a").await;
    assert!(
        calls
            .iter()
            .all(|it| format!("{:?}", it.state).starts_with("Interrupted"))
    );

    // The answer to the first capture is there, the second is not; and what was open falls due.
    let again = shop.capture_as("c1", "a", 1_000).await;
    assert_eq!(again.ok()["transactionSummary"]["capturedAmount"], 1_000);
    shop.capture_as("c2", "a", 4_000).await.ok();
    engine.run_due_units().await;
    assert_eq!(shop.log("open").await[0], "CANCEL");

    // Into an installation where the unit never was, with the same master key.
    let fresh = World::with(Arc::new(MemoryStore::new()), Settings::default()).await;
    let (header, all) = read_unit(lines(&taken), &fresh.platform.engine.vault, 1_000).unwrap();
    let (unit, _) = fresh.platform.engine.restore(&header, all).await.unwrap();
    assert_eq!(unit.facts.keys, old, "the keys of the snapshot");
    assert_eq!(unit.merchant.orgno, shop.unit().facts.merchant);
    let view = fresh.platform.engine.view(&unit, "a").await.unwrap();
    assert_eq!(view.payment.reservation().unwrap().captured.units(), 1_000);
}

#[tokio::test]
async fn what_is_no_snapshot_of_a_unit_changes_nothing() {
    let world = World::new().await;
    let engine = world.platform.engine.clone();
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.reserved("a", 5_000, &kari).await;
    let taken = text(engine.snapshot(&shop.unit()).await.unwrap()).await;
    let whole = export(&**engine.store(), &world).await;
    let before = rows(&**engine.store(), None).await;

    let read = |text: &[u8], most| read_unit(lines(text), &engine.vault, most).map(drop);
    let error = read(&whole, 1_000).expect_err("not of a unit");
    assert!(error.to_string().contains("whole installation"), "{error}");
    let error = read(&taken, 3).expect_err("too much");
    assert!(matches!(error, NotMoved::TooMuch(_)), "{error}");
    let error = read(&taken[..taken.len() - 10], 1_000).expect_err("cut off");
    assert!(matches!(error, NotMoved::Damaged(_)), "{error}");

    // Rows of another unit, smuggled in by whoever has the key.
    let (mut header, all) = read_unit(lines(&taken), &engine.vault, 1_000).unwrap();
    header.unit = Some("test/999999".to_owned());
    let error = engine
        .restore(&header, all.clone())
        .await
        .expect_err("another");
    assert!(matches!(error, NotMoved::Damaged(_)), "{error}");
    let (header, mut all) = read_unit(lines(&taken), &engine.vault, 1_000).unwrap();
    for row in &mut all {
        if let Row::Record { partition, .. } = row {
            partition.environment = sandkasse_domain::Environment::Production;
        }
    }
    engine
        .restore(&header, all)
        .await
        .expect_err("another environment");
    assert_eq!(rows(&**engine.store(), None).await, before);
}

/// Registrations go where the unit goes. Where it is already none comes back: one that was deleted since may
/// have been replaced, and its secret with it.
#[tokio::test]
async fn a_unit_takes_its_registrations_along_and_brings_none_back() {
    let world = World::new().await;
    let engine = world.platform.engine.clone();
    let (shop, other) = (world.shop(|_| {}).await, world.shop(|_| {}).await);
    let created = [EventId::PaymentCreated.name()];
    let kept_url = "https://kept.example.com/h";
    let (first, secret) = shop.register(kept_url, &created).await;
    let (gone, _) = shop.register("https://gone.example.com/h", &created).await;
    other
        .register("https://other.example.com/h", &created)
        .await;
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    let taken = text(engine.snapshot(&shop.unit()).await.unwrap()).await;
    // The same of a store that no platform runs on.
    let (environment, msn) = (shop.environment, &shop.msn);
    let alone = snapshot_of(
        &**engine.store(),
        &engine.vault,
        world.now(),
        (environment, msn),
    )
    .await;
    let alone = text(alone.unwrap().unwrap()).await;
    assert_eq!(
        lines(&alone)
            .filter(|it| it.starts_with(b"{\"directory\""))
            .count(),
        4,
        "the merchant, the unit and its two"
    );

    // One is deleted and another takes its place.
    let owner = Owner::Unit(msn.clone());
    let deleted = engine
        .deregister(environment, &owner, &RegistrationId(gone))
        .await;
    assert!(deleted.unwrap());
    let (new, _) = shop.register("https://new.example.com/h", &created).await;
    let (header, all) = read_unit(lines(&taken), &engine.vault, 1_000).unwrap();
    engine.restore(&header, all).await.unwrap();
    let theirs = |world: &World| -> Vec<(String, String)> {
        let here = world.platform.engine.directory.of(environment);
        let all = here.webhooks_of(&owner).iter();
        all.map(|it| (it.id.0.clone(), it.secret.clone())).collect()
    };
    let now: Vec<String> = theirs(&world).into_iter().map(|(id, _)| id).collect();
    assert_eq!(now, [first.clone(), new]);
    // What waited then is sent again, and dropped where nobody is to hear of it.
    world.deliver().await;
    let heard: Vec<_> = world
        .recorder
        .hooks()
        .into_iter()
        .map(|it| it.url)
        .collect();
    assert_eq!(heard, [kept_url]);
    assert!(
        shop.deliveries()
            .await
            .iter()
            .all(|it| !it.delivery.is_waiting())
    );

    // Where the unit never was, they come with it, and what waits is delivered.
    for taken in [&taken, &alone] {
        let fresh = World::with(Arc::new(MemoryStore::new()), Settings::default()).await;
        let (header, all) = read_unit(lines(taken), &fresh.platform.engine.vault, 1_000).unwrap();
        fresh.platform.engine.restore(&header, all).await.unwrap();
        let there = theirs(&fresh);
        assert_eq!(there.len(), 2);
        assert_eq!(there[0], (first.clone(), secret.clone()));
        fresh.deliver().await;
        assert_eq!(fresh.recorder.hooks().len(), 2);
    }

    // A registration of somebody else, smuggled in by whoever has the key.
    let stolen = text(engine.snapshot(&other.unit()).await.unwrap()).await;
    let (_, stolen) = read_unit(lines(&stolen), &engine.vault, 1_000).unwrap();
    let is_webhook =
        |row: &Row| matches!(row, Row::Directory { entry, .. } if entry.kind == "webhook");
    let (header, mut all) = read_unit(lines(&taken), &engine.vault, 1_000).unwrap();
    all.extend(stolen.into_iter().filter(is_webhook));
    let error = engine.restore(&header, all).await.expect_err("not theirs");
    assert!(error.to_string().contains("somebody else"), "{error}");
}
