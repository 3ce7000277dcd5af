//! Closing and reopening a sales unit with BankID.

use http::{Request, header};
use http_body_util::BodyExt;
use sandkasse_domain::{
    Environment, Msn,
    sales_unit::{ClosedBy, UnitState},
};
use sandkasse_testkit::minutes;
use serde_json::{Value, json};

use super::{Program, closed, refused, text};
use crate::testing::{House, PORTAL};

const UNIT: &str = "/sales-units/test/220001";

/// Begins a session for the unit, and answers its id.
async fn session(house: &House, purpose: &str, msn: &str) -> String {
    let new = json!({
        "person_name": "Ola Nordmann", "purpose": purpose, "environment": "test", "msn": msn,
    });
    let (status, session) = house.post("/bankid", new).await;
    assert_eq!(
        (status, &session["confirmed"]),
        (201, &json!(false)),
        "{session}"
    );
    assert_eq!(session["expires_at"], "2023-06-13T12:10:00Z");
    let id = text(&session["id"]);
    assert_eq!(session["page_url"], format!("http://{PORTAL}/bankid/{id}"));
    id.to_owned()
}

/// The same, confirmed.
async fn signed(house: &House, purpose: &str, msn: &str) -> Value {
    let id = session(house, purpose, msn).await;
    let (status, session) = house
        .post(&format!("/bankid/{id}/confirm"), Value::Null)
        .await;
    assert_eq!((status, &session["confirmed"]), (200, &json!(true)));
    assert_eq!(house.get(&format!("/bankid/{id}")).await, (200, session));
    json!({"bankid": id})
}

async fn act(house: &House, what: &str, body: Value) -> (u16, Value) {
    house.post(&format!("{UNIT}/{what}"), body).await
}

fn state(house: &House) -> UnitState {
    let directory = house.engine().directory.of(Environment::Test);
    let msn = Msn::try_new("220001").unwrap();
    directory.unit(&msn).unwrap().facts.state.clone()
}

#[tokio::test]
async fn plat_28_faq_78_a_merchant_closes_a_unit_with_bankid() {
    let house = House::new().await;
    let unit = Program::of(&house, UNIT).await;
    let other = Program::of(&house, "/sales-units/test/220002").await;
    unit.initiate("220001", "acme-1").await.ok();
    let body = signed(&house, "deactivate", "220001").await;
    let (status, shown) = act(&house, "deactivate", body).await;
    assert_eq!((status, &shown["active"]), (200, &json!(false)), "{shown}");
    let by = json!({"merchant": {"person": "Ola Nordmann"}});
    let at = "2023-06-13T12:00:00Z";
    assert_eq!(
        shown["state"],
        json!({"state": "deactivated", "by": by, "at": at})
    );
    closed(&unit.initiate("220001", "acme-2").await, "unit.deactivated");
    unit.details("220001", "acme-1").await.ok();
    other.initiate("220002", "acme-1").await.ok();
    let body = signed(&house, "deactivate", "220001").await;
    refused(
        act(&house, "deactivate", body).await,
        409,
        "already_deactivated",
    );
}

#[tokio::test]
async fn plat_30_faq_79_a_merchant_reopens_it_with_bankid_and_all_is_as_before() {
    let house = House::new().await;
    let before = house.get(&format!("{UNIT}/keys")).await;
    let body = signed(&house, "deactivate", "220001").await;
    assert_eq!(act(&house, "deactivate", body).await.0, 200);
    let body = signed(&house, "reactivate", "220001").await;
    let (status, shown) = act(&house, "reactivate", body.clone()).await;
    assert_eq!(
        (status, &shown["state"]),
        (200, &json!({"state": "active"}))
    );
    assert_eq!(house.get(&format!("{UNIT}/keys")).await, before);
    let unit = Program::with(&house, before.1);
    unit.initiate("220001", "acme-1").await.ok();
    // A signature is good for one act.
    refused(
        act(&house, "reactivate", body).await,
        403,
        "bankid_required",
    );
    let body = signed(&house, "reactivate", "220001").await;
    refused(
        act(&house, "reactivate", body).await,
        409,
        "not_deactivated",
    );
}

#[tokio::test]
async fn plat_29_faq_80_without_bankid_nothing_is_closed_or_reopened() {
    let house = House::new().await;
    let named = |id: String| json!({"bankid": id});
    let old = signed(&house, "deactivate", "220001").await;
    house.world.clock.advance(minutes(10));
    let detail = refused(act(&house, "deactivate", old).await, 403, "bankid_required");
    assert!(detail.contains("older than ten minutes"), "{detail}");
    assert_eq!(state(&house), UnitState::Active);

    let house = House::new().await;
    for (what, opposite) in [("deactivate", "reactivate"), ("reactivate", "deactivate")] {
        let rows = [
            (json!({}), "no BankID session was named"),
            (named("nobody's".to_owned()), "no such BankID session"),
            (
                named(session(&house, what, "220001").await),
                "nobody has confirmed",
            ),
            (signed(&house, what, "220002").await, "another sales unit"),
            (signed(&house, opposite, "220001").await, "opposite purpose"),
        ];
        let before = state(&house);
        for (body, words) in rows {
            let detail = refused(act(&house, what, body).await, 403, "bankid_required");
            assert!(detail.contains(words), "{words}: {detail}");
            assert_eq!(state(&house), before, "{words}");
        }
        if what == "deactivate" {
            let body = signed(&house, what, "220001").await;
            assert_eq!(act(&house, what, body.clone()).await.0, 200);
            refused(act(&house, what, body).await, 403, "bankid_required");
        }
    }
    // Nor does customer service reopen what its merchant closed.
    let body = json!({"by": "customer_service"});
    refused(
        act(&house, "reactivate", body).await,
        403,
        "bankid_required",
    );
    assert!(matches!(state(&house), UnitState::Deactivated { .. }));
}

