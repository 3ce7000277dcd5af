//! The other wordings: the guide of June 2023, and what was recorded in 2021 (reference: README,
//! rulings 4 and 10; ecom.md §5).

use sandkasse_domain::{Wording, sales_unit::Product};
use sandkasse_engine::{Act, Settings};
use sandkasse_testkit::{Got, World, closed, days};
use serde_json::{Value, json};

async fn world(wording: Wording) -> World {
    let settings = Settings {
        test_wording: wording,
        ..Settings::default()
    };
    World::with_settings(settings).await
}

/// One refusal of each kind whose words have changed.
struct Refusals {
    msn: String,
    unknown: Got,
    deactivated: Got,
    login_only: Got,
    no_user: Got,
    capture: Got,
    refund: Got,
    duplicate: Got,
    cancel: Got,
    early: Got,
    field: Got,
    no_test_user: Got,
    unused_user: Got,
}

async fn refusals(world: &World) -> Refusals {
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    let unused = world.person(|it| it.app.approved_once = false).await;
    let closed = world.shop(|unit| unit.state = closed()).await;
    let login = world
        .shop(|unit| unit.products = [Product::Login].into())
        .await;
    shop.reserved("acme-1", 10_000, &kari).await;
    let capture = shop.capture("acme-1", 10_001).await;
    shop.capture("acme-1", 5_000).await.ok();
    shop.initiate("open", 10_000).await.ok();
    let stranger = |it: &mut Value| it["customerInfo"]["mobileNumber"] = "48059528".into();
    Refusals {
        msn: shop.msn.to_string(),
        unknown: shop.details("acme-shop-123-order123abc").await,
        deactivated: closed.initiate("acme-1", 10_000).await,
        login_only: login.initiate("acme-1", 10_000).await,
        no_user: shop.initiate_but("acme-2", 10_000, stranger).await,
        capture,
        refund: shop.refund("acme-1", 5_001).await,
        duplicate: shop.initiate("acme-1", 10_000).await,
        cancel: shop.cancel("acme-1").await,
        early: shop.capture("open", 10_000).await,
        field: shop.initiate("acme-3", 99).await,
        no_test_user: shop.force_approve("open", "48059528").await,
        unused_user: shop.force_approve("open", unused.phone.as_str()).await,
    }
}

#[tokio::test]
async fn ecom_105_the_guide_of_june_2023() {
    let it = refusals(&world(Wording::Guide).await).await;
    let unknown = format!(
        "The orderId 'acme-shop-123-order123abc' does not exist for MSN {}.",
        it.msn
    );
    let rows = [
        (
            &it.unknown,
            404,
            "Merchant",
            "35",
            unknown.as_str(),
            "order.unknown",
        ),
        (
            &it.deactivated,
            400,
            "Merchant",
            "37",
            "The merchant and/or sales unit is unavailable, deleted, deactivated or blocked for payments.",
            "unit.deactivated",
        ),
        (
            &it.login_only,
            403,
            "Merchant",
            "97",
            "The sales unit is not allowed to perform payments. See the FAQ.",
            "unit.login_only",
        ),
        (
            &it.no_user,
            400,
            "User",
            "81",
            "The phone number is either incorrectly formatted (see the API specification), is not a Vipps user, or the user cannot pay businesses. Vipps cannot give more details.",
            "test.real_user",
        ),
        (
            &it.capture,
            400,
            "Payment",
            "61",
            "The total capture amount exceeds the reserved amount. You cannot capture a higher amount than the user has accepted. Check the payment details",
            "capture.exceeds",
        ),
        (
            &it.refund,
            400,
            "Payment",
            "71",
            "Cannot refund a higher amount than the captured amount.",
            "refund.exceeds",
        ),
        (
            &it.duplicate,
            400,
            "Merchant",
            "34",
            "Duplicate orderId. The orderId must be unique for each MSN. It has already been used for this MSN.",
            "order.duplicate",
        ),
        (
            &it.cancel,
            400,
            "Payment",
            "51",
            "Cannot cancel an orderId that has already been captured.",
            "cancel.captured",
        ),
        (
            &it.field,
            400,
            "InvalidRequest",
            "transaction.amount",
            "Invalid amount",
            "amount.invalid",
        ),
    ];
    for (got, status, group, code, text, cause) in rows {
        got.says(status, group, code, text, cause);
    }
}

