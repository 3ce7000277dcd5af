//! What waits for what (reference: webhooks.md §6.3).

use sandkasse_domain::webhook::EventId;
use sandkasse_store::Kind;
use sandkasse_testkit::{Shop, World, days, seconds, told};

const ALL: [&str; 3] = [
    "epayments.payment.created.v1",
    "epayments.payment.authorized.v1",
    "epayments.payment.captured.v1",
];
const URL: &str = "https://example.com/h";

/// What was attempted, as `event about`, with the events' short names.
fn heard(world: &World) -> Vec<String> {
    let hooks = world.recorder.hooks();
    let short = |event: &str| event.split('.').nth(2).expect("a name").to_owned();
    hooks
        .iter()
        .map(|it| format!("{} {}", short(&told(it, "event")), told(it, "about")))
        .collect()
}

async fn happens(shop: &Shop, about: &str, events: &[EventId]) {
    for event in events {
        shop.publish(*event, about).await;
    }
}

use EventId::{
    PaymentAuthorized as Authorized, PaymentCaptured as Captured, PaymentCreated as Created,
};

#[tokio::test]
async fn hook_43_hook_44_later_events_of_a_payment_wait_and_others_flow() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.register(URL, &ALL).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    happens(&shop, "a", &[Created]).await;
    world.deliver().await;
    happens(&shop, "a", &[Authorized, Captured]).await;
    world.deliver().await;
    assert_eq!(heard(&world), ["created a"]);
    world.pass(seconds(2)).await;
    assert_eq!(heard(&world), ["created a", "created a"]);
    // Another payment is not held up.
    world.recorder.take_hooks(URL, &[Ok(200)]);
    happens(&shop, "b", &[Created, Authorized]).await;
    world.deliver().await;
    assert_eq!(heard(&world)[2..], ["created b", "authorized b"]);
    world.pass(seconds(2)).await;
    assert_eq!(
        heard(&world)[4..],
        ["created a", "authorized a", "captured a"]
    );
    world.pass(days(8)).await;
    assert_eq!(heard(&world).len(), 7, "each was taken once");
}

#[tokio::test]
async fn hook_46_after_one_is_given_up_the_next_is_sent() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.register(URL, &ALL).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    happens(&shop, "a", &[Created]).await;
    world.deliver().await;
    happens(&shop, "a", &[Captured]).await;
    shop.advance(days(7)).await;
    let first = heard(&world).iter().filter(|it| *it == "created a").count();
    assert_eq!(first, 35);
    assert!(heard(&world)[..35].iter().all(|it| it == "created a"));
    world.recorder.take_hooks(URL, &[Ok(200)]);
    shop.advance(days(1)).await;
    assert_eq!(heard(&world).last().map(String::as_str), Some("captured a"));
    assert_eq!(shop.next_delivery().await, None);
}

#[tokio::test]
async fn hook_48_registrations_do_not_wait_for_each_other() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let down = "https://down.example.com/h";
    shop.register(down, &ALL).await;
    shop.register(URL, &ALL).await;
    world.recorder.take_hooks(down, &[Ok(500)]);
    for payment in 0..300 {
        happens(
            &shop,
            &format!("p-{payment}"),
            &[Created, Authorized, Captured],
        )
        .await;
    }
    world.deliver().await;
    let hooks = world.recorder.hooks();
    let to = |url: &str| hooks.iter().filter(|it| it.url == url).count();
    assert_eq!(
        (to(URL), to(down)),
        (900, 300),
        "of the other only the first of each"
    );
    for payment in 0..300 {
        let about = format!("p-{payment}");
        let events: Vec<_> = hooks
            .iter()
            .filter(|it| it.url == URL && told(it, "about") == about)
            .map(|it| told(it, "event"))
            .collect();
        assert_eq!(events, ALL, "{about}");
    }
}

/// Events of one payment that are due at one moment, and more of them than are looked at together.
#[tokio::test]
async fn a_long_queue_keeps_its_order() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.register(URL, &ALL).await;
    for _ in 0..100 {
        happens(&shop, "a", &[Created, Captured]).await;
    }
    world.deliver().await;
    let expected: Vec<_> = (0..100).flat_map(|_| ["created a", "captured a"]).collect();
    assert_eq!(heard(&world), expected);
}

/// Whatever waits behind a delivery that failed is due when that is, however much it is: nobody looks at it
/// again and again until then.
#[tokio::test]
async fn a_long_queue_that_fails_is_left_alone() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.register(URL, &ALL).await;
    world.recorder.take_hooks(URL, &[Ok(500), Ok(204)]);
    for _ in 0..200 {
        happens(&shop, "a", &[Created]).await;
    }
    world.deliver().await;
    assert_eq!(world.recorder.hooks().len(), 1);
    let engine = &world.platform.engine;
    let (unit, now) = (shop.unit().partition(), shop.now());
    let due = engine.store().due(&unit, Kind::Delivery, now, None, 1_000);
    assert_eq!(due.await.expect("memory does not fail"), []);
    world.pass(seconds(2)).await;
    assert_eq!(world.recorder.hooks().len(), 201);
}
