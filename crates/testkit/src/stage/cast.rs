//! Who is on the stage.

use std::{collections::HashMap, sync::Arc};

use sandkasse_courier::TableResolver;
use sandkasse_domain::{
    Environment, Msn,
    keys::Keys,
    merchant::OrgNo,
    partner::{Partner, PartnerId, PartnerStatus},
    person::Person,
    sales_unit::SalesUnit,
};
use sandkasse_engine::{
    Settings,
    directory::{Change, OfficeKind},
};
use tokio::task::JoinHandle;

use super::{Unplayable, unknown};
use crate::{Got, Recorder, Shop, Trouble, TroubledStore, World};

/// What makes a person another.
type Trait = fn(&mut Person);

/// Nobody has this number.
pub(super) const UNKNOWN_PHONE: &str = "48059528";

pub(super) struct Cast {
    pub(super) world: World,
    store: Arc<TroubledStore>,
    pub(super) merchant: OrgNo,
    /// Whose program calls.
    pub(super) shop: Shop,
    /// Sales units by prefix: the merchant's other one, a stranger's, the one elsewhere.
    pub(super) shops: HashMap<&'static str, Shop>,
    pub(super) payer: Person,
    /// What stands in the configurations of their programs: the values of the beginning.
    pub(super) names: HashMap<String, String>,
    running: Option<JoinHandle<Got>>,
    /// In production only.
    partner: Option<Partner>,
}

impl Cast {
    pub(super) async fn gather(settings: Settings, in_production: bool) -> Cast {
        let store = Arc::new(TroubledStore::default());
        // DNS knows the hosts of correct requests, and no other.
        let dns = TableResolver::new().with("example.com", ["93.184.216.34"]);
        let recorder = Arc::new(Recorder::default());
        let outgoing = recorder.clone();
        let world =
            World::with_outgoing(store.clone(), settings, recorder, outgoing, dns, false).await;
        let here = if in_production {
            Environment::Production
        } else {
            Environment::Test
        };
        let at = |environment| move |unit: &mut SalesUnit| unit.environment = environment;
        let merchant = world.merchant().await;
        let shop = world.shop_of(&merchant, at(here)).await;
        let own = world.shop_of(&merchant, at(here)).await;
        let other = world.shop(at(here)).await;
        let elsewhere = world.shop_of(&merchant, at(here.other())).await;
        let far = if in_production {
            "TEST_"
        } else {
            "PRODUCTION_"
        };
        let shops = [
            ("", shop.clone()),
            ("OWN_", own),
            ("OTHER_", other),
            (far, elsewhere),
        ];

        let payer = world.person_in(here, |_| {}).await;
        let mut cast = Cast {
            merchant,
            payer: payer.clone(),
            names: HashMap::new(),
            running: None,
            partner: None,
            shops: shops.into(),
            shop,
            store,
            world,
        };
        cast.name("PHONE", payer.phone.as_str());
        cast.name("UNKNOWN_PHONE", UNKNOWN_PHONE);
        cast.people(here).await;
        for (prefix, shop) in cast.shops.clone() {
            cast.configure(prefix, shop.msn.as_str(), &shop.keys());
        }
        let office = cast.world.office_keys(here, OfficeKind::Management).await;
        cast.name("MANAGEMENT_CLIENT_ID", &office.client_id);
        cast.name("MANAGEMENT_CLIENT_SECRET", &office.client_secret);
        if in_production {
            cast.link_partner().await;
        }
        cast
    }

    /// A partner appears, and the sales unit that calls is linked to it.
    async fn link_partner(&mut self) {
        let chance = &self.world.platform.engine.chance;
        let partner = Partner {
            id: PartnerId("acme-partner".to_owned()),
            name: "Acme partner".to_owned(),
            own_number: Msn::try_new("199999").expect("six digits"),
            status: PartnerStatus::Active,
            keys: Keys {
                client_id: chance.uuid().to_string(),
                client_secret: chance.client_secret(),
                primary: chance.subscription_key(),
                secondary: chance.subscription_key(),
            },
            retired: Vec::new(),
        };
        let own_number = partner.own_number.to_string();
        self.configure("PARTNER_", &own_number, &partner.keys);
        let id = partner.id.clone();
        self.put_partner(partner).await;
        self.shop.change(|unit| unit.partner = Some(id)).await;
    }

    async fn put_partner(&mut self, partner: Partner) {
        let change = Change::Partner(self.shop.environment, partner.clone());
        let directory = &self.world.platform.engine.directory;
        let changed = directory.change(vec![change]).await;
        changed.expect("memory does not fail");
        self.partner = Some(partner);
    }

    /// What was a partner's is nobody's any more.
    pub(super) async fn deactivate_partner(&mut self, direction: &str) -> Result<(), Unplayable> {
        let mut partner = self.partner.clone().ok_or_else(|| unknown(direction))?;
        partner.status = PartnerStatus::Deactivated;
        self.put_partner(partner).await;
        Ok(())
    }

    /// People with something about them.
    async fn people(&mut self, here: Environment) {
        let traits: [(&str, Trait); 6] = [
            ("CHILD_PHONE", |it| {
                it.birthdate = jiff::civil::date(2010, 1, 2)
            }),
            ("BLOCKED_PHONE", |it| it.blocked = true),
            ("LIMIT_PHONE", |it| it.limit_reached = true),
            ("NEW_PHONE", |it| {
                it.app.logged_in = false;
                it.app.approved_once = false;
            }),
            ("OUTDATED_PHONE", |it| it.app.outdated = true),
            ("CARDLESS_PHONE", |it| it.cards.clear()),
        ];
        for (name, change) in traits {
            let person = self.world.person_in(here, change).await;
            self.name(name, person.phone.as_str());
        }
    }

    pub(super) fn name(&mut self, name: &str, value: &str) {
        self.names.insert(name.to_owned(), value.to_owned());
    }

    fn configure(&mut self, prefix: &str, msn: &str, keys: &Keys) {
        for (name, value) in [
            ("MSN", msn),
            ("CLIENT_ID", keys.client_id.as_str()),
            ("CLIENT_SECRET", &keys.client_secret),
            ("SUBSCRIPTION_KEY", &keys.primary),
            ("SECONDARY_SUBSCRIPTION_KEY", &keys.secondary),
        ] {
            self.name(&format!("{prefix}{name}"), value);
        }
    }

    /// From now on nothing can be stored.
    pub(super) fn break_store(&self) {
        self.store.set(Trouble::Broken);
    }

    /// Begins a capture that does not come to its end.
    pub(super) async fn begin_capture(&mut self, order: &str, amount: i64) {
        let (shop, order) = (self.shop.clone(), order.to_owned());
        // The token is fetched before anything is slow.
        let ask = shop
            .ask_modify("capture", &order, &shop.modify_body(amount))
            .await;
        self.store.set(Trouble::Slow);
        self.running = Some(tokio::spawn(ask.send()));
        self.store.held().await;
    }

    /// Ends all trouble, and what waited for that.
    pub(super) async fn calm_down(&mut self) {
        self.store.set(Trouble::None);
        if let Some(running) = self.running.take() {
            running.await.expect("it ends").ok();
        }
    }
}
