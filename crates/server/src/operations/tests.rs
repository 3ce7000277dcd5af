//! Health and figures, asked as a watcher would.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, header};
use http_body_util::BodyExt;
use sandkasse_engine::{Settings, SystemClock};
use sandkasse_testkit::{Trouble, TroubledStore, World};
use serde_json::Value;

use super::{figures::figures, metrics::Rows};
use crate::testing::{House, PORTAL, Rules};

/// What is answered at a path of the portal: status, media type and text.
async fn ask(house: &House, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let mut request = Request::get(path);
    let has_host = headers.iter().any(|(name, _)| *name == "host");
    if !has_host {
        request = request.header(header::HOST, PORTAL);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = house.portal.answer(request).await;
    let media = response.headers().get(header::CONTENT_TYPE);
    let media = media.map_or("", |it| it.to_str().unwrap()).to_owned();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, media, String::from_utf8(body.to_vec()).unwrap())
}

/// The samples of a scrape: name and labels as written, with their values.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    pairs.collect()
}

fn repository(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test]
async fn what_is_done_is_counted() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    // As the listener does: through the inspector.
    for path in ["/ecomm/v2/payments/none/details", "/nothing/like/220001"] {
        let request = sandkasse_api::Request {
            method: http::Method::GET,
            path: path.to_owned(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
        };
        let test = sandkasse_domain::Environment::Test;
        house.inspector.answer(test, &request).await;
    }
    shop.initiate("acme-1", 30000).await;
    let (status, media, text) = ask(&house, "/metrics", &[]).await;
    assert_eq!(
        (status, media.as_str()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    let samples = samples(&text);
    let details = "GET /ecomm/v2/payments/{orderId}/details";
    let row = format!(
        "sandkasse_calls_total{{environment=\"test\",api=\"ecom\",operation=\"{details}\",status=\"4xx\"}}"
    );
    assert_eq!(samples[&row], 1.0, "{text}");
    let none = "sandkasse_calls_total{environment=\"test\",api=\"none\",operation=\"no operation\",status=\"4xx\"}";
    assert_eq!(samples[none], 1.0);
    let refused =
        "sandkasse_refusals_total{environment=\"test\",api=\"ecom\",cause=\"subkey.missing\"}";
    assert_eq!(samples[refused], 1.0, "{text}");
    let took = "sandkasse_call_duration_seconds_count{environment=\"test\",api=\"ecom\"}";
    assert_eq!(samples[took], 1.0);
    let last =
        "sandkasse_call_duration_seconds_bucket{le=\"+Inf\",environment=\"test\",api=\"ecom\"}";
    assert_eq!(samples[last], 1.0, "{text}");
    let first =
        "sandkasse_call_duration_seconds_bucket{le=\"0.0001\",environment=\"test\",api=\"ecom\"}";
    assert!(samples.contains_key(first), "{text}");
    assert_eq!(samples["sandkasse_commits_total{outcome=\"made\"}"], 1.0);
    assert_eq!(samples["sandkasse_nodes"], 1.0);
    assert_eq!(samples["sandkasse_rate_limiter_uncounted_total"], 0.0);
    // Something that a caller sent is no label.
    for secret in ["220001", "acme-1", "/nothing", shop.msn.as_str()] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let accepts = [("accept", "application/openmetrics-text; version=1.0.0")];
    let (_, media, _) = ask(&house, "/metrics", &accepts).await;
    assert!(media.starts_with("application/openmetrics-text"), "{media}");
}

#[tokio::test]
async fn names_follow_the_conventions() {
    let house = House::new().await;
    let text = ask(&house, "/metrics", &[]).await.2;
    let figures = figures(&house.control);
    for figure in &figures {
        let name = figure.full_name();
        let plain = |it: char| it.is_ascii_lowercase() || it == '_';
        assert!(name.chars().all(plain), "{name}");
        assert!(
            name.starts_with("sandkasse_") || name.starts_with("process_"),
            "{name}"
        );
        assert!(!figure.help.ends_with('.'), "{name}: a full stop is added");
        assert!(!figure.name.ends_with("_total"), "{name}");
        if let Rows::Histogram(_) = figure.rows {
            let is_time = name.ends_with("_seconds");
            assert!(is_time || name == "sandkasse_store_group_size", "{name}");
        }
        // Where there is nothing to tell, it is described all the same.
        let described = format!("# HELP {} ", name.trim_end_matches("_total"));
        assert!(text.contains(&described), "{described}");
    }
    let names: std::collections::BTreeSet<_> = figures.iter().map(|it| it.full_name()).collect();
    assert_eq!(names.len(), figures.len(), "no two have one name");
}

/// The table of docs/operations.md, as it should be.
fn table(house: &House) -> String {
    let rows = figures(&house.control).into_iter().map(|figure| {
        let kind = match figure.rows {
            Rows::Counter(_) => "counter",
            Rows::Gauge(_) => "gauge",
            Rows::Histogram(_) => "histogram",
        };
        format!("| `{}` | {kind} | {} |\n", figure.full_name(), figure.help)
    });
    rows.collect()
}

#[tokio::test]
async fn the_document_lists_every_figure() {
    let house = House::new().await;
    let (document, table) = (repository("docs/operations.md"), table(&house));
    assert!(
        document.contains(&table),
        "docs/operations.md should hold\n{table}"
    );
}

/// Every figure that a file asks for.
fn asked_for(text: &str) -> Vec<&str> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let words = text.split(|it| !is_part(it));
    let figures = words.filter(|it| it.starts_with("sandkasse_") || it.starts_with("process_"));
    figures.collect()
}

#[tokio::test]
async fn dashboard_and_alerts_ask_for_what_there_is() {
    let house = House::new().await;
    let mut known = Vec::new();
    for figure in figures(&house.control) {
        let name = figure.full_name();
        match figure.rows {
            Rows::Histogram(_) => {
                known.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
            }
            Rows::Counter(_) | Rows::Gauge(_) => known.push(name),
        }
    }
    let dashboard: Value = serde_json::from_str(&repository("ops/grafana/sandkasse.json")).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap().to_owned();
            assert!(!asked_for(&expression).is_empty(), "{expression}");
            queries.push(expression);
        }
    }
    assert!(queries.len() > 20, "{}", queries.len());
    let alerts = repository("ops/prometheus/alerts.yml");
    let expressions = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    let before = queries.len();
    queries.extend(expressions.map(str::to_owned));
    assert!(queries.len() - before > 8, "{alerts}");
    for query in &queries {
        for name in asked_for(query) {
            assert!(known.iter().any(|it| it == name), "{name} in {query}");
        }
    }
    // An alert leads to what can be done about it.
    let document = repository("docs/operations.md");
    let names = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut count = 0;
    for name in names {
        assert!(
            document.contains(&format!("**{name}**")),
            "docs/operations.md: {name}"
        );
        count += 1;
    }
    assert!(count > 8);
}

