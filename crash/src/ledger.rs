//! What the shops were told, and whether the platform still knows it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::{
    server::Place,
    shop::{self, CAPTURED, LIFE, REFUNDED, RESERVED, Shop, Step},
};

/// What a shop knows of one of its orders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// Steps that were answered with success.
    pub(crate) answered: Vec<Step>,
    /// The step that was asked for and not answered.
    pub(crate) unknown: Option<Step>,
    /// When its first step was asked for.
    begun: Option<Instant>,
    /// Its time ran out before anybody approved.
    pub(crate) is_expired: bool,
}

/// What a shop knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    pub(crate) orders: BTreeMap<String, Order>,
    /// The second subscription keys that it was given, the newest last.
    pub(crate) keys: Vec<String>,
    /// A key was asked for and not answered.
    pub(crate) key_unknown: bool,
    /// Answers that should not have come.
    pub(crate) wrong: Vec<String>,
    /// When the clock was last set forward so far that the time of whatever was open then has run out.
    pub(crate) set_forward: Option<Instant>,
}

/// A book that many write in.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Book>);

/// When a book was read off.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// After the last step: what nobody asked for must not be there.
    AtTheEnd,
    /// While steps went on: there may be more than it says.
    InBetween,
}

/// What is wrong, in words; and how much was looked at.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) orders: usize,
    pub(crate) answered: usize,
    pub(crate) in_flight: usize,
    /// Orders that ended because nobody approved them in time.
    pub(crate) expired: usize,
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) unbalanced: Vec<String>,
    pub(crate) wrong: Vec<String>,
}

impl Ledger {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_book(self) -> Book {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn asked(&self, order: &str, step: Step) {
        let mut book = self.book();
        let entry = book.orders.entry(order.to_owned()).or_default();
        entry.unknown = Some(step);
        entry.begun.get_or_insert_with(Instant::now);
    }

    /// Does what sets the clock forward, while nobody asks for anything new or notes an answer.
    pub(crate) fn set_forward<T>(&self, set: impl FnOnce() -> T) -> T {
        let mut book = self.book();
        let done = set();
        book.set_forward = Some(Instant::now());
        done
    }

    /// Notes an answer. Whether it was a success.
    pub(crate) fn answered(&self, order: &str, step: Step, answer: &shop::Answer) -> bool {
        let mut book = self.book();
        let set_forward = book.set_forward;
        let entry = book.orders.entry(order.to_owned()).or_default();
        entry.unknown = None;
        let (status, body) = answer;
        // None is less than all moments.
        let may_be_over = step == Step::Approve && entry.begun <= set_forward;
        if *status == 200 {
            entry.answered.push(step);
        } else if may_be_over && shop::is_over(answer) {
            entry.is_expired = true;
        } else {
            book.wrong
                .push(format!("{step:?} of {order}: {status} {body}"));
        }
        *status == 200
    }
}

impl Book {
    /// Repeats every step whose outcome is not known and that has a key: it has one effect in the end.
    pub(crate) fn finish_unknown(&mut self, shop: &Shop, place: &Place) -> anyhow::Result<()> {
        let agent = shop::agent();
        for (order, entry) in &mut self.orders {
            let Some(step) = entry.unknown.filter(|step| step.is_idempotent()) else {
                continue;
            };
            match shop.take(&agent, place, order, step) {
                Some((200, _)) => {
                    entry.unknown = None;
                    entry.answered.push(step);
                }
                other => bail!("repeating {step:?} of {order}: {other:?}"),
            }
        }
        Ok(())
    }

    /// Compares with the platform. `later` are the keys that the shop was given by now.
    pub(crate) fn verify(
        &self,
        shop: &Shop,
        place: &Place,
        taken: Taken,
        later: &[String],
    ) -> anyhow::Result<Findings> {
        let agent = shop::agent();
        let mut findings = Findings {
            orders: self.orders.len(),
            wrong: self.wrong.clone(),
            ..Findings::default()
        };
        let mut ids = BTreeMap::new();
        for (name, order) in &self.orders {
            findings.answered += order.answered.len();
            findings.in_flight += usize::from(order.unknown.is_some());
            findings.expired += usize::from(order.is_expired);
            match shop.details(&agent, place, name).context("no details")? {
                (200, body) => {
                    let details = serde_json::from_str(&body)?;
                    findings.judge(name, order, taken, &details);
                    findings.note_ids(name, &details, &mut ids);
                }
                (status, _) if !order.answered.is_empty() => {
                    findings.lost.push(format!("{name}: {status}, {order:?}"));
                }
                (404, _) => {}
                (status, body) => findings.wrong.push(format!("{name}: {status} {body}")),
            }
        }
        findings
            .lost
            .extend(self.lost_key(shop, &agent, place, taken, later));
        if !shop::audit_is_whole(&agent, place)? {
            findings
                .unbalanced
                .push("the chain of the audit log".to_owned());
        }
        Ok(findings)
    }

