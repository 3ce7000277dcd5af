//! The list as it grows.

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use sandkasse_domain::{Environment, sales_unit::RateLimits};

use super::*;

/// What comes next, apart from the beginning of the stream.
async fn next(body: &mut Body) -> String {
    let frame = tokio::time::timeout(std::time::Duration::from_secs(5), body.frame());
    let frame = frame.await.expect("it comes at once").unwrap().unwrap();
    let data: Bytes = frame.into_data().unwrap();
    String::from_utf8(data.to_vec()).unwrap()
}

async fn opened(house: &House, query: &str) -> Body {
    let guest = house.guest(Some(Role::Reader));
    let response = guest.open(&format!("/requests/events?{query}")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let mut body = response.into_body();
    assert!(next(&mut body).await.starts_with("retry: "));
    body
}

#[tokio::test]
async fn a_call_shows_at_once_on_the_pages_that_want_it() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let mut all = opened(&house, "").await;
    let mut refused = opened(&house, "refused=on").await;
    let record = made(&house, initiate(&shop, "acme-1").await).await;
    let event = next(&mut all).await;
    assert!(
        event.starts_with(&format!(
            "id: {}\nevent: rows\ndata: <tr id=\"call-{}\"",
            record.number + 1,
            record.number
        )),
        "{event}"
    );
    assert!(event.ends_with("</tr>\n\n") && event.contains(&address(&house, &record)));
    let wrong = initiate(&shop, "acme-2")
        .await
        .header(SUBSCRIPTION_KEY, "nonsense");
    let record = made(&house, wrong).await;
    let event = next(&mut refused).await;
    assert!(
        event.contains("subkey.unknown") && !event.contains("event: missed"),
        "{event}"
    );
    assert_eq!(
        event.matches("<tr").count(),
        1,
        "the other call is not wanted here"
    );
    assert!(event.contains(&address(&house, &record)));
}

#[tokio::test]
async fn what_came_between_page_and_stream_is_told_first() {
    let house = House::new().await;
    let html = seen(&house, "/requests?text=now").await;
    let events = html.split("data-events=\"").nth(1).unwrap();
    let events = events
        .split('"')
        .next()
        .unwrap()
        .replace("&amp;", "&")
        .replace("&#38;", "&");
    for path in ["/nowhere/1", "/elsewhere/2", "/nowhere/3"] {
        made(&house, house.world.ask(Environment::Test, "GET", path)).await;
    }
    let guest = house.guest(Some(Role::Reader));
    let mut body = guest.open(&events).await.into_body();
    let first = next(&mut body).await;
    assert_eq!(first.matches("<tr").count(), 2, "{first}");
    assert!(!first.contains("elsewhere"));
}

#[tokio::test]
async fn a_crowd_is_told_as_a_number_and_its_refusals_are_shown() {
    let house = House::new().await;
    let shop = house
        .world
        .shop(|it| it.rate_limits = RateLimits::Off)
        .await;
    made(&house, initiate(&shop, "acme-1").await).await;
    let mut body = opened(&house, "").await;
    let details = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    // The task sleeps while this goes on, as nothing here waits.
    made(
        &house,
        house.world.ask(Environment::Test, "GET", "/nowhere"),
    )
    .await;
    for _ in 0..200 {
        house
            .inspector
            .answer(Environment::Test, details.request())
            .await;
    }
    let (mut shown, mut missed, mut refusals) = (0, 0, 0);
    while shown + missed < 201 {
        let event = next(&mut body).await;
        shown += event.matches("<tr").count();
        refusals += event.matches("/nowhere").count();
        let told = event.split("event: missed\ndata: ").nth(1);
        missed += told.map_or(0, |it| it.trim().parse::<usize>().unwrap());
    }
    assert_eq!(shown + missed, 201, "every call is shown or counted");
    assert!(missed > 0 && refusals == 1, "{missed} {refusals}");
}

#[tokio::test]
async fn a_slow_page_loses_rows_and_learns_how_many() {
    let house = House::new().await;
    let mut slow = opened(&house, "").await;
    let mut quick = opened(&house, "").await;
    for number in 0..20 {
        let path = format!("/nowhere/{number}");
        made(&house, house.world.ask(Environment::Test, "GET", &path)).await;
        assert!(next(&mut quick).await.contains(&path));
    }
    // More looks than wait for anybody: the first ones are gone.
    let (mut shown, mut missed) = (0, 0);
    while shown + missed < 20 {
        let event = next(&mut slow).await;
        shown += event.matches("<tr").count();
        let told = event.split("event: missed\ndata: ").nth(1);
        missed += told.map_or(0, |it| it.trim().parse::<usize>().unwrap());
    }
    assert_eq!((shown, missed), (16, 4));
}

#[tokio::test]
async fn streams_end_with_the_program() {
    let house = House::new().await;
    let mut body = opened(&house, "").await;
    house.stop.send_replace(true);
    let end = tokio::time::timeout(std::time::Duration::from_secs(5), body.frame());
    assert!(end.await.expect("it ends at once").is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_signed_out_sees_no_more() {
    let house = House::new().await;
    let guest = house.guest(Some(Role::Reader));
    let mut stream = guest.open("/requests/events").await.into_body();
    assert!(next_of(&mut stream).await.unwrap().starts_with("retry: "));
    assert_eq!(next_of(&mut stream).await.unwrap(), ": alive\n\n");
    guest.post("/sign-out", &[]).await;
    assert_eq!(next_of(&mut stream).await, None);
}

/// What comes next, however long that takes.
async fn next_of(body: &mut Body) -> Option<String> {
    let data = body.frame().await?.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}
