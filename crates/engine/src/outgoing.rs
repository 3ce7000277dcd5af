//! What the platform says to its merchants: exact URLs and bodies (reference: ecom.md §6).
//!
//! URLs are put together by concatenation and never parsed here: shops pass prefixes that end in
//! `…&callback=`. Members stand in the order of the bodies recorded in October 2021.

use sandkasse_domain::{
    Minor, Msn, Timestamp, Wording,
    payment::{
        CancelledBy, ChosenShipping, Event, Happened, Payment, Refusal, TransactionId, UserDetails,
    },
    person::{Address, AddressKind},
};
use sandkasse_store::{OutgoingCall, Purpose};
use serde::Serialize;

use crate::Chance;

/// The merchant has so long to take a callback.
pub const CALLBACK_MS: u64 = 3_000;
/// The merchant has so long to say how it ships.
pub const SHIPPING_MS: u64 = 10_000;
/// The merchant has so long to forget a person.
pub const CONSENT_REMOVAL_MS: u64 = 10_000;

/// The country in eCom's own members; Userinfo says `NO` (reference: ecom.md E-16).
pub const COUNTRY: &str = "Norway";

/// A moment as eCom writes it: always with milliseconds.
pub fn ecom_time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// An amount in kroner, without a decimal point when there are no øre.
pub fn kroner(amount: Minor) -> serde_json::Number {
    let units = amount.units();
    if units % 100 == 0 {
        return (units / 100).into();
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "amounts fit 32 bits; the rest is exact enough"
    )]
    let decimal = units as f64 / 100.0;
    serde_json::Number::from_f64(decimal).unwrap_or_else(|| (units / 100).into())
}

/// eCom's code and text for a refusal by the bank.
pub fn refusal_text(refusal: Refusal, wording: Wording) -> (&'static str, &'static str) {
    match (refusal, wording) {
        (Refusal::NoValidCard, _) => ("41", "The user does not have a valid card."),
        (Refusal::ByIssuer, _) => ("42", "Refused by the issuer."),
        (Refusal::InvalidAmount, _) => ("43", "Refused by the issuer: Invalid amount."),
        // Pull requests 35 and 187 of the eCom documentation, 2018–2021.
        (Refusal::ExpiredCard, Wording::Recorded) => {
            ("44", "Refused by issuer because of expired card")
        }
        (Refusal::ExpiredCard, _) => ("44", "Refused by the issuer: Expired card."),
        (Refusal::ReasonUnknown, Wording::Recorded) => {
            ("45", "Reservation failed for some unknown reason")
        }
        (Refusal::ReasonUnknown, _) => ("45", "Reservation failed, reason unknown."),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Callback<'a> {
    merchant_serial_number: &'a str,
    order_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_details: Option<CallbackShipping<'a>>,
    transaction_info: TransactionInfo<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_details: Option<CallbackUser<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_info: Option<ErrorInfo>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransactionInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a TransactionId>,
    amount: Minor,
    status: &'static str,
    time_stamp: String,
}

/// The order code, group, message, and no `contextId`: vippsas/vipps-ecom-api issue 207, 2021-10.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorInfo {
    error_code: &'static str,
    error_group: &'static str,
    error_message: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallbackShipping<'a> {
    address: CallbackAddress<'a>,
    shipping_cost: serde_json::Number,
    shipping_method: &'a str,
    shipping_method_id: &'a str,
}

/// `zipCode` here, `postCode` in details.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallbackAddress<'a> {
    address_line1: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line2: Option<&'a str>,
    city: &'a str,
    country: &'static str,
    zip_code: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallbackUser<'a> {
    user_id: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    mobile_number: &'a str,
}

impl<'a> From<&'a ChosenShipping> for CallbackShipping<'a> {
    fn from(chosen: &'a ChosenShipping) -> Self {
        CallbackShipping {
            address: CallbackAddress {
                address_line1: &chosen.address.line1,
                address_line2: chosen.address.line2.as_deref(),
                city: &chosen.address.city,
                country: COUNTRY,
                zip_code: &chosen.address.post_code,
            },
            shipping_cost: kroner(chosen.method.cost),
            shipping_method: &chosen.method.name,
            shipping_method_id: &chosen.method.id,
        }
    }
}

