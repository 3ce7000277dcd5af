//! With whose accounts people sign in at the portal: the table `[provider]` of the configuration
//! file.

use std::str::FromStr;

use sandkasse_domain::user::Role;
use serde::Deserialize;

use crate::address::BaseUrl;

/// An OpenID Connect provider, and who of its people is what here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderOptions {
    /// Where it is; `…/.well-known/openid-configuration` follows it.
    pub(crate) issuer: BaseUrl,
    /// As what it knows this installation.
    pub(crate) client_id: String,
    /// What people read on the button; the issuer's host if left out.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// What is asked for besides `openid`.
    #[serde(default = "profile")]
    pub(crate) scopes: Vec<String>,
    /// The claim of the ID token that says what somebody is: a text, or a list of them.
    #[serde(default = "groups")]
    pub(crate) role_claim: String,
    /// Values of it that make an admin.
    #[serde(default)]
    pub(crate) admin: Vec<String>,
    /// Values of it that make a developer.
    #[serde(default)]
    pub(crate) developer: Vec<String>,
    /// Values of it that make a reader.
    #[serde(default)]
    pub(crate) reader: Vec<String>,
    /// What everybody else is; if left out, nobody else gets in.
    #[serde(default)]
    pub(crate) default_role: Option<Role>,
}

fn profile() -> Vec<String> {
    vec!["profile".to_owned()]
}

fn groups() -> String {
    "groups".to_owned()
}

/// The secret of this installation at the provider. It has no text form.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct ClientSecret(String);

impl ClientSecret {
    /// To be sent to the provider, and nowhere else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientSecret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<ClientSecret, Self::Err> {
        Ok(ClientSecret(text.to_owned()))
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret")
    }
}
