//! Whether a registration still works (reference: webhooks.md §3, HOOK-47).
//!
//! It fails from the first failed attempt after its last success, and is gone fourteen days later.
//! Moments are on the clock that it lives on: the sales unit's, or real time for a partner's. What
//! the directory keeps is durable and known everywhere; that would be a write for every receiver
//! that stumbles once, so it is told only of those that go on failing, and until then it is known
//! here. Whoever knows less, because the process is new or another one had its turn meanwhile,
//! takes a later beginning: a registration may be gone late for that, never early.

use std::{collections::HashMap, slice, sync::Arc};

use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{
    Environment, Timestamp,
    webhook::{Owner, Registration, RegistrationId},
};
use sandkasse_store::{Kind, StoreError};

use super::Attempt;
use crate::{Engine, Unit, directory::Change};

/// From so many attempts at one delivery on, its failures are told to the directory.
const TOLD_FROM: u32 = 4;
/// They are not while others were taken so lately.
const LATELY: SignedDuration = SignedDuration::from_mins(1);

/// How registrations fared, as far as this process saw.
#[derive(Default)]
pub(super) struct Fares(Mutex<HashMap<RegistrationId, Fare>>);

#[derive(Clone, Copy, Default)]
struct Fare {
    /// The first attempt that failed since the last that was taken.
    failing: Option<Timestamp>,
    /// The last that was taken.
    taken: Option<Timestamp>,
}

impl Fares {
    /// It took one.
    pub(super) fn note(&self, id: &RegistrationId, at: Timestamp) {
        let mut all = self.0.lock();
        let fare = all.entry(id.clone()).or_default();
        fare.failing = None;
        fare.taken = Some(fare.taken.map_or(at, |before| before.max(at)));
    }

    /// Since when it fails, if it does, and nothing was taken lately.
    fn failed(&self, id: &RegistrationId, at: Timestamp) -> Option<Timestamp> {
        let mut all = self.0.lock();
        let fare = all.entry(id.clone()).or_default();
        let lately = |taken: Timestamp| at.duration_since(taken) < LATELY;
        if fare.taken.is_some_and(|taken| taken >= at) {
            return None;
        }
        let since = *fare.failing.get_or_insert(at);
        (!fare.taken.is_some_and(lately)).then_some(since)
    }

    pub(super) fn keep(&self, is_there: impl Fn(&RegistrationId) -> bool) {
        self.0.lock().retain(|id, _| is_there(id));
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl Engine {
    /// Notes what one more attempt at `moment` tells of a registration: the `attempts`th on schedule at
    /// its delivery.
    pub(super) async fn note_health(
        &self,
        unit: &Unit,
        id: &RegistrationId,
        attempts: u32,
        attempt: &Attempt,
        moment: Timestamp,
    ) {
        let environment = unit.facts.environment;
        // As it stands now, and not as it stood before the attempt.
        let here = self.directory.of(environment);
        let Some(registration) = here.webhook(id) else {
            return;
        };
        let at = match registration.owner {
            Owner::Unit(_) => moment,
            Owner::Partner(_) => attempt.real,
        };
        let since = if attempt.is_success() {
            self.hooks.fares.note(id, at);
            registration.failing_since.is_some().then_some(None)
        } else {
            let since = self.hooks.fares.failed(id, at);
            let is_news = registration.failing_since.is_none() && attempts >= TOLD_FROM;
            // Another process may have seen a success in between.
            let since = since.map(|since| if self.are_several() { at } else { since });
            since.filter(|_| is_news).map(Some)
        };
        let Some(since) = since else {
            return;
        };
        let changed = self
            .change_registration(environment, id, |it| it.failing_since = since)
            .await;
        if let Err(error) = changed {
            tracing::warn!(%error, "how a webhook fares could not be noted");
        }
    }

    /// Whether a registration was gone at `moment` of the sales unit whose delivery is to be
    /// attempted then; and if so, it is from now on. All attempts before that moment were made.
    pub(super) async fn is_given_up(
        &self,
        unit: &Unit,
        registration: &Registration,
        moment: Timestamp,
    ) -> Result<bool, StoreError> {
        let at = match registration.owner {
            Owner::Unit(_) => moment,
            Owner::Partner(_) => self.clock.now(),
        };
        if !registration.gave_up(at) {
            return Ok(false);
        }
        self.forget_registrations(
            unit.facts.environment,
            slice::from_ref(&registration.id),
            |it| it.gave_up(at),
        )
        .await?;
        Ok(true)
    }

    /// Registrations that nobody answered for fourteen days are gone from then on.
    pub(super) async fn forget_given_up(
        &self,
        environment: Environment,
        owner: &Owner,
    ) -> Result<(), StoreError> {
        let here = self.directory.of(environment);
        let now = match owner {
            Owner::Unit(msn) => here.unit(msn).map(|unit| self.now(unit)),
            Owner::Partner(_) => None,
        };
        let now = now.unwrap_or_else(|| self.clock.now());
        let theirs = here.webhooks_of(owner);
        if !theirs.iter().any(|it| it.gave_up(now)) {
            return Ok(());
        }
        let reached = match owner {
            Owner::Unit(msn) => match here.unit(msn) {
                Some(unit) => self.reached(unit, now).await?,
                None => now,
            },
            Owner::Partner(_) => now,
        };
        let gone = theirs.iter().filter(|it| it.gave_up(reached));
        let gone: Vec<_> = gone.map(|it| it.id.clone()).collect();
        self.forget_registrations(environment, &gone, |it| it.gave_up(reached))
            .await
    }

    /// Until when all attempts were made on this sales unit's clock: where time was advanced, those
    /// that fell due meanwhile are made one after the other, and any of them may be taken.
    async fn reached(&self, unit: &Arc<Unit>, now: Timestamp) -> Result<Timestamp, StoreError> {
        let next = self
            .store
            .next_deadline(&unit.partition(), Kind::Delivery)
            .await?;
        Ok(next.map_or(now, |due| unit.facts.moment_of(due, now)))
    }

    /// Forgets those of them that are `gone` as they stand at that moment.
    async fn forget_registrations(
        &self,
        environment: Environment,
        ids: &[RegistrationId],
        gone: impl Fn(&Registration) -> bool + Send + Sync,
    ) -> Result<(), StoreError> {
        let forgotten = self.directory.decide(|| {
            let here = self.directory.of(environment);
            let theirs = ids.iter().filter_map(|id| here.webhook(id));
            let gone: Vec<_> = theirs
                .filter(|it| gone(it))
                .map(|it| Change::WebhookGone(environment, it.id.clone()))
                .collect();
            (!gone.is_empty()).then_some(gone)
        });
        if forgotten.await? {
            tracing::info!(
                webhooks = ids.len(),
                "webhooks failed for 14 days, and are deleted"
            );
            self.hooks.forget_registrations(|it| !ids.contains(it));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn it_fails_from_the_first_failure_after_the_last_success() {
        let (fares, id) = (Fares::default(), RegistrationId("r".to_owned()));
        assert_eq!(fares.failed(&id, at(0)), Some(at(0)));
        assert_eq!(fares.failed(&id, at(10)), Some(at(0)));
        fares.note(&id, at(1_000));
        assert_eq!(fares.failed(&id, at(999)), None, "before the success");
        assert_eq!(fares.failed(&id, at(1_059)), None, "taken lately");
        assert_eq!(fares.failed(&id, at(1_060)), Some(at(1_059)));
        fares.note(&id, at(1_100));
        assert_eq!(fares.failed(&id, at(2_000)), Some(at(2_000)));
    }
}
