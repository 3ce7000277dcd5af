//! Users and tokens, on the page and in the control API.

use serde_json::{Value, json};

use super::{Browser, location};
use crate::{portal::visitor::COOKIE, testing::House};

#[tokio::test]
async fn an_admin_adds_changes_and_removes_users_on_the_page() {
    let house = House::new().await;
    let admin = Browser::new(&house);
    admin.sign_in("demo-admin", "/users").await;
    let csrf = admin.csrf("/users").await;
    let form = format!("name=Ola+%3Cb%3E&role=reader&{csrf}");
    assert_eq!(location(&admin.post("/users", &form).await), "/users");
    let page = admin.get("/users").await.html;
    assert!(page.contains("Ola &#60;b&#62;") && !page.contains("Ola <b>"));
    let users = house.engine().directory.users();
    let ola = users.iter().find(|user| user.name == "Ola <b>").unwrap();

    let other = Browser::new(&house);
    other.sign_in(&ola.id, "/units").await;
    assert_eq!(other.get("/users").await.status, 403);
    // What somebody may do changes where they are signed in, at once.
    let change = format!("role=admin&{csrf}");
    admin.post(&format!("/users/{}", ola.id), &change).await;
    assert_eq!(other.get("/users").await.status, 200);
    let remove = format!("/users/{}/remove", ola.id);
    assert_eq!(location(&admin.post(&remove, &csrf).await), "/users");
    assert_eq!(other.get("/users").await.status, 303, "signed out");
    let gone = admin.post(&remove, &csrf).await;
    assert!(gone.html.contains("there is no such user"));
    let empty = admin
        .post("/users", &format!("name=+&role=reader&{csrf}"))
        .await;
    assert_eq!(empty.status, 400);
    assert!(
        empty
            .html
            .contains("Nothing was changed: the name is empty")
    );
}

#[tokio::test]
async fn the_last_admin_stays() {
    let house = House::new().await;
    let admin = "/users/demo-admin";
    for (method, body) in [
        ("DELETE", Value::Null),
        ("PATCH", json!({"role": "developer"})),
    ] {
        let (status, problem) = house.call(method, admin, body).await;
        assert_eq!((status, &problem["cause"]), (409, &json!("last_admin")));
    }
    let (status, renamed) = house.call("PATCH", admin, json!({"name": "Ada"})).await;
    assert_eq!((status, &renamed["role"]), (200, &json!("admin")));
    let (status, other) = house
        .post("/users", json!({"name": "Eva", "role": "admin"}))
        .await;
    assert_eq!(status, 201);
    assert_eq!(house.call("DELETE", admin, Value::Null).await.0, 204);
    let eva = format!("/users/{}", other["id"].as_str().unwrap());
    assert_eq!(house.call("DELETE", &eva, Value::Null).await.0, 409);
    let (_, list) = house.get("/users").await;
    let names: Vec<&str> = list["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Didrik Developer", "Eva", "Rita Reader"]);
    assert_eq!(house.get(admin).await.0, 404);
    assert_eq!(
        house
            .post("/users", json!({"name": "X", "role": "god"}))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn users_and_tokens_outlive_a_reset_and_sessions_do_too() {
    let house = House::new().await;
    house
        .call("PATCH", "/users/demo-reader", json!({"role": "developer"}))
        .await;
    house
        .call("DELETE", "/users/demo-developer", Value::Null)
        .await;
    house
        .post("/tokens", json!({"name": "Build", "role": "reader"}))
        .await;
    let admin = Browser::new(&house);
    admin.sign_in("demo-admin", "/users").await;
    let (_, before) = house.get("/users").await;
    let (_, tokens) = house.get("/tokens").await;
    assert_eq!(house.post("/reset", Value::Null).await.0, 200);
    assert_eq!(house.get("/users").await.1, before);
    assert_eq!(house.get("/tokens").await.1, tokens);
    assert!(admin.cookie(COOKIE).is_some());
    assert_eq!(admin.get("/users").await.status, 200);
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_as_its_digest() {
    let house = House::new().await;
    let (status, made) = house
        .post("/tokens", json!({"name": "Build", "role": "developer"}))
        .await;
    assert_eq!(status, 201);
    let token = made["token"].as_str().unwrap();
    assert!(
        token.starts_with("sandkasse_") && token.len() == 74,
        "{token}"
    );
    let (_, list) = house.get("/tokens").await;
    assert_eq!(list["tokens"][0]["name"], "Build");
    assert_eq!(list["tokens"][0]["made_by"], "somebody on this machine");
    assert!(!list.to_string().contains(token));
    let (entries, _) = house.engine().store().directory(0).await.unwrap();
    for entry in entries {
        assert!(!entry.body.unwrap_or_default().contains(token));
    }
    let path = format!("/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(house.call("DELETE", &path, Value::Null).await.0, 204);
    assert_eq!(house.call("DELETE", &path, Value::Null).await.0, 404);
    assert!(house.engine().directory.api_token_of(token).is_none());
}
