//! A sales unit of the running platform and its calls.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::server::{PATIENCE, Place};

/// A sales unit without rate limits, with local callbacks, and someone who pays there.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) msn: String,
    client_id: String,
    client_secret: String,
    subscription_key: String,
    token: Mutex<String>,
    /// Whether a call that is refused for its token is made again with a new one, as clients do that know that
    /// tokens die.
    renews: bool,
    renewed: AtomicU64,
    prefix: String,
    phone: String,
}

/// A token, and what the platform said of its time, in seconds of Unix time.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) issued: i64,
    pub(crate) not_before: i64,
    pub(crate) expires: i64,
}

/// A step in the life of an order. Each has an idempotency key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Initiate,
    Approve,
    Capture(u64),
    Refund(u64),
}

/// The life of every order.
pub(crate) const LIFE: [Step; 6] = [
    Step::Initiate,
    Step::Approve,
    Step::Capture(1),
    Step::Capture(2),
    Step::Refund(1),
    Step::Refund(2),
];

/// In øre, as all amounts.
pub(crate) const RESERVED: u64 = 5_000;
pub(crate) const CAPTURED: u64 = 1_000;
pub(crate) const REFUNDED: u64 = 100;

/// A clock may be set again between a new token and its use.
const RENEWALS: u32 = 5;

/// An answer as it came: status and body.
pub(crate) type Answer = (u16, String);

impl Step {
    /// How the platform's log names it, and the idempotency key that stands there.
    pub(crate) fn in_log(self) -> (&'static str, Option<String>) {
        match self {
            Step::Initiate => ("INITIATE", None),
            Step::Approve => ("RESERVE", None),
            Step::Capture(n) => ("CAPTURE", Some(format!("capture-{n}"))),
            Step::Refund(n) => ("REFUND", Some(format!("refund-{n}"))),
        }
    }

    /// Whether repeating it is harmless because of its key.
    pub(crate) fn is_idempotent(self) -> bool {
        self.in_log().1.is_some()
    }
}

/// An HTTP client that hands back every status.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent()
}

impl Shop {
    /// Makes the unit through the control API and fetches a token.
    pub(crate) fn create(place: &Place, prefix: &str) -> anyhow::Result<Shop> {
        let agent = agent();
        let made = |what: &str, body: &Value| -> anyhow::Result<Value> {
            let path = format!("/control/v1/{what}");
            let (status, text) =
                control(&agent, place, "POST", &path, Some(body)).context("no answer")?;
            ensure!(status == 201, "{path}: {status} {text}");
            Ok(serde_json::from_str(&text)?)
        };
        let unit = made(
            "sales-units",
            &json!({
                "environment": "test", "name": "crash", "rate_limits": "off", "url_policy": "local",
                "tokens_survive_advance": true,
            }),
        )?;
        let person = made("persons", &json!({ "environment": "test" }))?;
        let shop = Shop {
            msn: text(&unit, "msn")?,
            client_id: text(&unit, "client_id")?,
            client_secret: text(&unit, "client_secret")?,
            subscription_key: text(&unit, "primary_subscription_key")?,
            token: Mutex::default(),
            renews: false,
            renewed: AtomicU64::new(0),
            prefix: prefix.to_owned(),
            phone: text(&person, "phone")?,
        };
        shop.use_token(shop.fetch_token(&agent, place)?);
        Ok(shop)
    }

    /// The same, with new tokens for those that are refused.
    pub(crate) fn renewing(mut self) -> Shop {
        self.renews = true;
        self
    }

    /// How often a token was refused and a new one taken.
    pub(crate) fn renewed(&self) -> u64 {
        self.renewed.load(Ordering::Relaxed)
    }

    /// A new token; the shop goes on with the one it has.
    pub(crate) fn fetch_token(&self, agent: &ureq::Agent, place: &Place) -> anyhow::Result<Token> {
        let mut answer = agent
            .post(format!("{}/accesstoken/get", place.test))
            .header("client_id", &self.client_id)
            .header("client_secret", &self.client_secret)
            .header("Ocp-Apim-Subscription-Key", &self.subscription_key)
            .send_empty()?;
        let said: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
        let number = |name: &str| anyhow::Ok(text(&said, name)?.parse::<i64>()?);
        Ok(Token {
            text: text(&said, "access_token")?,
            issued: number("expires_on")? - number("expires_in")?,
            not_before: number("not_before")?,
            expires: number("expires_on")?,
        })
    }

