//! What a delivery carries.

use aws_lc_rs::{digest, hmac};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};

/// When the attempt is made.
pub const DATE: &str = "x-ms-date";
/// What the body is.
pub const CONTENT_SHA256: &str = "x-ms-content-sha256";
/// Who made both.
pub const AUTHORIZATION: &str = "authorization";

/// The headers that prove a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `x-ms-date`.
    pub date: String,
    /// `x-ms-content-sha256`.
    pub content_hash: String,
    /// `Authorization`.
    pub authorization: String,
}

/// Signs one attempt. `path_and_query` and `host` are as they go over the wire.
pub fn sign(secret: &str, path_and_query: &str, host: &str, body: &[u8], at: Timestamp) -> Signed {
    let (date, content_hash) = (date(at), content_hash(body));
    let text = string_to_sign("POST", path_and_query, &date, host, &content_hash);
    let signature = signature(secret, &text);
    Signed {
        authorization: format!(
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
        ),
        date,
        content_hash,
    }
}

/// A moment as `x-ms-date` says it: `Thu, 30 Mar 2023 08:38:32 GMT`.
pub fn date(at: Timestamp) -> String {
    let printer = rfc2822::DateTimePrinter::new();
    let mut date = String::with_capacity(29);
    // Only years beyond 9999 cannot be printed.
    if printer.print_timestamp_rfc9110(&at, &mut date).is_err() {
        date = at
            .to_zoned(TimeZone::UTC)
            .strftime("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
    }
    date
}

/// Base64 of the SHA-256 of a body.
pub fn content_hash(body: &[u8]) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, body))
}

/// What is signed: three lines, the last without an end.
pub fn string_to_sign(
    method: &str,
    path_and_query: &str,
    date: &str,
    host: &str,
    content_hash: &str,
) -> String {
    format!("{method}\n{path_and_query}\n{date};{host};{content_hash}")
}

/// Base64 of the HMAC-SHA256. The key is the secret's own text: it is not decoded.
pub fn signature(secret: &str, string_to_sign: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, string_to_sign.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str =
        "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A==";
    const BODY: &str =
        r#"{"some-unique-content":"ee6e441b-cc4a-46f8-895d-a5af79bcc233/hello-world"}"#;

    fn signed(secret: &str) -> Signed {
        sign(
            secret,
            "/e2cee29b-012e-4f1d-8ef4-e95fd74a7a63",
            "webhook.site",
            BODY.as_bytes(),
            "2023-03-30T08:38:32.999Z".parse().unwrap(),
        )
    }

    #[test]
    fn hook_20_the_published_vector_reproduces() {
        let signed = signed(SECRET);
        assert_eq!(signed.date, "Thu, 30 Mar 2023 08:38:32 GMT");
        assert_eq!(
            signed.content_hash,
            "lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4="
        );
        assert_eq!(
            signed.authorization,
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=agAiSyogQbDHpeucoNwYz+yAr5nJ+v+zasdkSbqzv+U="
        );
    }

    #[test]
    fn hook_55_the_second_vector_reproduces() {
        let secret = format!("{}==", "A".repeat(86));
        let signed = signed(&secret);
        assert!(
            signed
                .authorization
                .ends_with("&Signature=u4zz3dyO3c3xJwl36rPpn1n7WF75u6r2epjH70MZTGM=")
        );
    }

    #[test]
    fn dates_have_two_digits_for_the_day() {
        for (at, expected) in [
            ("2023-06-03T00:00:00Z", "Sat, 03 Jun 2023 00:00:00 GMT"),
            ("2024-02-29T23:59:59Z", "Thu, 29 Feb 2024 23:59:59 GMT"),
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(date(at.parse().unwrap()), expected);
        }
    }
}
