//! What ePayment answers to what went well (reference: epayment.md §2.1–2.4). Absent members are left
//! out, never null: strict models reject it.

use sandkasse_domain::{
    AsOf, Currency, Minor, Msn,
    payment::{Grant, LogLine, Method, Payment, Phase, Reservation, log_lines},
};
use sandkasse_engine::{
    Engine, View,
    webhooks::{ShippingDetails, UserDetails},
};
use serde::{Serialize, Serializer, ser::SerializeMap};

#[derive(Clone, Copy, Serialize)]
struct Amount {
    currency: Currency,
    value: Minor,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Aggregate {
    authorized_amount: Amount,
    cancelled_amount: Amount,
    captured_amount: Amount,
    refunded_amount: Amount,
}

impl Aggregate {
    fn of(payment: &Payment) -> Aggregate {
        let zero = Minor::ZERO;
        let [authorized, cancelled, captured, refunded] = match payment.reservation() {
            Some(it) => [it.grant.amount, cancelled(it), it.captured, it.refunded],
            None if payment.phase() == Phase::Terminated => {
                [zero, payment.order.amount, zero, zero]
            }
            None => [zero; 4],
        };
        let currency = currency(payment);
        let amount = |value| Amount { currency, value };
        Aggregate {
            authorized_amount: amount(authorized),
            cancelled_amount: amount(cancelled),
            captured_amount: amount(captured),
            refunded_amount: amount(refunded),
        }
    }
}

/// What was let go of a reservation.
fn cancelled(reservation: &Reservation) -> Minor {
    if reservation.released {
        reservation.grant.amount.minus(reservation.captured)
    } else {
        Minor::ZERO
    }
}

fn currency(payment: &Payment) -> Currency {
    payment
        .order
        .epayment()
        .map_or(Currency::Nok, |it| it.currency)
}

fn ordered(payment: &Payment) -> Amount {
    Amount {
        currency: currency(payment),
        value: payment.order.amount,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Created<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<&'a str>,
    reference: &'a str,
}

/// The answer to a create call.
pub(super) fn created(reference: &str, redirect_url: Option<&str>) -> String {
    json(&Created {
        redirect_url,
        reference,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot<'a> {
    aggregate: Aggregate,
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_guaranteed_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    payment_method: PaymentMethod,
    profile: Profile<'a>,
    psp_reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: Option<&'a str>,
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_details: Option<ShippingDetails<'a>>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_details: Option<UserDetails<'a>>,
}

/// Pairs as an object, in the merchant's order.
struct Metadata<'a>(&'a [(String, String)]);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PaymentMethod {
    #[serde(skip_serializing_if = "Option::is_none")]
    card_bin: Option<String>,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Profile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

/// The answer to a GET.
pub(super) fn snapshot(
    engine: &Engine,
    msn: &Msn,
    view: &View,
    redirect_url: Option<&str>,
) -> String {
    let payment = &view.payment;
    let reservation = payment.reservation();
    let grant = reservation.map(|it| &it.grant);
    let epayment = payment.order.epayment();
    let method = epayment.map_or(Method::Wallet, |it| it.method);
    // What the document of 2023 does not have.
    let today = engine.as_of() == AsOf::Today;
    let held = reservation.filter(|it| today && !it.remaining_to_capture().is_zero() && !it.direct);
    let express = grant.filter(|_| today);
    json(&Snapshot {
        aggregate: Aggregate::of(payment),
        amount: ordered(payment),
        capture_guaranteed_until: held.map(|it| it.held_until().to_string()),
        metadata: epayment.and_then(|it| it.metadata.as_deref()).map(Metadata),
        payment_method: PaymentMethod {
            card_bin: grant.map(|it: &Grant| format!("{:06}", it.card_bin)),
            r#type: method.name(),
        },
        profile: Profile {
            sub: grant.and_then(|it| it.sub.as_deref()),
        },
        psp_reference: &creation(engine, msn, payment),
        redirect_url,
        reference: payment.order.id.as_str(),
        shipping_details: express.and_then(ShippingDetails::of),
        state: payment.phase().name(),
        user_details: express.and_then(UserDetails::of),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Modified<'a> {
    aggregate: Aggregate,
    amount: Amount,
    psp_reference: &'a str,
    reference: &'a str,
    state: &'static str,
}

/// The answer to a cancel, capture or refund.
pub(super) fn modified(engine: &Engine, msn: &Msn, payment: &Payment) -> String {
    json(&Modified {
        aggregate: Aggregate::of(payment),
        amount: ordered(payment),
        psp_reference: &creation(engine, msn, payment),
        reference: payment.order.id.as_str(),
        state: payment.phase().name(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<&'a str>,
    name: &'static str,
    psp_reference: &'a str,
    reference: &'a str,
    success: bool,
    timestamp: String,
}

/// The event log, oldest first.
pub(super) fn events(engine: &Engine, msn: &Msn, view: &View) -> String {
    let order = &view.payment.order;
    let currency = currency(&view.payment);
    let creation = creation(engine, msn, &view.payment);
    let mut lines: Vec<(String, LogLine<'_>, String)> = Vec::new();
    for happened in &view.history {
        for line in log_lines(order, &happened.event) {
            let psp_reference = match line.psp_reference {
                Some(number) => number.to_owned(),
                None if lines.is_empty() => creation.clone(),
                None => numbered(engine, msn, &view.payment, lines.len()),
            };
            lines.push((psp_reference, line, happened.at.to_string()));
        }
    }
    let events: Vec<Event<'_>> = lines
        .iter()
        .map(|(psp_reference, line, timestamp)| Event {
            amount: Amount {
                currency,
                value: line.amount,
            },
            idempotency_key: line.idempotency_key,
            name: line.name.name(),
            psp_reference,
            reference: order.id.as_str(),
            success: line.success,
            timestamp: timestamp.clone(),
        })
        .collect();
    json(&events)
}

/// The `pspReference` of the creation. eCom numbers none, so its payments get one that is always the
/// same.
fn creation(engine: &Engine, msn: &Msn, payment: &Payment) -> String {
    if let Some(epayment) = payment.order.epayment() {
        return epayment.psp_reference.clone();
    }
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(digest(engine, msn, payment, 0))
        .for_each(|(to, from)| *to = from);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// A number for what eCom numbers not at all, or together with something else.
fn numbered(engine: &Engine, msn: &Msn, payment: &Payment, index: usize) -> String {
    let digest = digest(engine, msn, payment, index);
    let number = digest
        .into_iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(byte));
    // Ten digits, the first of them not zero.
    (1_000_000_000 + number % 9_000_000_000).to_string()
}

fn digest(engine: &Engine, msn: &Msn, payment: &Payment, index: usize) -> Vec<u8> {
    let text = format!("pspReference\n{msn}\n{}\n{index}", payment.order.id);
    let hex = engine.vault.digest(&text).to_hex();
    hex.bytes()
        .collect::<Vec<u8>>()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs always serialise")
}
