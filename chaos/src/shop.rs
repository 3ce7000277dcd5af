//! A sales unit, and the requests that its merchant sends.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use serde_json::{Value, json};
use std::time::Duration;

use crate::http::{Answer, Client};
use crate::node::Place;

const PAYMENTS: &str = "/ecomm/v2/payments";
/// The control API and tokens are asked for when nothing is broken.
const PATIENCE: Duration = Duration::from_secs(20);
/// Said to every call that makes or changes something.
const TEXT: &str = "Socks";

/// A sales unit of the test environment, its keys and a token.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) msn: String,
    subscription_key: String,
    token: String,
    /// Of a person who can pay.
    phone: String,
    callbacks: String,
}

/// What may be asked about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish<'a> {
    Initiate { amount: u64 },
    Approve,
    Capture { amount: u64, key: &'a str },
    Refund { amount: u64, key: &'a str },
    Cancel,
    Details,
    Status,
}

impl Shop {
    /// Makes a unit and a person through one node's control API. `limits` is `off` or `on`; callbacks go below
    /// `callbacks`.
    pub(crate) async fn open(place: &Place, limits: &str, callbacks: &str) -> anyhow::Result<Self> {
        let mut portal = Client::new(place.portal);
        let unit = json!({
            "environment": "test", "name": "chaos", "rate_limits": limits, "url_policy": "local",
            "tokens_survive_advance": true,
        });
        let unit = make(&mut portal, "/control/v1/sales-units", &unit).await?;
        let person = json!({ "environment": "test" });
        let person = make(&mut portal, "/control/v1/persons", &person).await?;
        let text = |from: &Value, name: &str| {
            let text = from.get(name).and_then(Value::as_str).map(str::to_owned);
            text.with_context(|| format!("no {name} in {from}"))
        };
        let subscription_key = text(&unit, "primary_subscription_key")?;
        let request = Request::builder()
            .method(Method::POST)
            .uri("/accesstoken/get")
            .header(header::HOST, "127.0.0.1")
            .header("client_id", text(&unit, "client_id")?)
            .header("client_secret", text(&unit, "client_secret")?)
            .header("Ocp-Apim-Subscription-Key", &subscription_key)
            .body(Full::default())?;
        let token = succeed(Client::new(place.test).call(request, PATIENCE).await, 200)?;
        Ok(Self {
            msn: text(&unit, "msn")?,
            subscription_key,
            token: text(&token, "access_token")?,
            phone: text(&person, "phone")?,
            callbacks: callbacks.to_owned(),
        })
    }

    /// The request for a wish about an order.
    pub(crate) fn request(&self, order: &str, wish: Wish<'_>) -> Request<Full<Bytes>> {
        let msn = &self.msn;
        let merchant = json!({ "merchantSerialNumber": msn });
        let change = |amount: u64| {
            let transaction = json!({ "amount": amount, "transactionText": TEXT });
            json!({ "merchantInfo": merchant, "transaction": transaction })
        };
        let (method, path, key, body) = match wish {
            Wish::Initiate { amount } => {
                let body = json!({
                    "customerInfo": { "mobileNumber": self.phone },
                    "merchantInfo": {
                        "merchantSerialNumber": msn, "callbackPrefix": self.callbacks,
                        "fallBack": "https://example.com/vipps/result",
                    },
                    "transaction": { "orderId": order, "amount": amount, "transactionText": TEXT },
                });
                (Method::POST, PAYMENTS.to_owned(), None, Some(body))
            }
            Wish::Approve => {
                let path = format!("/ecomm/v2/integration-test/payments/{order}/approve");
                let body = json!({ "customerPhoneNumber": self.phone });
                (Method::POST, path, None, Some(body))
            }
            Wish::Capture { amount, key } => {
                let path = format!("{PAYMENTS}/{order}/capture");
                (Method::POST, path, Some(key), Some(change(amount)))
            }
            Wish::Refund { amount, key } => {
                let path = format!("{PAYMENTS}/{order}/refund");
                (Method::POST, path, Some(key), Some(change(amount)))
            }
            Wish::Cancel => {
                let path = format!("{PAYMENTS}/{order}/cancel");
                let transaction = json!({ "transactionText": TEXT });
                let body = json!({ "merchantInfo": merchant, "transaction": transaction });
                (Method::PUT, path, None, Some(body))
            }
            Wish::Status => (
                Method::GET,
                format!("{PAYMENTS}/{order}/status"),
                None,
                None,
            ),
            Wish::Details => (
                Method::GET,
                format!("{PAYMENTS}/{order}/details"),
                None,
                None,
            ),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header("Ocp-Apim-Subscription-Key", &self.subscription_key)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("X-Request-Id", key);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        request
            .body(Full::from(body))
            .expect("order ids and keys of ours are fit for headers and paths")
    }
}

/// Asks the control API to make something.
async fn make(portal: &mut Client, path: &str, body: &Value) -> anyhow::Result<Value> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::HOST, "127.0.0.1")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(body.to_string()))?;
    succeed(portal.call(request, PATIENCE).await, 201)
}

fn succeed(said: Result<Answer, crate::http::NoAnswer>, expected: u16) -> anyhow::Result<Value> {
    let answer = said.map_err(|why| anyhow::anyhow!("{}", why.0))?;
    if answer.status != expected {
        bail!("{} instead of {expected}: {}", answer.status, answer.text());
    }
    serde_json::from_slice(&answer.body).context("the answer is no JSON")
}
