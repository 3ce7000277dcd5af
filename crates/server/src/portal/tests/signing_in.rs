//! Signing in with the stand-in for BankID or a token, again, and out.

use sandkasse_testkit::minutes;
use serde_json::{Value, json};

use super::{Browser, location, set_cookies};
use crate::{
    portal::{
        visitor::{BROWSER_COOKIE, COOKIE, HTTPS_COOKIE},
        visitors::Role,
    },
    testing::{House, PORTAL, Rules},
};

const TOKEN: &str = "the-administrators-token";

async fn guarded() -> House {
    House::under(Rules {
        token: Some(TOKEN.to_owned()),
        ..Rules::default()
    })
    .await
}

#[tokio::test]
async fn a_user_signs_in_with_two_clicks_and_goes_on_where_they_wanted() {
    let house = House::new().await;
    let browser = Browser::new(&house);
    let turned = browser.get("/users?a=b").await;
    assert_eq!(location(&turned), "/sign-in?next=%2Fusers%3Fa%3Db");
    let choice = browser.get(&location(&turned)).await;
    for words in [
        "Astrid Admin",
        "Didrik Developer",
        "Rita Reader",
        "/users?a=b",
    ] {
        assert!(choice.html.contains(words), "{words}");
    }
    let begun = browser
        .post("/sign-in", "user=demo-admin&next=/users%3Fa%3Db")
        .await;
    assert!(browser.cookie(COOKIE).is_none(), "nobody has signed yet");
    let page = browser.get(&location(&begun)).await;
    assert_eq!(page.status, 200);
    for words in [
        "not BankID. Nobody's identity is checked",
        "Sign as Astrid Admin",
        "sign in to this portal",
    ] {
        assert!(page.html.contains(words), "{words}: {}", page.html);
    }
    let signed = browser.post(&location(&begun), "").await;
    assert_eq!(
        (signed.status, location(&signed)),
        (303, "/users?a=b".to_owned())
    );
    assert!(browser.cookie(BROWSER_COOKIE).is_none(), "it was used");
    let users = browser.get("/users?a=b").await;
    assert_eq!(users.status, 200);
    assert!(users.html.contains("Astrid Admin") && users.html.contains("Sign out"));
    // What was signed is good for nothing more.
    assert_eq!(browser.post(&location(&begun), "").await.status, 404);
    // Nor is a user whom nobody knows.
    assert_eq!(browser.post("/sign-in", "user=nobody").await.status, 401);
}

#[tokio::test]
async fn s_14_what_one_browser_began_no_other_finishes() {
    let house = House::new().await;
    let (attacker, victim) = (Browser::new(&house), Browser::new(&house));
    let begun = attacker.post("/sign-in", "user=demo-admin").await;
    let page = location(&begun);
    victim.post("/sign-in", "user=demo-reader").await;
    for _ in 0..2 {
        for method in ["GET", "POST"] {
            let origin = format!("http://{PORTAL}");
            let seen = victim.send(method, &page, &[("origin", &origin)], "").await;
            assert_eq!(seen.status, 403, "{method}");
            assert!(seen.html.contains("begun in another browser"));
            assert!(set_cookies(&seen.headers).is_empty());
        }
        // The other way round: the attacker's cookie and no other opens it.
        victim.cookies.borrow_mut().clear();
    }
    // The control API neither shows nor signs it.
    let id = page.strip_prefix("/bankid/").unwrap();
    assert_eq!(house.get(&format!("/bankid/{id}")).await.0, 404);
    let confirm = house
        .post(&format!("/bankid/{id}/confirm"), Value::Null)
        .await;
    assert_eq!(confirm.0, 404);
    assert_eq!(attacker.post(&page, "").await.status, 303);
}

#[tokio::test]
async fn s_14_a_planted_secret_is_worth_nothing() {
    let house = House::new().await;
    let browser = Browser::new(&house);
    let planted = "0".repeat(64);
    browser.plant(COOKIE, &planted);
    browser.sign_in("demo-admin", "/units").await;
    let first = browser.cookie(COOKIE).unwrap();
    assert_ne!(first, planted);
    // Whoever signs in again leaves nothing of the session before.
    browser.sign_in("demo-reader", "/units").await;
    let second = browser.cookie(COOKIE).unwrap();
    assert_ne!(second, first);
    for gone in [planted, first] {
        let other = Browser::new(&house);
        other.plant(COOKIE, &gone);
        assert_eq!(other.get("/users").await.status, 303);
    }
    assert!(browser.get("/").await.html.contains("Rita Reader"));
}

