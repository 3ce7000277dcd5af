//! The official OpenAPI documents as a second opinion on every success body.
//!
//! The documents are not ours to commit. They are read from `specs/` beside the project, or from
//! the folder that `SANDKASSE_ORACLES` names; without them this module checks nothing, and the
//! test command says so. Where a document is wrong the deviation stands in [`KNOWN`].

use std::{collections::HashMap, path::PathBuf, sync::OnceLock};

use http::Method;
use jsonschema::Validator;
use sandkasse_api::{Route, checkout, epayment, find, order_management, qr, report};
use sandkasse_domain::{Environment, payment::Operation};
use serde_json::{Value, json};

use crate::Got;

/// Where a document is wrong: the part of the error that shows it, and the reason.
const KNOWN: [(&str, &str); 11] = [
    ("is shorter than 8 characters at ", "the same as below"),
    (
        r#"does not match "^[a-zA-Z0-9-]{8,64}$" at "#,
        "payments that eCom made keep their ids, which may have one character (epayment.md §2.9)",
    ),
    (
        "expires_in",
        "the numeric members of a token are strings on the wire: recorded 2021-07-09",
    ),
    ("expires_on", "the same"),
    ("not_before", "the same"),
    (
        "access_token",
        "the pattern has no `.` and `-`; the real token is a JWT",
    ),
    (
        "less than the minimum of 100",
        "the minimum of a payment stands on captures and refunds too; the guide has no such rule",
    ),
    (
        "\"[Expired]\"",
        "a number has 8 digits; after 168 hours the word stands in its place, as documented",
    ),
    (
        "less than the minimum of 1.0",
        "shipping may be free, as later documents say (E-14)",
    ),
    (
        "at /phone_number",
        "the pattern has 15 digits; the document's own example has ten (userinfo.md, ruling 5)",
    ),
    (
        "userId",
        "the pattern has no hyphen; a scope payment's userId equals its sub, a UUID (E-12)",
    ),
];

/// Checks a success body, and a problem of ePayment, against the official schema of its operation.
///
/// # Panics
///
/// When the body breaks the schema in a way that is not listed in [`KNOWN`].
pub(crate) fn check(environment: Environment, method: &Method, path: &str, got: &Got) {
    if got.body.is_empty() {
        return;
    }
    let Ok(route) = find(environment, method, path) else {
        return;
    };
    let Some(validators) = validators() else {
        return;
    };
    let name = match (&route, got.status) {
        (_, 200 | 201) => schema_name(&route),
        // The gateway's own formats are in no document.
        (Route::Epayment { .. }, _)
            if got.header("content-type") == Some("application/problem+json") =>
        {
            Some("Problem")
        }
        _ => None,
    };
    let Some(validator) = name.and_then(|name| validators.get(name)) else {
        return;
    };
    let body: Value = serde_json::from_str(&got.body).expect("success bodies are JSON");
    for error in validator.iter_errors(&body) {
        let said = format!("{} at {}", error, error.instance_path);
        let known = KNOWN.iter().any(|(sign, _)| said.contains(sign));
        assert!(
            known,
            "{method} {path} breaks the official document: {said}\n{body}"
        );
    }
}

fn schema_name(route: &Route) -> Option<&'static str> {
    Some(match route {
        Route::Token => "token",
        Route::Ecom { operation, .. } => match operation {
            Operation::Initiate => "PaymentInitiationResponse",
            Operation::Capture => "CaptureTransactionResponse",
            Operation::Cancel => "CancelTransactionResponse",
            Operation::Refund => "RefundTransactionResponse",
            Operation::Details => "details",
            Operation::Status => "status",
            Operation::Approve => return None,
        },
        Route::Epayment { asked, .. } => match asked {
            epayment::Asked::Create => "CreatePaymentResponse",
            epayment::Asked::Get => "GetPaymentResponse",
            epayment::Asked::Events => "PaymentEvent",
            epayment::Asked::Cancel | epayment::Asked::Capture | epayment::Asked::Refund => {
                "ModificationResponse"
            }
            epayment::Asked::Approve => return None,
        },
        Route::Userinfo { .. } => "userinfo",
        Route::OrderManagement(asked) => match asked {
            order_management::Asked::Image => "image",
            order_management::Asked::Receipt { .. } => "receipt",
            order_management::Asked::Category { .. } => "category",
            order_management::Asked::Order { .. } => "order",
        },
        Route::Qr(asked) => match asked {
            qr::Asked::OneTime => "qr of a payment",
            qr::Asked::List => "qr list",
            qr::Asked::Make => "qr made",
            qr::Asked::Get { .. } => "qr",
            qr::Asked::Point { .. } => "qr pointed",
            qr::Asked::Delete { .. } | qr::Asked::Picture | qr::Asked::Scan { .. } => return None,
        },
        Route::Checkout(asked) => match asked {
            checkout::Asked::Create => "session made",
            checkout::Asked::Get { .. } => "session",
        },
        Route::Report(asked) => match asked {
            report::Asked::Ledgers => "ledgers",
            report::Asked::Date { .. } => "report of a date",
            report::Asked::Feed { .. } => "report feed",
        },
        Route::Miami
        | Route::KeySet
        | Route::UserinfoOfLogin
        | Route::WebhookRegister
        | Route::WebhookList
        | Route::WebhookDelete { .. } => return None,
    })
}

