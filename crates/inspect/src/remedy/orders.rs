//! What Order Management and QR refused.

use sandkasse_api::{
    Route,
    checkout::{self, CheckoutCause},
    order_management::{self, OrderManagementCause},
    qr::{self, QrCause},
    report::ReportCause,
};
use serde_json::{Value, json};

use super::{Case, Remedy};
use crate::HttpCall;

/// A picture of 200 pixels square, all white.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAMgAAADIAQAAAACFI5MzAAAAJ0lEQVR42u3JoQEAAAwCIP9/WvPCPoBK+okxxhhjjDHGGGOMMcYcA4uOdZZzS32eAAAAAElFTkSuQmCC";

pub(super) fn remedy(case: &Case<'_>, cause: &OrderManagementCause) -> Remedy {
    match cause {
        OrderManagementCause::ImageUnknown => case.send(case.sent().remove("imageId"), case.fix),
        OrderManagementCause::ImageExists
        | OrderManagementCause::ReceiptExists
        | OrderManagementCause::NothingTold => case.nothing(),
    }
}

pub(super) fn of_qr(case: &Case<'_>, cause: &QrCause) -> Remedy {
    match cause {
        QrCause::MediaType { .. } => {
            case.send(case.sent().header("Accept", "image/svg+xml"), case.fix)
        }
        QrCause::LinkInvalid
        | QrCause::LinkOver
        | QrCause::IdUnknown
        | QrCause::IdExists { .. }
        | QrCause::PictureGone
        | QrCause::PrintDead => case.nothing(),
    }
}

pub(super) fn of_report(case: &Case<'_>, cause: &ReportCause) -> Remedy {
    match cause {
        ReportCause::AccountingTokenExpired | ReportCause::NoGrant => case.nothing(),
    }
}

pub(super) fn of_checkout(case: &Case<'_>, cause: &CheckoutCause) -> Remedy {
    match cause {
        CheckoutCause::Credentials => {
            let call = case.sent().header("client_id", "$CLIENT_ID");
            let call = call.header("client_secret", "$CLIENT_SECRET");
            let key = "Ocp-Apim-Subscription-Key";
            case.send(call.header(key, "$SUBSCRIPTION_KEY"), case.fix)
        }
        CheckoutCause::DirectCapture => {
            let reserve = case.control(
                "The platform changes the capture type.",
                "PATCH",
                case.unit_path(""),
                json!({ "capture": "reserve" }),
            );
            case.after(vec![reserve], case.sent(), case.fix)
        }
        CheckoutCause::NothingToPay => {
            let call = case.sent().set("transaction.amount.value", 49_900);
            case.send(call, case.fix)
        }
        CheckoutCause::ReferenceTaken => {
            let sent = case.sent();
            let reference = sent.member("transaction.reference");
            let reference = reference.and_then(Value::as_str).unwrap_or_default();
            let next = format!("{reference}-2");
            case.send(sent.set("transaction.reference", next), case.fix)
        }
        CheckoutCause::SessionUnknown => case.nothing(),
    }
}

/// A body that is right in itself; an empty one where none is read. `None` for other APIs.
pub(super) fn sample(route: &Route) -> Option<Value> {
    Some(match route {
        Route::OrderManagement(asked) => match asked {
            order_management::Asked::Image => json!({
                "imageId": "socks-orange-123",
                "src": PICTURE,
                "type": "base64",
            }),
            order_management::Asked::Receipt { .. } => json!({
                "orderLines": [{
                    "name": "Socks",
                    "id": "line_item_1",
                    "totalAmount": 1000,
                    "totalAmountExcludingTax": 800,
                    "totalTaxAmount": 200,
                    "taxRate": 2500,
                }],
                "bottomLine": { "currency": "NOK" },
            }),
            order_management::Asked::Category { .. } => json!({
                "category": "GENERAL",
                "orderDetailsUrl": "https://example.com/orders/1",
            }),
            order_management::Asked::Order { .. } => Value::Null,
        },
        Route::Qr(asked) => match asked {
            qr::Asked::Make | qr::Asked::Point { .. } => json!({
                "id": "billboard_1",
                "redirectUrl": "https://example.com/myProduct",
            }),
            qr::Asked::OneTime
            | qr::Asked::List
            | qr::Asked::Get { .. }
            | qr::Asked::Delete { .. }
            | qr::Asked::Picture
            | qr::Asked::Scan { .. } => Value::Null,
        },
        Route::Report(_) | Route::Checkout(checkout::Asked::Get { .. }) => Value::Null,
        Route::Checkout(checkout::Asked::Create) => json!({
            "merchantInfo": {
                "callbackUrl": "https://example.com/vipps/callback",
                "returnUrl": "https://example.com/vipps/result",
                "callbackAuthorizationToken": "a-secret-of-yours",
            },
            "transaction": {
                "amount": { "value": 49_900, "currency": "NOK" },
                "reference": "acme-shop-123-order123abc",
                "paymentDescription": "One pair of socks",
            },
        }),
        Route::Token
        | Route::Miami
        | Route::KeySet
        | Route::Ecom { .. }
        | Route::Epayment { .. }
        | Route::Userinfo { .. }
        | Route::UserinfoOfLogin
        | Route::WebhookRegister
        | Route::WebhookList
        | Route::WebhookDelete { .. } => return None,
    })
}

/// The call with a right value in the place of a bad one; of a list the whole list.
pub(super) fn repaired(call: HttpCall, member: &str, right: &Value) -> HttpCall {
    let in_path = |mut call: HttpCall, place: usize, name: &str| {
        let mut parts: Vec<&str> = call.path.split('/').collect();
        if let Some(part) = parts.get_mut(place) {
            *part = name;
        }
        call.path = parts.join("/");
        call
    };
    match member {
        "paymentType" => in_path(call, 3, "ecom"),
        "orderId" => {
            let last = call.path.split('/').count().saturating_sub(1);
            in_path(call, last, "acme-shop-123-order123abc")
        }
        "size" => call.header("Size", "800"),
        "topic" => in_path(call, 5, "funds"),
        "ledgerDate" => in_path(call, 7, "2023-06-13"),
        "cursor" => {
            let mut call = call;
            let path = call.path.split('?').next().map(str::to_owned);
            call.path = path.unwrap_or_default();
            call
        }
        _ => {
            let list = member.split('[').next().unwrap_or(member);
            let pointer = format!("/{}", list.replace('.', "/"));
            match right.pointer(&pointer) {
                Some(value) => call.set(list, value.clone()),
                None => call.remove(list),
            }
        }
    }
}
