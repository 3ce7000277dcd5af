//! Copies made under load by the documented command (RELIABILITY R-16 of the issue that asked for it).
//!
//! What the shops were told before a copy is made must be in it: the platform is started on the copy, with the keys
//! beside it. The control copies the database file alone, as one must not: what stands in its log is missing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicU64,
    time::Duration,
};

use anyhow::ensure;
use clap::Args;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::{
    ledger::{Book, Findings, Ledger, Taken},
    load::{self, Slot},
    receiver::Receiver,
    server::{self, Target, run as must},
    shop::Shop,
};

const TRADERS: usize = 4;
/// Between two copies, at most.
const PAUSE_MS: u64 = 200;
/// What lies beside the database and is no part of it.
const KEYS: [&str; 3] = [
    "master.key",
    "test-signing-key.pem",
    "production-signing-key.pem",
];

#[derive(Args)]
pub(crate) struct Options {
    /// How many copies are made.
    #[arg(long, default_value_t = 20)]
    copies: usize,
}

pub(crate) fn run(
    options: &Options,
    target: &Target,
    data: &Path,
    seed: u64,
) -> anyhow::Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let receiver = Receiver::start()?;
    let folder = data.join("backed-up");
    let server = target.start(&folder)?;
    let shop = Shop::create(&server.place, &receiver.prefix())?;
    let (slot, ledger, orders) = (Slot::default(), Ledger::default(), AtomicU64::new(0));
    slot.up(&server.place);
    let copied = std::thread::scope(|scope| {
        for _ in 0..TRADERS {
            scope.spawn(|| load::trade(&slot, &shop, &ledger, &orders, "backup"));
        }
        scope.spawn(|| load::change_keys(&slot, &shop, &ledger));
        let copied = (0..options.copies).map(|number| {
            server::pause(Duration::from_millis(random.random_range(10..=PAUSE_MS)));
            let book = ledger.book().clone();
            let copy = data.join(format!("copy-{number}"));
            copy_with(&folder, &copy, |from, to| {
                must(
                    Command::new("sqlite3")
                        .arg(from)
                        .arg(format!("VACUUM INTO '{}'", to.display())),
                )
            })?;
            Ok((copy, book))
        });
        let copied: anyhow::Result<Vec<(PathBuf, Book)>> = copied.collect();
        slot.over();
        copied
    });
    let copied = copied?;
    let book = ledger.into_book();
    let naive = data.join("naive");
    copy_with(
        &folder,
        &naive,
        |from, to| Ok(fs::copy(from, to).map(drop)?),
    )?;
    drop(server);

    let check = |copy: &Path, book: &Book, later: &[String]| -> anyhow::Result<Findings> {
        let server = target.start(copy)?;
        book.verify(&shop, &server.place, Taken::InBetween, later)
    };
    let control = check(&naive, &book, &book.keys)?;
    println!("control, the database file without its log: {control}");
    ensure!(
        !control.lost.is_empty(),
        "a copy without the log lost nothing: the run proves nothing"
    );
    let mut all = Findings::default();
    for (copy, then) in &copied {
        all.add(check(copy, then, &book.keys)?);
        fs::remove_dir_all(copy)?;
    }
    println!(
        "seed {seed}: {} copies under load, {all} (steps are counted once for each copy)",
        copied.len()
    );
    ensure!(
        all.answered > 0,
        "no step was answered: the run proves nothing"
    );
    all.must_be_clean()
}

/// A folder to start on: the database as `copy` copies it, and the keys.
fn copy_with(
    from: &Path,
    to: &Path,
    copy: impl FnOnce(&Path, &Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    fs::create_dir(to)?;
    // A signing key that is not made yet will be made there.
    for name in KEYS.iter().filter(|name| from.join(name).exists()) {
        fs::copy(from.join(name), to.join(name))?;
    }
    copy(&Target::file(from), &Target::file(to))
}
