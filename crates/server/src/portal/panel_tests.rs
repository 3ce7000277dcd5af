//! The panels of time and faults, as somebody at the portal sees them.

use sandkasse_testkit::{Shop, days, hours};
use serde_json::{Value, json};

use super::visitors::Role;
use crate::testing::House;

fn at(shop: &Shop, panel: &str) -> String {
    format!("/units/{}/{}/{panel}", shop.environment, shop.msn)
}

#[tokio::test]
async fn what_will_happen_is_listed_and_happens_when_the_clock_is_moved_there() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let kari = house.world.person(|_| {}).await;
    let (developer, path) = (house.guest(Some(Role::Developer)), at(&shop, "time"));
    let seen = developer.get(&path).await;
    assert_eq!(seen.status, 200);
    assert!(
        seen.html
            .contains("Nothing of this sales unit happens by itself")
    );
    let nothing = developer.post(&path, &[("to", "next")]).await;
    assert_eq!(nothing.status, 409);
    shop.reserved("acme-1", 49_900, &kari).await;
    shop.capture("acme-1", 9_900).await.ok();
    shop.initiate("acme-2", 10_000).await.ok();
    let seen = developer.get(&path).await;
    let upcoming = seen.html.split("id=\"upcoming\"").nth(1).unwrap();
    let upcoming = upcoming.split("</table>").next().unwrap();
    let (first, second) = (upcoming.find("acme-2"), upcoming.find("acme-1"));
    assert!(first < second && first.is_some(), "in order: {upcoming}");
    for part in [
        "in 5 min",
        "in 7 days",
        "100,00\u{a0}kr",
        "times out",
        "goes back",
    ] {
        assert!(upcoming.contains(part), "{part}: {upcoming}");
    }
    let moved = developer.post(&path, &[("to", "next")]).await;
    assert_eq!(moved.status, 303);
    let place = moved.headers["location"].to_str().unwrap().to_owned();
    let seen = developer.get(place.split('#').next().unwrap()).await;
    let happened = seen.html.split("id=\"happened\"").nth(1).unwrap();
    let happened = happened.split("</section>").next().unwrap();
    assert!(
        happened.contains("acme-2") && happened.contains("cancelled"),
        "{happened}"
    );
    assert!(!happened.contains("acme-1"));
    assert_eq!(shop.now().to_string(), "2023-06-13T12:05:00Z");
    developer
        .post(&path, &[("days", "7"), ("hours", ""), ("minutes", "0")])
        .await;
    assert_eq!(shop.now().to_string(), "2023-06-20T12:05:00Z");
    assert!(shop.log("acme-1").await.len() >= 2);
}

#[tokio::test]
async fn plat_34_faq_82_a_year_passes_on_the_panel_and_the_test_unit_still_works() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let developer = house.guest(Some(Role::Developer));
    let moved = developer.post(&at(&shop, "time"), &[("days", "366")]).await;
    assert_eq!(moved.status, 303);
    assert_eq!(shop.now().duration_since(house.world.now()), days(366));
    shop.initiate("acme-1", 49_900).await.ok();
}

#[tokio::test]
async fn periods_of_captures_and_refunds_are_told() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let kari = house.world.person(|_| {}).await;
    shop.reserved("acme-1", 49_900, &kari).await;
    shop.capture("acme-1", 9_900).await.ok();
    shop.reserved("other-1", 100, &kari).await;
    let path = format!("/sales-units/test/{}/agenda", shop.msn);
    let (status, agenda) = house.get(&format!("{path}?order=acme-")).await;
    assert_eq!(status, 200);
    let period = |operation: &str, amount: i64, ends: &str, days: i64| {
        json!({
            "order_id": "acme-1", "operation": operation, "amount": amount,
            "currency": "NOK", "ends": ends, "in_ms": days * 86_400_000,
        })
    };
    let expected = json!([
        period("capture", 40_000, "2023-12-11T12:00:00Z", 181),
        period("refund", 9_900, "2024-06-13T12:00:00Z", 366),
    ]);
    assert_eq!(agenda["periods"], expected);
    assert_eq!(agenda["upcoming"][0]["event"], "remainder_released");
    assert_eq!(agenda["upcoming"][0]["in_ms"], 7 * 86_400_000);
    // It is the very moment: a second earlier it is accepted.
    house
        .post(
            &format!("/sales-units/test/{}/advance", shop.msn),
            json!({"days": 180, "hours": 23, "minutes": 59, "seconds": 59}),
        )
        .await;
    shop.capture("other-1", 50).await.ok();
    shop.advance(hours(1)).await;
    assert_eq!(
        shop.capture("other-1", 50).await.cause(),
        "capture.too_late"
    );
    assert_eq!(house.get(&format!("{path}?limit=201")).await.0, 400);
}

