//! Every built endpoint × everybody who may call: status, code and cause, in both environments
//! (API1 and API5 of OWASP's list).
//!
//! The expectation is written as rules, top to bottom in the order of the checks (reference:
//! platform.md §4.2), and not read off the code.

mod callers;
mod rules;

use std::collections::BTreeSet;

use sandkasse_api::{Route, epayment::Asked, find};
use sandkasse_domain::{
    Environment::{self, Test},
    payment::Operation,
};
use sandkasse_testkit::{Ask, EPAYMENTS, WEBHOOKS};
use serde_json::{Value, json};

use super::faq_stage::{BOTH, Faq, is};
use callers::{ALL, Called};

/// An operation of eCom with an order of its own in the right state, or another endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Token,
    Miami,
    KeySet,
    Ecom(Operation),
    Epayment(Asked),
    Userinfo,
    /// Registers, lists or deletes.
    Webhooks(&'static str),
}

const ENDPOINTS: [Endpoint; 21] = [
    Endpoint::Token,
    Endpoint::Miami,
    Endpoint::KeySet,
    Endpoint::Ecom(Operation::Details),
    Endpoint::Ecom(Operation::Status),
    Endpoint::Ecom(Operation::Initiate),
    Endpoint::Ecom(Operation::Approve),
    Endpoint::Ecom(Operation::Capture),
    Endpoint::Ecom(Operation::Cancel),
    Endpoint::Ecom(Operation::Refund),
    Endpoint::Epayment(Asked::Get),
    Endpoint::Epayment(Asked::Events),
    Endpoint::Epayment(Asked::Create),
    Endpoint::Epayment(Asked::Approve),
    Endpoint::Epayment(Asked::Capture),
    Endpoint::Epayment(Asked::Cancel),
    Endpoint::Epayment(Asked::Refund),
    Endpoint::Userinfo,
    Endpoint::Webhooks("POST"),
    Endpoint::Webhooks("GET"),
    Endpoint::Webhooks("DELETE"),
];

/// Which endpoint a route is. A new route does not compile before it has one.
fn endpoint(route: &Route) -> Endpoint {
    match route {
        Route::Token => Endpoint::Token,
        Route::Miami => Endpoint::Miami,
        Route::KeySet => Endpoint::KeySet,
        Route::Ecom { operation, .. } => Endpoint::Ecom(*operation),
        Route::Epayment { asked, .. } => Endpoint::Epayment(*asked),
        Route::Userinfo { .. } => Endpoint::Userinfo,
        Route::WebhookRegister => Endpoint::Webhooks("POST"),
        Route::WebhookList => Endpoint::Webhooks("GET"),
        Route::WebhookDelete { .. } => Endpoint::Webhooks("DELETE"),
    }
}

impl Endpoint {
    fn call(self, sub: &str) -> (&'static str, String) {
        let epay = |reference: &str, rest: &str| format!("{EPAYMENTS}/{reference}{rest}");
        let of = |order: &str, rest: &str| format!("/ecomm/v2/payments/{order}/{rest}");
        match self {
            Endpoint::Token => ("POST", "/accesstoken/get".to_owned()),
            Endpoint::Miami => ("POST", "/miami/v1/token".to_owned()),
            Endpoint::KeySet => ("GET", "/discovery/keys".to_owned()),
            Endpoint::Userinfo => ("GET", format!("/vipps-userinfo-api/userinfo/{sub}")),
            Endpoint::Webhooks("DELETE") => {
                let nobodys = "00000000-0000-4000-8000-000000000000";
                ("DELETE", format!("{WEBHOOKS}/{nobodys}"))
            }
            Endpoint::Webhooks(method) => (method, WEBHOOKS.to_owned()),
            Endpoint::Epayment(asked) => match asked {
                Asked::Create => ("POST", EPAYMENTS.to_owned()),
                Asked::Get => ("GET", epay("authorized-1", "")),
                Asked::Events => ("GET", epay("authorized-1", "/events")),
                Asked::Capture => ("POST", epay("authorized-1", "/capture")),
                Asked::Cancel => ("POST", epay("authorized-2", "/cancel")),
                Asked::Refund => ("POST", epay("epay-captured", "/refund")),
                Asked::Approve => (
                    "POST",
                    "/epayment/v1/test/payments/epay-open-1/approve".to_owned(),
                ),
            },
            Endpoint::Ecom(operation) => match operation {
                Operation::Initiate => ("POST", "/ecomm/v2/payments".to_owned()),
                Operation::Capture => ("POST", of("reserved-1", "capture")),
                Operation::Cancel => ("PUT", of("reserved-2", "cancel")),
                Operation::Refund => ("POST", of("captured-1", "refund")),
                Operation::Details => ("GET", of("reserved-1", "details")),
                Operation::Status => ("GET", of("reserved-1", "status")),
                Operation::Approve => (
                    "POST",
                    "/ecomm/v2/integration-test/payments/open-1/approve".to_owned(),
                ),
            },
        }
    }

