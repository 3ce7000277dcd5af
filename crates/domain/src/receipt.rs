//! What was bought: order lines and the bottom line below them (reference: order-management.md §2).
//!
//! ePayment takes a receipt with a payment, Order Management for one; it is the same thing. Members
//! are written as on the wire.

use serde::{Deserialize, Serialize};

use crate::{Currency, Minor};

/// A receipt. Sums are computed from the lines; nothing compares them with the payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// At least one.
    pub order_lines: Vec<OrderLine>,
    /// What stands below the lines.
    pub bottom_line: BottomLine,
}

/// One thing that was bought. Amounts are minor units, and never negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct OrderLine {
    pub name: String,
    pub id: String,
    pub total_amount: Minor,
    pub total_amount_excluding_tax: Minor,
    pub total_tax_amount: Minor,
    /// Hundredths of a percent: 2500 is 25 %.
    pub tax_rate: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_info: Option<UnitInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_url: Option<String>,
    /// Counts negative.
    #[serde(default)]
    pub is_return: bool,
    #[serde(default)]
    pub is_shipping: bool,
}

/// How much of it, at which price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct UnitInfo {
    pub unit_price: Minor,
    /// A decimal number.
    pub quantity: String,
    /// `PCS`, `KG`, `KM`, `MINUTE`, `LITRE` or `KWH`.
    pub quantity_unit: String,
}

/// What stands below the lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct BottomLine {
    pub currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tip_amount: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pos_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_sources: Option<PaymentSources>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barcode: Option<Barcode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_number: Option<String>,
}

/// What was paid otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct PaymentSources {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gift_card: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voucher: Option<Minor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cash: Option<Minor>,
}

/// A code to be scanned in the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Barcode {
    /// `EAN-13`, `CODE 39` or `CODE 128`.
    pub format: String,
    /// What it says.
    pub data: String,
}