#[tokio::test]
async fn ecom_105_the_recordings_of_2021() {
    let it = refusals(&world(Wording::Recorded).await).await;
    let rows = [
        (
            &it.unknown,
            404,
            "Merchant",
            "35",
            "Requested Order not found",
            "order.unknown",
        ),
        (
            &it.cancel,
            402,
            "Payment",
            "51",
            "Can't cancel already captured order",
            "cancel.captured",
        ),
        (
            &it.capture,
            400,
            "Payment",
            "61",
            "Captured amount exceeds the reserved amount ordered",
            "capture.exceeds",
        ),
        (
            &it.early,
            400,
            "Payment",
            "62",
            "The amount you tried to capture is not reserved",
            "capture.not_approved",
        ),
        (
            &it.refund,
            400,
            "Payment",
            "71",
            "Can't refund more than captured amount",
            "refund.exceeds",
        ),
        (
            &it.no_user,
            400,
            "User",
            "81",
            "User not registered with Vipps",
            "test.real_user",
        ),
        (
            &it.field,
            400,
            "Merchant",
            "transaction.amount",
            "Invalid amount",
            "amount.invalid",
        ),
        (
            &it.no_test_user,
            400,
            "Customer",
            "81",
            "Invalid phone number for test. Use a proper test number instead",
            "test.not_a_test_number",
        ),
        (
            &it.unused_user,
            400,
            "Payment",
            "1082",
            "1082",
            "test.user_not_logged_in",
        ),
    ];
    for (got, status, group, code, text, cause) in rows {
        got.says(status, group, code, text, cause);
    }
    // The recorded answer to a duplicate has no group.
    let context = it.duplicate.json()[0]["contextId"].clone();
    let body = format!(
        r#"[{{"errorCode":"34","errorMessage":"orderId is already used, and must be unique","contextId":{context}}}]"#
    );
    it.duplicate.answered(400, &body, "order.duplicate");
    assert_eq!(body.len(), 132, "the recorded Content-Length");
}

#[tokio::test]
async fn ecom_105_production_and_test_speak_for_themselves() {
    let world = world(Wording::Guide).await;
    let production = sandkasse_domain::Environment::Production;
    let shop = world.shop(|unit| unit.environment = production).await;
    let got = shop.details("acme-1").await;
    got.says(
        404,
        "Merchant",
        "35",
        "Requested Order not found",
        "order.unknown",
    );
}

#[tokio::test]
async fn ecom_105_callbacks_speak_it_too() {
    let rows = [
        (
            Wording::Faq,
            "Payment",
            "Reservation failed, reason unknown.",
            "Refused by the issuer: Expired card.",
        ),
        (
            Wording::Guide,
            "Payment",
            "Reservation failed, reason unknown.",
            "Refused by the issuer: Expired card.",
        ),
        (
            Wording::Recorded,
            "PAYMENTS",
            "Reservation failed for some unknown reason",
            "Refused by issuer because of expired card",
        ),
    ];
    for (wording, group, unknown, expired) in rows {
        let world = world(wording).await;
        let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
        shop.initiate("left", 10_000).await.ok();
        shop.person("left", Act::LeaveLandingPage)
            .await
            .expect("open");
        shop.initiate("expired", 186).await.ok();
        shop.approve("expired", &kari).await.expect("open");
        shop.advance(days(1)).await;
        for (order, status, code, text) in [
            ("left", "REJECTED", "45", unknown),
            ("expired", "RESERVE_FAILED", "44", expired),
        ] {
            let told = world.recorder.callback(order);
            assert_eq!(told["transactionInfo"]["status"], status);
            let error = json!({ "errorCode": code, "errorGroup": group, "errorMessage": text });
            assert_eq!(told["errorInfo"], error, "{wording:?}");
        }
    }
}
