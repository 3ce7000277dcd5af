//! Callbacks to merchants that fail in every way, while the process that sends them dies again and again
//! (RELIABILITY R-12 of the issue that asked for it).
//!
//! Engine, courier and store are the real ones, in this process; a kill drops them wherever they are and opens the
//! same file anew. In the end every payment that was approved has one callback, which was attempted once and ended as
//! its merchant would have it, or stands as interrupted. The control takes the notes of what was begun away before
//! each start: then some merchant must be called twice.

mod merchants;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use async_trait::async_trait;
use clap::Args;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use sandkasse_courier::{Courier, CourierConfig, CourierHandle, Limits, TableResolver};
use sandkasse_domain::{
    Environment, Minor, Msn, OrderId, PhoneNumber,
    payment::{Checkout, MadeBy, Order},
    sales_unit::{CaptureType, UrlPolicy},
};
use sandkasse_engine::{Chance, Engine, ManualClock, Outgoing, Settings, WallClock as _};
use sandkasse_store::{
    CallFailure, CallOutcome, CallRecord, CallState, OutgoingCall, Partition, SqliteStore, Store,
};
use sandkasse_testkit::World;
use sandkasse_vault::{MasterKey, Vault};
use tokio::{runtime::Runtime, task::JoinSet};

use self::merchants::{Manner, Merchants};

/// Payments under way at one time.
const CLIENTS: usize = 64;
/// One of so many payments is made after the last kill, so that slow merchants are waited for as well.
const TAIL: u64 = 20;
/// The key that the worlds of the test kit seal under.
const MASTER_KEY: [u8; 32] = [7; 32];

#[derive(Args)]
pub(crate) struct Options {
    /// How many payments are made.
    #[arg(long, default_value_t = 100_000)]
    payments: u64,
    /// How often everything that sends is dropped.
    #[arg(long, default_value_t = 200)]
    kills: u64,
}

/// Whose payments they are.
#[derive(Clone)]
struct Parties {
    msn: Msn,
    phone: PhoneNumber,
}

/// What outlives a kill.
struct Scene {
    file: PathBuf,
    parties: Parties,
    merchants: Merchants,
    /// The number of the next payment.
    next: AtomicU64,
    /// Payments whose approval was answered.
    approved: Mutex<BTreeSet<u64>>,
}

/// What became of all callbacks.
#[derive(Default)]
struct Outcome {
    approved: usize,
    done: usize,
    failed: usize,
    interrupted: usize,
    twice: usize,
    wrong: Vec<String>,
}

pub(crate) fn run(options: &Options, data: &Path, seed: u64) -> anyhow::Result<()> {
    let world = Runtime::new()?;
    let few = Options {
        payments: 4_000,
        kills: 8,
    };
    let control = play(&world, &few, &data.join("unnoted.db"), seed, forget_begun)?;
    println!(
        "control, without notes of what was begun: {} merchants' calls came twice",
        control.twice
    );
    ensure!(
        control.twice > 0,
        "nothing came twice without the notes: the run proves nothing"
    );

    let all = play(
        &world,
        options,
        &data.join("callbacks.db"),
        seed,
        |_| Ok(()),
    )?;
    println!(
        "seed {seed}: {} payments, {} kills, {} approved: {} callbacks sent once ({} of them failed, each as its merchant \
         would have it), {} interrupted, {} twice",
        options.payments,
        options.kills,
        all.approved,
        all.done,
        all.failed,
        all.interrupted,
        all.twice
    );
    if !all.wrong.is_empty() {
        let some: Vec<_> = all.wrong.iter().take(10).collect();
        bail!("{} wrong: {some:#?}", all.wrong.len());
    }
    ensure!(all.twice == 0, "some merchants were called twice");
    ensure!(
        all.interrupted > 0 && all.failed > 0,
        "no kill met a call: the run proves nothing"
    );
    Ok(())
}

