//! What webhooks tell of payments (reference: webhooks.md §6.2).

use sandkasse_domain::{
    AsOf, Minor, Msn,
    payment::{Grant, Happened, LogName, Payment, log_lines},
    webhook::EventId,
};
use serde::Serialize;

use super::{Published, ShippingDetails, UserDetails};
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
    #[serde(flatten)]
    payer: Option<Payer<'a>>,
}

/// What the authorization tells of the payer on today's platform. The document has `sub` beside
/// the others, its prose has `profile.sub` (reference: webhooks.md §8.7): both are sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_details: Option<ShippingDetails<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_details: Option<UserDetails<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Profile<'a>>,
}

#[derive(Serialize)]
struct Profile<'a> {
    sub: &'a str,
}

impl<'a> Payer<'a> {
    fn of(grant: &'a Grant) -> Payer<'a> {
        let sub = grant.sub.as_deref();
        Payer {
            shipping_details: ShippingDetails::of(grant),
            user_details: UserDetails::of(grant),
            sub,
            profile: sub.map(|sub| Profile { sub }),
        }
    }
}

#[derive(Serialize)]
struct Amount {
    currency: &'static str,
    value: Minor,
}

/// What webhooks tell of an event of a payment: the lines that it makes in ePayment's log. Nothing of
/// payments that were not made by ePayment, whose merchants get callbacks; and nothing of what
/// failed, which is possible in the schema and described nowhere (reference: epayment.md 8.13).
pub fn payment_events(
    msn: &Msn,
    payment: &Payment,
    happened: &Happened,
    as_of: AsOf,
) -> Vec<Published> {
    let order = &payment.order;
    let Some(epayment) = order.epayment() else {
        return Vec::new();
    };
    let lines = log_lines(order, &happened.event).into_iter();
    let published = lines.filter(|line| line.success).map(|line| {
        let psp_reference = line.psp_reference.unwrap_or(&epayment.psp_reference);
        let told = Told {
            msn: msn.as_str(),
            reference: order.id.as_str(),
            psp_reference,
            name: line.name.name(),
            amount: Amount {
                currency: epayment.currency.code(),
                value: line.amount,
            },
            timestamp: ecom_time(happened.at),
            idempotency_key: line.idempotency_key,
            success: true,
            payer: (line.name == LogName::Authorized && as_of == AsOf::Today)
                .then(|| payment.reservation())
                .flatten()
                .map(|it| Payer::of(&it.grant)),
        };
        Published {
            event: event(line.name),
            about: order.id.to_string(),
            at: happened.at,
            body: serde_json::to_string(&told).expect("plain structs always serialise"),
        }
    });
    published.collect()
}

fn event(name: LogName) -> EventId {
    match name {
        LogName::Created => EventId::PaymentCreated,
        LogName::Authorized => EventId::PaymentAuthorized,
        LogName::Captured => EventId::PaymentCaptured,
        LogName::Cancelled => EventId::PaymentCancelled,
        LogName::Refunded => EventId::PaymentRefunded,
        LogName::Aborted => EventId::PaymentAborted,
        LogName::Expired => EventId::PaymentExpired,
        LogName::Terminated => EventId::PaymentTerminated,
    }
}
