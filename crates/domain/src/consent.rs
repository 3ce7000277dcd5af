//! What a person lets one sales unit know.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::person::PersonId;

/// How long what was shared with a payment can be read (reference: userinfo.md §3).
pub const SHARING_SESSION: SignedDuration = SignedDuration::from_hours(168);

/// One kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub enum Scope {
    Name,
    Address,
    Email,
    PhoneNumber,
    BirthDate,
    Nin,
    AccountNumbers,
}

impl Scope {
    /// Reads one word of a `scope` text; case counts.
    pub fn parse(word: &str) -> Option<Scope> {
        Some(match word {
            "name" => Scope::Name,
            "address" => Scope::Address,
            "email" => Scope::Email,
            "phoneNumber" => Scope::PhoneNumber,
            "birthDate" => Scope::BirthDate,
            "nin" => Scope::Nin,
            "accountNumbers" => Scope::AccountNumbers,
            _ => return None,
        })
    }
}

/// What one person lets one sales unit know, kept under the person's `sub` at that unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who gave it.
    pub person: PersonId,
    /// What the consent card need not ask again.
    pub granted: BTreeSet<Scope>,
    /// When each kind of data was last shared with a payment; each approval opens what it asked
    /// for, for [`SHARING_SESSION`].
    pub shared_at: BTreeMap<Scope, Timestamp>,
    /// Where to tell that the person wants to be forgotten; from the latest express payment.
    pub removal_prefix: Option<String>,
}

impl Consent {
    /// Nothing granted yet.
    pub fn new(person: PersonId) -> Consent {
        Consent {
            person,
            granted: BTreeSet::new(),
            shared_at: BTreeMap::new(),
            removal_prefix: None,
        }
    }

    /// Grants `scopes` and opens a sharing session for them.
    pub fn grant(&mut self, scopes: &BTreeSet<Scope>, now: Timestamp) {
        self.granted.extend(scopes);
        let opened = scopes.iter().map(|scope| (*scope, now));
        self.shared_at.extend(opened);
    }

    /// What can be read now: the union over open sessions. `None` when all are over.
    ///
    /// Revocation does not close a session: the data stays readable for the 168 hours.
    pub fn readable(&self, now: Timestamp) -> Option<BTreeSet<Scope>> {
        let open: BTreeSet<Scope> = self
            .shared_at
            .iter()
            .filter(|(_, opened_at)| now.duration_since(**opened_at) <= SHARING_SESSION)
            .map(|(scope, _)| *scope)
            .collect();
        (!open.is_empty()).then_some(open)
    }
}
