//! Load, decide, commit.
//!
//! The engine takes an intent ("capture 200 kroner of acme-1"), loads what the decision needs,
//! lets the pure machine of `domain` decide, and commits the outcome as one value for one sales
//! unit. Whatever happens later by itself (expiry, a person who acts unasked, money that goes
//! back) is a deadline in that commit, which the [`agenda`] brings back as a command. It speaks no
//! HTTP: the merchant APIs and the control API are its callers, the courier is behind [`Outgoing`].
//!
//! Begin with [`Engine`] in `payments.rs`.

pub mod agenda;
mod apps;
pub mod audit;
mod chance;
pub mod clock;
mod commits;
mod consents;
pub mod directory;
pub mod doctor;
mod draft;
mod facts;
pub mod faults;
mod finish;
mod incidents;
mod intent;
mod kept;
mod lanes;
mod ledgers;
mod measures;
pub mod moving;
mod nodes;
pub mod outgoing;
mod payments;
mod people;
mod replies;
mod shipping;
mod unit;
mod upcoming;
mod view;
pub mod webhooks;
mod windows;

/// The target of spans that are sent to a collector, and of nothing else.
pub const SPANS: &str = "sandkasse_spans";

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use sandkasse_domain::{
    AsOf, Environment, Msn, Timestamp, Wording,
    payment::{Cause, Happened, Payment},
    sales_unit::{ClosedBy, UnitState, UrlPolicy},
};
use sandkasse_hooks::HookCall;
use sandkasse_store::{
    CallFailure, CallOutcome, Kind, OutgoingCall, Partition, Store, StoreError, StreamId,
};
use sandkasse_vault::Vault;
use tokio::sync::broadcast;

pub use apps::InApp;
pub use chance::Chance;
pub use clock::{ManualClock, SystemClock, WallClock};
pub use directory::Directory;
pub use finish::ToTheEnd;
pub use intent::{
    Act, Done, Idempotency, Initiated, Intent, Operated, Rendered, Through, View, Wanted,
};
pub use kept::Folded;
pub use measures::{Ahead, Measures};
pub use people::ActRefused;
pub use sandkasse_store::Hit;
pub use shipping::{read_groups, read_method, read_methods};
pub use unit::Unit;
pub use upcoming::{Limit, LimitKind, Upcoming};
pub use windows::Windows;

/// How the platform reaches its merchants.
#[async_trait]
pub trait Outgoing: Send + Sync {
    /// Takes over a call that a commit has made owed. Returns at once.
    fn post(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall);

    /// Takes over a call that another process owed and left; however many there are, none is given up.
    fn post_owed(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        self.post(partition, policy, call);
    }

    /// Makes a call whose answer somebody is waiting for.
    async fn ask(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall)
    -> CallOutcome;

    /// Makes one attempt at a webhook delivery. Never fails: whatever goes wrong is an outcome.
    async fn deliver(&self, policy: UrlPolicy, call: HookCall) -> CallOutcome {
        let _ = (policy, call);
        CallOutcome {
            status: None,
            failure: Some(CallFailure::Broken {
                detail: "nobody here delivers webhooks".to_owned(),
            }),
            duration_ms: 0,
            answer: None,
        }
    }

    /// Tells the id of each call that ended, if it can.
    fn ended(&self) -> Option<broadcast::Receiver<String>> {
        None
    }
}

/// Why an intent came to nothing.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The platform says no, for this reason.
    Because(Cause),
    /// The platform itself failed; nothing changed. The text is for the log.
    Fault(String),
}

impl From<Cause> for Refused {
    fn from(cause: Cause) -> Refused {
        Refused::Because(cause)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        Refused::Fault(error.to_string())
    }
}

