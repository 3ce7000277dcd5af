//! What belongs to whom: environments, sales units, keys, and the MSN that a call names.

use sandkasse_domain::{
    Environment::{Production, Test},
    Msn,
    keys::KeyName,
    sales_unit::RateLimits,
};
use sandkasse_gate::Step;
use sandkasse_testkit::{Got, KEY_INVALID, Shop, World};
use serde_json::{Value, json};

const KEY: &str = "Ocp-Apim-Subscription-Key";
const MSN: &str = "Merchant-Serial-Number";

async fn initiated_amount(shop: &Shop, order: &str) -> i64 {
    let details = shop.details(order).await.ok();
    let amount = details.pointer("/transactionLogHistory/0/amount");
    amount.and_then(Value::as_i64).expect("an integer")
}

#[tokio::test]
async fn plat_01_environments_share_no_orders() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let msn = Msn::try_new("123456").expect("six digits");
    let test = world.shop(|unit| unit.msn = msn.clone()).await;
    let live = world.shop(|unit| {
        unit.environment = Production;
        unit.msn = msn.clone();
    });
    // Even under one number there are two sales units.
    let live = live.await;
    test.initiate("acme-1", 100).await.ok();
    let unknown = live.details("acme-1").await;
    unknown.refused(404, "Merchant", "35", "order.unknown");
    live.initiate("acme-1", 200).await.ok();
    assert_eq!(initiated_amount(&test, "acme-1").await, 100);
    assert_eq!(initiated_amount(&live, "acme-1").await, 200);
    test.approve("acme-1", &kari).await.expect("kari can pay");
    assert_eq!(test.log("acme-1").await, ["RESERVE", "INITIATE"]);
    assert_eq!(live.log("acme-1").await, ["INITIATE"]);
    assert!(
        live.approve("acme-1", &kari).await.is_err(),
        "kari is a test person"
    );
}

#[tokio::test]
async fn plat_02_units_share_no_orders() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let sister = world.shop_of(&shop.unit().facts.merchant, |_| {}).await;
    let stranger = world.shop(|_| {}).await;
    for (shop, amount) in [(&shop, 100), (&sister, 200), (&stranger, 300)] {
        shop.initiate("acme-1", amount).await.ok();
    }
    shop.cancel("acme-1").await.ok();
    for (shop, amount, log) in [
        (&shop, 100, vec!["CANCEL", "INITIATE"]),
        (&sister, 200, vec!["INITIATE"]),
        (&stranger, 300, vec!["INITIATE"]),
    ] {
        assert_eq!(initiated_amount(shop, "acme-1").await, amount);
        assert_eq!(shop.log("acme-1").await, log);
    }
}

#[tokio::test]
async fn plat_03_order_ids_differ_by_case() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for (order, amount) in [("abc", 100), ("ABC", 200), ("Abc", 300)] {
        shop.initiate(order, amount).await.ok();
    }
    assert_eq!(initiated_amount(&shop, "abc").await, 100);
    assert_eq!(initiated_amount(&shop, "ABC").await, 200);
    let got = shop.details("aBc").await;
    got.refused(404, "Merchant", "35", "order.unknown");
}

#[track_caller]
fn foreign(got: &Got, msn: &str, step: Step) {
    let text = got.refused(401, "Merchant", "Unauthorized", "msn.not_yours");
    assert_eq!(
        text,
        format!(
            "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
        )
    );
    let last = got.trace.lines().last().expect("a line");
    assert_eq!((last.step, last.passed), (step, false));
}

