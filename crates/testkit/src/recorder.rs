//! Stands where merchants would be: takes every call, answers as scripted.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_engine::Outgoing;
use sandkasse_hooks::HookCall;
use sandkasse_store::{
    CallFailure, CallOutcome, OutgoingCall, Partition, Purpose, authorization_place,
};
use sandkasse_vault::{MasterKey, Vault};
use serde_json::Value;
use tokio::sync::watch;

/// The vault of every world.
pub(crate) fn vault() -> Arc<Vault> {
    static VAULT: OnceLock<Arc<Vault>> = OnceLock::new();
    let vault = VAULT.get_or_init(|| Arc::new(Vault::new(&MasterKey::new([7; 32]))));
    vault.clone()
}

/// What was said to merchants, and what they answer to questions.
#[derive(Default)]
pub struct Recorder {
    calls: Mutex<Vec<OutgoingCall>>,
    answers: Mutex<HashMap<String, Result<String, CallFailure>>>,
    hooks: Mutex<Vec<HookCall>>,
    takes: Mutex<HashMap<String, Vec<Result<u16, CallFailure>>>>,
    hanging: Mutex<HashSet<String>>,
    held: Mutex<HashMap<String, watch::Sender<bool>>>,
}

impl Recorder {
    /// Notes a call as the merchant would get it: with its own `Authorization`.
    fn note(&self, mut call: OutgoingCall) {
        if let Some(sealed) = &mut call.authorization {
            let place = authorization_place(&call.about);
            *sealed = vault().open(&place, sealed).expect("sealed by this world");
        }
        self.calls.lock().push(call);
    }

    /// All calls so far, oldest first.
    pub fn calls(&self) -> Vec<OutgoingCall> {
        self.calls.lock().clone()
    }

    /// The callbacks about one order.
    pub fn callbacks(&self, order: &str) -> Vec<OutgoingCall> {
        let about =
            |call: &OutgoingCall| call.purpose == Purpose::PaymentCallback && call.about == order;
        self.calls().into_iter().filter(about).collect()
    }

    /// The body of the only callback about an order.
    ///
    /// # Panics
    ///
    /// When there is none, or more than one.
    pub fn callback(&self, order: &str) -> Value {
        let calls = self.callbacks(order);
        let [call] = calls.as_slice() else {
            panic!("{} callbacks about {order}", calls.len())
        };
        serde_json::from_str(call.body.as_deref().expect("a body")).expect("JSON")
    }

    /// All webhook deliveries so far, oldest first.
    pub fn hooks(&self) -> Vec<HookCall> {
        self.hooks.lock().clone()
    }

    /// What the receiver at a URL answers to the next webhook deliveries, one after the other; the last
    /// holds for all that follow. Without this it is 200.
    pub fn take_hooks(&self, url: &str, answers: &[Result<u16, CallFailure>]) {
        let mut answers = answers.to_vec();
        answers.reverse();
        self.takes.lock().insert(url.to_owned(), answers);
    }

    /// The receiver at a URL takes webhook deliveries and never answers.
    pub fn hang_hooks(&self, url: &str) {
        self.hanging.lock().insert(url.to_owned());
    }

    /// The receiver at a URL takes webhook deliveries, and answers none before it is let go.
    pub fn hold_hooks(&self, url: &str) {
        let held = watch::Sender::new(true);
        self.held.lock().insert(url.to_owned(), held);
    }

    /// Lets a receiver answer again.
    pub fn let_hooks_go(&self, url: &str) {
        if let Some(held) = self.held.lock().remove(url) {
            held.send_replace(false);
        }
    }

    /// What the merchant answers when asked about shipping for an order.
    pub fn answer_shipping(&self, order: &str, answer: Result<String, CallFailure>) {
        self.answers.lock().insert(order.to_owned(), answer);
    }
}

#[async_trait]
impl Outgoing for Recorder {
    async fn deliver(&self, _policy: UrlPolicy, call: HookCall) -> CallOutcome {
        let answer = match self.takes.lock().get_mut(&call.url) {
            Some(answers) if answers.len() > 1 => answers.pop(),
            Some(answers) => answers.last().cloned(),
            None => None,
        };
        let hangs = self.hanging.lock().contains(&call.url);
        let held = self
            .held
            .lock()
            .get(&call.url)
            .map(watch::Sender::subscribe);
        self.hooks.lock().push(call);
        if hangs {
            return std::future::pending().await;
        }
        if let Some(mut held) = held {
            // Whoever lets it go drops the sender as well.
            let _ = held.wait_for(|held| !held).await;
        }
        let (status, failure) = match answer.unwrap_or(Ok(200)) {
            Ok(status) if (200..300).contains(&status) => (Some(status), None),
            Ok(status) => (Some(status), Some(CallFailure::Status { status })),
            Err(failure) => (None, Some(failure)),
        };
        CallOutcome {
            status,
            failure,
            duration_ms: 5,
            answer: status.map(|_| String::new()),
        }
    }

    fn post(&self, _partition: Partition, _policy: UrlPolicy, call: OutgoingCall) {
        self.note(call);
    }

    async fn ask(
        &self,
        _partition: Partition,
        _policy: UrlPolicy,
        call: OutgoingCall,
    ) -> CallOutcome {
        let answer = self.answers.lock().get(&call.about).cloned();
        let limit_ms = call.timeout_ms;
        self.note(call);
        match answer.unwrap_or(Err(CallFailure::Timeout { limit_ms })) {
            Ok(answer) => CallOutcome {
                status: Some(200),
                failure: None,
                duration_ms: 5,
                answer: Some(answer),
            },
            Err(failure) => CallOutcome {
                status: None,
                failure: Some(failure),
                duration_ms: 5,
                answer: None,
            },
        }
    }
}
