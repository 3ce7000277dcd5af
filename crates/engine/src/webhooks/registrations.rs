//! Who registered for what.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_domain::{
    AsOf, Environment,
    webhook::{EventId, Owner, Registration, RegistrationId, Rules, Way},
};
use sandkasse_store::StoreError;

use crate::{Engine, directory::Change};

/// What somebody wants to register.
#[derive(Clone, Debug)]
pub struct NewRegistration {
    /// Whose events.
    pub owner: Owner,
    /// As given.
    pub url: String,
    /// The host as `Host` says it.
    pub host: String,
    /// Path and query as they go over the wire.
    pub target: String,
    /// Each once.
    pub events: Vec<EventId>,
    /// How its deliveries are sent.
    pub way: Way,
}

/// Why nothing was registered.
#[derive(Clone, Debug)]
pub enum NotRegistered {
    /// As many registrations as there may be ask for this event.
    Limit {
        /// Which.
        event: EventId,
        /// How many there may be.
        most: usize,
    },
    /// The store failed.
    Fault(StoreError),
}

impl From<StoreError> for NotRegistered {
    fn from(error: StoreError) -> NotRegistered {
        NotRegistered::Fault(error)
    }
}

impl Engine {
    /// Registers an address. The secret is in the answer, and never told again.
    pub async fn register(
        &self,
        environment: Environment,
        new: NewRegistration,
    ) -> Result<Registration, NotRegistered> {
        self.forget_given_up(environment, &new.owner).await?;
        let registration = Registration {
            id: RegistrationId(self.chance.uuid().to_string()),
            owner: new.owner,
            url: new.url,
            host: new.host,
            target: new.target,
            events: new.events,
            secret: STANDARD.encode(self.chance.bytes::<64>()),
            made_at: self.clock.now(),
            failing_since: None,
            way: new.way,
            torments: Vec::new(),
        };
        let rules = match self.as_of() {
            AsOf::June2023 => Rules::June2023,
            AsOf::Today => Rules::Later,
        };
        let mut over = None;
        self.directory
            .decide(|| {
                let here = self.directory.of(environment);
                let theirs = here.webhooks_of(&registration.owner);
                over = registration.events.iter().copied().find(|event| {
                    let asking = theirs.iter().filter(|it| it.events.contains(event));
                    asking.count() >= event.most_registrations(rules)
                });
                let made = Box::new(registration.clone());
                over.is_none()
                    .then(|| vec![Change::Webhook(environment, made)])
            })
            .await?;
        match over {
            Some(event) => Err(NotRegistered::Limit {
                event,
                most: event.most_registrations(rules),
            }),
            None => {
                // Whatever happens from now on is told, also what another node does.
                self.settle_for_merchants().await;
                Ok(registration)
            }
        }
    }

    /// The registrations of a sales unit or a partner, the first made first.
    pub async fn registrations(
        &self,
        environment: Environment,
        owner: &Owner,
    ) -> Result<Vec<Arc<Registration>>, StoreError> {
        self.forget_given_up(environment, owner).await?;
        Ok(self.directory.of(environment).webhooks_of(owner).to_vec())
    }

    /// Deletes a registration of this owner; what waits for it is dropped. `false` when there is none.
    pub async fn deregister(
        &self,
        environment: Environment,
        owner: &Owner,
        id: &RegistrationId,
    ) -> Result<bool, StoreError> {
        self.forget_given_up(environment, owner).await?;
        let deleted = self.directory.decide(|| {
            let here = self.directory.of(environment);
            let theirs = here.webhook(id).filter(|it| it.owner == *owner)?;
            Some(vec![Change::WebhookGone(environment, theirs.id.clone())])
        });
        let deleted = deleted.await?;
        if deleted {
            self.hooks.forget_registrations(|it| it != id);
            self.settle_for_merchants().await;
        }
        Ok(deleted)
    }

    /// Changes a registration as it stands at that moment. `false` when there is none.
    pub async fn change_registration(
        &self,
        environment: Environment,
        id: &RegistrationId,
        change: impl Fn(&mut Registration) + Send + Sync,
    ) -> Result<bool, StoreError> {
        let changed = self.directory.decide(|| {
            let mut registration = Registration::clone(self.directory.of(environment).webhook(id)?);
            change(&mut registration);
            let changed = Box::new(registration);
            Some(vec![Change::Webhook(environment, changed)])
        });
        changed.await
    }
}
