//! Faults on demand: that rules arrive and go. What they do is tested where the calls are.

use serde_json::{Value, json};

use super::{refused, shop};
use crate::testing::House;

async fn delete(house: &House, path: &str) -> (u16, Value) {
    house.call("DELETE", path, Value::Null).await
}

async fn listed(house: &House) -> Vec<Value> {
    let (status, list) = house.get("/faults").await;
    assert_eq!(status, 200);
    list["faults"].as_array().unwrap().clone()
}

#[tokio::test]
async fn rules_are_made_listed_and_taken_away() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let wish = json!({
        "environment": "test", "msn": shop.msn, "operation": "details", "kind": "internal-error", "count": 2,
    });
    let made = json!({
        "id": 1, "environment": "test", "msn": shop.msn, "operation": "details",
        "kind": "internal-error", "count": 2, "struck": 0,
        "since": "2023-06-13T12:00:00Z",
    });
    assert_eq!(house.post("/faults", wish).await, (201, made));
    let everybody = json!({"kind": "slow", "environment": "production", "ms": 5});
    let (_, second) = house.post("/faults", everybody).await;
    let expected = json!({
        "id": 2, "environment": "production", "msn": null, "operation": null, "kind": "slow", "ms": 5,
        "struck": 0, "since": "2023-06-13T12:00:00Z",
    });
    assert_eq!(second, expected);
    assert_eq!(shop.details("acme-1").await.cause(), "platform.fault");
    let all = listed(&house).await;
    assert_eq!(
        (&all[0]["count"], &all[0]["struck"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(all[1], expected);
    assert_eq!(shop.details("acme-1").await.status, 500);
    shop.details("acme-1").await.ok();
    assert_eq!(listed(&house).await, [expected], "what is used up is gone");
    refused(delete(&house, "/faults/1").await, 404, "fault_unknown");
    assert_eq!(delete(&house, "/faults/2").await.0, 204);
    assert_eq!(listed(&house).await, [] as [Value; 0]);
    for _ in 0..3 {
        house.post("/faults", json!({"kind": "outage-502"})).await;
    }
    assert_eq!(shop.ask_token().send().await.status, 502);
    assert_eq!(delete(&house, "/faults").await.0, 204);
    assert_eq!(listed(&house).await, [] as [Value; 0]);
    shop.ask_token().send().await.ok();
}

#[tokio::test]
async fn a_seed_that_was_drawn_is_told() {
    let house = House::new().await;
    let wish = json!({"kind": "sql-glitch", "probability": 0.25});
    let (_, drawn) = house.post("/faults", wish).await;
    assert!(drawn["seed"].as_u64().is_some_and(|seed| seed < 1 << 32));
    assert_eq!(drawn["probability"], 0.25);
    let wish = json!({"kind": "sql-glitch", "probability": 1, "seed": 7});
    let (_, given) = house.post("/faults", wish).await;
    assert_eq!(
        (&given["seed"], &given["probability"]),
        (&json!(7), &json!(1.0))
    );
}

#[tokio::test]
async fn a_reset_takes_all_rules_away() {
    let house = House::new().await;
    house.post("/faults", json!({"kind": "drop"})).await;
    house.post("/reset", Value::Null).await;
    assert_eq!(listed(&house).await, [] as [Value; 0]);
}

#[tokio::test]
async fn rules_that_mean_nothing_are_refused_and_say_why() {
    let house = House::new().await;
    for (wish, says) in [
        (json!({}), "kind"),
        (json!({"kind": "broken"}), "outage-502"),
        (json!({"kind": "drop", "operation": "pay"}), "initiate"),
        (json!({"kind": "drop", "count": 0}), "at least 1"),
        (
            json!({"kind": "drop", "count": 1, "probability": 0.5}),
            "not both",
        ),
        (json!({"kind": "drop", "seed": 1}), "probability"),
        (
            json!({"kind": "drop", "count": 1, "seed": 1}),
            "probability",
        ),
        (json!({"kind": "drop", "probability": 1.5}), "from 0 to 1"),
        (json!({"kind": "drop", "probability": -0.5}), "from 0 to 1"),
        (json!({"kind": "drop", "ms": 5}), "slow"),
        (json!({"kind": "slow", "ms": 600_001}), "600000"),
        (json!({"kind": "drop", "code": 42}), "issuer-refuses"),
        (json!({"kind": "issuer-refuses", "code": 46}), "45"),
        (
            json!({"kind": "issuer-refuses", "operation": "capture"}),
            "capture",
        ),
        (
            json!({"kind": "order-locked", "operation": "token"}),
            "token",
        ),
        (
            json!({"kind": "sql-glitch", "environment": "production"}),
            "test environment only",
        ),
        (json!({"kind": "drop", "msn": "x"}), "body"),
        (json!({"kind": "drop", "often": true}), "often"),
    ] {
        let detail = refused(
            house.post("/faults", wish.clone()).await,
            400,
            "bad_request",
        );
        assert!(detail.contains(says), "{wish}: {detail}");
    }
    let nobody = json!({"kind": "drop", "msn": "999999"});
    refused(
        house.post("/faults", nobody).await,
        404,
        "sales_unit_unknown",
    );
    assert_eq!(listed(&house).await, [] as [Value; 0]);
    for _ in 0..1000 {
        assert_eq!(house.post("/faults", json!({"kind": "drop"})).await.0, 201);
    }
    let more = house.post("/faults", json!({"kind": "drop"})).await;
    refused(more, 409, "too_many_faults");
    refused(delete(&house, "/faults/x").await, 400, "bad_request");
}

#[tokio::test]
async fn the_description_names_every_kind_and_the_test_amounts() {
    let house = House::new().await;
    let (_, api) = house.get("/openapi.json").await;
    let words = api.to_string();
    for name in sandkasse_engine::faults::Fault::NAMES {
        assert!(words.contains(&format!("\"{name}\"")), "{name}");
    }
    for word in ["Sandkasse-Fault", "151", "186", "201", "202"] {
        assert!(words.contains(word), "{word}");
    }
}
