//! Judges the URLs that merchants give, without asking anybody.
//!
//! The rules are those of Apache Commons `UrlValidator` with its default options, in our own
//! words, plus what the platform asks on top (reference, platform §6 "URLs"). Nothing here looks
//! at DNS: a good name may still have a forbidden address, which [`crate::address`] refuses when
//! the call is made.
//!
//! Two judges: [`judge_prefix`] for what the platform itself calls, [`judge_fall_back`] for where
//! only the payer's browser goes. `parts` cuts a URL, `host` says what kind of host it names,
//! `idn` turns `blåbær.no` into what DNS knows.

#[cfg(test)]
mod fall_back_tests;
mod fault;
mod host;
mod idn;
pub(crate) mod parts;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};

pub use fault::{SyntaxRule, UrlFault};
use parts::Parts;
use sandkasse_domain::sales_unit::UrlPolicy;

pub use crate::scheme::Scheme;

/// No URL may have more characters than this.
pub const MAX_URL_CHARS: usize = 255;

/// No address of a webhook may have more; nothing is documented.
pub const MAX_HOOK_CHARS: usize = 2_048;

/// Says to Android that the app just closes; a `fallBack` of its own kind.
pub const INTENT: &str = "INTENT";

/// Schemes that run or read something in the browser that follows them.
const DANGEROUS_SCHEMES: [&str; 5] = ["javascript", "data", "vbscript", "file", "blob"];

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name as DNS knows it: lower case, ASCII.
    Name(String),
    /// An address, written out.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// How it is called.
    pub scheme: Scheme,
    /// Who is called.
    pub host: Host,
    /// The port, the scheme's own if the URL names none.
    pub port: u16,
}

/// As a `Host` header says it: the port is there unless it is the scheme's own.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        if self.port == self.scheme.default_port() {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

/// Judges `callbackPrefix`, `consentRemovalPrefix` and `shippingDetailsPrefix`.
///
/// Under [`UrlPolicy::Strict`] the host must be public and the scheme HTTPS. Under
/// [`UrlPolicy::Local`] a host that is loopback, private, a bare name or under a reserved
/// top-level domain is fine too, also by plain HTTP; a public one still needs HTTPS. Any port up
/// to 65535 passes here; an unusual one fails when the call is made, as on the platform.
///
/// ```
/// use sandkasse_courier::{UrlFault, judge_prefix};
/// use sandkasse_domain::sales_unit::UrlPolicy;
///
/// assert!(judge_prefix("https://example.com/vipps", UrlPolicy::Strict).is_ok());
/// assert!(matches!(judge_prefix("https://localhost/vipps", UrlPolicy::Strict), Err(UrlFault::LocalHost { .. })));
/// assert_eq!(judge_prefix("http://localhost:3000", UrlPolicy::Local).map(|t| t.port), Ok(3000));
/// ```
///
/// # Errors
///
/// The first rule that the text breaks.
pub fn judge_prefix(text: &str, policy: UrlPolicy) -> Result<Target, UrlFault> {
    check_length(text)?;
    let parts = Parts::cut(text)?;
    let target = judge_target(&parts, policy)?;
    parts.check_rest()?;
    Ok(target)
}

/// Where a call to a URL goes, in the words of its request: the value of `Host`, and path and query of
/// the request line. Judged as by [`judge_prefix`], but for `//` in the path, which is fine here.
///
/// ```
/// use sandkasse_courier::wire_place;
/// use sandkasse_domain::sales_unit::UrlPolicy::Strict;
///
/// let place = wire_place("https://Shop.Example.com:443/a?x=1#top", Strict);
/// assert_eq!(place, Ok(("shop.example.com".to_owned(), "/a?x=1".to_owned())));
/// ```
///
/// # Errors
///
/// The first rule that the text breaks.
pub fn wire_place(text: &str, policy: UrlPolicy) -> Result<(String, String), UrlFault> {
    if text.is_empty() {
        return Err(UrlFault::Empty);
    }
    let length = text.chars().count();
    if length > MAX_HOOK_CHARS {
        return Err(UrlFault::TooLong {
            length,
            limit: MAX_HOOK_CHARS,
        });
    }
    let (target, rest) = judge_call(text, policy)?;
    Ok((
        target.to_string(),
        crate::send::request::request_target(rest),
    ))
}

/// Judges the URL of a call that is about to be made, as far as that goes without DNS: where it
/// leads, and what stands after the authority. Length and path were judged with the prefix.
pub(crate) fn judge_call(text: &str, policy: UrlPolicy) -> Result<(Target, &str), UrlFault> {
    let parts = Parts::cut(text)?;
    Ok((judge_target(&parts, policy)?, parts.rest))
}

