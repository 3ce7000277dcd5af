//! ePayment's links: the same pages, and the shop's page at the end.

use sandkasse_engine::Act;
use serde_json::json;

use super::*;

/// A payment of ePayment and whoever holds its link.
async fn visitor(change: impl FnOnce(&mut Value)) -> Visitor {
    let world = World::new().await;
    let shop = world.shop(|unit| unit.skip_landing_page = true).await;
    let created = shop.epay_but("acme-shop-1", 49_900, change).await.created();
    let url = created["redirectUrl"].as_str().unwrap_or_default();
    let token = url.split_once("token=").map_or("", |(_, token)| token);
    Visitor {
        token: token.to_owned(),
        world,
        shop,
        language: "en",
    }
}

impl Visitor {
    /// Opens the link as it was given.
    async fn follow(&self) -> Page {
        let query = format!("token={}", self.token);
        let path = sandkasse_api::epayment::LANDING;
        self.ask(Method::GET, path, &query, "").await
    }
}

#[tokio::test]
async fn epay_56_redirects_end_at_the_shop_and_a_push_does_not() {
    let back = "https://example.com/vipps/result";
    // With success.
    let one = visitor(|_| {}).await;
    let kari = one.world.person(|_| {}).await;
    one.follow()
        .await
        .shows(200, &["499.00 kr", "name=\"phone\""]);
    one.give(&kari).await.shows(200, &["Open the app"]);
    one.shop.approve("acme-shop-1", &kari).await.unwrap();
    one.follow().await.leads_to(back);
    // Given up on the page, and rejected in the app.
    let two = visitor(|_| {}).await;
    two.submit("cancel=yes").await.shows(200, &["0;url="]);
    two.follow().await.leads_to(back);
    let three = visitor(|body| body["userFlow"] = "QR".into()).await;
    three.shop.person("acme-shop-1", Act::Reject).await.unwrap();
    three.follow().await.leads_to(back);
    // The app opens the shop's page unchanged: eCom's would have a status.
    let native = visitor(|body| body["userFlow"] = "NATIVE_REDIRECT".into()).await;
    native
        .shop
        .person("acme-shop-1", Act::Reject)
        .await
        .unwrap();
    let payment = native.shop.payment("acme-shop-1").await;
    assert_eq!(redirect::app(&payment).as_deref(), Some(back));
    // Who was pushed to never left the app.
    let world = World::new().await;
    let shop = world.shop(|unit| unit.skip_landing_page = true).await;
    let kari = world.person(|_| {}).await;
    let got = shop
        .epay_but("acme-shop-1", 100, |body| {
            body["userFlow"] = "PUSH_MESSAGE".into();
            body["customer"] = json!({ "phoneNumber": kari.phone.msisdn() });
        })
        .await;
    got.created();
    shop.approve("acme-shop-1", &kari).await.unwrap();
    assert_eq!(redirect::app(&shop.payment("acme-shop-1").await), None);
}

#[tokio::test]
async fn the_image_of_a_code_is_where_the_link_leads() {
    let visitor = visitor(|body| body["userFlow"] = "QR".into()).await;
    let query = format!("token={}", visitor.token);
    let image = visitor.ask(Method::GET, QR_IMAGE, &query, "").await;
    assert_eq!(image.status(), 200);
    assert_eq!(image.header("content-type"), Some("image/svg+xml"));
    assert!(is_at("/landing") && is_at("/qr-image/v1") && !is_at("/landings"));
}
