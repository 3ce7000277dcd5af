//! Telephone numbers: forms that are accepted, and persons of whom nothing may be learnt
//! (reference: platform.md §8).
use std::collections::BTreeSet;

use sandkasse_domain::{payment::Cause, person::CannotPay};
use sandkasse_testkit::{Got, World};
use serde_json::{Value, json};

#[tokio::test]
async fn ecom_103_a_number_may_be_a_json_number() {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let number: i64 = kari.phone.as_str().parse().unwrap();
    let rows = [
        ("eight-digits", json!(number), Some(kari.phone.clone())),
        (
            "with-country",
            json!(4_700_000_000_i64 + number),
            Some(kari.phone.clone()),
        ),
        ("zero", json!(0), None),
    ];
    for (order, sent, known) in rows {
        let body = |it: &mut Value| it["customerInfo"]["mobileNumber"] = sent;
        shop.initiate_but(order, 20_000, body).await.ok();
        // The landing page is filled in with it.
        assert_eq!(shop.payment(order).await.order.mobile, known, "{order}");
    }
    // A JSON number is read like a text, so a wrong one is refused alike; other types are not read.
    let initiate = |order: &'static str, sent: Value| {
        let body = move |it: &mut Value| it["customerInfo"]["mobileNumber"] = sent;
        shop.initiate_but(order, 20_000, body)
    };
    let got = initiate("short", json!(1_234_567)).await;
    got.says(
        400,
        "User",
        "81",
        "User not registered with Vipps",
        "phone.format",
    );
    for (order, sent) in [("float", json!(91_234_567.5)), ("list", json!([number]))] {
        let got = initiate(order, sent).await;
        got.refused(500, "VippsError", "99", "json.type");
    }
}

#[tokio::test]
async fn ecom_104_nobody_learns_why_a_person_cannot_pay() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let persons = [
        (
            world
                .person(|it| it.birthdate = jiff::civil::date(2008, 6, 14))
                .await,
            CannotPay::TooYoung,
        ),
        (
            world.person(|it| it.blocked = true).await,
            CannotPay::Blocked,
        ),
        (
            world.person(|it| it.limit_reached = true).await,
            CannotPay::LimitReached,
        ),
        (
            world.person(|it| it.app.logged_in = false).await,
            CannotPay::NeverLoggedIn,
        ),
    ];
    let mut rows: Vec<(String, CannotPay)> = persons
        .iter()
        .map(|(person, reason)| (person.phone.to_string(), *reason))
        .collect();
    rows.push(("48059528".to_owned(), CannotPay::Unknown));

    let mut answers = BTreeSet::new();
    for (row, (number, reason)) in rows.into_iter().enumerate() {
        let body = |it: &mut Value| it["customerInfo"]["mobileNumber"] = number.into();
        let got = shop.initiate_but(&format!("row-{row}"), 20_000, body).await;
        let text = "User not registered with Vipps";
        let cause = match reason {
            CannotPay::Unknown => "test.real_user",
            CannotPay::NeverLoggedIn => "test.user_not_logged_in",
            CannotPay::Number(_)
            | CannotPay::TooYoung
            | CannotPay::Blocked
            | CannotPay::BelowMinimumAge
            | CannotPay::LimitReached => "user.unavailable",
        };
        got.says(400, "User", "81", text, cause);
        // The platform knows very well, for the test environment's explanations.
        let cause = Cause::CannotPay { reason };
        assert!(matches!(&got.why, Some(sandkasse_api::Why::Payment(why)) if *why == cause));
        answers.insert(without_context(&got));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    // On the fifteenth birthday all is well.
    let young = world
        .person(|it| it.birthdate = jiff::civil::date(2008, 6, 13))
        .await;
    let body = |it: &mut Value| it["customerInfo"]["mobileNumber"] = json!(young.phone);
    shop.initiate_but("fifteen", 20_000, body).await.ok();
}

/// Everything that a caller can see: status, headers and body, but for the fresh `contextId`.
fn without_context(got: &Got) -> String {
    let context = got.json()[0]["contextId"].clone();
    let context = context.as_str().expect("a text");
    let body = got.body.replace(context, "…");
    format!("{} {:?} {body}", got.status, got.headers)
}
