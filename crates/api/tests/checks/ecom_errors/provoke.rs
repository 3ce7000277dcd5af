//! One call for each cause.

use std::sync::Arc;

use sandkasse_domain::{
    Minor,
    merchant::Standing,
    person::{CardState, Person},
    sales_unit::{CaptureType, Product, SalesUnit},
};
use sandkasse_engine::Act;
use sandkasse_testkit::{Got, Shop, Trouble, TroubledStore, World, closed, days, minutes};
use serde_json::{Value, json};

/// Where all of them are made; each at a sales unit of its own.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) store: Arc<TroubledStore>,
    pub(crate) kari: Person,
}

/// Makes a call that is refused for this cause.
pub(crate) async fn provoke(stage: &Stage, cause: &str) -> Got {
    let (world, kari) = (&stage.world, &stage.kari);
    let change = |unit: &mut SalesUnit| match cause {
        "unit.deactivated" => unit.state = closed(),
        "unit.login_only" => unit.products = [Product::Login].into(),
        "limit.receiving" => unit.limits.receive = Minor::try_new(9_999),
        "limit.request" => unit.limits.request = Minor::try_new(9_999),
        "capture.direct" => unit.capture = CaptureType::Direct,
        "approve.skip_landing_page" => unit.skip_landing_page = true,
        "refund.settlement" => {
            unit.limits.overdraft = Some(Minor::ZERO);
            unit.limits.paid_out = Minor::try_new(10_000).expect("an amount");
        }
        _ => {}
    };
    let orgno = world.merchant().await;
    let shop = world.shop_of(&orgno, change).await;
    let standing = match cause {
        "merchant.blocked" => Standing::Blocked,
        "merchant.unsigned" => Standing::Unsigned,
        "merchant.deactivated" => Standing::Deactivated,
        _ => Standing::Active,
    };
    world.set_standing(&orgno, standing).await;
    if cause == "test.real_user" {
        return initiate(world, &shop, cause).await;
    }
    match cause.split_once('.').expect("two words").0 {
        "capture" => capture(world, &shop, kari, cause).await,
        "cancel" | "refund" => give_back(&shop, kari, cause).await,
        "approve" | "test" => approve(world, &shop, kari, cause).await,
        "order" | "idempotency" | "platform" => order(stage, &shop, cause).await,
        _ => initiate(world, &shop, cause).await,
    }
}

async fn with_number(shop: &Shop, number: impl Into<Value> + Send) -> Got {
    let number = number.into();
    let body = |it: &mut Value| it["customerInfo"]["mobileNumber"] = number;
    shop.initiate_but("acme-1", 10_000, body).await
}

async fn initiate(world: &World, shop: &Shop, cause: &str) -> Got {
    let with = |member: &'static str, name: &'static str, value: Value| {
        shop.initiate_but("acme-1", 10_000, move |it| it[member][name] = value)
    };
    match cause {
        "json.syntax" | "json.depth" => {
            let body = if cause == "json.syntax" {
                "{".to_owned()
            } else {
                "[".repeat(65)
            };
            shop.ask("POST", "/ecomm/v2/payments")
                .await
                .body(body)
                .send()
                .await
        }
        "json.type" => with("transaction", "orderId", json!(1)).await,
        "json.type.msn" => with("merchantInfo", "merchantSerialNumber", json!(200_001)).await,
        "json.type.amount" => with("transaction", "amount", json!(99.5)).await,
        "json.member_case" => {
            let body = |it: &mut Value| {
                let merchant = it["merchantInfo"].as_object_mut().expect("an object");
                let url = merchant.remove("fallBack").expect("it is there");
                merchant.insert("fallback".to_owned(), url);
            };
            shop.initiate_but("acme-1", 10_000, body).await
        }
        "msn.not_yours" => with("merchantInfo", "merchantSerialNumber", json!("999999")).await,
        "msn.format" => with("merchantInfo", "merchantSerialNumber", json!("abc")).await,
        "amount.invalid" => shop.initiate("acme-1", 99).await,
        "request.too_long" => shop.capture_as(&"k".repeat(41), "acme-1", 1).await,
        "unit.skip_landing_page" => {
            let skip = |it: &mut Value| {
                it["transaction"]["skipLandingPage"] = true.into();
                it["customerInfo"]["mobileNumber"] = "48059528".into();
            };
            shop.initiate_but("acme-1", 10_000, skip).await
        }
        "unit.nin" => with("transaction", "scope", json!("name nin")).await,
        "phone.format" => with_number(shop, "9123456").await,
        "phone.foreign" => with_number(shop, "+4512345678").await,
        "test.real_user" => with_number(shop, "48059528").await,
        "user.unavailable" => {
            let ola = world.person(|it| it.blocked = true).await;
            with_number(shop, ola.phone.as_str()).await
        }
        "user.app_outdated" => {
            let ola = world.person(|it| it.app.outdated = true).await;
            with_number(shop, ola.phone.as_str()).await
        }
        _ => shop.initiate("acme-1", 10_000).await,
    }
}

