//! The bodies of cancel, capture, refund and force approve (reference: epayment.md §2.4–2.7).

use http::HeaderMap;
use sandkasse_domain::{AsOf, Currency, Minor};

use super::{
    customer::{self, Mobile},
    idempotency_key,
    read::Reading,
};
use crate::{Why, json::Json};

/// What a capture or refund asks for.
pub(super) struct Moves {
    pub(super) amount: Minor,
    pub(super) currency: Currency,
    pub(super) key: String,
}

/// Reads a capture or a refund.
pub(super) fn moves(body: &Json, headers: &HeaderMap) -> Result<Moves, Why> {
    let mut reading = Reading::default();
    let root = reading.shape.root(body);
    let key = idempotency_key(headers, &mut reading, true);
    let amount = root.and_then(|root| reading.amount(&root, "modificationAmount", &Currency::ALL));
    let read = amount.zip(key).map(|((amount, currency), key)| Moves {
        amount,
        currency,
        key,
    });
    reading.into_result(read)
}

/// What a cancel asks for.
pub(super) struct Cancels {
    /// `cancelTransactionOnly`.
    pub(super) only_open: bool,
    pub(super) key: Option<String>,
}

/// Reads a cancel, which needs no body. The key was required until 2024.
pub(super) fn cancels(
    body: Option<&Json>,
    headers: &HeaderMap,
    as_of: AsOf,
) -> Result<Cancels, Why> {
    let today = as_of == AsOf::Today;
    let mut reading = Reading::default();
    let key = idempotency_key(headers, &mut reading, !today);
    let mut only_open = None;
    if let Some(body) = body {
        let root = reading.shape.root(body);
        only_open = root
            .filter(|_| today)
            .and_then(|root| reading.shape.boolean(&root, "cancelTransactionOnly"));
    }
    reading.into_result(Some(Cancels {
        only_open: only_open.unwrap_or(false),
        key,
    }))
}

/// What a force approve says.
pub(super) struct Approves {
    pub(super) mobile: Option<Mobile>,
    pub(super) token: Option<String>,
}

/// Reads a force approve. Without a body the payment must say who pays.
pub(super) fn approves(body: Option<&Json>, as_of: AsOf) -> Result<Approves, Why> {
    let mut reading = Reading::default();
    let mut approves = Approves {
        mobile: None,
        token: None,
    };
    if let Some(body) = body
        && let Some(root) = reading.shape.root(body)
    {
        approves = Approves {
            mobile: customer::customer(&mut reading, &root, as_of),
            token: reading.text(&root, "token", false),
        };
    }
    reading.into_result(Some(approves))
}
