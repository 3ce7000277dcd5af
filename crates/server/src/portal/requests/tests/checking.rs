//! Are my keys right?

use sandkasse_domain::keys::KeyName;
use serde_json::{Value, json};

use super::*;

fn verdicts(checked: &Value) -> Vec<(String, String)> {
    let keys = checked["keys"].as_array().unwrap().iter();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    keys.map(|it| (text(&it["what"]), text(&it["verdict"])))
        .collect()
}

#[tokio::test]
async fn faq_45_every_key_is_judged_and_none_is_kept() {
    let house = House::new().await;
    let (shop, other) = (
        house.world.shop(|_| {}).await,
        house.world.shop(|_| {}).await,
    );
    let old = shop.regenerate(KeyName::SecondarySubscriptionKey).await;
    let keys = shop.keys();
    let right = json!({
        "environment": "test",
        "client_id": keys.client_id,
        "client_secret": keys.client_secret,
        "subscription_key": keys.primary,
        "msn": shop.msn.as_str(),
    });
    let order = [
        "client_id",
        "client_secret",
        "subscription_key",
        "same_owner",
        "msn",
        "environment",
    ];
    let others = other.keys();
    // Each row: what is changed, and what is said of each key: right, wrong, open.
    for (member, value, expected) in [
        ("environment", "test", "rrrrrr"),
        ("client_id", "nobody", "woroor"),
        ("client_id", "", "woroor"),
        ("client_secret", "wrong", "rwroor"),
        ("client_secret", "", "rwroor"),
        ("subscription_key", "nonsense", "rrwoor"),
        ("subscription_key", "", "rrwoor"),
        ("subscription_key", old.as_str(), "rrwoor"),
        ("subscription_key", others.primary.as_str(), "rrrwor"),
        ("msn", other.msn.as_str(), "rrrrwr"),
        ("msn", "999999", "rrrrwr"),
        ("environment", "production", "wowoow"),
    ] {
        let mut pasted = right.clone();
        pasted[member] = value.into();
        let (status, checked) = house.post("/check-keys", pasted).await;
        assert_eq!(status, 200, "{checked}");
        let found = verdicts(&checked);
        let names: Vec<&str> = found.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(names, order);
        let letters: String = found
            .iter()
            .map(|(_, it)| it.chars().next().unwrap())
            .collect();
        assert_eq!(
            checked["all_right"],
            letters == "rrrrrr",
            "{member} {value}: {letters}"
        );
        assert_eq!(letters, expected, "{member} {value}: {checked}");
    }
    // On the page, by a form; nothing that was pasted comes back or is written down.
    let reader = house.guest(Some(Role::Reader));
    let form = |secret| {
        [
            ("environment", "test".to_owned()),
            ("client_id", keys.client_id.clone()),
            ("client_secret", secret),
            ("subscription_key", keys.primary.clone()),
            ("msn", shop.msn.to_string()),
        ]
    };
    for (secret, says) in [
        (keys.client_secret.clone(), "All of them are right"),
        ("pasted-by-mistake".to_owned(), "Not all of them are right"),
    ] {
        let fields = form(secret.clone());
        let fields = fields
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let page = reader.post("/requests/check", &fields).await;
        assert_eq!(page.status, 200);
        assert!(page.html.contains(says), "{}", page.html);
        for pasted in [&secret, &keys.primary, &keys.client_id] {
            assert!(!page.html.contains(pasted.as_str()), "{pasted}");
        }
    }
    assert_eq!(house.inspector.journal.fill().calls, 0);
    let (_, told) = house.get("/dashboard").await;
    assert_eq!(told["environments"][0]["all"]["calls"], 0);
}
