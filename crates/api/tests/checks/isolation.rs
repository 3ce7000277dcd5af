//! What belongs to others looks as if it did not exist; and nothing of one environment works in
//! the other.

use sandkasse_domain::{Environment, Msn};
use sandkasse_engine::directory::OfficeKind;
use sandkasse_gate::link;
use sandkasse_testkit::{Got, Shop, World};
use serde_json::{Value, json};

use super::faq_stage::{
    AUTHORIZATION, BOTH, DETAILS, Faq, KEY, MSN, NOT_REGISTERED, ORDER_UNKNOWN, PAYMENTS, Says,
    check, is,
};

/// Status, headers and bytes, without the id of the answer and without what was asked for.
fn bytes(got: &Got, asked: &str) -> (u16, String, String) {
    let body = got.json();
    let id = body.pointer("/0/contextId").or(body.pointer("/instance"));
    let id = id.and_then(Value::as_str).expect("an id").to_owned();
    let body = got.body.replace(&id, "{id}").replace(asked, "{asked}");
    (got.status, format!("{:?}", got.headers), body)
}

/// Every operation on an order, with that shop's keys.
async fn all(shop: &Shop, order: &str, phone: &str) -> Vec<Got> {
    let mut answers = vec![shop.details(order).await, shop.status(order).await];
    answers.push(shop.capture(order, 100).await);
    answers.push(shop.cancel(order).await);
    answers.push(shop.release(order).await);
    answers.push(shop.refund(order, 100).await);
    if shop.environment == Environment::Test {
        answers.push(shop.force_approve(order, phone).await);
    }
    answers
}

#[tokio::test]
async fn s_03_what_belongs_to_others_has_the_bytes_of_what_does_not_exist() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let phone = faq.adult.phone.as_str();
        let sub = faq.u1.share("shared", "name", &faq.adult).await;
        faq.u1.initiate("foreign-1", 100).await.ok();
        faq.u1.reserved("foreign-2", 100, &faq.adult).await;
        faq.u1.reserved("foreign-3", 100, &faq.adult).await;
        faq.u1.capture("foreign-3", 100).await.ok();
        for asker in [&faq.u2, &faq.v1] {
            let missing = all(asker, "missing-1", phone).await;
            for foreign in ["foreign-1", "foreign-2", "foreign-3"] {
                let answers = all(asker, foreign, phone).await;
                for (foreign_answer, missing) in answers.iter().zip(&missing) {
                    is(foreign, missing, &ORDER_UNKNOWN, "order.unknown");
                    assert_eq!(bytes(foreign_answer, foreign), bytes(missing, "missing-1"));
                }
            }
            let nobody = "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d";
            let (foreign, missing) = (asker.userinfo(&sub).await, asker.userinfo(nobody).await);
            assert_eq!(bytes(&foreign, &sub), bytes(&missing, nobody));
            assert_eq!(foreign.cause(), missing.cause());
        }
        // Nor does an MSN tell whether somebody has it.
        let with = async |msn: &str| {
            let ask = faq.u1.ask("GET", DETAILS).await.header(MSN, msn);
            bytes(&ask.send().await, msn)
        };
        let nobodys = with("9999999").await;
        for msn in [&faq.v1.msn, &faq.u2.msn, &faq.elsewhere.msn] {
            assert_eq!(with(msn.as_str()).await, nobodys);
        }
        // All of it left the orders alone.
        assert_eq!(faq.u1.log("foreign-2").await, ["RESERVE", "INITIATE"]);
    }
}

/// Test and production units of one merchant, under one MSN, with the same order.
async fn twins(world: &World) -> (Shop, Shop) {
    let merchant = world.merchant().await;
    let msn = Msn::try_new("123456").expect("six digits");
    let at = |environment| {
        let msn = msn.clone();
        move |it: &mut sandkasse_domain::sales_unit::SalesUnit| {
            it.environment = environment;
            it.msn = msn;
        }
    };
    let [test, live] = BOTH;
    let twins = (
        world.shop_of(&merchant, at(test)).await,
        world.shop_of(&merchant, at(live)).await,
    );
    twins.0.initiate("acme-1", 100).await.ok();
    twins
}

