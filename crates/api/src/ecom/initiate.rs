//! The body of an initiate: read by type first, judged by value later.
//!
//! The two halves are apart because the platform answers them differently and checks the MSN and
//! the standing of the merchant in between.

use std::{borrow::Cow, collections::BTreeSet};

use sandkasse_courier::{
    Host, Resolver, UrlFault, is_dangerous_scheme, judge_fall_back, judge_prefix,
};
use sandkasse_domain::{
    Minor, Msn, OrderId, PhoneNumber,
    consent::Scope,
    payment::{Checkout, Order, ShippingMethod, ShippingSource},
    phone::BadNumber,
    sales_unit::UrlPolicy,
};
use sandkasse_engine::{Unit, read_method};
use serde_json::Value;

use crate::{
    FieldFault,
    body::{BodyFault, Fields, Need, Object, payable},
};

const TEXT_RULE: &str = "transactionText is required, maximum 100 characters";
/// The longest URL and the longest `authToken`.
const MAX_LONG: usize = 255;

/// A body whose members have the right types.
#[derive(Debug)]
pub(super) struct Sent {
    customer: Option<Customer>,
    merchant: Option<Merchant>,
    transaction: Option<Transaction>,
}

#[derive(Debug)]
struct Customer {
    mobile_number: Option<String>,
}

#[derive(Debug)]
struct Merchant {
    msn: Option<String>,
    callback_prefix: Option<String>,
    fall_back: Option<String>,
    auth_token: Option<String>,
    is_app: bool,
    payment_type: Option<String>,
    consent_removal_prefix: Option<String>,
    shipping_details_prefix: Option<String>,
    static_shipping: Option<Vec<Value>>,
}