/// All payments and kills; `between` is done to the file before each start.
fn play(
    world: &Runtime,
    options: &Options,
    file: &Path,
    seed: u64,
    between: impl Fn(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let scene = Arc::new(Scene {
        file: file.to_owned(),
        parties: parties(file)?,
        merchants: world.block_on(Merchants::open())?,
        next: AtomicU64::new(0),
        approved: Mutex::default(),
    });
    let mut random = StdRng::seed_from_u64(seed);
    let before_tail = options.payments - options.payments / TAIL;
    let portion = before_tail / options.kills.max(1);
    for kill in 0..options.kills {
        let process = Runtime::new()?;
        let until = (kill + 1) * portion;
        process.block_on(async {
            let (engine, _courier) = start(&scene).await?;
            trade(&scene, &engine, until).await?;
            // From nothing under way to all of it.
            for _ in 0..random.random_range(0..2_000_u32) {
                tokio::task::yield_now().await;
            }
            anyhow::Ok(())
        })?;
        process.shutdown_timeout(Duration::from_secs(30));
        between(&scene.file)?;
    }
    let process = Runtime::new()?;
    process.block_on(async {
        let (engine, courier) = start(&scene).await?;
        trade(&scene, &engine, options.payments).await?;
        courier.idle().await;
        judge(&scene, engine.store().as_ref()).await
    })
}

/// A new file with a sales unit and somebody who pays.
fn parties(file: &Path) -> anyhow::Result<Parties> {
    Runtime::new()?.block_on(async {
        let store = Arc::new(SqliteStore::open(file)?);
        let world = World::with(store.clone(), Settings::default()).await;
        let (shop, person) = (world.shop(|_| {}).await, world.person(|_| {}).await);
        let msn = shop.unit().facts.msn.clone();
        store.close().await;
        Ok(Parties {
            msn,
            phone: person.phone,
        })
    })
}

/// Opens the file as a new process would.
async fn start(scene: &Scene) -> anyhow::Result<(Arc<Engine>, CourierHandle)> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&scene.file)?);
    let clock = Arc::new(ManualClock::new("2023-06-13T12:00:00Z".parse()?));
    let vault = Arc::new(Vault::new(&MasterKey::new(MASTER_KEY)));
    let resolver: TableResolver = Merchants::resolver();
    let config = CourierConfig {
        vault: Some(vault.clone()),
        ..CourierConfig::default()
    };
    let courier = Courier::new(config, Arc::new(resolver));
    let now = clock.clone();
    let limits = Limits {
        backlog: usize::MAX,
        ..Limits::default()
    };
    let courier = CourierHandle::new(courier, store.clone(), Arc::new(move || now.now()), limits);
    let outgoing = Arc::new(Messenger(courier.clone()));
    let chance = Chance::from_entropy();
    let engine = Engine::open(store, clock, chance, outgoing, vault, Settings::default()).await?;
    courier.recover(|_| UrlPolicy::Local).await?;
    Ok((Arc::new(engine), courier))
}

