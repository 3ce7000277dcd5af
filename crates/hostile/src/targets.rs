//! What the fuzz targets do with bytes (RELIABILITY S-2). Each panics when something is wrong, and only then.
//!
//! They stand here and not beside libFuzzer, so that an ordinary test plays the saved inputs.

use std::cell::RefCell;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use sandkasse_api::{OPERATIONS, Request};
use sandkasse_courier::{Scheme, UrlFault, is_dangerous_scheme, judge_fall_back, judge_prefix};
use sandkasse_domain::{Environment, OrderId, PhoneNumber, sales_unit::UrlPolicy};
use sandkasse_testkit::Jwt;
use tokio::runtime::Runtime;

use crate::eye::{self, Seen};
use crate::{House, sequence};

/// A target: its name and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets, by the names of their corpora.
pub const TARGETS: [Target; 8] = [
    ("body", body),
    ("form", form),
    ("headers", headers),
    ("order_id", order_id),
    ("phone", phone),
    ("sequence", sequence::play),
    ("token", token),
    ("url", url),
];

/// A house grows with every order, so it is left after so many calls.
const CALLS: u32 = 5000;

struct Lived {
    runtime: Runtime,
    house: House,
    calls: u32,
}

thread_local! {
    static LIVED: RefCell<Option<Lived>> = const { RefCell::new(None) };
}

/// Answers in a house, and looks at the answer.
fn answered(make: impl FnOnce(&House) -> Option<Request>) -> Option<Seen> {
    LIVED.with_borrow_mut(|lived| {
        if lived.as_ref().is_none_or(|lived| lived.calls >= CALLS) {
            let runtime = sequence::runtime();
            let house = runtime.block_on(House::new());
            let calls = 0;
            *lived = Some(Lived {
                runtime,
                house,
                calls,
            });
        }
        let Lived {
            runtime,
            house,
            calls,
        } = lived.as_mut()?;
        *calls += 1;
        let mut request = make(house)?;
        let test = Environment::Test;
        let explain = *calls % 16 == 0;
        let (exchange, told) = runtime.block_on(house.answer(test, &mut request, explain));
        match eye::look(test, &request, exchange, told.as_ref()) {
            Ok(seen) => Some(seen),
            Err(finding) => panic!("{finding}"),
        }
    })
}

fn request(house: &House, operation: usize, body: &[u8]) -> Option<Request> {
    let (method, path) = OPERATIONS.get(operation % OPERATIONS.len())?;
    let path = path.replace("{orderId}", "reserved");
    let path = path.replace("{sub}", &house.shop.sub(&house.kari));
    Some(Request {
        method: Method::from_bytes(method.as_bytes()).ok()?,
        path,
        headers: house.right().clone(),
        body: Bytes::copy_from_slice(body),
    })
}

/// The first byte chooses the operation, the rest is the body.
pub fn body(data: &[u8]) {
    let Some((operation, body)) = data.split_first() else {
        return;
    };
    answered(|house| {
        let text = String::from_utf8_lossy(body);
        // Saved inputs name a sales unit by a word, since its number is nobody's to remember.
        let named = text.replace("{msn}", house.shop.msn.as_str());
        let body = if text.contains("{msn}") {
            named.as_bytes()
        } else {
            body
        };
        request(house, usize::from(*operation), body)
    });
}

