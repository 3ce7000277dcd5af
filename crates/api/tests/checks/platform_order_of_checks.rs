//! PLAT-67: of two mistakes in one call, the one that is checked earlier answers.
//!
//! The table is made, not written: for every two checks a call with both mistakes is built. That
//! each mistake alone is the other's answer is checked too, so every pair is repaired one mistake
//! at a time.

use sandkasse_domain::{Environment, person::Person, sales_unit::Product};
use sandkasse_gate::Step;
use sandkasse_testkit::{Ask, Got, PspShop, Shop, World, closed, with_member};
use serde_json::{Value, json};

use Mistake::*;
use Operation::*;

/// One for each check that can fail, in the order of platform.md §4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mistake {
    Route,
    KeyMissing,
    KeyUnknown,
    Token,
    OtherOwner,
    WrongKind,
    TooMany,
    MsnInHeader,
    WrongType,
    MsnInBody,
    Deactivated,
    LoginOnly,
    Field,
    Rule,
}

const MISTAKES: [Mistake; 14] = [
    Route,
    KeyMissing,
    KeyUnknown,
    Token,
    OtherOwner,
    WrongKind,
    TooMany,
    MsnInHeader,
    WrongType,
    MsnInBody,
    Deactivated,
    LoginOnly,
    Field,
    Rule,
];

/// Two mistakes that no call can make at once, and why.
const IMPOSSIBLE: [(Mistake, Mistake, &str); 1] = [(
    KeyMissing,
    KeyUnknown,
    "one header cannot be absent and have a value",
)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Initiate,
    Capture,
}

/// The check that answers, with which status and cause.
fn answer(operation: Operation, mistake: Mistake, among: &[Mistake]) -> (Step, u16, &'static str) {
    // The MSN in the call tells whether token or subscription key is the wrong one.
    let names_another = [MsnInHeader, MsnInBody, WrongKind]
        .iter()
        .any(|it| among.contains(it));
    match (mistake, operation) {
        (Route, _) => (Step::Route, 404, "route.unknown"),
        (KeyMissing, _) => (Step::SubscriptionKey, 401, "subkey.missing"),
        (KeyUnknown, _) => (Step::SubscriptionKeyValid, 401, "subkey.unknown"),
        (Token, _) => (Step::Token, 401, "token.scheme_case"),
        (OtherOwner, _) if names_another => (Step::SameOwner, 401, "subkey.other_client"),
        (OtherOwner, _) => (Step::SameOwner, 401, "token.client_other_unit"),
        (WrongKind, _) => (Step::KindOfKeys, 403, "keys.without_right"),
        (TooMany, Initiate) => (Step::Rate, 429, "rate.initiate"),
        (TooMany, Capture) => (Step::Rate, 429, "rate.capture"),
        (MsnInHeader, _) => (Step::MsnHeader, 401, "msn.not_yours"),
        (WrongType, _) => (Step::Body, 500, "json.type"),
        (MsnInBody, _) => (Step::MsnBody, 401, "msn.not_yours"),
        (Deactivated, _) => (Step::Standing, 400, "unit.deactivated"),
        (LoginOnly, _) => (Step::Product, 403, "unit.login_only"),
        (Field, Initiate) => (Step::Fields, 400, "url.syntax"),
        (Field, Capture) => (Step::Fields, 400, "amount.invalid"),
        (Rule, Initiate) => (Step::Rules, 403, "unit.skip_landing_page"),
        (Rule, Capture) => (Step::Rules, 404, "order.unknown"),
    }
}

struct Stage {
    world: World,
    kari: Person,
    other: Shop,
    psp: PspShop,
}

impl Stage {
    async fn new() -> Stage {
        let world = World::new().await;
        let (kari, other) = (world.person(|_| {}).await, world.shop(|_| {}).await);
        let psp = world.psp(Environment::Test).await;
        Stage {
            world,
            kari,
            other,
            psp,
        }
    }

    /// Makes a call with these mistakes and no others, at a sales unit of its own.
    async fn call(&self, operation: Operation, mistakes: &[Mistake]) -> Got {
        let shop = self.world.shop(|_| {}).await;
        shop.reserved("reserved", 49_900, &self.kari).await;
        shop.change(|unit| {
            if mistakes.contains(&Deactivated) {
                unit.state = closed();
            }
            if mistakes.contains(&LoginOnly) {
                unit.products = [Product::Login].into();
            }
        })
        .await;
        if mistakes.contains(&TooMany) {
            // Only calls that come as far as the counting count.
            let counted: Vec<_> = mistakes
                .iter()
                .copied()
                .filter(|it| *it > TooMany)
                .collect();
            let limit = if operation == Initiate { 2 } else { 5 };
            for _ in 0..limit {
                let got = self.ask(&shop, operation, &counted).await.send().await;
                assert_ne!(got.status, 429, "the limit is {limit}");
            }
        }
        self.ask(&shop, operation, mistakes).await.send().await
    }

