//! Puts the parts together, runs them, and ends them in order.
//!
//! The order of a start: addresses, data, engine, demo data, listeners. No key is made before the
//! listeners accept; that takes longer than all the rest, and is done beside the first requests.
//! The order of an end: no new deadlines, no new requests, answers, calls, data.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use jiff::SignedDuration;
use sandkasse_api::Platform;
use sandkasse_courier::{Courier, CourierConfig, CourierHandle, Limits, SystemResolver};
use sandkasse_domain::Environment;
use sandkasse_engine::{Chance, Engine, SystemClock, WallClock};
use sandkasse_gate::{Gate, token::KeySource};
use sandkasse_store::{MemoryStore, SqliteStore, Store, StoreError};
use tokio::{
    net::TcpListener,
    sync::{Mutex, watch},
    task::{JoinHandle, JoinSet},
};

use crate::{
    Ended,
    address::BaseUrl,
    api_site::ApiSite,
    config::{Database, Settings},
    control::{self, Control, Guard, env::Keys},
    demo, exposure,
    files::{self, DataFolder},
    landing::Surroundings,
    listener, logging,
    messenger::Messenger,
    output::{self, Banner},
    portal::{Places, Portal},
};

/// Calls that are over are kept up to this number for each sales unit.
const CALLS_KEPT: usize = 10_000;
/// How often older ones are forgotten.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// How long calls in flight may take when the program shall end; a callback takes three seconds at
/// most.
const COURIER_PATIENCE: Duration = Duration::from_secs(4);
/// How long a signing key in the making holds up the end.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Runs the platform until SIGTERM or Ctrl-C.
pub(crate) fn run(settings: Settings) -> Result<(), Ended> {
    logging::begin();
    let failed = |error: std::io::Error| Ended::Failed(error.to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let ended = runtime.block_on(async {
        // Before the ready file, so that nobody who reads it and signals at once is too early.
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
            .map_err(failed)?;
        let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
            .map_err(failed)?;
        let quiet = settings.quiet;
        let running = start(settings).await?;
        if !quiet {
            output::say(&running.banner());
        }
        running
            .until(async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            })
            .await
    });
    runtime.shutdown_timeout(LAST_WAIT);
    ended
}

/// A platform that accepts calls.
pub(crate) struct Running {
    pub(crate) places: Places,
    data: String,
    demo: Option<Keys>,
    store: Arc<dyn Store>,
    sqlite: Option<Arc<SqliteStore>>,
    courier: CourierHandle,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    beside: Vec<JoinHandle<()>>,
}

/// The three listeners, bound and not served yet.
struct Doors {
    test: (TcpListener, SocketAddr),
    production: (TcpListener, SocketAddr),
    portal: (TcpListener, SocketAddr),
}

/// Where data and keys are.
struct Data {
    store: Arc<dyn Store>,
    sqlite: Option<Arc<SqliteStore>>,
    test_key: KeySource,
    production_key: KeySource,
    shown: String,
}

