//! The body of an initiate: read by type first, judged by value later.
//!
//! The two halves are apart because the platform answers them differently and checks the MSN and
//! the standing of the merchant in between.

mod hosts;
mod merchant;
mod transaction;

use sandkasse_domain::{
    PhoneNumber,
    payment::{MadeBy, Order},
    phone::BadNumber,
};
use sandkasse_engine::Unit;

use crate::{
    FieldFault,
    body::{BodyFault, Fields, Need, Object},
    json::Json,
};
use merchant::Merchant;
use transaction::Transaction;

pub(super) use hosts::check_hosts;
pub(super) use merchant::SentMsn;
pub(super) use transaction::check_text;

/// A body whose members have the right types.
pub(super) struct Sent {
    customer: Option<Customer>,
    merchant: Option<Merchant>,
    transaction: Option<Transaction>,
}

struct Customer {
    mobile_number: Option<String>,
}

/// A number, corrected, or what is wrong with it.
pub(super) type Mobile = Option<Result<PhoneNumber, BadNumber>>;

impl Sent {
    /// Reads the types. Unknown members are ignored.
    pub(super) fn read(body: &Json) -> Result<Sent, BodyFault> {
        let root = Object::root(body)?;
        let customer = root.object("customerInfo", Need::Required)?;
        let merchant = root.object("merchantInfo", Need::Required)?;
        let transaction = root.object("transaction", Need::Required)?;
        Ok(Sent {
            customer: customer
                .map(|it| {
                    it.phone("mobileNumber")
                        .map(|mobile_number| Customer { mobile_number })
                })
                .transpose()?,
            merchant: merchant.map(Merchant::read).transpose()?,
            transaction: transaction.map(Transaction::read).transpose()?,
        })
    }

    pub(super) fn msn(&self) -> Option<&str> {
        self.merchant.as_ref()?.msn.text.as_deref()
    }

    /// Judges the values, in the order of the API's document: every fault is listed.
    pub(super) fn check(self, unit: &Unit) -> Result<(Order, Mobile), Vec<FieldFault>> {
        let mut fields = Fields::default();
        let skips = self
            .transaction
            .as_ref()
            .is_some_and(|it| it.skip_landing_page);
        let express = self.merchant.as_ref().is_some_and(Merchant::is_express);
        let policy = unit.facts.url_policy;

        let mobile = match self.customer {
            None => {
                fields.missing("customerInfo");
                None
            }
            Some(Customer { mobile_number }) => {
                if skips && mobile_number.is_none() {
                    fields.fault(
                        "customerInfo.mobileNumber",
                        "mobileNumber is required when skipping the landing page",
                        "request.missing",
                        "absent",
                    );
                }
                mobile_number.map(|number| PhoneNumber::correct(&number))
            }
        };
        let merchant = match self.merchant {
            None => {
                fields.missing("merchantInfo");
                None
            }
            Some(merchant) => merchant.check(policy, &mut fields),
        };
        let transaction = match self.transaction {
            None => {
                fields.missing("transaction");
                None
            }
            Some(transaction) => transaction.check(express, &mut fields),
        };
        let order = merchant
            .zip(transaction)
            .map(|(merchant, transaction)| Order {
                made_by: MadeBy::Ecom,
                id: transaction.id,
                amount: transaction.amount,
                text: transaction.text,
                callback_prefix: merchant.callback_prefix,
                fall_back: merchant.fall_back,
                auth_token: merchant.auth_token,
                is_app: merchant.is_app,
                skip_landing_page: transaction.skip_landing_page,
                mobile: mobile.clone().and_then(Result::ok),
                scope: transaction.scope,
                checkout: merchant.checkout,
                capture: unit.facts.capture,
            });
        fields.into_result(order.map(|order| (order, mobile)))
    }
}
