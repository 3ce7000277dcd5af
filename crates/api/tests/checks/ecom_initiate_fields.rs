//! Members of an initiate with the right type and a wrong value: 400, one entry for each, in the
//! order of the document.

use sandkasse_domain::sales_unit::{RateLimits, SalesUnit};
use sandkasse_testkit::{World, with_member, without_member};
use serde_json::{Value, json};

const ORDER: (&str, &str) = (
    "transaction.orderId",
    "orderId must match ^[a-zA-Z0-9-]{1,50}$",
);
const AMOUNT: (&str, &str) = ("transaction.amount", "Invalid amount");
const TEXT: (&str, &str) = (
    "transaction.transactionText",
    "transactionText is required, maximum 100 characters",
);
const MSN: (&str, &str) = (
    "merchantInfo.merchantSerialNumber",
    "merchantSerialNumber must be 4-7 digits",
);
const CALLBACK: (&str, &str) = (
    "merchantInfo.callbackPrefix.invalid",
    "callbackUrl is invalid",
);
const FALL_BACK: (&str, &str) = ("merchantInfo.fallBack.invalid", "Invalid fallback URL");
const PAYMENT_TYPE: (&str, &str) = ("merchantInfo.paymentType", "Unknown paymentType");
const SCOPE: (&str, &str) = ("transaction.scope", "Invalid scope");

fn unlimited(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
}

#[tokio::test]
async fn ecom_08_order_ids_with_other_characters_or_lengths() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    let long = "a".repeat(51);
    let orders = ["acme_1", "acme 1", "acme/1", "acme.1", "blåbær", &long, ""];
    for order in orders {
        let got = shop.initiate(order, 49900).await;
        got.refused_fields("order.format", &[ORDER]);
    }
    let body = shop.initiate_body("acme-1", 49900);
    for body in [
        without_member(body.clone(), ORDER.0),
        with_member(body, ORDER.0, Value::Null),
    ] {
        let got = shop.initiate_with(&body).await;
        got.refused_fields("order.format", &[ORDER]);
    }
}

#[tokio::test]
async fn ecom_09_an_order_id_of_fifty_characters() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for order in ["A-z0".repeat(12) + "-9", "1".to_owned()] {
        let got = shop.initiate(&order, 49900).await;
        assert_eq!(got.ok()["orderId"], order);
        assert_eq!(shop.details(&order).await.ok()["orderId"], order);
    }
}

#[tokio::test]
async fn ecom_10_amounts_too_small_too_great_or_absent() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    for amount in [99, 1, 0, -1, -100, 2_147_483_648, i64::MAX, i64::MIN] {
        let got = shop.initiate("acme-1", amount).await;
        got.refused_fields("amount.invalid", &[AMOUNT]);
    }
    let body = shop.initiate_body("acme-1", 49900);
    for body in [
        without_member(body.clone(), AMOUNT.0),
        with_member(body.clone(), AMOUNT.0, Value::Null),
        with_member(body, AMOUNT.0, 1e300),
    ] {
        let got = shop.initiate_with(&body).await;
        got.refused_fields("amount.invalid", &[AMOUNT]);
    }
    shop.initiate("acme-1", 100).await.ok();
    shop.initiate("acme-2", 2_147_483_647).await.ok();
}

#[tokio::test]
async fn ecom_19_every_bad_member_has_its_entry() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    type Faults = &'static [(&'static str, &'static str)];
    let rows: [(&str, Value, &str, Faults); 6] = [
        (
            "two members",
            with_member(shop.initiate_body("acme_1", 99), "customerInfo.x", 1),
            "order.format",
            &[ORDER, AMOUNT],
        ),
        (
            "every member of two objects",
            json!({ "customerInfo": {}, "merchantInfo": {}, "transaction": {} }),
            "msn.format",
            &[MSN, CALLBACK, FALL_BACK, ORDER, AMOUNT, TEXT],
        ),
        (
            "every object",
            json!({}),
            "request.missing",
            &[
                ("customerInfo", "customerInfo is required"),
                ("merchantInfo", "merchantInfo is required"),
                ("transaction", "transaction is required"),
            ],
        ),
        (
            "members before the object that is missing",
            without_member(
                with_member(
                    shop.initiate_body("acme-1", 49900),
                    "merchantInfo.fallBack",
                    "",
                ),
                "transaction",
            ),
            "url.syntax",
            &[FALL_BACK, ("transaction", "transaction is required")],
        ),
        (
            "a member of the first object and the second object",
            without_member(
                with_member(
                    shop.initiate_body("acme-1", 49900),
                    "transaction.skipLandingPage",
                    true,
                ),
                "merchantInfo",
            ),
            "request.missing",
            &[
                (
                    "customerInfo.mobileNumber",
                    "mobileNumber is required when skipping the landing page",
                ),
                ("merchantInfo", "merchantInfo is required"),
            ],
        ),
        (
            "the first and the last member",
            with_member(
                with_member(
                    shop.initiate_body("acme-1", 49900),
                    "merchantInfo.paymentType",
                    "Express",
                ),
                "transaction.scope",
                "everything",
            ),
            "request.unknown_value",
            &[PAYMENT_TYPE, SCOPE],
        ),
    ];
    for (what, body, cause, faults) in rows {
        let got = shop.initiate_with(&body).await;
        assert_eq!(got.refused_with(400, cause).len(), faults.len(), "{what}");
        got.refused_fields(cause, faults);
    }
    shop.initiate("acme-1", 49900).await.ok();
}

