//! Who is who: merchants, sales units, keys, persons.
//!
//! All of it is held in memory behind one atomic pointer, so that authentication costs no query.
//! A change is durable before it is seen. The two environments share nothing.

mod snapshot;

use std::sync::Arc;

use arc_swap::ArcSwap;
use sandkasse_domain::{
    Environment, Msn,
    person::{Person, PersonId},
    sales_unit::{KeyName, Keys, Merchant, OrgNo, SalesUnit},
};
use sandkasse_store::{DirectoryEntry, Store, StoreError};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::{unit::Unit, unreadable};

pub use snapshot::Snapshot;

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
pub enum Change {
    /// A new merchant, or a changed one.
    Merchant(Environment, Merchant),
    /// A new sales unit, or a changed one.
    Unit(Box<SalesUnit>),
    /// A new person, or a changed one.
    Person(Environment, Box<Person>),
    /// A person who is there no more.
    PersonGone(Environment, PersonId),
    /// Management or accounting keys.
    Office(Environment, OfficeKeys),
    /// A secret of the platform itself, by name.
    Secret(Environment, String, String),
}

/// The directory of both environments.
pub struct Directory {
    store: Arc<dyn Store>,
    test: ArcSwap<Snapshot>,
    production: ArcSwap<Snapshot>,
    changing: Mutex<()>,
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

    async fn make(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let entries = changes.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
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
        let mut changes = entries.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        // A sales unit looks for its merchant, so merchants come first.
        changes.sort_by_key(|change| !matches!(change, Change::Merchant(..)));
        for environment in Environment::ALL {
            let mut snapshot = Snapshot::default();
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

/// Replaces one of a unit's keys; the old one is dead at once.
pub fn regenerate(keys: &mut Keys, name: KeyName, chance: &crate::Chance) {
    match name {
        KeyName::ClientSecret => keys.client_secret = chance.client_secret(),
        KeyName::PrimarySubscriptionKey => keys.primary = chance.subscription_key(),
        KeyName::SecondarySubscriptionKey => keys.secondary = chance.subscription_key(),
    }
}

impl Change {
    fn environment(&self) -> Environment {
        match self {
            Change::Unit(unit) => unit.environment,
            Change::Merchant(environment, _)
            | Change::Person(environment, _)
            | Change::PersonGone(environment, _)
            | Change::Office(environment, _)
            | Change::Secret(environment, ..) => *environment,
        }
    }
}

const MERCHANT: &str = "merchant";
const SALES_UNIT: &str = "sales_unit";
const PERSON: &str = "person";
const OFFICE: &str = "office";
const SECRET: &str = "secret";

/// A change as the store keeps it.
fn entry(change: &Change) -> Result<DirectoryEntry, StoreError> {
    fn json(value: &impl Serialize) -> Result<Option<String>, StoreError> {
        serde_json::to_string(value)
            .map(Some)
            .map_err(|error| unreadable("an entry", &error))
    }
    let (kind, key, body) = match change {
        Change::Merchant(_, merchant) => (MERCHANT, merchant.orgno.0.clone(), json(merchant)?),
        Change::Unit(unit) => (SALES_UNIT, unit.msn.to_string(), json(unit)?),
        Change::Person(_, person) => (PERSON, person.id.0.clone(), json(person)?),
        Change::PersonGone(_, id) => (PERSON, id.0.clone(), None),
        Change::Office(_, keys) => (OFFICE, keys.client_id.clone(), json(keys)?),
        Change::Secret(_, name, secret) => (SECRET, name.clone(), json(secret)?),
    };
    Ok(DirectoryEntry {
        kind: kind.to_owned(),
        environment: change.environment(),
        key,
        body,
    })
}

/// What the store kept, as a change of an empty directory.
fn parse(entry: &DirectoryEntry) -> Result<Change, StoreError> {
    fn read<T: DeserializeOwned>(entry: &DirectoryEntry) -> Result<T, StoreError> {
        serde_json::from_str(entry.body.as_deref().unwrap_or_default())
            .map_err(|error| unreadable(&entry.kind, &error))
    }
    let environment = entry.environment;
    Ok(match entry.kind.as_str() {
        MERCHANT => Change::Merchant(environment, read(entry)?),
        SALES_UNIT => Change::Unit(read(entry)?),
        PERSON => Change::Person(environment, read(entry)?),
        OFFICE => Change::Office(environment, read(entry)?),
        SECRET => Change::Secret(environment, entry.key.clone(), read(entry)?),
        unknown => return Err(StoreError(format!("unknown directory entry `{unknown}`"))),
    })
}
