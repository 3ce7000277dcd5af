//! Signing in with an account elsewhere: OpenID Connect, the authorization code flow with PKCE.
//!
//! What was begun is remembered by its `state`, for ten minutes and once, and bound to the browser
//! by a cookie. The provider's description and keys are fetched anew each time: people sign in
//! rarely, and keys change. Calls go by way of a courier of its own, as to the Business register:
//! plain HTTP is for local and private hosts only. Who somebody is stands in the ID token alone; see
//! [`token`].

#[cfg(test)]
mod tests;
mod token;

use std::{collections::HashMap, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::jwk::JwkSet;
use parking_lot::Mutex;
use sandkasse_courier::{Courier, CourierConfig, SystemResolver};
use sandkasse_domain::{Timestamp, sales_unit::UrlPolicy, user::Role};
use sandkasse_store::CallOutcome;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    bankid::LIFE,
    config::{ClientSecret, ProviderOptions, Settings},
    portal::visitors::Account,
};

/// The provider answers within this time, or not at all.
const LIMIT: Duration = Duration::from_secs(5);
/// So many are remembered who have begun; with one more, the oldest is forgotten.
const MOST: usize = 1000;
/// Where the provider sends people back to.
pub(crate) const BACK: &str = "/sign-in/provider/back";

/// Why nobody was signed in. The text is for the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(crate) String);

fn refused(text: impl Into<String>) -> Refused {
    Refused(text.into())
}

/// The provider of an installation.
pub(crate) struct Provider {
    options: ProviderOptions,
    secret: Option<ClientSecret>,
    /// Where people come back to.
    redirect_uri: String,
    courier: Courier,
    begun: Mutex<HashMap<String, Begun>>,
}

/// Somebody who is about to sign in.
#[derive(Clone)]
pub(crate) struct Begun {
    pub(crate) state: String,
    pub(crate) nonce: String,
    /// What PKCE calls the code verifier.
    pub(crate) verifier: String,
    /// What the browser's cookie holds.
    pub(crate) browser: String,
    /// Where to go on.
    pub(crate) next: String,
    /// Whether they only prove again that it is them.
    pub(crate) again: bool,
    pub(crate) at: Timestamp,
}