    async fn ask(&self, shop: &Shop, operation: Operation, mistakes: &[Mistake]) -> Ask {
        let has = |mistake| mistakes.contains(&mistake);
        let version = if has(Route) { "v3" } else { "v2" };
        let path = match (operation, has(Rule)) {
            (Initiate, _) => format!("/ecomm/{version}/payments"),
            (Capture, false) => format!("/ecomm/{version}/payments/reserved/capture"),
            (Capture, true) => format!("/ecomm/{version}/payments/never/capture"),
        };
        let body = body(shop, &self.kari, operation, mistakes);
        let ask = if has(WrongKind) {
            // A payment service provider's keys, which have no right to eCom.
            self.psp.ask("POST", &path).await
        } else {
            shop.ask("POST", &path).await
        };
        let mut ask = ask.json(&body);
        if has(OtherOwner) || has(Token) {
            let of = if has(OtherOwner) { &self.other } else { shop };
            let word = if has(Token) { "bearer" } else { "Bearer" };
            ask = ask.header("Authorization", &format!("{word} {}", of.token().await));
        }
        if has(KeyMissing) {
            ask = ask.without("Ocp-Apim-Subscription-Key");
        }
        if has(KeyUnknown) {
            ask = ask.header("Ocp-Apim-Subscription-Key", "nobody's");
        }
        if has(MsnInHeader) {
            ask = ask.header("Merchant-Serial-Number", "999999");
        }
        ask
    }
}

fn body(shop: &Shop, kari: &Person, operation: Operation, mistakes: &[Mistake]) -> Value {
    let right = match operation {
        Initiate => shop.initiate_body("acme-1", 49_900),
        Capture => shop.modify_body(49_900),
    };
    let wrong = mistakes
        .iter()
        .flat_map(|mistake| match (mistake, operation) {
            (WrongType, _) => vec![("transaction.transactionText", json!(5))],
            (MsnInBody, _) => vec![("merchantInfo.merchantSerialNumber", json!("999999"))],
            (Field, Initiate) => vec![("merchantInfo.callbackPrefix", json!("nonsense"))],
            (Field, Capture) => vec![("transaction.amount", json!(-1))],
            (Rule, Initiate) => vec![
                ("transaction.skipLandingPage", json!(true)),
                ("customerInfo.mobileNumber", json!(kari.phone)),
            ],
            // These are not made in the body.
            _ => vec![],
        });
    wrong.fold(right, |body, (name, value)| with_member(body, name, value))
}

#[track_caller]
fn assert_answered_by(got: &Got, operation: Operation, mistake: Mistake, others: &[Mistake]) {
    let expected = answer(operation, mistake, others);
    let lines = got.trace.lines();
    let last = lines.last().expect("a line");
    assert_eq!(
        (last.step, got.status, got.cause()),
        expected,
        "{operation:?} {mistake:?} among {others:?}: {}",
        got.body
    );
    // What was checked before it stands in the trace, passed and in order; nothing after it does.
    let steps: Vec<(Step, bool)> = lines.iter().map(|line| (line.step, line.passed)).collect();
    assert!(steps.is_sorted_by(|a, b| a.0 < b.0), "{steps:?}");
    let failed = steps.iter().filter(|(_, passed)| !passed).count();
    assert!(failed == 1 && !last.passed, "{steps:?}");
    got.format();
}

#[tokio::test]
async fn plat_67_each_mistake_alone_and_none() {
    let stage = Stage::new().await;
    for operation in [Initiate, Capture] {
        let got = stage.call(operation, &[]).await;
        got.ok();
        assert!(got.trace.lines().iter().all(|line| line.passed));
        for mistake in MISTAKES {
            let got = stage.call(operation, &[mistake]).await;
            assert_answered_by(&got, operation, mistake, &[mistake]);
        }
    }
}

#[tokio::test]
async fn plat_67_of_two_mistakes_the_earlier_one_answers() {
    let stage = Stage::new().await;
    let mut pairs = 0;
    for operation in [Initiate, Capture] {
        for (at, earlier) in MISTAKES.into_iter().enumerate() {
            for later in MISTAKES.into_iter().skip(at + 1) {
                if IMPOSSIBLE.iter().any(|it| (it.0, it.1) == (earlier, later)) {
                    continue;
                }
                let both = [earlier, later];
                let got = stage.call(operation, &both).await;
                assert_answered_by(&got, operation, earlier, &both);
                pairs += 1;
            }
        }
    }
    assert_eq!(pairs, 2 * (14 * 13 / 2 - IMPOSSIBLE.len()));
}

#[tokio::test]
async fn plat_67_all_mistakes_repaired_one_by_one() {
    let stage = Stage::new().await;
    for operation in [Initiate, Capture] {
        let mut left: Vec<_> = MISTAKES
            .into_iter()
            .filter(|it| *it != KeyMissing)
            .collect();
        while let Some(first) = left.first().copied() {
            let got = stage.call(operation, &left).await;
            assert_answered_by(&got, operation, first, &left);
            left.remove(0);
        }
    }
}

#[tokio::test]
async fn plat_67_a_body_without_an_order_id_is_not_counted() {
    let stage = Stage::new().await;
    let shop = stage.world.shop(|_| {}).await;
    // The one pair of checks that meets by another body only: nothing says what to count for.
    let ask = shop.ask("POST", "/ecomm/v2/payments").await;
    for body in [
        "{",
        r#"{"transaction":{}}"#,
        r#"{"transaction":{"orderId":7}}"#,
    ] {
        for _ in 0..3 {
            let got = ask.clone().body(body).send().await;
            assert_ne!(got.status, 429, "{body}");
        }
    }
    // A path always says it.
    let ask = shop.ask("POST", "/ecomm/v2/payments/acme-1/capture").await;
    for call in 1..=6 {
        let got = ask.clone().body("{").send().await;
        let expected = if call == 6 {
            "rate.capture"
        } else {
            "json.syntax"
        };
        assert_eq!(got.cause(), expected, "call {call}");
    }
}
