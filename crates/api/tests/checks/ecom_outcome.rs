//! What comes of a payment without any trouble with cards: approved, rejected, timed out.

use jiff::SignedDuration;
use sandkasse_engine::Act;
use sandkasse_testkit::{Shop, World, minutes, seconds};

const NOBODY_PAID: &str = r#","errorInfo":{"errorCode":"45","errorGroup":"Payment","errorMessage":"Reservation failed, reason unknown."}"#;

/// The number that the log shows for a payment once it reached an app.
async fn transaction_id(shop: &Shop, order: &str) -> String {
    let id = shop.payment(order).await.transaction_id;
    id.expect("it reached an app").0
}

/// The exact body of the only callback about an order.
fn callback(world: &World, order: &str) -> String {
    let calls = world.recorder.callbacks(order);
    let [call] = calls.as_slice() else {
        panic!("{} callbacks about {order}", calls.len())
    };
    call.body.clone().expect("a body")
}

#[tokio::test]
async fn ecom_35_an_approved_payment_is_reserved() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 49900).await.ok();
    shop.advance(seconds(30)).await;
    shop.approve("acme-1", &kari).await.expect("Kari can pay");

    let (id, msn) = (transaction_id(&shop, "acme-1").await, &shop.msn);
    let body = format!(
        concat!(
            r#"{{"orderId":"acme-1","transactionSummary":{{"capturedAmount":0,"#,
            r#""remainingAmountToCapture":49900,"refundedAmount":0,"#,
            r#""remainingAmountToRefund":0,"bankIdentificationNumber":492556}},"#,
            r#""transactionLogHistory":[{{"amount":49900,"transactionText":"One pair of socks","#,
            r#""transactionId":"{id}","timeStamp":"2023-06-13T12:00:30.000Z","#,
            r#""operation":"RESERVE","requestId":"","operationSuccess":true}},"#,
            r#"{{"amount":49900,"transactionText":"One pair of socks","transactionId":"{id}","#,
            r#""timeStamp":"2023-06-13T12:00:00.000Z","operation":"INITIATE","#,
            r#""operationSuccess":true}}]}}"#,
        ),
        id = id
    );
    shop.details("acme-1").await.answered(200, &body, "");
    assert_eq!(
        callback(&world, "acme-1"),
        format!(
            r#"{{"merchantSerialNumber":"{msn}","orderId":"acme-1","transactionInfo":{{"transactionId":"{id}","amount":49900,"status":"RESERVED","timeStamp":"2023-06-13T12:00:30.000Z"}}}}"#
        )
    );
}

#[tokio::test]
async fn ecom_36_before_the_payer_reacts() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let shop = world.shop(|_| {}).await;
    shop.initiate("acme-1", 12345).await.ok();
    let body = |id: &str| {
        format!(
            concat!(
                r#"{{"orderId":"acme-1","transactionLogHistory":[{{"amount":12345,"#,
                r#""transactionText":"One pair of socks",{}"timeStamp":"2023-06-13T12:00:00.000Z","#,
                r#""operation":"INITIATE","operationSuccess":true}}]}}"#,
            ),
            id
        )
    };
    shop.details("acme-1").await.answered(200, &body(""), "");
    // Following the link changes nothing; in an app the payment gets its number.
    shop.person("acme-1", Act::Open).await.expect("open");
    shop.details("acme-1").await.answered(200, &body(""), "");
    let phone = kari.phone.clone();
    let show = shop.person("acme-1", Act::Show { phone }).await;
    show.expect("Kari can pay");
    let id = transaction_id(&shop, "acme-1").await;
    let id = format!(r#""transactionId":"{id}","#);
    shop.details("acme-1").await.answered(200, &body(&id), "");
    assert!(world.recorder.calls().is_empty());
}

