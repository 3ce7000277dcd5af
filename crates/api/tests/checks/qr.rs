//! QR: codes for one payment, and printed ones that lead to a page of the merchant (reference: qr.md).

use sandkasse_domain::{person::Person, sales_unit::RateLimits};
use sandkasse_engine::Act;
use sandkasse_testkit::{Ask, Format, Got, NOT_FOUND, Shop, World, minutes, seconds, with_member};
use serde_json::{Value, json};

const REDIRECT: &str = "/qr/v1/merchant-redirect";
const UNKNOWN: &str = "There is no QR code with this id.";
const BASE: &str = "http://test.sandkasse.invalid";

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let shop = world.shop(|unit| unit.rate_limits = RateLimits::Off).await;
    let kari = world.person(|_| {}).await;
    (world, shop, kari)
}

/// A call of the API that wants the code in this form; none is no `Accept`.
async fn ask(shop: &Shop, method: &str, path: &str, accept: &str) -> Ask {
    let ask = shop.ask(method, path).await;
    if accept.is_empty() {
        return ask;
    }
    ask.header("Accept", accept)
}

async fn one_time(shop: &Shop, url: &str, accept: &str) -> Got {
    let ask = ask(shop, "POST", "/qr/v1", accept).await;
    ask.json(&json!({ "url": url })).send().await
}

/// Initiates and answers the link.
async fn link(shop: &Shop, order: &str) -> String {
    let initiated = shop.initiate(order, 10_000).await.ok();
    initiated["url"].as_str().expect("a link").to_owned()
}

fn code(id: &str, target: &str) -> Value {
    json!({ "id": id, "redirectUrl": target })
}

async fn make(shop: &Shop, body: &Value) -> Got {
    shop.ask("POST", REDIRECT).await.json(body).send().await
}

fn at(id: &str) -> String {
    format!("{REDIRECT}/{id}")
}

/// Opens an address of ours as a phone or browser does: without keys.
async fn open(shop: &Shop, url: &str) -> sandkasse_api::Exchange {
    let path = url.strip_prefix(BASE).expect("it is ours").to_owned();
    let request = sandkasse_api::Request {
        method: http::Method::GET,
        path,
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
    };
    let platform = &shop.world().platform;
    platform.answer(shop.environment, &request).await
}

/// Media type and file of a picture.
async fn picture(shop: &Shop, url: &str) -> (String, Vec<u8>) {
    let exchange = open(shop, url).await;
    assert_eq!(exchange.answer.status, 200, "{:?}", exchange.why);
    let media = exchange.answer.headers["content-type"].to_str();
    let media = media.expect("text").to_owned();
    (media, exchange.answer.body.to_vec())
}

