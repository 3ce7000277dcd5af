//! Payments on the portal: found, shown, moved by hand.

use sandkasse_domain::{Currency, Minor};
use sandkasse_store::{
    CallFailure, CallOutcome, Commit, Kind, OutgoingCall, Purpose, StreamId, Write,
};
use sandkasse_testkit::{Shop, days};
use serde_json::json;

use crate::{
    portal::{show::money, visitors::Role},
    testing::{Guest, House, Seen},
};

/// A shop with a payment of 1 234,50 kr that was approved.
async fn shop(house: &House) -> Shop {
    let shop = house.world.shop(|_| {}).await;
    shop.initiate("acme-1", 123_450).await.ok();
    approve(house, &shop, "acme-1").await;
    shop
}

async fn approve(house: &House, shop: &Shop, order: &str) {
    let path = format!("/payments/test/{}/{order}/approve", shop.msn);
    let (status, body) = house.post(&path, json!({"phone": "41000001"})).await;
    assert_eq!(status, 200, "{body}");
}

fn at(shop: &Shop, rest: &str) -> String {
    format!("/units/test/{}/payments{rest}", shop.msn)
}

#[track_caller]
fn says(seen: &Seen, status: u16, words: &[&str]) {
    assert_eq!(seen.status, status, "{}", seen.html);
    for word in words {
        assert!(seen.html.contains(word), "{word}: {}", seen.html);
    }
}

fn kroner(units: i64) -> String {
    money(Minor::try_new(units).unwrap(), Currency::Nok)
}

fn orders(seen: &Seen) -> Vec<String> {
    let rows = seen.html.split("<th scope=\"row\">").skip(1);
    rows.map(|row| {
        let name = row.split_once("\">").unwrap().1;
        name.split_once('<').unwrap().0.to_owned()
    })
    .collect()
}

/// Goes on as the page offers.
async fn next(guest: &Guest<'_>, seen: &Seen) -> Option<Seen> {
    let (_, rest) = seen.html.split_once("rel=\"next\" href=\"")?;
    let href = rest.split_once('"').unwrap().0.replace("&#38;", "&");
    Some(guest.get(&href).await)
}

#[tokio::test]
async fn payments_are_found_by_age_beginning_and_state() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    for number in 0..120 {
        shop.initiate(&format!("order-{number:03}"), 100).await.ok();
    }
    approve(&house, &shop, "order-007").await;
    shop.initiate("ORDER-1", 100).await.ok();
    let reader = house.guest(Some(Role::Reader));
    let mut page = reader.get(&at(&shop, "")).await;
    let mut seen = orders(&page);
    assert_eq!((seen.len(), seen[0].as_str()), (50, "ORDER-1"));
    while let Some(more) = next(&reader, &page).await {
        seen.extend(orders(&more));
        page = more;
    }
    assert_eq!((seen.len(), seen[120].as_str()), (121, "order-000"));
    assert!(page.html.contains("From the beginning"));
    let found = reader.get(&at(&shop, "?q=order-00")).await;
    assert_eq!(orders(&found).len(), 10);
    assert_eq!(orders(&found)[0], "order-000");
    let found = reader.get(&at(&shop, "?q=ORDER")).await;
    assert_eq!(orders(&found), ["ORDER-1"]);
    let mut page = reader.get(&at(&shop, "?q=order-")).await;
    let mut seen = orders(&page);
    while let Some(more) = next(&reader, &page).await {
        seen.extend(orders(&more));
        page = more;
    }
    assert_eq!((seen.len(), seen[119].as_str()), (120, "order-119"));
    let found = reader.get(&at(&shop, "?state=RESERVED")).await;
    assert_eq!(orders(&found), ["order-007"]);
    let found = reader.get(&at(&shop, "?state=RESERVED&q=order-1")).await;
    says(&found, 200, &["no payment whose order id begins so"]);
    let found = reader.get(&at(&shop, "?state=nonsense")).await;
    assert_eq!(orders(&found).len(), 50);
}