#[tokio::test]
async fn s_14_cookies_are_for_this_host_alone_and_no_script() {
    let house = House::new().await;
    let browser = Browser::new(&house);
    let begun = browser.post("/sign-in", "user=demo-admin").await;
    let signed = browser.post(&location(&begun), "").await;
    let secret = browser.cookie(COOKIE).unwrap();
    assert_eq!(secret.len(), 64);
    let lines = set_cookies(&signed.headers);
    assert!(
        lines.contains(&format!(
            "{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax"
        )),
        "{lines:?}"
    );
    for line in lines.iter().chain(&set_cookies(&begun.headers)) {
        assert!(line.contains("; Path=/; HttpOnly; SameSite=Lax"), "{line}");
        assert!(!line.contains("Domain"), "{line}");
    }

    let host = "portal.example.com";
    let house = House::under(Rules {
        https_host: Some(host),
        ..Rules::default()
    })
    .await;
    let browser = Browser::at(&house, "https", host);
    let begun = browser.post("/sign-in", "user=demo-admin").await;
    let signed = browser.post(&location(&begun), "").await;
    let mut lines = set_cookies(&begun.headers);
    lines.extend(set_cookies(&signed.headers));
    assert_eq!(lines.len(), 3);
    for line in lines {
        assert!(line.starts_with("__Host-sandkasse-"), "{line}");
        assert!(
            line.contains("; Path=/; HttpOnly; SameSite=Lax; Secure"),
            "{line}"
        );
    }
    // A cookie that plain HTTP or another host could have set is not read.
    let secret = browser.cookie(HTTPS_COOKIE).unwrap();
    assert_eq!(browser.get("/users").await.status, 200);
    let other = Browser::at(&house, "https", host);
    other.plant(COOKIE, &secret);
    assert_eq!(other.get("/users").await.status, 303);
}

#[tokio::test]
async fn s_14_who_does_nothing_for_30_minutes_is_out_and_everybody_after_12_hours() {
    let house = House::new().await;
    let browser = Browser::new(&house);
    browser.sign_in("demo-admin", "/units").await;
    house.world.clock.advance(minutes(29));
    assert_eq!(browser.get("/users").await.status, 200);
    house.world.clock.advance(minutes(30));
    assert_eq!(browser.get("/users").await.status, 303);

    browser.sign_in("demo-admin", "/units").await;
    for _ in 0..35 {
        house.world.clock.advance(minutes(20));
        assert_eq!(browser.get("/users").await.status, 200);
    }
    house.world.clock.advance(minutes(20));
    assert_eq!(browser.get("/users").await.status, 303);
}

#[tokio::test]
async fn s_14_who_signed_more_than_5_minutes_ago_signs_again() {
    let house = House::new().await;
    let browser = Browser::new(&house);
    browser.sign_in("demo-admin", "/units").await;
    house.world.clock.advance(minutes(5));
    let csrf = browser.csrf("/users").await;
    let new = format!("name=Build&role=reader&{csrf}");
    let turned = browser.post("/users/tokens", &new).await;
    assert_eq!(
        (turned.status, location(&turned)),
        (303, "/sign-in/again?next=%2Fusers".to_owned())
    );
    assert!(house.engine().directory.api_tokens().is_empty());
    let page = browser.get(&location(&turned)).await;
    assert!(page.html.contains("Sign with BankID"));
    let begun = browser
        .post("/sign-in/again", &format!("next=/users&{csrf}"))
        .await;
    // Another session cannot sign for this one.
    let other = Browser::new(&house);
    other.sign_in("demo-admin", "/units").await;
    assert_eq!(other.post(&location(&begun), "").await.status, 403);
    let turned = browser.post("/users/tokens", &new).await;
    assert_eq!(turned.status, 303, "nobody has signed");
    let signed = browser.post(&location(&begun), "").await;
    assert_eq!(
        (signed.status, location(&signed)),
        (303, "/users".to_owned())
    );
    let made = browser.post("/users/tokens", &new).await;
    assert_eq!(made.status, 200);
    assert_eq!(house.engine().directory.api_tokens().len(), 1);
}