/// Width and height of a PNG, as its head says.
fn size(file: &[u8]) -> (u32, u32) {
    assert!(file.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| {
        let bytes: [u8; 4] = file[at..at + 4].try_into().expect("four bytes");
        u32::from_be_bytes(bytes)
    };
    (number(16), number(20))
}

#[track_caller]
fn text(value: &Value, name: &str) -> String {
    value[name].as_str().expect("a text").to_owned()
}

/// What is printed: the text that the phone reads.
async fn print(shop: &Shop, id: &str) -> String {
    let got = ask(shop, "GET", &at(id), "text/targetUrl")
        .await
        .send()
        .await;
    text(&got.ok(), "url")
}

/// Where a printed code leads, if it does.
async fn scan(shop: &Shop, print: &str) -> Option<String> {
    let exchange = open(shop, print).await;
    if exchange.answer.status == 404 {
        assert_eq!(exchange.answer.body, NOT_FOUND);
        let why = exchange.why.expect("a reason");
        assert_eq!(why.id(shop.environment), "qr.print_dead");
        return None;
    }
    assert_eq!(exchange.answer.status, 302);
    let location = exchange.answer.headers["location"].to_str();
    Some(location.expect("text").to_owned())
}

#[tokio::test]
async fn qr_01_qr_02_qr_06_qr_32_the_code_of_a_payment() {
    let (_, shop, kari) = stage().await;
    let url = link(&shop, "acme-1").await;
    for path in ["/qr/v1", "/qr/v1/"] {
        let ask = ask(&shop, "POST", path, "").await;
        // Whatever the body is called, it is read as JSON.
        let body = json!({ "url": url }).to_string();
        let got = ask.body(body).send().await.ok();
        assert_eq!(got["expiresIn"], 300);
        assert!(text(&got, "url").starts_with(&format!("{BASE}/q/image?token=")));
        assert_eq!(got.as_object().expect("an object").len(), 2);
    }
    shop.advance(seconds(100)).await;
    let later = one_time(&shop, &url, "image/png").await.ok();
    assert_eq!(later["expiresIn"], 200);

    let (media, file) = picture(&shop, &text(&later, "url")).await;
    assert_eq!((media.as_str(), size(&file)), ("image/png", (800, 800)));
    let small = ask(&shop, "POST", "/qr/v1", "image/png").await;
    let small = small.header("Size", "500").json(&json!({ "url": url }));
    let (_, file) = picture(&shop, &text(&small.send().await.ok(), "url")).await;
    assert_eq!(size(&file), (500, 500));
    for accept in ["image/svg+xml", "image/*"] {
        let got = one_time(&shop, &url, accept).await.ok();
        let (media, file) = picture(&shop, &text(&got, "url")).await;
        assert_eq!(media, "image/svg+xml");
        assert!(file.starts_with(b"<svg "));
    }
    // What the phone reads is the link: it opens the payment, for whoever scans it.
    let got = one_time(&shop, &url, "text/targetUrl").await.ok();
    assert_eq!(text(&got, "url"), url);
    let phone = kari.phone.clone();
    shop.person("acme-1", Act::Show { phone })
        .await
        .expect("it is open");
    let history = shop.details("acme-1").await.ok()["transactionLogHistory"].take();
    assert!(history[0]["transactionId"].is_string(), "{history}");
}

#[tokio::test]
async fn qr_03_forms_that_nobody_draws() {
    let (_, shop, _) = stage().await;
    let url = link(&shop, "acme-1").await;
    let says = "Accept must be image/*, image/svg+xml, image/png or text/targetUrl.";
    for accept in [
        "application/xml",
        "application/json",
        "image/gif",
        "text/html",
    ] {
        let got = one_time(&shop, &url, accept).await;
        got.detail(415, "Unsupported Media Type", says, "qr.media_type");
        let make = ask(&shop, "POST", REDIRECT, accept).await;
        let got = make
            .json(&code("billboard_1", "https://example.com"))
            .send()
            .await;
        got.detail(415, "Unsupported Media Type", says, "qr.media_type");
    }
    for accept in ["", "*/*"] {
        let got = one_time(&shop, &url, accept).await.ok();
        let (media, _) = picture(&shop, &text(&got, "url")).await;
        assert_eq!(media, "image/svg+xml");
    }
    let range = ("Size", "The field Size must be between 100 and 2000.");
    for size in ["99", "2001", "-1", "large"] {
        let ask = ask(&shop, "POST", "/qr/v1", "image/png").await;
        let got = ask
            .header("Size", size)
            .json(&json!({ "url": url }))
            .send()
            .await;
        got.invalid_params("request.range", &[range]);
    }
}

#[tokio::test]
async fn qr_04_the_code_lives_as_long_as_the_link() {
    let (_, shop, kari) = stage().await;
    let url = link(&shop, "acme-1").await;
    let image = text(&one_time(&shop, &url, "image/png").await.ok(), "url");
    let over = ("Order timeout", "Payment has already timed out");
    shop.advance(minutes(5)).await;
    one_time(&shop, &url, "")
        .await
        .detail(400, over.0, over.1, "qr.link_over");
    let exchange = open(&shop, &image).await;
    assert_eq!(
        (exchange.answer.status.as_u16(), exchange.answer.body),
        (404, NOT_FOUND.into())
    );
    // What was paid cannot be paid again either.
    let url = link(&shop, "acme-2").await;
    let image = text(&one_time(&shop, &url, "").await.ok(), "url");
    picture(&shop, &image).await;
    shop.approve("acme-2", &kari).await.expect("kari can pay");
    one_time(&shop, &url, "")
        .await
        .detail(400, over.0, over.1, "qr.link_over");
    assert_eq!(open(&shop, &image).await.answer.status, 404);
}

#[tokio::test]
async fn qr_05_qr_33_only_links_of_the_own_payments() {
    let (world, shop, _) = stage().await;
    let url = link(&shop, "acme-1").await;
    let image = text(&one_time(&shop, &url, "").await.ok(), "url");
    assert!(image.contains("token="), "{image}");
    let stranger = world.shop(|_| {}).await;
    let sister = world.shop_of(&shop.unit().facts.merchant, |_| {}).await;
    let theirs = [
        link(&stranger, "acme-1").await,
        link(&sister, "acme-1").await,
    ];
    let says = "Supplied landing page token is not valid";
    for bad in [
        theirs[0].as_str(),
        theirs[1].as_str(),
        "https://example.com",
        "socks",
        &url[..url.len() - 4],
        &url.replace("test.sandkasse", "evil.sandkasse"),
        // Other hosts whose addresses begin like ours.
        &url.replace(BASE, &format!("{BASE}.evil.example")),
        &url.replace(BASE, &format!("{BASE}@evil.example")),
        &url.replace(BASE, &format!("{BASE}:8443@evil.example")),
        &url.replace(BASE, "https://evil.example"),
        // The picture of a code is no link.
        &image,
    ] {
        let got = one_time(&shop, bad, "").await;
        got.detail(400, "Validation error", says, "qr.link_invalid");
    }
    let missing = shop
        .ask("POST", "/qr/v1")
        .await
        .json(&json!({}))
        .send()
        .await;
    missing.invalid_params("request.missing", &[("Url", "The Url field is required.")]);
}

#[tokio::test]
async fn qr_10_qr_11_a_printed_code_is_made_once() {
    let (world, shop, _) = stage().await;
    let body = code("billboard_1", "https://example.com/myProduct");
    let got = make(&shop, &body).await;
    let image = text(&got.ok(), "url");
    let whole = format!(
        r#"{{"id":"billboard_1","url":"{image}","redirectUrl":"https://example.com/myProduct","expiresIn":-1}}"#
    );
    got.answered(200, &whole, "");
    assert_eq!(got.header("content-type"), Some("application/json"));
    let (media, _) = picture(&shop, &image).await;
    assert_eq!(media, "image/svg+xml");

    let again = make(&shop, &code("billboard_1", "https://example.com/other")).await;
    again.answered(409, r#"{"id":"billboard_1"}"#, "qr.id_exists");
    assert_eq!(again.format(), Format::Params);
    make(&world.shop(|_| {}).await, &body).await.ok();
    // Ids may have blanks and letters of other languages.
    make(&shop, &code("Kasse 1 på Økern", "https://my-shop.no"))
        .await
        .ok();
    shop.ask("GET", &at("Kasse%201%20p%C3%A5%20%C3%98kern"))
        .await
        .send()
        .await
        .ok();
}

#[tokio::test]
async fn qr_12_qr_13_what_a_printed_code_must_have() {
    let (_, shop, _) = stage().await;
    let right = code("billboard_1", "https://example.com");
    let pattern = r"The field RedirectUrl must match the regular expression '^https://[\w\.]+([\w#!:.?+=&%@\-/]+)?$'.";
    for target in [
        "http://example.com",
        "https://",
        "example.com",
        "https://example.com/a b",
    ] {
        let got = make(&shop, &with_member(right.clone(), "redirectUrl", target)).await;
        got.invalid_params("request.pattern", &[("RedirectUrl", pattern)]);
    }
    let long = "The field Id must be a string or array type with a maximum length of '128'.";
    let id = r"The field Id must match the regular expression '^[-_+%æøåÆØÅ\w\s]*$'.";
    let ttl = "The field Ttl must be between 300 and 2147483647.";
    let required = "The Id field is required.";
    for (member, value, cause, param) in [
        (
            "id",
            json!("a".repeat(129)),
            "request.too_long",
            ("Id", long),
        ),
        ("id", json!("a/b"), "request.pattern", ("Id", id)),
        ("id", json!(""), "request.missing", ("Id", required)),
        ("id", Value::Null, "request.missing", ("Id", required)),
        ("ttl", json!(299), "request.range", ("Ttl", ttl)),
        (
            "ttl",
            json!(2_147_483_648_i64),
            "request.range",
            ("Ttl", ttl),
        ),
        (
            "ttl",
            json!("600"),
            "json.type",
            ("Ttl", "The JSON value could not be converted to integer."),
        ),
    ] {
        let got = make(&shop, &with_member(right.clone(), member, value)).await;
        got.invalid_params(cause, &[param]);
    }
    let got = make(&shop, &json!({ "id": "a/b", "redirectUrl": "x", "ttl": 1 })).await;
    got.invalid_params(
        "request.pattern",
        &[("Id", id), ("RedirectUrl", pattern), ("Ttl", ttl)],
    );
    let got = shop.ask("POST", REDIRECT).await.body("{").send().await;
    got.invalid_params("json.syntax", &[("$", "The body is no valid JSON.")]);
    let list = shop.ask("GET", REDIRECT).await.send().await;
    list.answered(200, "[]", "");
    make(&shop, &code(&"a".repeat(128), "https://example.com"))
        .await
        .ok();
}

#[tokio::test]
async fn qr_14_another_target_under_the_same_print() {
    let (_, shop, _) = stage().await;
    make(&shop, &code("billboard_1", "https://example.com/one"))
        .await
        .ok();
    let before = print(&shop, "billboard_1").await;
    assert_eq!(
        scan(&shop, &before).await.as_deref(),
        Some("https://example.com/one")
    );
    let ask = ask(&shop, "PUT", &at("billboard_1"), "text/targetUrl").await;
    // An `id` in the body means nothing.
    let pointed = ask
        .json(&code("billboard_2", "https://example.com/two"))
        .send()
        .await
        .ok();
    assert_eq!(
        pointed,
        json!({ "id": "billboard_1", "url": before, "redirectUrl": "https://example.com/two", "expiresIn": -1 })
    );
    assert_eq!(
        scan(&shop, &before).await.as_deref(),
        Some("https://example.com/two")
    );
}

#[tokio::test]
async fn qr_15_qr_16_qr_17_deleted_codes_stay_dead() {
    let (world, shop, _) = stage().await;
    let stranger = world.shop(|_| {}).await;
    let to = json!({ "redirectUrl": "https://example.com/elsewhere" });
    let all_unknown = async |shop: &Shop| {
        for method in ["GET", "PUT", "DELETE"] {
            let got = shop
                .ask(method, &at("billboard_1"))
                .await
                .json(&to)
                .send()
                .await;
            got.detail(404, "Not Found", UNKNOWN, "qr.id_unknown");
        }
    };
    all_unknown(&shop).await;
    make(&shop, &code("billboard_1", "https://example.com"))
        .await
        .ok();
    all_unknown(&stranger).await;
    let first = print(&shop, "billboard_1").await;
    assert!(scan(&shop, &first).await.is_some());

    let deleted = shop.ask("DELETE", &at("billboard_1")).await.send().await;
    deleted.answered(200, "", "");
    all_unknown(&shop).await;
    assert_eq!(scan(&shop, &first).await, None);
    make(&shop, &code("billboard_1", "https://example.com/new"))
        .await
        .ok();
    let second = print(&shop, "billboard_1").await;
    assert_eq!(scan(&shop, &first).await, None);
    assert_eq!(
        scan(&shop, &second).await.as_deref(),
        Some("https://example.com/new")
    );
    // Made up.
    for made_up in [
        "/q/r/123456/abc",
        "/q/r/abc/abc",
        "/q/r/123456/YQ.YQ",
        "/q/r/123456/%ff.a",
    ] {
        assert_eq!(scan(&shop, &format!("{BASE}{made_up}")).await, None);
    }
}

#[tokio::test]
async fn qr_18_qr_19_codes_with_an_end_and_the_list() {
    let (world, shop, _) = stage().await;
    let list = async |shop: &Shop| {
        let got = shop.ask("GET", REDIRECT).await.send().await.ok();
        let codes = got.as_array().expect("a list").clone();
        let ids = codes.iter().map(|it| text(it, "id"));
        ids.collect::<Vec<_>>()
    };
    assert!(list(&shop).await.is_empty());
    let ends = with_member(code("a", "https://example.com/a"), "ttl", 600);
    assert_eq!(make(&shop, &ends).await.ok()["expiresIn"], 600);
    make(&shop, &code("b", "https://example.com/b")).await.ok();
    let stranger = world.shop(|_| {}).await;
    make(&stranger, &code("c", "https://example.com/c"))
        .await
        .ok();
    assert_eq!(list(&shop).await, ["a", "b"]);
    assert_eq!(list(&stranger).await, ["c"]);

    let print = print(&shop, "a").await;
    shop.advance(seconds(599)).await;
    let got = shop.ask("GET", &at("a")).await.send().await.ok();
    assert_eq!(got["expiresIn"], 1);
    assert!(scan(&shop, &print).await.is_some());
    shop.advance(seconds(1)).await;
    let got = shop.ask("GET", &at("a")).await.send().await;
    got.detail(404, "Not Found", UNKNOWN, "qr.id_unknown");
    assert_eq!(scan(&shop, &print).await, None);
    assert_eq!(list(&shop).await, ["b"]);
    // The address of a picture works for an hour, and another is had by asking.
    let image = text(&shop.ask("GET", &at("b")).await.send().await.ok(), "url");
    shop.advance(seconds(3_599)).await;
    picture(&shop, &image).await;
    shop.advance(seconds(1)).await;
    assert_eq!(open(&shop, &image).await.answer.status, 404);
    let image = text(&shop.ask("GET", &at("b")).await.send().await.ok(), "url");
    picture(&shop, &image).await;
}

#[tokio::test]
async fn qr_34_the_number_of_the_sales_unit() {
    let (world, shop, _) = stage().await;
    let stranger = world.shop(|_| {}).await;
    let says = |msn: &str| {
        format!(
            "Invalid MSN: {msn}. Check your API keys on portal.vipps.no and see the eCom FAQ for tips."
        )
    };
    let foreign = stranger.msn.as_str();
    let body = code("billboard_1", "https://example.com");
    for (method, path) in [("POST", REDIRECT), ("GET", REDIRECT), ("POST", "/qr/v1")] {
        let ask = shop.ask(method, path).await.json(&body);
        let got = ask.header("Merchant-Serial-Number", foreign).send().await;
        got.detail(401, "Unauthorized", &says(foreign), "msn.not_yours");
        let partner = world.partner(shop.environment, |_| {}).await;
        let ask = partner.ask_for(foreign, method, path).await.json(&body);
        ask.send()
            .await
            .detail(403, "Forbidden", &says(foreign), "partner.not_linked");
    }
    let list = stranger.ask("GET", REDIRECT).await.send().await;
    list.answered(200, "[]", "");
}
