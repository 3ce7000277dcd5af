//! What nobody can read is refused with a page, not with a bare line.

use super::*;

/// Addresses that no handler sees, since an extractor or the router refuses them.
const UNREADABLE: &[(&str, u16)] = &[
    ("/units?page=abc", 400),
    ("/units?q=a&q=b", 400),
    ("/requests?before=-1", 400),
    ("/requests?msn=1&msn=2", 400),
    ("/requests/%ff", 400),
    ("/audit?before=99999999999999999999999", 400),
    ("/catalogue?q=a&q=b", 400),
    ("/merchants?page=abc", 400),
    ("/nothing-here", 404),
];

#[tokio::test]
async fn addresses_that_nobody_can_read_answer_with_a_page() {
    let house = House::new().await;
    let admin = house.guest(Some(Role::Admin));
    for (path, status) in UNREADABLE {
        let seen = admin.get(path).await;
        assert_eq!(seen.status, *status, "{path}");
        assert!(seen.html.contains("<h1>"), "{path}: {}", seen.html);
        assert!(seen.html.contains("Kari Nordmann"), "{path}: signed in");
    }
    // What somebody wrote is text there.
    let planted = admin.get("/units?page=%3Cb%3E").await;
    assert!(planted.html.contains("<h1>") && !planted.html.contains("<b>"));
}

#[tokio::test]
async fn forms_at_a_wrong_address_answer_with_a_page() {
    let house = House::new().await;
    let admin = house.guest(Some(Role::Admin));
    let seen = admin.post("/units", &[("name", "x")]).await;
    assert_eq!(seen.status, 405);
    assert!(seen.html.contains("<h1>"), "{}", seen.html);
    assert!(seen.headers.contains_key(header::ALLOW));
    // Programs read problems.
    let called = admin.get("/control/v1/nothing").await;
    assert!(called.html.starts_with('{'), "{}", called.html);
}

#[tokio::test]
async fn every_page_names_an_icon_that_is_there() {
    let house = House::new().await;
    let anyone = house.guest(None);
    assert!(anyone.get("/").await.html.contains("/assets/icon.svg"));
    for path in ["/assets/icon.svg", "/favicon.ico", crate::landing::ICON] {
        let icon = anyone.get(path).await;
        assert_eq!(icon.status, 200, "{path}");
        assert_eq!(icon.headers["content-type"], "image/svg+xml", "{path}");
    }
}
