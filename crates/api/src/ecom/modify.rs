//! The bodies of capture, cancel, refund and force approve.

use http::HeaderMap;
use sandkasse_domain::{
    Minor, PhoneNumber,
    payment::{Cause, Operation},
    person::CannotPay,
    phone::BadNumber,
};

use super::initiate::{SentMsn, check_text};
use crate::{
    FieldFault,
    body::{BodyFault, Fields, Need, Object, payable},
    json::Json,
};

/// The longest idempotency key.
const MAX_REQUEST_ID: usize = 40;

/// A body whose members have the right types.
pub(super) struct Sent {
    merchant: Option<SentMsn>,
    transaction: Option<(Option<i64>, Option<String>)>,
    release_remainder: bool,
}

/// What the merchant asks for.
pub(super) struct Checked {
    /// `None` is everything.
    pub(super) amount: Option<Minor>,
    pub(super) text: String,
    pub(super) release_remainder: bool,
    /// `X-Request-Id`. A cancel takes the header, without effect (reference: ecom.md §4).
    pub(super) key: Option<String>,
}

impl Sent {
    pub(super) fn read(body: &Json) -> Result<Sent, BodyFault> {
        let root = Object::root(body)?;
        let merchant = root.object("merchantInfo", Need::Required)?;
        let transaction = root.object("transaction", Need::Required)?;
        Ok(Sent {
            merchant: merchant.map(SentMsn::read).transpose()?,
            transaction: match transaction {
                None => None,
                Some(it) => Some((
                    it.integer("amount", Need::Optional)?,
                    it.text("transactionText", Need::Required)?,
                )),
            },
            release_remainder: root.boolean("shouldReleaseRemainingFunds")?,
        })
    }

    pub(super) fn msn(&self) -> Option<&str> {
        self.merchant.as_ref()?.text.as_deref()
    }

    pub(super) fn check(
        self,
        operation: Operation,
        headers: &HeaderMap,
    ) -> Result<Checked, Vec<FieldFault>> {
        let mut fields = Fields::default();
        let (mut amount, mut text) = (None, None);
        match &self.merchant {
            None => fields.missing("merchantInfo"),
            Some(msn) => msn.check(&mut fields),
        }
        match self.transaction {
            None => fields.missing("transaction"),
            Some(sent) => {
                // A cancel has no amount.
                let asked = sent.0.filter(|_| operation != Operation::Cancel);
                amount = check_amount(asked, &mut fields);
                text = check_text(sent.1, &mut fields);
            }
        }
        let key = if operation == Operation::Cancel {
            None
        } else {
            check_request_id(headers, &mut fields)
        };
        let release_remainder = self.release_remainder;
        fields.into_result(text.map(|text| Checked {
            amount,
            text,
            release_remainder,
            key,
        }))
    }
}

/// Absent, null and 0 are everything.
fn check_amount(asked: Option<i64>, fields: &mut Fields) -> Option<Minor> {
    let asked = asked.filter(|amount| *amount != 0)?;
    let amount = payable(asked);
    if amount.is_none() {
        fields.fault(
            "transaction.amount",
            "Invalid amount",
            "amount.invalid",
            format!("received {asked}"),
        );
    }
    amount
}

/// The idempotency key; an empty one is none.
fn check_request_id(headers: &HeaderMap, fields: &mut Fields) -> Option<String> {
    let value = headers.get("x-request-id")?;
    let key = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let length = key.chars().count();
    if length > MAX_REQUEST_ID {
        fields.fault(
            "X-Request-Id",
            "Maximum 40 characters",
            "request.too_long",
            format!("{length} characters"),
        );
    }
    (!key.is_empty()).then_some(key)
}

/// The body of a force approve.
pub(super) struct SentApproval {
    phone: Option<String>,
    pub(super) token: Option<String>,
}

impl SentApproval {
    pub(super) fn read(body: &Json) -> Result<SentApproval, BodyFault> {
        let root = Object::root(body)?;
        Ok(SentApproval {
            phone: root.phone("customerPhoneNumber")?,
            token: root
                .text("token", Need::Optional)?
                .filter(|token| !token.is_empty()),
        })
    }

    /// The number to approve with, corrected; the one of the initiate when none is sent.
    pub(super) fn phone(&self, initiated: Option<&PhoneNumber>) -> Result<PhoneNumber, Cause> {
        let bad = |fault| Cause::NotATestNumber {
            reason: CannotPay::Number(fault),
        };
        match &self.phone {
            Some(text) => PhoneNumber::correct(text).map_err(bad),
            None => initiated.cloned().ok_or_else(|| bad(BadNumber::Format)),
        }
    }
}