#[tokio::test]
async fn readers_look_and_developers_act() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let reader = house.guest(Some(Role::Reader));
    for (panel, fields) in [
        ("time", &[("days", "1")][..]),
        ("faults", &[("kind", "drop"), ("often", "always")]),
        ("faults/clear", &[]),
    ] {
        let path = at(&shop, panel);
        assert_eq!(reader.post(&path, fields).await.status, 403, "{panel}");
        let sent_away = house.guest(None).post(&path, fields).await;
        assert_eq!(sent_away.status, 303);
    }
    for panel in ["time", "faults"] {
        let seen = reader.get(&at(&shop, panel)).await;
        assert_eq!(seen.status, 200);
        assert!(
            !seen
                .html
                .contains(&format!("method=\"post\" action=\"{}", at(&shop, panel)))
        );
        let nobody = house.guest(None).get(&at(&shop, panel)).await;
        assert!(
            nobody.headers["location"]
                .to_str()
                .unwrap()
                .starts_with("/sign-in?next=")
        );
    }
    for path in ["/faults", "/faults/clear", "/faults/1/remove"] {
        assert_eq!(
            reader.post(path, &[("kind", "drop")]).await.status,
            403,
            "{path}"
        );
    }
    assert_eq!(house.get("/faults").await.1, json!({"faults": []}));
    assert_eq!(shop.now(), house.world.now());
    for path in [
        "/units/test/999999/time",
        "/units/live/220001/faults",
        "/units/test/x/time",
    ] {
        assert_eq!(reader.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn rules_go_on_and_off_by_form() {
    let house = House::new().await;
    let (shop, other) = (
        house.world.shop(|_| {}).await,
        house.world.shop(|_| {}).await,
    );
    let developer = house.guest(Some(Role::Developer));
    let path = at(&shop, "faults");
    let fields = [
        ("kind", "order-locked"),
        ("operation", "capture"),
        ("often", "next"),
        ("count", "2"),
        ("probability", "0.5"),
        ("seed", ""),
        ("code", ""),
        ("ms", ""),
        // A form for one unit makes rules for that one only.
        ("msn", other.msn.as_str()),
        ("environment", "production"),
    ];
    assert_eq!(developer.post(&path, &fields).await.status, 303);
    let for_all = [
        ("environment", "test"),
        ("msn", ""),
        ("kind", "slow"),
        ("ms", "1"),
        ("often", "chance"),
        ("probability", "0"),
        ("seed", "7"),
    ];
    assert_eq!(developer.post("/faults", &for_all).await.status, 303);
    let (_, rules) = house.get("/faults").await;
    assert_eq!(
        (&rules["faults"][0]["msn"], &rules["faults"][0]["count"]),
        (&json!(shop.msn), &json!(2))
    );
    assert_eq!(
        (&rules["faults"][1]["msn"], &rules["faults"][1]["seed"]),
        (&Value::Null, &json!(7))
    );
    let seen = developer.get(&path).await;
    for part in ["the next 2 calls", "a call with chance 0, seed 7", "Since"] {
        assert!(seen.html.contains(part), "{part}");
    }
    assert!(
        !developer
            .get(&at(&other, "faults"))
            .await
            .html
            .contains("the next 2 calls")
    );
    // Its own are taken away; everybody's stay.
    developer.post(&at(&shop, "faults/clear"), &[]).await;
    let (_, rules) = house.get("/faults").await;
    assert_eq!(rules["faults"].as_array().unwrap().len(), 1);
    let back = [("back", path.as_str())];
    let removed = developer.post("/faults/2/remove", &back).await;
    assert_eq!(removed.headers["location"], format!("{path}#rules"));
    assert_eq!(house.get("/faults").await.1, json!({"faults": []}));
    let elsewhere = developer
        .post("/faults/2/remove", &[("back", "//evil.example.com/faults")])
        .await;
    assert_eq!(elsewhere.headers["location"], "/faults#rules");
}

#[tokio::test]
async fn markup_in_forms_stays_text() {
    let house = House::new().await;
    let markup = "<script>alert(1)</script>";
    let shop = house.world.shop(|unit| unit.name = markup.to_owned()).await;
    let developer = house.guest(Some(Role::Developer));
    for panel in [
        "time",
        "faults",
        "time?order=%3Cscript%3Ealert(1)&since=2023-01-01T00:00:00Z&changed=%3Cscript%3E",
    ] {
        let seen = developer.get(&at(&shop, panel)).await;
        assert_eq!(seen.status, 200);
        assert!(
            seen.html.contains("alert(1)") && !seen.html.contains("<script>alert"),
            "{panel}"
        );
    }
    for (field, status) in [
        ("kind", 400),
        ("operation", 400),
        ("msn", 400),
        ("count", 400),
    ] {
        let mut fields = vec![("environment", "test"), ("kind", "drop"), ("often", "next")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, markup));
        let seen = developer.post("/faults", &fields).await;
        assert_eq!(seen.status, status, "{field}");
        assert!(
            !seen.html.contains("<script>alert"),
            "{field}: {}",
            seen.html
        );
    }
    assert_eq!(house.get("/faults").await.1, json!({"faults": []}));
}
