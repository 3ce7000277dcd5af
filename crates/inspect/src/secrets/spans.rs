//! Where secrets are in a text.

use std::sync::LazyLock;

use memchr::memmem::Finder;

static JWT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("eyJ"));
static PADDING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("=="));
static ESCAPED_PADDING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("%3"));

/// A JWT is longer than this.
const SHORTEST_JWT: usize = 40;
/// A subscription key.
const KEY: usize = 32;
/// A key may have other digits stuck to it, but is not looked for in a longer run than this: each
/// look costs a digest.
const LONGEST_HEX: usize = 64;
/// Base64 of sixteen bytes, without its padding.
const DIGITS: usize = 22;

/// Places of a text, begin and end, in the order in which they were found.
#[derive(Default)]
pub(super) struct Spans(Vec<(usize, usize)>);

impl Spans {
    /// The places in order of the text, none touching another.
    pub(super) fn apart(mut self) -> impl Iterator<Item = (usize, usize)> {
        self.0.sort_unstable();
        self.0.dedup_by(|later, earlier| {
            let overlap = later.0 < earlier.1;
            if overlap {
                earlier.1 = earlier.1.max(later.1);
            }
            overlap
        });
        self.0.into_iter()
    }

    /// Whatever looks like a secret by itself, in the middle of something else too, such as a path:
    /// a JWT, Base64 of sixteen bytes, a subscription key that somebody has or had.
    pub(super) fn of_words(text: &str, is_key: &dyn Fn(&str) -> bool) -> Spans {
        let (mut spans, bytes) = (Spans::default(), text.as_bytes());
        if bytes.len() >= DIGITS + 2 {
            spans.of_jwts(bytes);
            spans.of_base64(bytes);
            spans.of_keys(text, is_key);
        }
        spans
    }

    fn of_jwts(&mut self, bytes: &[u8]) {
        let mut done = 0;
        while let Some(found) = bytes.get(done..).and_then(|rest| JWT.find(rest)) {
            let begin = done + found;
            let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
            let rest = bytes.get(begin..).unwrap_or_default();
            let end = begin + rest.iter().take_while(is_part).count();
            if end - begin > SHORTEST_JWT {
                self.0.push((begin, end));
            }
            done = end;
        }
    }

    fn of_base64(&mut self, bytes: &[u8]) {
        let padding = PADDING.find_iter(bytes).map(|at| (at, at + 2));
        let escaped = ESCAPED_PADDING.find_iter(bytes).map(|at| (at, at + 6));
        for (at, end) in padding.chain(escaped) {
            let is_padding = bytes
                .get(at..end)
                .is_some_and(|it| it == b"==" || it.eq_ignore_ascii_case(b"%3D%3D"));
            if is_padding && let Some(begin) = before(bytes, at) {
                self.0.push((begin, end));
            }
        }
    }

    fn of_keys(&mut self, text: &str, is_key: &dyn Fn(&str) -> bool) {
        let bytes = text.as_bytes();
        let mut probe = KEY - 1;
        // A run of 32 hexadecimal digits has one at every 32nd place.
        while let Some(byte) = bytes.get(probe) {
            if !byte.is_ascii_hexdigit() {
                probe += KEY;
                continue;
            }
            let is_hex = |byte: &&u8| byte.is_ascii_hexdigit();
            let (left, right) = bytes.split_at(probe);
            let mut begin = probe - left.iter().rev().take_while(is_hex).count();
            let end = probe + right.iter().take_while(is_hex).count();
            begin = begin.max(end.saturating_sub(LONGEST_HEX));
            while begin + KEY <= end {
                if text.get(begin..begin + KEY).is_some_and(is_key) {
                    self.0.push((begin, begin + KEY));
                    begin += KEY;
                } else {
                    begin += 1;
                }
            }
            // The next run begins behind what ended this one.
            probe = end + KEY;
        }
    }

    /// Values of members whose name speaks of a secret. It need not be JSON to the end, nor with
    /// the right quotes.
    pub(super) fn of_members(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut done = 0;
        let mut is_secret = false;
        while let Some(begin) = next_quote(bytes, done) {
            let end = end_of_literal(bytes, begin);
            let is_closed = end > begin + 1 && bytes.get(end - 1) == bytes.get(begin);
            let inside = (begin + 1, if is_closed { end - 1 } else { end });
            let rest = bytes.get(end..).unwrap_or_default().trim_ascii_start();
            if rest.first() == Some(&b':') {
                is_secret = is_secret_member(text.get(begin..end).unwrap_or_default());
            } else if is_secret {
                self.0.push(inside);
                is_secret = false;
            }
            done = end;
        }
    }

    /// Values of a form's parameters whose name speaks of a secret.
    pub(super) fn of_parameters(&mut self, text: &str) {
        let mut begin = 0;
        for pair in text.split('&') {
            let end = begin + pair.len();
            if let Some((name, value)) = pair.split_once('=')
                && !value.is_empty()
                && is_secret_name(name)
            {
                self.0.push((end - value.len(), end));
            }
            begin = end + 1;
        }
    }
}

fn next_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    memchr::memchr2(b'"', b'\'', rest).map(|found| from + found)
}

/// Behind the quote that closes what the one at `begin` opens; the end of the text if none does.
fn end_of_literal(bytes: &[u8], begin: usize) -> usize {
    let quote = bytes.get(begin).copied().unwrap_or(b'"');
    let mut at = begin + 1;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match memchr::memchr2(quote, b'\\', rest) {
            None => return bytes.len(),
            Some(found) if rest.get(found) == Some(&quote) => return at + found + 1,
            // What is escaped ends nothing.
            Some(found) => at += found + 2,
        }
    }
}

fn is_secret_member(literal: &str) -> bool {
    // `auth\u0054oken` is a name as good as any.
    if literal.contains('\\') {
        let name = serde_json::from_str::<String>(literal);
        is_secret_name(name.as_deref().unwrap_or(literal))
    } else {
        is_secret_name(literal)
    }
}

/// Whether the name of a member or parameter says that its value is a secret.
fn is_secret_name(name: &str) -> bool {
    speaks_of_secret(name) && !name.to_ascii_lowercase().contains("token_type")
}

fn speaks_of_secret(text: &str) -> bool {
    let bytes = text.as_bytes();
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
    bytes.iter().enumerate().any(speaks)
}

/// Where twenty-two digits of Base64 begin that end here. They may be escaped for a URL.
fn before(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = end;
    for _ in 0..DIGITS {
        let escaped = at
            .checked_sub(3)
            .and_then(|begin| bytes.get(begin..at))
            .is_some_and(|it| it.eq_ignore_ascii_case(b"%2B") || it.eq_ignore_ascii_case(b"%2F"));
        let digit = *bytes.get(at.checked_sub(1)?)?;
        if escaped {
            at -= 3;
        } else if digit.is_ascii_alphanumeric() || matches!(digit, b'+' | b'/' | b'-' | b'_') {
            at -= 1;
        } else {
            return None;
        }
    }
    Some(at)
}
