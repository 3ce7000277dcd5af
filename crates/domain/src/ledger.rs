//! Ledgers: what the platform owes a merchant, entry by entry (reference: report.md §3).
//!
//! A ledger is made from the captures and refunds of a sales unit's payments and from nothing else.
//! The same movements at the same settings make the same entries, so a closed date stays as it is.

use std::collections::BTreeMap;

use jiff::{
    SignedDuration, Timestamp, ToSpan, civil,
    civil::Weekday,
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// How a sales unit is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settlement {
    /// How often it is paid.
    pub payouts: Payouts,
    /// How it pays fees.
    pub fees: Fees,
    /// The hour at which a ledger date begins, in Norwegian time: 0 to 23.
    pub cut_off_hour: i8,
    /// The fee of a capture, in hundredths of a per cent. No rate is documented.
    pub capture_fee: i64,
}

/// How often a sales unit is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payouts {
    /// After every ledger date.
    Daily,
    /// After every Sunday.
    Weekly,
    /// After the last of every month.
    Monthly,
}

/// How a sales unit pays fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fees {
    /// Taken from its money every day.
    Net,
    /// Invoiced every month.
    Gross,
}

impl Default for Settlement {
    fn default() -> Settlement {
        Settlement {
            payouts: Payouts::Daily,
            fees: Fees::Net,
            cut_off_hour: 0,
            capture_fee: 275,
        }
    }
}

/// Money that was captured or given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// When, on the sales unit's clock.
    pub at: Timestamp,
    /// The payment.
    pub reference: String,
    /// Numbers the operation.
    pub psp_reference: String,
    /// Minor units; negative for a refund.
    pub amount: i64,
}

/// Which account of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// What is owed.
    Funds,
    /// What it costs.
    Fees,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub enum EntryType {
    Capture,
    Refund,
    CaptureFee,
    FeesRetained,
    FeesInvoiced,
    ScheduledForPayout,
}

/// One line of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of the operation, or unique in the ledger.
    pub psp_reference: String,
    /// When.
    pub time: Timestamp,
    /// On which ledger date it counts.
    pub ledger_date: civil::Date,
    /// What it is.
    pub entry_type: EntryType,
    /// The payment, if it is about one.
    pub reference: Option<String>,
    /// Signed minor units.
    pub amount: i64,
    /// What the account held before.
    pub balance_before: i64,
    /// And after.
    pub balance_after: i64,
}

/// A payout has a number from here on.
const FIRST_SETTLEMENT: u32 = 2_000_001;
/// Reports trail the payments by about a second.
pub const TRAIL: SignedDuration = SignedDuration::from_secs(1);

/// Time in Norway. Written out, so that it needs no database of time zones.
fn norway() -> TimeZone {
    let rules = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3");
    rules.unwrap_or_else(|_| TimeZone::fixed(Offset::constant(1)))
}

impl Settlement {
    /// The ledger date of a moment.
    pub fn date_of(&self, at: Timestamp) -> civil::Date {
        let local = norway().to_datetime(at);
        if local.hour() < self.cut_off_hour {
            local.date().yesterday().unwrap_or(civil::Date::MIN)
        } else {
            local.date()
        }
    }

    /// When a ledger date is over.
    pub fn closes_at(&self, date: civil::Date) -> Timestamp {
        let next = date.tomorrow().unwrap_or(civil::Date::MAX);
        let hour = self.cut_off_hour.clamp(0, 23);
        let local = next.at(hour, 0, 0, 0).to_zoned(norway());
        local.map_or(Timestamp::MAX, |it| it.timestamp())
    }

    /// Whether a report of the date is complete.
    pub fn is_closed(&self, date: civil::Date, now: Timestamp) -> bool {
        let complete = self.closes_at(date).checked_add(TRAIL);
        complete.is_ok_and(|complete| complete <= now)
    }

