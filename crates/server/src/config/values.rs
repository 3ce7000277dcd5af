//! Values that are more than a text or a number.

use std::{path::PathBuf, str::FromStr};

use sandkasse_vault::MasterKey;
use serde::Deserialize;

/// Where data is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Database {
    /// In a file; keys lie beside it.
    File(PathBuf),
    /// In a PostgreSQL database, which other nodes may share.
    Postgres(PostgresUrl),
    /// In this process, which forgets with its end.
    Memory,
}

/// The URL of a PostgreSQL database. It may hold a password, so it is never shown as it is; what is
/// wrong with it is said when it is used.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PostgresUrl(pub(crate) String);

impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl")
    }
}

impl FromStr for Database {
    type Err = String;

    fn from_str(text: &str) -> Result<Database, String> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return Ok(Database::Postgres(PostgresUrl(text.to_owned())));
        }
        match text.strip_prefix("sqlite:") {
            Some(":memory:") => Ok(Database::Memory),
            Some(path) if !path.trim_start_matches('/').is_empty() => {
                Ok(Database::File(path.into()))
            }
            Some(_) | None => Err(format!(
                "`{text}` is no database: write sqlite:FILE, sqlite::memory: or postgres://USER@HOST/DATABASE"
            )),
        }
    }
}

impl TryFrom<String> for Database {
    type Error = String;

    fn try_from(text: String) -> Result<Database, String> {
        text.parse()
    }
}

/// Whether a new database gets demo data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Switch")]
pub(crate) enum DemoData {
    /// Yes. Refused when others can reach it: its keys are known to everybody.
    On,
    /// No.
    Off,
    /// Yes, also when others can reach it.
    Network,
}

/// In the file both `demo_data = false` and `demo_data = "off"` are fine.
#[derive(Deserialize)]
#[serde(untagged)]
enum Switch {
    Truth(bool),
    Word(String),
}

impl TryFrom<Switch> for DemoData {
    type Error = String;

    fn try_from(switch: Switch) -> Result<DemoData, String> {
        match switch {
            Switch::Truth(true) => Ok(DemoData::On),
            Switch::Truth(false) => Ok(DemoData::Off),
            Switch::Word(word) => word.parse(),
        }
    }
}

impl FromStr for DemoData {
    type Err = String;

    fn from_str(text: &str) -> Result<DemoData, String> {
        match text {
            "on" | "true" => Ok(DemoData::On),
            "off" | "false" => Ok(DemoData::Off),
            "network" => Ok(DemoData::Network),
            _ => Err(format!("`{text}` is none of on, off and network")),
        }
    }
}

/// The administrator's token. A secret: it has no text form.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AdminToken(String);

impl AdminToken {
    /// Shorter ones could be guessed.
    const SHORTEST: usize = 16;

    /// Whether somebody sent this token; takes as long for any wrong one.
    pub(crate) fn is(&self, sent: &str) -> bool {
        sandkasse_gate::token::same_secret(sent, &self.0)
    }
}

impl FromStr for AdminToken {
    type Err = String;

    fn from_str(text: &str) -> Result<AdminToken, String> {
        if text.len() < AdminToken::SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "the administrator's token needs at least {} characters, none of them a blank: for \
                 example the output of `openssl rand -hex 32`",
                AdminToken::SHORTEST
            ));
        }
        Ok(AdminToken(text.to_owned()))
    }
}

impl TryFrom<String> for AdminToken {
    type Error = String;

    fn try_from(text: String) -> Result<AdminToken, String> {
        text.parse()
    }
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken")
    }
}

/// What secrets in the database are sealed under. A secret: it has no text form.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct MasterKeyText(String);

impl MasterKeyText {
    pub(crate) fn key(&self) -> MasterKey {
        MasterKey::from_hex(&self.0).expect("checked when it was read")
    }
}

impl FromStr for MasterKeyText {
    type Err = String;

    fn from_str(text: &str) -> Result<MasterKeyText, String> {
        match MasterKey::from_hex(text) {
            Some(_) => Ok(MasterKeyText(text.to_owned())),
            None => Err(
                "the master key has 64 hexadecimal digits: for example the output of `openssl rand -hex 32`"
                    .to_owned(),
            ),
        }
    }
}

impl TryFrom<String> for MasterKeyText {
    type Error = String;

    fn try_from(text: String) -> Result<MasterKeyText, String> {
        text.parse()
    }
}

impl std::fmt::Debug for MasterKeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKeyText")
    }
}
