//! The link that an initiate returns, and how long it lives.

use sandkasse_domain::{
    Environment::{Production, Test},
    OrderId,
    payment::Cause,
};
use sandkasse_engine::{Act, ActRefused, Refused};
use sandkasse_gate::link;
use sandkasse_testkit::{Jwt, Shop, World, minutes, seconds, with_member};
use serde_json::{Value, json};

async fn url_of(shop: &Shop, order: &str, is_app: bool, fall_back: &str) -> String {
    let body = shop.initiate_body(order, 49_900);
    let body = with_member(body, "merchantInfo.isApp", is_app);
    let body = with_member(body, "merchantInfo.fallBack", fall_back);
    let got = shop.initiate_with(&body).await;
    let answer = got.ok();
    let url = answer.get("url").and_then(Value::as_str);
    let url = url.expect("a string").to_owned();
    let body = format!(r#"{{"orderId":"{order}","url":"{url}"}}"#);
    got.answered(200, &body, "");
    url
}

/// The link's token is ours, unpadded, and says which order of whom it pays.
#[track_caller]
fn assert_pays(world: &World, shop: &Shop, order: &str, token: &str) {
    assert!(!token.contains('='), "{token}");
    let engine = &world.platform.engine;
    let expected = (shop.msn.clone(), OrderId::try_new(order).expect("an id"));
    let read = link::read(engine, shop.environment, token);
    assert_eq!(read, Some(expected.clone()));
    // The environments have their own secrets.
    assert_eq!(link::read(engine, shop.environment.other(), token), None);
    let jwt = Jwt::read(token);
    let forged = jwt.clone().with_claim("orderId", "other").token();
    assert_eq!(link::read(engine, shop.environment, &forged), None);
    assert_eq!(jwt.header("kid"), "jwtkey");
    assert_eq!(jwt.claim("appType"), "LANDINGPAGE");
    assert_eq!(jwt.claim("merchantSerialNumber"), shop.msn.as_str());
    assert_eq!(jwt.claim("expressCheckOut"), "N");
    assert_eq!(jwt.claim("tokenType"), "DEEPLINK");
    uuid::Uuid::parse_str(jwt.claim("uuid").as_str().expect("a string")).expect("a UUID");
}

#[tokio::test]
async fn plat_47_plat_48_links_of_apps_and_of_browsers() {
    let world = World::new().await;
    for (environment, app, base) in [
        (Test, "vippsMT://?token=", "http://test.sandkasse.invalid"),
        (
            Production,
            "vipps://?token=",
            "http://production.sandkasse.invalid",
        ),
    ] {
        let shop = world.shop(|unit| unit.environment = environment).await;
        // With isApp the fallBack is the app's own business.
        for (order, fall_back) in [("app-1", "INTENT"), ("app-2", "http://localhost/x")] {
            let url = url_of(&shop, order, true, fall_back).await;
            let token = url.strip_prefix(app).expect("the app's scheme");
            assert_pays(&world, &shop, order, token);
        }
        let url = url_of(&shop, "web-1", false, "https://example.com/result").await;
        let pieces: Vec<&str> = url.split('=').collect();
        let page = format!("{base}/dwo-api-application/v1/deeplink/vippsgateway?v");
        assert_eq!(pieces[..2], [page.as_str(), "2&token"]);
        assert_eq!(pieces.len(), 3, "clients take the third piece");
        assert_pays(&world, &shop, "web-1", pieces[2]);
    }
}

#[tokio::test]
async fn plat_48_is_app_absent_is_false() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let url = shop.initiate("acme-1", 100).await.ok()["url"].clone();
    let url = url.as_str().expect("a string");
    let page =
        "http://test.sandkasse.invalid/dwo-api-application/v1/deeplink/vippsgateway?v=2&token=";
    assert_pays(
        &world,
        &shop,
        "acme-1",
        url.strip_prefix(page).expect("the page"),
    );
}

#[track_caller]
fn assert_over<T: std::fmt::Debug>(acted: Result<T, ActRefused>) {
    match acted {
        Err(ActRefused::Refused(Refused::Because(Cause::NotOpen { ended: true, .. }))) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn plat_49_an_unused_link_ends_after_five_minutes() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let kari = world.person(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    shop.advance(minutes(5) + seconds(1)).await;
    assert_over(shop.person("acme-1", Act::Open).await);
    assert_over(shop.approve("acme-1", &kari).await);
    assert_eq!(shop.log("acme-1").await, ["CANCEL", "INITIATE"]);
    let status = shop.status("acme-1").await.ok();
    assert_eq!(status["transactionInfo"]["status"], "REJECTED");
    let callback = world.recorder.callback("acme-1");
    assert_eq!(callback["transactionInfo"]["status"], "REJECTED");
    // It ended when it was due, not when somebody looked.
    let ended = "2023-06-13T12:05:00.000Z";
    assert_eq!(callback["transactionInfo"]["timeStamp"], ended);
    assert_eq!(
        callback["errorInfo"],
        json!({
            "errorCode": "45",
            "errorGroup": "Payment",
            "errorMessage": "Reservation failed, reason unknown.",
        })
    );
}

#[tokio::test]
async fn plat_49_plat_50_the_last_moment_counts_and_the_next_does_not() {
    // Seconds until the link is opened, then until the approval; the first that is too late.
    for (opened, approved, late) in [
        (299, 299, ""),
        (0, 299, ""),
        (299, 301, "approval"),
        (299, 300, "approval"),
        (301, 0, "opening"),
        (300, 0, "opening"),
    ] {
        let world = World::new().await;
        let shop = world.shop(|_| {}).await;
        let kari = world.person(|_| {}).await;
        shop.initiate("acme-1", 49_900).await.ok();
        shop.advance(seconds(opened)).await;
        let opening = shop.person("acme-1", Act::Open).await;
        if late == "opening" {
            assert_over(opening);
        } else {
            opening.expect("the link lives");
            shop.advance(seconds(approved)).await;
            let approval = shop.approve("acme-1", &kari).await;
            if late == "approval" {
                assert_over(approval);
            } else {
                approval.expect("in time");
            }
        }
        let top = if late.is_empty() { "RESERVE" } else { "CANCEL" };
        let log = shop.log("acme-1").await;
        assert_eq!(log, [top, "INITIATE"], "{opened} {approved}");
    }
}

#[tokio::test]
async fn plat_50_opening_again_gives_no_more_time() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49_900).await.ok();
    for _ in 0..3 {
        shop.advance(seconds(99)).await;
        shop.person("acme-1", Act::Open)
            .await
            .expect("the link lives");
    }
    // Opened first at 1:39, so it ends at 6:39; now it is 4:57.
    shop.advance(seconds(101)).await;
    assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
    shop.advance(seconds(1)).await;
    assert_eq!(shop.log("acme-1").await, ["CANCEL", "INITIATE"]);
}
