//! Cancel, capture, refund (reference: epayment.md §2.4–2.6, §5).

use sandkasse_domain::{
    person::Person,
    sales_unit::{RateLimits, SalesUnit},
};
use sandkasse_engine::Act;
use sandkasse_testkit::{Got, Shop, World, days, minutes};
use serde_json::json;

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let shop = world.shop(free).await;
    let kari = world.person(|_| {}).await;
    (world, shop, kari)
}

fn free(unit: &mut SalesUnit) {
    unit.rate_limits = RateLimits::Off;
}

/// One of the three, of the amount.
async fn modify(shop: &Shop, operation: &str, reference: &str, value: i64) -> Got {
    if operation == "cancel" {
        shop.epay_cancel(reference).await
    } else {
        shop.ask_epay_move(operation, reference, value)
            .await
            .send()
            .await
    }
}

#[track_caller]
fn state(got: &Got) -> String {
    got.json()["state"].as_str().expect("a text").to_owned()
}

/// Payments in every state there is: the reference is its name.
async fn in_all_states(shop: &Shop, kari: &Person) {
    shop.epay("expired-1", 1000).await.created();
    shop.advance(minutes(6)).await;
    for reference in ["created-1", "aborted-1", "terminated-1"] {
        shop.epay(reference, 1000).await.created();
    }
    shop.person("aborted-1", Act::LeaveLandingPage)
        .await
        .expect("she can");
    shop.epay_cancel("terminated-1").await.sums();
    for reference in [
        "authorized-1",
        "cancelled-1",
        "captured-1",
        "partly-cancelled",
        "refunded-1",
        "captured-2",
    ] {
        shop.authorized(reference, 1000, kari).await;
    }
    shop.epay_cancel("cancelled-1").await.sums();
    shop.epay_capture("captured-1", 1000).await.sums();
    shop.epay_capture("captured-2", 1000).await.sums();
    shop.epay_refund("captured-2", 400).await.sums();
    shop.epay_capture("partly-cancelled", 250).await.sums();
    shop.epay_cancel("partly-cancelled").await.sums();
    shop.epay_capture("refunded-1", 1000).await.sums();
    shop.epay_refund("refunded-1", 1000).await.sums();
}

#[tokio::test]
async fn epay_60_a_cancel_before_the_approval_terminates() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    let got = shop.epay_cancel("acme-shop-1").await;
    assert_eq!(
        (state(&got).as_str(), got.sums()),
        ("TERMINATED", [0, 1000, 0, 0])
    );
    assert!(shop.approve("acme-shop-1", &kari).await.is_err());
    assert_eq!(
        shop.epay_log("acme-shop-1").await,
        ["CREATED", "TERMINATED"]
    );
    let events = shop.epay_events("acme-shop-1").await;
    assert_eq!(events[0]["idempotencyKey"], events[1]["idempotencyKey"]);
}

#[tokio::test]
async fn epay_61_a_cancel_after_the_approval_lets_go() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let got = shop.epay_cancel("acme-shop-1").await;
    assert_eq!(
        (state(&got).as_str(), got.sums()),
        ("AUTHORIZED", [1000, 1000, 0, 0])
    );
}

#[tokio::test]
async fn epay_62_a_cancel_lets_go_of_the_exact_rest() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    shop.epay_capture("acme-shop-1", 250).await.sums();
    // Weeks later: what is left is not let go by itself.
    shop.advance(days(30)).await;
    let got = shop.epay_cancel("acme-shop-1").await;
    assert_eq!(
        (state(&got).as_str(), got.sums()),
        ("AUTHORIZED", [1000, 750, 250, 0])
    );
    let log = shop.epay_log("acme-shop-1").await;
    assert_eq!(log, ["CREATED", "AUTHORIZED", "CAPTURED", "CANCELLED"]);
}

