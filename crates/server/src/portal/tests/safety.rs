//! What other sites, other hosts and other sessions cannot do.

use super::{Browser, location};
use crate::{
    portal::visitors::Role,
    testing::{House, PORTAL, Seen},
};

/// Everything that changes something at these pages, as a signed-in admin's browser would send it.
const FORMS: [(&str, &str); 8] = [
    ("/sign-in", "user=demo-admin"),
    ("/sign-in/again", "next=/users"),
    ("/users", "name=Mallory&role=admin"),
    ("/users/demo-reader", "role=admin"),
    ("/users/demo-reader/remove", ""),
    ("/users/tokens", "name=Mallory&role=admin"),
    ("/users/tokens/x/revoke", ""),
    ("/sign-out", "everywhere=yes"),
];

fn cause(seen: &Seen) -> String {
    let problem: serde_json::Value = serde_json::from_str(&seen.html).unwrap_or_default();
    problem["cause"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn s_14_forms_of_no_and_of_foreign_origin_do_nothing() {
    let house = House::new().await;
    let admin = Browser::new(&house);
    admin.sign_in("demo-admin", "/units").await;
    let csrf = admin.csrf("/users").await;
    let begun = admin.post("/sign-in", "user=demo-reader").await;
    let signing = location(&begun);
    let control = "/control/v1/reset";
    let users = house.engine().directory.users();
    let own = format!("http://{PORTAL}");
    let rows: [(&[(&str, &str)], &str); 8] = [
        (&[], "origin_missing"),
        (&[("origin", "null")], "origin_foreign"),
        (&[("origin", "https://evil.example.com")], "origin_foreign"),
        (&[("origin", "http://127.0.0.1:3000")], "origin_foreign"),
        (
            &[("origin", "http://127.0.0.1:7482.evil.example.com")],
            "origin_foreign",
        ),
        (&[("sec-fetch-site", "cross-site")], "cross_site"),
        (&[("sec-fetch-site", "same-site")], "cross_site"),
        (&[("sec-fetch-site", "none")], "origin_missing"),
    ];
    for (lines, expected) in rows {
        let extra = [(signing.as_str(), ""), (control, "")];
        for (path, form) in FORMS.into_iter().chain(extra) {
            // Even with what our own pages hold.
            let form = format!("{form}&{csrf}");
            let seen = admin.send("POST", path, lines, &form).await;
            assert_eq!(
                (seen.status, cause(&seen).as_str()),
                (403, expected),
                "{path} {lines:?}"
            );
        }
    }
    // From here, but without what our own pages hold, or with another session's.
    let other = Browser::new(&house);
    other.sign_in("demo-admin", "/units").await;
    let foreign = other.csrf("/users").await;
    for (path, form) in FORMS.into_iter().skip(1) {
        for csrf in ["", "_csrf=", foreign.as_str()] {
            let seen = admin
                .send("POST", path, &[("origin", &own)], &format!("{form}&{csrf}"))
                .await;
            assert_eq!(seen.status, 403, "{path} {csrf}");
            assert!(seen.html.contains("This form is too old"), "{path}");
        }
    }
    assert_eq!(house.engine().directory.users(), users);
    assert!(house.engine().directory.api_tokens().is_empty());
    assert_eq!(admin.get("/users").await.status, 200, "still signed in");
    // The control: from our own page all of it works.
    let form = format!("name=Mallory&role=reader&{csrf}");
    assert_eq!(admin.post("/users", &form).await.status, 303);
    let same = [("sec-fetch-site", "same-origin")];
    let form = format!("name=Eve&role=reader&{csrf}");
    assert_eq!(admin.send("POST", "/users", &same, &form).await.status, 303);
    assert_eq!(house.engine().directory.users().len(), users.len() + 2);
}

#[tokio::test]
async fn s_14_nothing_is_framed_or_runs_that_is_not_ours() {
    let house = House::new().await;
    let admin = Browser::new(&house);
    let begun = admin.post("/sign-in", "user=demo-admin").await;
    let signing = admin.get(&location(&begun)).await;
    admin.sign_in("demo-admin", "/units").await;
    let mut pages = vec![("/bankid".to_owned(), signing)];
    for path in [
        "/",
        "/sign-in",
        "/sign-in/again",
        "/users",
        "/audit",
        "/bankid/nothing",
        "/nothing",
        "/catalogue",
        "/assets/portal.css",
    ] {
        pages.push((path.to_owned(), admin.get(path).await));
    }
    let nobody = Browser::new(&house);
    for path in ["/", "/sign-in", "/users"] {
        pages.push((path.to_owned(), nobody.get(path).await));
    }
    let reader = house.guest(Some(Role::Reader));
    pages.push(("/users as a reader".to_owned(), reader.get("/users").await));
    for (path, seen) in pages {
        let head = |name: &str| {
            let value = seen.headers.get(name);
            value.map_or("", |value| value.to_str().unwrap())
        };
        let policy = head("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(policy.contains("base-uri 'none'"), "{path}");
        assert!(policy.contains("form-action 'self'"), "{path}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{path}"
        );
        assert_eq!(head("x-frame-options"), "DENY", "{path}");
        assert_eq!(head("x-content-type-options"), "nosniff", "{path}");
        for inline in ["<script>", " style=", " onclick=", "javascript:", "<style"] {
            assert!(!seen.html.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn s_15_the_portal_answers_to_its_own_names_only() {
    let house = House::new().await;
    for (host, admitted) in [
        (PORTAL, true),
        ("localhost:7482", true),
        ("[::1]:7482", true),
        ("evil.example.com", false),
        ("127.0.0.1.evil.example.com:7482", false),
        ("10.0.0.1:7482", false),
    ] {
        let browser = Browser::at(&house, "http", host);
        for path in [
            "/",
            "/sign-in",
            "/control/v1/env",
            "/assets/portal.css",
            "/nothing",
        ] {
            let seen = browser.get(path).await;
            assert_eq!(seen.status != 403, admitted, "{host} {path}");
            assert_eq!(cause(&seen) == "host_unknown", !admitted, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn s_15_other_sites_read_nothing_and_send_nothing() {
    let house = House::new().await;
    let admin = Browser::new(&house);
    admin.sign_in("demo-admin", "/units").await;
    let foreign = ("origin", "https://evil.example.com");
    let link = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let fetch = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
    ];
    let frame = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "iframe"),
    ];
    for path in ["/", "/users", "/control/v1/users", "/control/v1/env"] {
        let is_page = !path.starts_with("/control");
        let rows: [(&[(&str, &str)], bool); 5] = [
            (&link, is_page),
            (&fetch, false),
            (&frame, false),
            (&[foreign], false),
            (&[], true),
        ];
        for (lines, admitted) in rows {
            let seen = admin.send("GET", path, lines, "").await;
            assert_eq!(seen.status == 200, admitted, "{path} {lines:?}");
            assert_eq!(seen.status == 403, !admitted, "{path} {lines:?}");
            for name in seen.headers.keys() {
                assert!(!name.as_str().starts_with("access-control-"), "{path}");
            }
        }
        // A preflight is granted nothing either.
        let preflight = [foreign, ("access-control-request-method", "PATCH")];
        for lines in [&preflight[..], &preflight[1..]] {
            let seen = admin.send("OPTIONS", path, lines, "").await;
            assert!(matches!(seen.status, 403 | 405), "{path} {}", seen.status);
            assert!(!seen.headers.contains_key("access-control-allow-origin"));
        }
    }
}
