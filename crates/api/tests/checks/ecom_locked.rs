//! Orders that are busy: another operation is running, or the bank is silent (reference: ecom.md
//! §4 and platform.md §8).

use std::sync::Arc;

use sandkasse_engine::{Act, Settings};
use sandkasse_testkit::{Got, Trouble, TroubledStore, World, minutes, seconds};
use serde_json::Value;

const LOCKED: &str = "Order locked and is already processing.";

/// The clock of the lanes stands still too: whoever waits two seconds has waited them at once.
#[tokio::test(start_paused = true)]
async fn ecom_100_two_captures_never_overlap() {
    let store = Arc::new(TroubledStore::default());
    let world = World::with(store.clone(), Settings::default()).await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    shop.reserved("acme-1", 10_000, &kari).await;
    shop.reserved("acme-2", 10_000, &kari).await;

    // The first one is stuck; the second one waits for it, but not for ever.
    let began = tokio::time::Instant::now();
    store.set(Trouble::Slow);
    let stuck = {
        let shop = shop.clone();
        tokio::spawn(async move { shop.capture_as("key-1", "acme-1", 6_000).await })
    };
    store.held().await;
    let locked: [Got; 4] = [
        shop.capture_as("key-2", "acme-1", 6_000).await,
        shop.capture_as("key-1", "acme-1", 6_000).await,
        shop.refund("acme-1", Value::Null).await,
        shop.cancel("acme-1").await,
    ];
    for got in locked {
        got.says(409, "VippsError", "94", LOCKED, "order.locked");
    }
    // Who only looks does not wait.
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
    store.set(Trouble::None);
    assert!(began.elapsed().as_secs() >= 8, "each of the four waited");
    let first = stuck.await.expect("it ends");
    assert_eq!(first.ok()["transactionSummary"]["capturedAmount"], 6_000);
    // The same keys again: one is answered as before, the other is tried anew.
    let again = shop.capture_as("key-1", "acme-1", 6_000).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    let other = shop.capture_as("key-2", "acme-1", 6_000).await;
    other.refused(400, "Payment", "61", "capture.exceeds_sum");

    // Without trouble they are carried out one after the other, whichever comes first.
    let (one, two) = tokio::join!(
        shop.capture_as("key-1", "acme-2", 6_000),
        shop.capture_as("key-2", "acme-2", 6_000),
    );
    let (done, refused) = if one.status == 200 {
        (one, two)
    } else {
        (two, one)
    };
    done.ok();
    refused.refused(400, "Payment", "61", "capture.exceeds_sum");
    assert_eq!(shop.log("acme-2").await, ["CAPTURE", "RESERVE", "INITIATE"]);
}

#[tokio::test]
async fn ecom_101_the_bank_is_silent_for_an_hour() {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    shop.initiate("acme-1", 201).await.ok();
    shop.approve("acme-1", &kari).await.expect("approved");
    let operations = || async {
        [
            shop.capture("acme-1", Value::Null).await,
            shop.capture_as("key-1", "acme-1", 201).await,
            shop.refund("acme-1", Value::Null).await,
            shop.cancel("acme-1").await,
        ]
    };
    for wait in [seconds(0), minutes(59)] {
        shop.advance(wait).await;
        for got in operations().await {
            got.says(409, "VippsError", "94", LOCKED, "order.outcome_pending");
        }
        let details = shop.details("acme-1").await.ok();
        assert_eq!(details.get("transactionSummary"), None);
        assert_eq!(shop.log("acme-1").await, ["INITIATE"]);
        assert_eq!(world.recorder.calls(), []);
        let again = shop.approve("acme-1", &kari).await;
        assert!(again.is_err(), "there is nothing left to approve");
        assert!(shop.person("acme-1", Act::Reject).await.is_err());
    }
    shop.advance(minutes(1)).await;
    assert_eq!(shop.log("acme-1").await, ["RESERVE", "INITIATE"]);
    let told = world.recorder.callback("acme-1");
    assert_eq!(told["transactionInfo"]["status"], "RESERVED");
    assert_eq!(
        told["transactionInfo"]["timeStamp"],
        "2023-06-13T13:00:00.000Z"
    );
    shop.capture_as("key-1", "acme-1", 201).await.ok();
}
