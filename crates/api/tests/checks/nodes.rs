//! Several nodes on one store answer like one.

use std::{collections::HashSet, slice, sync::Arc};

use sandkasse_domain::{
    Environment, Minor, keys::KeyName, payment::Operation, sales_unit::RateLimits, user::Role,
    webhook::EventId,
};
use sandkasse_engine::{
    Act, Changed, Settings, WallClock,
    audit::Entry,
    faults::{Fault, Probability, Rule, Target, When},
    webhooks::Kept,
};
use sandkasse_store::{Kind, MemoryStore};
use sandkasse_testkit::{
    Ask, Got, Shop, Trouble, TroubledStore, WEBHOOKS, World, days, minutes, seconds,
};
use tokio::task::JoinSet;

const DETAILS: Target = Target::Payment(Operation::Details);

/// Every node takes in what the others did.
async fn beat(nodes: &[World]) {
    for node in nodes {
        let beat = node.platform.engine.beat().await;
        beat.expect("memory does not fail");
    }
}

/// A unit without limits that every node knows.
async fn shop(nodes: &[World]) -> Shop {
    let [first, ..] = nodes else {
        panic!("there are nodes")
    };
    let shop = first.shop(|it| it.rate_limits = RateLimits::Off).await;
    beat(nodes).await;
    shop
}

async fn together(asks: impl IntoIterator<Item = Ask>) -> Vec<Got> {
    let calls: JoinSet<Got> = asks.into_iter().map(Ask::send).collect();
    calls.join_all().await
}

