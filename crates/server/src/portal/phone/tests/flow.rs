//! What a person sees and does on the phone.

use sandkasse_domain::person::{AddressKind, Card, CardState};
use sandkasse_store::CallFailure;
use sandkasse_testkit::{minutes, seconds};

use super::*;

#[tokio::test]
async fn a_person_logs_in_sees_a_request_and_pays() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|unit| unit.name = "Acme".to_owned()).await;
    let browser = Browser::new(&house);
    let closed = browser.look(&kari).await;
    closed.shows(&["name=\"pin\"", "1236"]);
    closed.hides(&["name=\"_csrf\"", "Payments"]);
    browser.log_in(&kari).await;
    browser.look(&kari).await.shows(&["No payment waits"]);
    ask(&shop, "order-1", 49_900, &kari).await;
    let page = browser.look(&kari).await;
    page.shows(&[
        "Acme",
        "499.00 kr",
        "One pair of socks",
        "order-1",
        "5:00",
        "Visa",
        "valid",
    ]);
    let paid = browser
        .tap(&kari, "approve", &which(&shop, "order-1"))
        .await;
    paid.shows(&[
        "Reserved",
        "href=\"https://example.com/vipps/result?status=100\"",
        "Back to the shop",
        "No payment waits",
    ]);
    assert_eq!(log(&shop, "order-1").await, ["RESERVE", "INITIATE"]);
    let done = browser.tap(&kari, "dismiss", &[]).await;
    done.hides(&["Back to the shop"]);
    done.shows(&["class=\"past\"", "order-1"]);
    browser
        .tap(&kari, "lock", &[])
        .await
        .shows(&["name=\"pin\""]);
}

#[tokio::test]
async fn a_person_rejects_or_lets_a_request_expire() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    for order in ["no", "later"] {
        ask(&shop, order, 1000, &kari).await;
    }
    let page = browser.tap(&kari, "reject", &which(&shop, "no")).await;
    page.shows(&["You rejected it", "result?status=202", "later"]);
    assert_eq!(log(&shop, "no").await, ["CANCEL", "INITIATE"]);
    shop.advance(minutes(4)).await;
    browser.look(&kari).await.shows(&["data-request", "1:00"]);
    shop.advance(minutes(1) + seconds(1)).await;
    let page = browser.look(&kari).await;
    page.shows(&["Expired"]);
    page.hides(&["data-request"]);
    let csrf = browser.csrf(&kari).await;
    let [msn, order] = which(&shop, "later");
    let fields = [("_csrf", csrf.as_str()), msn, order];
    let late = browser
        .post(&format!("{}/approve", home(&kari)), &fields)
        .await;
    assert_eq!(late.status, 409, "{}", late.html);
}

#[tokio::test]
async fn faq_96_plat_57_logging_in_makes_a_new_test_user_able_to_pay() {
    let house = House::new().await;
    let new = house
        .world
        .person(|person| {
            person.app.logged_in = false;
            person.app.approved_once = false;
        })
        .await;
    let shop = house.world.shop(|_| {}).await;
    shop.initiate("first", 1000).await.ok();
    let phone = new.phone.clone();
    assert!(shop.person("first", Act::Show { phone }).await.is_err());
    let list = Browser::new(&house).get("/phone").await;
    list.shows(&["Has never logged in to the app"]);
    let browser = Browser::of(&house, &new).await;
    browser.look(&new).await.hides(&["Cannot pay"]);
    show(&shop, "first", &new).await;
    browser
        .tap(&new, "approve", &which(&shop, "first"))
        .await
        .shows(&["Reserved"]);
    // From now on a forced approval works as well.
    shop.initiate("second", 1000).await.ok();
    shop.force_approve("second", new.phone.as_str()).await.ok();
}