    fn pays_out_after(&self, date: civil::Date) -> bool {
        match self.payouts {
            Payouts::Daily => true,
            Payouts::Weekly => date.weekday() == Weekday::Sunday,
            Payouts::Monthly => date == date.last_of_month(),
        }
    }

    fn fee(&self, amount: i64) -> i64 {
        let hundredths = amount.saturating_mul(self.capture_fee);
        hundredths.saturating_add(5_000) / 10_000
    }
}

/// All entries of one account up to `now`, oldest first. `moved` may be in any order.
pub fn entries(
    ledger_id: &str,
    topic: Topic,
    settlement: &Settlement,
    mut moved: Vec<Moved>,
    now: Timestamp,
) -> Vec<Entry> {
    moved.retain(|it| now.duration_since(it.at) >= TRAIL);
    moved.sort_by(|a, b| (a.at, &a.psp_reference).cmp(&(b.at, &b.psp_reference)));
    let mut days: BTreeMap<civil::Date, Vec<Moved>> = BTreeMap::new();
    for it in moved {
        days.entry(settlement.date_of(it.at)).or_default().push(it);
    }
    let mut book = Book {
        ledger_id,
        settlement,
        funds: Account::default(),
        fees: Account::default(),
        payouts: 0,
    };
    let Some(mut date) = days.keys().next().copied() else {
        return Vec::new();
    };
    // A day without movements may still be one on which money is paid or invoiced.
    loop {
        for it in days.remove(&date).unwrap_or_default() {
            book.movement(date, it);
        }
        if !settlement.is_closed(date, now) {
            break;
        }
        book.close(date);
        if days.is_empty() && book.funds.balance <= 0 && book.fees.balance == 0 {
            break;
        }
        let Ok(tomorrow) = date.checked_add(1.day()) else {
            break;
        };
        date = tomorrow;
    }
    match topic {
        Topic::Funds => book.funds.entries,
        Topic::Fees => book.fees.entries,
    }
}

#[derive(Default)]
struct Account {
    balance: i64,
    entries: Vec<Entry>,
}

impl Account {
    fn add(&mut self, entry: Entry) {
        let before = self.balance;
        self.balance = before.saturating_add(entry.amount);
        self.entries.push(Entry {
            balance_before: before,
            balance_after: self.balance,
            ..entry
        });
    }
}

struct Book<'a> {
    ledger_id: &'a str,
    settlement: &'a Settlement,
    funds: Account,
    fees: Account,
    payouts: u32,
}

