//! What happened to a payment, as a timeline.

use sandkasse_domain::{
    Currency, Minor,
    payment::{CancelledBy, Event, Happened, Movement, Payer, Refusal, ShippingOffer},
};

use crate::portal::show::{When, money};

/// One line of it.
pub(super) struct Line {
    pub(super) at: When,
    /// For programs.
    pub(super) event: &'static str,
    pub(super) what: String,
    pub(super) who: String,
    pub(super) amount: Option<String>,
    sum: Option<Minor>,
    /// The words of whoever did it.
    pub(super) text: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) transaction_id: Option<String>,
    /// Whether it went wrong.
    pub(super) is_bad: bool,
}

const MERCHANT: &str = "The merchant";
const BANK: &str = "The bank";

impl Line {
    fn new(happened: &Happened, event: &'static str, what: &str, who: &str) -> Line {
        Line {
            at: happened.at.into(),
            event,
            what: what.to_owned(),
            who: who.to_owned(),
            amount: None,
            sum: None,
            text: None,
            request_id: None,
            transaction_id: None,
            is_bad: false,
        }
    }

    fn of_payer(happened: &Happened, event: &'static str, what: &str, payer: &Payer) -> Line {
        Line::new(happened, event, what, &payer.phone.to_string())
    }

    fn with(self, amount: Minor) -> Line {
        let sum = Some(amount);
        Line { sum, ..self }
    }

    fn moved(self, movement: &Movement) -> Line {
        Line {
            sum: Some(movement.amount),
            text: Some(movement.text.clone()),
            request_id: movement.request_id.clone(),
            transaction_id: Some(movement.transaction_id.0.clone()),
            ..self
        }
    }

    fn bad(self) -> Line {
        let is_bad = true;
        Line { is_bad, ..self }
    }

    /// What happened, with amounts of this currency.
    pub(super) fn of(it: &Happened, currency: Currency) -> Line {
        let line = Line::told(it);
        let amount = line.sum.map(|sum| money(sum, currency));
        Line { amount, ..line }
    }

    fn told(it: &Happened) -> Line {
        match &it.event {
            Event::Initiated { order, acts } => {
                let line = Line::new(it, "initiated", "asked for the payment", MERCHANT);
                let what = acts.as_ref().map_or_else(
                    || line.what.clone(),
                    |acts| format!("{}; {} will approve unasked", line.what, acts.payer.phone),
                );
                Line {
                    what,
                    text: Some(order.text.clone()),
                    ..line.with(order.amount)
                }
            }
            Event::Opened => Line::new(it, "opened", "opened the request", "The payer"),
            Event::Shown {
                payer,
                transaction_id,
                ..
            } => Line {
                transaction_id: Some(transaction_id.0.clone()),
                ..Line::of_payer(it, "shown", "sees the request in the app", payer)
            },
            Event::PutDown => {
                Line::new(it, "put_down", "could not approve unasked", "The payer").bad()
            }
            Event::ShippingOffered { offer } => {
                let what = format!("sees {}", ways(offer));
                Line::new(it, "shipping_offered", &what, "The payer")
            }
            Event::ThreeDSecureBegan => Line::new(
                it,
                "three_d_secure_began",
                "asks the payer to confirm (3-D Secure)",
                BANK,
            ),
            Event::ReservationRefused {
                refusal,
                transaction_id,
            } => {
                let what = format!("refused: {}", reason(*refusal));
                Line {
                    transaction_id: Some(transaction_id.0.clone()),
                    ..Line::new(it, "reservation_refused", &what, BANK).bad()
                }
            }
            Event::OutcomeUnknown { grant } => {
                let what = "approved; the bank does not say yet what came of it";
                Line::of_payer(it, "outcome_unknown", what, &grant.payer).with(grant.amount)
            }
            Event::Reserved { grant } => Line {
                transaction_id: Some(grant.transaction_id.0.clone()),
                ..Line::of_payer(
                    it,
                    "reserved",
                    "approved; the money is reserved",
                    &grant.payer,
                )
                .with(grant.amount)
            },
            Event::Cancelled { by, text, .. } => Line {
                text: text.clone(),
                ..cancelled(it, *by)
            },
            Event::Failed { refusal } => {
                let what = format!("the payment failed: {}", reason(*refusal));
                Line::new(it, "failed", &what, BANK).bad()
            }
            Event::Voided {
                text,
                transaction_id,
                ..
            } => Line {
                text: Some(text.clone()),
                transaction_id: Some(transaction_id.0.clone()),
                ..Line::new(it, "voided", "let the reservation go", MERCHANT)
            },
            Event::Captured(movement) => {
                Line::new(it, "captured", "captured", MERCHANT).moved(movement)
            }
            Event::CaptureFailed(movement) => {
                Line::new(it, "capture_failed", "refused a capture", BANK)
                    .moved(movement)
                    .bad()
            }
            Event::RemainderReleased {
                amount,
                text,
                transaction_id,
            } => {
                let who = if text.is_some() { MERCHANT } else { BANK };
                let what = "gave free what was not captured";
                Line {
                    text: text.clone(),
                    transaction_id: transaction_id.as_ref().map(|id| id.0.clone()),
                    ..Line::new(it, "remainder_released", what, who).with(*amount)
                }
            }
            Event::Refunded(movement) => {
                Line::new(it, "refunded", "refunded", MERCHANT).moved(movement)
            }
            Event::RefundFailed(movement) => {
                let what = "could not refund: the settlement account does not cover it";
                Line::new(it, "refund_failed", what, MERCHANT)
                    .moved(movement)
                    .bad()
            }
        }
    }
}

fn cancelled(it: &Happened, by: CancelledBy) -> Line {
    let (what, who) = match by {
        CancelledBy::Payer => ("rejected in the app", "The payer"),
        CancelledBy::LandingPage => ("gave up on the landing page", "The payer"),
        CancelledBy::Merchant => ("cancelled", MERCHANT),
        CancelledBy::Timeout => ("acted in time; the request timed out", "Nobody"),
    };
    Line::new(it, "cancelled", what, who).bad()
}

fn ways(offer: &ShippingOffer) -> String {
    match offer.methods.len() {
        1 => "one way to ship".to_owned(),
        count => format!("{count} ways to ship"),
    }
}

fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NoValidCard => "no valid card (41)",
        Refusal::ByIssuer => "refused by the issuer (42)",
        Refusal::InvalidAmount => "amount not accepted by the issuer (43)",
        Refusal::ExpiredCard => "the card has expired (44)",
        Refusal::ReasonUnknown => "3-D Secure denied, or the reason is not known (45)",
    }
}
