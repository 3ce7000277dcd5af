//! What callers send to prove who they are: names of headers, and their values as text.

use http::HeaderMap;

/// The header that carries the subscription key.
pub(crate) const SUBSCRIPTION_KEY: &str = "ocp-apim-subscription-key";
/// The header that names the sales unit.
pub(crate) const MSN: &str = "merchant-serial-number";
/// The header that carries the access token.
pub(crate) const AUTHORIZATION: &str = "authorization";

/// A header as text. Bytes that are no text make the header worthless, as on the platform.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or("\u{fffd}"))
}
