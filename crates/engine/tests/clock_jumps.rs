//! Somebody sets the machine's clock while the platform works (RELIABILITY R-15): a day, an hour or
//! a second, forwards or backwards. Everything goes by what the sales unit's clock shows then.

use std::{collections::BTreeSet, sync::Arc};

use jiff::SignedDuration;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sandkasse_engine::{Chance, Settings};
use sandkasse_store::MemoryStore;
use sandkasse_testkit::{Got, World, days, hours, minutes, seconds};

const JUMPS: [SignedDuration; 5] = [
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(-24),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(-1),
    SignedDuration::from_secs(-1),
];

/// Operations of the load, and how many of them come between two jumps.
const OPERATIONS: usize = 800;
const BETWEEN: usize = 4;

#[tokio::test]
async fn r_15_tokens_live_by_the_clock() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let kari = world.person(|_| {}).await;
    shop.reserved("acme-1", 1000, &kari).await;
    let details = "/ecomm/v2/payments/acme-1/details";
    let ask = shop.ask("GET", details).await;
    // By how much the clock is set, after which the token of noon is …
    for (jump, expected) in [
        (seconds(-1), (200, "")),
        (seconds(1), (200, "")),
        (hours(-1), (401, "token.not_yet")),
        (hours(1), (200, "")),
        (days(1), (401, "token.expired")),
        (days(-1), (200, "")),
        (days(-1), (401, "token.not_yet")),
    ] {
        world.clock.advance(jump);
        let got = ask.clone().send().await;
        let cause = if got.status == 200 { "" } else { got.cause() };
        assert_eq!((got.status, cause), expected, "after {jump:?}");
        // A new one is good at once, whatever the clock shows.
        let anew = shop.ask("GET", details).await.send().await;
        assert_eq!(anew.status, 200, "anew after {jump:?}");
    }
}

#[tokio::test]
async fn r_15_windows_of_capture_and_refund_follow_the_clock() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let kari = world.person(|_| {}).await;
    let status = |got: Got| got.status;
    for (index, jump) in [days(-1), hours(-1), seconds(-1)].into_iter().enumerate() {
        let (late, paid) = (format!("late-{index}"), format!("paid-{index}"));
        for order in [&late, &paid] {
            shop.reserved(order, 1000, &kari).await;
        }
        shop.capture(&paid, 1000).await.ok();
        let begun = world.now();
        // The last millisecond of day 180, and then the clock is set back and forth.
        let over = begun + days(181);
        world.clock.advance(over.duration_since(world.now()));
        assert_eq!(status(shop.capture(&late, 100).await), 400, "{jump:?}");
        world.clock.advance(jump);
        assert_eq!(status(shop.capture(&late, 100).await), 200, "{jump:?}");
        world.clock.advance(-jump);
        assert_eq!(status(shop.capture(&late, 100).await), 400, "{jump:?}");
        let over = begun + days(366);
        world.clock.advance(over.duration_since(world.now()));
        assert_eq!(status(shop.refund(&paid, 100).await), 400, "{jump:?}");
        world.clock.advance(jump);
        assert_eq!(status(shop.refund(&paid, 100).await), 200, "{jump:?}");
        world.clock.advance(-jump);
        assert_eq!(status(shop.refund(&paid, 100).await), 400, "{jump:?}");
    }
}

#[tokio::test]
async fn r_15_limits_open_again_after_a_jump() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for jump in JUMPS {
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(shop.initiate("acme-1", 100).await.status);
        }
        assert_eq!(statuses.last(), Some(&429), "before {jump:?}");
        world.clock.advance(jump);
        let after = shop.initiate("acme-1", 100).await;
        // Where nodes count together, a second may as well be what their clocks differ by.
        let may_be_another_clock = jump.abs() <= seconds(1) && nodes_count_together(&world);
        assert_eq!(after.status == 429, may_be_another_clock, "after {jump:?}");
        // A minute is a minute, in the new time.
        world.clock.advance(seconds(61));
        assert_ne!(shop.initiate("acme-1", 100).await.status, 429);
        world.clock.advance(seconds(61));
    }
}

fn nodes_count_together(world: &World) -> bool {
    world.platform.engine.windows.is_some()
}

