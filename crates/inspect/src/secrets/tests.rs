//! What is masked, and what stays readable.

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
            r#"{"authToken": "abcd…"#,
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
        // Glued to other things, as the name of a member, escaped.
        (
            format!("{{\"x{KEY}y\": 1, \"{SECRET}\": 2}}"),
            r#"{"x0123…y": 1, "c2Fu…": 2}"#,
        ),
        (
            format!(r#"{{"n":"\u0022{KEY}"}}"#),
            r#"{"n":"\u00220123…"}"#,
        ),
        (
            r#"{"auth\u0054oken": "abcdefgh"}"#.to_owned(),
            r#"{"auth\u0054oken": "abcd…"}"#,
        ),
        (
            r#"{"authToken": "abc"}"#.to_owned(),
            r#"{"authToken": "a…"}"#,
        ),
        (format!("Bearer {SECRET}"), "Bearer c2Fu…"),
        (format!("{{key: {SECRET}}}"), "{key: c2Fu…}"),
        ("a=c2FuZGthc3NlLXRlc3QtMQ%3D%3D".to_owned(), "a=c2Fu…"),
        (
            "a=c2F%2FZGthc3Nl%2BXRlc3QtMQ%3d%3d&b".to_owned(),
            "a=c2F%…&b",
        ),
        (JWT.to_owned(), "eyJh…"),
        ("æ\"ø".to_owned(), "æ\"ø"),
        (String::new(), ""),
    ] {
        let mut kept = String::new();
        push_body(&mut kept, &sent, &is_key);
        assert_eq!(kept, shown, "{sent}");
    }
}

#[test]
fn paths_keep_their_shape_and_lose_their_secrets() {
    for (sent, shown) in [
        (
            "/ecomm/v2/payments/acme-1/details".to_owned(),
            "/ecomm/v2/payments/acme-1/details",
        ),
        (
            format!("/ecomm/v2/payments/{KEY}/details"),
            "/ecomm/v2/payments/0123…/details",
        ),
        (format!("/payments/x-{KEY}"), "/payments/x-0123…"),
        (format!("/payments/{JWT}/x"), "/payments/eyJh…/x"),
        // What stands before it may be a part of it.
        (format!("/payments/{SECRET}"), "/payments/c2Fu…"),
        (
            "/payments/c2FuZGthc3NlLXRlc3QtMQ%3D%3D/x".to_owned(),
            "/payments/c2Fu…/x",
        ),
    ] {
        assert_eq!(words(&sent, &is_key), shown, "{sent}");
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
        ("x-anything", "hello world", "hello wo…"),
        ("user-agent", SECRET, "c2Fu…"),
        ("x-request-id", KEY, "0123…"),
        ("cookie", "", ""),
    ] {
        let mut kept = String::new();
        let masked = push_header(
            &mut kept,
            &HeaderName::from_static(name),
            value.as_bytes(),
            &is_key,
        );
        assert_eq!(kept, shown, "{name}: {value}");
        assert_eq!(masked, value != shown, "{name}: {value}");
    }
}
