//! What of a call is not written down.
//!
//! The journal holds no secret: not in headers, whatever they are called, nor in bodies and paths,
//! where people paste keys by mistake. Of a secret the first four characters stay, which is enough
//! to tell two keys apart. What is masked: the values of all headers that are not known to be
//! harmless, members whose name speaks of a secret, and texts that look like one.
//!
//! Every call passes here, so what is usual is quick: [`spans`] finds the few places that must not
//! be seen, and everything between them is copied as it is.

mod spans;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};

use spans::Spans;

/// So much of a secret may be seen.
const SEEN: usize = 4;

/// Headers whose values are no secrets. Those of any other name are masked: a misspelt one may
/// hold a key.
fn is_harmless(name: &str) -> bool {
    // A match, as every call has a dozen headers: it looks at the length first.
    matches!(
        name,
        "accept"
            | "accept-encoding"
            | "accept-language"
            | "cache-control"
            | "client_id"
            | "connection"
            | "content-language"
            | "content-length"
            | "content-type"
            | "date"
            | "expires"
            | "host"
            | "idempotency-key"
            | "merchant-serial-number"
            | "pragma"
            | "retry-after"
            | "sandkasse-fault"
            | "user-agent"
            | "vipps-system-name"
            | "vipps-system-plugin-name"
            | "vipps-system-plugin-version"
            | "vipps-system-version"
            | "www-authenticate"
            | "x-request-id"
    )
}

/// The beginning of a secret: `abcd…`.
pub fn fingerprint(secret: &str) -> String {
    let mut shown = String::new();
    push_fingerprint(&mut shown, secret);
    shown
}

fn push_fingerprint(out: &mut String, secret: &str) {
    // Of a short one not even that: it would be all of it.
    let long = secret.chars().nth(2 * SEEN - 1).is_some();
    let seen = if long {
        SEEN
    } else {
        secret.chars().count() / 2
    };
    out.extend(secret.chars().take(seen));
    out.push('…');
}

/// Appends what may be seen of the value of a header, and says whether that is not all.
pub(crate) fn push_header(
    out: &mut String,
    name: &HeaderName,
    value: &[u8],
    is_key: &dyn Fn(&str) -> bool,
) -> bool {
    let value = text(value);
    // A number is no secret; a merchant's number stands in many a misspelt header.
    let is_number = value.len() <= 10 && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || is_harmless(name.as_str()) {
        return push_words(out, &value, is_key);
    }
    if value.is_empty() {
        return false;
    }
    // The scheme is no secret, and often the mistake.
    let rest = match value.split_once(' ') {
        Some((scheme, rest)) if scheme.len() <= 10 && !scheme.contains(['.', '=']) => {
            out.push_str(scheme);
            out.push(' ');
            rest
        }
        Some(_) | None => &value,
    };
    push_fingerprint(out, rest);
    true
}

/// How much [`push_header`] appends for all of these, nearly.
pub(crate) fn length(headers: &HeaderMap) -> usize {
    /// A masked value with its scheme mostly takes no more: `Bearer eyJh…`.
    const MASKED: usize = 16;
    let length = |(name, value): (&HeaderName, &http::HeaderValue)| {
        let most = if is_harmless(name.as_str()) {
            usize::MAX
        } else {
            MASKED
        };
        name.as_str().len() + value.len().min(most)
    };
    headers.iter().map(length).sum()
}

/// Bytes as text. Nearly all are text, and to see that they are is faster than to mend them.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Appends what may be seen of a body: JSON, a form, or anything else.
pub(crate) fn push_body(out: &mut String, text: &str, is_key: &dyn Fn(&str) -> bool) {
    let mut spans = Spans::of_words(text, is_key);
    let trimmed = text.trim_start();
    if trimmed.starts_with(['{', '[', '\'', '"']) || !trimmed.contains('=') {
        spans.of_members(text);
    } else {
        spans.of_parameters(text);
    }
    push_masked(out, text, spans);
}

/// Appends what may be seen of a text of any kind; says whether anything was masked.
pub(crate) fn push_words(out: &mut String, text: &str, is_key: &dyn Fn(&str) -> bool) -> bool {
    push_masked(out, text, Spans::of_words(text, is_key))
}

/// A text of any kind as it may be seen.
pub(crate) fn words(text: &str, is_key: &dyn Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    push_words(&mut out, text, is_key);
    out
}

fn push_masked(out: &mut String, text: &str, spans: Spans) -> bool {
    let (mut done, mut masked) = (0, false);
    for (begin, end) in spans.apart() {
        out.push_str(text.get(done..begin).unwrap_or_default());
        push_fingerprint(out, text.get(begin..end).unwrap_or_default());
        (done, masked) = (end, true);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    masked
}

#[cfg(test)]
mod tests;
