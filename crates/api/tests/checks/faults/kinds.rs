//! What each kind answers on each operation, and that it is done not at all or once.

use std::num::NonZeroU32;

use sandkasse_api::Connection;
use sandkasse_engine::faults::{Fault, Target, When};
use sandkasse_testkit::{Format, Got, INTERNAL_ERROR};

use super::stage::{Ready, Stage, kind, on, rule};

const GLITCH: &str = r#"{"responseInfo":{"responseCode":"1000","responseMessage":"Something went wrong. Please try again later."}}"#;
const BAD_GATEWAY: &str = r#"{ "statusCode": 502, "message": "Bad Gateway" }"#;
const UNAVAILABLE: &str = r#"{ "statusCode": 503, "message": "Service Unavailable" }"#;
const GATEWAY_500: &str = r#"{ "statusCode": 500, "message": "Internal server error" }"#;
const GATEWAY_429: &str =
    r#"{ "statusCode": 429, "message": "Too many concurrent requests. See the FAQ." }"#;
const TOO_MANY: &str = "Too many concurrent requests. See the FAQ.";

/// How a fault is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Header,
    /// Of this unit and any operation.
    RuleOfUnit,
    /// Of this unit and this operation.
    RuleOfOperation,
    /// Of everybody.
    RuleForAll,
}

const WAYS: [Way; 4] = [
    Way::Header,
    Way::RuleOfUnit,
    Way::RuleOfOperation,
    Way::RuleForAll,
];

/// Sends the call with the fault, once.
async fn with_fault(stage: &Stage, ready: &Ready, fault: &str, way: Way) -> Got {
    let when = When::Next(NonZeroU32::MIN);
    let mut rule = rule(&ready.shop, kind(fault), when);
    let ask = ready.ask.clone();
    match way {
        Way::Header => return ask.header("Sandkasse-Fault", fault).send().await,
        Way::RuleOfUnit => {}
        Way::RuleOfOperation => rule.target = Some(ready.target),
        Way::RuleForAll => rule.msn = None,
    }
    stage.arm(rule);
    let got = ask.send().await;
    assert_eq!(stage.rules(), [], "used up");
    got
}

/// Asserts the whole answer.
#[track_caller]
fn answers(got: &Got, fault: &str, target: Target) {
    let ecom = matches!(target, Target::Payment(_));
    if fault != "drop" {
        assert_eq!(got.connection, Connection::Answer);
    }
    match (fault, target) {
        ("sql-glitch", _) => got.answered(500, GLITCH, "platform.test_sql_glitch"),
        ("outage-502", _) => got.answered(502, BAD_GATEWAY, "platform.outage"),
        ("outage-503", _) => got.answered(503, UNAVAILABLE, "platform.outage"),
        ("internal-error", _) if ecom => {
            got.says(500, "VippsError", "99", INTERNAL_ERROR, "platform.fault");
        }
        ("order-locked", _) => {
            let text = "Order locked and is already processing.";
            got.says(409, "VippsError", "94", text, "order.locked");
        }
        ("too-many-concurrent", _) if ecom => {
            let cause = "platform.too_many_concurrent";
            got.says(429, "VippsError", "98", TOO_MANY, cause);
        }
        ("internal-error", Target::Token) => got.answered(500, GATEWAY_500, "platform.fault"),
        ("internal-error", Target::Checkout) => {
            let said = (got.status, got.format(), got.cause());
            assert_eq!(said, (500, Format::Checkout, "platform.fault"));
        }
        ("too-many-concurrent", Target::Checkout) => {
            let said = (got.status, got.format(), got.cause());
            let cause = "platform.too_many_concurrent";
            assert_eq!(said, (429, Format::Checkout, cause));
        }
        ("internal-error", Target::Report) => {
            let said = (got.status, got.format(), got.cause());
            assert_eq!(said, (500, Format::Report, "platform.fault"));
        }
        ("too-many-concurrent", Target::Token | Target::Report) => {
            got.answered(429, GATEWAY_429, "platform.too_many_concurrent");
        }
        ("internal-error", Target::OrderManagement | Target::Qr) => {
            let text = "Something went wrong. Please try again later.";
            got.detail(500, "Internal Server Error", text, "platform.fault");
        }
        ("too-many-concurrent", Target::OrderManagement | Target::Qr) => {
            let cause = "platform.too_many_concurrent";
            got.detail(429, "Too Many Requests", TOO_MANY, cause);
        }
        ("internal-error", _) => problem(
            got,
            500,
            "Internal Server Error",
            "Something went wrong. Please try again later.",
            "platform.fault",
        ),
        ("too-many-concurrent", _) => problem(
            got,
            429,
            "Too Many Requests",
            TOO_MANY,
            "platform.too_many_concurrent",
        ),
        ("drop", _) => {
            assert_eq!(got.connection, Connection::Drop);
            assert_eq!(got.cause(), "platform.outage");
        }
        _ => panic!("{fault} answers nothing of its own"),
    }
    if ["sql-glitch", "outage-502", "outage-503"].contains(&fault) {
        assert_eq!(got.header("content-type"), Some("application/json"));
    }
}

