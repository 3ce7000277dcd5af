//! Bodies that are no JSON, that nearly are, and JSON that two readers might read differently.

use sandkasse_engine::Chance;
use serde_json::{Value, json};

use super::stage::{INITIATE, OTHERS, READ_JSON, Stage, internal};

/// What JSON is made of, and what it is not.
const PIECES: &[u8] = b"{}[]\",:\\0-9eEtfnu. \x00\xff";

fn below(chance: &Chance, bound: usize) -> usize {
    let number = chance.below(u64::try_from(bound).expect("small"));
    usize::try_from(number).expect("small")
}

fn random_bytes(chance: &Chance) -> Vec<u8> {
    let length = below(chance, 200);
    (0..length).flat_map(|_| chance.bytes::<1>()).collect()
}

/// The body with a few bytes replaced, put in or taken out, or cut off somewhere.
fn mutated(chance: &Chance, body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    for _ in 0..=below(chance, 4) {
        if bytes.is_empty() {
            break;
        }
        let at = below(chance, bytes.len());
        let piece = PIECES.get(below(chance, PIECES.len())).copied();
        match below(chance, 8) {
            0 => bytes.truncate(at + 1),
            1 | 2 => drop(bytes.splice(at..=at, [])),
            3 | 4 => drop(bytes.splice(at..at, piece)),
            5 => drop(bytes.splice(at..=at, chance.bytes::<1>())),
            _ => drop(bytes.splice(at..=at, piece)),
        }
    }
    bytes
}

#[tokio::test]
async fn bytes_that_are_no_json_and_bytes_that_nearly_are() {
    let stage = Stage::new().await;
    let chance = Chance::seeded(17);
    let mut read = 0;
    for endpoint in READ_JSON {
        for round in 0..300 {
            let body = if round < 60 {
                random_bytes(&chance)
            } else {
                mutated(&chance, stage.body(endpoint).to_string().as_bytes())
            };
            let is_json = serde_json::from_slice::<Value>(&body).is_ok();
            let got = stage.survives_body(endpoint, body).await;
            if is_json {
                read += 1;
                assert_ne!(got.cause(), "json.syntax");
            } else {
                internal(&got, "json.syntax");
            }
        }
    }
    assert!(
        (100..1000).contains(&read),
        "some are JSON, most are not: {read}"
    );
    // Where no JSON is read, it makes no difference.
    for endpoint in OTHERS {
        let without = stage.survives(stage.ask(endpoint), endpoint.1).await;
        for _ in 0..20 {
            let got = stage.survives_body(endpoint, random_bytes(&chance)).await;
            assert_eq!((got.status, got.cause()), (without.status, without.cause()));
        }
    }
    assert_eq!(stage.sent(), 5 * 300 + 6 * 21);
}

#[tokio::test]
async fn bodies_that_are_not_an_object_in_utf_8() {
    let stage = Stage::new().await;
    for endpoint in READ_JSON {
        let right = stage.body(endpoint).to_string();
        let utf_16: Vec<u8> = right.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let not_json: [Vec<u8>; 11] = [
            "".into(),
            " \r\n".into(),
            "\u{feff}{}".into(),
            utf_16,
            right.replace('"', "'").into(),
            right.replace('}', ",}").into(),
            format!("{right}{right}").into(),
            format!("// why\n{right}").into(),
            right.replacen('{', "{\"a\":NaN,", 1).into(),
            [b"{\"a\":\"", &[0xc3, 0x28][..], b"\"}"].concat(),
            [b"{\"a\":\"", &[0xed, 0xa0, 0x80][..], b"\"}"].concat(),
        ];
        for body in not_json {
            internal(&stage.survives_body(endpoint, body).await, "json.syntax");
        }
        for body in ["null", "true", "0", "-1.5e3", "\"text\"", "[]", "[{}]"] {
            internal(&stage.survives_body(endpoint, body).await, "json.type");
        }
    }
}

#[tokio::test]
async fn texts_and_members_that_two_readers_might_read_differently() {
    let stage = Stage::new().await;
    let amount = r#""amount":49900"#;
    let text = r#""transactionText":"One pair of socks""#;
    for (from, to, status, cause) in [
        // Of a member that is there twice the last one counts.
        (amount, r#""amount":1,"amount":49900"#, 200, ""),
        (
            amount,
            r#""amount":49900,"amount":1"#,
            400,
            "amount.invalid",
        ),
        (
            amount,
            r#""amount":49900,"amount":"x""#,
            500,
            "json.type.amount",
        ),
        (amount, r#""\u0061mount":49900"#, 200, ""),
        (amount, r#""amount":-0"#, 400, "amount.invalid"),
        (amount, r#""amount":-0.0"#, 400, "amount.invalid"),
        (amount, r#""amount":1e308"#, 400, "amount.invalid"),
        (amount, r#""amount":1e400"#, 400, "amount.invalid"),
        (amount, r#""amount":49900,"unknown":-1e400"#, 200, ""),
        (amount, r#""amount":01e400"#, 500, "json.syntax"),
        (amount, r#""amount":1e-400"#, 500, "json.type.amount"),
        (amount, r#""amount":+1"#, 500, "json.syntax"),
        (amount, r#""amount":0x1F"#, 500, "json.syntax"),
        (amount, r#""amount":049900"#, 500, "json.syntax"),
        (
            amount,
            r#""amount":99999999999999999999999"#,
            400,
            "amount.invalid",
        ),
        (
            amount,
            r#""amount":49900,"__proto__":{"amount":1}"#,
            200,
            "",
        ),
        // Half a character is none; a whole one in two halves is.
        (text, r#""transactionText":"\ud83e""#, 500, "json.syntax"),
        (
            text,
            r#""transactionText":"\udde6\ud83e""#,
            500,
            "json.syntax",
        ),
        (text, r#""transactionText":"\ud83e\udde6""#, 200, ""),
        (text, r#""transactionText":"\u0000""#, 200, ""),
        (text, r#""transactionText":"\u202e\ufeff""#, 200, ""),
        (text, "\"transactionText\":\"a\nb\"", 500, "json.syntax"),
        (text, r#""transactionText":"\x41""#, 500, "json.syntax"),
        (
            text,
            r#""transactionText":"<script>alert(1)</script>""#,
            200,
            "",
        ),
        (text, r#""transactiontext":"x""#, 500, "json.member_case"),
    ] {
        let body = stage.body(INITIATE).to_string();
        assert!(body.contains(from), "{body}");
        let got = stage
            .survives_body(INITIATE, body.replacen(from, to, 1))
            .await;
        assert_eq!((got.status, got.cause()), (status, cause), "{to}");
    }
    let doubled = json!({ "merchantInfo": 1 }).to_string();
    let body = stage.body(INITIATE).to_string();
    let body = format!("{},{}", doubled.trim_end_matches('}'), &body[1..]);
    assert_eq!(stage.survives_body(INITIATE, body).await.status, 200);
}
