//! The list, its filters and pages; one call.

use sandkasse_domain::{Environment, sales_unit::RateLimits};
use serde_json::json;

use super::*;

fn rows(html: &str) -> usize {
    html.matches("<tr id=").count()
}

#[tokio::test]
async fn filters_show_what_fits_and_can_be_shared() {
    let house = House::new().await;
    let (one, other) = (
        house.world.shop(|_| {}).await,
        house.world.shop(|_| {}).await,
    );
    made(&house, initiate(&one, "acme-1").await).await;
    made(&house, initiate(&other, "other-1").await).await;
    let wrong = initiate(&one, "acme-2")
        .await
        .header(SUBSCRIPTION_KEY, "nonsense");
    made(&house, wrong).await;
    made(
        &house,
        house.world.ask(Environment::Production, "GET", "/nowhere"),
    )
    .await;
    let msn = &one.msn;
    for (query, expected) in [
        (String::new(), 4),
        ("environment=production".to_owned(), 1),
        (format!("msn={msn}"), 1),
        (format!("msn={msn}&environment=production"), 0),
        ("status=401".to_owned(), 1),
        ("refused=on".to_owned(), 2),
        ("cause=subkey.unknown".to_owned(), 1),
        ("text=acme-".to_owned(), 2),
        ("text=acme-&refused=on".to_owned(), 1),
        ("operation=POST+%2Fecomm%2Fv2%2Fpayments".to_owned(), 3),
        ("operation=no+operation".to_owned(), 1),
        (
            "environment=&msn=&operation=&status=&cause=&text=".to_owned(),
            4,
        ),
    ] {
        let html = seen(&house, &format!("/requests?{query}")).await;
        assert_eq!(rows(&html), expected, "{query}");
    }
    let html = seen(&house, "/requests?msn=12&status=x&environment=moon").await;
    for fault in [
        "“12” is no sales unit",
        "“x” is no status",
        "no environment “moon”",
    ] {
        assert!(html.contains(fault), "{fault}");
    }
    let html = seen(&house, "/requests?text=acme-&refused=on").await;
    assert!(html.contains("value=\"acme-\"") && html.contains("name=\"refused\" checked"));
    assert!(
        html.contains("/requests.har?refused=on&#38;text=acme-"),
        "{html}"
    );
    // Nobody reads it unasked.
    let nobody = house.guest(None);
    for path in [
        "/requests",
        "/requests/events",
        "/requests/check",
        "/dashboard",
        "/requests.har",
    ] {
        assert_eq!(nobody.get(path).await.status, 303, "{path}");
    }
}

