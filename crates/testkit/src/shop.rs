//! A sales unit as an actor: a shop's own program, with the right keys.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sandkasse_domain::{
    Environment, Msn,
    keys::{KeyName, Keys},
    person::Person,
    sales_unit::{ClosedBy, SalesUnit, UnitState},
};
use sandkasse_engine::{Act, ActRefused, Operated, Unit, directory::regenerate};
use serde_json::{Value, json};

use crate::{Ask, Got, World};

/// A sales unit with its keys.
#[derive(Clone)]
pub struct Shop {
    pub(crate) world: World,
    /// Where it is.
    pub environment: Environment,
    /// Its number.
    pub msn: Msn,
}

impl Shop {
    pub(crate) fn new(world: World, environment: Environment, msn: Msn) -> Shop {
        Shop {
            world,
            environment,
            msn,
        }
    }

    /// The same shop, calling another node.
    pub fn at(&self, world: &World) -> Shop {
        Shop {
            world: world.clone(),
            ..self.clone()
        }
    }

    /// The unit as the platform knows it now.
    pub fn unit(&self) -> Arc<Unit> {
        let snapshot = self.world.platform.engine.directory.of(self.environment);
        snapshot
            .unit(&self.msn)
            .expect("units are never deleted")
            .clone()
    }

    /// Its present keys.
    pub fn keys(&self) -> Keys {
        self.unit().facts.keys.clone()
    }

    /// The moment on its clock.
    pub fn now(&self) -> Timestamp {
        self.world.platform.engine.now(&self.unit())
    }

    /// Moves its clock forward; what falls due happens.
    pub async fn advance(&self, by: SignedDuration) {
        self.world
            .platform
            .engine
            .advance(&self.unit(), by)
            .await
            .expect("memory does not fail");
        self.world.deliver().await;
    }

    /// Changes its traits.
    pub async fn change(&self, change: impl FnMut(&mut SalesUnit) + Send) {
        let directory = &self.world.platform.engine.directory;
        directory
            .change_unit(self.environment, &self.msn, change)
            .await
            .expect("memory does not fail");
    }

    /// Makes a new key in place of one; answers the old one.
    pub async fn regenerate(&self, name: KeyName) -> String {
        let old = self.keys();
        let engine = &self.world.platform.engine;
        self.change(|facts| regenerate(&mut facts.keys, &mut facts.retired, name, engine))
            .await;
        old.value(name).to_owned()
    }

    /// A token request with the right keys.
    pub fn ask_token(&self) -> Ask {
        let keys = self.keys();
        self.world
            .ask(self.environment, "POST", "/accesstoken/get")
            .header("client_id", &keys.client_id)
            .header("client_secret", &keys.client_secret)
            .header("Ocp-Apim-Subscription-Key", &keys.primary)
    }

    /// A fresh access token.
    pub async fn token(&self) -> String {
        let token = self.ask_token().send().await.ok();
        token["access_token"].as_str().expect("a token").to_owned()
    }

    /// A call with a fresh token and the right keys.
    pub async fn ask(&self, method: &str, path: &str) -> Ask {
        self.world
            .ask(self.environment, method, path)
            .header("Authorization", &format!("Bearer {}", self.token().await))
            .header("Ocp-Apim-Subscription-Key", &self.keys().primary)
    }

    /// The body of an initiate, as in the guide.
    pub fn initiate_body(&self, order: &str, amount: i64) -> Value {
        json!({
            "customerInfo": {},
            "merchantInfo": {
                "merchantSerialNumber": self.msn,
                "callbackPrefix": "https://example.com/vipps/callback",
                "fallBack": "https://example.com/vipps/result",
            },
            "transaction": {
                "orderId": order,
                "amount": amount,
                "transactionText": "One pair of socks",
            },
        })
    }

    /// The same for express checkout, with two static methods: 99 kroner by default, or free.
    pub fn express_body(&self, order: &str, amount: i64) -> Value {
        let mut body = self.initiate_body(order, amount);
        let merchant = &mut body["merchantInfo"];
        merchant["paymentType"] = "eComm Express Payment".into();
        merchant["consentRemovalPrefix"] = "https://example.com/vipps/consent".into();
        merchant["staticShippingDetails"] = json!([
            { "isDefault": "Y", "priority": 1, "shippingCost": 99, "shippingMethod": "Post", "shippingMethodId": "post" },
            { "isDefault": "N", "priority": 2, "shippingCost": 0, "shippingMethod": "Collect", "shippingMethodId": "collect" },
        ]);
        body
    }

    /// Initiates with a body of your choice.
    pub async fn initiate_with(&self, body: &Value) -> Got {
        self.ask("POST", "/ecomm/v2/payments")
            .await
            .json(body)
            .send()
            .await
    }

    /// Initiates with a changed body.
    pub async fn initiate_but(
        &self,
        order: &str,
        amount: i64,
        change: impl FnOnce(&mut Value),
    ) -> Got {
        let mut body = self.initiate_body(order, amount);
        change(&mut body);
        self.initiate_with(&body).await
    }

    /// Initiates a regular payment.
    pub async fn initiate(&self, order: &str, amount: i64) -> Got {
        self.initiate_with(&self.initiate_body(order, amount)).await
    }