#[tokio::test]
async fn ecom_37_the_payer_says_no() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let rows = [
        // In the app, where the payment has a number; nothing went wrong, so no `errorInfo`.
        (Act::Reject, true, "CANCELLED", ""),
        // On the landing page, before or after it went to an app.
        (Act::LeaveLandingPage, false, "REJECTED", NOBODY_PAID),
        (Act::LeaveLandingPage, true, "REJECTED", NOBODY_PAID),
    ];
    for (index, (act, in_app, status, error)) in rows.into_iter().enumerate() {
        let shop = world.shop(|_| {}).await;
        let order = format!("acme-{index}");
        shop.initiate(&order, 654).await.ok();
        let mut id = String::new();
        if in_app {
            let phone = kari.phone.clone();
            let show = shop.person(&order, Act::Show { phone }).await;
            show.expect("Kari can pay");
            id = transaction_id(&shop, &order).await;
            id = format!(r#""transactionId":"{id}","#);
        }
        shop.advance(seconds(60)).await;
        shop.person(&order, act).await.expect("open");

        let entry = |time: &str, operation: &str| {
            format!(
                r#"{{"amount":654,"transactionText":"One pair of socks",{id}"timeStamp":"2023-06-13T{time}.000Z","operation":"{operation}","operationSuccess":true}}"#
            )
        };
        let (cancel, initiate) = (entry("12:01:00", "CANCEL"), entry("12:00:00", "INITIATE"));
        let body =
            format!(r#"{{"orderId":"{order}","transactionLogHistory":[{cancel},{initiate}]}}"#);
        shop.details(&order).await.answered(200, &body, "");
        let msn = &shop.msn;
        assert_eq!(
            callback(&world, &order),
            format!(
                r#"{{"merchantSerialNumber":"{msn}","orderId":"{order}","transactionInfo":{{{id}"amount":654,"status":"{status}","timeStamp":"2023-06-13T12:01:00.000Z"}}{error}}}"#
            )
        );
        // That was the end of it.
        shop.advance(minutes(10)).await;
        shop.approve(&order, &kari).await.expect_err("it is over");
        assert_eq!(shop.log(&order).await, ["CANCEL", "INITIATE"]);
        assert_eq!(world.recorder.callbacks(&order).len(), 1);
    }
}

#[tokio::test]
async fn ecom_38_nobody_acts_for_five_minutes() {
    let almost = minutes(5) - SignedDuration::from_millis(1);
    let millisecond = SignedDuration::from_millis(1);
    for way in ["the unit's clock", "real time", "only somebody's question"] {
        let world = World::new().await;
        let shop = world.shop(|_| {}).await;
        let pass = async |by| match way {
            "the unit's clock" => shop.advance(by).await,
            "real time" => world.pass(by).await,
            // Nothing runs by itself here, as if the runner were late: the question comes first.
            _ => world.clock.advance(by),
        };
        shop.initiate("acme-1", 654).await.ok();
        pass(almost).await;
        assert_eq!(shop.log("acme-1").await, ["INITIATE"], "{way}");
        assert!(world.recorder.calls().is_empty(), "{way}");
        pass(millisecond).await;
        // However late somebody looks, it happened when it was due.
        if way == "only somebody's question" {
            pass(minutes(20)).await;
        }
        assert_eq!(shop.log("acme-1").await, ["CANCEL", "INITIATE"], "{way}");
        let details = shop.details("acme-1").await.ok();
        assert!(details["transactionSummary"].is_null(), "{details}");
        let at = &details["transactionLogHistory"][0]["timeStamp"];
        assert_eq!(at, "2023-06-13T12:05:00.000Z", "{way}");
        let msn = &shop.msn;
        assert_eq!(
            callback(&world, "acme-1"),
            format!(
                r#"{{"merchantSerialNumber":"{msn}","orderId":"acme-1","transactionInfo":{{"amount":654,"status":"REJECTED","timeStamp":"2023-06-13T12:05:00.000Z"}}{NOBODY_PAID}}}"#
            ),
            "{way}"
        );
    }
}

#[tokio::test]
async fn ecom_39_opening_the_link_gives_five_more_minutes() {
    let world = World::new().await;
    let kari = world.person(|_| {}).await;
    let millisecond = SignedDuration::from_millis(1);
    for (opened, again, over_at) in [
        (minutes(4), None, "2023-06-13T12:09:00.000Z"),
        // Opening it once more gives nothing: ten minutes are the most.
        (
            minutes(5) - millisecond,
            Some(minutes(4)),
            "2023-06-13T12:09:59.999Z",
        ),
        (minutes(0), Some(minutes(3)), "2023-06-13T12:05:00.000Z"),
    ] {
        let shop = world.shop(|_| {}).await;
        shop.initiate("acme-1", 654).await.ok();
        shop.initiate("acme-2", 654).await.ok();
        shop.advance(opened).await;
        for order in ["acme-1", "acme-2"] {
            shop.person(order, Act::Open).await.expect("open");
        }
        let wait = again.unwrap_or_default();
        shop.advance(wait).await;
        if again.is_some() {
            shop.person("acme-1", Act::Open).await.expect("still open");
        }
        shop.advance(minutes(5) - wait - millisecond).await;
        shop.approve("acme-2", &kari).await.expect("in time");
        assert_eq!(shop.log("acme-1").await, ["INITIATE"], "{over_at}");
        shop.advance(millisecond).await;
        let details = shop.details("acme-1").await.ok();
        let last = &details["transactionLogHistory"][0];
        assert_eq!(last["operation"], "CANCEL");
        assert_eq!(last["timeStamp"], over_at);
        let late = shop.approve("acme-1", &kari).await;
        late.expect_err("the link is over");
        assert_eq!(shop.log("acme-2").await, ["RESERVE", "INITIATE"]);
    }
}
