//! What is wrong with the values of a call, before any payment is looked at.

use sandkasse_domain::Known;
use serde::{Deserialize, Serialize};

/// A value that ePayment has a code for. Other bad values are [`crate::Why::Fields`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum EpaymentCause {
    /// No whole number, or a negative one.
    Amount { member: String, received: String },
    /// No check-in has this token.
    CustomerToken,
    /// No personal QR code says this.
    PersonalQr,
    /// No MSISDN.
    Phone { received: String },
    /// A word of the scope is none.
    Scope { word: String },
    /// A URL that cannot be used.
    Url {
        member: Known,
        url: String,
        why: String,
    },
    /// More than five pairs.
    MetadataCapacity { pairs: usize },
    /// A key stands there twice.
    MetadataDuplicate { key: String },
    /// A key is longer than 100 characters.
    MetadataKey { key: String, length: usize },
    /// A value is longer than 500 characters.
    MetadataValue { key: String, length: usize },
    /// What this flow or method needs is not there.
    Missing { member: Known, because: Known },
    /// Members of card passthrough with another method.
    MethodType,
    /// Express without any way to ship.
    ShippingMissing,
}

impl EpaymentCause {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            EpaymentCause::Amount { .. } => "amount.not_integral",
            EpaymentCause::CustomerToken => "customer.token",
            EpaymentCause::PersonalQr => "customer.personal_qr",
            EpaymentCause::Phone { .. } => "customer.phone",
            EpaymentCause::Scope { .. } => "request.scope",
            EpaymentCause::Url { .. } => "url.epayment",
            EpaymentCause::MetadataCapacity { .. } => "metadata.capacity",
            EpaymentCause::MetadataDuplicate { .. } => "metadata.duplicate",
            EpaymentCause::MetadataKey { .. } => "metadata.key",
            EpaymentCause::MetadataValue { .. } => "metadata.value",
            EpaymentCause::Missing { .. } => "request.needed",
            EpaymentCause::MethodType => "method.type",
            EpaymentCause::ShippingMissing => "request.shipping",
        }
    }
}
