//! What a clock that is moved does to attempts: nothing (reference: webhooks.md §3, §6.3; HOOK-45, HOOK-47).

use std::{collections::BTreeMap, sync::Arc};

use jiff::SignedDuration;
use sandkasse_domain::{Timestamp, webhook::EventId};
use sandkasse_engine::{
    Settings,
    webhooks::{DeliveryState, Dropped, Published},
};
use sandkasse_store::MemoryStore;
use sandkasse_testkit::{World, days, hours, seconds};

const EVENTS: [EventId; 2] = [EventId::PaymentCreated, EventId::PaymentCaptured];
const URL: &str = "https://example.com/h";

fn names() -> [&'static str; 2] {
    EVENTS.map(EventId::name)
}

/// A little generator: the same lives in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// How receivers answer, and what happens when, in seconds from the beginning.
#[derive(Debug)]
struct Life {
    receivers: Vec<Vec<u16>>,
    happens: Vec<(i64, EventId, String)>,
}

impl Life {
    fn of(seed: u64) -> Life {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let receivers = (0..=dice.below(2)).map(|_| {
            let mut answers = Vec::new();
            // Down and up again, some of them for good.
            for _ in 0..=dice.below(4) {
                let down = dice.below(90);
                answers.extend((0..down).map(|_| 500));
                answers.extend((0..dice.below(3)).map(|_| 200));
            }
            answers.push(if dice.below(3) == 0 { 200 } else { 500 });
            answers
        });
        let receivers = receivers.collect();
        let happens = (0..=dice.below(8)).map(|_| {
            let few = |dice: &mut Dice, bound| usize::try_from(dice.below(bound)).expect("few");
            let within = [1, 60, 86_400, 28 * 86_400][few(&mut dice, 4)];
            let at = dice.below(within).cast_signed();
            let event = EVENTS[few(&mut dice, 2)];
            (at, event, format!("p-{}", dice.below(3)))
        });
        let mut happens: Vec<_> = happens.collect();
        happens.sort_by_key(|(at, ..)| *at);
        Life { receivers, happens }
    }
}

/// An attempt: when, and what was answered.
type Tried = (Timestamp, Option<u16>);

/// What can be told of it afterwards.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    /// By receiver, what it is about, and place: attempts with their answers, and what became of it.
    deliveries: BTreeMap<(usize, String, usize), (Vec<Tried>, DeliveryState)>,
    /// Receivers that are still registered, and since when they fail.
    left: Vec<(usize, Option<Timestamp>)>,
}

fn url(receiver: usize) -> String {
    format!("https://receiver-{receiver}.example.com/h")
}

/// Lives through thirty days in steps of this length.
async fn live(life: &Life, world: World, step: SignedDuration) -> Ended {
    let shop = world.shop(|_| {}).await;
    let mut ids = Vec::new();
    for (number, answers) in life.receivers.iter().enumerate() {
        let answers: Vec<_> = answers.iter().copied().map(Ok).collect();
        world.recorder.take_hooks(&url(number), &answers);
        ids.push(shop.register(&url(number), &names()).await.0);
    }
    let engine = &world.platform.engine;
    for (number, (at, event, about)) in life.happens.iter().enumerate() {
        let at = shop.now() + seconds(*at);
        let published = Published {
            event: *event,
            about: about.clone(),
            at,
            body: format!("{{\"number\":{number}}}"),
        };
        // Later on the same clock, so that the order is that of the moments.
        world.clock.advance(SignedDuration::from_millis(1));
        let told = engine.publish(&shop.unit(), &[published]).await;
        told.expect("the store works");
    }
    let end = shop.now() + days(30);
    while shop.now() < end {
        shop.advance(step.min(end.duration_since(shop.now()))).await;
    }
    let mut deliveries = BTreeMap::new();
    let here = engine.directory.of(shop.environment);
    for kept in shop.deliveries().await {
        let receiver = ids
            .iter()
            .position(|id| *id == kept.delivery.registration.0);
        let tried = engine.delivery(&shop.unit(), &kept.name).await;
        let (_, tried) = tried.expect("the store works").expect("it is there");
        let tried = tried.into_iter();
        let tried = tried.map(|(at, attempt)| (at, attempt.outcome.status));
        let about = kept.delivery.about.clone();
        let receiver = receiver.expect("one of them");
        let place = (0..).find(|place| {
            let key = (receiver, about.clone(), *place);
            !deliveries.contains_key(&key)
        });
        let key = (receiver, about, place.expect("there are numbers"));
        deliveries.insert(key, (tried.collect(), kept.delivery.state));
    }
    let left = ids.iter().enumerate().filter_map(|(number, id)| {
        let id = sandkasse_domain::webhook::RegistrationId(id.clone());
        let still = here.webhook(&id)?;
        Some((number, still.failing_since))
    });
    Ended {
        deliveries,
        left: left.collect(),
    }
}

