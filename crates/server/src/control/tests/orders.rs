//! Products that are ordered and approved.

use sandkasse_testkit::minutes;
use serde_json::{Value, json};

use super::{Program, refused};
use crate::testing::House;

const LOGIN_ONLY: &str = "/sales-units/test/220004";

#[tokio::test]
async fn faq_51_an_ordered_product_works_when_it_is_approved() {
    let house = House::new().await;
    let program = Program::of(&house, LOGIN_ONLY).await;
    let not_allowed = async |order: &str| {
        let got = program.initiate("220004", order).await;
        let text = "Merchant Not Allowed for Ecommerce Payment";
        got.says(403, "Merchant", "97", text, "unit.login_only");
    };
    not_allowed("acme-1").await;
    let order = json!({"product": "ecom"});
    let (status, unit) = house.post(&format!("{LOGIN_ONLY}/orders"), order).await;
    assert_eq!(
        (status, &unit["ordered"]),
        (200, &json!(["ecom"])),
        "{unit}"
    );
    assert_eq!(unit["products"], json!(["login"]));
    not_allowed("acme-1").await;
    let approve = format!("{LOGIN_ONLY}/orders/ecom/approve");
    let (status, unit) = house.post(&approve, Value::Null).await;
    assert_eq!((status, &unit["ordered"]), (200, &json!([])), "{unit}");
    assert_eq!(unit["products"], json!(["ecom", "login"]));
    // Refused calls count as well, and this is the third of this order.
    house.world.clock.advance(minutes(1));
    program.initiate("220004", "acme-1").await.ok();
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused() {
    let house = House::new().await;
    let orders = format!("{LOGIN_ONLY}/orders");
    let approve = |product: &str| format!("{orders}/{product}/approve");
    for (path, body, status, cause) in [
        (
            orders.clone(),
            json!({"product": "login"}),
            409,
            "product_had",
        ),
        (
            orders.clone(),
            json!({"product": "socks"}),
            400,
            "bad_request",
        ),
        (orders.clone(), json!({}), 400, "bad_request"),
        (approve("login"), Value::Null, 409, "product_had"),
        (approve("recurring"), Value::Null, 409, "not_ordered"),
        (approve("socks"), Value::Null, 400, "bad_request"),
        (
            "/sales-units/test/999999/orders".to_owned(),
            json!({"product": "ecom"}),
            404,
            "sales_unit_unknown",
        ),
    ] {
        refused(house.post(&path, body).await, status, cause);
    }
    let order = json!({"product": "recurring"});
    assert_eq!(house.post(&orders, order.clone()).await.0, 200);
    refused(house.post(&orders, order).await, 409, "already_ordered");
    assert_eq!(house.post(&approve("recurring"), Value::Null).await.0, 200);
    refused(
        house.post(&approve("recurring"), Value::Null).await,
        409,
        "product_had",
    );
}
