//! A call of every operation, ready to be sent, and what it leaves behind.

use sandkasse_domain::{
    Environment,
    payment::Operation,
    person::Person,
    sales_unit::{Product, RateLimits, SalesUnit},
};
use sandkasse_engine::faults::{Armed, Fault, Rule, Target, When};
use sandkasse_testkit::{Ask, Shop, WEBHOOKS, World};
use serde_json::{Value, json};

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) kari: Person,
}

/// One call, good in itself.
pub(crate) struct Ready {
    pub(crate) shop: Shop,
    pub(crate) ask: Ask,
    pub(crate) target: Target,
    before: Option<usize>,
}

pub(crate) const ORDER: &str = "acme-1";

pub(crate) fn on(target: &str) -> Target {
    Target::parse(target).expect("an operation")
}

pub(crate) fn kind(text: &str) -> Fault {
    Fault::parse(text).expect("a fault")
}

/// For one unit, every operation that fits.
pub(crate) fn rule(shop: &Shop, fault: Fault, when: When) -> Rule {
    Rule {
        environment: shop.environment,
        msn: Some(shop.msn.clone()),
        target: None,
        fault,
        when,
    }
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        let world = World::new().await;
        let kari = world.person(|_| {}).await;
        Stage { world, kari }
    }

    /// A shop that may call as often as it likes.
    pub(crate) async fn shop(&self) -> Shop {
        let busy = |unit: &mut SalesUnit| unit.rate_limits = RateLimits::Off;
        self.world.shop(busy).await
    }

    /// A call at a shop of its own. Its token is fetched, so that it meets no rule that comes later.
    pub(crate) async fn ready(&self, target: Target) -> Ready {
        // There are no reports in the test environment.
        let shop = if target == Target::Report {
            let busy = |unit: &mut SalesUnit| {
                unit.environment = Environment::Production;
                unit.rate_limits = RateLimits::Off;
            };
            self.world.shop(busy).await
        } else {
            self.shop().await
        };
        let ask = match target {
            Target::Payment(operation) => self.payment(&shop, operation).await,
            Target::Token => shop.ask_token(),
            Target::Webhooks => shop.ask("GET", WEBHOOKS).await,
            Target::Userinfo => {
                let sub = shop.share("acme-shared", "name", &self.kari).await;
                shop.ask_userinfo(&sub).await
            }
            Target::OrderManagement => {
                let path = format!("/order-management/v2/ecom/categories/{ORDER}");
                let category =
                    json!({ "category": "GENERAL", "orderDetailsUrl": "https://example.com" });
                shop.ask("PUT", &path).await.json(&category)
            }
            Target::Qr => shop.ask("GET", "/qr/v1/merchant-redirect").await,
            Target::Report => shop.ask("GET", "/settlement/v1/ledgers").await,
            Target::Checkout => {
                shop.change(|unit| unit.products.extend([Product::Checkout]))
                    .await;
                let keys = shop.keys();
                let session = json!({
                    "merchantInfo": { "callbackUrl": "https://example.com/cb", "returnUrl": "https://example.com", "callbackAuthorizationToken": "t" },
                    "transaction": { "amount": { "value": 100, "currency": "NOK" }, "reference": "acme-order-1", "paymentDescription": "Socks" },
                });
                let ask = shop.ask("POST", "/checkout/v3/session").await;
                let ask = ask.header("client_id", &keys.client_id);
                let ask = ask.header("client_secret", &keys.client_secret);
                ask.header("Idempotency-Key", "key-1").json(&session)
            }
        };
        let before = events(&shop).await;
        Ready {
            shop,
            ask,
            target,
            before,
        }
    }

    async fn payment(&self, shop: &Shop, operation: Operation) -> Ask {
        let phone = self.kari.phone.as_str();
        match operation {
            Operation::Initiate => {}
            Operation::Details | Operation::Status | Operation::Approve => {
                shop.initiate(ORDER, 10_000).await.ok();
            }
            Operation::Capture | Operation::Cancel => {
                shop.reserved(ORDER, 10_000, &self.kari).await;
            }
            Operation::Refund => {
                shop.reserved(ORDER, 10_000, &self.kari).await;
                shop.capture(ORDER, 10_000).await.ok();
            }
        }
        let name = operation.name();
        match operation {
            Operation::Initiate => {
                let ask = shop.ask("POST", "/ecomm/v2/payments").await;
                ask.json(&shop.initiate_body(ORDER, 10_000))
            }
            Operation::Details | Operation::Status => {
                let path = format!("/ecomm/v2/payments/{ORDER}/{name}");
                shop.ask("GET", &path).await
            }
            Operation::Approve => {
                let path = format!("/ecomm/v2/integration-test/payments/{ORDER}/approve");
                let ask = shop.ask("POST", &path).await;
                ask.json(&json!({ "customerPhoneNumber": phone }))
            }
            Operation::Capture | Operation::Cancel | Operation::Refund => {
                let body = shop.modify_body(Value::Null);
                let ask = shop.ask_modify(name, ORDER, &body).await;
                ask.header("X-Request-Id", "key-1")
            }
        }
    }

    pub(crate) fn arm(&self, rule: Rule) -> Armed {
        let faults = &self.world.platform.engine.faults;
        faults.add(rule, self.world.now()).expect("it can be")
    }

    pub(crate) fn rules(&self) -> Vec<Armed> {
        self.world.platform.engine.faults.list()
    }

    pub(crate) fn disarm(&self) {
        self.world.platform.engine.faults.clear();
    }
}

/// How much happened to the payment; `None` when there is none.
async fn events(shop: &Shop) -> Option<usize> {
    let engine = &shop.world().platform.engine;
    let view = engine.view(&shop.unit(), ORDER).await;
    view.ok().map(|view| view.history.len())
}

impl Ready {
    /// Nothing was stored.
    pub(crate) async fn is_as_before(&self, what: &str) {
        assert_eq!(events(&self.shop).await, self.before, "{what}");
    }

    /// It was carried out, once.
    pub(crate) async fn is_done_once(&self, what: &str) {
        let changes = match self.target {
            Target::Payment(Operation::Details | Operation::Status)
            | Target::Token
            | Target::Userinfo
            | Target::Webhooks
            | Target::OrderManagement
            | Target::Qr
            | Target::Report
            | Target::Checkout => 0,
            Target::Payment(
                Operation::Initiate
                | Operation::Capture
                | Operation::Cancel
                | Operation::Refund
                | Operation::Approve,
            ) => 1,
        };
        let before = self.before.unwrap_or_default();
        let after = events(&self.shop).await.unwrap_or_default();
        assert_eq!(after, before + changes, "{what}");
    }
}
