//! Requests that mean no good, from requests that do.
//!
//! A seed is filled in so that it would succeed, and then spoilt here and there: nothing at all in one of five, so
//! that the requests after it meet orders in all states; usually one thing, so that it is this thing that is judged; sometimes
//! a lot.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sandkasse_api::{Request, RouteFault, find};
use sandkasse_domain::Environment;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::house::ORDERS;
use crate::{House, Seed, text};

/// Headers that something reads, and some that programs put there.
const HEADERS: [&str; 18] = [
    "authorization",
    "ocp-apim-subscription-key",
    "merchant-serial-number",
    "x-request-id",
    "idempotency-key",
    "client_id",
    "client_secret",
    "content-type",
    "content-length",
    "transfer-encoding",
    "vipps-system-name",
    "vipps-system-plugin-version",
    "x-timestamp",
    "x-forwarded-for",
    "sandkasse-fault",
    "host",
    "accept",
    "expect",
];

/// Values that no header should have.
const HEADER_VALUES: [&[u8]; 24] = [
    b"",
    b" ",
    b"Bearer",
    b"Bearer ",
    b"Bearer ..",
    b"Bearer a.b.c",
    b"bearer eyJhbGciOiJub25lIn0.e30.",
    b"Bearer eyJhbGciOiJub25lIn0.e30.",
    b"Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
    b"Basic",
    b"Basic Og==",
    b"Basic !!!",
    b"0",
    b"-1",
    b"99999999999999999999",
    b"123456, 123456",
    b"\"",
    b"null",
    b"\xc3\xa9",
    b"\xff\xfe",
    b"text/plain; charset=\"",
    b"chunked, identity",
    b"slow; ms=-1",
    b"sql-glitch; code=9999999999",
];

/// What stands between the slashes of a path.
const PARTS: [&str; 16] = [
    "",
    ".",
    "..",
    "%2e%2e",
    "%2F",
    "%00",
    "%",
    "%zz",
    "%c3%28",
    "é",
    "a b",
    "a?b",
    "a#b",
    "a;b=c",
    "{orderId}",
    "ECOMM",
];

/// Seeds, ready to be used.
pub struct Grammar {
    /// What leads to an operation that is there.
    built: Vec<Seed>,
    /// What does not.
    others: Vec<Seed>,
}

impl Grammar {
    /// Takes seeds. Those of operations that are not built are used seldom.
    pub fn new(seeds: Vec<Seed>) -> Grammar {
        let is_there = |seed: &Seed| {
            let Ok(method) = Method::from_bytes(seed.method.as_bytes()) else {
                return false;
            };
            let found = find(Environment::Test, &method, path_only(&seed.path));
            !matches!(found, Err(RouteFault::NotBuilt | RouteFault::Unknown(_)))
        };
        let (built, others) = seeds.into_iter().partition(is_there);
        Grammar { built, others }
    }

    /// How many seeds lead to an operation, and how many elsewhere.
    pub fn seeds(&self) -> (usize, usize) {
        (self.built.len(), self.others.len())
    }

    /// The next request, and where it goes. `number` makes new order ids.
    pub(crate) fn request(
        &self,
        dice: &mut Dice,
        house: &House,
        number: u64,
    ) -> (Environment, Request) {
        let elsewhere = dice.once_in(16) && !self.others.is_empty();
        let seeds = if elsewhere { &self.others } else { &self.built };
        let mut seed = dice.pick(seeds);
        if is_token(seed) && !dice.once_in(8) {
            seed = dice.pick(seeds);
        }
        let order = match dice.below(8) {
            0..=2 => format!("n-{}", number.saturating_sub(dice.below(20) as u64)),
            3..=6 => (*dice.pick(&ORDERS)).to_owned(),
            _ => "nobody".to_owned(),
        };
        // What is spoilt: nothing, the body, headers, the path, or several of these.
        let (spoil_body, spoil_headers, spoil_path) = match dice.below(20) {
            0..=3 => (0, 0, false),
            4..=11 => (1, 0, false),
            12 | 13 => (4, 0, false),
            14..=16 => (0, 1 + dice.below(2), false),
            17 => (0, 0, true),
            18 => (1, 1, false),
            _ => (3, 3, true),
        };
        let mut request = Request {
            method: Method::from_bytes(seed.method.as_bytes()).unwrap_or_default(),
            path: filled_path(path_only(&seed.path), &order, house),
            headers: headers(seed, house, dice),
            body: Bytes::new(),
        };
        if let Some(body) = &seed.body {
            let body = filled(body, house, dice, number);
            let mut bytes = text::write(&body, spoil_body, dice);
            if spoil_body > 0 && dice.once_in(5) {
                bytes = text::damage(bytes, dice);
            }
            bytes.truncate(sandkasse_api::MAX_BODY);
            request.body = bytes.into();
        } else if dice.once_in(4) {
            let bytes = b"grant_type=client_credentials&resource=x".to_vec();
            let bytes = if spoil_body > 0 {
                text::damage(bytes, dice)
            } else {
                bytes
            };
            request.body = bytes.into();
        }
        for _ in 0..spoil_headers {
            spoil_header(&mut request.headers, dice);
        }
        if spoil_path {
            spoil_target(&mut request, dice);
        }
        let away = dice.once_in(24);
        let environment = if away {
            Environment::Production
        } else {
            Environment::Test
        };
        (environment, request)
    }
}

