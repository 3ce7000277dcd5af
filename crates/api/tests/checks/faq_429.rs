//! FAQ "Why `HTTP 429 Too Many Requests`?": FAQ-54 to FAQ-56, FAQ-58, and the limits under load.

use sandkasse_testkit::{Ask, Got, Shop, World, seconds};
use serde_json::Value;
use tokio::task::JoinSet;

use super::faq_stage::{KEY, Says, check, is};

async fn stage() -> (World, Shop) {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    (world, shop)
}

/// So many pass, the next one does not, and after a minute one passes again.
async fn passes(shop: &Shop, ask: &Ask, limit: u32, cause: &str) {
    for _ in 0..limit {
        assert_ne!(ask.clone().send().await.status, 429, "{cause}");
    }
    let got = check(cause, ask.clone(), &Says::Limited, cause).await;
    assert_eq!(got.header("retry-after"), Some("60"));
    shop.advance(seconds(59)).await;
    let got = check(cause, ask.clone(), &Says::Limited, cause).await;
    assert_eq!(got.header("retry-after"), Some("1"));
    shop.advance(seconds(1)).await;
    assert_ne!(ask.clone().send().await.status, 429, "{cause}");
}

#[tokio::test]
async fn faq_54_faq_55_faq_56_the_limits_per_minute() {
    let (_, shop) = stage().await;
    let body = shop.initiate_body("acme-1", 100);
    let ask = shop.ask("POST", "/ecomm/v2/payments").await.json(&body);
    passes(&shop, &ask, 2, "rate.initiate").await;
    for (operation, cause) in [
        ("capture", "rate.capture"),
        ("cancel", "rate.cancel"),
        ("refund", "rate.refund"),
    ] {
        let body = shop.modify_body(if operation == "cancel" {
            Value::Null
        } else {
            100.into()
        });
        let ask = shop.ask_modify(operation, "acme-1", &body).await;
        passes(&shop, &ask, 5, cause).await;
    }
    let ask = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    passes(&shop, &ask, 120, "rate.details").await;
}

/// Details count per order and subscription key, all else per order.
#[tokio::test]
async fn s_06_limits_of_two_keys_never_influence_each_other() {
    let (world, shop) = stage().await;
    let sister = world.shop_of(&shop.unit().facts.merchant, |_| {}).await;
    for shop in [&shop, &sister] {
        for order in ["acme-1", "acme-2"] {
            shop.initiate(order, 100).await.ok();
        }
    }
    let details = "/ecomm/v2/payments/acme-1/details";
    let ask = shop.ask("GET", details).await;
    for _ in 0..120 {
        ask.clone().send().await.ok();
    }
    check("used up", ask.clone(), &Says::Limited, "rate.details").await;
    let secondary = ask.clone().header(KEY, &shop.keys().secondary);
    let other_order = ask.clone().to("GET", "/ecomm/v2/payments/acme-2/details");
    let of_sister = sister.ask("GET", details).await;
    for (row, free) in [
        ("the other subscription key", secondary),
        ("another order", other_order),
        ("the same order id of another unit", of_sister),
    ] {
        for _ in 0..120 {
            free.clone().send().await.ok();
        }
        check(row, free, &Says::Limited, "rate.details").await;
    }
    // Another operation on the same order has a count of its own.
    is("cancel", &shop.cancel("acme-1").await, &Says::Fine, "");
}

#[tokio::test]
async fn faq_58_a_thousand_orders_in_a_minute() {
    let (_, shop) = stage().await;
    let ask = shop.ask("POST", "/ecomm/v2/payments").await;
    for number in 0..1000 {
        let body = shop.initiate_body(&format!("acme-{number}"), 100);
        ask.clone().json(&body).send().await.ok();
    }
}

/// Of many calls at once exactly as many pass as the limit says.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn s_06_limits_hold_under_200_calls_at_once() {
    let (_, shop) = stage().await;
    for order in ["acme-1", "acme-2"] {
        shop.initiate(order, 100).await.ok();
    }
    let together = async |ask: Ask| {
        let calls: JoinSet<Got> = std::iter::repeat_n(ask, 200).map(Ask::send).collect();
        let answers = calls.join_all().await;
        answers
            .iter()
            .filter(|got| got.cause().starts_with("rate."))
            .count()
    };
    for order in ["acme-1", "acme-2"] {
        let details = format!("/ecomm/v2/payments/{order}/details");
        let ask = shop.ask("GET", &details).await;
        assert_eq!(together(ask.clone()).await, 80, "120 of 200 pass");
        let other_key = ask.header(KEY, &shop.keys().secondary);
        assert_eq!(together(other_key).await, 80, "120 of 200 pass");
        let body = shop.modify_body(100);
        let ask = shop.ask_modify("capture", order, &body).await;
        assert_eq!(together(ask).await, 195, "5 of 200 pass");
    }
    let body = shop.initiate_body("acme-3", 100);
    let ask = shop.ask("POST", "/ecomm/v2/payments").await.json(&body);
    assert_eq!(together(ask).await, 198, "2 of 200 pass");
}
