//! From the link to the shop.

use super::*;

#[tokio::test]
async fn a_payer_gives_a_number_approves_and_comes_back() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor.world.person(|_| {}).await;
    let form = visitor.look().await;
    form.shows(
        200,
        &[
            "499.00 kr",
            "Acme socks",
            "name=\"phone\"",
            "name=\"cancel\"",
            "play money",
        ],
    );
    let waiting = visitor.give(&kari).await;
    let link = format!("2;url={PATH}?v=2&#38;token={}", visitor.token);
    waiting.shows(
        200,
        &[
            kari.phone.as_str(),
            "<noscript><meta http-equiv=\"refresh\"",
            &link,
            "Open the phone",
            &format!("http://127.0.0.1:7482/phone/{}", kari.phone),
            "/control/v1/payments/test/",
        ],
    );
    visitor.look().await.shows(200, &["Open the app"]);
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    let back = "https://example.com/vipps/result";
    visitor.look().await.leads_to(back);
}

#[tokio::test]
async fn pages_speak_norwegian_and_numbers_are_corrected() {
    let mut visitor = Visitor::new(|_| {}).await;
    visitor.language = "nb-NO,nb;q=0.9,en;q=0.5";
    let kari = visitor.world.person(|_| {}).await;
    visitor
        .look()
        .await
        .shows(200, &["lang=\"nb\"", "499,00 kr", "Betal til"]);
    let written = format!("phone=%2B47+{}", kari.phone);
    visitor.submit(&written).await.shows(200, &["Åpne appen"]);
}

#[tokio::test]
async fn plat_49_an_unused_link_expires_after_five_minutes() {
    let visitor = Visitor::new(|_| {}).await;
    visitor.shop.advance(minutes(5) + seconds(1)).await;
    let expired = visitor.look().await;
    expired.shows(410, &["Too late", "https://example.com/vipps/result"]);
    assert_eq!(visitor.shop.log("acme-1").await, ["CANCEL", "INITIATE"]);
    let kari = visitor.world.person(|_| {}).await;
    visitor.give(&kari).await.shows(200, &["url=/dwo-api"]);
    assert_eq!(visitor.shop.log("acme-1").await, ["CANCEL", "INITIATE"]);
}

#[tokio::test]
async fn plat_50_opened_late_and_approved_late_is_in_time() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor.world.person(|_| {}).await;
    let almost = minutes(4) + seconds(59);
    visitor.shop.advance(almost).await;
    visitor.give(&kari).await.shows(200, &["Open the app"]);
    visitor.shop.advance(almost).await;
    visitor.look().await.shows(200, &["Open the app"]);
    visitor
        .shop
        .approve("acme-1", &kari)
        .await
        .expect("in time");
}

#[tokio::test]
async fn cancelling_goes_back_to_the_shop() {
    let visitor = Visitor::new(|_| {}).await;
    visitor.submit("cancel=yes").await.shows(200, &["0;url="]);
    visitor
        .look()
        .await
        .leads_to("https://example.com/vipps/result");
    let callback = visitor.world.recorder.callback("acme-1");
    assert_eq!(callback["transactionInfo"]["status"], "REJECTED");
    // Once more changes nothing.
    visitor.submit("cancel=yes").await.shows(200, &["0;url="]);
}

#[tokio::test]
async fn ecom_93_faq_118_the_landing_page_adds_no_status() {
    for amount_and_end in [(49_900, "reserved"), (201, "unknown"), (49_900, "rejected")] {
        let (amount, end) = amount_and_end;
        let world = World::new().await;
        let shop = world.shop(|_| {}).await;
        let visitor = Visitor::of(world, shop, |body| {
            body["transaction"]["amount"] = amount.into();
        })
        .await;
        let kari = visitor.world.person(|_| {}).await;
        visitor.give(&kari).await;
        match end {
            "rejected" => drop(visitor.shop.person("acme-1", Act::Reject).await.unwrap()),
            _ => drop(visitor.shop.approve("acme-1", &kari).await.unwrap()),
        }
        let page = visitor.look().await;
        page.leads_to("https://example.com/vipps/result");
    }
}

#[tokio::test]
async fn a_payer_whose_app_just_closes_stays_on_the_page() {
    // Schemes that run something do not pass the initiate; `redirect` has its own tests of them.
    let visitor = Visitor::new(|body| {
        body["merchantInfo"]["fallBack"] = "INTENT".into();
        body["merchantInfo"]["isApp"] = true.into();
    })
    .await;
    let kari = visitor.world.person(|_| {}).await;
    visitor.give(&kari).await;
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    let page = visitor.look().await;
    page.shows(200, &["You can close this page"]);
    assert_eq!(page.header("location"), None);
    assert!(!page.html().contains("INTENT"), "{}", page.html());
}

#[tokio::test]
async fn a_payment_without_a_landing_page_shows_no_form() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|unit| unit.skip_landing_page = true).await;
    let phone = kari.phone.to_string();
    let visitor = Visitor::of(world, shop, |body| {
        body["transaction"]["skipLandingPage"] = true.into();
        body["customerInfo"]["mobileNumber"] = phone.into();
    })
    .await;
    let page = visitor.look().await;
    page.shows(200, &["Open the app"]);
    assert!(
        !page.html().contains("Use another number"),
        "{}",
        page.html()
    );
    let other = visitor.world.person(|_| {}).await;
    visitor.give(&other).await;
    let view = visitor
        .world
        .platform
        .engine
        .view(&visitor.shop.unit(), "acme-1")
        .await
        .unwrap();
    assert_eq!(
        view.payment.open().unwrap().payer.as_ref().unwrap().phone,
        kari.phone
    );
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    visitor
        .look()
        .await
        .shows(200, &["You can close this page"]);
}