    /// The body of a capture or refund; `amount` may be any JSON, null for everything.
    pub fn modify_body(&self, amount: impl Into<Value>) -> Value {
        let mut transaction = json!({ "transactionText": "Shipped" });
        let amount = amount.into();
        if !amount.is_null() {
            transaction["amount"] = amount;
        }
        json!({ "merchantInfo": { "merchantSerialNumber": self.msn }, "transaction": transaction })
    }

    /// A capture, cancel or refund in the making.
    pub async fn ask_modify(&self, operation: &str, order: &str, body: &Value) -> Ask {
        let method = if operation == "cancel" { "PUT" } else { "POST" };
        let path = format!("/ecomm/v2/payments/{order}/{operation}");
        self.ask(method, &path).await.json(body)
    }

    /// Captures; `Value::Null` captures everything.
    pub async fn capture(&self, order: &str, amount: impl Into<Value>) -> Got {
        self.ask_modify("capture", order, &self.modify_body(amount))
            .await
            .send()
            .await
    }

    /// Captures under an idempotency key.
    pub async fn capture_as(&self, key: &str, order: &str, amount: impl Into<Value>) -> Got {
        let ask = self
            .ask_modify("capture", order, &self.modify_body(amount))
            .await;
        ask.header("X-Request-Id", key).send().await
    }

    /// Refunds; `Value::Null` refunds everything.
    pub async fn refund(&self, order: &str, amount: impl Into<Value>) -> Got {
        self.ask_modify("refund", order, &self.modify_body(amount))
            .await
            .send()
            .await
    }

    /// Refunds under an idempotency key.
    pub async fn refund_as(&self, key: &str, order: &str, amount: impl Into<Value>) -> Got {
        let ask = self
            .ask_modify("refund", order, &self.modify_body(amount))
            .await;
        ask.header("X-Request-Id", key).send().await
    }

    /// Cancels.
    pub async fn cancel(&self, order: &str) -> Got {
        self.ask_modify("cancel", order, &self.modify_body(Value::Null))
            .await
            .send()
            .await
    }

    /// Releases what was not captured.
    pub async fn release(&self, order: &str) -> Got {
        let mut body = self.modify_body(Value::Null);
        body["shouldReleaseRemainingFunds"] = true.into();
        self.ask_modify("cancel", order, &body).await.send().await
    }

    /// Asks for details.
    pub async fn details(&self, order: &str) -> Got {
        self.ask("GET", &format!("/ecomm/v2/payments/{order}/details"))
            .await
            .send()
            .await
    }

    /// Asks for the deprecated status.
    pub async fn status(&self, order: &str) -> Got {
        self.ask("GET", &format!("/ecomm/v2/payments/{order}/status"))
            .await
            .send()
            .await
    }

    /// Operations of the log, newest first; a failed one has a `!` behind it.
    pub async fn log(&self, order: &str) -> Vec<String> {
        let details = self.details(order).await.ok();
        let line = |entry: &Value| {
            let operation = entry["operation"].as_str().expect("a string");
            let failed = entry["operationSuccess"] == Value::Bool(false);
            format!("{operation}{}", if failed { "!" } else { "" })
        };
        details["transactionLogHistory"]
            .as_array()
            .expect("a list")
            .iter()
            .map(line)
            .collect()
    }

    /// Approves by force, as a test does.
    pub async fn force_approve(&self, order: &str, phone: &str) -> Got {
        let path = format!("/ecomm/v2/integration-test/payments/{order}/approve");
        let body = json!({ "customerPhoneNumber": phone });
        self.ask("POST", &path).await.json(&body).send().await
    }

    /// A person approves in the app.
    pub async fn approve(&self, order: &str, person: &Person) -> Result<Operated, ActRefused> {
        let engine = &self.world.platform.engine;
        engine
            .approve(&self.unit(), order, &person.phone, 0, None)
            .await
    }

    /// A person approves with another card, or by another shipping method.
    pub async fn approve_with(
        &self,
        order: &str,
        person: &Person,
        card: usize,
        shipping_method: Option<&str>,
    ) -> Result<Operated, ActRefused> {
        let engine = &self.world.platform.engine;
        let shipping_method = shipping_method.map(str::to_owned);
        engine
            .approve(&self.unit(), order, &person.phone, card, shipping_method)
            .await
    }

    /// A person does something else, in the app or on the landing page.
    pub async fn person(&self, order: &str, act: Act) -> Result<Operated, ActRefused> {
        self.world
            .platform
            .engine
            .person_acts(&self.unit(), order, act)
            .await
    }

    /// Initiates and has a person approve in the app.
    ///
    /// # Panics
    ///
    /// When either fails.
    pub async fn reserved(&self, order: &str, amount: i64, person: &Person) {
        self.initiate(order, amount).await.ok();
        self.approve(order, person)
            .await
            .expect("the person can pay");
    }
}

/// A sales unit that its merchant closed.
pub fn closed() -> UnitState {
    UnitState::Deactivated {
        by: ClosedBy::Merchant {
            person: "Ola Nordmann".to_owned(),
        },
        at: Timestamp::UNIX_EPOCH,
    }
}
