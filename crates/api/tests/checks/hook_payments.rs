//! What webhooks tell of ePayment's payments (reference: webhooks.md §6.2).

use sandkasse_domain::{AsOf, person::Person, webhook::EventId};
use sandkasse_engine::{Act, Settings};
use sandkasse_testkit::{Shop, World, days, minutes, told};
use serde_json::{Value, json};

const URL: &str = "https://example.com/h";

async fn listening(world: &World) -> (Shop, Person) {
    let shop = world.shop(|_| {}).await;
    let all = EventId::ALL.map(EventId::name);
    let events: Vec<_> = all
        .into_iter()
        .filter(|it| it.starts_with("epayments."))
        .collect();
    shop.register(URL, &events).await;
    (shop, world.person(|_| {}).await)
}

/// Names in the order in which they were told.
async fn names(world: &World) -> Vec<String> {
    world.deliver().await;
    world
        .recorder
        .hooks()
        .iter()
        .map(|it| told(it, "name"))
        .collect()
}

#[tokio::test]
async fn hook_25_hook_30_hook_34_each_step_of_a_payment_is_told_once_with_its_number() {
    let world = World::new().await;
    let (shop, kari) = listening(&world).await;
    shop.authorized("acme-shop-1", 49_900, &kari).await;
    shop.epay_capture("acme-shop-1", 20_000).await.sums();
    shop.epay_refund("acme-shop-1", 5_000).await.sums();
    shop.epay_cancel("acme-shop-1").await.sums();
    let expected = ["CREATED", "AUTHORIZED", "CAPTURED", "REFUNDED", "CANCELLED"];
    assert_eq!(names(&world).await, expected);
    let log = shop.epay_events("acme-shop-1").await;
    let hooks = world.recorder.hooks();
    let of_payment = shop.epay_get("acme-shop-1").await.json()["pspReference"].clone();
    for name in expected {
        let line = log
            .iter()
            .find(|it| it["name"] == name)
            .expect("it is logged");
        let hook = hooks
            .iter()
            .find(|it| told(it, "name") == name)
            .expect("it is told");
        let body: Value = serde_json::from_str(&hook.body).expect("JSON");
        for member in ["pspReference", "amount", "reference", "idempotencyKey"] {
            assert_eq!(body.get(member), line.get(member), "{name} {member}");
        }
        // Without a scope there is nothing more to tell, and a cancellation has no key.
        let mut members = vec![
            "amount",
            "idempotencyKey",
            "msn",
            "name",
            "pspReference",
            "reference",
            "success",
            "timestamp",
        ];
        members.retain(|it| name != "CANCELLED" || *it != "idempotencyKey");
        let told: Vec<&String> = body.as_object().expect("an object").keys().collect();
        assert_eq!(told, members, "{name}");
        assert_eq!(
            body["pspReference"] == of_payment,
            name == "CREATED",
            "{name}"
        );
    }
}

#[tokio::test]
async fn hook_25_the_body_has_exactly_the_documented_members() {
    let world = World::new().await;
    let (shop, _) = listening(&world).await;
    let body = shop.epay_body("acme-shop-1", 49_900);
    let ask = shop.ask_epay("POST", "").await.json(&body);
    ask.header("Idempotency-Key", "key-of-mine")
        .send()
        .await
        .created();
    world.deliver().await;
    let number = shop.epay_get("acme-shop-1").await.json()["pspReference"].clone();
    let expected = format!(
        r#"{{"msn":"{}","reference":"acme-shop-1","pspReference":{number},"name":"CREATED","amount":{{"currency":"NOK","value":49900}},"timestamp":"2023-06-13T12:00:00.000Z","idempotencyKey":"key-of-mine","success":true}}"#,
        shop.msn
    );
    let hooks = world.recorder.hooks();
    let [hook] = hooks.as_slice() else {
        panic!("one is told")
    };
    assert_eq!(hook.body, expected);
}

