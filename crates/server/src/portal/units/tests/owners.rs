//! Merchants and partners.

use serde_json::json;

use super::{led, row, says};
use crate::{portal::visitors::Role, testing::House};

const LINKED: &str = "/units/production/330001";

#[tokio::test]
async fn a_link_is_taken_away_made_and_moved() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let other = json!({"name": "Andre Partnere AS", "id": "other"});
    assert_eq!(house.post("/partners", other).await.0, 201);
    let partner = async |id: &str| developer.get(&format!("/partners/production/{id}")).await;
    assert!(partner("demo-partner").await.html.contains(LINKED));
    let link = format!("{LINKED}/partner");
    for (said, words, with) in [
        ("", "Unlinked.", None),
        ("other", "Linked.", Some("other")),
        ("demo-partner", "Linked.", Some("demo-partner")),
    ] {
        let to = led(&developer.post(&link, &[("partner", said)]).await);
        says(&developer.get(&to).await, 200, &[words]);
        for id in ["demo-partner", "other"] {
            let has = partner(id).await.html.contains(LINKED);
            assert_eq!(has, with == Some(id), "{said} {id}");
        }
    }
    let nobody = developer.post(&link, &[("partner", "nobody")]).await;
    says(&nobody, 404, &["no partner"]);
    let test = developer.post("/units/test/220001/partner", &[("partner", "other")]);
    says(&test.await, 409, &["exist in production only"]);
    let reader = house.guest(Some(Role::Reader));
    assert_eq!(reader.post(&link, &[("partner", "")]).await.status, 403);
    let list = reader.get("/partners").await;
    let shown = row(&list, "/partners/production/demo-partner");
    assert!(
        shown.contains("339001") && shown.contains("active"),
        "{shown}"
    );
    let change = json!({"status": "deactivated"});
    house
        .call("PATCH", "/partners/production/demo-partner", change)
        .await;
    says(
        &partner("demo-partner").await,
        200,
        &["Every call with its keys gets error 37"],
    );
}

#[tokio::test]
async fn plat_31_faq_76_a_merchant_stands_here_as_the_register_says() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let merchant = "/merchants/test/310000000";
    says(
        &developer.get(merchant).await,
        200,
        &["It was not asked yet", "/units/test/220001"],
    );
    let deleted = json!({"deleted_on": "2023-06-01"});
    house.call("PUT", "/register/310000000", deleted).await;
    let reader = house.guest(Some(Role::Reader));
    let check = format!("{merchant}/check");
    assert_eq!(reader.post(&check, &[]).await.status, 403);
    let to = led(&developer.post(&check, &[]).await);
    says(
        &developer.get(&to).await,
        200,
        &[
            "was asked just now",
            "2023-06-01",
            "merchant deleted from the register",
        ],
    );
    let unit = developer.get("/units/test/220001").await;
    says(&unit, 200, &["has deleted this organisation"]);
    let list = developer.get("/units?environment=test&q=220001").await;
    assert!(row(&list, "/units/test/220001").contains("deleted from the register"));
    let merchants = developer.get("/merchants?q=sandkasse").await;
    assert!(row(&merchants, merchant).contains("deleted from the register"));
    assert!(!row(&merchants, "/merchants/production/310000000").contains("deleted"));
}
