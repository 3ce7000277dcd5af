//! What eCom tells about a payment: details, and the deprecated status.

use sandkasse_domain::{
    Minor,
    payment::{
        CancelledBy, ChosenShipping, Event, Happened, Payment, Reservation, State, TransactionId,
        UserDetails, clock::PERSONAL_DATA,
    },
};
use sandkasse_engine::{
    Unit, View,
    outgoing::{COUNTRY, ecom_time, kroner},
};
use serde::Serialize;

use super::wire::{Summary, json};

/// What stands in place of personal data after 168 hours.
const EXPIRED: &str = "[Expired]";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    order_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_details: Option<Shipping<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_summary: Option<Summary>,
    transaction_log_history: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_details: Option<User<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

/// The order of members is as recorded on 2021-07-09; INITIATE and CANCEL have no `requestId`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    amount: Minor,
    transaction_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a TransactionId>,
    time_stamp: String,
    operation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    operation_success: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shipping<'a> {
    address: Address<'a>,
    shipping_cost: serde_json::Number,
    shipping_method: &'a str,
    shipping_method_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address<'a> {
    address_line1: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line2: Option<&'a str>,
    city: &'a str,
    country: &'static str,
    post_code: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User<'a> {
    bank_id_verified: u8,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    mobile_number: &'a str,
    user_id: &'a str,
}

/// The answer to details.
pub(super) fn details(unit: &Unit, view: &View) -> String {
    let payment = &view.payment;
    let reservation = payment.reservation();
    let expired = reservation.is_some_and(|it| view.now.duration_since(it.at) > PERSONAL_DATA);
    let grant = reservation.map(|it| &it.grant);
    let mut log: Vec<Entry<'_>> = view
        .history
        .iter()
        .filter_map(|happened| entry(payment, happened))
        .collect();
    log.reverse();
    json(&Details {
        order_id: payment.order.id.as_str(),
        shipping_details: grant
            .and_then(|grant| grant.shipping.as_ref())
            .map(|chosen| shipping(chosen, expired)),
        transaction_summary: reservation.map(|it| summary(payment, it)),
        transaction_log_history: log,
        user_details: grant
            .and_then(|grant| grant.user.as_ref())
            .map(|details| user(details, expired)),
        sub: reservation.and_then(|it| sub(unit, view, it)),
    })
}

fn summary(payment: &Payment, reservation: &Reservation) -> Summary {
    let mut summary = Summary::of(payment);
    summary.bank_identification_number = Some(reservation.grant.card_bin);
    summary
}

/// The `sub` is attached a moment after the approval (reference: userinfo.md §3).
fn sub<'a>(unit: &Unit, view: &View, reservation: &'a Reservation) -> Option<&'a str> {
    let since = view.now.duration_since(reservation.at);
    let attached = since >= jiff::SignedDuration::from_millis(unit.facts.sub_delay_ms);
    reservation.grant.sub.as_deref().filter(|_| attached)
}

fn shipping(chosen: &ChosenShipping, expired: bool) -> Shipping<'_> {
    let address = &chosen.address;
    let or_expired = |text| if expired { EXPIRED } else { text };
    Shipping {
        address: Address {
            address_line1: or_expired(&address.line1),
            address_line2: address.line2.as_deref().map(or_expired),
            city: or_expired(&address.city),
            country: COUNTRY,
            post_code: or_expired(&address.post_code),
        },
        shipping_cost: kroner(chosen.method.cost),
        shipping_method: &chosen.method.name,
        shipping_method_id: &chosen.method.id,
    }
}

fn user(details: &UserDetails, expired: bool) -> User<'_> {
    let or_expired = |text| if expired { EXPIRED } else { text };
    User {
        bank_id_verified: u8::from(!expired),
        email: or_expired(&details.email),
        first_name: or_expired(&details.first_name),
        last_name: or_expired(&details.last_name),
        mobile_number: or_expired(details.mobile.as_str()),
        user_id: or_expired(&details.user_id),
    }
}

