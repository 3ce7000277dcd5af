//! What moved on a sales unit's settlement account, folded from its payments.
//!
//! Nothing is booked a second time: a report reads all of the unit's payments in one consistent look, also for a page of one
//! date. Less would not do. The store keeps events with their payment and not by their moment, a payment may be refunded a
//! year after it was made, and every entry tells the balance that all before it left. So an answer costs time with every
//! payment that there is, and memory with every movement (some hundred bytes each), while accounting asks once in an hour; what
//! is bounded is that one report is made at a time, however many are asked for. A journal of movements, written by the
//! commits that make them, would be the way to a page that costs a page.

use sandkasse_domain::{
    Timestamp,
    ledger::{Entry, Moved, Topic, entries},
    payment::{Event, Happened, Movement, Payment},
};
use sandkasse_store::{Kind, Row, StoreError};

use crate::{Engine, Unit, unreadable};

impl Engine {
    /// All entries of one account of a sales unit's ledger, up to its present moment.
    pub async fn ledger(
        &self,
        unit: &Unit,
        ledger_id: &str,
        topic: Topic,
    ) -> Result<Vec<Entry>, StoreError> {
        let _turn = self.reporting.lock().await;
        let now = self.now(unit);
        let moved = self.moved(unit).await?;
        Ok(entries(
            ledger_id,
            topic,
            &unit.facts.settlement,
            moved,
            now,
        ))
    }

    /// Every capture and refund of a sales unit's payments, in no order.
    async fn moved(&self, unit: &Unit) -> Result<Vec<Moved>, StoreError> {
        let mut rows = self.store.rows(Some(&unit.partition())).await?;
        let mut moved = Vec::new();
        let mut payment: Option<Payment> = None;
        while let Some(row) = rows.next().await.transpose()? {
            match row {
                // A record stands before its events.
                Row::Record { .. } => payment = None,
                Row::Event { stream, event, .. } if stream.kind == Kind::Payment => {
                    let happened = Happened {
                        at: event.at,
                        event: serde_json::from_str(&event.body)
                            .map_err(|error| unreadable("an event", &error))?,
                    };
                    payment = Payment::apply(payment, &happened);
                    if let Some(payment) = &payment {
                        moved.extend(movement(payment, &happened));
                    }
                }
                // They come behind all records.
                Row::Reply { .. } | Row::Call { .. } => break,
                Row::Event { .. }
                | Row::Directory { .. }
                | Row::Audit(_)
                | Row::Head { .. }
                | Row::Broken { .. } => {}
            }
        }
        Ok(moved)
    }
}

/// What an event moved; `payment` is as it stands after it.
fn movement(payment: &Payment, happened: &Happened) -> Option<Moved> {
    let moved = |at: Timestamp, psp_reference: &str, amount| Moved {
        at,
        reference: payment.order.id.to_string(),
        psp_reference: psp_reference.to_owned(),
        amount,
    };
    let of = |it: &Movement, sign: i64| {
        let amount = sign * it.amount.units();
        Some(moved(happened.at, &it.transaction_id.0, amount))
    };
    match &happened.event {
        Event::Captured(it) => of(it, 1),
        Event::Refunded(it) => of(it, -1),
        // A direct capture comes with the approval.
        Event::Reserved { grant } => {
            let direct = payment.reservation().is_some_and(|it| it.direct);
            direct.then(|| moved(happened.at, &grant.transaction_id.0, grant.amount.units()))
        }
        Event::Initiated { .. }
        | Event::Opened
        | Event::Shown { .. }
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::ReservationRefused { .. }
        | Event::OutcomeUnknown { .. }
        | Event::Cancelled { .. }
        | Event::Failed { .. }
        | Event::Voided { .. }
        | Event::CaptureFailed(_)
        | Event::RemainderReleased { .. }
        | Event::RefundFailed(_) => None,
    }
}
