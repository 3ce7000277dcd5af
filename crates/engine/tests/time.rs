//! Clocks per sales unit, and what happens later by itself.

use sandkasse_domain::{Minor, person::Acts};
use sandkasse_engine::{Act, ActRefused, Refused, Settings};
use sandkasse_store::CallFailure;
use sandkasse_testkit::{FreshStore, World, days, hours, minutes, seconds};
use serde_json::{Value, json};

fn times(details: &Value) -> Vec<(String, String)> {
    let entries = details["transactionLogHistory"]
        .as_array()
        .expect("a list")
        .iter()
        .rev();
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    entries
        .map(|entry| (text(&entry["operation"]), text(&entry["timeStamp"])))
        .collect()
}

#[tokio::test]
async fn a_clock_moves_alone_and_what_falls_due_happens_at_its_own_moment() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let (mine, other) = (world.shop(|_| {}).await, world.shop(|_| {}).await);
    mine.initiate("late", 1000).await.ok();
    other.initiate("late", 1000).await.ok();
    mine.reserved("part", 1000, &kari).await;
    mine.capture("part", 400).await.ok();

    mine.advance(days(30)).await;
    assert_eq!(mine.now().to_string(), "2023-07-13T12:00:00Z");
    assert_eq!(other.now().to_string(), "2023-06-13T12:00:00Z");
    let details = mine.details("late").await.ok();
    let cancelled = ("CANCEL".to_owned(), "2023-06-13T12:05:00.000Z".to_owned());
    assert_eq!(
        times(&details).last(),
        Some(&cancelled),
        "not when the clock was moved"
    );
    assert_eq!(other.log("late").await, ["INITIATE"]);
    let part = mine.details("part").await.ok();
    assert_eq!(
        part["transactionSummary"]["remainingAmountToCapture"], 0,
        "the bank let go"
    );
    assert_eq!(world.recorder.callbacks("late").len(), 1);
}

#[tokio::test]
async fn things_happen_in_the_order_of_their_moments() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for index in 0..20 {
        shop.initiate(&format!("order-{index}"), 1000).await.ok();
        world.clock.advance(seconds(1));
    }
    shop.advance(hours(1)).await;
    // Several happen at once, so where the store is far away their calls may overtake each other;
    // the moment of each is its own.
    let mut calls = world.recorder.calls();
    calls.sort_by_key(|call| call.owed_at);
    let about: Vec<_> = calls.into_iter().map(|call| call.about).collect();
    let expected: Vec<_> = (0..20).map(|index| format!("order-{index}")).collect();
    assert_eq!(about, expected);
}

