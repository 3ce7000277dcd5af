//! A platform in memory with a shop in it, for requests that mean no good.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use sandkasse_api::{Exchange, Request};
use sandkasse_domain::{Environment, person::Person, sales_unit::RateLimits};
use sandkasse_engine::faults::Fault;
use sandkasse_inspect::{Explanation, Inspector, InspectorConfig, Reader};
use sandkasse_testkit::{Shop, World};
use serde_json::Value;

/// Orders that are there from the start, each in another state.
pub(crate) const ORDERS: [&str; 6] = [
    "initiated",
    "reserved",
    "part-captured",
    "captured",
    "refunded",
    "cancelled",
];

/// The header that asks for a fault.
const FAULT: &str = "sandkasse-fault";

/// A platform with one shop, a partner that acts for it, and a person who pays; orders in every state. Rates are not limited.
pub struct House {
    /// The shop.
    pub shop: Shop,
    /// Who pays.
    pub kari: Person,
    inspector: Inspector,
    right: HeaderMap,
    right_of_partner: HeaderMap,
}

impl House {
    /// Always the same one.
    pub async fn new() -> House {
        let world = World::new().await;
        let shop = world.shop(|unit| unit.rate_limits = RateLimits::Off).await;
        let kari = world.person(|_| {}).await;
        let partner = world.partner(Environment::Test, |_| {}).await;
        world.link(&shop, &partner).await;
        for order in ORDERS {
            shop.initiate(order, 50_000).await.ok();
            if order != "initiated" {
                let approved = shop.approve(order, &kari).await;
                approved.expect("kari can pay");
            }
        }
        shop.capture("part-captured", 20_000).await.ok();
        shop.capture("captured", Value::Null).await.ok();
        shop.capture("refunded", Value::Null).await.ok();
        shop.refund("refunded", 30_000).await.ok();
        shop.cancel("cancelled").await.ok();

        let keys = shop.keys();
        let right = headers(&[
            ("authorization", &format!("Bearer {}", shop.token().await)),
            ("ocp-apim-subscription-key", &keys.primary),
            ("client_id", &keys.client_id),
            ("client_secret", &keys.client_secret),
            ("content-type", "application/json"),
        ]);
        let keys = partner.keys();
        let token = partner.ask_token().send().await.ok();
        let token = token.get("access_token").and_then(Value::as_str);
        let bearer = format!("Bearer {}", token.expect("a token"));
        let right_of_partner = headers(&[
            ("authorization", &bearer),
            ("ocp-apim-subscription-key", &keys.primary),
            ("client_id", &keys.client_id),
            ("client_secret", &keys.client_secret),
            ("merchant-serial-number", shop.msn.as_str()),
            ("content-type", "application/json"),
        ]);
        let config = InspectorConfig {
            explain: true,
            journal_bytes: 4 << 20,
            portal: "http://portal.sandkasse.invalid".to_owned(),
            on_disk: None,
            shared_secret: None,
        };
        let inspector = Inspector::new(Arc::clone(&world.platform), config);
        House {
            shop,
            kari,
            inspector,
            right,
            right_of_partner,
        }
    }

    /// The headers of a right call, whatever it calls.
    pub fn right(&self) -> &HeaderMap {
        &self.right
    }

    /// The same of the partner.
    pub fn right_of_partner(&self) -> &HeaderMap {
        &self.right_of_partner
    }

    /// Answers as a listener would, the journal included; with the explanation, if it is wanted and there is one.
    ///
    /// A header that asks for a fault which exists is taken away: what it does is asked for, and `slow` would wait for a
    /// clock that stands still.
    pub async fn answer(
        &self,
        environment: Environment,
        request: &mut Request,
        explain: bool,
    ) -> (Exchange, Option<Explanation>) {
        let asked = request.headers.get(FAULT).and_then(|it| it.to_str().ok());
        if asked.is_some_and(|asked| Fault::parse(asked).is_ok()) {
            request.headers.remove(FAULT);
        }
        let platform = self.inspector.platform();
        let mut exchange = platform.answer(environment, request).await;
        let noted = self.inspector.note(environment, request, exchange.clone());
        let address = noted.headers.get("explain").and_then(|it| it.to_str().ok());
        let address = address.and_then(|url| url.rsplit('/').next());
        let explanation = match address {
            Some(address) if explain => {
                self.inspector
                    .explain(address, &Reader::Administrator)
                    .await
            }
            Some(_) | None => None,
        };
        exchange.answer = noted;
        (exchange, explanation)
    }
}

fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
    let row = |(name, value): &(&'static str, &str)| {
        let value = HeaderValue::from_str(value).expect("our own keys are text");
        (HeaderName::from_static(name), value)
    };
    rows.iter().map(row).collect()
}
