//! Every built endpoint × everybody who may call: status, code and cause, in both environments
//! (API1 and API5 of OWASP's list).
//!
//! The expectation is written as rules, top to bottom in the order of the checks (reference:
//! platform.md §4.2), and not read off the code.

mod callers;

use std::collections::BTreeSet;

use sandkasse_api::{Route, find};
use sandkasse_domain::Environment::{self, Production, Test};
use sandkasse_domain::payment::Operation;
use sandkasse_testkit::{Ask, Got};
use serde_json::{Value, json};

use super::faq_stage::{BOTH, Faq, LOGIN_ONLY, NOT_AVAILABLE, ORDER_UNKNOWN, Says, is};
use callers::*;

/// An operation of eCom with an order of its own in the right state, or another endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Token,
    Miami,
    KeySet,
    Ecom(Operation),
    Userinfo,
}

const ENDPOINTS: [Endpoint; 11] = [
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
    Endpoint::Userinfo,
];

/// Which endpoint a route is. A new route does not compile before it has one.
fn endpoint(route: &Route) -> Endpoint {
    match route {
        Route::Token => Endpoint::Token,
        Route::Miami => Endpoint::Miami,
        Route::KeySet => Endpoint::KeySet,
        Route::Ecom { operation, .. } => Endpoint::Ecom(*operation),
        Route::Userinfo { .. } => Endpoint::Userinfo,
    }
}

impl Endpoint {
    fn call(self, sub: &str) -> (&'static str, String) {
        let of = |order: &str, rest: &str| format!("/ecomm/v2/payments/{order}/{rest}");
        match self {
            Endpoint::Token => ("POST", "/accesstoken/get".to_owned()),
            Endpoint::Miami => ("POST", "/miami/v1/token".to_owned()),
            Endpoint::KeySet => ("GET", "/discovery/keys".to_owned()),
            Endpoint::Userinfo => ("GET", format!("/vipps-userinfo-api/userinfo/{sub}")),
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
            Endpoint::Token | Endpoint::KeySet | Endpoint::Userinfo => ask,
        }
    }

    /// What must come of it.
    fn expected(self, faq: &Faq, called: &Called) -> (Says, &'static str) {
        let here = faq.u1.environment;
        match self {
            Endpoint::KeySet => (Says::Fine, ""),
            Endpoint::Token => token(here, called),
            Endpoint::Miami => miami(here, called),
            Endpoint::Ecom(Operation::Approve) if here == Production => {
                (Says::NotFound, "route.unknown")
            }
            Endpoint::Ecom(operation) => keys(faq, called, true)
                .or_else(|| kind_of_keys(called, Says::Forbidden))
                .or_else(|| msn(faq, called, has_msn_in_body(operation)))
                .or_else(|| standing(called, operation))
                .unwrap_or_else(|| order(called, operation)),
            Endpoint::Userinfo => userinfo(faq, called),
        }
    }
}

type Expected = (Says, &'static str);

fn has_msn_in_body(operation: Operation) -> bool {
    use Operation::{Cancel, Capture, Initiate, Refund};
    [Initiate, Capture, Cancel, Refund].contains(&operation)
}

fn directory(here: Environment) -> &'static str {
    if here == Test { "VIPPS-TEST" } else { "VIPPS" }
}

/// Keys and MSN of any unit, partner or provider of this environment fetch a token, closed or not.
fn token(here: Environment, called: &Called) -> Expected {
    let id = called.client_id();
    let unknown = Says::not_found_in_directory(&id, directory(here));
    match called.caller {
        Nobody | Management | Accounting => (Says::KeyMissing, "subkey.missing"),
        Elsewhere | PartnerElsewhere => (Says::KeyInvalid, "env.keys"),
        ElsewhereToken => (unknown, "token.client_unknown"),
        ManagementWithKey => (unknown, "token.wrong_endpoint"),
        _ => (Says::Fine, ""),
    }
}

fn miami(here: Environment, called: &Called) -> Expected {
    let unknown = Says::not_found_in_directory(&called.client_id(), directory(here));
    match called.caller {
        Management | ManagementWithKey | Accounting => (Says::Fine, ""),
        Elsewhere | ElsewhereToken | PartnerElsewhere => (unknown, "token.client_unknown"),
        Nobody => {
            let text = "The request body must contain the following parameter: 'client_id'.";
            let says = Says::Identity(400, "invalid_request", 900_144, text.to_owned());
            (says, "token.client_id_missing")
        }
        _ => (unknown, "token.wrong_endpoint"),
    }
}

