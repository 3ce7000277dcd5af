//! Every route of the portal's listener, as everybody.

use std::{fs, path::Path};

use axum::body::Body;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{Need, need};
use crate::{
    portal::{
        is_program,
        visitor::{COOKIE, CSRF},
        visitors::{Account, Role},
    },
    testing::{House, PORTAL, Rules},
};

const ADMIN_TOKEN: &str = "the-administrators-token";

/// Somebody's role, and the headers by which they are known.
type Asking = (Option<Role>, Vec<(&'static str, String)>);

/// What stands where a route has a name in braces.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        match part.trim_matches(|it| it == '{' || it == '}') {
            "environment" => "test",
            "msn" => "220001",
            "phone" => "41000001",
            "key" => "client_secret",
            "orgno" => "310000000",
            named if part.starts_with('{') && !named.is_empty() => "nothing",
            plain => plain,
        }
        .to_owned()
    });
    parts.collect::<Vec<_>>().join("/")
}

/// All operations of the generated description.
async fn operations(house: &House) -> Vec<(Method, String)> {
    let ask = Request::get("/control/v1/openapi.json")
        .header(header::HOST, PORTAL)
        .header(header::AUTHORIZATION, format!("Bearer {ADMIN_TOKEN}"));
    let (_, api) = house.send(ask.body(Body::empty()).unwrap()).await;
    let beside = ["/control/v1/openapi.json", "/metrics"];
    let mut all = beside.map(|path| (Method::GET, path.to_owned())).to_vec();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase().parse().unwrap();
            all.push((method, path.clone()));
        }
    }
    assert!(all.len() > 60, "{}", all.len());
    all
}

/// The role that an operation should ask for, told by what it is rather than from the table.
fn expected(method: &Method, path: &str) -> Role {
    let Some(path) = path.strip_prefix("/control/v1/") else {
        return Role::Reader;
    };
    let (kind, rest) = path.split_once('/').unwrap_or((path, ""));
    let looks = *method == Method::GET;
    match kind {
        "users" | "tokens" | "audit" | "reset" | "doctor" | "export" => Role::Admin,
        "sales-units" if rest.ends_with("/snapshot") => Role::Developer,
        "incidents" if !looks => Role::Admin,
        "check-keys" | "verify-webhook" => Role::Reader,
        "office-keys" if !looks || !rest.is_empty() => Role::Admin,
        "partners" | "psps" if !looks || rest.contains("/keys") => Role::Admin,
        "register" if !looks && rest != "check" => Role::Admin,
        "env" | "bankid" => Role::Developer,
        _ if looks && !rest.contains("/keys") => Role::Reader,
        _ => Role::Developer,
    }
}

async fn guarded() -> House {
    House::under(Rules {
        token: Some(ADMIN_TOKEN.to_owned()),
        ..Rules::default()
    })
    .await
}

/// A session's cookie and what its forms send.
fn session(house: &House, role: Role) -> (String, String) {
    let (visitors, now) = (&house.control.visitors, house.engine().clock.now());
    let account = Account::Outside(format!("{role}"));
    let secret = visitors.sign_in(account, "Kari".to_owned(), role, now);
    let csrf = visitors.of(&secret, now).unwrap().csrf;
    (format!("{COOKIE}={secret}"), csrf)
}

#[tokio::test]
async fn s_20_every_operation_as_everybody() {
    let house = guarded().await;
    let mut tokens = Vec::new();
    for role in Role::ALL {
        let new = json!({"name": format!("a {role}"), "role": role}).to_string();
        let ask = Request::post("/control/v1/tokens")
            .header(header::HOST, PORTAL)
            .header(header::AUTHORIZATION, format!("Bearer {ADMIN_TOKEN}"));
        let (status, made) = house.send(ask.body(Body::from(new)).unwrap()).await;
        assert_eq!(status, 201, "{made}");
        tokens.push((role, made["token"].as_str().unwrap().to_owned()));
    }
    tokens.push((Role::Admin, ADMIN_TOKEN.to_owned()));
    let own = format!("http://{PORTAL}");
    let mut asked = 0;
    for (method, path) in operations(&house).await {
        assert_eq!(
            need(&method, &path),
            Some(Need::AtLeast(expected(&method, &path))),
            "{method} {path}: rights/table.rs says who may use it"
        );
        let needed = expected(&method, &path);
        let mut callers: Vec<Asking> = vec![
            (None, vec![]),
            (None, vec![("authorization", "Bearer wrong".to_owned())]),
            (None, vec![("cookie", format!("{COOKIE}=wrong"))]),
        ];
        for (role, token) in &tokens {
            let line = ("authorization", format!("Bearer {token}"));
            callers.push((Some(*role), vec![line]));
        }
        for role in Role::ALL {
            let (cookie, _) = session(&house, role);
            let lines = vec![("cookie", cookie), ("origin", own.clone())];
            callers.push((Some(role), lines));
        }
        for (role, lines) in callers {
            let mut request = Request::builder()
                .method(&method)
                .uri(filled(&path))
                .header(header::HOST, PORTAL);
            for (name, value) in &lines {
                request = request.header(*name, value);
            }
            let (status, body) = house.send(request.body(Body::empty()).unwrap()).await;
            let got = match body["cause"].as_str() {
                Some("token_required") => "nobody",
                Some("role_required") => "too little",
                Some("rule_missing" | "origin_missing") => panic!("{method} {path}: {body}"),
                _ => "allowed",
            };
            let wanted = match role {
                None => "nobody",
                Some(role) if role < needed => "too little",
                Some(_) => "allowed",
            };
            assert_eq!(got, wanted, "{method} {path} as {role:?}: {status} {body}");
            let refused = matches!((got, status), ("nobody", 401) | ("too little", 403));
            assert!(refused || got == "allowed", "{status} {body}");
            asked += 1;
        }
    }
    assert!(asked > 600, "{asked}");
}

