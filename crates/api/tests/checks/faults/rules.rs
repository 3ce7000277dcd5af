//! Whom rules and headers strike, how often, and before what.

use std::num::NonZeroU32;

use sandkasse_domain::{
    Environment, Msn,
    keys::Keys,
    partner::{Partner, PartnerId, PartnerStatus},
    payment::Operation,
    sales_unit::SalesUnit,
};
use sandkasse_engine::{
    directory::Change,
    faults::{Fault, Probability, Rule, RuleRefused, Target, When},
};
use sandkasse_testkit::{KEY_INVALID, NOT_FOUND, TOKEN_REJECTED};

use super::stage::{ORDER, Stage, kind, on, rule};

fn next(count: u32) -> When {
    When::Next(NonZeroU32::new(count).expect("at least one"))
}

fn chance(probability: f64, seed: u64) -> When {
    let probability = Probability::try_new(probability).expect("0 to 1");
    When::Chance { probability, seed }
}

#[tokio::test]
async fn a_count_is_of_calls_that_fit() {
    let stage = Stage::new().await;
    let shop = stage.shop().await;
    shop.initiate(ORDER, 10_000).await.ok();
    let mut about = rule(&shop, Fault::InternalError, next(2));
    about.target = Some(on("details"));
    stage.arm(about);
    shop.status(ORDER).await.ok();
    for status in [500, 500, 200, 200] {
        assert_eq!(shop.details(ORDER).await.status, status);
        shop.status(ORDER).await.ok();
    }
}

#[tokio::test]
async fn a_seed_strikes_the_same_calls_again() {
    let pattern = async |seed| {
        let stage = Stage::new().await;
        let shop = stage.shop().await;
        shop.initiate(ORDER, 10_000).await.ok();
        let mut about = rule(&shop, Fault::SqlGlitch, chance(0.5, seed));
        about.target = Some(on("details"));
        stage.arm(about);
        let mut pattern = Vec::new();
        for _ in 0..40 {
            pattern.push(shop.details(ORDER).await.status);
        }
        assert!(pattern.contains(&500) && pattern.contains(&200));
        pattern
    };
    let first = pattern(7).await;
    assert_eq!(first, pattern(7).await);
    assert_ne!(first, pattern(8).await);
}

#[tokio::test]
async fn a_rule_for_one_unit_never_strikes_another() {
    let stage = Stage::new().await;
    let orgno = stage.world.merchant().await;
    let mine = stage.world.shop_of(&orgno, |_| {}).await;
    let sister = stage.world.shop_of(&orgno, |_| {}).await;
    for name in Fault::NAMES {
        stage.arm(rule(&mine, kind(name), When::Always));
    }
    sister.reserved(ORDER, 10_000, &stage.kari).await;
    sister.capture(ORDER, 10_000).await.ok();
    sister.refund(ORDER, 10_000).await.ok();
    sister.details(ORDER).await.ok();
    assert!(stage.rules().iter().all(|armed| armed.struck == 0));
    assert_eq!(
        mine.ask_token().send().await.cause(),
        "platform.test_sql_glitch"
    );
}

#[tokio::test]
async fn a_partner_is_struck_where_it_acts_for_the_unit() {
    let stage = Stage::new().await;
    let linked = |unit: &mut SalesUnit| {
        unit.environment = Environment::Production;
        unit.partner = Some(PartnerId("acting".to_owned()));
    };
    let (struck, spared) = (
        stage.world.shop(linked).await,
        stage.world.shop(linked).await,
    );
    let partner = Partner {
        id: PartnerId("acting".to_owned()),
        name: "Acting AS".to_owned(),
        own_number: Msn::try_new("777777").expect("six digits"),
        status: PartnerStatus::Active,
        keys: Keys {
            client_id: "partner-client".to_owned(),
            client_secret: "partner-secret".to_owned(),
            primary: "partner-primary".to_owned(),
            secondary: "partner-secondary".to_owned(),
        },
        retired: vec![],
    };
    let directory = &stage.world.platform.engine.directory;
    let change = Change::Partner(Environment::Production, partner);
    directory.change(vec![change]).await.expect("memory");
    let rows = [
        ("internal-error", "platform.fault"),
        ("outage-503", "platform.outage"),
    ];
    for (fault, cause) in rows {
        stage.disarm();
        stage.arm(rule(&struck, kind(fault), When::Always));
        let ask = struck
            .ask_token()
            .header("client_id", "partner-client")
            .header("client_secret", "partner-secret")
            .header("Ocp-Apim-Subscription-Key", "partner-primary");
        // A partner's token is no sales unit's.
        let token = ask.send().await.ok();
        let bearer = format!(
            "Bearer {}",
            token["access_token"].as_str().expect("a token")
        );
        for (shop, cause) in [(&struck, cause), (&spared, "order.unknown")] {
            let ask = stage.world.ask(
                Environment::Production,
                "GET",
                "/ecomm/v2/payments/no/details",
            );
            let got = ask
                .header("Authorization", &bearer)
                .header("Ocp-Apim-Subscription-Key", "partner-primary")
                .header("Merchant-Serial-Number", shop.msn.as_str())
                .send()
                .await;
            assert_eq!(got.cause(), cause, "{}", got.body);
        }
    }
}

#[tokio::test]
async fn a_rule_of_one_environment_never_strikes_the_other() {
    let stage = Stage::new().await;
    let live = |unit: &mut SalesUnit| {
        unit.environment = Environment::Production;
    };
    let (test, live) = (stage.shop().await, stage.world.shop(live).await);
    for (struck, spared) in [(&test, &live), (&live, &test)] {
        stage.disarm();
        for fault in [Fault::BadGateway, Fault::InternalError] {
            let everybody = Rule {
                msn: None,
                ..rule(struck, fault, When::Always)
            };
            stage.arm(everybody);
        }
        spared.ask_token().send().await.ok();
        assert_eq!(struck.ask_token().send().await.status, 502);
    }
}

