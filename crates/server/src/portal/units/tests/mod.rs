//! Sales units on the portal, as their merchant's people see and change them.

mod closing;
mod keys;
mod markup;
mod owners;

use serde_json::{Value, json};

use crate::{
    control::tests::Program,
    portal::visitors::Role,
    testing::{Guest, House, Seen},
};

const UNIT: &str = "/units/test/220001";
const LOGIN_ONLY: &str = "/units/test/220004";

/// Where a form led to.
#[track_caller]
fn led(seen: &Seen) -> String {
    assert_eq!(seen.status, 303, "{}", seen.html);
    seen.headers["location"].to_str().unwrap().to_owned()
}

#[track_caller]
fn says(seen: &Seen, status: u16, words: &[&str]) {
    assert_eq!(seen.status, status, "{}", seen.html);
    for word in words {
        assert!(seen.html.contains(word), "{word}: {}", seen.html);
    }
}

/// The row of a table that begins with this link.
#[track_caller]
fn row<'a>(seen: &'a Seen, href: &str) -> &'a str {
    let from = seen.html.find(&format!("<a href=\"{href}\""));
    let rest = &seen.html[from.unwrap_or_else(|| panic!("{href}: {}", seen.html))..];
    &rest[..rest.find("</tr>").unwrap()]
}

/// The value that the page shows for a key.
fn value(seen: &Seen, id: &str) -> String {
    let rest = seen.html.split_once(&format!("id=\"value-{id}\"")).unwrap();
    let rest = rest.1.split_once('>').unwrap().1;
    rest.split_once('<').unwrap().0.to_owned()
}

/// All keys as the keys page shows them.
async fn keys_of(guest: &Guest<'_>, unit: &str) -> Value {
    let seen = guest
        .post(&format!("{unit}/keys"), &[("show", "all")])
        .await;
    assert_eq!(seen.status, 200, "{}", seen.html);
    json!({
        "environment": if unit.contains("/test/") { "test" } else { "production" },
        "msn": value(&seen, "number"),
        "client_id": value(&seen, "client_id"),
        "client_secret": value(&seen, "client_secret"),
        "primary_subscription_key": value(&seen, "primary_subscription_key"),
        "secondary_subscription_key": value(&seen, "secondary_subscription_key"),
    })
}

#[tokio::test]
async fn faq_44_the_portal_lists_keys_units_and_products_of_both_environments() {
    let house = House::new().await;
    let reader = house.guest(Some(Role::Reader));
    let both = reader.get("/units").await;
    says(&both, 200, &["12 sales units"]);
    let direct = row(&both, "/units/test/220002");
    for word in [
        "direct",
        "220002",
        "Sandkasse Demo AS",
        "eCom",
        "Login",
        "reserve",
    ] {
        assert_eq!(direct.contains(word), word != "reserve", "{word}: {direct}");
    }
    let login_only = row(&both, LOGIN_ONLY);
    assert!(login_only.contains("Login") && !login_only.contains("eCom"));
    let production = reader.get("/units?environment=production").await;
    says(
        &production,
        200,
        &["6 sales units", "/units/production/330001", "demo-partner"],
    );
    assert!(!production.html.contains("/units/test/"));
    for (sought, count) in [
        ("nabobutikken", 2),
        ("310000019", 2),
        ("220003", 1),
        ("DIRECT", 2),
        ("no such", 0),
    ] {
        let found = reader
            .get(&format!("/units?q={}", sought.replace(' ', "+")))
            .await;
        let plural = if count == 1 { "" } else { "s" };
        says(&found, 200, &[&format!("{count} sales unit{plural}<")]);
    }
    let one = reader.get(UNIT).await;
    says(
        &one,
        200,
        &[
            "220001",
            "310000000",
            "/payments",
            "/time",
            "/requests?msn=220001",
        ],
    );
    assert!(!one.html.contains("/keys"), "not for a reader");
    let developer = house.guest(Some(Role::Developer));
    says(
        &developer.get(UNIT).await,
        200,
        &["/units/test/220001/keys"],
    );
    let masked = developer.get(&format!("{UNIT}/keys")).await;
    says(
        &masked,
        200,
        &["client_id", "Ocp-Apim-Subscription-Key (secondary)"],
    );
    let (_, keys) = house.get("/sales-units/test/220001/keys").await;
    for (name, is_secret) in [
        ("client_id", false),
        ("client_secret", true),
        ("primary_subscription_key", true),
        ("secondary_subscription_key", true),
    ] {
        let key = keys[name].as_str().unwrap();
        assert_eq!(masked.html.contains(key), !is_secret, "{name}");
    }
    let shown = keys_of(&developer, UNIT).await;
    for name in [
        "msn",
        "client_id",
        "client_secret",
        "secondary_subscription_key",
    ] {
        assert_eq!(shown[name], keys[name], "{name}");
    }
}

