//! Who may use an installation: people at the portal, programs at the control API.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What somebody may do. Each may do what the ones before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks at everything but keys.
    Reader,
    /// Works with sales units, persons and payments, and sees keys.
    Developer,
    /// Decides who else may, and about the installation.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Role; 3] = [Role::Reader, Role::Developer, Role::Admin];

    /// As it is written everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Developer => "developer",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Somebody who signs in at the portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Never changes, and is used once.
    pub id: String,
    /// In words.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// A program's way into the control API. The token itself is known to nobody here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Never changes, and is used once.
    pub id: String,
    /// What it is for, in words.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The keyed digest of the token.
    pub digest: String,
    /// Who made it.
    pub made_by: String,
    /// When, in real time.
    pub made_at: Timestamp,
}