fn judge_target(parts: &Parts<'_>, policy: UrlPolicy) -> Result<Target, UrlFault> {
    let scheme = Scheme::parse(parts.scheme).ok_or_else(|| UrlFault::Scheme {
        scheme: parts.scheme.to_ascii_lowercase(),
    })?;
    if policy == UrlPolicy::Strict && scheme == Scheme::Http {
        return Err(parts.scheme_fault());
    }
    let (host, not_public) = host::judge(parts.host)?;
    match (policy, not_public) {
        (UrlPolicy::Strict, Some(fault)) => return Err(fault),
        (UrlPolicy::Local, None) if scheme == Scheme::Http => return Err(parts.scheme_fault()),
        (UrlPolicy::Strict, None) | (UrlPolicy::Local, _) => {}
    }
    let port = parts.port_number(scheme)?;
    Ok(Target { scheme, host, port })
}

/// Judges `fallBack`, which only the payer's browser or app follows. Same under both policies.
///
/// HTTPS to a named or numbered host, a custom scheme (`myapp://…`), `INTENT`, and, the one
/// exception, `http://127.0.0.1` with any port and path. With `is_app` nothing is judged at all;
/// the page that follows it asks [`is_dangerous_scheme`].
///
/// # Errors
///
/// The first rule that the text breaks.
pub fn judge_fall_back(text: &str, is_app: bool) -> Result<(), UrlFault> {
    if is_app || text == INTENT {
        return Ok(());
    }
    check_length(text)?;
    judge_return(text)
}

/// Judges where a payer's browser or app goes, however long it is: ePayment's `returnUrl` may have
/// 2,500 characters.
///
/// # Errors
///
/// The first rule that the text breaks.
pub fn judge_return(text: &str) -> Result<(), UrlFault> {
    let scheme = parts::scheme_of(text)?;
    match scheme.to_ascii_lowercase().as_str() {
        "https" => {
            let parts = Parts::cut(text)?;
            match host::judge(parts.host)? {
                (_, None) | (Host::Address(_), _) => {}
                (Host::Name(_), Some(fault)) => return Err(fault),
            }
            parts.port_number(Scheme::Https)?;
            parts.check_rest()
        }
        "http" => {
            let parts = Parts::cut(text)?;
            // The spelling itself must be this one: `http://127.1` or `http://127.0.0.2` are not the documented exception.
            if parts.user_info.is_some() || parts.host != Ipv4Addr::LOCALHOST.to_string() {
                return Err(parts.scheme_fault());
            }
            parts.port_number(Scheme::Http)?;
            parts.check_rest()
        }
        "ftp" => Err(UrlFault::Scheme {
            scheme: "ftp".to_owned(),
        }),
        lower if DANGEROUS_SCHEMES.contains(&lower) => Err(UrlFault::Scheme {
            scheme: lower.to_owned(),
        }),
        _ => parts::check_custom(text),
    }
}

/// Whether a browser that follows `text` would run or read something instead of going somewhere.
///
/// Browsers skip blanks and control characters around and inside a scheme, so this does too.
///
/// ```
/// assert!(sandkasse_courier::is_dangerous_scheme(" Java\tScript:alert(1)"));
/// assert!(!sandkasse_courier::is_dangerous_scheme("myapp://javascript:1"));
/// ```
pub fn is_dangerous_scheme(text: &str) -> bool {
    let skipped = |c: char| c.is_whitespace() || c.is_control();
    let visible: String = text.chars().filter(|c| !skipped(*c)).collect();
    visible.split_once(':').is_some_and(|(scheme, _)| {
        DANGEROUS_SCHEMES
            .iter()
            .any(|dangerous| scheme.eq_ignore_ascii_case(dangerous))
    })
}

fn check_length(text: &str) -> Result<(), UrlFault> {
    if text.is_empty() {
        return Err(UrlFault::Empty);
    }
    let length = text.chars().count();
    if length > MAX_URL_CHARS {
        return Err(UrlFault::TooLong {
            length,
            limit: MAX_URL_CHARS,
        });
    }
    Ok(())
}

/// An address as a value of `Location`: what is not ASCII is percent-encoded, also in the host, which
/// browsers decode again. `https://example.com/blåbær` is `https://example.com/bl%C3%A5b%C3%A6r`.
pub fn location(url: &str) -> String {
    let mut encoded = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_graphic() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a text takes everything");
        }
    }
    encoded
}