/// The platform's heart: shared by all listeners of one process.
pub struct Engine {
    /// Real time.
    pub clock: Arc<dyn WallClock>,
    /// Ids and chance.
    pub chance: Chance,
    /// Who is who.
    pub directory: Directory,
    /// What goes wrong on demand.
    pub faults: faults::Faults,
    /// Who changed what.
    pub audit: audit::Audit,
    /// Secrets at rest.
    pub vault: Arc<Vault>,
    /// Where calls are counted, if other processes count too.
    pub windows: Option<Windows>,
    /// What it counts of itself.
    pub measures: Arc<Measures>,
    store: Arc<dyn Store>,
    outgoing: Arc<dyn Outgoing>,
    lanes: lanes::Lanes,
    /// One report is made at a time: see [`ledgers`].
    reporting: tokio::sync::Mutex<()>,
    agenda: Arc<agenda::Agenda>,
    doubts: commits::Doubts,
    apps: Arc<apps::Apps>,
    /// Webhook deliveries.
    pub hooks: Arc<webhooks::Hooks>,
    settings: Settings,
    changes: broadcast::Sender<Changed>,
    others: nodes::Others,
}

/// Why whoever waits for a payment should look again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// This payment changed, by its order id.
    Payment(Partition, String),
    /// Any may have: another process works on the same store.
    Anything,
}

impl Engine {
    /// Loads the directory and the heads of all agendas.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn WallClock>,
        chance: Chance,
        outgoing: Arc<dyn Outgoing>,
        vault: Arc<Vault>,
        settings: Settings,
    ) -> Result<Engine, StoreError> {
        let directory = Directory::open(store.clone(), vault.clone()).await?;
        let audit = audit::Audit::open(store.clone()).await?;
        let agenda = Arc::new(agenda::Agenda::new(
            store.next_deadlines(Kind::Payment).await?,
        ));
        let hooks = webhooks::Hooks::new(store.next_deadlines(Kind::Delivery).await?);
        let engine = Engine {
            clock,
            chance,
            directory,
            audit,
            faults: faults::Faults::default(),
            vault,
            windows: Windows::of(&store),
            measures: Arc::default(),
            store,
            outgoing,
            lanes: lanes::Lanes::default(),
            reporting: tokio::sync::Mutex::default(),
            agenda,
            doubts: commits::Doubts::default(),
            apps: Arc::default(),
            hooks: Arc::new(hooks),
            settings,
            changes: broadcast::channel(1024).0,
            others: nodes::Others::default(),
        };
        engine.follow_shared_faults();
        engine.ensure_secrets().await?;
        Ok(engine)
    }

    /// The store behind, for what only reads.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The moment on a sales unit's own clock.
    pub fn now(&self, unit: &Unit) -> Timestamp {
        unit.now(self.clock.now())
    }

    /// Tells of every payment that changes from now on. A receiver that lags may miss some and
    /// should look again at what it waits for.
    pub fn changes(&self) -> broadcast::Receiver<Changed> {
        self.changes.subscribe()
    }

    /// Tells the id of each call to a merchant that ends from now on, if the way to them can tell.
    pub fn calls_ended(&self) -> Option<broadcast::Receiver<String>> {
        self.outgoing.ended()
    }

    /// Forgets every payment, call, key, person and fault, but not who may use the installation, nor
    /// the audit log. Operations under way end first; those that still wait for their turn come to
    /// nothing.
    pub async fn clear(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.others.resetting.lock().await;
        let _alone = self.retire_units().await;
        self.store.clear(&directory::INSTALLATION).await?;
        self.forget_rest().await?;
        if let Some(nodes) = self.store.nodes() {
            // The new epoch is this node's own doing.
            let beat = nodes.beat(self.directory.generation()).await?;
            self.others.expect(beat.epoch);
        }
        Ok(())
    }

    /// Another process has forgotten everything: this one does too.
    async fn forget(&self) -> Result<(), StoreError> {
        let _alone = self.retire_units().await;
        self.forget_rest().await
    }

    /// Operations under way end first; those that still wait for their turn come to nothing.
    async fn retire_units(&self) -> Vec<tokio::sync::OwnedRwLockWriteGuard<()>> {
        let units: Vec<Arc<Unit>> = Environment::ALL
            .into_iter()
            .flat_map(|environment| {
                let snapshot = self.directory.of(environment);
                snapshot.units().into_iter().cloned().collect::<Vec<_>>()
            })
            .collect();
        let mut alone = Vec::with_capacity(units.len());
        for unit in &units {
            alone.push(unit.running.pace.clone().write_owned().await);
            unit.running.retire();
        }
        alone
    }

    async fn forget_rest(&self) -> Result<(), StoreError> {
        self.agenda.clear();
        self.doubts.clear();
        self.hooks.clear();
        self.apps.clear();
        self.faults.clear();
        self.directory.reload().await?;
        self.ensure_secrets().await
    }

    /// The platform's own secrets exist from the first start on.
    async fn ensure_secrets(&self) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        for environment in Environment::ALL {
            let snapshot = self.directory.of(environment);
            for name in [consents::PAIRWISE_SECRET, LINK_SECRET] {
                if snapshot.secret(name).is_none() {
                    let secret = STANDARD.encode(self.chance.bytes::<32>());
                    missing.push(directory::Change::Secret(
                        environment,
                        name.to_owned(),
                        secret,
                    ));
                }
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            self.directory.change(missing).await
        }
    }

    /// Closes a test unit that nobody used for a year, where the installation does that, and tells
    /// by whom and when it was closed. The platform itself does so no longer (FAQ-82).
    pub async fn close_if_idle(&self, unit: &Unit) -> Option<(ClosedBy, Timestamp)> {
        let now = self.now(unit);
        let used_at = unit.running.used(now)?;
        let idle = now.duration_since(used_at) >= IDLE;
        let closes = self.settings.test_idle_deactivation
            && unit.facts.environment == Environment::Test
            && unit.facts.state == UnitState::Active;
        if !(idle && closes) {
            return None;
        }
        let (by, at) = (ClosedBy::Idle, self.clock.now());
        let state = UnitState::Deactivated { by: by.clone(), at };
        self.directory
            .change_unit(unit.facts.environment, &unit.facts.msn, |facts| {
                facts.state = state.clone();
            })
            .await
            .ok()?;
        Some((by, at))
    }

    /// What the installation chose.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The day whose platform this is.
    pub fn as_of(&self) -> AsOf {
        self.settings.as_of
    }

    /// Which wording an environment speaks.
    pub fn wording(&self, environment: Environment) -> Wording {
        self.settings.wording(environment)
    }
}