    /// Whether the platform has an older key than the shop was told of, or none.
    fn lost_key(
        &self,
        shop: &Shop,
        agent: &ureq::Agent,
        place: &Place,
        taken: Taken,
        later: &[String],
    ) -> Option<String> {
        let newest = "the newest subscription key";
        let now = match shop.second_key(agent, place) {
            Ok(now) => now,
            Err(error) => return Some(format!("{newest}: {error}")),
        };
        // One that nobody was told of may be there: it was in flight. An older one may not.
        let known = later.iter().position(|key| *key == now);
        let is_old = known.is_some_and(|at| at + 1 < self.keys.len());
        let is_unasked = taken == Taken::AtTheEnd && known.is_none() && !self.key_unknown;
        (!self.keys.is_empty() && (is_old || is_unasked)).then(|| newest.to_owned())
    }
}

impl Findings {
    fn judge(&mut self, name: &str, order: &Order, taken: Taken, details: &Value) {
        let empty = Vec::new();
        let log = details.get("transactionLogHistory");
        let log = log.and_then(Value::as_array).unwrap_or(&empty);
        let count = |step: Step| {
            let (operation, key) = step.in_log();
            log.iter()
                .filter(|entry| is(entry, "operation", operation))
                .filter(|entry| key.as_deref().is_none_or(|key| is(entry, "requestId", key)))
                .count()
        };
        // Who looks late may find that time ran out for an order that was left open.
        let ended = log.iter().filter(|it| is(it, "operation", "CANCEL"));
        let may_end = usize::from(!order.answered.contains(&Step::Approve));
        let must_end = usize::from(order.is_expired);
        let ended = ended.count();
        if !(must_end..=may_end).contains(&ended) {
            self.wrong
                .push(format!("{name}: its time ran out {ended} times, {order:?}"));
        }
        for step in LIFE {
            let found = count(step);
            let may_be = taken == Taken::InBetween || order.unknown == Some(step);
            if order.answered.contains(&step) {
                if found == 0 {
                    self.lost.push(format!("{name}: {step:?}"));
                }
            } else if found > 0 && !may_be {
                let text = format!("{name}: {step:?} is there, and nobody asked for it");
                self.wrong.push(text);
            }
            if found > 1 {
                self.doubled.push(format!("{name}: {step:?} {found} times"));
            }
        }
        let steps = |steps: [Step; 2]| steps.into_iter().map(count).sum::<usize>() as u64;
        let captured = CAPTURED * steps([Step::Capture(1), Step::Capture(2)]);
        let refunded = REFUNDED * steps([Step::Refund(1), Step::Refund(2)]);
        let reserved = RESERVED * count(Step::Approve) as u64;
        let amount = |name: &str| {
            let amount = details.pointer(&format!("/transactionSummary/{name}"));
            amount.and_then(Value::as_u64)
        };
        let expected = [
            ("capturedAmount", captured),
            (
                "remainingAmountToCapture",
                reserved.saturating_sub(captured),
            ),
            ("refundedAmount", refunded),
            ("remainingAmountToRefund", captured.saturating_sub(refunded)),
        ];
        for (what, expected) in expected {
            let found = amount(what);
            // Before anything is reserved there are no sums.
            if found.unwrap_or_default() != expected || (found.is_none() && reserved > 0) {
                let text = format!("{name}: {what} is {found:?}, its log says {expected}");
                self.unbalanced.push(text);
            }
        }
    }

    /// No two movements of money have one id. Initiate and reserve of an order share theirs.
    fn note_ids(&mut self, name: &str, details: &Value, ids: &mut BTreeMap<String, String>) {
        let log = details
            .get("transactionLogHistory")
            .and_then(Value::as_array);
        for entry in log.into_iter().flatten() {
            let moves = ["RESERVE", "CAPTURE", "REFUND"];
            let Some(id) = entry.get("transactionId").and_then(Value::as_str) else {
                continue;
            };
            if !moves.iter().any(|it| is(entry, "operation", it)) {
                continue;
            }
            if let Some(other) = ids.insert(id.to_owned(), name.to_owned()) {
                self.doubled
                    .push(format!("id {id} is of {other} and of {name}"));
            }
        }
    }

    pub(crate) fn add(&mut self, other: Findings) {
        self.orders += other.orders;
        self.answered += other.answered;
        self.in_flight += other.in_flight;
        self.expired += other.expired;
        self.lost.extend(other.lost);
        self.doubled.extend(other.doubled);
        self.unbalanced.extend(other.unbalanced);
        self.wrong.extend(other.wrong);
    }

    /// Fails, with some of what was found, unless nothing was.
    pub(crate) fn must_be_clean(&self) -> anyhow::Result<()> {
        let all = [&self.lost, &self.doubled, &self.unbalanced, &self.wrong];
        let some: Vec<_> = all
            .into_iter()
            .flat_map(|kind| kind.iter().take(5))
            .collect();
        if !some.is_empty() {
            bail!("{self}: {some:#?}");
        }
        Ok(())
    }
}

/// Whether a member of an entry of the log is this.
fn is(entry: &Value, member: &str, value: &str) -> bool {
    entry.get(member).and_then(Value::as_str) == Some(value)
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} answered steps of {} orders, {} in flight; {} lost, {} doubled, {} unbalanced, {} wrong",
            self.answered,
            self.orders,
            self.in_flight,
            self.lost.len(),
            self.doubled.len(),
            self.unbalanced.len(),
            self.wrong.len()
        )
    }
}
