//! The page hears what happens to the payment.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::time::timeout;

use super::*;

/// An open stream of events.
struct Listener {
    body: axum::body::Body,
    #[expect(dead_code, reason = "the stream ends with it")]
    stop: watch::Sender<bool>,
}

impl Listener {
    async fn of(visitor: &Visitor) -> Listener {
        let (response, stop) = listen(visitor, &visitor.token);
        let response = response.expect("there are events");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Listener {
            body: response.into_body(),
            stop,
        }
    }

    /// The next event; comments are passed over.
    async fn next(&mut self) -> Option<Value> {
        loop {
            let frame = timeout(Duration::from_secs(10), self.body.frame());
            let frame = frame.await.expect("an event comes at once")?.unwrap();
            let data = frame.into_data().unwrap();
            let text = std::str::from_utf8(&data).unwrap();
            if let Some(json) = text.strip_prefix("data: ") {
                return Some(serde_json::from_str(json).unwrap());
            }
        }
    }

    #[track_caller]
    fn is(event: Option<Value>, stage: &str, left_ms: i64) {
        let event = event.expect("the stream goes on");
        assert_eq!(
            (&event["stage"], &event["left_ms"]),
            (&stage.into(), &left_ms.into())
        );
    }
}

fn listen(
    visitor: &Visitor,
    token: &str,
) -> (Option<axum::response::Response>, watch::Sender<bool>) {
    let (stop, stopped) = watch::channel(false);
    let surroundings = Surroundings {
        stop: stopped,
        ..surroundings()
    };
    let visit = Visit {
        environment: Environment::Test,
        method: &Method::GET,
        path: &format!("{PATH}{EVENTS}"),
        query: Some(&format!("token={token}")),
        headers: &HeaderMap::new(),
        body: &[],
    };
    (follow(&visitor.world.platform, &surroundings, &visit), stop)
}

#[tokio::test]
async fn the_page_follows_the_payment_to_its_end() {
    let visitor = Visitor::new(|body| body["transaction"]["amount"] = 202.into()).await;
    let kari = visitor.world.person(|_| {}).await;
    let mut listener = Listener::of(&visitor).await;
    Listener::is(listener.next().await, "asked", 300_000);
    // The page itself names the stage it shows, so that it knows when to go on.
    visitor.look().await.shows(200, &["data-stage=\"asked\""]);
    let waiting = format!("waiting-{}", kari.phone);
    let page = visitor.give(&kari).await;
    page.shows(200, &[&format!("data-stage=\"{waiting}\"")]);
    // Opened and shown are two commits; how many events they make is of no interest.
    while listener.next().await.unwrap()["stage"] != waiting.as_str() {}
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    let confirming = format!("confirming-{}", kari.phone);
    Listener::is(listener.next().await, &confirming, 300_000);
    visitor.shop.approve("acme-1", &kari).await.unwrap();
    let last = listener.next().await.unwrap();
    assert_eq!(last["stage"], "ended");
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn a_moved_clock_changes_the_time_that_is_left() {
    let visitor = Visitor::new(|_| {}).await;
    let mut listener = Listener::of(&visitor).await;
    Listener::is(listener.next().await, "asked", 300_000);
    visitor.shop.advance(minutes(2)).await;
    Listener::is(listener.next().await, "asked", 180_000);
    visitor.shop.advance(minutes(3)).await;
    assert_eq!(listener.next().await.unwrap()["stage"], "ended");
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn other_payments_are_not_told() {
    let visitor = Visitor::new(|_| {}).await;
    let mut listener = Listener::of(&visitor).await;
    Listener::is(listener.next().await, "asked", 300_000);
    visitor.shop.initiate("acme-2", 1000).await.ok();
    visitor.shop.person("acme-2", Act::Reject).await.unwrap();
    visitor.shop.person("acme-1", Act::Reject).await.unwrap();
    assert_eq!(listener.next().await.unwrap()["stage"], "ended");
}

#[tokio::test]
async fn who_holds_no_link_hears_nothing_and_a_stop_ends_all() {
    let visitor = Visitor::new(|_| {}).await;
    for token in ["", "a.b.c"] {
        assert!(listen(&visitor, token).0.is_none(), "{token}");
    }
    let (response, stop) = listen(&visitor, &visitor.token);
    let mut body = response.unwrap().into_body();
    assert!(body.frame().await.is_some());
    stop.send(true).unwrap();
    assert!(body.frame().await.is_none());
}