impl<'a> From<&'a UserDetails> for CallbackUser<'a> {
    fn from(user: &'a UserDetails) -> Self {
        CallbackUser {
            user_id: &user.user_id,
            first_name: &user.first_name,
            last_name: &user.last_name,
            email: &user.email,
            mobile_number: user.mobile.as_str(),
        }
    }
}

/// Whether the merchant gets a callback about an event; of ePayment's payments it hears by webhooks.
pub(crate) fn owes_callback(payment: &Payment, event: &Event) -> bool {
    payment.order.epayment().is_none() && owed_by_ecom(event)
}

fn owed_by_ecom(event: &Event) -> bool {
    match event {
        Event::Reserved { .. } | Event::Failed { .. } => true,
        Event::Cancelled { by, .. } => match by {
            CancelledBy::Payer | CancelledBy::LandingPage | CancelledBy::Timeout => true,
            CancelledBy::Merchant => false,
        },
        Event::Initiated { .. }
        | Event::Opened
        | Event::Shown { .. }
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::ReservationRefused { .. }
        | Event::OutcomeUnknown { .. }
        | Event::Voided { .. }
        | Event::Captured(_)
        | Event::CaptureFailed(_)
        | Event::RemainderReleased { .. }
        | Event::Refunded(_)
        | Event::RefundFailed(_) => false,
    }
}

