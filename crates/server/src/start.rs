//! Puts the parts together, runs them, and ends them in order. The parts are in [`crate::parts`].
//!
//! The order of a start: addresses, data, engine, demo data, listeners. No key is made before the
//! listeners accept; that takes longer than all the rest, and is done beside the first requests.
//! The order of an end: no new deadlines, no new requests, answers, calls, data.

use std::{
    future::Future, net::SocketAddr, panic::AssertUnwindSafe, path::Path, sync::Arc, time::Duration,
};

use futures_util::FutureExt;
use jiff::SignedDuration;
use sandkasse_api::Platform;
use sandkasse_courier::CourierHandle;
use sandkasse_domain::Environment;
use sandkasse_engine::{Engine, SystemClock, WallClock};
use sandkasse_inspect::{Inspector, InspectorConfig, OnDisk};
use sandkasse_store::{SqliteStore, Store};
use tokio::{
    net::TcpListener,
    sync::{Mutex, watch},
    task::{JoinHandle, JoinSet},
};

use crate::{
    Ended,
    address::BaseUrl,
    api_site::ApiSite,
    bankid::Sessions,
    certs_command,
    config::Settings,
    control::{Control, Guard, env::Keys},
    demo,
    explain::Access,
    files,
    landing::Surroundings,
    listener, logging,
    operations::{Operations, OperationsSite},
    output::{self, Banner},
    parts,
    portal::{Places, Portal, phone::Phones, requests::live::Live, visitors::Visitors},
    provider::Provider,
    register, supervisor,
    tls::{self, Tls},
    traces::Exporting,
};

/// Calls that are over are kept up to this number for each sales unit.
pub(crate) const CALLS_KEPT: usize = 10_000;
/// How often older ones are forgotten.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// How long calls in flight may take when the program shall end; a callback takes three seconds at
/// most.
const COURIER_PATIENCE: Duration = Duration::from_secs(4);
/// How long a signing key in the making holds up the end.
pub(crate) const LAST_WAIT: Duration = Duration::from_secs(1);

/// Runs the platform until SIGTERM or Ctrl-C.
pub(crate) fn run(settings: Settings) -> Result<(), Ended> {
    let failed = |error: std::io::Error| Ended::Failed(error.to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let traces = settings.otlp_endpoint.as_ref();
    let traces = traces.map(|to| Exporting::begin(to, runtime.handle()));
    let (traces, listener) = traces.transpose().map_err(Ended::WrongUse)?.unzip();
    logging::begin(settings.log_format, settings.log.as_deref(), listener);
    // A core dump holds every key that the platform knows; and no other process of this user may
    // look into its memory.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "core dumps could not be turned off");
        }
    }
    listener::limits::raise_files();
    let ended = runtime.block_on(async {
        // Before the ready file, so that nobody who reads it and signals at once is too early.
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .map_err(failed)?;
        let mut interrupt =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
                .map_err(failed)?;
        let (quiet, drain) = (settings.quiet, settings.drain);
        let running = start(settings).await?;
        if !quiet {
            output::say(&running.banner());
        }
        supervisor::ready();
        tokio::spawn(supervisor::keep_watchdog());
        let control = running.control.clone();
        let mut signal = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        running
            .until(async {
                signal().await;
                supervisor::stopping();
                // A second one has no patience.
                tokio::select! {
                    () = control.operations.drain_for(drain, &SystemClock) => {}
                    () = signal() => {}
                }
            })
            .await
    });
    if let Some(traces) = traces {
        traces.end();
    }
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
    engine: Arc<Engine>,
    control: Arc<Control>,
    inspector: Arc<Inspector>,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    beside: Vec<JoinHandle<()>>,
}

/// The three listeners, bound and not served yet.
struct Doors {
    test: (TcpListener, SocketAddr),
    production: (TcpListener, SocketAddr),
    portal: (TcpListener, SocketAddr),
    metrics: Option<(TcpListener, SocketAddr)>,
}