#[tokio::test]
async fn faq_95_plat_56_the_phone_says_what_a_shop_never_learns() {
    let house = House::new().await;
    let child = house
        .world
        .person(|it| it.birthdate = jiff::civil::date(2010, 1, 1))
        .await;
    let blocked = house.world.person(|it| it.blocked = true).await;
    let spent = house.world.person(|it| it.limit_reached = true).await;
    let rows = [
        (&child, "Younger than 15"),
        (&blocked, "The profile is blocked"),
        (&spent, "The spending limit is used up"),
    ];
    let browser = Browser::new(&house);
    let list = browser.get("/phone").await;
    for (person, why) in rows {
        list.shows(&[why]);
        browser.log_in(person).await;
        browser
            .look(person)
            .await
            .shows(&["Cannot pay in shops:", why]);
    }
    // Only test users exist here.
    let stranger = browser.get("/phone/91234567").await;
    assert_eq!(stranger.status, 404);
    assert!(
        stranger.html.contains("Nobody has this number"),
        "{}",
        stranger.html
    );
}

#[tokio::test]
async fn plat_58_test_amounts_behave_on_the_phone_as_documented() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    for (amount, says) in [
        (151, "The bank refused the payment."),
        (182, "The bank refused the payment."),
        (183, "The bank refused the payment."),
        (184, "The bank refused the payment."),
        (186, "The card has expired."),
        (187, "The card is not valid."),
        (197, "The confirmation with the bank was denied."),
    ] {
        let order = format!("refused-{amount}");
        ask(&shop, &order, amount, &kari).await;
        let page = browser.tap(&kari, "approve", &which(&shop, &order)).await;
        page.shows(&[says, "Choose another card"]);
        let end = browser.tap(&kari, "reject", &which(&shop, &order)).await;
        end.shows(&["Refused by the bank", "result?status=999"]);
    }
    ask(&shop, "silent", 201, &kari).await;
    let page = browser.tap(&kari, "approve", &which(&shop, "silent")).await;
    page.shows(&["The bank has not answered yet"]);
    ask(&shop, "sca", 202, &kari).await;
    let page = browser.tap(&kari, "approve", &which(&shop, "sca")).await;
    page.shows(&["Confirm with the bank"]);
    assert_eq!(log(&shop, "sca").await, ["INITIATE"]);
    let page = browser.tap(&kari, "approve", &which(&shop, "sca")).await;
    page.shows(&["Reserved"]);
}

#[tokio::test]
async fn plat_59_a_forced_approval_shows_on_the_phone_whatever_the_amount() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    shop.initiate("forced", 186).await.ok();
    shop.force_approve("forced", kari.phone.as_str()).await.ok();
    browser
        .look(&kari)
        .await
        .shows(&["forced", "1.86 kr", "Reserved"]);
}

#[tokio::test]
async fn another_card_pays_when_the_first_is_refused() {
    let house = House::new().await;
    let kari = house
        .world
        .person(|person| {
            let mut second: Card = person.cards[0].clone();
            second.brand = "Mastercard".to_owned();
            person.cards[0].state = CardState::Expired;
            person.cards.push(second);
        })
        .await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    ask(&shop, "cards", 1000, &kari).await;
    let [msn, order] = which(&shop, "cards");
    let page = browser
        .tap(&kari, "approve", &[msn, order, ("card", "0")])
        .await;
    page.shows(&["The card has expired.", "Choose another card", "Mastercard"]);
    let page = browser
        .tap(&kari, "approve", &[msn, order, ("card", "1")])
        .await;
    page.shows(&["Reserved"]);
    let view = house.engine().view(&shop.unit(), "cards").await.unwrap();
    let reservation = view.payment.reservation().unwrap();
    assert_eq!(reservation.grant.card_brand, "Mastercard");
}