#[tokio::test]
async fn ten_thousand_units_are_shown_page_by_page() {
    let house = House::new().await;
    for _ in 0..120 {
        house.world.shop(|_| {}).await;
    }
    let reader = house.guest(Some(Role::Reader));
    let first = reader.get("/units").await;
    says(&first, 200, &["132 sales units, page 1 of 3", "page=2\""]);
    assert_eq!(first.html.matches("<th scope=\"row\">").count(), 50);
    let last = reader.get("/units?page=99").await;
    says(&last, 200, &["page 3 of 3", "page=2\""]);
    assert_eq!(last.html.matches("<th scope=\"row\">").count(), 32);
}

#[tokio::test]
async fn faq_116_the_page_tells_whether_the_landing_page_can_be_skipped() {
    let house = House::new().await;
    let reader = house.guest(Some(Role::Reader));
    for (unit, words) in [(UNIT, "off (error 38)"), ("/units/test/220003", "on")] {
        let seen = reader.get(unit).await;
        let flag = format!("<dt>skipLandingPage</dt><dd>{words}</dd>");
        says(&seen, 200, &[&flag]);
    }
}

#[tokio::test]
async fn faq_83_plat_40_a_unit_made_here_is_usable_at_once() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    says(
        &developer.get("/units/new").await,
        200,
        &["Skip landing page"],
    );
    let made = developer
        .post(
            "/units/new",
            &[
                ("environment", "test"),
                ("name", "Acme socks"),
                ("merchant_name", "Acme AS"),
                ("local_urls", "on"),
                ("skip_landing_page", "on"),
                ("recurring", "on"),
                ("direct_capture", "on"),
            ],
        )
        .await;
    let to = led(&made);
    let unit = to.strip_suffix("/keys?done=made").unwrap();
    let msn = unit.strip_prefix("/units/test/").unwrap();
    assert_eq!(msn.len(), 6);
    says(&developer.get(&to).await, 200, &["these keys work at once"]);
    let keys = keys_of(&developer, unit).await;
    let program = Program::with(&house, keys);
    program.initiate(msn, "acme-1").await.ok();
    let shown = developer.get(unit).await;
    says(
        &shown,
        200,
        &["Acme socks", "Acme AS", "<dd>direct</dd>", "Recurring"],
    );
    // Of a merchant that is there, which keeps its name.
    let fields = [
        ("environment", "production"),
        ("name", "Second"),
        ("orgno", "310000000"),
        ("merchant_name", "Renamed AS"),
        ("partner", "demo-partner"),
        ("login_only", "on"),
    ];
    let to = led(&developer.post("/units/new", &fields).await);
    let shown = developer.get(to.split("/keys").next().unwrap()).await;
    says(
        &shown,
        200,
        &["Sandkasse Demo AS", "/partners/production/demo-partner"],
    );
    says(&shown, 200, &["Order eCom"]);
    for (fields, words) in [
        ([("name", " "), ("orgno", "")], "needs a name"),
        ([("name", "A"), ("orgno", "12")], "no organisation number"),
        (
            [("name", "A"), ("partner", "demo-partner")],
            "exist in production only",
        ),
    ] {
        let refused = developer.post("/units/new", &fields).await;
        assert!((400..500).contains(&refused.status), "{words}");
        assert!(refused.html.contains(words), "{}", refused.html);
        assert!(refused.html.contains("id=\"refused\""));
    }
    let reader = house.guest(Some(Role::Reader));
    assert_eq!(reader.get("/units/new").await.status, 403);
    assert_eq!(
        reader.post("/units/new", &[("name", "A")]).await.status,
        403
    );
}