async fn order(stage: &Stage, shop: &Shop, cause: &str) -> Got {
    let (store, kari) = (&stage.store, &stage.kari);
    match cause {
        "order.of_epayment" => {
            shop.epay("acme-shop-1", 10_000).await.created();
            return shop.details("acme-shop-1").await;
        }
        "order.format" => return shop.initiate("acme_1", 10_000).await,
        "order.unknown" => return shop.details("acme-1").await,
        "order.other_unit" => {
            shop.initiate("acme-1", 10_000).await.ok();
            let sister = stage
                .world
                .shop_of(&shop.unit().facts.merchant, |_| {})
                .await;
            return sister.details("acme-1").await;
        }
        "order.duplicate" => {
            shop.initiate("acme-1", 10_000).await.ok();
            return shop.initiate("acme-1", 10_000).await;
        }
        "order.outcome_pending" => {
            shop.reserved("acme-1", 201, kari).await;
            return shop.cancel("acme-1").await;
        }
        _ => shop.reserved("acme-1", 10_000, kari).await,
    }
    match cause {
        "order.locked" => {
            store.set(Trouble::Slow);
            let other = shop.clone();
            let stuck = tokio::spawn(async move { other.capture("acme-1", 10_000).await });
            store.held().await;
            let got = shop.cancel("acme-1").await;
            store.set(Trouble::None);
            stuck.await.expect("it ends").ok();
            got
        }
        "platform.fault" => {
            store.set(Trouble::Broken);
            let got = shop.capture("acme-1", 10_000).await;
            store.set(Trouble::None);
            // Nothing was stored, so the same call works later.
            shop.capture("acme-1", 10_000).await.ok();
            got
        }
        _ => {
            shop.capture_as("key-1", "acme-1", 1_000).await.ok();
            shop.capture_as("key-1", "acme-1", 1_001).await
        }
    }
}

async fn capture(world: &World, shop: &Shop, kari: &Person, cause: &str) -> Got {
    shop.initiate("acme-1", 10_000).await.ok();
    match cause {
        "capture.not_approved" => {}
        "capture.ended" => shop.advance(minutes(5)).await,
        _ => drop(shop.approve("acme-1", kari).await.expect("kari can pay")),
    }
    match cause {
        "capture.cancelled" => drop(shop.cancel("acme-1").await.ok()),
        "capture.all_captured" => drop(shop.capture("acme-1", 10_000).await.ok()),
        "capture.exceeds_sum" => drop(shop.capture("acme-1", 1).await.ok()),
        "capture.too_late" => shop.advance(days(181)).await,
        "capture.exceeds" => return shop.capture("acme-1", 10_001).await,
        "capture.released" => {
            shop.capture("acme-1", 1).await.ok();
            shop.release("acme-1").await.ok();
        }
        "capture.refused_by_bank" => {
            let ola = world.person(|_| {}).await;
            shop.reserved("acme-2", 10_000, &ola).await;
            world
                .change_person(&ola, |it| it.cards[0].state = CardState::Blocked)
                .await;
            shop.advance(days(7)).await;
            return shop.capture("acme-2", 10_000).await;
        }
        _ => {}
    }
    shop.capture("acme-1", 10_000).await
}

async fn give_back(shop: &Shop, kari: &Person, cause: &str) -> Got {
    shop.initiate("acme-1", 10_000).await.ok();
    if cause == "cancel.three_d_secure" {
        let entered = shop.person("acme-1", Act::EnterThreeDSecure).await;
        entered.expect("the request is open");
        return shop.cancel("acme-1").await;
    }
    shop.approve("acme-1", kari).await.expect("kari can pay");
    if cause == "cancel.refused_by_bank" {
        let body = shop.modify_body(Value::Null);
        let ask = shop.ask_modify("cancel", "acme-1", &body).await;
        return ask.header("Sandkasse-Fault", "cancel-refused").send().await;
    }
    match cause {
        "cancel.already" | "refund.cancelled" => drop(shop.cancel("acme-1").await.ok()),
        "cancel.too_late" => shop.advance(days(181)).await,
        "refund.not_captured" => {}
        _ => drop(shop.capture("acme-1", 10_000).await.ok()),
    }
    match cause {
        "refund.too_late" => shop.advance(days(366)).await,
        "refund.exceeds" => return shop.refund("acme-1", 10_001).await,
        "refund.exceeds_sum" => drop(shop.refund("acme-1", 1).await.ok()),
        _ => {}
    }
    match cause.starts_with("cancel") {
        true => shop.cancel("acme-1").await,
        false => shop.refund("acme-1", 10_000).await,
    }
}

async fn approve(world: &World, shop: &Shop, kari: &Person, cause: &str) -> Got {
    let number = json!(kari.phone);
    match cause {
        "approve.express" => {
            let body = shop.express_body("acme-1", 10_000);
            shop.initiate_with(&body).await.ok();
        }
        "approve.skip_landing_page" => {
            let skip = |it: &mut Value| {
                it["transaction"]["skipLandingPage"] = true.into();
                it["customerInfo"]["mobileNumber"] = number;
            };
            shop.initiate_but("acme-1", 10_000, skip).await.ok();
        }
        _ => drop(shop.initiate("acme-1", 10_000).await.ok()),
    }
    let phone = match cause {
        "approve.not_open" => {
            shop.cancel("acme-1").await.ok();
            kari.phone.clone()
        }
        "approve.token" => {
            let path = "/ecomm/v2/integration-test/payments/acme-1/approve";
            let body = json!({ "customerPhoneNumber": kari.phone, "token": "another" });
            return shop.ask("POST", path).await.json(&body).send().await;
        }
        "approve.refused_by_issuer" => {
            let path = "/ecomm/v2/integration-test/payments/acme-1/approve";
            let ask = shop.ask("POST", path).await;
            let ask = ask.json(&json!({ "customerPhoneNumber": kari.phone }));
            return ask.header("Sandkasse-Fault", "issuer-refuses").send().await;
        }
        "test.not_a_test_number" => return shop.force_approve("acme-1", "48059528").await,
        "test.no_default_card" => world.person(|it| it.cards.clear()).await.phone,
        "test.user_not_logged_in" => world.person(|it| it.app.approved_once = false).await.phone,
        _ => kari.phone.clone(),
    };
    shop.force_approve("acme-1", phone.as_str()).await
}
