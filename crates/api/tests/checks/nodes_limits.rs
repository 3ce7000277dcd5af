//! a store that cannot count calls per minute lets them pass, is seen to, and costs little.

use std::sync::Arc;

use sandkasse_domain::Timestamp;
use sandkasse_engine::{Engine, Hit, Settings};
use sandkasse_store::MemoryStore;
use sandkasse_testkit::{Shop, Trouble, TroubledStore, World};
use tokio::task::JoinSet;

/// One of several nodes, on a store whose counting can fail.
async fn one_of_several() -> (Arc<TroubledStore>, World, Shop) {
    let memory = MemoryStore::new();
    let now = Arc::new(|| Timestamp::UNIX_EPOCH);
    let store = Arc::new(TroubledStore::over(memory.join(now)));
    let world = World::with(store.clone(), Settings::default()).await;
    let shop = world.shop(|_| {}).await;
    (store, world, shop)
}

fn passed(engine: &Engine) -> u64 {
    let windows = engine.windows.as_ref();
    windows.expect("it is one of several").passed()
}

#[tokio::test]
async fn r_11_a_store_that_fails_lets_calls_pass_and_they_are_counted() {
    let (store, world, shop) = one_of_several().await;
    let engine = &world.platform.engine;
    shop.initiate("acme-1", 30000).await.ok();
    store.set(Trouble::Uncounted);
    for _ in 0..20 {
        // The documented limit is 2 a minute; what is refused here is refused for another reason.
        let again = shop.initiate("acme-1", 30000).await;
        assert_ne!(again.status, 429, "{again:?}");
    }
    assert_eq!(passed(engine), 20);
    store.set(Trouble::None);
    shop.initiate("acme-1", 30000).await;
    let limited = shop.initiate("acme-1", 30000).await;
    assert_eq!(limited.status, 429, "it counts again: {limited:?}");
    assert_eq!(passed(engine), 20);
    let waits = engine.windows.as_ref().map(|it| it.waits.read().count());
    assert_eq!(waits, Some(23), "all of them are in the histogram");
}

/// Time is virtual: ten calls wait a second each for a store that hangs for ten.
#[tokio::test(start_paused = true)]
async fn r_11_a_store_that_hangs_for_ten_seconds_holds_each_call_up_for_one() {
    let (store, world, shop) = one_of_several().await;
    let token = shop.token().await;
    assert!(!token.is_empty());
    store.set(Trouble::CountsSlowly);
    let began = tokio::time::Instant::now();
    for call in 1..=10 {
        let got = shop.initiate(&format!("acme-{call}"), 30000).await;
        got.ok();
        assert_eq!(began.elapsed().as_secs(), call, "one second each");
    }
    assert_eq!(passed(&world.platform.engine), 10);
    store.set(Trouble::None);
    shop.initiate("acme-11", 30000).await.ok();
    assert_eq!(began.elapsed().as_secs(), 10, "none is held up any more");
    assert_eq!(passed(&world.platform.engine), 10);
}

/// What makes it cheap: calls that come while the store counts are one statement, however many.
#[tokio::test]
async fn r_11_calls_that_come_together_are_counted_together() {
    let (store, world, _) = one_of_several().await;
    store.set(Trouble::CountsSlowly);
    let mut calls = JoinSet::new();
    for index in 0..500_u16 {
        let [high, low] = index.to_be_bytes();
        let mut key = [0; 16];
        (key[0], key[1]) = (high, low);
        let hit = Hit {
            key,
            now: Timestamp::UNIX_EPOCH,
            length_ms: 60_000,
            most: 5,
            kept_ms: 60_000,
        };
        let engine = world.platform.engine.clone();
        calls.spawn(async move { engine.windows.as_ref()?.count(hit).await });
    }
    // While the store is at the first, the others gather.
    while store.groups() == 0 {
        tokio::task::yield_now().await;
    }
    store.set(Trouble::None);
    let counted = calls.join_all().await;
    let all = counted.iter().flatten().filter(|it| it.counted).count();
    assert_eq!(all, 500);
    assert!(store.groups() <= 4, "{} statements", store.groups());
}
