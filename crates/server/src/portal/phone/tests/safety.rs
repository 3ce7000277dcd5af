//! Whose phone it is, who may touch it, and what cannot run on it.

use std::time::Duration;

use sandkasse_domain::{Environment, person::PINS_BEFORE_LOCK};
use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::portal::visitors::Role;

#[tokio::test]
async fn a_phone_never_shows_or_decides_what_is_anothers() {
    let house = House::new().await;
    let (kari, ola) = (
        house.world.person(|_| {}).await,
        house.world.person(|_| {}).await,
    );
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &ola).await;
    ask(&shop, "hers-open", 1000, &kari).await;
    shop.reserved("hers-paid", 1000, &kari).await;
    // It was hers, and is his now; and the other way round.
    ask(&shop, "his-now", 1000, &kari).await;
    show(&shop, "his-now", &ola).await;
    ask(&shop, "hers-now", 1000, &ola).await;
    show(&shop, "hers-now", &kari).await;
    let page = browser.look(&ola).await;
    page.shows(&["his-now"]);
    page.hides(&["hers-"]);
    let csrf = browser.csrf(&ola).await;
    for order in ["hers-open", "hers-paid", "hers-now", "no-such-order"] {
        let [msn, order] = which(&shop, order);
        for act in ["approve", "reject"] {
            let fields = [("_csrf", csrf.as_str()), msn, order];
            let done = browser
                .post(&format!("{}/{act}", home(&ola)), &fields)
                .await;
            assert_eq!(done.status, 409, "{act} {order:?}");
        }
    }
    assert_eq!(log(&shop, "hers-open").await, ["INITIATE"]);
    // Her phone asks this browser for the PIN, and its events are for nobody.
    browser.look(&kari).await.shows(&["name=\"pin\""]);
    let events = format!("/phone/events?numbers={}", kari.phone);
    assert_eq!(browser.get(&events).await.status, 204);
    let fragment = browser.get(&format!("{}/panel", home(&kari))).await;
    fragment.hides(&["hers-", "_csrf"]);
}

