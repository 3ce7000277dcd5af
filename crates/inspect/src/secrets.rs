//! What of a call is not written down.
//!
//! The journal holds no secret: not in headers, whatever they are called, nor in bodies and paths,
//! where people paste keys by mistake. Of a secret the first four characters stay, which is enough
//! to tell two keys apart. What is masked: the values of all headers that are not known to be
//! harmless, members whose name speaks of a secret, and texts that look like one.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

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

/// A header as it may be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownHeader {
    /// The name, in small letters.
    pub name: String,
    /// The value, or what may be seen of it.
    pub value: String,
    /// Whether the value was masked.
    pub masked: bool,
}

/// The beginning of a secret: `abcd…`.
pub fn fingerprint(secret: &str) -> String {
    let mut shown = String::new();
    push_fingerprint(&mut shown, secret);
    shown
}

fn push_fingerprint(out: &mut String, secret: &str) {
    out.extend(secret.chars().take(SEEN));
    out.push('…');
}

/// Headers as the journal keeps them: in two pieces of memory instead of two for each header.
/// Thousands of small pieces that are freed much later cost more than the masking itself.
#[derive(Debug, Default)]
pub struct ShownHeaders {
    /// Names and values, one behind the other.
    text: String,
    ends: Vec<End>,
}

#[derive(Debug)]
struct End {
    of_name: usize,
    of_value: usize,
    masked: bool,
}

impl ShownHeaders {
    /// Name, value and whether it was masked, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        let mut begin = 0;
        self.ends.iter().map(move |end| {
            let name = self.text.get(begin..end.of_name).unwrap_or_default();
            let value = self.text.get(end.of_name..end.of_value);
            begin = end.of_value;
            (name, value.unwrap_or_default(), end.masked)
        })
    }

    /// The same, each by itself.
    pub fn to_vec(&self) -> Vec<ShownHeader> {
        self.iter()
            .map(|(name, value, masked)| ShownHeader {
                name: name.to_owned(),
                value: value.to_owned(),
                masked,
            })
            .collect()
    }

    /// The value of the first header of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.iter().find(|(its, _, _)| *its == name);
        found.map(|(_, value, _)| value)
    }

    /// Bytes in memory, roughly.
    pub(crate) fn size(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<End>()
    }
}

/// Headers as they may be seen.
pub(crate) fn headers(headers: &HeaderMap, is_key: &dyn Fn(&str) -> bool) -> ShownHeaders {
    let length = |(name, value): (&HeaderName, &HeaderValue)| {
        let shown = if is_harmless(name.as_str()) {
            value.len()
        } else {
            0
        };
        name.as_str().len() + shown.max(ROOM)
    };
    let mut shown = ShownHeaders {
        text: String::with_capacity(headers.iter().map(length).sum()),
        ends: Vec::with_capacity(headers.len()),
    };
    for (name, value) in headers {
        shown.text.push_str(name.as_str());
        let of_name = shown.text.len();
        let masked = push_header(&mut shown.text, name, &text(value.as_bytes()), is_key);
        let of_value = shown.text.len();
        shown.ends.push(End {
            of_name,
            of_value,
            masked,
        });
    }
    shown
}

/// A masked value with its scheme mostly takes no more: `Bearer eyJh…`.
const ROOM: usize = 16;

/// Appends what may be seen of a value, and says whether that is not all.
fn push_header(
    out: &mut String,
    name: &HeaderName,
    value: &str,
    is_key: &dyn Fn(&str) -> bool,
) -> bool {
    // A number is no secret; a merchant's number stands in many a misspelt header.
    let is_number = value.len() <= 10 && value.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || is_harmless(name.as_str()) {
        return push_words(out, value, is_key);
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
        Some(_) | None => value,
    };
    push_fingerprint(out, rest);
    true
}