/// The first byte chooses the operation; then lines: a name and a value, or `-` and a name to take away.
pub fn headers(data: &[u8]) {
    let Some((operation, lines)) = data.split_first() else {
        return;
    };
    answered(|house| {
        let body = r#"{"merchantInfo":{"merchantSerialNumber":"{msn}"},"transaction":{"amount":1,"transactionText":"a"}}"#;
        let body = body.replace("{msn}", house.shop.msn.as_str());
        let mut request = request(house, usize::from(*operation), body.as_bytes())?;
        for line in lines.split(|byte| *byte == b'\n').take(100) {
            if let Some(name) = line.strip_prefix(b"-") {
                if let Ok(name) = HeaderName::from_bytes(name) {
                    request.headers.remove(name);
                }
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
            let name = HeaderName::from_bytes(name).ok()?;
            request
                .headers
                .append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(request)
    });
}

/// The form of `/miami/v1/token`, and what it proves its caller by.
pub fn form(data: &[u8]) {
    let seen = answered(|house| {
        let mut request = request(house, 1, data)?;
        let (basic, _) = data.split_at(data.len().min(64));
        if let Ok(value) = HeaderValue::from_bytes(&[b"Basic ", basic].concat()) {
            request.headers.insert(http::header::AUTHORIZATION, value);
        }
        Some(request)
    });
    // These are a shop's keys, whose tokens are fetched elsewhere.
    assert!(seen.is_none_or(|seen| seen.0 != 200), "a token for nobody");
}

/// A token: raw, or in parts that are put together, with a signature of somebody else's, or of ours.
pub fn token(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let parts = |house: &House| {
        let bearer = house.right().get(http::header::AUTHORIZATION);
        let bearer = bearer.and_then(|it| it.to_str().ok()).unwrap_or_default();
        Jwt::read(bearer.trim_start_matches("Bearer "))
    };
    let mut ours = false;
    let seen = answered(|house| {
        let mut halves = rest.splitn(2, |byte| *byte == b'\n');
        let mut half = || {
            halves
                .next()
                .map(|it| String::from_utf8_lossy(it).into_owned())
        };
        let right = parts(house);
        let sent = match kind % 5 {
            // Whatever it is.
            0 => rest.to_vec(),
            // Parts of anybody's, the right signature.
            1 => {
                let (header, claims) = (half()?, half()?);
                let signature = right.signature.clone();
                ours = header == right.header && claims == right.claims;
                let forged = Jwt {
                    header,
                    claims,
                    signature,
                };
                [b"Bearer ", forged.token().as_bytes()].concat()
            }
            // The right parts, anybody's signature.
            2 => {
                let signature = URL_SAFE_NO_PAD.encode(rest);
                ours = signature == right.signature;
                [b"Bearer ", Jwt { signature, ..right }.token().as_bytes()].concat()
            }
            // A shared secret, perhaps one that everybody knows.
            3 => [b"Bearer ", right.signed_with_secret(rest).as_bytes()].concat(),
            // Odd claims with the true signature: only ours can be so odd, but they must not panic.
            _ => {
                let forged = Jwt {
                    header: half()?,
                    claims: half()?,
                    signature: String::new(),
                };
                ours = true;
                [b"Bearer ", forged.signed_in(Environment::Test).as_bytes()].concat()
            }
        };
        let mut request = request(house, 7, b"")?;
        ours |= request
            .headers
            .get("authorization")
            .is_some_and(|it| it.as_bytes() == sent);
        let value = HeaderValue::from_bytes(&sent).ok()?;
        request.headers.insert(http::header::AUTHORIZATION, value);
        Some(request)
    });
    assert!(ours || seen.is_none_or(|seen| seen.0 == 401), "{seen:?}");
}

/// A URL of a merchant's: what both judges say of it fits together.
pub fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let strict = judge_prefix(text, UrlPolicy::Strict);
    let local = judge_prefix(text, UrlPolicy::Local);
    let fall_back = judge_fall_back(text, false);
    if let Ok(target) = &strict {
        assert_eq!(target.scheme, Scheme::Https, "{text}");
        assert_eq!(
            local.as_ref().ok(),
            strict.as_ref().ok(),
            "strict is stricter: {text}"
        );
        assert_eq!(fall_back, Ok(()), "what may be called may be shown: {text}");
        assert!(text.is_ascii() || text.chars().count() <= 255, "{text}");
        let host = target.host.to_string();
        assert!(!host.is_empty() && host.is_ascii(), "{text}: {host}");
        assert_ne!(host, "localhost", "{text}");
    }
    if fall_back.is_ok() {
        assert!(!is_dangerous_scheme(text), "{text}");
    }
    assert_eq!(judge_fall_back(text, true), Ok(()), "an app's own");
    for fault in [strict.err(), local.err(), fall_back.err()]
        .into_iter()
        .flatten()
    {
        // Facts are shown to people: they must be there.
        assert!(!matches!(fault, UrlFault::TooLong { length, limit } if length <= limit));
    }
}

/// A telephone number: what is corrected is right and stays so.
pub fn phone(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(number) = PhoneNumber::correct(text) {
        let digits = number.as_str();
        assert!(
            digits.len() == 8 && digits.bytes().all(|it| it.is_ascii_digit()),
            "{text}"
        );
        // As documented the code is cut off first, so eight digits that look like a code are read otherwise without one.
        let plain = (!digits.starts_with("00")).then(|| digits.to_owned());
        let coded = [number.msisdn(), format!("+{}", number.msisdn())];
        for spelling in coded.into_iter().chain(plain) {
            assert_eq!(
                PhoneNumber::correct(&spelling).as_ref(),
                Ok(&number),
                "{spelling}"
            );
        }
        assert_eq!(PhoneNumber::try_new(digits).as_ref(), Some(&number));
    }
    if PhoneNumber::try_new(text).is_some() {
        assert!(
            PhoneNumber::correct(text).is_ok() || text.starts_with("00"),
            "{text}"
        );
    }
}

/// An order id: what is taken is the documented pattern, and is written as it came.
pub fn order_id(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let fits = !text.is_empty()
        && text.chars().count() <= OrderId::LONGEST
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let read = OrderId::try_new(text);
    assert_eq!(read.is_some(), fits, "{text}");
    if let Some(id) = read {
        assert_eq!(id.as_str(), text);
        let json = serde_json::to_string(&id).expect("a text");
        assert_eq!(serde_json::from_str::<OrderId>(&json).ok(), Some(id));
    }
}
