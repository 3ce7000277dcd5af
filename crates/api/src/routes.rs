//! Which path is which operation.
//!
//! Paths match case-insensitively and tolerate one trailing slash: the official plugin calls
//! `Ecomm/v2/payments`, the official collection `/ecomm/v2/payments/` and `/accessToken/get`.
//! Ids in paths stay case-sensitive (reference: platform.md §4.1).

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;
use sandkasse_domain::{Environment, payment::Operation};
use sandkasse_gate::GateCause;

use crate::{checkout, epayment, order_management, qr, report, unbuilt};

/// An operation, with the names in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /accesstoken/get`
    Token,
    /// `POST /miami/v1/token`
    Miami,
    /// `GET /discovery/keys`: the public keys of our tokens.
    KeySet,
    /// `/ecomm/v2/…`
    Ecom {
        /// Which one.
        operation: Operation,
        /// The order id of the path, as sent.
        order: Option<String>,
    },
    /// `/epayment/v1/…`
    Epayment {
        /// Which operation.
        asked: epayment::Asked,
        /// The reference of the path, as sent; empty for a create call.
        reference: String,
    },
    /// `GET /vipps-userinfo-api/userinfo/{sub}`
    Userinfo {
        /// Whose data.
        sub: String,
    },
    /// `GET /vipps-userinfo-api/userinfo`
    UserinfoOfLogin,
    /// `/order-management/…`
    OrderManagement(order_management::Asked),
    /// `/qr/…`, and what a printed code leads to
    Qr(qr::Asked),
    /// `/settlement/…` and `/report/…`
    Report(report::Asked),
    /// `/checkout/v3/…`
    Checkout(checkout::Asked),
    /// `POST /webhooks/v1/webhooks`
    WebhookRegister,
    /// `GET /webhooks/v1/webhooks`
    WebhookList,
    /// `DELETE /webhooks/v1/webhooks/{id}`
    WebhookDelete {
        /// Which, as sent.
        id: String,
    },
}

/// A name in a path, by its place; as sent.
pub(crate) type Names<'a> = &'a dyn Fn(usize) -> String;

/// The APIs, for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Api {
    AccessToken,
    Ecom,
    Epayment,
    Userinfo,
    OrderManagement,
    Qr,
    Report,
    Checkout,
    Webhooks,
}

/// Why a call goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteFault {
    /// The platform has no such operation.
    Unknown(GateCause),
    /// The platform has it, this program not yet: [`crate::unbuilt`].
    NotBuilt,
}

impl Route {
    /// For traces and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Route::Token => "POST /accesstoken/get",
            Route::Miami => "POST /miami/v1/token",
            Route::KeySet => "GET /discovery/keys",
            Route::Ecom { operation, .. } => match operation {
                Operation::Initiate => "POST /ecomm/v2/payments",
                Operation::Capture => "POST /ecomm/v2/payments/{orderId}/capture",
                Operation::Cancel => "PUT /ecomm/v2/payments/{orderId}/cancel",
                Operation::Refund => "POST /ecomm/v2/payments/{orderId}/refund",
                Operation::Details => "GET /ecomm/v2/payments/{orderId}/details",
                Operation::Status => "GET /ecomm/v2/payments/{orderId}/status",
                Operation::Approve => "POST /ecomm/v2/integration-test/payments/{orderId}/approve",
            },
            Route::Epayment { asked, .. } => asked.name(),
            Route::Userinfo { .. } => "GET /vipps-userinfo-api/userinfo/{sub}",
            Route::UserinfoOfLogin => "GET /vipps-userinfo-api/userinfo",
            Route::OrderManagement(asked) => asked.name(),
            Route::Qr(asked) => asked.name(),
            Route::Report(asked) => asked.name(),
            Route::Checkout(asked) => asked.name(),
            Route::WebhookRegister => "POST /webhooks/v1/webhooks",
            Route::WebhookList => "GET /webhooks/v1/webhooks",
            Route::WebhookDelete { .. } => "DELETE /webhooks/v1/webhooks/{id}",
        }
    }

    /// Whose operation it is.
    pub fn api(&self) -> Api {
        match self {
            Route::Token | Route::Miami | Route::KeySet => Api::AccessToken,
            Route::Ecom { .. } => Api::Ecom,
            Route::Epayment { .. } => Api::Epayment,
            Route::Userinfo { .. } | Route::UserinfoOfLogin => Api::Userinfo,
            Route::OrderManagement(_) => Api::OrderManagement,
            Route::Qr(_) => Api::Qr,
            Route::Report(_) => Api::Report,
            Route::Checkout(_) => Api::Checkout,
            Route::WebhookRegister | Route::WebhookList | Route::WebhookDelete { .. } => {
                Api::Webhooks
            }
        }
    }
}