#[tokio::test]
async fn s_14_signing_out_everywhere_ends_every_session_of_that_user_and_no_other() {
    let house = House::new().await;
    let [here, there, other] = [(); 3].map(|()| Browser::new(&house));
    here.sign_in("demo-admin", "/units").await;
    there.sign_in("demo-admin", "/units").await;
    other.sign_in("demo-reader", "/units").await;
    let secret = here.cookie(COOKIE).unwrap();
    let csrf = here.csrf("/users").await;
    let out = here
        .post("/sign-out", &format!("everywhere=yes&{csrf}"))
        .await;
    assert_eq!(location(&out), "/");
    assert!(here.cookie(COOKIE).is_none());
    here.plant(COOKIE, &secret);
    for browser in [&here, &there] {
        assert_eq!(browser.get("/users").await.status, 303);
    }
    assert!(other.get("/").await.html.contains("Rita Reader"));
    // Signing out in one place leaves the other.
    here.sign_in("demo-admin", "/units").await;
    there.sign_in("demo-admin", "/units").await;
    let csrf = here.csrf("/users").await;
    here.post("/sign-out", &csrf).await;
    assert_eq!(here.get("/users").await.status, 303);
    assert_eq!(there.get("/users").await.status, 200);
}

#[tokio::test]
async fn where_others_reach_the_portal_the_stand_in_lets_nobody_in() {
    let house = guarded().await;
    let browser = Browser::new(&house);
    let choice = browser.get("/sign-in").await;
    assert!(choice.html.contains("type=\"password\"") && !choice.html.contains("Astrid"));
    for wrong in [
        "user=demo-admin",
        "token=",
        "token=the-administrators-tokem",
    ] {
        let seen = browser.post("/sign-in", wrong).await;
        assert_eq!(seen.status, 401, "{wrong}");
        assert!(set_cookies(&seen.headers).is_empty());
    }
    let right = format!("token={TOKEN}&next=/users");
    let seen = browser.post("/sign-in", &right).await;
    assert_eq!(location(&seen), "/users");
    assert_eq!(browser.get("/users").await.status, 200);

    // To sign again takes the same token.
    house.world.clock.advance(minutes(5));
    let csrf = browser.csrf("/users").await;
    let new = format!("name=Build&role=developer&{csrf}");
    assert_eq!(browser.post("/users/tokens", &new).await.status, 303);
    let wrong = format!("token=wrong&{csrf}");
    assert_eq!(browser.post("/sign-in/again", &wrong).await.status, 401);
    let right = format!("token={TOKEN}&next=/users&{csrf}");
    assert_eq!(
        location(&browser.post("/sign-in/again", &right).await),
        "/users"
    );
    let made = browser.post("/users/tokens", &new).await;
    let (_, rest) = made.html.split_once("sandkasse_").unwrap();
    let token = format!("sandkasse_{}", &rest[..64]);

    // Whoever has a token of a name signs in with its role, until it is revoked.
    let other = Browser::new(&house);
    other.post("/sign-in", &format!("token={token}")).await;
    let front = other.get("/").await.html;
    assert!(front.contains("Build") && front.contains("developer"));
    assert_eq!(other.get("/users").await.status, 403);
    let id = house.engine().directory.api_tokens()[0].id.clone();
    browser
        .post(&format!("/users/tokens/{id}/revoke"), &csrf)
        .await;
    assert!(!other.get("/").await.html.contains("Build"));
    let again = other.post("/sign-in", &format!("token={token}")).await;
    assert_eq!(again.status, 401);
}

#[tokio::test]
async fn plat_39_without_the_developer_role_no_keys_are_shown() {
    let house = House::new().await;
    let keys = "/control/v1/sales-units/test/220001/keys";
    let (_, all) = house.get("/sales-units/test/220001/keys").await;
    let secret = all["client_secret"].as_str().unwrap();
    for role in Role::ALL {
        let guest = house.guest(Some(role));
        let seen = guest.get(keys).await;
        let may = role >= Role::Developer;
        assert_eq!(seen.status, if may { 200 } else { 403 }, "{role}");
        assert_eq!(seen.html.contains(secret), may, "{role}");
        if !may {
            let problem: Value = serde_json::from_str(&seen.html).unwrap();
            assert_eq!(problem["cause"], json!("role_required"));
        }
    }
}