fn validators() -> Option<&'static HashMap<&'static str, Validator>> {
    static VALIDATORS: OnceLock<Option<HashMap<&'static str, Validator>>> = OnceLock::new();
    VALIDATORS.get_or_init(load).as_ref()
}

fn load() -> Option<HashMap<&'static str, Validator>> {
    let folder = folder()?;
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(folder.join(name)).expect("the document can be read");
        serde_yaml_ng::from_str(&text).expect("the document is YAML")
    };
    let ecom = read("ecom-v2-2023-06.yaml");
    let token = read("access-token.yaml");
    let (userinfo, qr) = (read("userinfo.yaml"), read("qr-v1.yaml"));
    let (orders, report) = (read("order-management-v2.yaml"), read("report-v2.yaml"));
    let checkout = read("checkout-v3.yaml");
    let answer = |document: &Value, path: &str, method: &str| {
        let responses = &document["paths"][path][method]["responses"];
        let success = responses.get("200").or(responses.get("201"));
        let mut success = success.expect("a success");
        if let Some(elsewhere) = success.get("$ref").and_then(Value::as_str) {
            let pointer = elsewhere.trim_start_matches('#');
            success = document.pointer(pointer).expect("what is referred to");
        }
        let media = success["content"]
            .as_object()
            .and_then(|it| it.values().next())
            .expect("a media type");
        media["schema"].clone()
    };
    let ecom_path = |rest: &str| format!("/ecomm/v2/payments{rest}");
    let order_path = |what: &str| format!("/v2/{{paymentType}}{what}/{{orderId}}");
    let of_ledger = |rest: &str| format!("/report/v2/ledgers/{{ledgerId}}/{{topic}}/{rest}");
    let redirect = "/v1/merchant-redirect".to_owned();
    let of_sub = "/vipps-userinfo-api/userinfo/{sub}".to_owned();
    let rows = [
        ("token", &token, "/accesstoken/get".to_owned(), "post"),
        ("PaymentInitiationResponse", &ecom, ecom_path(""), "post"),
        (
            "CaptureTransactionResponse",
            &ecom,
            ecom_path("/{orderId}/capture"),
            "post",
        ),
        (
            "CancelTransactionResponse",
            &ecom,
            ecom_path("/{orderId}/cancel"),
            "put",
        ),
        (
            "RefundTransactionResponse",
            &ecom,
            ecom_path("/{orderId}/refund"),
            "post",
        ),
        ("details", &ecom, ecom_path("/{orderId}/details"), "get"),
        ("status", &ecom, ecom_path("/{orderId}/status"), "get"),
        ("userinfo", &userinfo, of_sub, "get"),
        ("image", &orders, "/v1/images".to_owned(), "post"),
        ("receipt", &orders, order_path("/receipts"), "post"),
        ("category", &orders, order_path("/categories"), "put"),
        ("order", &orders, order_path(""), "get"),
        ("qr of a payment", &qr, "/v1".to_owned(), "post"),
        ("qr list", &qr, redirect.clone(), "get"),
        ("qr made", &qr, redirect.clone(), "post"),
        ("qr", &qr, format!("{redirect}/{{id}}"), "get"),
        ("qr pointed", &qr, format!("{redirect}/{{id}}"), "put"),
        ("session made", &checkout, "/session".to_owned(), "post"),
        (
            "session",
            &checkout,
            "/session/{reference}".to_owned(),
            "get",
        ),
        (
            "ledgers",
            &report,
            "/settlement/v1/ledgers".to_owned(),
            "get",
        ),
        (
            "report of a date",
            &report,
            of_ledger("dates/{ledgerDate}"),
            "get",
        ),
        ("report feed", &report, of_ledger("feed"), "get"),
    ];
    let validators = rows.into_iter().map(|(name, document, path, method)| {
        let mut schema = answer(document, &path, method);
        schema["components"] = json!(document["components"]);
        let validator =
            jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, validator)
    });
    let mut all: HashMap<&'static str, Validator> = validators.collect();
    let epayment = read("epayment-v1-2026-04.yaml");
    for name in [
        "CreatePaymentResponse",
        "GetPaymentResponse",
        "PaymentEvent",
        "ModificationResponse",
        "Problem",
    ] {
        let one = json!({ "$ref": format!("#/components/schemas/{name}") });
        let mut schema = if name == "PaymentEvent" {
            json!({ "type": "array", "items": one })
        } else {
            one
        };
        schema["components"] = json!(epayment["components"]);
        let validator =
            jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
        all.insert(name, validator);
    }
    Some(all)
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no command line to be configured by"
)]
fn folder() -> Option<PathBuf> {
    let beside = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/specs"
    ));
    let named =
        std::env::var_os("SANDKASSE_ORACLES").map(|named| PathBuf::from(named).join("specs"));
    [Some(beside), named]
        .into_iter()
        .flatten()
        .find(|folder| folder.is_dir())
}
