//! What happened to a payment, as the control API shows it.

use sandkasse_domain::{
    Minor, Timestamp,
    payment::{CancelledBy, Event, Happened, Refusal},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::schemas;

/// Something that happened to a payment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HappenedView {
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    #[schema(example = "reserved")]
    pub(crate) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub(crate) amount: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::refusal)]
    pub(crate) refusal: Option<Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::cancelled_by)]
    by: Option<CancelledBy>,
}

impl HappenedView {
    pub(crate) fn of(happened: &Happened) -> HappenedView {
        let mut view = HappenedView {
            at: happened.at,
            event: "",
            amount: None,
            refusal: None,
            by: None,
        };
        view.event = match &happened.event {
            Event::Initiated { order, .. } => {
                view.amount = Some(order.amount);
                "initiated"
            }
            Event::Opened => "opened",
            Event::Shown { .. } => "shown",
            Event::PutDown => "put_down",
            Event::ShippingOffered { .. } => "shipping_offered",
            Event::ThreeDSecureBegan => "three_d_secure_began",
            Event::ReservationRefused { refusal, .. } => {
                view.refusal = Some(*refusal);
                "reservation_refused"
            }
            Event::OutcomeUnknown { grant } => {
                view.amount = Some(grant.amount);
                "outcome_unknown"
            }
            Event::Reserved { grant } => {
                view.amount = Some(grant.amount);
                "reserved"
            }
            Event::Cancelled { by, .. } => {
                view.by = Some(*by);
                "cancelled"
            }
            Event::Failed { refusal } => {
                view.refusal = Some(*refusal);
                "failed"
            }
            Event::Voided { .. } => "voided",
            Event::Captured(movement) => {
                view.amount = Some(movement.amount);
                "captured"
            }
            Event::CaptureFailed(movement) => {
                view.amount = Some(movement.amount);
                "capture_failed"
            }
            Event::RemainderReleased { amount, .. } => {
                view.amount = Some(*amount);
                "remainder_released"
            }
            Event::Refunded(movement) => {
                view.amount = Some(movement.amount);
                "refunded"
            }
            Event::RefundFailed(movement) => {
                view.amount = Some(movement.amount);
                "refund_failed"
            }
        };
        view
    }
}