    fn use_token(&self, token: Token) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.text;
    }

    /// One step; `None` when no whole answer came.
    pub(crate) fn take(
        &self,
        agent: &ureq::Agent,
        place: &Place,
        order: &str,
        step: Step,
    ) -> Option<Answer> {
        let (path, body) = match step {
            Step::Initiate => ("/ecomm/v2/payments".to_owned(), self.initiate(order)),
            Step::Approve => (
                format!("/ecomm/v2/integration-test/payments/{order}/approve"),
                json!({ "customerPhoneNumber": self.phone }),
            ),
            Step::Capture(_) => (
                format!("/ecomm/v2/payments/{order}/capture"),
                self.modify(CAPTURED),
            ),
            Step::Refund(_) => (
                format!("/ecomm/v2/payments/{order}/refund"),
                self.modify(REFUNDED),
            ),
        };
        let key = step.in_log().1;
        self.call(agent, place, &Wanted::post(&path, key.as_deref(), &body))
    }

    /// What the platform knows of an order.
    pub(crate) fn details(
        &self,
        agent: &ureq::Agent,
        place: &Place,
        order: &str,
    ) -> Option<Answer> {
        let path = format!("/ecomm/v2/payments/{order}/details");
        self.call(agent, place, &Wanted::get(&path))
    }

    /// A capture under a key that no step has.
    pub(crate) fn capture_again(
        &self,
        agent: &ureq::Agent,
        place: &Place,
        order: &str,
    ) -> Option<Answer> {
        let path = format!("/ecomm/v2/payments/{order}/capture");
        let body = self.modify(CAPTURED);
        self.call(agent, place, &Wanted::post(&path, Some("again"), &body))
    }

    /// Makes the second subscription key anew and answers it; `None` when no whole answer came.
    pub(crate) fn regenerate(
        &self,
        agent: &ureq::Agent,
        place: &Place,
    ) -> Option<anyhow::Result<String>> {
        let path = format!(
            "/control/v1/sales-units/test/{}/keys/secondary_subscription_key/regenerate",
            self.msn
        );
        let answer = control(agent, place, "POST", &path, None)?;
        Some(second_key(answer))
    }

    /// The second subscription key of now.
    pub(crate) fn second_key(&self, agent: &ureq::Agent, place: &Place) -> anyhow::Result<String> {
        let path = format!("/control/v1/sales-units/test/{}/keys", self.msn);
        second_key(control(agent, place, "GET", &path, None).context("no answer")?)
    }

    /// The states of the calls about an order.
    pub(crate) fn calls(
        &self,
        agent: &ureq::Agent,
        place: &Place,
        order: &str,
    ) -> anyhow::Result<Vec<String>> {
        let path = format!("/control/v1/outgoing-calls/test/{}?about={order}", self.msn);
        let (status, text) = control(agent, place, "GET", &path, None).context("no answer")?;
        ensure!(status == 200, "{path}: {status} {text}");
        let list: Value = serde_json::from_str(&text)?;
        let calls = list
            .as_array()
            .or_else(|| list.get("calls")?.as_array())
            .with_context(|| format!("no list of calls: {list}"))?;
        calls.iter().map(|call| self::text(call, "state")).collect()
    }

    fn initiate(&self, order: &str) -> Value {
        json!({
            "customerInfo": { "mobileNumber": self.phone },
            "merchantInfo": {
                "merchantSerialNumber": self.msn,
                "callbackPrefix": self.prefix,
                "fallBack": "https://example.com/vipps/result",
            },
            "transaction": { "orderId": order, "amount": RESERVED, "transactionText": "Socks" },
        })
    }

    fn modify(&self, amount: u64) -> Value {
        json!({
            "merchantInfo": { "merchantSerialNumber": self.msn },
            "transaction": { "amount": amount, "transactionText": "Part" },
        })
    }

    /// What the platform says of an order to whoever has this token.
    pub(crate) fn details_with(
        &self,
        agent: &ureq::Agent,
        place: &Place,
        order: &str,
        token: &Token,
    ) -> Option<Answer> {
        let path = format!("/ecomm/v2/payments/{order}/details");
        self.call_with(agent, place, &Wanted::get(&path), &token.text)
    }

    fn call(&self, agent: &ureq::Agent, place: &Place, wanted: &Wanted<'_>) -> Option<Answer> {
        let token = self.token.lock();
        let token = token.unwrap_or_else(PoisonError::into_inner).clone();
        let mut answer = self.call_with(agent, place, wanted, &token)?;
        let mut tries = 0;
        while self.renews && answer.0 == 401 && tries < RENEWALS {
            tries += 1;
            let token = self.fetch_token(agent, place).ok()?;
            self.renewed.fetch_add(1, Ordering::Relaxed);
            answer = self.call_with(agent, place, wanted, &token.text)?;
            self.use_token(token);
        }
        Some(answer)
    }

    fn call_with(
        &self,
        agent: &ureq::Agent,
        place: &Place,
        wanted: &Wanted<'_>,
        token: &str,
    ) -> Option<Answer> {
        let mut request = ureq::http::Request::builder()
            .method(wanted.method)
            .uri(format!("{}{}", place.test, wanted.path))
            .header("Authorization", format!("Bearer {token}"))
            .header("Ocp-Apim-Subscription-Key", &self.subscription_key);
        if let Some(key) = wanted.key {
            request = request.header("X-Request-Id", key);
        }
        exchange(agent, request, wanted.body)
    }
}

