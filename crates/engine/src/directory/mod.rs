//! Who is who: merchants, sales units, keys, persons.
//!
//! All of it is held in memory behind one atomic pointer, so that authentication costs no query.
//! A change is durable before it is seen. The two environments share nothing.

mod client;
mod snapshot;
mod stored;

use std::sync::Arc;

use arc_swap::ArcSwap;
use sandkasse_domain::{
    Environment, Msn,
    incident::{Incident, IncidentId},
    keys::{KeyName, Keys, RetiredKey, retire},
    merchant::{Merchant, OrgNo, Registered},
    partner::{Partner, PartnerId, Psp, PspId},
    person::{Person, PersonId},
    sales_unit::SalesUnit,
    user::{ApiToken, User},
};
use sandkasse_store::{Store, StoreError};
use sandkasse_vault::Vault;
use tokio::sync::Mutex;

use crate::unit::Unit;

pub use client::{Client, OfficeKeys, OfficeKind};
pub use snapshot::Snapshot;
pub(crate) use stored::INSTALLATION;
pub use stored::sealed_entries;
use stored::{REGISTER_LIES_IN, entry, parse};

/// The status page of an environment tells of no more.
pub const MOST_INCIDENTS: usize = 200;

/// A change of the directory.
pub enum Change {
    /// A new merchant, or a changed one.
    Merchant(Environment, Merchant),
    /// A new sales unit, or a changed one.
    Unit(Box<SalesUnit>),
    /// A new person, or a changed one.
    Person(Environment, Box<Person>),
    /// A person who is there no more.
    PersonGone(Environment, PersonId),
    /// A new partner, or a changed one.
    Partner(Environment, Partner),
    /// A new payment service provider, or a changed one.
    Psp(Environment, Psp),
    /// Management or accounting keys.
    Office(Environment, OfficeKeys),
    /// What the built-in Business register says of an organisation. It is the same for both
    /// environments, and kept with production.
    Register(Registered),
    /// Somebody new who may sign in, or changed. Users and tokens are of the whole installation, and
    /// kept with production.
    User(User),
    /// A user who is there no more.
    UserGone(String),
    /// A program's token.
    ApiToken(ApiToken),
    /// A token that is good for nothing any more.
    ApiTokenGone(String),
    /// Something that the status page tells, new or told on.
    Incident(Environment, Incident),
    /// Something that it tells no more.
    IncidentGone(Environment, IncidentId),
    /// A secret of the platform itself, by name.
    Secret(Environment, String, String),
}

/// The directory of both environments.
pub struct Directory {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    test: ArcSwap<Snapshot>,
    production: ArcSwap<Snapshot>,
    changing: Mutex<()>,
}

impl Directory {
    /// Loads both environments.
    pub async fn open(store: Arc<dyn Store>, vault: Arc<Vault>) -> Result<Directory, StoreError> {
        let empty = || ArcSwap::from_pointee(Snapshot::empty(vault.clone()));
        let directory = Directory {
            store,
            test: empty(),
            production: empty(),
            changing: Mutex::new(()),
            vault,
        };
        directory.reload().await?;
        Ok(directory)
    }

    /// Everybody in one environment, as of now.
    pub fn of(&self, environment: Environment) -> Arc<Snapshot> {
        self.slot(environment).load_full()
    }

    /// What the built-in Business register says of an organisation. A merchant that nobody wrote
    /// anything about is registered under its own name and form.
    pub fn registered(&self, orgno: &OrgNo) -> Option<Registered> {
        let merchant = |environment| {
            let directory = self.of(environment);
            directory.merchant(orgno).map(|it| it.registered())
        };
        self.register_row(orgno)
            .or_else(|| merchant(Environment::Production))
            .or_else(|| merchant(Environment::Test))
    }

    /// What was written into the built-in Business register about an organisation.
    pub fn register_row(&self, orgno: &OrgNo) -> Option<Registered> {
        self.of(REGISTER_LIES_IN).register_row(orgno).cloned()
    }

    /// Who may sign in, by name.
    pub fn users(&self) -> Vec<Arc<User>> {
        self.of(REGISTER_LIES_IN).users()
    }

