//! FAQ "Why `HTTP 500 Internal Server Error`?", where it is the request's fault: FAQ-64 to FAQ-68.

use sandkasse_testkit::{Ask, Shop, renamed_member};
use serde_json::{Value, json};

use super::faq_stage::{Faq, INTERNAL, PAYMENTS, check};

/// Initiate, capture, cancel and refund with their right bodies.
async fn operations(shop: &Shop) -> Vec<(&'static str, Ask, Value)> {
    let mut operations = vec![(
        "initiate",
        shop.ask("POST", PAYMENTS).await,
        shop.initiate_body("acme-2", 100),
    )];
    for name in ["capture", "cancel", "refund"] {
        let body = shop.modify_body(if name == "cancel" {
            Value::Null
        } else {
            json!(100)
        });
        let ask = shop.ask_modify(name, "acme-1", &body).await;
        operations.push((name, ask, body));
    }
    operations
}

#[tokio::test]
async fn faq_64_faq_65_faq_66_bodies_of_the_wrong_shape() {
    let faq = Faq::new().await;
    faq.u1.reserved("acme-1", 10_000, &faq.adult).await;
    for (name, ask, body) in operations(&faq.u1).await {
        let text = body.to_string();
        for broken in [
            text[..text.len() - 1].to_owned(),
            text.replace("}}", "},}"),
            text.replace('"', "'"),
            String::new(),
        ] {
            check(name, ask.clone().body(broken), &INTERNAL, "json.syntax").await;
        }
        let msn: u32 = faq.u1.msn.as_str().parse().expect("digits");
        let mut wrong = body.clone();
        wrong["merchantInfo"]["merchantSerialNumber"] = json!(msn);
        check(
            "faq_65",
            ask.clone().json(&wrong),
            &INTERNAL,
            "json.type.msn",
        )
        .await;
        if name == "cancel" {
            continue;
        }
        for amount in ["499.0000001", "\"49900\"", "49.9", "true"] {
            let amount: Value = serde_json::from_str(amount).expect("JSON");
            let mut wrong = body.clone();
            wrong["transaction"]["amount"] = amount;
            check(
                "faq_66",
                ask.clone().json(&wrong),
                &INTERNAL,
                "json.type.amount",
            )
            .await;
        }
    }
    // Nothing of all this happened.
    assert_eq!(faq.u1.log("acme-1").await, ["RESERVE", "INITIATE"]);
    for (_, ask, body) in operations(&faq.u1).await.into_iter().take(2) {
        ask.json(&body).send().await.ok();
    }
}

#[tokio::test]
async fn faq_67_faq_68_members_in_the_wrong_case() {
    let faq = Faq::new().await;
    let ask = faq.u1.ask("POST", PAYMENTS).await;
    let right = faq.u1.initiate_body("acme-1", 100);
    for (row, member, sent) in [
        ("faq_67", "merchantInfo.fallBack", "fallback"),
        ("faq_68", "transaction.orderId", "orderID"),
        (
            "faq_68",
            "merchantInfo.merchantSerialNumber",
            "merchantserialnumber",
        ),
        ("faq_68", "merchantInfo.callbackPrefix", "callbackprefix"),
        ("faq_68", "transaction.transactionText", "transactiontext"),
    ] {
        let (object, _) = member.split_once('.').expect("two words");
        let body = renamed_member(right.clone(), member, &format!("{object}.{sent}"));
        let got = check(row, ask.clone().json(&body), &INTERNAL, "json.member_case").await;
        // The explanation has both spellings.
        let why = format!("{:?}", got.why);
        assert!(why.contains(member) && why.contains(sent), "{why}");
    }
    check(
        "control",
        ask.json(&right),
        &super::faq_stage::Says::Fine,
        "",
    )
    .await;
}
