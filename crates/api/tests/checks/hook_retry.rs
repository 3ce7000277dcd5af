//! Attempts, and when they are made (reference: webhooks.md §3, §6.3).

use jiff::SignedDuration;
use sandkasse_domain::webhook::{ANSWER_MS, EventId};
use sandkasse_engine::webhooks::{DeliveryState, Dropped};
use sandkasse_store::CallFailure;
use sandkasse_testkit::{RealCourier, Shop, WEBHOOKS, World, days, hours, seconds};

const CREATED: &str = "epayments.payment.created.v1";
const URL: &str = "https://example.com/h";

async fn subscribed(world: &World) -> (Shop, String) {
    let shop = world.shop(|_| {}).await;
    let (id, _) = shop.register(URL, &[CREATED]).await;
    (shop, id)
}

/// Seconds after the first attempt at which the others were made.
async fn attempts(shop: &Shop) -> Vec<i64> {
    let deliveries = shop.deliveries().await;
    let at = shop.attempted(&deliveries[0].name).await;
    at.iter()
        .map(|it| it.duration_since(at[0]).as_secs())
        .collect()
}

#[tokio::test]
async fn hook_40_hook_41_hook_42_whatever_is_no_2xx_is_tried_again() {
    let refused = CallFailure::Refused {
        target: "example.com:443".to_owned(),
        detail: "refused".to_owned(),
    };
    let redirect = CallFailure::Redirect { location: None };
    let slow = CallFailure::Timeout {
        limit_ms: ANSWER_MS,
    };
    for answer in [
        Ok(500),
        Ok(404),
        Ok(400),
        Err(redirect),
        Err(refused),
        Err(slow),
    ] {
        let world = World::new().await;
        let (shop, _) = subscribed(&world).await;
        world.recorder.take_hooks(URL, &[answer.clone(), Ok(204)]);
        shop.publish(EventId::PaymentCreated, "acme-1").await;
        world.deliver().await;
        assert_eq!(world.recorder.hooks().len(), 1, "{answer:?}");
        world.pass(SignedDuration::from_millis(1_999)).await;
        assert_eq!(world.recorder.hooks().len(), 1, "{answer:?}");
        world.pass(SignedDuration::from_millis(1)).await;
        let hooks = world.recorder.hooks();
        assert_eq!(hooks.len(), 2, "{answer:?}");
        assert_eq!(hooks[0].body, hooks[1].body);
        world.pass(days(1)).await;
        assert_eq!(world.recorder.hooks().len(), 2, "{answer:?}");
    }
}

/// The whole schedule, twice: by moving real time from attempt to attempt, and by one jump of the
/// unit's clock.
#[tokio::test]
async fn hook_45_attempts_are_made_as_scheduled_for_seven_days() {
    let mut expected = vec![0, 2, 4, 6, 66, 186];
    expected.extend((1..=23).map(|hour| 186 + 3600 * hour));
    expected.extend((1..=6).map(|day| 186 + 3600 * 23 + 86_400 * day));

    let world = World::new().await;
    let (shop, _) = subscribed(&world).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    while let Some(next) = shop.next_delivery().await {
        world.pass(next.duration_since(shop.now())).await;
    }
    assert_eq!(attempts(&shop).await, expected);
    world.pass(days(30)).await;
    assert_eq!(world.recorder.hooks().len(), expected.len());
    let kept = shop.deliveries().await.remove(0).delivery;
    let is_late = matches!(
        kept.state,
        DeliveryState::Dropped {
            because: Dropped::TooLate,
            ..
        }
    );
    assert!(is_late, "{:?}", kept.state);

    let world = World::new().await;
    let (shop, _) = subscribed(&world).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    shop.advance(days(7)).await;
    assert_eq!(attempts(&shop).await, expected);
}

/// A process that was away does not make up for attempts: the next is made now, and the schedule goes on.
#[tokio::test]
async fn what_is_late_because_nobody_was_there_is_not_made_up_for() {
    let world = World::new().await;
    let (shop, _) = subscribed(&world).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    world.pass(days(1)).await;
    world.pass(seconds(2)).await;
    assert_eq!(attempts(&shop).await, [0, 86_400, 86_402]);
}

