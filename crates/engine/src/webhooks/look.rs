//! Deliveries, to be looked at.

use sandkasse_domain::Timestamp;
use sandkasse_store::{Kind, StoreError};

use super::{
    Attempt, Kept,
    delivery::{DeliveryEvent, queue, stream},
};
use crate::{Engine, Unit};

/// Attempts, each with its moment on the sales unit's clock.
pub type Attempts = Vec<(Timestamp, Attempt)>;

impl Engine {
    /// Deliveries of a sales unit, the last made first, each with its number; `before` such a number, for
    /// pages.
    pub async fn deliveries_of(
        &self,
        unit: &Unit,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Kept)>, StoreError> {
        let partition = unit.partition();
        let found = self
            .store
            .newest(&partition, Kind::Delivery, before, limit)
            .await?;
        let read = found.into_iter();
        read.map(|it| Ok((it.number, Kept::read(it.name, it.record)?)))
            .collect()
    }

    /// Deliveries about one thing, such as a payment: by registration, and in their order.
    pub async fn deliveries_about(
        &self,
        unit: &Unit,
        about: &str,
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        let nobody = sandkasse_domain::webhook::RegistrationId(String::new());
        let prefix = queue(about, &nobody);
        // Without the two slashes around nobody's name.
        let prefix = prefix.strip_suffix('/').unwrap_or(&prefix);
        let found = self
            .store
            .list(&unit.partition(), Kind::Delivery, prefix, None, limit)
            .await?;
        let read = found.into_iter();
        read.map(|(name, record)| Kept::read(name, record))
            .collect()
    }

    /// One delivery with its attempts.
    pub async fn delivery(
        &self,
        unit: &Unit,
        name: &str,
    ) -> Result<Option<(Kept, Attempts)>, StoreError> {
        let (partition, stream) = (unit.partition(), stream(name));
        let Some(record) = self.store.load(&partition, &stream).await? else {
            return Ok(None);
        };
        let kept = Kept::read(name.to_owned(), record)?;
        let mut attempts = Vec::new();
        for event in self.store.history(&partition, &stream).await? {
            match DeliveryEvent::read(&event.body)? {
                DeliveryEvent::Attempt(attempt) => attempts.push((event.at, attempt)),
                DeliveryEvent::Owed { .. } => {}
            }
        }
        Ok(Some((kept, attempts)))
    }
}
