//! A payment's money as a bar.

use sandkasse_domain::{
    Minor,
    payment::{Payment, State},
};

use crate::portal::show::money;

/// One part of the money.
pub(super) struct Segment {
    /// What it is, as class and id.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) amount: String,
    /// Where it begins and how long it is, of 1000.
    pub(super) x: i64,
    pub(super) width: i64,
}

/// The bar, and all in words.
pub(super) struct Bar {
    pub(super) segments: Vec<Segment>,
    pub(super) words: String,
}

impl Bar {
    pub(super) fn of(payment: &Payment) -> Bar {
        let (total, parts) = parts(payment);
        let currency = payment.order.currency();
        let mut before = Minor::ZERO;
        let mut segments = Vec::new();
        for (id, name, amount) in parts {
            if amount.is_zero() {
                continue;
            }
            let x = share(before, total);
            before = before.plus(amount);
            segments.push(Segment {
                id,
                name,
                amount: money(amount, currency),
                x,
                width: share(before, total) - x,
            });
        }
        let named: Vec<String> = segments
            .iter()
            .map(|it| format!("{} {}", it.name, it.amount))
            .collect();
        let words = format!("Of {}: {}.", money(total, currency), named.join(", "));
        Bar { segments, words }
    }
}

type Part = (&'static str, &'static str, Minor);

/// All the money there is, and what it is: the parts add up to it.
fn parts(payment: &Payment) -> (Minor, Vec<Part>) {
    let asked = payment.order.amount;
    match &payment.state {
        State::Initiated(_) => (asked, vec![("asked", "asked for", asked)]),
        State::OutcomeUnknown { grant, .. } => (
            grant.amount,
            vec![("asked", "approved, outcome unknown", grant.amount)],
        ),
        State::Cancelled { .. } | State::Failed { .. } => {
            (asked, vec![("free", "never reserved", asked)])
        }
        State::Voided { reservation, .. } => {
            let total = reservation.grant.amount;
            (total, vec![("free", "given free", total)])
        }
        State::Reserved(it) => {
            let total = it.grant.amount;
            let remaining = it.remaining_to_capture();
            let parts = vec![
                ("refunded", "refunded", it.refunded),
                ("captured", "captured and kept", it.remaining_to_refund()),
                ("reserved", "reserved, not captured", remaining),
                (
                    "free",
                    "given free",
                    total.minus(it.captured).minus(remaining),
                ),
            ];
            (total, parts)
        }
    }
}

/// Of 1000.
fn share(part: Minor, total: Minor) -> i64 {
    if total.is_zero() {
        return 0;
    }
    part.units().saturating_mul(1000) / total.units()
}
