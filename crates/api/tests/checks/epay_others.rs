//! The bridge to eCom, and the platform around ePayment (reference: epayment.md §2.9, §5).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_api::ecom::{ByHand, Moved, by_hand};
use sandkasse_domain::{
    Environment::Test,
    merchant::Standing,
    sales_unit::{CaptureType, Product},
};
use sandkasse_engine::{Act, directory::OfficeKind};
use sandkasse_store::Row;
use sandkasse_testkit::{
    EPAYMENTS, KEY_INVALID, KEY_MISSING, Shop, TOKEN_REJECTED, World, closed, minutes, told,
};
use serde_json::{Value, json};

use super::epay_stage::{free, stage};

fn basic(client_id: &str, secret: &str) -> String {
    let pair = format!("{client_id}:{secret}");
    format!("Basic {}", STANDARD.encode(pair))
}

#[tokio::test]
async fn epay_100_what_ecom_made_can_be_used_here() {
    let (_world, shop, kari) = stage().await;
    for order in ["one", "two", "three"] {
        shop.reserved(order, 1000, &kari).await;
    }
    assert_eq!(
        shop.epay_capture("one", 600).await.sums(),
        [1000, 0, 600, 0]
    );
    assert_eq!(
        shop.epay_refund("one", 100).await.sums(),
        [1000, 0, 600, 100]
    );
    assert_eq!(shop.epay_cancel("one").await.sums(), [1000, 400, 600, 100]);
    assert_eq!(shop.epay_cancel("two").await.sums(), [1000, 1000, 0, 0]);
    // eCom sees it in its own words.
    assert_eq!(
        shop.log("one").await,
        ["VOID", "REFUND", "CAPTURE", "RESERVE", "INITIATE"]
    );
    let got = shop.capture("two", Value::Null).await;
    assert_eq!(got.cause(), "capture.cancelled");
    // And the other way round.
    shop.capture_as("request-1", "three", 400).await.ok();
    let events = shop.epay_events("three").await;
    assert_eq!(events[2]["idempotencyKey"], "request-1");
    let details = shop.details("three").await.ok();
    assert_eq!(
        events[2]["pspReference"],
        details["transactionLogHistory"][0]["transactionId"]
    );
}

#[tokio::test]
async fn epay_101_what_is_made_here_is_invisible_to_ecom() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    shop.epay("acme-shop-2", 1000).await.created();
    let unknown = "Requested Order not found";
    for got in [
        shop.details("acme-shop-1").await,
        shop.status("acme-shop-1").await,
        shop.capture("acme-shop-1", 100).await,
        shop.refund("acme-shop-1", 100).await,
        shop.cancel("acme-shop-1").await,
        shop.force_approve("acme-shop-2", kari.phone.as_str()).await,
    ] {
        got.says(404, "Merchant", "35", unknown, "order.of_epayment");
    }
    assert_eq!(shop.epay_get("acme-shop-1").await.sums(), [1000, 0, 0, 0]);
}

#[tokio::test]
async fn epay_102_one_name_for_one_payment() {
    let (_world, shop, _) = stage().await;
    shop.initiate("acme-shop-1", 1000).await.ok();
    shop.epay("acme-shop-1", 1000)
        .await
        .coded(409, "4150", "order.duplicate");
    shop.epay("acme-shop-2", 1000).await.created();
    let got = shop.initiate("acme-shop-2", 1000).await;
    assert_eq!(got.cause(), "order.duplicate");
}

#[tokio::test]
async fn epay_103_case_matters_for_references_only() {
    let (_world, shop, _) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    for (path, status) in [
        ("/EPayment/V1/Payments/acme-shop-1", 200),
        ("/epayment/v1/payments/acme-shop-1/", 200),
        ("/EPAYMENT/v1/payments/acme-shop-1/EVENTS", 200),
        ("/epayment/v1/payments/ACME-shop-1", 404),
        ("/epayments/v1/payments/acme-shop-1", 404),
        ("/epayment/v2/payments/acme-shop-1", 404),
    ] {
        assert_eq!(
            shop.ask("GET", path).await.send().await.status,
            status,
            "{path}"
        );
    }
}

