//! Deliveries that somebody fetches through the control API and hands on, instead of being called.
//! That is how a program behind a sales unit with the strict URL policy hears of events.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;
use sandkasse_domain::webhook::RegistrationId;
use sandkasse_hooks::HookCall;
use sandkasse_store::{CallFailure, CallOutcome};
use tokio::sync::{mpsc, oneshot};

/// So many deliveries of one registration wait to be fetched.
const WAITING: usize = 64;

/// Whoever fetches deliveries.
#[derive(Default)]
pub struct Listeners(Mutex<HashMap<RegistrationId, Line>>);

struct Line {
    offers: mpsc::Sender<Offer>,
    fetched: std::sync::Arc<tokio::sync::Mutex<mpsc::Receiver<Offer>>>,
    answers: HashMap<u64, oneshot::Sender<CallOutcome>>,
    next: u64,
}

struct Offer {
    call: HookCall,
    answer: oneshot::Sender<CallOutcome>,
}

/// A delivery that was fetched, and waits for what became of it.
#[derive(Clone, Debug)]
pub struct Offered {
    /// Names it in the answer.
    pub number: u64,
    /// What to send.
    pub call: HookCall,
}

impl Listeners {
    /// Waits for the next delivery, not longer than `wait`.
    pub async fn fetch(&self, id: &RegistrationId, wait: Duration) -> Option<Offered> {
        let fetched = {
            let mut lines = self.0.lock();
            let line = lines.entry(id.clone()).or_insert_with(|| {
                let (offers, fetched) = mpsc::channel(WAITING);
                Line {
                    offers,
                    fetched: std::sync::Arc::new(tokio::sync::Mutex::new(fetched)),
                    answers: HashMap::new(),
                    next: 0,
                }
            });
            line.fetched.clone()
        };
        let offer = tokio::time::timeout(wait, async {
            let mut fetched = fetched.lock().await;
            loop {
                let offer = fetched.recv().await?;
                // Whoever offered it may have given up.
                if !offer.answer.is_closed() {
                    return Some(offer);
                }
            }
        });
        let offer = offer.await.ok().flatten()?;
        let mut lines = self.0.lock();
        let line = lines.get_mut(id)?;
        line.next += 1;
        line.answers.retain(|_, answer| !answer.is_closed());
        line.answers.insert(line.next, offer.answer);
        Some(Offered {
            number: line.next,
            call: offer.call,
        })
    }

    /// Says what became of a delivery. `false` when nobody waits for it any more.
    pub fn answer(&self, id: &RegistrationId, number: u64, outcome: CallOutcome) -> bool {
        let mut lines = self.0.lock();
        let answer = lines
            .get_mut(id)
            .and_then(|line| line.answers.remove(&number));
        drop(lines);
        answer.is_some_and(|answer| answer.send(outcome).is_ok())
    }

    /// Forgets who listened for registrations that are not there.
    pub(super) fn keep(&self, is_there: impl Fn(&RegistrationId) -> bool) {
        self.0.lock().retain(|id, _| is_there(id));
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Offers a delivery to whoever listens, and waits for what becomes of it.
    pub(super) async fn offer(&self, id: &RegistrationId, call: HookCall) -> CallOutcome {
        let limit_ms = call.limit_ms;
        let offers = self.0.lock().get(id).map(|line| line.offers.clone());
        let (answer, answered) = oneshot::channel();
        let offered = match offers {
            Some(offers) => offers.try_send(Offer { call, answer }).is_ok(),
            None => false,
        };
        if !offered {
            return failed(CallFailure::Refused {
                target: "sandkasse listen".to_owned(),
                detail: "nobody listens".to_owned(),
            });
        }
        match tokio::time::timeout(Duration::from_millis(limit_ms), answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => failed(CallFailure::Timeout { limit_ms }),
        }
    }
}

fn failed(failure: CallFailure) -> CallOutcome {
    CallOutcome {
        status: None,
        failure: Some(failure),
        duration_ms: 0,
        answer: None,
    }
}
