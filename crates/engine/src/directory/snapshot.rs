//! Everybody in one environment, at one moment.

use std::{collections::BTreeMap, sync::Arc};

use rpds::HashTrieMapSync as Map;
use sandkasse_domain::{
    Msn, PhoneNumber,
    incident::{Incident, IncidentId},
    keys::{Keys, RetiredKey},
    merchant::{Merchant, OrgNo, Registered},
    partner::{Partner, PartnerId, Psp, PspId},
    person::{Person, PersonId},
    sales_unit::SalesUnit,
    user::{ApiToken, User},
    webhook::{Owner, Registration, RegistrationId},
};
use sandkasse_store::StoreError;
use sandkasse_vault::{Digest, Vault};

use super::{Change, Client, OfficeKeys};
use crate::{
    faults::SharedFault,
    unit::{Running, Unit},
};

/// Everybody in one environment, at one moment.
///
/// The maps share what is the same with the snapshot before, so a change among 10,000 sales units costs what it costs
/// among ten.
#[derive(Clone)]
pub struct Snapshot {
    vault: Arc<Vault>,
    units: Map<Msn, Arc<Unit>>,
    merchants: Map<OrgNo, Arc<Merchant>>,
    persons: Map<PersonId, Arc<Person>>,
    phones: Map<PhoneNumber, PersonId>,
    partners: Map<PartnerId, Arc<Partner>>,
    psps: Map<PspId, Arc<Psp>>,
    /// By `client_id`.
    clients: Map<String, Client>,
    /// Whose a subscription key is, as `client_id`.
    subscription_keys: Map<Digest, String>,
    secrets: Map<String, String>,
    register: Map<OrgNo, Registered>,
    users: Map<String, Arc<User>>,
    api_tokens: Map<String, Arc<ApiToken>>,
    incidents: Map<IncidentId, Arc<Incident>>,
    signing_key: Option<String>,
    webhooks: Map<RegistrationId, Arc<Registration>>,
    webhooks_of: Map<Owner, Vec<Arc<Registration>>>,
    faults: BTreeMap<u64, Arc<SharedFault>>,
}

impl Snapshot {
    pub(super) fn empty(vault: Arc<Vault>) -> Snapshot {
        Snapshot {
            vault,
            units: Map::default(),
            merchants: Map::default(),
            persons: Map::default(),
            phones: Map::default(),
            partners: Map::default(),
            psps: Map::default(),
            clients: Map::default(),
            subscription_keys: Map::default(),
            secrets: Map::default(),
            register: Map::default(),
            users: Map::default(),
            api_tokens: Map::default(),
            incidents: Map::default(),
            signing_key: None,
            webhooks: Map::default(),
            webhooks_of: Map::default(),
            faults: BTreeMap::new(),
        }
    }

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

    /// Whoever a subscription key, primary or secondary, belongs to. Looked up by a keyed digest,
    /// so that how long it takes tells nothing about the keys there are.
    pub fn client_of_subscription_key(&self, key: &str) -> Option<&Client> {
        let client_id = self.subscription_keys.get(&self.vault.digest(key))?;
        self.clients.get(client_id)
    }

    /// Whose a subscription key was before it was replaced, and when that was.
    pub fn client_of_retired_key(&self, key: &str) -> Option<(&Client, &RetiredKey)> {
        let digest = self.vault.digest(key).to_hex();
        self.clients.values().find_map(|client| {
            let mut retired = client.retired().iter();
            let gone = retired.find(|gone| gone.digest == digest)?;
            Some((client, gone))
        })
    }

