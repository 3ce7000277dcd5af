//! QR codes, links, and the same call again (reference: epayment.md §2.1, §4).

use sandkasse_api::epayment::image;
use sandkasse_domain::{
    Environment::Test,
    person::Person,
    sales_unit::{RateLimits, SalesUnit},
};
use sandkasse_testkit::{Shop, World, minutes};
use serde_json::{Value, json};

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let shop = world.shop(free).await;
    let kari = world.person(|_| {}).await;
    (world, shop, kari)
}

fn free(unit: &mut SalesUnit) {
    unit.rate_limits = RateLimits::Off;
}

/// Creates a payment with a QR code; answers where that is.
async fn qr(shop: &Shop, reference: &str, format: Value) -> String {
    let got = shop
        .epay_but(reference, 100, |body| {
            body["userFlow"] = "QR".into();
            body["qrFormat"] = format;
        })
        .await;
    got.created()["redirectUrl"]
        .as_str()
        .expect("a link")
        .to_owned()
}

/// The image behind a link.
async fn seen(world: &World, url: &str) -> (u16, String, Vec<u8>) {
    let token = url
        .strip_prefix("http://test.sandkasse.invalid/qr-image/v1?token=")
        .expect("where images are");
    let answer = image(&world.platform, Test, token).await;
    let media = answer.headers.get("content-type").expect("a media type");
    let media = media.to_str().expect("text").to_owned();
    (answer.status.as_u16(), media, answer.body.to_vec())
}

#[tokio::test]
async fn epay_06_a_qr_code_is_an_svg_unless_asked_for_otherwise() {
    let (world, shop, _) = stage().await;
    let url = qr(&shop, "acme-shop-1", Value::Null).await;
    let (status, media, body) = seen(&world, &url).await;
    assert_eq!((status, media.as_str()), (200, "image/svg+xml"));
    assert!(body.starts_with(b"<svg "));
    // Once its time is over there is none.
    shop.advance(minutes(6)).await;
    assert_eq!(seen(&world, &url).await.0, 404);
}

#[tokio::test]
async fn epay_07_a_png_has_its_size() {
    let (world, shop, _) = stage().await;
    for (index, (size, pixels)) in [
        (Value::Null, 1024_u32),
        (json!(200), 200),
        (json!(2000), 2000),
    ]
    .into_iter()
    .enumerate()
    {
        let format = json!({ "format": "IMAGE/PNG", "size": size });
        let url = qr(&shop, &format!("acme-shop-{index}"), format).await;
        let (status, media, body) = seen(&world, &url).await;
        assert_eq!((status, media.as_str()), (200, "image/png"));
        // The header of a PNG: its width and height are bytes 16 to 24.
        let side = pixels.to_be_bytes();
        assert_eq!(body[16..24], [side, side].concat());
    }
}

#[tokio::test]
async fn epay_08_the_target_is_the_link_itself() {
    let (_world, shop, _) = stage().await;
    let url = qr(&shop, "acme-shop-1", json!({ "format": "TEXT/TARGETURL" })).await;
    assert!(
        url.starts_with("http://test.sandkasse.invalid/landing?token="),
        "{url}"
    );
}

#[tokio::test]
async fn epay_09_a_size_has_bounds() {
    let (_world, shop, _) = stage().await;
    let reason = "The field Size must be between 100 and 2000.";
    for format in ["IMAGE/PNG", "IMAGE/SVG+XML", "TEXT/TARGETURL"] {
        for size in [99, 2001] {
            let got = shop
                .epay_but("acme-shop-1", 100, |body| {
                    body["userFlow"] = "QR".into();
                    body["qrFormat"] = json!({ "format": format, "size": size });
                })
                .await;
            got.shapes("request.range", &[("qrFormat.size", reason)]);
        }
    }
}

#[tokio::test]
async fn epay_114_a_size_does_not_matter_to_an_svg() {
    let (world, shop, _) = stage().await;
    let format = json!({ "format": "IMAGE/SVG+XML", "size": 1024 });
    let url = qr(&shop, "acme-shop-1", format).await;
    assert_eq!(seen(&world, &url).await.1, "image/svg+xml");
}

