//! Judges an order's details by its history: what was acknowledged is there, nothing is there twice, sums are exact.
//!
//! This is the one judge of all chaos runs. It knows nothing of databases, nodes and faults, and does not ask how
//! something came about: [`judge`] is a function of what merchants were told and what the platform says now.

use serde_json::Value;

use crate::history::{Operation, Order, Step, Sums};
use crate::words;

/// A promise that was not kept, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// What was acknowledged is not there.
    Lost(String),
    /// Something is there more often than it was asked for.
    Doubled(String),
    /// Anything else that cannot be.
    Wrong(String),
}

/// What the platform says of an order after all.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// There is no such order.
    Nothing,
    /// Its details.
    Details(Value),
}

/// One line of an order's log that tells of a success.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    operation: String,
    key: String,
    amount: u64,
}

/// Compares what was promised about an order with what is there.
pub(crate) fn judge(order: &Order, seen: &Seen) -> Vec<Finding> {
    let id = &order.id;
    let details = match seen {
        Seen::Details(details) => details,
        Seen::Nothing => {
            let acknowledged = order.operations.iter().filter(|it| it.is_acknowledged());
            return acknowledged
                .map(|it| Finding::Lost(format!("{id}: {:?}, with the whole order", it.step)))
                .collect();
        }
    };
    let Some(lines) = lines(details) else {
        return vec![Finding::Wrong(format!("{id}: no log in {details}"))];
    };
    let mut findings = Vec::new();
    for operation in &order.operations {
        findings.extend(judge_operation(order, operation, &lines));
    }
    for line in &lines {
        if !order
            .operations
            .iter()
            .any(|it| asks_for(order, &it.step, line))
        {
            let text = format!("{id}: {line:?}, which nobody asked for");
            findings.push(Finding::Doubled(text));
        }
    }
    findings.extend(judge_sums(order, &lines, details));
    findings
}

fn judge_operation(order: &Order, operation: &Operation, lines: &[Line]) -> Option<Finding> {
    let there = lines
        .iter()
        .filter(|line| asks_for(order, &operation.step, line))
        .count();
    let what = || format!("{}: {operation:?}, there {there} times", order.id);
    match there {
        0 if operation.is_acknowledged() => Some(Finding::Lost(what())),
        0 | 1 => None,
        _ => Some(Finding::Doubled(what())),
    }
}

/// The sums are those of the log, and the log's are those that were acknowledged, unless something is unknown still.
fn judge_sums(order: &Order, lines: &[Line], details: &Value) -> Vec<Finding> {
    let id = &order.id;
    let sum = |operation: &str| -> u64 {
        let of_it = lines.iter().filter(|line| line.operation == operation);
        of_it.map(|line| line.amount).sum()
    };
    let logged = Sums {
        captured: sum("CAPTURE"),
        refunded: sum("REFUND"),
    };
    let mut findings = Vec::new();
    let mut wrong = |text: String| findings.push(Finding::Wrong(format!("{id}: {text}")));
    let reserved = lines.iter().any(|line| line.operation == "RESERVE");
    match words::sums(details) {
        Some(stated) if stated != logged => {
            wrong(format!(
                "stated sums are {stated:?}, logged ones {logged:?}"
            ));
        }
        None if reserved => wrong("reserved without a summary".to_owned()),
        _ => {}
    }
    if logged.captured > order.amount {
        wrong(format!("{} of {} captured", logged.captured, order.amount));
    }
    if logged.refunded > logged.captured {
        wrong(format!("{logged:?}: more refunded than captured"));
    }
    findings
}

/// Whether a line of the log is the effect of a step.
fn asks_for(order: &Order, step: &Step, line: &Line) -> bool {
    let (operation, asked, wanted) = match step {
        Step::Initiate => ("INITIATE", "", order.amount),
        Step::Approve => ("RESERVE", "", order.amount),
        Step::Capture { amount, key } => ("CAPTURE", key.as_str(), *amount),
        Step::Refund { amount, key } => ("REFUND", key.as_str(), *amount),
    };
    line.operation == operation && line.key == asked && line.amount == wanted
}