#[tokio::test]
async fn answers_do_not_depend_on_how_late_the_runner_is() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 1000).await.ok();
    // Real time passes and nobody runs the agenda.
    world.clock.advance(minutes(6));
    let refused = shop.approve("acme-1", &kari).await;
    assert!(
        matches!(refused, Err(ActRefused::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(shop.log("acme-1").await, ["CANCEL", "INITIATE"]);
    assert_eq!(
        world.recorder.callbacks("acme-1").len(),
        1,
        "once, by the first who looked"
    );
    world.platform.engine.run_due_units().await;
    assert_eq!(world.recorder.callbacks("acme-1").len(), 1);
}

#[tokio::test]
async fn persons_approve_at_once_after_a_while_or_never() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let rows = [
        (Acts::AtOnce, Some(0)),
        (Acts::After(30), Some(30)),
        (Acts::After(299), Some(299)),
        // The link dies first.
        (Acts::After(301), None),
        (Acts::Never, None),
        (Acts::ByHand, None),
    ];
    for (index, (acts, after)) in rows.into_iter().enumerate() {
        let person = world.person(|person| person.acts = acts).await;
        let order = format!("acts-{index}");
        let began = shop.now();
        let mobile = person.phone.as_str().to_owned();
        let initiated = shop.initiate_but(&order, 1000, |body| {
            body["customerInfo"]["mobileNumber"] = mobile.into()
        });
        initiated.await.ok();
        world.pass(seconds(0)).await;
        if after != Some(0) {
            assert_eq!(shop.log(&order).await, ["INITIATE"], "{acts:?}");
        }
        world.pass(minutes(5)).await;
        let log = times(&shop.details(&order).await.ok());
        let moment = |seconds: i64| {
            let at = began + sandkasse_testkit::seconds(seconds);
            at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
        };
        let expected = match after {
            Some(after) => ("RESERVE".to_owned(), moment(after)),
            None => ("CANCEL".to_owned(), moment(300)),
        };
        assert_eq!(log.last(), Some(&expected), "{acts:?}");
    }
}

#[tokio::test]
async fn a_person_who_acts_unasked_asks_the_shop_how_it_ships() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let quick = world.person(|person| person.acts = Acts::After(10)).await;
    let express = |order: &str| {
        let mut body = shop.express_body(order, 20_000);
        body["customerInfo"]["mobileNumber"] = quick.phone.as_str().into();
        let merchant = body["merchantInfo"].as_object_mut().expect("an object");
        merchant.remove("staticShippingDetails");
        merchant.insert(
            "shippingDetailsPrefix".into(),
            "https://example.com/ship".into(),
        );
        body
    };
    let methods = json!({ "shippingDetails": [
        { "isDefault": "Y", "shippingCost": "99.00", "shippingMethod": "Post", "shippingMethodId": "p" },
    ] });
    world
        .recorder
        .answer_shipping("good", Ok(methods.to_string()));
    let refused = CallFailure::Status { status: 500 };
    world.recorder.answer_shipping("bad", Err(refused));

    shop.initiate_with(&express("good")).await.ok();
    shop.initiate_with(&express("bad")).await.ok();
    world.pass(seconds(11)).await;
    let details = shop.details("good").await.ok();
    assert_eq!(
        details["transactionSummary"]["remainingAmountToCapture"],
        29_900
    );
    assert_eq!(
        shop.log("bad").await,
        ["INITIATE"],
        "put down, and not tried for ever"
    );
    world.pass(minutes(5)).await;
    assert_eq!(shop.log("bad").await, ["CANCEL", "INITIATE"]);
}

#[tokio::test]
async fn what_fell_due_while_nobody_ran_happens_after_a_restart() {
    let fresh = FreshStore::new().await;
    let world = World::with(fresh.store(), Settings::default()).await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 1000).await.ok();

    let again = World::with(fresh.store(), Settings::default()).await;
    again.pass(hours(1)).await;
    let calls = again.recorder.callbacks("acme-1");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].owed_at.to_string(), "2023-06-13T12:05:00Z");
}

#[tokio::test]
async fn a_clock_only_goes_forward_and_survives_a_restart() {
    let fresh = FreshStore::new().await;
    let world = World::with(fresh.store(), Settings::default()).await;
    let shop = world.shop(|_| {}).await;
    shop.advance(days(2)).await;
    shop.advance(-days(1)).await;
    assert_eq!(shop.now().to_string(), "2023-06-15T12:00:00Z");
    shop.advance(sandkasse_testkit::days(10_000_000)).await;
    assert!(
        shop.now().to_string().as_str() < "2130",
        "bounded: {}",
        shop.now()
    );
    let before = shop.now();

    let again = World::with(fresh.store(), Settings::default()).await;
    let snapshot = again.platform.engine.directory.of(shop.environment);
    let unit = snapshot.unit(&shop.msn).expect("stored");
    assert_eq!(again.platform.engine.now(unit), before);
}

