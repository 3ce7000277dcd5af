//! What eCom answers to what went well.
//!
//! The three success answers order their members differently, as recorded on 2021-07-09; absent
//! members are left out, never null.

use sandkasse_domain::{
    Minor,
    payment::{Event, Operation, Payment, TransactionId},
};
use sandkasse_engine::{Operated, outgoing::ecom_time};
use serde::Serialize;

/// The sums of a payment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    captured_amount: Minor,
    remaining_amount_to_capture: Minor,
    refunded_amount: Minor,
    remaining_amount_to_refund: Minor,
    /// Details alone shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bank_identification_number: Option<u32>,
}

impl Summary {
    /// All zero until something was reserved.
    pub(super) fn of(payment: &Payment) -> Summary {
        let reservation = payment.reservation();
        Summary {
            captured_amount: reservation.map_or(Minor::ZERO, |it| it.captured),
            remaining_amount_to_capture: reservation
                .map_or(Minor::ZERO, |it| it.remaining_to_capture()),
            refunded_amount: reservation.map_or(Minor::ZERO, |it| it.refunded),
            remaining_amount_to_refund: reservation
                .map_or(Minor::ZERO, |it| it.remaining_to_refund()),
            bank_identification_number: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initiated<'a> {
    order_id: &'a str,
    url: &'a str,
}

/// The answer to an initiate.
pub(super) fn initiated(order_id: &str, url: &str) -> String {
    json(&Initiated { order_id, url })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Modified<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_instrument: Option<&'a str>,
    order_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_info: Option<Info<'a>>,
    /// A refund calls it so.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<RefundInfo<'a>>,
    transaction_summary: Summary,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Info<'a> {
    Capture(CaptureInfo<'a>),
    Cancel(CancelInfo<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CaptureInfo<'a> {
    amount: Minor,
    time_stamp: &'a str,
    transaction_text: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a TransactionId>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelInfo<'a> {
    amount: Minor,
    transaction_text: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a TransactionId>,
    time_stamp: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundInfo<'a> {
    amount: Minor,
    transaction_text: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a TransactionId>,
    time_stamp: &'a str,
}

/// One movement as the answer shows it.
struct Shown<'a> {
    amount: Minor,
    text: &'a str,
    transaction_id: Option<&'a TransactionId>,
}

/// The answer to a capture, cancel or refund.
pub(super) fn modified(operation: Operation, operated: &Operated) -> String {
    let payment = &operated.payment;
    let shown = operated
        .happened
        .last()
        .and_then(|it| shown(payment, &it.event));
    let shown = shown.unwrap_or(Shown {
        amount: Minor::ZERO,
        text: "",
        transaction_id: None,
    });
    let time_stamp = ecom_time(operated.now);
    let Shown {
        amount,
        text: transaction_text,
        transaction_id,
    } = shown;
    let (time_stamp, order_id) = (time_stamp.as_str(), payment.order.id.as_str());
    let (mut info, mut transaction) = (None, None);
    match operation {
        Operation::Refund => {
            let status = "Refund";
            transaction = Some(RefundInfo {
                amount,
                transaction_text,
                status,
                transaction_id,
                time_stamp,
            });
        }
        Operation::Cancel => {
            let status = "Cancelled";
            info = Some(Info::Cancel(CancelInfo {
                amount,
                transaction_text,
                status,
                transaction_id,
                time_stamp,
            }));
        }
        Operation::Capture
        | Operation::Initiate
        | Operation::Details
        | Operation::Status
        | Operation::Approve => {
            let status = "Captured";
            info = Some(Info::Capture(CaptureInfo {
                amount,
                time_stamp,
                transaction_text,
                status,
                transaction_id,
            }));
        }
    }
    json(&Modified {
        payment_instrument: payment.reservation().map(|it| it.grant.card_brand.as_str()),
        order_id,
        transaction_info: info,
        transaction,
        transaction_summary: Summary::of(payment),
    })
}

fn shown<'a>(payment: &'a Payment, event: &'a Event) -> Option<Shown<'a>> {
    // A cancel always shows the ordered amount.
    let ordered = payment.order.amount;
    Some(match event {
        Event::Captured(movement) | Event::Refunded(movement) => Shown {
            amount: movement.amount,
            text: &movement.text,
            transaction_id: Some(&movement.transaction_id),
        },
        // Without a transactionId, as recorded for an order that was never reserved.
        Event::Cancelled { text, .. } => Shown {
            amount: ordered,
            text: text.as_deref().unwrap_or_default(),
            transaction_id: None,
        },
        Event::Voided {
            text,
            transaction_id,
            ..
        } => Shown {
            amount: ordered,
            text,
            transaction_id: Some(transaction_id),
        },
        Event::RemainderReleased {
            text,
            transaction_id,
            ..
        } => Shown {
            amount: ordered,
            text: text.as_deref().unwrap_or_default(),
            transaction_id: transaction_id.as_ref(),
        },
        Event::Initiated { .. }
        | Event::Opened
        | Event::Shown { .. }
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::ReservationRefused { .. }
        | Event::OutcomeUnknown { .. }
        | Event::Reserved { .. }
        | Event::Failed { .. }
        | Event::CaptureFailed(_)
        | Event::RefundFailed(_) => return None,
    })
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs without maps always serialise")
}
