//! Bodies that are no JSON of the right types: 500 and code 99 on eCom, where others say 400.

use sandkasse_domain::{
    person::Person,
    sales_unit::{RateLimits, SalesUnit},
};
use sandkasse_testkit::{Got, Shop, World, renamed_member, with_member};
use serde_json::{Value, json};

const INTERNAL: &str = "Internal error. In some cases, this is caused by an incorrect API request. Please check the request.";

fn unlimited(facts: &mut SalesUnit) {
    facts.rate_limits = RateLimits::Off;
}

#[track_caller]
fn is_internal(got: &Got, cause: &str) {
    got.says(500, "VippsError", "99", INTERNAL, cause);
}

/// A shop with three orders of 200 kroner: one free to initiate, one reserved, one captured.
async fn shop_with_orders(world: &World) -> Shop {
    let kari: Person = world.person(|_| {}).await;
    let shop = world.shop(unlimited).await;
    shop.reserved("reserved", 20000, &kari).await;
    shop.reserved("captured", 20000, &kari).await;
    shop.capture("captured", 20000).await.ok();
    shop
}

/// None of the refused calls changed anything.
async fn nothing_happened(shop: &Shop) {
    assert_eq!(shop.log("reserved").await, ["RESERVE", "INITIATE"]);
    assert_eq!(
        shop.log("captured").await,
        ["CAPTURE", "RESERVE", "INITIATE"]
    );
    shop.initiate("free", 20000).await.ok();
}

#[tokio::test]
async fn ecom_11_amounts_that_are_no_integers() {
    let world = World::new().await;
    let shop = shop_with_orders(&world).await;
    let amounts = [
        json!(100.000_000_1),
        json!(49.9),
        json!(-0.5),
        json!("20000"),
        json!(""),
        json!(true),
        json!([20_000]),
        json!({}),
    ];
    for amount in amounts {
        let body = with_member(
            shop.initiate_body("free", 20000),
            "transaction.amount",
            amount.clone(),
        );
        is_internal(&shop.initiate_with(&body).await, "json.type.amount");
        let captured = shop.capture("reserved", amount.clone()).await;
        is_internal(&captured, "json.type.amount");
        let refunded = shop.refund("captured", amount).await;
        is_internal(&refunded, "json.type.amount");
    }
    nothing_happened(&shop).await;
}

#[tokio::test]
async fn ecom_13_an_msn_as_a_number() {
    let world = World::new().await;
    let shop = shop_with_orders(&world).await;
    let msn: u32 = shop.msn.as_str().parse().expect("digits");
    // A number is refused before it is looked at whose it is.
    for number in [json!(msn), json!(999_999)] {
        let member = "merchantInfo.merchantSerialNumber";
        let body = with_member(shop.initiate_body("free", 20000), member, number.clone());
        is_internal(&shop.initiate_with(&body).await, "json.type.msn");
        for (operation, order) in [
            ("capture", "reserved"),
            ("cancel", "reserved"),
            ("refund", "captured"),
        ] {
            let body = with_member(shop.modify_body(10000), member, number.clone());
            let got = shop.ask_modify(operation, order, &body).await.send().await;
            is_internal(&got, "json.type.msn");
        }
    }
    nothing_happened(&shop).await;
}

#[tokio::test]
async fn ecom_14_a_required_member_in_other_case() {
    let world = World::new().await;
    let shop = shop_with_orders(&world).await;
    let members = [
        ("merchantInfo.fallBack", "merchantInfo.fallback"),
        ("merchantInfo.callbackPrefix", "merchantInfo.callbackprefix"),
        (
            "merchantInfo.merchantSerialNumber",
            "merchantInfo.merchantserialnumber",
        ),
        ("transaction.orderId", "transaction.orderID"),
        ("transaction.amount", "transaction.Amount"),
        ("transaction.transactionText", "transaction.transactiontext"),
        ("customerInfo", "customerinfo"),
        ("merchantInfo", "MerchantInfo"),
        ("transaction", "TRANSACTION"),
    ];
    for (right, wrong) in members {
        let body = renamed_member(shop.initiate_body("free", 20000), right, wrong);
        is_internal(&shop.initiate_with(&body).await, "json.member_case");
    }
    let members = [
        (
            "merchantInfo.merchantSerialNumber",
            "merchantInfo.merchantserialnumber",
        ),
        ("transaction.transactionText", "transaction.transactiontext"),
        ("merchantInfo", "merchantinfo"),
        ("transaction", "Transaction"),
    ];
    for (right, wrong) in members {
        for (operation, order) in [
            ("capture", "reserved"),
            ("cancel", "reserved"),
            ("refund", "captured"),
        ] {
            let body = renamed_member(shop.modify_body(10000), right, wrong);
            let got = shop.ask_modify(operation, order, &body).await.send().await;
            is_internal(&got, "json.member_case");
        }
    }
    nothing_happened(&shop).await;
}

