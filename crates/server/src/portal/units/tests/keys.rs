//! Keys: who sees them, and what happens when one is made anew.

use sandkasse_testkit::minutes;

use super::{LOGIN_ONLY, UNIT, keys_of, led, says, value};
use crate::{control::tests::Program, portal::visitors::Role, testing::House};

const PARTNER: &str = "/partners/production/demo-partner";

#[tokio::test]
async fn plat_39_keys_are_shown_to_developers_who_signed_a_moment_ago() {
    let house = House::new().await;
    let (_, keys) = house.get("/sales-units/test/220001/keys").await;
    let secret = keys["client_secret"].as_str().unwrap();
    let reader = house.guest(Some(Role::Reader));
    let page = format!("{UNIT}/keys");
    for seen in [
        reader.get(&page).await,
        reader.post(&page, &[("show", "all")]).await,
        reader.get(&format!("{page}/env")).await,
    ] {
        says(&seen, 403, &["role developer"]);
        assert!(!seen.html.contains(secret));
    }
    let developer = house.guest(Some(Role::Developer));
    let one = developer.post(&page, &[("show", "client_secret")]).await;
    assert_eq!(value(&one, "client_secret"), secret);
    let primary = keys["primary_subscription_key"].as_str().unwrap();
    assert!(!one.html.contains(primary), "each is asked for alone");
    assert_eq!(one.headers["cache-control"], "no-store");
    house.world.clock.advance(minutes(6));
    for seen in [
        developer.get(&page).await,
        developer.post(&page, &[("show", "all")]).await,
        developer.get(&format!("{page}/env")).await,
        developer
            .post(&format!("{page}/client_secret/regenerate"), &[])
            .await,
    ] {
        assert!(led(&seen).starts_with("/sign-in/again?next="));
    }
    assert_eq!(house.get("/sales-units/test/220001/keys").await.1, keys);
}

#[tokio::test]
async fn the_file_for_a_shell_is_what_the_command_prints() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    // Another unit whose name is this one's number.
    let named = [("name", "220001"), ("environment", "test")];
    led(&developer.post("/units/new", &named).await);
    let file = developer.get(&format!("{UNIT}/keys/env")).await;
    assert_eq!(file.headers["content-type"], "text/plain; charset=utf-8");
    let name = &file.headers["content-disposition"];
    assert_eq!(name, "attachment; filename=\"sandkasse-220001.env\"");
    let (_, keys) = house.get("/env?unit=demo").await;
    for (name, value) in keys.as_object().unwrap() {
        let value = value.as_str().unwrap();
        assert!(file.html.contains(&format!("{name}=")), "{name}");
        assert!(file.html.contains(value), "{name}: {}", file.html);
    }
}

#[tokio::test]
async fn faq_46_faq_47_plat_38_a_key_is_made_anew_after_saying_what_breaks() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let before = keys_of(&developer, UNIT).await;
    let old = Program::with(&house, before.clone());
    for (key, words) in [
        (
            "client_secret",
            "token requests with the old secret are refused",
        ),
        ("primary_subscription_key", "calls with the secondary key"),
        ("secondary_subscription_key", "calls with the primary key"),
    ] {
        let ask = format!("{UNIT}/keys/{key}/regenerate");
        says(
            &developer.get(&ask).await,
            200,
            &["What breaks, and when", words],
        );
        let told = led(&developer.post(&ask, &[]).await);
        says(
            &developer.get(&told).await,
            200,
            &["is new", "Regenerated <time"],
        );
        let after = keys_of(&developer, UNIT).await;
        assert_ne!(after[key], before[key]);
        assert_eq!(after["client_id"], before["client_id"]);
        if key == "client_secret" {
            let refused = old.ask_token().await;
            assert_eq!(refused.cause(), "token.secret_regenerated");
        }
        // Everything as it is now works, with the secondary key as well.
        Program::with(&house, after.clone()).ask_token().await.ok();
        let mut other = after.clone();
        other["primary_subscription_key"] = after["secondary_subscription_key"].clone();
        Program::with(&house, other).ask_token().await.ok();
    }
    let mut half = keys_of(&developer, UNIT).await;
    half["primary_subscription_key"] = before["primary_subscription_key"].clone();
    let dead = Program::with(&house, half).ask_token().await;
    assert_eq!(dead.cause(), "subkey.regenerated");
    let unknown = developer
        .get(&format!("{UNIT}/keys/client_id/regenerate"))
        .await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn faq_48_a_new_key_mends_nothing_else_and_the_page_says_so() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let ask = format!("{LOGIN_ONLY}/keys/client_secret/regenerate");
    says(&developer.get(&ask).await, 200, &["It mends nothing else"]);
    for order in ["acme-1", "acme-2"] {
        let program = Program::with(&house, keys_of(&developer, LOGIN_ONLY).await);
        let got = program.initiate("220004", order).await;
        assert_eq!(got.cause(), "unit.login_only");
        led(&developer.post(&ask, &[]).await);
    }
}

#[tokio::test]
async fn a_partners_keys_are_shown_and_made_anew_the_same_way() {
    let house = House::new().await;
    let admin = house.guest(Some(Role::Admin));
    let page = format!("{PARTNER}/keys");
    let (_, keys) = house.get("/partners/production/demo-partner/keys").await;
    let secret = keys["client_secret"].as_str().unwrap();
    let masked = admin.get(&page).await;
    says(&masked, 200, &["Partnerhuset AS", "Own number"]);
    assert!(!masked.html.contains(secret) && !masked.html.contains(".env"));
    let shown = admin.post(&page, &[("show", "client_secret")]).await;
    assert_eq!(value(&shown, "client_secret"), secret);
    let ask = format!("{page}/client_secret/regenerate");
    says(&admin.get(&ask).await, 200, &["24 hours"]);
    led(&admin.post(&ask, &[]).await);
    let (_, after) = house.get("/partners/production/demo-partner/keys").await;
    assert_ne!(after["client_secret"], keys["client_secret"]);
    // They open more than one sales unit.
    let developer = house.guest(Some(Role::Developer));
    for path in [&page, &ask] {
        assert_eq!(developer.get(path).await.status, 403);
        let all = [("show", "all")];
        assert_eq!(developer.post(path, &all).await.status, 403);
    }
}
