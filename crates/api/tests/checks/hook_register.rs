//! Registering, listing and deleting webhooks (reference: webhooks.md §2, §4, §5).

use std::collections::HashSet;

use sandkasse_domain::{AsOf, Environment, sales_unit::UrlPolicy, webhook::EventId};
use sandkasse_engine::Settings;
use sandkasse_testkit::{Got, WEBHOOKS, World};
use serde_json::json;

const URL: &str = "https://shop.example.com/hooks/vipps?x=1";
const CREATED: &str = "epayments.payment.created.v1";
const REQUIRED: &str = "The property is required and cannot be null or empty.";

/// Asserts a refusal: exactly these bytes but for the fresh trace id.
#[track_caller]
fn refused(got: &Got, path: &str, details: &[(&str, &str)], cause: &str) {
    assert_eq!(
        (got.status, got.cause()),
        (400, cause),
        "{} {:?}",
        got.body,
        got.why
    );
    assert_eq!(got.header("content-type"), Some("application/problem+json"));
    let trace = got.json()["traceId"].as_str().expect("a text").to_owned();
    let parts: Vec<_> = trace.split('-').collect();
    assert_eq!(
        parts.iter().map(|it| it.len()).collect::<Vec<_>>(),
        [2, 32, 16, 2]
    );
    let details: Vec<String> = details
        .iter()
        .map(|(name, reason)| format!(r#"{{"name":"{name}","reason":{}}}"#, json!(reason)))
        .collect();
    let expected = format!(
        r#"{{"type":"{trace}","title":"Bad Request","status":400,"detail":"One or more validation errors occurred.","instance":"{path}","traceId":"{trace}","extraDetails":[{}]}}"#,
        details.join(",")
    );
    assert_eq!(got.body, expected);
}

const INSTANCE: &str = "/v1/webhooks";

#[tokio::test]
async fn hook_01_hook_02_each_registration_has_an_id_and_a_secret_of_its_own() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let (mut ids, mut secrets) = (HashSet::new(), HashSet::new());
    for _ in 0..3 {
        let (id, secret) = shop.register(URL, &[CREATED]).await;
        uuid::Uuid::parse_str(&id).expect("a UUID");
        assert_eq!(secret.len(), 88, "64 bytes in Base64");
        ids.insert(id);
        secrets.insert(secret);
    }
    assert_eq!((ids.len(), secrets.len()), (3, 3));
    let got = shop.ask_register(URL, &[CREATED]).await.send().await;
    assert_eq!(got.header("content-type"), Some("application/json"));
    let made = got.json();
    let members: Vec<_> = made.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["id", "secret"]);
}

/// Recurring's, QR's and Login's events are of later than June 2023.
#[tokio::test]
async fn hook_06_the_events_of_june_2023_are_epayments_alone() {
    for as_of in [AsOf::June2023, AsOf::Today] {
        let settings = Settings {
            as_of,
            ..Settings::default()
        };
        let shop = World::with_settings(settings).await.shop(|_| {}).await;
        for event in EventId::ALL {
            let got = shop.ask_register(URL, &[event.name()]).await.send().await;
            let is_known = as_of == AsOf::Today || event.name().starts_with("epayments.");
            if is_known {
                assert_eq!(got.status, 201, "{event:?}: {}", got.body);
            } else {
                let text = format!("The event '{}' does not exist.", event.name());
                refused(
                    &got,
                    INSTANCE,
                    &[("events", &text)],
                    "webhook.event_unknown",
                );
            }
        }
    }
}

#[tokio::test]
async fn hook_03_a_body_needs_no_content_type() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for media in [None, Some("application/x-www-form-urlencoded")] {
        let ask = shop.ask_register(URL, &[CREATED]).await;
        let ask = match media {
            None => ask.without("content-type"),
            Some(media) => ask.header("content-type", media),
        };
        assert_eq!(ask.send().await.status, 201);
    }
}

