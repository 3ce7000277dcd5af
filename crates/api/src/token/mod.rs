//! The Access token API (reference: access-token.md).

mod refusals;

use http::{HeaderMap, header};
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_engine::{directory::Client, faults::Target};
use sandkasse_gate::{
    Step, misspelt,
    token::{Issue, Issued, RESOURCE},
};
use serde::{Deserialize, Serialize};

use crate::{Answer, Call, Why, formats};

/// Tokens of `/miami/v1/token` live for 15 minutes in both environments.
const MIAMI_LIFE: i64 = 900;

/// Why no token is given; the checks of access-token.md §5, rows 4 to 7, in that order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenCause {
    /// No `client_id`.
    ClientIdMissing {
        /// A header that was probably meant as it.
        misspelt: Option<String>,
    },
    /// Nobody here has it; `elsewhere` if the other environment knows it.
    ClientUnknown {
        /// As received.
        client_id: String,
        /// The other environment knows it.
        elsewhere: bool,
    },
    /// It belongs to keys that fetch their tokens at the other endpoint.
    WrongEndpoint {
        /// As received.
        client_id: String,
    },
    /// No `client_secret`.
    SecretMissing {
        /// A header that was probably meant as it.
        misspelt: Option<String>,
    },
    /// The secret is not this client's, or not any more.
    SecretWrong {
        /// It was until then, real time. Tells of a stored key.
        regenerated_at: Option<Timestamp>,
    },
    /// `/miami/v1/token` knows one grant type only.
    GrantType {
        /// As received.
        received: String,
    },
}

impl TokenCause {
    /// The cause as far as it follows from the request alone.
    pub(crate) fn public_id(&self) -> &'static str {
        match self {
            TokenCause::SecretWrong { .. } => "token.secret_wrong",
            TokenCause::ClientIdMissing { .. }
            | TokenCause::ClientUnknown { .. }
            | TokenCause::WrongEndpoint { .. }
            | TokenCause::SecretMissing { .. }
            | TokenCause::GrantType { .. } => self.id(),
        }
    }

    pub(crate) fn id(&self) -> &'static str {
        match self {
            TokenCause::ClientIdMissing { misspelt: Some(_) }
            | TokenCause::SecretMissing { misspelt: Some(_) } => "header.misspelt",
            TokenCause::ClientIdMissing { misspelt: None } => "token.client_id_missing",
            TokenCause::ClientUnknown { .. } => "token.client_unknown",
            TokenCause::WrongEndpoint { .. } => "token.wrong_endpoint",
            TokenCause::SecretMissing { misspelt: None } => "token.secret_missing",
            TokenCause::SecretWrong {
                regenerated_at: Some(_),
            } => "token.secret_regenerated",
            TokenCause::SecretWrong {
                regenerated_at: None,
            } => self.public_id(),
            TokenCause::GrantType { .. } => "token.grant_type",
        }
    }
}

/// Every member is a JSON string, as recorded on 2021-07-09; the specification says integer and
/// is wrong.
#[derive(Serialize)]
struct Token {
    token_type: &'static str,
    expires_in: String,
    ext_expires_in: &'static str,
    expires_on: String,
    not_before: String,
    resource: &'static str,
    access_token: String,
}

/// `POST /accesstoken/get`. Bodies and `Authorization` are ignored, as clients send both.
pub(crate) async fn get(call: &mut Call<'_>) -> Result<Answer, (Answer, Why)> {
    match token(call).await {
        Ok(token) => Ok(worded(&token)),
        Err(why) => Err((refusals::answer(call, &why), why)),
    }
}

async fn token(call: &mut Call<'_>) -> Result<Token, Why> {
    let headers = &call.request.headers;
    let key_of =
        call.platform
            .gate
            .subscription_key(call.environment, headers, None, call.trace)?;
    let client_id = text(headers, "client_id");
    let client = client(call, client_id)?;
    if let Client::Office(_) = &client {
        let client_id = client_id.unwrap_or_default().to_owned();
        return Err(Why::Token(TokenCause::WrongEndpoint { client_id }));
    }
    check_secret(call, text(headers, "client_secret"), &client)?;
    call.who.client = Some(client.clone());
    call.trace
        .passed(Step::Rules, "client_id and client_secret fit together");
    call.struck(msn(&client), Target::Token).await?;

    let life = call.environment.token_life_seconds();
    let engine = &call.platform.engine;
    // What belongs to no sales unit follows real time.
    let (now, ahead_ms) = match &client {
        Client::Unit(unit) => (engine.now(unit), unit.ahead_ms()),
        Client::Partner(_) | Client::Psp(_) | Client::Office(_) => (engine.clock.now(), 0),
    };
    let fetched_with = (key_of.id() != client.id()).then(|| key_of.id());
    let issued = issue(call, client.id(), now, ahead_ms, life, fetched_with).await?;
    Ok(Token {
        token_type: "Bearer",
        expires_in: (life - 1).to_string(),
        ext_expires_in: "0",
        expires_on: issued.expires_on.to_string(),
        not_before: issued.not_before.to_string(),
        resource: RESOURCE,
        access_token: issued.token,
    })
}

#[derive(Serialize)]
struct MiamiToken {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
}

/// `POST /miami/v1/token`, for management and accounting keys. No subscription key is asked for.
pub(crate) async fn miami(call: &mut Call<'_>) -> Result<Answer, (Answer, Why)> {
    match miami_token(call).await {
        Ok(token) => Ok(worded(&token)),
        Err(why) => Err((refusals::answer(call, &why), why)),
    }
}

fn worded(token: &impl Serialize) -> Answer {
    let body = serde_json::to_string(token).expect("plain structs always serialise");
    uncached(Answer::new(200, "application/json; charset=utf-8", body))
}