/// Starts everything; all listeners accept when it returns.
pub(crate) async fn start(settings: Settings) -> Result<Running, Ended> {
    if let Some(path) = &settings.ready_file {
        files::remove_ready_file(path).map_err(Ended::WrongUse)?;
    }
    let doors = Doors {
        test: listener::bind(settings.test, "--test").await?,
        production: listener::bind(settings.production, "--production").await?,
        portal: listener::bind(settings.portal, "--portal").await?,
    };
    let base = |said: &Option<BaseUrl>, bound| {
        let url = said.clone().unwrap_or_else(|| BaseUrl::of(bound));
        url.as_str().to_owned()
    };
    let places = Places {
        test: base(&settings.test_url, doors.test.1),
        production: base(&settings.production_url, doors.production.1),
        portal: base(&settings.portal_url, doors.portal.1),
    };
    let data = open(&settings.database)?;
    let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
    let own = vec![doors.test.1, doors.production.1, doors.portal.1];
    let courier = courier(own, data.store.clone(), clock.clone());
    let (platform, demo) = platform(&settings, &places, &data, &clock, &courier).await?;

    let (stop, stopped) = watch::channel(false);
    let control = Arc::new(Control {
        platform: platform.clone(),
        demo_data: settings.demo_data,
        local_urls: settings.local_urls,
        making: Mutex::new(()),
        stop: stopped.clone(),
    });
    let guard = Guard {
        hosts: hosts(&settings, doors.portal.1),
        token: settings.admin_token.clone(),
    };
    let demo = demo
        .then(|| control.keys(Environment::Test, Some(demo::MAIN_UNIT)).ok())
        .flatten();
    let portal = Portal::new(guard, control::router(control), places.clone());
    let mut listeners = JoinSet::new();
    let surroundings = Surroundings {
        control: settings.admin_token.is_none().then(|| places.portal.clone()),
    };
    for (environment, door) in [
        (Environment::Test, doors.test),
        (Environment::Production, doors.production),
    ] {
        let site = ApiSite::new(platform.clone(), environment, surroundings.clone());
        listeners.spawn(listener::serve(door.0, Arc::new(site), clock.clone(), stopped.clone()));
    }
    listeners.spawn(listener::serve(doors.portal.0, Arc::new(portal), clock, stopped));
    if let Some(path) = &settings.ready_file {
        files::write_ready_file(path, &places.test, &places.production, &places.portal)
            .map_err(Ended::WrongUse)?;
    }
    tracing::info!(
        test = places.test,
        production = places.production,
        portal = places.portal,
        "ready"
    );
    Ok(Running {
        places,
        data: data.shown,
        demo,
        store: data.store,
        sqlite: data.sqlite,
        courier,
        stop,
        listeners,
        beside: vec![
            tokio::spawn(platform.engine.clone().run_agenda()),
            tokio::spawn(warm_keys(platform.clone())),
            tokio::spawn(prune(platform.engine.clone())),
        ],
    })
}

fn open(database: &Database) -> Result<Data, Ended> {
    Ok(match database {
        Database::Memory => Data {
            store: Arc::new(MemoryStore::new()),
            sqlite: None,
            test_key: KeySource::Fresh,
            production_key: KeySource::Fresh,
            shown: "in memory, gone with the process".to_owned(),
        },
        Database::File(path) => {
            let folder = DataFolder::of(path).map_err(Ended::WrongUse)?;
            let store = SqliteStore::open(path).map_err(|error| {
                Ended::WrongUse(format!("{error} (with `--database sqlite:FILE`)"))
            })?;
            let store = Arc::new(store);
            Data {
                store: store.clone(),
                sqlite: Some(store),
                test_key: folder.test_key(),
                production_key: folder.production_key(),
                shown: path.display().to_string(),
            }
        }
    })
}

fn courier(own: Vec<SocketAddr>, store: Arc<dyn Store>, clock: Arc<dyn WallClock>) -> CourierHandle {
    let config = CourierConfig {
        own,
        ..CourierConfig::default()
    };
    let courier = Courier::new(config, Arc::new(SystemResolver));
    let now = Arc::new(move || clock.now());
    CourierHandle::new(courier, store, now, Limits::default())
}