/// The routes that pages are at, as the sources name them.
fn pages() -> Vec<(Method, String)> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![
        sources.join("catalogue_site.rs"),
        sources.join("register/stand_in.rs"),
        sources.join("bankid/page.rs"),
        sources.join("operations/mod.rs"),
    ];
    let mut folders = vec![sources.join("portal")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                files.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for chunk in text.split(".route(").skip(1) {
            let Some(chunk) = chunk.trim_start().strip_prefix('"') else {
                continue;
            };
            let (path, rest) = chunk.split_once('"').unwrap();
            let end = rest.find([';', '}']).unwrap_or(rest.len());
            let here = &rest[..end];
            for (word, method) in [("get(", Method::GET), ("post(", Method::POST)] {
                let is_there = here.match_indices(word).any(|(at, _)| {
                    here[..at].ends_with(|it: char| !it.is_alphanumeric() && it != '_')
                });
                if is_there {
                    found.push((method, path.to_owned()));
                }
            }
        }
    }
    assert!(found.len() > 15, "{found:?}");
    // And those of the table, since some routes are put together from parts.
    for route in super::table::RULES.iter().flat_map(|(_, routes)| *routes) {
        let (method, path) = route.split_once(' ').unwrap();
        if !path.ends_with('*') {
            found.push((method.parse().unwrap(), path.to_owned()));
        }
    }
    found.retain(|(_, path)| !is_program(path));
    found
}

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Shown,
    SentToSignIn,
    Refused,
    NoSuchPage,
}

async fn visit(house: &House, method: &Method, path: &str, role: Option<Role>) -> Got {
    let mut request = Request::builder()
        .method(method)
        .uri(filled(path))
        .header(header::HOST, PORTAL)
        .header(header::ORIGIN, format!("http://{PORTAL}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let mut body = String::new();
    if let Some(role) = role {
        let (cookie, csrf) = session(house, role);
        request = request.header(header::COOKIE, cookie);
        body = format!("{CSRF}={csrf}");
    }
    let request = request.body(Body::from(body)).unwrap();
    let response = house.portal.answer(request).await;
    let to = response.headers().get(header::LOCATION);
    let to_sign_in = to.is_some_and(|to| to.to_str().unwrap().starts_with("/sign-in?"));
    if to_sign_in {
        return Got::SentToSignIn;
    }
    if response.status() == 404 {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        return if text.contains("There is no such page. The navigation above") {
            Got::NoSuchPage
        } else {
            Got::Shown
        };
    }
    if response.status() == 403 {
        // Only then: some answers go on for ever.
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(!text.contains("rule_missing"), "{method} {path}");
        return if text.contains("Not with your role") {
            Got::Refused
        } else {
            Got::Shown
        };
    }
    Got::Shown
}

#[tokio::test]
async fn s_20_every_page_as_everybody() {
    let house = House::new().await;
    for (method, path) in pages() {
        if visit(&house, &method, &path, Some(Role::Admin)).await == Got::NoSuchPage {
            continue;
        }
        let needed = need(&method, &path).unwrap_or_else(|| {
            panic!("{method} {path}: rights/table.rs does not say who may use it")
        });
        let nobody = visit(&house, &method, &path, None).await;
        let wanted = match needed {
            Need::Anyone => Got::Shown,
            Need::AtLeast(_) => Got::SentToSignIn,
        };
        assert_eq!(nobody, wanted, "{method} {path} as nobody");
        for role in Role::ALL {
            let wanted = match needed {
                Need::AtLeast(least) if role < least => Got::Refused,
                Need::AtLeast(_) | Need::Anyone => Got::Shown,
            };
            let got = visit(&house, &method, &path, Some(role)).await;
            assert_eq!(got, wanted, "{method} {path} as {role}");
        }
    }
}

#[test]
fn without_a_session_only_these_pages_are_open() {
    let open = [
        "/",
        "/assets/",
        "/bankid/",
        "/catalogue",
        "/dwo-api-application/",
        "/enhetsregisteret/",
        "/favicon.ico",
        "/healthz",
        "/phone",
        "/readyz",
        "/sign-in",
        "/status",
    ];
    for (method, path) in pages() {
        if need(&method, &path) == Some(Need::Anyone) {
            let is_open = open.iter().any(|beginning| {
                path == *beginning || (*beginning != "/" && path.starts_with(beginning))
            });
            assert!(is_open, "{method} {path}");
        }
    }
    assert_eq!(need(&Method::GET, "/nothing"), None);
    assert_eq!(need(&Method::POST, "/"), None);
    assert_eq!(need(&Method::DELETE, "/control/v1/nothing"), None);
}

#[tokio::test]
async fn on_this_machine_alone_nobody_needs_a_credential_and_a_wrong_one_is_refused() {
    let house = House::new().await;
    assert_eq!(house.post("/reset", Value::Null).await.0, 200);
    let ask = |name: &str, value: &str| {
        Request::get("/control/v1/users")
            .header(header::HOST, PORTAL)
            .header(name, value)
            .body(Body::empty())
            .unwrap()
    };
    let (status, body) = house
        .send(ask("authorization", "Bearer revoked-long-ago"))
        .await;
    assert_eq!((status, &body["cause"]), (401, &json!("token_required")));
    // Whoever is signed in here has their own role, no more.
    let (reader, _) = session(&house, Role::Reader);
    let (status, body) = house.send(ask("cookie", &reader)).await;
    assert_eq!((status, &body["cause"]), (403, &json!("role_required")));
    let (admin, _) = session(&house, Role::Admin);
    assert_eq!(house.send(ask("cookie", &admin)).await.0, 200);
}