#[tokio::test]
async fn epay_104_keys_and_tokens_are_the_gateways() {
    let (_world, shop, _) = stage().await;
    let ask = shop
        .ask_epay("POST", "")
        .await
        .json(&shop.epay_body("acme-shop-1", 100));
    let key = "Ocp-Apim-Subscription-Key";
    ask.clone()
        .without(key)
        .send()
        .await
        .answered(401, KEY_MISSING, "subkey.missing");
    ask.clone()
        .header(key, "no key")
        .send()
        .await
        .answered(401, KEY_INVALID, "subkey.unknown");
    ask.clone().without("Authorization").send().await.answered(
        401,
        TOKEN_REJECTED,
        "token.missing",
    );
    let token = ask.request().headers["authorization"]
        .to_str()
        .expect("text")
        .to_owned();
    let small = token.replace("Bearer", "bearer");
    let got = ask.clone().header("Authorization", &small).send().await;
    got.answered(401, TOKEN_REJECTED, "token.scheme_case");
    let got = ask.header("Authorization", "Bearer nonsense").send().await;
    assert_eq!((got.status, got.body.as_str()), (401, TOKEN_REJECTED));
}

#[tokio::test]
async fn epay_105_a_login_unit_takes_no_payments() {
    let (_world, shop, _) = stage().await;
    shop.change(|unit| unit.products = [Product::Login].into())
        .await;
    let got = shop.epay("acme-shop-1", 100).await;
    let detail = "Merchant Not Allowed for Ecommerce Payment";
    got.problem(403, "97", "Forbidden", detail, "unit.login_only");
}

/// Every refusal of this API in this file and its neighbours is compared to the byte; here those of
/// the platform itself.
#[tokio::test]
async fn epay_106_every_problem_has_its_members() {
    let (_world, shop, _) = stage().await;
    shop.epay("acme-shop-1", 1000).await.created();
    for (fault, status) in [
        ("internal-error", 500),
        ("order-locked", 423),
        ("too-many-concurrent", 429),
    ] {
        let ask = shop.ask_epay_move("capture", "acme-shop-1", 100).await;
        let got = ask.header("Sandkasse-Fault", fault).send().await;
        assert_eq!(got.status, status, "{}", got.body);
        for member in ["type", "title", "status", "traceId"] {
            assert!(!got.json()[member].is_null(), "{member}: {}", got.body);
        }
        got.format();
    }
    let text = "Internal error. This may be caused by an incorrect API request. Please check the request. See the status page.";
    let ask = shop.ask_epay("GET", "/acme-shop-1").await;
    let got = ask.header("Sandkasse-Fault", "internal-error").send().await;
    got.problem(500, "3010", "Internal error", text, "platform.fault");
}

#[tokio::test]
async fn epay_120_msns_are_refused_in_the_apis_own_words() {
    let world = World::new().await;
    let shop = world.shop(free).await;
    let other = world.shop(free).await;
    let partner = world.partner(Test, |_| {}).await;
    world.link(&shop, &partner).await;
    let msn = "Merchant-Serial-Number";
    let check = "Check your API keys on portal.vipps.no and see the eCom FAQ for tips.";
    let where_from = "This MSN is not valid for the provided supermerchant ID. Check that you are using the correct credentials for the right environment.";
    let own = shop.ask_epay("GET", "/acme-shop-1").await;
    let got = own.header(msn, other.msn.as_str()).send().await;
    let detail = format!("Invalid MSN: {}. {check}", other.msn);
    got.problem(401, "", "Unauthorized", &detail, "msn.not_yours");
    let ask = partner
        .ask("GET", &format!("{EPAYMENTS}/acme-shop-1"))
        .await;
    let got = ask.clone().header(msn, other.msn.as_str()).send().await;
    got.problem(403, "", "Forbidden", &detail, "partner.not_linked");
    let got = ask.clone().header(msn, "9999999").send().await;
    let detail = format!("Invalid MSN: 9999999. {where_from}");
    got.problem(403, "", "Forbidden", &detail, "partner.msn_unknown");
    let got = ask.clone().send().await;
    let detail = format!("Invalid MSN: {where_from}");
    got.problem(403, "", "Forbidden", &detail, "partner.msn_missing");
    let got = ask.header(msn, shop.msn.as_str()).send().await;
    got.coded(404, "5090", "order.unknown");
}