#[tokio::test]
async fn the_number_can_be_changed_while_waiting() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor.world.person(|_| {}).await;
    let parent = visitor.world.person(|_| {}).await;
    visitor.give(&kari).await.shows(200, &["change=1"]);
    let query = format!("v=2&token={}&change=1", visitor.token);
    let form = visitor.ask(Method::GET, PATH, &query, "").await;
    form.shows(200, &["name=\"phone\""]);
    visitor
        .give(&parent)
        .await
        .shows(200, &[parent.phone.as_str()]);
}

#[tokio::test]
async fn a_refused_card_is_told_while_waiting() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor
        .world
        .person(|person| {
            person
                .cards
                .iter_mut()
                .for_each(|card| card.state = CardState::Expired)
        })
        .await;
    visitor.give(&kari).await;
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    visitor
        .look()
        .await
        .shows(200, &["The bank refused the card"]);
}

#[tokio::test]
async fn somebody_who_acts_at_once_needs_no_telling() {
    let visitor = Visitor::new(|_| {}).await;
    let fast = visitor
        .world
        .person(|person| person.acts = Acts::AtOnce)
        .await;
    visitor
        .give(&fast)
        .await
        .shows(200, &["http-equiv=\"refresh\""]);
    visitor
        .look()
        .await
        .leads_to("https://example.com/vipps/result");
}

#[tokio::test]
async fn ecom_26_the_number_is_filled_in_as_it_was_corrected() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let written = format!(
        "+47 {} {}",
        &kari.phone.as_str()[..3],
        &kari.phone.as_str()[3..]
    );
    let shop = world.shop(|_| {}).await;
    let visitor = Visitor::of(world, shop, |body| {
        body["customerInfo"]["mobileNumber"] = written.into();
    })
    .await;
    let value = format!("value=\"{}\"", kari.phone);
    visitor
        .look()
        .await
        .shows(200, &[&value, "label for=\"phone\""]);
}

#[tokio::test]
async fn ecom_23_without_a_landing_page_nobody_is_asked_or_sent_anywhere() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|unit| unit.skip_landing_page = true).await;
    let phone = kari.phone.to_string();
    let visitor = Visitor::of(world, shop, |body| {
        body["transaction"]["skipLandingPage"] = true.into();
        body["customerInfo"]["mobileNumber"] = phone.into();
    })
    .await;
    let page = visitor.look().await;
    page.shows(200, &["Open the app"]);
    assert!(!page.html().contains("name=\"phone\"") && !page.html().contains("class=\"qr\""));
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    let page = visitor.look().await;
    page.shows(200, &["You can close this page"]);
    assert_eq!(page.header("location"), None);
    assert!(!page.html().contains("example.com"), "{}", page.html());
}

#[tokio::test]
async fn the_language_can_be_changed_and_stays() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor.world.person(|_| {}).await;
    visitor
        .look()
        .await
        .shows(200, &["lang=\"en\"", "&#38;lang=nb\"", "Norsk"]);
    let query = format!("v=2&token={}&lang=nb", visitor.token);
    let form = visitor.ask(Method::GET, PATH, &query, "").await;
    form.shows(200, &["lang=\"nb\"", "Betal til", "English"]);
    let action = format!(
        "action=\"{PATH}?v=2&#38;token={}&#38;lang=nb\"",
        visitor.token
    );
    form.shows(200, &[&action]);
    let body = format!("phone={}", kari.phone);
    let waiting = visitor.ask(Method::POST, PATH, &query, &body).await;
    waiting.shows(200, &["Åpne appen", &action]);
    // What is no language is not repeated either.
    let query = format!("v=2&token={}&lang=%22%3E%3Cb%3E", visitor.token);
    let form = visitor.ask(Method::GET, PATH, &query, "").await;
    form.shows(200, &["lang=\"en\""]);
    assert!(!form.html().contains("<b>") && !form.html().contains("lang=&#34;"));
}

#[tokio::test]
async fn whoever_sits_at_a_computer_scans_the_link() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor.world.person(|_| {}).await;
    for page in [visitor.look().await, visitor.give(&kari).await] {
        page.shows(200, &["<svg class=\"qr\"", "Scan this with the phone"]);
        assert!(!page.html().contains("style="), "{}", page.html());
    }
}

#[tokio::test]
async fn the_time_that_is_left_is_that_of_the_units_clock() {
    let visitor = Visitor::new(|_| {}).await;
    visitor
        .look()
        .await
        .shows(200, &["data-left-ms=\"300000\"", ">5:00<"]);
    visitor.shop.advance(minutes(4)).await;
    visitor
        .look()
        .await
        .shows(200, &["data-left-ms=\"60000\"", ">1:00<"]);
    let kari = visitor.world.person(|_| {}).await;
    // Logging in brings five more.
    visitor
        .give(&kari)
        .await
        .shows(200, &["data-left-ms=\"300000\""]);
}

#[tokio::test]
async fn a_number_that_cannot_pay_is_told_at_its_field() {
    let visitor = Visitor::new(|_| {}).await;
    let first = visitor.look().await;
    assert!(!first.html().contains("aria-invalid"), "{}", first.html());
    let page = visitor.submit("phone=1").await;
    page.shows(
        200,
        &[
            "id=\"phone-refused\"",
            "aria-invalid=\"true\" aria-describedby=\"phone-refused\"",
        ],
    );
}
