//! What was told of an order, on the wire.

use sandkasse_domain::{
    order_info::{Category, OrderInfo},
    receipt::Receipt,
};
use serde::Serialize;

#[derive(Serialize)]
struct Order<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a Category>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a Receipt>,
}

/// Category and receipt, as far as they are there.
pub(super) fn order(info: &OrderInfo) -> String {
    let order = Order {
        category: info.category.as_ref(),
        receipt: info.receipt.as_ref(),
    };
    serde_json::to_string(&order).expect("plain structs always serialise")
}