fn statuses(answers: &[Got]) -> HashSet<u16> {
    answers.iter().map(|it| it.status).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_6_one_key_at_two_nodes_is_one_capture() {
    let nodes = World::nodes(2).await;
    let kari = nodes[0].person(|_| {}).await;
    let shop = shop(&nodes).await;
    shop.reserved("acme-1", 30000, &kari).await;
    let mut asks = Vec::new();
    for index in 0..200 {
        let here = shop.at(&nodes[index % 2]);
        let body = here.modify_body(1000);
        let ask = here.ask_modify("capture", "acme-1", &body).await;
        asks.push(ask.header("X-Request-Id", "key-1"));
    }
    let answers = together(asks).await;
    for answer in &answers {
        answer.answered(200, &answers[0].body, "");
    }
    assert_eq!(shop.log("acme-1").await, ["CAPTURE", "RESERVE", "INITIATE"]);
    let other = shop.at(&nodes[1]);
    let reused = other.capture_as("key-1", "acme-1", 999).await;
    reused.refused(400, "VippsError", "93", "idempotency.key_reused");
    assert_eq!(shop.log("acme-1").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_7_many_keys_at_two_nodes_never_exceed() {
    let nodes = World::nodes(2).await;
    let kari = nodes[0].person(|_| {}).await;
    let shop = shop(&nodes).await;
    for round in 0..20 {
        let order = format!("acme-{round}");
        shop.reserved(&order, 3000, &kari).await;
        let mut asks = Vec::new();
        for index in 0..8 {
            let here = shop.at(&nodes[index % 2]);
            let body = here.modify_body(1000);
            let ask = here.ask_modify("capture", &order, &body).await;
            asks.push(ask.header("X-Request-Id", &format!("key-{round}-{index}")));
        }
        let answers = together(asks).await;
        let (done, refused): (Vec<&Got>, Vec<&Got>) =
            answers.iter().partition(|it| it.status == 200);
        assert_eq!(done.len(), 3, "{order}");
        for answer in refused {
            answer.refused(400, "Payment", "61", "capture.exceeds_sum");
        }
    }
}

#[tokio::test]
async fn r_10_limits_hold_across_three_nodes() {
    let nodes = World::nodes(3).await;
    let shop = nodes[0].shop(|_| {}).await;
    beat(&nodes).await;
    for (order, limit) in [("acme-1", 2), ("acme-2", 2)] {
        let mut answers = Vec::new();
        for index in 0..9 {
            answers.push(shop.at(&nodes[index % 3]).initiate(order, 1000).await);
        }
        let limited = answers.iter().filter(|it| it.status == 429).count();
        assert_eq!(answers.len() - limited, limit, "{order}");
        assert_eq!(answers[8].header("retry-after"), Some("60"));
    }
}

#[tokio::test]
async fn s_6_a_regenerated_key_is_dead_on_every_node() {
    let nodes = World::nodes(3).await;
    let shop = shop(&nodes).await;
    let others = [shop.at(&nodes[1]), shop.at(&nodes[2])];
    let with_old = others[0].ask_token();
    with_old.clone().send().await.ok();
    shop.regenerate(KeyName::ClientSecret).await;
    shop.regenerate(KeyName::PrimarySubscriptionKey).await;
    beat(&nodes).await;
    for other in &others {
        let old = other.ask_token().header("client_secret", "another");
        assert_eq!(old.send().await.status, 401);
        other.ask_token().send().await.ok();
    }
    assert_eq!(with_old.send().await.status, 401);
}

#[tokio::test]
async fn a_token_of_one_node_is_good_at_another() {
    let nodes = World::nodes(2).await;
    let shop = shop(&nodes).await;
    shop.initiate("acme-1", 1000).await.ok();
    let token = shop.token().await;
    let other = shop.at(&nodes[1]);
    let ask = other.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    let at_other = ask.header("Authorization", &format!("Bearer {token}"));
    at_other.send().await.ok();
}

#[tokio::test]
async fn a_clock_that_one_node_advances_is_ahead_at_every_node() {
    let nodes = World::nodes(2).await;
    let kari = nodes[0].person(|_| {}).await;
    let shop = shop(&nodes).await;
    shop.reserved("acme-1", 1000, &kari).await;
    let other = shop.at(&nodes[1]);
    shop.advance(days(181)).await;
    beat(&nodes).await;
    assert_eq!(shop.now(), other.now());
    let late = other.capture("acme-1", 1000).await;
    late.refused(400, "Payment", "98", "capture.too_late");
}

#[tokio::test]
async fn two_nodes_change_one_unit_and_both_changes_stay() {
    let nodes = World::nodes(2).await;
    let shop = shop(&nodes).await;
    let other = shop.at(&nodes[1]);
    for round in 0..10 {
        shop.change(|it| it.name = format!("Name {round}")).await;
        other
            .change(|it| it.limits.paid_out = Minor::try_new(round).expect("small"))
            .await;
    }
    beat(&nodes).await;
    for unit in [shop.unit(), other.unit()] {
        assert_eq!(unit.facts.name, "Name 9");
        assert_eq!(unit.facts.limits.paid_out.units(), 9);
    }
}

#[tokio::test]
async fn sums_over_a_unit_hold_across_nodes() {
    let nodes = World::nodes(2).await;
    let most = Minor::try_new(5000).expect("small");
    let shop = nodes[0]
        .shop(|it| {
            it.rate_limits = RateLimits::Off;
            it.limits.request = Some(most);
        })
        .await;
    beat(&nodes).await;
    let mut asks = Vec::new();
    for index in 0..20 {
        let here = shop.at(&nodes[index % 2]);
        let body = here.initiate_body(&format!("acme-{index}"), 1000);
        asks.push(here.ask("POST", "/ecomm/v2/payments").await.json(&body));
    }
    let answers = together(asks).await;
    let accepted = answers.iter().filter(|it| it.status == 200).count();
    assert_eq!(accepted, 5, "{:?}", statuses(&answers));
}

#[tokio::test]
async fn a_rule_for_the_next_calls_counts_for_all_nodes() {
    let nodes = World::nodes(2).await;
    let shop = shop(&nodes).await;
    shop.initiate("acme-1", 1000).await.ok();
    let rule = |when| Rule {
        environment: Environment::Test,
        msn: Some(shop.msn.clone()),
        target: Some(DETAILS),
        fault: Fault::InternalError,
        when,
    };
    let next = When::Next(3.try_into().expect("not zero"));
    let armed = nodes[0].platform.engine.arm(rule(next)).await;
    armed.expect("it can be");
    beat(&nodes).await;
    let struck = async |count: usize| {
        let mut struck = Vec::new();
        for index in 0..count {
            let here = shop.at(&nodes[index % 2]);
            struck.push(here.details("acme-1").await.status == 500);
        }
        struck
    };
    let first: Vec<bool> = struck(8).await;
    assert_eq!(first.iter().filter(|it| **it).count(), 3);
    beat(&nodes).await;
    for node in &nodes {
        assert!(node.platform.engine.faults.list().is_empty());
    }
    // The same seed strikes the same calls as in one process.
    let probability = Probability::try_new(0.3).expect("it is one");
    let chance = || {
        rule(When::Chance {
            probability,
            seed: 1,
        })
    };
    nodes[1]
        .platform
        .engine
        .arm(chance())
        .await
        .expect("it can be");
    beat(&nodes).await;
    let shared = struck(40).await;
    let alone = World::new().await;
    alone
        .platform
        .engine
        .arm(chance())
        .await
        .expect("it can be");
    let faults = &alone.platform.engine;
    let mut single = Vec::new();
    for _ in 0..40 {
        let struck = faults.strike(Environment::Test, Some(&shop.msn), DETAILS, None);
        single.push(struck.await.is_some());
    }
    assert_eq!(shared, single);
}

#[tokio::test]
async fn a_reset_at_one_node_is_one_at_all() {
    let nodes = World::nodes(2).await;
    let shop = shop(&nodes).await;
    let mut resets = nodes[1].platform.engine.resets();
    shop.initiate("acme-1", 1000).await.ok();
    nodes[0]
        .platform
        .engine
        .clear()
        .await
        .expect("memory does not fail");
    beat(&nodes).await;
    assert!(resets.has_changed().expect("the engine is there"));
    resets.mark_unchanged();
    let directory = &nodes[1].platform.engine.directory;
    assert!(directory.of(Environment::Test).is_empty());
    let again = self::shop(&nodes).await;
    again.at(&nodes[1]).initiate("acme-1", 1000).await.ok();
    beat(&nodes).await;
    assert!(!resets.has_changed().expect("the engine is there"));
}

#[tokio::test]
async fn what_a_dead_node_owed_another_does() {
    let memory = sandkasse_store::MemoryStore::new();
    let alone = World::new().await;
    let clock = || {
        let clock = alone.clock.clone();
        std::sync::Arc::new(move || sandkasse_engine::WallClock::now(&*clock))
    };
    let dying = std::sync::Arc::new(memory.join(clock()));
    let first = alone.node(dying.clone(), 1).await;
    let second = alone
        .node(std::sync::Arc::new(memory.join(clock())), 2)
        .await;
    let nodes = [first, second];
    let shop = shop(&nodes).await;
    shop.initiate("acme-1", 1000).await.ok();
    shop.initiate("acme-2", 1000).await.ok();
    let kari = nodes[0].person(|_| {}).await;
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    beat(&nodes).await;
    // The recorder sends nothing, so the call is owed when the node dies.
    assert_eq!(nodes[1].recorder.calls().len(), 0);
    dying.leave();
    nodes[1]
        .platform
        .engine
        .beat()
        .await
        .expect("memory does not fail");
    assert_eq!(nodes[1].recorder.callbacks("acme-1").len(), 1);
    // What falls due is brought about by whoever lives.
    nodes[1].pass(minutes(6)).await;
    assert_eq!(nodes[1].recorder.callbacks("acme-2").len(), 1);
    nodes[1]
        .platform
        .engine
        .beat()
        .await
        .expect("memory does not fail");
    assert_eq!(nodes[1].recorder.calls().len(), 2);
}

#[tokio::test]
async fn what_is_due_happens_once() {
    let nodes = World::nodes(3).await;
    let shop = shop(&nodes).await;
    for order in 0..50 {
        shop.initiate(&format!("acme-{order}"), 1000).await.ok();
    }
    // A node that comes looks at everything that is due.
    for node in &nodes {
        let engine = &node.platform.engine;
        let heads = engine.store().next_deadlines(Kind::Payment).await;
        assert_eq!(heads.expect("memory does not fail").len(), 1);
    }
    nodes[0].clock.advance(minutes(6));
    let runs = nodes.iter().map(|it| it.platform.engine.run_due_units());
    for run in runs {
        run.await;
    }
    beat(&nodes).await;
    let calls: usize = nodes.iter().map(|it| it.recorder.calls().len()).sum();
    assert_eq!(calls, 50);
}

#[tokio::test]
async fn whoever_waits_looks_again_when_another_node_may_have_changed_something() {
    let nodes = World::nodes(2).await;
    let mut changes = nodes[1].platform.engine.changes();
    shop(&nodes).await;
    assert_eq!(changes.try_recv(), Ok(Changed::Anything));
}

#[tokio::test]
async fn s_20_two_nodes_write_one_audit_log() {
    let nodes = World::nodes(2).await;
    for round in 0..20 {
        let entry = Entry {
            at: nodes[0].now(),
            actor: "Ola".to_owned(),
            role: Some(Role::Admin),
            how: "session".to_owned(),
            action: round.to_string(),
            status: Some(200),
            before: None,
            after: None,
        };
        let audit = &nodes[round % 2].platform.engine.audit;
        audit.write(entry).await.expect("memory does not fail");
    }
    let verdict = nodes[0].platform.engine.audit.verify().await;
    let verdict = verdict.expect("memory does not fail");
    assert_eq!((verdict.lines, verdict.broken_at), (20, None));
}

#[tokio::test]
async fn r_12_what_a_commit_owes_is_sent_though_the_store_could_not_tell_of_it() {
    let store = Arc::new(TroubledStore::default());
    let world = World::with(store.clone(), Settings::default()).await;
    let shop = world.shop(|_| {}).await;
    for (order, trouble, callbacks) in [
        ("acme-1", Trouble::Unanswered, 1),
        ("acme-2", Trouble::Broken, 0),
    ] {
        shop.initiate(order, 201).await.ok();
        store.set(trouble);
        let left = shop.person(order, Act::LeaveLandingPage).await;
        left.expect_err("the store could not tell");
        // What cannot be read keeps no node from telling that it lives.
        store.set(Trouble::Unreadable);
        beat(slice::from_ref(&world)).await;
        assert_eq!(world.recorder.callbacks(order).len(), 0, "{order}");
        store.set(Trouble::None);
        for _ in 0..2 {
            beat(slice::from_ref(&world)).await;
            let sent = world.recorder.callbacks(order).len();
            assert_eq!(sent, callbacks, "{order} after {trouble:?}");
        }
    }
    // Nobody asks for ever: what was not made for minutes was not made.
    world.pass(minutes(3)).await;
    beat(slice::from_ref(&world)).await;
    let again = shop.person("acme-2", Act::LeaveLandingPage).await;
    again.expect("it was not left");
    assert_eq!(world.recorder.callbacks("acme-2").len(), 1);
}

/// Nodes on one store in memory, whatever the tests are run for.
async fn in_memory(count: u64) -> Vec<World> {
    let memory = MemoryStore::new();
    let alone = World::with(Arc::new(MemoryStore::new()), Settings::default()).await;
    let mut nodes = Vec::new();
    for seed in 0..count {
        let clock = alone.clock.clone();
        let handle = memory.join(Arc::new(move || WallClock::now(&*clock)));
        nodes.push(alone.node(Arc::new(handle), seed).await);
    }
    nodes
}

const CREATED: EventId = EventId::PaymentCreated;

#[tokio::test]
async fn hook_51_what_happens_at_any_node_after_a_registration_is_told() {
    let nodes = World::nodes(3).await;
    let shop = shop(&nodes).await;
    for round in 0..6 {
        let url = format!("https://receiver-{round}.example.com/h");
        let events = [CREATED.name()];
        let registered = shop.register(&url, &events);
        let (id, _) = World::living(&nodes, registered).await;
        let other = shop.at(&nodes[1 + round % 2]);
        other.publish(CREATED, &format!("acme-{round}")).await;
        let deliveries = shop.deliveries().await;
        let heard = |it: &&Kept| it.delivery.registration.0 == id;
        assert_eq!(deliveries.iter().filter(heard).count(), 1, "{round}");
        // And after it is deleted nothing is, wherever it happens.
        let path = format!("{WEBHOOKS}/{id}");
        let gone = shop.ask("DELETE", &path).await.send();
        assert_eq!(World::living(&nodes, gone).await.status, 204);
        other.publish(CREATED, &format!("acme-{round}")).await;
        assert_eq!(shop.deliveries().await.len(), deliveries.len(), "{round}");
    }
}

/// A node that lives and takes in nothing is waited for, but not for long, and in real time.
#[tokio::test(start_paused = true)]
async fn who_registers_waits_a_second_for_a_node_that_hangs() {
    let nodes = in_memory(2).await;
    beat(&nodes).await;
    let shop = shop(&nodes).await;
    let before = tokio::time::Instant::now();
    shop.register("https://example.com/h", &[CREATED.name()])
        .await;
    let waited = before.elapsed().as_millis();
    assert!((1_000..1_100).contains(&waited), "{waited} ms");
}

/// A delivery for a registration that this node has not heard of is not dropped.
#[tokio::test]
async fn a_registration_of_another_node_is_looked_for() {
    let nodes = in_memory(2).await;
    let shop = nodes[0].shop(|_| {}).await;
    // Neither has heard of the other, so nobody waits for anybody.
    let engine = &nodes[1].platform.engine;
    engine
        .directory
        .reload()
        .await
        .expect("memory does not fail");
    shop.register("https://example.com/h", &[CREATED.name()])
        .await;
    shop.publish(CREATED, "acme-1").await;
    engine.forget_hooks().await.expect("memory does not fail");
    engine.run_due_hooks().await;
    assert_eq!(nodes[1].recorder.hooks().len(), 1);
}

/// What is delivered on one node is claimed for as long as it takes, and given back after.
#[tokio::test]
async fn a_claim_is_renewed_while_receivers_hang_and_given_back_when_the_store_fails() {
    let memory = MemoryStore::new();
    let alone = World::with(Arc::new(MemoryStore::new()), Settings::default()).await;
    let join = || {
        let clock = alone.clock.clone();
        memory.join(Arc::new(move || WallClock::now(&*clock)))
    };
    let store = Arc::new(TroubledStore::over(join()));
    let first = alone.node(store.clone(), 1).await;
    let second = alone.node(Arc::new(join()), 2).await;
    let nodes = [first, second];
    let shop = shop(&nodes).await;
    let url = "https://example.com/h";
    let events = [CREATED.name()];
    let registered = shop.register(url, &events);
    World::living(&nodes, registered).await;
    let look = async || {
        let engine = &nodes[1].platform.engine;
        engine.forget_hooks().await.expect("memory does not fail");
        engine.run_due_hooks().await;
        nodes[1].recorder.hooks().len()
    };
    // The store fails in the first node's turn: the other has its own at once.
    shop.publish(CREATED, "acme-1").await;
    store.set(Trouble::Unlisted);
    nodes[0].deliver().await;
    assert_eq!(look().await, 1);
    store.set(Trouble::None);
    // A receiver hangs for longer than a claim lasts.
    nodes[0].recorder.hang_hooks(url);
    shop.publish(CREATED, "acme-2").await;
    let running = tokio::spawn(nodes[0].platform.engine.clone().run_hooks());
    for _ in 0..25 {
        nodes[0].clock.advance(seconds(1));
        beat(&nodes).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(look().await, 1, "the other's receiver has it");
    }
    assert_eq!(nodes[0].recorder.hooks().len(), 1);
    running.abort();
}