/// What each state refuses. `{s}` stands for the state.
#[tokio::test]
async fn what_states_refuse() {
    let (_world, shop, kari) = stage().await;
    in_all_states(&shop, &kari).await;
    let log = |text: &str| format!("{text} Check the payment event log.");
    let refund = log("Cannot refund more than the available amount.");
    let whole = log("The whole amount has been captured.");
    let gone = log("Cannot capture a payment that has been cancelled.");
    let rows = [
        ("cancel", "captured-1", "6040", "Cannot cancel a captured payment", log("Cannot cancel a payment that has been captured."), "cancel.captured"),
        ("cancel", "partly-cancelled", "6040", "Cannot cancel a captured payment", log("Cannot cancel a payment that has been captured."), "cancel.captured"),
        ("cancel", "cancelled-1", "6050", "Cannot cancel a non-reserved payment", log("Cannot cancel a payment that is not reserved."), "cancel.already"),
        ("cancel", "aborted-1", "6190", "Payment cannot be cancelled", "Reference `aborted-1` cannot be cancelled. Invalid state: `ABORTED`.".to_owned(), "cancel.already"),
        ("cancel", "expired-1", "6190", "Payment cannot be cancelled", "Reference `expired-1` cannot be cancelled. Invalid state: `EXPIRED`.".to_owned(), "cancel.already"),
        ("cancel", "terminated-1", "6190", "Payment cannot be cancelled", "Reference `terminated-1` cannot be cancelled. Invalid state: `TERMINATED`.".to_owned(), "cancel.already"),
        ("capture", "created-1", "6080", "Cannot capture before reservation", "The amount you tried to capture is not reserved. The user must accept the payment before capture can be done.".to_owned(), "capture.not_approved"),
        ("capture", "captured-1", "6170", "Payment already captured", whole.clone(), "capture.all_captured"),
        ("capture", "cancelled-1", "6070", "Cannot capture a cancelled payment", gone.clone(), "capture.cancelled"),
        ("capture", "partly-cancelled", "6070", "Cannot capture a cancelled payment", gone.clone(), "capture.released"),
        ("capture", "terminated-1", "6070", "Cannot capture a cancelled payment", gone, "capture.cancelled"),
        ("capture", "aborted-1", "6200", "Payment cannot be captured", "Reference `aborted-1` cannot be captured. Invalid state: `ABORTED`.".to_owned(), "capture.cancelled"),
        ("capture", "expired-1", "6200", "Payment cannot be captured", "Reference `expired-1` cannot be captured. Invalid state: `EXPIRED`.".to_owned(), "capture.ended"),
        ("refund", "created-1", "6020", "Attempted refund before reservation", log("Cannot refund a payment that is not reserved."), "refund.not_captured"),
        ("refund", "authorized-1", "6150", "Not enough refundable", refund.clone(), "refund.not_captured"),
        ("refund", "cancelled-1", "6150", "Not enough refundable", refund.clone(), "refund.cancelled"),
        ("refund", "captured-2", "6150", "Not enough refundable", refund, "refund.exceeds_sum"),
        ("refund", "refunded-1", "6180", "Payment already refunded", log("Cannot refund a payment that has already been refunded."), "refund.exceeds_sum"),
        ("refund", "aborted-1", "6210", "Payment cannot be refunded", "Reference `aborted-1` cannot be refunded. Invalid state: `ABORTED`.".to_owned(), "refund.cancelled"),
        ("refund", "expired-1", "6210", "Payment cannot be refunded", "Reference `expired-1` cannot be refunded. Invalid state: `EXPIRED`.".to_owned(), "refund.cancelled"),
        ("refund", "terminated-1", "6210", "Payment cannot be refunded", "Reference `terminated-1` cannot be refunded. Invalid state: `TERMINATED`.".to_owned(), "refund.cancelled"),
    ];
    for (operation, reference, code, title, detail, cause) in rows {
        let before = shop.payment(reference).await;
        let got = modify(&shop, operation, reference, 1000).await;
        got.problem(400, code, title, &detail, cause);
        assert_eq!(
            got.json()["instance"],
            format!("/v1/payments/{reference}/{operation}")
        );
        assert_eq!(shop.payment(reference).await, before);
    }
}

