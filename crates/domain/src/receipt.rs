//! Receipts: what was bought, line by line, as the merchant tells it (reference: order-management.md §2).
//!
//! The members are named as on the wire, where several APIs write them alike. Amounts are in minor units.

use serde::{Deserialize, Serialize};

/// What a payer sees of a purchase. Once it is there it stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// At least one.
    pub order_lines: Vec<OrderLine>,
    /// What concerns all of them.
    pub bottom_line: BottomLine,
}

/// A line of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLine {
    /// What it is.
    pub name: String,
    /// The merchant's own id of it.
    pub id: String,
    /// With tax; never negative, a return is marked as one.
    pub total_amount: i64,
    /// Without tax.
    pub total_amount_excluding_tax: i64,
    /// The tax.
    pub total_tax_amount: i64,
    /// The tax in per cent, as in 2023.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_percentage: Option<i64>,
    /// The tax in hundredths of a per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<i64>,
    /// How many of what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_info: Option<UnitInfo>,
    /// What was taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<i64>,
    /// Where it is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_url: Option<String>,
    /// Something the payer gave back: counts negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_return: Option<bool>,
    /// What the delivery costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_shipping: Option<bool>,
}

/// How many of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnitInfo {
    /// Of one.
    pub unit_price: i64,
    /// A decimal number: `2.5`.
    pub quantity: String,
    /// `PCS` where nothing was said.
    pub quantity_unit: String,
}

/// What concerns the whole receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BottomLine {
    /// `NOK`, `DKK` or `EUR`.
    pub currency: String,
    /// What the payer gave on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tip_amount: Option<i64>,
    /// The till.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos_id: Option<String>,
    /// The till by its old name; kept, and never shown in the place of `pos_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal_id: Option<String>,
    /// What else it was paid with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_sources: Option<PaymentSources>,
    /// To be read by the merchant's own machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<Barcode>,
    /// The merchant's number of the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_number: Option<String>,
}

/// What a purchase was paid with besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentSources {
    /// A gift card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift_card: Option<i64>,
    /// A card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<i64>,
    /// A voucher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<i64>,
    /// Cash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash: Option<i64>,
}

/// A barcode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Barcode {
    /// `EAN-13`, `CODE 39` or `CODE 128`.
    pub format: String,
    /// What is in it.
    pub data: String,
}

/// What the lines of a receipt come to. It is not compared with the payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// With tax.
    pub total: i64,
    /// The tax in it.
    pub tax: i64,
    /// What was taken off.
    pub discount: i64,
}

impl Receipt {
    /// The sums that the payer sees: what was given back counts negative.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for line in &self.order_lines {
            let sign = if line.is_return == Some(true) { -1 } else { 1 };
            let add = |sum: i64, amount: i64| sum.saturating_add(amount.saturating_mul(sign));
            sums.total = add(sums.total, line.total_amount);
            sums.tax = add(sums.tax, line.total_tax_amount);
            sums.discount = add(sums.discount, line.discount.unwrap_or_default());
        }
        sums
    }
}
