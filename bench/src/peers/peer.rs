//! What a user would pick instead: how each is started, and its nearest operation.
//!
//! Who understands an official OpenAPI document, or is told what to match, gets the very bytes that the platform gets.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::http::{self, Connection};
use crate::load::{self, Job};
use crate::machine;
use crate::measure::{CONNECTIONS, SETTLE, fresh};
use crate::process::{self, Process, pause};
use crate::shop::Shop;
use crate::sink::Sink;

use super::Turn;

/// In a command, what stands for the port.
const PORT: &str = "PORT";
/// emulate lets a token make 5,000 calls in an hour.
const CALLS_OF_A_TOKEN: u64 = 4_000;

/// A peer, as the installation describes it.
#[derive(Deserialize)]
pub(crate) struct Peer {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) version: String,
    /// The program and its arguments; none where it could not be installed.
    #[serde(default)]
    command: Vec<String>,
    /// Why it could not.
    #[serde(default)]
    pub(crate) absent: Option<String>,
}

/// How a peer is asked.
#[derive(Clone)]
enum Dialect {
    /// Payment intents of Stripe's, under a token of its own for each connection and so many calls.
    Stripe,
    /// A resource of json-server's, under a name that the caller gives.
    Resource,
    /// The platform's own.
    Ours(Rc<Shop>),
}

/// Makes payments over one connection, and keeps their names.
struct Creating {
    dialect: Dialect,
    connection: usize,
    tag: &'static str,
    calls: u64,
    made: Vec<String>,
}

/// Reads them back.
struct Reading {
    dialect: Dialect,
    connection: usize,
    calls: u64,
    made: Rc<Vec<String>>,
}

impl Peer {
    /// A new process in an empty folder, from its start to its end; `Err` when it does not start or answers wrongly.
    pub(crate) async fn turn(
        &self,
        data: &Path,
        time: Duration,
        sink: &Sink,
    ) -> anyhow::Result<Turn> {
        eprintln!("  {}", self.name);
        let (mut process, address, first_answer) = self.start(data).await?;
        pause(SETTLE).await;
        let idle_mb = machine::resident_tree_mb(process.id())?;
        let dialect = self.dialect(sink)?;
        if self.name == "wiremock" {
            // The JVM compiles what it does often, which takes it some ten thousand calls.
            let (_, made) = create(&dialect, address, "warm", time).await?;
            read(&dialect, address, made, time).await?;
        }
        let (create, made) = create(&dialect, address, "many", time).await?;
        let read = read(&dialect, address, made, time).await?;
        pause(SETTLE).await;
        let loaded_mb = machine::resident_tree_mb(process.id())?;
        process.still_runs()?;
        Ok(Turn {
            create,
            read: Some(read),
            more: None,
            first_answer_ms: Some(first_answer.as_secs_f64() * 1e3),
            idle_mb: Some(idle_mb),
            loaded_mb: Some(loaded_mb),
        })
    }

    /// Whether it starts here at all; what it then answers is for the rounds to see.
    pub(crate) async fn try_out(&self, data: &Path) -> anyhow::Result<()> {
        self.start(data).await.map(drop)
    }

    /// The time is that from the start to the first answer, whatever it says.
    async fn start(&self, data: &Path) -> anyhow::Result<(Process, SocketAddr, Duration)> {
        let folder = fresh(data)?;
        self.lay_out(&folder)?;
        let address = free_address()?;
        let mut words = self.command.iter();
        let program = words.next().context("no command")?;
        let mut command = Command::new(program);
        command.current_dir(&folder).args(words.map(|word| {
            if word == PORT {
                address.port().to_string()
            } else {
                word.clone()
            }
        }));
        let log = data.join(format!("{}.log", self.name));
        let started = Instant::now();
        let mut process = Process::start_quietly(&mut command, &log)?;
        while TcpStream::connect(address).await.is_err() {
            process
                .still_runs()
                .with_context(|| format!("see {}", log.display()))?;
            if started.elapsed() > process::LIMIT {
                bail!("{} does not listen; see {}", self.name, log.display());
            }
            pause(Duration::from_millis(1)).await;
        }
        let request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        Connection::open(address).await?.exchange(request).await?;
        Ok((process, address, started.elapsed()))
    }