/// Starts everything; all listeners accept when it returns.
pub(crate) async fn start(settings: Settings) -> Result<Running, Ended> {
    if let Some(path) = &settings.ready_file {
        files::remove_ready_file(path).map_err(Ended::WrongUse)?;
    }
    let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
    let files = settings.tls.clone();
    let tls = files.map(|files| Tls::open(files, &*clock)).transpose();
    let tls = tls.map_err(Ended::WrongUse)?.map(Arc::new);
    let doors = Doors {
        test: listener::bind(settings.test, "--test").await?,
        production: listener::bind(settings.production, "--production").await?,
        portal: listener::bind(settings.portal, "--portal").await?,
        metrics: match settings.metrics {
            Some(address) => Some(listener::bind(address, "--metrics").await?),
            None => None,
        },
    };
    let base = |said: &Option<BaseUrl>, bound| {
        let own = || BaseUrl::of(bound, tls.is_some());
        let url = said.clone().unwrap_or_else(own);
        if let Some(tls) = tls.as_ref().filter(|tls| !tls.is_for(&url)) {
            tls.warn_of(&url);
        }
        url.as_str().to_owned()
    };
    let places = Places {
        test: base(&settings.test_url, doors.test.1),
        production: base(&settings.production_url, doors.production.1),
        portal: base(&settings.portal_url, doors.portal.1),
    };
    let data = parts::open(
        &settings.database,
        settings.master_key.as_ref(),
        parts::Opening::Platform,
    )
    .await?;
    let mut own = vec![doors.test.1, doors.production.1, doors.portal.1];
    own.extend(doors.metrics.as_ref().map(|it| it.1));
    let courier = parts::courier(own, &data, clock.clone());
    let platform = parts::platform(&settings, &places, &data, &clock, &courier).await?;

    let config = InspectorConfig {
        explain: settings.explanations,
        journal_bytes: settings.journal_bytes,
        portal: places.portal.clone(),
        on_disk: data
            .journal
            .clone()
            .map(|file| OnDisk {
                file,
                most_bytes: settings.journal_disk_bytes,
                secret: data.vault.digest("addresses of explanations").to_hex(),
            })
            .filter(|it| it.most_bytes > 0),
        shared_secret: data
            .store
            .nodes()
            .map(|_| data.vault.digest("addresses of explanations").to_hex()),
    };
    let inspector = Arc::new(Inspector::new(platform.clone(), config));
    let register = parts::register(&settings, &platform.engine, &clock);

    let (stop, stopped) = watch::channel(false);
    let control = Arc::new(Control {
        platform: platform.clone(),
        inspector: inspector.clone(),
        demo_data: settings.demo_data,
        local_urls: settings.local_urls,
        making: Mutex::new(()),
        partners_in_test: settings.partners_in_test,
        bankid: Sessions::default(),
        admin_token: settings.admin_token.clone(),
        scratch: crate::provoke::Scratch::default(),
        provider: Provider::of(&settings, &places.portal),
        visitors: Visitors::default(),
        phones: Phones::default(),
        live: Live::default(),
        operations: Operations::new(clock.now(), Some(courier.clone())),
        register: register.clone(),
        portal_base: places.portal.clone(),
        stop: stopped.clone(),
    });
    let guard = Guard {
        hosts: hosts(&settings, doors.portal.1),
        token: settings.admin_token.clone(),
        tls: tls.is_some(),
    };
    let demo = control
        .keys(Environment::Test, Some(demo::MAIN_UNIT))
        .ok()
        .filter(|keys| demo::is_known(Environment::Test, &keys.client_secret));
    let portal = Portal::new(guard, control.clone(), places.clone());
    let mut listeners = JoinSet::new();
    let surroundings = Surroundings {
        portal: places.portal.clone(),
        stop: stopped.clone(),
        control: settings
            .admin_token
            .is_none()
            .then(|| places.portal.clone()),
    };
    let known = &control.operations.listeners;
    for (environment, door, known) in [
        (Environment::Test, doors.test, &known.test),
        (Environment::Production, doors.production, &known.production),
    ] {
        let site = ApiSite::new(
            inspector.clone(),
            environment,
            surroundings.clone(),
            access(&settings, environment, door.1),
            known.clone(),
        );
        listeners.spawn(listener::serve(
            door.0,
            tls.clone(),
            Arc::new(site),
            clock.clone(),
            stopped.clone(),
        ));
    }
    let mut metrics = None;
    if let Some((door, bound)) = doors.metrics {
        let url = BaseUrl::of(bound, tls.is_some()).as_str().to_owned();
        let guard = bound.ip().is_loopback().then(|| Guard {
            hosts: Vec::new(),
            token: None,
            tls: tls.is_some(),
        });
        if guard.is_some() {
            tracing::info!(metrics = url, "health and figures are there");
        } else {
            tracing::warn!(
                metrics = url,
                "health and figures are there for whoever can reach it, without a credential"
            );
        }
        metrics = Some(url);
        let control = control.clone();
        let site = Arc::new(OperationsSite { control, guard });
        let served = listener::serve(door, tls.clone(), site, clock.clone(), stopped.clone());
        listeners.spawn(served);
    }
    listeners.spawn(listener::serve(
        doors.portal.0,
        tls.clone(),
        Arc::new(portal),
        clock.clone(),
        stopped,
    ));
    let shared = inspector.clone().run_shared();
    if let Some(path) = &settings.ready_file {
        let Places {
            test,
            production,
            portal,
        } = &places;
        files::write_ready_file(path, test, production, portal, metrics.as_deref())
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
        engine: platform.engine.clone(),
        control: control.clone(),
        inspector,
        stop,
        listeners,
        beside: vec![
            tokio::spawn(keep_agenda(platform.engine.clone())),
            tokio::spawn(keep_hooks(platform.engine.clone())),
            tokio::spawn(platform.engine.clone().run_nodes()),
            tokio::spawn(follow_resets(control.clone())),
            tokio::spawn(shared),
            tokio::spawn(warm_keys(platform.clone())),
            tokio::spawn(prune(platform.engine.clone())),
            tokio::spawn(register::keep_checking(platform.engine.clone(), register)),
            tokio::spawn(tls::keep_fresh(tls, clock)),
        ],
    })
}

