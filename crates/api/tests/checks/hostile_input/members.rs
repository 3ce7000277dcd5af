//! Every member of every body, with values of every kind.

use serde_json::Value;

use super::stage::{APPROVE, Endpoint, INITIATE, READ_JSON, Stage, internal};

/// JSON texts; some are none.
const VALUES: [&str; 30] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "-0.0",
    "20000.0",
    "2147483648",
    "9223372036854775808",
    "-9223372036854775809",
    "1e308",
    "1e400",
    "\"\"",
    "\" \"",
    "\"x\"",
    "\"0\"",
    "\"true\"",
    "\"123456\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\r\\nX: y\"",
    "\"é🧦\"",
    "\"../../etc/passwd\"",
    "\"javascript:alert(1)\"",
    "[]",
    "[null]",
    "{}",
    "{\"\":{}}",
];

/// The pointers to all members, with those inside lists and objects.
fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let there = format!("{here}/{name}");
                pointers(member, &there, found);
                found.push(there);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let there = format!("{here}/{at}");
                pointers(item, &there, found);
                found.push(there);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn pointers_of(body: &Value) -> Vec<String> {
    let mut found = Vec::new();
    pointers(body, "", &mut found);
    found
}

/// The body of a right call with one member replaced by a JSON text.
fn replaced(stage: &Stage, endpoint: Endpoint, pointer: &str, value: &str) -> String {
    let mut body = stage.body(endpoint);
    *body.pointer_mut(pointer).expect("it is there") = "#".into();
    body.to_string().replacen("\"#\"", value, 1)
}

#[tokio::test]
async fn every_member_with_values_of_every_kind() {
    let stage = Stage::new().await;
    for endpoint in READ_JSON {
        let pointers = pointers_of(&stage.body(endpoint));
        for pointer in &pointers {
            for value in VALUES {
                let body = replaced(&stage, endpoint, pointer, value);
                // Which `serde_json` alone does not hold.
                let small = body.replace("1e400", "1");
                let is_json = serde_json::from_str::<Value>(&small).is_ok();
                let got = stage.survives_body(endpoint, body).await;
                assert_eq!(got.cause() == "json.syntax", !is_json, "{pointer} {value}");
            }
        }
    }
    assert!(stage.sent() > 1000, "{}", stage.sent());
}

/// What a member may be, as far as JSON goes.
fn accepted(pointer: &str) -> &'static [&'static str] {
    match pointer.rsplit('/').next().unwrap_or_default() {
        "customerInfo" | "merchantInfo" | "transaction" | "additionalData" => &["{}"],
        "staticShippingDetails" => &["[]"],
        "amount" => &["7"],
        "isApp" | "skipLandingPage" | "shouldReleaseRemainingFunds" => {
            &["true", "\"true\"", "\"false\""]
        }
        "mobileNumber" | "customerPhoneNumber" => &["7", "\"text\""],
        _ => &["\"text\""],
    }
}

#[tokio::test]
async fn wrong_types_are_internal_errors_and_right_ones_are_not() {
    const KINDS: [&str; 9] = [
        "{}",
        "[]",
        "7",
        "7.5",
        "true",
        "\"true\"",
        "\"false\"",
        "\"text\"",
        "null",
    ];
    let stage = Stage::new().await;
    for endpoint in READ_JSON {
        // The members of shipping methods are read as tolerantly as a shop's answer.
        let body = stage.body(endpoint);
        let pointers = pointers_of(&body).into_iter();
        for pointer in pointers.filter(|it| !it.contains("staticShippingDetails/")) {
            let texts = accepted(&pointer) == ["\"text\""] || pointer.ends_with("Number");
            for value in KINDS {
                let right = value == "null"
                    || accepted(&pointer).contains(&value)
                    || (texts && value.starts_with('"'));
                let body = replaced(&stage, endpoint, &pointer, value);
                let got = stage.survives_body(endpoint, body).await;
                let is_type = got.cause().starts_with("json.type");
                assert_eq!(is_type, !right, "{pointer} {value}: {}", got.cause());
                if !right {
                    let cause = match pointer.rsplit('/').next() {
                        Some("merchantSerialNumber") => "json.type.msn",
                        Some("amount") => "json.type.amount",
                        _ => "json.type",
                    };
                    internal(&got, cause);
                }
            }
        }
    }
}

#[tokio::test]
async fn members_that_are_left_out_one_by_one() {
    let stage = Stage::new().await;
    for endpoint in READ_JSON {
        for pointer in pointers_of(&stage.body(endpoint)) {
            let mut body = stage.body(endpoint);
            let (parent, name) = pointer.rsplit_once('/').expect("begins with a slash");
            let Some(members) = body.pointer_mut(parent).and_then(Value::as_object_mut) else {
                continue;
            };
            members.remove(name).expect("it is there");
            let got = stage.survives_body(endpoint, body.to_string()).await;
            assert!(
                got.status < 500,
                "{pointer}: what is absent is no wrong type"
            );
            if endpoint == INITIATE && got.status == 400 {
                got.refused_with(400, got.cause());
            }
        }
    }
    let nothing = stage.survives_body(APPROVE, "{}").await;
    nothing.refused(400, "User", "81", "test.not_a_test_number");
    for endpoint in READ_JSON.into_iter().filter(|it| *it != APPROVE) {
        let got = stage.survives_body(endpoint, "{}").await;
        let lines = got.refused_with(400, "request.missing");
        let names: Vec<&str> = lines.iter().map(|line| line[1].as_str()).collect();
        let customer = usize::from(endpoint != INITIATE);
        assert_eq!(
            names,
            ["customerInfo", "merchantInfo", "transaction"][customer..]
        );
    }
}
