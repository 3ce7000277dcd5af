//! Telephone numbers and the persons behind them: what is corrected, and what is never told.

use sandkasse_domain::{
    Environment, PhoneNumber,
    payment::Cause,
    person::{AppUse, CannotPay, Person},
};
use sandkasse_engine::{Act, ActRefused, Refused};
use sandkasse_testkit::{Format, Got, Shop, World, with_member};
use serde_json::{Value, json};

const NOBODY: &str = "User not registered with Vipps";

fn phone(digits: &str) -> PhoneNumber {
    PhoneNumber::try_new(digits).expect("eight digits")
}

async fn initiate_for(shop: &Shop, order: &str, mobile: &Value) -> Got {
    let body = shop.initiate_body(order, 100);
    let body = with_member(body, "customerInfo.mobileNumber", mobile.clone());
    shop.initiate_with(&body).await
}

/// The number that the landing page will be filled with.
async fn filled_in(world: &World, shop: &Shop, order: &str) -> Option<String> {
    let engine = &world.platform.engine;
    let view = engine
        .view(&shop.unit(), order)
        .await
        .expect("it was initiated");
    view.payment.order.mobile.map(|mobile| mobile.to_string())
}

#[tokio::test]
async fn plat_53_numbers_are_repaired_silently() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    world
        .person(|person| person.phone = phone("91234567"))
        .await;
    for (at, number) in [
        json!("91234567"),
        json!("+47 912 34 567"),
        json!("+4791234567"),
        json!("004791234567"),
        json!("0047 91 23 45 67"),
        json!("4791234567"),
        json!("912-34-567"),
        json!("(912) 34.567"),
        json!("912\u{a0}34/567"),
        json!(91_234_567),
        json!(4_791_234_567_i64),
    ]
    .into_iter()
    .enumerate()
    {
        let order = format!("acme-{at}");
        initiate_for(&shop, &order, &number).await.ok();
        let filled_in = filled_in(&world, &shop, &order).await;
        assert_eq!(filled_in.as_deref(), Some("91234567"), "{number}");
    }
}

#[tokio::test]
async fn plat_54_numbers_that_cannot_be_repaired() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    world
        .person(|person| person.phone = phone("12345678"))
        .await;
    for (at, (number, cause)) in [
        (json!("+45 12345678"), "phone.foreign"),
        (json!("004512345678"), "phone.foreign"),
        (json!("1234567"), "phone.format"),
        (json!("123456789"), "phone.format"),
        (json!("abc"), "phone.format"),
        (json!("12345678x"), "phone.format"),
        (json!(" "), "phone.format"),
        (json!("１２３４５６７８"), "phone.format"),
        (json!(1_234_567), "phone.format"),
        (json!("87654321"), "test.real_user"),
    ]
    .into_iter()
    .enumerate()
    {
        let got = initiate_for(&shop, &format!("acme-{at}"), &number).await;
        assert_eq!(got.cause(), cause, "{number}");
        assert_eq!(got.refused(400, "User", "81", cause), NOBODY);
    }
}

#[tokio::test]
async fn plat_55_an_empty_number_is_none() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for (order, number) in [("a-1", json!("")), ("a-2", json!(null)), ("a-3", json!(0))] {
        initiate_for(&shop, order, &number).await.ok();
        assert_eq!(filled_in(&world, &shop, order).await, None, "{number}");
    }
}

#[tokio::test]
async fn plat_56_nobody_learns_why_a_number_cannot_pay() {
    let world = World::new().await;
    for environment in Environment::ALL {
        let shop = world.shop(|unit| unit.environment = environment).await;
        let unable: [fn(&mut Person); 4] = [
            |person| person.blocked = true,
            |person| person.birthdate = jiff::civil::date(2008, 6, 14),
            |person| person.limit_reached = true,
            |person| person.app.logged_in = false,
        ];
        let mut numbers = vec!["40000000".to_owned()];
        for change in unable {
            let person = world.person_in(environment, change).await;
            numbers.push(person.phone.to_string());
        }
        let mut answers = Vec::new();
        for (at, number) in numbers.iter().enumerate() {
            let order = format!("acme-{at}");
            let got = initiate_for(&shop, &order, &json!(number)).await;
            let cause = match (environment, at) {
                (Environment::Test, 0) => "test.real_user",
                (Environment::Test, 4) => "test.user_not_logged_in",
                _ => "user.unavailable",
            };
            assert_eq!(got.refused(400, "User", "81", cause), NOBODY);
            let context = got.json()[0]["contextId"].clone();
            let context = context.as_str().expect("a string");
            answers.push((got.body.replace(context, ""), format!("{:?}", got.headers)));
            // Nothing was begun either.
            let got = shop.details(&order).await;
            got.refused(404, "Merchant", "35", "order.unknown");
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        // Fifteen today is old enough.
        let fifteen = |person: &mut Person| person.birthdate = jiff::civil::date(2008, 6, 13);
        let fifteen = world.person_in(environment, fifteen).await;
        initiate_for(&shop, "acme-15", &json!(fifteen.phone))
            .await
            .ok();
    }
}

#[tokio::test]
async fn plat_57_a_test_user_must_have_logged_in_and_paid_once() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let new = AppUse {
        logged_in: false,
        approved_once: false,
        outdated: false,
        wrong_pins: 0,
    };
    let ola = world.person(|person| person.app = new).await;
    shop.initiate("acme-1", 49_900).await.ok();

    let got = initiate_for(&shop, "acme-2", &json!(ola.phone)).await;
    assert_eq!(
        got.refused(400, "User", "81", "test.user_not_logged_in"),
        NOBODY
    );
    let show = Act::Show {
        phone: ola.phone.clone(),
    };
    for refused in [
        shop.person("acme-1", show).await,
        shop.approve("acme-1", &ola).await,
    ] {
        let cause = match refused {
            Err(ActRefused::Refused(Refused::Because(cause))) => cause,
            other => panic!("{other:?}"),
        };
        let reason = CannotPay::NeverLoggedIn;
        assert_eq!(cause, Cause::CannotPay { reason });
    }
    let not_verified = async || {
        let got = shop.force_approve("acme-1", ola.phone.as_str()).await;
        assert_eq!(got.format(), Format::D);
        let text = got.refused(400, "Payment", "1082", "test.user_not_logged_in");
        assert_eq!(text, "This person is not BankID verified.");
    };
    not_verified().await;
    assert_eq!(shop.log("acme-1").await, ["INITIATE"]);

    // Having logged in is not enough for force approve; one payment in the app is.
    let directory = &world.platform.engine.directory;
    let log_in = |person: &mut Person| person.app.logged_in = true;
    let changed = directory.change_person(Environment::Test, &ola.id, log_in);
    changed.await.expect("memory does not fail");
    not_verified().await;
    shop.reserved("acme-3", 100, &ola).await;
    let got = shop.force_approve("acme-1", ola.phone.as_str()).await;
    got.answered(200, "", "");
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
}
