//! Deliveries when receivers, and the platform itself, fail (RELIABILITY ).

use std::collections::BTreeMap;

use jiff::SignedDuration;
use sandkasse_domain::webhook::EventId;
use sandkasse_engine::webhooks::{DeliveryState, Dropped};
use sandkasse_store::CallFailure;
use sandkasse_testkit::{World, days, seconds, told};

const EVENTS: [EventId; 3] = [
    EventId::PaymentCreated,
    EventId::PaymentAuthorized,
    EventId::PaymentCaptured,
];

fn names() -> Vec<&'static str> {
    EVENTS.map(EventId::name).into()
}

/// A little generator: the same faults in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn answer(&mut self) -> Result<u16, CallFailure> {
        match self.below(6) {
            0 => Ok(500),
            1 => Ok(302),
            2 => Err(CallFailure::Timeout { limit_ms: 10_000 }),
            3 => Err(CallFailure::Broken {
                detail: "reset".to_owned(),
            }),
            _ => Ok(200),
        }
    }
}

/// Receivers answer as chance will, and processes die in turn: one of three on the store goes on. Each event
/// is taken, in the order of its payment, within seven days of the clock.
#[tokio::test]
async fn r_12_every_event_is_taken_in_order_whatever_receivers_do() {
    const PAYMENTS: usize = 300;
    let seed = 12;
    let mut dice = Dice(seed);
    let nodes = World::nodes(3).await;
    let shop = nodes[0].shop(|_| {}).await;
    let urls: Vec<String> = (0..4)
        .map(|n| format!("https://receiver-{n}.example.com/h"))
        .collect();
    for node in &nodes {
        for url in &urls {
            let answers: Vec<_> = (0..2_000).map(|_| dice.answer()).chain([Ok(200)]).collect();
            node.recorder.take_hooks(url, &answers);
        }
    }
    for url in &urls {
        World::living(&nodes, shop.register(url, &names())).await;
    }
    for payment in 0..PAYMENTS {
        for event in EVENTS {
            shop.publish(event, &format!("p-{payment}")).await;
        }
    }
    let mut passed = SignedDuration::ZERO;
    let mut turns = 0_usize;
    while shop.next_delivery().await.is_some() {
        // Another process is at it each time; what the one before had begun, it has noted or not.
        let node = &nodes[turns % nodes.len()];
        node.platform
            .engine
            .beat()
            .await
            .expect("memory does not fail");
        let shop = shop.at(node);
        let next = shop.next_delivery().await.expect("something waits");
        let wait = next.duration_since(shop.now()).max(SignedDuration::ZERO) + seconds(6);
        node.clock.advance(wait);
        passed += wait;
        let engine = &node.platform.engine;
        engine.forget_hooks().await.expect("memory does not fail");
        engine.run_due_hooks().await;
        turns += 1;
        assert!(passed < days(7), "{turns} turns");
    }
    let mut taken: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut attempts = 0;
    for kept in shop.deliveries().await {
        assert!(
            matches!(kept.delivery.state, DeliveryState::Delivered { .. }),
            "{kept:?}"
        );
        attempts += kept.delivery.attempts;
    }
    for node in &nodes {
        for hook in node.recorder.hooks() {
            let key = (hook.url.clone(), told(&hook, "about"));
            taken.entry(key).or_default().push(told(&hook, "event"));
        }
    }
    assert_eq!(taken.len(), PAYMENTS * urls.len());
    let sent: usize = taken.values().map(Vec::len).sum();
    println!("seed {seed}: {attempts} attempts in {turns} turns over {passed:#}, {sent} sent");
    assert!(attempts > 5_000, "without faults it proves nothing");
    assert_eq!(
        sent,
        usize::try_from(attempts).expect("few"),
        "each is noted"
    );
}

/// A delivery that fails for seven days is given up within a moment of real time.
#[tokio::test]
async fn r_12_seven_days_pass_in_no_time() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let url = "https://example.com/h";
    world.recorder.take_hooks(url, &[Ok(500)]);
    shop.register(url, &names()).await;
    for payment in 0..50 {
        shop.publish(EventId::PaymentCreated, &format!("p-{payment}"))
            .await;
    }
    world.deliver().await;
    shop.advance(days(8)).await;
    let deliveries = shop.deliveries().await;
    assert_eq!(deliveries.len(), 50);
    for kept in deliveries {
        let state = kept.delivery.state;
        let is_late = matches!(
            state,
            DeliveryState::Dropped {
                because: Dropped::TooLate,
                ..
            }
        );
        assert!(
            is_late && kept.delivery.attempts == 35,
            "{:?}",
            kept.delivery
        );
    }
}

/// A thousand receivers, ten of which hang: the others hear of everything while those hang.
#[tokio::test]
async fn r_13_who_hangs_holds_up_nobody_else() {
    let world = World::new().await;
    let mut shops = Vec::new();
    for n in 0..1_000 {
        let shop = world.shop(|_| {}).await;
        let url = format!("https://receiver-{n}.example.com/h");
        if n % 100 == 0 {
            world.recorder.hang_hooks(&url);
        }
        shop.register(&url, &names()).await;
        shops.push(shop);
    }
    let engine = world.platform.engine.clone();
    let running = tokio::spawn(engine.run_hooks());
    for round in 0..3 {
        for shop in &shops {
            for event in EVENTS {
                shop.publish(event, &format!("p-{round}")).await;
            }
        }
    }
    let expected = 990 * 3 * EVENTS.len();
    let heard = || {
        let hooks = world.recorder.hooks();
        let hanging = |url: &str| url.contains("00.example") || url.contains("receiver-0.example");
        hooks.iter().filter(|it| !hanging(&it.url)).count()
    };
    let all = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while heard() < expected {
            tokio::task::yield_now().await;
        }
    });
    all.await.expect("nobody waits for those that hang");
    assert_eq!(heard(), expected);
    running.abort();
}
