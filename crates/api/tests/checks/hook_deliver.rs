//! What a delivery is, and who gets it (reference: webhooks.md §2.4, §6.1).

use std::collections::BTreeSet;

use sandkasse_domain::{Environment, webhook::EventId};
use sandkasse_hooks::{content_hash, signature, string_to_sign};
use sandkasse_testkit::{WEBHOOKS, World, days, seconds, told};

const CREATED: &str = "epayments.payment.created.v1";
const CAPTURED: &str = "epayments.payment.captured.v1";

#[tokio::test]
async fn hook_15_hook_16_pk_26_pk_27_a_partner_hears_of_its_units_and_a_unit_of_itself() {
    let world = World::new().await;
    let partner = world.partner(Environment::Test, |_| {}).await;
    let (one, two, stranger) = (
        world.shop(|_| {}).await,
        world.shop(|_| {}).await,
        world.shop(|_| {}).await,
    );
    world.link(&one, &partner).await;
    partner
        .register(None, "https://partner.example.com/all", &[CREATED])
        .await;
    let msn = Some(one.msn.as_str());
    partner
        .register(msn, "https://partner.example.com/one", &[CREATED])
        .await;
    // A unit that is linked later is heard of as well.
    world.link(&two, &partner).await;
    for (shop, reference) in [
        (&one, "of-one-1"),
        (&two, "of-two-1"),
        (&stranger, "of-none-1"),
    ] {
        shop.epay(reference, 100).await.created();
    }
    world.deliver().await;
    let hooks = world.recorder.hooks();
    let heard: BTreeSet<_> = hooks
        .iter()
        .map(|it| (it.target.clone(), told(it, "reference"), told(it, "msn")))
        .collect();
    // Each with the number of its own sales unit.
    let expected = [
        ("/all", "of-one-1", &one.msn),
        ("/all", "of-two-1", &two.msn),
        ("/one", "of-one-1", &one.msn),
    ];
    let expected = expected
        .map(|(target, reference, msn)| (target.to_owned(), reference.to_owned(), msn.to_string()));
    assert_eq!((heard, hooks.len()), (BTreeSet::from(expected), 3));
    assert_eq!(partner.registered().await.len(), 1, "only its own");
    assert_eq!(one.registered().await.len(), 1, "only the unit's");
    // With the keys of a deactivated partner nothing works, whether they name a unit or not.
    partner.deactivate().await;
    let alone = partner.ask("GET", WEBHOOKS).await;
    let for_one = partner.ask_for(one.msn.as_str(), "GET", WEBHOOKS).await;
    for ask in [alone, for_one] {
        let got = ask.send().await;
        assert_eq!((got.status, got.cause()), (403, "partner.deactivated"));
    }
}

/// How an address goes over the wire, and that it is signed so.
#[tokio::test]
async fn hook_20_hook_21_hook_22_hook_23_what_is_signed_is_what_is_sent() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    for (url, host, target) in [
        (
            "https://example.com/hooks?x=1&y=%2f",
            "example.com",
            "/hooks?x=1&y=%2f",
        ),
        ("https://example.com:8443/h", "example.com:8443", "/h"),
        ("https://example.com:443/h", "example.com", "/h"),
        ("https://example.com", "example.com", "/"),
        ("https://example.com?x", "example.com", "/?x"),
        ("https://Example.COM/Path/#top", "example.com", "/Path/"),
        (
            "https://blåbær.no/kake/æ",
            "xn--blbr-roah.no",
            "/kake/%C3%A6",
        ),
        ("http://127.0.0.1:3000/h", "127.0.0.1:3000", "/h"),
        ("http://127.0.0.1:80/h", "127.0.0.1", "/h"),
    ] {
        let (id, secret) = shop.register(url, &[CREATED]).await;
        shop.publish(EventId::PaymentCreated, "acme-1").await;
        world.deliver().await;
        let call = world.recorder.hooks().pop().expect("it was delivered");
        assert_eq!(
            (call.host.as_str(), call.target.as_str()),
            (host, target),
            "{url}"
        );
        let hash = content_hash(call.body.as_bytes());
        let text = string_to_sign("POST", target, &call.signed.date, host, &hash);
        assert_eq!(call.signed.content_hash, hash);
        assert_eq!(
            call.signed.authorization,
            format!(
                "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={}",
                signature(&secret, &text)
            )
        );
        let path = format!("{}/{id}", sandkasse_testkit::WEBHOOKS);
        assert_eq!(shop.ask("DELETE", &path).await.send().await.status, 204);
    }
}

#[tokio::test]
async fn hook_24_each_attempt_is_signed_anew_and_the_body_stays() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let url = "https://example.com/h";
    world.recorder.take_hooks(url, &[Ok(500), Ok(500), Ok(200)]);
    shop.register(url, &[CREATED]).await;
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    world.pass(seconds(2)).await;
    world.pass(seconds(2)).await;
    let hooks = world.recorder.hooks();
    let dates: Vec<_> = hooks.iter().map(|it| it.signed.date.as_str()).collect();
    assert_eq!(
        dates,
        [
            "Tue, 13 Jun 2023 12:00:00 GMT",
            "Tue, 13 Jun 2023 12:00:02 GMT",
            "Tue, 13 Jun 2023 12:00:04 GMT"
        ]
    );
    assert!(hooks.iter().all(|it| it.body == hooks[0].body));
    let signed: BTreeSet<_> = hooks.iter().map(|it| &it.signed.authorization).collect();
    assert_eq!(signed.len(), 3);
}

#[tokio::test]
async fn hook_33_hook_51_hook_57_only_what_was_asked_for_and_only_from_then_on() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.publish(EventId::PaymentCaptured, "before").await;
    shop.register("https://example.com/h", &[CAPTURED, CAPTURED])
        .await;
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    shop.publish(EventId::PaymentCaptured, "acme-1").await;
    shop.publish(EventId::PaymentRefunded, "acme-1").await;
    world.deliver().await;
    let heard: Vec<_> = world
        .recorder
        .hooks()
        .iter()
        .map(|it| told(it, "event"))
        .collect();
    assert_eq!(heard, [CAPTURED]);
}

/// The unit's clock is ahead: attempts are due by it, and signed in real time.
#[tokio::test]
async fn hook_53_a_clock_that_was_moved_signs_in_real_time() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let url = "https://example.com/h";
    world.recorder.take_hooks(url, &[Ok(500)]);
    shop.register(url, &[CREATED]).await;
    shop.publish(EventId::PaymentCreated, "acme-1").await;
    world.deliver().await;
    let before = world.recorder.hooks().len();
    shop.advance(days(3)).await;
    let hooks = world.recorder.hooks();
    assert!(hooks.len() > before + 20, "{} attempts", hooks.len());
    assert!(
        hooks
            .iter()
            .all(|it| it.signed.date == "Tue, 13 Jun 2023 12:00:00 GMT")
    );
    world.recorder.take_hooks(url, &[Ok(200)]);
    shop.epay("acme-shop-2", 100).await.created();
    world.deliver().await;
    let last = world.recorder.hooks().pop().expect("it was delivered");
    assert_eq!(told(&last, "timestamp"), "2023-06-16T12:00:00.000Z");
    assert_eq!(last.signed.date, "Tue, 13 Jun 2023 12:00:00 GMT");
}