#[tokio::test]
async fn forms_need_the_phones_own_token_and_cookies_are_kept_to_phones() {
    let house = House::new().await;
    let (kari, ola) = (
        house.world.person(|_| {}).await,
        house.world.person(|_| {}).await,
    );
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    browser.log_in(&ola).await;
    ask(&shop, "order", 1000, &kari).await;
    let [msn, order] = which(&shop, "order");
    let others = browser.csrf(&ola).await;
    let path = format!("{}/approve", home(&kari));
    for token in ["", "0", others.as_str()] {
        let fields = [("_csrf", token), msn, order];
        assert_eq!(browser.post(&path, &fields).await.status, 403, "{token}");
    }
    assert_eq!(browser.post(&path, &[msn, order]).await.status, 403);
    // A browser without the cookie is asked for the PIN.
    let csrf = browser.csrf(&kari).await;
    let fields = [("_csrf", csrf.as_str()), msn, order];
    let stranger = Browser::new(&house).post(&path, &fields).await;
    assert_eq!(
        (stranger.status, stranger.location()),
        (303, home(&kari).as_str())
    );
    assert_eq!(log(&shop, "order").await, ["INITIATE"]);

    let unlock = format!("{}/unlock", home(&kari));
    let unlocked = browser.post(&unlock, &[("pin", "1236")]).await;
    let cookie = unlocked.headers["set-cookie"].to_str().unwrap();
    let name = format!("sandkasse-phone-test-{}=", kari.phone);
    assert!(cookie.starts_with(&name), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/phone; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let cookie = sessions::cookie(true, Environment::Test, &kari.phone, "x");
    assert!(cookie.to_str().unwrap().ends_with("; Secure"));
    let page = browser.look(&kari).await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
    page.hides(&["style=", "onclick"]);
    // Forms lead back to phones only.
    for back in [
        "https://example.com",
        "//example.com",
        "/units",
        "/phone\r\nX: y",
    ] {
        let sent = browser
            .post(&unlock, &[("pin", "1236"), ("back", back)])
            .await;
        assert_eq!(sent.location(), home(&kari), "{back}");
    }
}

#[tokio::test]
async fn wrong_pins_are_counted_until_the_app_locks() {
    let house = House::new().await;
    let kari = house.world.person(|_| {}).await;
    let browser = Browser::new(&house);
    let unlock = format!("{}/unlock", home(&kari));
    let wrong = browser.post(&unlock, &[("pin", "0000")]).await;
    let page = browser.get(wrong.location()).await;
    page.shows(&["Wrong PIN.", "9999 attempts left", "aria-invalid=\"true\""]);
    let person = format!("/persons/test/{}", kari.phone);
    assert_eq!(of_control(&house, &person).await["wrong_pins"], 1);
    browser.log_in(&kari).await;
    assert_eq!(of_control(&house, &person).await["wrong_pins"], 0);
    browser.tap(&kari, "lock", &[]).await;

    let almost = json!({ "wrong_pins": PINS_BEFORE_LOCK - 1 });
    house.call("PATCH", &person, almost).await;
    browser.post(&unlock, &[("pin", "0000")]).await;
    browser.look(&kari).await.shows(&["this app is locked"]);
    browser.post(&unlock, &[("pin", "1236")]).await;
    browser.look(&kari).await.shows(&["this app is locked"]);
    house
        .call("PATCH", &person, json!({ "wrong_pins": 0 }))
        .await;
    browser.log_in(&kari).await;
}

#[tokio::test]
async fn what_others_write_cannot_run_on_a_phone() {
    let house = House::new().await;
    let kari = house
        .world
        .person(|person| {
            person.given_name = NASTY.to_owned();
            person.family_name = NASTY.to_owned();
            person.email = NASTY.to_owned();
            person.nin = NASTY.to_owned();
            person.addresses[0].line1 = NASTY.to_owned();
            person.addresses[0].city = NASTY.to_owned();
            person.cards[0].brand = NASTY.to_owned();
        })
        .await;
    let shop = house.world.shop(|unit| unit.name = NASTY.to_owned()).await;
    let browser = Browser::of(&house, &kari).await;
    let mut body = shop.express_body("order-1", 1000);
    body["transaction"]["transactionText"] = NASTY.into();
    body["merchantInfo"]["fallBack"] = "https://example.com/%22%3E?q=\"><b>".into();
    let methods = body["merchantInfo"]["staticShippingDetails"]
        .as_array_mut()
        .unwrap();
    methods[0]["shippingMethod"] = NASTY.into();
    methods[0]["shippingMethodId"] = NASTY.into();
    shop.initiate_with(&body).await.ok();
    show(&shop, "order-1", &kari).await;
    let [msn, order] = which(&shop, "order-1");
    let pages = [
        browser.get("/phone").await,
        browser.look(&kari).await,
        browser
            .tap(&kari, "address", &[msn, order, ("address", "0")])
            .await,
        browser
            .get(&format!(
                "{}/panel?back=/phone%22%3E%3Cscript%3E",
                home(&kari)
            ))
            .await,
        browser
            .tap(&kari, "approve", &[msn, order, ("method", NASTY)])
            .await,
    ];
    for page in pages {
        page.shows(&["&#60;script&#62;"]);
        page.hides(&["<script>", "\"><b>"]);
    }
}

#[tokio::test]
async fn phones_of_production_are_for_developers() {
    let house = House::new().await;
    let nobody = house.guest(None);
    let (path, demo) = (
        "/phone/production/91000001",
        "/phone/demo?numbers=91000001&environment=production",
    );
    for path in [
        path,
        demo,
        &format!("{path}/panel"),
        "/phone/events?numbers=91000001&environment=production",
    ] {
        assert_eq!(nobody.get(path).await.status, 303, "{path}");
        assert_eq!(
            house.guest(Some(Role::Reader)).get(path).await.status,
            403,
            "{path}"
        );
    }
    assert!(!nobody.get("/phone").await.html.contains("91000001"));
    let unlock = format!("{path}/unlock");
    let sent = nobody.post(&unlock, &[("pin", "1236")]).await;
    assert!(!sent.headers.contains_key("set-cookie"));
    let developer = house.guest(Some(Role::Developer));
    assert!(developer.get("/phone").await.html.contains(path));
    let page = developer.get(path).await;
    assert!(
        page.status == 200 && page.html.contains("name=\"pin\""),
        "{}",
        page.html
    );
    let sent = developer.post(&unlock, &[("pin", "1236")]).await;
    let cookie = sent.headers["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("sandkasse-phone-production-91000001="),
        "{cookie}"
    );
    // The number of one environment is nobody's in the other.
    assert_eq!(nobody.get("/phone/91000001").await.status, 404);
}

#[tokio::test]
async fn phones_work_where_the_control_api_needs_a_token() {
    let house = House::with(Some("0123456789abcdef"), true).await;
    let browser = Browser::new(&house);
    browser.get("/phone").await.shows(&["41000001"]);
    browser
        .get("/phone/41000001")
        .await
        .shows(&["name=\"pin\""]);
}

#[tokio::test]
async fn a_page_hears_of_its_own_phones_at_once() {
    let house = House::new().await;
    let (kari, ola) = (
        house.world.person(|_| {}).await,
        house.world.person(|_| {}).await,
    );
    let shop = house.world.shop(|_| {}).await;
    let browser = Browser::of(&house, &kari).await;
    let cookies = browser.cookies.lock().clone();
    let (name, value) = cookies.first_key_value().unwrap();
    let request = Request::builder()
        .uri(format!("/phone/events?numbers={}", kari.phone))
        .header(header::HOST, PORTAL)
        .header(header::COOKIE, format!("{name}={value}"))
        .body(Body::empty())
        .unwrap();
    let response = house.portal.answer(request).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let mut next = async || {
        let frame = timeout(Duration::from_secs(10), body.frame()).await;
        let frame = frame.expect("an event comes at once")?.unwrap();
        Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
    };
    let news = format!("data: {}\n\n", kari.phone);
    assert_eq!(next().await.as_ref(), Some(&news), "once at the beginning");
    ask(&shop, "olas", 1000, &ola).await;
    ask(&shop, "karis", 1000, &kari).await;
    assert_eq!(next().await.as_ref(), Some(&news));
    // It leaves her phone, and she is told of that as well.
    show(&shop, "karis", &ola).await;
    assert_eq!(next().await.as_ref(), Some(&news));
    // A moved clock changes what is left.
    shop.advance(sandkasse_testkit::minutes(1)).await;
    assert_eq!(next().await.as_ref(), Some(&news));
    house.stop.send(true).unwrap();
    assert_eq!(next().await, None);
}
