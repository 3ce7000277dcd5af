use proptest::prelude::*;

use super::*;
use crate::sign;

const SECRET: &str =
    "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A==";
const BODY: &str = r#"{"name":"CREATED"}"#;

fn now() -> Timestamp {
    "2023-06-13T12:00:00Z".parse().unwrap()
}

/// A delivery as it left the platform, ten seconds ago.
fn genuine() -> Received {
    let at = now() - jiff::SignedDuration::from_secs(10);
    let signed = sign(
        SECRET,
        "/hooks?x=1",
        "shop.example:8443",
        BODY.as_bytes(),
        at,
    );
    let mut received = Received {
        body: BODY.into(),
        secret: SECRET.to_owned(),
        ..Received::default()
    };
    received.read_head(&format!(
        "POST /hooks?x=1 HTTP/1.1\r\nHost: shop.example:8443\r\nX-MS-Date: {}\r\nx-ms-content-sha256: {}\r\nauthorization: {}\r\n",
        signed.date, signed.content_hash, signed.authorization
    ));
    received
}

fn set(received: &mut Received, name: &str, value: &str) {
    let headers = &mut received.headers;
    headers.retain(|(it, _)| !it.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value.to_owned()));
}

#[test]
fn a_genuine_delivery_is_told_so() {
    let verdict = verify(&genuine(), now());
    assert!(verdict.valid, "{}", verdict.says);
    assert_eq!(verdict.age_seconds, Some(10));
    assert_eq!(verdict.first_difference, None);
    assert_eq!(verdict.expected_signature, verdict.received_signature);
    assert_eq!(
        verdict.string_to_sign.unwrap(),
        format!(
            "POST\n/hooks?x=1\nTue, 13 Jun 2023 11:59:50 GMT;shop.example:8443;{}",
            content_hash(BODY.as_bytes())
        )
    );
}

/// What was done to a genuine delivery, which look finds it, and a part of the sentence.
#[test]
fn every_usual_mistake_is_named() {
    type Spoil = fn(&mut Received);
    let rows: [(&str, Spoil, &str); 21] = [
        (
            "signature",
            |it| it.secret = format!("{SECRET}\n"),
            "blanks around",
        ),
        (
            "signature",
            |it| it.secret = "x".to_owned(),
            "another registration",
        ),
        (
            "signature",
            |it| set(it, "host", "tunnel.example"),
            "another registration",
        ),
        (
            "signature",
            |it| {
                set(it, "host", "localhost:3000");
                it.url = Some("https://shop.example:8443/hooks?x=1".to_owned());
            },
            "`shop.example:8443` (that of the address)",
        ),
        (
            "signature",
            |it| {
                set(it, "host", "127.0.0.1");
                set(it, "X-Forwarded-Host", "shop.example:8443");
            },
            "`X-Forwarded-Host`",
        ),
        (
            "signature",
            |it| set(it, "host", "SHOP.example:8443"),
            "in lower case",
        ),
        (
            "signature",
            |it| it.url = Some("/hooks/?x=1".to_owned()),
            "a slash was added",
        ),
        (
            "signature",
            |it| it.url = Some("/Hooks?x=1".to_owned()),
            "other case",
        ),
        (
            "signature",
            |it| it.url = Some("/hooks".to_owned()),
            "another registration",
        ),
        (
            "signature",
            |it| it.method = "PUT".to_owned(),
            "arrived as `PUT`",
        ),
        (
            "content_hash",
            |it| it.body.push(b'\n'),
            "blanks or a line end",
        ),
        (
            "content_hash",
            |it| it.body = br#"{ "name": "CREATED" }"#.to_vec(),
            "raw bytes",
        ),
        ("content_hash", |it| it.body.clear(), "empty"),
        (
            "signature",
            |it| {
                set(it, "x-ms-content-sha256", "AAAA");
                it.url = Some("/elsewhere".to_owned());
            },
            "another registration",
        ),
        (
            "signature",
            |it| set(it, "authorization", "Bearer abc"),
            "begins with `Bearer`",
        ),
        (
            "headers",
            |it| it.headers.retain(|(name, _)| name != "authorization"),
            "CGIPassAuth",
        ),
        ("headers", |it| it.url = None, "path is not known"),
        ("headers", |it| it.secret.clear(), "secret is empty"),
        ("date", |it| set(it, "x-ms-date", "yesterday"), "no date"),
        (
            "date",
            |it| set(it, "x-ms-date", "Tue, 13 Jun 2023 11:00:00 GMT"),
            "3600 seconds old",
        ),
        (
            "date",
            |it| set(it, "x-ms-date", "Tue, 13 Jun 2023 13:00:00 GMT"),
            "3600 seconds ahead",
        ),
    ];
    for (name, spoil, says) in rows {
        let mut received = genuine();
        spoil(&mut received);
        let verdict = verify(&received, now());
        assert!(!verdict.valid, "{says}");
        let found = verdict
            .checks
            .iter()
            .find(|it| it.name == name && !it.passed);
        let found = found.unwrap_or_else(|| panic!("{says}: {verdict:?}"));
        assert!(found.says.contains(says), "{says}: {}", found.says);
    }
}

#[test]
fn who_decodes_the_secret_is_told_so() {
    let mut received = genuine();
    let verdict = verify(&received, now());
    let key = STANDARD.decode(SECRET).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
    let text = verdict.string_to_sign.unwrap();
    let wrong = STANDARD.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes()));
    set(
        &mut received,
        "authorization",
        &format!("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={wrong}"),
    );
    let verdict = verify(&received, now());
    assert!(verdict.says.contains("Base64-decoded"), "{}", verdict.says);
    let (expected, came) = (verdict.expected_signature.unwrap(), wrong);
    let at = verdict.first_difference.unwrap();
    assert_eq!(expected[..at], came[..at]);
    assert_ne!(expected.as_bytes()[at], came.as_bytes()[at]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// S-17: whatever the body is, it verifies; with one byte changed anywhere, it does not.
    #[test]
    fn s_17_one_changed_byte_is_found(
        body in proptest::collection::vec(any::<u8>(), 1..300),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let signed = sign(SECRET, "/hooks", "shop.example", &body, now());
        let mut received = Received { body, secret: SECRET.to_owned(), ..Received::default() };
        received.read_head(&format!(
            "POST /hooks HTTP/1.1\nHost: shop.example\nx-ms-date: {}\nx-ms-content-sha256: {}\nAuthorization: {}",
            signed.date, signed.content_hash, signed.authorization
        ));
        prop_assert!(verify(&received, now()).valid);
        for part in ["body", "path", "host", "date"] {
            let mut spoiled = received.clone();
            match part {
                "body" => {
                    let at = at.index(spoiled.body.len());
                    spoiled.body[at] ^= flip;
                }
                "path" => spoiled.url = Some("/hookz".to_owned()),
                "host" => set(&mut spoiled, "Host", "shop.examplf"),
                _ => set(&mut spoiled, "x-ms-date", "Tue, 13 Jun 2023 12:00:01 GMT"),
            }
            prop_assert!(!verify(&spoiled, now()).valid, "{}", part);
        }
    }

    /// Whatever is pasted, there is an answer.
    #[test]
    fn nothing_that_is_pasted_breaks_it(head in ".{0,200}", body in ".{0,50}", secret in ".{0,50}") {
        let mut received = Received { body: body.into_bytes(), secret, ..Received::default() };
        received.read_head(&head);
        prop_assert!(!verify(&received, now()).valid);
    }
}
