//! The deprecated status: one word for the latest event (reference: ecom.md §2.6).

use sandkasse_domain::{person::Person, sales_unit::CaptureType};
use sandkasse_engine::Act;
use sandkasse_testkit::{Shop, World, days, minutes};
use serde_json::Value;

/// What happened to a payment of an amount, the word for it, and the amount that is shown.
const ROWS: [(&str, i64, &str, i64); 19] = [
    ("", 10_000, "INITIATE", 10_000),
    ("open", 10_000, "INITIATE", 10_000),
    ("secure", 10_000, "REGISTER", 10_000),
    ("approve", 201, "REGISTER", 201),
    ("approve", 182, "INITIATE", 182),
    ("approve, reject", 182, "FAILED", 182),
    ("approve, 5 minutes", 182, "FAILED", 182),
    ("approve", 10_000, "RESERVE", 10_000),
    ("approve, cancel", 10_000, "VOID", 10_000),
    ("approve, capture", 10_000, "CAPTURE", 4_000),
    ("approve, capture, 8 days", 10_000, "CAPTURE", 4_000),
    ("approve, capture, release", 10_000, "VOID", 6_000),
    ("approve, capture, refund", 10_000, "REFUND", 4_000),
    ("approve, capture, refund, release", 10_000, "VOID", 6_000),
    ("cancel", 10_000, "CANCEL", 10_000),
    ("reject", 10_000, "CANCEL", 10_000),
    ("leave", 10_000, "CANCEL", 10_000),
    ("5 minutes", 10_000, "REJECTED", 10_000),
    ("direct, approve", 10_000, "SALE", 10_000),
];

async fn happen(shop: &Shop, order: &str, what: &str, kari: &Person) {
    match what {
        "" => {}
        "direct" => {}
        "open" => drop(shop.person(order, Act::Open).await.expect("open")),
        "secure" => drop(
            shop.person(order, Act::EnterThreeDSecure)
                .await
                .expect("open"),
        ),
        "approve" => drop(shop.approve(order, kari).await.expect("open")),
        "reject" => drop(shop.person(order, Act::Reject).await.expect("open")),
        "leave" => drop(
            shop.person(order, Act::LeaveLandingPage)
                .await
                .expect("open"),
        ),
        "capture" => drop(shop.capture(order, 4_000).await.ok()),
        "refund" => drop(shop.refund(order, Value::Null).await.ok()),
        "cancel" => drop(shop.cancel(order).await.ok()),
        "release" => drop(shop.release(order).await.ok()),
        "5 minutes" => shop.advance(minutes(5)).await,
        "8 days" => shop.advance(days(8)).await,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn ecom_81_the_status_is_the_latest_event() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    for (story, amount, word, shown) in ROWS {
        let shop = world
            .shop(|unit| {
                if story.starts_with("direct") {
                    unit.capture = CaptureType::Direct;
                }
            })
            .await;
        shop.initiate("acme-1", amount).await.ok();
        for what in story.split(", ") {
            happen(&shop, "acme-1", what, &kari).await;
        }
        let got = shop.status("acme-1").await;
        let details = shop.details("acme-1").await.ok();
        let newest = &details["transactionLogHistory"][0];
        let id = match newest.get("transactionId") {
            Some(id) => format!(r#","transactionId":{id}"#),
            None => String::new(),
        };
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        // A status that is no event of its own has its own moment.
        let at = match word {
            "FAILED" if story.ends_with("minutes") => "2023-06-13T12:05:00.000Z".to_owned(),
            _ => text(&newest["timeStamp"]),
        };
        got.ok_exactly(&format!(
            r#"{{"orderId":"acme-1","transactionInfo":{{"amount":{shown},"status":"{word}","timeStamp":"{at}"{id}}}}}"#,
        ));
    }
}

/// What the bank refused to pay is still reserved: a poller must not take it for captured.
#[tokio::test]
async fn a_failed_capture_is_no_capture() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.reserved("acme-1", 1000, &kari).await;
    let directory = &world.platform.engine.directory;
    directory
        .change_person(shop.environment, &kari.id, |person| person.cards.clear())
        .await
        .expect("memory does not fail");
    shop.advance(sandkasse_testkit::days(31)).await;
    let refused = shop.capture("acme-1", 1000).await;
    refused.refused(400, "Payment", "63", "capture.refused_by_bank");
    assert_eq!(
        shop.log("acme-1").await,
        ["CAPTURE!", "RESERVE", "INITIATE"]
    );
    let status = shop.status("acme-1").await.ok();
    assert_eq!(status["transactionInfo"]["status"], "RESERVE");
}
