//! Merchants, and the Business register that closes them.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use super::{Program, closed, refused};
use crate::testing::{House, PORTAL};

/// A merchant of the demo data with one unit, and one of five.
const SMALL: &str = "310000019";
const LARGE: &str = "310000000";

async fn write(house: &House, orgno: &str, row: Value) -> Value {
    let (status, row) = house.call("PUT", &format!("/register/{orgno}"), row).await;
    assert_eq!(status, 200, "{row}");
    row
}

async fn check(house: &House, which: Value) -> Value {
    let (status, checked) = house.post("/register/check", which).await;
    assert_eq!(status, 200, "{checked}");
    checked
}

async fn standing(house: &House, environment: &str, orgno: &str) -> Value {
    let (status, merchant) = house
        .get(&format!("/merchants/{environment}/{orgno}"))
        .await;
    assert_eq!(status, 200, "{merchant}");
    merchant["standing"].clone()
}

#[tokio::test]
async fn plat_31_faq_76_a_deleted_organisation_takes_no_payments() {
    let house = House::new().await;
    let (_, unwritten) = house.get(&format!("/register/{LARGE}")).await;
    assert_eq!(
        (&unwritten["written"], &unwritten["form"]),
        (&json!(false), &json!("AS"))
    );
    let row = write(&house, LARGE, json!({"deleted_on": "2023-06-01"})).await;
    assert_eq!(
        (
            &row["name"],
            &row["form"],
            &row["deleted_on"],
            &row["written"]
        ),
        (
            &json!("Sandkasse Demo AS"),
            &json!("AS"),
            &json!("2023-06-01"),
            &json!(true)
        )
    );
    let units = ["220001", "220002"];
    for msn in units {
        let unit = Program::of(&house, &format!("/sales-units/test/{msn}")).await;
        unit.initiate(msn, "acme-1").await.ok();
    }
    let checked = check(&house, json!({})).await;
    assert_eq!(
        (&checked["asked"], &checked["noted"]),
        (&json!(4), &json!(4)),
        "the first time all is new"
    );
    let closing = json!({
        "environment": "test", "orgno": LARGE, "before": "active", "standing": "deleted_from_register",
    });
    let mut elsewhere = closing.clone();
    elsewhere["environment"] = "production".into();
    assert_eq!(checked["changed"], json!([closing, elsewhere]));
    for msn in units {
        let unit = Program::of(&house, &format!("/sales-units/test/{msn}")).await;
        closed(
            &unit.initiate(msn, "acme-2").await,
            "merchant.register_deleted",
        );
        unit.details(msn, "acme-1").await.ok();
    }
    let (_, merchant) = house.get(&format!("/merchants/production/{LARGE}")).await;
    assert_eq!(merchant["standing"], "deleted_from_register");
    assert_eq!(
        merchant["register"],
        json!({
            "name": "Sandkasse Demo AS", "form": "AS", "deleted_on": "2023-06-01",
            "asked_at": "2023-06-13T12:00:00Z",
        })
    );
    let other = Program::of(&house, "/sales-units/test/220006").await;
    other.initiate("220006", "acme-1").await.ok();
    // It is never reopened by the register, and a second look is nothing new.
    assert_eq!(check(&house, json!({})).await["noted"], 0);
    write(&house, LARGE, json!({})).await;
    let checked = check(&house, json!({"environment": "test"})).await;
    assert_eq!(
        (&checked["asked"], &checked["noted"], &checked["changed"]),
        (&json!(2), &json!(1), &json!([]))
    );
    assert_eq!(
        standing(&house, "test", LARGE).await,
        "deleted_from_register"
    );
}

#[tokio::test]
async fn plat_32_faq_77_another_form_is_another_merchant() {
    let house = House::new().await;
    let unit = Program::of(&house, "/sales-units/test/220006").await;
    write(&house, SMALL, json!({"form": "ENK"})).await;
    let one = json!({"orgno": SMALL, "environment": "test"});
    let checked = check(&house, one).await;
    assert_eq!(
        (&checked["asked"], &checked["changed"][0]["standing"]),
        (&json!(1), &json!("form_changed"))
    );
    closed(
        &unit.initiate("220006", "acme-1").await,
        "merchant.register_form_changed",
    );
    assert_eq!(
        standing(&house, "production", SMALL).await,
        "active",
        "it was not asked about"
    );
    // A new agreement in the new form puts it in order, and the register agrees.
    let change = json!({"form": "ENK", "standing": "active"});
    let path = format!("/merchants/test/{SMALL}");
    assert_eq!(house.call("PATCH", &path, change).await.0, 200);
    check(&house, json!({"environment": "test"})).await;
    unit.initiate("220006", "acme-1").await.ok();
}

