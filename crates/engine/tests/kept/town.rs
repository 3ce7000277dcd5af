//! A database that was lived in: several merchants, payments in every state, calls that ended in
//! every way, consents, users, a log of who did what.

use std::{path::Path, sync::Arc};

use sandkasse_domain::{
    Environment,
    keys::KeyName,
    person::Acts,
    sales_unit::CaptureType,
    user::Role,
    webhook::{EventId, Owner, Recipe, RegistrationId, Torment},
};
use sandkasse_engine::{
    Act, Settings,
    audit::Entry,
    webhooks::{DeliveryState, Dropped},
};
use sandkasse_store::{CallFailure, CallOutcome, Sealer, SqliteStore, Store};
use sandkasse_testkit::{World, days, hours, minutes};
use serde_json::Value;

/// Whether a store seals what it writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seals {
    On,
    Off,
}

/// An empty world on a file.
pub(crate) async fn world(file: &Path, seals: Seals) -> (Arc<SqliteStore>, World) {
    let store = Arc::new(SqliteStore::open(file).expect("a new file"));
    let world = world_on(store.clone(), seals).await;
    (store, world)
}

/// An empty world on a new store.
pub(crate) async fn world_on(store: Arc<dyn Store>, seals: Seals) -> World {
    if seals == Seals::On {
        // The key of the world's vault, before anything is written.
        let vault = World::new().await.platform.engine.vault.clone();
        let sealer = Sealer::new(vault.row_seals());
        store.seal_with(sealer).await.expect("writing works");
    }
    World::with(store, Settings::default()).await
}

/// Lives in it.
pub(crate) async fn live(world: &World) {
    let engine = world.platform.engine.clone();
    let kari = world.person(|_| {}).await;
    let ola = world.person(|_| {}).await;
    let quick = world.person(|person| person.acts = Acts::AtOnce).await;
    let socks = world.shop(|_| {}).await;
    let direct = world
        .shop_of(&socks.unit().facts.merchant.clone(), |facts| {
            facts.capture = CaptureType::Direct;
        })
        .await;
    let other = world.shop(|_| {}).await;

    {
        let shop = &socks;
        shop.initiate("open", 1_000).await.ok();
        shop.initiate("looked-at", 1_000).await.ok();
        shop.person("looked-at", Act::Open)
            .await
            .expect("it is open");
        shop.initiate("shown", 1_000).await.ok();
        for person in [&kari, &ola] {
            let phone = person.phone.clone();
            let shown = shop.person("shown", Act::Show { phone }).await;
            shown.expect("it is open");
        }
        shop.initiate("rejected", 1_000).await.ok();
        shop.person("rejected", Act::Reject)
            .await
            .expect("it is open");
        shop.initiate("left", 1_000).await.ok();
        let left = shop.person("left", Act::LeaveLandingPage).await;
        left.expect("it is open");
        shop.initiate("withdrawn", 1_000).await.ok();
        shop.cancel("withdrawn").await.ok();
        shop.initiate("refused", 182).await.ok();
        shop.approve("refused", &kari)
            .await
            .expect("the bank says no");
        shop.person("refused", Act::Reject)
            .await
            .expect("it is open");
        shop.initiate("forced", 1_000).await.ok();
        shop.force_approve("forced", kari.phone.as_str()).await;
        shop.initiate("unknown", 201).await.ok();
        shop.approve("unknown", &kari)
            .await
            .expect("the bank is silent");
        shop.reserved("void", 5_000, &kari).await;
        shop.cancel("void").await.ok();
        shop.reserved("part", 5_000, &ola).await;
        shop.capture_as("c1", "part", 1_000).await.ok();
        shop.capture_as("c2", "part", 500).await.ok();
        shop.refund_as("r1", "part", 700).await.ok();
        shop.reserved("let-go", 5_000, &ola).await;
        shop.capture_as("c1", "let-go", 1_000).await.ok();
        shop.release("let-go").await.ok();
        shop.reserved("whole", 5_000, &kari).await;
        shop.capture_as("c1", "whole", Value::Null).await.ok();
        shop.refund_as("r1", "whole", Value::Null).await.ok();
        shop.reserved("no-key", 5_000, &kari).await;
        shop.capture("no-key", 2_000).await;
        let express = shop.express_body("express", 10_000);
        shop.initiate_with(&express).await.ok();
        shop.approve("express", &kari).await.expect("she can pay");
        shop.share("shared", "name email", &ola).await;
    }
    assert!(
        socks.revoke(&kari).await,
        "she shared with the express payment"
    );
    direct.reserved("direct", 3_000, &quick).await;
    direct.refund_as("r1", "direct", 1_000).await.ok();
    direct.initiate("expired", 1_000).await.ok();
    direct.advance(minutes(6)).await;
    socks.advance(hours(2)).await;
    other.reserved("late", 4_000, &kari).await;
    other.capture_as("c1", "late", 1_000).await.ok();
    other.advance(days(8)).await;

    tell(world).await;

    // Calls that ended well, badly, and not.
    let store = engine.store();
    let calls = store
        .latest_calls(None, 1_000)
        .await
        .expect("reading works");
    for (index, (_, record)) in calls.iter().enumerate() {
        let id = &record.call.id;
        if index % 4 == 0 {
            continue;
        }
        let begun = store.begin_call(id, world.now()).await;
        assert!(begun.expect("writing works"), "nobody else sends it");
        let outcome = match index % 4 {
            1 => CallOutcome {
                status: Some(200),
                failure: None,
                duration_ms: 12,
                answer: Some("thanks".to_owned()),
            },
            2 => CallOutcome {
                status: None,
                failure: Some(CallFailure::Timeout { limit_ms: 3_000 }),
                duration_ms: 3_000,
                answer: None,
            },
            _ => continue,
        };
        let ended = store.finish_call(id, outcome).await;
        ended.expect("writing works");
    }

    // Entries of other kinds, one that changed, one that is gone.
    world.psp(Environment::Production).await;
    let moved = world.change_number(&ola, "41000009").await;
    assert_ne!(moved.id, ola.id);
    other.regenerate(KeyName::ClientSecret).await;
    for number in 0..12 {
        let entry = Entry {
            at: world.now(),
            actor: "Ola".to_owned(),
            role: Some(Role::Admin),
            how: "session".to_owned(),
            action: format!("POST /control/v1/thing/{number}"),
            status: Some(200),
            before: None,
            after: None,
        };
        engine.audit.write(entry).await.expect("writing works");
    }
}

