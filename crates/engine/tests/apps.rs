//! What is in whose app.

use sandkasse_domain::{Environment, person::Person};
use sandkasse_engine::{Act, Settings};
use sandkasse_testkit::{FreshStore, World, minutes, seconds};

/// Order ids, open ones marked.
async fn app(world: &World, person: &Person, limit: usize) -> Vec<String> {
    let engine = &world.platform.engine;
    let found = engine.in_app(Environment::Test, &person.id, limit).await;
    let line = |it: &sandkasse_engine::InApp| {
        let mark = if it.is_open() { "?" } else { "" };
        format!("{}{mark}", it.view.payment.order.id)
    };
    found
        .expect("memory does not fail")
        .iter()
        .map(line)
        .collect()
}

fn show(person: &Person) -> Act {
    Act::Show {
        phone: person.phone.clone(),
    }
}

#[tokio::test]
async fn an_app_shows_its_own_payments_from_every_sales_unit_newest_first() {
    let world = World::new().await;
    let (kari, ola) = (world.person(|_| {}).await, world.person(|_| {}).await);
    let (one, two) = (world.shop(|_| {}).await, world.shop(|_| {}).await);
    assert!(app(&world, &kari, 10).await.is_empty());
    one.reserved("first", 1000, &kari).await;
    world.clock.advance(seconds(1));
    two.reserved("second", 1000, &kari).await;
    world.clock.advance(seconds(1));
    one.initiate("third", 1000).await.ok();
    assert_eq!(app(&world, &kari, 10).await, ["second", "first"]);
    one.person("third", show(&kari)).await.unwrap();
    assert_eq!(app(&world, &kari, 10).await, ["third?", "second", "first"]);
    assert_eq!(app(&world, &kari, 2).await, ["third?", "second"]);
    assert!(app(&world, &ola, 10).await.is_empty());

    // Another number: it leaves one app, comes to another, and may come back.
    one.person("third", show(&ola)).await.unwrap();
    assert_eq!(app(&world, &kari, 10).await, ["second", "first"]);
    assert_eq!(app(&world, &ola, 10).await, ["third?"]);
    one.person("third", show(&kari)).await.unwrap();
    assert_eq!(app(&world, &kari, 10).await, ["third?", "second", "first"]);
    one.person("third", Act::Reject).await.unwrap();
    assert_eq!(app(&world, &kari, 10).await, ["third", "second", "first"]);
    assert!(app(&world, &ola, 10).await.is_empty());
}

#[tokio::test]
async fn what_times_out_is_no_longer_asked() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("late", 1000).await.ok();
    shop.person("late", show(&kari)).await.unwrap();
    assert_eq!(app(&world, &kari, 0).await, ["late?"]);
    shop.advance(minutes(5) + seconds(1)).await;
    assert_eq!(app(&world, &kari, 10).await, ["late"]);
    assert!(app(&world, &kari, 0).await.is_empty());
}

#[tokio::test]
async fn an_app_is_found_again_after_a_restart_and_empty_after_a_reset() {
    let fresh = FreshStore::new().await;
    let world = World::with(fresh.store(), Settings::default()).await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.reserved("paid", 1000, &kari).await;
    let again = World::with(fresh.store(), Settings::default()).await;
    assert_eq!(app(&again, &kari, 10).await, ["paid"]);
    again.platform.engine.clear().await.unwrap();
    assert!(app(&again, &kari, 10).await.is_empty());
}

#[tokio::test]
async fn an_app_knows_who_may_know_what() {
    let world = World::new().await;
    let (kari, ola) = (world.person(|_| {}).await, world.person(|_| {}).await);
    let shop = world.shop(|_| {}).await;
    shop.initiate_but("asks", 1000, |body| {
        body["transaction"]["scope"] = "name email".into();
    })
    .await
    .ok();
    let engine = &world.platform.engine;
    let consents = async |person: &Person| {
        let found = engine.consents_of(Environment::Test, &person.id).await;
        found.expect("memory does not fail").len()
    };
    assert_eq!(consents(&kari).await, 0);
    shop.approve("asks", &kari).await.unwrap();
    assert_eq!((consents(&kari).await, consents(&ola).await), (1, 0));
    assert!(engine.revoke(&shop.unit(), &kari.id).await.unwrap());
    assert_eq!(consents(&kari).await, 0);
}
