//! The control API over its router, without sockets. What the acts mean is tested where the
//! payment machine is; here, that they arrive and how they are answered.

mod acts;
mod closing;
mod described;
mod faults;
mod moving;
mod orders;
mod partners;
mod payments;
mod persons;
mod platform;
mod psps;
mod register;
mod units;

use sandkasse_domain::Environment;
use sandkasse_testkit::{Ask, Got, Shop};
use serde_json::{Value, json};

use crate::testing::House;

const SUBSCRIPTION_KEY: &str = "Ocp-Apim-Subscription-Key";

/// A shop of its own in a house, with a payment.
async fn shop(house: &House) -> Shop {
    let shop = house.world.shop(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    shop
}

fn at(shop: &Shop, order: &str, what: &str) -> String {
    format!("/payments/{}/{}/{order}{what}", shop.environment, shop.msn)
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

#[track_caller]
fn refused((status, problem): (u16, Value), expected: u16, cause: &str) -> String {
    assert_eq!(
        (status, &problem["cause"]),
        (expected, &json!(cause)),
        "{problem}"
    );
    assert_eq!(problem["status"], expected);
    assert_eq!(problem["type"], "about:blank");
    text(&problem["detail"]).to_owned()
}

/// Somebody's program, with keys that it copied from the control API.
pub(crate) struct Program<'a> {
    house: &'a House,
    environment: Environment,
    keys: Value,
}

impl<'a> Program<'a> {
    /// The keys at `/{owner}/keys`.
    pub(crate) async fn of(house: &'a House, owner: &str) -> Program<'a> {
        let (status, keys) = house.get(&format!("{owner}/keys")).await;
        assert_eq!(status, 200, "{keys}");
        Program::with(house, keys)
    }

    pub(crate) fn with(house: &'a House, keys: Value) -> Program<'a> {
        let environment = text(&keys["environment"]).parse().unwrap();
        Program {
            house,
            environment,
            keys,
        }
    }

    fn key(&self, name: &str) -> &str {
        text(&self.keys[name])
    }

    pub(crate) async fn ask_token(&self) -> Got {
        let ask = self
            .house
            .world
            .ask(self.environment, "POST", "/accesstoken/get");
        ask.header("client_id", self.key("client_id"))
            .header("client_secret", self.key("client_secret"))
            .header(SUBSCRIPTION_KEY, self.key("primary_subscription_key"))
            .send()
            .await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, msn: &str) -> Ask {
        let token = self.ask_token().await.ok();
        let bearer = format!("Bearer {}", text(&token["access_token"]));
        let ask = self.house.world.ask(self.environment, method, path);
        ask.header("Authorization", &bearer)
            .header(SUBSCRIPTION_KEY, self.key("primary_subscription_key"))
            .header("Merchant-Serial-Number", msn)
    }

    pub(crate) async fn initiate(&self, msn: &str, order: &str) -> Got {
        let body = json!({
            "customerInfo": {},
            "merchantInfo": {
                "merchantSerialNumber": msn,
                "callbackPrefix": "https://example.com/callback",
                "fallBack": "https://example.com/result",
            },
            "transaction": { "orderId": order, "amount": 49_900, "transactionText": "Socks" },
        });
        let ask = self.ask("POST", "/ecomm/v2/payments", msn).await;
        ask.json(&body).send().await
    }

    pub(crate) async fn details(&self, msn: &str, order: &str) -> Got {
        let path = format!("/ecomm/v2/payments/{order}/details");
        self.ask("GET", &path, msn).await.send().await
    }
}

/// Error 37, to the byte.
#[track_caller]
pub(crate) fn closed(got: &Got, cause: &str) {
    let text = "Merchant not available or deactivated or blocked";
    got.says(400, "Merchant", "37", text, cause);
}

/// Text K of partner-keys.md, to the byte.
#[track_caller]
fn check_your_keys(got: &Got, msn: &str, cause: &str) {
    let text = format!(
        "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
    );
    got.says(403, "Merchant", "Unauthorized", &text, cause);
}