/// Who may read which explanation at an environment's listener.
fn access(settings: &Settings, environment: Environment, bound: SocketAddr) -> Access {
    let public = match environment {
        Environment::Test => &settings.test_url,
        Environment::Production => &settings.production_url,
    };
    let own = BaseUrl::of(bound, false).host().to_owned();
    let public = public.as_ref().map(|url| url.host().to_owned());
    Access {
        guard: Guard {
            hosts: std::iter::once(own).chain(public).collect(),
            token: settings.admin_token.clone(),
            tls: settings.tls.is_some(),
        },
        local: settings.loopback_only,
    }
}

/// By what names the portal may be called, besides loopback.
fn hosts(settings: &Settings, portal: SocketAddr) -> Vec<String> {
    let own = BaseUrl::of(portal, false).host().to_owned();
    let public = settings
        .portal_url
        .as_ref()
        .map(|url| url.host().to_owned());
    std::iter::once(own).chain(public).collect()
}

/// The agenda for ever, also after a mistake of ours in it.
async fn keep_agenda(engine: Arc<Engine>) {
    loop {
        let run = AssertUnwindSafe(engine.clone().run_agenda());
        if run.catch_unwind().await.is_err() {
            tracing::error!("the agenda broke down, and begins again");
        }
    }
}

/// Webhooks for ever, also after a mistake of ours in them.
async fn keep_hooks(engine: Arc<Engine>) {
    while !engine.hooks.is_stopped() {
        let run = AssertUnwindSafe(engine.clone().run_hooks());
        if run.catch_unwind().await.is_err() {
            tracing::error!("delivering webhooks broke down, and begins again");
        }
    }
}

/// So that the first token is quick as well.
async fn warm_keys(platform: Arc<Platform>) {
    for environment in Environment::ALL {
        if let Err(error) = platform.gate.tokens(environment).key_set().await {
            tracing::error!(%environment, error, "there is no signing key, so there are no tokens");
        }
    }
}

/// Another node has forgotten everything: so does what is in this process's memory.
async fn follow_resets(control: Arc<Control>) {
    let mut resets = control.platform.engine.resets();
    while resets.changed().await.is_ok() {
        tracing::info!("another node was reset");
        control.forget();
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
    #[cfg(test)]
    pub(crate) fn inspector(&self) -> Arc<Inspector> {
        self.inspector.clone()
    }

    /// What a person who started it wants to know.
    pub(crate) fn banner(&self) -> String {
        let Places {
            test,
            production,
            portal,
        } = &self.places;
        let authority = certs_command::authority().filter(|_| test.starts_with("https://"));
        let authority = authority.as_deref().and_then(Path::to_str);
        Banner {
            test,
            production,
            portal,
            authority,
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
        self.control.operations.drain();
        tracing::info!("stopping");
        for task in &self.beside {
            task.abort();
        }
        self.stop.send_replace(true);
        while self.listeners.join_next().await.is_some() {}
        self.engine.hooks.stop();
        let left = self.courier.stop(COURIER_PATIENCE).await;
        self.engine.hooks.idle(COURIER_PATIENCE).await;
        if left > 0 {
            tracing::warn!(
                calls = left,
                "some calls were cut off; they are not repeated"
            );
        }
        let inspector = self.inspector;
        if tokio::task::spawn_blocking(move || inspector.journal.flush())
            .await
            .is_err()
        {
            tracing::warn!("the last calls may not be in the journal");
        }
        self.store.close().await;
        tracing::info!("stopped");
        ended
    }
}