#[tokio::test]
async fn wrong_keys_are_refused_as_such() {
    let stage = Stage::new().await;
    let ready = stage.ready(on("capture")).await;
    for name in Fault::NAMES {
        stage.arm(rule(&ready.shop, kind(name), When::Always));
    }
    for fault in [Fault::SqlGlitch, Fault::InternalError, Fault::OrderLocked] {
        let everybody = Rule {
            msn: None,
            ..rule(&ready.shop, fault, When::Always)
        };
        stage.arm(everybody);
    }
    let ask = || ready.ask.clone().header("Sandkasse-Fault", "outage-502");
    let wrong_key = ask().header("Ocp-Apim-Subscription-Key", "no key");
    let got = wrong_key.send().await;
    assert_eq!((got.status, got.body.as_str()), (401, KEY_INVALID));
    let got = ask().header("Authorization", "Bearer no").send().await;
    assert_eq!((got.status, got.body.as_str()), (401, TOKEN_REJECTED));
    let got = ask()
        .header("Merchant-Serial-Number", "111111")
        .send()
        .await;
    assert_eq!(got.status, 401, "{}", got.body);
    let other = ready.shop.modify_body(1).to_string();
    let other = other.replace(ready.shop.msn.as_str(), "111111");
    let got = ask().body(other).send().await;
    got.refused(401, "Merchant", "Unauthorized", "msn.not_yours");
    let got = ask().body("{").send().await;
    got.refused(500, "VippsError", "99", "json.syntax");
    let got = ask().to("POST", "/ecomm/v2/payment").send().await;
    assert_eq!((got.status, got.body.as_str()), (404, NOT_FOUND));
    let secret = ready.shop.ask_token().header("client_secret", "wrong");
    assert_eq!(secret.send().await.status, 401);
    assert!(stage.rules().iter().all(|armed| armed.struck == 0));
    // Fields come later than the fault, so a glitch hides what is wrong with them.
    let got = ready
        .ask
        .clone()
        .body(ready.shop.modify_body(-1).to_string());
    assert_eq!(got.send().await.cause(), "platform.test_sql_glitch");
    ready.is_as_before("nothing was done").await;
}

#[tokio::test]
async fn an_outage_for_everybody_comes_before_every_check() {
    let stage = Stage::new().await;
    let ready = stage.ready(on("capture")).await;
    let everybody = Rule {
        msn: None,
        ..rule(&ready.shop, Fault::Unavailable, When::Always)
    };
    stage.arm(everybody.clone());
    let ask = || ready.ask.clone();
    for asks in [
        ask(),
        ask().header("Ocp-Apim-Subscription-Key", "no key"),
        ask().body("{"),
        ask().to("GET", "/no/such/path"),
        ask().to("GET", "/epayment/v1/payments"),
        ask().to("GET", "/discovery/keys"),
        // A header does not go through what cannot be reached.
        ask().header("Sandkasse-Fault", "sql-glitch"),
    ] {
        let got = asks.send().await;
        assert_eq!((got.status, got.cause()), (503, "platform.outage"));
    }
    ready.is_as_before("nothing was done").await;
    // Of one operation: only where the path names it.
    stage.disarm();
    stage.arm(Rule {
        target: Some(Target::Payment(Operation::Capture)),
        ..everybody
    });
    let wrong_key = ask().header("Ocp-Apim-Subscription-Key", "no key");
    assert_eq!(wrong_key.send().await.status, 503);
    assert_eq!(ask().to("GET", "/no/such/path").send().await.status, 404);
    ready.shop.details(ORDER).await.ok();
}

#[tokio::test]
async fn production_has_no_weak_database() {
    let stage = Stage::new().await;
    let live = stage
        .world
        .shop(|unit| unit.environment = Environment::Production)
        .await;
    let faults = &stage.world.platform.engine.faults;
    let refused = faults.add(
        rule(&live, Fault::SqlGlitch, When::Always),
        stage.world.now(),
    );
    assert_eq!(refused.unwrap_err(), RuleRefused::TestOnly);
    let ask = live.ask_token().header("Sandkasse-Fault", "sql-glitch");
    ask.send().await.ok();
    let ask = live.ask_token().header("Sandkasse-Fault", "internal-error");
    assert_eq!(ask.send().await.cause(), "platform.fault");
}

#[tokio::test]
async fn a_header_is_of_one_call_and_nonsense_is_ignored() {
    let stage = Stage::new().await;
    let shop = stage.shop().await;
    shop.initiate(ORDER, 10_000).await.ok();
    let path = format!("/ecomm/v2/payments/{ORDER}/details");
    for header in [
        "",
        "nonsense",
        "DROP",
        "slow; ms=999999999",
        "issuer-refuses; code=9",
        "drop; x",
    ] {
        let ask = shop.ask("GET", &path).await;
        ask.header("Sandkasse-Fault", header).send().await.ok();
    }
    let ask = shop.ask("GET", &path).await;
    let struck = ask.clone().header("Sandkasse-Fault", "outage-503");
    assert_eq!(struck.send().await.status, 503);
    ask.send().await.ok();
}

#[tokio::test]
async fn the_trace_tells_what_was_on_demand() {
    let stage = Stage::new().await;
    let ready = stage.ready(on("capture")).await;
    let ask = ready.ask.clone().header("Sandkasse-Fault", "lost-answer");
    let got = ask.send().await;
    let saw = |text: &str| got.trace.lines().iter().any(|line| line.saw == text);
    assert!(saw("on demand: lost-answer") && saw("carried out"));
}
