//! PLAT-64 and FAQ-72: the status pages, their feeds, and who tells what there.

use std::sync::Arc;

use roxmltree::Document;
use sandkasse_domain::{Environment, Timestamp};
use sandkasse_engine::Settings;
use sandkasse_inspect::{EXPLAIN, Explanation, Reader};
use sandkasse_store::{MemoryStore, Store};
use sandkasse_testkit::{Shop, World, minutes};
use serde_json::{Value, json};

use crate::{
    portal::visitors::Role,
    testing::{Guest, House, PORTAL, Rules},
};

const MARKUP: &str = "<script>alert('x')</script> & \"]]>\u{1}";

async fn text_of(guest: &Guest<'_>, path: &str) -> String {
    let seen = guest.get(path).await;
    assert_eq!(seen.status, 200, "{path}");
    seen.html
}

async fn json_of(guest: &Guest<'_>, path: &str) -> Value {
    serde_json::from_str(&text_of(guest, path).await).unwrap()
}

fn opening<'a>(title: &'a str, text: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("kind", "incident"),
        ("impact", "outage"),
        ("title", title),
        ("text", text),
    ]
}

/// Ids, titles, moments and texts of a feed's entries.
fn entries(xml: &str) -> Vec<[String; 4]> {
    let document = Document::parse(xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    let root = document.root_element();
    let is_atom = root.tag_name().name() == "feed";
    let (entry, names) = if is_atom {
        assert_eq!(
            root.tag_name().namespace(),
            Some("http://www.w3.org/2005/Atom")
        );
        ("entry", ["id", "title", "updated", "content"])
    } else {
        ("item", ["guid", "title", "pubDate", "description"])
    };
    let of = |node: roxmltree::Node<'_, '_>, name: &str| {
        let mut found = node
            .children()
            .filter(|it| it.has_tag_name(name) || it.tag_name().name() == name);
        let text = found
            .next()
            .unwrap_or_else(|| panic!("{name}: {xml}"))
            .text();
        assert!(found.next().is_none(), "{name} is there once");
        text.unwrap_or_default().to_owned()
    };
    if is_atom {
        for name in ["id", "title", "updated"] {
            assert!(!of(root, name).is_empty());
        }
        of(root, "updated").parse::<Timestamp>().unwrap();
    }
    let all = document
        .descendants()
        .filter(|it| it.tag_name().name() == entry);
    all.map(|node| names.map(|name| of(node, name))).collect()
}

#[tokio::test]
async fn plat_64_faq_72_an_incident_is_told_in_its_environment_only() {
    let house = House::new().await;
    let (admin, nobody) = (house.guest(Some(Role::Admin)), house.guest(None));
    assert!(
        text_of(&nobody, "/status")
            .await
            .contains("Everything works")
    );
    assert_eq!(
        entries(&text_of(&nobody, "/status/test.atom").await),
        [[""; 4]; 0]
    );
    let opened = admin
        .post(
            "/status/test/incidents",
            &opening("Captures fail", "We look into it."),
        )
        .await;
    assert_eq!(
        (opened.status, &opened.headers["location"]),
        (303, &"/status/test".parse().unwrap())
    );
    let told = json_of(&nobody, "/status/test.json").await;
    assert_eq!(
        (&told["environment"], &told["state"]),
        (&json!("test"), &json!("outage"))
    );
    let incident = &told["incidents"][0];
    assert_eq!(
        (&incident["title"], &incident["open"]),
        (&json!("Captures fail"), &json!(true))
    );
    let id = incident["id"].as_str().unwrap().to_owned();
    let place = format!("http://{PORTAL}/status/test#{id}");
    for form in ["atom", "rss"] {
        let [entry] = entries(&text_of(&nobody, &format!("/status/test.{form}")).await)
            .try_into()
            .unwrap();
        assert_eq!((&entry[0], entry[1].as_str()), (&place, "Captures fail"));
        assert!(
            entry[3].contains("Investigating: We look into it."),
            "{}",
            entry[3]
        );
        let media = &nobody.get(&format!("/status/test.{form}")).await.headers["content-type"];
        assert!(
            media
                .to_str()
                .unwrap()
                .starts_with(&format!("application/{form}+xml"))
        );
    }
    for page in ["", ".json", ".atom", ".rss"] {
        let elsewhere = text_of(&nobody, &format!("/status/production{page}")).await;
        assert!(!elsewhere.contains("Captures fail"), "{page}");
    }
    assert!(text_of(&nobody, "/status").await.contains("Captures fail"));
    // Told on: the entry keeps its id and gets a new moment.
    house.world.clock.advance(minutes(10));
    let path = format!("/status/test/incidents/{id}");
    let update = [("stage", "resolved"), ("text", "Mended.")];
    assert_eq!(admin.post(&path, &update).await.status, 303);
    let [entry] = entries(&text_of(&nobody, "/status/test.atom").await)
        .try_into()
        .unwrap();
    assert_eq!(
        (&entry[0], entry[2].as_str()),
        (&place, "2023-06-13T12:10:00Z")
    );
    assert!(entry[3].find("Resolved: Mended.") < entry[3].find("Investigating"));
    let [entry] = entries(&text_of(&nobody, "/status/test.rss").await)
        .try_into()
        .unwrap();
    assert_eq!(entry[2], "Tue, 13 Jun 2023 12:10:00 GMT");
    assert_eq!(
        json_of(&nobody, "/status/test.json").await["state"],
        "operational"
    );
    let page = text_of(&nobody, "/status/test").await;
    assert!(page.contains("Everything works") && page.contains("Captures fail"));
    // What is over stays as it was told.
    assert_eq!(admin.post(&path, &update).await.status, 409);
}

#[tokio::test]
async fn status_pages_are_for_everybody_and_told_on_by_admins() {
    let house = House::new().await;
    for role in [Role::Reader, Role::Developer] {
        let guest = house.guest(Some(role));
        assert!(
            !text_of(&guest, "/status/test")
                .await
                .contains("<form method=\"post\" action=\"/status")
        );
        let refused = guest
            .post("/status/test/incidents", &opening("a", "b"))
            .await;
        assert_eq!(refused.status, 403);
    }
    let sent_away = house
        .guest(None)
        .post("/status/test/incidents", &opening("a", "b"))
        .await;
    assert_eq!(
        (sent_away.status, &sent_away.headers["location"]),
        (303, &"/sign-in?next=%2Funits".parse().unwrap())
    );
    assert_eq!(house.get("/incidents").await.1, json!({"incidents": []}));
    for path in ["/status/live", "/status/test.xml", "/status/test.json.rss"] {
        assert_eq!(house.guest(None).get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn markup_in_incidents_stays_text() {
    let house = House::new().await;
    let admin = house.guest(Some(Role::Admin));
    admin
        .post("/status/test/incidents", &opening(MARKUP, MARKUP))
        .await;
    let page = text_of(&admin, "/status/test").await;
    assert!(page.contains("alert(") && !page.contains("<script>alert"));
    let kept = MARKUP.replace('\u{1}', "");
    for form in ["atom", "rss"] {
        let [entry] = entries(&text_of(&admin, &format!("/status/test.{form}")).await)
            .try_into()
            .unwrap();
        assert_eq!(entry[1], kept);
        assert!(entry[3].contains(&kept));
    }
    assert_eq!(
        json_of(&admin, "/status/test.json").await["incidents"][0]["title"],
        kept
    );
}

#[tokio::test]
async fn incidents_live_through_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let open = |store: Arc<dyn Store>| async {
        House::around(
            World::with(store, Settings::default()).await,
            Rules::default(),
        )
    };
    let house = open(store.clone()).await;
    let admin = house.guest(Some(Role::Admin));
    admin
        .post("/status/production/incidents", &opening("Down", "For now."))
        .await;
    let before = house.get("/incidents").await;
    assert_eq!(open(store).await.get("/incidents").await, before);
    assert_eq!(before.1["incidents"][0]["environment"], "production");
}

#[tokio::test]
async fn incidents_in_the_control_api() {
    let house = House::new().await;
    let planned = json!({
        "environment": "production", "kind": "maintenance", "impact": "none",
        "title": "New database", "text": "On Sunday.",
    });
    let (status, opened) = house.post("/incidents", planned).await;
    assert_eq!(
        (status, &opened["updates"][0]["stage"]),
        (201, &json!("scheduled"))
    );
    let path = format!(
        "/incidents/production/{}/updates",
        opened["id"].as_str().unwrap()
    );
    let tell = |stage: &str| json!({"stage": stage, "text": "So it is."});
    let (status, problem) = house.post(&path, tell("resolved")).await;
    assert_eq!((status, &problem["cause"]), (400, &json!("bad_request")));
    for (stage, state) in [("in_progress", "maintenance"), ("completed", "operational")] {
        assert_eq!(house.post(&path, tell(stage)).await.0, 200);
        let told = json_of(&house.guest(None), "/status/production.json").await;
        assert_eq!(told["state"], state);
    }
    assert_eq!(
        house.post(&path, tell("completed")).await.1["cause"],
        "incident_over"
    );
    let unknown = house
        .post("/incidents/test/none/updates", tell("resolved"))
        .await;
    assert_eq!(unknown.1["cause"], "incident_unknown");
    let empty = json!({"environment": "test", "title": " ", "text": "x"});
    assert_eq!(house.post("/incidents", empty).await.0, 400);
    // As many as there may be; then the oldest that is over makes room.
    for number in 0..sandkasse_engine::directory::MOST_INCIDENTS {
        let wish =
            json!({"environment": "production", "title": format!("no. {number}"), "text": "x"});
        assert_eq!(house.post("/incidents", wish).await.0, 201, "{number}");
    }
    let (_, list) = house.get("/incidents?environment=production").await;
    assert_eq!(list["incidents"].as_array().unwrap().len(), 200);
    assert!(!list.to_string().contains("New database"));
    let more = json!({"environment": "production", "title": "one more", "text": "x"});
    assert_eq!(
        house.post("/incidents", more).await.1["cause"],
        "too_many_incidents"
    );
}

async fn explained(house: &House, shop: &Shop, fault: &str) -> Explanation {
    let ask = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    let ask = ask.header("Sandkasse-Fault", fault);
    let (answer, _) = house
        .inspector
        .answer(shop.environment, ask.request())
        .await;
    let url = answer.headers[EXPLAIN].to_str().unwrap();
    let address = url.rsplit('/').next().unwrap();
    house
        .inspector
        .explain(address, &Reader::Administrator)
        .await
        .unwrap()
}

#[tokio::test]
async fn faq_72_the_explanation_of_a_500_leads_to_the_status_page_while_an_incident_is_open() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    assert_eq!(
        explained(&house, &shop, "internal-error").await.status_page,
        None
    );
    let wish = json!({"environment": "test", "title": "Captures fail", "text": "x"});
    let (_, opened) = house.post("/incidents", wish).await;
    let link = Some(format!("http://{PORTAL}/status/test"));
    assert_eq!(
        explained(&house, &shop, "internal-error").await.status_page,
        link
    );
    assert_eq!(
        explained(&house, &shop, "too-many-concurrent")
            .await
            .status_page,
        None,
        "429"
    );
    let elsewhere = house
        .world
        .shop(|it| it.environment = Environment::Production)
        .await;
    assert_eq!(
        explained(&house, &elsewhere, "internal-error")
            .await
            .status_page,
        None
    );
    let path = format!("/incidents/test/{}/updates", opened["id"].as_str().unwrap());
    house
        .post(&path, json!({"stage": "resolved", "text": "x"}))
        .await;
    assert_eq!(
        explained(&house, &shop, "internal-error").await.status_page,
        None
    );
}

#[tokio::test]
async fn plat_60_plat_64_a_glitch_shows_there_by_itself_while_it_is_on() {
    let house = House::new().await;
    let guest = house.guest(None);
    for (kind, environment, state) in [
        ("sql-glitch", "test", "degraded"),
        ("outage-502", "test", "outage"),
        ("outage-503", "production", "outage"),
    ] {
        let (_, rule) = house
            .post("/faults", json!({"kind": kind, "environment": environment}))
            .await;
        for (place, state) in [("test", state), ("production", state)] {
            let expected = if place == environment {
                state
            } else {
                "operational"
            };
            let told = json_of(&guest, &format!("/status/{place}.json")).await;
            assert_eq!(told["state"], expected, "{kind} {place}");
        }
        let feed = |form: &str| format!("/status/{environment}.{form}");
        let [atom] = entries(&text_of(&guest, &feed("atom")).await)
            .try_into()
            .unwrap();
        let [rss] = entries(&text_of(&guest, &feed("rss")).await)
            .try_into()
            .unwrap();
        assert_eq!(atom[0], rss[0]);
        // What ends by itself is not told on by hand.
        let admin = house.guest(Some(Role::Admin));
        let id = atom[0].rsplit('#').next().unwrap();
        let path = format!("/status/{environment}/incidents/{id}");
        assert!(
            !text_of(&admin, &format!("/status/{environment}"))
                .await
                .contains(&path)
        );
        assert_eq!(
            admin
                .post(&path, &[("stage", "resolved"), ("text", "x")])
                .await
                .status,
            404
        );
        house
            .call("DELETE", &format!("/faults/{}", rule["id"]), Value::Null)
            .await;
        assert!(entries(&text_of(&guest, &feed("atom")).await).is_empty());
    }
    // One unit's rule is nobody's outage, and nobody is named.
    let shop = house.world.shop(|_| {}).await;
    let rule = json!({"kind": "outage-503", "environment": "test", "msn": shop.msn});
    assert_eq!(house.post("/faults", rule).await.0, 201);
    let told = json_of(&guest, "/status/test.json").await;
    assert_eq!(told["state"], "degraded");
    assert!(!told.to_string().contains(shop.msn.as_str()));
    // A fault that says nothing about the platform is not there.
    house.call("DELETE", "/faults", Value::Null).await;
    house.post("/faults", json!({"kind": "order-locked"})).await;
    assert_eq!(
        json_of(&guest, "/status/test.json").await["state"],
        "operational"
    );
}

#[tokio::test]
async fn programs_ask_for_json() {
    let house = House::new().await;
    for (path, accept, media) in [
        ("/status", "application/json", "application/json"),
        ("/status/test", "application/json", "application/json"),
        (
            "/status/test",
            "text/html,application/json;q=0.9",
            "text/html; charset=utf-8",
        ),
        ("/status.json", "*/*", "application/json"),
    ] {
        let request = http::Request::get(path)
            .header("host", PORTAL)
            .header("accept", accept)
            .body(axum::body::Body::empty())
            .unwrap();
        let answer = house.portal.answer(request).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], media, "{path}");
    }
}
