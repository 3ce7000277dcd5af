//! The frame of the portal: who sees pages, and how they are sent.

mod audit;
mod bare;
mod safety;
mod signing_in;
mod users;

use std::cell::RefCell;
use std::collections::BTreeMap;

use axum::body::Body;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;

use crate::{
    portal::visitors::Role,
    testing::{House, PORTAL, Seen},
};

/// A browser: it keeps cookies, and says where its forms come from.
struct Browser<'a> {
    house: &'a House,
    host: &'static str,
    origin: String,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    fn new(house: &'a House) -> Browser<'a> {
        Browser::at(house, "http", PORTAL)
    }

    fn at(house: &'a House, scheme: &str, host: &'static str) -> Browser<'a> {
        Browser {
            house,
            host,
            origin: format!("{scheme}://{host}"),
            cookies: RefCell::default(),
        }
    }

    fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    fn plant(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.borrow_mut();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    async fn get(&self, path: &str) -> Seen {
        self.send("GET", path, &[], "").await
    }

    /// Sends a form with what the page's own forms hold besides.
    async fn post(&self, path: &str, form: &str) -> Seen {
        let origin = self.origin.clone();
        self.send("POST", path, &[("origin", &origin)], form).await
    }

    async fn send(&self, method: &str, path: &str, lines: &[(&str, &str)], form: &str) -> Seen {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.host)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let cookies: Vec<String> = self
            .cookies
            .borrow()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let (parts, body) = self.house.portal.answer(request).await.into_parts();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (pair, flags) = line.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            if flags.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = body.collect().await.unwrap().to_bytes();
        Seen {
            status: parts.status.as_u16(),
            headers: parts.headers,
            html: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Chooses a user, and signs: two clicks.
    async fn sign_in(&self, user: &str, next: &str) -> Seen {
        let begun = self
            .post("/sign-in", &format!("user={user}&next={next}"))
            .await;
        assert_eq!(begun.status, 303, "{}", begun.html);
        self.post(&location(&begun), "").await
    }

    /// The hidden field of the forms on a page.
    async fn csrf(&self, path: &str) -> String {
        let page = self.get(path).await.html;
        let (_, rest) = page.split_once(r#"name="_csrf" value=""#).unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        format!("_csrf={value}")
    }
}

fn location(seen: &Seen) -> String {
    seen.headers[header::LOCATION].to_str().unwrap().to_owned()
}

fn set_cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::SET_COOKIE).iter();
    lines
        .map(|line| line.to_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn who_is_not_signed_in_is_sent_to_sign_in_and_back() {
    let house = House::new().await;
    let nobody = house.guest(None);
    let front = nobody.get("/").await;
    assert_eq!(front.status, 200);
    assert!(front.html.contains("Sign in") && !front.html.contains("Sign out"));
    let reader = house.guest(Some(Role::Reader));
    assert!(reader.get("/").await.html.contains("Kari Nordmann"));
    let out = reader.post("/sign-out", &[]).await;
    assert_eq!((out.status, location(&out)), (303, "/".to_owned()));
    assert!(!reader.get("/").await.html.contains("Kari Nordmann"));
}
