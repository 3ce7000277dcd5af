//! The OpenAPI document of the control API.

use serde_json::{Value, json};

use crate::testing::House;

/// Found by Schemathesis: whatever an operation takes may be something else, and the document did not say what comes then.
#[tokio::test]
async fn every_operation_that_takes_something_says_what_a_wrong_one_gets() {
    let house = House::new().await;
    let (_, document) = house.get("/openapi.json").await;
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["parameters"].is_array() || operation["requestBody"].is_object() {
                let wrong = &operation["responses"]["400"]["content"];
                let schema = &wrong["application/problem+json"]["schema"];
                let problem = json!({ "$ref": "#/components/schemas/Problem" });
                assert_eq!(*schema, problem, "{method} {path}");
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

/// Found by Schemathesis: two answers had schemas of one name, and one of them was described by the other's.
#[tokio::test]
async fn a_check_of_the_register_is_described_as_what_it_is() {
    let house = House::new().await;
    let (_, document) = house.get("/openapi.json").await;
    for (path, member) in [("register/check", "asked"), ("check-keys", "all_right")] {
        let pointer = format!(
            "/paths/~1control~1v1~1{}/post/responses/200/content/application~1json/schema/$ref",
            path.replace('/', "~1")
        );
        let schema = document.pointer(&pointer).and_then(Value::as_str).unwrap();
        let schema = document.pointer(schema.trim_start_matches('#')).unwrap();
        assert!(schema["properties"][member].is_object(), "{path}: {schema}");
    }
}