/// The callback that an event makes owed, if any. `payment` is as it stands after the event.
pub(crate) fn callback(
    chance: &Chance,
    msn: &Msn,
    payment: &Payment,
    happened: &Happened,
    wording: Wording,
) -> Option<OutgoingCall> {
    if !owes_callback(payment, &happened.event) {
        return None;
    }
    let order = &payment.order;
    let direct = order.capture == sandkasse_domain::sales_unit::CaptureType::Direct;
    let error = |refusal: Refusal| {
        let (error_code, error_message) = refusal_text(refusal, wording);
        // Upper-case plural on the wire in 2021, the documented enum since.
        let error_group = if wording == Wording::Recorded {
            "PAYMENTS"
        } else {
            "Payment"
        };
        ErrorInfo {
            error_code,
            error_group,
            error_message,
        }
    };
    let (status, grant, error_info) = match &happened.event {
        Event::Reserved { grant } => {
            let status = match (direct, order.is_express()) {
                (true, _) => "SALE",
                (false, true) => "RESERVE",
                (false, false) => "RESERVED",
            };
            (status, Some(grant), None)
        }
        Event::Failed { refusal } => {
            let status = if direct {
                "SALE_FAILED"
            } else {
                "RESERVE_FAILED"
            };
            (status, None, Some(error(*refusal)))
        }
        Event::Cancelled {
            by: CancelledBy::Payer,
            ..
        } => ("CANCELLED", None, None),
        Event::Cancelled {
            by: CancelledBy::LandingPage | CancelledBy::Timeout,
            ..
        } => ("REJECTED", None, Some(error(Refusal::ReasonUnknown))),
        Event::Cancelled {
            by: CancelledBy::Merchant,
            ..
        }
        | Event::Initiated { .. }
        | Event::Opened
        | Event::Shown { .. }
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::ReservationRefused { .. }
        | Event::OutcomeUnknown { .. }
        | Event::Voided { .. }
        | Event::Captured(_)
        | Event::CaptureFailed(_)
        | Event::RemainderReleased { .. }
        | Event::Refunded(_)
        | Event::RefundFailed(_) => return None,
    };
    let body = Callback {
        merchant_serial_number: msn.as_str(),
        order_id: order.id.as_str(),
        shipping_details: grant
            .and_then(|grant| grant.shipping.as_ref())
            .map(Into::into),
        transaction_info: TransactionInfo {
            transaction_id: payment.transaction_id.as_ref(),
            amount: grant.map_or(order.amount, |grant| grant.amount),
            status,
            time_stamp: ecom_time(happened.at),
        },
        user_details: grant.and_then(|grant| grant.user.as_ref()).map(Into::into),
        error_info,
    };
    Some(OutgoingCall {
        id: chance.uuid().to_string(),
        purpose: Purpose::PaymentCallback,
        about: order.id.to_string(),
        method: "POST".to_owned(),
        url: format!(
            "{}/v2/payments/{}",
            trimmed(&order.callback_prefix),
            order.id
        ),
        authorization: order.auth_token.clone(),
        body: Some(json(&body)),
        timeout_ms: CALLBACK_MS,
        owed_at: happened.at,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShippingRequest<'a> {
    address_id: u32,
    address_line1: &'a str,
    address_line2: Option<&'a str>,
    country: &'static str,
    city: &'a str,
    post_code: &'a str,
    address_type: &'static str,
}

/// The question how the merchant ships to an address.
pub(crate) fn shipping_details(
    id: String,
    payment: &Payment,
    prefix: &str,
    address: &Address,
    address_id: u32,
    now: Timestamp,
) -> OutgoingCall {
    let order = &payment.order;
    if order.epayment().is_some() {
        return dynamic_shipping(id, payment, prefix, address, now);
    }
    let body = ShippingRequest {
        address_id,
        address_line1: &address.line1,
        address_line2: address.line2.as_deref(),
        country: COUNTRY,
        city: &address.city,
        post_code: &address.post_code,
        address_type: match address.kind {
            AddressKind::Home => "H",
            AddressKind::Work => "W",
            AddressKind::Other => "O",
        },
    };
    OutgoingCall {
        id,
        purpose: Purpose::ShippingDetails,
        about: order.id.to_string(),
        method: "POST".to_owned(),
        url: format!(
            "{}/v2/payments/{}/shippingDetails",
            trimmed(prefix),
            order.id
        ),
        authorization: order.auth_token.clone(),
        body: Some(json(&body)),
        timeout_ms: SHIPPING_MS,
        owed_at: now,
    }
}

/// In camel case, as the official WooCommerce plugin reads it; the specification spells all but
/// `reference` with capitals (reference: epayment.md 8.8).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DynamicShipping<'a> {
    reference: &'a str,
    address_line1: &'a str,
    address_line2: Option<&'a str>,
    city: &'a str,
    post_code: &'a str,
    country: &'static str,
}

/// The same question of ePayment, at exactly the URL that was given.
fn dynamic_shipping(
    id: String,
    payment: &Payment,
    url: &str,
    address: &Address,
    now: Timestamp,
) -> OutgoingCall {
    let order = &payment.order;
    let body = DynamicShipping {
        reference: order.id.as_str(),
        address_line1: &address.line1,
        address_line2: address.line2.as_deref(),
        city: &address.city,
        post_code: &address.post_code,
        country: "NO",
    };
    OutgoingCall {
        id,
        purpose: Purpose::ShippingDetails,
        about: order.id.to_string(),
        method: "POST".to_owned(),
        url: url.to_owned(),
        authorization: order.auth_token.clone(),
        body: Some(json(&body)),
        timeout_ms: SHIPPING_MS,
        owed_at: now,
    }
}

/// The wish of a person to be forgotten. Without `Authorization`, as documented.
pub(crate) fn consent_removal(
    id: String,
    prefix: &str,
    user_id: &str,
    now: Timestamp,
) -> OutgoingCall {
    OutgoingCall {
        id,
        purpose: Purpose::ConsentRemoval,
        about: user_id.to_owned(),
        method: "DELETE".to_owned(),
        url: format!(
            "{}/v2/consents/{}",
            trimmed(prefix),
            percent_encoded(user_id)
        ),
        authorization: None,
        body: None,
        timeout_ms: CONSENT_REMOVAL_MS,
        owed_at: now,
    }
}

/// One trailing slash is dropped: the official Magento plugin breaks on `//` (reference: E-20).
fn trimmed(prefix: &str) -> &str {
    prefix.strip_suffix('/').unwrap_or(prefix)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("plain structs without maps always serialise")
}
