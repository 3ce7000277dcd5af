//! Who is who: merchants, sales units, keys, persons.
//!
//! All of it is held in memory behind one atomic pointer, so that authentication costs no query.
//! A change is durable before it is seen. The two environments share nothing.

mod snapshot;

use std::sync::Arc;

use arc_swap::ArcSwap;
use sandkasse_domain::{
    Environment, Msn,
    keys::{KeyName, Keys, RetiredKey, retire},
    merchant::{Merchant, OrgNo},
    partner::{Partner, PartnerId, Psp, PspId},
    person::{Person, PersonId},
    sales_unit::SalesUnit,
};
use sandkasse_store::{DirectoryEntry, Store, StoreError};
use sandkasse_vault::{Vault, is_sealed};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::{unit::Unit, unreadable};

pub use snapshot::Snapshot;

/// Whoever has keys: can fetch an access token, and call.
#[derive(Clone, Debug)]
pub enum Client {
    /// A sales unit with its own keys.
    Unit(Arc<Unit>),
    /// A partner, for the sales units linked to it.
    Partner(Arc<Partner>),
    /// A payment service provider, for the sales units it made.
    Psp(Arc<Psp>),
    /// A merchant or partner with keys that only manage or only report.
    Office(Arc<OfficeKeys>),
}

impl Client {
    /// The `client_id`: one for each.
    pub fn id(&self) -> &str {
        match self {
            Client::Unit(unit) => &unit.facts.keys.client_id,
            Client::Partner(partner) => &partner.keys.client_id,
            Client::Psp(psp) => &psp.keys.client_id,
            Client::Office(keys) => &keys.client_id,
        }
    }

    /// The `client_secret`.
    pub fn secret(&self) -> &str {
        match self {
            Client::Unit(unit) => &unit.facts.keys.client_secret,
            Client::Partner(partner) => &partner.keys.client_secret,
            Client::Psp(psp) => &psp.keys.client_secret,
            Client::Office(keys) => &keys.client_secret,
        }
    }

    /// Keys of it that were replaced.
    pub fn retired(&self) -> &[RetiredKey] {
        match self {
            Client::Unit(unit) => &unit.facts.retired,
            Client::Partner(partner) => &partner.retired,
            Client::Psp(psp) => &psp.retired,
            Client::Office(_) => &[],
        }
    }

    /// In words, for traces: `sales unit 220001`.
    pub fn described(&self) -> String {
        match self {
            Client::Unit(unit) => format!("sales unit {}", unit.facts.msn),
            Client::Partner(partner) => format!("partner {}", partner.id.0),
            Client::Psp(psp) => format!("payment service provider {}", psp.id.0),
            Client::Office(keys) => format!("{} keys of {}", keys.kind.name(), keys.owner.0),
        }
    }
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

impl OfficeKind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            OfficeKind::Management => "management",
            OfficeKind::Accounting => "accounting",
        }
    }
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
    /// A new partner, or a changed one.
    Partner(Environment, Partner),
    /// A new payment service provider, or a changed one.
    Psp(Environment, Psp),
    /// Management or accounting keys.
    Office(Environment, OfficeKeys),
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
            Change::Merchant(environment, _)
            | Change::Person(environment, _)
            | Change::PersonGone(environment, _)
            | Change::Partner(environment, _)
            | Change::Psp(environment, _)
            | Change::Office(environment, _)
            | Change::Secret(environment, ..) => *environment,
        }
    }
}

const MERCHANT: &str = "merchant";
const SALES_UNIT: &str = "sales_unit";
const PERSON: &str = "person";
const PARTNER: &str = "partner";
const PSP: &str = "psp";
const OFFICE: &str = "office";
const SECRET: &str = "secret";

/// A change as the store keeps it. Whatever holds keys is sealed whole.
fn entry(change: &Change, vault: &Vault) -> Result<DirectoryEntry, StoreError> {
    fn json(value: &impl Serialize) -> Result<Option<String>, StoreError> {
        serde_json::to_string(value)
            .map(Some)
            .map_err(|error| unreadable("an entry", &error))
    }
    let environment = change.environment();
    let (kind, key, body) = match change {
        Change::Merchant(_, merchant) => (MERCHANT, merchant.orgno.0.clone(), json(merchant)?),
        Change::Unit(unit) => (SALES_UNIT, unit.msn.to_string(), json(unit)?),
        Change::Person(_, person) => (PERSON, person.id.0.clone(), json(person)?),
        Change::PersonGone(_, id) => (PERSON, id.0.clone(), None),
        Change::Partner(_, partner) => (PARTNER, partner.id.0.clone(), json(partner)?),
        Change::Psp(_, psp) => (PSP, psp.id.0.clone(), json(psp)?),
        Change::Office(_, keys) => (OFFICE, keys.client_id.clone(), json(keys)?),
        Change::Secret(_, name, secret) => (SECRET, name.clone(), json(secret)?),
    };
    let body = if holds_keys(kind) {
        body.map(|body| vault.seal(&place(environment, kind, &key), &body))
    } else {
        body
    };
    Ok(DirectoryEntry {
        kind: kind.to_owned(),
        environment,
        key,
        body,
    })
}

fn holds_keys(kind: &str) -> bool {
    [SALES_UNIT, PARTNER, PSP, OFFICE, SECRET].contains(&kind)
}

/// Where a sealed entry lies; it opens nowhere else.
fn place(environment: Environment, kind: &str, key: &str) -> String {
    format!("{environment}/{kind}/{key}")
}

/// The sealed entries of a directory, each with its place, for whoever asks whether a vault opens
/// them before anything is done with it.
pub fn sealed_entries(entries: &[DirectoryEntry]) -> Vec<(String, String)> {
    let sealed = |entry: &DirectoryEntry| {
        let body = entry.body.as_ref().filter(|body| is_sealed(body))?;
        Some((
            place(entry.environment, &entry.kind, &entry.key),
            body.clone(),
        ))
    };
    entries.iter().filter_map(sealed).collect()
}

/// What the store kept, as a change of an empty directory.
fn parse(entry: &DirectoryEntry, vault: &Vault) -> Result<Change, StoreError> {
    let environment = entry.environment;
    let kept = entry.body.as_deref().unwrap_or_default();
    let opened;
    let body = if is_sealed(kept) {
        opened = vault
            .open(&place(environment, &entry.kind, &entry.key), kept)
            .map_err(|error| StoreError(format!("{} {}: {error}", entry.kind, entry.key)))?;
        opened.as_str()
    } else {
        kept
    };
    fn read<T: DeserializeOwned>(kind: &str, body: &str) -> Result<T, StoreError> {
        serde_json::from_str(body).map_err(|error| unreadable(kind, &error))
    }
    let kind = entry.kind.as_str();
    Ok(match kind {
        MERCHANT => Change::Merchant(environment, read(kind, body)?),
        SALES_UNIT => Change::Unit(read(kind, body)?),
        PERSON => Change::Person(environment, read(kind, body)?),
        PARTNER => Change::Partner(environment, read(kind, body)?),
        PSP => Change::Psp(environment, read(kind, body)?),
        OFFICE => Change::Office(environment, read(kind, body)?),
        SECRET => Change::Secret(environment, entry.key.clone(), read(kind, body)?),
        unknown => return Err(StoreError(format!("unknown directory entry `{unknown}`"))),
    })
}