#[tokio::test]
async fn hook_04_hook_06_hook_07_hook_12_bodies_are_judged_member_by_member() {
    let world = World::new().await;
    let shop = world.shop(|unit| unit.url_policy = UrlPolicy::Strict).await;
    let (url, events) = (("url", REQUIRED), ("events", REQUIRED));
    let object = ("$", "The body must be a JSON object.");
    let no_text = ("url", "The value must be a string.");
    let no_list = ("events", "The value must be an array of strings.");
    let unknown = |name: &str| format!("The event '{name}' does not exist.");
    let (wrong, canceled) = (unknown("a.b"), unknown("recurring.charge-cancelled.v1"));
    let rows = [
        (
            json!({ "events": [CREATED] }),
            vec![url],
            "webhook.url_missing",
        ),
        (
            json!({ "url": null, "events": [CREATED] }),
            vec![url],
            "webhook.url_missing",
        ),
        (
            json!({ "url": "", "events": [CREATED] }),
            vec![url],
            "webhook.url_missing",
        ),
        (
            json!({ "url": URL }),
            vec![events],
            "webhook.events_missing",
        ),
        (
            json!({ "url": URL, "events": [] }),
            vec![events],
            "webhook.events_missing",
        ),
        (
            json!({ "url": URL, "events": null }),
            vec![events],
            "webhook.events_missing",
        ),
        (json!({}), vec![url, events], "webhook.url_missing"),
        (
            json!({ "url": URL, "events": ["a.b"] }),
            vec![("events", wrong.as_str())],
            "webhook.event_unknown",
        ),
        (
            json!({ "url": URL, "events": [CREATED, "recurring.charge-cancelled.v1"] }),
            vec![("events", canceled.as_str())],
            "webhook.event_unknown",
        ),
        (json!([]), vec![object], "json.type"),
        (
            json!({ "url": 1, "events": [CREATED] }),
            vec![no_text],
            "json.type",
        ),
        (
            json!({ "url": URL, "events": CREATED }),
            vec![no_list],
            "json.type",
        ),
        (
            json!({ "url": URL, "events": [1] }),
            vec![no_list],
            "json.type",
        ),
        (
            json!({ "Url": URL, "events": [CREATED] }),
            vec![url],
            "json.member_case",
        ),
    ];
    for (body, details, cause) in rows {
        let got = shop.ask("POST", WEBHOOKS).await.json(&body).send().await;
        refused(&got, INSTANCE, &details, cause);
    }
    let broken = shop.ask("POST", WEBHOOKS).await.body("{").send().await;
    refused(
        &broken,
        INSTANCE,
        &[("$", "The body is not valid JSON.")],
        "json.syntax",
    );
    // The schema is closed, servers are lenient.
    let body = json!({ "url": URL, "events": [CREATED], "more": { "deep": 1 } });
    assert_eq!(
        shop.ask("POST", WEBHOOKS)
            .await
            .json(&body)
            .send()
            .await
            .status,
        201
    );
    let deprecated = "recurring.charge-canceled.v1";
    shop.register(URL, &[deprecated]).await;
}

/// HOOK-52 as well: nobody is called, so a host that does not exist and a port that cannot be reached
/// show only at delivery.
#[tokio::test]
async fn hook_05_hook_52_hook_56_addresses_are_judged_by_their_text() {
    let world = World::new().await;
    let strict = world.shop(|unit| unit.url_policy = UrlPolicy::Strict).await;
    let local = world.shop(|unit| unit.url_policy = UrlPolicy::Local).await;
    let absolute = "The value must be an absolute URL.";
    let https = "The URL must use https.";
    let host = |host: &str| format!("The host '{host}' cannot be reached from the internet.");
    let rows: [(&str, Option<String>, Option<String>); 22] = [
        ("https://shop.example.com/hook", None, None),
        ("https://no-such-host-at-all.com", None, None),
        ("https://example.com:3000/hook", None, None),
        ("https://example.com/a//b?x=//#top", None, None),
        (
            "http://example.com/hook",
            Some(https.into()),
            Some(https.into()),
        ),
        (
            "ftp://example.com/hook",
            Some(https.into()),
            Some(https.into()),
        ),
        ("/hook", Some(absolute.into()), Some(absolute.into())),
        (
            "example.com/hook",
            Some(absolute.into()),
            Some(absolute.into()),
        ),
        ("https://", Some(absolute.into()), Some(absolute.into())),
        (
            "https://a b.com",
            Some(absolute.into()),
            Some(absolute.into()),
        ),
        ("https://localhost/h", Some(host("localhost")), None),
        ("https://shop/h", Some(host("shop")), None),
        ("https://shop.test/h", Some(host("shop.test")), None),
        ("https://127.0.0.1/h", Some(host("127.0.0.1")), None),
        ("https://10.0.0.1/h", Some(host("10.0.0.1")), None),
        ("https://192.168.1.1/h", Some(host("192.168.1.1")), None),
        ("https://[::1]/h", Some(host("::1")), None),
        (
            "https://[::ffff:10.0.0.1]/h",
            Some(host("::ffff:10.0.0.1")),
            None,
        ),
        ("http://127.0.0.1:3000/h", Some(https.into()), None),
        ("http://localhost:3000/h", Some(https.into()), None),
        (
            "https://2130706433/h",
            Some(host("2130706433")),
            Some(host("2130706433")),
        ),
        (
            "https://169.254.169.254/h",
            Some(host("169.254.169.254")),
            Some(host("169.254.169.254")),
        ),
    ];
    for (url, in_strict, in_local) in rows {
        for (shop, says) in [(&strict, in_strict), (&local, in_local)] {
            let got = shop
                .ask_register(url, &["user.checked-in.v1"])
                .await
                .send()
                .await;
            match says {
                Some(says) => refused(&got, INSTANCE, &[("url", &says)], "webhook.url_invalid"),
                None => {
                    assert_eq!(got.status, 201, "{url}: {}", got.body);
                    let id = got.json()["id"].as_str().expect("a text").to_owned();
                    let gone = shop
                        .ask("DELETE", &format!("{WEBHOOKS}/{id}"))
                        .await
                        .send()
                        .await;
                    assert_eq!(gone.status, 204);
                }
            }
        }
    }
    assert_eq!(world.recorder.hooks(), [], "nobody was called");
}

