//! What webhooks tell of payments (reference: webhooks.md §6.2).

use sandkasse_domain::{
    Minor, Msn,
    payment::{CancelledBy, Event, Happened, Payment, TransactionId},
    webhook::EventId,
};
use serde::Serialize;

use super::Published;
use crate::outgoing::ecom_time;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    msn: &'a str,
    reference: &'a str,
    psp_reference: &'a str,
    name: &'static str,
    amount: Amount,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
    success: bool,
}

#[derive(Serialize)]
struct Amount {
    currency: &'static str,
    value: Minor,
}

/// What a webhook tells of an event of a payment; `payment` is as it stands after it. `None` for what
/// is not told, and for payments that were not made by ePayment: their merchants get callbacks.
pub fn payment_event(msn: &Msn, payment: &Payment, happened: &Happened) -> Option<Published> {
    let order = &payment.order;
    let epayment = order.epayment()?;
    let created_under = Some(epayment.idempotency_key.as_str());
    let (event, name, number, amount, key): (_, _, Option<&TransactionId>, _, _) =
        match &happened.event {
            Event::Initiated { .. } => {
                let event = EventId::PaymentCreated;
                (event, "CREATED", None, order.amount, created_under)
            }
            Event::Reserved { grant } => (
                EventId::PaymentAuthorized,
                "AUTHORIZED",
                Some(&grant.transaction_id),
                grant.amount,
                created_under,
            ),
            Event::Cancelled {
                by, transaction_id, ..
            } => {
                let (event, name) = match by {
                    CancelledBy::Payer | CancelledBy::LandingPage => {
                        (EventId::PaymentAborted, "ABORTED")
                    }
                    CancelledBy::Timeout => (EventId::PaymentExpired, "EXPIRED"),
                    CancelledBy::Merchant => (EventId::PaymentTerminated, "TERMINATED"),
                };
                // The amount of these is given nowhere: the created one.
                let number = transaction_id.as_ref();
                (event, name, number, order.amount, created_under)
            }
            // No key is told of a cancellation (reference: epayment.md §2.5).
            Event::Voided { transaction_id, .. } => (
                EventId::PaymentCancelled,
                "CANCELLED",
                Some(transaction_id),
                payment
                    .reservation()
                    .map_or(order.amount, |it| it.grant.amount),
                None,
            ),
            Event::RemainderReleased {
                amount,
                transaction_id,
                ..
            } => (
                EventId::PaymentCancelled,
                "CANCELLED",
                transaction_id.as_ref(),
                *amount,
                None,
            ),
            Event::Captured(movement) => (
                EventId::PaymentCaptured,
                "CAPTURED",
                Some(&movement.transaction_id),
                movement.amount,
                movement.request_id.as_deref(),
            ),
            Event::Refunded(movement) => (
                EventId::PaymentRefunded,
                "REFUNDED",
                Some(&movement.transaction_id),
                movement.amount,
                movement.request_id.as_deref(),
            ),
            // What failed is possible in the schema and described nowhere: not told (epayment.md 8.13).
            Event::Opened
            | Event::Shown { .. }
            | Event::PutDown
            | Event::ShippingOffered { .. }
            | Event::ThreeDSecureBegan
            | Event::ReservationRefused { .. }
            | Event::OutcomeUnknown { .. }
            | Event::Failed { .. }
            | Event::CaptureFailed(_)
            | Event::RefundFailed(_) => return None,
        };
    let told = Told {
        msn: msn.as_str(),
        reference: order.id.as_str(),
        psp_reference: number.map_or(epayment.psp_reference.as_str(), |number| &number.0),
        name,
        amount: Amount {
            currency: epayment.currency.code(),
            value: amount,
        },
        timestamp: ecom_time(happened.at),
        idempotency_key: key,
        success: true,
    };
    Some(Published {
        event,
        about: order.id.to_string(),
        at: happened.at,
        body: serde_json::to_string(&told).expect("plain structs always serialise"),
    })
}
