//! Which path is which operation.

use http::Method;

use crate::routes::Names;

/// An operation of Order Management, with the names in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `POST /order-management/v1/images`
    Image,
    /// `POST /order-management/v2/{paymentType}/receipts/{orderId}`
    Receipt {
        /// The payment type, as sent.
        kind: String,
        /// The order id, as sent.
        order: String,
    },
    /// `PUT /order-management/v2/{paymentType}/categories/{orderId}`
    Category {
        /// The payment type, as sent.
        kind: String,
        /// The order id, as sent.
        order: String,
    },
    /// `GET /order-management/v2/{paymentType}/{orderId}`
    Order {
        /// The payment type, as sent.
        kind: String,
        /// The order id, as sent.
        order: String,
    },
}

impl Asked {
    /// For traces and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Asked::Image => "POST /order-management/v1/images",
            Asked::Receipt { .. } => "POST /order-management/v2/{paymentType}/receipts/{orderId}",
            Asked::Category { .. } => "PUT /order-management/v2/{paymentType}/categories/{orderId}",
            Asked::Order { .. } => "GET /order-management/v2/{paymentType}/{orderId}",
        }
    }
}

/// The operations at a path below `order-management`, each with its method.
pub(crate) fn find(words: &[&str], name: Names<'_>) -> Option<Vec<(Method, Asked)>> {
    let (kind, order) = (|| name(2), |index| name(index));
    Some(match words {
        ["v1", "images"] => vec![(Method::POST, Asked::Image)],
        ["v2", _, "receipts", _] => vec![(
            Method::POST,
            Asked::Receipt {
                kind: kind(),
                order: order(4),
            },
        )],
        ["v2", _, "categories", _] => vec![(
            Method::PUT,
            Asked::Category {
                kind: kind(),
                order: order(4),
            },
        )],
        ["v2", _, _] => vec![(
            Method::GET,
            Asked::Order {
                kind: kind(),
                order: order(3),
            },
        )],
        _ => return None,
    })
}
