//! From what happened to who hears of it.

use std::sync::{Arc, atomic::AtomicBool};

use jiff::SignedDuration;
use sandkasse_domain::{
    Timestamp,
    webhook::{EventId, Owner, Recipe, Registration},
};
use sandkasse_store::{Commit, CommitError, StoreError, Write};

use super::{
    Delivery, DeliveryState, Dropped,
    delivery::{DeliveryEvent, queue, queue_of, stream},
};
use crate::{Engine, Unit};

/// Something that happened, as its webhook tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What.
    pub event: EventId,
    /// To what: events about one thing are told in their order.
    pub about: String,
    /// When, on the sales unit's clock.
    pub at: Timestamp,
    /// The exact body.
    pub body: String,
}

impl Engine {
    /// Who hears of an event of a sales unit: registrations of the unit and of its partner.
    fn audience(&self, unit: &Unit, event: EventId) -> Vec<Arc<Registration>> {
        let here = self.directory.of(unit.facts.environment);
        let partner = unit.facts.partner.clone().map(Owner::Partner);
        let owners = [Some(Owner::Unit(unit.facts.msn.clone())), partner];
        let all = owners
            .iter()
            .flatten()
            .flat_map(|owner| here.webhooks_of(owner));
        // Whether it still works at that moment is asked when it is attempted: until then something
        // that waits since before may be taken.
        let hears = |it: &&Arc<Registration>| it.events.contains(&event);
        all.filter(hears).cloned().collect()
    }

    /// The deliveries that events make owed, to be written in the commit that makes the events. `place`
    /// orders them among all about the same thing: it is greater for every later commit.
    pub(crate) fn deliveries(
        &self,
        unit: &Unit,
        place: &str,
        published: &[Published],
    ) -> Result<Owed, StoreError> {
        let mut owed = Owed::default();
        for (published, index) in published.iter().zip(0_u32..) {
            for registration in self.audience(unit, published.event) {
                let torment = registration.torment(published.event, &published.about);
                let queue = queue(&published.about, &registration.id);
                let at = published.at;
                let (state, deadline) = match torment {
                    Some(Recipe::Never) => {
                        let because = Dropped::Never;
                        (DeliveryState::Dropped { at, because }, None)
                    }
                    Some(Recipe::Late { seconds }) => {
                        let later = SignedDuration::from_secs(seconds.into());
                        let later = at.checked_add(later).unwrap_or(at);
                        (DeliveryState::Waiting, Some(later))
                    }
                    Some(Recipe::OutOfOrder) => {
                        (DeliveryState::Waiting, Some(Engine::overtaken_at(at)))
                    }
                    Some(
                        Recipe::Duplicate
                        | Recipe::WrongSignature
                        | Recipe::CutBody
                        | Recipe::BeforeAnswer,
                    )
                    | None => (DeliveryState::Waiting, Some(at)),
                };
                if torment == Some(Recipe::BeforeAnswer) {
                    owed.urgent.push(queue.clone());
                }
                let delivery = Delivery {
                    registration: registration.id.clone(),
                    event: published.event,
                    about: published.about.clone(),
                    body: published.body.clone(),
                    owed_at: at,
                    state,
                    attempts: 0,
                    first_at: None,
                    torment,
                    told: Some(1),
                };
                let is_owed = DeliveryEvent::Owed {
                    owed: published.event,
                };
                owed.writes.push(Write {
                    stream: stream(&format!("{queue}{place}.{index:02}")),
                    expected: None,
                    body: delivery.json()?,
                    deadline,
                    events: vec![is_owed.stored(at)?],
                });
            }
        }
        Ok(owed)
    }

    /// Tells of events that no payment's commit makes.
    pub async fn publish(&self, unit: &Unit, published: &[Published]) -> Result<(), StoreError> {
        // Greater for every later call, whatever node makes it; a payment's own places begin with a
        // digit and stand in other queues.
        let place = format!(
            "t{:015}-{}",
            self.clock.now().as_millisecond(),
            self.chance.transaction_id().0
        );
        let owed = self.deliveries(unit, &place, published)?;
        if owed.writes.is_empty() {
            return Ok(());
        }
        let commit = Commit {
            partition: unit.partition(),
            writes: owed.writes,
            reply: None,
            calls: vec![],
        };
        match self.make(unit, commit, || {}).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict) => Err(StoreError("two events took one place".to_owned())),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// Delivers what is to be there before the API's answer. Whoever is at its queue is waited for:
    /// they may have looked before it was there.
    pub(crate) async fn deliver_first(self: &Engine, unit: &Arc<Unit>, urgent: Vec<String>) {
        let msn = &unit.facts.msn;
        for queue in urgent {
            if self.may_be_given_up(unit, &queue) {
                // Whether it is, whoever has the unit's turn finds out.
                continue;
            }
            let hooks = &self.hooks;
            let Some(_at_it) = hooks.enter_in_turn(&unit.partition(), &queue).await else {
                tracing::warn!(%msn, queue, "a webhook was not sent before the answer");
                continue;
            };
            let not_over = AtomicBool::new(false);
            if let Err(error) = self.run_queue(unit, &queue, None, &not_over).await {
                tracing::warn!(%msn, %error, "a webhook was not sent before the answer");
            }
        }
    }

    fn may_be_given_up(&self, unit: &Unit, queue: &str) -> bool {
        let here = self.directory.of(unit.facts.environment);
        let registration = queue_of(queue).and_then(|(_, id)| here.webhook(&id).cloned());
        registration.is_some_and(|it| it.gave_up(self.now(unit)))
    }
}

/// What events make owed.
#[derive(Default)]
pub(crate) struct Owed {
    /// The deliveries.
    pub(crate) writes: Vec<Write>,
    /// Queues that are to be delivered before the API answers.
    pub(crate) urgent: Vec<String>,
}
