//! The platform as a process, and its control API as far as the benchmark needs it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;

use crate::http::{self, Connection};
use crate::process::Process;
use crate::shop::{Keys, Shop};

const SALES_UNITS: &str = "/control/v1/sales-units";
const JSON: &str = "Content-Type: application/json\r\n";

/// A running platform.
pub(crate) struct Platform {
    pub(crate) process: Process,
    /// The listener of the test environment.
    pub(crate) test: SocketAddr,
    /// The portal's listener.
    pub(crate) portal: SocketAddr,
    /// From the start of the process to the first answer of the test environment.
    pub(crate) first_answer: Duration,
}

#[derive(Deserialize)]
struct Ready {
    test: String,
    portal: String,
}

impl Platform {
    /// Starts it with its data in `folder` and waits for the first answer.
    pub(crate) async fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(binary, folder, &[]).await
    }

    /// The same with settings in its environment.
    pub(crate) async fn start_with(
        binary: &Path,
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let database = format!("sqlite:{}", folder.join("sandkasse.db").display());
        Self::start_on(Command::new(binary), folder, &database, settings).await
    }

    /// One of several nodes on a PostgreSQL database.
    pub(crate) async fn start_node(
        binary: &Path,
        folder: &Path,
        database: &str,
    ) -> anyhow::Result<Self> {
        let key = "5e".repeat(32);
        let settings = [("SANDKASSE_MASTER_KEY", key.as_str())];
        Self::start_on(Command::new(binary), folder, database, &settings).await
    }

    /// However the program is called.
    pub(crate) async fn start_on(
        mut command: Command,
        folder: &Path,
        database: &str,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let ready = folder.join("ready.json");
        if ready.exists() {
            std::fs::remove_file(&ready)?;
        }
        command
            .current_dir(folder)
            .envs(settings.iter().copied())
            .arg("up")
            .args(["--test", "127.0.0.1:0"])
            .args(["--production", "127.0.0.1:0"])
            .args(["--portal", "127.0.0.1:0"])
            .args(["--database", database])
            .arg("--ready-file")
            .arg(&ready);
        let started = Instant::now();
        let mut process = Process::start(&mut command)?;
        let Ready { test, portal } = process
            .wait_for(&ready, |text| serde_json::from_str(text).ok())
            .await?;
        let (test, portal) = (address(&test)?, address(&portal)?);
        // Without keys, so it is refused; but that is an answer of the platform, by the rules of the platform.
        let request = b"GET /ecomm/v2/payments/none/details HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        let mut connection = Connection::open(test).await?;
        connection
            .exchange(request)
            .await?
            .expect(401, "the first answer, to a call without keys")?;
        Ok(Self {
            process,
            test,
            portal,
            first_answer: started.elapsed(),
        })
    }

    /// A sales unit for load: without rate limits, and calling back to this machine.
    pub(crate) async fn new_unit(&self) -> anyhow::Result<Keys> {
        self.new_unit_with("off").await
    }

    /// A sales unit with `rate_limits` `on` or `off`.
    pub(crate) async fn new_unit_with(&self, rate_limits: &str) -> anyhow::Result<Keys> {
        let body = new_unit_body(rate_limits);
        let answer = call(self.portal, "POST", SALES_UNITS, JSON, &body).await;
        answer.context("making a sales unit")
    }

    /// A shop with these keys and a fresh token.
    pub(crate) async fn shop(
        &self,
        keys: &Keys,
        phone: &str,
        callback: SocketAddr,
    ) -> anyhow::Result<Rc<Shop>> {
        let token = self.token(keys).await?;
        Ok(Shop::new(keys, &token, phone, callback))
    }

    /// A fresh access token.
    pub(crate) async fn token(&self, keys: &Keys) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct Token {
            access_token: String,
        }
        let Keys {
            client_id,
            client_secret,
            primary_subscription_key: key,
            ..
        } = keys;
        let headers = format!(
            "client_id: {client_id}\r\nclient_secret: {client_secret}\r\nOcp-Apim-Subscription-Key: {key}\r\n"
        );
        let answer = call(self.test, "POST", "/accesstoken/get", &headers, "").await;
        let Token { access_token } = answer.context("fetching an access token")?;
        Ok(access_token)
    }

    /// Moves a sales unit's clock, and returns when everything has happened that fell due on the way.
    pub(crate) async fn advance(&self, msn: &str, by: Duration) -> anyhow::Result<()> {
        let path = format!("{SALES_UNITS}/test/{msn}/advance");
        let body = json!({ "seconds": by.as_secs() }).to_string();
        let answer = call::<IgnoredAny>(self.portal, "POST", &path, JSON, &body).await;
        answer.context("advancing a clock").map(drop)
    }

    /// How many callbacks wait or are being made.
    pub(crate) async fn callbacks_at_hand(&self) -> anyhow::Result<f64> {
        self.metric("sandkasse_callbacks_at_hand").await
    }

    /// How many calls waited to be counted in the store, for limits per minute that nodes share.
    pub(crate) async fn counted_calls(&self) -> anyhow::Result<f64> {
        self.metric("sandkasse_rate_limiter_wait_seconds_count")
            .await
    }

    /// A metric without labels.
    async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let request = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        let mut connection = Connection::open(self.portal).await?;
        let answer = connection.exchange(request).await?;
        answer.expect(200, "asking for the metrics")?;
        let text = std::str::from_utf8(answer.body)?;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.with_context(|| format!("the metrics have no {name}"))?;
        Ok(value.parse()?)
    }

    /// How full the journal of calls is.
    pub(crate) async fn journal(&self) -> anyhow::Result<Fill> {
        #[derive(Deserialize)]
        struct Requests {
            journal: Fill,
        }
        let path = "/control/v1/requests?limit=1";
        let answer = call(self.portal, "GET", path, "", "").await;
        let Requests { journal } = answer.context("asking for the journal")?;
        Ok(journal)
    }

    /// The newest call in the journal.
    pub(crate) async fn newest_call(&self) -> anyhow::Result<Noted> {
        #[derive(Deserialize)]
        struct Requests {
            requests: Vec<Noted>,
        }
        let path = "/control/v1/requests?limit=1";
        let answer = call(self.portal, "GET", path, "", "").await;
        let Requests { requests } = answer.context("asking for the newest call")?;
        let newest = requests.into_iter().next();
        newest.context("there was no call")
    }

    /// The phone number of a person who can pay, as a user of the platform learns it.
    pub(crate) fn phone(&self, binary: &Path) -> anyhow::Result<String> {
        let portal = format!("http://{}", self.portal);
        let output = Command::new(binary)
            .args(["env", "--format", "dotenv", "--portal", &portal])
            .output()?;
        ensure!(
            output.status.success(),
            "`sandkasse env` ended with {}",
            output.status
        );
        let text = String::from_utf8(output.stdout)?;
        let phone = text.lines().find_map(|line| line.strip_prefix("PHONE="));
        let phone = phone.context("`sandkasse env` printed no PHONE")?;
        Ok(phone.trim_matches(['"', '\'']).to_owned())
    }
}

