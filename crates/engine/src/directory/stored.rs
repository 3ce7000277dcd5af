//! Changes as the store keeps them. Whatever holds keys is sealed.
//!
//! While nodes are brought up to date, newer ones work on the same directory. What only they know is left alone: kinds
//! that are not [known](is_known), and [members](Members) of entries, which are handed on by whoever writes
//! the entry anew. Any other change of what an entry says is not for two builds at once.

use sandkasse_domain::{
    Environment, incident::IncidentId, person::PersonId, webhook::RegistrationId,
};
use sandkasse_store::{DirectoryEntry, StoreError};
use sandkasse_vault::{Vault, is_sealed};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Change;
use crate::unreadable;

const MERCHANT: &str = "merchant";
const SALES_UNIT: &str = "sales_unit";
const PERSON: &str = "person";
const PARTNER: &str = "partner";
const PSP: &str = "psp";
const OFFICE: &str = "office";
const SECRET: &str = "secret";
const REGISTER: &str = "register";
const USER: &str = "user";
const API_TOKEN: &str = "api_token";

const INCIDENT: &str = "incident";
const SIGNING_KEY: &str = "signing_key";
const FAULT: &str = "fault";
const WEBHOOK: &str = "webhook";

/// All kinds that are read here.
const KINDS: [&str; 14] = [
    MERCHANT,
    SALES_UNIT,
    PERSON,
    PARTNER,
    PSP,
    OFFICE,
    SECRET,
    REGISTER,
    USER,
    API_TOKEN,
    INCIDENT,
    SIGNING_KEY,
    FAULT,
    WEBHOOK,
];

/// There is one of a kind.
const ONLY: &str = "only";

/// The kinds that belong to the installation: they outlive a reset of the platform.
pub(crate) const INSTALLATION: [&str; 3] = [USER, API_TOKEN, SIGNING_KEY];

/// That an import into this store was begun and has not ended. No platform starts on such a store.
pub const IMPORT: &str = "import";

/// There is one register; its table has to lie somewhere.
pub(super) const REGISTER_LIES_IN: Environment = Environment::Production;

/// Members of an entry that only a newer program knows.
pub(super) type Members = serde_json::Map<String, Value>;

/// Whether an entry is of a kind that this program reads, or must not pass over.
pub(super) fn is_known(entry: &DirectoryEntry) -> bool {
    entry.kind == IMPORT || KINDS.contains(&entry.kind.as_str())
}

/// A change as the store keeps it. Whatever holds keys is sealed whole.
pub(crate) fn entry(change: &Change, vault: &Vault) -> Result<DirectoryEntry, StoreError> {
    Ok(sealed(plain(change)?, vault))
}

/// The same, with members that a newer program wrote into the entry.
pub(super) fn entry_with(
    change: &Change,
    strange: impl FnOnce(&DirectoryEntry) -> Option<Members>,
    vault: &Vault,
) -> Result<DirectoryEntry, StoreError> {
    let mut entry = plain(change)?;
    if let Some(strange) = strange(&entry)
        && let Some(body) = &entry.body
        && let Some(mut members) = members(body)
    {
        for (name, value) in strange {
            members.entry(name).or_insert(value);
        }
        entry.body = Some(Value::Object(members).to_string());
    }
    Ok(sealed(entry, vault))
}

/// What an entry says that this program would not say of the same thing. `None` is the rule.
fn strange(body: &str, change: &Change) -> Result<Option<Members>, StoreError> {
    let Some(mut strange) = members(body) else {
        return Ok(None);
    };
    let known = plain(change)?.body.and_then(|it| members(&it));
    let known = known.unwrap_or_default();
    strange.retain(|name, _| !known.contains_key(name));
    Ok((!strange.is_empty()).then_some(strange))
}

fn members(body: &str) -> Option<Members> {
    match serde_json::from_str(body) {
        Ok(Value::Object(members)) => Some(members),
        Ok(_) | Err(_) => None,
    }
}

fn sealed(mut entry: DirectoryEntry, vault: &Vault) -> DirectoryEntry {
    if holds_keys(&entry.kind) {
        let place = place(entry.environment, &entry.kind, &entry.key);
        entry.body = entry.body.map(|body| vault.seal(&place, &body));
    }
    entry
}