#[tokio::test]
async fn faq_86_a_merchant_that_confirms_nothing_takes_no_payments() {
    let house = House::new().await;
    let unit = Program::of(&house, "/sales-units/test/220006").await;
    let path = format!("/merchants/test/{SMALL}");
    let change = json!({"standing": "unconfirmed", "name": "Nabo AS"});
    let (status, merchant) = house.call("PATCH", &path, change).await;
    assert_eq!(
        (status, &merchant["standing"], &merchant["name"]),
        (200, &json!("unconfirmed"), &json!("Nabo AS"))
    );
    closed(
        &unit.initiate("220006", "acme-1").await,
        "merchant.unconfirmed",
    );
    house
        .call("PATCH", &path, json!({"standing": "active"}))
        .await;
    unit.initiate("220006", "acme-1").await.ok();
}

#[tokio::test]
async fn merchants_are_listed_with_their_units() {
    let house = House::new().await;
    let (_, list) = house.get("/merchants?environment=test").await;
    let merchants = list["merchants"].as_array().unwrap();
    assert_eq!(merchants.len(), 2);
    assert_eq!(
        merchants[1],
        house.get(&format!("/merchants/test/{SMALL}")).await.1
    );
    assert_eq!(
        merchants[1],
        json!({
            "environment": "test", "orgno": SMALL, "name": "Nabobutikken AS", "form": "AS",
            "standing": "active", "register": null, "sales_units": ["220006"],
        })
    );
    refused(
        house.get("/merchants/test/999999999").await,
        404,
        "merchant_unknown",
    );
    let path = format!("/merchants/test/{SMALL}");
    for wrong in [
        json!({"name": ""}),
        json!({"form": "as"}),
        json!({"standing": "good"}),
        json!({"orgno": LARGE}),
    ] {
        refused(house.call("PATCH", &path, wrong).await, 400, "bad_request");
    }
}

#[tokio::test]
async fn the_register_can_be_written_for_anybody() {
    let house = House::new().await;
    refused(
        house.get("/register/999999999").await,
        404,
        "organisation_unknown",
    );
    let put = |body| house.call("PUT", "/register/999999999", body);
    refused(put(json!({"form": "ENK"})).await, 400, "bad_request");
    refused(
        put(json!({"name": "A", "form": "enk"})).await,
        400,
        "bad_request",
    );
    refused(
        put(json!({"name": "A", "deleted_on": "yesterday"})).await,
        400,
        "bad_request",
    );
    refused(
        house.call("PUT", "/register/1", json!({"name": "A"})).await,
        400,
        "bad_request",
    );
    assert_eq!(
        write(&house, "999999999", json!({"name": "A"})).await["form"],
        "AS"
    );
    // What the store keeps is the same; what is left out of a row stays, but for the deletion.
    write(
        &house,
        "999999999",
        json!({"form": "ENK", "deleted_on": "2023-01-02"}),
    )
    .await;
    house.engine().directory.reload().await.unwrap();
    let (_, row) = house.get("/register/999999999").await;
    assert_eq!(
        (&row["name"], &row["form"], &row["deleted_on"]),
        (&json!("A"), &json!("ENK"), &json!("2023-01-02"))
    );
    assert_eq!(
        write(&house, "999999999", json!({})).await["deleted_on"],
        Value::Null
    );
    let nobody = house
        .post("/register/check", json!({"orgno": "999999999"}))
        .await;
    refused(nobody, 404, "merchant_unknown");
    house.post("/reset", Value::Null).await;
    refused(
        house.get("/register/999999999").await,
        404,
        "organisation_unknown",
    );
}

/// Asks as a stranger does: without the administrator's token.
async fn public(house: &House, orgno: &str) -> (u16, Value) {
    let request = Request::get(format!("/enhetsregisteret/api/enheter/{orgno}"))
        .header("host", PORTAL)
        .body(Body::empty());
    house.send(request.unwrap()).await
}

#[tokio::test]
async fn the_built_in_register_speaks_as_the_public_one() {
    let house = House::with(Some("0123456789abcdef"), true).await;
    let api = format!("http://{PORTAL}/enhetsregisteret/api");
    let form = json!({
        "kode": "AS", "beskrivelse": "Aksjeselskap",
        "_links": {"self": {"href": format!("{api}/organisasjonsformer/AS")}},
    });
    let links = json!({"self": {"href": format!("{api}/enheter/{SMALL}")}});
    assert_eq!(
        public(&house, SMALL).await,
        (
            200,
            json!({
                "respons_klasse": "Enhet", "organisasjonsnummer": SMALL, "navn": "Nabobutikken AS",
                "organisasjonsform": form, "registreringsdatoEnhetsregisteret": "1995-02-19", "_links": links,
            })
        )
    );
    assert_eq!(public(&house, "999999999").await.0, 404);
    let house = House::new().await;
    write(&house, SMALL, json!({"deleted_on": "2023-06-01"})).await;
    assert_eq!(
        public(&house, SMALL).await,
        (
            200,
            json!({
                "respons_klasse": "SlettetEnhet", "organisasjonsnummer": SMALL, "navn": "Nabobutikken AS",
                "organisasjonsform": form, "slettedato": "2023-06-01", "_links": links,
            })
        )
    );
}