#[tokio::test]
async fn hook_47_a_registration_is_gone_after_fourteen_days_without_success() {
    let world = World::new().await;
    let (shop, _) = subscribed(&world).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    shop.advance(days(14) - seconds(1)).await;
    assert_eq!(shop.registered().await.len(), 1);
    shop.advance(seconds(1)).await;
    assert_eq!(shop.registered().await.len(), 0);
    let before = world.recorder.hooks().len();
    shop.publish(EventId::PaymentCreated, "acme-2").await;
    world.deliver().await;
    assert_eq!(world.recorder.hooks().len(), before);
}

#[tokio::test]
async fn hook_47_one_success_begins_anew() {
    let world = World::new().await;
    let (shop, _) = subscribed(&world).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    shop.advance(days(10)).await;
    world.recorder.take_hooks(URL, &[Ok(200)]);
    shop.publish(EventId::PaymentCreated, "acme-2").await;
    world.deliver().await;
    shop.advance(days(10)).await;
    assert_eq!(shop.registered().await.len(), 1);
}

/// A restart: another process on the same store goes on where this one was.
#[tokio::test]
async fn hook_49_another_process_goes_on() {
    let nodes = World::nodes(2).await;
    let [first, second] = nodes.as_slice() else {
        panic!("two nodes")
    };
    let shop = first.shop(|_| {}).await;
    second
        .platform
        .engine
        .beat()
        .await
        .expect("memory does not fail");
    World::living(&nodes, shop.register(URL, &[CREATED])).await;
    first.recorder.take_hooks(URL, &[Ok(500)]);
    second.recorder.take_hooks(URL, &[Ok(200)]);
    for about in ["acme-1", "acme-2"] {
        shop.publish(EventId::PaymentCreated, about).await;
    }
    first.deliver().await;
    assert_eq!(first.recorder.hooks().len(), 2);
    // The first one dies; the second looks what is due, as each process does when it starts.
    second.clock.advance(hours(1));
    let engine = &second.platform.engine;
    engine.forget_hooks().await.expect("it can be asked");
    engine.run_due_hooks().await;
    let about: Vec<_> = second
        .recorder
        .hooks()
        .iter()
        .map(|it| sandkasse_testkit::told(it, "about"))
        .collect();
    assert_eq!(about.len(), 2, "{about:?}");
}

#[tokio::test]
async fn hook_10_what_waits_for_a_deleted_registration_is_dropped() {
    let world = World::new().await;
    let (shop, id) = subscribed(&world).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    let gone = shop
        .ask("DELETE", &format!("{WEBHOOKS}/{id}"))
        .await
        .send()
        .await;
    assert_eq!(gone.status, 204);
    world.pass(seconds(2)).await;
    assert_eq!(world.recorder.hooks().len(), 1);
    let kept = shop.deliveries().await.remove(0).delivery;
    let is_gone = matches!(
        kept.state,
        DeliveryState::Dropped {
            because: Dropped::Deregistered,
            ..
        }
    );
    assert!(is_gone, "{:?}", kept.state);
    assert_eq!(shop.next_delivery().await, None);
}

/// Nobody was called at the registration, so what is wrong with the host shows in the log.
#[tokio::test]
async fn hook_52_a_host_that_does_not_exist_stands_in_the_log() {
    let (world, _courier) = RealCourier::world().await;
    let shop = world.shop(|_| {}).await;
    let rows = [
        ("https://no-such-host-at-all.com/h", "dns"),
        ("https://8.8.8.8:3000/h", "unusual-port"),
    ];
    for (url, _) in rows {
        shop.register(url, &[CREATED]).await;
    }
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    let engine = &world.platform.engine;
    let mut found = Vec::new();
    for kept in shop.deliveries().await {
        let tried = engine.delivery(&shop.unit(), &kept.name).await;
        let (_, tried) = tried.expect("memory does not fail").expect("it is there");
        found.push(match &tried[0].1.outcome.failure {
            Some(CallFailure::Dns { .. }) => "dns".to_owned(),
            Some(CallFailure::Forbidden { rule, .. }) => rule.clone(),
            other => panic!("{other:?}"),
        });
    }
    found.sort();
    assert_eq!(found, rows.map(|(_, why)| why));
}
