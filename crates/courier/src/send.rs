//! Makes one attempt at a call and says what came of it.
//!
//! One connection per attempt, HTTP/1.1, straight to an address that was judged just before. What
//! is absent on purpose: retries, redirects, proxies, cookies, connection reuse, and any header
//! besides those listed in `request`. It does not write down that a call is begun; whoever calls
//! [`Courier::attempt`] has done so ([`crate::worker`]).
//!
//! The limit of a call covers everything a merchant can slow down: DNS, connecting, TLS, sending,
//! and the whole answer. Only reading the machine's trusted certificates, once, is not counted.

mod connect;
#[cfg(test)]
mod hook_tests;
#[cfg(test)]
mod policy_tests;
pub(crate) mod request;
#[cfg(test)]
mod tests;
mod tls;
#[cfg(test)]
mod tls_tests;

use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use sandkasse_domain::{Timestamp, sales_unit::UrlPolicy};
use sandkasse_hooks::HookCall;
use sandkasse_store::{CallFailure, CallOutcome, OutgoingCall, Purpose, authorization_place};
use sandkasse_vault::{Vault, is_sealed};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::resolver::Resolver;
use crate::url::{self, Scheme, Target, UrlFault};

/// Nothing of an answer's body beyond this is read or kept.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// An answer whose head is longer is no answer.
const MAX_ANSWER_HEAD_BYTES: usize = 64 * 1024;

/// What an installation decides about its calls.
#[derive(Clone, Default)]
pub struct CourierConfig {
    /// Opens the `Authorization` of calls. Without it sealed ones cannot be sent.
    pub vault: Option<Arc<Vault>>,
    /// Where the platform itself listens: never a target.
    pub own: Vec<SocketAddr>,
    /// Ports of public hosts besides [`crate::address::USUAL_PORTS`].
    pub ports: Vec<u16>,
    /// Authorities trusted besides those of the machine.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// Whoever makes attempts for the [`worker`](crate::worker): a [`Courier`], or a simulated network.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// Makes the call, once. Never fails: whatever goes wrong is an outcome.
    async fn attempt(&self, call: &OutgoingCall, policy: UrlPolicy) -> CallOutcome;

    /// Makes one attempt at a webhook delivery. Never fails either.
    async fn deliver(&self, call: &HookCall, policy: UrlPolicy) -> CallOutcome;
}

#[async_trait]
impl Attempts for Courier {
    async fn attempt(&self, call: &OutgoingCall, policy: UrlPolicy) -> CallOutcome {
        Courier::attempt(self, call, policy).await
    }

    async fn deliver(&self, call: &HookCall, policy: UrlPolicy) -> CallOutcome {
        Courier::deliver(self, call, policy).await
    }
}

/// Sends calls. See the module.
pub struct Courier {
    config: CourierConfig,
    resolver: Arc<dyn Resolver>,
    trust: tls::Trust,
}

/// What is known of an answer, also when its end never came.
#[derive(Default)]
struct Answer {
    status: Option<u16>,
    location: Option<String>,
    body: Vec<u8>,
}

impl Courier {
    /// A courier that finds hosts with `resolver`.
    pub fn new(config: CourierConfig, resolver: Arc<dyn Resolver>) -> Self {
        let trust = tls::Trust::new(config.authorities.clone());
        Courier {
            config,
            resolver,
            trust,
        }
    }

    /// Makes the call, once, and waits for the end of the answer or of the call's time.
    ///
    /// Never fails: whatever goes wrong is an outcome. A status that is not 2xx counts as the
    /// cause even if the rest of the answer was late or broken.
    pub async fn attempt(&self, call: &OutgoingCall, policy: UrlPolicy) -> CallOutcome {
        self.send(call, policy, request::JSON).await
    }

    /// Makes one attempt at a webhook delivery, as [`Courier::attempt`] makes a call.
    pub async fn deliver(&self, call: &HookCall, policy: UrlPolicy) -> CallOutcome {
        let build = |target: &Target, rest: &str| request::hook(call, target, rest);
        self.send_to(&call.url, call.limit_ms, policy, build).await
    }