#[tokio::test]
async fn health_is_open_by_any_name_and_figures_are_not() {
    let token = "a-token-of-many-letters";
    let house = House::under(Rules {
        token: Some(token.to_owned()),
        ..Rules::default()
    })
    .await;
    let pod = ("host", "10.1.2.3:7482");
    let bearer = format!("Bearer {token}");
    let known = ("authorization", bearer.as_str());
    assert_eq!(ask(&house, "/healthz", &[pod]).await.0, 200);
    assert_eq!(ask(&house, "/healthz", &[pod]).await.2, "ok\n");
    let (status, _, text) = ask(&house, "/readyz", &[pod]).await;
    assert_eq!(status, 503, "nobody serves these listeners");
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["ready"], false);
    assert_eq!(told["checks"]["portal"], "accepts no connections");
    assert_eq!(told["checks"]["database"], "ok");
    assert_eq!(ask(&house, "/metrics", &[]).await.0, 401);
    assert_eq!(ask(&house, "/metrics", &[known]).await.0, 200);
    assert_eq!(ask(&house, "/metrics", &[pod, known]).await.0, 403);
}

#[tokio::test]
async fn whoever_drains_is_not_ready() {
    let house = House::new().await;
    let operations = &house.control.operations;
    operations.drain_for(Duration::ZERO, &SystemClock).await;
    let (status, _, text) = ask(&house, "/readyz", &[]).await;
    assert_eq!(status, 503);
    assert!(text.contains("it is about to end"), "{text}");
    assert_eq!(ask(&house, "/healthz", &[]).await.0, 200, "it lives");
    let text = ask(&house, "/metrics", &[]).await.2;
    assert_eq!(samples(&text)["sandkasse_draining"], 1.0);
}

#[tokio::test]
async fn whoever_has_no_database_is_not_ready() {
    let store = Arc::new(TroubledStore::default());
    let world = World::with(store.clone(), Settings::default()).await;
    let house = House::around(world, Rules::default());
    store.set(Trouble::Broken);
    let (status, _, text) = ask(&house, "/readyz", &[]).await;
    assert_eq!(status, 503);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["checks"]["database"], "does not answer");
    // What the store says is for the log.
    assert!(!text.contains("disk"), "{text}");
    store.set(Trouble::None);
    // Nobody keeps a database busy by asking; a moment later it is asked again.
    *house.control.operations.asked.lock().await = None;
    let (_, _, text) = ask(&house, "/readyz", &[]).await;
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["checks"]["database"], "ok");
}
