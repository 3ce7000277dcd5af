//! One attempt, ready to be sent.

use std::fmt;

use jiff::Timestamp;

use crate::sign::{Signed, sign};

/// One attempt at a delivery, complete: whoever sends it needs nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct HookCall {
    /// As registered.
    pub url: String,
    /// The host as `Host` says it, and as it is signed.
    pub host: String,
    /// Path and query as they go over the wire, and as they are signed.
    pub target: String,
    /// The headers that prove it.
    pub signed: Signed,
    /// The body.
    pub body: String,
    /// How long the whole answer may take, in milliseconds of real time.
    pub limit_ms: u64,
}

/// What goes wrong with one attempt on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// Signed with another secret.
    Signature,
    /// Half of the body, with the headers of the whole.
    Body,
}

impl HookCall {
    /// Signs an attempt that is made at `at`, in real time.
    pub fn new(
        (url, host, target): (&str, &str, &str),
        secret: &str,
        body: &str,
        at: Timestamp,
        limit_ms: u64,
        spoil: Option<Spoil>,
    ) -> HookCall {
        let other;
        let secret = if spoil == Some(Spoil::Signature) {
            other = format!("not {secret}");
            other.as_str()
        } else {
            secret
        };
        let signed = sign(secret, target, host, body.as_bytes(), at);
        let body = match spoil {
            Some(Spoil::Body) => body.chars().take(body.chars().count() / 2).collect(),
            Some(Spoil::Signature) | None => body.to_owned(),
        };
        HookCall {
            url: url.to_owned(),
            host: host.to_owned(),
            target: target.to_owned(),
            signed,
            body,
            limit_ms,
        }
    }
}

/// Bodies and signatures stay out of logs.
impl fmt::Debug for HookCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookCall")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