#[derive(Debug)]
struct Transaction {
    order_id: Option<String>,
    amount: Option<i64>,
    text: Option<String>,
    skip_landing_page: bool,
    scope: Option<String>,
    additional: Option<Vec<(&'static str, usize, usize, bool, Option<String>)>>,
}

/// A number, corrected, or what is wrong with it.
pub(super) type Mobile = Option<Result<PhoneNumber, BadNumber>>;

impl Sent {
    /// Reads the types. Unknown members are ignored.
    pub(super) fn read(body: &Value) -> Result<Sent, BodyFault> {
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
        self.merchant.as_ref()?.msn.as_deref()
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

/// What only DNS can tell, asked when nothing else is wrong: whether the hosts that the platform
/// will call exist. A `local` unit's are not asked for (reference: platform.md §6).
pub(super) async fn check_hosts(
    order: &Order,
    policy: UrlPolicy,
    resolver: &dyn Resolver,
) -> Result<(), Vec<FieldFault>> {
    if policy == UrlPolicy::Local {
        return Ok(());
    }
    let (consent_removal, shipping) = match &order.checkout {
        Checkout::Regular => (None, None),
        Checkout::Express {
            consent_removal_prefix,
            shipping,
        } => {
            let asked = match shipping {
                ShippingSource::Asked { prefix } => Some(prefix),
                ShippingSource::Static(_) => None,
            };
            (Some(consent_removal_prefix), asked)
        }
    };
    let prefixes = [
        (
            Some(&order.callback_prefix),
            "merchantInfo.callbackPrefix.invalid",
            "callbackUrl is invalid",
        ),
        (
            consent_removal,
            "merchantInfo.consentRemovalPrefix.invalid",
            "Invalid consentRemovalPrefix URL",
        ),
        (
            shipping,
            "merchantInfo.shippingDetailsPrefix.invalid",
            "Invalid shippingDetailsPrefix URL",
        ),
    ];
    let mut fields = Fields::default();
    for (prefix, code, says) in prefixes {
        let Some(Ok(target)) = prefix.map(|prefix| judge_prefix(prefix, policy)) else {
            continue;
        };
        let Host::Name(name) = &target.host else {
            continue;
        };
        match resolver.resolve(name, target.port).await {
            Ok(addresses) if !addresses.is_empty() => {}
            // No DNS at all is our trouble, not the merchant's: only a clear "no such name" counts.
            Err(error) if !names_nobody(&error) => {
                tracing::warn!(%error, "DNS could not be asked about a merchant's host");
            }
            Ok(_) => fields.fault(code, says, "url.dns", format!("{name} has no address")),
            Err(error) => fields.fault(code, says, "url.dns", format!("{name}: {error}")),
        }
    }
    fields.into_result(Some(()))
}

/// Whether a resolver said that there is no such name, and not that it could not ask. The system's
/// resolver tells the two apart in its text only.
fn names_nobody(error: &std::io::Error) -> bool {
    let text = error.to_string();
    error.kind() == std::io::ErrorKind::NotFound
        || [
            "not known",
            "No address associated",
            "nodename nor servname",
        ]
        .iter()
        .any(|sign| text.contains(sign))
}

struct CheckedMerchant {
    callback_prefix: String,
    fall_back: String,
    auth_token: Option<String>,
    is_app: bool,
    checkout: Checkout,
}

impl Merchant {
    fn read(object: Object<'_>) -> Result<Merchant, BodyFault> {
        let static_shipping = object.list("staticShippingDetails")?.cloned();
        check_types(static_shipping.iter().flatten())?;
        Ok(Merchant {
            msn: object.text("merchantSerialNumber", Need::Required)?,
            callback_prefix: object.text("callbackPrefix", Need::Required)?,
            fall_back: object.text("fallBack", Need::Required)?,
            auth_token: object.text("authToken", Need::Optional)?,
            is_app: object.boolean("isApp")?,
            payment_type: object.text("paymentType", Need::Optional)?,
            consent_removal_prefix: object.text("consentRemovalPrefix", Need::Optional)?,
            shipping_details_prefix: object.text("shippingDetailsPrefix", Need::Optional)?,
            static_shipping,
        })
    }

    fn is_express(&self) -> bool {
        self.payment_type.as_deref() == Some("eComm Express Payment")
    }

    fn check(self, policy: UrlPolicy, fields: &mut Fields) -> Option<CheckedMerchant> {
        let express = self.is_express();
        check_msn(self.msn.as_deref(), fields);
        let callback_prefix = prefix(
            self.callback_prefix,
            policy,
            "merchantInfo.callbackPrefix.invalid",
            "callbackUrl is invalid",
            fields,
        );
        let fall_back = check_fall_back(self.fall_back, self.is_app, fields);
        if let Some(long) = self
            .auth_token
            .as_ref()
            .filter(|it| it.chars().count() > MAX_LONG)
        {
            let detail = format!("{} characters", long.chars().count());
            let code = "merchantInfo.authToken";
            fields.fault(
                code,
                "authToken: maximum 255 characters",
                "request.too_long",
                detail,
            );
        }
        match self.payment_type.as_deref() {
            None | Some("" | "eComm Regular Payment" | "eComm Express Payment") => {}
            Some(other) => fields.fault(
                "merchantInfo.paymentType",
                "Unknown paymentType",
                "request.unknown_value",
                format!("received {other:?}"),
            ),
        }
        let checkout = if express {
            check_express(
                self.consent_removal_prefix,
                self.static_shipping,
                self.shipping_details_prefix,
                policy,
                fields,
            )
        } else {
            Some(Checkout::Regular)
        };
        Some(CheckedMerchant {
            callback_prefix: callback_prefix?,
            fall_back: fall_back?,
            auth_token: self.auth_token.filter(|token| !token.is_empty()),
            is_app: self.is_app,
            checkout: checkout?,
        })
    }
}

/// The MSN of a body; well-formed foreign ones were refused before.
pub(super) fn check_msn(msn: Option<&str>, fields: &mut Fields) {
    if msn.and_then(Msn::try_new).is_none() {
        let detail = msn.map_or("absent".to_owned(), |msn| format!("received {msn:?}"));
        fields.fault(
            "merchantInfo.merchantSerialNumber",
            "merchantSerialNumber must be 4-7 digits",
            "msn.format",
            detail,
        );
    }
}

fn check_express(
    consent_removal: Option<String>,
    static_shipping: Option<Vec<Value>>,
    shipping_details: Option<String>,
    policy: UrlPolicy,
    fields: &mut Fields,
) -> Option<Checkout> {
    let consent_removal_prefix = prefix(
        consent_removal,
        policy,
        "merchantInfo.consentRemovalPrefix.invalid",
        "Invalid consentRemovalPrefix URL",
        fields,
    );
    // A static list wins over the prefix (reference: ecom.md §2.1).
    let shipping = match static_shipping.filter(|list| !list.is_empty()) {
        Some(list) => check_static_shipping(&list, fields).map(ShippingSource::Static),
        None => prefix(
            shipping_details,
            policy,
            "merchantInfo.shippingDetailsPrefix.invalid",
            "Invalid shippingDetailsPrefix URL",
            fields,
        )
        .map(|prefix| ShippingSource::Asked { prefix }),
    };
    Some(Checkout::Express {
        consent_removal_prefix: consent_removal_prefix?,
        shipping: shipping?,
    })
}

/// The types of listed methods. Cost and priority may be texts (reference: ecom.md §2.1).
fn check_types<'a>(methods: impl Iterator<Item = &'a Value>) -> Result<(), BodyFault> {
    for method in methods {
        let method = Object::root(method)?;
        for name in ["isDefault", "shippingMethod", "shippingMethodId"] {
            method.text(name, Need::Required)?;
        }
        method.number_or_text("shippingCost", Need::Required)?;
        method.number_or_text("priority", Need::Optional)?;
    }
    Ok(())
}

fn check_static_shipping(list: &[Value], fields: &mut Fields) -> Option<Vec<ShippingMethod>> {
    let mut methods = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        match read_method(value) {
            Ok(method) => methods.push(method),
            Err(what) => {
                let member = what.split(' ').next().unwrap_or_default().to_owned();
                let code = format!("merchantInfo.staticShippingDetails[{index}].{member}");
                fields.fault(code, what.clone(), "request.shipping", what);
            }
        }
    }
    (methods.len() == list.len()).then_some(methods)
}

fn prefix(
    text: Option<String>,
    policy: UrlPolicy,
    code: &'static str,
    says: &'static str,
    fields: &mut Fields,
) -> Option<String> {
    let text = text.unwrap_or_default();
    match judge_prefix(&text, policy) {
        Ok(_) => Some(text),
        Err(fault) => {
            fields.fault(code, says, url_cause(&fault), format!("{fault:?}"));
            None
        }
    }
}

fn check_fall_back(text: Option<String>, is_app: bool, fields: &mut Fields) -> Option<String> {
    let text = text.unwrap_or_default();
    let judged = match judge_fall_back(&text, is_app) {
        Ok(()) if text.is_empty() => Err(UrlFault::Empty),
        // An app's own scheme is its business; one that runs in a browser never is.
        Ok(()) if is_dangerous_scheme(&text) => {
            let scheme = text.split(':').next().unwrap_or_default().to_owned();
            Err(UrlFault::Scheme { scheme })
        }
        judged => judged,
    };
    judged
        .map_err(|fault| {
            let code = "merchantInfo.fallBack.invalid";
            fields.fault(
                code,
                "Invalid fallback URL",
                url_cause(&fault),
                format!("{fault:?}"),
            );
        })
        .ok()
        .map(|()| text)
}

/// The cause, as errors-faq.md lists those of URLs.
fn url_cause(fault: &UrlFault) -> &'static str {
    match fault {
        UrlFault::Scheme { .. } => "url.scheme",
        UrlFault::LocalHost { .. }
        | UrlFault::BareHost { .. }
        | UrlFault::OddAddress { .. }
        | UrlFault::Address { .. } => "url.local",
        UrlFault::Empty
        | UrlFault::TooLong { .. }
        | UrlFault::Syntax { .. }
        | UrlFault::UnknownTld { .. } => "url.syntax",
    }
}