/// However many there are, a page looks at a bounded number and says where to go on.
#[tokio::test]
async fn a_search_for_a_rare_state_goes_on_in_steps() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    shop.initiate("rare", 100).await.ok();
    approve(&house, &shop, "rare").await;
    shop.initiate("open", 100).await.ok();
    let (store, partition) = (house.engine().store(), shop.unit().partition());
    let stream = |name: String| StreamId {
        kind: Kind::Payment,
        name,
    };
    let open = store.load(&partition, &stream("open".to_owned())).await;
    let body = open.unwrap().unwrap().body;
    let copies = 0..crate::control::MOST_LOOKED_AT;
    let writes = copies.map(|number| Write {
        stream: stream(format!("o{number}")),
        expected: None,
        body: body.replace("\"open\"", &format!("\"o{number}\"")),
        deadline: None,
        events: Vec::new(),
    });
    let commit = Commit {
        writes: writes.collect(),
        partition,
        reply: None,
        calls: Vec::new(),
    };
    store.commit(commit).await.unwrap();
    let reader = house.guest(Some(Role::Reader));
    let first = reader.get(&at(&shop, "?state=RESERVED")).await;
    says(
        &first,
        200,
        &["So far as was looked", "None among those looked at"],
    );
    let second = next(&reader, &first).await.unwrap();
    assert_eq!(orders(&second), ["rare"]);
    assert!(next(&reader, &second).await.is_none());
    let path = format!("/payments/test/{}?newest=true&state=RESERVED", shop.msn);
    let (_, list) = house.get(&path).await;
    assert_eq!(list["payments"], json!([]));
    let before = &list["next"]["before"];
    let (_, list) = house.get(&format!("{path}&before={before}")).await;
    assert_eq!(list["payments"][0]["order_id"], "rare");
    assert!(list.get("next").is_none());
}

#[tokio::test]
async fn a_payment_is_shown_with_money_history_and_callbacks() {
    let house = House::new().await;
    let shop = shop(&house).await;
    shop.capture_as("cap-1", "acme-1", 80_000).await.ok();
    shop.refund_as("ref-1", "acme-1", 20_000).await.ok();
    let reader = house.guest(Some(Role::Reader));
    let seen = reader.get(&at(&shop, "/acme-1")).await;
    let words = format!(
        "Of {}: refunded {}, captured and kept {}, reserved, not captured {}.",
        kroner(123_450),
        kroner(20_000),
        kroner(60_000),
        kroner(43_450)
    );
    says(
        &seen,
        200,
        &[&words, "<svg", "width=\"162\"", "partly refunded"],
    );
    says(
        &seen,
        200,
        &["X-Request-Id cap-1", "X-Request-Id ref-1", "41000001"],
    );
    says(
        &seen,
        200,
        &["Callback", "/v2/payments/acme-1", "/phone/41000001"],
    );
    for event in ["initiated", "reserved", "captured", "refunded"] {
        says(&seen, 200, &[&format!("data-event=\"{event}\"")]);
    }
    assert!(!seen.html.contains("style="), "no style but the sheet's");
    // A reader looks and does nothing; the way to pay is not theirs either.
    assert!(!seen.html.contains("By hand"));
    shop.initiate("open", 100).await.ok();
    let open = at(&shop, "/open");
    assert!(!reader.get(&open).await.html.contains("vippsgateway"));
    let developer = house.guest(Some(Role::Developer));
    let seen = developer.get(&open).await;
    says(
        &seen,
        200,
        &["/dwo-api-application/v1/deeplink/vippsgateway?v=2&#38;token="],
    );
    let missing = reader.get(&at(&shop, "/none")).await;
    says(&missing, 404, &["has no payment none"]);
}

