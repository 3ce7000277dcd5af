//! What is wrong with a delivery that does not verify, and what to do.
//!
//! The signature is computed anew over what was received. Where it differs, a few usual mistakes are
//! tried one by one; the first whose signature is the received one is named.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, fmt::rfc2822};
use serde::Serialize;

use crate::sign::{AUTHORIZATION, CONTENT_SHA256, DATE, content_hash, signature, string_to_sign};

/// Receivers refuse a date that is further off than this (the official WooCommerce plugin does).
const FRESH_SECONDS: i64 = 5 * 60;

/// A delivery as somebody received it.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// `POST`, unless something else came.
    pub method: String,
    /// Path and query as received, or the whole URL as registered. `None` where the headers begin with
    /// a request line that has them.
    pub url: Option<String>,
    /// All headers, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// The secret that the registration answered.
    pub secret: String,
}

/// One look at a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `headers`, `content_hash`, `date`, `signature`.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub passed: bool,
    /// What was seen, in a sentence.
    pub says: String,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether a receiver should take it.
    pub valid: bool,
    /// What is wrong first, and what to do.
    pub says: String,
    /// What is signed.
    pub string_to_sign: Option<String>,
    /// The signature that belongs to what was received.
    pub expected_signature: Option<String>,
    /// The one that came.
    pub received_signature: Option<String>,
    /// The first byte in which the two differ, counted from 0.
    pub first_difference: Option<usize>,
    /// The hash that belongs to the body.
    pub expected_content_hash: String,
    /// The one that came.
    pub received_content_hash: Option<String>,
    /// How many seconds the date lies before now; negative when it is ahead.
    pub age_seconds: Option<i64>,
    /// Every look, in the order in which a receiver should look.
    pub checks: Vec<Check>,
}

impl Received {
    /// Reads headers as they stand in a log or a file: a line each, with a request line before them or
    /// without. Lines that are no header are passed over.
    pub fn read_head(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.trim_end();
            if let Some((method, target)) = request_line(line) {
                self.method = method.to_owned();
                self.url.get_or_insert_with(|| target.to_owned());
            } else if let Some((name, value)) = line.split_once(':') {
                let name = name.trim();
                if !name.is_empty() && !name.contains(char::is_whitespace) {
                    self.headers
                        .push((name.to_owned(), value.trim().to_owned()));
                }
            }
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(it, _)| it.eq_ignore_ascii_case(name))?;
        Some(found.1.as_str())
    }
}

fn request_line(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_one = version.starts_with("HTTP/")
        && words.next().is_none()
        && method.bytes().all(|byte| byte.is_ascii_uppercase());
    is_one.then_some((method, target))
}

/// Where a delivery went: the host as `Host` names it, if it is known, and path and query.
fn place(url: &str) -> (Option<String>, String) {
    let after = ["https://", "http://"]
        .iter()
        .find_map(|scheme| Some((*scheme, strip_prefix_ignore_case(url, scheme)?)));
    let Some((scheme, after)) = after else {
        return (None, at_least_a_slash(without_fragment(url)));
    };
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let authority = authority.rsplit_once('@').map_or(authority, |it| it.1);
    let default = if scheme == "https://" { ":443" } else { ":80" };
    let host = authority.strip_suffix(default).unwrap_or(authority);
    (
        Some(host.to_ascii_lowercase()),
        at_least_a_slash(without_fragment(rest)),
    )
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| text.get(prefix.len()..))
        .flatten()
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default()
}

fn at_least_a_slash(text: &str) -> String {
    if text.starts_with('/') {
        text.to_owned()
    } else {
        format!("/{text}")
    }
}