/// The platform, with demo data if it is new, and whether demo keys work.
async fn platform(
    settings: &Settings,
    places: &Places,
    data: &Data,
    clock: &Arc<dyn WallClock>,
    courier: &CourierHandle,
) -> Result<(Arc<Platform>, bool), Ended> {
    let chance = match settings.seed {
        Some(seed) => Chance::seeded(seed),
        None => Chance::from_entropy(clock.now().as_millisecond()),
    };
    let wording = sandkasse_engine::Settings {
        test_wording: settings.wording,
        production_wording: settings.production_wording,
    };
    let messenger = Arc::new(Messenger::new(courier.clone(), settings.local_urls));
    let failed = |error: StoreError| Ended::Failed(error.to_string());
    let (store, clock) = (data.store.clone(), clock.clone());
    let engine = Engine::open(store, clock, chance, messenger.clone(), wording)
        .await
        .map_err(failed)?;
    let owed = courier
        .recover(|partition| {
            let directory = engine.directory.of(partition.environment);
            let unit = directory.unit(&partition.msn);
            let policy = unit.map(|unit| unit.facts.url_policy);
            messenger.policy(policy.unwrap_or(sandkasse_domain::sales_unit::UrlPolicy::Strict))
        })
        .await
        .map_err(failed)?;
    if owed > 0 {
        tracing::info!(calls = owed, "calls that an earlier run owed are sent now");
    }
    let is_new = Environment::ALL
        .into_iter()
        .all(|environment| engine.directory.of(environment).is_empty());
    if is_new && settings.demo_data {
        demo::fill(&engine, settings.local_urls)
            .await
            .map_err(failed)?;
    }
    let demo = demo::is_within(&engine);
    if demo && !settings.demo_data_bearable {
        return Err(Ended::WrongUse(exposure::DEMO_KEYS_WITHIN.to_owned()));
    }
    let engine = Arc::new(engine);
    let gate = Gate::new(
        engine.clone(),
        data.test_key.clone(),
        data.production_key.clone(),
        settings.lenient_bearer,
    );
    let platform = Platform {
        engine,
        gate,
        resolver: Arc::new(SystemResolver),
        test_base: places.test.clone(),
        production_base: places.production.clone(),
    };
    Ok((Arc::new(platform), demo))
}

/// By what names the portal may be called, besides loopback.
fn hosts(settings: &Settings, portal: SocketAddr) -> Vec<String> {
    let own = BaseUrl::of(portal).host().to_owned();
    let public = settings.portal_url.as_ref().map(|url| url.host().to_owned());
    std::iter::once(own).chain(public).collect()
}

/// So that the first token is quick as well.
async fn warm_keys(platform: Arc<Platform>) {
    for environment in Environment::ALL {
        if let Err(error) = platform.gate.tokens(environment).key_set().await {
            tracing::error!(%environment, error, "there is no signing key, so there are no tokens");
        }
    }
}

async fn prune(engine: Arc<Engine>) {
    loop {
        if let Err(error) = engine.store().prune_calls(CALLS_KEPT).await {
            tracing::warn!(%error, "old calls could not be forgotten");
        }
        engine
            .clock
            .sleep_until(engine.clock.now() + PRUNE_EVERY)
            .await;
    }
}

impl Running {
    /// What a person who started it wants to know.
    pub(crate) fn banner(&self) -> String {
        let Places {
            test,
            production,
            portal,
        } = &self.places;
        Banner {
            test,
            production,
            portal,
            data: &self.data,
            demo: self.demo.as_ref(),
        }
        .text()
    }

    /// Runs until `told`, then ends in order.
    pub(crate) async fn until(mut self, told: impl Future<Output = ()>) -> Result<(), Ended> {
        let broken = {
            let sqlite = self.sqlite.clone();
            async move {
                match sqlite {
                    Some(sqlite) => sqlite.broken().await,
                    None => std::future::pending().await,
                }
            }
        };
        let ended = tokio::select! {
            () = told => Ok(()),
            error = broken => Err(Ended::Failed(error.to_string())),
        };
        tracing::info!("stopping");
        for task in &self.beside {
            task.abort();
        }
        self.stop.send_replace(true);
        while self.listeners.join_next().await.is_some() {}
        let left = self.courier.stop(COURIER_PATIENCE).await;
        if left > 0 {
            tracing::warn!(calls = left, "some calls were cut off; they are not repeated");
        }
        self.store.close().await;
        tracing::info!("stopped");
        ended
    }
}