#[tokio::test]
async fn money_is_moved_by_hand_and_twice_the_same_form_moves_it_once() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let developer = house.guest(Some(Role::Developer));
    let path = |act: &str| at(&shop, &format!("/acme-1{act}"));
    for _ in 0..2 {
        let form = [("amount", "1 000,50 kr"), ("request_id", "form-1")];
        let done = developer.post(&path("/capture"), &form).await;
        assert_eq!(done.status, 303, "{}", done.html);
        assert_eq!(done.headers["location"], path("?done=capture").as_str());
    }
    let seen = developer.get(&path("?done=capture")).await;
    says(
        &seen,
        200,
        &["Captured.", "X-Request-Id form-1", "By hand on the portal"],
    );
    assert_eq!(seen.html.matches("data-event=\"captured\"").count(), 1);
    says(&seen, 200, &[&kroner(100_050)]);
    let all = [("amount", ""), ("text", "Back"), ("request_id", "")];
    assert_eq!(developer.post(&path("/refund"), &all).await.status, 303);
    let seen = developer.get(&path("")).await;
    says(&seen, 200, &["“Back”", "badge \">refunded<"]);
    let rest = [("release_remainder", "on")];
    assert_eq!(developer.post(&path("/cancel"), &rest).await.status, 303);
    says(
        &developer.get(&path("")).await,
        200,
        &["gave free what was not captured"],
    );
    let details = shop.details("acme-1").await.ok();
    assert_eq!(details["transactionSummary"]["capturedAmount"], 100_050);
    assert_eq!(details["transactionSummary"]["refundedAmount"], 100_050);
}

#[tokio::test]
async fn what_the_api_refuses_is_refused_here_in_its_words() {
    let house = House::new().await;
    let shop = shop(&house).await;
    let developer = house.guest(Some(Role::Developer));
    let path = |act: &str| at(&shop, &format!("/acme-1/{act}"));
    let amount = |said: &'static str| vec![("amount", said)];
    for (act, fields, line, text) in [
        (
            "capture",
            amount("1234,51"),
            "400 · Payment 61",
            "exceeds the reserved amount",
        ),
        (
            "refund",
            amount("1"),
            "400 · Payment 72",
            "Cannot refund a reserved order",
        ),
        (
            "force-approve",
            vec![],
            "400 · User 81",
            "Invalid phone number for test",
        ),
        (
            "force-approve",
            vec![("phone", "41000001")],
            "400 · VippsError 92",
            "already been processed",
        ),
    ] {
        let refused = developer.post(&path(act), &fields).await;
        says(
            &refused,
            400,
            &[line, text, "href=\"/catalogue/ecom/", "id=\"refused\""],
        );
    }
    for (act, fields, words) in [
        ("capture", amount("much"), "is no amount"),
        ("capture", amount("0"), "nothing"),
        ("capture", amount("-5"), "is no amount"),
        (
            "force-approve",
            vec![("phone", "12")],
            "no Norwegian telephone number",
        ),
    ] {
        let refused = developer.post(&path(act), &fields).await;
        says(&refused, 400, &["Not sent", words]);
    }
    let long = "x".repeat(101);
    let refused = developer.post(&path("cancel"), &[("text", &long)]).await;
    says(&refused, 400, &["more than 100 characters"]);
    shop.advance(days(181)).await;
    let late = developer.post(&path("capture"), &amount("1")).await;
    says(&late, 400, &["400 · Payment 98", "180 days"]);
    let reader = house.guest(Some(Role::Reader));
    for act in ["capture", "refund", "cancel", "force-approve"] {
        assert_eq!(reader.post(&path(act), &[]).await.status, 403, "{act}");
    }
    assert!(shop.log("acme-1").await.len() < 3, "nothing was moved");
}

