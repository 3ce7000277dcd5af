//! The payment machine.
//!
//! A [`Payment`] is the fold of its [`Event`]s. [`Payment::decide`] takes a [`Command`] and a
//! moment, and says what happens or why not; [`initiate`] does the same for the first command.
//! [`Payment::due`] says when the payment changes by itself. None of it reads a clock.
//!
//! ```text
//! Initiated ──approve──▶ Reserved ──capture──▶ … ──refund──▶ …
//!    │  └─bank silent─▶ OutcomeUnknown ─1 h─▶ ┘ └─cancel─▶ Voided
//!    └─reject, cancel, timeout─▶ Cancelled      (after a refusal by the bank: Failed)
//! ```

pub mod bank;
mod cause;
pub mod clock;
mod command;
mod decide;
mod epayment;
mod event;
mod log;
mod order;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use cause::{Cause, Operation, Refusal};
pub use command::{Approval, Asking, Command, InitiateFacts, Settlement, initiate};
pub use epayment::{
    Airline, Allowed, BlockedSource, CardPassthrough, Epayment, MadeBy, Method, Phase, QrFormat,
    UserFlow,
};
pub use event::{
    Acting, CancelledBy, Event, Grant, Happened, Movement, Payer, TransactionId, UserDetails,
};
pub use log::{LogLine, LogName, log_lines};
pub use order::{Checkout, ChosenShipping, Order, ShippingMethod, ShippingOffer, ShippingSource};

use crate::Minor;

/// A payment as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// What was asked for.
    pub order: Order,
    /// When.
    pub initiated_at: Timestamp,
    /// The number the log shows for INITIATE and RESERVE, once the request reached an app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<TransactionId>,
    /// Where it stands.
    pub state: State,
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum State {
    /// The payer has not decided.
    Initiated(Box<Open>),
    /// Approved, and the bank does not say what came of it.
    OutcomeUnknown {
        /// When it was approved.
        since: Timestamp,
        /// The reservation that will stand.
        grant: Box<Grant>,
    },
    /// It ended before any money was reserved. Final.
    Cancelled {
        /// When.
        at: Timestamp,
        /// How.
        by: CancelledBy,
    },
    /// The bank refused and the payer gave up. Final.
    Failed {
        /// When.
        at: Timestamp,
        /// The last refusal.
        refusal: Refusal,
    },
    /// Money is reserved, captured, refunded.
    Reserved(Box<Reservation>),
    /// The merchant let the reservation go. Final.
    Voided {
        /// When.
        at: Timestamp,
        /// What had been reserved.
        reservation: Box<Reservation>,
    },
}

/// A payment request that the payer has not answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// When the payer logged in or said OK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// In whose app it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<Payer>,
    /// A person who will approve unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting: Option<Acting>,
    /// What the bank said last, if it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// Whether the payer is confirming with the bank.
    pub in_three_d_secure: bool,
    /// The shipping methods the payer sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<ShippingOffer>,
}

/// Money that a payer approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// When.
    pub at: Timestamp,
    /// Whose, how much, and what was shared.
    pub grant: Grant,
    /// Whether it was captured at approval.
    pub direct: bool,
    /// How much was captured.
    pub captured: Minor,
    /// How much of that was given back.
    pub refunded: Minor,
    /// Whether what was not captured has gone back to the payer.
    pub released: bool,
    /// When the first capture was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_captured_at: Option<Timestamp>,
}

/// What a payment does by itself at its [`Payment::due`] moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nobody acted in time.
    TimeOut,
    /// A person who acts unasked approves.
    PayerActs,
    /// The bank says what came of the approval.
    BankAnswers,
    /// The bank gives back what was not captured.
    RemainderReleased,
}

impl Reservation {
    /// What can still be captured.
    pub fn remaining_to_capture(&self) -> Minor {
        if self.released {
            Minor::ZERO
        } else {
            self.grant.amount.minus(self.captured)
        }
    }

    /// What can still be refunded.
    pub fn remaining_to_refund(&self) -> Minor {
        self.captured.minus(self.refunded)
    }
}

impl Payment {
    /// The reservation, also one that was let go.
    pub fn reservation(&self) -> Option<&Reservation> {
        match &self.state {
            State::Reserved(reservation) | State::Voided { reservation, .. } => Some(reservation),
            State::Initiated(_)
            | State::OutcomeUnknown { .. }
            | State::Cancelled { .. }
            | State::Failed { .. } => None,
        }
    }

    /// The open request, while the payer has not decided.
    pub fn open(&self) -> Option<&Open> {
        match &self.state {
            State::Initiated(open) => Some(open),
            State::OutcomeUnknown { .. }
            | State::Cancelled { .. }
            | State::Failed { .. }
            | State::Reserved(_)
            | State::Voided { .. } => None,
        }
    }

    /// When the link stops working: five minutes after the initiate, or after it was opened. ePayment
    /// knows requests that live longer.
    pub fn link_expires_at(&self) -> Timestamp {
        if let Some(epayment) = self.order.epayment() {
            if let Some(expires_at) = epayment.expires_at {
                return expires_at;
            }
            if epayment.user_flow == UserFlow::PushMessage {
                return clock::after(self.initiated_at, clock::PUSH_LIFE);
            }
        }
        let opened_at = self.open().and_then(|open| open.opened_at);
        clock::after(opened_at.unwrap_or(self.initiated_at), clock::LINK_LIFE)
    }