/// Finds the operation of a call.
pub fn find(environment: Environment, method: &Method, path: &str) -> Result<Route, RouteFault> {
    let (path, _query) = path.split_once('?').unwrap_or((path, ""));
    let nowhere = || {
        RouteFault::Unknown(GateCause::RouteUnknown {
            path: path.to_owned(),
        })
    };
    let only = |allowed: &'static str| {
        RouteFault::Unknown(GateCause::MethodUnknown {
            path: path.to_owned(),
            method: method.to_string(),
            allowed: allowed.into(),
        })
    };
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let rest = trimmed.strip_prefix('/').ok_or_else(nowhere)?;
    let parts: Vec<Cow<'_, str>> = rest
        .split('/')
        .map(|part| percent_decode_str(part).decode_utf8_lossy())
        .collect();
    let lowered: Vec<Cow<'_, str>> = parts.iter().map(|part| lower(part)).collect();
    let words: Vec<&str> = lowered.iter().map(Cow::as_ref).collect();
    // Of the paths that lead nowhere, which is asked last: nearly all calls lead somewhere.
    let unknown = || match unbuilt::methods(&words).next() {
        Some(_) if unbuilt::is_one(method, &words) => RouteFault::NotBuilt,
        Some(allowed) => only(allowed),
        None => nowhere(),
    };
    let name = |index: usize| {
        parts
            .get(index)
            .map_or_else(String::new, |it| it.clone().into_owned())
    };
    let one = |(route, allowed)| vec![(allowed, route)];
    let offered: Vec<(Method, Route)> = match words.as_slice() {
        ["webhooks", "v1", "webhooks"] => vec![
            (Method::POST, Route::WebhookRegister),
            (Method::GET, Route::WebhookList),
        ],
        ["webhooks", "v1", "webhooks", _] => {
            vec![(Method::DELETE, Route::WebhookDelete { id: name(3) })]
        }
        ["order-management", below @ ..] => {
            let asked = order_management::find(below, &name).ok_or_else(unknown)?;
            of_api(asked, Route::OrderManagement)
        }
        ["qr", below @ ..] => of_api(qr::find(below, &name).ok_or_else(unknown)?, Route::Qr),
        ["checkout", "v3", below @ ..] => {
            let asked = checkout::find(below, &name).ok_or_else(unknown)?;
            of_api(asked, Route::Checkout)
        }
        ["settlement", "v1", "ledgers"] => {
            vec![(Method::GET, Route::Report(report::Asked::Ledgers))]
        }
        ["report", "v2", below @ ..] => of_api(
            report::find(below, &name).ok_or_else(unknown)?,
            Route::Report,
        ),
        ["q", below @ ..] => {
            let asked = qr::find_printed(below, &name).ok_or_else(unknown)?;
            of_api(asked, Route::Qr)
        }
        others => one(find_one(environment, others, &name).ok_or_else(unknown)?),
    };
    let usual = offered.first().map(|(allowed, _)| allowed.clone());
    if let Some((_, route)) = offered.into_iter().find(|(allowed, _)| allowed == method) {
        return Ok(route);
    }
    if unbuilt::is_one(method, &words) {
        return Err(RouteFault::NotBuilt);
    }
    let allowed = match usual {
        Some(Method::GET) => "GET",
        Some(Method::PUT) => "PUT",
        Some(Method::DELETE) => "DELETE",
        _ => "POST",
    };
    Err(only(allowed))
}

/// Words of paths are lower case already, nearly always.
fn lower(part: &str) -> Cow<'_, str> {
    if part.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(part.to_ascii_lowercase())
    } else {
        Cow::Borrowed(part)
    }
}

fn of_api<Asked>(asked: Vec<(Method, Asked)>, of: impl Fn(Asked) -> Route) -> Vec<(Method, Route)> {
    let routes = asked.into_iter();
    routes.map(|(method, asked)| (method, of(asked))).collect()
}

/// The operation at a path that has one only, and its method.
fn find_one(environment: Environment, words: &[&str], name: Names<'_>) -> Option<(Route, Method)> {
    let ecom = |operation| Route::Ecom {
        operation,
        order: Some(name(3)),
    };
    Some(match words {
        ["accesstoken", "get"] => (Route::Token, Method::POST),
        ["miami", "v1", "token"] | ["authentication", "v1", "token"] => {
            (Route::Miami, Method::POST)
        }
        ["discovery", "keys"] => (Route::KeySet, Method::GET),
        ["ecomm", "v2", "payments"] => (
            Route::Ecom {
                operation: Operation::Initiate,
                order: None,
            },
            Method::POST,
        ),
        ["ecomm", "v2", "payments", _, "capture"] => (ecom(Operation::Capture), Method::POST),
        ["ecomm", "v2", "payments", _, "cancel"] => (ecom(Operation::Cancel), Method::PUT),
        ["ecomm", "v2", "payments", _, "refund"] => (ecom(Operation::Refund), Method::POST),
        ["ecomm", "v2", "payments", _, "details"] => (ecom(Operation::Details), Method::GET),
        ["ecomm", "v2", "payments", _, "status"] => (ecom(Operation::Status), Method::GET),
        // In production this operation does not exist (reference: ecom.md §7).
        ["ecomm", "v2", "integration-test", "payments", _, "approve"]
            if environment == Environment::Test =>
        {
            (
                Route::Ecom {
                    operation: Operation::Approve,
                    order: Some(name(4)),
                },
                Method::POST,
            )
        }
        ["epayment", "v1", below @ ..] => {
            let (asked, method, place) = epayment::find(below)?;
            let reference = place.map(name).unwrap_or_default();
            (Route::Epayment { asked, reference }, method)
        }
        ["vipps-userinfo-api", "userinfo", _] => (Route::Userinfo { sub: name(2) }, Method::GET),
        ["vipps-userinfo-api", "userinfo"] => (Route::UserinfoOfLogin, Method::GET),
        _ => return None,
    })
}

