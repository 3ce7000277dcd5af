//! What the bank refuses on demand: the payment remembers it.

use std::num::NonZeroU32;

use sandkasse_domain::person::Acts;
use sandkasse_engine::{Act, faults::When};
use sandkasse_testkit::{Shop, seconds};
use serde_json::Value;

use super::stage::{ORDER, Stage, kind, on, rule};

/// Code, and what it says.
const REFUSALS: [(u16, &str); 5] = [
    (41, "The user does not have a valid card."),
    (42, "Refused by the issuer."),
    (43, "Refused by the issuer: Invalid amount."),
    (44, "Refused by the issuer: Expired card."),
    (45, "Reservation failed, reason unknown."),
];

const ONCE: When = When::Next(NonZeroU32::MIN);

/// Operation, fault, code, text, cause, and the log afterwards.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const ROWS: [Row; 3] = [
    (
        "capture",
        "capture-refused",
        "63",
        "Capture failed an unknown reason. Retrieve the payment details to see the full details.",
        "capture.refused_by_bank",
        &["CAPTURE!", "RESERVE", "INITIATE"],
    ),
    (
        "cancel",
        "cancel-refused",
        "52",
        "Cancellation failed, reason unknown.",
        "cancel.refused_by_bank",
        &["RESERVE", "INITIATE"],
    ),
    (
        "refund",
        "refund-refused",
        "74",
        "Refund failed during debit from the merchant's account.",
        "refund.settlement",
        &["REFUND!", "CAPTURE", "RESERVE", "INITIATE"],
    ),
];

#[tokio::test]
async fn captures_cancels_and_refunds_fail_and_the_same_key_succeeds() {
    let stage = Stage::new().await;
    for (operation, fault, code, text, cause, log) in ROWS {
        for by_header in [true, false] {
            let ready = stage.ready(on(operation)).await;
            let ask = ready.ask.clone();
            let got = if by_header {
                ask.header("Sandkasse-Fault", fault).send().await
            } else {
                stage.arm(rule(&ready.shop, kind(fault), ONCE));
                ask.send().await
            };
            got.says(400, "Payment", code, text, cause);
            assert_eq!(ready.shop.log(ORDER).await, log, "{operation}");
            assert_eq!(stage.rules(), []);
            // No money moved, and a failure is no saved reply.
            let done = ready.ask.clone().send().await.ok();
            let sums = &done["transactionSummary"];
            let expected: [i64; 2] = match operation {
                "capture" => [10_000, 0],
                "cancel" => [0, 0],
                _ => [10_000, 10_000],
            };
            let sums = ["capturedAmount", "refundedAmount"].map(|sum| sums[sum].as_i64());
            assert_eq!(sums, expected.map(Some), "{operation}");
        }
    }
}

#[tokio::test]
async fn what_is_refused_anyway_says_its_own_reason() {
    let stage = Stage::new().await;
    let shop = stage.shop().await;
    shop.initiate(ORDER, 10_000).await.ok();
    for (operation, fault, ..) in ROWS {
        stage.arm(rule(&shop, kind(fault), When::Always));
        assert!(kind(fault).fits(on(operation)));
    }
    shop.capture(ORDER, 1)
        .await
        .refused(400, "Payment", "62", "capture.not_approved");
    shop.refund(ORDER, 1)
        .await
        .refused(400, "Payment", "72", "refund.not_captured");
    shop.approve(ORDER, &stage.kari).await.expect("open");
    shop.capture(ORDER, 10_001)
        .await
        .refused(400, "Payment", "61", "capture.exceeds");
}

#[tokio::test]
async fn a_reply_that_was_saved_is_given_again_whatever_the_bank_would_say() {
    let stage = Stage::new().await;
    let ready = stage.ready(on("capture")).await;
    let done = ready.ask.clone().send().await;
    done.ok();
    let ask = ready.ask.clone();
    let again = ask
        .header("Sandkasse-Fault", "capture-refused")
        .send()
        .await;
    assert_eq!((again.status, again.body), (200, done.body));
}

