//! Webhooks of a shop: registering, and what came.

use sandkasse_domain::{Timestamp, webhook::EventId};
use sandkasse_engine::webhooks::{Kept, Published};
use sandkasse_hooks::HookCall;
use sandkasse_store::Kind;
use serde_json::{Value, json};

use crate::{Ask, PartnerShop, Shop, World};

/// Where webhooks are registered.
pub const WEBHOOKS: &str = "/webhooks/v1/webhooks";

impl World {
    /// Sends every webhook that is due.
    pub async fn deliver(&self) {
        self.platform.engine.run_due_hooks().await;
    }

    /// Something goes on while nodes tell that they live, as they do by themselves.
    pub async fn living<T>(nodes: &[World], work: impl Future<Output = T>) -> T {
        let beating = async {
            loop {
                for node in nodes {
                    node.platform
                        .engine
                        .beat()
                        .await
                        .expect("memory does not fail");
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            done = work => done,
            () = beating => unreachable!("it never ends"),
        }
    }
}

impl Shop {
    /// A call that registers a webhook.
    pub async fn ask_register(&self, url: &str, events: &[&str]) -> Ask {
        let body = json!({ "url": url, "events": events });
        self.ask("POST", WEBHOOKS).await.json(&body)
    }

    /// Registers a webhook; answers id and secret.
    ///
    /// # Panics
    ///
    /// When that is refused.
    pub async fn register(&self, url: &str, events: &[&str]) -> (String, String) {
        id_and_secret(self.ask_register(url, events).await).await
    }

    /// The registrations, as the API lists them.
    pub async fn registered(&self) -> Vec<Value> {
        listed(self.ask("GET", WEBHOOKS).await).await
    }

    /// Something happens that webhooks tell of; the body says what and when.
    pub async fn publish(&self, event: EventId, about: &str) {
        let unit = self.unit();
        let at = self.now();
        let body = json!({ "event": event.name(), "about": about, "timestamp": at.to_string() });
        let published = Published {
            event,
            about: about.to_owned(),
            at,
            body: body.to_string(),
        };
        let engine = &self.world.platform.engine;
        let told = engine.publish(&unit, &[published]).await;
        told.expect("memory does not fail");
    }

    /// All deliveries of this sales unit, the first made first.
    pub async fn deliveries(&self) -> Vec<Kept> {
        let engine = &self.world.platform.engine;
        let found = engine.deliveries_of(&self.unit(), None, 10_000).await;
        let found = found.expect("memory does not fail").into_iter();
        let mut found: Vec<Kept> = found.map(|(_, kept)| kept).collect();
        found.reverse();
        found
    }

    /// When the attempts at a delivery were made, on the unit's clock.
    pub async fn attempted(&self, name: &str) -> Vec<Timestamp> {
        let engine = &self.world.platform.engine;
        let found = engine.delivery(&self.unit(), name).await;
        let (_, attempts) = found.expect("memory does not fail").expect("it is there");
        attempts.into_iter().map(|(at, _)| at).collect()
    }

    /// The earliest moment at which a webhook is due.
    pub async fn next_delivery(&self) -> Option<Timestamp> {
        let store = self.world.platform.engine.store();
        let next = store
            .next_deadline(&self.unit().partition(), Kind::Delivery)
            .await;
        next.expect("memory does not fail")
    }
}

impl PartnerShop {
    /// Registers a webhook of the partner itself, or, with an MSN, of a sales unit.
    pub async fn register(
        &self,
        msn: Option<&str>,
        url: &str,
        events: &[&str],
    ) -> (String, String) {
        let body = json!({ "url": url, "events": events });
        let ask = match msn {
            Some(msn) => self.ask_for(msn, "POST", WEBHOOKS).await,
            None => self.ask("POST", WEBHOOKS).await,
        };
        id_and_secret(ask.json(&body)).await
    }

    /// The partner's own registrations, as the API lists them.
    pub async fn registered(&self) -> Vec<Value> {
        listed(self.ask("GET", WEBHOOKS).await).await
    }
}

async fn id_and_secret(ask: Ask) -> (String, String) {
    let got = ask.send().await;
    assert_eq!(got.status, 201, "{} {:?}", got.body, got.why);
    let made = got.json();
    let text = |member: &str| made[member].as_str().expect("a text").to_owned();
    (text("id"), text("secret"))
}

async fn listed(ask: Ask) -> Vec<Value> {
    let list = ask.send().await.ok();
    list["webhooks"].as_array().expect("a list").clone()
}

/// A member of a delivery's body.
pub fn told(call: &HookCall, member: &str) -> String {
    let body: Value = serde_json::from_str(&call.body).expect("JSON");
    body[member].as_str().expect("a text").to_owned()
}
