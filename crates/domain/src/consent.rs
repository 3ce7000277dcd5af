//! What a person lets one sales unit know.

use std::collections::BTreeSet;

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
    /// Approved payments with a scope; each opens the data for [`SHARING_SESSION`].
    pub sessions: Vec<Session>,
    /// Where to tell that the person wants to be forgotten; from the latest express payment.
    pub removal_prefix: Option<String>,
}

/// One approved payment with a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// When it was approved.
    pub opened_at: Timestamp,
    /// What was asked for.
    pub scopes: BTreeSet<Scope>,
}

impl Consent {
    /// Nothing granted yet.
    pub fn new(person: PersonId) -> Consent {
        Consent {
            person,
            granted: BTreeSet::new(),
            sessions: Vec::new(),
            removal_prefix: None,
        }
    }

    /// Grants `scopes` and opens a sharing session; sessions that are over are forgotten.
    pub fn grant(&mut self, scopes: &BTreeSet<Scope>, now: Timestamp) {
        self.granted.extend(scopes);
        self.sessions.retain(|session| session.is_open(now));
        self.sessions.push(Session {
            opened_at: now,
            scopes: scopes.clone(),
        });
    }

    /// What can be read now: the union over open sessions. `None` when all are over.
    ///
    /// Revocation does not close a session: the data stays readable for the 168 hours.
    pub fn readable(&self, now: Timestamp) -> Option<BTreeSet<Scope>> {
        let open: Vec<_> = self
            .sessions
            .iter()
            .filter(|session| session.is_open(now))
            .collect();
        (!open.is_empty()).then(|| {
            open.iter()
                .flat_map(|session| session.scopes.clone())
                .collect()
        })
    }
}

impl Session {
    fn is_open(&self, now: Timestamp) -> bool {
        now.duration_since(self.opened_at) <= SHARING_SESSION
    }
}
