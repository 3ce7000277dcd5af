use bytes::Bytes;
use sandkasse_domain::person::{Acts, CardState, Person};
use sandkasse_testkit::{Shop, World, minutes, seconds};
use serde_json::Value;

use super::*;

/// A shop's payment and whoever holds its link.
struct Visitor {
    world: World,
    shop: Shop,
    token: String,
    language: &'static str,
}

impl Visitor {
    async fn new(change: impl FnOnce(&mut Value)) -> Visitor {
        let world = World::new().await;
        let shop = world.shop(|unit| unit.skip_landing_page = true).await;
        Visitor::of(world, shop, change).await
    }

    async fn of(world: World, shop: Shop, change: impl FnOnce(&mut Value)) -> Visitor {
        let initiated = shop.initiate_but("acme-1", 499_00, change).await.ok();
        let url = initiated["url"].as_str().unwrap();
        let token = url.split('=').next_back().unwrap().to_owned();
        Visitor {
            world,
            shop,
            token,
            language: "en",
        }
    }

    async fn ask(&self, method: Method, path: &str, query: &str, body: &str) -> Page {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, self.language.parse().unwrap());
        let visit = Visit {
            environment: Environment::Test,
            method: &method,
            path,
            query: Some(query),
            headers: &headers,
            body: body.as_bytes(),
        };
        let surroundings = Surroundings {
            control: Some("http://127.0.0.1:7482".to_owned()),
        };
        Page(answer(&self.world.platform, &surroundings, &visit).await)
    }

    async fn look(&self) -> Page {
        let query = format!("v=2&token={}", self.token);
        self.ask(Method::GET, PATH, &query, "").await
    }

    async fn submit(&self, body: &str) -> Page {
        let query = format!("v=2&token={}", self.token);
        self.ask(Method::POST, PATH, &query, body).await
    }

    async fn give(&self, person: &Person) -> Page {
        self.submit(&format!("phone={}", person.phone)).await
    }
}

#[derive(Debug)]
struct Page(Answer);

impl Page {
    fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    fn html(&self) -> &str {
        std::str::from_utf8(&self.0.body).unwrap()
    }

    fn bytes(&self) -> Bytes {
        self.0.body.clone()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    fn shows(&self, status: u16, words: &[&str]) {
        assert_eq!(self.status(), status, "{}", self.html());
        for word in words {
            assert!(self.html().contains(word), "{word}: {}", self.html());
        }
    }

    #[track_caller]
    fn leads_to(&self, url: &str) {
        assert_eq!(self.status(), 303, "{}", self.html());
        assert_eq!(self.header("location"), Some(url));
    }
}

#[tokio::test]
async fn a_payer_gives_a_number_approves_and_comes_back() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor.world.person(|_| {}).await;
    let form = visitor.look().await;
    form.shows(200, &["499.00 kr", "Acme socks", "name=\"phone\"", "name=\"cancel\"", "play money"]);
    let waiting = visitor.give(&kari).await;
    let link = format!("2;url={PATH}?v=2&#38;token={}", visitor.token);
    waiting.shows(
        200,
        &[kari.phone.as_str(), "http-equiv=\"refresh\"", &link, "/control/v1/payments/test/"],
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
    visitor.look().await.shows(200, &["lang=\"nb\"", "499,00 kr", "Betal til"]);
    let written = format!("phone=%2B47+{}", kari.phone);
    visitor.submit(&written).await.shows(200, &["Åpne appen"]);
}

#[tokio::test]
async fn plat_51_no_page_can_be_framed() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor.world.person(|_| {}).await;
    let pages = [
        visitor.look().await,
        visitor.submit("phone=1").await,
        visitor.give(&kari).await,
        visitor.ask(Method::GET, PATH, "v=2&token=x", "").await,
        visitor.submit("cancel=yes").await,
        visitor.look().await,
        visitor.ask(Method::GET, STYLE, "", "").await,
    ];
    for page in pages {
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"));
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    }
}

#[tokio::test]
async fn plat_52_nobody_learns_why_a_number_cannot_pay() {
    let visitor = Visitor::new(|_| {}).await;
    let world = &visitor.world;
    let numbers = [
        world.person(|it| it.birthdate = jiff::civil::date(2010, 1, 1)).await.phone,
        world.person(|it| it.blocked = true).await.phone,
        world.person(|it| it.limit_reached = true).await.phone,
        world.person(|it| it.app.logged_in = false).await.phone,
        PhoneNumber::try_new("40000000").unwrap(),
    ];
    let first = visitor.submit("phone=abc").await;
    first.shows(200, &["at least 15 years old", "must have the app"]);
    for number in numbers {
        let page = visitor.submit(&format!("phone={number}")).await;
        assert_eq!(page.bytes(), first.bytes(), "{number}");
        assert_eq!(page.0.headers, first.0.headers, "{number}");
    }
    // None of them counts as opened.
    let view = world.platform.engine.view(&visitor.shop.unit(), "acme-1").await.unwrap();
    assert_eq!(view.history.len(), 1);
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
    visitor.shop.approve("acme-1", &kari).await.expect("in time");
}