#[tokio::test]
async fn tokens_age_with_the_clock_unless_told_otherwise() {
    let world = World::new().await;
    for (survive, status) in [(false, 401), (true, 404)] {
        let shop = world
            .shop(|facts| facts.tokens_survive_advance = survive)
            .await;
        let ask = shop.ask("GET", "/ecomm/v2/payments/none/details").await;
        shop.advance(hours(2)).await;
        assert_eq!(
            ask.send().await.status,
            status,
            "tokens_survive_advance: {survive}"
        );
    }
}

/// The link's five minutes do not hang on the landing page: opening later than the others counts
/// from then.
#[tokio::test]
async fn an_opened_link_gets_five_more_minutes() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 1000).await.ok();
    world.pass(seconds(299)).await;
    shop.person("acme-1", Act::Open).await.expect("still open");
    world.pass(seconds(299)).await;
    let operated = shop.approve("acme-1", &kari).await.expect("still open");
    assert_eq!(
        operated.payment.reservation().map(|it| it.grant.amount),
        Minor::try_new(1000)
    );
}

/// The runner approves once, whoever looks first, and reports nothing as failed.
#[tokio::test]
async fn who_acts_unasked_acts_once() {
    // Amount, seconds moved on, the log.
    let rows: [(i64, i64, &[&str]); 4] = [
        (1000, 61, &["RESERVE", "INITIATE"]),
        // The bank refuses: one attempt, however often somebody looks.
        (151, 61, &["RESERVE!", "INITIATE"]),
        (202, 61, &["RESERVE", "INITIATE"]),
        // Approved after a minute, and the bank silent for an hour, all in one advance.
        (201, 7200, &["RESERVE", "INITIATE"]),
    ];
    for (amount, moved, log) in rows {
        let world = World::new().await;
        let person = world.person(|person| person.acts = Acts::After(60)).await;
        let shop = world.shop(|_| {}).await;
        let order = format!("acts-{amount}");
        let body = |body: &mut Value| {
            body["customerInfo"]["mobileNumber"] = person.phone.as_str().into();
        };
        shop.initiate_but(&order, amount, body).await.ok();
        let engine = &world.platform.engine;
        engine
            .advance(&shop.unit(), seconds(moved))
            .await
            .expect("nothing failed");
        let callbacks = world.recorder.callbacks(&order).len();
        assert_eq!(
            callbacks,
            usize::from(amount != 151),
            "{amount}: owed by then"
        );
        assert_eq!(shop.log(&order).await, log, "{amount}");
        engine.run_due_units().await;
        assert_eq!(shop.log(&order).await, log, "{amount}");
    }
}

/// Approvals of different orders by one person all touch that person's consent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_approves_many_orders_at_once() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world
        .shop(|facts| facts.rate_limits = sandkasse_domain::sales_unit::RateLimits::Off)
        .await;
    let orders: Vec<String> = (0..64).map(|index| format!("scope-{index}")).collect();
    for order in &orders {
        let scope = |body: &mut Value| body["transaction"]["scope"] = "name email".into();
        shop.initiate_but(order, 1000, scope).await.ok();
    }
    let approvals = orders.into_iter().map(|order| {
        let (shop, phone) = (shop.clone(), kari.phone.as_str().to_owned());
        tokio::spawn(async move { shop.force_approve(&order, &phone).await.status })
    });
    for approval in approvals.collect::<Vec<_>>() {
        assert_eq!(approval.await.expect("no panic"), 200);
    }
}

#[tokio::test]
async fn nobody_works_on_after_a_reset() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let unit = shop.unit();
    shop.initiate("acme-1", 1000).await.ok();
    world
        .platform
        .engine
        .clear()
        .await
        .expect("memory does not fail");
    let late = world.platform.engine.view(&unit, "acme-1").await;
    assert!(late.is_err(), "nothing is left: {late:?}");
    let act = world
        .platform
        .engine
        .person_acts(&unit, "acme-1", Act::Open)
        .await;
    assert!(
        matches!(act, Err(ActRefused::Refused(Refused::Fault(_)))),
        "{act:?}"
    );
}
