//! `sandkasse listen`: has a sales unit's webhooks come to a program on this machine.
//!
//! The registration's address is the target itself, so the signature verifies there. A sales unit
//! with the local URL policy is called back by the platform; for a strict one this command fetches the
//! deliveries through the control API and hands them on, byte for byte.

use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sandkasse_domain::{Environment, webhook::ANSWER_MS};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    Ended,
    address::BaseUrl,
    control::{
        env::Keys,
        webhooks::{FetchedDelivery, FetchedOutcome},
    },
    http_client::Door,
    output,
    trust::TrustFlags,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sandkasse listen --forward-to http://127.0.0.1:3000/hook
                                              webhooks of the unit `demo` in the test environment
  sandkasse listen --forward-to http://127.0.0.1:3000/hook --unit strict --events epayments.payment.captured.v1

The secret is printed once, for your program. Ctrl-C deletes the registration.";

/// Of the receiver's answer so many bytes are told.
const ANSWER: usize = 2 * 1024;
/// How long one question for the next delivery takes.
const WAIT_MS: u64 = 8_000;
/// How often the outcomes of deliveries are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What shall come where.
#[derive(Args, Clone, Debug)]
pub(crate) struct ListenFlags {
    /// Where deliveries go: host, path and query are signed as they stand here
    #[arg(long, value_name = "URL")]
    forward_to: String,
    /// Of production instead of the test environment
    #[arg(long)]
    production: bool,
    /// Which sales unit, by name or number
    #[arg(long, value_name = "NAME")]
    unit: Option<String>,
    /// Which events [default: all of ePayment]
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    events: Vec<String>,
    /// Fetch deliveries even where the platform could call the target itself
    #[arg(long)]
    fetch: bool,
    /// Where the portal of the running platform is
    #[arg(
        long,
        value_name = "URL",
        env = "SANDKASSE_PORTAL_URL",
        default_value = "http://127.0.0.1:7482"
    )]
    portal: BaseUrl,
    #[command(flatten)]
    trust: TrustFlags,
    /// The administrator's token, where one is set
    #[arg(skip)]
    pub(crate) token: Option<String>,
}

/// Listens until Ctrl-C or SIGTERM.
pub(crate) fn run(flags: &ListenFlags) -> Result<(), Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Ended::Failed(error.to_string()))?;
    runtime.block_on(async {
        // Before anything is registered, so that whoever stops it here too leaves nothing behind.
        let told = told_to_stop()?;
        let listener = Listener::begin(flags).await?;
        let ended = tokio::select! {
            ended = listener.listen() => ended,
            () = told => Ok(()),
        };
        listener.end().await;
        ended
    })
}

fn told_to_stop() -> Result<impl Future<Output = ()>, Ended> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| Ended::Failed(error.to_string());
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

struct Listener<'a> {
    flags: &'a ListenFlags,
    door: Door,
    /// `test/220001`
    place: String,
    made: Made,
}

#[derive(Deserialize)]
struct Made {
    id: String,
    secret: String,
    fetched: bool,
}

