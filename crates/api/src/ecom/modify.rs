//! The bodies of capture, cancel, refund and force approve.

use sandkasse_domain::{
    Minor, PhoneNumber,
    payment::{Cause, Operation},
    person::CannotPay,
    phone::BadNumber,
};
use serde_json::Value;

use super::initiate::{check_msn, check_text};
use crate::{
    FieldFault,
    body::{BodyFault, Fields, Need, Object, payable},
};

/// A body whose members have the right types.
pub(super) struct Sent {
    merchant: Option<Option<String>>,
    transaction: Option<(Option<i64>, Option<String>)>,
    release_remainder: bool,
}

/// What the merchant asks for.
pub(super) struct Checked {
    /// `None` is everything.
    pub(super) amount: Option<Minor>,
    pub(super) text: String,
    pub(super) release_remainder: bool,
}

impl Sent {
    pub(super) fn read(body: &Value) -> Result<Sent, BodyFault> {
        let root = Object::root(body)?;
        let merchant = root.object("merchantInfo", Need::Required)?;
        let transaction = root.object("transaction", Need::Required)?;
        Ok(Sent {
            merchant: merchant
                .map(|merchant| merchant.text("merchantSerialNumber", Need::Required))
                .transpose()?,
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
        self.merchant.as_ref()?.as_deref()
    }

    pub(super) fn check(self, operation: Operation) -> Result<Checked, Vec<FieldFault>> {
        let mut fields = Fields::default();
        match &self.merchant {
            None => fields.fault(
                "merchantInfo",
                "merchantInfo is required",
                "request.missing",
                "absent",
            ),
            Some(msn) => check_msn(msn.as_deref(), &mut fields),
        }
        let Some((amount, text)) = self.transaction else {
            fields.fault(
                "transaction",
                "transaction is required",
                "request.missing",
                "absent",
            );
            return fields.into_result(None);
        };
        // Absent, null and 0 are everything. A cancel has no amount.
        let asked = amount.filter(|amount| *amount != 0 && operation != Operation::Cancel);
        let amount = asked.and_then(payable);
        if let (Some(asked), None) = (asked, amount) {
            let detail = format!("received {asked}");
            fields.fault(
                "transaction.amount",
                "Invalid amount",
                "amount.invalid",
                detail,
            );
        }
        let text = check_text(text, &mut fields);
        let release_remainder = self.release_remainder;
        fields.into_result(text.map(|text| Checked {
            amount,
            text,
            release_remainder,
        }))
    }
}

/// The body of a force approve.
pub(super) struct SentApproval {
    phone: Option<String>,
    pub(super) token: Option<String>,
}

impl SentApproval {
    pub(super) fn read(body: &Value) -> Result<SentApproval, BodyFault> {
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
