//! A delivery as it is kept.

use sandkasse_domain::{
    Timestamp,
    webhook::{EventId, Recipe, RegistrationId},
};
use sandkasse_store::{Kind, Record, StoreError, StoredEvent, StreamId};
use serde::{Deserialize, Serialize};

use super::Attempt;
use crate::unreadable;

/// One event for one registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Who is to hear of it.
    pub registration: RegistrationId,
    /// Of what.
    pub event: EventId,
    /// What it is about: a payment's reference.
    pub about: String,
    /// The exact body, the same for every attempt.
    pub body: String,
    /// When the event happened, on the sales unit's clock.
    pub owed_at: Timestamp,
    /// What became of it.
    pub state: DeliveryState,
    /// How many attempts were made on schedule.
    pub attempts: u32,
    /// When the first of them was made, on the sales unit's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Timestamp>,
    /// What goes wrong with it on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torment: Option<Recipe>,
    /// How many events it has, so that none is missed; `None` if it was made before it had one from
    /// its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<u32>,
}

/// What is told of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum DeliveryEvent {
    /// First, that it is owed: who looks for what is missing finds this without its record, and the
    /// other way around.
    Owed {
        /// What happened.
        owed: EventId,
    },
    /// Then each attempt.
    Attempt(Attempt),
}

impl DeliveryEvent {
    pub(super) fn stored(&self, at: Timestamp) -> Result<StoredEvent, StoreError> {
        let body = serde_json::to_string(self);
        Ok(StoredEvent {
            at,
            body: body.map_err(|error| unreadable("what is told of a delivery", &error))?,
        })
    }

    pub(crate) fn read(body: &str) -> Result<DeliveryEvent, StoreError> {
        serde_json::from_str(body).map_err(|error| unreadable("what is told of a delivery", &error))
    }
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its next attempt, or is being sent.
    Waiting,
    /// The receiver took it.
    Delivered {
        /// On the sales unit's clock.
        at: Timestamp,
    },
    /// It is never sent again by itself.
    Dropped {
        /// On the sales unit's clock.
        at: Timestamp,
        /// Why.
        because: Dropped,
    },
}

/// Why a delivery is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// Seven days are over.
    TooLate,
    /// The registration is gone.
    Deregistered,
    /// A recipe wants it.
    Never,
}

impl Delivery {
    /// Whether it will be attempted again.
    pub fn is_waiting(&self) -> bool {
        self.state == DeliveryState::Waiting
    }

    pub(super) fn json(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|error| unreadable("a delivery", &error))
    }
}

/// A delivery with its place in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name: what it is about, its registration, and its place among these.
    pub name: String,
    /// How often it was written.
    pub version: u64,
    /// When the next attempt is due, on the sales unit's clock.
    pub due: Option<Timestamp>,
    /// The delivery.
    pub delivery: Delivery,
}

impl Kept {
    pub(super) fn read(name: String, record: Record) -> Result<Kept, StoreError> {
        let delivery =
            serde_json::from_str(&record.body).map_err(|error| unreadable("a delivery", &error))?;
        Ok(Kept {
            name,
            version: record.version,
            due: record.deadline,
            delivery,
        })
    }
}

pub(super) fn stream(name: &str) -> StreamId {
    StreamId {
        kind: Kind::Delivery,
        name: name.to_owned(),
    }
}

/// The beginning of the names of all deliveries of one registration about one thing.
pub(crate) fn queue(about: &str, registration: &RegistrationId) -> String {
    // No id that is delivered about has a slash; were there one, it would begin another queue.
    format!("{}/{}/", about.replace('/', "_"), registration.0)
}

/// The queue and the registration of a name.
pub(super) fn queue_of(name: &str) -> Option<(&str, RegistrationId)> {
    let (front, place) = name.rsplit_once('/')?;
    let (_, registration) = front.rsplit_once('/')?;
    let queue = name.get(..name.len() - place.len())?;
    Some((queue, RegistrationId(registration.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_queue() {
        let id = RegistrationId("r-1".to_owned());
        let name = format!("{}00000001.00", queue("acme-1", &id));
        assert_eq!(name, "acme-1/r-1/00000001.00");
        assert_eq!(queue_of(&name), Some(("acme-1/r-1/", id)));
        for name in ["", "a", "a/b"] {
            assert_eq!(queue_of(name), None, "{name}");
        }
    }
}