impl Route {
    /// The status of its success; it has no other.
    pub fn success(&self) -> u16 {
        match self {
            Route::Epayment { asked, .. } => match asked {
                epayment::Asked::Create => 201,
                epayment::Asked::Get
                | epayment::Asked::Events
                | epayment::Asked::Cancel
                | epayment::Asked::Capture
                | epayment::Asked::Refund
                | epayment::Asked::Approve => 200,
            },
            Route::OrderManagement(asked) => match asked {
                order_management::Asked::Receipt { .. } => 201,
                order_management::Asked::Image
                | order_management::Asked::Category { .. }
                | order_management::Asked::Order { .. } => 200,
            },
            Route::Qr(asked) => match asked {
                // A printed code sends the browser elsewhere.
                qr::Asked::Scan { .. } => 302,
                qr::Asked::OneTime
                | qr::Asked::Make
                | qr::Asked::List
                | qr::Asked::Get { .. }
                | qr::Asked::Point { .. }
                | qr::Asked::Delete { .. }
                | qr::Asked::Picture => 200,
            },
            Route::WebhookRegister => 201,
            Route::WebhookDelete { .. } => 204,
            Route::Token
            | Route::Miami
            | Route::KeySet
            | Route::Ecom { .. }
            | Route::Userinfo { .. }
            | Route::UserinfoOfLogin
            | Route::Report(_)
            | Route::Checkout(_)
            | Route::WebhookList => 200,
        }
    }
}

/// All operations that are built: method and path, with names where the path has one.
pub const OPERATIONS: [(&str, &str); 39] = [
    ("POST", "/accesstoken/get"),
    ("POST", "/miami/v1/token"),
    ("GET", "/discovery/keys"),
    ("POST", "/ecomm/v2/payments"),
    ("POST", "/ecomm/v2/payments/{orderId}/capture"),
    ("PUT", "/ecomm/v2/payments/{orderId}/cancel"),
    ("POST", "/ecomm/v2/payments/{orderId}/refund"),
    ("GET", "/ecomm/v2/payments/{orderId}/details"),
    ("GET", "/ecomm/v2/payments/{orderId}/status"),
    (
        "POST",
        "/ecomm/v2/integration-test/payments/{orderId}/approve",
    ),
    ("POST", "/epayment/v1/payments"),
    ("GET", "/epayment/v1/payments/{reference}"),
    ("GET", "/epayment/v1/payments/{reference}/events"),
    ("POST", "/epayment/v1/payments/{reference}/cancel"),
    ("POST", "/epayment/v1/payments/{reference}/capture"),
    ("POST", "/epayment/v1/payments/{reference}/refund"),
    ("POST", "/epayment/v1/test/payments/{reference}/approve"),
    ("GET", "/vipps-userinfo-api/userinfo/{sub}"),
    ("GET", "/vipps-userinfo-api/userinfo"),
    ("POST", "/order-management/v1/images"),
    (
        "POST",
        "/order-management/v2/{paymentType}/receipts/{orderId}",
    ),
    (
        "PUT",
        "/order-management/v2/{paymentType}/categories/{orderId}",
    ),
    ("GET", "/order-management/v2/{paymentType}/{orderId}"),
    ("POST", "/qr/v1"),
    ("POST", "/qr/v1/merchant-redirect"),
    ("GET", "/qr/v1/merchant-redirect"),
    ("GET", "/qr/v1/merchant-redirect/{id}"),
    ("PUT", "/qr/v1/merchant-redirect/{id}"),
    ("DELETE", "/qr/v1/merchant-redirect/{id}"),
    ("GET", "/q/image"),
    ("GET", "/q/r/{msn}/{code}"),
    ("POST", "/checkout/v3/session"),
    ("GET", "/checkout/v3/session/{reference}"),
    ("GET", "/settlement/v1/ledgers"),
    (
        "GET",
        "/report/v2/ledgers/{ledgerId}/{topic}/dates/{ledgerDate}",
    ),
    ("GET", "/report/v2/ledgers/{ledgerId}/{topic}/feed"),
    ("POST", "/webhooks/v1/webhooks"),
    ("GET", "/webhooks/v1/webhooks"),
    ("DELETE", "/webhooks/v1/webhooks/{id}"),
];
