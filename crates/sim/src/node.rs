//! One node: a whole platform with a runtime of its own. Dropping it is a crash: whatever it was
//! doing is gone at once.

use std::{future::Future, pin::pin, sync::Arc};

use futures_util::future::{Either, select};
use sandkasse_api::{Platform, Shedder};
use sandkasse_courier::{CourierHandle, Limits, TableResolver};
use sandkasse_domain::{Environment, sales_unit::UrlPolicy};
use sandkasse_engine::{Chance, Engine, ManualClock, Settings, WallClock};
use sandkasse_gate::{Gate, token::KeySource};
use sandkasse_store::{Store, StoreError};
use sandkasse_vault::{MasterKey, Vault};
use tokio::runtime::{Builder, Runtime};

use crate::{
    breakage::Breakage,
    desk::Desk,
    network::{Messenger, Network, Wire},
    store::NodeStore,
};

/// Nobody asks the store so often without something happening.
const MOST_MOVES: u64 = 100_000;

/// A running node.
pub(crate) struct Node {
    runtime: Runtime,
    /// The platform.
    pub(crate) platform: Arc<Platform>,
    /// Where its operations on the store wait.
    pub(crate) desk: Arc<Desk>,
    has_key: Vec<Environment>,
}

/// What a node is started with.
pub(crate) struct Start {
    /// The store that all nodes share.
    pub(crate) store: Arc<dyn Store>,
    /// Whether the store has threads of its own.
    pub(crate) in_turn: bool,
    /// Real time.
    pub(crate) clock: Arc<ManualClock>,
    /// The merchants.
    pub(crate) network: Arc<Network>,
    /// Begins the node's ids and chance.
    pub(crate) seed: u64,
    /// What is broken on purpose.
    pub(crate) breakage: Option<Breakage>,
    /// Whether the agenda and the beats run by themselves, or only when told to.
    pub(crate) runs_agenda: bool,
}

impl Node {
    /// Starts a platform as the server does.
    pub(crate) fn start(start: Start) -> Result<Node, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| StoreError(error.to_string()))?;
        let desk = Desk::in_turn(start.in_turn);
        let runs_agenda = start.runs_agenda;
        let platform = runtime.block_on(open(start, desk.clone()))?;
        if runs_agenda {
            runtime.spawn(platform.engine.clone().run_agenda());
            runtime.spawn(platform.engine.clone().run_nodes());
        }
        Ok(Node {
            runtime,
            platform,
            desk,
            has_key: Vec::new(),
        })
    }

    /// Carries something out to its end. `None` when the node dies meanwhile.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let desk = &self.desk;
        self.runtime.block_on(async {
            let mut work = pin!(work);
            loop {
                if desk.is_dying() {
                    return None;
                }
                match select(work.as_mut(), pin!(desk.changed())).await {
                    Either::Left((done, _)) => return Some(done),
                    Either::Right(_) => {}
                }
            }
        })
    }

    /// Reads the signing key of an environment, on another thread, so that no call waits for it.
    pub(crate) fn read_key(&mut self, environment: Environment) -> Result<(), String> {
        if !self.has_key.contains(&environment) {
            let gate = &self.platform.gate;
            self.runtime.block_on(gate.tokens(environment).key_set())?;
            self.has_key.push(environment);
        }
        Ok(())
    }

    /// Begins something that goes on whenever the node is [let go on](Node::settle).
    pub(crate) fn begin(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        self.runtime.spawn(work).abort_handle()
    }

    /// Lets everything go on until nothing can, except for what waits at the desk or for others.
    pub(crate) fn settle(&self) {
        self.runtime.block_on(async {
            let desk = &self.desk;
            let began = desk.moves();
            loop {
                let before = desk.moves();
                assert!(before - began < MOST_MOVES, "a node is busy without end");
                // One yield lets every task that is ready have its turn; the second those it woke.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                if desk.is_dying() {
                    return;
                }
                if desk.moves() != before {
                    continue;
                }
                if desk.inside() == desk.waiting() {
                    return;
                }
                // The store works on a thread of its own.
                desk.changed().await;
            }
        });
    }

    /// Whoever waits for an order longer than the platform's patience gives up.
    pub(crate) fn lose_patience(&self) {
        self.runtime.block_on(async {
            tokio::time::advance(std::time::Duration::from_millis(2_500)).await;
        });
        self.settle();
    }
}

async fn open(start: Start, desk: Arc<Desk>) -> Result<Arc<Platform>, StoreError> {
    let shared = NodeStore::new(start.store, desk.clone(), start.breakage);
    let store: Arc<dyn Store> = Arc::new(shared);
    let wire = Wire {
        network: start.network,
        desk,
    };
    let clock = start.clock.clone();
    let now = Arc::new(move || clock.now());
    let courier = CourierHandle::new(wire, store.clone(), now, Limits::default());
    let engine = Engine::open(
        store,
        start.clock,
        Chance::repeating(start.seed),
        Arc::new(Messenger(courier.clone())),
        Arc::new(Vault::new(&MasterKey::new([7; 32]))),
        Settings::default(),
    )
    .await?;
    courier.recover(|_| UrlPolicy::Local).await?;
    let engine = Arc::new(engine);
    let gate = Gate::new(
        engine.clone(),
        KeySource::Pem(include_str!("../../testkit/src/test-key.pem")),
        KeySource::Pem(include_str!("../../testkit/src/production-key.pem")),
        false,
    );
    Ok(Arc::new(Platform {
        engine,
        gate,
        resolver: Arc::new(TableResolver::new()),
        test_base: "http://test.sandkasse.invalid".to_owned(),
        production_base: "http://production.sandkasse.invalid".to_owned(),
        shedder: Shedder::default(),
    }))
}