impl<'a> Listener<'a> {
    async fn begin(flags: &'a ListenFlags) -> Result<Listener<'a>, Ended> {
        let door = Door::of(&flags.portal, &flags.trust)?;
        let environment = if flags.production {
            Environment::Production
        } else {
            Environment::Test
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("environment", environment.name());
        if let Some(unit) = &flags.unit {
            query.append_pair("unit", unit);
        }
        let token = flags.token.as_deref();
        let (status, body) = door.get(&format!("/env?{}", query.finish()), token).await?;
        let keys: Keys = read(&door, status, &body)?;
        let place = format!("{environment}/{}", keys.msn);
        let (status, body) = door.get(&format!("/sales-units/{place}"), token).await?;
        let unit: Value = read(&door, status, &body)?;
        let is_strict = unit.pointer("/url_policy").and_then(Value::as_str) == Some("strict");
        let fetched = flags.fetch || is_strict;
        if fetched && !is_plain_http(&flags.forward_to) {
            return Err(Ended::WrongUse(format!(
                "{}: deliveries that are fetched are handed on by http:// only",
                flags.forward_to
            )));
        }
        let mut wish = json!({ "url": flags.forward_to, "fetched": fetched });
        if !flags.events.is_empty()
            && let Some(wish) = wish.as_object_mut()
        {
            wish.insert("events".to_owned(), json!(flags.events));
        }
        let made = post(&door, &format!("/webhooks/{place}"), token, &wish).await?;
        let Some(made): Option<Made> = made else {
            return Err(Ended::Failed("the portal answered nothing".to_owned()));
        };
        let how = if made.fetched {
            "fetched here and handed on"
        } else {
            "sent by the platform itself"
        };
        output::say(&format!(
            "Webhooks of {place} come to {} ({how}).\nSecret, told this once: {}\nCtrl-C ends it.\n",
            flags.forward_to, made.secret
        ));
        Ok(Listener {
            flags,
            door,
            place,
            made,
        })
    }

    fn path(&self, rest: &str) -> String {
        format!("/webhooks/{}/{}{rest}", self.place, self.made.id)
    }

    async fn listen(&self) -> Result<(), Ended> {
        if self.made.fetched {
            self.hand_on().await
        } else {
            self.look_on().await
        }
    }

    async fn hand_on(&self) -> Result<(), Ended> {
        let token = self.flags.token.as_deref();
        loop {
            let fetch = self.path(&format!("/fetch?wait_ms={WAIT_MS}"));
            let next = post(&self.door, &fetch, token, &json!({})).await?;
            let Some(delivery): Option<FetchedDelivery> = next else {
                continue;
            };
            let outcome = forward(&delivery).await;
            tell(&delivery.body, &outcome);
            let answer = self.path(&format!("/fetched/{}", delivery.number));
            // Nobody may wait for it any more; then it is offered again.
            if let Err(ended) = post::<Value>(&self.door, &answer, token, &outcome).await {
                output::complain(&ended.to_string());
            }
        }
    }

    /// The platform calls the target; here is only told what came of it.
    async fn look_on(&self) -> Result<(), Ended> {
        let token = self.flags.token.as_deref();
        let mut told = std::collections::HashMap::new();
        loop {
            let (status, body) = self
                .door
                .get(&format!("/deliveries/{}?limit=100", self.place), token)
                .await?;
            let list: Value = read(&self.door, status, &body)?;
            let list = list.pointer("/deliveries").and_then(Value::as_array);
            let ours = list
                .into_iter()
                .flatten()
                .filter(|it| it.pointer("/webhook") == Some(&self.made.id.as_str().into()));
            let lines: Vec<_> = ours.map(Line::of).collect();
            for line in lines.into_iter().rev() {
                let before = told.insert(line.id.clone(), line.said.clone());
                if before.as_ref() != Some(&line.said) {
                    output::say(&format!("{}\n", line.said));
                }
            }
            #[expect(clippy::disallowed_methods, reason = "a person looks on, in real time")]
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The registration goes with whoever listened.
    async fn end(&self) {
        let token = self.flags.token.as_deref();
        let path = self.path("");
        let gone = self.door.call(Method::DELETE, &path, token, Bytes::new());
        if let Err(ended) = gone.await {
            output::complain(&format!("the registration stays: {ended}"));
        }
    }
}

fn is_plain_http(url: &str) -> bool {
    let scheme = url.get(.."http://".len());
    scheme.is_some_and(|it| it.eq_ignore_ascii_case("http://"))
}

/// A delivery in a line.
struct Line {
    id: String,
    said: String,
}

impl Line {
    fn of(delivery: &Value) -> Line {
        let text = |member: &str| {
            let found = delivery.get(member).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let attempts = delivery.get("attempts").and_then(Value::as_u64);
        Line {
            id: text("id"),
            said: format!(
                "{} {} {}: {} after {} attempts",
                text("owed_at"),
                text("event"),
                text("about"),
                text("state"),
                attempts.unwrap_or_default()
            ),
        }
    }
}

fn tell(body: &str, outcome: &FetchedOutcome) {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |member: &str| body.get(member).and_then(Value::as_str).unwrap_or("?");
    let came = match (&outcome.error, outcome.status) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => format!("answered {status}"),
        (None, None) => "no answer".to_owned(),
    };
    output::say(&format!(
        "{} {} {}: {came} in {} ms\n",
        text("timestamp"),
        text("name"),
        text("reference"),
        outcome.duration_ms
    ));
}

/// Hands a delivery on to the target, as the platform would have sent it.
async fn forward(delivery: &FetchedDelivery) -> FetchedOutcome {
    let began = Instant::now();
    let limit = Duration::from_millis(ANSWER_MS);
    let answered = tokio::time::timeout(limit, exchange(delivery)).await;
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    match answered {
        Ok(Ok((status, answer))) => FetchedOutcome {
            status: Some(status.as_u16()),
            error: None,
            answer: Some(answer),
            duration_ms,
        },
        Ok(Err(error)) => FetchedOutcome {
            error: Some(error),
            duration_ms,
            ..FetchedOutcome::default()
        },
        Err(_) => FetchedOutcome {
            error: Some(format!("no whole answer within {ANSWER_MS} ms")),
            duration_ms,
            ..FetchedOutcome::default()
        },
    }
}

async fn exchange(delivery: &FetchedDelivery) -> Result<(StatusCode, String), String> {
    let host = delivery.headers.iter().find(|(name, _)| name == "Host");
    let authority = host.map_or("", |(_, value)| value.as_str());
    let has_port = crate::address::host_of(authority) != authority;
    let address = if has_port {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let stream = TcpStream::connect(&address)
        .await
        .map_err(|error| format!("no connection to {address}: {error}"))?;
    let broken = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let driver = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&delivery.target);
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(delivery.body.clone())))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), ANSWER).collect().await;
    // Of a longer one the status is what counts.
    let answer = answer.map(|it| it.to_bytes()).unwrap_or_default();
    driver.abort();
    Ok((status, String::from_utf8_lossy(&answer).into_owned()))
}

/// `None` when the answer is that there is nothing.
async fn post<T: DeserializeOwned>(
    door: &Door,
    path: &str,
    token: Option<&str>,
    body: &(impl Serialize + Sync),
) -> Result<Option<T>, Ended> {
    let body = serde_json::to_vec(body).map_err(|error| Ended::Failed(error.to_string()))?;
    let answer = door
        .call(Method::POST, path, token, Bytes::from(body))
        .await?;
    let status = answer.status;
    if status == StatusCode::NO_CONTENT {
        return Ok(None);
    }
    let body = answer.rest().await?;
    if status.is_success()
        && let Ok(read) = serde_json::from_slice(&body)
    {
        return Ok(Some(read));
    }
    Err(door.refused(status, &body))
}

fn read<T: DeserializeOwned>(door: &Door, status: StatusCode, body: &[u8]) -> Result<T, Ended> {
    if status == StatusCode::OK
        && let Ok(read) = serde_json::from_slice(body)
    {
        return Ok(read);
    }
    Err(door.refused(status, body))
}