    /// A user by id.
    pub fn user(&self, id: &str) -> Option<Arc<User>> {
        self.of(REGISTER_LIES_IN).user(id).cloned()
    }

    /// Tokens of programs, by name.
    pub fn api_tokens(&self) -> Vec<Arc<ApiToken>> {
        self.of(REGISTER_LIES_IN).api_tokens()
    }

    /// A token by id.
    pub fn api_token(&self, id: &str) -> Option<Arc<ApiToken>> {
        self.of(REGISTER_LIES_IN).api_token(id).cloned()
    }

    /// Whose token this is. Looked up by a keyed digest, so that how long it takes tells nothing
    /// about the tokens there are.
    pub fn api_token_of(&self, secret: &str) -> Option<Arc<ApiToken>> {
        let digest = self.vault.digest(secret).to_hex();
        let tokens = self.api_tokens();
        tokens.into_iter().find(|token| token.digest == digest)
    }

    fn slot(&self, environment: Environment) -> &ArcSwap<Snapshot> {
        match environment {
            Environment::Test => &self.test,
            Environment::Production => &self.production,
        }
    }

    /// Makes changes durable, then seen: all of them, or none.
    pub async fn change(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        self.make(changes).await
    }

    /// Changes a sales unit as it stands at that moment. `None` when there is no such unit.
    pub async fn change_unit(
        &self,
        environment: Environment,
        msn: &Msn,
        change: impl FnOnce(&mut SalesUnit) + Send,
    ) -> Result<Option<Arc<Unit>>, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let Some(unit) = self.of(environment).unit(msn).cloned() else {
            return Ok(None);
        };
        let mut facts = unit.facts.clone();
        change(&mut facts);
        self.make(vec![Change::Unit(Box::new(facts))]).await?;
        Ok(self.of(environment).unit(msn).cloned())
    }

    /// Changes a merchant as it stands at that moment. `None` when there is no such merchant.
    pub async fn change_merchant(
        &self,
        environment: Environment,
        orgno: &OrgNo,
        change: impl FnOnce(&mut Merchant) + Send,
    ) -> Result<Option<Arc<Merchant>>, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let Some(merchant) = self.of(environment).merchant(orgno).cloned() else {
            return Ok(None);
        };
        let mut merchant = (*merchant).clone();
        change(&mut merchant);
        self.make(vec![Change::Merchant(environment, merchant)])
            .await?;
        Ok(self.of(environment).merchant(orgno).cloned())
    }

    /// Changes a partner as it stands at that moment. `None` when there is no such partner.
    pub async fn change_partner(
        &self,
        environment: Environment,
        id: &PartnerId,
        change: impl FnOnce(&mut Partner) + Send,
    ) -> Result<Option<Arc<Partner>>, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let Some(partner) = self.of(environment).partner(id).cloned() else {
            return Ok(None);
        };
        let mut partner = (*partner).clone();
        change(&mut partner);
        self.make(vec![Change::Partner(environment, partner)])
            .await?;
        Ok(self.of(environment).partner(id).cloned())
    }

    /// Changes a payment service provider as it stands at that moment. `None` when there is none.
    pub async fn change_psp(
        &self,
        environment: Environment,
        id: &PspId,
        change: impl FnOnce(&mut Psp) + Send,
    ) -> Result<Option<Arc<Psp>>, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let Some(psp) = self.of(environment).psp(id).cloned() else {
            return Ok(None);
        };
        let mut psp = (*psp).clone();
        change(&mut psp);
        self.make(vec![Change::Psp(environment, psp)]).await?;
        Ok(self.of(environment).psp(id).cloned())
    }

    /// Changes a person as they stand at that moment. `None` when there is no such person. With a
    /// new id it is another person from then on, and the old one is gone.
    pub async fn change_person(
        &self,
        environment: Environment,
        id: &PersonId,
        change: impl FnOnce(&mut Person) + Send,
    ) -> Result<Option<Arc<Person>>, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let Some(person) = self.of(environment).person(id).cloned() else {
            return Ok(None);
        };
        let mut person = (*person).clone();
        change(&mut person);
        let new_id = person.id.clone();
        let mut changes = vec![Change::Person(environment, Box::new(person))];
        if new_id != *id {
            changes.insert(0, Change::PersonGone(environment, id.clone()));
        }
        self.make(changes).await?;
        Ok(self.of(environment).person(&new_id).cloned())
    }

    /// Tells of a new incident. Beyond [`MOST_INCIDENTS`] the oldest that is over is forgotten;
    /// `false` when all of them are open.
    pub async fn open_incident(
        &self,
        environment: Environment,
        incident: Incident,
    ) -> Result<bool, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let here = self.of(environment);
        let mut changes = vec![Change::Incident(environment, incident)];
        if here.incidents().count() >= MOST_INCIDENTS {
            let over = here.incidents().filter(|it| !it.is_open());
            let Some(oldest) = over.min_by_key(|it| it.opened.at) else {
                return Ok(false);
            };
            changes.push(Change::IncidentGone(environment, oldest.id.clone()));
        }
        self.make(changes).await?;
        Ok(true)
    }

    /// Changes an incident as it stands at that moment. `None` when there is none.
    pub async fn change_incident(
        &self,
        environment: Environment,
        id: &IncidentId,
        change: impl FnOnce(&mut Incident) + Send,
    ) -> Result<Option<Arc<Incident>>, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let Some(incident) = self.of(environment).incident(id).cloned() else {
            return Ok(None);
        };
        let mut incident = (*incident).clone();
        change(&mut incident);
        self.make(vec![Change::Incident(environment, incident)])
            .await?;
        Ok(self.of(environment).incident(id).cloned())
    }

    async fn make(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let entries = changes
            .iter()
            .map(|change| entry(change, &self.vault))
            .collect::<Result<Vec<_>, _>>()?;
        self.store.put_directory(entries).await?;
        for environment in Environment::ALL {
            let of_here = |change: &&Change| change.environment() == environment;
            if changes.iter().any(|change| of_here(&change)) {
                let mut snapshot = Snapshot::clone(&self.of(environment));
                changes
                    .iter()
                    .filter(of_here)
                    .try_for_each(|change| snapshot.apply(change))?;
                self.slot(environment).store(Arc::new(snapshot));
            }
        }
        Ok(())
    }

    /// Reads everything again from the store.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        self.refresh().await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let entries = self.store.directory().await?;
        let mut changes = entries
            .iter()
            .map(|entry| parse(entry, &self.vault))
            .collect::<Result<Vec<_>, _>>()?;
        // A sales unit looks for its merchant, so merchants come first.
        changes.sort_by_key(|change| !matches!(change, Change::Merchant(..)));
        for environment in Environment::ALL {
            let mut snapshot = Snapshot::empty(self.vault.clone());
            let of_here = |change: &&Change| change.environment() == environment;
            changes
                .iter()
                .filter(of_here)
                .try_for_each(|change| snapshot.apply(change))?;
            self.slot(environment).store(Arc::new(snapshot));
        }
        Ok(())
    }
}

