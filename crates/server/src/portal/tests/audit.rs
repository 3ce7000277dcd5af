//! What the audit log holds.

use serde_json::{Value, json};

use super::Browser;
use crate::testing::House;

async fn lines(house: &House) -> Vec<Value> {
    let (status, list) = house.get("/audit").await;
    assert_eq!(status, 200, "{list}");
    assert_eq!(list["chain"]["whole"], json!(true));
    let lines = list["lines"].as_array().unwrap().clone();
    assert_eq!(list["chain"]["lines"], json!(lines.len()));
    lines
}

#[tokio::test]
async fn s_20_whoever_changes_something_stands_in_the_log_with_what_changed() {
    let house = House::new().await;
    let unit = "/sales-units/test/220001";
    house.call("PATCH", unit, json!({"name": "socks"})).await;
    house
        .post(&format!("{unit}/advance"), json!({"days": 1}))
        .await;
    let lines = lines(&house).await;
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let renamed = &lines[1];
    assert_eq!(renamed["number"], 1);
    assert_eq!(renamed["actor"], "somebody on this machine");
    assert_eq!(
        (&renamed["how"], &renamed["role"]),
        (&json!("local"), &json!("admin"))
    );
    assert_eq!(
        renamed["action"],
        "PATCH /control/v1/sales-units/test/220001"
    );
    assert_eq!(renamed["status"], 200);
    assert_eq!(renamed["at"], "2023-06-13T12:00:00Z");
    assert_eq!(renamed["before"], json!({"name": "demo"}));
    assert_eq!(renamed["after"], json!({"name": "socks"}));
    let moved = &lines[0];
    assert_eq!(moved["after"]["clock"]["ahead_ms"], 86_400_000);
    assert_eq!(moved["previous"], renamed["hash"]);
}

#[tokio::test]
async fn s_20_the_log_tells_people_tokens_and_refusals_apart() {
    let house = House::new().await;
    let admin = Browser::new(&house);
    admin.sign_in("demo-admin", "/users").await;
    let csrf = admin.csrf("/users").await;
    admin
        .post("/users/demo-reader", &format!("role=developer&{csrf}"))
        .await;
    let reader = Browser::new(&house);
    reader.sign_in("demo-developer", "/units").await;
    let csrf = reader.csrf("/").await;
    reader.post("/users/demo-reader/remove", &csrf).await;
    reader.post("/sign-out", &csrf).await;
    // Looking, and what is mistaken, leave no line.
    house.get("/users").await;
    house
        .call("PATCH", "/users/nobody", json!({"role": "admin"}))
        .await;
    house.post("/users", json!({"name": ""})).await;
    let lines = lines(&house).await;
    let told: Vec<_> = lines
        .iter()
        .rev()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or_default();
            (
                text("actor"),
                text("role"),
                text("how"),
                text("action"),
                line["status"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("Astrid Admin", "admin", "session", "sign in", None),
            (
                "Astrid Admin",
                "admin",
                "session",
                "POST /users/demo-reader",
                Some(303)
            ),
            ("Didrik Developer", "developer", "session", "sign in", None),
            (
                "Didrik Developer",
                "developer",
                "session",
                "POST /users/demo-reader/remove",
                Some(403)
            ),
            ("Didrik Developer", "developer", "session", "sign out", None),
        ]
    );
    assert_eq!(lines[3]["before"], json!({"role": "reader"}));
    assert_eq!(lines[3]["after"], json!({"role": "developer"}));
    let page = admin.get("/audit").await;
    assert_eq!(page.status, 200);
    for words in [
        "The chain is whole",
        "POST /users/demo-reader",
        "Didrik Developer",
    ] {
        assert!(page.html.contains(words), "{words}");
    }
}

#[tokio::test]
async fn s_20_no_secret_stands_in_the_log() {
    let house = House::new().await;
    let (_, token) = house
        .post("/tokens", json!({"name": "Build", "role": "reader"}))
        .await;
    let mut secrets = vec![token["token"].clone()];
    let regenerate = "/sales-units/test/220001/keys/client_secret/regenerate";
    let (_, keys) = house.post(regenerate, Value::Null).await;
    secrets.push(keys["client_secret"].clone());
    let new = json!({"environment": "test", "name": "new"});
    let (status, made) = house.post("/sales-units", new).await;
    assert_eq!(status, 201, "{made}");
    let new = json!({"environment": "production", "id": "acme", "name": "Acme"});
    let (status, made) = house.post("/partners", new).await;
    assert_eq!(status, 201, "{made}");
    let (_, keys) = house.get("/partners/production/acme/keys").await;
    for key in [
        "client_secret",
        "primary_subscription_key",
        "secondary_subscription_key",
    ] {
        secrets.push(keys[key].clone());
    }
    let lines = lines(&house).await;
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[3]["after"]["name"], "Build");
    assert_eq!(lines[3]["after"]["token"], "(secret)");
    let text = Value::from(lines).to_string();
    for secret in secrets {
        assert!(!text.contains(secret.as_str().unwrap()));
    }
}

#[tokio::test]
async fn s_20_the_log_outlives_a_reset_which_stands_in_it() {
    let house = House::new().await;
    house
        .call("PATCH", "/sales-units/test/220001", json!({"name": "x"}))
        .await;
    house.post("/reset", Value::Null).await;
    let lines = lines(&house).await;
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["action"], "POST /control/v1/reset");
    let (_, page) = house.get("/audit?before=2&limit=5").await;
    assert_eq!(page["lines"].as_array().unwrap().len(), 1);
    assert_eq!(page["lines"][0]["number"], 1);
}