#[tokio::test]
async fn an_express_payment_asks_for_address_and_shipping() {
    let house = House::new().await;
    let kari = house
        .world
        .person(|person| {
            let mut work = person.addresses[0].clone();
            work.kind = AddressKind::Work;
            work.line1 = "Kontorgata 7".to_owned();
            person.addresses.push(work);
        })
        .await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    shop.initiate_with(&shop.express_body("express", 10_000))
        .await
        .ok();
    show(&shop, "express", &kari).await;
    let page = browser.look(&kari).await;
    page.shows(&["and shipping", "Work: Kontorgata 7", "Show shipping"]);
    page.hides(&["/approve\""]);
    let [msn, order] = which(&shop, "express");
    // Nothing is paid before the shipping is known.
    browser
        .tap(&kari, "approve", &[msn, order])
        .await
        .shows(&["Show shipping"]);
    let page = browser
        .tap(&kari, "address", &[msn, order, ("address", "1")])
        .await;
    page.shows(&[
        "Post · 99.00 kr",
        "total 199.00 kr",
        "Collect · 0.00 kr",
        "total 100.00 kr",
    ]);
    let page = browser
        .tap(&kari, "approve", &[msn, order, ("method", "collect")])
        .await;
    page.shows(&["Reserved", "100.00 kr", "Collect, Kontorgata 7"]);
    let callback = house.world.recorder.callback("express");
    assert_eq!(callback["shippingDetails"]["shippingMethodId"], "collect");
    // The shop is told when the person takes it back.
    browser.look(&kari).await.shows(&["is told to forget you"]);
    let page = browser.tap(&kari, "revoke", &[msn]).await;
    page.hides(&["is told to forget you"]);
    let calls = house.world.recorder.calls();
    let removal = calls
        .iter()
        .find(|call| call.url.contains("/vipps/consent/"));
    assert!(removal.is_some(), "{calls:?}");
}

#[tokio::test]
async fn faq_108_faq_109_the_app_shows_that_the_shop_failed_and_developers_why() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    let limit_ms = 10_000;
    let nothing = r#"{"addressId":1,"orderId":"bad","shippingDetails":[]}"#.to_owned();
    let rows = [
        (
            "late",
            Err(CallFailure::Timeout { limit_ms }),
            "No shipping methods found",
            "10000 ms",
        ),
        (
            "bad",
            Ok(nothing),
            "Payment failed",
            "shippingDetails is empty",
        ),
    ];
    for (order, answer, says, why) in rows {
        let mut body = shop.express_body(order, 10_000);
        let merchant = body["merchantInfo"].as_object_mut().unwrap();
        merchant.remove("staticShippingDetails");
        merchant.insert(
            "shippingDetailsPrefix".to_owned(),
            "https://example.com/vipps/shipping".into(),
        );
        shop.initiate_with(&body).await.ok();
        show(&shop, order, &kari).await;
        house.world.recorder.answer_shipping(order, answer);
        let [msn, name] = which(&shop, order);
        let page = browser
            .tap(&kari, "address", &[msn, name, ("address", "0")])
            .await;
        page.shows(&[says, "For developers:", why, "Show shipping"]);
        page.hides(&["/approve\""]);
        // The shop mends it, and the person tries again.
        let good = r#"{"addressId":1,"orderId":"x","shippingDetails":[{"isDefault":"Y","priority":0,"shippingCost":10,"shippingMethod":"Sled","shippingMethodId":"sled"}]}"#;
        house
            .world
            .recorder
            .answer_shipping(order, Ok(good.to_owned()));
        let page = browser
            .tap(&kari, "address", &[msn, name, ("address", "0")])
            .await;
        page.shows(&["Sled · 10.00 kr"]);
        page.hides(&[says]);
        browser.tap(&kari, "reject", &[msn, name]).await;
    }
}

#[tokio::test]
async fn a_shop_learns_what_the_person_lets_it_know_or_nothing() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    let asks = async |order: &str| {
        let scoped = |body: &mut Value| {
            body["transaction"]["scope"] = "name address email phoneNumber birthDate".into();
        };
        shop.initiate_but(order, 1000, scoped).await.ok();
        show(&shop, order, &kari).await;
    };
    asks("one").await;
    let page = browser.look(&kari).await;
    page.shows(&[
        "asks to know",
        "Your name",
        "Your addresses",
        "Your e-mail address",
        "Your phone number",
        "Your date of birth",
    ]);
    page.hides(&["/approve\""]);
    let [msn, one] = which(&shop, "one");
    // Nobody pays before saying so.
    browser
        .tap(&kari, "approve", &[msn, one])
        .await
        .shows(&["asks to know"]);
    let page = browser
        .tap(&kari, "consent", &[msn, one, ("answer", "refuse")])
        .await;
    page.shows(&["You rejected it"]);
    asks("two").await;
    let [_, two] = which(&shop, "two");
    let page = browser
        .tap(&kari, "consent", &[msn, two, ("answer", "share")])
        .await;
    page.hides(&["asks to know"]);
    browser
        .tap(&kari, "approve", &[msn, two])
        .await
        .shows(&["Reserved", "Shops that know me"]);
    // What was allowed is not asked again, until it is taken back.
    asks("three").await;
    browser.look(&kari).await.hides(&["asks to know"]);
    let page = browser.tap(&kari, "revoke", &[msn]).await;
    page.shows(&["asks to know"]);
}

