//! The right answer, late.

use jiff::SignedDuration;
use sandkasse_engine::faults::{Rule, Target, When};
use sandkasse_testkit::Got;
use tokio::task::JoinHandle;

use super::stage::{ORDER, Stage, kind, on, rule};

fn milliseconds(count: i64) -> SignedDuration {
    SignedDuration::from_millis(count)
}

/// Lets the call come as far as it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn is_late_by(stage: &Stage, call: JoinHandle<Got>, ms: i64) -> Got {
    settle().await;
    assert!(!call.is_finished(), "it waits");
    stage.world.clock.advance(milliseconds(ms - 1));
    settle().await;
    assert!(!call.is_finished(), "one millisecond is left");
    stage.world.clock.advance(milliseconds(1));
    call.await.expect("it ends")
}

#[tokio::test]
async fn a_slow_answer_is_the_right_one() {
    let stage = Stage::new().await;
    for target in Target::ALL {
        let ready = stage.ready(target).await;
        let ask = ready.ask.clone().header("Sandkasse-Fault", "slow; ms=1500");
        let got = is_late_by(&stage, tokio::spawn(ask.send()), 1500).await;
        got.ok();
        ready.is_done_once(target.name()).await;
    }
}

#[tokio::test]
async fn nothing_is_done_while_it_waits() {
    let stage = Stage::new().await;
    let ready = stage.ready(on("capture")).await;
    let everybody = Rule {
        msn: None,
        ..rule(&ready.shop, kind("slow; ms=200"), When::Always)
    };
    stage.arm(everybody);
    let call = tokio::spawn(ready.ask.clone().send());
    settle().await;
    ready.is_as_before("it waits").await;
    is_late_by(&stage, call, 200).await.ok();
    ready.is_done_once("afterwards").await;
    // Also for those who will be refused: it is before every check.
    let wrong = ready.ask.clone().header("Authorization", "");
    let got = is_late_by(&stage, tokio::spawn(wrong.send()), 200).await;
    assert_eq!(got.status, 401);
}

#[tokio::test]
async fn one_slow_call_holds_nobody_else_up() {
    let stage = Stage::new().await;
    let slow = stage.ready(on("capture")).await;
    let quick = stage.ready(on("capture")).await;
    stage.arm(rule(&slow.shop, kind("slow"), When::Always));
    let call = tokio::spawn(slow.ask.clone().send());
    settle().await;
    quick.ask.clone().send().await.ok();
    // Neither is another call of the same unit, unless it is struck itself.
    stage.disarm();
    slow.shop.details(ORDER).await.ok();
    is_late_by(&stage, call, 3000).await.ok();
}