#[tokio::test]
async fn a_test_payment_is_approved_by_force_and_no_other() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    shop.initiate("acme-1", 151).await.ok();
    let developer = house.guest(Some(Role::Developer));
    let path = at(&shop, "/acme-1/force-approve");
    let done = developer.post(&path, &[("phone", "41000001")]).await;
    assert_eq!(done.status, 303, "{}", done.html);
    let seen = developer
        .get(&at(&shop, "/acme-1?done=force_approve"))
        .await;
    says(
        &seen,
        200,
        &["in the payer&#39;s place", "data-event=\"reserved\""],
    );
    let production = "/units/production/330001/payments/acme-1/force-approve";
    let refused = developer.post(production, &[]).await;
    says(&refused, 409, &["in the test environment only"]);
}

#[tokio::test]
async fn plat_35_a_closed_units_payments_are_given_back_by_hand_and_not_captured() {
    let house = House::new().await;
    let shop = shop(&house).await;
    shop.capture("acme-1", 50_000).await.ok();
    shop.change(|it| it.state = sandkasse_testkit::closed())
        .await;
    let developer = house.guest(Some(Role::Developer));
    let path = |act: &str| at(&shop, &format!("/acme-1{act}"));
    says(&developer.get(&path("")).await, 200, &["partly captured"]);
    let refused = developer.post(&path("/capture"), &[]).await;
    let text = "Merchant not available or deactivated or blocked";
    says(
        &refused,
        400,
        &["400 · Merchant 37", text, "href=\"/catalogue/"],
    );
    let done = developer.post(&path("/refund"), &[("amount", "500")]).await;
    assert_eq!(done.status, 303, "{}", done.html);
    says(
        &developer.get(&path("")).await,
        200,
        &["data-event=\"refunded\""],
    );
}

/// What a merchant could have made of a callback.
async fn a_call_full_of(house: &House, shop: &Shop, markup: &str) {
    let store = house.engine().store();
    let call = OutgoingCall {
        id: "a-call".to_owned(),
        purpose: Purpose::PaymentCallback,
        about: "acme-1".to_owned(),
        method: "POST".to_owned(),
        url: format!("https://example.com/{markup}"),
        authorization: None,
        body: Some(markup.to_owned()),
        timeout_ms: 1,
        owed_at: shop.now(),
    };
    let partition = shop.unit().partition();
    store
        .add_begun_call(&partition, call, shop.now())
        .await
        .unwrap();
    let location = Some(markup.to_owned());
    let outcome = CallOutcome {
        status: Some(302),
        failure: Some(CallFailure::Redirect { location }),
        duration_ms: 1,
        answer: Some(markup.to_owned()),
    };
    store.finish_call("a-call", outcome).await.unwrap();
}

#[tokio::test]
async fn markup_in_texts_and_answers_is_shown_as_text() {
    for markup in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
    ] {
        let house = House::new().await;
        let shop = house.world.shop(|it| it.name = markup.to_owned()).await;
        let text = |body: &mut serde_json::Value| {
            body["transaction"]["transactionText"] = markup.into();
        };
        shop.initiate_but("acme-1", 100, text).await.ok();
        approve(&house, &shop, "acme-1").await;
        a_call_full_of(&house, &shop, markup).await;
        let developer = house.guest(Some(Role::Developer));
        let form = [("text", markup), ("request_id", markup), ("amount", "0,50")];
        let path = at(&shop, "/acme-1");
        let done = developer.post(&format!("{path}/capture"), &form).await;
        assert_eq!(done.status, 303, "{}", done.html);
        let form = [("text", markup)];
        assert_eq!(
            developer
                .post(&format!("{path}/refund"), &form)
                .await
                .status,
            303
        );
        let bad = developer
            .post(&format!("{path}/capture"), &[("amount", markup)])
            .await;
        for seen in [
            developer.get(&path).await,
            developer.get(&at(&shop, "")).await,
            bad,
        ] {
            assert!(seen.html.contains("alert(1)"), "{}", seen.html);
            assert!(!seen.html.contains("<script>alert"), "{}", seen.html);
            assert!(!seen.html.contains("<img"), "{}", seen.html);
        }
    }
}