/// Looks at a delivery as a receiver should. `now` is real time.
pub fn verify(received: &Received, now: Timestamp) -> Verdict {
    let expected_content_hash = content_hash(&received.body);
    let mut look = Look {
        checks: Vec::new(),
        wrong: Vec::new(),
    };
    let authorization = received.header(AUTHORIZATION);
    let date = received.header(DATE);
    let hash = received.header(CONTENT_SHA256);
    let (url_host, path) = received.url.as_deref().map(place).unzip();
    let url_host = url_host.flatten();
    let host = received
        .header("host")
        .map(str::to_owned)
        .or(url_host.clone());
    look.headers(
        received,
        date,
        hash,
        authorization,
        host.as_deref(),
        path.as_deref(),
    );

    look.hash(hash, &expected_content_hash, &received.body);
    let age_seconds = look.date(date, now);
    let received_signature = authorization.and_then(signature_of).map(str::to_owned);
    if let (Some(authorization), None) = (authorization, &received_signature) {
        look.says(
            "signature",
            false,
            format!(
                "`Authorization` holds no `Signature=`; it begins with `{}`. A proxy, or a framework's own \
                 authentication, has put another value there: hand the header through unchanged.",
                start_of(authorization)
            ),
        );
    }
    let method = if received.method.is_empty() {
        "POST"
    } else {
        received.method.as_str()
    };
    let mut string = None;
    let mut expected = None;
    let mut first_difference = None;
    if let (Some(date), Some(hash), Some(host), Some(path)) = (date, hash, &host, &path) {
        let text = string_to_sign(method, path, date, host, hash);
        let right = signature(&received.secret, &text);
        if let Some(came) = &received_signature {
            first_difference = difference(&right, came);
            match first_difference {
                None => look.says(
                    "signature",
                    true,
                    "The signature is the expected one.".into(),
                ),
                Some(at) => {
                    let tried = Tried {
                        received,
                        method,
                        path,
                        host,
                        date,
                        hash,
                        came,
                        url_host: url_host.as_deref(),
                    };
                    look.says("signature", false, tried.explain(at));
                }
            }
        }
        string = Some(text);
        expected = Some(right);
    }
    let valid = look.wrong.is_empty();
    Verdict {
        valid,
        says: match look.wrong.into_iter().next() {
            None => "The delivery is genuine: body, date and signature fit the secret.".to_owned(),
            Some(says) => says,
        },
        string_to_sign: string,
        expected_signature: expected,
        received_signature,
        first_difference,
        expected_content_hash,
        received_content_hash: hash.map(str::to_owned),
        age_seconds,
        checks: look.checks,
    }
}

struct Look {
    checks: Vec<Check>,
    wrong: Vec<String>,
}

impl Look {
    fn says(&mut self, name: &'static str, passed: bool, says: String) {
        if !passed {
            self.wrong.push(says.clone());
        }
        self.checks.push(Check { name, passed, says });
    }

    fn headers(
        &mut self,
        received: &Received,
        date: Option<&str>,
        hash: Option<&str>,
        authorization: Option<&str>,
        host: Option<&str>,
        path: Option<&str>,
    ) {
        let needed = [
            (DATE, date),
            (CONTENT_SHA256, hash),
            ("Authorization", authorization),
            ("Host", host),
        ];
        let missing: Vec<_> = needed
            .into_iter()
            .filter_map(|(name, value)| value.is_none().then_some(name))
            .collect();
        if !missing.is_empty() {
            let all = missing.join("`, `");
            let hint = match missing.first() {
                Some(&"Authorization") => {
                    " Apache with CGI or FastCGI drops `Authorization` unless `CGIPassAuth On` is set."
                }
                _ => "",
            };
            let says = format!(
                "`{all}` did not arrive. A proxy or the web server took it away; let it through.{hint}"
            );
            self.says("headers", false, says);
        } else if path.is_none() {
            let says = "The path is not known. Give the address as registered, or path and query as received.";
            self.says("headers", false, says.to_owned());
        } else if received.secret.is_empty() {
            let says = "The secret is empty. It was answered once, when the webhook was registered; register \
                        a new one if it is lost.";
            self.says("headers", false, says.to_owned());
        } else {
            self.says(
                "headers",
                true,
                "All headers that are needed arrived.".into(),
            );
        }
    }

    fn hash(&mut self, came: Option<&str>, expected: &str, body: &[u8]) {
        let Some(came) = came else {
            return;
        };
        if came == expected {
            self.says(
                "content_hash",
                true,
                "The body is the one that was signed.".into(),
            );
            return;
        }
        let fits = |other: &[u8]| content_hash(other) == came;
        let text = String::from_utf8_lossy(body);
        let says = if fits(text.trim_end().as_bytes()) {
            "The body has blanks or a line end behind it that were not sent. Hash the raw bytes, before \
             anything adds to them."
        } else if fits(text.replace("\r\n", "\n").as_bytes()) {
            "The line ends of the body were changed on the way. Hash the raw bytes as they arrived."
        } else if body.is_empty() {
            "The body is empty. Something has read it before: take the raw body before a parser does."
        } else {
            "The body is not the one that was signed. Mostly a framework has parsed it and written it anew: \
             hash the raw bytes, not the parsed JSON. Else it was changed or cut on the way: refuse it."
        };
        self.says("content_hash", false, says.to_owned());
    }

    fn date(&mut self, date: Option<&str>, now: Timestamp) -> Option<i64> {
        let date = date?;
        let Ok(at) = rfc2822::DateTimeParser::new().parse_timestamp(date) else {
            let says = format!(
                "`x-ms-date` is `{date}`, which is no date as in `Thu, 30 Mar 2023 08:38:32 GMT`."
            );
            self.says("date", false, says);
            return None;
        };
        let age = now.duration_since(at).as_secs();
        if age.abs() <= FRESH_SECONDS {
            self.says("date", true, format!("The date is {age} seconds old."));
        } else if age > 0 {
            let says = format!(
                "`x-ms-date` is {age} seconds old, and more than {FRESH_SECONDS} are refused by careful receivers. \
                 It is an old delivery that somebody sends again, one that you saved, or your clock is ahead."
            );
            self.says("date", false, says);
        } else {
            let says = format!(
                "`x-ms-date` is {} seconds ahead. Your clock is behind: let it be set by NTP.",
                -age
            );
            self.says("date", false, says);
        }
        Some(age)
    }
}