struct CheckedTransaction {
    id: OrderId,
    amount: Minor,
    text: String,
    skip_landing_page: bool,
    scope: BTreeSet<Scope>,
}

impl Transaction {
    fn read(object: Object<'_>) -> Result<Transaction, BodyFault> {
        // Airlines: name, least and most characters, whether required.
        const ADDITIONAL: [(&str, usize, usize, bool); 5] = [
            ("passengerName", 1, 49, true),
            ("airlineCode", 3, 3, true),
            ("airlineDesignatorCode", 2, 2, true),
            ("ticketNumber", 1, 150, false),
            ("agencyInvoiceNumber", 1, 6, true),
        ];
        let additional = match object.object("additionalData", Need::Optional)? {
            None => None,
            Some(data) => {
                let mut members = Vec::with_capacity(ADDITIONAL.len());
                for (name, least, most, required) in ADDITIONAL {
                    let need = if required {
                        Need::Required
                    } else {
                        Need::Optional
                    };
                    members.push((name, least, most, required, data.text(name, need)?));
                }
                Some(members)
            }
        };
        Ok(Transaction {
            order_id: object.text("orderId", Need::Required)?,
            amount: object.integer("amount", Need::Required)?,
            text: object.text("transactionText", Need::Required)?,
            skip_landing_page: object.boolean("skipLandingPage")?,
            scope: object.text("scope", Need::Optional)?,
            additional,
        })
    }

    fn check(self, express: bool, fields: &mut Fields) -> Option<CheckedTransaction> {
        let id = self.order_id.as_deref().and_then(OrderId::try_new);
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
        for (name, least, most, required, value) in self.additional.unwrap_or_default() {
            let length = value.as_ref().map(|value| value.chars().count());
            let allowed = length.map_or(!required, |length| (least..=most).contains(&length));
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
pub(super) fn check_text(text: Option<String>, fields: &mut Fields) -> Option<String> {
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