/// Bytes as text. Nearly all are text, and to see that they are is faster than to mend them.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// A body as it may be seen: JSON, a form, or anything else.
pub(crate) fn body(text: &str, is_key: &dyn Fn(&str) -> bool) -> String {
    let trimmed = text.trim_start();
    if !trimmed.starts_with(['{', '[', '\'', '"']) && trimmed.contains('=') {
        return form(text, is_key);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut secret_member = false;
    let is_quote = |byte: u8| matches!(byte, b'"' | b'\'');
    while let Some(at) = rest.bytes().position(is_quote) {
        let (before, from) = rest.split_at(at);
        push_words(&mut out, before, is_key);
        let literal = literal(from);
        let after = from.get(literal.len()..).unwrap_or_default();
        if after.trim_start().starts_with(':') {
            secret_member = is_secret_name(literal);
            out.push_str(literal);
        } else if secret_member {
            let quote = if literal.starts_with('"') { '"' } else { '\'' };
            out.push(quote);
            push_fingerprint(&mut out, literal.trim_matches(['"', '\'']));
            out.push(quote);
            secret_member = false;
        } else {
            push_words(&mut out, literal, is_key);
        }
        rest = after;
    }
    push_words(&mut out, rest, is_key);
    out
}

/// A path as it may be seen.
pub(crate) fn path(path: &str, is_key: &dyn Fn(&str) -> bool) -> String {
    words(path, is_key).into_owned()
}

/// A quoted text with its quotes; to the end of the body if it is not closed.
fn literal(from: &str) -> &str {
    let mut bytes = from.bytes().enumerate();
    let quote = bytes.next().map_or(b'"', |(_, quote)| quote);
    let mut escaped = false;
    for (at, byte) in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == quote => return from.get(..=at).unwrap_or(from),
            _ => {}
        }
    }
    from
}

fn form(text: &str, is_key: &dyn Fn(&str) -> bool) -> String {
    let pairs: Vec<String> = text
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if is_secret_name(name) && !value.is_empty() => {
                format!("{name}={}", fingerprint(value))
            }
            Some((name, value)) => format!("{name}={}", words(value, is_key)),
            None => words(pair, is_key).into_owned(),
        })
        .collect();
    pairs.join("&")
}

fn is_secret_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let begins = |at: usize, word: &str| {
        let found = bytes.get(at..at + word.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes()))
    };
    let speaks = |(at, byte): (usize, &u8)| match byte.to_ascii_lowercase() {
        b't' => begins(at, "token"),
        b's' => begins(at, "secret") || begins(at, "subscription"),
        b'p' => begins(at, "password"),
        b'a' => begins(at, "authorization") || begins(at, "apikey") || begins(at, "api_key"),
        _ => false,
    };
    bytes.iter().enumerate().any(speaks) && !(0..bytes.len()).any(|at| begins(at, "token_type"))
}

/// Masks words that look like secrets.
fn words<'a>(text: &'a str, is_key: &dyn Fn(&str) -> bool) -> Cow<'a, str> {
    // Most texts hold no secret, and are not copied here.
    if secret_in(text, is_key).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    push_words(&mut out, text, is_key);
    Cow::Owned(out)
}

/// The same behind what there is; says whether anything was masked.
fn push_words(out: &mut String, text: &str, is_key: &dyn Fn(&str) -> bool) -> bool {
    let mut rest = text;
    let mut masked = false;
    while let Some((from, to)) = secret_in(rest, is_key) {
        out.push_str(rest.get(..from).unwrap_or_default());
        push_fingerprint(out, rest.get(from..to).unwrap_or_default());
        masked = true;
        rest = rest.get(to..).unwrap_or_default();
    }
    out.push_str(rest);
    masked
}

/// Where the first word is that looks like a secret. These are of ASCII, so both ends are
/// boundaries of characters.
fn secret_in(text: &str, is_key: &dyn Fn(&str) -> bool) -> Option<(usize, usize)> {
    let is_word = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/')
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    while bytes.len() - at >= SHORTEST {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_word(byte)).count();
        let padding = rest.get(length..).unwrap_or_default();
        let padding = match length {
            0 => 0,
            _ => padding.iter().take_while(|byte| **byte == b'=').count(),
        };
        let end = at + length + padding;
        if end - at >= SHORTEST && looks_secret(text.get(at..end).unwrap_or_default(), is_key) {
            return Some((at, end));
        }
        at = end.max(at + 1);
    }
    None
}

/// No word that looks like a secret is shorter.
const SHORTEST: usize = 24;

