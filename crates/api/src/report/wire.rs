//! Ledgers and their entries on the wire.

use jiff::tz::TimeZone;
use sandkasse_domain::{
    Currency, Timestamp,
    ledger::{Entry, EntryType},
};
use sandkasse_engine::Unit;
use serde::Serialize;

#[derive(Serialize)]
struct Ledgers {
    cursor: String,
    items: Vec<Ledger>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ledger {
    ledger_id: String,
    currency: &'static str,
    payout_bank_account: Named,
    owner: Named,
    settles_for_recipient_handles: [String; 1],
}

#[derive(Serialize)]
struct Named {
    scheme: &'static str,
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_more: Option<bool>,
    try_later: bool,
    items: Vec<Item>,
}

/// An entry. What was not moved by a payment has neither reference nor recipient.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Item {
    psp_reference: String,
    time: String,
    ledger_date: String,
    entry_type: EntryType,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    currency: &'static str,
    amount: i64,
    balance_before: i64,
    balance_after: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_handle: Option<String>,
}

pub(super) fn handle(unit: &Unit) -> String {
    format!("api:{}", unit.facts.msn)
}

/// Not the MSN, so that who takes one for the other notices: six digits and more.
pub(super) fn ledger_id(unit: &Unit) -> String {
    let msn: u32 = unit.facts.msn.as_str().parse().unwrap_or_default();
    msn.saturating_add(100_000).to_string()
}

/// Account and owner, by the country of the sales unit, which its currency tells. The documents give the schemes, and of
/// numbers the form of a Norwegian one alone.
fn schemes(unit: &Unit) -> (Named, &'static str) {
    let (scheme, owner) = match unit.facts.currency {
        Currency::Dkk => ("BBAN:DK", "business:DK:CVR"),
        Currency::Eur => ("BBAN:FI", "business:FI:Y-tunnus"),
        Currency::Nok | Currency::Sek | Currency::Usd | Currency::Gbp => {
            let id = norwegian_account(unit);
            let scheme = "BBAN:NO";
            return (Named { scheme, id }, "business:NO:ORG");
        }
    };
    // Danish and Finnish numbers have fourteen digits.
    let id = format!("8601{:0>10}", unit.facts.msn.as_str());
    (Named { scheme, id }, owner)
}

/// Eleven digits, of which the last is right.
fn norwegian_account(unit: &Unit) -> String {
    let number = format!("8601{:0>6}", unit.facts.msn.as_str());
    let digits: Vec<u32> = number.chars().filter_map(|it| it.to_digit(10)).collect();
    let weights = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
    let sum: u32 = digits.iter().zip(weights).map(|(a, b)| a * b).sum();
    format!("{number}{}", (11 - sum % 11) % 11 % 10)
}

pub(super) fn ledgers<'a>(units: impl Iterator<Item = &'a Unit>, cursor: String) -> String {
    let items = units.map(|unit| {
        let (payout_bank_account, scheme) = schemes(unit);
        let id = unit.merchant.orgno.0.clone();
        Ledger {
            ledger_id: ledger_id(unit),
            currency: unit.facts.currency.code(),
            payout_bank_account,
            owner: Named { scheme, id },
            settles_for_recipient_handles: [handle(unit)],
        }
    });
    json(&Ledgers {
        cursor,
        items: items.collect(),
    })
}

pub(super) fn item(unit: &Unit, entry: &Entry) -> Item {
    Item {
        psp_reference: entry.psp_reference.clone(),
        time: moment(entry.time),
        ledger_date: entry.ledger_date.to_string(),
        entry_type: entry.entry_type,
        reference: entry.reference.clone(),
        currency: unit.facts.currency.code(),
        amount: entry.amount,
        balance_before: entry.balance_before,
        balance_after: entry.balance_after,
        recipient_handle: entry.reference.is_some().then(|| handle(unit)),
    }
}

/// UTC, with six digits behind the second.
fn moment(at: Timestamp) -> String {
    let utc = at.to_zoned(TimeZone::UTC);
    utc.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// The answer about a date: the cursor is there only if there is more.
pub(super) fn date(items: Vec<Item>, cursor: Option<String>, try_later: bool) -> String {
    json(&Page {
        has_more: Some(cursor.is_some()),
        cursor,
        try_later,
        items,
    })
}

/// The answer of the feed: the cursor is always there.
pub(super) fn feed(items: Vec<Item>, cursor: String, try_later: bool) -> String {
    json(&Page {
        cursor: Some(cursor),
        has_more: None,
        try_later,
        items,
    })
}

fn json<T: Serialize>(body: &T) -> String {
    serde_json::to_string(body).expect("plain structs always serialise")
}