#[tokio::test]
async fn epay_63_a_captured_payment_is_not_cancelled() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    shop.epay_capture("acme-shop-1", 1000).await.sums();
    shop.epay_cancel("acme-shop-1")
        .await
        .coded(400, "6040", "cancel.captured");
}

#[tokio::test]
async fn epay_64_what_ended_is_not_cancelled() {
    let (_world, shop, kari) = stage().await;
    in_all_states(&shop, &kari).await;
    for reference in ["aborted-1", "expired-1"] {
        shop.epay_cancel(reference)
            .await
            .coded(400, "6190", "cancel.already");
    }
}

#[tokio::test]
async fn epay_65_a_cancel_needs_no_body_but_no_list() {
    let (_world, shop, _) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    let ask = shop.ask_epay("POST", "/acme-shop-1/cancel").await;
    let got = ask.clone().body("[]").send().await;
    let reason = "The JSON value could not be converted to object.";
    got.shapes("json.type", &[("$", reason)]);
    let bare = ask.without("Idempotency-Key").without("Content-Type");
    let got = bare.send().await;
    assert_eq!(got.sums(), [0, 1000, 0, 0]);
}

#[tokio::test]
async fn epay_66_only_what_is_not_authorized() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    shop.authorized("acme-shop-2", 1000, &kari).await;
    let only = json!({ "cancelTransactionOnly": true });
    let cancel = async |reference: &str| {
        let below = format!("/{reference}/cancel");
        shop.ask_epay("POST", &below).await.json(&only).send().await
    };
    assert_eq!(state(&cancel("acme-shop-1").await), "TERMINATED");
    cancel("acme-shop-2")
        .await
        .coded(400, "6060", "cancel.authorized");
    assert_eq!(shop.epay_get("acme-shop-2").await.sums(), [1000, 0, 0, 0]);
}

#[tokio::test]
async fn epay_67_no_cancel_while_the_person_is_at_the_bank() {
    let (_world, shop, _) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    shop.person("acme-shop-1", Act::EnterThreeDSecure)
        .await
        .expect("she can");
    let got = shop.epay_cancel("acme-shop-1").await;
    let detail = "Cannot cancel a pending payment.";
    got.problem(
        400,
        "6250",
        "Cannot cancel processing payment",
        detail,
        "cancel.three_d_secure",
    );
}

#[tokio::test]
async fn epay_68_a_full_capture_to_the_byte() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let number = shop.epay_get("acme-shop-1").await.json()["pspReference"].clone();
    let got = shop.epay_capture("acme-shop-1", 1000).await;
    assert_eq!(got.sums(), [1000, 0, 1000, 0]);
    assert_eq!(
        got.body,
        format!(
            r#"{{"aggregate":{{"authorizedAmount":{{"currency":"NOK","value":1000}},"cancelledAmount":{{"currency":"NOK","value":0}},"capturedAmount":{{"currency":"NOK","value":1000}},"refundedAmount":{{"currency":"NOK","value":0}}}},"amount":{{"currency":"NOK","value":1000}},"pspReference":{number},"reference":"acme-shop-1","state":"AUTHORIZED"}}"#
        )
    );
}

#[tokio::test]
async fn epay_69_parts_until_nothing_is_left() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    for (value, captured) in [(300, 300), (300, 600), (400, 1000)] {
        // Nothing is no amount, and no event (epayment.md §8.5).
        let nothing = shop.epay_capture("acme-shop-1", 0).await;
        nothing.coded(400, "6010", "amount.too_small");
        let got = shop.epay_capture("acme-shop-1", value).await;
        assert_eq!(got.sums(), [1000, 0, captured, 0]);
    }
    let nothing = shop.epay_capture("acme-shop-1", 0).await;
    nothing.coded(400, "6170", "capture.all_captured");
    shop.epay_capture("acme-shop-1", 1)
        .await
        .coded(400, "6170", "capture.exceeds_sum");
}

