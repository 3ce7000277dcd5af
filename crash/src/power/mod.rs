//! Power cuts under load (RELIABILITY R-5 of the issue that asked for it): images of the disk, each checked as if the
//! machine had come back with it.
//!
//! A platform works on a disk of its own ([`disk`]). What the shops were told is noted before each image; then the
//! platform is started on the image, and must know all of it. Some images are taken while the platform starts for the
//! first time, when its keys and tables are made. With PostgreSQL its server works on the same disk, as Debian ships
//! it, and is started on the image first. The control is the same with syncs that do nothing: it must lose something.

mod disk;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use self::disk::{Image, Inner, Outer};
use crate::{
    ledger::{Book, Findings, Ledger, Taken},
    load::{self, Slot},
    postgres::Postgres,
    receiver::Receiver,
    server::{self, Database, Target, ready_file},
    shop::Shop,
};

/// So many images are taken of one disk.
const BATCH: usize = 25;
/// The first of them while the platform starts for the first time.
const AT_START: usize = 5;
/// The control takes so many.
const CONTROL: usize = 10;
const TRADERS: usize = 4;
/// Between two images, at most.
const PAUSE_MS: u64 = 60;
/// Images that are checked at the same time.
const CHECKERS: usize = 2;

#[derive(Args)]
pub(crate) struct Options {
    /// How many images are taken.
    #[arg(long, default_value_t = 200)]
    images: usize,
    /// What the platform keeps its data in.
    #[arg(long, value_enum, default_value_t)]
    database: Store,
}

/// What the platform keeps its data in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Store {
    /// A file in its data folder.
    #[default]
    Sqlite,
    /// PostgreSQL, whose server's data is on the same disk.
    Postgres,
}

impl Store {
    /// A first start takes some 60 ms, and some 400 until both signing keys are there; PostgreSQL is asked
    /// for a hundred tables.
    fn longest_pause_at_start(self) -> Duration {
        match self {
            Store::Sqlite => Duration::from_millis(30),
            Store::Postgres => Duration::from_millis(150),
        }
    }
}

/// What does not sync although it should.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syncs {
    /// Nothing.
    AsShipped,
    /// Everything: the control.
    Off,
}

/// An image, and what the shop had been told before it was taken; `None` before it was ready.
struct Cut {
    image: Image,
    book: Option<Book>,
}

/// What a batch of images showed.
#[derive(Default)]
struct Outcome {
    images: usize,
    findings: Findings,
    /// The platform did not start, or a file of ours is not whole.
    unreadable: Vec<String>,
}

pub(crate) fn run(
    options: &Options,
    target: &Target,
    data: &Path,
    seed: u64,
) -> anyhow::Result<()> {
    // PostgreSQL's own user must reach what is mounted, wherever the checkout lies.
    let points = tempfile::tempdir().context("no folder for temporary files")?;
    fs::set_permissions(points.path(), PermissionsExt::from_mode(0o755))?;
    let rounds = Rounds {
        outer: Outer::make(data)?,
        receiver: Receiver::start()?,
        target,
        points: points.path(),
        store: options.database,
        log: data.join("postgres.log"),
    };
    let mut random = StdRng::seed_from_u64(seed);
    let control = rounds.round("control", Syncs::Off, CONTROL, &mut random)?;
    println!(
        "control, with syncs that do nothing: {} images, {}; {} unreadable",
        control.images,
        control.findings,
        control.unreadable.len(),
    );
    for text in &control.unreadable {
        println!("  {text}");
    }
    let is_seen = !control.findings.lost.is_empty() || !control.unreadable.is_empty();
    ensure!(
        is_seen,
        "without syncs nothing was lost: the run proves nothing"
    );

    let mut all = Outcome::default();
    for round in 0.. {
        let left = options.images - all.images;
        if left == 0 {
            break;
        }
        let name = format!("round-{round}");
        let images = BATCH.min(left);
        let outcome = rounds.round(&name, Syncs::AsShipped, images, &mut random)?;
        all.images += outcome.images;
        all.findings.add(outcome.findings);
        all.unreadable.extend(outcome.unreadable);
    }
    println!(
        "seed {seed}: {} images, {}; {} unreadable (steps are counted once for each image)",
        all.images,
        all.findings,
        all.unreadable.len()
    );
    if !all.unreadable.is_empty() {
        bail!("unreadable: {:#?}", all.unreadable);
    }
    all.findings.must_be_clean()?;
    ensure!(all.images == options.images, "some images were not taken");
    ensure!(
        all.findings.answered > 0,
        "no step was answered: the run proves nothing"
    );
    ensure!(
        all.findings.in_flight > 0,
        "no cut met a step in flight: the run proves nothing"
    );
    Ok(())
}

struct Rounds<'a> {
    outer: Outer,
    receiver: Receiver,
    target: &'a Target,
    /// Disks are mounted below.
    points: &'a Path,
    store: Store,
    /// Of PostgreSQL.
    log: PathBuf,
}

