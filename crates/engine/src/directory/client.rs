//! Whoever has keys.

use std::sync::Arc;

use sandkasse_domain::{
    keys::RetiredKey,
    merchant::OrgNo,
    partner::{Partner, Psp},
};
use serde::{Deserialize, Serialize};

use crate::unit::Unit;

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