#[tokio::test]
async fn older_pages_go_on_without_gap_or_repetition() {
    let house = House::new().await;
    for number in 0..130 {
        let path = format!("/nowhere/{number}/");
        made(&house, house.world.ask(Environment::Test, "GET", &path)).await;
    }
    let (mut path, mut all) = ("/requests".to_owned(), Vec::new());
    loop {
        let html = seen(&house, &path).await;
        let found = html.split("/nowhere/").skip(1);
        all.extend(found.map(|it| it.split('/').next().unwrap().parse::<u32>().unwrap()));
        assert_eq!(html.contains("data-events"), path == "/requests");
        match html.split("rel=\"next\" href=\"").nth(1) {
            Some(rest) => path = rest.split('"').next().unwrap().replace("&#38;", "&"),
            None => break,
        }
    }
    assert_eq!(all, (0..130).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn faq_69_the_page_shows_the_failed_request_beside_the_valid_one() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let mut body = shop.initiate_body("acme-1", 49_900);
    let number: u32 = shop.msn.as_str().parse().unwrap();
    body["merchantInfo"]["merchantSerialNumber"] = json!(number);
    let ask = shop.ask("POST", "/ecomm/v2/payments").await.json(&body);
    let record = made(&house, ask).await;
    let html = seen(&house, &format!("/requests/{}", address(&house, &record))).await;
    assert!(html.contains("Beside a valid one"));
    let wrong = format!("<del>    &#34;merchantSerialNumber&#34;: {number}</del>");
    let right = format!("<ins>    &#34;merchantSerialNumber&#34;: &#34;{number}&#34;</ins>");
    let same = "<td>    &#34;orderId&#34;: &#34;acme-1&#34;,</td>";
    for line in [wrong.as_str(), right.as_str(), same] {
        assert!(html.contains(line), "{line} in {html}");
    }
    // The one difference is the only one that is marked.
    assert_eq!(html.matches("<del>").count(), 1);
    // The gate: what passed, what failed, and what was not reached.
    assert!(html.contains("<li class=\"passed\"><strong>access token</strong>"));
    assert!(html.contains("<li class=\"failed\"><strong>body</strong>"));
    assert!(html.contains("<li class=\"unreached\"><strong>rules</strong>"));
    for part in [
        "FAQ-65",
        "/catalogue/ecom/internal-error",
        "$SUBSCRIPTION_KEY",
        "Expected and received",
    ] {
        assert!(html.contains(part), "{part}");
    }
    let keys = shop.keys();
    for secret in [&keys.primary, &keys.client_secret] {
        assert!(!html.contains(secret.as_str()));
    }
    // A success has its checks, too, and nothing to mend.
    let record = made(&house, initiate(&shop, "acme-1").await).await;
    let html = seen(&house, &format!("/requests/{}", address(&house, &record))).await;
    assert!(
        html.contains("<li class=\"passed\"><strong>fields</strong>")
            && !html.contains("unreached")
    );
    assert!(!html.contains("What to change"));
    let gone = house.guest(Some(Role::Reader)).get("/requests/0-0").await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn plat_62_failed_calls_are_counted_by_operation_and_status() {
    let house = House::new().await;
    let shop = house
        .world
        .shop(|it| it.rate_limits = RateLimits::Off)
        .await;
    made(&house, initiate(&shop, "acme-1").await).await;
    for _ in 0..3 {
        let wrong = initiate(&shop, "acme-2")
            .await
            .header(SUBSCRIPTION_KEY, "nonsense");
        made(&house, wrong).await;
    }
    made(
        &house,
        house.world.ask(Environment::Production, "GET", "/nowhere"),
    )
    .await;
    let (status, told) = house.get("/dashboard?span=1h").await;
    assert_eq!(status, 200);
    let test = &told["environments"][0];
    assert_eq!(
        (&test["all"]["calls"], &test["all"]["errors"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(told["environments"][1]["all"]["errors"], 1);
    let operation = &test["operations"][0];
    assert_eq!(operation["operation"], "POST /ecomm/v2/payments");
    assert_eq!(
        (&operation["calls"], &operation["errors"]),
        (&json!(4), &json!(3))
    );
    let cause = &test["causes"][0];
    assert_eq!(
        (&cause["cause"], &cause["status"], &cause["errors"]),
        (&json!("subkey.unknown"), &json!(401), &json!(3))
    );
    assert_eq!(told["starts"].as_array().unwrap().len(), 60);
    assert_eq!(
        cause["errors_by_step"][59], 3,
        "at once, not after ten minutes"
    );
    for span in ["1h", "6h", "24h", "7d", "nonsense"] {
        let html = seen(&house, &format!("/dashboard?span={span}")).await;
        assert!(html.contains("4 calls, 3 refused (75.0 %)"), "{span}");
        let link = "/requests?environment=test&#38;operation=POST+%2Fecomm%2Fv2%2Fpayments&#38;cause=subkey.unknown";
        assert!(html.contains(link), "{html}");
    }
    // Where the link leads.
    let html = seen(
        &house,
        "/requests?environment=test&operation=POST+%2Fecomm%2Fv2%2Fpayments&cause=subkey.unknown",
    )
    .await;
    assert_eq!(rows(&html), 3);
    // Also those that came too fast to be written down.
    let details = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    for _ in 0..1100 {
        house
            .inspector
            .answer(Environment::Test, details.request())
            .await;
    }
    assert!(house.inspector.journal.fill().passed_over > 0);
    let (_, told) = house.get("/dashboard").await;
    assert_eq!(told["environments"][0]["all"]["calls"], 1104);
    house.post("/reset", serde_json::Value::Null).await;
    let (_, told) = house.get("/dashboard").await;
    assert_eq!(told["environments"][0]["all"]["calls"], 0);
}