/// A call of the merchant's APIs.
struct Wanted<'a> {
    method: &'static str,
    path: &'a str,
    key: Option<&'a str>,
    body: Option<&'a Value>,
}

impl<'a> Wanted<'a> {
    fn get(path: &'a str) -> Wanted<'a> {
        Wanted {
            method: "GET",
            path,
            key: None,
            body: None,
        }
    }

    fn post(path: &'a str, key: Option<&'a str>, body: &'a Value) -> Wanted<'a> {
        Wanted {
            method: "POST",
            path,
            key,
            body: Some(body),
        }
    }
}

/// Whether an approval was refused since the payment is over.
pub(crate) fn is_over((status, body): &Answer) -> bool {
    let said: Value = serde_json::from_str(body).unwrap_or_default();
    let code = said.pointer("/0/errorCode").and_then(Value::as_str);
    (*status, code) == (400, Some("92"))
}

/// Makes a person, as a sign that the platform can write.
pub(crate) fn make_person(place: &Place) -> anyhow::Result<()> {
    let (path, body) = ("/control/v1/persons", json!({ "environment": "test" }));
    let answer = control(&agent(), place, "POST", path, Some(&body));
    ensure!(matches!(answer, Some((201, _))), "{path}: {answer:?}");
    Ok(())
}

/// Whether the chain of the audit log is whole.
pub(crate) fn audit_is_whole(agent: &ureq::Agent, place: &Place) -> anyhow::Result<bool> {
    let path = "/control/v1/audit?limit=1";
    let (status, text) = control(agent, place, "GET", path, None).context("no answer")?;
    ensure!(status == 200, "{path}: {status} {text}");
    let audit: Value = serde_json::from_str(&text)?;
    let whole = audit.pointer("/chain/whole").and_then(Value::as_bool);
    whole.with_context(|| format!("it says nothing of the chain: {text}"))
}

fn second_key((status, text): Answer) -> anyhow::Result<String> {
    ensure!(status == 200, "keys: {status} {text}");
    self::text(&serde_json::from_str(&text)?, "secondary_subscription_key")
}

fn control(
    agent: &ureq::Agent,
    place: &Place,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Option<Answer> {
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", place.portal));
    exchange(agent, request, body)
}

fn exchange(
    agent: &ureq::Agent,
    request: ureq::http::request::Builder,
    body: Option<&Value>,
) -> Option<Answer> {
    let sent = match body {
        Some(body) => {
            let request = request.header("Content-Type", "application/json");
            agent.run(request.body(body.to_string()).ok()?)
        }
        None => agent.run(request.body(()).ok()?),
    };
    let mut answer = sent.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.body_mut().read_to_string().ok()?))
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    let text = value.get(name).and_then(Value::as_str);
    Ok(text
        .with_context(|| format!("no `{name}` in {value}"))?
        .to_owned())
}