#[tokio::test]
async fn epay_70_no_more_than_was_accepted() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let title = "Capture amount too high";
    let detail = "The total capture amount exceeds the reserved amount. Cannot capture a higher amount than the amount the user has accepted. Check the payment details.";
    let got = shop.epay_capture("acme-shop-1", 1001).await;
    got.problem(400, "6090", title, detail, "capture.exceeds");
    shop.epay_capture("acme-shop-1", 600).await.sums();
    let got = shop.epay_capture("acme-shop-1", 401).await;
    got.problem(400, "6090", title, detail, "capture.exceeds_sum");
    assert_eq!(shop.epay_get("acme-shop-1").await.sums(), [1000, 0, 600, 0]);
}

#[tokio::test]
async fn epay_71_nothing_is_captured_before_the_approval() {
    let (_world, shop, _) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    let got = shop.epay_capture("acme-shop-1", 1000).await;
    let detail = "The amount you tried to capture is not reserved. The user must accept the payment before capture can be done.";
    got.problem(
        400,
        "6080",
        "Cannot capture before reservation",
        detail,
        "capture.not_approved",
    );
}

#[tokio::test]
async fn epay_72_nothing_is_captured_after_a_cancel() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    shop.epay_cancel("acme-shop-1").await.sums();
    shop.epay_capture("acme-shop-1", 1000)
        .await
        .coded(400, "6070", "capture.cancelled");
}

#[tokio::test]
async fn epay_73_an_amount_counts_what_the_payment_does() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    for operation in ["capture", "refund"] {
        let body = json!({ "modificationAmount": { "currency": "DKK", "value": 1000 } });
        let ask = shop
            .ask_epay("POST", &format!("/acme-shop-1/{operation}"))
            .await;
        ask.json(&body)
            .send()
            .await
            .coded(400, "4040", "amount.currency");
    }
}

#[tokio::test]
async fn epay_74_periods_end() {
    let (world, shop, kari) = stage().await;
    let other = world.shop(free).await;
    for shop in [&shop, &other] {
        for reference in ["acme-shop-1", "acme-shop-2", "acme-shop-3"] {
            shop.authorized(reference, 1000, &kari).await;
        }
        shop.epay_capture("acme-shop-3", 1000).await.sums();
    }
    shop.advance(days(180)).await;
    assert_eq!(
        shop.epay_capture("acme-shop-1", 500).await.sums(),
        [1000, 0, 500, 0]
    );
    shop.advance(days(1)).await;
    let got = shop.epay_capture("acme-shop-1", 500).await;
    let detail = "Payments can only be captured up to 180 days after reservation. See the FAQ.";
    got.problem(
        400,
        "6100",
        "Capture period expired",
        detail,
        "capture.too_late",
    );
    let got = shop.epay_cancel("acme-shop-2").await;
    let detail = "Payments can only be canceled within 180 days of the reservation. See the FAQ.";
    got.problem(
        400,
        "6030",
        "Cancel period expired",
        detail,
        "cancel.too_late",
    );
    shop.advance(days(184)).await;
    assert_eq!(
        shop.epay_refund("acme-shop-3", 500).await.sums(),
        [1000, 0, 1000, 500]
    );
    shop.advance(days(1)).await;
    let got = shop.epay_refund("acme-shop-3", 500).await;
    let detail = "Payments can only be refunded within 365 days of the reservation. See the FAQ.";
    got.problem(
        400,
        "6220",
        "Refund period expired",
        detail,
        "refund.too_late",
    );
    // The other unit's clock stands where it stood.
    assert_eq!(
        other.epay_capture("acme-shop-1", 1000).await.sums(),
        [1000, 0, 1000, 0]
    );
}

