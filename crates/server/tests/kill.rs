//! `kill -9` under load, again and again (RELIABILITY of the issue that asked for it).
//!
//! Eight shops work against the binary while it is killed at random moments and started again on
//! the same folder. Afterwards every operation that was answered is there, none is there twice,
//! and every owed callback was attempted at most once: those not begun were sent after a restart,
//! those begun when the process died are listed as interrupted and were not repeated.
//!
//! Two controls show that the test can fail: kills must have interrupted work in flight, and a
//! callback that went out must have been counted by the receiver.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{Receiver, Server, Shop};

/// How often the process is killed.
const KILLS: u64 = 200;
/// How many shops work at the same time.
const SHOPS: u64 = 8;
/// The platform forgets the oldest calls of a sales unit beyond this number.
const CALLS_KEPT: usize = 10_000;

/// What a shop knows of one of its orders.
#[derive(Debug, Default)]
struct Ledger {
    /// Steps that were answered with success, by name.
    answered: Vec<Step>,
    /// The step that was in flight when the process died.
    unknown: Option<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Initiate,
    Approve,
    Capture(u64),
    Refund(u64),
}

/// The life of every order.
const LIFE: [Step; 6] = [
    Step::Initiate,
    Step::Approve,
    Step::Capture(1),
    Step::Capture(2),
    Step::Refund(1),
    Step::Refund(2),
];

#[test]
fn kill_9_loses_nothing_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let mut server = Server::start(folder.path());
    let shop = Shop::create(&server, &receiver.prefix());
    let ledgers: Mutex<HashMap<String, Ledger>> = Mutex::default();
    let orders = AtomicU64::new(0);
    let mut random = 0x5eed_u64;
    let mut slowest_restart = Duration::ZERO;

    for round in 0..KILLS {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let load = Duration::from_millis(10 + (random >> 33) % 90);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..SHOPS {
                scope.spawn(|| work(&server, &shop, &ledgers, &orders, &stop));
            }
            let until = Instant::now() + load;
            while Instant::now() < until {
                std::thread::yield_now();
            }
            server.kill();
            stop.store(true, Ordering::SeqCst);
        });
        let began = Instant::now();
        server = Server::start(folder.path());
        slowest_restart = slowest_restart.max(began.elapsed());
        if round % 20 == 19 {
            finish_unknown(&server, &shop, &ledgers);
        }
    }
    finish_unknown(&server, &shop, &ledgers);
    let ledgers = ledgers.into_inner().unwrap();
    let answered: usize = ledgers.values().map(|ledger| ledger.answered.len()).sum();
    let interrupted = check_orders(&server, &shop, &ledgers);
    let (sent, cut) = check_callbacks(&server, &shop, &ledgers, &receiver);
    println!(
        "{KILLS} kills, {} orders, {answered} answered steps, {interrupted} orders with a step in \
         flight at a kill, {sent} callbacks received, {cut} interrupted, slowest restart {} ms",
        ledgers.len(),
        slowest_restart.as_millis(),
    );
    assert!(ledgers.len() < CALLS_KEPT, "calls may have been forgotten");
    assert!(
        interrupted > 0,
        "no kill met work in flight: the test proves nothing"
    );
    assert!(sent > 0, "no callback went out: the test proves nothing");
    assert_eq!(server.terminate(), Some(0), "SIGTERM ends it well");
}

/// Takes orders through their lives until the process dies.
fn work(
    server: &Server,
    shop: &Shop,
    ledgers: &Mutex<HashMap<String, Ledger>>,
    orders: &AtomicU64,
    stop: &AtomicBool,
) {
    let agent = support::agent();
    while !stop.load(Ordering::SeqCst) {
        let order = format!("kill-{}", orders.fetch_add(1, Ordering::SeqCst));
        for step in LIFE {
            ledgers
                .lock()
                .unwrap()
                .entry(order.clone())
                .or_default()
                .unknown = Some(step);
            let Some((status, body)) = take(&agent, server, shop, &order, step) else {
                return;
            };
            assert_eq!(status, 200, "{step:?} of {order}: {body}");
            let mut ledgers = ledgers.lock().unwrap();
            let ledger = ledgers.entry(order.clone()).or_default();
            ledger.unknown = None;
            ledger.answered.push(step);
        }
    }
}

