//! What the platform has and this program has not: documented operations that answer 501 (reference: platform.md §4.3).
//!
//! Whatever is not here and not built is unknown, below an API with such operations as anywhere else. What the documents call
//! an idea, or say is gone, is unknown too.

use http::Method;

/// Method and path, with names where the path has one.
pub const NOT_BUILT: &[(&str, &str)] = &[
    // Checkout: what comes after a session was made, and v2.
    ("PATCH", "/checkout/v3/session/{reference}"),
    ("POST", "/checkout/v3/session/{reference}/expire"),
    ("POST", "/checkout/v2/session"),
    ("GET", "/checkout/v2/session/{sessionId}"),
    // Order Management: several categories for an order.
    ("POST", "/order-management/v3/categories"),
    ("GET", "/order-management/v3/categories"),
    ("GET", "/order-management/v3/categories/{categoryId}"),
    ("DELETE", "/order-management/v3/categories/{categoryId}"),
    // QR: codes that call the merchant back, and personal ones.
    ("GET", "/qr/v1/merchant-callback"),
    ("GET", "/qr/v1/merchant-callback/{merchantQrId}"),
    ("PUT", "/qr/v1/merchant-callback/{merchantQrId}"),
    ("DELETE", "/qr/v1/merchant-callback/{merchantQrId}"),
    ("PUT", "/qr/v1/merchant-callback/mobilepay/{beaconId}"),
    ("POST", "/qr/v1/exchange"),
    ("POST", "/qr/v1/exchange/customer"),
    // Report: the one before v2.
    ("GET", REPORT_V1),
    // Recurring, also as it was before.
    ("GET", "/recurring/v3/agreements"),
    ("POST", "/recurring/v3/agreements"),
    ("GET", "/recurring/v3/agreements/{agreementId}"),
    ("PATCH", "/recurring/v3/agreements/{agreementId}"),
    ("PATCH", "/recurring/v3/agreements/{agreementId}/accept"),
    ("GET", "/recurring/v3/agreements/{agreementId}/charges"),
    ("POST", "/recurring/v3/agreements/{agreementId}/charges"),
    (
        "GET",
        "/recurring/v3/agreements/{agreementId}/charges/{chargeId}",
    ),
    (
        "DELETE",
        "/recurring/v3/agreements/{agreementId}/charges/{chargeId}",
    ),
    (
        "POST",
        "/recurring/v3/agreements/{agreementId}/charges/{chargeId}/capture",
    ),
    (
        "POST",
        "/recurring/v3/agreements/{agreementId}/charges/{chargeId}/refund",
    ),
    ("GET", "/recurring/v3/charges/{chargeId}"),
    ("GET", "/recurring/v2/agreements"),
    ("POST", "/recurring/v2/agreements"),
    ("GET", "/recurring/v2/agreements/{agreementId}"),
    ("PUT", "/recurring/v2/agreements/{agreementId}"),
    ("GET", "/recurring/v2/agreements/{agreementId}/charges"),
    ("POST", "/recurring/v2/agreements/{agreementId}/charges"),
    (
        "GET",
        "/recurring/v2/agreements/{agreementId}/charges/{chargeId}",
    ),
    (
        "DELETE",
        "/recurring/v2/agreements/{agreementId}/charges/{chargeId}",
    ),
    (
        "POST",
        "/recurring/v2/agreements/{agreementId}/charges/{chargeId}/capture",
    ),
    (
        "POST",
        "/recurring/v2/agreements/{agreementId}/charges/{chargeId}/refund",
    ),
    // Login.
    (
        "GET",
        "/access-management-1.0/access/.well-known/openid-configuration",
    ),
    ("GET", "/access-management-1.0/access/.well-known/jwks.json"),
    ("GET", "/access-management-1.0/access/oauth2/auth"),
    ("POST", "/access-management-1.0/access/oauth2/token"),
    ("POST", "/access-management-1.0/access/oauth2/revoke"),
    (
        "GET",
        "/access-management-1.0/access/oauth2/sessions/logout",
    ),
    ("POST", "/vipps-login-ciba/api/backchannel/authentication"),
    // Management, and the Partner API before it.
    ("GET", "/management/v1/merchants/{scheme}/{id}"),
    ("GET", "/management/v1/merchants/{scheme}/{id}/sales-units"),
    ("GET", "/management/v1/sales-units"),
    ("GET", "/management/v1/sales-units/{msn}"),
    ("POST", "/management/v1/product-orders"),
    ("GET", "/management/v1/product-orders/{product-order-id}"),
    ("DELETE", "/management/v1/product-orders/{product-order-id}"),
    ("GET", "/management/v1/partners/price-packages"),
    ("GET", "/partner-api/v0/merchants/{orgno}"),
    ("GET", "/partner-api/v0/salesunits/{msn}"),
    ("POST", "/partner-api/v1/products/orders"),
    // PSP, and its signup.
    ("POST", "/psp/v3/psppayments/init"),
    ("POST", "/psp/v3/psppayments/updatestatus"),
    ("GET", "/psp/v3/psppayments/{pspTransactionId}/details"),
    ("POST", "/psp/v3/psppayments/payments"),
    ("DELETE", "/psp/v3/psppayments/agreements"),
    (
        "POST",
        "/psp/v3/integration-test/psppayments/{pspTransactionId}/approve",
    ),
    ("GET", "/merchant-management/psp/v1/merchants"),
    ("POST", "/merchant-management/psp/v1/merchants"),
    (
        "GET",
        "/merchant-management/psp/v1/merchants/{merchantSerialNumber}",
    ),
    (
        "PATCH",
        "/merchant-management/psp/v1/merchants/{merchantSerialNumber}",
    ),
];

/// Of reports, which the test environment may not have.
const REPORT_V1: &str = "/report/v1/ledgertransactions";

/// The documented methods of a path that are not built; `words` are its parts in lower case.
pub(crate) fn methods<'a>(words: &'a [&str]) -> impl Iterator<Item = &'static str> + 'a {
    let at = NOT_BUILT.iter().filter(|(_, path)| is_at(path, words));
    at.map(|(method, _)| *method)
}

/// Whether this call is one of them.
pub(crate) fn is_one(method: &Method, words: &[&str]) -> bool {
    methods(words).any(|documented| documented == method.as_str())
}

fn is_at(pattern: &str, words: &[&str]) -> bool {
    let parts = pattern.split('/').skip(1);
    let fits = |(part, word): (&str, &&str)| {
        if part.starts_with('{') {
            !word.is_empty()
        } else {
            part == *word
        }
    };
    pattern.matches('/').count() == words.len() && parts.zip(words).all(fits)
}