#[tokio::test]
async fn epay_30_a_reference_is_used_once() {
    let (world, shop, _) = stage().await;
    shop.epay("acme-shop-1", 100).await.created();
    let got = shop.epay("acme-shop-1", 100).await;
    let detail = "Reference `acme-shop-1` already exists.";
    got.problem(409, "4150", "Reference exists", detail, "order.duplicate");
    shop.epay("ACME-shop-1", 100).await.created();
    let other = world.shop(free).await;
    other.epay("acme-shop-1", 100).await.created();
}

#[tokio::test]
async fn epay_31_the_same_call_again_is_answered_alike() {
    let (_world, shop, _) = stage().await;
    let body = shop.epay_body("acme-shop-1", 100);
    let ask = shop.ask_epay("POST", "").await.json(&body);
    let first = ask.clone().send().await;
    first.created();
    shop.advance(minutes(60 * 24 * 8)).await;
    let again = shop.ask("POST", "/epayment/v1/payments").await.json(&body);
    let key = ask.request().headers["idempotency-key"]
        .to_str()
        .expect("text")
        .to_owned();
    let again = again.header("Idempotency-Key", &key).send().await;
    assert_eq!((again.status, again.body), (201, first.body));
    assert_eq!(shop.epay_log("acme-shop-1").await, ["CREATED", "EXPIRED"]);
}

#[tokio::test]
async fn epay_32_another_body_under_a_key_is_refused() {
    let (_world, shop, _) = stage().await;
    let ask = shop
        .ask_epay("POST", "")
        .await
        .header("Idempotency-Key", "key");
    let create = |reference, value| ask.clone().json(&shop.epay_body(reference, value)).send();
    create("acme-shop-1", 100).await.created();
    for (reference, value) in [("acme-shop-1", 101), ("acme-shop-2", 100)] {
        let got = create(reference, value).await;
        let detail = "Idempotency-Key `key` already exists.";
        got.problem(
            409,
            "4020",
            "Idempotency error",
            detail,
            "idempotency.key_reused",
        );
    }
}

#[tokio::test]
async fn epay_33_a_key_is_needed() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let reason = "The Idempotency-Key field is required.";
    let create = shop
        .ask_epay("POST", "")
        .await
        .json(&shop.epay_body("acme-shop-2", 100));
    let capture = shop.ask_epay_move("capture", "acme-shop-1", 100).await;
    let refund = shop.ask_epay_move("refund", "acme-shop-1", 100).await;
    for ask in [create, capture, refund] {
        for ask in [
            ask.clone().without("Idempotency-Key"),
            ask.header("Idempotency-Key", ""),
        ] {
            let got = ask.send().await;
            got.shapes("idempotency.missing", &[("Idempotency-Key", reason)]);
        }
    }
}

#[tokio::test]
async fn epay_34_a_key_has_fifty_characters_at_most() {
    let (_world, shop, _) = stage().await;
    let ask = shop
        .ask_epay("POST", "")
        .await
        .json(&shop.epay_body("acme-shop-1", 100));
    let got = ask
        .clone()
        .header("Idempotency-Key", &"k".repeat(51))
        .send()
        .await;
    let reason = "The field Idempotency-Key must be a string with a maximum length of 50.";
    got.shapes("idempotency.too_long", &[("Idempotency-Key", reason)]);
    ask.header("Idempotency-Key", &"k".repeat(50))
        .send()
        .await
        .created();
}

#[tokio::test]
async fn epay_35_five_creates_a_minute() {
    let (_world, shop, _) = stage().await;
    shop.change(|unit| unit.rate_limits = RateLimits::On).await;
    shop.epay("acme-shop-1", 100).await.created();
    for _ in 0..4 {
        shop.epay("acme-shop-1", 100)
            .await
            .coded(409, "4150", "order.duplicate");
    }
    let got = shop.epay("acme-shop-1", 100).await;
    assert_eq!((got.status, got.cause()), (429, "rate.initiate"));
    got.format();
    shop.epay("acme-shop-2", 100).await.created();
    // Without a reference there is one count for the sales unit.
    for status in [400, 400, 400, 400, 400, 429] {
        let ask = shop.ask_epay("POST", "").await.body("{");
        assert_eq!(ask.send().await.status, status);
    }
    shop.advance(minutes(1)).await;
    shop.epay("acme-shop-1", 100)
        .await
        .coded(409, "4150", "order.duplicate");
}