fn new_unit_body(rate_limits: &str) -> String {
    let wanted = json!({
        "environment": "test",
        "name": "bench",
        "rate_limits": rate_limits,
        "url_policy": "local",
        "products": ["ecom"],
    });
    wanted.to_string()
}

/// What asks the portal at this address for a sales unit, for whoever makes very many over one connection.
pub(crate) fn new_unit_request(portal: SocketAddr, rate_limits: &str) -> Vec<u8> {
    let headers = format_args!("Host: {portal}\r\n{JSON}");
    http::request("POST", SALES_UNITS, headers, &new_unit_body(rate_limits))
}

/// A call in the journal.
#[derive(Deserialize)]
pub(crate) struct Noted {
    pub(crate) id: String,
    pub(crate) number: u64,
}

/// How full the journal is, in the words of the control API.
#[derive(Deserialize)]
pub(crate) struct Fill {
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
    pub(crate) most_bytes: u64,
    pub(crate) forgotten: u64,
    pub(crate) on_disk: u64,
    pub(crate) not_written: u64,
}

/// Calls and reads the JSON of the answer, which must be a success.
pub(crate) async fn call<T: DeserializeOwned>(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> anyhow::Result<T> {
    let headers = format_args!("Host: {address}\r\n{headers}");
    let request = http::request(method, path, headers, body);
    let mut connection = Connection::open(address).await?;
    let answer = connection.exchange(&request).await?;
    if answer.status != 201 {
        answer.expect(200, path)?;
    }
    Ok(serde_json::from_slice(answer.body)?)
}

/// The address in a base URL such as `http://127.0.0.1:7480`.
fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let authority = url.strip_prefix("http://").unwrap_or(url);
    let address = authority.trim_end_matches('/').parse();
    address.with_context(|| format!("{url} is no address"))
}