/// A change in the words of the store, not sealed.
fn plain(change: &Change) -> Result<DirectoryEntry, StoreError> {
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
        Change::Incident(_, incident) => (INCIDENT, incident.id.0.clone(), json(incident)?),
        Change::IncidentGone(_, id) => (INCIDENT, id.0.clone(), None),
        Change::SigningKey(_, pem) => (SIGNING_KEY, ONLY.to_owned(), json(pem)?),
        Change::Fault(id, fault) => (FAULT, id.to_string(), json(fault)?),
        Change::FaultGone(_, id) => (FAULT, id.to_string(), None),
        Change::Webhook(_, webhook) => (WEBHOOK, webhook.id.0.clone(), json(webhook)?),
        Change::WebhookGone(_, id) => (WEBHOOK, id.0.clone(), None),
        Change::Register(row) => (REGISTER, row.orgno.0.clone(), json(row)?),
        Change::User(user) => (USER, user.id.clone(), json(user)?),
        Change::UserGone(id) => (USER, id.clone(), None),
        Change::ApiToken(token) => (API_TOKEN, token.id.clone(), json(token)?),
        Change::ApiTokenGone(id) => (API_TOKEN, id.clone(), None),
    };
    Ok(DirectoryEntry {
        kind: kind.to_owned(),
        environment,
        key,
        body,
    })
}

fn holds_keys(kind: &str) -> bool {
    [
        SALES_UNIT,
        PARTNER,
        PSP,
        OFFICE,
        SECRET,
        SIGNING_KEY,
        WEBHOOK,
    ]
    .contains(&kind)
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
pub(crate) fn parse(entry: &DirectoryEntry, vault: &Vault) -> Result<Change, StoreError> {
    parse_all(entry, vault).map(|(change, _)| change)
}

/// The same, and what only a newer program understands of it.
pub(super) fn parse_all(
    entry: &DirectoryEntry,
    vault: &Vault,
) -> Result<(Change, Option<Members>), StoreError> {
    let kind = entry.kind.as_str();
    // Whoever forgets to name a kind above cannot read it.
    if !KINDS.contains(&kind) {
        return Err(StoreError(format!("unknown directory entry `{kind}`")));
    }
    let Some(kept) = entry.body.as_deref() else {
        return Ok((gone(entry)?, None));
    };
    let opened;
    let body = if is_sealed(kept) {
        opened = vault
            .open(&place(entry.environment, kind, &entry.key), kept)
            .map_err(|error| StoreError(format!("{kind} {}: {error}", entry.key)))?;
        opened.as_str()
    } else {
        kept
    };
    let change = change(entry, body)?;
    let strange = strange(body, &change)?;
    Ok((change, strange))
}

fn change(entry: &DirectoryEntry, body: &str) -> Result<Change, StoreError> {
    fn read<T: DeserializeOwned>(kind: &str, body: &str) -> Result<T, StoreError> {
        serde_json::from_str(body).map_err(|error| unreadable(kind, &error))
    }
    let (environment, kind) = (entry.environment, entry.kind.as_str());
    Ok(match kind {
        MERCHANT => Change::Merchant(environment, read(kind, body)?),
        SALES_UNIT => Change::Unit(read(kind, body)?),
        PERSON => Change::Person(environment, read(kind, body)?),
        PARTNER => Change::Partner(environment, read(kind, body)?),
        PSP => Change::Psp(environment, read(kind, body)?),
        OFFICE => Change::Office(environment, read(kind, body)?),
        SECRET => Change::Secret(environment, entry.key.clone(), read(kind, body)?),
        INCIDENT => Change::Incident(environment, read(kind, body)?),
        SIGNING_KEY => Change::SigningKey(environment, read(kind, body)?),
        FAULT => Change::Fault(fault_id(&entry.key)?, read(kind, body)?),
        WEBHOOK => Change::Webhook(environment, read(kind, body)?),
        REGISTER => Change::Register(read(kind, body)?),
        USER => Change::User(read(kind, body)?),
        API_TOKEN => Change::ApiToken(read(kind, body)?),
        unknown => return Err(StoreError(format!("unknown directory entry `{unknown}`"))),
    })
}

fn fault_id(key: &str) -> Result<u64, StoreError> {
    let id = key.parse();
    id.map_err(|_| StoreError(format!("`{key}` is no id of a fault rule")))
}

/// An entry that is there no more.
fn gone(entry: &DirectoryEntry) -> Result<Change, StoreError> {
    let (environment, key) = (entry.environment, entry.key.clone());
    Ok(match entry.kind.as_str() {
        PERSON => Change::PersonGone(environment, PersonId(key)),
        INCIDENT => Change::IncidentGone(environment, IncidentId(key)),
        FAULT => Change::FaultGone(environment, fault_id(&key)?),
        WEBHOOK => Change::WebhookGone(environment, RegistrationId(key)),
        USER => Change::UserGone(key),
        API_TOKEN => Change::ApiTokenGone(key),
        kind => return Err(StoreError(format!("a `{kind}` of the directory is gone"))),
    })
}