#[tokio::test]
async fn epay_128_only_the_unit_whose_clock_moved_is_late() {
    let (world, shop, kari) = stage().await;
    let other = world.shop(free).await;
    for shop in [&shop, &other] {
        shop.authorized("acme-shop-1", 1000, &kari).await;
    }
    shop.advance(days(181)).await;
    shop.epay_capture("acme-shop-1", 1000)
        .await
        .coded(400, "6100", "capture.too_late");
    other.epay_capture("acme-shop-1", 1000).await.sums();
}

#[tokio::test]
async fn epay_75_no_more_is_refunded_than_was_captured() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    shop.epay_refund("acme-shop-1", 1)
        .await
        .coded(400, "6020", "refund.not_captured");
    shop.approve("acme-shop-1", &kari).await.expect("she can");
    shop.epay_capture("acme-shop-1", 600).await.sums();
    shop.epay_refund("acme-shop-1", 601)
        .await
        .coded(400, "6150", "refund.exceeds");
    assert_eq!(
        shop.epay_refund("acme-shop-1", 200).await.sums(),
        [1000, 0, 600, 200]
    );
    shop.epay_refund("acme-shop-1", 401)
        .await
        .coded(400, "6150", "refund.exceeds_sum");
    assert_eq!(
        shop.epay_refund("acme-shop-1", 400).await.sums(),
        [1000, 0, 600, 600]
    );
    shop.epay_refund("acme-shop-1", 1)
        .await
        .coded(400, "6180", "refund.exceeds_sum");
}

#[tokio::test]
async fn epay_76_a_refund_is_in_the_log() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    shop.epay_capture("acme-shop-1", 1000).await.sums();
    let got = shop.epay_refund("acme-shop-1", 400).await;
    assert_eq!(
        (state(&got).as_str(), got.sums()),
        ("AUTHORIZED", [1000, 0, 1000, 400])
    );
    let log = shop.epay_log("acme-shop-1").await;
    assert_eq!(log, ["CREATED", "AUTHORIZED", "CAPTURED", "REFUNDED"]);
}

#[tokio::test]
async fn epay_77_the_same_capture_again_is_one() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let ask = shop.ask_epay_move("capture", "acme-shop-1", 400).await;
    let first = ask.clone().send().await;
    assert_eq!(first.sums(), [1000, 0, 400, 0]);
    shop.epay_capture("acme-shop-1", 100).await.sums();
    let again = ask.clone().send().await;
    assert_eq!((again.status, again.body), (200, first.body));
    let other = json!({ "modificationAmount": { "currency": "NOK", "value": 401 } });
    let got = ask.json(&other).send().await;
    let detail =
        "The capture request in an idempotent retry must be identical to the previous request(s).";
    got.problem(
        409,
        "4010",
        "Capture idempotency conflict",
        detail,
        "idempotency.key_reused",
    );
    let log = shop.epay_log("acme-shop-1").await;
    assert_eq!(log, ["CREATED", "AUTHORIZED", "CAPTURED", "CAPTURED"]);
    let refund = shop.ask_epay_move("refund", "acme-shop-1", 100).await;
    refund.clone().send().await.sums();
    let got = refund.json(&other).send().await;
    let detail = "The request in an idempotent retry must be identical to the previous request(s).";
    got.problem(
        409,
        "4150",
        "Refund idempotency conflict",
        detail,
        "idempotency.key_reused",
    );
}

#[tokio::test]
async fn epay_78_one_key_cancels_two_payments() {
    let (_world, shop, kari) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    shop.authorized("acme-shop-2", 1000, &kari).await;
    for (reference, authorized) in [("acme-shop-1", 0), ("acme-shop-2", 1000)] {
        let ask = shop.ask_epay("POST", &format!("/{reference}/cancel")).await;
        let got = ask.header("Idempotency-Key", "1").send().await;
        assert_eq!(got.sums(), [authorized, 1000, 0, 0]);
    }
}