/// Webhooks: deliveries in every state, and registrations that fare well, badly, and are gone.
async fn tell(world: &World) {
    const EVENTS: [EventId; 2] = [EventId::PaymentCreated, EventId::PaymentCaptured];
    let engine = &world.platform.engine;
    let shop = world.shop(|_| {}).await;
    let url = |name: &str| format!("https://{name}.example.com/h");
    let mut ids = Vec::new();
    for name in ["well", "down", "twice", "never", "gone"] {
        let (id, _) = shop.register(&url(name), &EVENTS.map(EventId::name)).await;
        ids.push(RegistrationId(id));
    }
    for (at, recipe) in [(2, Recipe::Duplicate), (3, Recipe::Never)] {
        let torment = Torment {
            recipe,
            event: None,
            about: None,
        };
        let changed = engine.change_registration(shop.environment, &ids[at], |it| {
            it.torments = vec![torment.clone()];
        });
        assert!(changed.await.expect("writing works"));
    }
    world.recorder.take_hooks(&url("down"), &[Ok(500)]);
    world.recorder.take_hooks(&url("gone"), &[Ok(500)]);
    // Given up after seven days, delivered once and twice, never sent, not sent since nobody is there.
    shop.publish(EventId::PaymentCreated, "told-late").await;
    world.deliver().await;
    let owner = Owner::Unit(shop.msn.clone());
    let gone = engine.deregister(shop.environment, &owner, &ids[4]);
    assert!(gone.await.expect("writing works"));
    shop.advance(days(8)).await;
    // One that failed and waits, with one behind it.
    for event in EVENTS {
        shop.publish(event, "told-now").await;
    }
    world.deliver().await;
    // Sent again, and failed again; and taken now.
    let names = shop.deliveries().await;
    let names: Vec<_> = names
        .iter()
        .filter(|it| it.delivery.about == "told-now")
        .collect();
    for (registration, is_taken) in [(1, false), (3, true)] {
        let name = names
            .iter()
            .find(|it| it.delivery.registration == ids[registration]);
        let unit = shop.unit();
        let sent = engine.send_again(&unit, &name.expect("it is there").name);
        let sent = sent.await.expect("writing works").expect("it is there");
        assert_eq!(sent.is_success(), is_taken);
    }
    world.deliver().await;
    // And some that nobody came to yet.
    shop.publish(EventId::PaymentCreated, "told-soon").await;
    let states: Vec<_> = shop
        .deliveries()
        .await
        .into_iter()
        .map(|it| it.delivery)
        .collect();
    let waiting = states.iter().filter(|it| it.is_waiting());
    assert!(
        waiting.clone().any(|it| it.attempts == 0) && waiting.clone().any(|it| it.attempts > 0)
    );
    for because in [Dropped::TooLate, Dropped::Deregistered, Dropped::Never] {
        let is_so = |state: DeliveryState| matches!(state, DeliveryState::Dropped { because: it, .. } if it == because);
        assert!(states.iter().any(|it| is_so(it.state)), "{because:?}");
    }
}
