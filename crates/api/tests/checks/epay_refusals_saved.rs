//! Refusals under a key: saved with what they made happen, and alone where they made nothing happen
//! (reference: epayment.md §4).

use sandkasse_domain::sales_unit::RateLimits;
use sandkasse_engine::Act;
use sandkasse_store::{Kind, StreamId};
use sandkasse_testkit::{Shop, World, days, minutes};

/// How often the payment was written.
async fn version(shop: &Shop, reference: &str) -> u64 {
    let stream = StreamId {
        kind: Kind::Payment,
        name: reference.to_owned(),
    };
    let store = shop.world().platform.engine.store();
    let record = store.load(&shop.unit().partition(), &stream).await;
    let record = record.expect("memory does not fail");
    record.expect("it was created").version
}

#[tokio::test]
async fn epay_82_what_a_refusal_made_happen_is_saved_with_it() {
    // What goes before, what is captured, code, cause, and what the log has more than before.
    let rows: [(&str, i64, &str, &str, &[&str]); 4] = [
        ("authorized", 1001, "6090", "capture.exceeds", &[]),
        ("left", 1000, "6200", "capture.cancelled", &[]),
        (
            "no-card",
            1000,
            "6260",
            "capture.refused_by_bank",
            &["CAPTURED!"],
        ),
        ("overdue", 1000, "6200", "capture.ended", &["EXPIRED"]),
    ];
    for (story, value, code, cause, more) in rows {
        let world = World::new().await;
        let shop = world.shop(|it| it.rate_limits = RateLimits::Off).await;
        let kari = world.person(|_| {}).await;
        let reference = format!("acme-{story}");
        shop.epay(&reference, 1000).await.created();
        if story == "left" {
            let left = shop.person(&reference, Act::LeaveLandingPage).await;
            left.expect("she can");
        } else if story != "overdue" {
            shop.approve(&reference, &kari).await.expect("she can");
        }
        let mut log = shop.epay_log(&reference).await;
        if story == "no-card" {
            // The bank's hold on the card is over, and so is the card.
            world.change_person(&kari, |it| it.cards.clear()).await;
            shop.advance(days(31)).await;
        } else if story == "overdue" {
            // Nobody runs the agenda, so the capture finds out.
            world.clock.advance(minutes(11));
        }
        let before = version(&shop, &reference).await;
        let ask = shop.ask_epay_move("capture", &reference, value).await;
        let first = ask.clone().send().await;
        first.coded(400, code, cause);
        let written = version(&shop, &reference).await - before;
        let expected = u64::from(!more.is_empty());
        assert_eq!(written, expected, "{story}: only what happened is written");
        let again = ask.send().await;
        assert_eq!(again.body, first.body, "{story}");
        assert_eq!((again.status, again.cause()), (400, cause), "{story}");
        log.extend(more.iter().map(|name| (*name).to_owned()));
        assert_eq!(shop.epay_log(&reference).await, log, "{story}");
        let written = version(&shop, &reference).await - before;
        assert_eq!(written, expected, "{story}: nothing happens twice");
    }
}
