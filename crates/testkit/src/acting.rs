//! Those who act for others: partners and payment service providers as actors.

use std::sync::Arc;

use sandkasse_domain::{
    Environment, Msn,
    keys::{KeyName, Keys},
    partner::{Partner, PartnerId, PartnerStatus, Psp, PspId},
};
use sandkasse_engine::directory::{Change, regenerate};

use crate::{Ask, Shop, World};

/// A partner's own program, with the right keys.
#[derive(Clone)]
pub struct PartnerShop {
    world: World,
    /// Where it is.
    pub environment: Environment,
    /// Which partner.
    pub id: PartnerId,
}

/// A payment service provider's own program, with the right keys.
#[derive(Clone)]
pub struct PspShop {
    world: World,
    /// Where it is.
    pub environment: Environment,
    /// Which provider.
    pub id: PspId,
}

impl World {
    /// An active partner without any sales unit. `change` makes it another.
    pub async fn partner(
        &self,
        environment: Environment,
        change: impl FnOnce(&mut Partner),
    ) -> PartnerShop {
        let number = self.number();
        let mut partner = Partner {
            id: PartnerId(format!("partner-{number}")),
            name: "Cashbox partners".to_owned(),
            own_number: Msn::try_new(&format!("{}", 500_001 + number)).expect("six digits"),
            status: PartnerStatus::Active,
            keys: self.new_keys(),
            retired: Vec::new(),
        };
        change(&mut partner);
        let id = partner.id.clone();
        self.make(Change::Partner(environment, partner)).await;
        PartnerShop {
            world: self.clone(),
            environment,
            id,
        }
    }

    /// A payment service provider without any sales unit.
    pub async fn psp(&self, environment: Environment) -> PspShop {
        let id = PspId(format!("psp-{}", self.number()));
        let psp = Psp {
            id: id.clone(),
            name: "Provider of payments".to_owned(),
            keys: self.new_keys(),
            retired: Vec::new(),
        };
        self.make(Change::Psp(environment, psp)).await;
        PspShop {
            world: self.clone(),
            environment,
            id,
        }
    }

    /// Links a sales unit to a partner, and so to no other one.
    pub async fn link(&self, shop: &Shop, partner: &PartnerShop) {
        let id = partner.id.clone();
        shop.change(|unit| unit.partner = Some(id.clone())).await;
    }

    pub(crate) fn new_keys(&self) -> Keys {
        let chance = &self.platform.engine.chance;
        Keys {
            client_id: chance.uuid().to_string(),
            client_secret: chance.client_secret(),
            primary: chance.subscription_key(),
            secondary: chance.subscription_key(),
        }
    }

    pub(crate) async fn make(&self, change: Change) {
        let changed = self.platform.engine.directory.change(vec![change]).await;
        changed.expect("memory does not fail");
    }

    /// A call with a fresh token of these keys and the primary subscription key.
    pub async fn ask_with(
        &self,
        environment: Environment,
        keys: &Keys,
        method: &str,
        path: &str,
    ) -> Ask {
        let token = self.ask_token(environment, keys).send().await.ok();
        let token = token["access_token"].as_str().expect("a token").to_owned();
        self.ask(environment, method, path)
            .header("Authorization", &format!("Bearer {token}"))
            .header("Ocp-Apim-Subscription-Key", &keys.primary)
    }

    /// A token request with these keys.
    pub fn ask_token(&self, environment: Environment, keys: &Keys) -> Ask {
        self.ask(environment, "POST", "/accesstoken/get")
            .header("client_id", &keys.client_id)
            .header("client_secret", &keys.client_secret)
            .header("Ocp-Apim-Subscription-Key", &keys.primary)
    }
}

impl PartnerShop {
    /// The partner as the platform knows it now.
    pub fn partner(&self) -> Arc<Partner> {
        let snapshot = self.world.platform.engine.directory.of(self.environment);
        let partner = snapshot.partner(&self.id);
        partner.expect("partners are never deleted").clone()
    }

    /// Its present keys.
    pub fn keys(&self) -> Keys {
        self.partner().keys.clone()
    }

    /// Changes its traits.
    pub async fn change(&self, change: impl FnMut(&mut Partner) + Send) {
        let directory = &self.world.platform.engine.directory;
        let changed = directory.change_partner(self.environment, &self.id, change);
        changed.await.expect("memory does not fail");
    }

    /// Its keys work for payments no more.
    pub async fn deactivate(&self) {
        self.change(|it| it.status = PartnerStatus::Deactivated)
            .await;
    }

    /// Makes a new key in place of one; answers the old one.
    pub async fn regenerate(&self, name: KeyName) -> String {
        let old = self.keys();
        let engine = &self.world.platform.engine;
        self.change(|it| regenerate(&mut it.keys, &mut it.retired, name, engine))
            .await;
        old.value(name).to_owned()
    }

    /// A token request with the right keys.
    pub fn ask_token(&self) -> Ask {
        self.world.ask_token(self.environment, &self.keys())
    }

    /// A call with a fresh token and the right keys, that names no sales unit yet.
    pub async fn ask(&self, method: &str, path: &str) -> Ask {
        self.world
            .ask_with(self.environment, &self.keys(), method, path)
            .await
    }

    /// The same, for a sales unit that the header names.
    pub async fn ask_for(&self, msn: &str, method: &str, path: &str) -> Ask {
        let ask = self.ask(method, path).await;
        ask.header("Merchant-Serial-Number", msn)
    }

    /// Asks for the details of an order of a sales unit.
    pub async fn ask_details(&self, msn: &str, order: &str) -> Ask {
        let path = format!("/ecomm/v2/payments/{order}/details");
        self.ask_for(msn, "GET", &path).await
    }

    /// Initiates a payment of a sales unit, which header and body name.
    pub async fn ask_initiate(&self, shop: &Shop, order: &str, amount: i64) -> Ask {
        let ask = self
            .ask_for(shop.msn.as_str(), "POST", "/ecomm/v2/payments")
            .await;
        ask.json(&shop.initiate_body(order, amount))
    }
}

impl PspShop {
    /// Its present keys.
    pub fn keys(&self) -> Keys {
        let snapshot = self.world.platform.engine.directory.of(self.environment);
        let psp = snapshot.psp(&self.id);
        psp.expect("providers are never deleted").keys.clone()
    }

    /// A call with a fresh token and the right keys.
    pub async fn ask(&self, method: &str, path: &str) -> Ask {
        self.world
            .ask_with(self.environment, &self.keys(), method, path)
            .await
    }
}