#[tokio::test]
async fn s_19_no_key_and_no_token_works_in_the_other_environment() {
    let world = World::new().await;
    let (test, live) = twins(&world).await;
    for (from, to) in [(&test, &live), (&live, &test)] {
        let there = to.environment;
        let keys = from.keys();
        for key in [&keys.primary, &keys.secondary] {
            let ask = from.ask_token().in_environment(there).header(KEY, key);
            check("s_19 token request", ask, &Says::KeyInvalid, "env.keys").await;
            let ask = to.ask("GET", DETAILS).await.header(KEY, key);
            check("s_19 key", ask, &Says::KeyInvalid, "env.keys").await;
        }
        let bearer = format!("Bearer {}", from.token().await);
        let ask = to.ask("GET", DETAILS).await.header(AUTHORIZATION, &bearer);
        check("s_19 token", ask, &Says::TokenRejected, "env.keys").await;
        let ask = to.ask_userinfo("abc").await.header(AUTHORIZATION, &bearer);
        check("s_19 Userinfo", ask, &Says::TokenRejected, "env.keys").await;
        // The client alone, with a subscription key that is right there.
        let directory = if there == Environment::Test {
            "VIPPS-TEST"
        } else {
            "VIPPS"
        };
        let unknown = |id: &str| Says::not_found_in_directory(id, directory);
        let ask = from.ask_token().in_environment(there);
        let ask = ask.header(KEY, &to.keys().primary);
        check(
            "s_19 client",
            ask,
            &unknown(&keys.client_id),
            "token.client_unknown",
        )
        .await;
        // The secret alone.
        let ask = to.ask_token().header("client_secret", &keys.client_secret);
        check(
            "s_19 secret",
            ask,
            &Says::secret_wrong(),
            "token.secret_wrong",
        )
        .await;

        let partner = world.partner(from.environment, |_| {}).await;
        let ask = partner.ask_details(to.msn.as_str(), "acme-1").await;
        let ask = ask.in_environment(there);
        check("s_19 partner", ask, &Says::KeyInvalid, "env.keys").await;
        let psp = world.psp(from.environment).await;
        let ask = psp.ask("GET", DETAILS).await.in_environment(there);
        check("s_19 provider", ask, &Says::KeyInvalid, "env.keys").await;
        let office = world.office_keys(from.environment, OfficeKind::Management);
        let office = office.await;
        let ask = world.ask(there, "POST", "/miami/v1/token");
        let ask = ask
            .header("client_id", &office.client_id)
            .header("client_secret", &office.client_secret)
            .body("grant_type=client_credentials");
        check(
            "s_19 office",
            ask,
            &unknown(&office.client_id),
            "token.client_unknown",
        )
        .await;
    }
}

#[tokio::test]
async fn s_19_environments_share_no_signing_key() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for here in BOTH {
        let keys = world.ask(here, "GET", "/discovery/keys").send().await.ok();
        for key in keys["keys"].as_array().expect("a list") {
            assert!(key["kid"].as_str().expect("an id").starts_with(here.name()));
            ids.push((key["kid"].clone(), key["n"].clone()));
        }
    }
    let [(first, n), (second, m)] = ids.as_slice() else {
        panic!("{ids:?}")
    };
    assert!(first != second && n != m);
}

#[tokio::test]
async fn s_19_no_order_link_person_or_consent_is_known_in_the_other_environment() {
    let world = World::new().await;
    let (test, live) = twins(&world).await;
    is(
        "s_19 order",
        &live.details("acme-1").await,
        &ORDER_UNKNOWN,
        "order.unknown",
    );
    let url = test.initiate("linked-1", 100).await.ok()["url"].clone();
    let token = url.as_str().and_then(|url| url.split("token=").nth(1));
    let token = token.expect("a link has a token");
    let engine = &world.platform.engine;
    let read = |environment| link::read(engine, environment, token);
    assert!(read(Environment::Test).is_some());
    assert_eq!(read(Environment::Production), None, "s_19 link");

    for (from, to) in [(&test, &live), (&live, &test)] {
        let kari = world.person_in(from.environment, |_| {}).await;
        let sub = from.share("shared-1", "name", &kari).await;
        is("s_19 home", &from.userinfo(&sub).await, &Says::Fine, "");
        let says = Says::Problem(404, "The sub was not found.".to_owned());
        is(
            "s_19 sub",
            &to.userinfo(&sub).await,
            &says,
            "userinfo.sub_unknown",
        );
        assert_ne!(from.sub(&kari), to.sub(&kari), "one name in each");
        let ask = to.ask("POST", PAYMENTS).await;
        let mut body = to.initiate_body("foreign-1", 100);
        body["customerInfo"]["mobileNumber"] = json!(kari.phone);
        let cause = if to.environment == Environment::Test {
            "test.real_user"
        } else {
            "user.unavailable"
        };
        check("s_19 person", ask.json(&body), &NOT_REGISTERED, cause).await;
        to.initiate("open-1", 100).await.ok();
        assert!(to.approve("open-1", &kari).await.is_err(), "s_19 person");
    }
    let kari = world.person_in(Environment::Production, |_| {}).await;
    let says = Says::Ecom(
        400,
        "User",
        "81",
        "Invalid phone number for test. Use a proper test number instead",
    );
    let got = test.force_approve("open-1", kari.phone.as_str()).await;
    is("s_19 force approve", &got, &says, "test.not_a_test_number");
}
