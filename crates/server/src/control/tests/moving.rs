//! Export, snapshots and examination over the control API.

use serde_json::json;

use super::{refused, shop};
use crate::testing::House;

#[tokio::test]
async fn everything_is_told_as_lines() {
    let house = House::new().await;
    shop(&house).await;
    let (status, text) = house.lines("GET", "/export", Vec::new()).await;
    assert_eq!(status, 200);
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("{\"sandkasse\":{\"format\":1"),
        "{}",
        lines[0]
    );
    assert!(lines.last().unwrap().starts_with("{\"end\""));
    assert!(
        lines
            .iter()
            .any(|line| line.contains("\"name\":\"acme-1\""))
    );
    let log = house
        .world
        .platform
        .engine
        .audit
        .lines(None, 10)
        .await
        .unwrap();
    assert!(
        log.iter()
            .any(|it| it.entry.action == "GET /control/v1/export")
    );
}

#[tokio::test]
async fn a_unit_is_put_back_and_emptied() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let other = house.world.shop(|_| {}).await;
    let path = format!("/sales-units/test/{}", shop.msn);
    let (status, taken) = house
        .lines("GET", &format!("{path}/snapshot"), Vec::new())
        .await;
    assert_eq!(status, 200);
    shop.initiate("acme-2", 100).await.ok();

    let (status, answer) = house
        .lines("POST", &format!("{path}/snapshot"), taken.clone())
        .await;
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(
        (status, &answer),
        (200, &json!({"records": 1, "events": 1, "calls": 0}))
    );
    shop.details("acme-1").await.ok();
    shop.details("acme-2")
        .await
        .refused(404, "Merchant", "35", "order.unknown");

    let (status, _) = house
        .lines("POST", &format!("{path}/reset"), Vec::new())
        .await;
    assert_eq!(status, 204);
    shop.details("acme-1")
        .await
        .refused(404, "Merchant", "35", "order.unknown");
    shop.initiate("acme-1", 100).await.ok();

    let elsewhere = format!("/sales-units/test/{}/snapshot", other.msn);
    for (path, body, status, cause) in [
        (elsewhere.clone(), taken.clone(), 409, "another_sales_unit"),
        (
            format!("{path}/snapshot"),
            b"{}".to_vec(),
            400,
            "bad_request",
        ),
        (format!("{path}/snapshot"), Vec::new(), 400, "bad_request"),
        (
            format!("{path}/snapshot"),
            taken[..taken.len() / 2].to_vec(),
            400,
            "bad_request",
        ),
        (
            "/sales-units/test/999999/reset".to_owned(),
            Vec::new(),
            404,
            "sales_unit_unknown",
        ),
    ] {
        let (got, answer) = house.lines("POST", &path, body).await;
        let answer = serde_json::from_slice(&answer).unwrap();
        refused((got, answer), status, cause);
    }
    shop.details("acme-1").await.ok();
}

#[tokio::test]
async fn a_sound_platform_says_so() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let kari = house.world.person(|_| {}).await;
    shop.reserved("acme-3", 500, &kari).await;
    let (status, report) = house.get("/doctor").await;
    assert_eq!((status, &report["findings"]), (200, &json!([])), "{report}");
    assert_eq!(report["payments"], 2);
    assert!(report["rows"]["events"].as_u64().unwrap() >= 3);
}
