//! Who is on the stage.

use std::{collections::HashMap, sync::Arc};

use sandkasse_courier::TableResolver;
use sandkasse_domain::{
    Environment, Wording, keys::Keys, merchant::OrgNo, person::Person, sales_unit::SalesUnit,
};
use sandkasse_engine::{Settings, directory::OfficeKind};
use tokio::task::JoinHandle;

use crate::{Got, PartnerShop, PspShop, Recorder, Shop, Trouble, TroubledStore, World};

/// What makes a person another.
type Change = fn(&mut Person);

/// Where a play happens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) in_production: bool,
    /// Test units that nobody uses are closed.
    pub(super) idle_away: bool,
}

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
    /// The partner that the shop is linked to.
    pub(super) partner: PartnerShop,
    /// A payment service provider that made none of the sales units.
    pub(super) psp: PspShop,
    pub(super) payer: Person,
    /// What stands in the configurations of their programs: the values of the beginning.
    pub(super) names: HashMap<String, String>,
    running: Option<JoinHandle<Got>>,
}

impl Cast {
    pub(super) async fn gather(wording: Wording, place: Place) -> Cast {
        let in_production = place.in_production;
        let store = Arc::new(TroubledStore::default());
        let settings = Settings {
            test_wording: wording,
            production_wording: wording,
            test_idle_deactivation: place.idle_away,
            ..Settings::default()
        };
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

        let partner = world.partner(here, |_| {}).await;
        world.link(&shop, &partner).await;
        let psp = world.psp(here).await;
        let payer = world.person_in(here, |_| {}).await;
        let mut cast = Cast {
            partner,
            psp,
            merchant,
            payer: payer.clone(),
            names: HashMap::new(),
            running: None,
            shops: shops.into(),
            shop,
            store,
            world,
        };
        let next_week = cast.world.now() + crate::days(7);
        cast.name("NEXT_WEEK", &next_week.to_string());
        cast.name("PHONE", payer.phone.as_str());
        cast.name("UNKNOWN_PHONE", UNKNOWN_PHONE);
        cast.people(here).await;
        for (prefix, shop) in cast.shops.clone() {
            cast.name(&format!("{prefix}MSN"), shop.msn.as_str());
            cast.configure(prefix, &shop.keys());
        }
        let partner = cast.partner.partner();
        cast.name("PARTNER_OWN_NUMBER", partner.own_number.as_str());
        cast.configure("PARTNER_", &partner.keys);
        cast.configure("PSP_", &cast.psp.keys());
        let office = cast.world.office_keys(here, OfficeKind::Management).await;
        cast.name("MANAGEMENT_CLIENT_ID", &office.client_id);
        cast.name("MANAGEMENT_CLIENT_SECRET", &office.client_secret);
        cast
    }

    /// People with something about them.
    async fn people(&mut self, here: Environment) {
        let traits: [(&str, Change); 6] = [
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

    fn configure(&mut self, prefix: &str, keys: &Keys) {
        for (name, value) in [
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