    /// When the payment changes by itself, and how.
    pub fn due(&self) -> Option<(Timestamp, Due)> {
        match &self.state {
            State::Initiated(open) => {
                let times_out = (self.link_expires_at(), Due::TimeOut);
                match &open.acting {
                    Some(acting) if acting.at < times_out.0 => Some((acting.at, Due::PayerActs)),
                    _ => Some(times_out),
                }
            }
            State::OutcomeUnknown { since, .. } => {
                Some((clock::after(*since, clock::SILENCE), Due::BankAnswers))
            }
            // Of ePayment's the bank keeps what is left until the merchant cancels it.
            State::Reserved(_) if self.order.epayment().is_some() => None,
            State::Reserved(reservation) => {
                let captured_at = reservation.first_captured_at?;
                if reservation.remaining_to_capture().is_zero() {
                    return None;
                }
                // Seven days after the reservation; a first capture later than that gets its own
                // seven days, or the rest would be gone at the moment of the capture.
                let held_until = clock::after(reservation.at, clock::REMAINDER_HELD);
                let due = if captured_at < held_until {
                    held_until
                } else {
                    clock::after(captured_at, clock::REMAINDER_HELD)
                };
                Some((due, Due::RemainderReleased))
            }
            State::Cancelled { .. } | State::Failed { .. } | State::Voided { .. } => None,
        }
    }

    /// Folds a whole history.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Happened>) -> Option<Payment> {
        events.into_iter().fold(None, Payment::apply)
    }

    /// The payment after one more event. `None` only for a history that does not begin with
    /// [`Event::Initiated`], which no decision produces.
    pub fn apply(before: Option<Payment>, happened: &Happened) -> Option<Payment> {
        let at = happened.at;
        if let Event::Initiated { order, acts } = &happened.event {
            let open = Open {
                acting: acts.clone(),
                ..Open::default()
            };
            return Some(Payment {
                order: (**order).clone(),
                initiated_at: at,
                transaction_id: None,
                state: State::Initiated(Box::new(open)),
            });
        }
        let mut payment = before?;
        payment.change(at, &happened.event);
        Some(payment)
    }

    fn change(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Initiated { .. } => {}
            Event::Opened => self.while_open(|open| {
                open.opened_at.get_or_insert(at);
            }),
            Event::Shown {
                payer,
                transaction_id,
                acts_at,
            } => {
                self.transaction_id
                    .get_or_insert_with(|| transaction_id.clone());
                self.while_open(|open| {
                    open.payer = Some(payer.clone());
                    open.acting = acts_at.map(|at| Acting {
                        payer: payer.clone(),
                        at,
                    });
                });
            }
            Event::PutDown => self.while_open(|open| open.acting = None),
            Event::ShippingOffered { offer } => {
                self.while_open(|open| open.offer = Some(offer.clone()));
            }
            Event::ThreeDSecureBegan => self.while_open(|open| open.in_three_d_secure = true),
            Event::ReservationRefused {
                refusal,
                transaction_id,
            } => {
                // ePayment numbers each attempt.
                if self.order.epayment().is_none() {
                    self.transaction_id
                        .get_or_insert_with(|| transaction_id.clone());
                }
                self.while_open(|open| {
                    open.refused = Some(*refusal);
                    open.acting = None;
                    open.in_three_d_secure = false;
                });
            }
            Event::OutcomeUnknown { grant } => {
                self.transaction_id = Some(grant.transaction_id.clone());
                self.state = State::OutcomeUnknown {
                    since: at,
                    grant: grant.clone(),
                };
            }
            Event::Reserved { grant } => {
                self.transaction_id = Some(grant.transaction_id.clone());
                let direct = self.order.capture == crate::sales_unit::CaptureType::Direct;
                self.state = State::Reserved(Box::new(Reservation {
                    at,
                    captured: if direct { grant.amount } else { Minor::ZERO },
                    grant: (**grant).clone(),
                    direct,
                    refunded: Minor::ZERO,
                    released: false,
                    first_captured_at: direct.then_some(at),
                }));
            }
            Event::Cancelled { by, .. } => self.state = State::Cancelled { at, by: *by },
            Event::Failed { refusal } => {
                self.state = State::Failed {
                    at,
                    refusal: *refusal,
                }
            }
            Event::Voided { .. } => {
                if let State::Reserved(reservation) = &self.state {
                    let mut reservation = reservation.clone();
                    reservation.released = true;
                    self.state = State::Voided { at, reservation };
                }
            }
            Event::Captured(movement) => self.while_reserved(|reservation| {
                reservation.captured = reservation.captured.plus(movement.amount);
                reservation.first_captured_at.get_or_insert(at);
            }),
            Event::RemainderReleased { .. } => {
                self.while_reserved(|reservation| reservation.released = true);
            }
            Event::Refunded(movement) => self.while_reserved(|reservation| {
                reservation.refunded = reservation.refunded.plus(movement.amount);
            }),
            Event::CaptureFailed(_) | Event::RefundFailed(_) => {}
        }
    }

    fn while_open(&mut self, change: impl FnOnce(&mut Open)) {
        if let State::Initiated(open) = &mut self.state {
            change(open);
        }
    }

    fn while_reserved(&mut self, change: impl FnOnce(&mut Reservation)) {
        if let State::Reserved(reservation) = &mut self.state {
            change(reservation);
        }
    }
}
