//! Bodies that are deep, and bodies that are as long as a body may be.

use sandkasse_api::MAX_BODY;
use serde_json::json;

use super::stage::{INITIATE, READ_JSON, Stage, internal};

fn nested(depth: usize, open: &str, close: &str) -> String {
    format!("{}0{}", open.repeat(depth), close.repeat(depth))
}

/// The body with one more member, as text.
fn with_unknown(body: &serde_json::Value, value: &str) -> String {
    let member = format!("{{\"unknown\":{value},");
    body.to_string().replacen('{', &member, 1)
}

#[tokio::test]
async fn bodies_of_64_levels_are_read_and_deeper_ones_are_not() {
    let stage = Stage::new().await;
    for endpoint in READ_JSON {
        // The body itself is the first level.
        for (inner, refused) in [(63, false), (64, true), (127, true), (200, true)] {
            for deep in [nested(inner, "[", "]"), nested(inner, "{\"a\":", "}")] {
                let body = with_unknown(&stage.body(endpoint), &deep);
                let got = stage.survives_body(endpoint, body).await;
                if refused {
                    internal(&got, "json.depth");
                } else {
                    assert!(!got.cause().starts_with("json"), "{}", got.body);
                    assert_eq!(got.status == 200, endpoint == INITIATE || got.why.is_none());
                }
            }
        }
        for deep in [
            nested(1_000_000, "[", "]"),
            nested(1_000_000, "{\"a\":", "}"),
            "[".repeat(1_000_000),
            "[{\"a\":".repeat(150_000),
        ] {
            internal(&stage.survives_body(endpoint, deep).await, "json.depth");
        }
        // Brackets in texts are no levels, not even behind quotes that end nothing.
        for text in ["[".repeat(1000), r#"\"[{"#.repeat(100), r"[{\\".repeat(100)] {
            let body = with_unknown(&stage.body(endpoint), &format!("\"{text}\""));
            let got = stage.survives_body(endpoint, body).await;
            assert!(!got.cause().starts_with("json"), "{}", got.body);
        }
        // Nor do levels add up that stand side by side.
        let wide = format!("[{}0]", "[[[]]],".repeat(1000));
        let body = with_unknown(&stage.body(endpoint), &wide);
        let got = stage.survives_body(endpoint, body).await;
        assert!(!got.cause().starts_with("json"), "{}", got.body);
    }
}

/// The text with `@` replaced by so many units that it is as long as a body may be.
fn filled(text: &str, unit: &str) -> String {
    let room = MAX_BODY + 1 - text.len();
    let filled = text.replacen('@', &unit.repeat(room / unit.len()), 1);
    assert!(filled.len() > MAX_BODY - unit.len() && filled.len() <= MAX_BODY);
    filled
}

#[tokio::test]
async fn bodies_of_a_megabyte() {
    let stage = Stage::new().await;
    // A value, a unit that fills it, and what comes of it.
    for (member, value, unit, status, cause) in [
        ("/unknown", "\"@\"", "x", 200, ""),
        ("/unknown", "[@0]", "0,", 200, ""),
        ("/unknown", "@0", " ", 200, ""),
        (
            "/transaction/transactionText",
            "\"@\"",
            "x",
            400,
            "request.too_long",
        ),
        ("/transaction/orderId", "\"@\"", "x", 400, "order.format"),
        ("/transaction/scope", "\"@\"", "name ", 400, "request.scope"),
        ("/transaction/amount", "1@", "1", 400, "amount.invalid"),
        ("/transaction/amount", "49900.@0", "0", 200, ""),
        (
            "/merchantInfo/merchantSerialNumber",
            "\"@\"",
            "1",
            400,
            "msn.format",
        ),
        (
            "/merchantInfo/callbackPrefix",
            "\"@\"",
            "https://a/",
            400,
            "url.syntax",
        ),
        (
            "/merchantInfo/fallBack",
            "\"@\"",
            "myapp://",
            400,
            "url.syntax",
        ),
        (
            "/merchantInfo/authToken",
            "\"@\"",
            "x",
            400,
            "request.too_long",
        ),
        (
            "/merchantInfo/paymentType",
            "\"@\"",
            "x",
            400,
            "request.unknown_value",
        ),
        (
            "/merchantInfo/staticShippingDetails",
            "[@{}]",
            "{},",
            400,
            "request.shipping",
        ),
        (
            "/customerInfo/mobileNumber",
            "\"@\"",
            "9",
            400,
            "phone.format",
        ),
        (
            "/customerInfo/mobileNumber",
            "\"@\"",
            "-",
            400,
            "phone.format",
        ),
    ] {
        let mut body = stage.body(INITIATE);
        body["unknown"] = json!("");
        *body.pointer_mut(member).expect("it is there") = json!("#");
        let body = body.to_string().replacen("\"#\"", value, 1);
        let got = stage.survives_body(INITIATE, filled(&body, unit)).await;
        assert_eq!(
            (got.status, got.cause()),
            (status, cause),
            "{member} {value}"
        );
    }
    for endpoint in READ_JSON {
        for unit in ["[", "{", "\"", "a", "0", " ", "\\", "\u{0}", "é"] {
            let got = stage.survives_body(endpoint, filled("@", unit)).await;
            let deep = ["[", "{"].contains(&unit);
            internal(&got, if deep { "json.depth" } else { "json.syntax" });
        }
    }
}
