//! Everybody in one environment, at one moment.

use std::{collections::HashMap, sync::Arc};

use sandkasse_domain::{
    Msn, PhoneNumber,
    person::{Person, PersonId},
    sales_unit::{Merchant, OrgNo, SalesUnit},
};
use sandkasse_store::StoreError;

use super::{Change, Client};
use crate::unit::{Running, Unit};

/// Everybody in one environment, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    units: HashMap<Msn, Arc<Unit>>,
    merchants: HashMap<OrgNo, Arc<Merchant>>,
    persons: HashMap<PersonId, Arc<Person>>,
    phones: HashMap<PhoneNumber, PersonId>,
    clients: HashMap<String, Client>,
    subscription_keys: HashMap<String, Msn>,
    secrets: HashMap<String, String>,
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

    /// Makes a change. The clock of a sales unit that was there before goes on running.
    pub(super) fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Merchant(_, merchant) => self.put_merchant(merchant),
            Change::Unit(facts) => self.put_unit(facts)?,
            Change::Person(_, person) => {
                self.remove_person(&person.id);
                self.phones.insert(person.phone.clone(), person.id.clone());
                let person = Arc::new(Person::clone(person));
                self.persons.insert(person.id.clone(), person);
            }
            Change::PersonGone(_, id) => self.remove_person(id),
            Change::Office(_, keys) => {
                let client = Client::Office(Arc::new(keys.clone()));
                self.clients.insert(keys.client_id.clone(), client);
            }
            Change::Secret(_, name, secret) => {
                self.secrets.insert(name.clone(), secret.clone());
            }
        }
        Ok(())
    }

    fn put_merchant(&mut self, merchant: &Merchant) {
        let merchant = Arc::new(merchant.clone());
        self.merchants
            .insert(merchant.orgno.clone(), merchant.clone());
        let theirs: Vec<_> = self
            .units
            .values()
            .filter(|unit| unit.facts.merchant == merchant.orgno)
            .cloned()
            .collect();
        for unit in theirs {
            self.insert_unit(Unit {
                facts: unit.facts.clone(),
                merchant: merchant.clone(),
                running: unit.running.clone(),
            });
        }
    }

    fn put_unit(&mut self, facts: &SalesUnit) -> Result<(), StoreError> {
        let merchant = self
            .merchants
            .get(&facts.merchant)
            .cloned()
            .ok_or_else(|| StoreError(format!("sales unit {} has no merchant", facts.msn)))?;
        let running = match self.units.get(&facts.msn) {
            Some(before) => {
                let keys = &before.facts.keys;
                self.clients.remove(&keys.client_id);
                self.subscription_keys.remove(&keys.primary);
                self.subscription_keys.remove(&keys.secondary);
                before.running.clone()
            }
            None => Arc::new(Running::new(facts.clock_ahead_ms)),
        };
        self.insert_unit(Unit {
            facts: facts.clone(),
            merchant,
            running,
        });
        Ok(())
    }

    fn insert_unit(&mut self, unit: Unit) {
        let unit = Arc::new(unit);
        let (msn, keys) = (&unit.facts.msn, &unit.facts.keys);
        self.clients
            .insert(keys.client_id.clone(), Client::Unit(unit.clone()));
        for key in [&keys.primary, &keys.secondary] {
            self.subscription_keys.insert(key.clone(), msn.clone());
        }
        self.units.insert(msn.clone(), unit.clone());
    }

    fn remove_person(&mut self, id: &PersonId) {
        if let Some(person) = self.persons.remove(id)
            && self.phones.get(&person.phone) == Some(id)
        {
            self.phones.remove(&person.phone);
        }
    }
}
