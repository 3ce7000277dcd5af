//! Force approve, the call that approves instead of a person (reference: ecom.md §2.7).
use sandkasse_domain::{
    Environment,
    person::{CardState, Person},
    sales_unit::SalesUnit,
};
use sandkasse_testkit::{Ask, Shop, World, minutes};
use serde_json::{Value, json};

const NO_TEST_NUMBER: &str = "Invalid phone number for test. Use a proper test number instead";
const NOT_ALLOWED: &str = "The transaction is not allowed.";

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    (world, shop, kari)
}

async fn ask(shop: &Shop, order: &str, body: Value) -> Ask {
    let path = format!("/ecomm/v2/integration-test/payments/{order}/approve");
    shop.ask("POST", &path).await.json(&body)
}

/// The token in the link of a payment, cut out as the official collection does.
async fn token_of(shop: &Shop, order: &str) -> String {
    let url = shop.initiate(order, 20_000).await.ok()["url"].take();
    let url = url.as_str().expect("a text");
    url.split('=').nth(2).expect("a third piece").to_owned()
}

#[tokio::test]
async fn ecom_95_a_known_person_approves() {
    let (world, shop, kari) = stage().await;
    let number = kari.phone.as_str();
    let integer: i64 = number.parse().unwrap();
    let bodies = [
        json!({ "customerPhoneNumber": number }),
        json!({ "customerPhoneNumber": kari.phone.msisdn() }),
        json!({ "customerPhoneNumber": format!("+47 {number}") }),
        json!({ "customerPhoneNumber": integer }),
        json!({ "customerPhoneNumber": number, "token": "" }),
    ];
    for (row, body) in bodies.into_iter().enumerate() {
        let order = format!("row-{row}");
        shop.initiate(&order, 20_000).await.ok();
        let got = ask(&shop, &order, body).await.send().await;
        got.answered(200, "", "");
        assert_eq!(shop.log(&order).await, ["RESERVE", "INITIATE"]);
        let told = world.recorder.callback(&order);
        assert_eq!(told["transactionInfo"]["status"], "RESERVED");
        let payer = shop
            .payment(&order)
            .await
            .reservation()
            .map(|it| it.grant.payer.clone());
        assert_eq!(payer.map(|payer| payer.person), Some(kari.id.clone()));
        // What is decided is decided.
        let again = shop.force_approve(&order, number).await;
        let text = "The transaction has already been processed.";
        again.says(400, "VippsError", "92", text, "approve.not_open");
        assert_eq!(world.recorder.callbacks(&order).len(), 1);
    }
    // The number of the initiate will do, and the default card pays.
    let body = |it: &mut Value| it["customerInfo"]["mobileNumber"] = number.into();
    shop.initiate_but("named", 20_000, body).await.ok();
    ask(&shop, "named", json!({})).await.send().await.ok();
    let summary = shop.details("named").await.ok()["transactionSummary"].take();
    assert_eq!(summary["bankIdentificationNumber"], 492_556);
    // Test amounts are for the app alone.
    shop.initiate("test-amount", 186).await.ok();
    shop.force_approve("test-amount", number).await.ok();
    // Cancelled and timed-out requests stay so.
    shop.initiate("cancelled", 20_000).await.ok();
    shop.cancel("cancelled").await.ok();
    shop.initiate("timed-out", 20_000).await.ok();
    shop.advance(minutes(5)).await;
    for order in ["cancelled", "timed-out"] {
        let late = shop.force_approve(order, number).await;
        late.refused(400, "VippsError", "92", "approve.not_open");
    }
    let unknown = shop.force_approve("nothing", number).await;
    unknown.refused(404, "Merchant", "35", "order.unknown");
}

