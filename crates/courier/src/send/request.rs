//! The request as it goes over the wire.
//!
//! Headers, in this order and no others: `Host`, `Content-Type` and `Content-Length` (with a body),
//! `Authorization` (when given, verbatim), `User-Agent`.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use sandkasse_hooks::HookCall;
use sandkasse_store::{CallFailure, OutgoingCall};

use crate::url::Target;

/// As the platform writes it.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// Of a webhook delivery, whose body is UTF-8 in any case.
const HOOK_JSON: HeaderValue = HeaderValue::from_static("application/json");
const DATE: HeaderName = HeaderName::from_static("x-ms-date");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-ms-content-sha256");

/// As browsers write it.
pub(super) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Who calls.
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("Sandkasse/", env!("CARGO_PKG_VERSION")));

/// `rest` is the URL after its authority.
pub(super) fn build(
    call: &OutgoingCall,
    content: HeaderValue,
    authorization: Option<&str>,
    target: &Target,
    rest: &str,
) -> Result<Request<Full<Bytes>>, CallFailure> {
    let bad = |detail: &str| CallFailure::BadUrl {
        detail: detail.to_owned(),
    };
    let mut request = Request::new(Full::default());
    *request.method_mut() =
        Method::from_bytes(call.method.as_bytes()).map_err(|_| bad("method"))?;
    *request.uri_mut() = request_target(rest)
        .parse::<Uri>()
        .map_err(|_| bad("request-target"))?;
    let headers = request.headers_mut();
    headers.insert(
        header::HOST,
        HeaderValue::from_str(&target.to_string()).map_err(|_| bad("host"))?,
    );
    if let Some(body) = &call.body {
        headers.insert(header::CONTENT_TYPE, content);
        headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    if let Some(authorization) = authorization {
        let mut value =
            HeaderValue::from_bytes(authorization.as_bytes()).map_err(|_| bad("authorization"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    headers.insert(header::USER_AGENT, USER_AGENT);
    *request.body_mut() = Full::from(call.body.clone().unwrap_or_default());
    Ok(request)
}

/// A webhook delivery: `Host`, `Content-Type`, `Content-Length`, `x-ms-date`, `x-ms-content-sha256`,
/// `Authorization`, and no others (reference: webhooks.md §6.1).
pub(super) fn hook(
    call: &HookCall,
    target: &Target,
    rest: &str,
) -> Result<Request<Full<Bytes>>, CallFailure> {
    let bad = |detail: &str| CallFailure::BadUrl {
        detail: detail.to_owned(),
    };
    let (host, line) = (target.to_string(), request_target(rest));
    // What is signed must be what is sent.
    if host != call.host || line != call.target {
        return Err(bad("it was signed for another place"));
    }
    let mut request = Request::new(Full::from(call.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = line.parse::<Uri>().map_err(|_| bad("request-target"))?;
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| bad("header"));
    let headers = request.headers_mut();
    headers.insert(header::HOST, value(&host)?);
    headers.insert(header::CONTENT_TYPE, HOOK_JSON);
    headers.insert(header::CONTENT_LENGTH, call.body.len().into());
    headers.insert(DATE, value(&call.signed.date)?);
    headers.insert(CONTENT_SHA256, value(&call.signed.content_hash)?);
    headers.insert(header::AUTHORIZATION, value(&call.signed.authorization)?);
    Ok(request)
}

/// Everything after the authority, byte for byte, except: the fragment stays at home, a missing
/// path becomes `/`, and the few bytes that break a request line are percent-encoded.
pub(crate) fn request_target(rest: &str) -> String {
    let sent = rest.split('#').next().unwrap_or_default();
    let mut target = String::with_capacity(sent.len() + 1);
    if !sent.starts_with('/') {
        target.push('/');
    }
    for byte in sent.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | ..=b' ' | 0x7f.. => {
                target.push_str(&format!("%{byte:02X}"))
            }
            _ => target.push(char::from(byte)),
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::request_target;

    #[test]
    fn targets_are_not_normalised() {
        let rows = [
            ("", "/"),
            ("/", "/"),
            (
                "?a=b&callback=/v2/payments/x",
                "/?a=b&callback=/v2/payments/x",
            ),
            ("/a/../b/./c", "/a/../b/./c"),
            ("/a//b", "/a//b"),
            ("/%2f%zz/%C3%A6", "/%2f%zz/%C3%A6"),
            ("/a;b=(c),d*e!f~g'h$i@j:k+l", "/a;b=(c),d*e!f~g'h$i@j:k+l"),
            ("/a?{b}|[c]", "/a?{b}|[c]"),
            ("/a?q=æ<\"`>\\^", "/a?q=%C3%A6%3C%22%60%3E%5C%5E"),
            ("/a??b=?c", "/a??b=?c"),
            ("/a#/v2/payments/x", "/a"),
            ("#x", "/"),
        ];
        for (rest, expected) in rows {
            assert_eq!(request_target(rest), expected, "{rest}");
        }
    }

    #[test]
    fn every_byte_makes_a_target_that_stays_as_it_is() {
        for c in ('!'..='~').filter(|c| *c != '#') {
            for rest in [format!("/a{c}b"), format!("/a?{c}b")] {
                let target = request_target(&rest);
                let uri: Uri = target
                    .parse()
                    .unwrap_or_else(|error| panic!("{target}: {error}"));
                assert_eq!(uri.path_and_query().unwrap().as_str(), target);
                assert!(
                    target == rest || target == rest.replace(c, &format!("%{:02X}", u32::from(c))),
                    "{rest}"
                );
            }
        }
    }
}