/// All that the usual mistakes are made with.
struct Tried<'a> {
    received: &'a Received,
    method: &'a str,
    path: &'a str,
    host: &'a str,
    date: &'a str,
    hash: &'a str,
    came: &'a str,
    url_host: Option<&'a str>,
}

impl Tried<'_> {
    fn fits(&self, secret: &str, method: &str, path: &str, host: &str, hash: &str) -> bool {
        signature(secret, &string_to_sign(method, path, self.date, host, hash)) == self.came
    }

    fn explain(&self, at: usize) -> String {
        let Tried {
            method,
            path,
            host,
            hash,
            ..
        } = *self;
        let secret = self.received.secret.as_str();
        let fits_secret = |other: &str| self.fits(other, method, path, host, hash);
        if fits_secret(secret.trim()) {
            return "The signature fits the secret without the blanks around it. Trim what you read from \
                    your configuration."
                .to_owned();
        }
        if self.fits_decoded(secret) {
            return "The signature was made with the Base64-decoded secret. The platform signs with the UTF-8 \
                    bytes of the text itself: do not decode it, on neither side."
                .to_owned();
        }
        let hosts = self.other_hosts();
        for (whence, other) in &hosts {
            if self.fits(secret, method, path, other, hash) {
                return format!(
                    "The delivery was signed for host `{other}` ({whence}), and arrived with `Host: {host}`: a proxy \
                     or tunnel has changed it. Verify with the host of the registered address."
                );
            }
        }
        for (what, other) in self.other_paths() {
            let host_fits = |host: &str| self.fits(secret, method, &other, host, hash);
            if host_fits(host) || hosts.iter().any(|(_, host)| host_fits(host)) {
                return format!(
                    "The delivery was signed for `{other}`, and you verify with `{path}`: {what}. Use path and query \
                     exactly as registered."
                );
            }
        }
        if method != "POST" && self.fits(secret, "POST", path, host, hash) {
            return format!("The delivery was signed as `POST`, and arrived as `{method}`.");
        }
        let body_hash = content_hash(&self.received.body);
        if body_hash != hash && self.fits(secret, method, path, host, &body_hash) {
            return "`x-ms-content-sha256` was changed on the way: the signature fits the hash of the body.".to_owned();
        }
        format!(
            "The signatures differ from byte {at} on. Either the secret is that of another registration (each has its \
             own, also two with the same address), or host, path or query are not those that were registered, \
             or it does not come from the platform: answer 401 and do nothing else."
        )
    }

    fn fits_decoded(&self, secret: &str) -> bool {
        let Ok(key) = STANDARD.decode(secret.trim()) else {
            return false;
        };
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
        let text = string_to_sign(self.method, self.path, self.date, self.host, self.hash);
        STANDARD.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes())) == self.came
    }

    /// Hosts that the platform may have meant.
    fn other_hosts(&self) -> Vec<(&'static str, String)> {
        let mut hosts = Vec::new();
        if let Some(host) = self.url_host {
            hosts.push(("that of the address", host.to_owned()));
        }
        for (name, whence) in [
            ("x-forwarded-host", "`X-Forwarded-Host`"),
            ("x-original-host", "`X-Original-Host`"),
        ] {
            if let Some(host) = self.received.header(name) {
                hosts.push((whence, host.to_owned()));
            }
        }
        let bare = self.host.split(':').next().unwrap_or_default();
        if bare != self.host {
            hosts.push(("without a port", bare.to_owned()));
        }
        hosts.push(("in lower case", self.host.to_ascii_lowercase()));
        hosts
    }

    fn other_paths(&self) -> Vec<(&'static str, String)> {
        let (path, query) = match self.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.path, None),
        };
        let with_query = |path: &str| match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut paths = vec![("the query was added on the way", path.to_owned())];
        match path.strip_suffix('/') {
            Some(bare) => paths.push(("a slash was added at the end", with_query(bare))),
            None => paths.push((
                "the slash at the end is missing",
                with_query(&format!("{path}/")),
            )),
        }
        paths.push((
            "it was decoded or written in other case",
            self.path.to_ascii_lowercase(),
        ));
        paths
    }
}

fn signature_of(authorization: &str) -> Option<&str> {
    let (_, signature) = authorization.split_once("Signature=")?;
    signature.split(['&', ',', ' ']).next()
}

/// The scheme, which is no secret.
fn start_of(authorization: &str) -> &str {
    authorization.split(' ').next().unwrap_or_default()
}

fn difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b);
    Some(same.count())
}

#[cfg(test)]
mod tests;