#[tokio::test]
async fn ecom_95_the_token_must_be_of_this_order() {
    let (world, shop, kari) = stage().await;
    let (own, other) = (
        token_of(&shop, "acme-1").await,
        token_of(&shop, "acme-2").await,
    );
    let stranger = world.shop(|_| {}).await;
    let strangers = token_of(&stranger, "acme-1").await;
    let number = kari.phone.as_str();
    let mut forged = own.clone();
    forged.truncate(own.len() - 2);
    for token in [other, strangers, forged, "nonsense".to_owned()] {
        let body = json!({ "customerPhoneNumber": number, "token": token });
        let got = ask(&shop, "acme-1", body).await.send().await;
        got.says(400, "VippsError", "91", NOT_ALLOWED, "approve.token");
    }
    assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
    let body = json!({ "customerPhoneNumber": number, "token": own });
    ask(&shop, "acme-1", body).await.send().await.ok();
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_96_a_person_who_never_used_the_app_cannot() {
    let (world, shop, _) = stage().await;
    let strangers_to_the_app = [
        world.person(|it| it.app.logged_in = false).await,
        world.person(|it| it.app.approved_once = false).await,
    ];
    let text = "This person is not BankID verified.";
    for (row, person) in strangers_to_the_app.iter().enumerate() {
        let order = format!("row-{row}");
        shop.initiate(&order, 20_000).await.ok();
        let got = shop.force_approve(&order, person.phone.as_str()).await;
        got.says(400, "Payment", "1082", text, "test.user_not_logged_in");
        assert_eq!(shop.log(&order).await, ["INITIATE"]);
    }
    // Having approved once by hand, the second can.
    let [_, person] = &strangers_to_the_app;
    shop.approve("row-0", person).await.expect("logged in");
    shop.force_approve("row-1", person.phone.as_str())
        .await
        .ok();
}

#[tokio::test]
async fn ecom_97_only_numbers_of_test_persons_can() {
    let (world, shop, _) = stage().await;
    let production = world.person_in(Environment::Production, |_| {}).await;
    let child = world
        .person(|it| it.birthdate = jiff::civil::date(2010, 1, 1))
        .await;
    let blocked = world.person(|it| it.blocked = true).await;
    let cardless = world.person(|it| it.cards.clear()).await;
    let expired = world
        .person(|it| it.cards[0].state = CardState::Expired)
        .await;
    let other = "test.not_a_test_number";
    let rows = [
        (json!("48059528"), other),
        (json!(production.phone), other),
        (json!(child.phone), other),
        (json!(blocked.phone), other),
        (json!("123"), other),
        (json!("+4512345678"), other),
        (json!("hello"), other),
        (Value::Null, other),
        (json!(cardless.phone), "test.no_default_card"),
        (json!(expired.phone), "test.no_default_card"),
    ];
    shop.initiate("acme-1", 20_000).await.ok();
    for (number, cause) in rows {
        let body = json!({ "customerPhoneNumber": number });
        let got = ask(&shop, "acme-1", body).await.send().await;
        got.says(400, "User", "81", NO_TEST_NUMBER, cause);
    }
    assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
    assert_eq!(world.recorder.calls(), []);
}

#[tokio::test]
async fn ecom_98_not_for_express_and_not_without_a_landing_page() {
    let (world, _, kari) = stage().await;
    let number = kari.phone.as_str();
    let shop = world
        .shop(|unit: &mut SalesUnit| unit.skip_landing_page = true)
        .await;
    shop.initiate_with(&shop.express_body("express", 20_000))
        .await
        .ok();
    let skips = |it: &mut Value| {
        it["transaction"]["skipLandingPage"] = true.into();
        it["customerInfo"]["mobileNumber"] = number.into();
    };
    shop.initiate_but("skips", 20_000, skips).await.ok();
    for (order, cause) in [
        ("express", "approve.express"),
        ("skips", "approve.skip_landing_page"),
    ] {
        let got = shop.force_approve(order, number).await;
        got.says(400, "VippsError", "91", NOT_ALLOWED, cause);
        assert_eq!(shop.log(order).await, ["INITIATE"]);
        shop.approve(order, &kari)
            .await
            .expect("in the app they can");
    }
}

#[tokio::test]
async fn ecom_99_production_does_not_have_it() {
    let (world, _, _) = stage().await;
    let production = Environment::Production;
    let shop = world.shop(|unit| unit.environment = production).await;
    let ola = world.person_in(production, |_| {}).await;
    shop.initiate("acme-1", 20_000).await.ok();
    let with_keys = shop.force_approve("acme-1", ola.phone.as_str()).await;
    let path = "/ecomm/v2/integration-test/payments/acme-1/approve";
    let without = world.ask(production, "POST", path).send().await;
    for got in [with_keys, without] {
        let body = r#"{ "statusCode": 404, "message": "Resource not found" }"#;
        got.answered(404, body, "route.unknown");
        assert_eq!(got.header("content-type"), Some("application/json"));
    }
    assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
}