impl Book<'_> {
    fn movement(&mut self, ledger_date: civil::Date, it: Moved) {
        let is_capture = it.amount > 0;
        let entry = |entry_type, amount| Entry {
            psp_reference: it.psp_reference.clone(),
            time: it.at,
            ledger_date,
            entry_type,
            reference: Some(it.reference.clone()),
            amount,
            balance_before: 0,
            balance_after: 0,
        };
        let fee = self.settlement.fee(it.amount);
        let entry_type = if is_capture {
            EntryType::Capture
        } else {
            EntryType::Refund
        };
        self.funds.add(entry(entry_type, it.amount));
        // Refunds cost nothing, and nothing is given back for them.
        if is_capture && fee > 0 {
            self.fees.add(entry(EntryType::CaptureFee, -fee));
        }
    }

    /// The end of a ledger date: fees, then the payout as the last entry.
    fn close(&mut self, ledger_date: civil::Date) {
        let time = self
            .settlement
            .closes_at(ledger_date)
            .checked_sub(SignedDuration::from_micros(1))
            .unwrap_or(Timestamp::MIN);
        let entry = |entry_type, amount, psp_reference| Entry {
            psp_reference,
            time,
            ledger_date,
            entry_type,
            reference: None,
            amount,
            balance_before: 0,
            balance_after: 0,
        };
        let due = -self.fees.balance;
        let fees = |what: &str| format!("{}-{what}-{ledger_date}", self.ledger_id);
        match self.settlement.fees {
            Fees::Net if due > 0 => {
                let retained = |amount| entry(EntryType::FeesRetained, amount, fees("fees"));
                self.funds.add(retained(-due));
                self.fees.add(retained(due));
            }
            Fees::Gross if due > 0 && ledger_date == ledger_date.last_of_month() => {
                let invoiced = entry(EntryType::FeesInvoiced, due, fees("invoice"));
                self.fees.add(invoiced);
            }
            Fees::Net | Fees::Gross => {}
        }
        let owed = self.funds.balance;
        if owed > 0 && self.settlement.pays_out_after(ledger_date) {
            let number = FIRST_SETTLEMENT.saturating_add(self.payouts);
            self.payouts += 1;
            let payout = format!("{}-{number}", self.ledger_id);
            self.funds
                .add(entry(EntryType::ScheduledForPayout, -owed, payout));
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a moment")
    }

    #[test]
    fn a_date_follows_norwegian_time_and_the_cut_off() {
        let midnight = Settlement::default();
        let four = Settlement {
            cut_off_hour: 4,
            ..midnight
        };
        for (moment, by_midnight, by_four) in [
            // Summer: two hours ahead of UTC; winter: one.
            ("2023-06-13T21:59:59Z", date(2023, 6, 13), date(2023, 6, 13)),
            ("2023-06-13T22:00:00Z", date(2023, 6, 14), date(2023, 6, 13)),
            ("2023-06-14T01:59:59Z", date(2023, 6, 14), date(2023, 6, 13)),
            ("2023-06-14T02:00:00Z", date(2023, 6, 14), date(2023, 6, 14)),
            (
                "2023-12-31T22:59:59Z",
                date(2023, 12, 31),
                date(2023, 12, 31),
            ),
            ("2023-12-31T23:00:00Z", date(2024, 1, 1), date(2023, 12, 31)),
        ] {
            assert_eq!(midnight.date_of(at(moment)), by_midnight, "{moment}");
            assert_eq!(four.date_of(at(moment)), by_four, "{moment}");
        }
        assert_eq!(
            midnight.closes_at(date(2023, 6, 13)),
            at("2023-06-13T22:00:00Z")
        );
        assert_eq!(
            four.closes_at(date(2023, 12, 31)),
            at("2024-01-01T03:00:00Z")
        );
    }

    #[test]
    fn what_is_known_never_changes() {
        let moved: Vec<Moved> = (0..40)
            .map(|number: i64| Moved {
                at: at("2023-06-01T10:00:00Z") + SignedDuration::from_hours(7 * number),
                reference: format!("acme-{number}"),
                psp_reference: format!("{number:010}"),
                amount: if number % 5 == 4 {
                    -9_000
                } else {
                    1_000 * number + 1
                },
            })
            .collect();
        for payouts in [Payouts::Daily, Payouts::Weekly, Payouts::Monthly] {
            for fees in [Fees::Net, Fees::Gross] {
                for topic in [Topic::Funds, Topic::Fees] {
                    let settlement = Settlement {
                        payouts,
                        fees,
                        ..Settlement::default()
                    };
                    let mut before: Vec<Entry> = Vec::new();
                    for hour in 0..1_000 {
                        let now = at("2023-06-01T00:00:00Z") + SignedDuration::from_hours(hour);
                        let known = moved.iter().filter(|it| it.at <= now).cloned().collect();
                        let all = entries("302321", topic, &settlement, known, now);
                        assert!(all.starts_with(&before), "{settlement:?} {now}");
                        let mut balance = 0;
                        for entry in &all {
                            assert_eq!(entry.balance_before, balance);
                            balance += entry.amount;
                            assert_eq!(entry.balance_after, balance);
                        }
                        before = all;
                    }
                    assert!(before.len() >= 32, "{}", before.len());
                }
            }
        }
    }
}
