//! What goes wrong with deliveries on demand.

use sandkasse_domain::webhook::{EventId, Recipe, RegistrationId, Torment};
use sandkasse_hooks::{Received, verify};
use sandkasse_testkit::{Shop, World, days, seconds, told};

use EventId::{PaymentAuthorized as Authorized, PaymentCreated as Created};

const BOTH: [&str; 2] = [
    "epayments.payment.created.v1",
    "epayments.payment.authorized.v1",
];
const URL: &str = "https://example.com/h";

/// A shop whose webhook about creations goes wrong in this way; and the secret.
async fn tormented(world: &World, recipe: Recipe) -> (Shop, String) {
    let shop = world.shop(|_| {}).await;
    let (id, secret) = shop.register(URL, &BOTH).await;
    let torment = Torment {
        recipe,
        event: Some(Created),
        about: None,
    };
    let engine = &world.platform.engine;
    let changed = engine
        .change_registration(shop.environment, &RegistrationId(id), |it| {
            it.torments = vec![torment.clone()];
        })
        .await;
    assert!(changed.expect("memory does not fail"));
    (shop, secret)
}

fn heard(world: &World) -> Vec<String> {
    let hooks = world.recorder.hooks();
    let short = |event: &str| event.split('.').nth(2).expect("a name").to_owned();
    hooks.iter().map(|it| short(&told(it, "event"))).collect()
}

#[tokio::test]
async fn each_recipe_does_what_it_says() {
    let late = Recipe::Late { seconds: 90 };
    // What is heard at once, after a minute, and after two.
    type Heard = &'static [&'static str];
    let rows: [(Recipe, [Heard; 3]); 4] = [
        (
            Recipe::Duplicate,
            [&["created", "created", "authorized"], &[], &[]],
        ),
        (Recipe::OutOfOrder, [&["authorized", "created"], &[], &[]]),
        (late, [&[], &[], &["created", "authorized"]]),
        (Recipe::Never, [&["authorized"], &[], &[]]),
    ];
    for (recipe, expected) in rows {
        let world = World::new().await;
        let (shop, _) = tormented(&world, recipe).await;
        shop.publish(Created, "a").await;
        shop.publish(Authorized, "a").await;
        let mut before = 0;
        world.deliver().await;
        for expected in expected {
            assert_eq!(heard(&world)[before..], *expected, "{recipe:?}");
            before = heard(&world).len();
            world.pass(seconds(60)).await;
        }
        world.pass(days(8)).await;
        assert_eq!(heard(&world).len(), before, "{recipe:?}");
    }
}

#[tokio::test]
async fn what_nothing_overtakes_is_sent_after_a_minute() {
    let world = World::new().await;
    let (shop, _) = tormented(&world, Recipe::OutOfOrder).await;
    shop.publish(Created, "a").await;
    world.deliver().await;
    world.pass(seconds(59)).await;
    assert_eq!(heard(&world).len(), 0);
    world.pass(seconds(1)).await;
    assert_eq!(heard(&world), ["created"]);
}

#[tokio::test]
async fn spoiled_attempts_do_not_verify_and_the_next_does() {
    for (recipe, wrong) in [
        (Recipe::WrongSignature, "signature"),
        (Recipe::CutBody, "content_hash"),
    ] {
        let world = World::new().await;
        let (shop, secret) = tormented(&world, recipe).await;
        world.recorder.take_hooks(URL, &[Ok(401), Ok(200)]);
        shop.publish(Created, "a").await;
        world.deliver().await;
        world.pass(seconds(2)).await;
        let verdicts: Vec<_> = world
            .recorder
            .hooks()
            .into_iter()
            .map(|call| {
                let mut received = Received {
                    body: call.body.into_bytes(),
                    secret: secret.clone(),
                    url: Some(call.url),
                    ..Received::default()
                };
                for (name, value) in [
                    ("x-ms-date", call.signed.date),
                    ("x-ms-content-sha256", call.signed.content_hash),
                    ("authorization", call.signed.authorization),
                ] {
                    received.headers.push((name.to_owned(), value));
                }
                verify(&received, world.now())
            })
            .collect();
        let failed = verdicts[0].checks.iter().find(|it| !it.passed);
        assert_eq!(failed.map(|it| it.name), Some(wrong), "{recipe:?}");
        assert!(verdicts[1].valid, "{}", verdicts[1].says);
    }
}

#[tokio::test]
async fn somebody_sends_again() {
    let world = World::new().await;
    let (shop, _) = tormented(&world, Recipe::Never).await;
    shop.publish(Created, "a").await;
    world.deliver().await;
    assert_eq!(heard(&world).len(), 0);
    let name = shop.deliveries().await.remove(0).name;
    let engine = &world.platform.engine;
    let sent = engine.send_again(&shop.unit(), &name).await;
    assert!(
        sent.expect("memory does not fail")
            .expect("it is there")
            .is_success()
    );
    assert_eq!(heard(&world), ["created"]);
    assert_eq!(shop.attempted(&name).await.len(), 1);
    let unknown = engine.send_again(&shop.unit(), "no/such/one").await;
    assert_eq!(unknown.expect("memory does not fail"), None);
}

#[tokio::test]
async fn what_waited_behind_a_delivery_goes_on_when_somebody_sent_it_again() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.register(URL, &BOTH).await;
    world.recorder.take_hooks(URL, &[Ok(500), Ok(200)]);
    shop.publish(Created, "a").await;
    world.deliver().await;
    shop.publish(Authorized, "a").await;
    world.deliver().await;
    assert_eq!(heard(&world), ["created"], "the second waits for the first");
    let name = shop.deliveries().await.remove(0).name;
    let engine = &world.platform.engine;
    let sent = engine.send_again(&shop.unit(), &name).await;
    assert!(sent.expect("memory does not fail").is_some());
    world.deliver().await;
    assert_eq!(heard(&world), ["created", "created", "authorized"]);
}

/// Whoever is at the payment's deliveries when it is captured is waited for: the receiver hears of the
/// capture before the caller does, however turns fall.
#[tokio::test]
async fn before_the_answer_is_before_the_answer_whoever_is_at_it() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let kari = world.person(|_| {}).await;
    let captured = "epayments.payment.captured.v1";
    let (id, _) = shop.register(URL, &[BOTH[0], captured]).await;
    let torment = Torment {
        recipe: Recipe::BeforeAnswer,
        event: Some(EventId::PaymentCaptured),
        about: None,
    };
    let engine = world.platform.engine.clone();
    let id = RegistrationId(id);
    let changed = engine.change_registration(shop.environment, &id, |it| {
        it.torments = vec![torment.clone()];
    });
    assert!(changed.await.expect("memory does not fail"));
    // The receiver is slow with the first delivery.
    world.recorder.hold_hooks(URL);
    shop.authorized("acme-shop-1", 100, &kari).await;
    let running = tokio::spawn(engine.run_hooks());
    while world.recorder.hooks().is_empty() {
        tokio::task::yield_now().await;
    }
    let (capture, heard) = (shop.clone(), world.clone());
    let answered = tokio::spawn(async move {
        capture.epay_capture("acme-shop-1", 100).await.sums();
        heard.recorder.hooks().len()
    });
    while shop.deliveries().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    // It is captured, and whoever would answer now has the time for it.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(!answered.is_finished(), "before the receiver has heard");
    world.recorder.let_hooks_go(URL);
    assert_eq!(answered.await.expect("it ends"), 2);
    running.abort();
}