/// The document of today's platform has more of the payer than that of 2023; what of it there is, the
/// answer to a GET has too.
#[tokio::test]
async fn hook_25_the_authorization_tells_what_the_payer_chose_and_told() {
    for as_of in [AsOf::Today, AsOf::June2023] {
        let settings = Settings {
            as_of,
            ..Settings::default()
        };
        let world = World::with_settings(settings).await;
        let (shop, kari) = listening(&world).await;
        let got = shop.epay_but("acme-shop-1", 1000, |body| {
            body["profile"] = json!({ "scope": "name address email phoneNumber" });
            if as_of == AsOf::Today {
                body["shipping"] = json!({ "fixedOptions": [{
                    "type": "HOME_DELIVERY", "brand": "POSTEN", "isDefault": true, "priority": 1,
                    "options": [{ "id": "home", "amount": { "value": 9900, "currency": "NOK" }, "name": "Home", "isDefault": true }],
                }] });
            }
        });
        got.await.created();
        shop.approve("acme-shop-1", &kari).await.expect("she can");
        assert_eq!(names(&world).await, ["CREATED", "AUTHORIZED"]);
        let hooks = world.recorder.hooks();
        let tells = |at: usize| -> Value { serde_json::from_str(&hooks[at].body).expect("JSON") };
        let (created, authorized) = (tells(0), tells(1));
        let payment = shop.epay_get("acme-shop-1").await.json();
        let members = ["shippingDetails", "userDetails", "profile"];
        for member in members {
            assert_eq!(created.get(member), None, "{member}");
            let expected = (as_of == AsOf::Today).then(|| &payment[member]);
            assert_eq!(authorized.get(member), expected, "{member}");
        }
        assert_eq!(authorized.get("sub"), authorized["profile"].get("sub"));
        assert_eq!(authorized.get("sub").is_some(), as_of == AsOf::Today);
    }
}

#[tokio::test]
async fn hook_31_hook_32_each_end_has_a_name_of_its_own() {
    let world = World::new().await;
    let (shop, kari) = listening(&world).await;
    shop.epay("acme-shop-1", 100).await.created();
    shop.epay_cancel("acme-shop-1").await.sums();
    assert_eq!(names(&world).await, ["CREATED", "TERMINATED"]);

    shop.authorized("acme-shop-2", 100, &kari).await;
    shop.epay_cancel("acme-shop-2").await.sums();
    assert_eq!(
        names(&world).await[2..],
        ["CREATED", "AUTHORIZED", "CANCELLED"]
    );

    shop.epay("acme-shop-3", 100).await.created();
    shop.person("acme-shop-3", Act::Reject)
        .await
        .expect("it is open");
    assert_eq!(names(&world).await[5..], ["CREATED", "ABORTED"]);

    shop.epay("acme-shop-4", 100).await.created();
    shop.advance(minutes(10)).await;
    assert_eq!(names(&world).await[7..], ["CREATED", "EXPIRED"]);
    let expired = world.recorder.hooks().pop().expect("it was told");
    assert_eq!(told(&expired, "timestamp"), "2023-06-13T12:05:00.000Z");
    world.pass(days(8)).await;
    assert_eq!(names(&world).await.len(), 9);
}

#[tokio::test]
async fn hook_36_payments_of_ecom_are_not_told() {
    let world = World::new().await;
    let (shop, kari) = listening(&world).await;
    shop.reserved("acme-shop-1", 10_000, &kari).await;
    shop.epay_capture("acme-shop-1", 10_000).await.sums();
    assert_eq!(names(&world).await, [] as [String; 0]);
    assert_eq!(
        world.recorder.callbacks("acme-shop-1").len(),
        1,
        "eCom's own way"
    );
}

/// What failed is in the log, and not told (epayment.md 8.13).
#[tokio::test]
async fn what_the_bank_refuses_is_not_told() {
    let world = World::new().await;
    let (shop, kari) = listening(&world).await;
    shop.epay("acme-shop-1", 151).await.created();
    // 1,51 kroner: not enough money.
    let _ = shop.approve("acme-shop-1", &kari).await;
    assert_eq!(
        shop.epay_log("acme-shop-1").await,
        ["CREATED", "AUTHORIZED!"]
    );
    assert_eq!(names(&world).await, ["CREATED"]);
}

/// A recipe: the receiver hears of a payment before the caller does.
#[tokio::test]
async fn before_the_answer_the_event_is_there() {
    use sandkasse_domain::webhook::{Recipe, RegistrationId, Torment};
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let (id, _) = shop.register(URL, &[EventId::PaymentCreated.name()]).await;
    let engine = &world.platform.engine;
    let torment = Torment {
        recipe: Recipe::BeforeAnswer,
        event: None,
        about: None,
    };
    let id = RegistrationId(id);
    let changed = engine.change_registration(shop.environment, &id, |it| {
        it.torments = vec![torment.clone()];
    });
    assert!(changed.await.expect("memory does not fail"));
    let ask = shop.ask_epay("POST", "").await;
    let body = shop.epay_body("acme-shop-1", 100);
    ask.json(&body).send().await.created();
    assert_eq!(world.recorder.hooks().len(), 1, "nobody else had a turn");
    world.deliver().await;
    assert_eq!(world.recorder.hooks().len(), 1);
    assert_eq!(json!(told(&world.recorder.hooks()[0], "name")), "CREATED");
}