/// One step; `None` when no whole answer came.
fn take(
    agent: &ureq::Agent,
    server: &Server,
    shop: &Shop,
    order: &str,
    step: Step,
) -> Option<(u16, String)> {
    let (path, key, body) = match step {
        Step::Initiate => {
            return shop.call(agent, server, "POST", "", None, Some(&shop.initiate(order)));
        }
        Step::Approve => {
            let path = format!("/ecomm/v2/integration-test/payments/{order}/approve");
            let body = json!({ "customerPhoneNumber": shop.phone });
            return shop.call(agent, server, "POST", &path, None, Some(&body));
        }
        Step::Capture(n) => ("capture", format!("capture-{n}"), shop.modify(1000)),
        Step::Refund(n) => ("refund", format!("refund-{n}"), shop.modify(100)),
    };
    let path = format!("/ecomm/v2/payments/{order}/{path}");
    shop.call(agent, server, "POST", &path, Some(&key), Some(&body))
}

/// Repeats every step whose outcome is not known: with the same key it has one effect in the end.
fn finish_unknown(server: &Server, shop: &Shop, ledgers: &Mutex<HashMap<String, Ledger>>) {
    let agent = support::agent();
    for (order, ledger) in ledgers.lock().unwrap().iter_mut() {
        let Some(step) = ledger.unknown else { continue };
        if !matches!(step, Step::Capture(_) | Step::Refund(_)) {
            continue;
        }
        let (status, body) = take(&agent, server, shop, order, step).expect("the server is up");
        assert_eq!(status, 200, "repeating {step:?} of {order}: {body}");
        ledger.unknown = None;
        ledger.answered.push(step);
    }
}

/// Every answered step is in the log exactly once; an unanswered one at most once.
fn check_orders(server: &Server, shop: &Shop, ledgers: &HashMap<String, Ledger>) -> usize {
    let agent = support::agent();
    let mut in_flight = 0;
    for (order, ledger) in ledgers {
        in_flight += usize::from(ledger.unknown.is_some());
        let path = format!("/ecomm/v2/payments/{order}/details");
        let (status, body) = shop
            .call(&agent, server, "GET", &path, None, None)
            .expect("it is up");
        if status == 404 {
            assert!(ledger.answered.is_empty(), "{order} is lost: {ledger:?}");
            continue;
        }
        let details: Value = serde_json::from_str(&body).unwrap();
        for step in LIFE {
            let (operation, key) = match step {
                Step::Initiate => ("INITIATE", None),
                Step::Approve => ("RESERVE", None),
                Step::Capture(n) => ("CAPTURE", Some(format!("capture-{n}"))),
                Step::Refund(n) => ("REFUND", Some(format!("refund-{n}"))),
            };
            let entries = details["transactionLogHistory"].as_array().unwrap().iter();
            let count = entries
                .filter(|entry| entry["operation"] == operation)
                .filter(|entry| key.as_ref().is_none_or(|key| entry["requestId"] == **key))
                .count();
            let expected = if ledger.answered.contains(&step) {
                1..=1
            } else {
                0..=1
            };
            assert!(
                expected.contains(&count),
                "{order}: {step:?} is there {count} times: {body}"
            );
            if ledger.unknown != Some(step) && !ledger.answered.contains(&step) {
                assert_eq!(count, 0, "{order}: {step:?} was never asked for: {body}");
            }
        }
    }
    in_flight
}

/// Every reserved order's callback was received once, or stands as interrupted; none came twice.
fn check_callbacks(
    server: &Server,
    shop: &Shop,
    ledgers: &HashMap<String, Ledger>,
    receiver: &Receiver,
) -> (usize, usize) {
    let agent = support::agent();
    let (mut sent, mut interrupted) = (0, 0);
    for (order, ledger) in ledgers {
        if !ledger.answered.contains(&Step::Approve) {
            continue;
        }
        let call = shop.settled_call(&agent, server, order);
        let received = receiver.count(order);
        match call["state"].as_str().expect("a state") {
            "done" => assert_eq!(received, 1, "{order}: {call}"),
            "interrupted" => {
                assert!(received <= 1, "{order} was called {received} times: {call}");
                interrupted += 1;
            }
            other => panic!("{order}: the callback is still {other}: {call}"),
        }
        sent += received;
    }
    (sent, interrupted)
}