#[tokio::test]
async fn an_issuer_refuses_a_forced_approval_and_it_may_be_tried_again() {
    for (code, text) in REFUSALS {
        for by_header in [true, false] {
            let stage = Stage::new().await;
            let ready = stage.ready(on("approve")).await;
            let fault = format!("issuer-refuses; code={code}");
            let ask = ready.ask.clone();
            let got = if by_header {
                ask.header("Sandkasse-Fault", &fault).send().await
            } else {
                stage.arm(rule(&ready.shop, kind(&fault), ONCE));
                ask.send().await
            };
            let cause = "approve.refused_by_issuer";
            got.says(400, "Payment", &code.to_string(), text, cause);
            assert_eq!(ready.shop.log(ORDER).await, ["RESERVE!", "INITIATE"]);
            assert_eq!(stage.world.recorder.callbacks(ORDER).len(), 0);
            ready.ask.clone().send().await.answered(200, "", "");
            let log = ["RESERVE", "RESERVE!", "INITIATE"];
            assert_eq!(ready.shop.log(ORDER).await, log);
            let callback = stage.world.recorder.callback(ORDER);
            assert_eq!(callback["transactionInfo"]["status"], "RESERVED");
        }
    }
}

async fn callback_error(stage: &Stage, shop: &Shop) -> Value {
    shop.person(ORDER, Act::Reject).await.expect("still open");
    stage.world.recorder.callback(ORDER)["errorInfo"].clone()
}

#[tokio::test]
async fn an_issuer_refuses_in_the_app_and_the_callback_says_why() {
    for (code, text) in REFUSALS {
        let stage = Stage::new().await;
        let shop = stage.shop().await;
        shop.initiate(ORDER, 10_000).await.ok();
        let fault = kind(&format!("issuer-refuses; code={code}"));
        stage.arm(rule(&shop, fault, ONCE));
        let seen = shop.approve(ORDER, &stage.kari).await;
        assert!(seen.expect("the app answers").payment.open().is_some());
        assert_eq!(shop.log(ORDER).await, ["RESERVE!", "INITIATE"]);
        let error = callback_error(&stage, &shop).await;
        assert_eq!(error["errorCode"], code.to_string());
        assert_eq!(error["errorMessage"], text);
    }
}

#[tokio::test]
async fn an_issuer_refuses_whoever_approves_unasked() {
    let stage = Stage::new().await;
    let shop = stage.shop().await;
    let acts = Acts::After(5);
    let ola = stage.world.person(|it| it.acts = acts).await;
    let number = ola.phone.as_str().to_owned();
    let named = |body: &mut Value| body["customerInfo"]["mobileNumber"] = number.into();
    shop.initiate_but(ORDER, 10_000, named).await.ok();
    stage.arm(rule(&shop, kind("issuer-refuses; code=43"), ONCE));
    shop.advance(seconds(5)).await;
    assert_eq!(shop.log(ORDER).await, ["RESERVE!", "INITIATE"]);
    assert_eq!(stage.rules(), []);
    let error = callback_error(&stage, &shop).await;
    assert_eq!(error["errorCode"], "43");
}

#[tokio::test]
async fn kinds_that_cannot_happen_to_an_operation_do_not() {
    let stage = Stage::new().await;
    for (target, header) in [
        ("initiate", "issuer-refuses"),
        ("initiate", "capture-refused"),
        ("capture", "refund-refused"),
        ("refund", "capture-refused"),
        ("cancel", "issuer-refuses; code=44"),
        ("approve", "capture-refused"),
        ("details", "cancel-refused"),
        ("token", "order-locked"),
        ("userinfo", "order-locked"),
    ] {
        let ready = stage.ready(on(target)).await;
        let ask = ready.ask.clone().header("Sandkasse-Fault", header);
        ask.send().await.ok();
        ready.is_done_once(target).await;
    }
}