#[tokio::test]
async fn an_idle_unit_is_reopened_by_customer_service_alone() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let at = house.world.now();
    shop.change(|unit| {
        unit.state = UnitState::Deactivated {
            by: ClosedBy::Idle,
            at,
        }
    })
    .await;
    let path = format!("/sales-units/test/{}/reactivate", shop.msn);
    let with_bankid = signed(&house, "reactivate", shop.msn.as_str()).await;
    let detail = refused(house.post(&path, with_bankid).await, 409, "closed_as_idle");
    assert!(detail.contains("customer_service"), "{detail}");
    let body = json!({"by": "customer_service"});
    assert_eq!(house.post(&path, body.clone()).await.0, 200);
    shop.initiate("acme-1", 49_900).await.ok();
    refused(house.post(&path, body).await, 403, "bankid_required");
    let unknown = house.post(&path, json!({"by": "somebody"})).await;
    refused(unknown, 400, "bad_request");
}

#[tokio::test]
async fn sessions_that_make_no_sense_are_refused() {
    let house = House::new().await;
    let new = |name: &str, msn: &str| json!({"person_name": name, "purpose": "deactivate", "environment": "test", "msn": msn});
    let unknown = house.post("/bankid", new("Ola", "999999")).await;
    refused(unknown, 404, "sales_unit_unknown");
    let long = "a".repeat(201);
    refused(
        house.post("/bankid", new(&long, "220001")).await,
        400,
        "bad_request",
    );
    refused(
        house.post("/bankid", new(" ", "220001")).await,
        400,
        "bad_request",
    );
    refused(house.get("/bankid/x").await, 404, "bankid_unknown");
    let confirm = house.post("/bankid/x/confirm", Value::Null).await;
    refused(confirm, 404, "bankid_unknown");
    let id = session(&house, "deactivate", "220001").await;
    house.world.clock.advance(minutes(10));
    let confirm = house
        .post(&format!("/bankid/{id}/confirm"), Value::Null)
        .await;
    refused(confirm, 410, "bankid_expired");
    let house = House::new().await;
    let id = session(&house, "deactivate", "220001").await;
    house.post("/reset", Value::Null).await;
    refused(
        house.get(&format!("/bankid/{id}")).await,
        404,
        "bankid_unknown",
    );
}

/// Visits a session's page as a browser does; `headers` besides the host.
async fn visit(house: &House, method: &str, id: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/bankid/{id}"))
        .header(header::HOST, PORTAL);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = house
        .portal
        .answer(request.body(axum::body::Body::empty()).unwrap())
        .await;
    let status = response.status().as_u16();
    if status != 403 {
        let head = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(head("content-security-policy").starts_with("default-src 'none';"));
        assert_eq!(head("x-frame-options"), "DENY");
        assert_eq!(head("cache-control"), "no-store");
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_person_signs_on_the_page() {
    let house = House::new().await;
    let new = json!({
        "person_name": "Ola <b>Nordmann", "purpose": "deactivate", "environment": "test", "msn": "220001",
    });
    let (_, begun) = house.post("/bankid", new).await;
    let id = text(&begun["id"]);
    for method in ["HEAD", "GET", "GET"] {
        assert_eq!(visit(&house, method, id, &[]).await.0, 200);
    }
    let (_, page) = visit(&house, "GET", id, &[]).await;
    for words in [
        "not BankID. Nobody's identity is checked",
        "width=device-width",
        "deactivate sales unit 220001 demo",
        "Ola &#60;b&#62;Nordmann",
        "<form method=\"post\">",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // Looking is not signing, and what is no page here cannot sign.
    assert_eq!(visit(&house, "POST", id, &[]).await.0, 403);
    let strange = [("origin", "https://evil.example.com")];
    assert_eq!(visit(&house, "POST", id, &strange).await.0, 403);
    assert_eq!(
        visit(&house, "POST", id, &[("sec-fetch-site", "cross-site")])
            .await
            .0,
        403
    );
    refused(
        act(&house, "deactivate", json!({"bankid": id})).await,
        403,
        "bankid_required",
    );
    let own = format!("http://{PORTAL}");
    let (status, page) = visit(&house, "POST", id, &[("origin", &own)]).await;
    assert_eq!(status, 200);
    assert!(page.contains("Signed") && !page.contains("<form"), "{page}");
    assert_eq!(
        act(&house, "deactivate", json!({"bankid": id})).await.0,
        200
    );
    let (status, page) = visit(&house, "GET", id, &[]).await;
    assert_eq!(status, 404);
    assert!(page.contains("used already"), "{page}");
    let id = session(&house, "reactivate", "220001").await;
    house.world.clock.advance(minutes(10));
    for method in ["GET", "POST"] {
        assert_eq!(visit(&house, method, &id, &[("origin", &own)]).await.0, 410);
    }
}

#[tokio::test]
async fn the_page_needs_no_administrators_token() {
    let house = House::with(Some("0123456789abcdef"), true).await;
    assert_eq!(visit(&house, "GET", "x", &[]).await.0, 404);
}
