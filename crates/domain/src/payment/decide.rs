//! Decisions: a command and a moment in, events or a cause out.

use jiff::Timestamp;

use super::{
    Approval, Asking, CancelledBy, Cause, ChosenShipping, Command, Due, Event, Grant, Method,
    Movement, Open, Payment, Reservation, Settlement, State, TransactionId,
    bank::BankAnswer,
    clock::{CAPTURE_DAYS, REFUND_DAYS, whole_days},
};
use crate::Minor;

impl Payment {
    /// Decides on `command` at `now`. The caller has let everything happen that was due before.
    ///
    /// Checks stand in the order in which the platform complains: what the state forbids, then
    /// what time forbids, then what the amount forbids.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Cause> {
        match command {
            Command::Open => self.requested().map(|open| {
                if open.opened_at.is_some() {
                    vec![]
                } else {
                    vec![Event::Opened]
                }
            }),
            Command::Show {
                payer,
                acts_at,
                transaction_id,
            } => {
                let open = self.requested()?;
                self.must_be_paid_by(&payer.phone)?;
                if open.payer.as_ref() == Some(payer) {
                    return Ok(vec![]);
                }
                Ok(vec![Event::Shown {
                    payer: payer.clone(),
                    transaction_id: transaction_id.clone(),
                    acts_at: *acts_at,
                }])
            }
            Command::PutDown => self.requested().map(|_| vec![Event::PutDown]),
            Command::OfferShipping(offer) => self.requested().map(|_| {
                vec![Event::ShippingOffered {
                    offer: offer.clone(),
                }]
            }),
            Command::EnterThreeDSecure => self.requested().map(|_| vec![Event::ThreeDSecureBegan]),
            Command::Approve(approval) => self.approve(approval),
            Command::Reject => self
                .requested()
                .map(|open| vec![self.give_up(open, CancelledBy::Payer)]),
            Command::LeaveLandingPage => self
                .requested()
                .map(|open| vec![self.give_up(open, CancelledBy::LandingPage)]),
            Command::Capture {
                asking,
                bank_pays,
                must_be_whole,
            } => self.capture(asking, *bank_pays, *must_be_whole, now),
            Command::Refund { asking, settlement } => self.refund(asking, *settlement, now),
            Command::Cancel {
                text,
                release_remainder,
                only_open,
                bank_agrees,
                transaction_id,
            } => {
                if *only_open && matches!(self.state, State::Reserved(_) | State::Voided { .. }) {
                    return Err(Cause::CancelOfAuthorized);
                }
                let cancelled = self.cancel(text, *release_remainder, transaction_id, now)?;
                if *bank_agrees {
                    Ok(cancelled)
                } else {
                    Err(Cause::CancelRefusedByBank)
                }
            }
            Command::TimePasses => Ok(self.time_passes(now)),
        }
    }

    fn requested(&self) -> Result<&Open, Cause> {
        match &self.state {
            State::Initiated(open) => Ok(open),
            State::OutcomeUnknown { .. } | State::Reserved(_) => Err(self.not_open(false)),
            State::Cancelled { .. } | State::Failed { .. } | State::Voided { .. } => {
                Err(self.not_open(true))
            }
        }
    }

    fn not_open(&self, ended: bool) -> Cause {
        let phase = self.phase();
        Cause::NotOpen { ended, phase }
    }

    /// Without a landing page nobody can change the number that the merchant named.
    fn must_be_paid_by(&self, phone: &crate::PhoneNumber) -> Result<(), Cause> {
        let fixed = self.order.skip_landing_page;
        if fixed && self.order.mobile.as_ref() != Some(phone) {
            return Err(Cause::NotThePayer);
        }
        Ok(())
    }

    fn approve(&self, approval: &Approval) -> Result<Vec<Event>, Cause> {
        let open = self.requested()?;
        if approval.forced {
            if self.order.is_express() {
                return Err(Cause::ApproveExpress);
            }
            match self.order.epayment() {
                Some(it) if it.method == Method::Card => return Err(Cause::ApproveCard),
                // ePayment approves what was pushed, too.
                Some(_) => {}
                None if self.order.skip_landing_page => {
                    return Err(Cause::ApproveSkipsLandingPage);
                }
                None => {}
            }
        } else {
            self.must_be_paid_by(&approval.payer.phone)?;
        }
        let transaction_id = self
            .transaction_id
            .clone()
            .unwrap_or_else(|| approval.transaction_id.clone());
        let shipping = self.chosen_shipping(open, approval.shipping_method.as_deref())?;
        let cost = shipping
            .as_ref()
            .map_or(Minor::ZERO, |shipping| shipping.method.cost);
        let grant = Box::new(Grant {
            payer: approval.payer.clone(),
            amount: self.order.amount.plus(cost),
            card_brand: approval.card_brand.clone(),
            card_bin: approval.card_bin,
            transaction_id: transaction_id.clone(),
            user: approval.user.clone(),
            sub: approval.sub.clone(),
            shipping,
        });
        Ok(vec![match approval.bank {
            BankAnswer::Accepts => Event::Reserved { grant },
            BankAnswer::Refuses(refusal) => Event::ReservationRefused {
                refusal,
                // ePayment numbers each attempt.
                transaction_id: match self.order.epayment() {
                    Some(_) => approval.transaction_id.clone(),
                    None => transaction_id,
                },
            },
            BankAnswer::StaysSilent => Event::OutcomeUnknown { grant },
            BankAnswer::WantsConfirmation => Event::ThreeDSecureBegan,
        }])
    }

    fn chosen_shipping(
        &self,
        open: &Open,
        method: Option<&str>,
    ) -> Result<Option<ChosenShipping>, Cause> {
        if !self.order.is_express() {
            return Ok(None);
        }
        let offer = open.offer.as_ref().ok_or(Cause::ShippingNotChosen)?;
        let chosen = offer.method(method).ok_or(Cause::ShippingNotChosen)?;
        let method = chosen.clone();
        Ok(Some(ChosenShipping {
            address: offer.address.clone(),
            method,
        }))
    }

    fn capture(
        &self,
        asking: &Asking,
        bank_pays: bool,
        must_be_whole: bool,
        now: Timestamp,
    ) -> Result<Vec<Event>, Cause> {
        let reservation = match &self.state {
            State::Initiated(_) => {
                let phase = self.phase();
                return Err(Cause::CaptureNotReserved {
                    ended: false,
                    phase,
                });
            }
            State::Failed { .. }
            | State::Cancelled {
                by: CancelledBy::Timeout,
                ..
            } => {
                let phase = self.phase();
                return Err(Cause::CaptureNotReserved { ended: true, phase });
            }
            State::Cancelled { .. } | State::Voided { .. } => {
                let phase = self.phase();
                return Err(Cause::CaptureOfCancelled { phase });
            }
            State::OutcomeUnknown { .. } => return Err(self.outcome_pending()),
            State::Reserved(reservation) => reservation,
        };
        if reservation.direct {
            return Err(Cause::CapturedDirectly);
        }
        let reserved = reservation.grant.amount;
        let captured = reservation.captured;
        // ePayment's 0 is no amount; eCom's is all there is, and never comes here.
        let nothing = asking.amount.is_some_and(Minor::is_zero);
        let everything = asking.amount.is_none_or(|amount| amount == reserved);
        if captured == reserved && (everything || nothing) {
            return Err(Cause::AlreadyCaptured { captured });
        }
        if whole_days(reservation.at, now) > CAPTURE_DAYS {
            return Err(Cause::CaptureTooLate {
                reserved_at: reservation.at,
            });
        }
        if reservation.released {
            return Err(Cause::CaptureAfterRelease { captured });
        }
        let remaining = reservation.remaining_to_capture();
        let amount = asking.amount.unwrap_or(remaining);
        if amount > remaining {
            return Err(Cause::CaptureExceedsReserved {
                reserved,
                captured,
                asked: amount,
            });
        }
        if nothing {
            return Err(Cause::AmountTooSmall {
                asked: amount,
                least: Minor::LEAST,
            });
        }
        if must_be_whole && amount < remaining {
            return Err(Cause::CaptureMustBeWhole {
                reserved: remaining,
                asked: amount,
            });
        }
        let movement = movement(asking, amount);
        Ok(vec![if bank_pays {
            Event::Captured(movement)
        } else {
            Event::CaptureFailed(movement)
        }])
    }

    fn refund(
        &self,
        asking: &Asking,
        settlement: Option<Settlement>,
        now: Timestamp,
    ) -> Result<Vec<Event>, Cause> {
        let reservation = match &self.state {
            State::Initiated(_) => return Err(Cause::RefundNotCaptured { reserved: false }),
            State::OutcomeUnknown { .. } => return Err(self.outcome_pending()),
            State::Cancelled { .. } | State::Failed { .. } | State::Voided { .. } => {
                let phase = self.phase();
                return Err(Cause::RefundOfCancelled { phase });
            }
            State::Reserved(reservation) => reservation,
        };
        let captured = reservation.captured;
        if captured.is_zero() {
            return Err(Cause::RefundNotCaptured { reserved: true });
        }
        if whole_days(reservation.at, now) > REFUND_DAYS {
            return Err(Cause::RefundTooLate {
                reserved_at: reservation.at,
            });
        }
        let remaining = reservation.remaining_to_refund();
        let amount = asking.amount.unwrap_or(remaining);
        if amount > remaining || amount.is_zero() {
            let refunded = reservation.refunded;
            return Err(Cause::RefundExceedsCaptured {
                captured,
                refunded,
                asked: amount,
            });
        }
        let movement = movement(asking, amount);
        let covered = settlement.is_none_or(|account| {
            account.balance.saturating_sub(amount.units()) >= -account.overdraft.units()
        });
        Ok(vec![if covered {
            Event::Refunded(movement)
        } else {
            Event::RefundFailed(movement)
        }])
    }

    fn cancel(
        &self,
        text: &str,
        release_remainder: bool,
        transaction_id: &TransactionId,
        now: Timestamp,
    ) -> Result<Vec<Event>, Cause> {
        let reservation = match &self.state {
            State::Initiated(open) if open.in_three_d_secure => {
                return Err(Cause::CancelInThreeDSecure);
            }
            State::Initiated(_) => {
                let text = Some(text.to_owned());
                return Ok(vec![Event::Cancelled {
                    by: CancelledBy::Merchant,
                    text,
                    transaction_id: None,
                }]);
            }
            State::OutcomeUnknown { .. } => return Err(self.outcome_pending()),
            State::Cancelled { .. } | State::Failed { .. } | State::Voided { .. } => {
                let phase = self.phase();
                return Err(Cause::AlreadyCancelled { phase });
            }
            State::Reserved(reservation) => reservation,
        };
        let captured = reservation.captured;
        let remaining = reservation.remaining_to_capture();
        if !captured.is_zero() && (!release_remainder || remaining.is_zero()) {
            return Err(Cause::CancelAfterCapture {
                captured,
                remaining,
            });
        }
        if whole_days(reservation.at, now) > CAPTURE_DAYS {
            return Err(Cause::CancelTooLate {
                reserved_at: reservation.at,
            });
        }
        let transaction_id = transaction_id.clone();
        let text = text.to_owned();
        Ok(vec![if captured.is_zero() {
            Event::Voided {
                text,
                amount: Some(reservation.grant.amount),
                transaction_id,
            }
        } else {
            Event::RemainderReleased {
                amount: remaining,
                text: Some(text),
                transaction_id: Some(transaction_id),
            }
        }])
    }

    fn time_passes(&self, now: Timestamp) -> Vec<Event> {
        let Some((moment, due)) = self.due() else {
            return vec![];
        };
        if moment > now {
            return vec![];
        }
        match (due, &self.state) {
            (Due::TimeOut, State::Initiated(open)) => {
                vec![self.give_up(open, CancelledBy::Timeout)]
            }
            (Due::BankAnswers, State::OutcomeUnknown { grant, .. }) => {
                vec![Event::Reserved {
                    grant: grant.clone(),
                }]
            }
            (Due::RemainderReleased, State::Reserved(reservation)) => {
                let amount = reservation.remaining_to_capture();
                vec![Event::RemainderReleased {
                    amount,
                    text: None,
                    transaction_id: None,
                }]
            }
            // The engine turns this one into an approval, for which it has the facts.
            (Due::PayerActs, _) => vec![],
            (Due::TimeOut | Due::BankAnswers | Due::RemainderReleased, _) => vec![],
        }
    }

    /// After a refusal by the bank the payment has failed; before, it was only not wanted. ePayment
    /// knows no failure: the payer may pick another card until the end.
    fn give_up(&self, open: &Open, by: CancelledBy) -> Event {
        match open.refused {
            Some(refusal) if self.order.epayment().is_none() => Event::Failed { refusal },
            Some(_) | None => Event::Cancelled {
                by,
                text: None,
                transaction_id: None,
            },
        }
    }

    fn outcome_pending(&self) -> Cause {
        let until = self.due().map_or(Timestamp::MAX, |(moment, _)| moment);
        Cause::OutcomePending { until }
    }
}

fn movement(asking: &Asking, amount: Minor) -> Movement {
    Movement {
        amount,
        text: asking.text.clone(),
        transaction_id: asking.transaction_id.clone(),
        request_id: asking.request_id.clone(),
    }
}

impl Reservation {
    /// Until when the bank's hold on the card lasts.
    pub fn held_until(&self) -> Timestamp {
        let days = self.hold_days();
        super::clock::after(self.at, jiff::SignedDuration::from_hours(24 * days))
    }

    fn hold_days(&self) -> i64 {
        if self.grant.card_brand == "Mastercard" {
            30
        } else {
            7
        }
    }

    /// Whether the bank's hold on the card is over, so that a capture needs a new authorisation:
    /// 30 days for Mastercard, 7 for all others (reference: platform.md §7).
    pub fn hold_is_over(&self, now: Timestamp) -> bool {
        whole_days(self.at, now) >= self.hold_days()
    }
}
