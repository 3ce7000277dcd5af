//! What will happen by itself, and when: the agenda of one sales unit, to be looked at.

use sandkasse_domain::{
    Currency, Minor, Timestamp,
    payment::{
        Due, Payment, State,
        clock::{CAPTURE_DAYS, REFUND_DAYS, last_of_days},
    },
};
use sandkasse_store::{Kind, StoreError};

use crate::{Engine, Unit, parse_payment, payment_stream};

/// Something that happens by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// To which payment.
    pub order: String,
    /// Of how much.
    pub amount: Minor,
    /// What that counts.
    pub currency: Currency,
    /// When, on the sales unit's clock.
    pub at: Timestamp,
    /// What.
    pub due: Due,
}

/// Until when something can be done with a payment. Nothing happens then; calls are refused after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// With which payment.
    pub order: String,
    /// What.
    pub kind: LimitKind,
    /// How much that is now.
    pub amount: Minor,
    /// What that counts.
    pub currency: Currency,
    /// The first moment at which it is refused, on the sales unit's clock.
    pub ends: Timestamp,
}

/// What can be done for a limited time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// The rest can be captured.
    Capture,
    /// What is captured can be refunded.
    Refund,
}

impl Engine {
    /// What happens next in a sales unit, in order; at most so much.
    pub async fn upcoming(&self, unit: &Unit, limit: usize) -> Result<Vec<Upcoming>, StoreError> {
        let partition = unit.partition();
        let due = self
            .store
            .due(&partition, Kind::Payment, Timestamp::MAX, None, limit)
            .await?;
        let mut upcoming = Vec::with_capacity(due.len());
        for (name, _) in due {
            let stream = payment_stream(&name);
            let Some(record) = self.store.load(&partition, &stream).await? else {
                continue;
            };
            let payment = parse_payment(&record.body)?;
            // It may have happened between the two reads.
            if let Some((at, due)) = payment.due() {
                upcoming.push(Upcoming {
                    order: stream.name,
                    amount: payment.order.amount,
                    currency: payment.order.currency(),
                    at,
                    due,
                });
            }
        }
        Ok(upcoming)
    }

    /// Until when captures and refunds are accepted, of the payments whose ids start with
    /// `prefix`: at most `limit` of them, by id.
    pub async fn limits(
        &self,
        unit: &Unit,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<Limit>, StoreError> {
        let payments = self.find(unit, prefix, None, limit).await?;
        Ok(payments.iter().flat_map(of_payment).collect())
    }
}

fn of_payment(payment: &Payment) -> Vec<Limit> {
    let reservation = match &payment.state {
        State::Reserved(reservation) => reservation,
        State::Initiated(_)
        | State::OutcomeUnknown { .. }
        | State::Cancelled { .. }
        | State::Failed { .. }
        | State::Voided { .. } => return Vec::new(),
    };
    let kinds = [
        (
            LimitKind::Capture,
            reservation.remaining_to_capture(),
            CAPTURE_DAYS,
        ),
        (
            LimitKind::Refund,
            reservation.remaining_to_refund(),
            REFUND_DAYS,
        ),
    ];
    kinds
        .into_iter()
        .filter(|(_, amount, _)| !amount.is_zero())
        .map(|(kind, amount, days)| Limit {
            order: payment.order.id.to_string(),
            kind,
            amount,
            currency: payment.order.currency(),
            ends: last_of_days(reservation.at, days),
        })
        .collect()
}
