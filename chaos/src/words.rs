//! What the platform's answers mean for who asked: done, once more, or an answer that may never come.

use serde_json::Value;

use crate::history::{Order, Step, Sums};
use crate::http::Answer;

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It is done, now or by an earlier attempt with the same key.
    Done,
    /// An earlier attempt, whose answer did not come, did it.
    DoneBefore,
    /// Nothing happened; it may be asked again.
    Again,
    /// Whether something happened is not known; it may be asked again.
    Unknown,
    /// The platform never says this here; why not.
    Wrong(String),
}

/// Status and code of the refusals after which the same may be asked again, and whether something may have happened.
const RETRYABLE: [(u16, &str, Meaning); 3] = [
    (409, "94", Meaning::Again),
    (429, "98", Meaning::Again),
    (500, "99", Meaning::Unknown),
];

/// Reads the answer to a step. `doubtful`: an earlier attempt got none.
pub(crate) fn meaning(order: &Order, step: &Step, answer: &Answer, doubtful: bool) -> Meaning {
    if answer.status == 200 {
        return match contradiction(order, step, answer) {
            None => Meaning::Done,
            Some(why) => Meaning::Wrong(why),
        };
    }
    let code = code(answer);
    let said = (answer.status, code.as_deref().unwrap_or_default());
    for (status, code, meaning) in RETRYABLE {
        if said == (status, code) {
            return meaning;
        }
    }
    match (step, said) {
        // Neither has a key: an order id is used once, and a payment approved once.
        (Step::Initiate, (400, "34")) | (Step::Approve, (400, "92")) if doubtful => {
            Meaning::DoneBefore
        }
        _ => Meaning::Wrong(format!("{} {}", answer.status, answer.text())),
    }
}

/// The code of a refusal in the form of the eCom API.
pub(crate) fn code(answer: &Answer) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let code = body.as_array()?.first()?.get("errorCode")?.as_str()?;
    Some(code.to_owned())
}

/// Why a success cannot be true, judging by what the same order was told before.
fn contradiction(order: &Order, step: &Step, answer: &Answer) -> Option<String> {
    let mut expected = order.sums();
    expected.add(step);
    let (Step::Capture { amount, .. } | Step::Refund { amount, .. }) = step else {
        return None;
    };
    let body: Value = match serde_json::from_slice(&answer.body) {
        Ok(body) => body,
        Err(error) => return Some(format!("no JSON ({error}): {}", answer.text())),
    };
    let said = sums(&body);
    if said != Some(expected) {
        return Some(format!("sums are {said:?}, not {expected:?}: {body}"));
    }
    let moved = ["/transactionInfo/amount", "/transaction/amount"];
    let moved = moved.iter().find_map(|path| body.pointer(path)?.as_u64());
    if moved != Some(*amount) {
        return Some(format!("{moved:?} moved, not {amount}: {body}"));
    }
    None
}

/// The sums that an answer states.
pub(crate) fn sums(body: &Value) -> Option<Sums> {
    let sum = |name: &str| body.get("transactionSummary")?.get(name)?.as_u64();
    Some(Sums {
        captured: sum("capturedAmount")?,
        refunded: sum("refundedAmount")?,
    })
}
