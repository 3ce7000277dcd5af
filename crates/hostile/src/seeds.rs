//! Right requests to make wrong ones from.

use serde_json::{Value, json};

/// A request as somebody wrote it down: with placeholders, and without keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// HTTP method.
    pub method: String,
    /// Path; parts in braces are to be filled in.
    pub path: String,
    /// Headers beyond those of every call.
    pub headers: Vec<(String, String)>,
    /// Body, if it is JSON.
    pub body: Option<Value>,
}

/// Our own: every operation there is, with every member it reads.
pub fn ours() -> Vec<Seed> {
    let modify = json!({
        "merchantInfo": { "merchantSerialNumber": "" },
        "transaction": { "amount": 100, "transactionText": "Shipped" },
        "shouldReleaseRemainingFunds": false,
    });
    let approve = json!({ "customerPhoneNumber": "", "token": "" });
    sandkasse_api::OPERATIONS
        .iter()
        .flat_map(|(method, path)| {
            let bodies = match path.rsplit('/').next().unwrap_or_default() {
                "payments" => vec![Some(simple()), Some(express())],
                "capture" | "cancel" | "refund" => vec![Some(modify.clone())],
                "approve" => vec![Some(approve.clone())],
                _ => vec![None],
            };
            bodies.into_iter().map(|body| Seed {
                method: (*method).to_owned(),
                path: (*path).to_owned(),
                headers: vec![("X-Request-Id".to_owned(), "request-1".to_owned())],
                body,
            })
        })
        .collect()
}

fn simple() -> Value {
    json!({
        "customerInfo": { "mobileNumber": "" },
        "merchantInfo": {
            "merchantSerialNumber": "",
            "callbackPrefix": "https://example.com/vipps/callback",
            "fallBack": "https://example.com/vipps/result",
            "authToken": "secret",
            "isApp": false,
        },
        "transaction": {
            "orderId": "",
            "amount": 49_900,
            "transactionText": "One pair of socks",
            "scope": "name email",
            "skipLandingPage": false,
            "additionalData": {
                "passengerName": "Kari",
                "airlineCode": "074",
                "airlineDesignatorCode": "KL",
                "ticketNumber": "1",
                "agencyInvoiceNumber": "1",
            },
        },
    })
}

fn express() -> Value {
    json!({
        "customerInfo": {},
        "merchantInfo": {
            "merchantSerialNumber": "",
            "callbackPrefix": "https://example.com/vipps/callback",
            "fallBack": "https://example.com/vipps/result",
            "shippingDetailsPrefix": "https://example.com/ship",
            "consentRemovalPrefix": "https://example.com/consent",
            "paymentType": "eComm Express Payment",
            "staticShippingDetails": [
                { "isDefault": "Y", "priority": 1, "shippingCost": 99.5, "shippingMethod": "Post", "shippingMethodId": "post" },
                { "isDefault": "N", "priority": 2, "shippingCost": 0, "shippingMethod": "Collect", "shippingMethodId": "collect" },
            ],
        },
        "transaction": { "orderId": "", "amount": 49_900, "transactionText": "Socks" },
    })
}