#[tokio::test]
async fn epay_46_a_hundred_and_twenty_looks_a_minute() {
    let (_world, shop, _) = stage().await;
    shop.change(|unit| unit.rate_limits = RateLimits::On).await;
    shop.epay("acme-shop-1", 100).await.created();
    let ask = shop.ask_epay("GET", "/acme-shop-1").await;
    for _ in 0..120 {
        assert_eq!(ask.clone().send().await.status, 200);
    }
    let got = ask.clone().send().await;
    assert_eq!((got.status, got.cause()), (429, "rate.details"));
    got.format();
    // The event log has a count of its own, and so has another payment.
    shop.epay_events("acme-shop-1").await;
    shop.epay_get("acme-shop-2")
        .await
        .coded(404, "5090", "order.unknown");
}

#[tokio::test]
async fn epay_117_a_bad_shape_uses_no_key_up() {
    let (_world, shop, _) = stage().await;
    let ask = shop.ask_epay("POST", "").await;
    let bad = ask.clone().json(&json!({ "reference": "acme-shop-1" }));
    assert_eq!(bad.send().await.status, 400);
    let mut worse = shop.epay_body("acme-shop-1", 100);
    worse["returnUrl"] = "http://shop.example.com".into();
    ask.clone()
        .json(&worse)
        .send()
        .await
        .coded(400, "4090", "url.epayment");
    ask.json(&shop.epay_body("acme-shop-1", 100))
        .send()
        .await
        .created();
}

#[tokio::test]
async fn epay_118_many_at_once_are_one() {
    let (_world, shop, _) = stage().await;
    for (limits, created) in [(RateLimits::Off, 30), (RateLimits::On, 5)] {
        shop.change(|unit| unit.rate_limits = limits).await;
        let reference = format!("acme-shop-{created}");
        let ask = shop
            .ask_epay("POST", "")
            .await
            .json(&shop.epay_body(&reference, 100));
        let calls: Vec<_> = (0..30).map(|_| tokio::spawn(ask.clone().send())).collect();
        let (mut bodies, mut limited) = (Vec::new(), 0);
        for call in calls {
            let got = call.await.expect("no panic");
            if got.status == 429 {
                limited += 1;
            } else {
                got.created();
                bodies.push(got.body);
            }
        }
        assert_eq!((bodies.len(), limited), (created, 30 - created));
        bodies.dedup();
        assert_eq!(bodies.len(), 1);
        assert_eq!(shop.epay_log(&reference).await, ["CREATED"]);
    }
}

#[tokio::test]
async fn epay_119_what_is_the_same_is_judged_by_the_values() {
    let (_world, shop, _) = stage().await;
    let ask = shop.ask_epay("POST", "").await;
    let create = |body: &str| ask.clone().body(body.to_owned()).send();
    let first = create(
        r#"{"amount":{"currency":"NOK","value":1000},"paymentMethod":{"type":"WALLET"},"reference":1234567890,"returnUrl":"https://example.com","userFlow":"WEB_REDIRECT"}"#,
    )
    .await;
    let again = create(
        r#"{"userFlow":"WEB_REDIRECT","returnUrl":"https://example.com","reference":"1234567890","unknown":1,"receiptUrl":null,"paymentMethod":{"type":"WALLET"},"amount":{"value":1000.0,"currency":"NOK"}}"#,
    )
    .await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    let cancel = shop.ask_epay("POST", "/1234567890/cancel").await;
    let first = cancel.clone().send().await;
    assert_eq!(first.sums(), [0, 1000, 0, 0]);
    for body in ["{}", r#"{"cancelTransactionOnly":false}"#] {
        let again = cancel.clone().body(body).send().await;
        assert_eq!((again.status, &again.body), (200, &first.body));
    }
    let got = cancel
        .body(r#"{"cancelTransactionOnly":true}"#)
        .send()
        .await;
    got.coded(409, "4020", "idempotency.key_reused");
}