    fn ask(self, faq: &Faq, called: &Called, sub: &str) -> Ask {
        let (method, path) = self.call(sub);
        let ask = called.ask(faq, method, &path);
        let shop = &called.acts_for;
        match self {
            Endpoint::Miami => ask.body("grant_type=client_credentials"),
            Endpoint::Ecom(operation) => match operation {
                Operation::Initiate => ask.json(&shop.initiate_body("new-1", 100)),
                Operation::Capture | Operation::Refund => ask.json(&shop.modify_body(100)),
                Operation::Cancel => ask.json(&shop.modify_body(Value::Null)),
                Operation::Approve => ask.json(&json!({ "customerPhoneNumber": faq.adult.phone })),
                Operation::Details | Operation::Status => ask,
            },
            Endpoint::Epayment(asked) => {
                let ask = ask.header("Idempotency-Key", "key-of-the-matrix");
                let moves = json!({ "modificationAmount": { "currency": "NOK", "value": 100 } });
                let phone = faq.adult.phone.msisdn();
                match asked {
                    Asked::Create => ask.json(&shop.epay_body("epay-new-1", 100)),
                    Asked::Capture | Asked::Refund => ask.json(&moves),
                    Asked::Approve => ask.json(&json!({ "customer": { "phoneNumber": phone } })),
                    Asked::Get | Asked::Events | Asked::Cancel => ask,
                }
            }
            Endpoint::Webhooks("POST") => ask.json(&json!({
                "url": "https://example.com/h",
                "events": ["epayments.payment.created.v1"],
            })),
            Endpoint::Token | Endpoint::KeySet | Endpoint::Userinfo | Endpoint::Webhooks(_) => ask,
        }
    }
}

/// A world in which U1 has an order for each operation, and knows somebody.
async fn stage(here: Environment) -> (Faq, String) {
    let faq = Faq::at(here).await;
    let sub = faq.u1.share("shared-1", "name", &faq.adult).await;
    for order in ["reserved-1", "reserved-2", "captured-1"] {
        faq.u1.reserved(order, 10_000, &faq.adult).await;
    }
    faq.u1.capture("captured-1", 10_000).await.ok();
    faq.u1.initiate("open-1", 10_000).await.ok();
    for reference in ["authorized-1", "authorized-2", "epay-captured"] {
        faq.u1.authorized(reference, 10_000, &faq.adult).await;
    }
    faq.u1.epay_capture("epay-captured", 10_000).await.sums();
    faq.u1.epay("epay-open-1", 10_000).await.created();
    (faq, sub)
}

#[tokio::test]
async fn s_03_every_endpoint_for_everybody() {
    let mut cells = 0;
    for here in BOTH {
        for caller in ALL {
            let (faq, sub) = stage(here).await;
            let called = caller.ready(&faq).await;
            for endpoint in ENDPOINTS {
                let got = endpoint.ask(&faq, &called, &sub).send().await;
                let (says, cause) = rules::expected(endpoint, &faq, &called);
                let row = format!("{here} {caller:?} {endpoint:?}");
                is(&row, &got, &says, cause);
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 2 * ALL.len() * ENDPOINTS.len());
}

/// The matrix has all endpoints there are, each once.
#[test]
fn s_03_no_endpoint_is_forgotten() {
    let sub = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
    let mut names = BTreeSet::new();
    for expected in ENDPOINTS {
        let (method, path) = expected.call(sub);
        let method = method.parse().expect("a method");
        let route = find(Test, &method, &path).expect("it is built");
        assert_eq!(endpoint(&route), expected);
        names.insert(route.name());
    }
    assert_eq!(names.len(), ENDPOINTS.len());
    // `Route::name` and that of ePayment's operations name each route once, in quotes after an arrow.
    let routes = include_str!("../../../src/routes.rs");
    let epayment = include_str!("../../../src/epayment/mod.rs");
    let mut quoted = BTreeSet::new();
    for (text, begins, ends) in [
        (routes, "pub fn name(&self)", "/// Whose operation it is"),
        (
            epayment,
            "pub fn name(self)",
            "/// What it does to a payment",
        ),
    ] {
        let (_, name) = text.split_once(begins).expect("it is there");
        let (name, _) = name.split_once(ends).expect("it is there");
        quoted.extend(name.split('"').skip(1).step_by(2));
    }
    assert_eq!(names, quoted);
}