#[tokio::test]
async fn hook_08_there_are_so_many_registrations_for_an_event() {
    let world = World::new().await;
    let (shop, other) = (world.shop(|_| {}).await, world.shop(|_| {}).await);
    let captured = "epayments.payment.captured.v1";
    for _ in 0..24 {
        shop.register(URL, &[CREATED]).await;
    }
    shop.register(URL, &[CREATED, captured]).await;
    let text = "The limit of 25 registrations for epayments.payment.created.v1 is reached.";
    let got = shop
        .ask_register(URL, &[captured, CREATED])
        .await
        .send()
        .await;
    refused(&got, INSTANCE, &[("events", text)], "webhook.limit");
    shop.register(URL, &[captured]).await;
    other.register(URL, &[CREATED]).await;
    let id = shop.registered().await[0]["id"]
        .as_str()
        .expect("a text")
        .to_owned();
    shop.ask("DELETE", &format!("{WEBHOOKS}/{id}"))
        .await
        .send()
        .await;
    shop.register(URL, &[CREATED]).await;
    // One is enough for customers who check in.
    let checked_in = EventId::UserCheckedIn.name();
    shop.register(URL, &[checked_in]).await;
    let text = "The limit of 1 registrations for user.checked-in.v1 is reached.";
    let got = shop.ask_register(URL, &[checked_in]).await.send().await;
    refused(&got, INSTANCE, &[("events", text)], "webhook.limit");
}

#[tokio::test]
async fn hook_08_in_june_2023_there_were_fewer() {
    let settings = Settings {
        as_of: AsOf::June2023,
        ..Settings::default()
    };
    let shop = World::with_settings(settings).await.shop(|_| {}).await;
    for _ in 0..5 {
        shop.register(URL, &[CREATED]).await;
    }
    let text = "The limit of 5 registrations for epayments.payment.created.v1 is reached.";
    let got = shop.ask_register(URL, &[CREATED]).await.send().await;
    refused(&got, INSTANCE, &[("events", text)], "webhook.limit");
}

