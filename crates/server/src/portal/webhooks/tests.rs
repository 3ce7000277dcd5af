//! The pages without a browser.

use sandkasse_domain::webhook::EventId;
use serde_json::{Value, json};

use crate::{portal::visitors::Role, testing::House};

const MARKUP: &str = "<b onload=x>";

#[tokio::test]
async fn deliveries_are_listed_with_their_attempts_and_sent_again() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let url = "https://example.com/hook?x=<b>";
    shop.register(url, &[EventId::PaymentCreated.name()]).await;
    house.world.recorder.take_hooks(url, &[Ok(500), Ok(200)]);
    shop.publish(EventId::PaymentCreated, MARKUP).await;
    house.world.deliver().await;
    let place = format!("{}/{}", shop.environment, shop.msn);
    let guest = house.guest(Some(Role::Developer));
    let page = guest.get(&format!("/units/{place}/webhooks")).await.html;
    assert!(page.contains("failing"), "{page}");
    assert!(!page.contains(MARKUP), "{page}");
    let (status, list) = house.get(&format!("/deliveries/{place}")).await;
    assert_eq!(status, 200);
    let first = &list["deliveries"][0];
    assert_eq!(
        (&first["state"], &first["attempts"]),
        (&json!("waiting"), &json!(1))
    );
    let id = first["id"].as_str().expect("a text");
    let encoded = crate::portal::show::encoded(id);
    let (_, sent) = house
        .post(&format!("/deliveries/{place}/{encoded}/again"), Value::Null)
        .await;
    assert_eq!(
        (&sent["taken"], &sent["kind"]),
        (&json!(true), &json!("again"))
    );
    let page = guest
        .get(&format!("/units/{place}/webhooks/{encoded}"))
        .await
        .html;
    for words in ["delivered", "scheduled", "answered 500", "again"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains(MARKUP), "{page}");
}

#[tokio::test]
async fn the_verifier_says_what_is_wrong_and_shows_no_secret() {
    let house = House::new().await;
    let wish = json!({
        "url": "https://webhook.site/e2cee29b-012e-4f1d-8ef4-e95fd74a7a63",
        "headers": {
            "Host": "webhook.site",
            "x-ms-date": "Thu, 30 Mar 2023 08:38:32 GMT",
            "x-ms-content-sha256": "lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4=",
            "authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=agAiSyogQbDHpeucoNwYz+yAr5nJ+v+zasdkSbqzv+U=",
        },
        "body": r#"{"some-unique-content":"ee6e441b-cc4a-46f8-895d-a5af79bcc233/hello-world"}"#,
        "secret": "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A==",
    });
    let (status, verdict) = house.post("/verify-webhook", wish.clone()).await;
    assert_eq!(status, 200);
    assert_eq!(verdict["expected_signature"], verdict["received_signature"]);
    // Only the date is wrong: it is of March.
    let wrong: Vec<_> = verdict["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|it| it["passed"] == false)
        .collect();
    assert_eq!(wrong.len(), 1, "{verdict}");
    assert_eq!(wrong[0]["name"], "date");
    let mut other = wish;
    other["secret"] = "another".into();
    let (_, verdict) = house.post("/verify-webhook", other).await;
    assert_eq!(verdict["valid"], false);
    assert!(verdict["first_difference"].is_u64());
    assert!(!verdict.to_string().contains("another\""), "{verdict}");
}