#[tokio::test]
async fn ecom_16_what_is_no_json() {
    let world = World::new().await;
    let shop = shop_with_orders(&world).await;
    let whole = shop.initiate_body("free", 20000).to_string();
    let cut = |end: usize| whole.chars().take(end).collect::<String>();
    let bodies = [
        (cut(whole.len() - 1), "json.syntax"),
        (cut(whole.len() / 2), "json.syntax"),
        (String::new(), "json.syntax"),
        (format!("{whole}}}"), "json.syntax"),
        (whole.replace('"', "'"), "json.syntax"),
        (whole.replace("}}", "},}"), "json.syntax"),
        ("null".to_owned(), "json.type"),
        (format!("[{whole}]"), "json.type"),
        (
            whole.replace(
                "\"One pair of socks\"",
                &format!("{}{}", "[".repeat(64), "]".repeat(64)),
            ),
            "json.depth",
        ),
    ];
    for (body, cause) in bodies {
        assert_ne!(body, whole, "this row changes nothing");
        let ask = shop.ask("POST", "/ecomm/v2/payments").await;
        is_internal(&ask.body(body.clone()).send().await, cause);
        for (method, path) in [
            ("POST", "/ecomm/v2/payments/reserved/capture"),
            ("PUT", "/ecomm/v2/payments/reserved/cancel"),
            ("POST", "/ecomm/v2/payments/captured/refund"),
        ] {
            let ask = shop.ask(method, path).await;
            is_internal(&ask.body(body.clone()).send().await, cause);
        }
    }
    nothing_happened(&shop).await;
}

#[tokio::test]
async fn a_wrong_type_anywhere_is_an_internal_error() {
    let world = World::new().await;
    let shop = shop_with_orders(&world).await;
    let rows = [
        ("customerInfo", json!("91234567")),
        ("customerInfo.mobileNumber", json!(9.5)),
        ("customerInfo.mobileNumber", json!(true)),
        ("merchantInfo", json!([])),
        ("merchantInfo.callbackPrefix", json!(1)),
        ("merchantInfo.fallBack", json!({})),
        ("merchantInfo.authToken", json!(12)),
        ("merchantInfo.isApp", json!("yes")),
        ("merchantInfo.isApp", json!(1)),
        ("merchantInfo.paymentType", json!(false)),
        ("merchantInfo.consentRemovalPrefix", json!(["https://a.no"])),
        ("merchantInfo.shippingDetailsPrefix", json!(0)),
        ("merchantInfo.staticShippingDetails", json!({})),
        ("merchantInfo.staticShippingDetails", json!(["post"])),
        ("transaction", json!(1)),
        ("transaction.orderId", json!(1234)),
        ("transaction.transactionText", json!(1)),
        ("transaction.skipLandingPage", json!("no")),
        ("transaction.scope", json!(["name"])),
        ("transaction.additionalData", json!("PNR")),
    ];
    for (member, value) in rows {
        let body = with_member(shop.initiate_body("free", 20000), member, value);
        is_internal(&shop.initiate_with(&body).await, "json.type");
    }
    // Cost and priority may be texts; nothing else of a shipping method may be of another type.
    for (member, value) in [
        ("isDefault", json!(true)),
        ("priority", json!(false)),
        ("shippingCost", json!([99])),
        ("shippingMethod", json!(1)),
        ("shippingMethodId", json!(1)),
    ] {
        let mut body = shop.express_body("free", 20000);
        body["merchantInfo"]["staticShippingDetails"][1][member] = value;
        is_internal(&shop.initiate_with(&body).await, "json.type");
    }
    for (operation, order) in [
        ("capture", "reserved"),
        ("cancel", "reserved"),
        ("refund", "captured"),
    ] {
        for (member, value) in [
            ("merchantInfo", json!(1)),
            ("transaction", json!("all")),
            ("transaction.transactionText", json!(1)),
            ("shouldReleaseRemainingFunds", json!(1)),
        ] {
            let body = with_member(shop.modify_body(Value::Null), member, value);
            let got = shop.ask_modify(operation, order, &body).await.send().await;
            is_internal(&got, "json.type");
        }
    }
    nothing_happened(&shop).await;
}

#[tokio::test]
async fn booleans_may_be_texts_and_absent_ones_null() {
    let world = World::new().await;
    let shop = world.shop(unlimited).await;
    for (index, (value, is_app)) in [
        (json!("true"), true),
        (json!("false"), false),
        (Value::Null, false),
    ]
    .into_iter()
    .enumerate()
    {
        let order = format!("acme-{index}");
        let body = with_member(
            shop.initiate_body(&order, 20000),
            "merchantInfo.isApp",
            value,
        );
        let url = shop.initiate_with(&body).await.ok()["url"].clone();
        let url = url.as_str().expect("a string");
        assert_eq!(url.starts_with("vippsMT://"), is_app, "{url}");
    }
}