#[tokio::test]
async fn hook_09_hook_10_hook_57_the_list_tells_all_but_the_secret() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let got = shop.ask("GET", WEBHOOKS).await.send().await;
    assert_eq!((got.status, got.body.as_str()), (200, r#"{"webhooks":[]}"#));
    let captured = "epayments.payment.captured.v1";
    // One that is given twice is listed once.
    let (first, _) = shop.register(URL, &[captured, CREATED, captured]).await;
    let (second, _) = shop.register("https://example.com/b#top", &[CREATED]).await;
    let one = format!(r#"{{"id":"{first}","url":"{URL}","events":["{captured}","{CREATED}"]}}"#);
    let two =
        format!(r#"{{"id":"{second}","url":"https://example.com/b#top","events":["{CREATED}"]}}"#);
    let got = shop.ask("GET", WEBHOOKS).await.send().await;
    let mut both = [one.clone(), two.clone()];
    if first > second {
        both.swap(0, 1);
    }
    assert_eq!(got.body, format!(r#"{{"webhooks":[{}]}}"#, both.join(",")));
    // Any case of the id, as for every UUID.
    let path = format!("{WEBHOOKS}/{}", first.to_ascii_uppercase());
    let gone = shop.ask("DELETE", &path).await.send().await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    let got = shop.ask("GET", WEBHOOKS).await.send().await;
    assert_eq!(got.body, format!(r#"{{"webhooks":[{two}]}}"#));
    let again = shop.ask("DELETE", &path).await.send().await;
    let instance = format!("{INSTANCE}/{}", first.to_ascii_uppercase());
    let unknown = [("id", "There is no webhook with this id.")];
    refused(&again, &instance, &unknown, "webhook.unknown");
    shop.publish(EventId::PaymentCaptured, "acme-1").await;
    world.deliver().await;
    assert_eq!(world.recorder.hooks(), [], "nobody hears of it any more");
}

#[tokio::test]
async fn hook_11_only_own_registrations_are_deleted() {
    let world = World::new().await;
    let (shop, other) = (world.shop(|_| {}).await, world.shop(|_| {}).await);
    let (id, _) = other.register(URL, &[CREATED]).await;
    let delete = async |id: &str| {
        shop.ask("DELETE", &format!("{WEBHOOKS}/{id}"))
            .await
            .send()
            .await
    };
    let got = delete("not-a-uuid").await;
    let text = [("id", "The value must be a UUID.")];
    refused(&got, "/v1/webhooks/not-a-uuid", &text, "webhook.id_format");
    for id in ["00000000-0000-4000-8000-000000000000", &id] {
        let text = [("id", "There is no webhook with this id.")];
        refused(
            &delete(id).await,
            &format!("/v1/webhooks/{id}"),
            &text,
            "webhook.unknown",
        );
    }
    assert_eq!(other.registered().await.len(), 1);
}

#[tokio::test]
async fn hook_13_the_environments_know_nothing_of_each_other() {
    let world = World::new().await;
    let orgno = world.merchant().await;
    let test = world.shop_of(&orgno, |_| {}).await;
    let msn = test.msn.clone();
    let production = world
        .shop_of(&orgno, |unit| {
            unit.environment = Environment::Production;
            unit.msn = msn;
        })
        .await;
    assert_eq!(test.msn, production.msn);
    test.register(URL, &[CREATED]).await;
    assert_eq!(production.registered().await.len(), 0);
    production.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    assert_eq!(world.recorder.hooks(), []);
}

#[tokio::test]
async fn hook_14_keys_without_a_header_are_for_their_own_unit() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let (id, _) = shop.register(URL, &[CREATED]).await;
    let named = shop.ask("GET", WEBHOOKS).await;
    let named = named.header("Merchant-Serial-Number", shop.msn.as_str());
    assert_eq!(named.send().await.ok()["webhooks"][0]["id"], *id);
}

#[tokio::test]
async fn hook_54_foreign_numbers_are_refused_with_the_literal_text() {
    let world = World::new().await;
    let (shop, other) = (world.shop(|_| {}).await, world.shop(|_| {}).await);
    let partner = world.partner(Environment::Test, |_| {}).await;
    let foreign = shop.ask("GET", WEBHOOKS).await;
    let foreign = foreign.header("Merchant-Serial-Number", other.msn.as_str());
    let unlinked = partner.ask_for(shop.msn.as_str(), "GET", WEBHOOKS).await;
    for (ask, status, title, msn, cause) in [
        (foreign, 401, "Unauthorized", &other.msn, "msn.not_yours"),
        (unlinked, 403, "Forbidden", &shop.msn, "partner.not_linked"),
    ] {
        let got = ask.send().await;
        assert_eq!((got.status, got.cause()), (status, cause));
        assert_eq!(got.header("content-type"), Some("application/problem+json"));
        let body = got.json();
        assert_eq!(body["title"], title);
        let text = format!(
            "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
        );
        assert_eq!(body["detail"], text);
    }
}

#[tokio::test]
async fn hook_58_units_and_partners_are_counted_apart() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let partner = world.partner(Environment::Test, |_| {}).await;
    world.link(&shop, &partner).await;
    for _ in 0..25 {
        shop.register(URL, &[CREATED]).await;
    }
    for _ in 0..25 {
        partner
            .register(None, "https://partner.example.com/h", &[CREATED])
            .await;
    }
    let full = partner.ask_for(shop.msn.as_str(), "POST", WEBHOOKS).await;
    let full = full
        .json(&json!({ "url": URL, "events": [CREATED] }))
        .send()
        .await;
    assert_eq!(
        full.cause(),
        "webhook.limit",
        "it counts with the unit's own"
    );
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    let heard: Vec<_> = world
        .recorder
        .hooks()
        .into_iter()
        .map(|it| it.host)
        .collect();
    let count = |host: &str| heard.iter().filter(|it| *it == host).count();
    assert_eq!(
        (count("shop.example.com"), count("partner.example.com")),
        (25, 25)
    );
}
