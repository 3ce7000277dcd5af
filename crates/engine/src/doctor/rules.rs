//! Which events the machine can have made of a payment.

use sandkasse_domain::{
    Minor,
    payment::{CancelledBy, Event, Grant, Open, Payment, Reservation, State},
};

/// Why no decision makes `event` of a payment that stood like this.
pub(super) fn forbids(before: Option<&Payment>, event: &Event) -> Option<String> {
    let Some(payment) = before else {
        let begins = matches!(event, Event::Initiated { .. });
        return (!begins).then(|| format!("a history begins with {}", name(event)));
    };
    match event {
        Event::Initiated { .. } => Some("initiated a second time".to_owned()),
        Event::Opened
        | Event::Shown { .. }
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::ReservationRefused { .. } => while_open(payment, event).err(),
        Event::Cancelled { .. } => match while_open(payment, event) {
            Ok(open)
                if open.refused.is_some()
                    && payment.order.epayment().is_none()
                    && !by_merchant(event) =>
            {
                Some("cancelled after a refusal by the bank, which is a failure".to_owned())
            }
            Ok(_) => None,
            Err(why) => Some(why),
        },
        Event::Failed { refusal } => match while_open(payment, event) {
            Ok(open) if open.refused == Some(*refusal) => None,
            Ok(_) => Some("failed for what the bank had not said".to_owned()),
            Err(why) => Some(why),
        },
        Event::OutcomeUnknown { grant } => match while_open(payment, event) {
            Ok(_) => amount(payment, grant),
            Err(why) => Some(why),
        },
        Event::Reserved { grant } => match &payment.state {
            State::Initiated(_) => amount(payment, grant),
            State::OutcomeUnknown { grant: known, .. } => {
                (known != grant).then(|| "another reservation than was approved".to_owned())
            }
            State::Cancelled { .. }
            | State::Failed { .. }
            | State::Reserved(_)
            | State::Voided { .. } => Some("reserved when it was no longer open".to_owned()),
        },
        Event::Voided { .. } => with(payment, event, |it| {
            if it.captured.is_zero() {
                None
            } else {
                Some("voided after a capture".to_owned())
            }
        }),
        Event::Captured(movement) | Event::CaptureFailed(movement) => with(payment, event, |it| {
            let (asked, left) = (movement.amount, it.remaining_to_capture());
            if it.direct {
                Some("captured by hand, although it was captured at the approval".to_owned())
            } else {
                (asked > left)
                    .then(|| format!("captures {} when {} were left", asked.units(), left.units()))
            }
        }),
        Event::RemainderReleased { amount, .. } => with(payment, event, |it| {
            let left = it.remaining_to_capture();
            (*amount != left || it.captured.is_zero() || left.is_zero()).then(|| {
                format!(
                    "releases {} when {} were left",
                    amount.units(),
                    left.units()
                )
            })
        }),
        Event::Refunded(movement) | Event::RefundFailed(movement) => with(payment, event, |it| {
            let (asked, left) = (movement.amount, it.remaining_to_refund());
            (asked > left || asked.is_zero())
                .then(|| format!("refunds {} when {} were left", asked.units(), left.units()))
        }),
    }
}

/// Why the sums of a payment cannot be.
pub(super) fn impossible(payment: &Payment) -> Option<String> {
    let it = payment.reservation()?;
    let (reserved, captured, refunded) = (it.grant.amount, it.captured, it.refunded);
    if captured > reserved {
        return Some(format!(
            "{} captured of {} reserved",
            captured.units(),
            reserved.units()
        ));
    }
    (refunded > captured).then(|| {
        format!(
            "{} refunded of {} captured",
            refunded.units(),
            captured.units()
        )
    })
}

/// How an event is called in the database.
pub(super) fn name(event: &Event) -> &'static str {
    match event {
        Event::Initiated { .. } => "initiated",
        Event::Opened => "opened",
        Event::Shown { .. } => "shown",
        Event::PutDown => "put_down",
        Event::ShippingOffered { .. } => "shipping_offered",
        Event::ThreeDSecureBegan => "three_d_secure_began",
        Event::ReservationRefused { .. } => "reservation_refused",
        Event::OutcomeUnknown { .. } => "outcome_unknown",
        Event::Reserved { .. } => "reserved",
        Event::Cancelled { .. } => "cancelled",
        Event::Failed { .. } => "failed",
        Event::Voided { .. } => "voided",
        Event::Captured(_) => "captured",
        Event::CaptureFailed(_) => "capture_failed",
        Event::RemainderReleased { .. } => "remainder_released",
        Event::Refunded(_) => "refunded",
        Event::RefundFailed(_) => "refund_failed",
    }
}

fn by_merchant(event: &Event) -> bool {
    matches!(
        event,
        Event::Cancelled {
            by: CancelledBy::Merchant,
            ..
        }
    )
}

fn while_open<'a>(payment: &'a Payment, event: &Event) -> Result<&'a Open, String> {
    let gone = || format!("{} when it was no longer open", name(event));
    payment.open().ok_or_else(gone)
}

fn with(
    payment: &Payment,
    event: &Event,
    check: impl FnOnce(&Reservation) -> Option<String>,
) -> Option<String> {
    match &payment.state {
        State::Reserved(reservation) => check(reservation),
        State::Initiated(_)
        | State::OutcomeUnknown { .. }
        | State::Cancelled { .. }
        | State::Failed { .. }
        | State::Voided { .. } => Some(format!("{} when nothing was reserved", name(event))),
    }
}

/// What is reserved is what was ordered, and the shipping that was chosen.
fn amount(payment: &Payment, grant: &Grant) -> Option<String> {
    let shipping = grant
        .shipping
        .as_ref()
        .map_or(Minor::ZERO, |it| it.method.cost);
    let ordered = payment.order.amount.plus(shipping);
    (grant.amount != ordered).then(|| {
        let (reserved, ordered) = (grant.amount.units(), ordered.units());
        format!("{reserved} reserved of {ordered} ordered")
    })
}
