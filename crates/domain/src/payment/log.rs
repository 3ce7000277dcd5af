//! What ePayment's event log shows of a payment, and what its webhooks tell.

use super::{CancelledBy, Event, MadeBy, Order, Phase};
use crate::{Minor, sales_unit::CaptureType};

/// The name of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub enum LogName {
    Created,
    Authorized,
    Captured,
    Cancelled,
    Refunded,
    Aborted,
    Expired,
    Terminated,
}

impl LogName {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            LogName::Created => "CREATED",
            LogName::Authorized => "AUTHORIZED",
            LogName::Captured => "CAPTURED",
            LogName::Cancelled => "CANCELLED",
            LogName::Refunded => "REFUNDED",
            LogName::Aborted => "ABORTED",
            LogName::Expired => "EXPIRED",
            LogName::Terminated => "TERMINATED",
        }
    }
}

/// A line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// What.
    pub name: LogName,
    /// The operation's own amount.
    pub amount: Minor,
    /// The number of its own; `None` for what eCom numbers not at all, or together with something
    /// else.
    pub psp_reference: Option<&'a str>,
    /// The key of the call that made it happen.
    pub idempotency_key: Option<&'a str>,
    /// Whether it came about.
    pub success: bool,
}

/// The lines that an event makes: none for what only the app and the landing page know, two for an
/// approval that captures at once.
pub fn log_lines<'a>(order: &'a Order, event: &'a Event) -> Vec<LogLine<'a>> {
    let (created, of_creation) = match &order.made_by {
        MadeBy::Ecom => (None, None),
        MadeBy::Epayment(it) => (
            Some(it.psp_reference.as_str()),
            Some(it.idempotency_key.as_str()),
        ),
    };
    let line = |name, amount, psp_reference, idempotency_key| LogLine {
        name,
        amount,
        psp_reference,
        idempotency_key,
        success: true,
    };
    let failed = |line| LogLine {
        success: false,
        ..line
    };
    vec![match event {
        Event::Initiated { .. } => line(LogName::Created, order.amount, created, of_creation),
        Event::ReservationRefused { transaction_id, .. } => {
            let number = created.map(|_| transaction_id.0.as_str());
            failed(line(LogName::Authorized, order.amount, number, of_creation))
        }
        Event::Reserved { grant } => {
            let number = Some(grant.transaction_id.0.as_str());
            let authorized = line(LogName::Authorized, grant.amount, number, of_creation);
            if order.capture == CaptureType::Direct {
                let captured = line(LogName::Captured, grant.amount, None, None);
                return vec![authorized, captured];
            }
            authorized
        }
        Event::Cancelled {
            by, transaction_id, ..
        } => {
            let number = transaction_id.as_ref().map(|it| it.0.as_str());
            line(ended(*by), order.amount, number, of_creation)
        }
        Event::Failed { .. } => line(LogName::Expired, order.amount, None, of_creation),
        Event::Voided {
            transaction_id,
            amount,
            ..
        } => {
            let number = Some(transaction_id.0.as_str());
            let amount = amount.unwrap_or(order.amount);
            line(LogName::Cancelled, amount, number, None)
        }
        Event::RemainderReleased {
            amount,
            transaction_id,
            ..
        } => {
            let number = transaction_id.as_ref().map(|it| it.0.as_str());
            line(LogName::Cancelled, *amount, number, None)
        }
        Event::Captured(it) | Event::CaptureFailed(it) => {
            let number = Some(it.transaction_id.0.as_str());
            let captured = line(
                LogName::Captured,
                it.amount,
                number,
                it.request_id.as_deref(),
            );
            LogLine {
                success: matches!(event, Event::Captured(_)),
                ..captured
            }
        }
        Event::Refunded(it) | Event::RefundFailed(it) => {
            let number = Some(it.transaction_id.0.as_str());
            let refunded = line(
                LogName::Refunded,
                it.amount,
                number,
                it.request_id.as_deref(),
            );
            LogLine {
                success: matches!(event, Event::Refunded(_)),
                ..refunded
            }
        }
        Event::Opened
        | Event::Shown { .. }
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::OutcomeUnknown { .. } => return vec![],
    }]
}

fn ended(by: CancelledBy) -> LogName {
    match Phase::from(by) {
        Phase::Aborted => LogName::Aborted,
        Phase::Terminated => LogName::Terminated,
        Phase::Expired | Phase::Created | Phase::Authorized => LogName::Expired,
    }
}
