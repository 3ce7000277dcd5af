//! Markup in every field that somebody else fills in.

use serde_json::json;

use super::{led, says};
use crate::{portal::visitors::Role, testing::House};

const MARKUP: [&str; 2] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
];

/// The text is there, and is no markup.
#[track_caller]
fn harmless(path: &str, html: &str) {
    assert!(!html.contains("<script>alert"), "{path}: {html}");
    assert!(!html.contains("<img"), "{path}: {html}");
}

#[tokio::test]
async fn markup_in_names_numbers_and_texts_is_shown_as_text() {
    for markup in MARKUP {
        let house = House::new().await;
        let admin = house.guest(Some(Role::Admin));
        let fields = [
            ("environment", "production"),
            ("name", markup),
            ("merchant_name", markup),
            ("partner", "demo-partner"),
        ];
        let to = led(&admin.post("/units/new", &fields).await);
        let unit = to.split("/keys").next().unwrap().to_owned();
        let msn = unit.rsplit('/').next().unwrap();
        let path = format!("/sales-units/production/{msn}");
        let (_, shown) = house.get(&path).await;
        let orgno = shown["merchant"]["orgno"].as_str().unwrap();
        let partner = json!({"name": markup});
        house
            .call("PATCH", "/partners/production/demo-partner", partner)
            .await;
        let register = json!({"name": markup});
        house
            .call("PUT", &format!("/register/{orgno}"), register)
            .await;
        let merchant = format!("/merchants/production/{orgno}");
        led(&admin.post(&format!("{merchant}/check"), &[]).await);
        let pages = [
            unit.clone(),
            format!("{unit}/keys"),
            format!("{unit}/keys/client_secret/regenerate"),
            format!("{unit}/name"),
            format!("{unit}/deactivate"),
            format!("{unit}/payments"),
            format!("/units?q={msn}"),
            merchant,
            format!("/merchants?q={orgno}"),
            "/partners".to_owned(),
            "/partners/production/demo-partner".to_owned(),
            "/partners/production/demo-partner/keys".to_owned(),
            "/units/new".to_owned(),
        ];
        for path in pages {
            let seen = admin.get(&path).await;
            says(&seen, 200, &["alert(1)"]);
            harmless(&path, &seen.html);
        }
        let query: String = form_urlencoded::byte_serialize(markup.as_bytes()).collect();
        for path in [
            format!("/units?q={query}&environment={query}"),
            format!("/merchants?q={query}"),
            format!("{unit}/payments?q={query}&state={query}&after={query}"),
            format!("{unit}/deactivate?bankid={query}"),
            format!("/units/{query}/{query}"),
            format!("/partners/production/{query}"),
            format!("/merchants/test/{query}"),
            format!("{unit}/payments/{query}"),
        ] {
            harmless(&path, &admin.get(&path).await.html);
        }
        // What was typed comes back in the form that was refused.
        let fields = [("name", markup), ("orgno", markup)];
        let refused = admin.post("/units/new", &fields).await;
        says(&refused, 400, &["alert(1)"]);
        harmless("/units/new", &refused.html);
        let by = [("purpose", "deactivate")];
        let bankid = led(&admin.post(&format!("{unit}/sign"), &by).await);
        harmless(&bankid, &admin.get(&bankid).await.html);
    }
}
