//! Sends a call again that the journal knows: the same request, with keys as they are now.

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sandkasse_api::Request;
use sandkasse_domain::{Environment, Msn};
use sandkasse_engine::directory::Client;
use sandkasse_inspect::{Owner, Record};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Named, Said},
    requests::RequestPath,
};

/// Whose keys to send.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Again {
    /// A sales unit; whoever made the call if left out.
    #[schema(value_type = Option<String>, example = "220001")]
    msn: Option<Msn>,
}

/// The call that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sent {
    /// Its id in the journal.
    id: String,
    /// HTTP status of the answer.
    status: u16,
}

/// Keys as they are now.
struct Keys {
    client_id: String,
    secret: String,
    /// The primary one. Keys that only manage or report have none.
    subscription_key: Option<String>,
}

impl From<&Client> for Keys {
    fn from(client: &Client) -> Keys {
        let subscription_key = match client {
            Client::Unit(unit) => Some(unit.facts.keys.primary.clone()),
            Client::Partner(partner) => Some(partner.keys.primary.clone()),
            Client::Psp(psp) => Some(psp.keys.primary.clone()),
            Client::Office(_) => None,
        };
        Keys {
            client_id: client.id().to_owned(),
            secret: client.secret().to_owned(),
            subscription_key,
        }
    }
}

impl Control {
    /// Sends a call again: what was a key is a key of this sales unit, or of whoever made the call,
    /// and a token is a fresh one. Answers the new call's id and status.
    pub(crate) async fn send_again(
        &self,
        record: &Record,
        unit: Option<&Msn>,
    ) -> Result<(String, u16), Problem> {
        if record.is_cut() {
            return Err(Problem::conflict(
                "body_cut",
                "the journal keeps the first 64 KiB of a body only, so this call cannot be sent again as it was",
            ));
        }
        let request = self.renewed(record, unit).await?;
        let sent = self.inspector.answer_and_keep(record.environment, &request);
        let (answer, number) = sent.await;
        let number = number.ok_or_else(|| {
            Problem::conflict(
                "journal_off",
                "it was sent, but nothing is written down: the journal is off",
            )
        })?;
        Ok((self.inspector.address(number), answer.status.as_u16()))
    }

    async fn renewed(&self, record: &Record, unit: Option<&Msn>) -> Result<Request, Problem> {
        let environment = record.environment;
        let mut keys = None;
        let mut headers = HeaderMap::new();
        for (name, value) in record.sent("").headers {
            let needs_keys = value.contains('$') || name == "client_id";
            if needs_keys && keys.is_none() {
                keys = Some(Keys::from(&self.caller_of(record, unit)?));
            }
            let value = match (&keys, name.as_str()) {
                (Some(keys), "client_id") if record.header("client_secret").is_some() => {
                    keys.client_id.clone()
                }
                (Some(keys), "client_secret") => keys.secret.clone(),
                (Some(keys), "ocp-apim-subscription-key") => match &keys.subscription_key {
                    Some(key) => key.clone(),
                    None => continue,
                },
                (Some(keys), "authorization") => {
                    let scheme = record.header("authorization").unwrap_or_default();
                    let scheme = scheme.split_once(' ').map(|(scheme, _)| scheme);
                    let credential = if scheme == Some("Basic") {
                        STANDARD.encode(format!("{}:{}", keys.client_id, keys.secret))
                    } else {
                        self.fresh_token(environment, keys).await?
                    };
                    // The scheme stays as it was, since it may be what is wrong.
                    scheme.map_or(credential.clone(), |scheme| {
                        format!("{scheme} {credential}")
                    })
                }
                _ => value,
            };
            let pair = (HeaderName::try_from(&name), HeaderValue::try_from(&value));
            if let (Ok(name), Ok(value)) = pair {
                headers.append(name, value);
            }
        }
        let has_token = serde_json::from_str::<serde_json::Value>(record.body())
            .is_ok_and(|body| body.get("token").is_some());
        // As it was, down to the blanks; only a masked link token cannot be sent.
        let body = if has_token {
            record.sent("").body_text().unwrap_or_default()
        } else {
            record.body().to_owned()
        };
        Ok(Request {
            method: record.method.clone(),
            path: record.path().to_owned(),
            headers,
            body: Bytes::from(body),
        })
    }