/// So long a test unit must be unused to be closed.
const IDLE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The name of the secret that landing page links are signed with.
pub const LINK_SECRET: &str = "link";

/// What an installation chooses for each environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Which wording the test environment speaks.
    pub test_wording: Wording,
    /// Which wording production speaks.
    pub production_wording: Wording,
    /// The day whose platform it is.
    pub as_of: AsOf,
    /// Whether test units that nobody used for a year are deactivated, as the platform once did.
    pub test_idle_deactivation: bool,
    /// Whether the test environment has reports, too.
    pub reports_in_test: bool,
}

impl Settings {
    fn wording(&self, environment: Environment) -> Wording {
        match environment {
            Environment::Test => self.test_wording,
            Environment::Production => self.production_wording,
        }
    }
}

/// The partition of a sales unit.
pub fn partition(environment: Environment, msn: &Msn) -> Partition {
    Partition {
        environment,
        msn: msn.clone(),
    }
}

fn payment_stream(order: &str) -> StreamId {
    StreamId {
        kind: Kind::Payment,
        name: order.to_owned(),
    }
}

fn consent_stream(sub: &str) -> StreamId {
    StreamId {
        kind: Kind::Consent,
        name: sub.to_owned(),
    }
}

/// A stored body that our own code wrote and can no longer read: a fault, never a refusal.
fn unreadable(what: &str, error: &serde_json::Error) -> StoreError {
    StoreError(format!("{what} in the store cannot be read: {error}"))
}

/// Reads a payment and its history as stored.
fn parse_history(events: &[sandkasse_store::StoredEvent]) -> Result<Vec<Happened>, StoreError> {
    events
        .iter()
        .map(|stored| {
            let event = serde_json::from_str(&stored.body)
                .map_err(|error| unreadable("an event", &error))?;
            Ok(Happened {
                at: stored.at,
                event,
            })
        })
        .collect()
}

fn parse_payment(body: &str) -> Result<Payment, StoreError> {
    serde_json::from_str(body).map_err(|error| unreadable("a payment", &error))
}
