//! What the FAQ says of every error, proved on every refusal that the catalogue provokes; and what
//! the journal tells of calls that were accepted.

use http::HeaderMap;
use sandkasse_catalogue::Catalogue;
use sandkasse_inspect::{EXPLAIN, Reader, Step};
use sandkasse_testkit::{Played, Stage};
use serde_json::json;

use crate::testing::{House, Rules};

async fn plays() -> Vec<(String, Played)> {
    let mut plays = Vec::new();
    for page in Catalogue::get().pages() {
        for cause in page.causes.iter().filter(|cause| cause.request.is_some()) {
            let played = Stage::default().play(cause).await;
            plays.push((format!("{} {}", page.slug, cause.id), played));
        }
    }
    plays
}

fn noted(played: &Played) -> (House, HeaderMap) {
    let house = House::around(played.world.clone(), Rules::default());
    let (environment, exchange) = (played.ask.environment(), played.got.exchange.clone());
    let answer = house
        .inspector
        .note(environment, played.ask.request(), exchange);
    (house, answer.headers)
}

#[tokio::test(start_paused = true)]
async fn faq_40_faq_70_header_and_body_of_every_error_tell_about_it() {
    let plays = plays().await;
    assert!(plays.len() > 140, "{}", plays.len());
    for (place, played) in plays {
        let got = &played.got;
        assert!(got.status >= 400 && !got.body.is_empty(), "{place}");
        let is_gateway = got.body.starts_with("{ \"statusCode\"");
        let challenged = got.header("www-authenticate").is_some();
        assert_eq!(
            challenged,
            got.status == 401 && is_gateway,
            "{place}: {}",
            got.body
        );
        let retry = got.header("retry-after").is_some();
        assert_eq!(retry, got.status == 429 && is_gateway, "{place}");
        let (house, headers) = noted(&played);
        let url = headers[EXPLAIN].to_str().unwrap();
        let address = url.rsplit('/').next().unwrap();
        let explained = house.inspector.explain(address, &Reader::Administrator);
        let explained = explained.await.unwrap_or_else(|| panic!("{place}"));
        assert_eq!(explained.response.status, got.status);
        let mut others = headers.clone();
        others.remove(EXPLAIN);
        assert_eq!(
            others, got.headers,
            "{place}: one header more and no other change"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn faq_49_faq_119_an_explanation_has_facts_of_http_and_takes_no_uploads() {
    let (_, cause) = Catalogue::get()
        .by_cause("json.type.msn", "ecom/internal-error")
        .unwrap();
    let played = Stage::default().play(cause).await;
    let (house, headers) = noted(&played);
    let url = headers[EXPLAIN].to_str().unwrap();
    let address = url.rsplit('/').next().unwrap().to_owned();
    let (status, kept) = house.get(&format!("/requests/{address}")).await;
    assert_eq!(status, 200);
    // What support is asked for is there: the complete request and response.
    assert_eq!(kept["response"]["body"], played.got.body);
    let sent = String::from_utf8_lossy(&played.ask.request().body).into_owned();
    assert_eq!(kept["request"]["body"], sent);
    for method in ["POST", "PUT", "DELETE"] {
        let (status, _) = house
            .call(
                method,
                &format!("/requests/{address}"),
                json!({"code": "…"}),
            )
            .await;
        assert_eq!(status, 405, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn faq_69_the_right_request_stands_beside_the_wrong_one() {
    for (id, page, wrong, right) in [
        (
            "json.type.msn",
            "ecom/internal-error",
            r#""merchantSerialNumber":1"#,
            r#""merchantSerialNumber":"1"#,
        ),
        (
            "json.member_case",
            "ecom/internal-error",
            "fallback",
            "fallBack",
        ),
        ("json.type.amount", "ecom/internal-error", "99.5", ":100,"),
    ] {
        let (_, cause) = Catalogue::get().by_cause(id, page).unwrap();
        let played = Stage::default().play(cause).await;
        let (house, headers) = noted(&played);
        let url = headers[EXPLAIN].to_str().unwrap();
        let address = url.rsplit('/').next().unwrap();
        let it = house
            .inspector
            .explain(address, &Reader::Administrator)
            .await
            .unwrap();
        let Some(Step::Send { call }) = it.remedy.steps.last() else {
            panic!("{id}: no corrected request")
        };
        let sent: String = it.request.curl.split_whitespace().collect();
        let corrected: String = call.curl().split_whitespace().collect();
        assert_ne!(sent, corrected, "{id}");
        assert!(
            sent.contains(wrong) && corrected.contains(right),
            "{id}: {sent} {corrected}"
        );
    }
}

#[tokio::test]
async fn plat_20_long_names_of_systems_are_accepted_and_noted() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    for (length, notes) in [(30, 0), (31, 1)] {
        let mut body = shop.initiate_body(&format!("acme-{length}"), 49_900);
        body["customerInfo"]["mobileNumber"] = json!("");
        let ask = shop.ask("POST", "/ecomm/v2/payments").await;
        let ask = ask
            .header("Vipps-System-Name", &"a".repeat(length))
            .json(&body);
        let (answer, _) = house
            .inspector
            .answer(shop.environment, ask.request())
            .await;
        assert_eq!(answer.status, 200);
        assert!(!answer.headers.contains_key(EXPLAIN));
        let (_, list) = house.get("/requests?limit=1").await;
        let id = list["requests"][0]["id"].as_str().unwrap().to_owned();
        let (_, kept) = house.get(&format!("/requests/{id}")).await;
        assert_eq!(kept["notes"].as_array().unwrap().len(), notes, "{kept}");
    }
}