/// Steps 2 to 5. `names_u1` says whether the call may tell that it is about U1.
fn keys(_: &Faq, called: &Called, needs_key: bool) -> Option<Expected> {
    Some(match called.caller {
        Nobody if needs_key => (Says::KeyMissing, "subkey.missing"),
        Nobody => (Says::TokenRejected, "token.missing"),
        Elsewhere | PartnerElsewhere => (Says::KeyInvalid, "env.keys"),
        ElsewhereToken => (Says::TokenRejected, "env.keys"),
        ManagementWithKey => (Says::OtherOwner, ""),
        _ => return None,
    })
}

/// Step 5½.
fn kind_of_keys(called: &Called, says: Says) -> Option<Expected> {
    let without_right = [Psp, PspBare, Management, Accounting];
    let without_right = without_right.contains(&called.caller);
    without_right.then_some((says, "keys.without_right"))
}

/// Step 7.
fn msn(faq: &Faq, called: &Called, in_body: bool) -> Option<Expected> {
    let named = called.header.clone().unwrap_or_default();
    Some(match called.caller {
        NamesSister | NamesStranger | NamesNobody => (Says::k(401, named), "msn.not_yours"),
        NamesElsewhere => (Says::k(401, named), "env.msn"),
        PartnerBare if in_body => (Says::NoMsn, "partner.msn_in_body_only"),
        PartnerBare => (Says::NoMsn, "partner.msn_missing"),
        PartnerNamesStranger => (Says::k(403, &faq.v1.msn), "partner.not_linked"),
        Rival => (Says::k(403, &faq.u1.msn), "partner.not_linked"),
        _ => return None,
    })
}

/// Step 10.
fn standing(called: &Called, operation: Operation) -> Option<Expected> {
    const BLOCKED: Says = Says::Ecom(
        400,
        "Merchant",
        "31",
        "The merchant is blocked. The merchant can contact customer service for details.",
    );
    const UNSIGNED: Says = Says::Ecom(
        400,
        "Merchant",
        "36",
        "The merchant's agreement has not been signed.",
    );
    let takes_money = matches!(operation, Operation::Initiate | Operation::Capture);
    Some(match called.caller {
        PartnerDeactivated => (NOT_AVAILABLE, "partner.deactivated"),
        LoginOnly => (LOGIN_ONLY, "unit.login_only"),
        UnitClosed if takes_money => (NOT_AVAILABLE, "unit.deactivated"),
        MerchantClosed if takes_money => (NOT_AVAILABLE, "merchant.deactivated"),
        MerchantBlocked if takes_money => (BLOCKED, "merchant.blocked"),
        MerchantUnsigned if takes_money => (UNSIGNED, "merchant.unsigned"),
        _ => return None,
    })
}

/// Step 12.
fn order(called: &Called, operation: Operation) -> Expected {
    let own = called.caller.is_u1() || called.caller == Partner;
    match called.caller {
        _ if own || operation == Operation::Initiate => (Says::Fine, ""),
        Sister => (ORDER_UNKNOWN, "order.other_unit"),
        Stranger => (ORDER_UNKNOWN, "order.unknown"),
        other => panic!("nothing was said of {other:?}"),
    }
}

fn userinfo(faq: &Faq, called: &Called) -> Expected {
    let no_access = || Says::Problem(403, "These keys have no access to this API.".to_owned());
    keys(faq, called, false)
        .or_else(|| kind_of_keys(called, no_access()))
        .or_else(|| msn(faq, called, false))
        .unwrap_or_else(|| match called.caller {
            PartnerDeactivated => (no_access(), "partner.deactivated"),
            Sister | Stranger => {
                let says = Says::Problem(404, "The sub was not found.".to_owned());
                (says, "userinfo.sub_unknown")
            }
            // Neither payments nor their approval matter here.
            _ => (Says::Fine, ""),
        })
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
                let (says, cause) = endpoint.expected(&faq, &called);
                judge(
                    &format!("{here} {caller:?} {endpoint:?}"),
                    &got,
                    &says,
                    cause,
                );
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 2 * ALL.len() * ENDPOINTS.len());
}

/// Which of two keys is the wrong one is a matter of the explanation; here any of the three will do.
#[track_caller]
fn judge(row: &str, got: &Got, says: &Says, cause: &str) {
    if *says == Says::OtherOwner {
        is(row, got, says, got.cause());
    } else {
        is(row, got, says, cause);
    }
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
    // `Route::name` names each route once, in quotes after an arrow.
    let routes = include_str!("../../../src/routes.rs");
    let (_, name) = routes
        .split_once("pub fn name(&self)")
        .expect("it is there");
    let (name, _) = name
        .split_once("/// Whose operation it is")
        .expect("it is there");
    let quoted = name.split('"').skip(1).step_by(2).collect();
    assert_eq!(names, quoted);
}
