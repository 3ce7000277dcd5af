//! Many calls at once: nothing twice, nothing too much.

use std::{collections::HashSet, sync::Arc};

use sandkasse_domain::{Minor, sales_unit::RateLimits};
use sandkasse_engine::{Settings, WallClock};
use sandkasse_store::MemoryStore;
use sandkasse_testkit::{Ask, Got, Shop, Trouble, TroubledStore, World};
use serde_json::json;
use tokio::task::JoinSet;

const CALLERS: usize = 64;

/// A unit without limits and its order of 300 kroner, reserved.
async fn reserved() -> Shop {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world
        .shop(|facts| facts.rate_limits = RateLimits::Off)
        .await;
    shop.reserved("acme-1", 30000, &kari).await;
    shop
}

/// Sends all calls at once.
async fn together(asks: Vec<Ask>) -> Vec<Got> {
    let calls: JoinSet<Got> = asks.into_iter().map(Ask::send).collect();
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn ecom_49_many_repeats_at_once_are_one_capture() {
    let shop = reserved().await;
    let body = shop.modify_body(1000);
    let ask = shop.ask_modify("capture", "acme-1", &body).await;
    let ask = ask.header("X-Request-Id", "key-1");
    let answers = together(vec![ask; CALLERS]).await;

    assert_eq!(answers.len(), CALLERS);
    let first = answers.first().expect("an answer");
    let noon = "2023-06-13T12:00:00.000Z";
    first.captured("acme-1", 1000, noon, [1000, 29000, 0, 1000]);
    for answer in &answers {
        answer.answered(200, &first.body, "");
    }
    let log = shop.log("acme-1").await;
    assert_eq!(log, ["CAPTURE", "RESERVE", "INITIATE"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn ecom_45_many_captures_at_once_never_exceed() {
    let shop = reserved().await;
    let ask = shop
        .ask_modify("capture", "acme-1", &shop.modify_body(1000))
        .await;
    let key = |number: usize| format!("key-{number}");
    let asks = (0..CALLERS).map(|number| ask.clone().header("X-Request-Id", &key(number)));
    let answers = together(asks.collect()).await;

    let (done, refused): (Vec<&Got>, Vec<&Got>) = answers.iter().partition(|it| it.status == 200);
    assert_eq!(done.len(), 30, "300 kroner are thirty times ten");
    for answer in refused {
        match answer.status {
            400 => answer.refused(400, "Payment", "61", "capture.exceeds_sum"),
            _ => answer.refused(409, "VippsError", "94", "order.locked"),
        };
    }
    // Each answer shows the sum after its own capture: none was made on top of an old one.
    let mut sums: Vec<i64> = Vec::new();
    for answer in done {
        let summary = answer.ok()["transactionSummary"].clone();
        sums.push(summary["capturedAmount"].as_i64().expect("an integer"));
    }
    sums.sort_unstable();
    assert_eq!(sums, (1..=30).map(|times| times * 1000).collect::<Vec<_>>());

    let details = shop.details("acme-1").await.ok();
    let log = details["transactionLogHistory"].as_array().expect("a list");
    let captures: Vec<_> = log
        .iter()
        .filter(|entry| entry["operation"] == "CAPTURE")
        .collect();
    assert_eq!((captures.len(), log.len()), (30, 32));
    for member in ["transactionId", "requestId"] {
        let different: HashSet<String> = captures.iter().map(|it| it[member].to_string()).collect();
        assert_eq!(different.len(), 30, "each {member} is there once");
    }
    assert_eq!(
        details["transactionSummary"],
        json!({
            "capturedAmount": 30000,
            "remainingAmountToCapture": 0,
            "refundedAmount": 0,
            "remainingAmountToRefund": 30000,
            "bankIdentificationNumber": 492_556,
        })
    );
}

/// What two calls are answered that come while neither of them is stored, the second at the last of
/// the stores: the one that is carried out, and the one that is not.
async fn neither_stored(stores: &[Arc<TroubledStore>], asks: [Ask; 2]) -> [Got; 2] {
    for store in stores {
        store.set(Trouble::Slow);
    }
    let calls: JoinSet<Got> = asks.into_iter().map(Ask::send).collect();
    for store in stores {
        store.held().await;
    }
    // Each goes as far as it may.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    for store in stores {
        store.set(Trouble::None);
    }
    let mut answers = calls.join_all().await;
    answers.sort_by_key(|it| it.status);
    answers.try_into().expect("two were sent")
}

/// Within a process the second waits for the first; at another node it is decided on again.
#[tokio::test]
async fn sums_over_a_unit_hold_for_two_calls_at_once() {
    let limit = |units| Some(Minor::try_new(units).expect("small"));
    for count in [1, 2] {
        let alone = Arc::new(TroubledStore::default());
        let first = World::with(alone.clone(), Settings::default()).await;
        let (mut worlds, mut stores) = (vec![first.clone()], vec![alone]);
        if count > 1 {
            let memory = MemoryStore::new();
            (worlds, stores) = (Vec::new(), Vec::new());
            for seed in 0..count {
                let clock = first.clock.clone();
                let joined = memory.join(Arc::new(move || clock.now()));
                let store = Arc::new(TroubledStore::over(joined));
                worlds.push(first.node(store.clone(), seed).await);
                stores.push(store);
            }
        }
        let kari = worlds[0].person(|_| {}).await;
        let shop = worlds[0].shop(|it| it.rate_limits = RateLimits::Off).await;
        for order in ["sold-1", "sold-2"] {
            shop.reserved(order, 1000, &kari).await;
            shop.capture(order, 1000).await.ok();
        }
        // Two thousand were asked for and earned; each of the calls fits, and both do not.
        shop.change(|it| {
            it.limits.request = limit(3999);
            it.limits.paid_out = Minor::try_new(500).expect("small");
            it.limits.overdraft = limit(0);
        })
        .await;
        for world in &worlds {
            let beat = world.platform.engine.beat().await;
            beat.expect("memory does not fail");
        }
        let there = shop.at(worlds.last().expect("there are some"));
        let initiate = async |at: &Shop, order: &str| {
            let body = at.initiate_body(order, 1000);
            at.ask("POST", "/ecomm/v2/payments").await.json(&body)
        };
        let refund = async |at: &Shop, order: &str| {
            at.ask_modify("refund", order, &at.modify_body(1000)).await
        };
        let asks = [
            initiate(&shop, "acme-1").await,
            initiate(&there, "acme-2").await,
        ];
        let [done, refused] = neither_stored(&stores, asks).await;
        done.ok();
        refused.refused(400, "Merchant", "33", "limit.request");
        let asks = [
            refund(&shop, "sold-1").await,
            refund(&there, "sold-2").await,
        ];
        let [done, refused] = neither_stored(&stores, asks).await;
        done.ok();
        refused.refused(400, "Payment", "74", "refund.settlement");
    }
}