#[tokio::test]
async fn plat_21_plat_22_the_msn_must_be_the_keys_own() {
    let world = World::new().await;
    let shop = world.shop(|unit| unit.rate_limits = RateLimits::Off).await;
    let own = shop.msn.to_string();
    let stranger = world.shop(|_| {}).await.msn.to_string();
    let live = world.shop(|unit| unit.environment = Production).await.msn;
    let live = live.to_string();
    // Another unit's, the other environment's, nobody's: from outside all the same.
    for msn in [&stranger, &live, "9999", "9999999"] {
        for (method, rest) in [
            ("POST", ""),
            ("POST", "/acme-1/capture"),
            ("PUT", "/acme-1/cancel"),
            ("POST", "/acme-1/refund"),
        ] {
            let ask = shop.ask(method, &format!("/ecomm/v2/payments{rest}")).await;
            let ask = ask.json(&shop.initiate_body("acme-1", 100));
            let got = ask.clone().header(MSN, msn).send().await;
            foreign(&got, msn, Step::MsnHeader);
            let mut body = shop.initiate_body("acme-1", 100);
            body["merchantInfo"]["merchantSerialNumber"] = json!(msn);
            foreign(&ask.clone().json(&body).send().await, msn, Step::MsnBody);
            let got = ask.header(MSN, &own).json(&body).send().await;
            foreign(&got, msn, Step::MsnBody);
        }
        for rest in ["details", "status"] {
            let path = format!("/ecomm/v2/payments/acme-1/{rest}");
            let got = shop.ask("GET", &path).await.header(MSN, msn).send().await;
            foreign(&got, msn, Step::MsnHeader);
        }
    }
    // A header that is no number at all is foreign too; such a body waits for the fields.
    let ask = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    foreign(&ask.header(MSN, "abc").send().await, "abc", Step::MsnHeader);
    let got = shop.initiate_but("acme-1", 100, |body| {
        body["merchantInfo"]["merchantSerialNumber"] = json!("abc");
    });
    got.await.refused(
        400,
        "InvalidRequest",
        "merchantInfo.merchantSerialNumber",
        "msn.format",
    );
    // Nothing of all this was initiated, and the own number is welcome in both places.
    let ask = shop
        .ask("POST", "/ecomm/v2/payments")
        .await
        .header(MSN, &own);
    let ask = ask.json(&shop.initiate_body("acme-1", 100));
    ask.send().await.ok();
}

#[tokio::test]
async fn plat_38_a_regenerated_key_is_dead_at_once() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 100).await.ok();
    let right = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    let old = shop.regenerate(KeyName::PrimarySubscriptionKey).await;
    let keys = shop.keys();
    right
        .clone()
        .header(KEY, &old)
        .send()
        .await
        .answered(401, KEY_INVALID, "subkey.regenerated");
    for living in [&keys.secondary, &keys.primary] {
        right.clone().header(KEY, living).send().await.ok();
    }
    let old = shop.regenerate(KeyName::SecondarySubscriptionKey).await;
    right
        .clone()
        .header(KEY, &old)
        .send()
        .await
        .answered(401, KEY_INVALID, "subkey.regenerated");
    right.header(KEY, &keys.primary).send().await.ok();
}

#[tokio::test]
async fn plat_40_a_new_unit_works_at_once() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|unit| unit.name = "Newcomer".to_owned()).await;
    let (msn, keys) = (shop.msn.as_str(), shop.keys());
    assert!(
        msn.len() == 6 && msn.bytes().all(|it| it.is_ascii_digit()),
        "{msn}"
    );
    uuid::Uuid::parse_str(&keys.client_id).expect("a GUID");
    assert!(keys.client_secret.len() == 24 && keys.client_secret.ends_with("=="));
    for key in [&keys.primary, &keys.secondary] {
        let digits = key.bytes().all(|it| b"0123456789abcdef".contains(&it));
        assert!(key.len() == 32 && digits, "{key}");
    }
    assert_ne!(keys.primary, keys.secondary);
    shop.reserved("acme-1", 100, &kari).await;
    let captured = shop.capture("acme-1", 100).await.ok();
    assert_eq!(captured["transactionSummary"]["capturedAmount"], 100);
    // In the test environment alone.
    let ask = shop.ask_token().in_environment(Production);
    ask.send().await.answered(401, KEY_INVALID, "env.keys");
    assert_eq!(shop.environment, Test);
}