    async fn send(
        &self,
        call: &OutgoingCall,
        policy: UrlPolicy,
        content: HeaderValue,
    ) -> CallOutcome {
        let build = |target: &Target, rest: &str| {
            let authorization = self.authorization(call)?;
            request::build(call, content, authorization.as_deref(), target, rest)
        };
        self.send_to(&call.url, call.timeout_ms, policy, build)
            .await
    }

    async fn send_to(
        &self,
        url: &str,
        timeout_ms: u64,
        policy: UrlPolicy,
        build: impl FnOnce(&Target, &str) -> Result<Request<Full<Bytes>>, CallFailure> + Send,
    ) -> CallOutcome {
        if url
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("https:"))
        {
            self.trust.prepare().await;
        }
        let began = Instant::now();
        let mut answer = Answer::default();
        let limit = Duration::from_millis(timeout_ms);
        let exchanged =
            tokio::time::timeout(limit, self.exchange(url, policy, build, limit, &mut answer))
                .await;
        let failure = match (answer.status, exchanged) {
            (Some(300..=399), _) => Some(CallFailure::Redirect {
                location: answer.location,
            }),
            (Some(status), _) if !(200..=299).contains(&status) => {
                Some(CallFailure::Status { status })
            }
            (_, Ok(Ok(()))) => None,
            (_, Ok(Err(failure))) => Some(failure),
            (_, Err(_)) => Some(CallFailure::Timeout {
                limit_ms: timeout_ms,
            }),
        };
        CallOutcome {
            status: answer.status,
            failure,
            duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            answer: answer.status.map(|_| readable(&answer.body)),
        }
    }

    /// Asks for what lies at a URL, once and within `limit`, and waits for the end of the answer.
    /// For what is no merchant's: nothing is noted anywhere. Never fails, as [`Courier::attempt`].
    pub async fn get(&self, url: &str, policy: UrlPolicy, limit: Duration) -> CallOutcome {
        self.attempt(&nobodys("GET", url, limit), policy).await
    }

    /// Sends a form, once and within `limit`, as [`Courier::get`] asks for what lies at a URL.
    pub async fn post_form(
        &self,
        url: &str,
        authorization: Option<String>,
        form: String,
        policy: UrlPolicy,
        limit: Duration,
    ) -> CallOutcome {
        let call = OutgoingCall {
            authorization,
            body: Some(form),
            ..nobodys("POST", url, limit)
        };
        self.send(&call, policy, request::FORM).await
    }

    /// Whether a host could be called: its name has an address, and every address is permitted.
    /// For the platform's check, at initiate and for strict units, that a prefix can be resolved:
    /// there only [`CallFailure::Dns`] is a reason to refuse, all else fails the call later.
    /// Connects to nothing.
    ///
    /// # Errors
    ///
    /// What an attempt would fail with at this point, [`CallFailure::Timeout`] after `limit`.
    pub async fn check_reachable(
        &self,
        target: &Target,
        policy: UrlPolicy,
        limit: Duration,
    ) -> Result<(), CallFailure> {
        match tokio::time::timeout(limit, self.addresses(target, policy)).await {
            Ok(found) => found.map(|_| ()),
            Err(_) => Err(CallFailure::Timeout {
                limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
            }),
        }
    }

    /// The merchant's own `Authorization`, opened for this moment only. Calls of an earlier version
    /// were not sealed.
    fn authorization(&self, call: &OutgoingCall) -> Result<Option<String>, CallFailure> {
        let Some(kept) = &call.authorization else {
            return Ok(None);
        };
        if !is_sealed(kept) {
            return Ok(Some(kept.clone()));
        }
        let opened = self
            .config
            .vault
            .as_ref()
            .and_then(|vault| vault.open(&authorization_place(&call.about), kept).ok());
        opened.map(Some).ok_or_else(|| CallFailure::BadUrl {
            detail: "authorization: it was sealed under another master key".to_owned(),
        })
    }

    async fn exchange(
        &self,
        url: &str,
        policy: UrlPolicy,
        build: impl FnOnce(&Target, &str) -> Result<Request<Full<Bytes>>, CallFailure> + Send,
        limit: Duration,
        answer: &mut Answer,
    ) -> Result<(), CallFailure> {
        let deadline = tokio::time::Instant::now() + limit;
        let (target, rest) = url::judge_call(url, policy).map_err(|fault| unfit(url, &fault))?;
        let request = build(&target, rest)?;
        let addresses = self.addresses(&target, policy).await?;
        let stream = connect::connect(&addresses, &target, &self.config.own, deadline).await?;
        match target.scheme {
            Scheme::Http => talk(stream, request, answer).await,
            Scheme::Https => {
                talk(
                    self.trust.handshake(stream, &target.host).await?,
                    request,
                    answer,
                )
                .await
            }
        }
    }
}

