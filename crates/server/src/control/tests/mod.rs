//! The control API over its router, without sockets. What the acts mean is tested where the
//! payment machine is; here, that they arrive and how they are answered.

mod acts;
mod faults;
mod payments;
mod persons;
mod platform;
mod units;

use sandkasse_testkit::Shop;
use serde_json::{Value, json};

use crate::testing::House;

/// A shop of its own in a house, with a payment.
async fn shop(house: &House) -> Shop {
    let shop = house.world.shop(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    shop
}

fn at(shop: &Shop, order: &str, what: &str) -> String {
    format!("/payments/{}/{}/{order}{what}", shop.environment, shop.msn)
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

#[track_caller]
fn refused((status, problem): (u16, Value), expected: u16, cause: &str) -> String {
    assert_eq!(
        (status, &problem["cause"]),
        (expected, &json!(cause)),
        "{problem}"
    );
    assert_eq!(problem["status"], expected);
    assert_eq!(problem["type"], "about:blank");
    text(&problem["detail"]).to_owned()
}