#[tokio::test]
async fn cancelling_goes_back_to_the_shop() {
    let visitor = Visitor::new(|_| {}).await;
    visitor.submit("cancel=yes").await.shows(200, &["0;url="]);
    visitor.look().await.leads_to("https://example.com/vipps/result");
    let callback = visitor.world.recorder.callback("acme-1");
    assert_eq!(callback["transactionInfo"]["status"], "REJECTED");
    // Once more changes nothing.
    visitor.submit("cancel=yes").await.shows(200, &["0;url="]);
}

#[tokio::test]
async fn ecom_93_the_landing_page_adds_no_status() {
    for amount_and_end in [(499_00, "reserved"), (2_01, "unknown"), (499_00, "rejected")] {
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
    assert!(!page.html().contains("Use another number"), "{}", page.html());
    let other = visitor.world.person(|_| {}).await;
    visitor.give(&other).await;
    let view = visitor.world.platform.engine.view(&visitor.shop.unit(), "acme-1").await.unwrap();
    assert_eq!(view.payment.open().unwrap().payer.as_ref().unwrap().phone, kari.phone);
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    visitor.look().await.shows(200, &["You can close this page"]);
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
    visitor.give(&parent).await.shows(200, &[parent.phone.as_str()]);
}

#[tokio::test]
async fn a_refused_card_is_told_while_waiting() {
    let visitor = Visitor::new(|_| {}).await;
    let kari = visitor
        .world
        .person(|person| person.cards.iter_mut().for_each(|card| card.state = CardState::Expired))
        .await;
    visitor.give(&kari).await;
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    visitor.look().await.shows(200, &["The bank refused the card"]);
}

#[tokio::test]
async fn somebody_who_acts_at_once_needs_no_telling() {
    let visitor = Visitor::new(|_| {}).await;
    let fast = visitor.world.person(|person| person.acts = Acts::AtOnce).await;
    visitor.give(&fast).await.shows(200, &["http-equiv=\"refresh\""]);
    visitor.look().await.leads_to("https://example.com/vipps/result");
}

#[tokio::test]
async fn what_a_shop_writes_cannot_run() {
    let nasty = "\"><script>alert(1)</script>";
    let world = World::new().await;
    let shop = world.shop(|unit| unit.name = nasty.to_owned()).await;
    let visitor = Visitor::of(world, shop, |body| {
        body["transaction"]["transactionText"] = nasty.into();
    })
    .await;
    let kari = visitor.world.person(|_| {}).await;
    for page in [visitor.look().await, visitor.give(&kari).await] {
        assert!(!page.html().contains("<script"), "{}", page.html());
        page.shows(200, &["&#60;script&#62;"]);
    }
}

#[tokio::test]
async fn links_of_nobody_are_answered_plainly() {
    let visitor = Visitor::new(|_| {}).await;
    for query in ["", "v=2", "v=2&token=", "v=2&token=a.b.c"] {
        visitor.ask(Method::GET, PATH, query, "").await.shows(404, &["No such payment"]);
    }
    // Of the other environment.
    let production = visitor
        .world
        .shop(|unit| unit.environment = Environment::Production)
        .await;
    let foreign = Visitor::of(visitor.world.clone(), production, |_| {}).await;
    foreign.look().await.shows(404, &["No such payment"]);
    // After a reset.
    visitor.world.platform.engine.clear().await.unwrap();
    visitor.look().await.shows(404, &["No such payment"]);
}

#[tokio::test]
async fn only_the_pages_are_here() {
    let visitor = Visitor::new(|_| {}).await;
    let query = format!("v=2&token={}", visitor.token);
    let shouted = format!("{}/", PATH.to_ascii_uppercase());
    assert!(is_at(&shouted));
    visitor.ask(Method::GET, &shouted, &query, "").await.shows(200, &["499.00 kr"]);
    let head = visitor.ask(Method::HEAD, PATH, &query, "").await;
    assert_eq!(head.status(), 200);
    for (method, path) in [(Method::PUT, PATH), (Method::GET, "/dwo-api-application/x")] {
        let page = visitor.ask(method, path, &query, "").await;
        let body = r#"{ "statusCode": 404, "message": "Resource not found" }"#;
        assert_eq!((page.status(), page.html()), (404, body));
    }
    assert!(!is_at("/ecomm/v2/payments"));
    assert!(!is_at("/dwø-api-application/"));
}
