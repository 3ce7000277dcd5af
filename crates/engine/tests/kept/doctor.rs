//! `sandkasse doctor` finds nothing where nothing is, and every tampering with one row.

use std::path::Path;

use rand::{SeedableRng, rngs::StdRng};
use sandkasse_engine::doctor::{Report, With, examine};
use sandkasse_store::{Sealer, SqliteStore, Store};
use sandkasse_vault::Vault;

use crate::{
    tamper::{Done, Tables},
    town::{Seals, live, world},
};

const SEED: u64 = 18;
const TAMPERINGS: usize = 1_000;

pub(crate) async fn look(store: &dyn Store, vault: &Vault, seals: Seals) -> Report {
    let sealer = Sealer::new(vault.row_seals());
    let with = With {
        vault: Some(vault),
        sealer: (seals == Seals::On).then_some(&sealer),
        calls_kept: 10_000,
    };
    examine(store, with, |_| {}).await.expect("it can be read")
}

/// A town in a file that nobody else has open, and the way to look at it.
async fn town(folder: &Path, seals: Seals) -> (std::sync::Arc<SqliteStore>, std::sync::Arc<Vault>) {
    let file = folder.join("town.db");
    let (store, world) = world(&file, seals).await;
    live(&world).await;
    (store, world.platform.engine.vault.clone())
}

#[tokio::test]
async fn r_18_nothing_is_found_where_nothing_is() {
    for seals in [Seals::On, Seals::Off] {
        let folder = tempfile::tempdir().unwrap();
        let (store, vault) = town(folder.path(), seals).await;
        let report = look(&*store, &vault, seals).await;
        assert!(report.is_clean(), "{:#?}", report.findings);
        assert!(report.payments >= 19, "{}", report.payments);
        assert_eq!(report.sealed > 0, seals == Seals::On);
        if seals == Seals::On {
            assert_eq!(report.unsealed, 0);
        }
        store.close().await;
    }
}

/// Returns how many tamperings there were, and those that nobody noticed or that were found
/// elsewhere.
async fn tamper(seals: Seals, count: usize) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (store, vault) = town(folder.path(), seals).await;
    let file = folder.path().join("town.db");
    let mut tables = Tables::open(&file, &folder.path().join("sound.db"));
    let mut random = StdRng::seed_from_u64(SEED);
    let mut missed = Vec::new();
    let mut done = 0;
    while done < count {
        let Some(Done { what, rows }) = tables.tamper(&mut random) else {
            continue;
        };
        done += 1;
        let report = look(&*store, &vault, seals).await;
        for row in rows {
            let named = report.findings.iter().any(|it| row.is_named_by(&it.place));
            if !named {
                let findings: Vec<String> = report
                    .findings
                    .iter()
                    .map(|it| format!("{}: {}", it.place, it.what))
                    .collect();
                missed.push(format!("{what}, {row:?}: {findings:?}"));
            }
        }
        tables.restore();
    }
    let report = look(&*store, &vault, seals).await;
    assert!(report.is_clean(), "restored: {:#?}", report.findings);
    store.close().await;
    (done, missed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_18_every_tampering_with_one_row_is_found_where_it_is() {
    let (done, missed) = tamper(Seals::On, TAMPERINGS).await;
    println!("seed {SEED}: {done} tamperings, {} missed", missed.len());
    assert!(missed.is_empty(), "{:#?}", missed);
}

/// The control: what the seals are for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_18_without_seals_some_tamperings_go_unnoticed() {
    let (done, missed) = tamper(Seals::Off, 200).await;
    println!("seed {SEED}: {done} tamperings, {} missed", missed.len());
    assert!(!missed.is_empty() && missed.len() < done);
}
