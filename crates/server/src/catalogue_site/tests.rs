//! The handbook as somebody reads it.

use std::collections::BTreeSet;

use sandkasse_catalogue::Catalogue;
use serde_json::json;

use super::{CHAPTERS, in_order};
use crate::{portal::visitors::Role, testing::House};

#[test]
fn every_page_is_in_a_chapter() {
    let all: BTreeSet<&str> = in_order().map(|it| it.slug.as_str()).collect();
    let pages = Catalogue::get().pages().iter();
    assert_eq!(all, pages.map(|it| it.slug.as_str()).collect());
    assert_eq!(in_order().count(), all.len());
    for (folder, _, about) in CHAPTERS {
        assert!(in_order().any(|it| it.folder() == folder) && about.ends_with('.'));
    }
}

#[tokio::test]
async fn every_page_opens_and_leads_to_the_next() {
    let house = House::new().await;
    let nobody = house.guest(None);
    let front = nobody.get("/catalogue").await.html;
    let mut path = Some(format!("/catalogue/{}", in_order().next().unwrap().slug));
    let mut seen = BTreeSet::new();
    while let Some(here) = path {
        assert!(front.contains(&format!("href=\"{here}\"")), "{here}");
        let page = nobody.get(&here).await;
        assert_eq!(page.status, 200, "{here}");
        assert!(
            !page.html.contains("method=\"post\" action=\"/catalogue"),
            "nobody provokes"
        );
        let next = page.html.split("rel=\"next\" href=\"").nth(1);
        path = next.map(|it| it.split('"').next().unwrap().to_owned());
        assert!(seen.insert(here));
    }
    assert_eq!(seen.len(), Catalogue::get().pages().len());
    assert_eq!(nobody.get("/catalogue/ecom/none").await.status, 404);
}

#[tokio::test]
async fn search_marks_its_hits_and_filters() {
    let house = House::new().await;
    let nobody = house.guest(None);
    let found = nobody.get("/catalogue?q=invalid+msn").await.html;
    assert!(
        found.contains("<mark>Invalid</mark> <mark>MSN</mark>"),
        "{found}"
    );
    let all = found.matches("<li><a href=\"/catalogue/").count();
    let filtered = nobody
        .get("/catalogue?q=invalid+msn&chapter=userinfo&status=401")
        .await
        .html;
    let some = filtered.matches("<li><a href=\"/catalogue/").count();
    assert!(0 < some && some < all, "{some} of {all}");
    assert!(
        filtered.contains("value=\"userinfo\" selected")
            && filtered.contains("<option selected>401")
    );
    let markup = nobody.get("/catalogue?q=%3Cscript%3Ealert(1)%3C/script%3E&chapter=%3Cscript%3E&status=%3Cscript%3E").await;
    assert!(markup.html.contains("alert(1)") && !markup.html.contains("<script>alert"));
}

#[tokio::test]
async fn developers_provoke_a_page_and_follow_its_explanation() {
    let house = House::new().await;
    let path = "/catalogue/ecom/order-not-found/provoke";
    let fields = [("cause", "order.unknown")];
    assert_eq!(
        house
            .guest(Some(Role::Reader))
            .post(path, &fields)
            .await
            .status,
        403
    );
    assert_eq!(house.guest(None).post(path, &fields).await.status, 303);
    let developer = house.guest(Some(Role::Developer));
    let shown = developer.get("/catalogue/ecom/order-not-found").await.html;
    assert!(shown.contains(path));
    let played = developer.post(path, &fields).await;
    assert_eq!(played.status, 200);
    let answer = played.html.split("id=\"played\"").nth(1).unwrap();
    let answer = answer.split("</div>").next().unwrap();
    assert!(
        answer.contains("404") && answer.contains("/explain/") && answer.contains("$TOKEN"),
        "{answer}"
    );
    let unknown = developer.post(path, &[("cause", "<script>")]).await;
    assert_eq!(unknown.status, 404);
    // What cannot be played says so, and a form that asks for it all the same changes nothing.
    let page = developer.get("/catalogue/ecom/order-locked").await.html;
    assert!(page.contains("Not here: "), "{page}");
}

#[tokio::test]
async fn programs_provoke_as_well() {
    let house = House::new().await;
    let path = "/catalogue/ecom/order-not-found/provoke";
    let (status, got) = house.post(path, json!({"cause": "order.unknown"})).await;
    assert_eq!((status, &got["status"]), (200, &json!(404)));
    assert!(got["explain"].as_str().unwrap().contains("/explain/"));
    for (path, cause, status, problem) in [
        (path, "order.locked", 404, "cause_unknown"),
        (
            "/catalogue/ecom/order-locked/provoke",
            "order.locked",
            409,
            "not_provokable",
        ),
    ] {
        let got = house.post(path, json!({"cause": cause})).await;
        assert_eq!((got.0, &got.1["cause"]), (status, &json!(problem)));
    }
}