/// The runner sleeps for what was due in the old time; what comes in the new time is not late for it.
#[tokio::test]
async fn r_15_the_agenda_does_not_stall_after_a_jump_backwards() {
    // In memory: the runner is let run by yielding, and other stores have threads of their own.
    let world = World::with(Arc::new(MemoryStore::new()), Settings::default()).await;
    let shop = world.shop(|_| {}).await;
    let runner = tokio::spawn(world.platform.engine.clone().run_agenda());
    for (index, jump) in [days(-1), hours(-1), seconds(-1)].into_iter().enumerate() {
        let (old, new) = (format!("old-{index}"), format!("new-{index}"));
        shop.initiate(&old, 1000).await.ok();
        settle().await;
        world.clock.advance(jump);
        shop.initiate(&new, 1000).await.ok();
        settle().await;
        world.clock.advance(minutes(5));
        settle().await;
        assert_eq!(world.recorder.callbacks(&new).len(), 1, "after {jump:?}");
        assert_eq!(
            world.recorder.callbacks(&old).len(),
            0,
            "its time is not come"
        );
        world.clock.advance(-jump);
        settle().await;
        assert_eq!(world.recorder.callbacks(&old).len(), 1, "after {jump:?}");
    }
    runner.abort();
}

/// Lets every task that can run do so.
async fn settle() {
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
}

/// Nothing panics, nothing is answered with 500, sums are right, and no two movements share an id.
#[tokio::test]
async fn r_15_load_goes_on_while_the_clock_jumps() {
    const SEED: u64 = 15;
    let mut random = StdRng::seed_from_u64(SEED);
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world
        .shop(|unit| unit.rate_limits = sandkasse_domain::sales_unit::RateLimits::Off)
        .await;
    let (mut orders, mut jumps, mut successes) = (0_usize, 0, 0);
    let mut ids = BTreeSet::new();
    for operation in 0..OPERATIONS {
        if operation % BETWEEN == 0 {
            let jump = JUMPS[random.random_range(0..JUMPS.len())];
            world.pass(jump).await;
            jumps += 1;
        }
        let order = format!("jump-{}", random.random_range(0..orders.max(1)));
        let got = match random.random_range(0..6) {
            0 => {
                let order = format!("jump-{orders}");
                orders += 1;
                let got = shop.initiate(&order, 1000).await;
                shop.approve(&order, &kari)
                    .await
                    .expect("its time is not over");
                got
            }
            1 => {
                // Refused when it is too late, and when the order is not there.
                let _ = shop.approve(&order, &kari).await;
                shop.details(&order).await
            }
            2 | 3 => {
                let key = format!("c-{operation}");
                shop.capture_as(&key, &order, random.random_range(1..500))
                    .await
            }
            4 => {
                let key = format!("r-{operation}");
                shop.refund_as(&key, &order, random.random_range(1..500))
                    .await
            }
            _ => shop.cancel(&order).await,
        };
        assert!(got.status < 500, "{operation}: {} {}", got.status, got.body);
        successes += usize::from(got.status == 200);
    }
    for order in 0..orders {
        let details = shop.details(&format!("jump-{order}")).await.ok();
        let log = details["transactionLogHistory"].as_array().expect("a list");
        let mut own = BTreeSet::new();
        for entry in log {
            let moves = ["RESERVE", "CAPTURE", "REFUND"];
            if moves.iter().any(|it| entry["operation"] == *it) {
                own.insert(entry["transactionId"].as_str().expect("an id").to_owned());
            }
        }
        for id in own {
            assert!(
                ids.insert(id.clone()),
                "{id} of jump-{order} is another's as well"
            );
        }
        let sum = |name: &str| details["transactionSummary"][name].as_i64().unwrap_or(0);
        assert!(sum("refundedAmount") <= sum("capturedAmount"), "{details}");
        assert!(sum("capturedAmount") <= 1000, "{details}");
    }
    println!(
        "seed {SEED}: {jumps} jumps, {orders} orders, {successes} successes, {} ids",
        ids.len()
    );
    assert!(
        jumps > 150 && successes > 300 && ids.len() > 200,
        "the run proves nothing"
    );
}

/// A process that starts in the same millisecond as another, or earlier because the clock was set
/// back, shares no id with it.
#[test]
fn r_15_processes_share_no_transaction_ids() {
    let mut seen = BTreeSet::new();
    for _ in 0..4 {
        let chance = Chance::from_entropy();
        for _ in 0..10_000 {
            let id = chance.transaction_id().0;
            assert!(id.len() >= 10, "{id}");
            // JavaScript's numbers hold it.
            assert!(id.parse::<u64>().expect("a number") < 1 << 53, "{id}");
            assert!(seen.insert(id.clone()), "{id} is there twice");
        }
    }
}
