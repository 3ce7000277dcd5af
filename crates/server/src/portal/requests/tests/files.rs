//! Calls as files for other tools: their shapes.

use serde_json::Value;

use super::*;

fn object<'a>(value: &'a Value, members: &[&str], place: &str) -> &'a Value {
    let there = value
        .as_object()
        .unwrap_or_else(|| panic!("{place}: {value}"));
    for member in members {
        assert!(
            there.contains_key(*member),
            "{place} has no {member}: {value}"
        );
    }
    value
}

fn pairs(value: &Value, place: &str) {
    for pair in value.as_array().unwrap() {
        object(pair, &["name", "value"], place);
        assert!(pair["name"].is_string() && pair["value"].is_string());
    }
}

/// HAR 1.2: every member that the format requires, with its type.
fn check_har(har: &Value) -> usize {
    let log = &object(har, &["log"], "har")["log"];
    object(log, &["version", "creator", "entries"], "log");
    assert_eq!(log["version"], "1.2");
    object(&log["creator"], &["name", "version"], "creator");
    let entries = log["entries"].as_array().unwrap();
    for entry in entries {
        object(
            entry,
            &[
                "startedDateTime",
                "time",
                "request",
                "response",
                "cache",
                "timings",
            ],
            "entry",
        );
        let started = entry["startedDateTime"].as_str().unwrap();
        started.parse::<jiff::Timestamp>().unwrap();
        assert!(entry["time"].as_f64().unwrap() >= 0.0 && entry["cache"].is_object());
        for timing in ["send", "wait", "receive"] {
            assert!(entry["timings"][timing].is_number(), "{timing}");
        }
        let message = [
            "httpVersion",
            "cookies",
            "headers",
            "headersSize",
            "bodySize",
        ];
        let request = object(&entry["request"], &message, "request");
        object(request, &["method", "url", "queryString"], "request");
        assert!(request["url"].as_str().unwrap().starts_with("http"));
        let response = object(&entry["response"], &message, "response");
        object(
            response,
            &["status", "statusText", "content", "redirectURL"],
            "response",
        );
        object(&response["content"], &["size", "mimeType"], "content");
        if let Some(data) = request.get("postData") {
            object(data, &["mimeType", "text"], "postData");
        }
        for it in [request, response] {
            pairs(&it["headers"], "headers");
            assert!(it["headersSize"].is_number() && it["bodySize"].is_number());
        }
    }
    entries.len()
}

/// Postman 2.1: what its schema requires of what we write.
fn check_postman(collection: &Value) -> usize {
    object(collection, &["info", "item", "variable"], "collection");
    let info = object(&collection["info"], &["name", "schema"], "info");
    let schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
    assert_eq!(info["schema"], schema);
    for variable in collection["variable"].as_array().unwrap() {
        object(variable, &["key", "value"], "variable");
    }
    let items = collection["item"].as_array().unwrap();
    for item in items {
        object(item, &["name", "request", "response"], "item");
        let request = object(&item["request"], &["method", "header", "url"], "request");
        for header in request["header"].as_array().unwrap() {
            object(header, &["key", "value"], "header");
        }
        let url = object(&request["url"], &["raw", "host", "path"], "url");
        assert!(url["host"].is_array() && url["path"].is_array());
        if let Some(body) = request.get("body") {
            assert_eq!(
                (&body["mode"], body["raw"].is_string()),
                (&"raw".into(), true)
            );
        }
    }
    items.len()
}

#[tokio::test]
async fn files_have_their_formats_and_no_secrets() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    made(&house, shop.ask_token()).await;
    let record = made(&house, initiate(&shop, "acme-1").await).await;
    let wrong = initiate(&shop, "acme-2")
        .await
        .header(SUBSCRIPTION_KEY, "nonsense");
    made(&house, wrong).await;
    let id = address(&house, &record);
    let token = shop.token().await;
    let keys = shop.keys();
    for (query, expected) in [
        (String::new(), 3),
        ("refused=on".to_owned(), 1),
        (format!("id={id}"), 1),
    ] {
        let guest = house.guest(Some(Role::Reader));
        let har = guest.get(&format!("/requests.har?{query}")).await;
        assert!(
            har.headers["content-disposition"]
                .to_str()
                .unwrap()
                .contains("sandkasse.har")
        );
        assert_eq!(
            check_har(&serde_json::from_str(&har.html).unwrap()),
            expected
        );
        let postman = guest.get(&format!("/requests.postman.json?{query}")).await;
        assert_eq!(
            check_postman(&serde_json::from_str(&postman.html).unwrap()),
            expected
        );
        for secret in [&keys.primary, &keys.secondary, &keys.client_secret, &token] {
            assert!(!har.html.contains(secret.as_str()) && !postman.html.contains(secret.as_str()));
        }
    }
    let (_, har) = house.get("/requests.har").await;
    assert_eq!(check_har(&har), 3);
    let (_, postman) = house.get("/requests.postman.json?status=401").await;
    assert_eq!(check_postman(&postman), 1);
    let request = &postman["item"][0]["request"];
    assert_eq!(request["url"]["raw"], "{{BASE_URL}}/ecomm/v2/payments");
    let text = postman.to_string();
    assert!(text.contains("Bearer {{ACCESS_TOKEN}}") && text.contains("{{SUBSCRIPTION_KEY}}"));
}