/// The line of the log that an event leaves, if any.
fn entry<'a>(payment: &'a Payment, happened: &'a Happened) -> Option<Entry<'a>> {
    let order = &payment.order;
    let shared_id = payment.transaction_id.as_ref();
    let line = |operation, amount, text, transaction_id, request_id, operation_success| Entry {
        amount,
        transaction_text: text,
        transaction_id,
        time_stamp: ecom_time(happened.at),
        operation,
        request_id,
        operation_success,
    };
    let (ordered, said) = (order.amount, order.text.as_str());
    Some(match &happened.event {
        Event::Initiated { .. } => line("INITIATE", ordered, said, shared_id, None, true),
        Event::ReservationRefused { transaction_id, .. } => line(
            "RESERVE",
            ordered,
            said,
            Some(transaction_id),
            Some(""),
            false,
        ),
        Event::Reserved { grant } => {
            let direct = payment.reservation().is_some_and(|it| it.direct);
            let operation = if direct { "SALE" } else { "RESERVE" };
            line(
                operation,
                grant.amount,
                said,
                Some(&grant.transaction_id),
                Some(""),
                true,
            )
        }
        Event::Cancelled { text, .. } => line(
            "CANCEL",
            ordered,
            text.as_deref().unwrap_or(said),
            shared_id,
            None,
            true,
        ),
        Event::Voided {
            text,
            transaction_id,
            ..
        } => {
            let reserved = payment.reservation().map_or(ordered, |it| it.grant.amount);
            line("VOID", reserved, text, Some(transaction_id), Some(""), true)
        }
        Event::RemainderReleased {
            amount,
            text: Some(text),
            transaction_id,
        } => line(
            "VOID",
            *amount,
            text,
            transaction_id.as_ref(),
            Some(""),
            true,
        ),
        Event::Captured(it) | Event::CaptureFailed(it) => {
            let success = matches!(happened.event, Event::Captured(_));
            let request_id = it.request_id.as_deref().unwrap_or_default();
            line(
                "CAPTURE",
                it.amount,
                &it.text,
                Some(&it.transaction_id),
                Some(request_id),
                success,
            )
        }
        Event::Refunded(it) | Event::RefundFailed(it) => {
            let success = matches!(happened.event, Event::Refunded(_));
            let request_id = it.request_id.as_deref().unwrap_or_default();
            line(
                "REFUND",
                it.amount,
                &it.text,
                Some(&it.transaction_id),
                Some(request_id),
                success,
            )
        }
        // The bank's own release leaves no line (reference: ecom.md §3).
        Event::RemainderReleased { text: None, .. }
        | Event::Opened
        | Event::Shown { .. }
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::OutcomeUnknown { .. }
        | Event::Failed { .. } => return None,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    order_id: &'a str,
    transaction_info: StatusInfo<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusInfo<'a> {
    amount: Minor,
    status: &'static str,
    time_stamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a TransactionId>,
}

/// The answer to the deprecated status: the latest event.
pub(super) fn status(view: &View) -> String {
    let payment = &view.payment;
    let latest = view
        .history
        .iter()
        .rev()
        .filter_map(|happened| entry(payment, happened))
        // What failed changed nothing: after a refused capture the money is still reserved.
        .find(|entry| entry.operation_success);
    let (status, at) = match &payment.state {
        State::Initiated(open) if open.in_three_d_secure => ("REGISTER", None),
        State::OutcomeUnknown { since, .. } => ("REGISTER", Some(*since)),
        State::Initiated(_) => ("INITIATE", Some(payment.initiated_at)),
        State::Cancelled {
            at,
            by: CancelledBy::Timeout,
        } => ("REJECTED", Some(*at)),
        State::Cancelled { at, .. } => ("CANCEL", Some(*at)),
        State::Failed { at, .. } => ("FAILED", Some(*at)),
        State::Reserved(_) | State::Voided { .. } => (
            latest.as_ref().map_or("RESERVE", |entry| entry.operation),
            None,
        ),
    };
    let (amount, transaction_id, latest_at) = match &latest {
        Some(entry) => (entry.amount, entry.transaction_id, entry.time_stamp.clone()),
        None => (payment.order.amount, None, ecom_time(payment.initiated_at)),
    };
    json(&Status {
        order_id: payment.order.id.as_str(),
        transaction_info: StatusInfo {
            amount,
            status,
            time_stamp: at.map_or(latest_at, ecom_time),
            transaction_id,
        },
    })
}