/// Who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) account: Account,
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// What a provider says of itself.
#[derive(Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Provider {
    /// The one of the configuration.
    pub(crate) fn of(settings: &Settings, portal_base: &str) -> Option<Provider> {
        let options = settings.provider.clone()?;
        let secret = settings.provider_secret.clone();
        Some(Provider::new(options, secret, portal_base))
    }

    pub(crate) fn new(
        options: ProviderOptions,
        secret: Option<ClientSecret>,
        portal_base: &str,
    ) -> Provider {
        let config = CourierConfig {
            // Whoever runs the platform chose the address; nobody else can.
            ports: options.issuer.port().into_iter().collect(),
            ..CourierConfig::default()
        };
        Provider {
            options,
            secret,
            redirect_uri: format!("{portal_base}{BACK}"),
            courier: Courier::new(config, std::sync::Arc::new(SystemResolver)),
            begun: Mutex::default(),
        }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        let name = self.options.name.as_deref();
        name.unwrap_or_else(|| self.options.issuer.host())
    }

    /// Whether it is its account.
    pub(crate) fn knows(&self, account: &Account) -> bool {
        let prefix = self.account("");
        match (account, prefix) {
            (Account::Outside(id), Account::Outside(prefix)) => id.starts_with(&prefix),
            (Account::User(_) | Account::Token(_) | Account::Outside(_), _) => false,
        }
    }

    fn account(&self, subject: &str) -> Account {
        Account::Outside(format!("{} {subject}", self.options.issuer.as_str()))
    }

    /// Remembers who begins, and says where they go to.
    pub(crate) async fn begin(&self, begun: Begun) -> Result<String, Refused> {
        let description = self.description().await?;
        let challenge = digest(&SHA256, begun.verifier.as_bytes());
        let scope = format!("openid {}", self.options.scopes.join(" "));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", scope.trim())
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256");
        if begun.again {
            query
                .append_pair("prompt", "login")
                .append_pair("max_age", "0");
        }
        let endpoint = &description.authorization_endpoint;
        let mark = if endpoint.contains('?') { '&' } else { '?' };
        let url = format!("{endpoint}{mark}{}", query.finish());
        self.remember(begun);
        Ok(url)
    }

    fn remember(&self, new: Begun) {
        let mut begun = self.begun.lock();
        if begun.len() >= MOST {
            begun.retain(|_, it| new.at.duration_since(it.at) < LIFE);
        }
        if begun.len() >= MOST {
            let oldest = begun.values().min_by_key(|it| it.at);
            if let Some(state) = oldest.map(|it| it.state.clone()) {
                begun.remove(&state);
            }
        }
        begun.insert(new.state.clone(), new);
    }

    /// Who began what comes back now, in this browser. It comes back once.
    pub(crate) fn take(
        &self,
        state: &str,
        browser: Option<&str>,
        now: Timestamp,
    ) -> Result<Begun, Refused> {
        let again = "; begin again";
        let mut all = self.begun.lock();
        let begun = all.get(state);
        let begun = begun.ok_or_else(|| refused(format!("nobody has begun this{again}")))?;
        let is_own =
            browser.is_some_and(|own| sandkasse_gate::token::same_secret(own, &begun.browser));
        if !is_own {
            return Err(refused(format!("it was begun in another browser{again}")));
        }
        let begun = begun.clone();
        all.remove(state);
        if now.duration_since(begun.at) >= LIFE {
            return Err(refused(format!("it took longer than ten minutes{again}")));
        }
        Ok(begun)
    }

    /// Who somebody is that came back with this code.
    pub(crate) async fn finish(
        &self,
        begun: &Begun,
        code: &str,
        now: Timestamp,
    ) -> Result<Known, Refused> {
        let description = self.description().await?;
        let tokens = self.tokens(&description, begun, code).await?;
        let keys = self.courier.get(&description.jwks_uri, POLICY, LIMIT).await;
        let keys: JwkSet = read(&keys, "its keys")?;
        let claims = token::verify(&tokens.id_token, &keys, &self.options, begun, now)?;
        let role = self.role(&claims).ok_or_else(|| {
            refused("your account has no role here: whoever runs this installation can give it one")
        })?;
        Ok(Known {
            account: self.account(&claims.sub),
            name: claims.shown(),
            role,
        })
    }

    /// The highest role that the claims give.
    fn role(&self, claims: &token::Claims) -> Option<Role> {
        let said = claims.texts(&self.options.role_claim);
        let options = &self.options;
        [
            (Role::Admin, &options.admin),
            (Role::Developer, &options.developer),
            (Role::Reader, &options.reader),
        ]
        .into_iter()
        .find(|(_, values)| values.iter().any(|value| said.contains(&value.as_str())))
        .map(|(role, _)| role)
        .or(options.default_role)
    }

    async fn description(&self) -> Result<Description, Refused> {
        let issuer = self.options.issuer.as_str();
        let url = format!("{issuer}/.well-known/openid-configuration");
        let outcome = self.courier.get(&url, POLICY, LIMIT).await;
        let description: Description = read(&outcome, "what it says of itself")?;
        if description.issuer.trim_end_matches('/') == issuer {
            return Ok(description);
        }
        tracing::warn!(
            issuer,
            found = description.issuer,
            "the provider has another name"
        );
        Err(refused(
            "the provider calls itself by another name than the configuration does",
        ))
    }

    async fn tokens(
        &self,
        description: &Description,
        begun: &Begun,
        code: &str,
    ) -> Result<Tokens, Refused> {
        let (authorization, form) = self.exchange_of(description, begun, code);
        let url = &description.token_endpoint;
        let outcome = self
            .courier
            .post_form(url, authorization, form, POLICY, LIMIT)
            .await;
        read(&outcome, "a token")
    }

    /// How this installation proves itself, and what it asks with.
    fn exchange_of(
        &self,
        description: &Description,
        begun: &Begun,
        code: &str,
    ) -> (Option<String>, String) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("code_verifier", &begun.verifier);
        let client_id = &self.options.client_id;
        let methods = description.token_endpoint_auth_methods_supported.as_ref();
        let by_header = methods.is_none_or(|all| all.iter().any(|it| it == "client_secret_basic"));
        let authorization = match &self.secret {
            Some(secret) if by_header => {
                let [id, secret] = [client_id.as_str(), secret.reveal()].map(encoded);
                Some(format!(
                    "Basic {}",
                    STANDARD.encode(format!("{id}:{secret}"))
                ))
            }
            Some(secret) => {
                form.append_pair("client_id", client_id)
                    .append_pair("client_secret", secret.reveal());
                None
            }
            None => {
                form.append_pair("client_id", client_id);
                None
            }
        };
        (authorization, form.finish())
    }
}

/// As for the Business register.
const POLICY: UrlPolicy = UrlPolicy::Local;

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The content of an answer. What is wrong with it is for the log: it could hold a token.
fn read<T: DeserializeOwned>(outcome: &CallOutcome, what: &str) -> Result<T, Refused> {
    let body = outcome.answer.as_deref().unwrap_or_default();
    let problem = match (&outcome.failure, serde_json::from_str(body)) {
        (None, Ok(read)) => return Ok(read),
        (None, Err(error)) => format!("line {}, column {}", error.line(), error.column()),
        (Some(failure), _) => format!("{failure:?}"),
    };
    tracing::warn!(what, problem, "the provider did not answer as it should");
    Err(refused(format!("the provider did not tell {what}")))
}
