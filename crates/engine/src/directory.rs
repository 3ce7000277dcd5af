//! Who is who: merchants, sales units, keys, persons.
//!
//! All of it is held in memory behind one atomic pointer, so that authentication costs no query.
//! A change is durable before it is seen. The two environments share nothing.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use sandkasse_domain::{
    Environment, Msn, PhoneNumber,
    person::{Person, PersonId},
    sales_unit::{KeyName, Keys, Merchant, OrgNo, SalesUnit},
};
use sandkasse_store::{DirectoryEntry, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{
    unit::{Running, Unit},
    unreadable,
};

/// Everybody in one environment, at one moment.
#[derive(Debug, Default)]
pub struct Snapshot {
    units: HashMap<Msn, Arc<Unit>>,
    merchants: HashMap<OrgNo, Arc<Merchant>>,
    persons: HashMap<PersonId, Arc<Person>>,
    phones: HashMap<PhoneNumber, PersonId>,
    clients: HashMap<String, Client>,
    subscription_keys: HashMap<String, Msn>,
    secrets: HashMap<String, String>,
}

/// Whoever can fetch an access token.
#[derive(Clone, Debug)]
pub enum Client {
    /// A sales unit with its own keys.
    Unit(Arc<Unit>),
    /// A merchant or partner with keys that only manage or only report.
    Office(Arc<OfficeKeys>),
}

/// Keys that belong to no sales unit and use `/miami/v1/token`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeKeys {
    /// What they may do.
    pub kind: OfficeKind,
    /// Whose they are.
    pub owner: OrgNo,
    /// A GUID.
    pub client_id: String,
    /// Base64 of 16 bytes.
    pub client_secret: String,
}

/// What keys that belong to no sales unit may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfficeKind {
    /// The Management API.
    Management,
    /// The Report API.
    Accounting,
}

/// Secrets stay out of logs and panics.
impl std::fmt::Debug for OfficeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfficeKeys")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// A change of the directory.
#[derive(Debug)]
pub enum Change {
    /// A new merchant, or a changed one.
    Merchant(Environment, Merchant),
    /// A new sales unit, or a changed one.
    Unit(Box<SalesUnit>),
    /// A new person, or a changed one.
    Person(Environment, Box<Person>),
    /// Management or accounting keys.
    Office(Environment, OfficeKeys),
    /// A secret of the platform itself, by name.
    Secret(Environment, &'static str, String),
}

/// The directory of both environments.
pub struct Directory {
    store: Arc<dyn Store>,
    test: ArcSwap<Snapshot>,
    production: ArcSwap<Snapshot>,
    changing: Mutex<()>,
}

impl Snapshot {
    /// A sales unit by its number.
    pub fn unit(&self, msn: &Msn) -> Option<&Arc<Unit>> {
        self.units.get(msn)
    }

    /// All sales units, by number.
    pub fn units(&self) -> Vec<&Arc<Unit>> {
        let mut units: Vec<_> = self.units.values().collect();
        units.sort_by(|a, b| a.facts.msn.cmp(&b.facts.msn));
        units
    }

    /// The sales unit that a subscription key, primary or secondary, belongs to.
    pub fn unit_of_subscription_key(&self, key: &str) -> Option<&Arc<Unit>> {
        self.units.get(self.subscription_keys.get(key)?)
    }

    /// Whoever has this `client_id`.
    pub fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.get(client_id)
    }

    /// A merchant by its organisation number.
    pub fn merchant(&self, orgno: &OrgNo) -> Option<&Arc<Merchant>> {
        self.merchants.get(orgno)
    }

    /// A person.
    pub fn person(&self, id: &PersonId) -> Option<&Arc<Person>> {
        self.persons.get(id)
    }

    /// Whoever has this number.
    pub fn person_by_phone(&self, phone: &PhoneNumber) -> Option<&Arc<Person>> {
        self.persons.get(self.phones.get(phone)?)
    }

    /// All persons, by number.
    pub fn persons(&self) -> Vec<&Arc<Person>> {
        let mut persons: Vec<_> = self.persons.values().collect();
        persons.sort_by(|a, b| a.phone.cmp(&b.phone));
        persons
    }

    /// A secret of the platform itself.
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.secrets.get(name).map(String::as_str)
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty() && self.persons.is_empty()
    }
}

impl Directory {
    /// Loads both environments.
    pub async fn open(store: Arc<dyn Store>) -> Result<Directory, StoreError> {
        let directory = Directory {
            store,
            test: ArcSwap::default(),
            production: ArcSwap::default(),
            changing: Mutex::new(()),
        };
        directory.reload().await?;
        Ok(directory)
    }

    /// Everybody in one environment, as of now.
    pub fn of(&self, environment: Environment) -> Arc<Snapshot> {
        self.slot(environment).load_full()
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
        let entries = changes.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        self.store.put_directory(entries).await?;
        self.refresh().await
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
        self.store
            .put_directory(vec![entry(&Change::Unit(Box::new(facts)))?])
            .await?;
        self.refresh().await?;
        Ok(self.of(environment).unit(msn).cloned())
    }

