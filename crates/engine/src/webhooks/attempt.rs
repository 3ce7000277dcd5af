//! One attempt at a delivery.

use std::time::Duration;

use sandkasse_domain::{
    Timestamp,
    sales_unit::UrlPolicy,
    webhook::{ANSWER_MS, Recipe, Registration, Way},
};
use sandkasse_hooks::{HookCall, Spoil};
use sandkasse_store::{CallOutcome, StoreError, StoredEvent};
use serde::{Deserialize, Serialize};

use super::{Delivery, delivery::DeliveryEvent};
use crate::Engine;

/// Of an answer so many bytes are kept.
const ANSWER_KEPT: usize = 2 * 1024;

/// An attempt as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Why it was made.
    pub kind: AttemptKind,
    /// When it was begun, in real time: what it was signed with.
    pub real: Timestamp,
    /// What was wrong with it on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoiled: Option<Recipe>,
    /// What came of it.
    pub outcome: CallOutcome,
}

/// Why an attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// It was due.
    Scheduled,
    /// A recipe wanted it a second time.
    Duplicate,
    /// Somebody asked for it.
    Again,
}

impl Attempt {
    /// Whether the receiver took it.
    pub fn is_success(&self) -> bool {
        self.outcome.failure.is_none()
    }

    pub(super) fn event(&self, at: Timestamp) -> Result<StoredEvent, StoreError> {
        DeliveryEvent::Attempt(self.clone()).stored(at)
    }
}

impl Engine {
    /// Makes an attempt, signed now.
    pub(super) async fn attempt(
        &self,
        policy: UrlPolicy,
        registration: &Registration,
        delivery: &Delivery,
        kind: AttemptKind,
    ) -> Attempt {
        let is_first = kind == AttemptKind::Scheduled && delivery.attempts == 0;
        let spoil = match delivery.torment.filter(|_| is_first) {
            Some(Recipe::WrongSignature) => Some(Spoil::Signature),
            Some(Recipe::CutBody) => Some(Spoil::Body),
            Some(
                Recipe::Duplicate
                | Recipe::OutOfOrder
                | Recipe::Late { .. }
                | Recipe::BeforeAnswer
                | Recipe::Never,
            )
            | None => None,
        };
        let real = self.clock.now();
        let place = (
            registration.url.as_str(),
            registration.host.as_str(),
            registration.target.as_str(),
        );
        let call = HookCall::new(
            place,
            &registration.secret,
            &delivery.body,
            real,
            ANSWER_MS,
            spoil,
        );
        let mut outcome = match registration.way {
            Way::Called => self.outgoing.deliver(policy, call).await,
            Way::Fetched => self.hooks.listeners.offer(&registration.id, call).await,
        };
        let counts = &self.hooks.counts;
        match outcome.failure {
            None => counts.taken.note(),
            Some(_) => counts.failed.note(),
        }
        counts
            .times
            .note_time(Duration::from_millis(outcome.duration_ms));
        if let Some(answer) = &mut outcome.answer {
            let mut end = ANSWER_KEPT.min(answer.len());
            while !answer.is_char_boundary(end) {
                end -= 1;
            }
            answer.truncate(end);
        }
        Attempt {
            kind,
            real,
            spoiled: delivery.torment.filter(|_| spoil.is_some()),
            outcome,
        }
    }
}