#[tokio::test]
async fn epay_79_one_key_captures_and_refunds() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    for operation in ["capture", "refund"] {
        let ask = shop.ask_epay_move(operation, "acme-shop-1", 1000).await;
        ask.header("Idempotency-Key", "1").send().await.sums();
    }
    assert_eq!(
        shop.epay_get("acme-shop-1").await.sums(),
        [1000, 0, 1000, 1000]
    );
}

#[tokio::test]
async fn epay_80_what_is_unknown_is_not_modified() {
    let (_world, shop, _) = stage().await;
    for operation in ["cancel", "capture", "refund"] {
        let got = modify(&shop, operation, "acme-shop-1", 1000).await;
        let detail = format!(
            "The reference `acme-shop-1` does not exist for MSN {}",
            shop.msn
        );
        got.problem(404, "5090", "Reference not found", &detail, "order.unknown");
    }
}

#[tokio::test]
async fn epay_81_of_two_captures_at_once_one_succeeds() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    let one = tokio::spawn(
        shop.ask_epay_move("capture", "acme-shop-1", 1000)
            .await
            .send(),
    );
    let two = tokio::spawn(
        shop.ask_epay_move("capture", "acme-shop-1", 1000)
            .await
            .send(),
    );
    let (one, two) = (one.await.expect("no panic"), two.await.expect("no panic"));
    let (good, bad) = if one.status == 200 {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(good.sums(), [1000, 0, 1000, 0]);
    bad.coded(400, "6170", "capture.all_captured");
    assert_eq!(
        shop.epay_get("acme-shop-1").await.sums(),
        [1000, 0, 1000, 0]
    );
}

#[tokio::test]
async fn epay_82_a_refusal_stays_a_refusal_under_its_key() {
    let (_world, shop, kari) = stage().await;
    let ask = shop.ask_epay_move("capture", "acme-shop-1", 1000).await;
    let unknown = ask.clone().send().await;
    unknown.coded(404, "5090", "order.unknown");
    shop.epay("acme-shop-1", 1000).await.created();
    let early = shop.ask_epay_move("capture", "acme-shop-1", 1000).await;
    let refused = early.clone().send().await;
    refused.coded(400, "6080", "capture.not_approved");
    shop.approve("acme-shop-1", &kari).await.expect("she can");
    for (ask, first) in [(ask, unknown), (early, refused)] {
        let again = ask.send().await;
        assert_eq!((again.status, again.cause()), (first.status, first.cause()));
        assert_eq!(again.body, first.body);
    }
    shop.epay_capture("acme-shop-1", 1000).await.sums();
    // A refused creation, too.
    let ask = shop
        .ask_epay("POST", "")
        .await
        .json(&shop.epay_body("acme-shop-2", 99));
    let refused = ask.clone().send().await;
    refused.coded(400, "6010", "amount.too_small");
    assert_eq!(ask.send().await.body, refused.body);
}

#[tokio::test]
async fn epay_83_an_amount_is_needed() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    for operation in ["capture", "refund"] {
        let ask = shop
            .ask_epay("POST", &format!("/acme-shop-1/{operation}"))
            .await;
        let got = ask.clone().body("{}").send().await;
        let reason = "The ModificationAmount field is required.";
        got.shapes("request.missing", &[("modificationAmount", reason)]);
        assert_eq!(ask.send().await.cause(), "json.syntax");
    }
}

#[tokio::test]
async fn a_unit_that_must_capture_all_at_once() {
    let (_world, shop, kari) = stage().await;
    shop.change(|unit| unit.partial_capture = false).await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    shop.epay_capture("acme-shop-1", 999)
        .await
        .coded(400, "6140", "capture.partial");
    shop.epay_capture("acme-shop-1", 1000).await.sums();
}
