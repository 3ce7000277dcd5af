//! Those who act for others: partners for the sales units linked to them, payment service
//! providers for the ones they made (reference: partner-keys.md).

use serde::{Deserialize, Serialize};

use crate::{
    Msn,
    keys::{Keys, RetiredKey},
};

/// The name of a partner in this installation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartnerId(pub String);

/// Whoever runs integrations for many merchants, with one set of keys. Which sales units these are
/// stands with the sales units: each has at most one partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Its identity.
    pub id: PartnerId,
    /// As registered.
    pub name: String,
    /// The partner's own number, which is no merchant's. Naming it is a usual mistake.
    pub own_number: Msn,
    /// Whether its keys work for payments.
    pub status: PartnerStatus,
    /// Its keys.
    pub keys: Keys,
    /// Keys that were replaced.
    #[serde(default)]
    pub retired: Vec<RetiredKey>,
}

/// Whether a partner's keys work for payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartnerStatus {
    /// Not approved yet.
    Pending,
    /// In order.
    Active,
    /// Every call made with its keys gets error 37, whatever the sales unit (FAQ-84).
    Deactivated,
}

/// The name of a payment service provider in this installation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PspId(pub String);

/// A payment service provider: takes payments for sales units that it made itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Psp {
    /// Its identity, sent as `PSP-ID`.
    pub id: PspId,
    /// As registered.
    pub name: String,
    /// Its keys.
    pub keys: Keys,
    /// Keys that were replaced.
    #[serde(default)]
    pub retired: Vec<RetiredKey>,
}