    /// Who shall have made the call: the sales unit that was named, or whoever did make it.
    fn caller_of(&self, record: &Record, unit: Option<&Msn>) -> Result<Client, Problem> {
        let environment = record.environment;
        if let Some(msn) = unit {
            return self.unit(environment, msn).map(Client::Unit);
        }
        let directory = self.engine().directory.of(environment);
        let owner = record.client.as_ref().map(Owner::id);
        let known = owner.or(record.header("client_id"));
        if let Some(client) = known.and_then(|id| directory.client(id)) {
            return Ok(client.clone());
        }
        let named = self.named_by(record);
        let unit = named.and_then(|msn| directory.unit(&msn).cloned());
        unit.map(Client::Unit).ok_or_else(|| {
            Problem::conflict(
                "keys_unknown",
                "nothing tells whose call this was; say which sales unit's keys to send",
            )
        })
    }

    /// The sales unit that a call names.
    pub(crate) fn named_by(&self, record: &Record) -> Option<Msn> {
        let body: Option<serde_json::Value> = serde_json::from_str(record.body()).ok();
        let in_body = body.as_ref().and_then(|body| {
            let msn = body.pointer("/merchantInfo/merchantSerialNumber")?;
            msn.as_str().and_then(Msn::try_new)
        });
        let in_header = record.header("merchant-serial-number");
        let in_header = in_header.and_then(Msn::try_new);
        record.unit.clone().or(in_header).or(in_body)
    }

    /// An access token, fetched as its owner would.
    async fn fresh_token(&self, environment: Environment, keys: &Keys) -> Result<String, Problem> {
        let mut headers = HeaderMap::new();
        let basic = STANDARD.encode(format!("{}:{}", keys.client_id, keys.secret));
        let (path, body, lines) = match &keys.subscription_key {
            Some(key) => {
                let lines = vec![
                    (HeaderName::from_static("client_id"), keys.client_id.clone()),
                    (
                        HeaderName::from_static("client_secret"),
                        keys.secret.clone(),
                    ),
                    (
                        HeaderName::from_static("ocp-apim-subscription-key"),
                        key.clone(),
                    ),
                ];
                ("/accesstoken/get", "", lines)
            }
            None => (
                "/miami/v1/token",
                "grant_type=client_credentials",
                vec![(header::AUTHORIZATION, format!("Basic {basic}"))],
            ),
        };
        for (name, value) in lines {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        let request = Request {
            method: Method::POST,
            path: path.to_owned(),
            headers,
            body: Bytes::from_static(body.as_bytes()),
        };
        // Not a call of the merchant's, so the journal does not show it.
        let exchange = self.platform.answer(environment, &request).await;
        let body: serde_json::Value =
            serde_json::from_slice(&exchange.answer.body).unwrap_or_default();
        let token = body.get("access_token").and_then(|it| it.as_str());
        token.map(str::to_owned).ok_or_else(|| {
            let status = exchange.answer.status;
            let cause = exchange.why.map_or("unknown", |why| why.id(environment));
            Problem::conflict(
                "no_token",
                format!("the platform gave no access token for these keys: {status}, {cause}"),
            )
        })
    }
}

/// Sends a call again with the present keys of a sales unit, or of whoever made it, and a fresh
/// access token. The new call is in the journal.
#[utoipa::path(
    post, path = "/requests/{id}/again", tag = "Explanations", params(RequestPath), request_body = Again,
    responses(
        (status = 200, body = Sent),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn again(
    State(control): Shared,
    Named(path): Named<RequestPath>,
    Said(said): Said<Again>,
) -> Result<Json<Sent>, Problem> {
    let record = control.recorded(&path.id)?;
    let (id, status) = control.send_again(&record, said.msn.as_ref()).await?;
    Ok(Json(Sent { id, status }))
}
