//! What a merchant tells of an order besides its payment (reference: order-management.md).
//!
//! Nothing here looks at a payment: it may come before there is one, or without.

use serde::{Deserialize, Serialize};

use crate::receipt::Receipt;

/// Which kind of payment an order is paid with; the same id may be used once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PaymentType {
    /// eCom, ePayment and Checkout.
    Ecom,
    /// A charge of an agreement.
    Recurring,
}

impl PaymentType {
    /// The one of this name, in any case: clients send `ecom`, `eCom` and `ECOM`.
    pub fn parse(name: &str) -> Option<PaymentType> {
        [PaymentType::Ecom, PaymentType::Recurring]
            .into_iter()
            .find(|it| it.name().eq_ignore_ascii_case(name))
    }

    /// As the platform writes it.
    pub fn name(self) -> &'static str {
        match self {
            PaymentType::Ecom => "ECOM",
            PaymentType::Recurring => "RECURRING",
        }
    }
}

/// A button in the app that leads to the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Category {
    /// What it leads to.
    pub category: String,
    /// Where it leads.
    pub order_details_url: String,
    /// The picture on it, by the id of its upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
}

/// What categories there are.
pub const CATEGORIES: [&str; 6] = [
    "GENERAL",
    "RECEIPT",
    "ORDER_CONFIRMATION",
    "DELIVERY",
    "TICKET",
    "BOOKING",
];

/// What a merchant told of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderInfo {
    /// The button; a later one takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The receipt, which stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// Something that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told {
    /// A category.
    Category {
        /// Fresh each time.
        id: String,
        /// It.
        category: Category,
    },
    /// The receipt.
    Receipt {
        /// Fresh.
        id: String,
        /// It.
        receipt: Receipt,
    },
}

impl OrderInfo {
    /// What is known after one more thing was told.
    pub fn apply(before: Option<OrderInfo>, told: &Told) -> OrderInfo {
        let mut info = before.unwrap_or_default();
        match told {
            Told::Category { category, .. } => info.category = Some(category.clone()),
            Told::Receipt { receipt, .. } => info.receipt = Some(receipt.clone()),
        }
        info
    }
}

/// A picture, uploaded once and used by many orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `image/png` or `image/jpeg`.
    pub media_type: String,
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
}

/// That a picture was uploaded: the only thing that happens to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// What it is.
    pub image: Image,
    /// The file, as Base64.
    pub file: String,
}