impl Rounds<'_> {
    /// The program as it shall be started, and under what.
    fn program(&self, postgres: Option<&Postgres>, syncs: Syncs) -> Target {
        let mut target = self.target.clone();
        match postgres {
            Some(postgres) => target.database = Database::Postgres(postgres.url()),
            None if syncs == Syncs::Off => {
                let strace = "strace -f -qq -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:retval=0";
                target.under = strace.split(' ').map(str::to_owned).collect();
            }
            None => {}
        }
        target
    }

    /// A database for the first start, if it needs one.
    fn prepare(&self, inner: &Inner, syncs: Syncs) -> anyhow::Result<Option<Postgres>> {
        if self.store == Store::Sqlite {
            return Ok(None);
        }
        let settings: &[&str] = match syncs {
            Syncs::AsShipped => &[],
            Syncs::Off => &["fsync=off"],
        };
        let data = inner.point().join("postgres");
        Postgres::make(&data)?;
        let postgres = Postgres::start(&data, &sockets(inner.point()), &self.log, settings)?;
        postgres.make_database()?;
        inner.sync()?;
        Ok(Some(postgres))
    }

    /// A new disk, its first start and some load; then its images are checked.
    fn round(
        &self,
        name: &str,
        syncs: Syncs,
        images: usize,
        random: &mut StdRng,
    ) -> anyhow::Result<Outcome> {
        let inner = self.outer.disk(name, self.points.join(name))?;
        let folder = inner.point().join("data");
        let postgres = self.prepare(&inner, syncs)?;
        let target = self.program(postgres.as_ref(), syncs);
        let longest = self.store.longest_pause_at_start();
        let mut cuts = Vec::new();
        let child = target.spawn(&folder)?;
        for number in 0..AT_START.min(images) {
            server::pause(longest.mul_f64(random.random()));
            cuts.push(Cut {
                image: inner.image(number)?,
                book: None,
            });
        }
        let server = target.await_ready(child, &folder)?;
        let shop = Shop::create(&server.place, &self.receiver.prefix())?;
        let (slot, ledger, orders) = (Slot::default(), Ledger::default(), AtomicU64::new(0));
        slot.up(&server.place);
        let taken = std::thread::scope(|scope| {
            for _ in 0..TRADERS {
                scope.spawn(|| load::trade(&slot, &shop, &ledger, &orders, name));
            }
            scope.spawn(|| load::change_keys(&slot, &shop, &ledger));
            let taken = (cuts.len()..images).try_for_each(|number| {
                server::pause(Duration::from_micros(
                    random.random_range(0..=PAUSE_MS * 1_000),
                ));
                let book = ledger.book().clone();
                let image = inner.image(number)?;
                cuts.push(Cut {
                    image,
                    book: Some(book),
                });
                anyhow::Ok(())
            });
            slot.over();
            taken
        });
        taken?;
        drop(server);
        drop(postgres);
        drop(inner);
        let later = ledger.into_book().keys;
        self.check(name, cuts, &shop, &later)
    }

    /// Starts the platform on each image, and asks for all that is in the book.
    fn check(
        &self,
        name: &str,
        cuts: Vec<Cut>,
        shop: &Shop,
        later: &[String],
    ) -> anyhow::Result<Outcome> {
        let all = Mutex::new(Outcome::default());
        let next = AtomicUsize::new(0);
        let check_some = |checker: usize| {
            while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::SeqCst)) {
                let point = self.points.join(format!("{name}-check-{checker}"));
                let checked = self.check_one(cut, &point, shop, later);
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.images += 1;
                match checked {
                    Ok(findings) => all.findings.add(findings),
                    Err(error) => all.unreadable.push(format!("{error:#}")),
                }
            }
        };
        std::thread::scope(|scope| {
            for checker in 0..CHECKERS {
                let check_some = &check_some;
                scope.spawn(move || check_some(checker));
            }
        });
        Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn check_one(
        &self,
        cut: &Cut,
        point: &Path,
        shop: &Shop,
        later: &[String],
    ) -> anyhow::Result<Findings> {
        let mount = cut.image.mount(point.to_owned())?;
        let folder = mount.point.join("data");
        whole_files(&folder)?;
        let postgres = match self.store {
            Store::Sqlite => None,
            Store::Postgres => {
                let data = mount.point.join("postgres");
                Some(Postgres::start_after_crash(
                    &data,
                    &sockets(point),
                    &self.log,
                )?)
            }
        };
        let target = self.program(postgres.as_ref(), Syncs::AsShipped);
        let server = target.start(&folder)?;
        match &cut.book {
            Some(book) => book.verify(shop, &server.place, Taken::InBetween, later),
            None => {
                Shop::create(&server.place, &self.receiver.prefix())?;
                Ok(Findings::default())
            }
        }
    }
}

/// Where the server of a disk that is mounted there has its socket. Not on the disk: an image has none.
fn sockets(point: &Path) -> PathBuf {
    point.with_extension("sockets")
}

/// Files of our own are whole, or not there. The start that follows shows that they are the right ones.
fn whole_files(folder: &Path) -> anyhow::Result<()> {
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    let is_key = |text: &str| text.trim().len() == 64;
    let is_sealed = |text: &str| text.len() > 1_000;
    let is_list = |text: &str| text == "*\n";
    type Whole<'a> = &'a dyn Fn(&str) -> bool;
    let files: [(_, Whole<'_>); 6] = [
        (ready_file(folder), &is_json),
        (folder.join("master.key"), &is_key),
        (folder.join(".sandkasse/master.key"), &is_key),
        (folder.join("test-signing-key.pem"), &is_sealed),
        (folder.join("production-signing-key.pem"), &is_sealed),
        (folder.join(".gitignore"), &is_list),
    ];
    for (path, is_whole) in files {
        if path.exists() {
            let text = fs::read_to_string(&path).context("a file cannot be read")?;
            ensure!(is_whole(&text), "{} is not whole: {text:?}", path.display());
        }
    }
    Ok(())
}