/// A call that is no merchant's.
fn nobodys(method: &str, url: &str, limit: Duration) -> OutgoingCall {
    OutgoingCall {
        id: String::new(),
        // Says whose calls it is counted with; this one is not counted.
        purpose: Purpose::PaymentCallback,
        about: String::new(),
        method: method.to_owned(),
        url: url.to_owned(),
        authorization: None,
        body: None,
        timeout_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        owed_at: Timestamp::UNIX_EPOCH,
    }
}

/// One request, one answer. The connection is driven right here, so that nothing outlives the call.
async fn talk<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    answer: &mut Answer,
) -> Result<(), CallFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = http1::Builder::new();
    builder
        .title_case_headers(true)
        .max_buf_size(MAX_ANSWER_HEAD_BYTES);
    let (mut sender, connection) = builder
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let mut connection = pin!(connection);
    let mut spoken = pin!(async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| broken(&error))?;
        read(response, answer).await
    });
    let mut open = true;
    loop {
        tokio::select! {
            result = &mut spoken => return result,
            // How it ended is told to the request, which is still waiting.
            _ = &mut connection, if open => open = false,
        }
    }
}

async fn read(response: Response<Incoming>, answer: &mut Answer) -> Result<(), CallFailure> {
    answer.status = Some(response.status().as_u16());
    answer.location = response
        .headers()
        .get(header::LOCATION)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut body = response.into_body();
    while answer.body.len() < MAX_ANSWER_BYTES {
        let Some(frame) = body.frame().await else {
            return Ok(());
        };
        let frame = frame.map_err(|error| broken(&error))?;
        if let Some(data) = frame.data_ref() {
            let room = MAX_ANSWER_BYTES - answer.body.len();
            answer.body.extend(data.iter().take(room));
        }
    }
    Ok(())
}

/// As text, still within the limit: each byte that is no UTF-8 becomes a mark of three bytes.
fn readable(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    while text.len() > MAX_ANSWER_BYTES {
        text.pop();
    }
    text
}

/// What a URL that was fine when it was given fails with now, or one that never was judged.
fn unfit(url: &str, fault: &UrlFault) -> CallFailure {
    let forbidden = |target: String, rule: &str| CallFailure::Forbidden {
        target,
        rule: rule.to_owned(),
    };
    match fault {
        UrlFault::Empty | UrlFault::TooLong { .. } | UrlFault::Syntax { .. } => {
            CallFailure::BadUrl {
                detail: fault.name().to_owned(),
            }
        }
        UrlFault::Scheme { scheme } if scheme == "http" => {
            let host = url::parts::Parts::cut(url)
                .map(|parts| parts.host.to_owned())
                .unwrap_or_default();
            forbidden(host, crate::address::AddressRule::PlainHttp.name())
        }
        UrlFault::Scheme { .. } => CallFailure::BadUrl {
            detail: fault.name().to_owned(),
        },
        UrlFault::LocalHost { host }
        | UrlFault::BareHost { host }
        | UrlFault::UnknownTld { host, .. }
        | UrlFault::OddAddress { host, .. } => forbidden(host.clone(), fault.name()),
        UrlFault::Address { address, .. } => forbidden(address.to_string(), fault.name()),
    }
}

fn broken(error: &hyper::Error) -> CallFailure {
    CallFailure::Broken {
        detail: detail(error),
    }
}

/// An error and what caused it, on one line.
fn detail(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