#[tokio::test]
async fn epay_121_closed_units_keep_their_books() {
    let (world, shop, kari) = stage().await;
    for reference in ["acme-shop-1", "acme-shop-2"] {
        shop.authorized(reference, 1000, &kari).await;
    }
    shop.epay_capture("acme-shop-1", 1000).await.sums();
    shop.change(|unit| unit.state = closed()).await;
    let text = "Merchant not available or deactivated or blocked";
    for got in [
        shop.epay("acme-shop-3", 100).await,
        shop.epay_capture("acme-shop-2", 100).await,
    ] {
        got.problem(400, "37", "Bad Request", text, "unit.deactivated");
    }
    shop.epay_get("acme-shop-1").await.sums();
    shop.epay_cancel("acme-shop-2").await.sums();
    shop.epay_refund("acme-shop-1", 100).await.sums();
    let orgno = shop.unit().facts.merchant.clone();
    shop.change(|unit| unit.state = sandkasse_domain::sales_unit::UnitState::Active)
        .await;
    world.set_standing(&orgno, Standing::Blocked).await;
    let text = "The merchant is blocked. The merchant can contact customer service for details.";
    let got = shop.epay("acme-shop-3", 100).await;
    got.problem(400, "31", "Bad Request", text, "merchant.blocked");
}

#[tokio::test]
async fn epay_122_the_order_of_the_complaints() {
    let (world, shop, _) = stage().await;
    let other = world.shop(free).await;
    let ask = shop.ask_epay("POST", "").await;
    let got = ask
        .clone()
        .header("Merchant-Serial-Number", other.msn.as_str())
        .body("{")
        .send()
        .await;
    assert_eq!((got.status, got.cause()), (401, "msn.not_yours"));
    shop.change(|unit| unit.state = closed()).await;
    let got = ask.clone().body("{").send().await;
    got.shapes("json.syntax", &[("$", "The body is no valid JSON.")]);
    let got = ask.clone().body("{}").send().await;
    got.coded(400, "37", "unit.deactivated");
    shop.change(|unit| {
        unit.state = sandkasse_domain::sales_unit::UnitState::Active;
        unit.skip_landing_page = false;
    })
    .await;
    // Shape, then the values with codes, the reference, the configuration, the amount, the customer.
    shop.epay("acme-shop-1", 100).await.created();
    let mut body = shop.epay_body("acme-shop-1", 99);
    body["userFlow"] = "PUSH_MESSAGE".into();
    body["customer"] = json!({ "phoneNumber": "4799999999" });
    body["profile"] = json!({ "scope": "shoe" });
    body["paymentDescription"] = "x".into();
    let mut causes = Vec::new();
    for (pointer, right) in [
        ("/paymentDescription", json!("Socks")),
        ("/profile", Value::Null),
        ("/reference", json!("acme-shop-2")),
        ("/userFlow", json!("WEB_REDIRECT")),
        ("/amount/value", json!(100)),
        ("/customer", Value::Null),
    ] {
        causes.push(shop.epay_with(&body).await.cause());
        *body.pointer_mut(pointer).expect("a member") = right;
    }
    assert_eq!(
        causes,
        [
            "request.length",
            "request.scope",
            "order.duplicate",
            "unit.skip_landing_page",
            "amount.too_small",
            "test.real_user",
        ]
    );
    shop.epay_with(&body).await.created();
}