/// All successes in the log.
fn lines(details: &Value) -> Option<Vec<Line>> {
    let entries = details.get("transactionLogHistory")?.as_array()?;
    let mut lines = Vec::new();
    for entry in entries {
        let text = |name: &str| entry.get(name)?.as_str().map(str::to_owned);
        if entry.get("operationSuccess")?.as_bool()? {
            lines.push(Line {
                operation: text("operation")?,
                key: text("requestId").unwrap_or_default(),
                amount: entry.get("amount")?.as_u64()?,
            });
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;
    use crate::history::End;
    use crate::http::Answer;

    fn done() -> End {
        End::Acknowledged(Answer {
            status: 200,
            body: Bytes::new(),
        })
    }

    fn operation(step: Step, end: End) -> Operation {
        Operation {
            step,
            end,
            attempts: 1,
            doubtful: false,
        }
    }

    /// An order of 1000 whose history is given as `i a c1:100 c2:200? r1:50`, `?` meaning unknown.
    fn order(history: &str) -> Order {
        let operations = history.split_whitespace().map(|word| {
            let end = if word.ends_with('?') {
                End::Unknown
            } else {
                done()
            };
            let word = word.trim_end_matches('?');
            let step = match word.split_once(':') {
                None if word == "i" => Step::Initiate,
                None => Step::Approve,
                Some((key, amount)) => {
                    let amount = amount.parse().unwrap();
                    let key = key.to_owned();
                    match key.starts_with('c') {
                        true => Step::Capture { key, amount },
                        false => Step::Refund { key, amount },
                    }
                }
            };
            operation(step, end)
        });
        Order {
            shop: 0,
            id: "o".to_owned(),
            amount: 1000,
            operations: operations.collect(),
        }
    }

    /// Details with the same notation.
    fn details(log: &str) -> Value {
        let (mut captured, mut refunded) = (0, 0);
        let entries: Vec<Value> = log
            .split_whitespace()
            .map(|word| {
                let (key, amount) = word.split_once(':').unwrap_or((word, "1000"));
                let amount: u64 = amount.parse().unwrap();
                let operation = match key.chars().next().unwrap() {
                    'i' => "INITIATE",
                    'a' => "RESERVE",
                    'c' => {
                        captured += amount;
                        "CAPTURE"
                    }
                    _ => {
                        refunded += amount;
                        "REFUND"
                    }
                };
                let key = if key.len() > 1 { key } else { "" };
                json!({ "operation": operation, "amount": amount, "requestId": key, "operationSuccess": true })
            })
            .collect();
        json!({
            "transactionSummary": { "capturedAmount": captured, "refundedAmount": refunded },
            "transactionLogHistory": entries,
        })
    }

    fn kinds(findings: &[Finding]) -> Vec<&'static str> {
        let kinds = findings.iter().map(|finding| match finding {
            Finding::Lost(_) => "lost",
            Finding::Doubled(_) => "doubled",
            Finding::Wrong(_) => "wrong",
        });
        kinds.collect()
    }

    #[test]
    fn every_breach_is_found_and_nothing_else() {
        for (history, log, expected) in [
            ("i a c1:100 r1:50", "i a c1:100 r1:50", vec![]),
            ("i a c1:100 c2:200?", "i a c1:100", vec![]),
            ("i a c1:100 c2:200?", "i a c1:100 c2:200", vec![]),
            ("i a c1:100 c2:200", "i a c1:100", vec!["lost"]),
            ("i a c1:100", "i a", vec!["lost"]),
            ("i a", "i", vec!["lost"]),
            ("i a c1:100", "i a c1:100 c1:100", vec!["doubled"]),
            ("i a c1:100?", "i a c1:100 c1:100", vec!["doubled"]),
            ("i a c1:100", "i a c1:100 cx:100", vec!["doubled"]),
            ("i a c1:100", "i a c1:90", vec!["lost", "doubled"]),
            ("i a c1:600 c2:600?", "i a c1:600 c2:600", vec!["wrong"]),
            ("i a c1:100 r1:200", "i a c1:100 r1:200", vec!["wrong"]),
            ("i a", "i a a", vec!["doubled"]),
        ] {
            let findings = judge(&order(history), &Seen::Details(details(log)));
            assert_eq!(
                kinds(&findings),
                expected,
                "{history} / {log}: {findings:?}"
            );
        }
    }

    #[test]
    fn an_order_that_is_gone_was_lost_with_all_that_was_acknowledged() {
        let findings = judge(&order("i a c1:100 c2:5?"), &Seen::Nothing);
        assert_eq!(kinds(&findings), ["lost", "lost", "lost"]);
        assert_eq!(
            kinds(&judge(&order("i?"), &Seen::Nothing)),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn sums_that_are_not_those_of_the_log_are_wrong() {
        let mut said = details("i a c1:100");
        said["transactionSummary"]["capturedAmount"] = json!(101);
        let findings = judge(&order("i a c1:100"), &Seen::Details(said));
        assert_eq!(kinds(&findings), ["wrong"]);
    }
}
