//! Every built endpoint × everybody who may call: status, code and cause, in both environments
//! (API1 and API5 of OWASP's list).
//!
//! The expectation is written as rules, top to bottom in the order of the checks (reference:
//! platform.md §4.2), and not read off the code.

mod callers;
mod rules;

use std::collections::BTreeSet;

use sandkasse_api::{
    OPERATIONS, Route, checkout, epayment::Asked, find, order_management, qr, report,
};
use sandkasse_domain::{
    Environment::{self, Test},
    payment::Operation,
    sales_unit::Product,
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
    UserinfoOfLogin,
    /// One that asks for the usual keys and adds to what a sales unit keeps.
    Kept(Kept),
    /// Registers, lists or deletes.
    Webhooks(&'static str),
    /// Ledgers, a date, a feed.
    Report(&'static str),
    /// Makes or reads a session.
    Checkout(&'static str),
    /// What a printed code and its picture lead to.
    Picture,
    Scan,
}

/// An operation of Order Management or QR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Image,
    Receipt,
    Category,
    Order,
    OneTime,
    Make,
    List,
    Get,
    Point,
    Delete,
}

const ENDPOINTS: [Endpoint; 39] = [
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
    Endpoint::UserinfoOfLogin,
    Endpoint::Kept(Kept::Image),
    Endpoint::Kept(Kept::Receipt),
    Endpoint::Kept(Kept::Category),
    Endpoint::Kept(Kept::Order),
    Endpoint::Kept(Kept::OneTime),
    Endpoint::Kept(Kept::Make),
    Endpoint::Kept(Kept::List),
    Endpoint::Kept(Kept::Get),
    Endpoint::Kept(Kept::Point),
    Endpoint::Report("ledgers"),
    Endpoint::Report("date"),
    Endpoint::Report("feed"),
    Endpoint::Checkout("POST"),
    Endpoint::Checkout("GET"),
    Endpoint::Picture,
    Endpoint::Scan,
    Endpoint::Kept(Kept::Delete),
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
        Route::UserinfoOfLogin => Endpoint::UserinfoOfLogin,
        Route::OrderManagement(asked) => Endpoint::Kept(match asked {
            order_management::Asked::Image => Kept::Image,
            order_management::Asked::Receipt { .. } => Kept::Receipt,
            order_management::Asked::Category { .. } => Kept::Category,
            order_management::Asked::Order { .. } => Kept::Order,
        }),
        Route::Checkout(checkout::Asked::Create) => Endpoint::Checkout("POST"),
        Route::Checkout(checkout::Asked::Get { .. }) => Endpoint::Checkout("GET"),
        Route::Report(asked) => Endpoint::Report(match asked {
            report::Asked::Ledgers => "ledgers",
            report::Asked::Date { .. } => "date",
            report::Asked::Feed { .. } => "feed",
        }),
        Route::Qr(asked) => Endpoint::Kept(match asked {
            qr::Asked::OneTime => Kept::OneTime,
            qr::Asked::Make => Kept::Make,
            qr::Asked::List => Kept::List,
            qr::Asked::Get { .. } => Kept::Get,
            qr::Asked::Point { .. } => Kept::Point,
            qr::Asked::Delete { .. } => Kept::Delete,
            qr::Asked::Picture => return Endpoint::Picture,
            qr::Asked::Scan { .. } => return Endpoint::Scan,
        }),
    }
}

/// What stands in paths and bodies and is known when the stage is set.
#[derive(Default)]
struct Known {
    sub: String,
    link: String,
    picture: String,
    print: String,
}

impl Endpoint {
    fn call(self, known: &Known) -> (&'static str, String) {
        let epay = |reference: &str, rest: &str| format!("{EPAYMENTS}/{reference}{rest}");
        let of = |order: &str, rest: &str| format!("/ecomm/v2/payments/{order}/{rest}");
        match self {
            Endpoint::Token => ("POST", "/accesstoken/get".to_owned()),
            Endpoint::Miami => ("POST", "/miami/v1/token".to_owned()),
            Endpoint::KeySet => ("GET", "/discovery/keys".to_owned()),
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
            Endpoint::Userinfo => ("GET", format!("/vipps-userinfo-api/userinfo/{}", known.sub)),
            Endpoint::UserinfoOfLogin => ("GET", "/vipps-userinfo-api/userinfo".to_owned()),
            Endpoint::Kept(kept) => kept.call(),
            Endpoint::Checkout("GET") => ("GET", "/checkout/v3/session/nobodys-1".to_owned()),
            Endpoint::Checkout(method) => (method, "/checkout/v3/session".to_owned()),
            Endpoint::Report("ledgers") => ("GET", "/settlement/v1/ledgers".to_owned()),
            Endpoint::Report(which) => {
                let rest = if which == "feed" {
                    "feed"
                } else {
                    "dates/2023-06-13"
                };
                ("GET", format!("/report/v2/ledgers/302321/funds/{rest}"))
            }
            Endpoint::Picture => ("GET", known.picture.clone()),
            Endpoint::Scan => ("GET", known.print.clone()),
            Endpoint::Webhooks("DELETE") => {
                let nobodys = "00000000-0000-4000-8000-000000000000";
                ("DELETE", format!("{WEBHOOKS}/{nobodys}"))
            }
            Endpoint::Webhooks(method) => (method, WEBHOOKS.to_owned()),
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

    fn ask(self, faq: &Faq, called: &Called, known: &Known) -> Ask {
        let (method, path) = self.call(known);
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
            Endpoint::Kept(kept) => kept.body(known).map_or(ask.clone(), |body| ask.json(&body)),
            Endpoint::Checkout("POST") => ask.json(&json!({
                "merchantInfo": {
                    "callbackUrl": "https://example.com/cb",
                    "returnUrl": "https://example.com/ret",
                    "callbackAuthorizationToken": "tok",
                },
                "transaction": {
                    "amount": { "value": 1000, "currency": "NOK" },
                    "reference": "checkout-1",
                    "paymentDescription": "Socks",
                },
            })),
            Endpoint::Token
            | Endpoint::KeySet
            | Endpoint::Userinfo
            | Endpoint::UserinfoOfLogin
            | Endpoint::Picture
            | Endpoint::Report(_)
            | Endpoint::Checkout(_)
            | Endpoint::Webhooks(_)
            | Endpoint::Scan => ask,
        }
    }
}

impl Kept {
    fn call(self) -> (&'static str, String) {
        let (method, path) = match self {
            Kept::Image => ("POST", "/order-management/v1/images"),
            Kept::Receipt => ("POST", "/order-management/v2/ecom/receipts/new-1"),
            Kept::Category => ("PUT", "/order-management/v2/ecom/categories/told-1"),
            Kept::Order => ("GET", "/order-management/v2/ecom/told-2"),
            Kept::OneTime => ("POST", "/qr/v1"),
            Kept::Make => ("POST", "/qr/v1/merchant-redirect"),
            Kept::List => ("GET", "/qr/v1/merchant-redirect"),
            Kept::Get => ("GET", "/qr/v1/merchant-redirect/billboard_1"),
            Kept::Point => ("PUT", "/qr/v1/merchant-redirect/billboard_1"),
            Kept::Delete => ("DELETE", "/qr/v1/merchant-redirect/billboard_1"),
        };
        (method, path.to_owned())
    }

    fn body(self, known: &Known) -> Option<Value> {
        let url = "https://example.com/socks";
        Some(match self {
            Kept::Image => json!({ "imageId": "socks", "type": "base64", "src": PICTURE }),
            Kept::Receipt => json!({
                "orderLines": [{
                    "name": "Socks", "id": "1", "totalAmount": 1000,
                    "totalAmountExcludingTax": 800, "totalTaxAmount": 200, "taxRate": 2500,
                }],
                "bottomLine": { "currency": "NOK" },
            }),
            Kept::Category => json!({ "category": "GENERAL", "orderDetailsUrl": url }),
            Kept::OneTime => json!({ "url": known.link }),
            Kept::Make => json!({ "id": "billboard_2", "redirectUrl": url }),
            Kept::Point => json!({ "redirectUrl": url }),
            Kept::Order | Kept::List | Kept::Get | Kept::Delete => return None,
        })
    }
}

/// A white PNG of 200 pixels square.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAMgAAADIAQAAAACFI5MzAAAAJ0lEQVR42u3JoQEAAAwCIP9/WvPCPoBK+okxxhhjjDHGGGOMMcYcA4uOdZZzS32eAAAAAElFTkSuQmCC";

/// A world in which U1 has an order for each operation, and knows somebody.
async fn stage(here: Environment) -> (Faq, Known) {
    let faq = Faq::at(here).await;
    for shop in [&faq.u1, &faq.u2, &faq.v1, &faq.elsewhere] {
        shop.change(|it| it.products.extend([Product::Checkout]))
            .await;
    }
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
    let open = faq.u1.initiate("open-2", 10_000).await.ok();
    let category = Kept::Category.body(&Known::default()).expect("a body");
    let path = "/order-management/v2/ecom/categories/told-2";
    faq.u1
        .ask("PUT", path)
        .await
        .json(&category)
        .send()
        .await
        .ok();
    let code = json!({ "id": "billboard_1", "redirectUrl": "https://example.com" });
    let make = faq
        .u1
        .ask("POST", "/qr/v1/merchant-redirect")
        .await
        .json(&code);
    let made = make.send().await.ok();
    let read = faq
        .u1
        .ask("GET", "/qr/v1/merchant-redirect/billboard_1")
        .await;
    let print = read.header("Accept", "text/targetUrl").send().await.ok();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let below = |url: &Value| {
        let url = text(url);
        url[url.find("/q/").expect("ours")..].to_owned()
    };
    let known = Known {
        sub,
        link: text(&open["url"]),
        picture: below(&made["url"]),
        print: below(&print["url"]),
    };
    (faq, known)
}

#[tokio::test]
async fn s_03_every_endpoint_for_everybody() {
    let mut cells = 0;
    for here in BOTH {
        for caller in ALL {
            let (faq, known) = stage(here).await;
            let called = caller.ready(&faq).await;
            for endpoint in ENDPOINTS {
                let got = endpoint.ask(&faq, &called, &known).send().await;
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
    let known = Known {
        picture: "/q/image?token=abc".to_owned(),
        print: "/q/r/123456/abc".to_owned(),
        sub: "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d".to_owned(),
        ..Known::default()
    };
    let mut names = BTreeSet::new();
    for expected in ENDPOINTS {
        let (method, path) = expected.call(&known);
        let method = method.parse().expect("a method");
        let route = find(Test, &method, &path).expect("it is built");
        assert_eq!(endpoint(&route), expected);
        names.insert(route.name().to_owned());
    }
    assert_eq!(names.len(), ENDPOINTS.len());
    let built = OPERATIONS.map(|(method, path)| format!("{method} {path}"));
    assert_eq!(names, built.into());
}