    /// When this client's secret was replaced, if it was its secret before. As much work is done
    /// for a client that does not exist.
    pub fn retired_secret<'a>(
        &self,
        client: Option<&'a Client>,
        secret: &str,
    ) -> Option<&'a RetiredKey> {
        let digest = self.vault.digest(secret).to_hex();
        let mut retired = client.map_or(&[][..], Client::retired).iter();
        retired.find(|gone| gone.digest == digest)
    }

    /// Whoever has this `client_id`.
    pub fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients.get(client_id)
    }

    /// A merchant by its organisation number.
    pub fn merchant(&self, orgno: &OrgNo) -> Option<&Arc<Merchant>> {
        self.merchants.get(orgno)
    }

    /// All merchants, by number.
    pub fn merchants(&self) -> Vec<&Arc<Merchant>> {
        let mut merchants: Vec<_> = self.merchants.values().collect();
        merchants.sort_by(|a, b| a.orgno.cmp(&b.orgno));
        merchants
    }

    /// A partner.
    pub fn partner(&self, id: &PartnerId) -> Option<&Arc<Partner>> {
        self.partners.get(id)
    }

    /// All partners, by id.
    pub fn partners(&self) -> Vec<&Arc<Partner>> {
        let mut partners: Vec<_> = self.partners.values().collect();
        partners.sort_by(|a, b| a.id.cmp(&b.id));
        partners
    }

    /// A payment service provider.
    pub fn psp(&self, id: &PspId) -> Option<&Arc<Psp>> {
        self.psps.get(id)
    }

    /// All payment service providers, by id.
    pub fn psps(&self) -> Vec<&Arc<Psp>> {
        let mut psps: Vec<_> = self.psps.values().collect();
        psps.sort_by(|a, b| a.id.cmp(&b.id));
        psps
    }

    /// All management and accounting keys, by `client_id`.
    pub fn office_keys(&self) -> Vec<&Arc<OfficeKeys>> {
        let mut keys: Vec<_> = self
            .clients
            .values()
            .filter_map(|client| match client {
                Client::Office(keys) => Some(keys),
                Client::Unit(_) | Client::Partner(_) | Client::Psp(_) => None,
            })
            .collect();
        keys.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        keys
    }

    /// What was written into the built-in Business register about an organisation.
    pub(super) fn register_row(&self, orgno: &OrgNo) -> Option<&Registered> {
        self.register.get(orgno)
    }

    pub(super) fn user(&self, id: &str) -> Option<&Arc<User>> {
        self.users.get(id)
    }

    pub(super) fn users(&self) -> Vec<Arc<User>> {
        let mut users: Vec<_> = self.users.values().cloned().collect();
        users.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        users
    }

    pub(super) fn api_token(&self, id: &str) -> Option<&Arc<ApiToken>> {
        self.api_tokens.get(id)
    }

    pub(super) fn api_tokens(&self) -> Vec<Arc<ApiToken>> {
        let mut tokens: Vec<_> = self.api_tokens.values().cloned().collect();
        tokens.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        tokens
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

    /// What all processes sign tokens with, in PEM, if they share it.
    pub fn signing_key(&self) -> Option<String> {
        self.signing_key.clone()
    }

    /// A registration of a webhook.
    pub fn webhook(&self, id: &RegistrationId) -> Option<&Arc<Registration>> {
        self.webhooks.get(id)
    }

    /// The registrations of a sales unit or a partner, the first made first.
    pub fn webhooks_of(&self, owner: &Owner) -> &[Arc<Registration>] {
        self.webhooks_of.get(owner).map_or(&[], Vec::as_slice)
    }

    /// The fault rules that processes share, by id.
    pub(crate) fn faults(&self) -> &BTreeMap<u64, Arc<SharedFault>> {
        &self.faults
    }

    /// An incident that an admin wrote.
    pub fn incident(&self, id: &IncidentId) -> Option<&Arc<Incident>> {
        self.incidents.get(id)
    }

    /// All incidents that admins wrote.
    pub fn incidents(&self) -> impl Iterator<Item = &Arc<Incident>> {
        self.incidents.values()
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
                self.phones
                    .insert_mut(person.phone.clone(), person.id.clone());
                let person = Arc::new(Person::clone(person));
                self.persons.insert_mut(person.id.clone(), person);
            }
            Change::PersonGone(_, id) => self.remove_person(id),
            Change::Partner(_, partner) => {
                if let Some(before) = self.partners.get(&partner.id).cloned() {
                    self.forget_keys(&before.keys);
                }
                let partner = Arc::new(partner.clone());
                self.partners
                    .insert_mut(partner.id.clone(), partner.clone());
                self.remember_keys(&partner.keys, Client::Partner(partner.clone()));
            }
            Change::Psp(_, psp) => {
                if let Some(before) = self.psps.get(&psp.id).cloned() {
                    self.forget_keys(&before.keys);
                }
                let psp = Arc::new(psp.clone());
                self.psps.insert_mut(psp.id.clone(), psp.clone());
                self.remember_keys(&psp.keys, Client::Psp(psp.clone()));
            }
            Change::Office(_, keys) => {
                let client = Client::Office(Arc::new(keys.clone()));
                self.clients.insert_mut(keys.client_id.clone(), client);
            }
            Change::Secret(_, name, secret) => {
                self.secrets.insert_mut(name.clone(), secret.clone());
            }
            Change::User(user) => {
                self.users
                    .insert_mut(user.id.clone(), Arc::new(user.clone()));
            }
            Change::UserGone(id) => {
                self.users.remove_mut(id);
            }
            Change::ApiToken(token) => {
                let token = Arc::new(token.clone());
                self.api_tokens.insert_mut(token.id.clone(), token);
            }
            Change::ApiTokenGone(id) => {
                self.api_tokens.remove_mut(id);
            }
            Change::Incident(_, incident) => {
                let incident = Arc::new(incident.clone());
                self.incidents.insert_mut(incident.id.clone(), incident);
            }
            Change::IncidentGone(_, id) => {
                self.incidents.remove_mut(id);
            }
            Change::Webhook(_, webhook) => {
                self.remove_webhook(&webhook.id);
                let webhook = Arc::new(Registration::clone(webhook));
                let theirs = self.webhooks_of.get(&webhook.owner);
                let mut theirs = theirs.cloned().unwrap_or_default();
                theirs.push(webhook.clone());
                theirs.sort_by(|a, b| (a.made_at, &a.id).cmp(&(b.made_at, &b.id)));
                self.webhooks_of.insert_mut(webhook.owner.clone(), theirs);
                self.webhooks.insert_mut(webhook.id.clone(), webhook);
            }
            Change::WebhookGone(_, id) => self.remove_webhook(id),
            Change::SigningKey(_, pem) => self.signing_key = Some(pem.clone()),
            Change::Fault(id, fault) => {
                self.faults.insert(*id, Arc::new(SharedFault::clone(fault)));
            }
            Change::FaultGone(_, id) => {
                self.faults.remove(id);
            }
            Change::Register(row) => {
                self.register.insert_mut(row.orgno.clone(), row.clone());
            }
        }
        Ok(())
    }

    fn put_merchant(&mut self, merchant: &Merchant) {
        let merchant = Arc::new(merchant.clone());
        let before = self.merchants.get(&merchant.orgno).cloned();
        self.merchants
            .insert_mut(merchant.orgno.clone(), merchant.clone());
        // Looking for the units of one who is new, or the same as ever, would take as long as there are units.
        if before.is_none_or(|before| before == merchant) {
            return;
        }
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
        let running = match self.units.get(&facts.msn).cloned() {
            Some(before) => {
                self.forget_keys(&before.facts.keys);
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
        self.remember_keys(&unit.facts.keys, Client::Unit(unit.clone()));
        self.units.insert_mut(unit.facts.msn.clone(), unit.clone());
    }

    fn remember_keys(&mut self, keys: &Keys, client: Client) {
        for key in [&keys.primary, &keys.secondary] {
            self.subscription_keys
                .insert_mut(self.vault.digest(key), keys.client_id.clone());
        }
        self.clients.insert_mut(keys.client_id.clone(), client);
    }

    fn forget_keys(&mut self, keys: &Keys) {
        for key in [&keys.primary, &keys.secondary] {
            self.subscription_keys.remove_mut(&self.vault.digest(key));
        }
        self.clients.remove_mut(&keys.client_id);
    }

    fn remove_webhook(&mut self, id: &RegistrationId) {
        let Some(before) = self.webhooks.get(id).cloned() else {
            return;
        };
        self.webhooks.remove_mut(id);
        let theirs = self.webhooks_of.get(&before.owner);
        let mut theirs = theirs.cloned().unwrap_or_default();
        theirs.retain(|it| it.id != *id);
        if theirs.is_empty() {
            self.webhooks_of.remove_mut(&before.owner);
        } else {
            self.webhooks_of.insert_mut(before.owner.clone(), theirs);
        }
    }

    fn remove_person(&mut self, id: &PersonId) {
        let Some(person) = self.persons.get(id).cloned() else {
            return;
        };
        self.persons.remove_mut(id);
        if self.phones.get(&person.phone) == Some(id) {
            self.phones.remove_mut(&person.phone);
        }
    }
}
