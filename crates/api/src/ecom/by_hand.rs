//! Capture, cancel, refund and force approve by hand, as a merchant's people do on the portal.
//!
//! There are no keys, no HTTP and no limit per minute. From step 10 of the checks on it is what a
//! call meets: the same standing, the same machine, the same words. Faults on demand strike calls
//! and not this.

use std::sync::Arc;

use sandkasse_domain::{
    Minor, PhoneNumber,
    payment::{Cause, Operation},
    person::CannotPay,
    phone::BadNumber,
};
use sandkasse_engine::{Act, Engine, Idempotency, Intent, Operated, Refused, Rendered, Unit};
use sandkasse_gate::{
    ActingBy, Caller, GateCause, Trace,
    standing::{Needs, payments_approved, standing},
};

use super::{refusals, wire};

/// What somebody wants done.
#[derive(Clone, Debug)]
pub enum ByHand {
    /// Take reserved money; all of it without an amount.
    Capture(Moved),
    /// Give captured money back; all of it without an amount.
    Refund(Moved),
    /// Let the payment go.
    Cancel {
        /// The merchant's words.
        text: String,
        /// After a capture: give back what was not captured.
        release_remainder: bool,
    },
    /// Approve in the payer's place, ignoring test amounts.
    Approve {
        /// Who pays; whom the merchant named, if left out.
        phone: Option<PhoneNumber>,
    },
}

/// Money to be moved.
#[derive(Clone, Debug)]
pub struct Moved {
    /// `None` is everything.
    pub amount: Option<Minor>,
    /// The merchant's words.
    pub text: String,
    /// The same one a second time does nothing more.
    pub request_id: String,
}

/// The refusal that a call would have got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Says {
    /// HTTP status.
    pub status: u16,
    /// `errorGroup`.
    pub group: &'static str,
    /// `errorCode`.
    pub code: String,
    /// `errorMessage`.
    pub text: String,
    /// The id under which the reference lists the cause.
    pub cause: &'static str,
}

/// Why it was not done.
#[derive(Clone, Debug)]
pub enum NotDone {
    /// The platform says no.
    Refused(Says),
    /// The platform itself failed. The text is for the log.
    Fault(String),
}

/// Does it.
pub async fn by_hand(
    engine: &Engine,
    unit: &Arc<Unit>,
    order: &str,
    wanted: ByHand,
) -> Result<(), NotDone> {
    let by_gate = |cause: GateCause| refused_by_gate(engine, unit, &cause);
    let by_machine = |refused: Refused| refused_by_machine(engine, unit, refused);
    let needs = match &wanted {
        ByHand::Capture(_) => Needs::OpenForPayments,
        ByHand::Refund(_) | ByHand::Cancel { .. } | ByHand::Approve { .. } => Needs::TheBooks,
    };
    let caller = Caller {
        unit: unit.clone(),
        by: ActingBy::Itself,
        subscription_key: None,
    };
    let mut trace = Trace::default();
    standing(engine, &caller, needs, &mut trace)
        .await
        .map_err(by_gate)?;
    payments_approved(&caller, &mut trace).map_err(by_gate)?;
    let (operation, moved, intent) = match wanted {
        ByHand::Capture(moved) => {
            let intent = Intent::Capture {
                amount: moved.amount,
                text: moved.text.clone(),
                request_id: Some(moved.request_id.clone()),
            };
            (Operation::Capture, Some(moved), intent)
        }
        ByHand::Refund(moved) => {
            let intent = Intent::Refund {
                amount: moved.amount,
                text: moved.text.clone(),
                request_id: Some(moved.request_id.clone()),
            };
            (Operation::Refund, Some(moved), intent)
        }
        ByHand::Cancel {
            text,
            release_remainder,
        } => {
            let intent = Intent::Cancel {
                text,
                release_remainder,
                only_open: false,
            };
            (Operation::Cancel, None, intent)
        }
        ByHand::Approve { phone } => {
            let view = engine.view(unit, order).await.map_err(by_machine)?;
            let nobody = Cause::NotATestNumber {
                reason: CannotPay::Number(BadNumber::Format),
            };
            let phone = phone
                .or(view.payment.order.mobile)
                .ok_or_else(|| by_machine(nobody.into()))?;
            let intent = Intent::Person(Act::ForceApprove { phone });
            (Operation::Approve, None, intent)
        }
    };
    let render = move |operated: &Operated| Rendered {
        status: 200,
        body: wire::modified(operation, operated),
    };
    let idempotency = moved.as_ref().map(|moved| Idempotency {
        operation,
        key: &moved.request_id,
        fingerprint: fingerprint(moved.amount, &moved.text),
        render: &render,
        refusals: None,
    });
    engine
        .carry_out(unit, order, intent, idempotency)
        .await
        .map(drop)
        .map_err(by_machine)
}

/// What makes two requests under one key the same.
pub(super) fn fingerprint(amount: Option<Minor>, text: &str) -> String {
    format!("{:?}\n{text}", amount.map(Minor::units))
}

fn refused_by_gate(engine: &Engine, unit: &Unit, cause: &GateCause) -> NotDone {
    let wording = engine.wording(unit.facts.environment);
    match refusals::says_of_gate(cause, wording) {
        Some(says) => NotDone::Refused(says),
        None => NotDone::Fault(format!("{} is no refusal of standing", cause.id())),
    }
}

fn refused_by_machine(engine: &Engine, unit: &Unit, refused: Refused) -> NotDone {
    let environment = unit.facts.environment;
    match refused {
        Refused::Because(cause) => NotDone::Refused(refusals::says(
            &cause,
            environment,
            engine.wording(environment),
        )),
        Refused::Fault(fault) => NotDone::Fault(fault),
    }
}