/// Replaces one of the keys; the old one is dead at once, and remembered by its digest.
pub fn regenerate(
    keys: &mut Keys,
    retired: &mut Vec<RetiredKey>,
    key: KeyName,
    engine: &crate::Engine,
) {
    let chance = &engine.chance;
    let fresh = match key {
        KeyName::ClientSecret => chance.client_secret(),
        KeyName::PrimarySubscriptionKey | KeyName::SecondarySubscriptionKey => {
            chance.subscription_key()
        }
    };
    let gone = RetiredKey {
        key,
        digest: engine.vault.digest(keys.value(key)).to_hex(),
        at: engine.clock.now(),
    };
    retire(retired, gone);
    keys.replace(key, fresh);
}

impl Change {
    fn environment(&self) -> Environment {
        match self {
            Change::Unit(unit) => unit.environment,
            Change::Register(_)
            | Change::User(_)
            | Change::UserGone(_)
            | Change::ApiToken(_)
            | Change::ApiTokenGone(_) => REGISTER_LIES_IN,
            Change::Merchant(environment, _)
            | Change::Person(environment, _)
            | Change::PersonGone(environment, _)
            | Change::Partner(environment, _)
            | Change::Psp(environment, _)
            | Change::Office(environment, _)
            | Change::Incident(environment, _)
            | Change::IncidentGone(environment, _)
            | Change::Secret(environment, ..) => *environment,
        }
    }
}
