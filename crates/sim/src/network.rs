//! The merchants' side: takes callbacks, and answers, refuses, fails or hangs.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use sandkasse_courier::{Attempts, CourierHandle};
use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_engine::Outgoing;
use sandkasse_hooks::HookCall;
use sandkasse_store::{CallFailure, CallOutcome, OutgoingCall, Partition, Purpose};
use tokio::sync::oneshot;

use crate::{call::methods, desk::Desk};

/// All receivers of calls.
pub(crate) struct Network {
    seed: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Ids of calls in the order in which they arrived.
    arrived: Vec<String>,
    hanging: Vec<oneshot::Sender<CallOutcome>>,
}

impl Network {
    /// Under the same seed the same calls are answered alike.
    pub(crate) fn new(seed: u64) -> Arc<Network> {
        Arc::new(Network {
            seed,
            state: Mutex::default(),
        })
    }

    /// Ids of all calls that arrived, in order.
    pub(crate) fn arrived(&self) -> Vec<String> {
        self.state.lock().arrived.clone()
    }

    /// The time of all calls that hang is up.
    pub(crate) fn give_up(&self) {
        for hanging in std::mem::take(&mut self.state.lock().hanging) {
            // Whoever called may have died meanwhile.
            let _ = hanging.send(failed(CallFailure::Timeout { limit_ms: 3000 }));
        }
    }
}

fn failed(failure: CallFailure) -> CallOutcome {
    CallOutcome {
        status: None,
        failure: Some(failure),
        duration_ms: 5,
        answer: None,
    }
}

fn answered(status: u16) -> CallOutcome {
    CallOutcome {
        status: Some(status),
        failure: (status != 200).then_some(CallFailure::Status { status }),
        duration_ms: 5,
        answer: Some(String::new()),
    }
}

/// What a shop says to the question how it ships.
fn ships(chance: u64) -> CallOutcome {
    let answer = match chance % 6 {
        0 => return failed(CallFailure::Timeout { limit_ms: 10_000 }),
        1 => "{}".to_owned(),
        _ => serde_json::json!({ "shippingDetails": methods() }).to_string(),
    };
    CallOutcome {
        answer: Some(answer),
        ..answered(200)
    }
}

/// One node's way to the receivers.
pub(crate) struct Wire {
    /// Where it leads.
    pub(crate) network: Arc<Network>,
    /// The node's desk, which counts what happens.
    pub(crate) desk: Arc<Desk>,
}

#[async_trait]
impl Attempts for Wire {
    async fn deliver(&self, _call: &HookCall, _policy: UrlPolicy) -> CallOutcome {
        answered(200)
    }

    async fn attempt(&self, call: &OutgoingCall, _policy: UrlPolicy) -> CallOutcome {
        let mut hasher = DefaultHasher::new();
        (self.network.seed, &call.id).hash(&mut hasher);
        self.desk.moved();
        let (hang, told) = oneshot::channel();
        {
            let mut state = self.network.state.lock();
            state.arrived.push(call.id.clone());
            if call.purpose == Purpose::ShippingDetails {
                return ships(hasher.finish());
            }
            match hasher.finish() % 10 {
                0 => return answered(500),
                1 => {
                    let (target, detail) = (String::new(), "refused".to_owned());
                    return failed(CallFailure::Refused { target, detail });
                }
                2 | 3 => state.hanging.push(hang),
                _ => return answered(200),
            }
        }
        let outcome = told.await;
        self.desk.moved();
        outcome.unwrap_or_else(|_| answered(200))
    }
}

/// The engine's way to the merchants, as the server has it.
pub(crate) struct Messenger(pub(crate) CourierHandle);

#[async_trait]
impl Outgoing for Messenger {
    fn post(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        self.0.post(partition, policy, call);
    }

    fn post_owed(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        self.0.post_owed(partition, policy, call);
    }

    async fn ask(
        &self,
        partition: Partition,
        policy: UrlPolicy,
        call: OutgoingCall,
    ) -> CallOutcome {
        let asked = self.0.shipping_details(&partition, policy, call).await;
        asked.unwrap_or_else(|error| failed(CallFailure::Broken { detail: error.0 }))
    }
}