async fn miami_token(call: &mut Call<'_>) -> Result<MiamiToken, Why> {
    let received = grant_type(&call.request.body);
    if received != "client_credentials" {
        return Err(Why::Token(TokenCause::GrantType { received }));
    }
    let headers = &call.request.headers;
    let (client_id, secret) = match basic(headers) {
        Some((client_id, secret)) => (Some(client_id), Some(secret)),
        // The specification models them as headers, the guide as Basic: both work.
        None => (
            text(headers, "client_id").map(str::to_owned),
            text(headers, "client_secret").map(str::to_owned),
        ),
    };
    let client = client(call, client_id.as_deref())?;
    let Client::Office(keys) = &client else {
        let client_id = client_id.unwrap_or_default();
        return Err(Why::Token(TokenCause::WrongEndpoint { client_id }));
    };
    check_secret(call, secret.as_deref(), &client)?;
    call.who.client = Some(client.clone());
    call.trace
        .passed(Step::Rules, "client_id and client_secret fit together");
    call.struck(None, Target::Token).await?;
    // What belongs to no sales unit follows real time.
    let now = call.platform.engine.clock.now();
    // The life is what the answer says; the token itself lives a second less everywhere.
    let issued = issue(call, &keys.client_id, now, 0, MIAMI_LIFE + 1, None).await?;
    Ok(MiamiToken {
        access_token: issued.token,
        token_type: "Bearer",
        expires_in: MIAMI_LIFE,
    })
}

/// `GET /discovery/keys`: with these anybody can verify our tokens.
pub(crate) async fn key_set(call: &mut Call<'_>) -> Result<Answer, (Answer, Why)> {
    match call.platform.gate.tokens(call.environment).key_set().await {
        Ok(keys) => Ok(Answer::new(200, "application/json", keys.to_string())),
        Err(fault) => Err((
            formats::gateway(500, "Internal server error"),
            Why::Fault(fault),
        )),
    }
}

async fn issue(
    call: &Call<'_>,
    client_id: &str,
    now: Timestamp,
    ahead_ms: i64,
    life: i64,
    fetched_with: Option<&str>,
) -> Result<Issued, Why> {
    let id = call.platform.engine.chance.uuid();
    let issue = Issue {
        client_id,
        now,
        ahead_ms,
        life,
        fetched_with,
        id,
    };
    call.platform
        .gate
        .tokens(call.environment)
        .issue(issue)
        .await
        .map_err(Why::Fault)
}

fn client(call: &Call<'_>, client_id: Option<&str>) -> Result<Client, Why> {
    let client_id = client_id
        .filter(|client_id| !client_id.is_empty())
        .ok_or_else(|| {
            let misspelt = misspelt(&call.request.headers, "client_id");
            Why::Token(TokenCause::ClientIdMissing { misspelt })
        })?;
    let known = |environment: Environment| {
        call.platform
            .engine
            .directory
            .of(environment)
            .client(client_id)
            .cloned()
    };
    known(call.environment).ok_or_else(|| {
        // As much work as for a wrong secret, so that time does not tell the two apart.
        let secret = text(&call.request.headers, "client_secret").unwrap_or_default();
        let _ = sandkasse_gate::token::same_secret(secret, NOBODYS_SECRET);
        let directory = call.platform.engine.directory.of(call.environment);
        let _ = directory.retired_secret(None, secret);
        Why::Token(TokenCause::ClientUnknown {
            client_id: client_id.to_owned(),
            elsewhere: known(call.environment.other()).is_some(),
        })
    })
}

/// Whose `client_id` and `client_secret` the headers hold, for the API that takes them in the place
/// of a token.
pub(crate) fn proved(call: &Call<'_>) -> Result<Client, Why> {
    let headers = &call.request.headers;
    let client = client(call, text(headers, "client_id"))?;
    check_secret(call, text(headers, "client_secret"), &client)?;
    Ok(client)
}

/// The sales unit whose keys these are; all others belong to none.
fn msn(client: &Client) -> Option<&Msn> {
    match client {
        Client::Unit(unit) => Some(&unit.facts.msn),
        Client::Partner(_) | Client::Psp(_) | Client::Office(_) => None,
    }
}

/// Stands in for the secret of a client that does not exist.
const NOBODYS_SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

fn check_secret(call: &Call<'_>, received: Option<&str>, client: &Client) -> Result<(), Why> {
    let received = received
        .filter(|secret| !secret.is_empty())
        .ok_or_else(|| {
            let misspelt = misspelt(&call.request.headers, "client_secret");
            Why::Token(TokenCause::SecretMissing { misspelt })
        })?;
    // Compared in constant time: how much of a guess is right must not show.
    if sandkasse_gate::token::same_secret(received, client.secret()) {
        return Ok(());
    }
    let directory = call.platform.engine.directory.of(call.environment);
    let gone = directory.retired_secret(Some(client), received);
    Err(Why::Token(TokenCause::SecretWrong {
        regenerated_at: gone.map(|gone| gone.at),
    }))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or("\u{fffd}"))
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let encoded = text(headers, header::AUTHORIZATION.as_str())?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some((client_id.to_owned(), secret.to_owned()))
}

/// The `grant_type` of a form; empty when there is none.
fn grant_type(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let value = body
        .split('&')
        .find_map(|pair| pair.trim().strip_prefix("grant_type="));
    value.unwrap_or_default().to_owned()
}

fn uncached(answer: Answer) -> Answer {
    answer
        .with(header::CACHE_CONTROL, "no-store, no-cache")
        .with(header::PRAGMA, "no-cache")
        .with(header::EXPIRES, "-1")
        .with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}