#[tokio::test]
async fn epay_123_ecoms_payments_in_each_state() {
    let world = World::new().await;
    let shop = world.shop(free).await;
    let direct = world
        .shop(|unit| {
            free(unit);
            unit.capture = CaptureType::Direct;
        })
        .await;
    let kari = world.person(|_| {}).await;
    shop.initiate("timed-out", 1000).await.ok();
    shop.initiate("failed", 182).await.ok();
    shop.approve("failed", &kari)
        .await
        .expect("the bank says no");
    shop.person("failed", Act::Reject).await.expect("she can");
    shop.advance(minutes(6)).await;
    for order in ["initiated", "rejected", "withdrawn"] {
        shop.initiate(order, 1000).await.ok();
    }
    shop.person("rejected", Act::Reject).await.expect("she can");
    shop.cancel("withdrawn").await.ok();
    for order in ["reserved", "voided", "captured"] {
        shop.reserved(order, 1000, &kari).await;
    }
    shop.cancel("voided").await.ok();
    shop.capture("captured", 400).await.ok();
    shop.refund("captured", 100).await.ok();
    direct.reserved("sale", 1000, &kari).await;
    type Row<'a> = (&'a Shop, &'a str, &'a str, [i64; 4], &'a [&'a str]);
    let rows: [Row<'_>; 9] = [
        (&shop, "initiated", "CREATED", [0; 4], &["CREATED"]),
        (
            &shop,
            "timed-out",
            "EXPIRED",
            [0; 4],
            &["CREATED", "EXPIRED"],
        ),
        (
            &shop,
            "failed",
            "EXPIRED",
            [0; 4],
            &["CREATED", "AUTHORIZED!", "EXPIRED"],
        ),
        (
            &shop,
            "rejected",
            "ABORTED",
            [0; 4],
            &["CREATED", "ABORTED"],
        ),
        (
            &shop,
            "withdrawn",
            "TERMINATED",
            [0, 1000, 0, 0],
            &["CREATED", "TERMINATED"],
        ),
        (
            &shop,
            "reserved",
            "AUTHORIZED",
            [1000, 0, 0, 0],
            &["CREATED", "AUTHORIZED"],
        ),
        (
            &shop,
            "voided",
            "AUTHORIZED",
            [1000, 1000, 0, 0],
            &["CREATED", "AUTHORIZED", "CANCELLED"],
        ),
        (
            &shop,
            "captured",
            "AUTHORIZED",
            [1000, 0, 400, 100],
            &["CREATED", "AUTHORIZED", "CAPTURED", "REFUNDED"],
        ),
        (
            &direct,
            "sale",
            "AUTHORIZED",
            [1000, 0, 1000, 0],
            &["CREATED", "AUTHORIZED", "CAPTURED"],
        ),
    ];
    for (shop, order, expected, sums, log) in rows {
        let got = shop.epay_get(order).await;
        assert_eq!(got.sums(), sums, "{order}");
        assert_eq!(got.json()["state"], expected, "{order}");
        assert_eq!(got.json()["paymentMethod"]["type"], "WALLET");
        assert_eq!(shop.epay_log(order).await, log, "{order}");
        let events = shop.epay_events(order).await;
        let mut numbers: Vec<&str> = events
            .iter()
            .filter_map(|it| it["pspReference"].as_str())
            .collect();
        assert_eq!(got.json()["pspReference"], numbers[0]);
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), log.len(), "{order}: {events:?}");
    }
}

#[tokio::test]
async fn epay_124_paths_accept_what_ecom_allowed() {
    let (_world, shop, _) = stage().await;
    shop.initiate("a", 1000).await.ok();
    shop.epay_get("a").await.sums();
    shop.epay_get("a_b")
        .await
        .coded(404, "5090", "order.unknown");
}

#[tokio::test]
async fn epay_129_keys_of_other_kinds() {
    let (world, shop, _) = stage().await;
    for kind in [OfficeKind::Management, OfficeKind::Accounting] {
        let keys = world.office_keys(Test, kind).await;
        let token = world
            .ask(Test, "POST", "/miami/v1/token")
            .header(
                "Authorization",
                &basic(&keys.client_id, &keys.client_secret),
            )
            .body("grant_type=client_credentials")
            .send()
            .await
            .ok();
        let bearer = format!(
            "Bearer {}",
            token["access_token"].as_str().expect("a token")
        );
        let ask = world.ask(Test, "GET", &format!("{EPAYMENTS}/acme-shop-1"));
        let got = ask.header("Authorization", &bearer).send().await;
        got.problem(403, "", "Forbidden", "Forbidden", "keys.without_right");
    }
    let psp = world.psp(Test).await;
    let got = psp
        .ask("GET", &format!("{EPAYMENTS}/acme-shop-1"))
        .await
        .send()
        .await;
    got.problem(403, "", "Forbidden", "Forbidden", "keys.without_right");
    shop.change(|unit| unit.products = [Product::Recurring].into())
        .await;
    let got = shop.epay_get("acme-shop-1").await;
    got.answered(401, KEY_INVALID, "subkey.product");
}

