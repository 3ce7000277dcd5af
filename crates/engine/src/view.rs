//! Looking at payments.

use std::sync::Arc;

use sandkasse_domain::{
    OrderId, Timestamp,
    payment::{Cause, Payment},
};
use sandkasse_store::{Kind, StoreError};

use crate::{
    Engine, Intent, Refused, Unit, View, intent::At, parse_history, parse_payment, payment_stream,
};

impl Engine {
    /// A payment with its history. What was due before is done first.
    pub async fn view(&self, unit: &Arc<Unit>, order: &str) -> Result<View, Refused> {
        let view = self.view_at(unit, order, None).await?;
        match view.payment.due() {
            Some((moment, _)) if moment <= view.now => {
                self.operate(unit, order, Intent::TimePasses, None, At::Now)
                    .await?;
                self.view_at(unit, order, Some(view.now)).await
            }
            _ => Ok(view),
        }
    }

    pub(crate) async fn view_at(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        now: Option<Timestamp>,
    ) -> Result<View, Refused> {
        let now = now.unwrap_or_else(|| self.now(unit));
        let stored = self
            .store
            .history(&unit.partition(), &payment_stream(order))
            .await?;
        let history = parse_history(&stored)?;
        match Payment::fold(&history) {
            Some(payment) => Ok(View {
                payment,
                history,
                now,
            }),
            None => Err(self.unknown_order(unit, order).await?.into()),
        }
    }

    /// Payments of a unit whose order ids start with `prefix` and come after `after`, by id.
    pub async fn find(
        &self,
        unit: &Unit,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let found = self
            .store
            .list(&unit.partition(), Kind::Payment, prefix, after, limit)
            .await?;
        found
            .iter()
            .map(|(_, record)| parse_payment(&record.body))
            .collect()
    }

    /// Payments of a unit, the last initiated first, each with its place; those before a place, if
    /// one is said.
    pub async fn newest(
        &self,
        unit: &Unit,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Payment)>, StoreError> {
        let found = self
            .store
            .newest(&unit.partition(), Kind::Payment, before, limit)
            .await?;
        found
            .iter()
            .map(|it| Ok((it.number, parse_payment(&it.record.body)?)))
            .collect()
    }

    /// Whether another unit of the same merchant knows the order.
    pub(crate) async fn unknown_order(
        &self,
        unit: &Unit,
        order: &str,
    ) -> Result<Cause, StoreError> {
        let snapshot = self.directory.of(unit.facts.environment);
        let order = order.to_owned();
        let asked_by = unit.facts.msn.clone();
        if OrderId::try_new(&order).is_some() {
            for other in snapshot.units() {
                let same_owner = other.facts.merchant == unit.facts.merchant;
                if !same_owner || other.facts.msn == unit.facts.msn {
                    continue;
                }
                if self
                    .store
                    .load(&other.partition(), &payment_stream(&order))
                    .await?
                    .is_some()
                {
                    return Ok(Cause::OrderOfAnotherUnit {
                        order,
                        asked_by,
                        owned_by: other.facts.msn.clone(),
                    });
                }
            }
        }
        Ok(Cause::OrderUnknown { order, asked_by })
    }
}
