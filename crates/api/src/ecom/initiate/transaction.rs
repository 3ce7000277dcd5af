//! `transaction` of an initiate.

use std::{borrow::Cow, collections::BTreeSet};

use sandkasse_domain::{Minor, OrderId, consent::Scope};

use crate::body::{BodyFault, Fields, Need, Object, payable};

/// ePayment takes longer ones.
const LONGEST_ORDER_ID: usize = 50;

const TEXT_RULE: &str = "transactionText is required, maximum 100 characters";

/// Members of the right types.
pub(super) struct Transaction {
    order_id: Option<String>,
    amount: Option<i64>,
    text: Option<String>,
    pub(super) skip_landing_page: bool,
    scope: Option<String>,
    additional: Vec<(&'static Additional, Option<String>)>,
}

/// A member of `additionalData`, which airlines send.
struct Additional {
    name: &'static str,
    least: usize,
    most: usize,
    need: Need,
}

const ADDITIONAL: [Additional; 5] = [
    additional("passengerName", 1, 49, Need::Required),
    additional("airlineCode", 3, 3, Need::Required),
    additional("airlineDesignatorCode", 2, 2, Need::Required),
    additional("ticketNumber", 1, 150, Need::Optional),
    additional("agencyInvoiceNumber", 1, 6, Need::Required),
];

const fn additional(name: &'static str, least: usize, most: usize, need: Need) -> Additional {
    Additional {
        name,
        least,
        most,
        need,
    }
}

/// The same, with allowed values.
pub(super) struct CheckedTransaction {
    pub(super) id: OrderId,
    pub(super) amount: Minor,
    pub(super) text: String,
    pub(super) skip_landing_page: bool,
    pub(super) scope: BTreeSet<Scope>,
}

impl Transaction {
    pub(super) fn read(object: Object<'_>) -> Result<Transaction, BodyFault> {
        let mut additional = Vec::new();
        if let Some(data) = object.object("additionalData", Need::Optional)? {
            for member in &ADDITIONAL {
                additional.push((member, data.text(member.name, member.need)?));
            }
        }
        Ok(Transaction {
            order_id: object.text("orderId", Need::Required)?,
            amount: object.integer("amount", Need::Required)?,
            text: object.text("transactionText", Need::Required)?,
            skip_landing_page: object.boolean("skipLandingPage")?,
            scope: object.text("scope", Need::Optional)?,
            additional,
        })
    }

    pub(super) fn check(self, express: bool, fields: &mut Fields) -> Option<CheckedTransaction> {
        let id = self.order_id.as_deref().and_then(OrderId::try_new);
        let id = id.filter(|id| id.as_str().len() <= LONGEST_ORDER_ID);
        if id.is_none() {
            fields.fault(
                "transaction.orderId",
                "orderId must match ^[a-zA-Z0-9-]{1,50}$",
                "order.format",
                format!("received {:?}", self.order_id.unwrap_or_default()),
            );
        }
        let amount = self
            .amount
            .and_then(payable)
            .filter(|amount| *amount >= Minor::LEAST_PAYMENT);
        if amount.is_none() {
            let detail = self
                .amount
                .map_or("absent".to_owned(), |amount| format!("received {amount}"));
            fields.fault(
                "transaction.amount",
                "Invalid amount",
                "amount.invalid",
                detail,
            );
        }
        let text = check_text(self.text, fields);
        let scope = check_scope(self.scope.as_deref(), express, fields);
        for (
            Additional {
                name,
                least,
                most,
                need,
            },
            value,
        ) in self.additional
        {
            let length = value.as_ref().map(|value| value.chars().count());
            let allowed = length.map_or(*need == Need::Optional, |length| {
                (*least..=*most).contains(&length)
            });
            if !allowed {
                fields.fault(
                    Cow::Owned(format!("transaction.additionalData.{name}")),
                    format!("{name} must have {least}-{most} characters"),
                    "request.additional_data",
                    length.map_or("absent".to_owned(), |length| format!("{length} characters")),
                );
            }
        }
        Some(CheckedTransaction {
            id: id?,
            amount: amount?,
            text: text?,
            skip_landing_page: self.skip_landing_page,
            scope: scope?,
        })
    }
}

/// `transactionText`, the same rule for every operation; characters are counted, not bytes.
pub(in crate::ecom) fn check_text(text: Option<String>, fields: &mut Fields) -> Option<String> {
    fields.required_text(text, 100, "transaction.transactionText", TEXT_RULE)
}

fn check_scope(scope: Option<&str>, express: bool, fields: &mut Fields) -> Option<BTreeSet<Scope>> {
    let words = scope
        .unwrap_or_default()
        .split_whitespace()
        .filter(|word| *word != "openid");
    let mut scopes = BTreeSet::new();
    for word in words {
        match Scope::parse(word) {
            Some(scope) if !express => {
                scopes.insert(scope);
            }
            parsed => {
                let detail = match parsed {
                    Some(_) => "a scope cannot be combined with express checkout".to_owned(),
                    None => format!("{word:?} is no scope"),
                };
                fields.fault(
                    "transaction.scope",
                    "Invalid scope",
                    "request.scope",
                    detail,
                );
                return None;
            }
        }
    }
    Some(scopes)
}
