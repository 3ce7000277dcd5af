//! What nobody learns, nobody can do, and nobody finds.

use super::*;

#[tokio::test]
async fn plat_51_faq_117_no_page_can_be_framed() {
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
        let scripts = policy.contains("script-src 'self'; connect-src 'self'");
        let is_page = page.header("content-type") != Some("text/css; charset=utf-8");
        assert_eq!(scripts, is_page, "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    }
}

#[tokio::test]
async fn plat_52_faq_95_faq_96_nobody_learns_why_a_number_cannot_pay() {
    let visitor = Visitor::new(|_| {}).await;
    let world = &visitor.world;
    let numbers = [
        world
            .person(|it| it.birthdate = jiff::civil::date(2010, 1, 1))
            .await
            .phone,
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
    let view = world
        .platform
        .engine
        .view(&visitor.shop.unit(), "acme-1")
        .await
        .unwrap();
    assert_eq!(view.history.len(), 1);
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
        // The one script is ours, and comes as a file.
        let scripts: Vec<_> = page.html().match_indices("<script").collect();
        assert_eq!(scripts.len(), 1, "{}", page.html());
        page.shows(
            200,
            &["<script type=\"module\" src=\"/dwo-api-application/landing.js\">"],
        );
        page.shows(200, &["&#60;script&#62;"]);
    }
}

#[tokio::test]
async fn links_of_nobody_are_answered_plainly() {
    let visitor = Visitor::new(|_| {}).await;
    for query in ["", "v=2", "v=2&token=", "v=2&token=a.b.c"] {
        visitor
            .ask(Method::GET, PATH, query, "")
            .await
            .shows(404, &["No such payment"]);
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
    visitor
        .ask(Method::GET, &shouted, &query, "")
        .await
        .shows(200, &["499.00 kr"]);
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