    /// The files that a peer reads from the folder in which it runs.
    fn lay_out(&self, folder: &Path) -> anyhow::Result<()> {
        match self.name.as_str() {
            "json-server" => std::fs::write(folder.join("db.json"), r#"{"payments":[]}"#)?,
            "wiremock" => {
                let mappings = folder.join("mappings");
                std::fs::create_dir(&mappings)?;
                std::fs::write(mappings.join("payments.json"), MAPPINGS)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn dialect(&self, sink: &Sink) -> anyhow::Result<Dialect> {
        Ok(match self.name.as_str() {
            "emulate" | "localstripe" => Dialect::Stripe,
            "json-server" => Dialect::Resource,
            "prism" | "mockoon" | "wiremock" => Dialect::Ours(Shop::without_keys(sink.address)),
            other => bail!("nobody here knows how to ask {other}"),
        })
    }
}

/// What WireMock answers: as the ceilings do, without looking at the body.
const MAPPINGS: &str = r#"{"mappings": [
    {"request": {"method": "POST", "urlPath": "/ecomm/v2/payments"},
     "response": {"status": 200, "headers": {"Content-Type": "application/json"},
        "jsonBody": {"orderId": "order", "url": "http://127.0.0.1:7480/dwo-api-application/v1/deeplink/vippsgateway?v=2&token=abc"}}},
    {"request": {"method": "GET", "urlPathPattern": "/ecomm/v2/payments/[^/]+/details"},
     "response": {"status": 200, "headers": {"Content-Type": "application/json"},
        "jsonBody": {"orderId": "order", "transactionLogHistory": [
            {"amount": 49900, "transactionText": "One pair of socks", "transactionId": "5002701468",
             "timeStamp": "2023-06-13T07:47:56.855Z", "operation": "INITIATE", "requestId": "", "operationSuccess": true}]}}}
]}"#;

impl Dialect {
    fn create(&self, token: &str, name: &str) -> Vec<u8> {
        match self {
            Dialect::Stripe => {
                let body = "amount=49900&currency=nok";
                let kind = "application/x-www-form-urlencoded";
                request("POST", "/v1/payment_intents", token, kind, body)
            }
            Dialect::Resource => {
                let body = format!(
                    r#"{{"id":"{name}","amount":49900,"currency":"NOK","transactionText":"One pair of socks"}}"#
                );
                request("POST", "/payments", token, "application/json", &body)
            }
            Dialect::Ours(shop) => shop.initiate(name),
        }
    }

    fn read(&self, token: &str, name: &str) -> Vec<u8> {
        let of = |folder: &str| {
            let path = format!("{folder}/{name}");
            request("GET", &path, token, "application/json", "")
        };
        match self {
            Dialect::Stripe => of("/v1/payment_intents"),
            Dialect::Resource => of("/payments"),
            Dialect::Ours(shop) => shop.details(name),
        }
    }

    fn created(&self) -> u16 {
        match self {
            Dialect::Stripe | Dialect::Ours(_) => 200,
            Dialect::Resource => 201,
        }
    }

    /// What a payment is called from now on: as Stripe says, or as we said.
    fn name(&self, ours: String, body: &[u8]) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct Created {
            id: String,
        }
        Ok(match self {
            Dialect::Stripe => serde_json::from_slice::<Created>(body)?.id,
            Dialect::Resource | Dialect::Ours(_) => ours,
        })
    }
}

fn request(method: &str, path: &str, token: &str, kind: &str, body: &str) -> Vec<u8> {
    let headers = format_args!(
        "Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}\r\n"
    );
    http::request(method, path, headers, body)
}

fn token(tag: &str, connection: usize, calls: u64) -> String {
    format!("sk_test_{tag}{connection:02}x{}", calls / CALLS_OF_A_TOKEN)
}

impl Job for Creating {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let token = token(self.tag, self.connection, self.calls);
        let name = format!(
            "bench-{}-{:02}-{:07}",
            self.tag, self.connection, self.calls
        );
        self.calls += 1;
        let answer = connection
            .exchange(&self.dialect.create(&token, &name))
            .await?;
        answer.expect(self.dialect.created(), "creating a payment")?;
        self.made.push(self.dialect.name(name, answer.body)?);
        Ok(())
    }
}

impl Job for Reading {
    async fn once(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let token = token("read", self.connection, self.calls);
        // As in [`crate::shop::Looking`].
        let at = self.calls.wrapping_mul(7919) + self.connection as u64 * 104_729;
        self.calls += 1;
        let name = self.made.get(usize::try_from(at)? % self.made.len().max(1));
        let name = name.context("nothing was made")?;
        let request = self.dialect.read(&token, name);
        connection
            .exchange(&request)
            .await?
            .expect(200, "reading it back")
    }
}

async fn create(
    dialect: &Dialect,
    address: SocketAddr,
    tag: &'static str,
    time: Duration,
) -> anyhow::Result<(load::Achieved, Vec<String>)> {
    let jobs = (0..CONNECTIONS).map(|connection| Creating {
        dialect: dialect.clone(),
        connection,
        tag,
        calls: 0,
        made: Vec::new(),
    });
    let (achieved, jobs) = load::run(address, jobs.collect(), time).await?;
    Ok((
        achieved,
        jobs.into_iter().flat_map(|job| job.made).collect(),
    ))
}

async fn read(
    dialect: &Dialect,
    address: SocketAddr,
    made: Vec<String>,
    time: Duration,
) -> anyhow::Result<load::Achieved> {
    let made = Rc::new(made);
    let jobs = (0..CONNECTIONS).map(|connection| Reading {
        dialect: dialect.clone(),
        connection,
        calls: 0,
        made: Rc::clone(&made),
    });
    Ok(load::run(address, jobs.collect(), time).await?.0)
}

/// A port that was free a moment ago: peers do not tell which one they were given.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_names_what_it_made() {
        let stripe = Dialect::Stripe;
        let named = stripe.name("ours".to_owned(), br#"{"object":"x","id":"pi_1"}"#);
        assert_eq!(named.unwrap(), "pi_1");
        assert!(stripe.name("ours".to_owned(), b"{}").is_err());
        let named = Dialect::Resource.name("ours".to_owned(), b"{}");
        assert_eq!(named.unwrap(), "ours");
        assert_ne!(token("many", 1, 3_999), token("many", 1, 4_000));
    }

    #[test]
    fn mappings_are_json() {
        serde_json::from_str::<serde_json::Value>(MAPPINGS).unwrap();
    }
}