#[tokio::test]
async fn epay_130_media_types_do_not_depend_on_accept() {
    let (_world, shop, kari) = stage().await;
    shop.authorized("acme-shop-1", 1000, &kari).await;
    for accept in ["application/problem+json", "text/html", "*/*", ""] {
        let ask = shop.ask_epay_move("capture", "acme-shop-1", 1).await;
        let got = ask.header("Accept", accept).send().await;
        assert_eq!(
            (got.status, got.header("content-type")),
            (200, Some("application/json"))
        );
        let ask = shop.ask_epay_move("capture", "acme-shop-1", 1001).await;
        let got = ask.header("Accept", accept).send().await;
        got.coded(400, "6090", "capture.exceeds_sum");
    }
}

#[tokio::test]
async fn epay_107_hook_35_a_refund_on_the_portal_is_told_like_one_of_the_api() {
    let (world, shop, kari) = stage().await;
    shop.register("https://example.com/h", &["epayments.payment.refunded.v1"])
        .await;
    for reference in ["acme-shop-1", "acme-shop-2"] {
        shop.authorized(reference, 1000, &kari).await;
        shop.epay_capture(reference, 1000).await.sums();
    }
    shop.epay_refund("acme-shop-1", 400).await.sums();
    let moved = ByHand::Refund(Moved {
        amount: sandkasse_domain::Minor::try_new(400),
        text: "By hand".to_owned(),
        request_id: "form-1".to_owned(),
    });
    let engine = &world.platform.engine;
    by_hand(engine, &shop.unit(), "acme-shop-2", moved)
        .await
        .expect("it is captured");
    assert_eq!(
        shop.epay_get("acme-shop-2").await.sums(),
        [1000, 0, 1000, 400]
    );
    let mut lines = Vec::new();
    for reference in ["acme-shop-1", "acme-shop-2"] {
        let mut line = shop.epay_events(reference).await.remove(3);
        let line = line.as_object_mut().expect("an object");
        for member in ["pspReference", "reference", "idempotencyKey"] {
            assert!(line.remove(member).is_some(), "{member}");
        }
        lines.push(line.clone());
    }
    assert_eq!(lines[0], lines[1]);
    world.deliver().await;
    let hooks = world.recorder.hooks();
    let references: Vec<_> = hooks.iter().map(|it| told(it, "reference")).collect();
    assert_eq!(references, ["acme-shop-1", "acme-shop-2"]);
    let bodies: Vec<Value> = hooks
        .iter()
        .map(|it| {
            let mut body: Value = serde_json::from_str(&it.body).expect("JSON");
            let body = body.as_object_mut().expect("an object");
            for member in ["pspReference", "reference", "idempotencyKey"] {
                assert!(body.remove(member).is_some(), "{member}");
            }
            json!(body)
        })
        .collect();
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(bodies[0]["name"], "REFUNDED");
}

/// What no payment can be called is unknown, and no answer is kept under such a name.
#[tokio::test]
async fn epay_80_what_no_payment_can_be_called_is_unknown() {
    let (world, shop, _) = stage().await;
    let long = "x".repeat(400);
    for reference in ["acme%20shop-1", "%C3%A5cme-shop-1", "acme.shop%2F1", &long] {
        for got in [
            shop.epay_capture(reference, 100).await,
            shop.epay_refund(reference, 100).await,
            shop.epay_cancel(reference).await,
        ] {
            got.coded(404, "5090", "order.unknown");
        }
        for below in ["", "/events"] {
            let path = format!("/{reference}{below}");
            let got = shop.ask_epay("GET", &path).await.send().await;
            got.coded(404, "5090", "order.unknown");
        }
    }
    let store = world.platform.engine.store();
    let rows = store.rows(Some(&shop.unit().partition())).await;
    let mut rows = rows.expect("the store works");
    while let Some(row) = rows.next().await {
        let row = row.expect("the store works");
        assert!(!matches!(row, Row::Reply { .. }), "{row:?}");
    }
}