#[tokio::test]
async fn ecom_21_texts_count_in_characters() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    let body = |text: Value| with_member(shop.initiate_body("acme-1", 49900), TEXT.0, text);
    for (text, cause) in [
        (json!("x".repeat(101)), "request.too_long"),
        (json!("å".repeat(101)), "request.too_long"),
        (json!(""), "request.missing"),
        (Value::Null, "request.missing"),
    ] {
        let got = shop.initiate_with(&body(text)).await;
        got.refused_fields(cause, &[TEXT]);
    }
    // A hundred characters, four bytes each.
    let text = "🧦".repeat(100);
    shop.initiate_with(&body(json!(text))).await.ok();
    let details = shop.details("acme-1").await.ok();
    assert_eq!(details["transactionLogHistory"][0]["transactionText"], text);
}

#[tokio::test]
async fn ecom_30_payment_types_are_spelled_one_way() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    let body = |kind: Value| with_member(shop.initiate_body("acme-1", 49900), PAYMENT_TYPE.0, kind);
    for kind in [
        "eCom Express Payment",
        "eCom Regular Payment",
        "eComm express payment",
        "Regular",
    ] {
        let got = shop.initiate_with(&body(json!(kind))).await;
        got.refused_fields("request.unknown_value", &[PAYMENT_TYPE]);
    }
    let got = shop
        .initiate_with(&body(json!("eComm Regular Payment")))
        .await;
    got.ok();
    let got = shop
        .initiate_with(&with_member(body(Value::Null), ORDER.0, "acme-2"))
        .await;
    got.ok();
}

#[tokio::test]
async fn long_or_missing_texts_of_other_members() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    let auth_token = (
        "merchantInfo.authToken",
        "authToken: maximum 255 characters",
    );
    let body =
        |token: String| with_member(shop.initiate_body("acme-1", 49900), auth_token.0, token);
    let got = shop.initiate_with(&body("x".repeat(256))).await;
    got.refused_fields("request.too_long", &[auth_token]);
    shop.initiate_with(&body("x".repeat(255))).await.ok();

    for msn in [
        json!("12a456"),
        json!("123"),
        json!("12345678"),
        json!(""),
        Value::Null,
    ] {
        let body = with_member(shop.initiate_body("acme-2", 49900), MSN.0, msn);
        let got = shop.initiate_with(&body).await;
        got.refused_fields("msn.format", &[MSN]);
    }

    let airline = json!({
        "passengerName": "x".repeat(49),
        "airlineCode": "074",
        "airlineDesignatorCode": "KL",
        "ticketNumber": "x".repeat(150),
        "agencyInvoiceNumber": "123456",
    });
    let body = |data: &Value| {
        let body = shop.initiate_body("acme-2", 49900);
        with_member(body, "transaction.additionalData", data.clone())
    };
    for (member, value, text) in [
        (
            "passengerName",
            json!("x".repeat(50)),
            "passengerName must have 1-49 characters",
        ),
        (
            "passengerName",
            Value::Null,
            "passengerName must have 1-49 characters",
        ),
        (
            "airlineCode",
            json!("74"),
            "airlineCode must have 3-3 characters",
        ),
        (
            "airlineDesignatorCode",
            json!("KLM"),
            "airlineDesignatorCode must have 2-2 characters",
        ),
        (
            "ticketNumber",
            json!("x".repeat(151)),
            "ticketNumber must have 1-150 characters",
        ),
        (
            "agencyInvoiceNumber",
            json!("1234567"),
            "agencyInvoiceNumber must have 1-6 characters",
        ),
    ] {
        let got = shop
            .initiate_with(&body(&with_member(airline.clone(), member, value)))
            .await;
        let code = format!("transaction.additionalData.{member}");
        got.refused_fields("request.additional_data", &[(code.as_str(), text)]);
    }
    shop.initiate_with(&body(&airline)).await.ok();
}