/// What was let be known before is not asked for again beside something new.
#[tokio::test]
async fn uinf_05_the_card_lists_only_what_is_new() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    let asks = async |order: &str, scope: &str| {
        let scoped = |body: &mut Value| body["transaction"]["scope"] = scope.into();
        shop.initiate_but(order, 1000, scoped).await.ok();
        show(&shop, order, &kari).await;
    };
    asks("one", "name").await;
    let [msn, one] = which(&shop, "one");
    let share = ("answer", "share");
    browser.tap(&kari, "consent", &[msn, one, share]).await;
    browser.tap(&kari, "approve", &[msn, one]).await;
    asks("two", "name email").await;
    let page = browser.look(&kari).await;
    page.shows(&["asks to know", "<li>Your e-mail address</li>"]);
    page.hides(&["<li>Your name</li>"]);
}

#[tokio::test]
async fn ecom_23_without_a_landing_page_the_phone_shows_it_at_once_and_leads_nowhere() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|unit| unit.skip_landing_page = true).await;
    let browser = Browser::of(&house, &kari).await;
    shop.initiate_but("skip", 1000, |body| {
        body["transaction"]["skipLandingPage"] = true.into();
        body["customerInfo"]["mobileNumber"] = kari.phone.to_string().into();
    })
    .await
    .ok();
    browser.look(&kari).await.shows(&["skip", "data-request"]);
    let page = browser.tap(&kari, "approve", &which(&shop, "skip")).await;
    page.shows(&["Reserved"]);
    page.hides(&["Back to the shop", "example.com/vipps"]);
}

#[tokio::test]
async fn the_phone_speaks_norwegian() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    ask(&shop, "norsk", 49_900, &kari).await;
    let page = browser.get(&format!("{}?lang=nb", home(&kari))).await;
    page.shows(&[
        "lang=\"nb\"",
        "Å svare på",
        "499,00 kr",
        "Betal",
        "English",
        "?lang=nb\"",
    ]);
    let list = browser.get("/phone?lang=nb").await;
    list.shows(&["Kan betale?", &format!("{}?lang=nb", home(&kari))]);
}

#[tokio::test]
async fn several_phones_stand_side_by_side_in_one_browser() {
    let house = House::new().await;
    let (kari, ola) = (
        house.world.person(|_| {}).await,
        house.world.person(|_| {}).await,
    );
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    browser.log_in(&ola).await;
    for (order, person) in [("karis", &kari), ("olas", &ola)] {
        ask(&shop, order, 1000, person).await;
    }
    let path = format!("/phone/demo?numbers={},{}", kari.phone, ola.phone);
    let page = browser.get(&path).await;
    page.shows(&["karis", "olas"]);
    assert_eq!(page.html.matches("class=\"handset\"").count(), 2);
    let csrf = browser.csrf(&ola).await;
    let [msn, order] = which(&shop, "olas");
    let fields = [
        ("_csrf", csrf.as_str()),
        ("back", path.as_str()),
        msn,
        order,
    ];
    let done = browser
        .post(&format!("{}/approve", home(&ola)), &fields)
        .await;
    assert_eq!((done.status, done.location()), (303, path.as_str()));
    let page = browser.get(&path).await;
    page.shows(&["data-request", "Reserved"]);
    // Four at most, each once; nobody is 404.
    let many = format!(
        "/phone/demo?numbers={0},{0},41000001,41000002,41000003,41000004",
        kari.phone
    );
    let page = browser.get(&many).await;
    assert_eq!(page.html.matches("class=\"handset\"").count(), 4);
    assert_eq!(browser.get("/phone/demo?numbers=1").await.status, 404);
    assert_eq!(browser.get("/phone/demo").await.location(), "/phone");
}
