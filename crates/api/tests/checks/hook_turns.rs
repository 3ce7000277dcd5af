//! Turns of what is due: nobody's seat is lost, nobody spins, nobody waits for somebody else's receiver.

use std::sync::Arc;

use sandkasse_domain::{Environment, webhook::EventId};
use sandkasse_engine::Settings;
use sandkasse_testkit::{Trouble, TroubledStore, World, days, seconds, told};

const CREATED: EventId = EventId::PaymentCreated;
const URL: &str = "https://example.com/h";
const HANGING: &str = "https://hanging.example.com/h";

async fn troubled() -> (Arc<TroubledStore>, World) {
    let store = Arc::new(TroubledStore::default());
    let world = World::with(store.clone(), Settings::default()).await;
    (store, world)
}

/// Everybody who can go on does.
async fn let_all_go_on() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_meets_a_store_that_fails_leaves_its_seat() {
    let (store, world) = troubled().await;
    let shop = world.shop(|_| {}).await;
    shop.register(URL, &[CREATED.name()]).await;
    // More than there are seats for a receiver that nobody knows.
    for payment in 0..20 {
        shop.publish(CREATED, &format!("p-{payment}")).await;
    }
    store.set(Trouble::Unlisted);
    for _ in 0..20 {
        world.deliver().await;
        world.clock.advance(seconds(2));
    }
    assert_eq!(world.recorder.hooks().len(), 0);
    store.set(Trouble::None);
    world.deliver().await;
    assert_eq!(world.recorder.hooks().len(), 20);
}

/// A partner's receiver hangs on one sales unit's events and takes all seats: the other unit's turn finds
/// nothing to do, and does not ask again and again.
#[tokio::test]
async fn whoever_is_passed_over_is_looked_for_once_a_second() {
    let (store, world) = troubled().await;
    let partner = world.partner(Environment::Test, |_| {}).await;
    let (one, two) = (world.shop(|_| {}).await, world.shop(|_| {}).await);
    for shop in [&one, &two] {
        world.link(shop, &partner).await;
    }
    partner.register(None, HANGING, &[CREATED.name()]).await;
    world.recorder.hang_hooks(HANGING);
    let running = tokio::spawn(world.platform.engine.clone().run_hooks());
    for payment in 0..20 {
        one.publish(CREATED, &format!("p-{payment}")).await;
    }
    let_all_go_on().await;
    let at_work = world.recorder.hooks().len();
    assert!((1..20).contains(&at_work), "{at_work} seats");
    two.publish(CREATED, "other").await;
    let_all_go_on().await;
    store.count();
    for _ in 0..10 {
        world.clock.advance(seconds(1));
        let_all_go_on().await;
    }
    let [looks, ..] = store.count();
    assert!((10..60).contains(&looks), "{looks} looks in ten seconds");
    running.abort();
}

#[tokio::test]
async fn retries_go_on_while_another_receiver_hangs() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for url in [HANGING, URL] {
        shop.register(url, &[CREATED.name()]).await;
    }
    world.recorder.hang_hooks(HANGING);
    world.recorder.take_hooks(URL, &[Ok(500)]);
    let running = tokio::spawn(world.platform.engine.clone().run_hooks());
    shop.publish(CREATED, "p").await;
    let attempts = |url: &str| {
        let hooks = world.recorder.hooks();
        hooks.iter().filter(|it| it.url == url).count()
    };
    let mut ended = world.platform.engine.hooks.ended();
    for expected in 1..=4 {
        while attempts(URL) < expected {
            ended.recv().await.expect("nobody is slow");
        }
        for _ in 0..2 {
            world.clock.advance(seconds(1));
            let_all_go_on().await;
        }
    }
    assert_eq!(attempts(HANGING), 1);
    running.abort();
}

/// However much waits in one queue, or in how many: each row is read a few times, not once for every other.
#[tokio::test]
async fn what_waits_is_read_a_few_times() {
    const MANY: usize = 6_000;
    for queues in [1, MANY] {
        let (store, world) = troubled().await;
        let shop = world.shop(|_| {}).await;
        shop.register(URL, &[CREATED.name()]).await;
        for delivery in 0..MANY {
            shop.publish(CREATED, &format!("p-{}", delivery % queues))
                .await;
        }
        store.count();
        world.deliver().await;
        assert_eq!(world.recorder.hooks().len(), MANY);
        let [looks, rows, written] = store.count();
        println!("{queues} queues: {looks} looks, {rows} rows, {written} written");
        assert!(rows < 5 * MANY, "{queues} queues: {rows} rows read");
        assert!(written <= MANY, "{queues} queues: {written} written");
    }
}

/// The same while the receiver is down: what waits behind one delivery costs little each time that one fails.
#[tokio::test]
async fn what_waits_behind_a_failure_costs_little() {
    const MANY: usize = 3_000;
    for queues in [1, MANY] {
        let (store, world) = troubled().await;
        let shop = world.shop(|_| {}).await;
        shop.register(URL, &[CREATED.name()]).await;
        world.recorder.take_hooks(URL, &[Ok(500)]);
        for delivery in 0..MANY {
            shop.publish(CREATED, &format!("p-{}", delivery % queues))
                .await;
        }
        world.deliver().await;
        store.count();
        // Three more attempts in real time.
        for _ in 0..3 {
            world.pass(seconds(2)).await;
        }
        let [looks, rows, written] = store.count();
        println!("{queues} queues that fail: {looks} looks, {rows} rows, {written} written");
        assert_eq!(world.recorder.hooks().len(), 4 * queues);
        assert!(rows < 3 * 5 * MANY, "{queues} queues: {rows} rows read");
        assert!(written <= 3 * MANY, "{queues} queues: {written} written");
        // And while time is advanced over a day of them, one after the other.
        if queues > 1 {
            continue;
        }
        shop.advance(days(1)).await;
        let [_, rows, _] = store.count();
        let attempts = world.recorder.hooks().len();
        assert!(attempts > 25, "{attempts}");
        assert!(rows < attempts * 5 * MANY, "{rows} rows read");
    }
}

#[tokio::test]
async fn what_is_known_of_registrations_that_are_gone_is_bounded() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for round in 0..700 {
        let (id, _) = shop.register(URL, &[CREATED.name()]).await;
        shop.publish(CREATED, &format!("p-{round}")).await;
        world.deliver().await;
        let last = world.recorder.hooks().pop().expect("it was delivered");
        assert_eq!(told(&last, "about"), format!("p-{round}"));
        let id = sandkasse_domain::webhook::RegistrationId(id);
        // As another node's deletion is seen: nobody here was asked.
        let gone = sandkasse_engine::directory::Change::WebhookGone(shop.environment, id);
        let engine = &world.platform.engine;
        let changed = engine.directory.change(vec![gone]).await;
        changed.expect("memory does not fail");
        assert!(engine.hooks.known() <= 256, "after {round}");
    }
}