#[track_caller]
fn problem(got: &Got, status: u16, title: &str, detail: &str, cause: &str) {
    let sent = got.json();
    let instance = sent["instance"].as_str().expect("a text").to_owned();
    let body = if let Some(trace) = sent["traceId"].as_str() {
        format!(
            r#"{{"type":"{trace}","title":"{title}","status":{status},"detail":"{detail}","instance":"{instance}","traceId":"{trace}","extraDetails":[]}}"#
        )
    } else {
        format!(
            r#"{{"type":"https://httpstatuses.io/{status}","title":"{title}","status":"{status}","detail":"{detail}","instance":"{instance}"}}"#
        )
    };
    got.answered(status, &body, cause);
    assert_eq!(got.header("content-type"), Some("application/problem+json"));
}

/// Every way and operation: the answer, nothing stored, and the identical call again is fine.
async fn strikes_everywhere(fault: &str) {
    let stage = Stage::new().await;
    for target in Target::ALL {
        // Reports are of production, which has no such glitch.
        let is_spared = (fault, target) == ("sql-glitch", Target::Report);
        if !kind(fault).fits(target) || is_spared {
            continue;
        }
        for way in WAYS {
            let what = format!("{fault} {way:?} {}", target.name());
            let ready = stage.ready(target).await;
            let got = with_fault(&stage, &ready, fault, way).await;
            answers(&got, fault, target);
            ready.is_as_before(&what).await;
            let again = ready.ask.clone().send().await;
            again.ok();
            assert_eq!(again.connection, Connection::Answer, "{what}");
            ready.is_done_once(&what).await;
        }
    }
}

#[tokio::test]
async fn faq_71_plat_60_a_glitch_of_the_test_environment_and_the_same_call_again() {
    strikes_everywhere("sql-glitch").await;
}

#[tokio::test]
async fn faq_63_the_platforms_own_fault() {
    strikes_everywhere("internal-error").await;
}

#[tokio::test]
async fn outages_are_the_gateways() {
    strikes_everywhere("outage-502").await;
    strikes_everywhere("outage-503").await;
}

#[tokio::test]
async fn a_locked_order_is_free_again() {
    strikes_everywhere("order-locked").await;
}

#[tokio::test]
async fn too_many_concurrent_calls() {
    strikes_everywhere("too-many-concurrent").await;
}

#[tokio::test]
async fn a_dropped_call_is_not_carried_out() {
    strikes_everywhere("drop").await;
}

#[tokio::test]
async fn a_lost_answer_is_carried_out_once() {
    let stage = Stage::new().await;
    for target in Target::ALL {
        for way in WAYS {
            let what = format!("{way:?} {}", target.name());
            let ready = stage.ready(target).await;
            let lost = with_fault(&stage, &ready, "lost-answer", way).await;
            assert_eq!(lost.connection, Connection::Drop, "{what}");
            lost.ok();
            ready.is_done_once(&what).await;
            // The same call again: the saved reply, or what the platform says of a repetition.
            let again = ready.ask.clone().send().await;
            assert_eq!(again.connection, Connection::Answer, "{what}");
            match target.name() {
                "capture" | "refund" => {
                    assert_eq!(again.ok(), lost.json(), "{what}");
                    assert_eq!(again.body, lost.body, "{what}");
                }
                "initiate" => drop(again.refused(400, "Merchant", "34", "order.duplicate")),
                "cancel" => drop(again.refused(400, "VippsError", "92", "cancel.already")),
                "approve" => drop(again.refused(400, "VippsError", "92", "approve.not_open")),
                _ => drop(again.ok()),
            }
            ready.is_done_once(&what).await;
        }
    }
}

#[tokio::test]
async fn a_refusal_can_be_lost_too() {
    let stage = Stage::new().await;
    let ready = stage.ready(on("capture")).await;
    let too_much = ready.shop.modify_body(10_001).to_string();
    let ask = ready.ask.clone().body(too_much);
    let lost = ask.header("Sandkasse-Fault", "lost-answer").send().await;
    assert_eq!(lost.connection, Connection::Drop);
    lost.refused(400, "Payment", "61", "capture.exceeds");
    ready.is_as_before("refused").await;
}

/// All kinds are in the tests of this folder.
#[test]
fn no_kind_is_forgotten() {
    let tests = [
        include_str!("kinds.rs"),
        include_str!("bank.rs"),
        include_str!("timing.rs"),
    ]
    .concat();
    for name in Fault::NAMES {
        assert!(tests.contains(&format!("\"{name}")), "{name}");
    }
}