/// A JWT, Base64 of sixteen bytes, or a subscription key that somebody has.
fn looks_secret(word: &str, is_key: &dyn Fn(&str) -> bool) -> bool {
    if word.starts_with("eyJ") && word.len() > 40 {
        return true;
    }
    if word.len() == 24 && word.ends_with("==") {
        return true;
    }
    word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) && is_key(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJhcHBpZCI6IjEyMyJ9.c2lnbmF0dXJl";
    const SECRET: &str = "c2FuZGthc3NlLXRlc3QtMQ==";
    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn is_key(word: &str) -> bool {
        word == KEY
    }

    #[test]
    fn bodies_keep_their_shape_and_lose_their_secrets() {
        for (sent, shown) in [
            (r#"{"amount": 100}"#.to_owned(), r#"{"amount": 100}"#),
            (
                r#"{"authToken": "abcdefgh", "x": "y"}"#.to_owned(),
                r#"{"authToken": "abcd…", "x": "y"}"#,
            ),
            (
                r#"{"a":{"AUTHTOKEN" : "ab\"cdefgh"}}"#.to_owned(),
                r#"{"a":{"AUTHTOKEN" : "ab\"…"}}"#,
            ),
            // Cut off in the middle, and with the wrong quotes.
            (
                r#"{"authToken": "abcdefgh"#.to_owned(),
                r#"{"authToken": "abcd…""#,
            ),
            (
                "{'authToken': 'abcdefgh'}".to_owned(),
                "{'authToken': 'abcd…'}",
            ),
            (format!(r#"{{"note":"{SECRET}"}}"#), r#"{"note":"c2Fu…"}"#),
            (
                format!(r#"{{"note":"my {JWT}!"}}"#),
                r#"{"note":"my eyJh…!"}"#,
            ),
            (format!(r#"{{"note":"{KEY}"}}"#), r#"{"note":"0123…"}"#),
            // An order id may look like a key.
            (
                r#"{"orderId":"fedcba9876543210fedcba9876543210"}"#.to_owned(),
                r#"{"orderId":"fedcba9876543210fedcba9876543210"}"#,
            ),
            (
                format!(r#"{{"url":"http://127.0.0.1:7480/x?v=2&token={JWT}"}}"#),
                r#"{"url":"http://127.0.0.1:7480/x?v=2&token=eyJh…"}"#,
            ),
            (
                format!("grant_type=client_credentials&client_secret={SECRET}"),
                "grant_type=client_credentials&client_secret=c2Fu…",
            ),
            (
                r#"{"token_type":"Bearer","access_token":"abcdefgh"}"#.to_owned(),
                r#"{"token_type":"Bearer","access_token":"abcd…"}"#,
            ),
            (JWT.to_owned(), "eyJh…"),
            ("æ\"ø".to_owned(), "æ\"ø"),
            (String::new(), ""),
        ] {
            assert_eq!(body(&sent, &is_key), shown, "{sent}");
        }
    }

    #[test]
    fn headers_are_masked_unless_they_are_known_to_be_harmless() {
        for (name, value, shown) in [
            ("content-type", "application/json", "application/json"),
            ("merchant-serial-number", "220001", "220001"),
            ("merchantserialnumber", "220001", "220001"),
            ("ocp-apim-subscription-key", KEY, "0123…"),
            ("ocp-apim-subscriptionkey", KEY, "0123…"),
            ("authorization", "Bearer abcdefgh", "Bearer abcd…"),
            ("authorization", "abcdefgh", "abcd…"),
            ("authorization", JWT, "eyJh…"),
            ("x-anything", "hello world", "hello worl…"),
            ("user-agent", SECRET, "c2Fu…"),
            ("x-request-id", KEY, "0123…"),
            ("cookie", "", ""),
        ] {
            let name = HeaderName::from_static(name);
            let mut sent = HeaderMap::new();
            sent.insert("host", HeaderValue::from_static("acme"));
            sent.insert(&name, HeaderValue::from_static(value));
            let kept = headers(&sent, &is_key);
            assert_eq!(kept.get(name.as_str()), Some(shown), "{name}: {value}");
            assert_eq!(kept.get("host"), Some("acme"));
            let kept = kept.to_vec().into_iter();
            let kept = kept.map(|it| (it.name, it.masked)).collect::<Vec<_>>();
            let masked = value != shown;
            let expected = [("host".to_owned(), false), (name.to_string(), masked)];
            assert_eq!(kept, expected);
        }
    }
}
