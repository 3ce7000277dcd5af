//! The world a test plays in.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use jiff::{SignedDuration, Timestamp, civil::Date};
use sandkasse_api::{Platform, Shedder};
use sandkasse_courier::TableResolver;
use sandkasse_domain::{
    Environment, Msn, PhoneNumber,
    merchant::{Merchant, OrgForm, OrgNo, RegisterEntry, Standing},
    person::{Acts, Address, AddressKind, AppUse, Card, CardState, Person, PersonId},
    sales_unit::{SalesUnit, UrlPolicy},
};
use sandkasse_engine::{
    Chance, Engine, ManualClock, Outgoing, Settings, WallClock,
    directory::{Change, OfficeKeys, OfficeKind},
};
use sandkasse_gate::{Gate, token::KeySource};
use sandkasse_store::{MemoryStore, Store};

use crate::{Ask, FreshStore, Recorder, Shop, recorder::vault};

/// Both environments, on a new store, at noon of a day in June 2023.
#[derive(Clone)]
pub struct World {
    /// The platform itself.
    pub platform: Arc<Platform>,
    /// Real time, as far as this world is concerned.
    pub clock: Arc<ManualClock>,
    /// What the platform said to its merchants.
    pub recorder: Arc<Recorder>,
    numbers: Arc<AtomicU32>,
    /// What the store needs for as long as it is used.
    keep: Option<Arc<FreshStore>>,
}

impl World {
    /// Empty, on a [`FreshStore`], with the seed 1.
    pub async fn new() -> World {
        World::with_settings(Settings::default()).await
    }

    /// Empty, on a [`FreshStore`], with settings of your choice.
    pub async fn with_settings(settings: Settings) -> World {
        let fresh = FreshStore::new().await;
        World::with(fresh.store(), settings).await.keeping(fresh)
    }

    /// Keeps what the store of this world needs.
    pub fn keeping(mut self, fresh: FreshStore) -> World {
        self.keep = Some(Arc::new(fresh));
        self
    }

    /// On a store of your choice, with settings of your choice.
    pub async fn with(store: Arc<dyn Store>, settings: Settings) -> World {
        let recorder = Arc::new(Recorder::default());
        let (outgoing, resolver) = (recorder.clone(), TableResolver::new());
        World::with_outgoing(store, settings, recorder, outgoing, resolver, false).await
    }

    /// On a [`FreshStore`], with hosts that DNS knows. Without this no host exists, which only sales units
    /// with the strict URL policy notice.
    pub async fn with_dns(resolver: TableResolver) -> World {
        let recorder = Arc::new(Recorder::default());
        let fresh = FreshStore::new().await;
        let outgoing = recorder.clone();
        World::with_outgoing(
            fresh.store(),
            Settings::default(),
            recorder,
            outgoing,
            resolver,
            false,
        )
        .await
        .keeping(fresh)
    }

    /// On a [`FreshStore`], accepting tokens without the word `Bearer`.
    pub async fn with_lenient_bearer() -> World {
        let recorder = Arc::new(Recorder::default());
        let fresh = FreshStore::new().await;
        let (outgoing, resolver) = (recorder.clone(), TableResolver::new());
        World::with_outgoing(
            fresh.store(),
            Settings::default(),
            recorder,
            outgoing,
            resolver,
            true,
        )
        .await
        .keeping(fresh)
    }

    /// With another way to reach merchants than the recorder, such as a real courier.
    pub async fn with_outgoing(
        store: Arc<dyn Store>,
        settings: Settings,
        recorder: Arc<Recorder>,
        outgoing: Arc<dyn Outgoing>,
        resolver: TableResolver,
        lenient_bearer: bool,
    ) -> World {
        let start: Timestamp = "2023-06-13T12:00:00Z".parse().expect("a moment");
        let clock = Arc::new(ManualClock::new(start));
        let engine = Engine::open(
            store,
            clock.clone(),
            Chance::seeded(1),
            outgoing,
            vault(),
            settings,
        )
        .await
        .expect("an empty store opens");
        let engine = Arc::new(engine);
        let gate = Gate::new(
            engine.clone(),
            KeySource::Pem(include_str!("test-key.pem")),
            KeySource::Pem(include_str!("production-key.pem")),
            lenient_bearer,
        );
        let platform = Platform {
            engine,
            gate,
            resolver: Arc::new(resolver),
            test_base: "http://test.sandkasse.invalid".to_owned(),
            production_base: "http://production.sandkasse.invalid".to_owned(),
            shedder: Shedder::default(),
        };
        World {
            platform: Arc::new(platform),
            clock,
            recorder,
            numbers: Arc::new(AtomicU32::new(0)),
            keep: None,
        }
    }

    /// Another node on the same store, with a clock of its own choosing; `store` is a handle of it.
    /// What this world's numbers make is unique among both.
    pub async fn node(&self, store: Arc<dyn Store>, seed: u64) -> World {
        let recorder = Arc::new(Recorder::default());
        let engine = Engine::open(
            store,
            self.clock.clone(),
            Chance::seeded(seed),
            recorder.clone(),
            vault(),
            Settings::default(),
        )
        .await
        .expect("the store opens");
        let engine = Arc::new(engine);
        let key = KeySource::Directory(engine.clone());
        let gate = Gate::new(engine.clone(), key.clone(), key, false);
        World {
            platform: Arc::new(Platform {
                engine,
                gate,
                resolver: Arc::new(TableResolver::new()),
                test_base: self.platform.test_base.clone(),
                production_base: self.platform.production_base.clone(),
                shedder: Shedder::default(),
            }),
            clock: self.clock.clone(),
            recorder,
            numbers: self.numbers.clone(),
            keep: self.keep.clone(),
        }
    }