/// A signature costs more than most of the others together.
fn is_token(seed: &Seed) -> bool {
    seed.path.ends_with("/get") || seed.path.ends_with("/token")
}

fn path_only(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default()
}

/// `{orderId}`, `{{orderId}}` and `:orderId` become the order, `{sub}` the person.
fn filled_path(path: &str, order: &str, house: &House) -> String {
    let part = |part: &str| match part {
        "{sub}" | "{{sub}}" => house.shop.sub(&house.kari),
        _ if part.starts_with(['{', ':']) => order.to_owned(),
        _ => part.to_owned(),
    };
    let parts: Vec<String> = path.split('/').map(part).collect();
    parts.join("/")
}

fn headers(seed: &Seed, house: &House, dice: &mut Dice) -> HeaderMap {
    let partner = dice.once_in(10);
    let mut headers = match partner {
        true => house.right_of_partner().clone(),
        false => house.right().clone(),
    };
    for (name, value) in &seed.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value)
            && !headers.contains_key(&name)
            && name != "merchant-serial-number"
        {
            headers.insert(name, value);
        }
    }
    if dice.once_in(2) {
        headers.remove("x-request-id");
    } else if headers.contains_key("x-request-id") {
        // Few keys, so that many are used again: with the same meaning, or another.
        let key = HeaderValue::from(dice.below(8) as u64);
        headers.insert("x-request-id", key);
    }
    headers
}

/// The body with right values where a seed has a placeholder or somebody else's.
fn filled(body: &Value, house: &House, dice: &mut Dice, number: u64) -> Value {
    let mut body = body.clone();
    fill(&mut body, house, dice, number);
    body
}

fn fill(value: &mut Value, house: &House, dice: &mut Dice, number: u64) {
    match value {
        Value::Array(items) => {
            for item in items {
                fill(item, house, dice, number);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let right = match name.as_str() {
                    "merchantSerialNumber" => json!(house.shop.msn),
                    "orderId" => json!(format!("n-{number}")),
                    "mobileNumber" if dice.once_in(2) => json!(""),
                    "mobileNumber" | "customerPhoneNumber" => json!(house.kari.phone),
                    "token" => json!(""),
                    "amount" => json!(100 * (1 + dice.below(400))),
                    "callbackPrefix"
                    | "fallBack"
                    | "consentRemovalPrefix"
                    | "shippingDetailsPrefix" => {
                        json!("https://example.com/vipps")
                    }
                    "transactionText" => json!("One pair of socks"),
                    "scope" if dice.once_in(2) => json!(""),
                    "shouldReleaseRemainingFunds" => json!(dice.once_in(2)),
                    _ => {
                        fill(member, house, dice, number);
                        continue;
                    }
                };
                *member = right;
            }
        }
        Value::String(text) if text.contains("{{") => text.clear(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn spoil_header(headers: &mut HeaderMap, dice: &mut Dice) {
    // More often one that the call needs.
    let most = if dice.once_in(3) { HEADERS.len() } else { 7 };
    let name = HeaderName::from_static(HEADERS.get(dice.below(most)).copied().unwrap_or("host"));
    let right = headers
        .get(&name)
        .map_or(Vec::new(), |it| it.as_bytes().to_vec());
    let value: Vec<u8> = match dice.below(9) {
        0 => {
            headers.remove(&name);
            return;
        }
        // Twice: the first counts, or the last, or neither.
        1 => {
            let value = *dice.pick(&HEADER_VALUES);
            let value = HeaderValue::from_bytes(value);
            headers.append(name, value.expect("they may stand in headers"));
            return;
        }
        2 | 3 => dice.pick(&HEADER_VALUES).to_vec(),
        4 => right.to_ascii_lowercase(),
        5 => right.to_ascii_uppercase(),
        6 => [b" ", right.as_slice(), b" "].concat(),
        7 => b"x".repeat(*dice.pick(&[1, 30, 40, 41, 500, 9000, 32_000])),
        _ => text::damage(right, dice),
    };
    // Whatever a listener would let through.
    if let Ok(value) = HeaderValue::from_bytes(&value) {
        headers.insert(name, value);
    }
}

fn spoil_target(request: &mut Request, dice: &mut Dice) {
    const METHODS: [&str; 8] = [
        "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "X",
    ];
    if dice.once_in(4) {
        let method = Method::from_bytes(dice.pick(&METHODS).as_bytes());
        request.method = method.unwrap_or_default();
        return;
    }
    let mut parts: Vec<&str> = request.path.split('/').collect();
    let at = dice.below(parts.len());
    let part = *dice.pick(&PARTS);
    match dice.below(4) {
        0 => parts.insert(at, part),
        1 => drop(parts.remove(at)),
        2 => parts.push(part),
        _ => drop(parts.splice(at..=at, [part])),
    }
    let path = parts.join("/");
    request.path = match dice.below(6) {
        0 => path.to_ascii_uppercase(),
        1 => format!("{path}/"),
        2 => format!("{path}//"),
        _ => path,
    };
}
