//! The two isolated worlds that one process serves.

use serde::{Deserialize, Serialize};

/// Test ("MT") or production. Nothing is shared between them: keys, MSNs, persons, orders, tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The merchant test environment, `apitest.vipps.no` on the real platform.
    Test,
    /// Production, `api.vipps.no` on the real platform.
    Production,
}

impl Environment {
    /// Both, in the order in which they are listed everywhere.
    pub const ALL: [Environment; 2] = [Environment::Test, Environment::Production];

    /// `test` or `production`.
    pub fn name(self) -> &'static str {
        match self {
            Environment::Test => "test",
            Environment::Production => "production",
        }
    }

    /// The other one.
    pub fn other(self) -> Environment {
        match self {
            Environment::Test => Environment::Production,
            Environment::Production => Environment::Test,
        }
    }

    /// The scheme that opens the app: `vippsMT` in test, `vipps` in production.
    pub fn app_scheme(self) -> &'static str {
        match self {
            Environment::Test => "vippsMT",
            Environment::Production => "vipps",
        }
    }

    /// How long an access token lives, in seconds: 1 hour in test, 24 hours in production.
    pub fn token_life_seconds(self) -> i64 {
        match self {
            Environment::Test => 3600,
            Environment::Production => 86_400,
        }
    }
}

impl std::fmt::Display for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Environment::ALL
            .into_iter()
            .find(|environment| environment.name() == text)
            .ok_or(UnknownEnvironment)
    }
}

/// The text was neither `test` nor `production`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEnvironment;

impl std::fmt::Display for UnknownEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the environment is `test` or `production`")
    }
}

impl std::error::Error for UnknownEnvironment {}
