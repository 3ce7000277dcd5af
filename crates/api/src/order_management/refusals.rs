//! What Order Management answers to each cause (reference: order-management.md §5).

use super::OrderManagementCause;
use crate::{Answer, Call, Why, params};

pub(super) fn answer(call: &Call<'_>, why: &Why) -> Answer {
    if let Some(answer) = params::common(call, why, "order-management") {
        return answer;
    }
    let Why::OrderManagement(cause) = why else {
        return params::refused(call, 500, "Internal Server Error", "Something went wrong.");
    };
    let (status, title, detail) = match cause {
        OrderManagementCause::ImageExists => (
            409,
            "Conflict",
            "An image with this imageId already exists.",
        ),
        OrderManagementCause::ImageUnknown => {
            (404, "Not Found", "There is no image with this imageId.")
        }
        OrderManagementCause::ReceiptExists => (
            409,
            "Conflict",
            "A receipt has already been added to this order.",
        ),
        OrderManagementCause::NothingTold => (
            404,
            "Not Found",
            "There is no category and no receipt for this order.",
        ),
    };
    params::refused(call, status, title, detail)
}