    /// Changes a person as they stand at that moment. `None` when there is no such person.
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
        let changed = entry(&Change::Person(environment, Box::new(person)))?;
        self.store.put_directory(vec![changed]).await?;
        self.refresh().await?;
        Ok(self.of(environment).person(id).cloned())
    }

    /// Reads everything again from the store.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        self.refresh().await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        let entries = self.store.directory().await?;
        for environment in Environment::ALL {
            let before = self.of(environment);
            let snapshot = read(environment, &entries, &before)?;
            self.slot(environment).store(Arc::new(snapshot));
        }
        Ok(())
    }
}

/// Replaces one of a unit's keys; the old one is dead at once.
pub fn regenerate(keys: &mut Keys, name: KeyName, chance: &crate::Chance) {
    match name {
        KeyName::ClientSecret => keys.client_secret = chance.client_secret(),
        KeyName::PrimarySubscriptionKey => keys.primary = chance.subscription_key(),
        KeyName::SecondarySubscriptionKey => keys.secondary = chance.subscription_key(),
    }
}

fn entry(change: &Change) -> Result<DirectoryEntry, StoreError> {
    fn json(value: &impl Serialize) -> Result<Option<String>, StoreError> {
        serde_json::to_string(value)
            .map(Some)
            .map_err(|error| unreadable("an entry", &error))
    }
    let (kind, environment, key, body) = match change {
        Change::Merchant(environment, merchant) => (
            "merchant",
            *environment,
            merchant.orgno.0.clone(),
            json(merchant)?,
        ),
        Change::Unit(unit) => (
            "sales_unit",
            unit.environment,
            unit.msn.to_string(),
            json(unit)?,
        ),
        Change::Person(environment, person) => {
            ("person", *environment, person.id.0.clone(), json(person)?)
        }
        Change::Office(environment, keys) => {
            ("office", *environment, keys.client_id.clone(), json(keys)?)
        }
        Change::Secret(environment, name, secret) => {
            ("secret", *environment, (*name).to_owned(), json(secret)?)
        }
    };
    Ok(DirectoryEntry {
        kind: kind.to_owned(),
        environment,
        key,
        body,
    })
}

/// Builds a snapshot; clocks of units that were there before go on running.
fn read(
    environment: Environment,
    entries: &[DirectoryEntry],
    before: &Snapshot,
) -> Result<Snapshot, StoreError> {
    let mut snapshot = Snapshot::default();
    let mut units = Vec::new();
    for entry in entries
        .iter()
        .filter(|entry| entry.environment == environment)
    {
        let Some(body) = &entry.body else { continue };
        let wrong = |error: serde_json::Error| unreadable(&entry.kind, &error);
        match entry.kind.as_str() {
            "merchant" => {
                let merchant: Merchant = serde_json::from_str(body).map_err(wrong)?;
                snapshot
                    .merchants
                    .insert(merchant.orgno.clone(), Arc::new(merchant));
            }
            "sales_unit" => units.push(serde_json::from_str::<SalesUnit>(body).map_err(wrong)?),
            "person" => {
                let person: Person = serde_json::from_str(body).map_err(wrong)?;
                snapshot
                    .phones
                    .insert(person.phone.clone(), person.id.clone());
                snapshot.persons.insert(person.id.clone(), Arc::new(person));
            }
            "office" => {
                let keys: OfficeKeys = serde_json::from_str(body).map_err(wrong)?;
                let client = Client::Office(Arc::new(keys));
                snapshot.clients.insert(entry.key.clone(), client);
            }
            "secret" => {
                let secret = serde_json::from_str(body).map_err(wrong)?;
                snapshot.secrets.insert(entry.key.clone(), secret);
            }
            unknown => return Err(StoreError(format!("unknown directory entry `{unknown}`"))),
        }
    }
    for facts in units {
        let running = match before.units.get(&facts.msn) {
            Some(unit) => unit.running.clone(),
            None => Arc::new(Running::new(facts.clock_ahead_ms)),
        };
        let merchant = snapshot
            .merchants
            .get(&facts.merchant)
            .cloned()
            .ok_or_else(|| StoreError(format!("sales unit {} has no merchant", facts.msn)))?;
        let unit = Arc::new(Unit {
            facts,
            merchant,
            running,
        });
        let keys = &unit.facts.keys;
        let msn = &unit.facts.msn;
        snapshot
            .clients
            .insert(keys.client_id.clone(), Client::Unit(unit.clone()));
        snapshot
            .subscription_keys
            .insert(keys.primary.clone(), msn.clone());
        snapshot
            .subscription_keys
            .insert(keys.secondary.clone(), msn.clone());
        snapshot.units.insert(msn.clone(), unit);
    }
    Ok(snapshot)
}