/// Makes payments up to this number.
async fn trade(scene: &Arc<Scene>, engine: &Arc<Engine>, until: u64) -> anyhow::Result<()> {
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (scene, engine) = (scene.clone(), engine.clone());
        clients.spawn(async move {
            loop {
                let number = scene.next.fetch_add(1, Ordering::SeqCst);
                if number >= until {
                    scene.next.fetch_min(until, Ordering::SeqCst);
                    return anyhow::Ok(());
                }
                pay(&scene, &engine, number).await?;
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(())
}

async fn pay(scene: &Scene, engine: &Engine, number: u64) -> anyhow::Result<()> {
    let directory = engine.directory.of(Environment::Test);
    let unit = directory
        .unit(&scene.parties.msn)
        .context("the unit is there")?;
    let id = format!("order-{number}");
    let order = Order {
        made_by: MadeBy::Ecom,
        id: OrderId::try_new(&id).context("an order id")?,
        amount: Minor::try_new(1_000).context("ten kroner")?,
        text: "Socks".to_owned(),
        callback_prefix: scene.merchants.prefix(number)?,
        fall_back: "https://example.com/".to_owned(),
        auth_token: None,
        is_app: false,
        skip_landing_page: false,
        mobile: None,
        scope: BTreeSet::new(),
        checkout: Checkout::Regular,
        capture: CaptureType::Reserve,
    };
    let initiated = engine.initiate(unit, order, None).await;
    initiated.map_err(|refused| anyhow::anyhow!("{id}: {refused:?}"))?;
    let approved = engine
        .approve(unit, &id, &scene.parties.phone, 0, None)
        .await;
    approved.map_err(|refused| anyhow::anyhow!("{id}: {refused:?}"))?;
    scene
        .approved
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(number);
    Ok(())
}

/// Looks at every callback and at what its merchant saw of it.
async fn judge(scene: &Scene, store: &dyn Store) -> anyhow::Result<Outcome> {
    let attempts = scene.merchants.attempts();
    let approved = scene
        .approved
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let mut outcome = Outcome {
        approved: approved.len(),
        ..Outcome::default()
    };
    outcome.twice = attempts.values().filter(|count| **count > 1).count();
    let mut owed = BTreeSet::new();
    let mut before = None;
    loop {
        let portion = store.latest_calls(before, 1_000).await?;
        let Some((last, _)) = portion.last() else {
            break;
        };
        before = Some(*last);
        for (_, record) in portion {
            let number: u64 = record.call.about.trim_start_matches("order-").parse()?;
            if !owed.insert(number) {
                outcome.wrong.push(format!("{number} has two callbacks"));
            }
            let attempted = attempts.get(&number).copied().unwrap_or_default();
            outcome.note(number, &record, attempted);
        }
    }
    let missing: Vec<_> = approved.difference(&owed).take(5).collect();
    if !missing.is_empty() {
        outcome.wrong.push(format!("no callback for {missing:?}"));
    }
    Ok(outcome)
}

impl Outcome {
    fn note(&mut self, number: u64, record: &CallRecord, attempted: u32) {
        let manner = Manner::of(number);
        let is_right = match &record.state {
            CallState::Done { outcome, .. } => {
                self.done += 1;
                self.failed += usize::from(outcome.failure.is_some());
                // Who refuses cannot count.
                let expected = u32::from(manner != Manner::Refuses);
                attempted == expected && manner.explains(outcome.failure.as_ref())
            }
            CallState::Interrupted { .. } => {
                self.interrupted += 1;
                attempted <= 1
            }
            CallState::Owed | CallState::Begun { .. } => false,
        };
        if !is_right {
            let state = &record.state;
            self.wrong.push(format!(
                "{number}, {manner:?}, attempted {attempted} times: {state:?}"
            ));
        }
    }
}

/// As if nobody had noted that a call was begun.
fn forget_begun(file: &Path) -> anyhow::Result<()> {
    let database = rusqlite::Connection::open(file)?;
    database.execute(
        "UPDATE calls SET state = 0, begun_at = NULL WHERE state = 1",
        [],
    )?;
    Ok(())
}

/// The engine's way to the courier.
struct Messenger(CourierHandle);

#[async_trait]
impl Outgoing for Messenger {
    fn post(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        self.0.post(partition, policy, call);
    }

    async fn ask(
        &self,
        partition: Partition,
        policy: UrlPolicy,
        call: OutgoingCall,
    ) -> CallOutcome {
        let asked = self.0.shipping_details(&partition, policy, call).await;
        asked.unwrap_or_else(|error| CallOutcome {
            status: None,
            failure: Some(CallFailure::Broken {
                detail: error.to_string(),
            }),
            duration_ms: 0,
            answer: None,
        })
    }
}