/// However a clock comes to a moment, the same was attempted until then, each at its own moment.
#[tokio::test]
async fn hook_45_hook_47_advancing_at_once_is_advancing_in_small_steps() {
    let (mut attempts, mut gone, mut given_up) = (0, 0, 0);
    let in_memory = || World::with(Arc::new(MemoryStore::new()), Settings::default());
    for seed in 1..=24 {
        let life = Life::of(seed);
        let at_once = live(&life, in_memory().await, days(30)).await;
        // By the hour only a few: each step is a change of the directory.
        let small = if seed <= 2 { hours(1) } else { hours(9) };
        for step in [small, hours(31)] {
            let in_steps = live(&life, in_memory().await, step).await;
            assert_eq!(at_once, in_steps, "seed {seed}, {step:#}: {life:?}");
        }
        if seed <= 3 {
            // On the store that the tests are run for.
            let stored = live(&life, World::new().await, days(30)).await;
            assert_eq!(at_once, stored, "seed {seed}: {life:?}");
        }
        gone += life.receivers.len() - at_once.left.len();
        for (tried, state) in at_once.deliveries.values() {
            attempts += tried.len();
            let because = Dropped::Deregistered;
            given_up += usize::from(
                matches!(state, DeliveryState::Dropped { because: it, .. } if *it == because),
            );
        }
    }
    println!("{attempts} attempts, {gone} registrations gone, {given_up} deliveries with them");
    let is_telling = attempts > 2_000 && gone > 5 && given_up > 5;
    assert!(is_telling, "{attempts} {gone} {given_up}");
}

/// What waits is attempted for its seven days, also when time goes on to where the registration is gone.
#[tokio::test]
async fn hook_47_nothing_is_dropped_because_the_clock_went_further() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.register(URL, &names()).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    shop.advance(days(14)).await;
    let kept = shop.deliveries().await.remove(0);
    let is_late = matches!(
        kept.delivery.state,
        DeliveryState::Dropped {
            because: Dropped::TooLate,
            ..
        }
    );
    assert!(is_late && kept.delivery.attempts == 35, "{kept:?}");
    assert_eq!(shop.registered().await.len(), 0);
}

/// Fourteen days count from the first failure after the last success, and not from the first attempt at
/// what fails: an event that fails for days while others are taken.
#[tokio::test]
async fn hook_47_fourteen_days_count_from_the_last_success() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.register(URL, &names()).await;
    world.recorder.take_hooks(URL, &[Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    let begun = shop.now();
    shop.advance(days(5)).await;
    world.recorder.take_hooks(URL, &[Ok(200), Ok(500)]);
    shop.publish(EventId::PaymentCreated, "acme-2").await;
    world.deliver().await;
    // The sixth daily attempt at the first one.
    let failing = begun + seconds(186) + hours(23) + days(5);
    let end = failing + days(14);
    shop.advance(end.duration_since(shop.now()) - seconds(1))
        .await;
    assert_eq!(shop.registered().await.len(), 1);
    shop.advance(seconds(1)).await;
    assert_eq!(shop.registered().await.len(), 0);
}

/// Attempts of one registration that time was advanced over wait for each other, and for nobody else.
#[tokio::test]
async fn hook_48_who_hangs_while_time_was_advanced_holds_up_nobody_else() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let hanging = "https://hanging.example.com/h";
    world.recorder.hang_hooks(hanging);
    world.recorder.take_hooks(URL, &[Ok(500)]);
    for url in [hanging, URL] {
        shop.register(url, &names()).await;
    }
    let engine = world.platform.engine.clone();
    for payment in 0..40 {
        shop.publish(EventId::PaymentCreated, &format!("p-{payment}"))
            .await;
    }
    let unit = shop.unit();
    engine
        .advance(&unit, days(8))
        .await
        .expect("the store works");
    let running = tokio::spawn(engine.clone().run_hooks());
    let told = |url: &str| {
        let hooks = world.recorder.hooks();
        hooks.iter().filter(|it| it.url == url).count()
    };
    let mut ended = engine.hooks.ended();
    let all = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        for _ in 0..40 * 35 {
            // Whoever is slow misses some.
            let _ = ended.recv().await;
            if told(URL) == 40 * 35 {
                return;
            }
        }
    });
    all.await.expect("nobody waits for the one that hangs");
    running.abort();
    assert_eq!(
        (told(URL), told(hanging)),
        (40 * 35, 1),
        "one after the other"
    );
}