    /// Several nodes on one [`FreshStore`].
    pub async fn nodes(count: u64) -> Vec<World> {
        let memory = Arc::new(MemoryStore::new());
        let mut first = World::with(memory, Settings::default()).await;
        let clock = first.clock.clone();
        let (stores, keep) = FreshStore::nodes(count, Arc::new(move || clock.now())).await;
        first.keep = Some(Arc::new(keep));
        let mut nodes = Vec::new();
        for (seed, store) in (0..).zip(stores) {
            nodes.push(first.node(store, seed).await);
        }
        for node in &nodes {
            node.platform
                .engine
                .beat()
                .await
                .expect("memory does not fail");
        }
        nodes
    }

    pub(crate) fn number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    /// A call without any headers.
    pub fn ask(&self, environment: Environment, method: &str, path: &str) -> Ask {
        Ask::new(self.platform.clone(), environment, method, path)
    }

    /// Moves real time, and with it the clocks of all sales units; what falls due happens.
    pub async fn pass(&self, by: SignedDuration) {
        self.clock.advance(by);
        self.platform.engine.run_due_units().await;
        self.deliver().await;
    }

    /// Real time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A merchant in good standing in both environments.
    pub async fn merchant(&self) -> OrgNo {
        let orgno = OrgNo(format!("9{:08}", self.number()));
        self.set_standing(&orgno, Standing::Active).await;
        orgno
    }

    /// Changes how a merchant stands, in both environments.
    pub async fn set_standing(&self, orgno: &OrgNo, standing: Standing) {
        let mut merchant = Merchant::new(orgno.clone(), &format!("Merchant {}", orgno.0));
        merchant.standing = standing;
        let changes =
            Environment::ALL.map(|environment| Change::Merchant(environment, merchant.clone()));
        self.platform
            .engine
            .directory
            .change(changes.into())
            .await
            .expect("memory does not fail");
    }

    /// The Business register tells of a merchant, in both environments.
    pub async fn learn(&self, orgno: &OrgNo, form: &str, deleted_on: Option<Date>) {
        for environment in Environment::ALL {
            let directory = &self.platform.engine.directory;
            let entry = |merchant: &Merchant| RegisterEntry {
                name: merchant.name.clone(),
                form: OrgForm(form.to_owned()),
                deleted_on,
                asked_at: self.now(),
            };
            let learn = |merchant: &mut Merchant| merchant.learn(entry(merchant));
            let changed = directory.change_merchant(environment, orgno, learn).await;
            changed.expect("memory does not fail");
        }
    }

    /// A sales unit of a new merchant in the test environment: eCom and Login, reserve capture,
    /// limits on, local URLs. `change` makes it another.
    pub async fn shop(&self, change: impl FnOnce(&mut SalesUnit)) -> Shop {
        let orgno = self.merchant().await;
        self.shop_of(&orgno, change).await
    }

    /// The same, of a merchant that is there already.
    pub async fn shop_of(&self, merchant: &OrgNo, change: impl FnOnce(&mut SalesUnit)) -> Shop {
        let msn = Msn::try_new(&format!("{}", 200_001 + self.number())).expect("six digits");
        let keys = self.new_keys();
        let mut facts = SalesUnit::new(Environment::Test, msn, merchant.clone(), keys);
        "Acme socks".clone_into(&mut facts.name);
        facts.url_policy = UrlPolicy::Local;
        change(&mut facts);
        self.make(Change::Unit(Box::new(facts.clone()))).await;
        Shop::new(self.clone(), facts.environment, facts.msn)
    }

    /// A person of the test environment who can pay: 30 years old, logged in, approved once, a
    /// valid Visa and a Mastercard, a home address. `change` makes it another.
    pub async fn person(&self, change: impl FnOnce(&mut Person)) -> Person {
        self.person_in(Environment::Test, change).await
    }

    /// The same in an environment of your choice.
    pub async fn person_in(
        &self,
        environment: Environment,
        change: impl FnOnce(&mut Person),
    ) -> Person {
        let number = self.number();
        let card = |brand: &str, bin| Card {
            brand: brand.to_owned(),
            bin,
            state: CardState::Valid,
        };
        let mut person = Person {
            id: PersonId(self.platform.engine.chance.uuid().to_string()),
            phone: PhoneNumber::try_new(&format!("9{:07}", 1_000_000 + number)).expect("8 digits"),
            given_name: "Kari".to_owned(),
            family_name: "Nordmann".to_owned(),
            email: "kari@example.com".to_owned(),
            email_verified: true,
            birthdate: jiff::civil::date(1993, 1, 2),
            nin: "02019312345".to_owned(),
            addresses: vec![Address {
                kind: AddressKind::Home,
                line1: "Storgata 1".to_owned(),
                line2: None,
                post_code: "0155".to_owned(),
                city: "OSLO".to_owned(),
            }],
            cards: vec![card("Visa", 492_556), card("Mastercard", 534_489)],
            app: AppUse {
                logged_in: true,
                approved_once: true,
                outdated: false,
                wrong_pins: 0,
            },
            blocked: false,
            limit_reached: false,
            acts: Acts::ByHand,
        };
        change(&mut person);
        let change = Change::Person(environment, Box::new(person.clone()));
        self.make(change).await;
        person
    }

    /// Management or accounting keys.
    pub async fn office_keys(&self, environment: Environment, kind: OfficeKind) -> OfficeKeys {
        let chance = &self.platform.engine.chance;
        let keys = OfficeKeys {
            kind,
            owner: self.merchant().await,
            client_id: chance.uuid().to_string(),
            client_secret: chance.client_secret(),
        };
        self.make(Change::Office(environment, keys.clone())).await;
        keys
    }
}
