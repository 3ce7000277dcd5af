//! A shop with an order, right calls for every endpoint, and the eye on what comes back.

use std::sync::atomic::{AtomicUsize, Ordering};

use sandkasse_api::Why;
use sandkasse_domain::{Environment::Test, sales_unit::RateLimits};
use sandkasse_testkit::{Ask, Got, INTERNAL_ERROR, Shop, World, with_member};
use serde_json::{Value, json};

/// Method and path.
pub(crate) type Endpoint = (&'static str, &'static str);

pub(crate) const INITIATE: Endpoint = ("POST", "/ecomm/v2/payments");
pub(crate) const CAPTURE: Endpoint = ("POST", "/ecomm/v2/payments/acme/capture");
pub(crate) const CANCEL: Endpoint = ("PUT", "/ecomm/v2/payments/acme/cancel");
pub(crate) const REFUND: Endpoint = ("POST", "/ecomm/v2/payments/acme/refund");
pub(crate) const APPROVE: Endpoint = ("POST", "/ecomm/v2/integration-test/payments/acme/approve");
/// The endpoints that read a body as JSON.
pub(crate) const READ_JSON: [Endpoint; 5] = [INITIATE, CAPTURE, CANCEL, REFUND, APPROVE];
/// All the others.
pub(crate) const OTHERS: [Endpoint; 6] = [
    ("POST", "/accesstoken/get"),
    ("POST", "/miami/v1/token"),
    ("GET", "/discovery/keys"),
    ("GET", "/ecomm/v2/payments/acme/details"),
    ("GET", "/ecomm/v2/payments/acme/status"),
    (
        "GET",
        "/vipps-userinfo-api/userinfo/0b9c2a53-8c22-4a86-9f0c-6a1c5f2d7e10",
    ),
];
/// No refusal is longer, whatever was sent.
const LONGEST_REFUSAL: usize = 64 * 1024;

pub(crate) struct Stage {
    shop: Shop,
    /// All the right headers, for any endpoint.
    right: Ask,
    sent: AtomicUsize,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        let world = World::new().await;
        let shop = world.shop(|unit| unit.rate_limits = RateLimits::Off).await;
        let kari = world.person(|_| {}).await;
        shop.reserved("acme", 49_900, &kari).await;
        let keys = shop.keys();
        let bearer = format!("Bearer {}", shop.token().await);
        let right = world
            .ask(Test, "GET", "/")
            .header("Authorization", &bearer)
            .header("Ocp-Apim-Subscription-Key", &keys.primary)
            .header("client_id", &keys.client_id)
            .header("client_secret", &keys.client_secret);
        let sent = AtomicUsize::new(0);
        Stage { shop, right, sent }
    }

    /// How many calls were made.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn ask(&self, (method, path): Endpoint) -> Ask {
        self.right.clone().to(method, path)
    }

    /// The body of a right call, with every member there is. Order ids are used once.
    pub(crate) fn body(&self, endpoint: Endpoint) -> Value {
        if endpoint == APPROVE {
            return json!({ "customerPhoneNumber": "91234567", "token": "" });
        }
        if endpoint != INITIATE {
            let body = self.shop.modify_body(1);
            return with_member(body, "shouldReleaseRemainingFunds", false);
        }
        let order = format!("new-{}", self.sent());
        let airline = json!({
            "passengerName": "Kari",
            "airlineCode": "074",
            "airlineDesignatorCode": "KL",
            "ticketNumber": "1",
            "agencyInvoiceNumber": "1",
        });
        let more = [
            ("customerInfo.mobileNumber", json!("")),
            ("merchantInfo.authToken", json!("secret")),
            ("merchantInfo.isApp", json!(false)),
            (
                "merchantInfo.shippingDetailsPrefix",
                json!("https://example.com/ship"),
            ),
            ("transaction.skipLandingPage", json!(false)),
            ("transaction.scope", json!("")),
            ("transaction.additionalData", airline),
        ];
        let body = self.shop.express_body(&order, 49_900);
        more.into_iter()
            .fold(body, |body, (name, value)| with_member(body, name, value))
    }

    /// Sends it: it must come back, in a documented format, and not as a fault of the platform's.
    pub(crate) async fn survives(&self, ask: Ask, what: &str) -> Got {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let shown: String = what.chars().take(300).collect();
        let got = match tokio::spawn(ask.send()).await {
            Ok(got) => got,
            Err(panic) => panic!("{panic}: {shown}"),
        };
        let ours = got.status < 500 || matches!(got.why, Some(Why::Body(_) | Why::NotBuilt));
        assert!(ours, "{} {:?}: {shown}", got.status, got.why);
        assert_eq!(got.status == 200, got.why.is_none(), "{shown}");
        let length = got.body.len();
        assert!(
            got.status == 200 || length <= LONGEST_REFUSAL,
            "{length} bytes: {shown}"
        );
        got.format();
        got
    }

    pub(crate) async fn survives_body(&self, endpoint: Endpoint, body: impl Into<Vec<u8>>) -> Got {
        let body = body.into();
        let start = body.get(..300).unwrap_or(&body);
        let what = format!("{} {}", endpoint.1, String::from_utf8_lossy(start));
        self.survives(self.ask(endpoint).body(body), &what).await
    }
}

#[track_caller]
pub(crate) fn internal(got: &Got, cause: &str) {
    let text = got.refused(500, "VippsError", "99", cause);
    assert_eq!(text, INTERNAL_ERROR);
}
