//! What must be somewhere because something happened: answers, calls, payments in apps.
//!
//! What is expected is kept as a digest of its meaning, under a key of this process alone.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
};

use sandkasse_domain::{
    Minor, Timestamp,
    payment::{Event, Happened, Operation, Payment},
};
use sandkasse_store::{OutgoingCall, Partition, SavedReply};
use serde::Deserialize;

use super::report::Place;
use crate::{
    outgoing,
    replies::{EPAYMENT, Kept, reply_scope},
};

/// What is expected of one sales unit.
#[derive(Default)]
pub(super) struct Expected {
    pub(super) replies: Open,
    pub(super) calls: Open,
    pub(super) in_app: Open,
}

impl Expected {
    pub(super) fn is_empty(&self) -> bool {
        self.replies.0.is_empty() && self.calls.0.is_empty() && self.in_app.0.is_empty()
    }
}

/// Things that were not found yet, with the moments at which they came to be.
#[derive(Default)]
pub(super) struct Open(HashMap<u64, i64>, RandomState);

impl Open {
    pub(super) fn add(&mut self, meaning: &(impl Hash + ?Sized), at: Timestamp) {
        let key = self.1.hash_one(meaning);
        self.0.insert(key, at.as_millisecond());
    }

    /// Whether it was expected; it is so only once.
    pub(super) fn take(&mut self, meaning: &(impl Hash + ?Sized)) -> bool {
        self.0.remove(&self.1.hash_one(meaning)).is_some()
    }

    /// What came to be at such a moment need not be there.
    pub(super) fn forget(&mut self, may_be: impl Fn(i64) -> bool) {
        self.0.retain(|_, at| !may_be(*at));
    }
}

/// What a saved answer says: whose it is, and the sums.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Answer {
    scope: String,
    key: String,
    order: String,
    amount: Minor,
    captured: Minor,
    left_to_capture: Minor,
    refunded: Minor,
    left_to_refund: Minor,
}

impl Answer {
    pub(super) fn place(&self) -> String {
        format!("{} {}", self.scope, self.key)
    }
}

/// The answer that an event gave, if it was one to keep.
pub(super) fn answered(payment: &Payment, event: &Event) -> Option<Answer> {
    let (operation, movement) = match event {
        Event::Captured(movement) => (Operation::Capture, movement),
        Event::Refunded(movement) => (Operation::Refund, movement),
        Event::Initiated { .. }
        | Event::Opened
        | Event::Shown { .. }
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::ReservationRefused { .. }
        | Event::OutcomeUnknown { .. }
        | Event::Reserved { .. }
        | Event::Cancelled { .. }
        | Event::Failed { .. }
        | Event::Voided { .. }
        | Event::CaptureFailed(_)
        | Event::RemainderReleased { .. }
        | Event::RefundFailed(_) => return None,
    };
    let reservation = payment.reservation()?;
    let order = payment.order.id.to_string();
    Some(Answer {
        scope: reply_scope(operation, &order),
        key: movement.request_id.clone()?,
        order,
        amount: movement.amount,
        captured: reservation.captured,
        left_to_capture: reservation.remaining_to_capture(),
        refunded: reservation.refunded,
        left_to_refund: reservation.remaining_to_refund(),
    })
}

/// The parts of an answer that must be so.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerBody {
    order_id: String,
    transaction_info: Option<AnswerAmount>,
    /// A refund calls it so.
    transaction: Option<AnswerAmount>,
    transaction_summary: AnswerSums,
}

#[derive(Deserialize)]
struct AnswerAmount {
    amount: Minor,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerSums {
    captured_amount: Minor,
    remaining_amount_to_capture: Minor,
    refunded_amount: Minor,
    remaining_amount_to_refund: Minor,
}

/// The same of an answer of ePayment.
#[derive(Deserialize)]
struct EpaymentBody {
    reference: String,
    aggregate: Aggregate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aggregate {
    authorized_amount: Value,
    cancelled_amount: Value,
    captured_amount: Value,
    refunded_amount: Value,
}

#[derive(Deserialize)]
struct Value {
    value: Minor,
}

/// What an answer says of a capture or refund, or why it says nothing. `None` for the other answers
/// that ePayment saves: creations, cancels, refusals.
pub(super) fn reply_meaning(reply: &SavedReply) -> Result<Option<Answer>, String> {
    let unreadable = |error: serde_json::Error| format!("the answer cannot be read: {error}");
    let Some(scope) = reply.scope.strip_prefix(EPAYMENT) else {
        return ecom_meaning(reply).map(Some);
    };
    let kept: Kept = serde_json::from_str(&reply.body).map_err(unreadable)?;
    let Some(amount) = kept.amount else {
        return Ok(None);
    };
    let body: EpaymentBody = serde_json::from_str(&kept.body).map_err(unreadable)?;
    let sums = body.aggregate;
    let (captured, refunded) = (sums.captured_amount.value, sums.refunded_amount.value);
    Ok(Some(Answer {
        scope: scope.to_owned(),
        key: reply.key.clone(),
        order: body.reference,
        amount,
        captured,
        left_to_capture: sums
            .authorized_amount
            .value
            .minus(captured)
            .minus(sums.cancelled_amount.value),
        refunded,
        left_to_refund: captured.minus(refunded),
    }))
}

fn ecom_meaning(reply: &SavedReply) -> Result<Answer, String> {
    if reply.status != 200 {
        return Err(format!(
            "an answer of status {} is never saved",
            reply.status
        ));
    }
    let body: AnswerBody = serde_json::from_str(&reply.body)
        .map_err(|error| format!("the answer cannot be read: {error}"))?;
    let moved = body.transaction_info.or(body.transaction);
    let sums = body.transaction_summary;
    Ok(Answer {
        scope: reply.scope.clone(),
        key: reply.key.clone(),
        order: body.order_id,
        amount: moved.ok_or("the answer says no amount")?.amount,
        captured: sums.captured_amount,
        left_to_capture: sums.remaining_amount_to_capture,
        refunded: sums.refunded_amount,
        left_to_refund: sums.remaining_amount_to_refund,
    })
}

pub(super) fn reply_place(partition: &Partition, reply: &SavedReply) -> Place {
    Place::of_unit(
        "replies",
        partition,
        format!("{} {}", reply.scope, reply.key),
    )
}

/// What makes a callback the one that is owed.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Owed {
    about: String,
    at: i64,
}

/// The callback that an event owes, if any.
pub(super) fn owed(payment: &Payment, happened: &Happened) -> Option<Owed> {
    outgoing::owes_callback(payment, &happened.event).then(|| Owed {
        about: payment.order.id.to_string(),
        at: happened.at.as_millisecond(),
    })
}

/// What a callback is.
pub(super) fn call_meaning(call: &OutgoingCall) -> Owed {
    Owed {
        about: call.about.clone(),
        at: call.owed_at.as_millisecond(),
    }
}

pub(super) fn call_place(partition: &Partition, call: &OutgoingCall) -> Place {
    Place::of_unit(
        "calls",
        partition,
        format!("{} about {}", call.id, call.about),
    )
}