#[tokio::test]
async fn faq_51_faq_88_payments_are_ordered_and_approved_here() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let program = Program::with(&house, keys_of(&developer, LOGIN_ONLY).await);
    let refused = async |order: &str| {
        let got = program.initiate("220004", order).await;
        let text = "Merchant Not Allowed for Ecommerce Payment";
        got.says(403, "Merchant", "97", text, "unit.login_only");
    };
    refused("acme-1").await;
    says(
        &developer.get(LOGIN_ONLY).await,
        200,
        &["Order eCom (“Vipps på nett”)"],
    );
    let ecom = [("product", "ecom")];
    let reader = house.guest(Some(Role::Reader));
    let orders = format!("{LOGIN_ONLY}/orders");
    assert_eq!(reader.post(&orders, &ecom).await.status, 403);
    let to = led(&developer.post(&orders, &ecom).await);
    says(
        &developer.get(&to).await,
        200,
        &["is ordered", "approve eCom"],
    );
    refused("acme-2").await;
    assert_eq!(developer.post(&orders, &ecom).await.status, 409);
    let to = led(&developer.post(&format!("{orders}/approve"), &ecom).await);
    says(
        &developer.get(&to).await,
        200,
        &["Approved.", "<dd>eCom (“Vipps på nett”), Login</dd>"],
    );
    program.initiate("220004", "acme-3").await.ok();
}

#[tokio::test]
async fn plat_41_a_test_unit_cannot_be_changed_afterwards() {
    let house = House::new().await;
    let developer = house.guest(Some(Role::Developer));
    let shown = developer.get(UNIT).await;
    says(&shown, 200, &["cannot be changed after it was made"]);
    assert!(!shown.html.contains(&format!("{UNIT}/name")));
    let rename = [("name", "Other")];
    for seen in [
        developer.get(&format!("{UNIT}/name")).await,
        developer.post(&format!("{UNIT}/name"), &rename).await,
    ] {
        says(&seen, 409, &["A test sales unit cannot be changed"]);
    }
    says(&developer.get(UNIT).await, 200, &["<h1>demo "]);
    // In production the name can.
    let production = "/units/production/330001";
    says(
        &developer.get(&format!("{production}/name")).await,
        200,
        &["value=\"demo\""],
    );
    let to = led(&developer.post(&format!("{production}/name"), &rename).await);
    says(&developer.get(&to).await, 200, &["<h1>Other "]);
    let blank = developer
        .post(&format!("{production}/name"), &[("name", " ")])
        .await;
    says(&blank, 400, &["The name is empty"]);
}

#[tokio::test]
async fn nobody_sees_these_pages_without_a_session() {
    let house = House::new().await;
    let (nobody, reader) = (house.guest(None), house.guest(Some(Role::Reader)));
    let unit = |rest: &str| format!("{UNIT}{rest}");
    for (path, for_readers) in [
        ("/units".to_owned(), 200),
        ("/units/new".to_owned(), 403),
        (unit(""), 200),
        (unit("/keys"), 403),
        (unit("/keys/env"), 403),
        (unit("/keys/client_secret/regenerate"), 403),
        (unit("/name"), 403),
        (unit("/deactivate"), 403),
        (unit("/reactivate"), 403),
        (unit("/payments"), 200),
        (unit("/payments/acme-1"), 404),
        ("/units/test/999999".to_owned(), 404),
        ("/units/moon/220001".to_owned(), 404),
        ("/merchants".to_owned(), 200),
        ("/merchants/test/310000000".to_owned(), 200),
        ("/merchants/test/310000001".to_owned(), 404),
        ("/partners".to_owned(), 200),
        ("/partners/production/demo-partner".to_owned(), 200),
        ("/partners/production/nobody".to_owned(), 404),
        ("/partners/production/demo-partner/keys".to_owned(), 403),
    ] {
        let seen = nobody.get(&path).await;
        assert!(led(&seen).starts_with("/sign-in?next="), "{path}");
        assert_eq!(reader.get(&path).await.status, for_readers, "{path}");
    }
    for path in [
        "/sign",
        "/reopen",
        "/partner",
        "/orders",
        "/keys",
        "/deactivate",
    ] {
        let seen = nobody.post(&unit(path), &[]).await;
        assert!(led(&seen).starts_with("/sign-in?next="), "{path}");
    }
}
